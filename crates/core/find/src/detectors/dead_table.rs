//! A table that nobody reads.

use model::database::{Table, TableKind};

use crate::{
    Cost, DatabaseSighting, DatabaseView, Detector, Knob, Knobs, Looks,
    detectors::{figures, indexes},
};

static DAYS_MIN: Knob = Knob {
    key: "days-min",
    default: 30.0,
    unit: "days",
    doc: "Statistics must reach back this long: a month sees what runs monthly.",
};

static MEGABYTES_MIN: Knob = Knob {
    key: "megabytes-min",
    default: 100.0,
    unit: "MB",
    doc: "A smaller table, with its indexes, is not worth the trouble.",
};

static BACKUPS_PER_DAY_MAX: Knob = Knob {
    key: "backups-per-day-max",
    default: 1.0,
    unit: "scans a day",
    doc: "A nightly dump reads every table once; so often may a table be read as a whole and count as unread.",
};

pub(super) static DEAD_TABLE: Detector = Detector {
    code: "F037",
    name: "dead-table",
    title: "A table is kept that nobody reads",
    doc: include_str!("dead_table.md"),
    effort_days: 0.5,
    share_min: 0.0,
    knobs: &[&DAYS_MIN, &MEGABYTES_MIN, &BACKUPS_PER_DAY_MAX],
    looks: &[Looks::Database(look)],
};

fn look(view: &DatabaseView<'_>, knobs: &Knobs<'_>, found: &mut Vec<DatabaseSighting>) {
    if view.statistics_days < knobs.get(&DAYS_MIN) {
        return;
    }
    for table in &view.database.tables {
        let bytes = table.bytes + table.toast_bytes + table.index_bytes;
        #[expect(clippy::cast_precision_loss, reason = "bytes stay far below 2^52")]
        let is_large = knobs.get(&MEGABYTES_MIN) * 1_048_576.0 <= bytes as f64;
        let ordinary = matches!(table.kind, TableKind::Ordinary | TableKind::MaterializedView);
        // Old partitions are kept for their own sake.
        if !is_large || !ordinary || table.parent_oid.is_some() {
            continue;
        }
        let scans = table.usage.sequential_scans.max(table.usage.scans_since_reset);
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let per_day = scans as f64 / view.statistics_days;
        let unread = table.usage.index_scans == 0 && per_day <= knobs.get(&BACKUPS_PER_DAY_MAX);
        if unread && !is_read_elsewhere(view, table) {
            found.push(sighting(view, table, bytes));
        }
    }
}

/// Whether a standby reads it, or was not asked, or a statement names it other than to write or to copy it out.
fn is_read_elsewhere(view: &DatabaseView<'_>, table: &Table) -> bool {
    let standby = view
        .indexes_of(table)
        .iter()
        .any(|index| index.usage.standby_scans.is_none_or(|scans| 0 < scans));
    let has_standbys = !view.database.standbys.is_empty();
    let blind = has_standbys && view.indexes_of(table).is_empty();
    let refers = view.database.foreign_keys.iter().any(|key| key.referenced_oid == table.oid);
    standby
        || blind
        || refers
        || view.statements_on(table).iter().any(|statement| {
            let kind = statement.text.kind;
            kind == model::StatementKind::Select
                || (kind.writes() && kind != model::StatementKind::Insert)
        })
}

fn sighting(view: &DatabaseView<'_>, table: &Table, bytes: u64) -> DatabaseSighting {
    let usage = &table.usage;
    let still_written = 0 < usage.inserted + usage.updated;
    let written = if still_written { ", though it is still written to" } else { "" };
    DatabaseSighting::new(DEAD_TABLE.name, &table.name, "")
        .claim(format!("nobody has read {} {}{written}", table.name, view.over_statistics()))
        .columns(table)
        .cost(if still_written { indexes::upkeep(view, table) } else { Cost::default() })
        .figure("size with indexes", figures::bytes(bytes))
        .figure("rows", figures::count(view.rows(table)))
        .figure(
            "read",
            format!(
                "0 times by an index, {} times as a whole {}",
                usage.sequential_scans.max(usage.scans_since_reset),
                view.over_statistics()
            ),
        )
        .figure("rows written", figures::a_day(indexes::writes_per_day(view, table)))
}
