//! `taut profile`: which functions took the time, and what changed since another profile.

use std::{
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use clap::{Args, ValueEnum};
use observe::{DecompressedMax, ProfileReading};

use super::{Done, OK};
use crate::{
    report::profile::{self, Shown},
    say::{self, Failure},
};

const EXAMPLES: &str = "\
Examples:
  python -m cProfile -o slow.pstats shop.py && taut profile slow.pstats
  taut profile after.pstats --diff before.pstats
  curl -s localhost:6060/debug/pprof/profile | taut profile - --sort cumulative
  taut profile stacks.txt --filter parse --depth 20 --min 0.1
  taut profile --json cpu.pb.gz | jq '.profiles[0].functions[:5]'

Formats: cProfile statistics (pstats), pprof, speedscope JSON, V8's .cpuprofile, Chrome trace events,
what perf script prints, collapsed stacks; gzip and zstd are unpacked.";

/// The largest file that is read.
const FILE_BYTES_MAX: u64 = 1 << 30;

/// Read a profile: which functions took the time, who called them, and what changed.
///
/// Of a file with several profiles (threads, or time and memory) the one that its own tool shows first is shown.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// A profile; `-` is standard input.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Compare with this one, which is how it was before.
    #[arg(long, value_name = "OTHER")]
    diff: Option<PathBuf>,
    /// Which of the file's profiles, from 1.
    #[arg(long, value_name = "N", default_value_t = 1)]
    profile: usize,
    /// What the table is sorted by.
    #[arg(long, value_enum, default_value_t = Sort::Own)]
    sort: Sort,
    /// Rows of the table.
    #[arg(long, value_name = "N", default_value_t = 20)]
    top: usize,
    /// Levels of the call tree; 0 leaves it out.
    #[arg(long, value_name = "N", default_value_t = 8)]
    depth: u32,
    /// Leave out what is less than this share of all, in percent.
    #[arg(long, value_name = "PERCENT", default_value_t = 1.0)]
    min: f64,
    /// Only functions whose name or file holds this text, in either case, and who called them.
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Everything as JSON.
    #[arg(long)]
    json: bool,
}

/// What the table of functions is sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Sort {
    /// In itself.
    Own,
    /// With all that it called.
    Cumulative,
    /// Calls.
    Calls,
}

pub(super) fn run(arguments: &Arguments) -> Done {
    let reading = read(&arguments.file)?;
    let other = arguments.diff.as_deref().map(read).transpose()?;
    let answer = match &other {
        None => web::profiles(&reading, None),
        Some(before) => web::profiles(before, Some(&reading)),
    };
    if answer.profiles.is_empty() {
        return Err(Failure::use_of("the two profiles have nothing in common")
            .hint("compare profiles that count the same: time with time, bytes with bytes"));
    }
    if arguments.json {
        let text = serde_json::to_string(&answer).map_err(Failure::bug)?;
        say::data(&format!("{text}\n"))?;
        return OK;
    }
    let count = answer.profiles.len();
    let place = arguments.profile.checked_sub(1).filter(|place| *place < count);
    let Some(place) = place else {
        let titles: Vec<&str> = answer.profiles.iter().map(|one| one.title.as_str()).collect();
        return Err(Failure::use_of(format!("there is no profile {}", arguments.profile))
            .hint(format!("the file has {count}: {}", titles.join(", "))));
    };
    let shown = Shown {
        sort: arguments.sort,
        top: arguments.top,
        depth: arguments.depth,
        share_min: arguments.min.max(0.0) / 100.0,
        filter: arguments.filter.as_deref().map(str::to_lowercase),
        columns: say::columns(),
    };
    say::data(&profile::terminal(&answer, place, &shown))?;
    OK
}

/// A file that could not be read.
#[derive(Debug, thiserror::Error)]
#[error("failed to read the profile `{}`", .path.display())]
struct Unread {
    path: PathBuf,
    source: io::Error,
}

fn read(path: &Path) -> Result<ProfileReading, Failure> {
    let bytes = bytes_of(path).map_err(|source| {
        Failure::world(&Unread { path: path.to_owned(), source })
            .hint("`-` reads standard input; a path is taken from the folder that you are in")
    })?;
    observe::read_profiles(&bytes, DecompressedMax::default()).map_err(|error| {
        Failure::use_of(format!("failed to read a profile from `{}`: {error}", path.display()))
            .hint(error.hint())
    })
}

fn bytes_of(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if path.as_os_str() == "-" {
        io::stdin().lock().take(FILE_BYTES_MAX).read_to_end(&mut bytes)?;
    } else {
        File::open(path)?.take(FILE_BYTES_MAX).read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}
