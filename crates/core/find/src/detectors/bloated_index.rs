//! An index that is far larger than it would be if it were built now.

use model::database::{Index, IndexMethod, Table};

use crate::{
    Cost, DatabaseSighting, DatabaseView, Detector, Knob, Knobs, Looks,
    advisor::size::{self, SizeBasis},
    detectors::figures,
};

static MEGABYTES_MIN: Knob = Knob {
    key: "megabytes-min",
    default: 50.0,
    unit: "MB",
    doc: "At least so much has to come free.",
};

static TIMES_MIN: Knob = Knob {
    key: "times-min",
    default: 2.5,
    unit: "times",
    doc: "Random inserts alone leave an index at 1.4 times its fresh size; the estimate itself may be off by half.",
};

pub(super) static BLOATED_INDEX: Detector = Detector {
    code: "F025",
    name: "bloated-index",
    title: "An index is mostly air",
    doc: include_str!("bloated_index.md"),
    effort_days: 0.1,
    share_min: 0.0,
    knobs: &[&MEGABYTES_MIN, &TIMES_MIN],
    looks: &[Looks::Database(look)],
};

#[expect(clippy::cast_precision_loss, reason = "bytes stay far below 2^52")]
fn look(view: &DatabaseView<'_>, knobs: &Knobs<'_>, found: &mut Vec<DatabaseSighting>) {
    for index in view.database.indexes.iter().filter(|index| index.valid) {
        let Some(table) = view.table(index.table_oid) else { continue };
        let Some(fresh) = index.fresh_bytes.or_else(|| estimated(table, index)) else { continue };
        let freed = index.bytes.saturating_sub(fresh);
        let times = index.bytes as f64 / fresh.max(1) as f64;
        let enough = knobs.get(&MEGABYTES_MIN) * 1_048_576.0 <= freed as f64;
        if !enough || times < knobs.get(&TIMES_MIN) {
            continue;
        }
        let mut sighting =
            DatabaseSighting::new(BLOATED_INDEX.name, &table.name, index.name.as_str())
                .claim(format!(
                    "the index {} is {times:.1} times as large as it need be",
                    index.name
                ))
                .table(&table.name)
                .cost(Cost::default())
                .figure("index", format!("{} ({})", index.name, figures::keys(table, index)))
                .figure("size", figures::bytes(index.bytes))
                .figure("size when fresh", format!("about {}", figures::bytes(fresh)));
        let known = sighting.known();
        known.index = Some(index.name.clone());
        let schema = sql::identifier(&table.name.schema);
        let name = sql::identifier(&index.name);
        known.sql.push(format!("REINDEX INDEX CONCURRENTLY {schema}.{name}"));
        found.push(sighting);
    }
}

/// What a rebuild would leave by the model of sizes, where it has what it needs: a table that was analysed, and a
/// kind of index that it knows well.
fn estimated(table: &Table, index: &Index) -> Option<u64> {
    let known = table.rows.is_some_and(|rows| 0.0 < rows) && index.method == IndexMethod::Btree;
    let estimate = known.then(|| size::fresh_bytes_of(table, index))?;
    (estimate.basis == SizeBasis::Statistics).then_some(estimate.bytes)
}
