//! Indexes that the workload as a whole wants, as the advisor chose them.

use std::sync::Arc;

use model::{Basis, ProposedIndex, database::TableName};

use crate::{
    Cost, DatabaseSighting, DatabaseView, Detector, Knob, Knobs, Looks,
    detectors::{figures, words},
};

static SAVED_SECONDS_PER_DAY_MIN: Knob = Knob {
    key: "saved-seconds-per-day-min",
    default: 10.0,
    unit: "s a day",
    doc: "An index that spares less database time a day is not worth looking at.",
};

static SAVED_SHARE_MIN: Knob = Knob {
    key: "saved-share-min",
    default: 0.005,
    unit: "of database time",
    doc: "With a smaller share, other things come first.",
};

pub(super) static MISSING_INDEX: Detector = Detector {
    code: "F018",
    name: "missing-index",
    title: "Rows are searched for that an index would find",
    doc: include_str!("missing_index.md"),
    effort_days: 0.1,
    share_min: 0.0,
    knobs: &[&SAVED_SECONDS_PER_DAY_MIN, &SAVED_SHARE_MIN],
    looks: &[Looks::Database(look)],
};

/// Statements that are told; the rest is counted.
const HELPED_SHOWN_MAX: usize = 4;

fn look(view: &DatabaseView<'_>, knobs: &Knobs<'_>, found: &mut Vec<DatabaseSighting>) {
    let Some(proposal) = view.proposal else { return };
    for index in &proposal.create {
        let cost = cost(index);
        let hours = cost.database_hours_per_day;
        let enough = knobs.get(&SAVED_SECONDS_PER_DAY_MIN) / 3_600.0 <= hours;
        let known = 0.0 < view.total_millis;
        if enough && (!known || knobs.get(&SAVED_SHARE_MIN) <= view.share_of_hours(hours)) {
            found.push(sighting(view, index, proposal.basis, cost));
        }
    }
    // Each index that becomes superfluous goes with the first one on its table.
    for dropped in &proposal.drop {
        let first = found.iter_mut().find(|sighting| {
            sighting.fault == MISSING_INDEX.name
                && sighting.evidence.database.as_ref().and_then(|it| it.table.as_ref())
                    == Some(&dropped.table)
        });
        if let Some(first) = first {
            first.known().dropped.push(dropped.clone());
        }
    }
}

/// What the statements that it helps would take less, scaled to the measured time.
fn cost(index: &ProposedIndex) -> Cost {
    let runs: f64 = index.helped.iter().map(|it| it.calls_per_day).sum();
    let of = |pick: fn(&(f64, f64)) -> f64| -> f64 {
        index.helped.iter().map(|it| it.calls_per_day * pick(&it.millis)).sum()
    };
    let each = runs.max(1e-9);
    Cost::of_runs(runs, of(|millis| millis.0) / each, of(|millis| millis.1) / each)
}

fn sighting(
    view: &DatabaseView<'_>,
    index: &ProposedIndex,
    basis: Basis,
    cost: Cost,
) -> DatabaseSighting {
    let table: &TableName = &index.index.table;
    let definition = index.ddl.split_once(" ON ").map_or(index.ddl.as_str(), |(_, rest)| rest);
    let keys = definition.split_once('(').map_or(definition, |(_, keys)| keys);
    let many = match index.helped.len() {
        1 => "a statement searches".to_owned(),
        many => format!("{many} statements search"),
    };
    let claim = format!("{many} {table} for rows that an index on ({keys} would find");
    let mut sighting = DatabaseSighting::new(MISSING_INDEX.name, table, definition)
        .claim(claim)
        .table(table)
        .cost(cost);
    let mut helped: Vec<_> = index.helped.iter().collect();
    let saved = |it: &model::StatementEffect| it.calls_per_day * (it.millis.0 - it.millis.1);
    helped.sort_by(|left, right| saved(right).total_cmp(&saved(left)));
    if let Some(first) = helped.first() {
        let known = view.database.statements.iter().find(|it| it.query_id == first.query_id);
        match known {
            Some(statement) => sighting = sighting.statement(statement),
            None => sighting.evidence.statement = Some(Arc::clone(&first.text)),
        }
        sighting.known().plan.clone_from(&first.plans.0);
    }
    sighting.evidence.related =
        helped.iter().skip(1).take(9).map(|it| Arc::clone(&it.text)).collect();
    for effect in helped.iter().take(HELPED_SHOWN_MAX) {
        sighting.evidence.excerpt.push(format!(
            "{} → ~{}, {}: {}",
            figures::millis(effect.millis.0),
            figures::millis(effect.millis.1),
            figures::a_day(effect.calls_per_day),
            words::shorten(&effect.text.text)
        ));
    }
    if HELPED_SHOWN_MAX < helped.len() {
        let more = helped.len() - HELPED_SHOWN_MAX;
        sighting.evidence.excerpt.push(format!("and {more} more statements"));
    }
    if let Some(table) = view.table_named(&table.to_string()) {
        sighting = sighting.figure("rows", figures::count(view.rows(table)));
    }
    if !index.why.is_empty() {
        sighting = sighting.figure("why so", index.why.join("; "));
    }
    let told = match basis {
        Basis::WhatIf => "by the planner's costs with the index made up, scaled to measured time",
        Basis::Rehearsed => "measured in a rehearsal",
        Basis::Model => {
            "by Taut's own model of the planner, as HypoPG is not installed: rehearse first"
        }
    };
    sighting = sighting.figure("time then", told);
    let known = sighting.known();
    known.index = Some(index.name.clone());
    known.proposed.push(index.clone());
    known.basis = basis;
    sighting
}
