//! Rules about the plan as a whole.

use super::{PlanNote, PlanView};

/// Milliseconds below which nobody waits for planning or compiling.
const OVERHEAD_MS_MIN: f64 = 10.0;

fn note(rule: &'static str, claim: String, hint: &str, stake_ms: f64, share: f64) -> PlanNote {
    let figures = Vec::new();
    let hint = hint.to_owned();
    PlanNote {
        rule,
        node: None,
        claim,
        figures,
        hint,
        stake_ms: Some(stake_ms),
        share: share.min(1.0),
    }
}

pub(super) fn compilation(view: &PlanView<'_>, notes: &mut Vec<PlanNote>) {
    let Some(jit) = view.plan.jit else { return };
    let (Some(times), Some(total)) = (jit.times, view.plan.execution_ms.or(view.times.total_ms))
    else {
        return;
    };
    let spent = times.total_ms;
    if spent < OVERHEAD_MS_MIN || spent < total * view.limits.overhead_max {
        return;
    }
    let claim = format!("compiling {} functions takes {spent:.0} of {total:.0} ms", jit.functions);
    let hint = "raise jit_above_cost, or set jit = off for short statements: the planner takes their cost for higher \
                than it is";
    let note = note("compilation", claim, hint, spent, spent / total.max(1.0));
    notes.push(
        note.figure("functions", jit.functions.to_string())
            .figure("compiling", format!("{spent:.1} ms")),
    );
}

pub(super) fn planning(view: &PlanView<'_>, notes: &mut Vec<PlanNote>) {
    let (Some(planning), Some(execution)) =
        (view.plan.planning.time_ms, view.plan.execution_ms.or(view.times.total_ms))
    else {
        return;
    };
    if planning < OVERHEAD_MS_MIN || planning <= execution {
        return;
    }
    let claim = format!("planning takes {planning:.1} ms, running {execution:.1} ms");
    let hint = "prepare the statement, so that it is planned once; fewer partitions and joins make planning shorter";
    let share = planning / (planning + execution);
    notes.push(note("planning-time", claim, hint, planning, share));
}

pub(super) fn triggers(view: &PlanView<'_>, notes: &mut Vec<PlanNote>) {
    let Some(total) = view.plan.execution_ms.or(view.times.total_ms) else { return };
    for trigger in &view.plan.triggers {
        let Some(spent) = trigger.time_ms else { continue };
        if spent < OVERHEAD_MS_MIN || spent < total * view.limits.overhead_max {
            continue;
        }
        let what = if trigger.constraint { "the constraint" } else { "the trigger" };
        let claim = format!(
            "{what} {} takes {spent:.0} of {total:.0} ms, over {} calls",
            trigger.name, trigger.calls
        );
        let hint = if trigger.constraint {
            "a foreign key is checked row by row: give the columns that refer to the table an index"
        } else {
            "make it a trigger FOR EACH STATEMENT with transition tables, or take its work out of the transaction"
        };
        let note = note("trigger-time", claim, hint, spent, spent / total.max(1.0));
        notes.push(note.figure("calls", trigger.calls.to_string()));
    }
}
