//! `taut fix --json`: the shape is told in docs/fix.md, and only ever gains fields.

use engine::database::fix::{
    Fixable, Judgement, Outcome, PlanUse, Rehearsal, Rehearsed, entry_text,
};
use model::{Moment, ProposedIndex, StatementEffect, Text, database::TableName};
use postgres::apply::Done;
use serde_json::{Value, json};
use store::ledger::{Entry, Event, RehearsedSide, Remedy};

/// What can be applied and what was.
pub(crate) fn list_json(database: &str, found: &[Fixable], remedies: &[Remedy]) -> String {
    text(&json!({
        "database": database,
        "fixes": found.iter().map(fixable).collect::<Vec<_>>(),
        "ledger": remedies.iter().map(remedy).collect::<Vec<_>>(),
    }))
}

/// One of them.
pub(crate) fn one_json(database: &str, fix: &Fixable, known: Option<&Remedy>) -> String {
    text(&json!({
        "database": database,
        "fix": fixable(fix),
        "remedy": known.map(remedy),
    }))
}

/// What a rehearsal came to.
pub(crate) fn rehearsal_json(database: &str, fixable: &Fixable, rehearsed: &Rehearsed) -> String {
    let mut told = figures(&rehearsed.figures);
    if let Some(statements) = told["statements"].as_array_mut() {
        for (statement, (before, after)) in statements.iter_mut().zip(&rehearsed.plans) {
            statement["plans"] = json!({"before": before, "after": after});
        }
    }
    told["database"] = json!(database);
    told["id"] = json!(fixable.id);
    told["claim"] = json!(rehearsed.claim);
    told["notes"] = json!(rehearsed.notes);
    text(&told)
}

/// Whether it worked.
pub(crate) fn judgement_json(database: &str, judgement: &Judgement, id: &str) -> String {
    let statements = judgement.statements.iter().map(|it| {
        json!({
            "query_id": it.query_id.to_string(),
            "text": it.text,
            "calls": it.calls,
            "mean_ms": {"before": it.millis.0, "since": it.millis.1},
            "blocks_per_call": {"before": it.blocks.0, "since": it.blocks.1},
        })
    });
    text(&json!({
        "database": database,
        "id": id,
        "outcome": match judgement.outcome {
            Outcome::Proven => "proven",
            Outcome::NoGain => "no gain",
            Outcome::Open => "not settled",
        },
        "claim": judgement.verdict.claim,
        "statements": statements.collect::<Vec<_>>(),
        "index_scans": judgement.uses,
        "plans": judgement.plans.iter().map(plan).collect::<Vec<_>>(),
        "worse": judgement.verdict.worse,
    }))
}

/// What was done: `applied`, `taken back`.
pub(crate) fn done_json(database: &str, (what, id): (&str, &str), done: &Done) -> String {
    text(&json!({
        "database": database,
        "id": id,
        "done": what,
        "statements": done.statements,
        "notes": done.notes,
    }))
}

fn text(value: &Value) -> String {
    let mut text = serde_json::to_string_pretty(value).unwrap_or_default();
    text.push('\n');
    text
}

fn fixable(fix: &Fixable) -> Value {
    let change = &fix.change;
    let statements = fix.statements.iter();
    json!({
        "id": fix.id,
        "fault": fix.fault,
        "claim": fix.claim,
        "advice": fix.advice,
        "apply": change.apply,
        "revert": change.revert,
        "locks": change.locks,
        "creates": names(&change.creates),
        "drops": names(&change.drops),
        "rewrite": fix.rewrite.as_ref().map(|(before, after)| json!({"before": before, "after": after})),
        "statements": statements
            .map(|(id, text)| json!({"query_id": id.to_string(), "text": text}))
            .collect::<Vec<_>>(),
        "indexes": fix.proposed.iter().map(index).collect::<Vec<_>>(),
    })
}

fn names(indexes: &[(TableName, Text)]) -> Vec<Value> {
    let told = |(table, name): &(TableName, Text)| json!({"schema": &*table.schema, "table": &*table.name, "index": &**name});
    indexes.iter().map(told).collect()
}

fn index(index: &ProposedIndex) -> Value {
    let write = &index.write_cost;
    json!({
        "name": &*index.name,
        "ddl": index.ddl,
        "bytes": index.bytes,
        "bytes_grown": index.bytes_grown,
        "build_seconds": index.build_seconds,
        "write_cost": {
            "cpu_micros_per_row": write.cpu_micros_per_row,
            "wal_bytes_per_row": write.wal_bytes_per_row,
            "rows_per_day": write.rows_per_day,
            "hot_updates_lost_per_day": write.hot_updates_lost_per_day,
        },
        "helped": index.helped.iter().map(effect).collect::<Vec<_>>(),
        "hurt": index.hurt.iter().map(effect).collect::<Vec<_>>(),
        "why": index.why,
    })
}

fn effect(effect: &StatementEffect) -> Value {
    json!({
        "query_id": effect.query_id.to_string(),
        "text": &*effect.text.text,
        "calls_per_day": effect.calls_per_day,
        "cost": {"now": effect.cost.0, "then": effect.cost.1},
        "ms": {"now": effect.millis.0, "then": effect.millis.1},
        "plans": {"now": effect.plans.0, "then": effect.plans.1},
    })
}

fn remedy(remedy: &Remedy) -> Value {
    json!({
        "id": remedy.proposal.finding,
        "fault": remedy.proposal.fault,
        "claim": remedy.proposal.claim,
        "state": remedy.state.as_str(),
        "unfinished": remedy.unsettled().next().is_some(),
        "apply": remedy.proposal.change.apply,
        "revert": remedy.proposal.change.revert,
        "history": remedy.entries.iter().map(entry).collect::<Vec<_>>(),
    })
}

fn entry(entry: &Entry) -> Value {
    let mut told = json!({
        "at": time(entry.time),
        "version": entry.version,
        "event": entry.event.name(),
        "text": entry_text(entry),
    });
    match &entry.event {
        Event::Rehearsed { figures: known, .. } => told["rehearsal"] = figures(known),
        Event::Measured { verdict, .. } | Event::Proven { verdict, .. } => {
            told["statements"] = json!(verdict.lines);
            told["plans"] = json!(verdict.plans);
            told["worse"] = json!(verdict.worse);
        }
        _ => {}
    }
    told
}

fn figures(figures: &Rehearsal) -> Value {
    let sampled = figures.sampled.iter();
    let indexes = figures.indexes.iter();
    let statements = figures.statements.iter().map(|it| {
        json!({
            "query_id": it.query_id.to_string(),
            "text": it.text,
            "refused": (!it.refused.is_empty()).then_some(&it.refused),
            "verdict": (!it.verdict.is_empty()).then_some(&it.verdict),
            "before": side(&it.before),
            "after": side(&it.after),
            "plan_changed": it.plan_changed,
            "rows": (!it.rows.is_empty()).then_some(&it.rows),
        })
    });
    json!({
        "outcome": figures.outcome.as_str(),
        "ground": figures.ground,
        "sampled": sampled
            .map(|it| json!({"table": it.name, "rows": it.rows, "fraction": it.fraction}))
            .collect::<Vec<_>>(),
        "built": indexes
            .map(|it| json!({"name": it.name, "bytes": it.bytes, "build_ms": it.millis}))
            .collect::<Vec<_>>(),
        "statements": statements.collect::<Vec<_>>(),
    })
}

fn side(side: &RehearsedSide) -> Value {
    json!({
        "median_ms": side.millis,
        "interval_ms": side.interval.map(|(low, high)| [low, high]),
        "runs": side.runs,
        "blocks": side.blocks,
        "rows": side.rows,
        "timed_out": side.timed_out,
    })
}

fn plan(plan: &PlanUse) -> Value {
    json!({
        "query_id": plan.query_id.to_string(),
        "text": plan.text,
        "uses": plan.uses,
        "other_indexes": plan.others,
        "generic": plan.generic,
        "plan": plan.plan,
        "not_planned": (!plan.why.is_empty()).then_some(&plan.why),
    })
}

/// `2026-01-31T23:59:58Z`
pub(crate) fn time(moment: Moment) -> String {
    let digits = fix::digits_of(moment.nanos / 1_000_000_000);
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default().to_owned();
    let (date, clock) =
        ([part(0, 4), part(4, 6), part(6, 8)], [part(8, 10), part(10, 12), part(12, 14)]);
    format!("{}T{}Z", date.join("-"), clock.join(":"))
}
