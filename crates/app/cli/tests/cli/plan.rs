//! `taut plan`: plans from files and from standard input.

use insta::assert_snapshot;
use serde_json::Value;

use crate::kit::{file, ran, run, run_with_input, taut};

const TEXT: &str = "\
 Limit  (cost=9000.00..9000.03 rows=10 width=45) (actual time=80.000..80.100 rows=10 loops=1)
   ->  Sort  (cost=9000.00..9500.00 rows=200000 width=45) (actual time=80.000..80.050 rows=10 loops=1)
         Sort Key: created DESC, id
         Sort Method: top-N heapsort  Memory: 26kB
         ->  Seq Scan on orders  (cost=0.00..4371.00 rows=200000 width=45) (actual time=0.010..40.000 rows=200000 loops=1)
               Filter: (status <> 'gone'::text)
               Rows Removed by Filter: 12
 Planning Time: 0.120 ms
 Execution Time: 80.200 ms
(9 rows)
";

const JSON: &str = r#"[{"Plan": {"Node Type": "Limit", "Parallel Aware": false, "Startup Cost": 9000.00,
  "Total Cost": 9000.03, "Plan Rows": 10, "Plan Width": 45, "Actual Startup Time": 80.000,
  "Actual Total Time": 80.100, "Actual Rows": 10, "Actual Loops": 1, "Plans": [
  {"Node Type": "Sort", "Parent Relationship": "Outer", "Parallel Aware": false, "Startup Cost": 9000.00,
  "Total Cost": 9500.00, "Plan Rows": 200000, "Plan Width": 45, "Actual Startup Time": 80.000,
  "Actual Total Time": 80.050, "Actual Rows": 10, "Actual Loops": 1, "Sort Key": ["created DESC", "id"],
  "Sort Method": "top-N heapsort", "Sort Space Used": 26, "Sort Space Type": "Memory", "Plans": [
  {"Node Type": "Seq Scan", "Parent Relationship": "Outer", "Parallel Aware": false,
  "Relation Name": "orders", "Alias": "orders", "Startup Cost": 0.00, "Total Cost": 4371.00,
  "Plan Rows": 200000, "Plan Width": 45, "Actual Startup Time": 0.010, "Actual Total Time": 40.000,
  "Actual Rows": 200000, "Actual Loops": 1, "Filter": "(status <> 'gone'::text)",
  "Rows Removed by Filter": 12}]}]}, "Planning Time": 0.120, "Triggers": [], "Execution Time": 80.200}]"#;

#[test]
fn a_plan_is_told_as_a_tree_with_what_to_do() {
    let ran = run_with_input(&["plan", "-"], TEXT.as_bytes());
    assert_eq!((ran.code, ran.words.as_str()), (Some(0), ""));
    assert_snapshot!(ran.data, @"
    80.2 ms to run · 120 µs to plan
    Hottest: 50 % Sort, 50 % Seq Scan on orders

      #  own time
      1   50.0 µs   0 %          Limit
                                    10 rows, 10 expected
      2   40.1 ms  50 % ████       Sort
                                      10 rows, 200,000 expected
                                      Sort key: created DESC, id
                                      top-N heapsort, 26 kB of memory
      3   40.0 ms  50 % ████         Seq Scan on orders
                                        200,000 rows, 200,000 expected, 12 dropped
                                        Filter: (status <> 'gone'::text)

    What to change
     100 %  80.0 ms  sort-for-limit
           200,000 rows are read and sorted to give 10 (node 2)
           → an index in this order gives the first rows at once: created DESC, id
    ");
}

#[test]
fn a_plan_that_was_not_run_says_so() {
    let ran = run_with_input(&["plan"], b"Seq Scan on t  (cost=0.00..35.50 rows=2550 width=4)\n");
    assert_snapshot!(ran.data, @"
    estimated to cost 36
    Only planned, not run: shares are of the planner's cost. EXPLAIN (ANALYZE, BUFFERS) tells more.
    Hottest: 100 % Seq Scan on t

      #  own cost
      1        36 100 % ████████ Seq Scan on t
                                    2,550 rows expected

    Estimates alone show nothing to change.
    ");
}

#[test]
fn text_and_json_give_the_same_json() {
    let told = |input: &str| {
        let ran = run_with_input(&["plan", "--json"], input.as_bytes());
        assert_eq!(ran.code, Some(0));
        let mut plans: Value = serde_json::from_str(&ran.data).expect("it is JSON");
        let source = plans[0]["source"].take();
        (plans, source["format"].as_str().unwrap_or_default().to_owned())
    };
    let ((text, text_format), (json, json_format)) = (told(TEXT), told(JSON));
    assert_eq!(text, json);
    assert_eq!((text_format.as_str(), json_format.as_str()), ("text", "json"));
    assert_eq!(text[0]["nodes"].as_array().map(Vec::len), Some(3));
    assert_eq!(text[0]["notes"][0]["rule"], "sort-for-limit");
}

#[test]
fn the_tree_fits_the_terminal() {
    let (_folder, path) = file("plan.txt", TEXT);
    for columns in [60, 100] {
        let output = taut()
            .arg("plan")
            .arg(&path)
            .env("COLUMNS", columns.to_string())
            .output()
            .expect("the binary runs");
        for line in ran(&output).data.lines() {
            assert!(line.chars().count() <= columns, "{columns}: {line}");
        }
    }
}

#[test]
fn what_is_no_plan_is_refused_with_a_hint() {
    let no_plan = run_with_input(&["plan"], b"select 1;\n");
    assert_eq!(no_plan.code, Some(2));
    assert_snapshot!(no_plan.words, @"
    error: failed to read a plan from `-`: no plan was found in the text

    hint: paste all that `EXPLAIN (ANALYZE, BUFFERS) …` printed; text, JSON, YAML and XML are read
    ");
    let nowhere = run(["plan", "/nowhere/plan.txt"]);
    assert_eq!(nowhere.code, Some(3));
    assert_snapshot!(nowhere.words, @"
    error: failed to read the plan `/nowhere/plan.txt`
      cause: No such file or directory (os error 2)

    hint: `-` reads standard input; a path is taken from the folder that you are in
    ");
}
