//! `taut log`: what a PostgreSQL server says of itself in its logs.

mod files;
mod filter;
mod state;

use std::path::PathBuf;

use clap::{ArgGroup, Args, ValueEnum};
use observe::postgres_log::{Format, LogTime, Prefix, ReaderOptions, Summary};

use self::{
    files::{Input, Read},
    filter::Filter,
    state::State,
};
use super::Done;
use crate::{
    exit,
    report::{self, layout, log::LogReport},
    say::{self, AMBER, Failure},
    units,
};

const EXAMPLES: &str = "\
Examples:
  taut log /var/log/postgresql/postgresql-15-main.log
  taut log --from '2026-11-21 09:00' --to '2026-11-21 18:00' postgresql.log
  taut log --database shop --top 20 postgresql-*.csv.gz
  taut log --prefix '%t [%p]: user=%u,db=%d ' old.log
  taut log --html report.html postgresql.json       a page to send around
  taut log --state /var/lib/taut/log.json *.log     each run adds what is new since the last
  kubectl logs postgres-0 | taut log -";

/// Report what PostgreSQL's logs say: slow statements, waits, spills, errors, by hour.
///
/// Reads stderr (with any `log_line_prefix`), syslog, csvlog and jsonlog, plain, gzip or zstd. Several files are read
/// as one. No literal of any statement is kept. Hours are those of the log's own clock.
#[derive(Debug, Args)]
#[command(override_usage = "taut log [OPTIONS] <FILE>...", after_long_help = EXAMPLES)]
#[command(group = ArgGroup::new("as").multiple(false))]
pub(super) struct Arguments {
    /// Log files; `-` is standard input.
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// `log_line_prefix` of the server, where it is not recognised from the lines.
    #[arg(long, value_name = "PREFIX")]
    prefix: Option<String>,
    /// Format of the files.
    #[arg(long, value_name = "FORMAT", default_value = "auto")]
    format: FormatName,
    /// Only what was logged from this time on, on the log's clock.
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Only what was logged before this time.
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// Only of this database.
    #[arg(long, value_name = "NAME")]
    database: Option<String>,
    /// Only of this user.
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Only of this application.
    #[arg(long, value_name = "NAME")]
    application: Option<String>,
    /// Length of each list.
    #[arg(long, value_name = "N", default_value_t = 10)]
    top: usize,
    /// Write a page that needs nothing else to this file; `-` is standard output.
    #[arg(long, value_name = "FILE", group = "as")]
    html: Option<PathBuf>,
    /// Write everything as JSON.
    #[arg(long, group = "as")]
    json: bool,
    /// Remember in this file what was read, and add only what is new.
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FormatName {
    /// What the files look like.
    Auto,
    /// Lines that begin with `log_line_prefix`, also behind syslog.
    Stderr,
    /// `csvlog`.
    Csv,
    /// `jsonlog`.
    Json,
}

impl FormatName {
    fn known(self) -> Option<Format> {
        match self {
            Self::Auto => None,
            Self::Stderr => Some(Format::Stderr),
            Self::Csv => Some(Format::Csv),
            Self::Json => Some(Format::Json),
        }
    }
}

pub(super) fn run(arguments: &Arguments) -> Done {
    if arguments.files.is_empty() {
        return Err(Failure::use_of("no file was given").hint(
            "`taut log /var/log/postgresql/postgresql-15-main.log` reads a log, `taut log -` standard \
             input; `SHOW log_directory` tells where a server keeps its own",
        ));
    }
    let input = Input {
        options: ReaderOptions {
            format: arguments.format.known(),
            prefix: arguments.prefix.as_deref().map(prefix).transpose()?,
            syslog_year: None,
        },
        filter: filter(arguments)?,
    };
    let mut state = match &arguments.state {
        Some(path) => State::load(path, &input)?,
        None => State::default(),
    };
    let reads = files::read_all(&arguments.files, &input, &mut state)?;
    for read in &reads {
        tell(read);
    }
    if let Some(path) = &arguments.state {
        state.save(path)?;
    }
    let summary = &state.summary;
    if summary.input.records == 0 {
        return Err(nothing(&reads, summary));
    }
    let report = LogReport::new(summary, &reads_told(&reads), arguments.top);
    if report.entries == 0 {
        return Err(Failure::of_the_world("no entry passes the filters").hint(format!(
            "the files hold {}; `--from` and `--to` are on the log's own clock",
            units::some(summary.input.records, "entry", "entries")
        )));
    }
    match &arguments.html {
        Some(path) if path.as_os_str() == "-" => say::data(&report::log_html(&report))?,
        Some(path) => {
            std::fs::write(path, report::log_html(&report)).map_err(|error| {
                Failure::of_the_world(format!("failed to write `{}`", path.display()))
                    .hint(error.to_string())
            })?;
            say::words(&format!("the report is in `{}`\n", path.display()));
        }
        None if arguments.json => say::data(&report.to_json())?,
        None => say::data(&report::log_terminal(&report, say::columns()))?,
    }
    Ok(exit::YES)
}

fn prefix(text: &str) -> Result<Prefix, Failure> {
    Prefix::parse(text).map_err(|error| {
        Failure::use_of(format!("`{text}` is no `log_line_prefix`: {error}"))
            .hint("`SHOW log_line_prefix` tells the server's; quote it, spaces at its end included")
    })
}

fn filter(arguments: &Arguments) -> Result<Filter, Failure> {
    Ok(Filter {
        from_nanos: arguments.from.as_deref().map(time).transpose()?,
        to_nanos: arguments.to.as_deref().map(time).transpose()?,
        database: arguments.database.clone(),
        user: arguments.user.clone(),
        application: arguments.application.clone(),
    })
}

fn time(text: &str) -> Result<i64, Failure> {
    LogTime::parse(text).map(|time| time.local_nanos).ok_or_else(|| {
        Failure::use_of(format!("`{text}` is no time")).hint(
            "write `2026-11-21`, `2026-11-21 16:19` or `2026-11-21 16:19:00`, on the log's clock",
        )
    })
}

/// The names and sizes of what was read now.
fn reads_told(reads: &[Read]) -> Vec<report::log::FileTold> {
    reads
        .iter()
        .map(|read| report::log::FileTold {
            path: layout::clean(&read.path.display().to_string()),
            format: read.format.map(Format::name).unwrap_or_default(),
            prefix: read.prefix.clone().unwrap_or_default(),
            bytes: read.progress.bytes,
            new_from_byte: read.skipped,
        })
        .collect()
}

/// What was odd in a file, briefly.
fn tell(read: &Read) {
    let path = layout::clean(&read.path.display().to_string());
    let warn = |text: String| say::words(&format!("{AMBER}warning{AMBER:#}: `{path}`: {text}\n"));
    if let Some(error) = &read.broken {
        warn(format!("read up to byte {}: {error}", read.progress.bytes));
    }
    let progress = &read.progress;
    if 0 < progress.rubbish && 0 < progress.records {
        let lines = units::some(progress.rubbish, "line was", "lines were");
        warn(format!("{lines} not understood and left out"));
    }
    if 0 < progress.cut {
        let entries = units::some(progress.cut, "entry was", "entries were");
        warn(format!("{entries} longer than 1 MB; only the start was read"));
    }
    if let Some(why) = read.again {
        warn(format!("read from its start: {why}"));
    }
}

/// Nothing logged is not the same as nothing wrong.
fn nothing(reads: &[Read], summary: &Summary) -> Failure {
    let what = match reads {
        [read] => format!("`{}`", read.path.display()),
        reads => format!("none of the {} files", reads.len()),
    };
    if summary.input.bytes == 0 {
        let is = if reads.len() == 1 { "is empty" } else { "holds anything" };
        return Failure::of_the_world(format!("{what} {is}")).hint(
            "check `log_destination`, `logging_collector` and `log_directory` of the server",
        );
    }
    let holds = if reads.len() == 1 { "holds no entry" } else { "holds an entry" };
    Failure::of_the_world(format!("{what} {holds} of a PostgreSQL log that could be read")).hint(
        "if it is a log of `stderr`, give the server's `log_line_prefix`: \
         `taut log --prefix '%m [%p] ' FILE`",
    )
}
