//! `taut store export`: spans as Parquet files, or as OTLP JSON.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use clap::{Args, ValueEnum};
use model::Window;
use observe::otlp;
use serde_json::json;
use store::keep::{
    Chunk, SPANS,
    parquet::{BlockFormat, encode},
    spans,
};

use super::{Stopped, Which, json, size, spinner, when};
use crate::{
    commands::{Done, OK},
    exit,
    say::{self, AMBER, BOLD, Failure},
    units,
};

/// Spans of one Parquet file of a folder: as many as a block of the store has at most.
const FILE_SPANS_MAX: usize = 512 << 10;

/// Spans of one Parquet file that was asked for: they are in memory while it is made, a kilobyte each.
const ONE_FILE_SPANS_MAX: usize = 2 << 20;

/// Spans of one line of OTLP JSON: half a megabyte.
const LINE_SPANS: usize = 1_000;

/// Write kept spans as Parquet files, or as OTLP JSON with a request on each line. The store must not be in use.
///
/// What is written can be taken in again by `taut store import`; OTLP JSON is read by `taut find`, too.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Where to: `spans.parquet`, `spans.jsonl`, a folder for Parquet files, or `-` for OTLP JSON on standard output.
    #[arg(value_name = "PATH")]
    to_path: PathBuf,
    /// Spans that began then or later: `2026-11-20T09:00:00Z` (UTC), or how long ago, `24h`.
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Spans that began before.
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// How to write them; without it, the name of the file says it.
    #[arg(long, value_name = "FORMAT")]
    format: Option<Format>,
    #[command(flatten)]
    which: Which,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Parquet, as the store's own blocks.
    Parquet,
    /// OTLP JSON, a request on each line.
    Otlp,
}

pub(super) fn run(arguments: &Arguments) -> Done {
    let now = when::now();
    let moment =
        |text: &Option<String>| text.as_deref().map(|text| when::moment(text, now)).transpose();
    let (from, to) = (moment(&arguments.from)?, moment(&arguments.to)?);
    let window =
        Window { from: from.unwrap_or(Window::ALL.from), to: to.unwrap_or(Window::ALL.to) };
    if window.to <= window.from {
        return Err(Failure::use_of("--to is not after --from, so that nothing lies between"));
    }
    let is_data = arguments.to_path == Path::new("-");
    if is_data && arguments.which.json {
        return Err(Failure::use_of(
            "standard output takes the spans or the result as JSON, not both",
        )
        .hint("name a file instead of `-`"));
    }
    let store = Which::open(&arguments.which.known_folder()?)?;
    let mut sink = Sink::new(arguments)?;
    let progress = spinner("writing spans");
    let mut spans = 0;
    let done = store.export(&SPANS, window, |chunk| {
        sink.add(chunk).map_err(Stopped::Told)?;
        spans += chunk.rows() as u64;
        progress.set_message(format!("writing spans: {}", units::count(spans)));
        Ok(())
    });
    let finished = done.map_err(|stopped: Stopped| Failure::from(stopped));
    let finished = finished.and_then(|coverage| sink.finish().map(|written| (coverage, written)));
    progress.finish_and_clear();
    let (coverage, written) = finished?;
    for path in &coverage.damaged {
        say::words(&format!(
            "{AMBER}warning{AMBER:#}: `{}` is damaged, its spans are missing\n",
            path.display()
        ));
    }
    let files: Vec<_> = written.iter().map(|(path, _)| path.to_string_lossy()).collect();
    let bytes: u64 = written.iter().map(|(_, bytes)| bytes).sum();
    if arguments.which.json {
        let damaged: Vec<_> = coverage.damaged.iter().map(|path| path.to_string_lossy()).collect();
        say::data(&json(&json!({
            "spans": spans, "files": files, "bytes": bytes, "damaged": damaged,
        })))?;
    } else if !is_data {
        let many = units::some(spans, "span", "spans");
        let files = units::some(files.len() as u64, "file", "files");
        say::data(&format!("{BOLD}{many} written{BOLD:#}\n{files}, {}\n", size(bytes)))?;
    }
    if coverage.damaged.is_empty() { OK } else { Ok(exit::NO) }
}

/// Where spans are written to.
enum Sink {
    Parquet { rows: Chunk, place: PathBuf, is_folder: bool, written: Vec<(PathBuf, u64)> },
    Lines { out: Box<dyn Write>, path: PathBuf, bytes: u64 },
}

impl Sink {
    fn new(arguments: &Arguments) -> Result<Self, Failure> {
        let path = arguments.to_path.clone();
        let ending = path.extension().and_then(|it| it.to_str()).unwrap_or_default();
        let of_name = match ending {
            "json" | "jsonl" => Format::Otlp,
            _ if path == Path::new("-") => Format::Otlp,
            _ => Format::Parquet,
        };
        if arguments.format.unwrap_or(of_name) == Format::Otlp {
            let out: Box<dyn Write> = if path == Path::new("-") {
                Box::new(io::stdout().lock())
            } else {
                let file = File::create_new(&path).map_err(|error| not_written(&path, &error))?;
                Box::new(BufWriter::new(file))
            };
            return Ok(Self::Lines { out, path, bytes: 0 });
        }
        let is_folder = ending != "parquet";
        if is_folder {
            fs::create_dir_all(&path).map_err(|error| not_written(&path, &error))?;
            let mut entries = fs::read_dir(&path).map_err(|error| not_written(&path, &error))?;
            if entries.next().is_some() {
                return Err(Failure::use_of(format!(
                    "the folder `{}` is not empty",
                    path.display()
                ))
                .hint("name another one, or a file that ends in `.parquet` or `.jsonl`"));
            }
        } else if path.exists() {
            return Err(not_written(&path, &io::ErrorKind::AlreadyExists.into()));
        }
        Ok(Self::Parquet { rows: Chunk::new(&SPANS), place: path, is_folder, written: Vec::new() })
    }

    fn add(&mut self, chunk: &Chunk) -> Result<(), Failure> {
        match self {
            Self::Lines { out, path, bytes } => {
                let rows: Vec<usize> = (0..chunk.rows()).collect();
                for rows in rows.chunks(LINE_SPANS) {
                    let mut line = otlp::encode_json(&spans::read(chunk, rows));
                    line.push('\n');
                    *bytes += line.len() as u64;
                    out.write_all(line.as_bytes()).map_err(|error| not_written(path, &error))?;
                }
            }
            Self::Parquet { rows, place, is_folder, .. } => {
                let most = if *is_folder { FILE_SPANS_MAX } else { ONE_FILE_SPANS_MAX };
                let is_full = 0 < rows.rows() && most < rows.rows() + chunk.rows();
                if is_full && !*is_folder {
                    let many = units::count(most as u64);
                    return Err(Failure::use_of(format!("more than {many} spans do not go into `{}`", place.display()))
                        .hint("name a folder, which gets several files, or less time with --from and --to"));
                }
                if is_full {
                    self.write()?;
                }
                if let Self::Parquet { rows, .. } = self {
                    rows.append(chunk);
                }
            }
        }
        Ok(())
    }

    /// Writes the rows so far.
    fn write(&mut self) -> Result<(), Failure> {
        let Self::Parquet { rows, place, is_folder, written } = self else { return Ok(()) };
        let path = if *is_folder {
            place.join(format!("spans-{:06}.parquet", written.len() + 1))
        } else {
            place.clone()
        };
        let bytes =
            encode(rows, &BlockFormat::SETTLED, &[]).map_err(|error| Failure::world(&error))?;
        fs::write(&path, &bytes).map_err(|error| not_written(&path, &error))?;
        written.push((path, bytes.len() as u64));
        *rows = Chunk::new(&SPANS);
        Ok(())
    }

    /// Writes what is left; returns the files and their lengths.
    fn finish(mut self) -> Result<Vec<(PathBuf, u64)>, Failure> {
        if let Self::Parquet { rows, is_folder, .. } = &self
            && (0 < rows.rows() || !is_folder)
        {
            self.write()?;
        }
        match self {
            Self::Parquet { written, .. } => Ok(written),
            Self::Lines { mut out, path, bytes } => {
                out.flush().map_err(|error| not_written(&path, &error))?;
                Ok(vec![(path, bytes)])
            }
        }
    }
}

fn not_written(path: &Path, error: &io::Error) -> Failure {
    let hint = match error.kind() {
        io::ErrorKind::AlreadyExists => "nothing is written over; name another file",
        io::ErrorKind::StorageFull => "make room, or write to another disk",
        _ => "see whether the folder is there and can be written to",
    };
    Failure::of_the_world(format!("failed to write `{}`: {error}", path.display())).hint(hint)
}
