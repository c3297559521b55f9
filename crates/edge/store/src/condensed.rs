//! Roll-ups condensed to a row a minute, in memory: a day has a million rows that tell kinds of spans apart, of which a
//! question about all spans wants the sums alone. Blocks do not change, so that they are summed up once.

use std::{collections::BTreeMap, sync::Arc};

use keep::{
    Chunk,
    parquet::Wanted,
    query::{Filter, Groups, Query},
    rollup,
    table::minute,
};
use model::Moment;

use crate::{
    Coverage, Limits, StoreError,
    blocks::Kept,
    questions::{ahead, look_at},
    remembered::Remembered,
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
#[derive(Debug)]
pub(crate) struct Condensed {
    known: Remembered<(u64, usize), Minutes>,
}

impl Default for Condensed {
    fn default() -> Self {
        Self { known: Remembered::new(BYTES_MAX) }
    }
}

/// A row group condensed.
#[derive(Debug)]
struct Minutes {
    /// A row for each minute.
    chunk: Chunk,
    /// How many rows each minute had.
    rows: BTreeMap<u64, u64>,
}

impl Minutes {
    fn bytes(&self) -> usize {
        self.chunk.bytes() + self.rows.len() * 2 * size_of::<(u64, u64)>()
    }
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
            let minutes = self.condensed.of(kept, group)?;
            own.add(query, &minutes.chunk);
            // As if each row had been looked at.
            let within = |minute: u64| query.window.contains(Moment { nanos: minute });
            let rows: u64 = minutes.rows.values().sum();
            let passed = minutes.rows.iter().filter(|(minute, _)| within(**minute));
            let passed: u64 = passed.map(|(_, rows)| rows - 1).sum();
            own.looked(rows - minutes.chunk.rows() as u64, passed, false);
            Ok(rows)
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
            && !self.known.has(&(kept.number, group))
        {
            kept.block.source().will_need(&kept.block.ranges(group, WANTED));
        }
    }

    /// A row for each minute of a group.
    fn of(&self, kept: &Kept, group: usize) -> Result<Arc<Minutes>, StoreError> {
        let key = (kept.number, group);
        if let Some(minutes) = self.known.get(&key) {
            return Ok(minutes);
        }
        let (chunk, rows) = rollup::condensed(&kept.read(group, WANTED)?);
        let minutes = Arc::new(Minutes { chunk, rows });
        self.known.put(key, Arc::clone(&minutes), minutes.bytes());
        Ok(minutes)
    }
}
