//! Questions over all that is kept of a signal: blocks, and the segments that are none yet.
//!
//! Each unit of a snapshot (a segment, or a row group of a block) is looked at, the newest first, by as many threads
//! as there are processors. What is kept elsewhere is asked there, and merged.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::{Duration, Instant},
};

use keep::{
    Chunk,
    query::{Answer, Groups, Query},
};

use crate::{
    Answered, Coverage, Limit, Limits, StoreError,
    rolled::Rolled,
    shared::share_out,
    shelf::Shelf,
    since::By,
    snapshot::{Reading, Unit},
};

/// Units that are fetched while one is looked at: some megabytes.
const AHEAD: usize = 4;

/// A chunk that is looked at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Looked<'a> {
    pub(crate) chunk: &'a Chunk,
    /// Rows of the unit that were looked at, and left out since they do not pass.
    pub(crate) left_out: u64,
}

impl Shelf {
    /// See [`crate::Store::ask`].
    pub(crate) fn ask(
        &self,
        query: &Query,
        limits: &Limits,
    ) -> Result<Answered<Answer>, StoreError> {
        let Some(without_steps) = query.without_steps() else {
            return self.ask_at_once(query, limits);
        };
        // A day of minutes of every operation is more than can be kept: first which of them, then their minutes.
        let begun = Instant::now();
        let first = self.ask_at_once(&without_steps, limits)?;
        let keys: Vec<_> = first.answer.groups.into_iter().map(|group| group.key).collect();
        let narrowed = query.narrowed(&keys);
        let left = limits.left(begun, 0);
        let Answered { mut answer, mut coverage } = self.ask_at_once(&narrowed, &left)?;
        answer.rows_passed = first.answer.rows_passed;
        answer.is_cut |= first.answer.is_cut;
        coverage.of_rest(first.coverage);
        Ok(Answered { answer, coverage })
    }

    fn ask_at_once(&self, query: &Query, limits: &Limits) -> Result<Answered<Answer>, StoreError> {
        if let Some(rolled) = Rolled::of(self, query) {
            return self.ask_rolled(query, &rolled, limits);
        }
        let (columns, attributes) = query.reads();
        let reading =
            Reading::new(query.table, query.window, &query.filter, columns, Some(attributes));
        let reading = reading.of_passing(&query.filter);
        let snapshot = self.snapshot(reading.traces.as_deref())?;
        let units = snapshot.units(&reading);
        let each = |groups: &mut Groups, looked: Looked<'_>| {
            groups.add(query, looked.chunk);
            groups.looked(looked.left_out, 0, false);
        };
        let (parts, mut coverage) = self.look(&units, &reading, limits, each)?;
        let mut all = Groups::default();
        for part in parts {
            all.merge(part);
        }
        if let Some(cold) = &self.cold {
            let elsewhere = cold.ask(query, limits, &snapshot.here())?;
            all.merge(coverage.take(elsewhere));
        }
        let answer = all.answer(query);
        coverage.is_estimate |= answer.is_estimate;
        self.note_since(&mut coverage, query.window, By::Rows);
        Ok(Answered { answer, coverage })
    }

    /// Looks at units, the first ones first, until a limit is reached. Each thread has a `T` of its own.
    pub(crate) fn look<T: Default + Send>(
        &self,
        units: &[Unit<'_>],
        reading: &Reading,
        limits: &Limits,
        each: impl Fn(&mut T, Looked<'_>) + Sync,
    ) -> Result<(Vec<T>, Coverage), StoreError> {
        look_at(units.len(), limits, |own: &mut T, unit| {
            ahead(unit, units, |next| next.will_need(reading, None));
            let chunks = self.read(units[unit], reading)?;
            let looked_at = units[unit].rows(&chunks);
            let mut left_out =
                looked_at - chunks.iter().map(|it| it.rows() as u64).sum::<u64>().min(looked_at);
            for chunk in &chunks {
                each(own, Looked { chunk, left_out });
                left_out = 0;
            }
            Ok(looked_at)
        })
    }
}

/// Has those that are looked at soon fetched: a disk answers several requests at once. The first asks for some, each other one
/// for one more.
pub(crate) fn ahead<T>(place: usize, all: &[T], will_need: impl Fn(&T)) {
    let first = if place == 0 { 0 } else { place + AHEAD };
    let next = all.get(first..all.len().min(place + AHEAD + 1)).unwrap_or_default();
    next.iter().for_each(will_need);
}

/// Looks at so many units, as [`Shelf::look`] does; `each` returns how many rows one has.
pub(crate) fn look_at<T: Default + Send>(
    units: usize,
    limits: &Limits,
    each: impl Fn(&mut T, usize) -> Result<u64, StoreError> + Sync,
) -> Result<(Vec<T>, Coverage), StoreError> {
    let until = Instant::now() + limits.time.min(Duration::from_hours(24));
    let rows = AtomicU64::new(0);
    let done: Vec<Result<(T, Coverage), StoreError>> = share_out(units, |units| {
        let (mut own, mut coverage) = (T::default(), Coverage::default());
        for unit in units {
            coverage.reached = if limits.rows <= rows.load(Relaxed) {
                Some(Limit::Rows)
            } else {
                (until <= Instant::now()).then_some(Limit::Time)
            };
            if coverage.reached.is_some() {
                break;
            }
            match each(&mut own, unit) {
                Ok(looked_at) => {
                    rows.fetch_add(looked_at, Relaxed);
                    coverage.rows += looked_at;
                }
                Err(StoreError::Damaged { path }) => coverage.damaged.push(path),
                Err(error) => return Err(error),
            }
        }
        Ok((own, coverage))
    });
    let mut parts = Vec::new();
    let mut coverage = Coverage::default();
    for told in done {
        let (part, own) = told?;
        parts.push(part);
        coverage.merge(own);
    }
    Ok((parts, coverage))
}
