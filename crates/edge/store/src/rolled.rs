//! Roll-ups: beside the blocks of spans, what spans of one kind took in each minute.
//!
//! A roll-up is made of all spans of a segment, just after its block is, and stands for the same run of segments; they
//! are put together as blocks are, and stay when spans of the blocks go. A question that they can answer is answered by
//! them, for whole minutes; what the window has beside whole minutes is answered by the spans. Which of the two a span is
//! counted by hangs on its segment and its minute alone, so that none is counted twice: a roll-up is used
//! only if it is used for all blocks that share a segment with it, and a segment that is no block yet is asked itself.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use keep::{
    Chunk, MINUTES as TABLE,
    parquet::{BlockFormat, GroupHead, Wanted},
    query::{Answer, Groups, Query},
    rollup::{self, MINUTE_NANOS, Minutes},
};
use model::{Moment, Text, Window};

use crate::{
    Answered, Coverage, Limits, StoreError,
    blocks::{Blocks, Kept, Run},
    condensed::Condensed,
    counted::Answers,
    log::Kind,
    questions::Looked,
    recovery::{Files, Recovery},
    shelf::Shelf,
    signals::{SPANS, Signal},
    since::By,
    snapshot::{Reading, Snapshot, Unit},
    thin::each_group,
};

/// Roll-ups have blocks alone; they have no log, so that nothing is ever read as one.
pub(crate) static MINUTES: Signal = Signal {
    log: Kind { name: "minutes", magic: *b"tautmins" },
    table: &TABLE,
    head_bytes_max: 0,
    count: |_| 0,
    keys: |_| Vec::new(),
    rows: |chunk, _, _| chunk,
};

/// The roll-ups of a signal, if it has any.
pub(crate) fn open(
    signal: &Signal,
    folder: &Path,
    files: &Files,
    recovery: &mut Recovery,
) -> Result<Option<Blocks>, StoreError> {
    if signal.log.name != SPANS.log.name {
        return Ok(None);
    }
    Blocks::open(&MINUTES, folder, &files.minutes, &mut recovery.set_aside).map(Some)
}

/// How a question is answered with roll-ups.
#[derive(Debug)]
pub(crate) enum Rolled {
    /// It is about the roll-ups themselves.
    Itself,
    /// It is about spans, and this is the same question about minutes.
    Asked(Query),
}

/// What answers what.
#[derive(Debug, Default)]
struct Parts<'a> {
    /// Spans that are in no roll-up.
    spans: Vec<Unit<'a>>,
    /// Spans that roll-ups answer for, but for what is in no whole minute.
    edges: Vec<Unit<'a>>,
    minutes: Vec<Unit<'a>>,
}

impl Rolled {
    /// `None` if spans have to be looked at for all of the answer.
    pub(crate) fn of(shelf: &Shelf, query: &Query) -> Option<Self> {
        shelf.minutes.as_ref()?;
        if query.table.name == TABLE.name {
            return Some(Self::Itself);
        }
        rollup::inner(query.window)?;
        rollup::asked(query).map(Self::Asked)
    }
}

impl Shelf {
    /// Sums up the rows of a run of segments.
    pub(crate) fn roll_up(
        &self,
        run: Run,
        received: (Moment, Moment),
        rows: &Chunk,
    ) -> Result<(), StoreError> {
        match &self.minutes {
            Some(minutes) => minutes.add(run, received, &rollup::of(rows), &BlockFormat::FRESH),
            None => Ok(()),
        }
    }

    /// Makes the roll-up of a block that has none: the system stopped between the two, it was made by an older version, or
    /// the file was damaged. Returns whether it did.
    pub(crate) fn ensure_rolled_up(&self, kept: &Kept) -> Result<bool, StoreError> {
        let Some(minutes) = &self.minutes else { return Ok(false) };
        let runs = minutes.all().into_iter().map(|it| it.run);
        let beside: Vec<Run> = runs.filter(|run| 0 < overlap(*run, kept.run)).collect();
        let rolled_up: u32 = beside.iter().map(|run| overlap(*run, kept.run)).sum();
        let is_whole = kept.run.last - kept.run.first < rolled_up;
        // One that reaches beyond tells of spans of other blocks, too: it stays.
        if is_whole || beside.iter().any(|run| !kept.run.holds(*run)) {
            return Ok(false);
        }
        let mut all = Minutes::default();
        let (columns, keys) = &rollup::READS;
        let wanted = Wanted { columns: Some(columns), attributes: Some(keys), rows: None };
        each_group(kept, wanted, |rows| all.add(rows))?;
        minutes.add(kept.run, kept.received, &all.into_chunk(), &BlockFormat::SETTLED)?;
        Ok(true)
    }

    /// Makes the roll-up of the newest block, if the system stopped between the two: before it is put together with
    /// others, for then it would be told by roll-ups that reach beyond it.
    pub(crate) fn catch_up(&self) -> Result<bool, StoreError> {
        let all = self.blocks.all();
        let Some(newest) = all.last().filter(|kept| kept.thinned.is_none()) else {
            return Ok(false);
        };
        match self.ensure_rolled_up(newest) {
            Err(StoreError::Damaged { path }) if path == newest.path => {
                self.blocks.set_aside(newest).map(|()| true)
            }
            done => done,
        }
    }

    /// See [`crate::Store::ask`].
    pub(crate) fn ask_rolled(
        &self,
        query: &Query,
        rolled: &Rolled,
        limits: &Limits,
    ) -> Result<Answered<Answer>, StoreError> {
        let begun = Instant::now();
        // Before the segments: what is rolled up later is a segment in the snapshot, or a block without.
        let minutes = self.minutes.as_ref().map(Blocks::all).unwrap_or_default();
        let snapshot = self.snapshot(None)?;
        let mut all = Groups::default();
        let mut coverage = Coverage::default();
        let asked = match rolled {
            Rolled::Itself => query,
            Rolled::Asked(asked) => asked,
        };
        let split = rollup::split(query, asked);
        let (of_minutes, rest) = match (rolled, &split) {
            (Rolled::Asked(_), Some((of_minutes, rest))) => (of_minutes, Some(rest)),
            _ => (query, None),
        };
        let parts = parts(&snapshot, &minutes, query, of_minutes, rest.is_some());
        let mut look = |units: &[Unit<'_>], query: &Query, is_rolled_up: bool| {
            let left = limits.left(begun, coverage.rows);
            if units.is_empty() {
                return Ok(());
            }
            let (found, own) = self.look(units, &reading(query, is_rolled_up), &left, {
                |groups: &mut Groups, looked: Looked<'_>| {
                    if is_rolled_up {
                        groups.add(query, &rollup::of(looked.chunk));
                    } else {
                        groups.add(query, looked.chunk);
                        groups.looked(looked.left_out, 0, false);
                    }
                }
            })?;
            coverage.merge(own);
            for part in found {
                all.merge(part);
            }
            Ok::<(), StoreError>(())
        };
        look(&parts.spans, query, rest.is_none())?;
        if let Some(rest) = rest {
            look(&parts.edges, rest, false)?;
        }
        if rest.is_some() && Condensed::answers(of_minutes) {
            let left = limits.left(begun, coverage.rows);
            let (found, own) = self.look_condensed(&parts.minutes, of_minutes, &left)?;
            coverage.merge(own);
            for part in found {
                all.merge(part);
            }
        } else if Answers::are_of(of_minutes) {
            let (left, reading) = (limits.left(begun, coverage.rows), reading(of_minutes, false));
            let (found, own) = self.look_once(&parts.minutes, (of_minutes, &reading), &left)?;
            coverage.merge(own);
            for part in found {
                all.merge(part);
            }
        } else {
            look(&parts.minutes, of_minutes, false)?;
        }
        if let Some(cold) = &self.cold {
            all.merge(coverage.take(cold.ask(query, limits, &snapshot.here())?));
        }
        let answer = all.answer(query);
        coverage.is_estimate |= answer.is_estimate;
        self.note_since(&mut coverage, query.window, By::Minutes);
        Ok(Answered { answer, coverage })
    }
}

/// What is read of each unit for a question; if it is about minutes and the unit has spans, what minutes are made of.
fn reading(query: &Query, is_rolled_up: bool) -> Reading {
    let (mut columns, mut attributes) = query.reads();
    if is_rolled_up {
        columns = rollup::READS.0.to_vec();
        attributes = rollup::READS.1.map(Text::from).to_vec();
    }
    let reading = Reading::new(query.table, query.window, &query.filter, columns, Some(attributes));
    // The filter is about minutes: which spans pass it is known once they are rolled up.
    if is_rolled_up { reading } else { reading.of_passing(&query.filter) }
}

/// Which units answer what, the newest first.
fn parts<'a>(
    snapshot: &'a Snapshot,
    minutes: &'a [Arc<Kept>],
    query: &Query,
    of_minutes: &Query,
    has_edges: bool,
) -> Parts<'a> {
    let Window { from, to } = query.window;
    let mut parts = Parts::default();
    parts.spans.extend(snapshot.segments.iter().map(Unit::Segment));
    let (usable, covered) = usable(snapshot, minutes, query);
    // A minute is within as soon as it begins within; all spans of it are in its row then.
    let until = if has_edges { to } else { to + Duration::from_nanos(MINUTE_NANOS) };
    let inner = rollup::inner(query.window).unwrap_or(Window { from, to: from });
    let edges = [Window { from, to: inner.from }, Window { from: inner.to, to }];
    for (kept, is_covered) in snapshot.blocks.iter().zip(covered) {
        match (is_covered, has_edges) {
            (false, _) => add(&mut parts.spans, kept, &[Window { from, to: until }]),
            (true, true) => add(&mut parts.edges, kept, &edges),
            (true, false) => {}
        }
    }
    for kept in usable.into_iter().rev() {
        add(&mut parts.minutes, kept, &[of_minutes.window]);
    }
    parts
}

/// Adds the row groups that have rows in one of the windows.
fn add<'a>(units: &mut Vec<Unit<'a>>, kept: &'a Kept, windows: &[Window]) {
    let is_within = |group: &GroupHead| {
        let (first, last) = group.times;
        windows.iter().any(|it| first < it.to.nanos && it.from.nanos <= last && it.from < it.to)
    };
    let groups = kept.block.groups().iter().enumerate().rev();
    let within = groups.filter(|(_, group)| is_within(group));
    units.extend(within.map(|(group, _)| Unit::Group(kept, group)));
}

/// The roll-ups that are used, and for each block of the snapshot whether they answer for it.
fn usable<'a>(
    snapshot: &Snapshot,
    minutes: &'a [Arc<Kept>],
    query: &Query,
) -> (Vec<&'a Arc<Kept>>, Vec<bool>) {
    let here = |run: Run| snapshot.segments.iter().any(|it| run.has(it.segment));
    let mut used: Vec<&Arc<Kept>> = minutes.iter().filter(|kept| !here(kept.run)).collect();
    let fits = rollup::fits(query);
    let step_nanos = query.step.map_or(u128::MAX, |step| step.as_nanos());
    // Where steps cut minutes in two, spans tell more; estimates of a sample do if steps are short, too.
    let may =
        |kept: &Kept| fits || (kept.thinned.is_some() && u128::from(MINUTE_NANOS) <= step_nanos);
    loop {
        let is_covered = |kept: &Kept| {
            let in_run = used.iter().map(|it| overlap(it.run, kept.run)).sum::<u32>();
            may(kept) && in_run == kept.run.last - kept.run.first + 1
        };
        let covered: Vec<bool> = snapshot.blocks.iter().map(|kept| is_covered(kept)).collect();
        let others = || snapshot.blocks.iter().zip(&covered).filter(|(_, covered)| !**covered);
        let before = used.len();
        used.retain(|it| others().all(|(kept, _)| overlap(it.run, kept.run) == 0));
        if used.len() == before {
            return (used, covered);
        }
    }
}

/// How many segments two runs share.
fn overlap(one: Run, other: Run) -> u32 {
    let (first, last) = (one.first.max(other.first), one.last.min(other.last));
    (last + 1).saturating_sub(first)
}
