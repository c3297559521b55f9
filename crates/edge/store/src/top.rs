//! The rows whose number is greatest: the slowest spans, the latest logs.
//!
//! The index of a block says how great the numbers of each of its pages are at most. Pages are looked at in that order, some
//! more in each round, until no other can have a number as great as the least of those that were found: of a day of
//! durations, that leaves out most.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

use keep::{
    Chunk,
    parquet::Wanted,
    query::{Field, Ranked, Top},
};

use crate::{
    Answered, Coverage, Limits, StoreError,
    questions::{ahead, look_at},
    shelf::Shelf,
    signals::Item,
    since::By,
    snapshot::{Reading, Unit},
};

/// Most spans or log records that are given whole: some tens of megabytes.
pub const SPANS_MAX: usize = 10_000;

/// Stretches of rows of the first round; each round has twice as many as the one before. Most who ask want less than the rows
/// of one page, and rank them by time.
const STRETCHES_FIRST: usize = 8;

/// Where a row is: which unit, which of its chunks, which row.
type At = (usize, usize, u32);

/// Rows of a unit that are looked at together.
#[derive(Debug, Clone, Copy)]
struct Stretch {
    unit: usize,
    /// `None` for all.
    rows: Option<(u32, u32)>,
    /// None of their numbers is greater.
    most: i64,
}

/// Rows of one unit that are looked at in a round.
struct Part {
    unit: usize,
    /// Ascending; `None` for all.
    rows: Option<Vec<u32>>,
}

impl Shelf {
    /// See [`crate::Store::top`].
    pub(crate) fn top<T: Item>(
        &self,
        top: &Top,
        limits: &Limits,
    ) -> Result<Answered<Vec<T>>, StoreError> {
        let begun = Instant::now();
        let top = Top { limit: top.limit.min(SPANS_MAX), ..top.clone() };
        let (columns, attributes) = top.reads();
        let reading = Reading::new(top.table, top.window, &top.filter, columns, Some(attributes));
        let snapshot = self.snapshot(reading.traces.as_deref())?;
        let units = snapshot.units(&reading);
        let (mut found, mut coverage) = (Found::default(), Coverage::default());
        if let Some(cold) = &self.cold {
            let chunk = coverage.take(cold.top(&top, limits, &snapshot.here())?);
            found.add(&top, &chunk, |row| (units.len(), 0, row));
            found.take(&chunk, (units.len(), 0));
        }
        let mut rest = stretches(&units, &top);
        let mut round = STRETCHES_FIRST;
        while coverage.reached.is_none() {
            if let Some(least) = found.least(&top) {
                rest.retain(|stretch| least <= stretch.most);
            }
            if rest.is_empty() {
                break;
            }
            let parts = parts(&units, rest.drain(..round.min(rest.len())));
            let left = limits.left(begun, coverage.rows);
            let (all, own) = look_at(parts.len(), &left, |own: &mut Found<T>, place| {
                ahead(place, &parts, |next| {
                    units[next.unit].will_need(&reading, next.rows.as_deref());
                });
                let part = &parts[place];
                self.look_for_top((&top, &reading), units[part.unit], part, own)
            })?;
            coverage.merge(own);
            for mut part in all {
                found.ranked.append(&mut part.ranked);
                found.items.append(&mut part.items);
            }
            found.ranked = top.merge(found.ranked);
            round *= 2;
        }
        found.read_rest(&units, &mut coverage)?;
        self.note_since(&mut coverage, top.window, By::Rows);
        let Found { ranked, mut items } = found;
        let answer = ranked.iter().filter_map(|ranked| items.remove(&ranked.place)).collect();
        Ok(Answered { answer, coverage })
    }

    /// Looks at some rows of a unit; returns how many they are.
    fn look_for_top<T: Item>(
        &self,
        (top, reading): (&Top, &Reading),
        unit: Unit<'_>,
        part: &Part,
        found: &mut Found<T>,
    ) -> Result<u64, StoreError> {
        let chunks = self.read_rows(unit, reading, part.rows.as_deref())?;
        let mut looked_at = 0;
        for (number, chunk) in chunks.iter().enumerate() {
            looked_at += chunk.rows() as u64;
            found.add(top, chunk, |row| {
                let rows = part.rows.as_ref();
                (part.unit, number, rows.map_or(row, |rows| rows[row as usize]))
            });
            if matches!(unit, Unit::Segment(_)) {
                found.take(chunk, (part.unit, number));
            }
        }
        found.make_room(top);
        Ok(looked_at)
    }
}

/// All rows that may be wanted, those with the greatest numbers first; of what may be as great, the newest first.
fn stretches(units: &[Unit<'_>], top: &Top) -> Vec<Stretch> {
    let mut stretches = Vec::new();
    for (unit, kind) in units.iter().enumerate() {
        let Unit::Group(kept, group) = kind else {
            stretches.push(Stretch { unit, rows: None, most: i64::MAX });
            continue;
        };
        let (place, is_whole) = match top.by {
            Field::Column(place) => (place, top.table.columns[place].kind.is_whole()),
            _ => (top.table.time, false),
        };
        let bounds = kept.block.bounds_within(*group, place, top.window, &top.filter);
        stretches.extend(bounds.into_iter().map(|it| Stretch {
            unit,
            rows: Some((it.from, it.to)),
            most: if is_whole { it.most } else { i64::MAX },
        }));
    }
    stretches.sort_by_key(|it| (Reverse(it.most), it.unit, it.rows));
    stretches
}

/// Stretches by their units, as they lie in the files.
fn parts(units: &[Unit<'_>], stretches: impl Iterator<Item = Stretch>) -> Vec<Part> {
    let mut by_unit: BTreeMap<usize, BTreeSet<(u32, u32)>> = BTreeMap::new();
    for stretch in stretches {
        by_unit.entry(stretch.unit).or_default().extend(stretch.rows);
    }
    let part = |(unit, stretches): (usize, BTreeSet<(u32, u32)>)| {
        let rows: Vec<u32> = stretches.into_iter().flat_map(|(from, to)| from..to).collect();
        let is_all = rows.len() as u64 == units[unit].rows(&[]) || rows.is_empty();
        Part { unit, rows: (!is_all).then_some(rows) }
    };
    by_unit.into_iter().map(part).collect()
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
    /// What a row must have at least to be among the first; `None` if any number will do.
    fn least(&self, top: &Top) -> Option<i64> {
        let is_full = top.limit <= self.ranked.len();
        let last = self.ranked.last().map_or(Some(i64::MAX), Ranked::number);
        last.filter(|_| is_full)
    }

    fn add(&mut self, top: &Top, chunk: &Chunk, place: impl Fn(u32) -> At) {
        self.ranked.extend(top.of(chunk, place));
        self.ranked = top.merge(std::mem::take(&mut self.ranked));
    }

    /// Takes the items of a chunk that has all columns.
    fn take(&mut self, chunk: &Chunk, (unit, part): (usize, usize)) {
        let places = self.ranked.iter().map(|ranked| ranked.place);
        let places: Vec<At> = places.filter(|at| (at.0, at.1) == (unit, part)).collect();
        let rows: Vec<usize> = places.iter().map(|at| at.2 as usize).collect();
        self.items.extend(places.into_iter().zip(T::read(chunk, &rows)));
    }

    fn make_room(&mut self, top: &Top) {
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
        let missing: Vec<(usize, Vec<u32>)> =
            missing.into_iter().map(|(unit, rows)| (unit, rows.into_iter().collect())).collect();
        // They are few, and were counted already.
        let limits = Limits { rows: u64::MAX, ..Limits::default() };
        let (read, own) = look_at(missing.len(), &limits, |own: &mut Vec<(At, T)>, place| {
            ahead(place, &missing, |(unit, rows)| {
                if let Some(Unit::Group(kept, group)) = units.get(*unit) {
                    let wanted = Wanted { rows: Some(rows), ..Wanted::ALL };
                    kept.block.source().will_need(&kept.block.ranges(*group, wanted));
                }
            });
            let (unit, rows) = &missing[place];
            if let Some(Unit::Group(kept, group)) = units.get(*unit) {
                let chunk = kept.read(*group, Wanted { rows: Some(rows), ..Wanted::ALL })?;
                let read = T::read(&chunk, &(0..rows.len()).collect::<Vec<_>>());
                own.extend(rows.iter().map(|row| (*unit, 0, *row)).zip(read));
            }
            Ok(0)
        })?;
        coverage.merge(own);
        self.items.extend(read.into_iter().flatten());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use keep::{SPANS, query::Filter, table::span};
    use model::{Span, Window};

    use super::*;
    use crate::compare::tests::{BLOCKS, SPANS_EACH, folder};

    #[test]
    fn the_latest_are_found_without_a_look_at_what_is_older() {
        let place = tempfile::tempdir().unwrap();
        let store = folder(place.path());
        let shelf = store.shelf_of::<Span>().unwrap();
        let mut top = Top {
            table: &SPANS,
            window: Window::ALL,
            filter: Filter::All,
            by: Field::Column(span::START),
            limit: 70,
        };
        let latest = |top: &Top| {
            let told = shelf.top::<Span>(top, &Limits::default()).unwrap();
            let starts = told.answer.iter().map(|span| span.start.nanos);
            (starts.collect::<Vec<u64>>(), told.coverage.rows)
        };
        let all = BLOCKS * SPANS_EACH;
        let (starts, rows) = latest(&top);
        let expected: Vec<u64> = (0..70).map(|back| 1_000 * (all - back)).collect();
        assert_eq!(starts, expected);
        assert_eq!(rows, STRETCHES_FIRST as u64 * SPANS_EACH);
        // Most of what was looked at first does not pass.
        top.filter = Filter::Between(Field::Column(span::DURATION), 900, i64::MAX);
        top.limit = 4;
        let (starts, rows) = latest(&top);
        assert_eq!(starts, [2_700, 2_400, 2_100, 1_800].map(|number| 1_000 * (number + 1)));
        assert_eq!(rows, 3 * STRETCHES_FIRST as u64 * SPANS_EACH);
    }
}
