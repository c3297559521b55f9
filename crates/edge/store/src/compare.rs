//! What stands out in a selection, over segments and blocks.
//!
//! Of few rows each counts. Of many a fair sample does: pages at even distances, in few runs, since each row group that is
//! touched costs its dictionaries. Where that has too few rows of a side, pages that have some are looked for: facts in
//! memory say when requests of an endpoint began, and else the columns that decide it are read. Either side then
//! stands for all of its rows, of which there is an exact count.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    time::Instant,
};

use keep::{
    Column,
    query::{Comparison, Counted, Differences, Filter, Side},
};

use crate::{
    Answered, Coverage, Limits, StoreError, blocks,
    questions::{ahead, look_at},
    shelf::Shelf,
    since::By,
    snapshot::{Reading, Unit},
};

mod begun;
#[cfg(test)]
pub(crate) mod tests;

pub(crate) use begun::{Begun, begun};

/// How much a comparison looks at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sampling {
    /// Rows of blocks: of fewer, each counts.
    pub(crate) rows: u64,
    /// Runs of pages that a sample of more is made of: enough to see each shift of a day.
    pub(crate) runs: usize,
    /// Rows of a side below which more are looked for: shares of 400 are off by 2.5 percent (one standard error), those of
    /// fewer by more.
    pub(crate) least: u64,
    /// Pages that are then looked at for either side.
    pub(crate) pages: usize,
}

impl Sampling {
    /// What two cores do in a tenth of a second.
    pub(crate) const USUAL: Self = Self { rows: 524_288, runs: 8, least: 400, pages: 32 };

    /// What is looked at of so many rows of all, so that it is as much of them as of the others.
    fn in_proportion(self, rows: u64, all: u64) -> Self {
        let share = |count: u64| (count * rows).div_ceil(all.max(1)).max(1);
        let size = |count: usize| usize::try_from(share(count as u64)).unwrap_or(count);
        Self {
            rows: share(self.rows),
            runs: size(self.runs),
            least: share(self.least),
            pages: size(self.pages),
        }
    }
}

/// A page of a group, and between when its rows began.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Page {
    unit: usize,
    rows: Range<u32>,
    times: (i64, i64),
}

impl Page {
    fn place(&self) -> (usize, u32) {
        (self.unit, self.rows.start)
    }
}

/// Sides of which a sample has too few rows, in few of its pages: selected rows, and others.
#[derive(Debug, Clone, Copy)]
struct Rare {
    sides: [bool; 2],
    /// Pages of the sample that have some of the rarer one.
    with: usize,
    /// Pages of the sample.
    of: usize,
}

impl Rare {
    const NONE: Self = Self { sides: [false; 2], with: 0, of: 0 };
}

/// How many times as many runs as a sample has those have in which few columns are read.
const AS_FINE: usize = 4;

/// Rows of one unit that count; all of them without.
type Piece = (usize, Option<Counted>);

/// A comparison under way.
struct Looking<'a> {
    shelf: &'a Shelf,
    units: &'a [Unit<'a>],
    comparison: &'a Comparison,
    reading: &'a Reading,
    limits: &'a Limits,
    begun: Instant,
    coverage: Coverage,
}

impl Shelf {
    /// See [`crate::Store::compare`]; `known` are the requests that are compared, if facts tell them.
    pub(crate) fn compare(
        &self,
        comparison: &Comparison,
        limits: &Limits,
        known: impl FnOnce() -> Option<Begun>,
        sampling: Sampling,
    ) -> Result<Answered<Differences>, StoreError> {
        let Comparison { table, window, filter, .. } = comparison;
        let reading = Reading::new(table, *window, filter, comparison.reads(), None);
        let snapshot = self.snapshot(reading.traces.as_deref())?;
        let units = snapshot.units(&reading);
        let coverage = Coverage::default();
        let (begun, reading) = (Instant::now(), &reading);
        let mut looking =
            Looking { shelf: self, units: &units, comparison, reading, limits, begun, coverage };
        let mut answer = looking.segments()?;
        answer.merge(looking.blocks(known, answer.rows(), sampling)?);
        let mut coverage = looking.coverage;
        if let Some(cold) = &self.cold {
            let elsewhere = cold.compare(comparison, limits, &snapshot.here())?;
            answer.merge(coverage.take(elsewhere));
        }
        self.note_since(&mut coverage, *window, By::Rows);
        Ok(Answered { answer, coverage })
    }
}

impl Looking<'_> {
    /// What is no block yet: all of it counts.
    fn segments(&mut self) -> Result<Differences, StoreError> {
        let units = self.units.iter().enumerate();
        let segments = units.filter(|(_, unit)| matches!(unit, Unit::Segment(_)));
        let pieces: Vec<Piece> = segments.map(|(unit, _)| (unit, None)).collect();
        self.count(&pieces)
    }

    fn blocks(
        &mut self,
        known: impl FnOnce() -> Option<Begun>,
        (selected, others): (u64, u64),
        sampling: Sampling,
    ) -> Result<Differences, StoreError> {
        let pages = self.pages(&self.comparison.filter);
        if rows(&pages) <= sampling.rows {
            return self.count(&both(&pages));
        }
        self.coverage.is_estimate = true;
        let Some(known) = known() else { return self.sampled(&pages, sampling) };
        let since = nanos(known.since.unwrap_or_default().nanos);
        let (told, earlier): (Vec<Page>, Vec<Page>) =
            pages.iter().cloned().partition(|page| since <= page.times.0);
        let here = |side: &[u64], counted: u64| (side.len() as u64).saturating_sub(counted);
        let all = (here(&known.selected, selected), here(&known.others, others));
        let chosen = [&known.selected, &known.others].map(|side| pages_at(&told, side, sampling));
        let those = self.those_begun(&pieces(&chosen), &known)?;
        let mut counted = self.count(&those)?;
        counted.stand_for(all);
        if !earlier.is_empty() {
            let share = sampling.in_proportion(rows(&earlier), rows(&pages));
            counted.merge(self.sampled(&earlier, share)?);
        }
        Ok(counted)
    }

    /// A fair sample, and more of a side that has too few rows in it.
    fn sampled(&mut self, pages: &[Page], sampling: Sampling) -> Result<Differences, StoreError> {
        let selected_time = self.comparison.selection.within(self.comparison.table.time);
        let is_within = |page: &&Page| {
            selected_time.is_some_and(|(from, to)| page.times.0 < to && from <= page.times.1)
        };
        // What is selected by its time is in few pages: they, and the others, are each sampled by themselves.
        let (within, beside): (Vec<&Page>, Vec<&Page>) = pages.iter().partition(is_within);
        let parts = [within, beside].map(|part| part.into_iter().cloned().collect::<Vec<Page>>());
        let of_parts = parts.iter().filter(|part| !part.is_empty()).count().max(1) as u64;
        let (mut all, mut looked_at) = (Differences::default(), Vec::new());
        for part in parts {
            let some = sample(&part, sampling.rows / of_parts, sampling.runs);
            let mut counted = self.count(&both(&some))?;
            let (selected, others) = counted.rows();
            let all_rows = |count| in_proportion(count, rows(&part), rows(&some));
            counted.stand_for((all_rows(selected), all_rows(others)));
            all.merge(counted);
            looked_at.extend(some);
        }
        let (selected, others) = all.looked_at();
        let is_few = [selected, others].map(|rows| rows < sampling.least);
        let rare = if is_few.contains(&true) { self.rare(&looked_at, is_few)? } else { Rare::NONE };
        if rare.sides.contains(&true) {
            for (side, is_rare) in [Side::Selected, Side::Others].into_iter().zip(rare.sides) {
                if is_rare {
                    all.forget(side);
                }
            }
            all.merge(self.looked_for(pages, rare, sampling)?);
        }
        Ok(all)
    }

    /// Which sides of those that have few rows in a sample are in few of its pages: those of another one have no more of
    /// what is in most pages.
    fn rare(&mut self, looked_at: &[Page], is_few: [bool; 2]) -> Result<Rare, StoreError> {
        let sums = self.sums(looked_at)?;
        let with = [|it: &(u64, u64)| it.0, |it: &(u64, u64)| it.1]
            .map(|side| sums.values().filter(|sums| 0 < side(sums)).count());
        let is_rare = |side: usize| is_few[side] && 2 * with[side] < looked_at.len();
        let sides = [is_rare(0), is_rare(1)];
        let with = sides.iter().zip(with).filter(|(is_rare, _)| **is_rare).map(|(_, with)| with);
        Ok(Rare { sides, with: with.min().unwrap_or(0), of: looked_at.len() })
    }

    /// Rows of sides that are rare, from pages that have some; from all of these pages, or from so many that there should be
    /// enough.
    fn looked_for(
        &mut self,
        pages: &[Page],
        rare: Rare,
        sampling: Sampling,
    ) -> Result<Differences, StoreError> {
        let mut all = pages.to_vec();
        if !rare.sides[1] {
            // Who looks for selected rows alone can leave out pages that have none, as their index says.
            let Comparison { filter, selection, .. } = self.comparison;
            let narrow = self.pages(&Filter::And(vec![filter.clone(), selection.clone()]));
            let narrow: BTreeSet<(usize, u32)> = narrow.iter().map(Page::place).collect();
            all.retain(|page| narrow.contains(&page.place()));
        }
        let pages = match (2 * sampling.pages * rare.of).checked_div(rare.with) {
            Some(enough) => {
                let share = in_proportion(rows(&all), enough as u64, all.len() as u64);
                sample(&all, share, sampling.runs * AS_FINE)
            }
            None => all.clone(),
        };
        let sums = self.sums(&pages)?;
        let of = |side: usize, sum: fn(&(u64, u64)) -> u64| {
            let has =
                |at: &usize| rare.sides[side] && sums.get(at).is_some_and(|sums| 0 < sum(sums));
            let with: Vec<Page> =
                (0..pages.len()).filter(has).map(|at| pages[at].clone()).collect();
            let seen = if rare.sides[side] { sums.values().map(sum).sum() } else { 0 };
            (evenly(&with, sampling.pages), in_proportion(seen, rows(&all), rows(&pages)))
        };
        let (selected, of_selected) = of(0, |sums| sums.0);
        let (others, of_others) = of(1, |sums| sums.1);
        let mut counted = self.count(&pieces(&[selected, others]))?;
        counted.stand_for((of_selected, of_others));
        Ok(counted)
    }

    /// What the rows of pages stand for, those selected and the others, by place of the page.
    fn sums(&mut self, pages: &[Page]) -> Result<BTreeMap<usize, (u64, u64)>, StoreError> {
        let mut by_unit: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (at, page) in pages.iter().enumerate() {
            by_unit.entry(page.unit).or_default().push(at);
        }
        let by_unit: Vec<(usize, Vec<usize>)> = by_unit.into_iter().collect();
        let (columns, attributes) = self.comparison.needs();
        let Comparison { table, window, filter, .. } = self.comparison;
        let reading = Reading::new(table, *window, filter, columns, Some(attributes));
        let left = self.left();
        let rows_of = |places: &[usize]| -> Vec<u32> {
            places.iter().flat_map(|at| pages[*at].rows.clone()).collect()
        };
        let (parts, own) = look_at(by_unit.len(), &left, |sums: &mut Vec<_>, place| {
            ahead(place, &by_unit, |(unit, places)| {
                self.units[*unit].will_need(&reading, Some(&rows_of(places)));
            });
            let (unit, places) = &by_unit[place];
            let rows = rows_of(places);
            for chunk in self.shelf.read_rows(self.units[*unit], &reading, Some(&rows))? {
                let sides = self.comparison.sides(&chunk);
                let mut from = 0;
                for at in places {
                    let to = from + pages[*at].rows.len();
                    sums.push((*at, self.comparison.weigh(&chunk, &sides, from..to)));
                    from = to;
                }
            }
            Ok(rows.len() as u64)
        })?;
        self.coverage.merge(own);
        Ok(parts.into_iter().flatten().collect())
    }

    /// Only the rows that began when something of their side did: where those are few, little of the other columns need be
    /// unpacked.
    fn those_begun(&mut self, pieces: &[Piece], known: &Begun) -> Result<Vec<Piece>, StoreError> {
        let Comparison { table, window, filter, .. } = self.comparison;
        let reading = Reading::new(table, *window, filter, vec![table.time], Some(Vec::new()));
        let left = self.left();
        let (parts, own) = look_at(pieces.len(), &left, |those: &mut Vec<Piece>, place| {
            ahead(place, pieces, |(unit, counted)| {
                let rows = counted.as_ref().map(Counted::rows);
                self.units[*unit].will_need(self.reading, rows.as_deref());
            });
            let (unit, Some(counted)) = &pieces[place] else { return Ok(0) };
            let rows = counted.rows();
            for chunk in self.shelf.read_rows(self.units[*unit], &reading, Some(&rows))? {
                if let Column::Whole(times) = chunk.column(table.time) {
                    let narrowed = known.those(counted, &rows, times);
                    those.push((*unit, Some(narrowed.unwrap_or_else(|| counted.clone()))));
                }
            }
            Ok(0)
        })?;
        self.coverage.merge(own);
        Ok(parts.into_iter().flatten().collect())
    }

    /// Counts the values of some rows.
    fn count(&mut self, pieces: &[Piece]) -> Result<Differences, StoreError> {
        let left = self.left();
        let each = |differences: &mut Differences, place: usize| {
            ahead(place, pieces, |(unit, counted)| {
                let rows = counted.as_ref().map(Counted::rows);
                self.units[*unit].will_need(self.reading, rows.as_deref());
            });
            let (unit, counted) = &pieces[place];
            match self.units[*unit] {
                // What is packed is counted as it is.
                Unit::Group(kept, group) => {
                    let rows = self.units[*unit].rows(&[]);
                    let counted = counted.as_ref().filter(|counted| !counted.is_all(rows));
                    let added = differences.add_group(&kept.block, group, self.comparison, counted);
                    added.map_err(|error| blocks::failed(&kept.path, error))
                }
                Unit::Segment(_) => {
                    let chunks = self.shelf.read(self.units[*unit], self.reading)?;
                    for chunk in &chunks {
                        differences.add(chunk, self.comparison);
                    }
                    Ok(chunks.iter().map(|chunk| chunk.rows() as u64).sum())
                }
            }
        };
        let (parts, own) = look_at(pieces.len(), &left, each)?;
        self.coverage.merge(own);
        let mut all = Differences::default();
        for part in parts {
            all.merge(part);
        }
        Ok(all)
    }

    fn left(&self) -> Limits {
        self.limits.left(self.begun, self.coverage.rows)
    }

    /// Pages that may have rows that pass, those of the newest groups first, within a group in order.
    fn pages(&self, filter: &Filter) -> Vec<Page> {
        let Comparison { table, window, .. } = self.comparison;
        let mut pages = Vec::new();
        for (unit, kind) in self.units.iter().enumerate() {
            let Unit::Group(kept, group) = kind else { continue };
            let bounds = kept.block.bounds_within(*group, table.time, *window, filter);
            pages.extend(bounds.into_iter().map(|it| Page {
                unit,
                rows: it.from..it.to,
                times: (it.least, it.most),
            }));
        }
        pages
    }
}

fn rows(pages: &[Page]) -> u64 {
    pages.iter().map(|page| page.rows.len() as u64).sum()
}

/// Some of a list, from the middle of equal parts of it.
fn evenly<T: Clone>(all: &[T], most: usize) -> Vec<T> {
    if all.len() <= most {
        return all.to_vec();
    }
    (0..most).map(|place| all[(2 * place + 1) * all.len() / (2 * most)].clone()).collect()
}

/// Runs of pages of so many rows, or somewhat more, from the middle of equal parts of all.
fn sample(pages: &[Page], rows_max: u64, runs: usize) -> Vec<Page> {
    let all = rows(pages);
    if all <= rows_max {
        return pages.to_vec();
    }
    let some = (pages.len() as u64 * rows_max / all.max(1)).max(1);
    let runs = runs.clamp(1, usize::try_from(some).unwrap_or(usize::MAX));
    let length = usize::try_from(some).unwrap_or(usize::MAX).div_ceil(runs);
    let mut chosen: Vec<usize> = Vec::new();
    for run in 0..runs {
        let middle = (2 * run + 1) * pages.len() / (2 * runs);
        let first = middle.saturating_sub(length / 2).max(chosen.last().map_or(0, |last| last + 1));
        chosen.extend(first..(first + length).min(pages.len()));
    }
    chosen.into_iter().map(|place| pages[place].clone()).collect()
}

/// As columns have moments.
fn nanos(at: u64) -> i64 {
    i64::try_from(at).unwrap_or(i64::MAX)
}

/// What so many stand for, of which some were looked at.
fn in_proportion(count: u64, all: u64, looked_at: u64) -> u64 {
    let times = u128::from(count) * u128::from(all) / u128::from(looked_at.max(1));
    u64::try_from(times).unwrap_or(u64::MAX)
}

/// Some pages in which something lies that began at one of these moments: all if they are few, else runs from the middle of
/// equal parts of them, as long as it takes to have enough.
fn pages_at(pages: &[Page], begun: &[u64], sampling: Sampling) -> Vec<Page> {
    let before = |time: i64| begun.partition_point(|at| nanos(*at) < time);
    let held = |page: &Page| before(page.times.1.saturating_add(1)) - before(page.times.0);
    let with = pages.iter().map(|page| (page, held(page) as u64));
    let with: Vec<(&Page, u64)> = with.filter(|(_, held)| 0 < *held).collect();
    if with.len() <= sampling.pages {
        return with.into_iter().map(|(page, _)| page.clone()).collect();
    }
    let runs = sampling.runs.clamp(1, sampling.pages.max(1));
    let (length, enough) = (sampling.pages / runs, (2 * sampling.least).div_ceil(runs as u64));
    let mut chosen = Vec::new();
    for run in 0..runs {
        // No two runs touch each other: there are more pages than all runs can have.
        let first = ((2 * run + 1) * with.len() / (2 * runs)).saturating_sub(length / 2);
        let mut rows = 0;
        for (page, held) in with.iter().skip(first).take(length) {
            chosen.push((*page).clone());
            rows += held;
            if enough <= rows {
                break;
            }
        }
    }
    chosen
}

/// Pages in which rows of either side count.
fn both(pages: &[Page]) -> Vec<Piece> {
    pieces(&[pages.to_vec(), pages.to_vec()])
}

/// Pages in which rows of the selection count, and those in which others do, by unit.
fn pieces([selected, others]: &[Vec<Page>; 2]) -> Vec<Piece> {
    let mut pieces: BTreeMap<usize, Counted> = BTreeMap::new();
    for page in selected {
        pieces.entry(page.unit).or_default().selected.push(page.rows.clone());
    }
    for page in others {
        pieces.entry(page.unit).or_default().others.push(page.rows.clone());
    }
    pieces.into_iter().map(|(unit, counted)| (unit, Some(counted))).collect()
}
