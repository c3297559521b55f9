//! Recorded logs, and what is read of them.

use std::path::Path;

use observe::{
    Compression, DecompressedMax,
    postgres_log::{Progress, Reader, ReaderOptions, Record, Summary},
};

/// Logs that were recorded by `specs/postgres_log/record.sh`: version and format.
pub(crate) const SPECS: &[&str] = &[
    "13.stderr.log",
    "13.csvlog.csv",
    "15.stderr.log",
    "15.csvlog.csv",
    "15.jsonlog.json",
    "18.stderr.log",
    "18.csvlog.csv",
    "18.jsonlog.json",
];

/// A recorded log.
#[expect(clippy::disallowed_methods, reason = "recorded logs are files")]
pub(crate) fn spec(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("specs/postgres_log");
    let packed = std::fs::read(folder.join(format!("{name}.gz"))).unwrap();
    Compression::Gzip.decompress(&packed, DecompressedMax::default()).unwrap()
}

/// The records of a log that comes in pieces of these lengths, over and over, as they print; and how far
/// reading came.
pub(crate) fn records(
    bytes: &[u8],
    options: &ReaderOptions,
    pieces: &[usize],
) -> (Vec<String>, Progress) {
    let mut reader = Reader::new(options.clone());
    let mut records = Vec::new();
    let mut sink = |record: Record<'_>| records.push(format!("{record:?}"));
    let mut rest = bytes;
    for length in pieces.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (piece, after) = rest.split_at((*length).clamp(1, rest.len()));
        reader.feed(piece, &mut sink);
        rest = after;
    }
    reader.finish(&mut sink);
    (records, reader.progress())
}

/// What a log comes to.
pub(crate) fn summary(bytes: &[u8], options: &ReaderOptions) -> Summary {
    let mut reader = Reader::new(options.clone());
    let mut summary = Summary::default();
    let mut sink = |record: Record<'_>| summary.add(&record);
    for piece in bytes.chunks(10_000) {
        reader.feed(piece, &mut sink);
    }
    reader.finish(&mut sink);
    summary.note(&reader.progress());
    summary
}
