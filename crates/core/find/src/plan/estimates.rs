//! Where estimates begin to be wrong.

use super::{PlanNote, PlanView, Seen, count};

pub(super) fn rows(view: &PlanView<'_>, notes: &mut Vec<PlanNote>) {
    for seen in view.nodes() {
        let Some(factor) = wrong(view, seen) else { continue };
        // What is wrong below is wrong above, too: it is said where it begins.
        let begins = !view.children(seen).into_iter().any(|child| {
            child.times.factor.is_some_and(|below| {
                let half = view.limits.factor_min.sqrt();
                if 1.0 < factor {
                    half <= below
                } else {
                    below <= 1.0 / half && !child.times.cut_short
                }
            })
        });
        let share =
            view.share_of(seen).max(view.above(seen).map_or(0.0, |above| view.share_of(above)));
        if !begins || !view.matters(share) {
            continue;
        }
        let (actual, expected) = (
            seen.node.actual.map_or(0.0, |actual| actual.rows),
            seen.node.estimate.map_or(0.0, |estimate| estimate.rows),
        );
        let claim = format!(
            "{} gave {} rows where the planner expected {}",
            of(seen),
            count(actual),
            count(expected)
        );
        let condition = seen.node.conditions.all().next().map(|(_, text)| text.to_string());
        let hint = match (&seen.node.relation, condition) {
            (Some(table), Some(condition)) => format!(
                "ANALYZE {table}; if that changes nothing, CREATE STATISTICS on the columns that belong together, or \
                 on the expression: {condition}"
            ),
            (Some(table), None) => format!("ANALYZE {table}: its statistics are older than its rows"),
            _ => "extended statistics (CREATE STATISTICS) on columns that depend on each other help where joins and \
                  groups begin to be off"
                .to_owned(),
        };
        let note = view.note_below("row-estimate", seen, claim, hint);
        let off = if 1.0 < factor { factor } else { 1.0 / factor };
        notes.push(
            PlanNote { share: note.share.min(share), ..note }
                .figure("actual rows", count(actual))
                .figure("expected rows", count(expected))
                .figure("factor", format!("{off:.0}")),
        );
    }
}

fn of(seen: Seen<'_>) -> String {
    if seen.node.relation.is_some() {
        format!("the {} of {}", seen.node.node_type.to_lowercase(), seen.what())
    } else {
        format!("the {}", seen.node.node_type.to_lowercase())
    }
}

/// Actual rows over expected ones, if that is far off and enough rows to matter.
fn wrong(view: &PlanView<'_>, seen: Seen<'_>) -> Option<f64> {
    // A bitmap counts rows that are not sure yet; what joins bitmaps counts none.
    if seen.node.node_type.starts_with("Bitmap") && seen.node.node_type != "Bitmap Heap Scan" {
        return None;
    }
    let factor = seen.times.factor?;
    let many = seen.times.rows?.max(seen.times.expected_rows?);
    let is_off = view.limits.factor_min <= factor
        || (factor <= 1.0 / view.limits.factor_min && !seen.times.cut_short);
    (is_off && view.limits.rows_min / 10.0 <= many).then_some(factor)
}
