//! Plans as people paste them.

use super::*;

fn one(text: &str) -> Plan {
    let mut plans = read(text).unwrap();
    assert_eq!(plans.len(), 1);
    plans.remove(0)
}

#[test]
fn a_scan_is_read() {
    let plan = one("Seq Scan on t  (cost=0.00..35.50 rows=2550 width=4)\n  Filter: (a = 1)\n");
    assert_eq!(plan.nodes[0].relation.as_deref(), Some("t"));
    assert_eq!(plan.nodes[0].conditions.filter.as_deref(), Some("(a = 1)"));
}
