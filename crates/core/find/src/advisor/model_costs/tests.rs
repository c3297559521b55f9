//! The model over a pretended server: what it says must hold whatever the numbers.

use model::database::{Column, ColumnStatistics, IndexColumn, IndexKey, Table};
use proptest::prelude::*;

use super::*;

/// A server with one plan, which knows no shares.
struct Pretended(String);

impl Planner for Pretended {
    fn plans(&mut self, _: usize) -> Result<Vec<(f64, Plan)>, CostError> {
        let plans = sql::plan::read(&self.0)
            .map_err(|error| CostError { cause: error.to_string(), fatal: false })?;
        Ok(plans.into_iter().map(|plan| (1.0, plan)).collect())
    }

    fn rows_where(&mut self, _: &TableName, _: &str, _: &str) -> Option<f64> {
        None
    }
}

fn table(oid: u32, name: &str, rows: f64, distinct: f64) -> Table {
    let column = |number: i16| Column {
        number,
        name: ["id", "other_id", "note"][usize::try_from(number - 1).unwrap()].into(),
        type_name: "integer".into(),
        type_length: 4,
        type_align: 4,
        type_category: 'N',
        statistics: Some(ColumnStatistics { distinct, width: 4, ..ColumnStatistics::default() }),
        ..Column::default()
    };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "pages of a test")]
    let pages = (rows / 50.0) as u64 + 1;
    Table {
        oid,
        name: TableName::new("public", name),
        columns: (1..=3).map(column).collect(),
        rows: Some(rows),
        pages,
        bytes: pages * 8192,
        ..Table::default()
    }
}

fn index(table: &str, key: i16) -> NewIndex {
    NewIndex {
        table: TableName::new("public", table),
        keys: vec![IndexColumn { key: IndexKey::Column(key), ..IndexColumn::default() }],
        ..NewIndex::default()
    }
}

const JOIN: &str = "\
Hash Join  (cost=COST1..COST2 rows=ROWS width=8)
  Output: a.note, b.note
  Hash Cond: (b.other_id = a.id)
  ->  Seq Scan on public.b  (cost=0.00..4000.00 rows=100000 width=8)
        Output: b.id, b.other_id, b.note
  ->  Hash  (cost=30.00..30.00 rows=5 width=8)
        Output: a.id, a.note
        ->  Seq Scan on public.a  (cost=0.00..30.00 rows=5 width=8)
              Output: a.id, a.note
              Filter: (a.note = 7)
";

fn costs(plan: &str, indexes: &[&NewIndex]) -> Planned {
    let database = Database {
        tables: vec![table(1, "a", 1000.0, 200.0), table(2, "b", 100_000.0, 1000.0)],
        ..Database::default()
    };
    let mut server = Pretended(plan.to_owned());
    let texts: [Arc<str>; 1] = [Arc::from("")];
    let mut model = ModelCosts::new(&database, &texts, &mut server);
    model.cost(0, indexes).unwrap()
}

fn join(start: f64, total: f64, rows: u32) -> String {
    JOIN.replace("COST1", &format!("{start:.2}"))
        .replace("COST2", &format!("{total:.2}"))
        .replace("ROWS", &rows.to_string())
}

#[test]
fn few_rows_are_looked_up_by_an_index_on_what_they_join() {
    let plan = join(31.0, 4400.0, 500);
    let wanted = index("b", 2);
    let useless = index("b", 3);
    assert!((costs(&plan, &[]).cost - 4400.0).abs() < 1e-9);
    let with = costs(&plan, &[&useless, &wanted]);
    assert_eq!(with.used, [1], "{with:?}");
    assert!(with.cost < 2500.0, "{with:?}");
    assert!(
        (costs(&plan, &[&useless]).cost - 4400.0).abs() < 1e-9,
        "what helps nothing changes nothing"
    );
}

proptest! {
    #[test]
    fn more_on_offer_is_never_dearer_and_what_is_used_was_offered(
        total in 4100.0..1e6_f64, rows in 0_u32..1_000_000, places in prop::collection::vec((0_usize..2, 1_i16..4), 0..5),
    ) {
        let plan = join(31.0, total, rows);
        let indexes: Vec<NewIndex> =
            places.iter().map(|(table, key)| index(["a", "b"][*table], *key)).collect();
        let mut last = f64::INFINITY;
        for count in 0..=indexes.len() {
            let offered: Vec<&NewIndex> = indexes.iter().take(count).collect();
            let planned = costs(&plan, &offered);
            prop_assert!(planned.cost.is_finite() && 0.0 <= planned.cost);
            prop_assert!(planned.cost <= last * 1.000_001, "{} after {last}", planned.cost);
            prop_assert!(planned.used.iter().all(|place| *place < count));
            last = planned.cost;
        }
    }
}
