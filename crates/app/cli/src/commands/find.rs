//! `taut find`: what is wrong in recordings.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use clap::{ArgGroup, Args, ValueEnum};
use engine::{Analysis, FileRead, SeenBefore};
use indicatif::{ProgressBar, ProgressStyle};
use model::{Level, Trace};

use super::{Done, settings::SettingsFile};
use crate::{
    exit,
    report::{self, Report},
    say::{self, AMBER, Failure},
    units,
};

/// Find what makes a backend slow in recorded traces, ranked by what to fix first.
///
/// Reads OTLP (protobuf, JSON, JSON lines), Jaeger JSON and Zipkin v2 JSON, plain, gzip or zstd.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("format").multiple(false))]
pub(super) struct Arguments {
    /// Files with traces; `-` is standard input.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
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
    let began = Instant::now();
    let traces = read_all(&arguments.files)?;
    let mut analysis =
        Analysis::new(settings.find.clone(), settings.targets, settings.levels, None);
    let bar = progress(traces.len() as u64, "looking at traces");
    for trace in &traces {
        let _facts = analysis.add(trace, &mut SeenBefore::default());
        bar.inc(1);
    }
    analysis.look_at_window();
    bar.finish_and_clear();
    let mut outcome = analysis.outcome();
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
        top: arguments.top,
    };
    let text = if arguments.json {
        report::json(&report)
    } else if arguments.html {
        report::html(&report)
    } else if arguments.markdown {
        report::markdown(&report)
    } else {
        report::terminal(&report, say::columns())
    };
    say::data(&text)?;
    let fails = arguments
        .fail_on
        .least()
        .is_some_and(|least| outcome.findings.iter().any(|finding| least <= finding.level));
    Ok(if fails { exit::NO } else { exit::YES })
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

/// All traces of all files; what is odd in a file is told, and costs no more than itself.
fn read_all(files: &[PathBuf]) -> Result<Vec<Trace>, Failure> {
    let bar = progress(files.len() as u64, "reading files");
    let mut spans = Vec::new();
    for path in files {
        let read =
            engine::read_file(path).map_err(|error| Failure::world(&error).hint(error.hint()))?;
        bar.suspend(|| tell_problems(&read));
        spans.extend(read.spans);
        bar.inc(1);
    }
    bar.finish_and_clear();
    let bar = ProgressBar::new_spinner().with_message("putting traces together");
    bar.enable_steady_tick(Duration::from_millis(100));
    let traces = engine::traces_of(&spans);
    bar.finish_and_clear();
    Ok(traces)
}

/// What was odd in a file, briefly.
pub(super) fn tell_problems(read: &FileRead) {
    const SHOWN_MAX: usize = 3;
    for problem in read.problems.iter().take(SHOWN_MAX) {
        let path = read.path.display();
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
