//! Thinning: of blocks of spans that are older than the time for which all is kept, what stays for long.
//!
//! One block at a time, the oldest first. What stays of it (see [`keep::policy`]) is written as a block of the same name,
//! in place of the one that has all: one rename, so that after a crash there is the one or the other. What it took
//! is told by the roll-ups, which are made of all spans before. A trace that goes on in the blocks after is looked
//! at with what they have of it, and what is decided about it is handed on in a label of the block: so all spans of
//! a trace stay or go together that are in blocks within [`AHEAD`] of each other when the first of them is thinned.
//! Memory: as for putting blocks together, and some forty bytes for each row of the block and of those after it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use keep::{
    Chunk, Column,
    parquet::{BlockFormat, Wanted},
    policy::{
        self, Carried, Decided, Demand, Durations, HOUR_NANOS, MINUTES_READS, Place, Quotas,
        SPANS_READS, Traces,
    },
    table::span,
};
use model::{Moment, TraceId};

use crate::{
    Folder, StoreError,
    blocks::{Blocks, Kept, Labels},
    clock, disk,
    retain::believable,
    shelf::Shelf,
};

/// How much later what belongs to a trace may be received, to be looked at with it: longer than a trace takes to settle.
pub(crate) const AHEAD: Duration = Duration::from_mins(2);

/// Rows of the blocks after that are looked at, at most: as many as one block may have.
pub(crate) const AHEAD_ROWS_MAX: usize = 512 << 10;

/// Hours of which it is known how busy they were, the ones with most rows. A block has some; of more, clocks are wrong.
/// Spans of other hours stay.
const HOURS_MAX: usize = 48;

/// What is kept, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keeping {
    /// So long all spans are kept.
    pub all: Duration,
    /// So long roll-ups are kept.
    pub minutes: Duration,
    /// Requests of each service and minute that stay of older spans.
    pub quotas: Quotas,
    /// Bytes that the store may take. Spans that are all kept may take half of it; beyond that the oldest are thinned
    /// early, since a part of many days tells more than all of a few hours.
    pub bytes_max: u64,
}

impl Folder {
    /// See [`crate::Store::thin`].
    pub(crate) fn thin_old(&self, keeping: &Keeping, now: Moment) -> Result<bool, StoreError> {
        let _tidying = disk::lock(&self.tidying);
        let shelf = self.shelf(&keep::SPANS)?;
        let now = {
            let newest = self.shelves().iter().filter_map(Shelf::received).max();
            disk::lock(&self.clock).believed(now, newest, clock::steady())
        };
        if let Some(minutes) = &shelf.minutes {
            shelf.dropped.add(drop_before(minutes, now - keeping.minutes)?);
        }
        if let Some(cold) = &shelf.cold {
            let named = self.named_traces()?.into_iter().collect();
            if cold.thin(keeping, &named, now)? {
                return Ok(true);
            }
        }
        let blocks = shelf.blocks.all();
        let Some(place) = blocks.iter().position(|kept| kept.thinned.is_none()) else {
            return Ok(false);
        };
        let received = believable_of(&blocks)[place];
        let whole: u64 =
            blocks.iter().filter(|it| it.thinned.is_none()).map(|kept| kept.bytes).sum();
        let is_due = received < now - keeping.all || keeping.bytes_max / 2 < whole;
        if !is_due {
            return Ok(false);
        }
        let named: BTreeSet<TraceId> = self.named_traces()?.into_iter().collect();
        let thinning = Thinning { shelf, quotas: keeping.quotas, named };
        match thinning.block(&blocks, place) {
            Err(StoreError::Damaged { path }) => {
                let damaged = blocks.iter().find(|kept| kept.path == path);
                damaged.map_or(Ok(()), |kept| shelf.blocks.set_aside(kept))?;
                Ok(true)
            }
            done => done.map(|()| true),
        }
    }
}

/// When blocks were received, as far as that is believable.
fn believable_of(blocks: &[Arc<Kept>]) -> Vec<Moment> {
    believable(&blocks.iter().map(|kept| kept.received.1).collect::<Vec<_>>())
}

/// Drops what was received before; returns how many bytes that were.
fn drop_before(blocks: &Blocks, before: Moment) -> Result<u64, StoreError> {
    let mut bytes = 0;
    let all = blocks.all();
    for (kept, received) in all.iter().zip(believable_of(&all)) {
        if before <= received {
            break;
        }
        blocks.drop_block(kept.run.first)?;
        bytes += kept.bytes;
    }
    Ok(bytes)
}

impl Shelf {
    /// Drops the oldest roll-ups while they take more than so many bytes; returns how many were dropped.
    pub(crate) fn bound_minutes(&self, bytes_max: u64) -> Result<u64, StoreError> {
        let Some(minutes) = &self.minutes else { return Ok(0) };
        let all = minutes.all();
        let mut bytes: u64 = all.iter().map(|kept| kept.bytes).sum();
        let mut dropped = 0;
        for kept in all {
            if bytes <= bytes_max {
                break;
            }
            minutes.drop_block(kept.run.first)?;
            bytes -= kept.bytes;
            dropped += kept.bytes;
        }
        self.dropped.add(dropped);
        Ok(dropped)
    }

    /// Bytes of roll-ups.
    pub(crate) fn minutes_bytes(&self) -> u64 {
        let minutes = self.minutes.as_ref().map(Blocks::all).unwrap_or_default();
        minutes.iter().map(|kept| kept.bytes).sum()
    }
}

struct Thinning<'a> {
    shelf: &'a Shelf,
    quotas: Quotas,
    named: BTreeSet<TraceId>,
}

impl Thinning<'_> {
    /// Thins the block at `place`.
    fn block(&self, blocks: &[Arc<Kept>], place: usize) -> Result<(), StoreError> {
        let kept = &blocks[place];
        self.shelf.ensure_rolled_up(kept)?;
        let after = ahead(&blocks[place..]);
        let hours = hours(std::iter::once(kept).chain(after.iter().copied()))?;
        let demand = self.demand(&hours)?;
        let is_named = |id| self.named.contains(&id);
        let mut traces = Traces::default();
        let (columns, keys) = &SPANS_READS;
        let wanted = Wanted { columns: Some(columns), attributes: Some(keys), rows: None };
        each_group(kept, wanted, |rows| traces.add(rows, Place::Within, &demand, &is_named))?;
        for kept in after {
            each_group(kept, wanted, |rows| traces.add(rows, Place::After, &demand, &is_named))?;
        }
        let before = place.checked_sub(1).and_then(|before| blocks[before].thinned.as_ref());
        let nothing = Carried::default();
        let (decided, carried) = traces.decide(before.unwrap_or(&nothing));
        drop(traces);
        let rows = staying(kept, &decided)?;
        let blocks = &self.shelf.blocks;
        let labels = Labels { received: kept.received, thinned: Some(&carried) };
        blocks.add_labelled(kept.run, &labels, &rows, &BlockFormat::SETTLED)
    }

    /// How busy services were in these hours.
    fn demand(&self, hours: &BTreeSet<u64>) -> Result<Demand, StoreError> {
        let minutes = self.shelf.minutes.as_ref().map(Blocks::all).unwrap_or_default();
        let each = |take: &mut dyn FnMut(&Chunk)| -> Result<(), StoreError> {
            let wanted =
                Wanted { columns: Some(&MINUTES_READS), attributes: Some(&[]), rows: None };
            for kept in &minutes {
                for (number, group) in kept.block.groups().iter().enumerate() {
                    let first = group.times.0 - group.times.0 % HOUR_NANOS;
                    if hours.range(first..=group.times.1).next().is_some() {
                        match kept.read(number, wanted) {
                            Ok(rows) => take(&rows),
                            // Questions tell of it; here it makes more stay.
                            Err(StoreError::Damaged { .. }) => {}
                            Err(error) => return Err(error),
                        }
                    }
                }
            }
            Ok(())
        };
        let mut durations = Durations::default();
        each(&mut |rows| durations.add(rows, hours))?;
        let mut demand = Demand::new(durations.slow(), self.quotas);
        each(&mut |rows| demand.add(rows, hours))?;
        Ok(demand)
    }
}

/// The blocks after the first that may have spans of traces that are in it.
fn ahead(blocks: &[Arc<Kept>]) -> Vec<&Arc<Kept>> {
    let Some((first, others)) = blocks.split_first() else { return Vec::new() };
    let mut rows = 0;
    let near = others.iter().take_while(|kept| {
        rows += kept.rows;
        kept.received.0 <= first.received.1 + AHEAD && rows <= AHEAD_ROWS_MAX
    });
    near.collect()
}

/// The hours in which spans of blocks began.
fn hours<'a>(blocks: impl Iterator<Item = &'a Arc<Kept>>) -> Result<BTreeSet<u64>, StoreError> {
    let mut rows_of = BTreeMap::<u64, usize>::new();
    let columns = [span::START];
    let wanted = Wanted { columns: Some(&columns), attributes: Some(&[]), rows: None };
    for kept in blocks {
        each_group(kept, wanted, |rows| {
            let Column::Whole(starts) = rows.column(span::START) else { return };
            for start in starts {
                *rows_of.entry(start - start % HOUR_NANOS).or_default() += 1;
            }
        })?;
    }
    Ok(fullest(rows_of))
}

/// The hours with most rows, of how many each has.
pub(crate) fn fullest(rows_of: BTreeMap<u64, usize>) -> BTreeSet<u64> {
    let mut fullest: Vec<(usize, u64)> =
        rows_of.into_iter().map(|(hour, rows)| (rows, hour)).collect();
    fullest.sort_unstable();
    fullest.into_iter().rev().take(HOURS_MAX).map(|(_, hour)| hour).collect()
}

pub(crate) fn each_group(
    kept: &Kept,
    wanted: Wanted<'_>,
    mut each: impl FnMut(&Chunk),
) -> Result<(), StoreError> {
    for group in 0..kept.block.groups().len() {
        each(&kept.read(group, wanted)?);
    }
    Ok(())
}

/// The rows of a block that stay, each standing for as many as it should.
fn staying(kept: &Kept, decided: &Decided) -> Result<Chunk, StoreError> {
    let mut all = Chunk::new(&keep::SPANS);
    let columns = [span::TRACE_ID];
    let wanted = Wanted { columns: Some(&columns), attributes: Some(&[]), rows: None };
    for group in 0..kept.block.groups().len() {
        let (rows, weights) = decided.rows(&kept.read(group, wanted)?);
        if rows.is_empty() {
            continue;
        }
        let mut staying = kept.read(group, Wanted { rows: Some(&rows), ..Wanted::ALL })?;
        policy::weigh(&mut staying, &weights);
        all.append(&staying);
    }
    Ok(all)
}
