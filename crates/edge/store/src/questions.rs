//! Questions over all that is kept of a signal: blocks, and the segments that are none yet.
//!
//! Each unit of a snapshot (a segment, or a row group of a block) is looked at, the newest first, by as many threads
//! as there are processors. What is kept elsewhere is asked there, and merged.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    thread,
    time::{Duration, Instant},
};

use keep::{
    Chunk,
    parquet::Wanted,
    query::{Answer, Comparison, Differences, Groups, Query, Ranked, Top},
};

use crate::{
    Answered, Coverage, Limit, Limits, StoreError, blocks,
    rolled::Rolled,
    shelf::Shelf,
    signals::Item,
    since::By,
    snapshot::{Reading, Unit},
};

/// Most spans or log records that are given whole: some tens of megabytes.
pub const SPANS_MAX: usize = 10_000;

/// Threads for one question: more would starve those that receive.
const THREADS_MAX: usize = 4;

/// Rows that a comparison looks at: more of them change no share that anybody sees. Of more, a fair sample is taken, of whole
/// row groups at even distances.
const COMPARED_ROWS: u64 = 1_500_000;

/// Selected rows below which all that there is gets looked at: shares of fewer would be off by several percent.
const SELECTED_MIN: u64 = 1_000;

/// Where a row is: which unit, which of its chunks, which row.
type At = (usize, usize, u32);

/// A chunk that is looked at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Looked<'a> {
    pub(crate) chunk: &'a Chunk,
    unit: usize,
    part: usize,
    /// All of its columns are there, not only those that were asked for.
    is_whole: bool,
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
        let narrowed = query.narrowed(&first.answer.groups);
        let left = Limits { time: limits.time.saturating_sub(begun.elapsed()), ..*limits };
        let Answered { mut answer, mut coverage } = self.ask_at_once(&narrowed, &left)?;
        answer.rows_passed = first.answer.rows_passed;
        answer.is_cut |= first.answer.is_cut;
        coverage.rows = coverage.rows.max(first.coverage.rows);
        coverage.reached = coverage.reached.or(first.coverage.reached);
        coverage.is_estimate |= first.coverage.is_estimate;
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

    /// See [`crate::Store::compare`].
    pub(crate) fn compare(
        &self,
        comparison: &Comparison,
        limits: &Limits,
    ) -> Result<Answered<Differences>, StoreError> {
        let Comparison { table, window, filter, selection } = comparison;
        let reading = Reading::new(table, *window, filter, comparison.reads(), None);
        let snapshot = self.snapshot(reading.traces.as_deref())?;
        let units = snapshot.units(&reading);
        let each = |differences: &mut Differences, unit: usize| match units[unit] {
            // What is packed is counted as it is.
            Unit::Group(kept, group) => {
                let added = differences.add_group(&kept.block, group, comparison);
                added.map_err(|error| blocks::failed(&kept.path, error))
            }
            Unit::Segment(_) => {
                let chunks = self.read(units[unit], &reading)?;
                for chunk in &chunks {
                    differences.add(chunk, *window, filter, selection);
                }
                Ok(chunks.iter().map(|chunk| chunk.rows() as u64).sum())
            }
        };
        let begun = Instant::now();
        let mut coverage = Coverage::default();
        let mut look = |places: &[usize]| {
            let time = limits.time.saturating_sub(begun.elapsed());
            let left = Limits { time, rows: limits.rows.saturating_sub(coverage.rows) };
            let each = |own: &mut Differences, place: usize| each(own, places[place]);
            let (parts, own) = look_at(places.len(), &left, each)?;
            coverage.merge(own);
            let mut all = Differences::default();
            for part in parts {
                all.merge(part);
            }
            Ok::<Differences, StoreError>(all)
        };
        let Parts { whole, sampled, rest, rows: (of_sampled, of_others) } =
            Parts::of(&units, comparison);
        let mut answer = look(&whole)?;
        let mut sample = look(&sampled)?;
        let (one, other) = (answer.rows(), sample.rows());
        if (one.0 + other.0).min(one.1 + other.1) < SELECTED_MIN {
            // Too few are selected, or left to compare them with, for a sample: each of them counts.
            sample.merge(look(&rest)?);
        } else {
            sample.times(of_others, of_sampled);
            coverage.is_estimate |= of_sampled < of_others;
        }
        answer.merge(sample);
        if let Some(cold) = &self.cold {
            let elsewhere = cold.compare(comparison, limits, &snapshot.here())?;
            answer.merge(coverage.take(elsewhere));
        }
        self.note_since(&mut coverage, *window, By::Rows);
        Ok(Answered { answer, coverage })
    }

    /// See [`crate::Store::top`].
    pub(crate) fn top<T: Item>(
        &self,
        top: &Top,
        limits: &Limits,
    ) -> Result<Answered<Vec<T>>, StoreError> {
        let top = Top { limit: top.limit.min(SPANS_MAX), ..top.clone() };
        let (columns, attributes) = top.reads();
        let reading = Reading::new(top.table, top.window, &top.filter, columns, Some(attributes));
        let snapshot = self.snapshot(reading.traces.as_deref())?;
        let units = snapshot.units(&reading);
        let each = |found: &mut Found<T>, looked: Looked<'_>| found.add(&top, looked);
        let (parts, mut coverage) = self.look(&units, &reading, limits, each)?;
        let mut found = Found::default();
        if let Some(cold) = &self.cold {
            let chunk = coverage.take(cold.top(&top, limits, &snapshot.here())?);
            let unit = units.len();
            found.add(&top, Looked { chunk: &chunk, unit, part: 0, is_whole: true, left_out: 0 });
        }
        for mut part in parts {
            found.ranked.append(&mut part.ranked);
            found.items.append(&mut part.items);
        }
        found.ranked = top.merge(found.ranked);
        found.read_rest(&units, &mut coverage)?;
        self.note_since(&mut coverage, top.window, By::Rows);
        let Found { ranked, mut items } = found;
        let answer = ranked.iter().filter_map(|ranked| items.remove(&ranked.place)).collect();
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
            let chunks = self.read(units[unit], reading)?;
            let is_whole = matches!(units[unit], Unit::Segment(_));
            let looked_at = units[unit].rows(&chunks);
            let mut left_out =
                looked_at - chunks.iter().map(|it| it.rows() as u64).sum::<u64>().min(looked_at);
            for (part, chunk) in chunks.iter().enumerate() {
                each(own, Looked { chunk, unit, part, is_whole, left_out });
                left_out = 0;
            }
            Ok(looked_at)
        })
    }
}

/// Which units a comparison looks at.
#[derive(Debug, Default)]
struct Parts {
    /// Those that are looked at in any case: of the time that is selected, and those that are no block yet.
    whole: Vec<usize>,
    /// A fair sample of the others.
    sampled: Vec<usize>,
    /// The others.
    rest: Vec<usize>,
    /// Rows of the sample, and those of the others that it stands for, itself among them.
    rows: (u64, u64),
}

impl Parts {
    fn of(units: &[Unit<'_>], comparison: &Comparison) -> Self {
        let selected = comparison.selection.within(comparison.table.time);
        let is_whole = |unit: &Unit<'_>| match unit {
            Unit::Segment(_) => true,
            Unit::Group(kept, group) => match (selected, kept.block.groups().get(*group)) {
                (Some((from, to)), Some(group)) => {
                    let first = i64::try_from(group.times.0).unwrap_or(i64::MAX);
                    let last = i64::try_from(group.times.1).unwrap_or(i64::MAX);
                    first < to && from <= last
                }
                _ => false,
            },
        };
        Self::split(&units.iter().map(|unit| (is_whole(unit), unit.rows(&[]))).collect::<Vec<_>>())
    }

    /// Of units, of which each is looked at in any case or not, with their rows.
    fn split(units: &[(bool, u64)]) -> Self {
        let (whole, others): (Vec<usize>, Vec<usize>) =
            (0..units.len()).partition(|place| units[*place].0);
        let rows = |places: &[usize]| places.iter().map(|place| units[*place].1).sum();
        let (of_whole, of_others): (u64, u64) = (rows(&whole), rows(&others));
        // However much is selected, something is left to compare it with.
        let room = COMPARED_ROWS.saturating_sub(of_whole).max(COMPARED_ROWS / 4);
        let times = of_others.div_ceil(room).max(1);
        let step = usize::try_from(times).unwrap_or(usize::MAX);
        let mut parts = Self { whole, rows: (0, of_others), ..Self::default() };
        for (number, place) in others.into_iter().enumerate() {
            // From the middle of each stretch, so that the newest weigh no more than the oldest.
            let is_sampled = number % step == step / 2;
            if is_sampled {
                parts.rows.0 += units[place].1;
                parts.sampled.push(place);
            } else {
                parts.rest.push(place);
            }
        }
        parts
    }
}

/// Looks at so many units, as [`Shelf::look`] does; `each` returns how many rows one has.
fn look_at<T: Default + Send>(
    units: usize,
    limits: &Limits,
    each: impl Fn(&mut T, usize) -> Result<u64, StoreError> + Sync,
) -> Result<(Vec<T>, Coverage), StoreError> {
    let until = Instant::now() + limits.time.min(Duration::from_hours(24));
    let (next, rows) = (AtomicUsize::new(0), AtomicU64::new(0));
    let work = || {
        let (mut own, mut coverage) = (T::default(), Coverage::default());
        loop {
            let unit = next.fetch_add(1, Relaxed);
            if units <= unit {
                return Ok((own, coverage));
            }
            coverage.reached = if limits.rows <= rows.load(Relaxed) {
                Some(Limit::Rows)
            } else {
                (until <= Instant::now()).then_some(Limit::Time)
            };
            if coverage.reached.is_some() {
                return Ok((own, coverage));
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
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let others = threads.min(THREADS_MAX).min(units).saturating_sub(1);
    let done: Vec<Result<(T, Coverage), StoreError>> = thread::scope(|scope| {
        let others: Vec<_> = (0..others).map(|_| scope.spawn(work)).collect();
        let mut done = vec![work()];
        for other in others {
            match other.join() {
                Ok(told) => done.push(told),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        done
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

/// Rows that may be among the first, and those of their items that are at hand.
#[derive(Debug)]
struct Found<T> {
    ranked: Vec<Ranked<At>>,
    items: BTreeMap<At, T>,
}

impl<T> Default for Found<T> {
    fn default() -> Self {
        Self { ranked: Vec::new(), items: BTreeMap::new() }
    }
}

impl<T: Item> Found<T> {
    fn add(&mut self, top: &Top, looked: Looked<'_>) {
        let Looked { chunk, unit, part, is_whole, .. } = looked;
        self.ranked.extend(top.of(chunk, |row| (unit, part, row)));
        self.ranked = top.merge(std::mem::take(&mut self.ranked));
        if is_whole {
            let places = self.ranked.iter().map(|ranked| ranked.place);
            let places: Vec<At> = places.filter(|at| (at.0, at.1) == (unit, part)).collect();
            let rows: Vec<usize> = places.iter().map(|at| at.2 as usize).collect();
            self.items.extend(places.into_iter().zip(T::read(chunk, &rows)));
        }
        if 2 * top.limit < self.items.len() {
            let first: BTreeSet<At> = self.ranked.iter().map(|ranked| ranked.place).collect();
            self.items.retain(|at, _| first.contains(at));
        }
    }

    /// Reads the rows of blocks that are among the first.
    fn read_rest(&mut self, units: &[Unit<'_>], coverage: &mut Coverage) -> Result<(), StoreError> {
        let mut missing: BTreeMap<usize, BTreeSet<u32>> = BTreeMap::new();
        for Ranked { place, .. } in &self.ranked {
            if !self.items.contains_key(place) {
                missing.entry(place.0).or_default().insert(place.2);
            }
        }
        for (unit, rows) in missing {
            let Some(Unit::Group(kept, group)) = units.get(unit) else { continue };
            let rows: Vec<u32> = rows.into_iter().collect();
            match kept.read(*group, Wanted { rows: Some(&rows), ..Wanted::ALL }) {
                Ok(chunk) => {
                    let read = T::read(&chunk, &(0..rows.len()).collect::<Vec<_>>());
                    let places = rows.iter().map(|row| (unit, 0, *row));
                    self.items.extend(places.zip(read));
                }
                Err(StoreError::Damaged { path }) => coverage.damaged.push(path),
                Err(error) => return Err(error),
            }
        }
        coverage.damaged.dedup();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comparison_looks_at_all_of_few_rows_and_at_a_fair_sample_of_many() {
        let few = Parts::split(&[(false, 1_000), (true, 0), (false, COMPARED_ROWS - 1_000)]);
        assert_eq!((few.whole, few.sampled, few.rest), (vec![1], vec![0, 2], vec![]));
        assert_eq!(few.rows, (COMPARED_ROWS, COMPARED_ROWS));
        let day: Vec<(bool, u64)> = (0..76).map(|hour| (hour == 40, 131_072)).collect();
        let many = Parts::split(&day);
        assert_eq!((many.whole, many.rows), (vec![40], (9 * 131_072, 75 * 131_072)));
        assert_eq!(many.sampled, [4, 12, 20, 28, 36, 45, 53, 61, 69]);
        assert_eq!(many.rest.len() + many.sampled.len(), 75);
        // What is selected is looked at, however much it is, and something beside it.
        let all: Vec<(bool, u64)> = (0..100).map(|hour| (hour < 90, 131_072)).collect();
        let wide = Parts::split(&all);
        assert_eq!((wide.whole.len(), wide.sampled.len()), (90, 2));
        // What is looked at stands for all, however few units there are.
        assert_eq!(wide.rows, (2 * 131_072, 10 * 131_072));
    }
}
