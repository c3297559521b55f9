//! `taut plan`: where the time of a plan goes, and what to do about it.

use std::{
    fs::File,
    io::{self, Read as _},
    path::PathBuf,
};

use clap::Args;
use find::plan::PlanLimits;

use super::{Done, OK, settings::SettingsFile};
use crate::{
    report::plan,
    say::{self, Failure},
};

const EXAMPLES: &str = "\
Examples:
  taut plan slow.txt                       a plan that somebody sent
  psql -c 'EXPLAIN (ANALYZE, BUFFERS) SELECT …' | taut plan -
  taut plan --json slow.json | jq '.[0].notes'

What tells most: EXPLAIN (ANALYZE, BUFFERS, VERBOSE, SETTINGS). ANALYZE runs the statement; for one that writes, put
it between BEGIN and ROLLBACK.";

/// Read a plan: where its time goes, where estimates are wrong, and what to do.
///
/// Reads what EXPLAIN prints as text, JSON, YAML or XML, from PostgreSQL 9 to 18, with the frames, quotes and line
/// wraps that plans have when people paste them. Several plans in one file are shown one after the other.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// A file with EXPLAIN's output; `-` is standard input.
    #[arg(value_name = "FILE", default_value = "-")]
    file: PathBuf,
    /// Everything as JSON: nodes with their own times, and notes.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: SettingsFile,
}

pub(super) fn run(arguments: &Arguments) -> Done {
    let path = arguments.file.display();
    let bytes = read(arguments).map_err(|error| {
        Failure::world(&Unread { path: arguments.file.clone(), source: error })
            .hint("`-` reads standard input; a path is taken from the folder that you are in")
    })?;
    let text = String::from_utf8_lossy(&bytes);
    let plans = sql::plan::read(&text).map_err(|error| {
        Failure::use_of(format!("failed to read a plan from `{path}`: {error}")).hint(error.hint())
    })?;
    let limits = PlanLimits::of(&arguments.settings.load(Vec::new())?.find);
    let reports: Vec<plan::PlanReport> =
        plans.into_iter().map(|plan| plan::PlanReport::new(plan, &limits)).collect();
    let shown = if arguments.json {
        plan::json(&reports)
    } else {
        plan::terminal(&reports, say::columns())
    };
    say::data(&shown)?;
    OK
}

/// A file that could not be read.
#[derive(Debug, thiserror::Error)]
#[error("failed to read the plan `{}`", .path.display())]
struct Unread {
    path: PathBuf,
    source: io::Error,
}

/// At most one byte more than is read: that it is too much is then told.
fn read(arguments: &Arguments) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let most = sql::plan::BYTES_MAX as u64 + 1;
    if arguments.file.as_os_str() == "-" {
        io::stdin().lock().take(most).read_to_end(&mut bytes)?;
    } else {
        File::open(&arguments.file)?.take(most).read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}
