//! Nodes that extensions bring, as their own documents show them: the same plan in text and in JSON.

use sql::plan::{own_times, read};

/// Reads both, which must be the same; names and depths of the nodes.
fn check(text: &str, others: &[&str]) -> String {
    let plans = read(text).unwrap();
    assert!(plans[0].notes.0.is_empty(), "{:?}", plans[0].notes);
    for other in others {
        assert_eq!(read(other).unwrap(), plans, "{other}");
    }
    let times = own_times(&plans[0]);
    let own: f64 = times.nodes.iter().filter_map(|node| node.own_ms).sum();
    assert!(times.total_ms.is_none_or(|total| (own - total).abs() < 1e-6), "{own}");
    let nodes = plans[0].nodes.iter().map(|node| {
        let provider = node.provider.as_deref().map(|name| format!(" ({name})"));
        let relation = node.relation.as_deref().map(|name| format!(" on {name}"));
        let indent = "  ".repeat(node.depth);
        let (provider, relation) = (provider.unwrap_or_default(), relation.unwrap_or_default());
        format!("{indent}{}{provider}{relation}\n", node.node_type)
    });
    nodes.collect()
}

#[test]
fn chunks_of_a_hypertable() {
    let text = "\
 Limit  (cost=0.29..34.64 rows=100 width=37) (actual time=0.033..0.219 rows=100 loops=1)
   ->  Custom Scan (ChunkAppend) on events  (cost=0.29..1213.36 rows=3531 width=37) (actual time=0.032..0.204 rows=100 loops=1)
         Order: events.observed_at DESC, events.id
         Chunks excluded during startup: 2
         Chunks excluded during runtime: 5
         ->  Custom Scan (DecompressChunk) on _hyper_1_9_chunk  (cost=0.05..41.78 rows=997000 width=8) (actual time=0.010..0.100 rows=60 loops=1)
               Vectorized Filter: (country = 'GREATER LONDON'::text)
               Rows Removed by Filter: 7
               Batches Removed by Filter: 3
               ->  Seq Scan on compress_hyper_2_10_chunk  (cost=0.00..41.78 rows=997 width=44) (actual time=0.002..0.008 rows=9 loops=1)
         ->  Index Scan using ix on _hyper_1_8_chunk  (cost=0.29..9.10 rows=3 width=37) (never executed)
               Index Cond: (observed_at > now())
 Planning Time: 1.5 ms
 Execution Time: 0.3 ms
";
    let json = r#"[{"Plan": {"Node Type": "Limit", "Parallel Aware": false, "Async Capable": false,
      "Startup Cost": 0.29, "Total Cost": 34.64, "Plan Rows": 100, "Plan Width": 37,
      "Actual Startup Time": 0.033, "Actual Total Time": 0.219, "Actual Rows": 100, "Actual Loops": 1,
      "Plans": [{"Node Type": "Custom Scan", "Parent Relationship": "Outer", "Custom Plan Provider": "ChunkAppend",
        "Relation Name": "events", "Alias": "events", "Startup Cost": 0.29, "Total Cost": 1213.36,
        "Plan Rows": 3531, "Plan Width": 37, "Actual Startup Time": 0.032, "Actual Total Time": 0.204,
        "Actual Rows": 100, "Actual Loops": 1, "Order": ["events.observed_at DESC", "events.id"],
        "Startup Exclusion": true, "Runtime Exclusion": true,
        "Chunks excluded during startup": 2, "Chunks excluded during runtime": 5,
        "Plans": [{"Node Type": "Custom Scan", "Parent Relationship": "Member", "Custom Plan Provider": "DecompressChunk",
          "Relation Name": "_hyper_1_9_chunk", "Alias": "_hyper_1_9_chunk", "Startup Cost": 0.05,
          "Total Cost": 41.78, "Plan Rows": 997000, "Plan Width": 8, "Actual Startup Time": 0.010,
          "Actual Total Time": 0.100, "Actual Rows": 60, "Actual Loops": 1,
          "Vectorized Filter": "(country = 'GREATER LONDON'::text)", "Rows Removed by Filter": 7,
          "Batches Removed by Filter": 3,
          "Plans": [{"Node Type": "Seq Scan", "Parent Relationship": "Outer",
            "Relation Name": "compress_hyper_2_10_chunk", "Alias": "compress_hyper_2_10_chunk",
            "Startup Cost": 0.00, "Total Cost": 41.78, "Plan Rows": 997, "Plan Width": 44,
            "Actual Startup Time": 0.002, "Actual Total Time": 0.008, "Actual Rows": 9, "Actual Loops": 1}]},
         {"Node Type": "Index Scan", "Parent Relationship": "Member", "Scan Direction": "Forward",
          "Index Name": "ix", "Relation Name": "_hyper_1_8_chunk", "Alias": "_hyper_1_8_chunk",
          "Startup Cost": 0.29, "Total Cost": 9.10, "Plan Rows": 3, "Plan Width": 37,
          "Actual Startup Time": 0.0, "Actual Total Time": 0.0, "Actual Rows": 0, "Actual Loops": 0,
          "Index Cond": "(observed_at > now())", "Rows Removed by Index Recheck": 0}]}]},
      "Planning Time": 1.5, "Triggers": [], "Execution Time": 0.3}]"#;
    insta::assert_snapshot!(check(text, &[json]), @r"
    Limit
      Custom Scan (ChunkAppend) on events
        Custom Scan (DecompressChunk) on _hyper_1_9_chunk
          Seq Scan on compress_hyper_2_10_chunk
        Index Scan on _hyper_1_8_chunk
    ");
}

#[test]
fn columns_that_are_stored_apart() {
    let text = "\
Custom Scan (ColumnarScan) on public.t  (cost=0.00..9.55 rows=700 width=6) (actual time=0.5..1.5 rows=699 loops=1)
  Output: a, b
  Filter: ((t.a > 3) AND (t.b <> 'x, y'::text))
  Rows Removed by Filter: 301
  Columnar Projected Columns: a, b
  Columnar Chunk Group Filters: (a > 3)
  Columnar Chunk Groups Removed by Filter: 9
  Buffers: shared hit=100
";
    let json = r#"{"Plan": {"Node Type": "Custom Scan", "Custom Plan Provider": "ColumnarScan",
        "Parallel Aware": false, "Relation Name": "t", "Schema": "public", "Alias": "t",
        "Startup Cost": 0.00, "Total Cost": 9.55, "Plan Rows": 700, "Plan Width": 6,
        "Actual Startup Time": 0.5, "Actual Total Time": 1.5, "Actual Rows": 699, "Actual Loops": 1,
        "Output": ["a", "b"], "Filter": "((t.a > 3) AND (t.b <> 'x, y'::text))", "Rows Removed by Filter": 301,
        "Columnar Projected Columns": "a, b", "Columnar Chunk Group Filters": "(a > 3)",
        "Columnar Chunk Groups Removed by Filter": 9, "Shared Hit Blocks": 100, "Shared Read Blocks": 0}}"#;
    assert_eq!(check(text, &[json]), "Custom Scan (ColumnarScan) on t\n");
}

#[test]
fn jobs_and_subplans_of_a_distributed_query() {
    let text = "\
Custom Scan (Citus Adaptive) (actual rows=1 loops=1)
  ->  Distributed Subplan 5_1
        Intermediate Data Size: 14 bytes
        Result destination: Write locally
        ->  Aggregate (actual rows=1 loops=1)
              ->  Custom Scan (Citus Adaptive) (actual rows=6 loops=1)
                    Task Count: 6
                    Tuple data received from nodes: 48 bytes
                    Tasks Shown: None, not supported for re-partition queries
                    ->  MapMergeJob
                          Map Task Count: 3
                          Merge Task Count: 6
                    ->  MapMergeJob
                          Map Task Count: 4
                          Merge Task Count: 6
                          ->  MapMergeJob
                                Map Task Count: 2
                                Merge Task Count: 2
  Task Count: 1
  Tuple data received from nodes: 8 bytes
  Tasks Shown: All
  ->  Task
        Query: SELECT count(*) AS count FROM (SELECT 'it''s (x') q
        Tuple data received from node: 8 bytes
        Node: host=localhost port=9701 dbname=shop
        ->  Aggregate (actual rows=1 loops=1)
              ->  Function Scan on read_intermediate_result intermediate_result (actual rows=1 loops=1)
";
    let json = r#"[{"Plan": {"Node Type": "Custom Scan", "Custom Plan Provider": "Citus Adaptive",
     "Actual Rows": 1, "Actual Loops": 1, "Distributed Query": {
      "Subplans": [{"Intermediate Data Size": "14 bytes", "Result destination": "Write locally",
        "PlannedStmt": [{"Plan": {"Node Type": "Aggregate", "Strategy": "Plain", "Partial Mode": "Simple",
          "Actual Rows": 1, "Actual Loops": 1, "Plans": [{"Node Type": "Custom Scan",
           "Parent Relationship": "Outer", "Custom Plan Provider": "Citus Adaptive", "Actual Rows": 6,
           "Actual Loops": 1, "Distributed Query": {"Job": {"Task Count": 6,
            "Tuple data received from nodes": "48 bytes",
            "Tasks Shown": "None, not supported for re-partition queries",
            "Dependent Jobs": [{"Map Task Count": 3, "Merge Task Count": 6},
             {"Map Task Count": 4, "Merge Task Count": 6,
              "Dependent Jobs": [{"Map Task Count": 2, "Merge Task Count": 2}]}]}}}]}, "Triggers": []}]}],
      "Job": {"Task Count": 1, "Tuple data received from nodes": "8 bytes", "Tasks Shown": "All",
       "Tasks": [{"Query": "SELECT count(*) AS count FROM (SELECT 'it''s (x') q",
        "Tuple data received from node": "8 bytes", "Node": "host=localhost port=9701 dbname=shop",
        "Remote Plan": [[{"Plan": {"Node Type": "Aggregate", "Strategy": "Plain", "Partial Mode": "Simple",
          "Actual Rows": 1, "Actual Loops": 1, "Plans": [{"Node Type": "Function Scan",
           "Parent Relationship": "Outer", "Function Name": "read_intermediate_result",
           "Alias": "intermediate_result", "Actual Rows": 1, "Actual Loops": 1}]}, "Triggers": []}]]}]}}},
     "Triggers": []}]"#;
    insta::assert_snapshot!(check(text, &[json]), @r"
    Custom Scan (Citus Adaptive)
      Distributed Subplan
        Aggregate
          Custom Scan (Citus Adaptive)
            MapMergeJob
            MapMergeJob
              MapMergeJob
      Task
        Aggregate
          Function Scan on read_intermediate_result
    ");
}

#[test]
fn a_task_in_xml_and_yaml() {
    let text = "\
Sort
  Sort Key: remote_scan.n
  ->  Custom Scan (Citus Adaptive)
        Task Count: 2
        Tasks Shown: One of 2
        ->  Task
              Node: host=localhost port=9701 dbname=shop
              ->  Seq Scan on orders_102008 orders
";
    let xml = r#"<explain xmlns="http://www.postgresql.org/2009/explain"><Query><Plan>
      <Node-Type>Sort</Node-Type><Sort-Key><Item>remote_scan.n</Item></Sort-Key><Plans><Plan>
      <Node-Type>Custom Scan</Node-Type><Parent-Relationship>Outer</Parent-Relationship>
      <Custom-Plan-Provider>Citus Adaptive</Custom-Plan-Provider><Distributed-Query><Job>
      <Task-Count>2</Task-Count><Tasks-Shown>One of 2</Tasks-Shown><Tasks><Task>
      <Node>host=localhost port=9701 dbname=shop</Node><Remote-Plan>
        <explain xmlns="http://www.postgresql.org/2009/explain"><Query><Plan>
          <Node-Type>Seq Scan</Node-Type><Relation-Name>orders_102008</Relation-Name><Alias>orders</Alias>
        </Plan></Query></explain>
      </Remote-Plan></Task></Tasks></Job></Distributed-Query></Plan></Plans></Plan></Query></explain>"#;
    let yaml = r#"- Plan:
    Node Type: "Sort"
    Sort Key:
      - "remote_scan.n"
    Plans:
      - Node Type: "Custom Scan"
        Parent Relationship: "Outer"
        Custom Plan Provider: "Citus Adaptive"
        Distributed Query:
          Job:
            Task Count: 2
            Tasks Shown: "One of 2"
            Tasks:
              - Node: "host=localhost port=9701 dbname=shop"
                Remote Plan:
                  - Plan:
                      Node Type: "Seq Scan"
                      Relation Name: "orders_102008"
                      Alias: "orders"
"#;
    insta::assert_snapshot!(check(text, &[xml, yaml]), @r"
    Sort
      Custom Scan (Citus Adaptive)
        Task
          Seq Scan on orders_102008
    ");
}
