//! `taut check`: whether a test run stays within its budgets and near its baseline: the gate for CI.

mod live;

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

use ::prove::gate::{Baseline, Verdict, judge};
use clap::Args;
use config::Settings;
use engine::check::{BaselineError, Looked, baseline_text, look, read_baseline};
use model::{Span, Trace};

use super::{Done, find, ledger, written};
use crate::{
    exit,
    report::{
        check::{self as report, Report},
        layout,
    },
    say::{self, AMBER, DIM, Failure},
    units,
};

const EXAMPLES: &str = "\
Examples:
  taut check spans.json                                  loops over statements break it
  taut check --live -- opentelemetry-instrument pytest   runs the tests and looks at their spans
  taut check --live --baseline taut-baseline.json --update -- npm test
                                                         what endpoints do now is right: keep it
  taut check --live --baseline taut-baseline.json -- npm test
                                                         a fifth more statements than then break it
  taut check --junit taut.xml --sarif taut.sarif --markdown taut.md spans.json

Budgets are written in taut.toml:

  [[check.budget]]
  endpoint = \"GET /api/*\"
  queries = 10
  duplicates = 0
  p95 = \"200ms\"

Code 0: nothing broke. Code 1: something did, or the tests failed. Code 3: no spans, or half of them. In GitHub Actions a
summary is added to the job by itself.";

/// Hold the spans of a test run against budgets and a baseline: a gate for CI.
///
/// Reads files as `taut find` does, or runs the tests and receives what they send. Counts decide (statements of a request,
/// statements run again, bytes); times only where their intervals lie apart. What breaks is told with its place in the code
/// and with what to do.
#[expect(clippy::doc_markdown, reason = "help is no Markdown")]
#[derive(Debug, Args)]
#[command(override_usage = "taut check [OPTIONS] <FILE>...\n       taut check [OPTIONS] --live -- <COMMAND>...", after_long_help = EXAMPLES)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command")]
pub(super) struct Arguments {
    /// Files with traces; `-` is standard input.
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Run this command and look at the spans that it sends.
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
    /// Receive spans while a command runs; its exporters are told where.
    #[arg(long, conflicts_with = "files")]
    live: bool,
    /// What endpoints did before.
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Write the baseline instead of comparing with it.
    #[arg(long)]
    update: bool,
    /// Only endpoints of this service.
    #[arg(long, value_name = "NAME")]
    service: Option<String>,
    /// Write what was checked as JUnit XML.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Write what broke as SARIF 2.1.0, for code scanning.
    #[arg(long, value_name = "FILE")]
    sarif: Option<PathBuf>,
    /// Write a summary for a pull request.
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    /// Everything as JSON on standard output.
    #[arg(long)]
    json: bool,
    /// Keep it in the ledger: the verdict, and the whole result for the page of runs.
    #[arg(long)]
    record: bool,
    #[command(flatten)]
    which: ledger::Which,
}

/// The file to which GitHub Actions wants a job's summary to be appended.
const SUMMARY_VARIABLE: &str = "GITHUB_STEP_SUMMARY";

/// What was recorded, and what speaks against trusting it.
struct Recorded {
    traces: Vec<Trace>,
    /// Why the recording is not whole.
    damage: Vec<String>,
    /// How the tests ended, if they were run and failed.
    failed: Option<String>,
    interrupted: bool,
}

pub(super) fn run(arguments: &Arguments) -> Done {
    let settings = arguments.which.settings()?;
    let path = baseline_path(arguments, &settings)?;
    // Before the tests run: they may take long.
    let baseline = path.filter(|_path| arguments.update).map(Path::to_owned);
    let reports = [&arguments.junit, &arguments.sarif, &arguments.markdown];
    // A folder that is not there yet may be made by the tests.
    let may_come = |path: &&&Option<PathBuf>| {
        let folder = path.as_deref().and_then(Path::parent).filter(|it| !it.as_os_str().is_empty());
        arguments.live && folder.is_some_and(|folder| !folder.exists())
    };
    written::can_be(reports.iter().filter(|path| !may_come(path)).copied().chain([&baseline]))?;
    let before = if arguments.update { None } else { path.map(before).transpose()? };
    let recorded = record(arguments)?;
    if recorded.interrupted {
        say::words("interrupted; nothing was checked\n");
        return Ok(exit::INTERRUPTED);
    }
    let looked = look(&recorded.traces, &settings, arguments.service.as_deref());
    there_is_something(arguments, &looked, before.as_ref(), path)?;
    let rules = &settings.check.rules;
    let verdict = judge(&looked.run, rules, before.as_ref());
    let folder = std::env::current_dir().unwrap_or_default();
    let report = Report {
        verdict: &verdict,
        looked: &looked,
        rules,
        baseline: path.filter(|_| !arguments.update),
        settings_file: settings.file.as_deref(),
        folder: &folder,
        damage: &recorded.damage,
        failed: recorded.failed.as_deref(),
    };
    let text = if arguments.json {
        report::json(&report)
    } else {
        report::terminal(&report, say::columns())
    };
    let told = say::data(&text);
    let files = write_files(arguments, &report);
    let kept = if arguments.record {
        let place = ledger::place_of(&settings.store);
        ledger::keep_run(&place, &report::record(&report), &report::json(&report))
    } else {
        Ok(())
    };
    let baseline = path.filter(|_path| arguments.update);
    let updated = baseline.map_or(Ok(()), |path| update(path, &looked));
    told.and(files)?;
    updated?;
    kept?;
    Ok(code(&recorded, &verdict))
}

fn code(recorded: &Recorded, verdict: &Verdict) -> exit::Exit {
    if !verdict.holds() || recorded.failed.is_some() {
        exit::NO
    } else if recorded.damage.is_empty() {
        exit::YES
    } else {
        // Nothing broke in what is there; of the rest nobody can say so.
        exit::WORLD_FAILED
    }
}

fn baseline_path<'a>(
    arguments: &'a Arguments,
    settings: &'a Settings,
) -> Result<Option<&'a Path>, Failure> {
    let path = arguments.baseline.as_deref().or(settings.check.baseline.as_deref());
    if arguments.update && path.is_none() {
        return Err(Failure::use_of("--update wants to know which file")
            .hint("`taut check --baseline taut-baseline.json --update …`, or `baseline` under `[check]` in taut.toml"));
    }
    Ok(path)
}

fn before(path: &Path) -> Result<Baseline, Failure> {
    read_baseline(path).map_err(|error| {
        let failure = match &error {
            BaselineError::Version { .. } => Failure::use_of(&error),
            _ => Failure::world(&error),
        };
        failure.hint(error.hint())
    })
}

fn record(arguments: &Arguments) -> Result<Recorded, Failure> {
    match (arguments.live, arguments.command.is_empty()) {
        (true, false) => live::run(&arguments.command),
        (true, true) => Err(Failure::use_of("--live wants a command to run")
            .hint("put it behind `--`: `taut check --live -- pytest`")),
        (false, false) => Err(Failure::use_of("a command was given, but not --live")
            .hint("`taut check --live -- COMMAND` runs it and receives its spans")),
        (false, true) if arguments.files.is_empty() => Err(Failure::use_of("no file was given")
            .hint("`taut check spans.json` reads a recording; `taut check --live -- pytest` runs the tests")),
        (false, true) => read(&arguments.files),
    }
}

/// All traces of all files, and what is not whole in them: half a recording would hold every budget.
fn read(files: &[PathBuf]) -> Result<Recorded, Failure> {
    let mut spans: Vec<Span> = Vec::new();
    let mut damage = Vec::new();
    for path in files {
        let read =
            engine::read_file(path).map_err(|error| Failure::world(&error).hint(error.hint()))?;
        find::tell_problems(&read);
        let wrong = read.problems.len().max(read.rejected);
        if 0 < wrong {
            let places = units::some(wrong as u64, "place", "places");
            damage.push(format!("`{}` cannot be read in {places}", read.path.display()));
        }
        spans.extend(read.spans);
    }
    if spans.is_empty() {
        return Err(find::no_spans(files));
    }
    Ok(Recorded { traces: engine::traces_of(spans), damage, failed: None, interrupted: false })
}

/// Services that are told to somebody who named none of them.
const SERVICES_TOLD_MAX: usize = 10;

/// A gate that had nothing to look at must not be green.
fn there_is_something(
    arguments: &Arguments,
    looked: &Looked,
    before: Option<&Baseline>,
    path: Option<&Path>,
) -> Result<(), Failure> {
    let services: Vec<&str> =
        looked.services.iter().map(String::as_str).take(SERVICES_TOLD_MAX).collect();
    let services = layout::clean(&services.join(", "));
    if looked.services.is_empty() {
        return Err(Failure::of_the_world("there are spans, but none of them answers a request").hint(
            "only requests are checked: instrument the framework that answers them (Django, Express, Spring …), not the \
             database alone",
        ));
    }
    if let Some(service) = &arguments.service
        && looked.run.endpoints.is_empty()
    {
        return Err(Failure::use_of(format!("no service is called `{service}`"))
            .hint(format!("services in there are {services}")));
    }
    let Some(before) = before else { return Ok(()) };
    let known = |key: &Option<model::OperationKey>| {
        key.as_ref().is_some_and(|key| before.endpoints.contains_key(key))
    };
    if before.endpoints.is_empty()
        || looked.run.endpoints.iter().any(|endpoint| known(&endpoint.key))
    {
        return Ok(());
    }
    let of: std::collections::BTreeSet<&str> =
        before.endpoints.keys().map(|key| &*key.service).take(SERVICES_TOLD_MAX).collect();
    let of: Vec<&str> = of.into_iter().collect();
    let path = path.unwrap_or_else(|| Path::new("")).display();
    Err(Failure::use_of(format!("the run and the baseline `{path}` have no endpoint in common")).hint(
        format!(
            "the run is of {services}, the baseline of {}; is it the right one, and `OTEL_SERVICE_NAME` the same?",
            layout::clean(&of.join(", "))
        ),
    ))
}

fn update(path: &Path, looked: &Looked) -> Result<(), Failure> {
    let now = Baseline::of(&looked.run);
    let gone = read_baseline(path).map_or(0, |old| {
        old.endpoints.keys().filter(|key| !now.endpoints.contains_key(key)).count()
    });
    written::one(path, &baseline_text(&now))?;
    let endpoints = units::some(now.endpoints.len() as u64, "endpoint", "endpoints");
    say::words(&format!("{DIM}wrote {endpoints} to `{}`{DIM:#}\n", path.display()));
    if 0 < gone {
        let gone = units::some(gone as u64, "endpoint that was", "endpoints that were");
        say::words(&format!(
            "{AMBER}note{AMBER:#}: {gone} in it did not come up in this run, and went; run all tests for an update\n"
        ));
    }
    Ok(())
}

fn write_files(arguments: &Arguments, report: &Report<'_>) -> Result<(), Failure> {
    let files = written::all(&[
        (&arguments.junit, &|| report::junit(report)),
        (&arguments.sarif, &|| report::sarif(report)),
        (&arguments.markdown, &|| report::markdown(report)),
    ]);
    let summary = std::env::var_os(SUMMARY_VARIABLE).filter(|path| !path.is_empty());
    if let Some(path) = summary.map(PathBuf::from) {
        use std::io::Write as _;
        let appended = fs::File::options().create(true).append(true).open(&path);
        let appended =
            appended.and_then(|mut file| file.write_all(report::markdown(report).as_bytes()));
        // The summary is a courtesy; the answer is not worth less without it.
        if let Err(error) = appended {
            say::words(&format!(
                "{AMBER}warning{AMBER:#}: the summary `{}` could not be written: {error}\n",
                path.display()
            ));
        }
    }
    files
}
