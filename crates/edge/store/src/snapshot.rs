//! What there is at one moment: segments that are no block yet, and blocks.
//!
//! Segments are listed before blocks, and a segment that a block holds is left out. A segment becomes a block before it
//! leaves the list, so each row is seen once, whatever happens meanwhile.

use std::{fs::File, io, sync::Arc, thread};

use keep::{
    Chunk, Table,
    parquet::{GroupHead, Wanted},
    query::Filter,
};
use model::{Text, TraceId, Window};

use crate::{StoreError, blocks::Kept, disk, head::Readable, shelf::Shelf};

/// Looks at a folder whose files are being replaced before what is missing is taken for gone.
const LOOKS_MAX: usize = 16;

/// What there was at one moment.
#[derive(Debug)]
pub(crate) struct Snapshot {
    /// Segments that are no block, the newest first.
    pub(crate) segments: Vec<Readable>,
    /// Blocks, the newest first.
    pub(crate) blocks: Vec<Arc<Kept>>,
}

/// What is read of each unit.
#[derive(Debug)]
pub(crate) struct Reading {
    window: Window,
    /// Only rows of these traces can pass.
    pub(crate) traces: Option<Vec<TraceId>>,
    columns: Vec<usize>,
    /// `None` for all.
    attributes: Option<Vec<Text>>,
    /// Rows of blocks that do not pass it may be left out.
    filter: Option<Filter>,
}

/// Rows that are read in one go.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Unit<'a> {
    Segment(&'a Readable),
    Group(&'a Kept, usize),
}

/// A segment, how far it is filled if it is full, and the records in it that may be of the traces that are looked for.
struct Listed {
    segment: u32,
    sealed_bytes: Option<u64>,
    records: Vec<u32>,
}

impl Shelf {
    /// What there is now; of segments, those that may have spans of one of the traces.
    pub(crate) fn snapshot(&self, traces: Option<&[TraceId]>) -> Result<Snapshot, StoreError> {
        for look in 1.. {
            let listed = self.listed(traces);
            // After the index: what is not written to any more by now is full.
            let safe = self.log.readable();
            // After the segments: a segment becomes a block before it leaves the list.
            let mut blocks = self.blocks.all();
            blocks.reverse();
            let mut segments = Vec::new();
            let mut is_complete = true;
            for Listed { segment, sealed_bytes, records } in listed.into_iter().rev() {
                if blocks.iter().any(|kept| kept.run.has(segment)) {
                    continue;
                }
                let path = self.log.place().path(segment);
                let file = match File::open(&path) {
                    Ok(file) => file,
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {
                        // It has just become a block, or retention has dropped it.
                        is_complete = false;
                        continue;
                    }
                    Err(error) => return Err(disk::failed("open", &path, error)),
                };
                let written = safe.filter(|(active, _)| *active == segment).map(|(_, bytes)| bytes);
                let bytes = sealed_bytes.or(written).unwrap_or(u64::MAX);
                segments.push(Readable { segment, file, bytes, path, records });
            }
            if is_complete || LOOKS_MAX <= look {
                return Ok(Snapshot { segments, blocks });
            }
            thread::yield_now();
        }
        unreachable!("the last look returns")
    }

    fn listed(&self, traces: Option<&[TraceId]>) -> Vec<Listed> {
        let index = disk::read(&self.index);
        self.head.keep_only(|segment| index.segments.contains_key(&segment));
        let segments = index.segments.iter();
        let listed = segments.map(|(number, segment)| Listed {
            segment: *number,
            sealed_bytes: segment.sealed.map(|tally| tally.bytes),
            records: traces.map(|ids| segment.records_of(ids)).unwrap_or_default(),
        });
        listed.filter(|it| traces.is_none() || !it.records.is_empty()).collect()
    }

    /// Rows of a unit.
    pub(crate) fn read(
        &self,
        unit: Unit<'_>,
        reading: &Reading,
    ) -> Result<Vec<Arc<Chunk>>, StoreError> {
        self.read_rows(unit, reading, None)
    }

    /// Some rows of a group, ascending, or all; segments are given whole.
    pub(crate) fn read_rows(
        &self,
        unit: Unit<'_>,
        reading: &Reading,
        rows: Option<&[u32]>,
    ) -> Result<Vec<Arc<Chunk>>, StoreError> {
        match unit {
            Unit::Segment(readable) => self.head.rows(readable),
            Unit::Group(kept, group) => {
                let keys = reading.attributes.as_deref();
                let keys: Option<Vec<&str>> =
                    keys.map(|keys| keys.iter().map(Text::as_str).collect());
                let wanted =
                    Wanted { columns: Some(&reading.columns), attributes: keys.as_deref(), rows };
                let chunk = match reading.filter.as_ref().filter(|_| rows.is_none()) {
                    None => kept.read(group, wanted),
                    Some(filter) => kept.read_passing(group, wanted, reading.window, filter),
                };
                chunk.map(|chunk| vec![Arc::new(chunk)])
            }
        }
    }
}

impl Unit<'_> {
    /// Has the disk fetch what reading it takes; some rows of it, if they are told.
    pub(crate) fn will_need(self, reading: &Reading, rows: Option<&[u32]>) {
        let Self::Group(kept, group) = self else { return };
        let keys: Option<Vec<&str>> =
            reading.attributes.as_ref().map(|keys| keys.iter().map(Text::as_str).collect());
        let columns = Some(&reading.columns[..]);
        let wanted = Wanted { columns, attributes: keys.as_deref(), rows };
        let ranges = match reading.filter.as_ref().filter(|_| rows.is_none()) {
            None => kept.block.ranges(group, wanted),
            Some(filter) => kept.block.ranges_passing(group, wanted, reading.window, filter),
        };
        kept.block.source().will_need(&ranges);
    }

    /// Rows that are looked at when it is read: those of these chunks, and those that were left out.
    pub(crate) fn rows(self, chunks: &[Arc<Chunk>]) -> u64 {
        match self {
            Self::Segment(_) => chunks.iter().map(|chunk| chunk.rows() as u64).sum(),
            Self::Group(kept, group) => {
                kept.block.groups().get(group).map_or(0, |group| group.rows as u64)
            }
        }
    }
}

impl Reading {
    pub(crate) fn new(
        table: &'static Table,
        window: Window,
        filter: &Filter,
        columns: Vec<usize>,
        attributes: Option<Vec<Text>>,
    ) -> Self {
        let traces = table.trace.and_then(|place| filter.ids(place));
        let traces = traces.map(|ids| ids.into_iter().map(TraceId).collect());
        Self { window, traces, columns, attributes, filter: None }
    }

    /// The same, without rows that do not pass the filter where that is quicker.
    pub(crate) fn of_passing(self, filter: &Filter) -> Self {
        Self { filter: Some(filter.clone()), ..self }
    }

    fn may_pass(&self, group: &GroupHead) -> bool {
        let (first, last) = group.times;
        let traces = self.traces.as_ref();
        first < self.window.to.nanos
            && self.window.from.nanos <= last
            && traces.is_none_or(|ids| ids.iter().any(|id| group.may_have_trace(id.0)))
    }
}

impl Snapshot {
    /// Numbers of its segments.
    pub(crate) fn here(&self) -> Vec<u32> {
        self.segments.iter().map(|readable| readable.segment).collect()
    }

    /// Segments, and the row groups that may have rows that pass, the newest first.
    pub(crate) fn units(&self, reading: &Reading) -> Vec<Unit<'_>> {
        let segments = self.segments.iter().map(Unit::Segment);
        let groups = self.blocks.iter().flat_map(|kept| {
            let groups = kept.block.groups().iter().enumerate().rev();
            let groups = groups.filter(|(_, group)| reading.may_pass(group));
            groups.map(|(group, _)| Unit::Group(kept, group))
        });
        segments.chain(groups).collect()
    }
}
