//! Plans that servers of PostgreSQL 13 to 18 printed, in several formats each: all must be read as the same plan.
//!
//! `specs/plans/postgresql-N.txt` has them one after the other, each below a line `@@ name options format`.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test that cannot read its cases should say so and stop"
)]

mod extensions;
mod frames;
mod paste;
mod recorded;

use std::collections::BTreeMap;

use model::plan::PlanFormat;
use proptest::prelude::*;
use recorded::{recorded, steady};
use sql::plan::{own_times, read};

#[test]
fn every_format_gives_the_same_plan() {
    let mut compared = 0;
    for (name, formats) in recorded() {
        let text = &formats["txt"];
        let mut expected = read(text).unwrap_or_else(|error| panic!("{name}: {error}\n{text}"));
        expected.iter_mut().for_each(steady);
        for (format, other) in formats.iter().filter(|(format, _)| *format != "txt") {
            let mut plans = read(other).unwrap_or_else(|error| panic!("{name}.{format}: {error}"));
            plans.iter_mut().for_each(steady);
            assert_eq!(plans, expected, "{name}.{format}");
            compared += 1;
        }
    }
    assert!(500 < compared, "{compared}");
}

#[test]
fn nothing_that_servers_say_is_unknown() {
    for (name, formats) in recorded() {
        for (format, text) in formats {
            for plan in read(&text).unwrap() {
                assert!(plan.notes.0.is_empty(), "{name}.{format}: {:?}", plan.notes.0);
                assert!(plan.extra.is_empty(), "{name}.{format}: {:?}", plan.extra);
                for node in &plan.nodes {
                    let known = ["Relations", "Batch Size"];
                    let unknown = node.extra.iter().find(|(key, _)| !known.contains(&key.as_str()));
                    assert_eq!(unknown, None, "{name}.{format}");
                }
            }
        }
    }
}

#[test]
fn own_times_add_up() {
    let mut timed = 0;
    for (name, formats) in recorded() {
        for plan in formats.values().flat_map(|text| read(text).unwrap()) {
            let times = own_times(&plan);
            assert_eq!(times.nodes.len(), plan.nodes.len());
            let Some(total) = times.total_ms else { continue };
            let own: f64 = times.nodes.iter().filter_map(|node| node.own_ms).sum();
            assert!((own - total).abs() <= total * 1e-9, "{name}: {own} of {total}");
            let below_zero =
                times.nodes.iter().filter_map(|node| node.own_ms).find(|own| *own < 0.0);
            assert_eq!(below_zero, None, "{name}");
            let root = plan.nodes[0].actual.unwrap();
            let root = root.total_ms.unwrap() * root.loops;
            let writes = plan.nodes.iter().skip(1).any(|node| node.node_type == "ModifyTable");
            let fits = root <= total * 1.000_001 && (writes || total <= root * 1.000_001);
            assert!(fits, "{name}: {total} of {root}");
            timed += 1;
        }
    }
    assert!(50 < timed, "{timed}");
}

#[test]
fn nesting_has_a_bound() {
    let deep = "{\"Plan\":{\"Node Type\":\"Limit\",\"Plans\":[".repeat(100_000);
    assert!(read(&deep).is_err());
    let line = |level: usize| {
        format!("{:1$}->  Limit  (cost=0.00..1.00 rows=1 width=4)\n", "", level % 1_500)
    };
    let deep: String = (0..1_500).map(line).collect();
    assert!(!read(&deep).unwrap().is_empty());
    let tower = "<Plan><Node-Type>Limit</Node-Type><Plans>".repeat(400);
    assert_eq!(read(&format!("<explain>{tower}")).unwrap()[0].nodes.len(), 400);
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in any::<String>()) {
        if let Ok(plans) = read(&text) {
            for plan in plans {
                let times = own_times(&plan);
                prop_assert_eq!(times.nodes.len(), plan.nodes.len());
            }
        }
    }
}

/// How a text is damaged: from where to where, and in which way.
type Cut = (prop::sample::Index, prop::sample::Index, u8);

fn damaged(text: &str, cuts: &[Cut]) -> String {
    let mut letters: Vec<char> = text.chars().take(6_000).collect();
    for (from, to, how) in cuts {
        if letters.is_empty() {
            break;
        }
        let (from, to) = (from.index(letters.len()), to.index(letters.len()));
        let (from, to) = (from.min(to), from.max(to));
        match how {
            0 => drop(letters.drain(from..to)),
            1 => letters.swap(from, to),
            2 => letters[from..to].reverse(),
            _ => {
                let part: Vec<char> = letters[from..to].to_vec();
                letters.splice(from..from, part);
            }
        }
    }
    letters.into_iter().collect()
}

#[test]
fn a_damaged_plan_is_read_or_refused() {
    let all: Vec<String> = recorded().into_values().flat_map(BTreeMap::into_values).collect();
    let cut = (any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0_u8..4);
    let cuts = prop::collection::vec(cut, 1..8);
    proptest!(|(pick in any::<prop::sample::Index>(), cuts in cuts)| {
        for plan in read(&damaged(pick.get::<String>(&all), &cuts)).unwrap_or_default() {
            let times = own_times(&plan);
            let own: Vec<f64> = times.nodes.iter().filter_map(|node| node.own_ms).collect();
            prop_assert!(own.iter().all(|own| 0.0 <= *own));
            let sum: f64 = own.iter().sum();
            prop_assert!(times.total_ms.is_none_or(|all| (sum - all).abs() <= all * 1e-6 + 1e-9));
        }
    });
}

#[test]
fn a_log_line_tells_statement_and_duration() {
    let plans = read(
        "2026-11-21 10:00:00.123 UTC [77] LOG:  duration: 12.345 ms  plan:\n\
         \tQuery Text: SELECT *\n\t  FROM orders\n\t WHERE id = $1;\n\
         \tQuery Parameters: $1 = '7'\n\
         \tIndex Scan using orders_pkey on orders  (cost=0.42..8.44 rows=1 width=45)\n\
         \t  Index Cond: (id = 7)\n\
         2026-11-21 10:00:00.124 UTC [77] LOG:  duration: 0.100 ms  plan:\n\
         \tQuery Text: SELECT 1\n\
         \tResult  (cost=0.00..0.01 rows=1 width=4)\n\
         2026-11-21 10:00:01 UTC [77] LOG:  checkpoint starting: time\n",
    )
    .unwrap();
    assert_eq!(plans.len(), 2);
    assert_eq!(plans[0].duration_ms, Some(12.345));
    assert_eq!(plans[0].query_text.as_deref(), Some("SELECT *\nFROM orders\nWHERE id = $1;"));
    assert_eq!(plans[0].query_parameters.as_deref(), Some("$1 = '7'"));
    assert_eq!(plans[1].query_text.as_deref(), Some("SELECT 1"));
    assert_eq!(plans[1].nodes.len(), 1);
}

#[test]
fn parts_of_a_distributed_query_are_nodes() {
    let text = "\
Aggregate  (cost=250.00..250.02 rows=1 width=8) (actual time=30.1..30.1 rows=1 loops=1)
  ->  Custom Scan (Citus Adaptive)  (cost=0.00..0.00 rows=100000 width=8) (actual time=29.9..30.0 rows=4 loops=1)
        Task Count: 4
        Tuple data received from nodes: 32 bytes
        Tasks Shown: One of 4
        ->  Task
              Tuple data received from node: 8 bytes
              Node: host=localhost port=9701 dbname=shop
              ->  Seq Scan on orders_102008 orders  (cost=0.00..3.00 rows=100 width=0) (actual time=0.0..8.0 rows=100 loops=1)
                  Planning Time: 0.049 ms
                  Execution Time: 9.152 ms
Planning Time: 0.5 ms
Execution Time: 30.4 ms
";
    let json = r#"[{"Plan": {"Node Type": "Aggregate", "Strategy": "Plain", "Partial Mode": "Simple",
        "Startup Cost": 250.00, "Total Cost": 250.02, "Plan Rows": 1, "Plan Width": 8,
        "Actual Startup Time": 30.1, "Actual Total Time": 30.1, "Actual Rows": 1, "Actual Loops": 1,
        "Plans": [{"Node Type": "Custom Scan", "Parent Relationship": "Outer",
            "Custom Plan Provider": "Citus Adaptive", "Startup Cost": 0.00, "Total Cost": 0.00,
            "Plan Rows": 100000, "Plan Width": 8, "Actual Startup Time": 29.9, "Actual Total Time": 30.0,
            "Actual Rows": 4, "Actual Loops": 1, "Distributed Query": {"Job": {"Task Count": 4,
                "Tuple data received from nodes": "32 bytes", "Tasks Shown": "One of 4", "Tasks": [{
                    "Tuple data received from node": "8 bytes",
                    "Node": "host=localhost port=9701 dbname=shop",
                    "Remote Plan": [[{"Plan": {"Node Type": "Seq Scan", "Relation Name": "orders_102008",
                        "Alias": "orders", "Startup Cost": 0.00, "Total Cost": 3.00, "Plan Rows": 100,
                        "Plan Width": 0, "Actual Startup Time": 0.0, "Actual Total Time": 8.0,
                        "Actual Rows": 100, "Actual Loops": 1}, "Triggers": [],
                        "Planning Time": 0.049, "Execution Time": 9.152}]]}]}}}]},
        "Planning Time": 0.5, "Execution Time": 30.4}]"#;
    let plans = read(text).unwrap();
    assert_eq!(plans, read(json).unwrap());
    let types: Vec<&str> = plans[0].nodes.iter().map(|node| node.node_type.as_str()).collect();
    assert_eq!(types, ["Aggregate", "Custom Scan", "Task", "Seq Scan"]);
    assert_eq!(plans[0].format.0, PlanFormat::Text);
}

#[test]
fn what_is_no_plan_is_refused_with_a_hint() {
    let tell = |text: &str| read(text).unwrap_err().to_string();
    insta::assert_snapshot!(tell("  \n"), @"the text is empty");
    insta::assert_snapshot!(tell("SELECT 1;\nTotal: 3"), @"no plan was found in the text");
    insta::assert_snapshot!(
        tell(" QUERY PLAN\n---\n Utility statements have no plan structure\n(1 row)"),
        @"the statement has no plan: `Utility statements have no plan structure`"
    );
    assert!(read(&" ".repeat((64 << 20) + 1)).is_err());
}
