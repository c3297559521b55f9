//! `taut store import`: Parquet files of a store, and recordings in any format.

use std::{
    fs::{self, File},
    io::Read as _,
    path::{Path, PathBuf},
};

use clap::Args;
use model::{LogRecord, Metric};
use observe::{Compression, DecompressedMax, otlp};
use serde_json::json;
use store::{Batch, Folder, Items, Store as _, StoreError};

use super::{
    Stopped, Which, bar, json,
    kinds::{Counts, Kind},
    of_the_disk, when,
};
use crate::{
    commands::{Done, OK, find::tell_problems},
    say::{self, BOLD, Failure},
    units,
};

/// What is kept at once.
const BATCH: usize = 2_000;

/// Bytes of a file in which the first request of OTLP JSON says what it is of.
const SAID_BYTES: u64 = 1 << 20;

/// Take in Parquet files of a store, recordings in any format that `taut find` reads, and log records and metrics as
/// OTLP JSON. The store must not be in use.
///
/// A store that is not there is made. Spans that are taken in twice are counted once where they lie in one block.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Files, and folders with Parquet files; `-` is standard input.
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    which: Which,
}

pub(super) fn run(arguments: &Arguments) -> Done {
    let files = files(&arguments.paths)?;
    let store = arguments.which.open()?;
    let progress = bar(files.len() as u64, "taking in files");
    let (mut of_files, mut counts) = (Vec::new(), Counts::default());
    for path in &files {
        let taken = take_in(&store, path, &progress);
        if taken.is_err() {
            progress.finish_and_clear();
        }
        let taken = taken?;
        counts += taken;
        of_files.push(taken);
        progress.inc(1);
    }
    progress.finish_and_clear();
    if arguments.which.json {
        let files = files.iter().zip(of_files).map(|(path, counts)| {
            let mut file = json!({ "path": path.to_string_lossy() });
            counts.put(&mut file);
            file
        });
        let mut told = json!({ "files": files.collect::<Vec<_>>() });
        counts.put(&mut told);
        say::data(&json(&told))?;
    } else {
        let files = units::some(files.len() as u64, "file", "files");
        say::data(&format!("{BOLD}{} taken in{BOLD:#}\nfrom {files}\n", counts.told()))?;
    }
    OK
}

/// The files that were named, and the Parquet files of the folders.
fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let failed = |error: std::io::Error| {
            Failure::of_the_world(format!("failed to read `{}`: {error}", path.display()))
        };
        let mut found = Vec::new();
        for entry in fs::read_dir(path).map_err(failed)? {
            found.push(entry.map_err(failed)?.path());
        }
        found.retain(|path| path.extension().is_some_and(|ending| ending == "parquet"));
        if found.is_empty() {
            return Err(Failure::use_of(format!("no Parquet file is in `{}`", path.display()))
                .hint("name the files of a recording one by one"));
        }
        found.sort();
        files.append(&mut found);
    }
    Ok(files)
}

fn take_in(
    store: &Folder,
    path: &Path,
    progress: &indicatif::ProgressBar,
) -> Result<Counts, Failure> {
    if is_parquet(path) {
        return take_in_rows(store, path);
    }
    let said = said(path);
    let mut counts = Counts::default();
    if said.contains("\"resourceLogs\"") {
        counts.add(Kind::Logs, take_in_logs(store, path)?);
    }
    if said.contains("\"resourceMetrics\"") {
        counts.add(Kind::Metrics, take_in_metrics(store, path)?);
    }
    if 0 < counts.of(Kind::Logs) + counts.of(Kind::Metrics) && !said.contains("\"resourceSpans\"") {
        return Ok(counts);
    }
    let read =
        engine::read_file(path).map_err(|error| Failure::world(&error).hint(error.hint()))?;
    progress.suspend(|| tell_problems(&read));
    keep_all(&read.spans, |spans| {
        store.append(&Batch { spans, otlp: None, received: when::now() })
    })?;
    counts.add(Kind::Spans, read.spans.len() as u64);
    Ok(counts)
}

/// Takes in a Parquet file of a store as it is: rows keep what is known of them beside what was sent.
fn take_in_rows(store: &Folder, path: &Path) -> Result<Counts, Failure> {
    let mut counts = Counts::default();
    let taken = store::read_block(path, |chunk| {
        // Roll-ups are made anew of what comes in.
        let Some(kind) = Kind::of(chunk.table()) else { return Ok(()) };
        store.take_in(chunk, when::now())?;
        counts.add(kind, chunk.rows() as u64);
        Ok(())
    });
    taken.map(|()| counts).map_err(|error: Stopped| match error {
        Stopped::Store(StoreError::Damaged { .. }) => Failure::of_the_world(format!(
            "`{}` is damaged, or no Parquet file of a store",
            path.display()
        ))
        .hint("spans of other Parquet files come in as OTLP JSON"),
        other => other.into(),
    })
}

fn take_in_logs(store: &Folder, path: &Path) -> Result<u64, Failure> {
    let decoded = otlp::decode_logs_json(&whole(path)?).map_err(|error| not_read(path, &error))?;
    let keep = |items: &[LogRecord]| {
        store.append_logs(&Items { items, otlp: None, received: when::now() })
    };
    keep_all(&decoded.items, keep)?;
    Ok(decoded.items.len() as u64)
}

fn take_in_metrics(store: &Folder, path: &Path) -> Result<u64, Failure> {
    let decoded =
        otlp::decode_metrics_json(&whole(path)?).map_err(|error| not_read(path, &error))?;
    let keep = |items: &[Metric]| {
        store.append_metrics(&Items { items, otlp: None, received: when::now() })
    };
    keep_all(&decoded.items, keep)?;
    Ok(decoded.items.iter().map(|metric| metric.points.len() as u64).sum())
}

fn keep_all<T>(
    items: &[T],
    keep: impl Fn(&[T]) -> Result<(), StoreError> + Copy,
) -> Result<(), Failure> {
    for items in items.chunks(BATCH) {
        keep_halves(items, keep).map_err(|error| of_the_disk(&error))?;
    }
    Ok(())
}

/// Keeps a batch; one that is too long for a record in two.
fn keep_halves<T>(
    items: &[T],
    keep: impl Fn(&[T]) -> Result<(), StoreError> + Copy,
) -> Result<(), StoreError> {
    match keep(items) {
        Err(StoreError::Refused { .. }) if 1 < items.len() => {
            let (one, other) = items.split_at(items.len() / 2);
            keep_halves(one, keep)?;
            keep_halves(other, keep)
        }
        done => done,
    }
}

/// The begin of a file as text; nothing for standard input, which can be read only once.
fn said(path: &Path) -> String {
    let mut bytes = Vec::new();
    let read = |bytes: &mut Vec<u8>| -> std::io::Result<()> {
        let mut magic = Vec::new();
        File::open(path)?.take(4).read_to_end(&mut magic)?;
        let file = std::io::BufReader::new(File::open(path)?);
        match Compression::sniff(&magic) {
            Some(compression) => compression.stream(file)?.take(SAID_BYTES).read_to_end(bytes)?,
            None => file.take(SAID_BYTES).read_to_end(bytes)?,
        };
        Ok(())
    };
    // What cannot be read is told by who reads all of it.
    drop(read(&mut bytes));
    String::from_utf8_lossy(&bytes).into_owned()
}

/// All bytes of a file, unpacked.
fn whole(path: &Path) -> Result<Vec<u8>, Failure> {
    let failed = |error: std::io::Error| {
        Failure::of_the_world(format!("failed to read `{}`: {error}", path.display()))
    };
    let bytes = fs::read(path).map_err(failed)?;
    match Compression::sniff(&bytes) {
        Some(compression) => compression
            .decompress(&bytes, DecompressedMax::default())
            .map_err(|error| not_read(path, &error)),
        None => Ok(bytes),
    }
}

fn not_read(path: &Path, error: &observe::ReadError) -> Failure {
    Failure::of_the_world(format!("failed to read `{}`: {error}", path.display()))
        .hint(error.hint())
}

fn is_parquet(path: &Path) -> bool {
    let mut magic = [0; 4];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut magic));
    read.is_ok() && &magic == b"PAR1"
}
