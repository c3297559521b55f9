//! Looking after a folder: reading every byte of it, making it small, taking all out of it.

use std::{
    collections::BTreeSet,
    fs,
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use keep::{
    Chunk, Column, Table,
    parquet::{Block, Wanted},
};
use model::{Moment, Window};

use crate::{
    Coverage, Folder, Store as _, StoreError, Usage,
    blocks::{PART, Run, failed},
    cold::Part,
    disk, documents,
    file_at::FileAt,
    folder::REQUESTS,
    log::Kind,
    recovery::segments,
    rolled::MINUTES,
    scan::{self, Scan},
    signals::{SIGNALS, Signal},
};

/// Longest segment that any options allow.
const SEGMENT_BYTES_MAX: u64 = 1 << 30;

/// A file of a store that was read from its begin to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileChecked {
    /// Which.
    pub path: PathBuf,
    /// What it is.
    pub kind: FileKind,
    /// Its length.
    pub bytes: u64,
    /// Its sound records, or its rows.
    pub records: u64,
    /// How it is.
    pub state: FileState,
}

/// What a file of a store is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// A segment of a log.
    Log,
    /// A block.
    Block,
    /// A roll-up of blocks.
    Minutes,
    /// A small file of the engine.
    Document,
}

/// How a file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileState {
    /// All of it can be read, and is what was written.
    Sound,
    /// Its end is no record: a write that was under way and never acknowledged, or is under way now.
    Unfinished {
        /// Bytes of it.
        bytes: u64,
    },
    /// It is not what was written.
    Damaged {
        /// What is wrong.
        what: String,
    },
    /// It is of no use any more: what a crash left, or what was set aside.
    Leftover {
        /// Why.
        why: &'static str,
    },
}

/// Reads every file of a store and says how each is, in the order of their names. Nothing is changed, and the store may
/// be in use. `each` is told how many of how many files have been read.
///
/// # Errors
///
/// The folder cannot be read. A file that cannot is [`FileState::Damaged`].
pub fn check(
    folder: &Path,
    each: &mut dyn FnMut(usize, usize),
) -> Result<Vec<FileChecked>, StoreError> {
    let unreadable = |error| disk::failed("read", folder, error);
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        names.extend(entry.map_err(unreadable)?.file_name().into_string().ok());
    }
    let mut checked = Vec::new();
    for (done, name) in names.iter().enumerate() {
        each(done, names.len());
        checked.extend(check_file(folder, name, &names));
    }
    each(names.len(), names.len());
    Ok(checked)
}

/// `None` for what is no part of a store, and for what has been replaced meanwhile.
fn check_file(folder: &Path, name: &str, names: &BTreeSet<String>) -> Option<FileChecked> {
    let path = folder.join(name);
    let bytes = fs::metadata(&path).ok()?.len();
    let signals = SIGNALS.iter().copied().chain([&MINUTES]);
    let of_signal =
        signals.into_iter().find_map(|signal| check_file_of(signal, &path, name, names));
    let (kind, (records, state)) = if let Some(checked) = of_signal {
        checked
    } else if let Some(segment) = REQUESTS.segment(name) {
        let is_last = segments(REQUESTS, names).last() == Some(&segment);
        (FileKind::Log, check_log(REQUESTS, |_| true, &path, segment, is_last))
    } else if name.ends_with(PART) {
        (FileKind::Block, (0, leftover("it is being written, or never was finished")))
    } else if name.ends_with(".parquet.damaged") {
        (FileKind::Block, (0, leftover("it was found damaged and set aside")))
    } else if let Some(document) = name.strip_prefix("document-").filter(|it| !it.contains('.')) {
        let state = match documents::load(folder, document) {
            Ok(_) => FileState::Sound,
            Err(error) => damaged(&error),
        };
        (FileKind::Document, (1, state))
    } else {
        return None;
    };
    // What is gone was replaced while it was read.
    path.exists().then_some(FileChecked { path, kind, bytes, records, state })
}

/// `None` for what is no log and no block of a signal.
fn check_file_of(
    signal: &Signal,
    path: &Path,
    name: &str,
    names: &BTreeSet<String>,
) -> Option<(FileKind, (u64, FileState))> {
    let mut runs = names.iter().filter_map(|name| Run::of_name(signal, name));
    if let Some(segment) = signal.log.segment(name) {
        let is_last = segments(signal.log, names).last() == Some(&segment);
        let checked = if runs.any(|run| run.has(segment)) {
            (0, leftover("a block holds what is in it"))
        } else {
            let is_read = |payload: &[u8]| 0 < (signal.count)(payload);
            check_log(signal.log, is_read, path, segment, is_last)
        };
        return Some((FileKind::Log, checked));
    }
    let run = Run::of_name(signal, name)?;
    let is_part = |other: Run| other != run && other.has(run.first) && other.has(run.last);
    let checked = if runs.any(is_part) {
        (0, leftover("a larger block holds what is in it"))
    } else {
        check_block(path)
    };
    let is_rolled_up = signal.log.name == MINUTES.log.name;
    Some((if is_rolled_up { FileKind::Minutes } else { FileKind::Block }, checked))
}

fn leftover(why: &'static str) -> FileState {
    FileState::Leftover { why }
}

fn damaged(error: &dyn std::error::Error) -> FileState {
    let mut what = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        what = format!("{what}: {next}");
        cause = next.source();
    }
    FileState::Damaged { what }
}

fn check_log(
    kind: Kind,
    is_read: impl Fn(&[u8]) -> bool,
    path: &Path,
    segment: u32,
    is_last: bool,
) -> (u64, FileState) {
    let bytes = match scan::load(path, scan::longest(SEGMENT_BYTES_MAX)) {
        Ok(bytes) => bytes,
        Err(error) => return (0, damaged(&error)),
    };
    let mut scan = Scan::new(&bytes, kind.magic, segment);
    let (mut records, mut unread) = (0_u64, 0_u64);
    for record in scan.by_ref() {
        records += 1;
        unread += u64::from(!is_read(record.payload));
    }
    let rest = (bytes.len() as u64).saturating_sub(scan.sound_bytes);
    let state = if scan.sound_bytes == 0 && !bytes.is_empty() {
        FileState::Damaged { what: "nothing in it can be read".to_owned() }
    } else if 0 < scan.damaged_bytes {
        FileState::Damaged {
            what: format!("{} bytes within it are no records", scan.damaged_bytes),
        }
    } else if 0 < unread {
        FileState::Damaged { what: format!("{unread} of its records hold no {}", kind.name) }
    } else if 0 < rest && is_last {
        FileState::Unfinished { bytes: rest }
    } else if 0 < rest {
        FileState::Damaged { what: format!("{rest} bytes at its end are no records") }
    } else {
        FileState::Sound
    };
    (records, state)
}

fn check_block(path: &Path) -> (u64, FileState) {
    let block = match FileAt::open(path) {
        Ok(file) => Block::open(file),
        Err(error) => return (0, damaged(&disk::failed("open", path, error))),
    };
    let block = match block {
        Ok(block) => block,
        Err(error) => return (0, damaged(&error)),
    };
    let mut rows = 0;
    for (number, group) in block.groups().iter().enumerate() {
        let chunk = match block.read(number, Wanted::ALL) {
            Ok(chunk) => chunk,
            Err(error) => return (rows, damaged(&error)),
        };
        rows += chunk.rows() as u64;
        let Column::Whole(times) = chunk.column(chunk.table().time) else { continue };
        let ends = times.iter().min().copied().zip(times.iter().max().copied());
        let is_in_order = times.is_sorted_by_key(|time| chunk.table().kept_by(*time));
        if !is_in_order || ends.is_some_and(|ends| ends != group.times) {
            let what = format!("times of group {number} are not those that it says");
            return (rows, FileState::Damaged { what });
        }
    }
    (rows, FileState::Sound)
}

/// Gives all rows of a Parquet file that a store has written to `each`, so many at once.
///
/// # Errors
///
/// The file cannot be read, or is none of these; or what `each` says.
pub fn read_block<E: From<StoreError>>(
    path: &Path,
    mut each: impl FnMut(&Chunk) -> Result<(), E>,
) -> Result<(), E> {
    let file = FileAt::open(path).map_err(|error| disk::failed("open", path, error))?;
    let block = Block::open(file).map_err(|error| failed(path, error))?;
    for group in 0..block.groups().len() {
        each(&block.read(group, Wanted::ALL).map_err(|error| failed(path, error))?)?;
    }
    Ok(())
}

impl Folder {
    /// Makes the store as small as it gets: all that is in the log becomes blocks, small blocks large ones. `each` is
    /// told what there is after each step.
    ///
    /// # Errors
    ///
    /// The disk is full or fails; what is kept stays as it is.
    pub fn compact(&self, each: &mut dyn FnMut(&Usage)) -> Result<(), StoreError> {
        for shelf in self.shelves() {
            shelf.seal_filled()?;
        }
        while self.tidy()? {
            each(&self.usage()?);
        }
        Ok(())
    }

    /// Takes in rows of another store with all that it knows of them, such as their weights. They are in blocks, and
    /// answered for, once it returns.
    ///
    /// # Errors
    ///
    /// The disk is full or fails, or nothing is kept of that table.
    pub fn take_in(&self, rows: &Chunk, received: Moment) -> Result<(), StoreError> {
        if rows.rows() == 0 {
            return Ok(());
        }
        let _tidying = self.tidying();
        self.shelf(rows.table())?.take_in(rows, received)
    }

    /// Gives all kept rows of a table whose time is within `window` to `each`, the oldest blocks first. What is damaged
    /// is left out and named.
    ///
    /// # Errors
    ///
    /// The disk fails; or what `each` says.
    pub fn export<E: From<StoreError>>(
        &self,
        table: &'static Table,
        window: Window,
        mut each: impl FnMut(&Chunk) -> Result<(), E>,
    ) -> Result<Coverage, E> {
        let shelf = self.shelf(table)?;
        let snapshot = shelf.snapshot(None)?;
        let mut coverage = Coverage::default();
        if let Some(cold) = &shelf.cold {
            let mut done = Ok(());
            let mut give = |_, chunk: &Chunk| {
                done = export_rows(chunk, window, &mut coverage, &mut each);
                if done.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            };
            cold.each(table, Part::Within(window), &snapshot.here(), &mut give)?;
            done?;
        }
        for kept in snapshot.blocks.iter().rev() {
            for (number, group) in kept.block.groups().iter().enumerate() {
                if window.to.nanos <= group.times.0 || group.times.1 < window.from.nanos {
                    continue;
                }
                match kept.read(number, Wanted::ALL) {
                    Ok(chunk) => export_rows(&chunk, window, &mut coverage, &mut each)?,
                    Err(StoreError::Damaged { path }) => {
                        coverage.damaged.push(path);
                        break;
                    }
                    Err(error) => return Err(error.into()),
                }
            }
        }
        for readable in snapshot.segments.iter().rev() {
            for chunk in shelf.head.rows(readable)? {
                export_rows(&chunk, window, &mut coverage, &mut each)?;
            }
        }
        Ok(coverage)
    }
}

fn export_rows<E>(
    chunk: &Chunk,
    window: Window,
    coverage: &mut Coverage,
    each: &mut impl FnMut(&Chunk) -> Result<(), E>,
) -> Result<(), E> {
    let Column::Whole(times) = chunk.column(chunk.table().time) else { return Ok(()) };
    let within = |time: &u64| window.from.nanos <= *time && *time < window.to.nanos;
    let rows: Vec<u32> =
        (0..).zip(times).filter(|(_, time)| within(time)).map(|(row, _)| row).collect();
    coverage.rows += rows.len() as u64;
    match rows.len() {
        0 => Ok(()),
        all if all == chunk.rows() => each(chunk),
        _ => each(&chunk.pick(&rows)),
    }
}
