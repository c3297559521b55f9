//! Headings come out as EXPLAIN prints them; details leave nothing out.

use super::*;
use crate::plan::read;

/// Headings of the nodes of a text, as they stand in it: what is between the arrow and the costs.
fn headings(text: &str) -> Vec<String> {
    text.lines()
        .filter(|line| line.contains("(cost="))
        .filter_map(|line| line.split("  (cost=").next())
        .map(|line| line.trim().trim_start_matches("->").trim().to_owned())
        .collect()
}

fn check(text: &str) {
    let plans = read(text).unwrap();
    let titles: Vec<String> = plans[0].nodes.iter().map(title).collect();
    assert_eq!(titles, headings(text));
}

#[test]
fn headings_are_those_of_the_text() {
    check(
        "Finalize GroupAggregate  (cost=1.00..2.00 rows=3 width=4)\n\
        \x20 ->  Gather Merge  (cost=1.00..2.00 rows=3 width=4)\n\
        \x20       ->  Partial HashAggregate  (cost=1.00..2.00 rows=3 width=4)\n\
        \x20             ->  Parallel Hash Left Join  (cost=1.00..2.00 rows=3 width=4)\n\
        \x20                   ->  Parallel Seq Scan on orders o  (cost=1.00..2.00 rows=3 width=4)\n\
        \x20                   ->  Parallel Hash  (cost=1.00..2.00 rows=3 width=4)\n\
        \x20                         ->  Parallel Index Only Scan Backward using i on customers c  (cost=1.00..2.00 rows=3 width=4)\n",
    );
    check(
        "Merge Anti Join  (cost=1.00..2.00 rows=3 width=4)\n\
        \x20 ->  Bitmap Heap Scan on t  (cost=1.00..2.00 rows=3 width=4)\n\
        \x20       ->  Bitmap Index Scan on t_a_idx  (cost=1.00..2.00 rows=3 width=4)\n\
        \x20 ->  HashSetOp Except All  (cost=1.00..2.00 rows=3 width=4)\n",
    );
    check(
        "Nested Loop Semi Join  (cost=1.00..2.00 rows=3 width=4)\n\
        \x20 ->  Custom Scan (Citus Adaptive)  (cost=1.00..2.00 rows=3 width=4)\n\
        \x20 ->  Insert on t  (cost=1.00..2.00 rows=3 width=4)\n",
    );
}

#[test]
fn details_tell_what_the_text_told() {
    let text = "Sort  (cost=1.00..2.00 rows=3 width=4) (actual time=0.1..0.2 rows=3 loops=1)\n\
        \x20 Sort Key: a DESC\n\
        \x20 Sort Method: external merge  Disk: 512kB\n\
        \x20 Buffers: shared hit=3 read=1, temp read=64 written=64\n\
        \x20 Some Day: a property nobody knows yet\n";
    let plans = read(text).unwrap();
    let told: Vec<String> =
        details(&plans[0].nodes[0]).iter().map(|(key, value)| format!("{key}: {value}")).collect();
    assert_eq!(
        told,
        [
            "Sort Key: a DESC",
            "Sort Method: external merge  Disk: 512kB",
            "Buffers, shared: hit=3 read=1",
            "Buffers, temp: read=64 written=64",
            "Some Day: a property nobody knows yet",
        ]
    );
}
