//! An index that nothing reads.
//!
//! Said only over a stated span of statistics, with the standbys' reads counted where there are standbys, and never
//! of an index that enforces something or is all that a foreign key has.

use model::database::{Index, IndexKey, Table, TableKind};

use crate::{
    DatabaseSighting, DatabaseView, Detector, Knob, Knobs, Looks,
    detectors::{figures, indexes},
};

static DAYS_MIN: Knob = Knob {
    key: "days-min",
    default: 14.0,
    unit: "days",
    doc: "Statistics must reach back this long: two turns of whatever runs weekly. Set 32 where reports run monthly.",
};

static KILOBYTES_MIN: Knob = Knob {
    key: "kilobytes-min",
    default: 1_024.0,
    unit: "kB",
    doc: "A smaller index costs next to nothing to keep.",
};

pub(super) static UNUSED_INDEX: Detector = Detector {
    code: "F022",
    name: "unused-index",
    title: "An index is kept up to date, and nothing reads it",
    doc: include_str!("unused_index.md"),
    effort_days: 0.1,
    share_min: 0.0,
    knobs: &[&DAYS_MIN, &KILOBYTES_MIN],
    looks: &[Looks::Database(look)],
};

fn look(view: &DatabaseView<'_>, knobs: &Knobs<'_>, found: &mut Vec<DatabaseSighting>) {
    if view.statistics_days < knobs.get(&DAYS_MIN) {
        return;
    }
    for index in &view.database.indexes {
        let Some(table) = view.table(index.table_oid) else { continue };
        // Parts of an index of a partitioned table go with it.
        let is_part = index.parent_oid.is_some();
        if is_part || !index.valid || !indexes::may_go(index) || holds_a_key(view, table, index) {
            continue;
        }
        let Some((scans, bytes)) = reads(view, table, index) else { continue };
        #[expect(clippy::cast_precision_loss, reason = "bytes stay far below 2^52")]
        let is_large = knobs.get(&KILOBYTES_MIN) * 1_024.0 <= bytes as f64;
        if scans == 0 && is_large {
            found.push(sighting(view, table, index, bytes));
        }
    }
}

/// How often it was read, on standbys too, and its size: of an index of a partitioned table, with all parts. `None`
/// if there are standbys that were not asked.
fn reads(view: &DatabaseView<'_>, table: &Table, index: &Index) -> Option<(u64, u64)> {
    if table.kind != TableKind::Partitioned {
        let here = index.usage.scans.max(index.usage.scans_since_reset);
        return Some((here + index.usage.standby_scans?, index.bytes));
    }
    let parts = view.database.indexes.iter().filter(|part| part.parent_oid == Some(index.oid));
    parts.take(PARTS_MAX).try_fold((0, 0), |(scans, bytes), part| {
        let part_table = view.table(part.table_oid)?;
        let (more, larger) = reads(view, part_table, part)?;
        Some((scans + more, bytes + larger))
    })
}

/// Partitions that are asked: more than anybody has of one table.
const PARTS_MAX: usize = 10_000;

/// Whether it is the only index that a foreign key of its table has.
fn holds_a_key(view: &DatabaseView<'_>, table: &Table, index: &Index) -> bool {
    let begins = |index: &Index, columns: &[i16]| {
        let first = index.keys.get(..columns.len()).unwrap_or_default();
        let has = |column| first.iter().any(|key| key.key == IndexKey::Column(column));
        !first.is_empty() && columns.iter().copied().all(has)
    };
    view.database.foreign_keys.iter().filter(|key| key.table_oid == table.oid).any(|key| {
        let others = view.indexes_of(table).iter().filter(|other| other.oid != index.oid);
        begins(index, &key.columns)
            && !others.into_iter().any(|other| other.valid && begins(other, &key.columns))
    })
}

fn sighting(view: &DatabaseView<'_>, table: &Table, index: &Index, bytes: u64) -> DatabaseSighting {
    let where_ = if view.database.standbys.is_empty() { "" } else { ", here or on a standby" };
    let claim =
        format!("nothing has read the index {} {}{where_}", index.name, view.over_statistics());
    let writes = indexes::writes_per_day(view, table);
    let mut sighting = DatabaseSighting::new(UNUSED_INDEX.name, &table.name, index.name.as_str())
        .claim(claim.clone())
        .table(&table.name)
        .cost(indexes::upkeep(view, table))
        .figure("index", format!("{} ({})", index.name, figures::keys(table, index)))
        .figure("size", figures::bytes(bytes))
        .figure("scans", format!("0 {}{where_}", view.over_statistics()))
        .figure("rows written", figures::a_day(writes));
    let known = sighting.known();
    known.index = Some(index.name.clone());
    known.dropped.push(indexes::dropped(table, &Index { bytes, ..index.clone() }, claim));
    sighting
}
