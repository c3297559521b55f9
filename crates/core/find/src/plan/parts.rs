//! Rules about subqueries, functions, CTEs, partitions and workers.

use model::plan::Relationship;

use super::{PlanNote, PlanView, count, own_note};

pub(super) fn subplan(view: &PlanView<'_>, notes: &mut Vec<PlanNote>) {
    for seen in view.nodes().filter(|seen| seen.node.relationship == Relationship::SubPlan) {
        let loops = seen.node.loops();
        let share = view.share_of(seen);
        if loops < view.limits.loops_min || !view.matters(share) {
            continue;
        }
        let name = seen.node.subplan.as_deref().unwrap_or("a subquery");
        let claim = format!("{name} runs {} times, once for each row", count(loops));
        let hint = "say it as a join with what it groups (or LEFT JOIN LATERAL with an index below), so that it runs once".to_owned();
        notes.push(
            view.note_below("subplan-per-row", seen, claim, hint).figure("loops", count(loops)),
        );
    }
}

pub(super) fn function(view: &PlanView<'_>, notes: &mut Vec<PlanNote>) {
    for seen in view.nodes() {
        let is_function =
            matches!(seen.node.node_type.as_str(), "Function Scan" | "Table Function Scan");
        let loops = seen.node.loops();
        if !is_function || loops < view.limits.loops_min || !view.matters(seen.times.share) {
            continue;
        }
        let claim =
            format!("the function {} runs {} times, once for each row", seen.what(), count(loops));
        let hint =
            "let it take all keys at once, or write it in SQL so that it can be inlined".to_owned();
        notes.push(own_note("function-per-row", seen, claim, hint).figure("calls", count(loops)));
    }
}

pub(super) fn fence(view: &PlanView<'_>, notes: &mut Vec<PlanNote>) {
    for seen in view.nodes().filter(|seen| seen.node.node_type == "CTE Scan") {
        let dropped = seen.times.removed_rows;
        let kept = seen.rows();
        let share = view.share_of(seen);
        if dropped < view.limits.rows_min || dropped < kept * 10.0 || !view.matters(share) {
            continue;
        }
        let name = seen.what();
        let claim = format!(
            "the CTE {name} is computed whole; its reader drops {} of its rows",
            count(dropped)
        );
        let hint = format!(
            "write `WITH {name} AS NOT MATERIALIZED (…)`, or move the filter into it, so that indexes can serve it"
        );
        notes.push(
            view.note_below("cte-fence", seen, claim, hint).figure("rows dropped", count(dropped)),
        );
    }
}

pub(super) fn partitions(view: &PlanView<'_>, notes: &mut Vec<PlanNote>) {
    for seen in view.nodes() {
        if !matches!(seen.node.node_type.as_str(), "Append" | "Merge Append")
            || 0 < seen.node.subplans_removed
        {
            continue;
        }
        let members = view.children(seen);
        let ran = members.iter().filter(|member| member.node.actual.is_some()).count();
        let empty = members.iter().filter(|member| member.times.rows == Some(0.0)).count();
        let idle: f64 = members
            .iter()
            .filter(|member| member.times.rows == Some(0.0))
            .map(|member| view.share_of(*member))
            .sum();
        if ran < view.limits.partitions_min || empty * 4 < ran * 3 || !view.matters(idle) {
            continue;
        }
        let claim =
            format!("{ran} partitions are read, of which {empty} hold no row that is asked for");
        let hint = "compare the partition key itself with constants or parameters (no function or cast around it), so \
                    that the others can be left out"
            .to_owned();
        let note = own_note("all-partitions", seen, claim, hint);
        let stake = view.times.total_ms.map(|total| total * idle);
        notes.push(
            PlanNote { share: idle, stake_ms: stake, ..note }
                .figure("partitions read", ran.to_string())
                .figure("empty", empty.to_string()),
        );
    }
}

pub(super) fn workers(view: &PlanView<'_>, notes: &mut Vec<PlanNote>) {
    for seen in view.nodes() {
        let (Some(planned), Some(launched)) =
            (seen.node.workers_planned, seen.node.workers_launched)
        else {
            continue;
        };
        let share = view.share_of(seen);
        if planned <= launched || !view.matters(share) {
            continue;
        }
        let claim = format!("{launched} of {planned} planned workers were to be had");
        let hint = "max_parallel_workers or max_worker_processes are used up by others: raise them to what the \
                    machine has, or plan fewer (max_parallel_workers_per_gather)"
            .to_owned();
        notes.push(
            view.note_below("missing-workers", seen, claim, hint)
                .figure("planned", planned.to_string())
                .figure("launched", launched.to_string()),
        );
    }
}

/// What a node that is switched off costs more before PostgreSQL 18.
const DISABLED_COST: f64 = 1.0e10;

pub(super) fn disabled(view: &PlanView<'_>, notes: &mut Vec<PlanNote>) {
    for seen in view.nodes() {
        let cost = |estimate: &model::plan::Estimate| estimate.total_cost;
        let own = seen.node.estimate.as_ref().map_or(0.0, cost);
        let below: f64 = view
            .children(seen)
            .iter()
            .filter_map(|child| child.node.estimate.as_ref())
            .map(cost)
            .sum();
        if !seen.node.disabled && own - below < DISABLED_COST {
            continue;
        }
        let name = seen.node.node_type.to_lowercase();
        let claim =
            format!("{name} is switched off by a setting, and was taken for want of another way");
        let hint =
            "look for enable_… = off in the settings of the session, the role and the database"
                .to_owned();
        notes.push(view.note_below("disabled-node", seen, claim, hint));
    }
}
