//! Roll-ups condensed to a row a minute, in memory: a day has a million rows that tell kinds of spans apart, of which a
//! question about all spans wants the sums alone. Blocks do not change, so that they are summed up once.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use keep::{
    Chunk,
    parquet::Wanted,
    query::{Filter, Groups, Query},
    rollup,
    table::minute,
};

use crate::{
    Coverage, Limits, StoreError,
    blocks::Kept,
    questions::{ahead, look_at},
    shelf::Shelf,
    snapshot::Unit,
};

/// Bytes of them: those of some months, some 30 KB for an hour.
const BYTES_MAX: usize = 32 << 20;

/// What is read for it.
const WANTED: Wanted<'static> = Wanted {
    columns: Some(&[minute::MINUTE, minute::DURATIONS]),
    attributes: Some(&[]),
    rows: None,
};

/// What was condensed, by block and row group.
#[derive(Debug, Default)]
pub(crate) struct Condensed {
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    chunks: BTreeMap<(u64, usize), Arc<Chunk>>,
    bytes: usize,
}

impl Shelf {
    /// Looks at condensed roll-ups in the place of whole ones.
    pub(crate) fn look_condensed(
        &self,
        units: &[Unit<'_>],
        query: &Query,
        limits: &Limits,
    ) -> Result<(Vec<Groups>, Coverage), StoreError> {
        look_at(units.len(), limits, |own: &mut Groups, place| {
            ahead(place, units, |next| self.condensed.will_need(*next));
            let Unit::Group(kept, group) = units[place] else { return Ok(0) };
            let chunk = self.condensed.of(kept, group)?;
            own.add(query, &chunk);
            Ok(chunk.rows() as u64)
        })
    }
}

impl Condensed {
    /// Whether a question about roll-ups is answered by condensed ones as well.
    pub(crate) fn answers(query: &Query) -> bool {
        query.filter == Filter::All && query.group.is_empty()
    }

    /// Has the disk fetch what a group is condensed of, if it is not yet.
    fn will_need(&self, unit: Unit<'_>) {
        if let Unit::Group(kept, group) = unit
            && !self.known().chunks.contains_key(&(kept.number, group))
        {
            kept.block.source().will_need(&kept.block.ranges(group, WANTED));
        }
    }

    /// A row for each minute of a group.
    fn of(&self, kept: &Kept, group: usize) -> Result<Arc<Chunk>, StoreError> {
        let key = (kept.number, group);
        if let Some(chunk) = self.known().chunks.get(&key) {
            return Ok(Arc::clone(chunk));
        }
        let chunk = Arc::new(rollup::condensed(&kept.read(group, WANTED)?));
        let mut known = self.known();
        if known.chunks.insert(key, Arc::clone(&chunk)).is_none() {
            known.bytes += chunk.bytes();
        }
        while BYTES_MAX < known.bytes {
            // Those of blocks that were opened first: they are the oldest, or are gone.
            let Some((_, oldest)) = known.chunks.pop_first() else { break };
            known.bytes = known.bytes.saturating_sub(oldest.bytes());
        }
        Ok(chunk)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
