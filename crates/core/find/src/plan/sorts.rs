//! Rules about sorting, memory and what is thrown away.

use super::{PlanNote, PlanView, Seen, count, kilobytes, own_note};

pub(super) fn for_limit(view: &PlanView<'_>, notes: &mut Vec<PlanNote>) {
    for seen in view.nodes().filter(|seen| seen.node.node_type == "Sort") {
        let Some(input) = view.children(seen).first().copied() else { continue };
        let is_limited = std::iter::successors(view.above(seen), |above| view.above(*above))
            .take(3)
            .any(|above| above.node.node_type == "Limit");
        let (read, given) = (input.rows(), seen.rows());
        let is_wasteful = view.limits.rows_min <= read && given * 20.0 <= read;
        let share = view.share_of(seen);
        if !is_limited || !is_wasteful || !view.matters(share) {
            continue;
        }
        let key = seen.node.sort_key.join(", ");
        let claim = format!("{} rows are read and sorted to give {}", count(read), count(given));
        let hint = format!("an index in this order gives the first rows at once: {key}");
        let note = view.note_below("sort-for-limit", seen, claim, hint);
        notes.push(note.figure("rows sorted", count(read)).figure("rows given", count(given)));
    }
}

pub(super) fn spill(view: &PlanView<'_>, notes: &mut Vec<PlanNote>) {
    for seen in view.nodes() {
        let Some((what, kb)) = spilled(seen) else { continue };
        let share = view.share_of(seen);
        if !view.matters(share) {
            continue;
        }
        let size = if kb == 0 { String::new() } else { format!(", {}", kilobytes(kb)) };
        let claim = format!("{what} did not fit in memory and went to disk{size}");
        let hint =
            "give this statement more work_mem (SET LOCAL), or fewer and narrower rows to keep"
                .to_owned();
        let note = own_note("spill", seen, claim, hint);
        let temp = seen.times.own_buffers;
        notes.push(
            note.figure("temporary blocks written", temp.temp_written.to_string())
                .figure("temporary blocks read", temp.temp_read.to_string()),
        );
    }
}

/// What went to disk, and how much.
fn spilled(seen: Seen<'_>) -> Option<(&'static str, u64)> {
    let workers = seen.node.workers.iter().map(|worker| &worker.resources);
    let all = || std::iter::once(&seen.node.resources).chain(workers.clone());
    let sorted: u64 = all()
        .filter_map(|used| used.sort.as_ref())
        .filter(|sort| sort.on_disk())
        .map(|sort| sort.space_kb)
        .sum();
    let groups: u64 = all()
        .flat_map(|used| [&used.full_sort, &used.presorted])
        .filter_map(|groups| groups.as_ref()?.disk)
        .map(|space| space.peak_kb)
        .max()
        .unwrap_or(0);
    let hashed: u64 = all().map(|used| used.disk_kb).sum();
    if 0 < sorted.max(groups) {
        return Some(("the sort", sorted.max(groups)));
    }
    if 0 < hashed {
        return Some(("the hash table of the aggregate", hashed));
    }
    if seen.node.resources.hash.is_some_and(|hash| 1 < hash.batches) {
        return Some(("the hash table of the join", seen.times.own_buffers.temp_written * 8));
    }
    let storage = seen.node.resources.storage.as_ref()?;
    (storage.kind == "Disk").then_some(("what was kept to be read again", storage.maximum_kb))
}

pub(super) fn offset(view: &PlanView<'_>, notes: &mut Vec<PlanNote>) {
    for seen in view.nodes().filter(|seen| seen.node.node_type == "Limit") {
        let Some(input) =
            view.children(seen).into_iter().find(|child| child.node.subplan.is_none())
        else {
            continue;
        };
        let (Some(read), Some(given)) = (input.times.rows, seen.times.rows) else { continue };
        let skipped = read - given;
        let share = view.share_of(seen);
        if skipped < view.limits.rows_min / 10.0 || skipped < given * 10.0 || !view.matters(share) {
            continue;
        }
        let claim = format!(
            "{} rows are read to be skipped before {} are given",
            count(skipped),
            count(given)
        );
        let hint = "keep the last key of the page before and ask for what comes after it (keyset pagination), with an \
                    index in that order"
            .to_owned();
        notes.push(
            view.note_below("offset", seen, claim, hint).figure("rows skipped", count(skipped)),
        );
    }
}
