//! Rules about reading tables and indexes.

use super::{PlanNote, PlanView, Seen, count, own_note};

/// Rows that a scan looked at; without `ANALYZE` nobody knows.
fn looked_at(seen: &Seen<'_>) -> f64 {
    seen.times.rows.unwrap_or(0.0) + seen.times.removed_rows
}

pub(super) fn sequential(view: &PlanView<'_>, notes: &mut Vec<PlanNote>) {
    for seen in view.nodes().filter(|seen| seen.node.node_type == "Seq Scan") {
        let Some(filter) = &seen.node.conditions.filter else { continue };
        let (read, kept) = (looked_at(&seen), seen.rows());
        let is_wasteful = view.limits.rows_min <= read && kept <= read * view.limits.kept_max;
        if !is_wasteful || !view.matters(seen.times.share) {
            continue;
        }
        let table = seen.what();
        let claim = format!("{} rows of {table} are read to keep {}", count(read), count(kept));
        let hint = format!("an index on what the filter compares would find them: {filter}");
        let note = own_note("sequential-scan", seen, claim, hint);
        notes.push(note.figure("rows read", count(read)).figure("rows kept", count(kept)));
    }
}

pub(super) fn unselective(view: &PlanView<'_>, notes: &mut Vec<PlanNote>) {
    let scans = ["Index Scan", "Index Only Scan", "Bitmap Heap Scan"];
    for seen in view.nodes().filter(|seen| scans.contains(&seen.node.node_type.as_str())) {
        let Some(filter) = &seen.node.conditions.filter else { continue };
        let dropped = seen.node.removed.filter * seen.node.loops();
        let read = dropped + seen.rows();
        let is_wasteful = view.limits.rows_min <= dropped && seen.rows() <= read * 0.2;
        let below = view.share_of(seen);
        if !is_wasteful || !view.matters(below) {
            continue;
        }
        let index = seen
            .node
            .index
            .clone()
            .or_else(|| view.children(seen).iter().find_map(|child| child.node.index.clone()));
        let index = index.unwrap_or_else(|| "the index".into());
        let claim = format!(
            "{index} finds {} rows of {}, of which the filter drops {}",
            count(read),
            seen.what(),
            count(dropped)
        );
        let hint = format!("let the index have what the filter compares, too: {filter}");
        let note = view.note_below("unselective-index", seen, claim, hint);
        notes.push(note.figure("rows found", count(read)).figure("rows dropped", count(dropped)));
    }
}

pub(super) fn lossy(view: &PlanView<'_>, notes: &mut Vec<PlanNote>) {
    for seen in view.nodes() {
        let resources = &seen.node.resources;
        let workers = || seen.node.workers.iter().map(|worker| &worker.resources);
        let lossy = resources.lossy_blocks + workers().map(|used| used.lossy_blocks).sum::<u64>();
        let exact = resources.exact_blocks + workers().map(|used| used.exact_blocks).sum::<u64>();
        if lossy == 0 || lossy * 10 < exact || !view.matters(seen.times.share) {
            continue;
        }
        let claim = format!(
            "the bitmap of {} did not fit in memory: all rows of {lossy} blocks were checked again",
            seen.what()
        );
        let hint = "a larger work_mem for this statement keeps it exact".to_owned();
        let note = own_note("lossy-bitmap", seen, claim, hint);
        notes.push(
            note.figure("lossy blocks", lossy.to_string())
                .figure("exact blocks", exact.to_string()),
        );
    }
}

#[expect(clippy::cast_precision_loss, reason = "rows of a plan are far below 2^53")]
pub(super) fn heap_fetches(view: &PlanView<'_>, notes: &mut Vec<PlanNote>) {
    for seen in view.nodes() {
        let Some(fetches) = seen.node.resources.heap_fetches else { continue };
        let read = looked_at(&seen).max(1.0);
        let many = 1_000 <= fetches && read * 0.2 <= fetches as f64;
        if !many || !view.matters(seen.times.share) {
            continue;
        }
        let table = seen.what();
        let claim = format!(
            "the index has all columns, but {} rows were looked up in {table} to see whether they are visible",
            count(fetches as f64)
        );
        let hint = format!(
            "VACUUM {table} marks its blocks as visible to all; let autovacuum come more often"
        );
        notes.push(
            own_note("heap-fetches", seen, claim, hint)
                .figure("heap fetches", count(fetches as f64)),
        );
    }
}

pub(super) fn remote(view: &PlanView<'_>, notes: &mut Vec<PlanNote>) {
    for seen in view.nodes().filter(|seen| seen.node.node_type == "Foreign Scan") {
        let dropped = seen.times.removed_rows;
        if dropped < view.limits.rows_min || !view.matters(seen.times.share) {
            continue;
        }
        let claim = format!(
            "{} rows were fetched from a foreign server to be dropped here",
            count(dropped)
        );
        let hint = "the filter cannot be sent: use functions and collations that the foreign server shares \
                    (option `extensions` of the server)"
            .to_owned();
        notes.push(
            own_note("remote-filter", seen, claim, hint).figure("rows dropped", count(dropped)),
        );
    }
}
