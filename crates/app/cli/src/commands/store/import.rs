//! `taut store import`: Parquet files of a store, and recordings in any format.

use std::{
    fs::{self, File},
    io::Read as _,
    path::{Path, PathBuf},
};

use clap::Args;
use model::Span;
use serde_json::json;
use store::{Batch, Folder, Store as _, StoreError, keep::spans};

use super::{Stopped, Which, bar, json, of_the_disk, when};
use crate::{
    commands::{Done, OK, find::tell_problems},
    say::{self, BOLD, Failure},
    units,
};

/// Spans that are kept at once.
const BATCH_SPANS: usize = 2_000;

/// Take in Parquet files of a store, and recordings in any format that `taut find` reads. The store must not be in use.
///
/// A store that is not there is made. What is taken in twice is there twice, except in traces.
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
    let store = Which::open(&arguments.which.folder()?)?;
    let progress = bar(files.len() as u64, "taking in files");
    let mut counts = Vec::new();
    for path in &files {
        let count = take_in(&store, path, &progress);
        if count.is_err() {
            progress.finish_and_clear();
        }
        counts.push(count?);
        progress.inc(1);
    }
    progress.finish_and_clear();
    let spans: u64 = counts.iter().sum();
    if arguments.which.json {
        let files = files.iter().zip(counts);
        let files: Vec<_> = files
            .map(|(path, spans)| json!({ "path": path.to_string_lossy(), "spans": spans }))
            .collect();
        say::data(&json(&json!({ "spans": spans, "files": files })))?;
    } else {
        let many = units::some(spans, "span", "spans");
        let files = units::some(files.len() as u64, "file", "files");
        say::data(&format!("{BOLD}{many} taken in{BOLD:#}\nfrom {files}\n"))?;
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

fn take_in(store: &Folder, path: &Path, progress: &indicatif::ProgressBar) -> Result<u64, Failure> {
    if is_parquet(path) {
        let mut count = 0;
        let taken = store::read_block(path, |chunk| {
            let rows: Vec<usize> = (0..chunk.rows()).collect();
            for rows in rows.chunks(BATCH_SPANS) {
                append(store, &spans::read(chunk, rows))?;
                count += rows.len() as u64;
            }
            Ok(())
        });
        return taken.map(|()| count).map_err(|error: Stopped| match error {
            Stopped::Store(StoreError::Damaged { .. }) => Failure::of_the_world(format!(
                "`{}` is damaged, or no Parquet file of a store",
                path.display()
            ))
            .hint("spans of other Parquet files come in as OTLP JSON"),
            other => other.into(),
        });
    }
    let read =
        engine::read_file(path).map_err(|error| Failure::world(&error).hint(error.hint()))?;
    progress.suspend(|| tell_problems(&read));
    for spans in read.spans.chunks(BATCH_SPANS) {
        append(store, spans).map_err(|error| of_the_disk(&error))?;
    }
    Ok(read.spans.len() as u64)
}

/// Keeps spans; those that are too long for one record in two.
fn append(store: &Folder, spans: &[Span]) -> Result<(), StoreError> {
    match store.append(&Batch { spans, otlp: None, received: when::now() }) {
        Err(StoreError::Refused { .. }) if 1 < spans.len() => {
            let (one, other) = spans.split_at(spans.len() / 2);
            append(store, one)?;
            append(store, other)
        }
        done => done,
    }
}

fn is_parquet(path: &Path) -> bool {
    let mut magic = [0; 4];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut magic));
    read.is_ok() && &magic == b"PAR1"
}
