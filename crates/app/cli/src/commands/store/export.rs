//! `taut store export`: what is kept as Parquet files, or as OTLP JSON.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use clap::{Args, ValueEnum};
use model::Window;
use serde_json::json;
use store::keep::{
    Chunk,
    parquet::{BlockFormat, encode},
};

use super::{
    Stopped, Which, json,
    kinds::{Counts, Kind},
    size, spinner, when,
};
use crate::{
    commands::{Done, OK},
    exit,
    say::{self, AMBER, BOLD, Failure},
    units,
};

/// Rows of one Parquet file of a folder: as many as a block of the store has at most.
const FILE_ROWS_MAX: usize = 512 << 10;

/// Rows of one Parquet file that was asked for: they are in memory while it is made, a kilobyte each.
const ONE_FILE_ROWS_MAX: usize = 2 << 20;

/// Rows of one line of OTLP JSON: half a megabyte.
const LINE_ROWS: usize = 1_000;

/// Write what is kept as Parquet files, or as OTLP JSON with a request on each line. The store must not be in use.
///
/// A folder gets spans, log records and metrics, each in files of their own; a file gets spans, unless --what says
/// otherwise. What is written can be taken in again by `taut store import`; spans as OTLP JSON are read by `taut find`,
/// too.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Where to: `spans.parquet`, `spans.jsonl`, a folder for Parquet files, or `-` for OTLP JSON on standard output.
    #[arg(value_name = "PATH")]
    to_path: PathBuf,
    /// What to write; without it, all of it to a folder, and spans to a file.
    #[arg(long, value_name = "KIND")]
    what: Option<Kind>,
    /// What began, or was written or measured, then or later: `2026-11-20T09:00:00Z` (UTC), or how long ago, `24h`.
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// The same, before then.
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// How to write it; without it, the name of the file says it.
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
            "standard output takes what is kept or the result as JSON, not both",
        )
        .hint("name a file instead of `-`"));
    }
    arguments.which.known_folder()?;
    let store = arguments.which.open()?;
    let place = Place::new(arguments)?;
    let kinds = match arguments.what {
        Some(kind) => vec![kind],
        None if matches!(place, Place::Folder(_)) => Kind::ALL.to_vec(),
        None => vec![Kind::Spans],
    };
    let progress = spinner("writing");
    let (mut counts, mut damaged, mut written) = (Counts::default(), Vec::new(), Vec::new());
    for kind in kinds {
        let mut sink = Sink::new(&place, kind)?;
        let done = store.export(kind.table(), window, |chunk| {
            sink.add(chunk).map_err(Stopped::Told)?;
            counts.add(kind, chunk.rows() as u64);
            progress.set_message(format!("writing: {}", counts.told()));
            Ok(())
        });
        let finished = done.map_err(|stopped: Stopped| Failure::from(stopped));
        let finished = finished.and_then(|coverage| Ok((coverage, sink.finish()?)));
        if finished.is_err() {
            progress.finish_and_clear();
        }
        let (coverage, files) = finished?;
        damaged.extend(coverage.damaged);
        written.extend(files);
    }
    progress.finish_and_clear();
    for path in &damaged {
        say::words(&format!(
            "{AMBER}warning{AMBER:#}: `{}` is damaged, what it held is missing\n",
            path.display()
        ));
    }
    let files: Vec<_> = written.iter().map(|(path, _)| path.to_string_lossy()).collect();
    let bytes: u64 = written.iter().map(|(_, bytes)| bytes).sum();
    if arguments.which.json {
        let damaged: Vec<_> = damaged.iter().map(|path| path.to_string_lossy()).collect();
        let mut told = json!({ "files": files, "bytes": bytes, "damaged": damaged });
        counts.put(&mut told);
        say::data(&json(&told))?;
    } else if !is_data {
        let files = units::some(files.len() as u64, "file", "files");
        say::data(&format!("{BOLD}{} written{BOLD:#}\n{files}, {}\n", counts.told(), size(bytes)))?;
    }
    if damaged.is_empty() { OK } else { Ok(exit::NO) }
}

/// Where it is written to.
enum Place {
    /// Parquet files, as many as it takes.
    Folder(PathBuf),
    /// One Parquet file.
    File(PathBuf),
    /// OTLP JSON, a request on each line.
    Lines(PathBuf),
}

impl Place {
    fn new(arguments: &Arguments) -> Result<Self, Failure> {
        let path = arguments.to_path.clone();
        let ending = path.extension().and_then(|it| it.to_str()).unwrap_or_default();
        let of_name = match ending {
            "json" | "jsonl" => Format::Otlp,
            _ if path == Path::new("-") => Format::Otlp,
            _ => Format::Parquet,
        };
        let format = arguments.format.unwrap_or(of_name);
        if format == Format::Otlp {
            return Ok(Self::Lines(path));
        }
        if ending == "parquet" {
            if path.exists() {
                return Err(not_written(&path, &io::ErrorKind::AlreadyExists.into()));
            }
            return Ok(Self::File(path));
        }
        fs::create_dir_all(&path).map_err(|error| not_written(&path, &error))?;
        let mut entries = fs::read_dir(&path).map_err(|error| not_written(&path, &error))?;
        if entries.next().is_some() {
            return Err(Failure::use_of(format!("the folder `{}` is not empty", path.display()))
                .hint("name another one, or a file that ends in `.parquet` or `.jsonl`"));
        }
        Ok(Self::Folder(path))
    }
}

/// What is written of one kind.
#[expect(clippy::large_enum_variant, reason = "there is one of each kind of telemetry")]
enum Sink {
    Parquet { kind: Kind, rows: Chunk, place: PathBuf, is_folder: bool, written: Written },
    Lines { kind: Kind, out: Box<dyn Write>, path: PathBuf, bytes: u64 },
}

/// Files and their lengths.
type Written = Vec<(PathBuf, u64)>;

impl Sink {
    fn new(place: &Place, kind: Kind) -> Result<Self, Failure> {
        let (place, is_folder) = match place {
            Place::Folder(path) => (path.clone(), true),
            Place::File(path) => (path.clone(), false),
            Place::Lines(path) => {
                let out: Box<dyn Write> = if path == Path::new("-") {
                    Box::new(io::stdout().lock())
                } else {
                    let file = File::create_new(path).map_err(|error| not_written(path, &error))?;
                    Box::new(BufWriter::new(file))
                };
                return Ok(Self::Lines { kind, out, path: path.clone(), bytes: 0 });
            }
        };
        let (rows, written) = (Chunk::new(kind.table()), Vec::new());
        Ok(Self::Parquet { kind, rows, place, is_folder, written })
    }

    fn add(&mut self, chunk: &Chunk) -> Result<(), Failure> {
        match self {
            Self::Lines { kind, out, path, bytes } => {
                let rows: Vec<usize> = (0..chunk.rows()).collect();
                for rows in rows.chunks(LINE_ROWS) {
                    let mut line = kind.to_json(chunk, rows);
                    line.push('\n');
                    *bytes += line.len() as u64;
                    out.write_all(line.as_bytes()).map_err(|error| not_written(path, &error))?;
                }
            }
            Self::Parquet { rows, place, is_folder, .. } => {
                let most = if *is_folder { FILE_ROWS_MAX } else { ONE_FILE_ROWS_MAX };
                let is_full = 0 < rows.rows() && most < rows.rows() + chunk.rows();
                if is_full && !*is_folder {
                    let many = units::count(most as u64);
                    return Err(Failure::use_of(format!("more than {many} rows do not go into `{}`", place.display()))
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
        let Self::Parquet { kind, rows, place, is_folder, written } = self else { return Ok(()) };
        let path = if *is_folder {
            place.join(format!("{}-{:06}.parquet", kind.table().name, written.len() + 1))
        } else {
            place.clone()
        };
        let bytes =
            encode(rows, &BlockFormat::SETTLED, &[]).map_err(|error| Failure::world(&error))?;
        fs::write(&path, &bytes).map_err(|error| not_written(&path, &error))?;
        written.push((path, bytes.len() as u64));
        *rows = Chunk::new(kind.table());
        Ok(())
    }

    /// Writes what is left; returns the files and their lengths.
    fn finish(mut self) -> Result<Written, Failure> {
        if let Self::Parquet { rows, is_folder, .. } = &self
            && (0 < rows.rows() || !is_folder)
        {
            self.write()?;
        }
        match self {
            Self::Parquet { written, .. } => Ok(written),
            Self::Lines { mut out, path, bytes, .. } => {
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
