//! What plans tell of tables.

use model::database::Column;

use super::*;
use ConditionKind::{Equal, In, Prefix, Range};

fn database() -> Database {
    let table = |oid: u32, name: &str, columns: &[(&str, &str, char)]| Table {
        oid,
        name: TableName::new("public", name),
        columns: columns
            .iter()
            .zip(1..)
            .map(|((name, type_name, category), number)| Column {
                number,
                name: (*name).into(),
                type_name: (*type_name).into(),
                type_category: *category,
                ..Column::default()
            })
            .collect(),
        ..Table::default()
    };
    let orders = [
        ("id", "integer", 'N'),
        ("customer_id", "integer", 'N'),
        ("status", "character varying(20)", 'S'),
        ("at", "date", 'D'),
        ("Odd One", "text", 'S'),
    ];
    let mut part = table(3, "events_2026", &[("id", "integer", 'N'), ("kind", "text", 'S')]);
    part.parent_oid = Some(2);
    Database {
        tables: vec![
            table(1, "orders", &orders),
            table(2, "events", &[("id", "integer", 'N'), ("kind", "text", 'S')]),
            part,
            table(4, "customers", &[("id", "integer", 'N'), ("email", "text", 'S')]),
        ],
        ..Database::default()
    }
}

fn told(text: &str) -> PlanNeeds {
    let plans = crate::plan::read(text).expect("it is a plan");
    plan_needs(&plans[0], &database())
}

fn kinds(scan: &PlanScan) -> Vec<(IndexKey, ConditionKind)> {
    scan.clauses.iter().flat_map(|clause| clause.keys.clone()).collect()
}

#[test]
fn conditions_order_and_what_is_read_stand_in_the_plan() {
    let needs = told("\
Limit  (cost=10.00..10.10 rows=5 width=8)
  Output: o.id, o.at
  ->  Sort  (cost=10.00..10.20 rows=80 width=8)
        Output: o.id, o.at
        Sort Key: o.at DESC
        ->  Seq Scan on public.orders o  (cost=0.00..9.00 rows=80 width=8)
              Output: o.id, o.at
              Filter: ((o.customer_id = $1) AND ((o.status)::text = ANY ('{open,done}'::text[])) AND (o.at >= '2026-01-01'::date))
");
    let [scan] = needs.scans.as_slice() else { panic!("{needs:?}") };
    let column = IndexKey::Column;
    assert_eq!(kinds(scan), [(column(2), Equal), (column(3), In), (column(4), Range)]);
    assert_eq!((scan.clauses[0].parameter, scan.clauses[1].values), (true, 2));
    assert_eq!(scan.needs.read, [1, 2, 3, 4]);
    assert!(scan.needs.limited && !scan.needs.whole_rows);
    assert_eq!((needs.sorts[0].scan, needs.sorts[0].keys[0].descending), (0, true));
    assert_eq!(needs.sorts[0].keys[0].key, column(4));
}

#[test]
fn two_tables_are_joined_whatever_the_method() {
    for join in [
        "Hash Join  (cost=1.00..9.00 rows=10 width=8)\n  Output: o.id\n  Hash Cond: (o.customer_id = c.id)\n",
        "Merge Join  (cost=1.00..9.00 rows=10 width=8)\n  Output: o.id\n  Merge Cond: (c.id = o.customer_id)\n",
        "Nested Loop  (cost=1.00..9.00 rows=10 width=8)\n  Output: o.id\n  Join Filter: (o.customer_id = c.id)\n",
    ] {
        let needs = told(&format!(
            "{join}  ->  Seq Scan on public.orders o  (cost=0.00..4.00 rows=10 width=8)\n        Output: o.id, o.customer_id, o.status\n  \
             ->  Seq Scan on public.customers c  (cost=0.00..4.00 rows=10 width=4)\n        Output: c.id, c.email\n        Filter: (c.email ~~ 'a%'::text)\n"
        ));
        let [join] = needs.joins.as_slice() else { panic!("{needs:?}") };
        let mut sides = [join.left.clone(), join.right.clone()];
        sides.sort();
        assert_eq!(sides, [(0, IndexKey::Column(2)), (1, IndexKey::Column(1))]);
        assert_eq!(kinds(&needs.scans[1]), [(IndexKey::Column(2), Prefix)]);
        assert_eq!(
            needs.scans[0].needs.read,
            [1, 2],
            "what the join picks, not what the scan hands on"
        );
    }
}

#[test]
fn a_partition_speaks_for_its_table_and_subplans_are_values() {
    let needs = told("\
Seq Scan on public.events_2026 events_1  (cost=0.00..9.00 rows=80 width=8)
  Output: events_1.id
  Filter: ((events_1.kind = (InitPlan 1).col1) AND (NOT (hashed SubPlan 2)) AND (lower(events_1.kind) = 'a) AND (b'::text))
");
    let [scan] = needs.scans.as_slice() else { panic!("{needs:?}") };
    assert_eq!(scan.table, TableName::new("public", "events_2026"));
    assert_eq!(scan.needs.table, TableName::new("public", "events"));
    let lower = IndexKey::Expression("lower(kind)".to_owned());
    assert_eq!(kinds(scan), [(IndexKey::Column(2), Equal), (lower, Equal)]);
}

#[test]
fn either_side_of_an_or_is_an_alternative() {
    let needs = told(
        "\
Seq Scan on public.orders  (cost=0.00..9.00 rows=80 width=8)
  Output: id
  Filter: ((orders.customer_id = 1) OR (orders.id = 2))
",
    );
    let [clause] = needs.scans[0].clauses.as_slice() else { panic!("{needs:?}") };
    assert!(clause.alternatives && clause.keys.len() == 2, "{clause:?}");
}

#[test]
fn what_is_smallest_wants_an_order() {
    let needs = told(
        "\
Aggregate  (cost=10.00..10.01 rows=1 width=4)
  Output: max(orders.at)
  ->  Seq Scan on public.orders  (cost=0.00..9.00 rows=80 width=4)
        Output: id, customer_id, status, at
",
    );
    assert_eq!(needs.sorts[0].keys[0].key, IndexKey::Column(4));
    assert!(needs.scans[0].needs.limited);
}

proptest::proptest! {
    #[test]
    fn whatever_stands_in_a_condition_nothing_breaks(text in "[ -~äß]{0,80}") {
        let plan = format!(
            "Sort  (cost=1.00..2.00 rows=1 width=1)\n  Sort Key: {text}\n  ->  Seq Scan on public.orders o  (cost=0.00..1.00 rows=1 width=1)\n        Filter: {text}\n"
        );
        if let Ok(plans) = crate::plan::read(&plan) {
            for plan in &plans {
                let needs = plan_needs(plan, &database());
                proptest::prop_assert!(needs.scans.len() <= plan.nodes.len());
            }
        }
        let pieces = text::conjuncts(&text);
        proptest::prop_assert!(!pieces.is_empty());
    }
}
