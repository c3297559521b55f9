//! Blocks: what segments become once they are full, a tenth of their size and ready for questions.
//!
//! A block holds the rows of an unbroken run of segments, and its name says which: `spans-000012-000019.parquet`.
//! So the names are the manifest. A block is written beside, synced and renamed; from then on its segments, and blocks
//! of parts of its run, are of no more use, and whoever finds them removes them. There is no moment at which a crash
//! loses a row or keeps one twice.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::{Path, PathBuf},
    sync::{
        Arc, RwLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use keep::{
    Chunk, Column,
    parquet::{Block, BlockError, BlockFormat, Wanted, encode, parquet_file},
    policy::Carried,
    query::Filter,
    rollup::Minutes,
};
use model::{Moment, TraceId, Window};

use crate::{
    Newer, StoreError,
    disk::{self, Written},
    file_at::FileAt,
    signals::{Item, Signal},
};

/// What the names of blocks end with that are being written.
pub(crate) const PART: &str = ".parquet.part";

/// Rows that are put into one block: a hundred MB while it is done.
const MERGED_ROWS_MAX: usize = 512 << 10;

/// Bytes that are put into one block: roll-ups have few rows, and large ones.
const MERGED_BYTES_MAX: u64 = 32 << 20;

/// Blocks that are put together were received within so long: what is older than an age is told by whole blocks.
const MERGED_TIME_MAX: Duration = Duration::from_hours(1);

/// The same where only what is kept for long is left, and for roll-ups.
const MERGED_TIME_LONG: Duration = Duration::from_hours(24);

/// Blocks of about one size that are put together at once.
const MERGED_BLOCKS: usize = 4;

/// Spans that are given to a replay at once.
pub(crate) const REPLAYED_MAX: usize = 8_192;

/// Labels of when the first and the last batch of a block were received.
const RECEIVED: [&str; 2] = ["taut.received_first", "taut.received_last"];

/// Label of what was decided about traces that go on in the next block; a block has it if only the rows are left in it
/// that are kept for long.
const THINNED: &str = "taut.thinned";

/// A run of segments, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Run {
    pub(crate) first: u32,
    pub(crate) last: u32,
}

impl Run {
    fn path(self, folder: &Path, signal: &Signal) -> PathBuf {
        folder.join(format!("{}-{:06}-{:06}.parquet", signal.log.name, self.first, self.last))
    }

    /// The run that the name of a block stands for.
    pub(crate) fn of_name(signal: &Signal, name: &str) -> Option<Self> {
        let runs = name.strip_prefix(signal.log.name)?.strip_prefix('-')?;
        let (first, last) = runs.strip_suffix(".parquet")?.split_once('-')?;
        let run = Self { first: first.parse().ok()?, last: last.parse().ok()? };
        let is_ours = 0 < run.first && run.first <= run.last && run.last < 1_000_000_000;
        let path = run.path(Path::new(""), signal);
        (is_ours && path.to_str() == Some(name)).then_some(run)
    }

    /// Whether the segment is one of the run.
    pub(crate) fn has(self, segment: u32) -> bool {
        self.first <= segment && segment <= self.last
    }

    pub(crate) fn holds(self, other: Self) -> bool {
        self.first <= other.first && other.last <= self.last
    }
}

/// What a block says of itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Labels<'a> {
    /// When its first and its last batch were received.
    pub(crate) received: (Moment, Moment),
    /// Only what is kept for long is in it; see [`Kept::thinned`].
    pub(crate) thinned: Option<&'a Carried>,
}

/// Blocks that were opened.
static OPENED: AtomicU64 = AtomicU64::new(0);

/// The blocks of one signal in a folder.
#[derive(Debug)]
pub(crate) struct Blocks {
    signal: &'static Signal,
    folder: PathBuf,
    /// By their first segments.
    kept: RwLock<BTreeMap<u32, Arc<Kept>>>,
    /// Those that a newer version wrote, and why they are not read.
    newer: Vec<(Run, Newer)>,
}

/// A block that is kept. Who reads it goes on reading, even when it is dropped meanwhile.
#[derive(Debug)]
pub(crate) struct Kept {
    /// No other that was opened has it.
    pub(crate) number: u64,
    pub(crate) run: Run,
    pub(crate) bytes: u64,
    /// When its first and its last batch were received.
    pub(crate) received: (Moment, Moment),
    pub(crate) rows: usize,
    pub(crate) path: PathBuf,
    /// Only what is kept for long is left in it; and what was decided about traces that go on in the next one.
    pub(crate) thinned: Option<Carried>,
    pub(crate) block: Block<FileAt>,
}

impl Blocks {
    /// Opens the blocks of a folder. Those that are damaged are set aside, and named in `set_aside`.
    pub(crate) fn open(
        signal: &'static Signal,
        folder: &Path,
        runs: &BTreeSet<Run>,
        set_aside: &mut Vec<PathBuf>,
    ) -> Result<Self, StoreError> {
        let mut widest: Vec<Run> = runs.iter().copied().collect();
        widest.sort_by_key(|run| (std::cmp::Reverse(run.last - run.first), *run));
        let mut blocks: BTreeMap<u32, Arc<Kept>> = BTreeMap::new();
        let mut newer = Vec::new();
        for run in widest {
            let path = run.path(folder, signal);
            if blocks.values().any(|kept| kept.run.holds(run)) {
                disk::remove(&path)?;
                continue;
            }
            match Kept::open(signal, run, path.clone()) {
                Ok(kept) => {
                    blocks.insert(run.first, Arc::new(kept));
                }
                Err(StoreError::Newer(why)) => newer.push((run, why)),
                Err(StoreError::Damaged { .. }) => {
                    disk::rename(&path, &aside(&path))
                        .map_err(|error| disk::failed("rename", &path, error))?;
                    set_aside.push(aside(&path));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(Self { signal, folder: folder.to_path_buf(), kept: RwLock::new(blocks), newer })
    }

    /// Whether a block holds the rows of a segment.
    pub(crate) fn holds(&self, segment: u32) -> bool {
        let blocks = disk::read(&self.kept);
        let before = blocks.range(..=segment).next_back();
        before.is_some_and(|(_, kept)| segment <= kept.run.last)
    }

    /// Whether a block holds the rows of a segment that cannot be read here.
    pub(crate) fn hides(&self, segment: u32) -> bool {
        self.newer.iter().any(|(run, _)| run.has(segment))
    }

    /// Those that a newer version wrote.
    pub(crate) fn newer(&self) -> impl Iterator<Item = &Newer> {
        self.newer.iter().map(|(_, why)| why)
    }

    /// The highest segment that any block holds.
    pub(crate) fn last_segment(&self) -> u32 {
        let blocks = disk::read(&self.kept);
        let runs = blocks.values().map(|kept| kept.run);
        runs.chain(self.newer.iter().map(|(run, _)| *run)).map(|run| run.last).max().unwrap_or(0)
    }

    /// All blocks, in the order of their segments.
    pub(crate) fn all(&self) -> Vec<Arc<Kept>> {
        disk::read(&self.kept).values().map(Arc::clone).collect()
    }

    /// Makes a block of rows; it is there for readers, and after a crash, once this returns.
    pub(crate) fn add(
        &self,
        run: Run,
        received: (Moment, Moment),
        chunk: &Chunk,
        format: &BlockFormat,
    ) -> Result<(), StoreError> {
        self.add_labelled(run, &Labels { received, thinned: None }, chunk, format)
    }

    /// Makes a block, in place of those that hold the same segments or some of them.
    pub(crate) fn add_labelled(
        &self,
        run: Run,
        labels: &Labels<'_>,
        chunk: &Chunk,
        format: &BlockFormat,
    ) -> Result<(), StoreError> {
        let Labels { received, thinned } = *labels;
        let path = run.path(&self.folder, self.signal);
        let mut labels = vec![
            (RECEIVED[0], received.0.nanos.to_string()),
            (RECEIVED[1], received.1.nanos.to_string()),
        ];
        labels.extend(thinned.map(|carried| (THINNED, carried.to_text())));
        let bytes = encode(chunk, format, &labels)
            .map_err(|error| disk::failed("write", &path, io::Error::other(error)))?;
        let beside = path.with_extension("parquet.part");
        let is_new = !disk::read(&self.kept).values().any(|kept| kept.run == run);
        let written = Written::create(&beside).and_then(|file| {
            file.write_all_at(&bytes, 0)?;
            file.sync()?;
            disk::rename(&beside, &path)
        });
        if let Err(error) = written {
            // What cannot be removed now is removed by the next start.
            drop(disk::remove(&beside));
            return Err(disk::failed("write", &path, error));
        }
        let kept = disk::sync_folder(&self.folder)
            .and_then(|()| Kept::open(self.signal, run, path.clone()))
            .inspect_err(|_| {
                // Nobody knows of it: later blocks may be of other runs that share segments with it.
                if is_new {
                    drop(disk::remove(&path));
                }
            })?;
        let kept = Arc::new(kept);
        let mut blocks = disk::write(&self.kept);
        let parts: Vec<u32> =
            blocks.values().filter(|it| run.holds(it.run)).map(|it| it.run.first).collect();
        let parts: Vec<Arc<Kept>> = parts.iter().filter_map(|it| blocks.remove(it)).collect();
        blocks.insert(run.first, kept);
        drop(blocks);
        for part in parts.iter().filter(|part| part.run != run) {
            disk::remove(&part.path)?;
        }
        Ok(())
    }

    /// Puts small neighbours together, if there are enough of them. Returns whether there were.
    pub(crate) fn merge(&self, format: &BlockFormat) -> Result<bool, StoreError> {
        let Some(parts) = to_merge(&self.all()) else { return Ok(false) };
        let mut chunk = Chunk::new(self.signal.table);
        let mut minutes = self.signal.table.sketch.map(|_| Minutes::default());
        for part in &parts {
            for group in 0..part.block.groups().len() {
                match (part.read(group, Wanted::ALL), &mut minutes) {
                    (Ok(rows), None) => chunk.append(&rows),
                    (Ok(rows), Some(minutes)) => minutes.merge(&rows),
                    (Err(StoreError::Damaged { .. }), _) => {
                        return self.set_aside(part).map(|()| true);
                    }
                    (Err(error), _) => return Err(error),
                }
            }
        }
        let mut chunk = minutes.map_or(chunk, Minutes::into_chunk);
        if let Some(rows) = keep::distinct(&chunk) {
            chunk = chunk.pick(&rows);
        }
        let (Some(first), Some(last)) = (parts.first(), parts.last()) else { return Ok(false) };
        let received = parts.iter().fold(first.received, |all, part| {
            (all.0.min(part.received.0), all.1.max(part.received.1))
        });
        // What was handed on last matters most: the others are for blocks that were looked at by now.
        let mut thinned = last.thinned.clone();
        for part in parts.iter().rev() {
            if let (Some(all), Some(own)) = (&mut thinned, &part.thinned) {
                all.join(own);
            }
        }
        let run = Run { first: first.run.first, last: last.run.last };
        let labels = Labels { received, thinned: thinned.as_ref() };
        self.add_labelled(run, &labels, &chunk, format)?;
        Ok(true)
    }

    /// Takes a damaged block out, so that it is in nobody's way; its file stays for whoever wants to look at it.
    pub(crate) fn set_aside(&self, kept: &Kept) -> Result<(), StoreError> {
        disk::rename(&kept.path, &aside(&kept.path))
            .map_err(|error| disk::failed("rename", &kept.path, error))?;
        disk::write(&self.kept).remove(&kept.run.first);
        Ok(())
    }

    /// Drops a block.
    pub(crate) fn drop_block(&self, first: u32) -> Result<(), StoreError> {
        let Some(kept) = disk::read(&self.kept).get(&first).map(Arc::clone) else {
            return Ok(());
        };
        disk::remove(&kept.path)?;
        disk::write(&self.kept).remove(&first);
        Ok(())
    }
}

fn aside(path: &Path) -> PathBuf {
    path.with_extension("parquet.damaged")
}

/// The first neighbours of about one size that are worth putting together.
fn to_merge(blocks: &[Arc<Kept>]) -> Option<Vec<Arc<Kept>>> {
    let kind = |kept: &Kept| (kept.rows.max(1).ilog2() / 2, kept.thinned.is_some());
    let are_alike = |parts: &[Arc<Kept>]| {
        parts
            .windows(2)
            .all(|two| two[0].run.last + 1 == two[1].run.first && kind(&two[0]) == kind(&two[1]))
    };
    let are_near = |parts: &[Arc<Kept>]| {
        let first = parts.iter().map(|kept| kept.received.0).min().unwrap_or_default();
        let last = parts.iter().map(|kept| kept.received.1).max().unwrap_or_default();
        let is_long = |kept: &Kept| kept.thinned.is_some() || kept.block.table().sketch.is_some();
        let is_long = parts.iter().all(|kept| is_long(kept));
        last.since(first) <= if is_long { MERGED_TIME_LONG } else { MERGED_TIME_MAX }
    };
    let mut neighbours = blocks.windows(MERGED_BLOCKS);
    let due = neighbours.find(|parts| {
        are_alike(parts)
            && are_near(parts)
            && parts.iter().map(|kept| kept.rows).sum::<usize>() <= MERGED_ROWS_MAX
            && parts.iter().map(|kept| kept.bytes).sum::<u64>() <= MERGED_BYTES_MAX
    });
    due.map(<[Arc<Kept>]>::to_vec)
}

impl Kept {
    fn open(signal: &Signal, run: Run, path: PathBuf) -> Result<Self, StoreError> {
        let file = FileAt::open(&path).map_err(|error| disk::failed("open", &path, error))?;
        let bytes = file.bytes;
        let block = Block::open(file).map_err(|error| failed(&path, error))?;
        if block.table().name != signal.table.name {
            return Err(StoreError::Damaged { path });
        }
        let received = RECEIVED.map(|name| {
            let nanos = block.label(name).and_then(|nanos| nanos.parse().ok());
            Moment { nanos: nanos.unwrap_or(0) }
        });
        let rows = block.groups().iter().map(|group| group.rows).sum();
        let thinned = block.label(THINNED).map(Carried::from_text);
        let number = OPENED.fetch_add(1, Relaxed);
        let received = (received[0], received[1]);
        Ok(Self { number, run, bytes, received, rows, path, thinned, block })
    }

    /// Rows of a group.
    pub(crate) fn read(&self, group: usize, wanted: Wanted<'_>) -> Result<Chunk, StoreError> {
        self.block.read(group, wanted).map_err(|error| failed(&self.path, error))
    }

    pub(crate) fn read_passing(
        &self,
        group: usize,
        wanted: Wanted<'_>,
        window: Window,
        filter: &Filter,
    ) -> Result<Chunk, StoreError> {
        let read = self.block.read_passing(group, wanted, window, filter);
        read.map_err(|error| failed(&self.path, error))
    }

    /// Items of a trace, with the times of their rows.
    pub(crate) fn of_trace<T: Item>(&self, id: TraceId) -> Result<Vec<(Moment, T)>, StoreError> {
        let mut found = Vec::new();
        for (number, group) in self.block.groups().iter().enumerate() {
            if group.may_have_trace(id.0) {
                found.extend(self.of_trace_in(number, id)?);
            }
        }
        Ok(found)
    }

    fn of_trace_in<T: Item>(
        &self,
        group: usize,
        id: TraceId,
    ) -> Result<Vec<(Moment, T)>, StoreError> {
        let Some(place) = self.block.table().trace else { return Ok(Vec::new()) };
        let columns = [place];
        let wanted = Wanted { columns: Some(&columns), attributes: Some(&[]), rows: None };
        let chunk = self.read(group, wanted)?;
        let Column::Id16(ids) = chunk.column(place) else { return Ok(Vec::new()) };
        let rows: Vec<u32> =
            (0..).zip(ids).filter(|(_, it)| **it == id.0).map(|(row, _)| row).collect();
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let chunk = self.read(group, Wanted { rows: Some(&rows), ..Wanted::ALL })?;
        Ok(timed(&chunk))
    }

    /// Gives all of its items to `each`, so many at once.
    pub(crate) fn replay<T: Item>(
        &self,
        each: &mut dyn FnMut(Moment, Vec<T>),
    ) -> Result<(), StoreError> {
        for group in 0..self.block.groups().len() {
            let chunk = self.read(group, Wanted::ALL)?;
            let rows: Vec<usize> = (0..chunk.rows()).collect();
            for rows in rows.chunks(REPLAYED_MAX) {
                each(self.received.1, T::read(&chunk, rows));
            }
        }
        Ok(())
    }
}

/// All items of a chunk, with the times of their rows.
pub(crate) fn timed<T: Item>(chunk: &Chunk) -> Vec<(Moment, T)> {
    let Column::Whole(times) = chunk.column(chunk.table().time) else { return Vec::new() };
    let items = T::read(chunk, &(0..chunk.rows()).collect::<Vec<_>>());
    times.iter().map(|nanos| Moment { nanos: *nanos }).zip(items).collect()
}

/// What is no sound block is damaged; what the disk says is passed on.
pub(crate) fn failed(path: &Path, error: BlockError) -> StoreError {
    match error {
        BlockError::Newer { found, known } => {
            StoreError::Newer(Newer { path: path.to_path_buf(), found, known })
        }
        BlockError::File(parquet_file::Error::External(source)) => {
            match source.downcast::<io::Error>() {
                // What unpacks pages speaks of errors in them in the same way, but those have no number.
                Ok(error) if error.raw_os_error().is_some() => disk::failed("read", path, *error),
                _ => StoreError::Damaged { path: path.to_path_buf() },
            }
        }
        _ => StoreError::Damaged { path: path.to_path_buf() },
    }
}
