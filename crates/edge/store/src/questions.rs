//! Questions over all that is kept: blocks, and the segments that are none yet.
//!
//! First it is settled what there is: segments are listed before blocks, and a segment that a block holds is left out.
//! A segment becomes a block before it leaves the list, so each span is seen once, whatever happens meanwhile. Then each
//! unit (a segment, or a row group of a block) is looked at, the newest first, by as many threads as there are processors.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use keep::{
    Chunk, Table,
    parquet::{GroupHead, Wanted},
    query::{Answer, Comparison, Differences, Filter, Groups, Query, Ranked, Top},
    spans,
};
use model::{Span, Text, TraceId, Window};

use crate::{StoreError, blocks::Kept, disk, head::Readable, spans::Spans};

/// Most spans that are given whole: some tens of megabytes.
pub const SPANS_MAX: usize = 10_000;

/// Threads for one question: more would starve those that receive.
const THREADS_MAX: usize = 4;

/// Looks at a folder whose files are being replaced before what is missing is taken for gone.
const LOOKS_MAX: usize = 16;

/// How far a question may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How long it may take. What has begun is ended, some tenths of a second.
    pub time: Duration,
    /// Rows that may be looked at. A row group or a segment that has begun is ended.
    pub rows: u64,
}

impl Default for Limits {
    /// Ten seconds, which is as long as somebody waits for a page; a hundred million rows.
    fn default() -> Self {
        Self { time: Duration::from_secs(10), rows: 100_000_000 }
    }
}

/// A limit that was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// [`Limits::time`]
    Time,
    /// [`Limits::rows`]
    Rows,
}

/// What was asked for, and how much of what is kept it rests on.
#[derive(Debug, Clone, PartialEq)]
pub struct Answered<T> {
    /// What was asked for.
    pub answer: T,
    /// What was looked at for it.
    pub coverage: Coverage,
}

/// What was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Coverage {
    /// Rows that were looked at.
    pub rows: u64,
    /// The limit that was reached before all was looked at; older spans are missing then.
    pub reached: Option<Limit>,
    /// Blocks that are damaged, so that some or all of their spans are missing.
    pub damaged: Vec<PathBuf>,
}

impl Coverage {
    /// Whether nothing is missing.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.reached.is_none() && self.damaged.is_empty()
    }
}

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
struct Reading {
    window: Window,
    /// Only rows of these traces can pass.
    traces: Option<Vec<TraceId>>,
    columns: Vec<usize>,
    /// `None` for all.
    attributes: Option<Vec<Text>>,
}

/// Rows that are read in one go.
#[derive(Debug, Clone, Copy)]
enum Unit<'a> {
    Segment(&'a Readable),
    Group(&'a Kept, usize),
}

/// Where a row is: which unit, which of its chunks, which row.
type At = (usize, usize, u32);

/// A chunk that is looked at.
#[derive(Debug, Clone, Copy)]
struct Looked<'a> {
    chunk: &'a Chunk,
    unit: usize,
    part: usize,
    /// All of its columns are there, not only those that were asked for.
    is_whole: bool,
}

impl Spans {
    /// See [`crate::Store::ask`].
    pub(crate) fn ask(
        &self,
        query: &Query,
        limits: &Limits,
    ) -> Result<Answered<Answer>, StoreError> {
        let (columns, attributes) = query.reads();
        let reading =
            Reading::new(query.table, query.window, &query.filter, columns, Some(attributes))?;
        let snapshot = self.snapshot(reading.traces.as_deref())?;
        let units = snapshot.units(&reading);
        let each = |groups: &mut Groups, looked: Looked<'_>| groups.add(query, looked.chunk);
        let (parts, coverage) = self.look(&units, &reading, limits, each)?;
        let mut all = Groups::default();
        for part in parts {
            all.merge(part);
        }
        Ok(Answered { answer: all.answer(query), coverage })
    }

    /// See [`crate::Store::compare`].
    pub(crate) fn compare(
        &self,
        comparison: &Comparison,
        limits: &Limits,
    ) -> Result<Answered<Differences>, StoreError> {
        let Comparison { table, window, filter, selection } = comparison;
        let reading = Reading::new(table, *window, filter, comparison.reads(), None)?;
        let snapshot = self.snapshot(reading.traces.as_deref())?;
        let units = snapshot.units(&reading);
        let each = |differences: &mut Differences, looked: Looked<'_>| {
            differences.add(looked.chunk, *window, filter, selection);
        };
        let (parts, coverage) = self.look(&units, &reading, limits, each)?;
        let mut answer = Differences::default();
        for part in parts {
            answer.merge(part);
        }
        Ok(Answered { answer, coverage })
    }

    /// See [`crate::Store::top`].
    pub(crate) fn top(
        &self,
        top: &Top,
        limits: &Limits,
    ) -> Result<Answered<Vec<Span>>, StoreError> {
        let top = Top { limit: top.limit.min(SPANS_MAX), ..top.clone() };
        let (columns, attributes) = top.reads();
        let reading = Reading::new(top.table, top.window, &top.filter, columns, Some(attributes))?;
        let snapshot = self.snapshot(reading.traces.as_deref())?;
        let units = snapshot.units(&reading);
        let each = |found: &mut Found, looked: Looked<'_>| found.add(&top, looked);
        let (parts, mut coverage) = self.look(&units, &reading, limits, each)?;
        let mut found = Found::default();
        for mut part in parts {
            found.ranked.append(&mut part.ranked);
            found.spans.append(&mut part.spans);
        }
        found.ranked = top.merge(found.ranked);
        found.read_rest(&units, &mut coverage)?;
        let Found { ranked, mut spans } = found;
        let answer = ranked.iter().filter_map(|ranked| spans.remove(&ranked.place)).collect();
        Ok(Answered { answer, coverage })
    }

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
            for (segment, sealed_bytes) in listed.into_iter().rev() {
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
                segments.push(Readable { segment, file, bytes, path });
            }
            if is_complete || LOOKS_MAX <= look {
                return Ok(Snapshot { segments, blocks });
            }
            thread::yield_now();
        }
        unreachable!("the last look returns")
    }

    /// Segments, and how far those are filled that are full.
    fn listed(&self, traces: Option<&[TraceId]>) -> BTreeMap<u32, Option<u64>> {
        let index = disk::read(&self.index);
        self.head.keep_only(|segment| index.segments.contains_key(&segment));
        let segments = index.segments.iter();
        let listed = segments
            .filter(|(_, segment)| traces.is_none_or(|traces| segment.may_have(traces)))
            .map(|(number, segment)| (*number, segment.sealed.map(|tally| tally.bytes)));
        listed.collect()
    }

    /// Looks at units, the first ones first, until a limit is reached. Each thread has a `T` of its own.
    fn look<T: Default + Send>(
        &self,
        units: &[Unit<'_>],
        reading: &Reading,
        limits: &Limits,
        each: impl Fn(&mut T, Looked<'_>) + Sync,
    ) -> Result<(Vec<T>, Coverage), StoreError> {
        let until = Instant::now() + limits.time.min(Duration::from_hours(24));
        let (next, rows) = (AtomicUsize::new(0), AtomicU64::new(0));
        let work = || {
            let (mut own, mut coverage) = (T::default(), Coverage::default());
            loop {
                let unit = next.fetch_add(1, Relaxed);
                let Some(which) = units.get(unit) else { return Ok((own, coverage)) };
                coverage.reached = if limits.rows <= rows.load(Relaxed) {
                    Some(Limit::Rows)
                } else {
                    (until <= Instant::now()).then_some(Limit::Time)
                };
                if coverage.reached.is_some() {
                    return Ok((own, coverage));
                }
                let chunks = match self.read(*which, reading) {
                    Ok(chunks) => chunks,
                    Err(StoreError::Damaged { path }) => {
                        coverage.damaged.push(path);
                        continue;
                    }
                    Err(error) => return Err(error),
                };
                let is_whole = matches!(which, Unit::Segment(_));
                for (part, chunk) in chunks.iter().enumerate() {
                    rows.fetch_add(chunk.rows() as u64, Relaxed);
                    coverage.rows += chunk.rows() as u64;
                    each(&mut own, Looked { chunk, unit, part, is_whole });
                }
            }
        };
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let others = threads.min(THREADS_MAX).min(units.len()).saturating_sub(1);
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
            coverage.rows += own.rows;
            coverage.reached = coverage.reached.or(own.reached);
            coverage.damaged.extend(own.damaged);
        }
        coverage.settle();
        Ok((parts, coverage))
    }

    fn read(&self, unit: Unit<'_>, reading: &Reading) -> Result<Vec<Arc<Chunk>>, StoreError> {
        match unit {
            Unit::Segment(readable) => self.head.rows(readable),
            Unit::Group(kept, group) => {
                let keys = reading.attributes.as_deref();
                let keys: Option<Vec<&str>> =
                    keys.map(|keys| keys.iter().map(Text::as_str).collect());
                let wanted = Wanted {
                    columns: Some(&reading.columns),
                    attributes: keys.as_deref(),
                    rows: None,
                };
                kept.read(group, wanted).map(|chunk| vec![Arc::new(chunk)])
            }
        }
    }
}

impl Coverage {
    fn settle(&mut self) {
        let damaged: BTreeSet<PathBuf> = self.damaged.drain(..).collect();
        self.damaged = damaged.into_iter().collect();
    }
}

impl Reading {
    fn new(
        table: &'static Table,
        window: Window,
        filter: &Filter,
        columns: Vec<usize>,
        attributes: Option<Vec<Text>>,
    ) -> Result<Self, StoreError> {
        if table.name != keep::SPANS.name {
            return Err(StoreError::NotKept { table: table.name });
        }
        let traces = table.trace.and_then(|place| filter.ids(place));
        let traces = traces.map(|ids| ids.into_iter().map(TraceId).collect());
        Ok(Self { window, traces, columns, attributes })
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
    /// Segments, and the row groups that may have rows that pass, the newest first.
    fn units(&self, reading: &Reading) -> Vec<Unit<'_>> {
        let segments = self.segments.iter().map(Unit::Segment);
        let groups = self.blocks.iter().flat_map(|kept| {
            let groups = kept.block.groups().iter().enumerate().rev();
            let groups = groups.filter(|(_, group)| reading.may_pass(group));
            groups.map(|(group, _)| Unit::Group(kept, group))
        });
        segments.chain(groups).collect()
    }
}

/// Rows that may be among the first, and those of their spans that are at hand.
#[derive(Debug, Default)]
struct Found {
    ranked: Vec<Ranked<At>>,
    spans: BTreeMap<At, Span>,
}

impl Found {
    fn add(&mut self, top: &Top, looked: Looked<'_>) {
        let Looked { chunk, unit, part, is_whole } = looked;
        self.ranked.extend(top.of(chunk, |row| (unit, part, row)));
        self.ranked = top.merge(std::mem::take(&mut self.ranked));
        if is_whole {
            let places = self.ranked.iter().map(|ranked| ranked.place);
            let places: Vec<At> = places.filter(|at| (at.0, at.1) == (unit, part)).collect();
            let rows: Vec<usize> = places.iter().map(|at| at.2 as usize).collect();
            self.spans.extend(places.into_iter().zip(spans::read(chunk, &rows)));
        }
        if 2 * top.limit < self.spans.len() {
            let first: BTreeSet<At> = self.ranked.iter().map(|ranked| ranked.place).collect();
            self.spans.retain(|at, _| first.contains(at));
        }
    }

    /// Reads the rows of blocks that are among the first.
    fn read_rest(&mut self, units: &[Unit<'_>], coverage: &mut Coverage) -> Result<(), StoreError> {
        let mut missing: BTreeMap<usize, BTreeSet<u32>> = BTreeMap::new();
        for Ranked { place, .. } in &self.ranked {
            if !self.spans.contains_key(place) {
                missing.entry(place.0).or_default().insert(place.2);
            }
        }
        for (unit, rows) in missing {
            let Some(Unit::Group(kept, group)) = units.get(unit) else { continue };
            let rows: Vec<u32> = rows.into_iter().collect();
            match kept.read(*group, Wanted { rows: Some(&rows), ..Wanted::ALL }) {
                Ok(chunk) => {
                    let read = spans::read(&chunk, &(0..rows.len()).collect::<Vec<_>>());
                    let places = rows.iter().map(|row| (unit, 0, *row));
                    self.spans.extend(places.zip(read));
                }
                Err(StoreError::Damaged { path }) => coverage.damaged.push(path),
                Err(error) => return Err(error),
            }
        }
        coverage.settle();
        Ok(())
    }
}
