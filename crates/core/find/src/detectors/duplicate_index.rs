//! An index that another one makes superfluous: the same keys, or the first keys of it.

use model::database::{Index, Table};

use crate::{
    DatabaseSighting, DatabaseView, Detector, Knob, Knobs, Looks,
    detectors::{figures, indexes},
};

static KILOBYTES_MIN: Knob = Knob {
    key: "kilobytes-min",
    default: 128.0,
    unit: "kB",
    doc: "A smaller index costs next to nothing to keep.",
};

static WIDER_MAX: Knob = Knob {
    key: "wider-max",
    default: 4.0,
    unit: "times",
    doc: "If the wider index is larger than this many times the narrow one that is in use, reading it instead costs more than it spares.",
};

pub(super) static DUPLICATE_INDEX: Detector = Detector {
    code: "F023",
    name: "duplicate-index",
    title: "Two indexes do the work of one",
    doc: include_str!("duplicate_index.md"),
    effort_days: 0.1,
    share_min: 0.0,
    knobs: &[&KILOBYTES_MIN, &WIDER_MAX],
    looks: &[Looks::Database(look)],
};

fn look(view: &DatabaseView<'_>, knobs: &Knobs<'_>, found: &mut Vec<DatabaseSighting>) {
    for table in &view.database.tables {
        let indexes = view.indexes_of(table);
        for less in indexes.iter().copied().filter(|index| index.parent_oid.is_none()) {
            // Some that back a constraint are as good as others, but they are not ours to drop.
            if less.primary || less.constraint || less.identity || !less.valid {
                continue;
            }
            let better = indexes
                .iter()
                .copied()
                .filter(|more| {
                    more.oid != less.oid
                        && indexes::covers(more, less)
                        && (!indexes::covers(less, more) || keeps(more, less))
                        && pays(more, less, knobs)
                })
                .min_by_key(|more| (more.bytes, more.oid));
            if let Some(more) = better {
                found.push(sighting(view, table, less, more));
            }
        }
    }
}

/// Of two that can do the same, whether `more` is the one to keep: the one that enforces something, then the smaller,
/// then the older.
fn keeps(more: &Index, less: &Index) -> bool {
    let order = |index: &Index| {
        let enforces = index.primary || index.constraint || index.identity || index.unique;
        (!enforces, index.bytes, index.oid)
    };
    order(more) < order(less)
}

#[expect(clippy::cast_precision_loss, reason = "bytes stay far below 2^52")]
fn pays(more: &Index, less: &Index, knobs: &Knobs<'_>) -> bool {
    let (wide, narrow) = (more.bytes as f64, less.bytes as f64);
    let in_use = 0 < less.usage.scans;
    knobs.get(&KILOBYTES_MIN) * 1_024.0 <= narrow
        && (!in_use || wide <= narrow * knobs.get(&WIDER_MAX))
}

fn sighting(
    view: &DatabaseView<'_>,
    table: &Table,
    less: &Index,
    more: &Index,
) -> DatabaseSighting {
    let same = less.keys == more.keys && less.include == more.include;
    let claim = if same {
        format!("the indexes {} and {} are the same", less.name, more.name)
    } else {
        format!("all that the index {} can do, {} does as well", less.name, more.name)
    };
    let line = |index: &Index| {
        let scans = figures::count(indexes_scans(index));
        let (keys, size) = (figures::keys(table, index), figures::bytes(index.bytes));
        format!("({keys}), {size}, {scans} scans {}", view.over_usage())
    };
    let mut sighting = DatabaseSighting::new(DUPLICATE_INDEX.name, &table.name, less.name.as_str())
        .claim(claim.clone())
        .table(&table.name)
        .cost(indexes::upkeep(view, table))
        .figure(&less.name, line(less))
        .figure(&more.name, line(more))
        .figure("rows written", figures::a_day(indexes::writes_per_day(view, table)));
    let known = sighting.known();
    known.index = Some(less.name.clone());
    known.dropped.push(indexes::dropped(table, less, claim));
    sighting
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
fn indexes_scans(index: &Index) -> f64 {
    index.usage.scans as f64
}
