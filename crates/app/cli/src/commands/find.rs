//! `taut find`: what is wrong in recordings, and in a database.

use std::{
    collections::BTreeSet,
    path::PathBuf,
    time::{Duration, Instant},
};

use ::find::Outcome;
use clap::{ArgGroup, Args, ValueEnum};
use config::Settings;
use engine::{
    Analysis, FileRead, SeenBefore,
    database::{DatabaseFound, DatabaseRequest, Step, target},
};
use indicatif::{ProgressBar, ProgressStyle};
use model::{Level, Moment, Trace};

use super::{Done, settings::SettingsFile};
use crate::{
    exit,
    report::{self, Report, layout},
    say::{self, AMBER, Failure},
    units,
};

const EXAMPLES: &str = "\
Examples:
  taut find spans.json.gz                           what to fix first
  taut find --top 3 monday.jsonl tuesday.jsonl      of both days, the first three in full
  taut find --service shop --fault n-plus-one FILE  of one service, one fault
  taut find --html FILE > report.html               a page to send around
  taut find --markdown --fail-on high FILE          in CI: code 1 if something is high or critical
  taut find --postgres postgres://me@db/shop        what is slow in a database, and which indexes it wants
  taut find --postgres postgres://me@db/shop FILE   with the operations that run each statement
  kubectl exec jaeger -- cat spans.json | taut find -";

/// Find what makes a backend slow in recorded traces and in its database, ranked by what to fix first.
///
/// Reads OTLP (protobuf, JSON, JSON lines), Jaeger JSON and Zipkin v2 JSON, plain, gzip or zstd. Several
/// files are read as one. A PostgreSQL (13 to 18) is only read, with small timeouts. Figures a day are
/// extrapolated from the time that was recorded, or that the statistics cover.
#[derive(Debug, Args)]
#[command(override_usage = "taut find [OPTIONS] <FILE>...\n       taut find [OPTIONS] --postgres <URL> [FILE]...", after_long_help = EXAMPLES)]
#[command(group = ArgGroup::new("format").multiple(false))]
pub(super) struct Arguments {
    /// Files with traces; `-` is standard input.
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Look into this database; without an address into that of `TAUT_OBSERVE_POSTGRES_URL`.
    #[arg(long, value_name = "URL", num_args = 0..=1, default_missing_value = "")]
    postgres: Option<String>,
    /// A standby of it, whose use of indexes counts too; may be given more than once.
    #[arg(long, value_name = "URL", requires = "postgres")]
    standby: Vec<String>,
    /// Watch the database for so long instead of judging everything since its statistics were reset.
    #[arg(long = "for", visible_alias = "window", value_name = "TIME", requires = "postgres")]
    watch: Option<String>,
    /// What proposed indexes may take together: 500MB.
    #[arg(long, value_name = "SIZE", requires = "postgres")]
    budget: Option<String>,
    /// Write everything as JSON.
    #[arg(long, group = "format")]
    json: bool,
    /// Write a page that needs nothing else.
    #[arg(long, group = "format")]
    html: bool,
    /// Write Markdown, for a ticket or a pull request.
    #[arg(long, group = "format")]
    markdown: bool,
    /// End with code 1 if something at this level or above is found.
    #[arg(long, value_name = "LEVEL", default_value = "low")]
    fail_on: FailOn,
    /// Show this many findings in full.
    #[arg(long, value_name = "N", default_value_t = 10)]
    top: usize,
    /// Only findings of this service.
    #[arg(long, value_name = "NAME")]
    service: Option<String>,
    /// Only this fault, by name or code; may be given more than once.
    #[arg(long, value_name = "FAULT")]
    fault: Vec<String>,
    #[command(flatten)]
    settings: SettingsFile,
}

/// Services that are told to somebody who named none of them.
const SERVICES_TOLD_MAX: usize = 10;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FailOn {
    /// Never.
    Never,
    /// Anything that is found.
    Low,
    /// Medium, high or critical.
    Medium,
    /// High or critical.
    High,
    /// Critical only.
    Critical,
}

impl FailOn {
    fn least(self) -> Option<Level> {
        match self {
            Self::Never => None,
            Self::Low => Some(Level::Low),
            Self::Medium => Some(Level::Medium),
            Self::High => Some(Level::High),
            Self::Critical => Some(Level::Critical),
        }
    }
}

pub(super) fn run(arguments: &Arguments) -> Done {
    let settings = arguments.settings.load(Vec::new())?;
    let faults =
        arguments.fault.iter().map(|name| known_fault(name)).collect::<Result<Vec<_>, _>>()?;
    let request = arguments.postgres.as_ref().map(|url| request(arguments, url, &settings));
    let request = request.transpose()?;
    if arguments.files.is_empty() && request.is_none() {
        return Err(Failure::use_of("no file was given").hint(
            "`taut find spans.json` reads a recording, `taut find -` standard input; \
             `taut up` receives from an application that runs",
        ));
    }
    let began = Instant::now();
    let traces = if arguments.files.is_empty() { Vec::new() } else { read_all(&arguments.files)? };
    if let Some(service) = &arguments.service {
        known_service(service, &traces, request.as_ref())?;
    }
    let mut outcome = look_at_traces(&traces, &settings);
    let found = request.map(|request| look_at_database(&request, &traces)).transpose()?;
    if let Some(found) = &found {
        engine::database::join(&mut outcome.findings, found.findings.clone(), &settings.levels);
    }
    outcome.findings.retain(|finding| {
        let service = arguments.service.as_deref();
        service.is_none_or(|service| *service == *finding.operation.service)
            && (faults.is_empty() || faults.contains(&finding.fault))
    });
    let report = Report {
        outcome: &outcome,
        price: &settings.price,
        spans: traces.iter().map(|trace| trace.nodes.len()).sum(),
        traces: traces.len(),
        took: began.elapsed(),
        database: found.as_ref(),
        top: arguments.top,
    };
    say::data(&written(arguments, &report))?;
    let fails = arguments
        .fail_on
        .least()
        .is_some_and(|least| outcome.findings.iter().any(|finding| least <= finding.level));
    Ok(if fails { exit::NO } else { exit::YES })
}

fn written(arguments: &Arguments, report: &Report<'_>) -> String {
    if arguments.json {
        report::json(report)
    } else if arguments.html {
        report::html(report)
    } else if arguments.markdown {
        report::markdown(report)
    } else {
        report::terminal(report, say::columns())
    }
}

/// What recordings show.
pub(super) fn findings_of(files: &[PathBuf], settings: &Settings) -> Result<Outcome, Failure> {
    Ok(look_at_traces(&read_all(files)?, settings))
}

fn look_at_traces(traces: &[Trace], settings: &Settings) -> Outcome {
    let mut analysis =
        Analysis::new(settings.find.clone(), settings.targets, settings.levels, None);
    if traces.is_empty() {
        return analysis.outcome();
    }
    believe_most_clocks(&mut analysis, traces);
    let bar = progress(traces.len() as u64, "looking at traces");
    for trace in traces {
        let _facts = analysis.add(trace, &mut SeenBefore::default());
        bar.inc(1);
    }
    analysis.look_at_window();
    bar.finish_and_clear();
    analysis.outcome()
}

/// The variable that the address of the database may stand in, so that no password need be typed.
const URL_VARIABLE: &str = "TAUT_OBSERVE_POSTGRES_URL";

/// What is asked about the database.
fn request(
    arguments: &Arguments,
    url: &str,
    settings: &Settings,
) -> Result<DatabaseRequest, Failure> {
    let url = if url.is_empty() {
        std::env::var(URL_VARIABLE).map_err(|_unset| {
            Failure::use_of("no database was given").hint(format!(
                "`taut find --postgres postgres://user@host/database`, or set {URL_VARIABLE}"
            ))
        })?
    } else {
        url.to_owned()
    };
    let parse = |url: &str| {
        target(url, settings).map_err(|error| Failure::use_of(&error).hint(error.hint()))
    };
    let watch = arguments.watch.as_deref().map(|text| {
        config::parse_duration(text).filter(|time| *time <= WATCH_MAX).ok_or_else(|| {
            Failure::use_of(format!("`{text}` is no time to watch a database for"))
                .hint("write `60s` or `5m`; at most `1h`, for `taut up` watches on and on")
        })
    });
    let budget = arguments.budget.as_deref().map(|text| {
        config::parse_bytes(text).ok_or_else(|| {
            Failure::use_of(format!("`{text}` is no size")).hint("write `500MB` or `2GiB`")
        })
    });
    Ok(DatabaseRequest {
        target: parse(&url)?,
        standbys: arguments.standby.iter().map(|url| parse(url)).collect::<Result<_, _>>()?,
        watch: watch.transpose()?,
        budget_bytes: budget.transpose()?,
        settings: settings.find.clone(),
        targets: settings.targets,
        levels: settings.levels,
    })
}

/// Longer than anybody waits at a terminal.
const WATCH_MAX: Duration = Duration::from_hours(1);

fn look_at_database(request: &DatabaseRequest, traces: &[Trace]) -> Result<DatabaseFound, Failure> {
    let bar = ProgressBar::new_spinner();
    bar.enable_steady_tick(Duration::from_millis(100));
    let mut tell = |step: Step| bar.set_message(step.to_string());
    let found = engine::database::find_in(request, traces, &mut tell);
    bar.finish_and_clear();
    found.map_err(|error| Failure::world(&error).hint(error.hint()))
}

/// Leaves out what begins a month or more from the middle of the recording: there, a clock is wrong, and
/// one such span would stretch the time that rates are computed from to years.
fn believe_most_clocks(analysis: &mut Analysis, traces: &[Trace]) {
    const FARTHEST: Duration = Duration::from_hours(31 * 24);
    let mut starts: Vec<Moment> =
        traces.iter().filter_map(|trace| Some(trace.nodes.first()?.call.start)).collect();
    starts.sort_unstable();
    let Some(middle) = starts.get(starts.len() / 2).copied() else { return };
    let (earliest, latest) = (middle - FARTHEST, middle + FARTHEST);
    analysis.ignore_before(earliest);
    analysis.ignore_after(latest);
    let strange = starts.iter().filter(|start| **start < earliest || latest < **start).count();
    if 0 < strange {
        let many = units::some(strange as u64, "trace begins", "traces begin");
        say::words(&format!(
            "{AMBER}warning{AMBER:#}: {many} more than a month away from the others and left out: a clock \
             is wrong\n"
        ));
    }
}

fn known_fault(name: &str) -> Result<&'static str, Failure> {
    find::detector(name).map(|detector| detector.name).ok_or_else(|| {
        let known = find::DETECTORS.iter().map(|detector| detector.name);
        let hint = config::did_you_mean(name, known).map_or_else(
            || "`taut explain` lists all faults".to_owned(),
            |close| format!("did you mean `{close}`? `taut explain` lists all faults"),
        );
        Failure::use_of(format!("no fault is called `{name}`")).hint(hint)
    })
}

/// A name that nothing answers to would look as if there were nothing to fix.
fn known_service(
    name: &str,
    traces: &[Trace],
    database: Option<&DatabaseRequest>,
) -> Result<(), Failure> {
    let nodes = traces.iter().flat_map(|trace| &trace.nodes);
    let database = database.map(|it| format!("postgresql/{}", it.target.database()));
    let mut known: BTreeSet<&str> = nodes.map(|node| &*node.call.service).collect();
    known.extend(database.as_deref());
    if known.contains(name) {
        return Ok(());
    }
    let hint = config::did_you_mean(name, known.iter().copied()).map_or_else(
        || {
            let some: Vec<&str> = known.iter().copied().take(SERVICES_TOLD_MAX).collect();
            format!("services in there are {}", some.join(", "))
        },
        |close| format!("did you mean `{close}`?"),
    );
    Err(Failure::use_of(format!("no service is called `{name}`")).hint(layout::clean(&hint)))
}

/// All traces of all files; what is odd in a file is told, and costs no more than itself.
fn read_all(files: &[PathBuf]) -> Result<Vec<Trace>, Failure> {
    let bar = progress(files.len() as u64, "reading files");
    let mut spans = Vec::new();
    for path in files {
        let read =
            engine::read_file(path).map_err(|error| Failure::world(&error).hint(error.hint()))?;
        bar.suspend(|| tell_problems(&read));
        if spans.is_empty() {
            spans = read.spans;
        } else {
            spans.extend(read.spans);
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    if spans.is_empty() {
        return Err(no_spans(files));
    }
    let bar = ProgressBar::new_spinner().with_message("putting traces together");
    bar.enable_steady_tick(Duration::from_millis(100));
    let traces = engine::traces_of(spans);
    bar.finish_and_clear();
    Ok(traces)
}

/// Nothing recorded is not the same as nothing wrong.
pub(super) fn no_spans(files: &[PathBuf]) -> Failure {
    let what = match files {
        [file] => format!("`{}` holds no spans", file.display()),
        files => format!("none of the {} files holds a span", files.len()),
    };
    Failure::of_the_world(what).hint(
        "check that the recording ran while there were requests, and was given the time to flush",
    )
}

/// What was odd in a file, briefly.
pub(super) fn tell_problems(read: &FileRead) {
    const SHOWN_MAX: usize = 3;
    for problem in read.problems.iter().take(SHOWN_MAX) {
        let path = read.path.display();
        let problem = layout::clean(&problem.to_string());
        say::words(&format!("{AMBER}warning{AMBER:#}: `{path}`, {problem}\n"));
    }
    if SHOWN_MAX < read.problems.len() {
        let more = units::some((read.problems.len() - SHOWN_MAX) as u64, "problem", "problems");
        say::words(&format!("{AMBER}warning{AMBER:#}: {more} more in `{}`\n", read.path.display()));
    }
}

fn progress(length: u64, what: &str) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(length).with_style(style).with_message(what.to_owned())
}
