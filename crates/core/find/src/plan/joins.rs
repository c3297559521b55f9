//! Rules about joins.

use model::plan::Relationship;

use super::{PlanNote, PlanView, count};

pub(super) fn nested(view: &PlanView<'_>, notes: &mut Vec<PlanNote>) {
    for seen in view.nodes() {
        let is_inner = seen.node.relationship == Relationship::Inner
            && view.above(seen).is_some_and(|above| above.node.node_type == "Nested Loop");
        let loops = seen.node.loops();
        let share = view.share_of(seen);
        if !is_inner || loops < view.limits.loops_min || !view.matters(share) || share < 0.3 {
            continue;
        }
        // What is in memory is meant to be looked at often; `join-filter` speaks of that.
        if matches!(seen.node.node_type.as_str(), "Materialize") {
            continue;
        }
        let inner = view.at(deepest(view, seen.place)).unwrap_or(seen);
        let claim = format!(
            "for each row that it is joined with, {} is looked up: {} times",
            inner.what(),
            count(loops)
        );
        let outer = view.above(seen).and_then(|above| view.children(above).first().copied());
        let hint = match outer.and_then(|outer| Some((outer, outer.times.factor?))) {
            Some((outer, factor)) if 10.0 <= factor => format!(
                "the planner expected {factor:.0} times fewer rows to join with; once it knows better \
                 (ANALYZE, extended statistics on {}) it may choose a hash join",
                outer.what()
            ),
            _ if inner.node.node_type == "Seq Scan" => {
                format!("an index on the columns of {} that are joined on", inner.what())
            }
            _ => "fewer rows to join with, by a filter that comes earlier, or a hash join (is work_mem too small \
                  for one?)"
                .to_owned(),
        };
        let note = view.note_below("nested-loop", seen, claim, hint);
        notes.push(note.figure("loops", count(loops)));
    }
}

/// The node below this one that reads something.
fn deepest(view: &PlanView<'_>, place: usize) -> usize {
    let end = view.plan.subtree_end(place);
    (place..end)
        .find(|below| view.plan.nodes.get(*below).is_some_and(|node| node.relation.is_some()))
        .unwrap_or(place)
}

pub(super) fn filter(view: &PlanView<'_>, notes: &mut Vec<PlanNote>) {
    for seen in view.nodes() {
        let dropped = seen.node.removed.join_filter * seen.node.loops();
        let kept = seen.rows();
        let is_wasteful = view.limits.rows_min * 10.0 <= dropped && kept * 10.0 <= dropped;
        let share = view.share_of(seen);
        let Some(condition) = &seen.node.conditions.join_filter else { continue };
        if !is_wasteful || !view.matters(share) {
            continue;
        }
        let claim = format!(
            "{} pairs of rows were compared to find {}",
            count(dropped + kept),
            count(kept)
        );
        let hint = format!(
            "no hash, order or index serves this condition: {condition}; an equality, or an index on the inner side, would"
        );
        let note = view.note_below("join-filter", seen, claim, hint);
        notes.push(note.figure("pairs dropped", count(dropped)));
    }
}
