//! An index that a failed concurrent build left behind.

use model::database::{Index, Table, TableKind};

use crate::{
    DatabaseSighting, DatabaseView, Detector, Knobs, Looks,
    detectors::{figures, indexes},
};

pub(super) static INVALID_INDEX: Detector = Detector {
    code: "F024",
    name: "invalid-index",
    title: "An index is written to and can never be read",
    doc: include_str!("invalid_index.md"),
    effort_days: 0.1,
    share_min: 0.0,
    knobs: &[],
    looks: &[Looks::Database(look)],
};

/// How PostgreSQL names what a concurrent rebuild leaves behind when it fails.
const LEFTOVERS: [&str; 2] = ["_ccnew", "_ccold"];

fn look(view: &DatabaseView<'_>, _: &Knobs<'_>, found: &mut Vec<DatabaseSighting>) {
    for index in view.database.indexes.iter().filter(|index| !index.valid) {
        let Some(table) = view.table(index.table_oid) else { continue };
        // It becomes valid once every partition has its part.
        let waits = table.kind == TableKind::Partitioned || index.parent_oid.is_some();
        let is_built = view.database.progress.iter().any(|work| {
            work.table == table.name && work.command.to_ascii_uppercase().contains("INDEX")
        });
        if !waits && !is_built {
            found.push(sighting(view, table, index));
        }
    }
}

fn sighting(view: &DatabaseView<'_>, table: &Table, index: &Index) -> DatabaseSighting {
    let is_leftover =
        LEFTOVERS.iter().any(|end| index.name.trim_end_matches(char::is_numeric).ends_with(end));
    let covered = view.indexes_of(table).iter().any(|other| {
        let less = Index { valid: true, ..index.clone() };
        other.oid != index.oid && indexes::covers(other, &less)
    });
    let claim =
        format!("the index {} was never finished: it is kept up to date and not used", index.name);
    let mut sighting = DatabaseSighting::new(INVALID_INDEX.name, &table.name, index.name.as_str())
        .claim(claim.clone())
        .table(&table.name)
        .cost(indexes::upkeep(view, table))
        .figure("index", format!("{} ({})", index.name, figures::keys(table, index)))
        .figure("size", figures::bytes(index.bytes))
        .figure("rows written", figures::a_day(indexes::writes_per_day(view, table)));
    let known = sighting.known();
    known.index = Some(index.name.clone());
    // What nothing else covers is wanted: it is built anew instead of dropped.
    if is_leftover || covered {
        known.dropped.push(indexes::dropped(table, index, claim));
    } else {
        let name =
            format!("{}.{}", sql::identifier(&table.name.schema), sql::identifier(&index.name));
        known.sql.push(format!("REINDEX INDEX CONCURRENTLY {name}"));
    }
    sighting
}
