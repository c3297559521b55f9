//! `taut load`: requests at a target, at the times when they are meant to start.

mod adding;
mod amount;
mod progress;
mod record;
mod script;
mod searching;
mod source;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use ::load::{
    Believes, CONNECTIONS_MAX, Goal, Http, Judged, Method, Outcome, Plan, RunError, STREAMS_MAX,
    Scenario, ScenarioError, THREADS_MAX, Target, judge, write_hlog,
};
use clap::{ArgGroup, Args, ValueEnum};

pub(super) use source::is_captured;

use super::{Done, OK, ledger, written};
use crate::{
    exit,
    report::load as report,
    say::{self, Failure},
};

const EXAMPLES: &str = "\
Examples:
  taut load http://localhost:8000/api/orders/ --rate 200 --for 30s
  taut load http://localhost:8000/ --ramp 10..500 --for 2m --html load.html
  taut load shop.toml --rate 50 --for 1m --expect 'p95<200ms' --expect 'errors<1%'
  taut load http://localhost:8000/ --users 40 --think 1s..3s --for 1m
  taut load http://localhost:8000/ --search --expect 'p95<200ms' --peak 320
  taut load captures/ --at http://localhost:8000 --users 20    what people did, with their pauses
  taut load shop.toml --rate 50 --for 10m --expect 'p95<200ms' --export k6 > shop.js
  taut load http://localhost:8000/ --rate 200 --out after.json && taut prove before.json after.json
  taut load --add one.json two.json --html both.html           two generators, side by side

A rate is kept whatever the server does, and latency counts from when a request was meant to start: a server that
stops for a second is seen by all who came during it. --users is the other model: a user waits for the answer, so that a
slow server is asked less. --expect makes it a test: code 1 if a goal is missed.";

/// Send requests at a rate, or as so many users, and tell how long answers took.
///
/// The target is a URL, or a scenario as TOML: flows with weights, steps that check answers and take values out
/// of them, a data file. Or, with --at, what was recorded or described: a capture, a HAR, spans, OpenAPI 3 as JSON. Addresses of this machine and of private networks are loaded without asking; a public one wants
/// --target-is-mine.
#[expect(clippy::doc_markdown, reason = "help is no Markdown")]
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
#[command(group = ArgGroup::new("how-much").multiple(false))]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command")]
pub(super) struct Arguments {
    /// A URL, or a file with a scenario.
    #[arg(value_name = "TARGET", required_unless_present = "add", conflicts_with = "add")]
    target: Option<String>,
    /// Send nothing; add up what runs have written, of `--out` or of `--hlog`: of generators side by side, or of runs one after another.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    add: Vec<PathBuf>,
    #[command(flatten)]
    amount: amount::Amount,
    /// A goal: `p95<200ms`, `p99.9<1s`, `mean<50ms`, `max<2s`, `errors<1%`, `rate>990`; may be given more than once.
    #[arg(long, value_name = "GOAL", value_parser = Goal::parse)]
    expect: Vec<Goal>,
    /// With --search, today's peak in requests a second, or a recording whose busiest ten seconds are it: tells the headroom.
    #[arg(long, value_name = "RATE|FILE", requires = "search")]
    peak: Option<String>,
    /// Connections open at once at most; requests beyond wait, and that counts. 256 unless said, 8 in HTTP/2.
    #[arg(long, value_name = "COUNT")]
    connections: Option<usize>,
    /// In HTTP/2, requests at once on a connection at most.
    #[arg(long, value_name = "COUNT", default_value_t = STREAMS)]
    streams: usize,
    #[command(flatten)]
    way: Way,
    /// Threads of the generator.
    #[arg(long, value_name = "COUNT", default_value_t = 1)]
    threads: usize,
    /// A request without an answer by then has failed.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = ::load::length)]
    timeout: Duration,
    /// What is random follows from it: arrivals, weights, times to think.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// The method, for a URL; GET unless said.
    #[arg(long, short = 'X', value_name = "METHOD", value_parser = Method::parse)]
    method: Option<Method>,
    /// A header for each request, in place of the one that is there: `Name: value`; may be given more than once.
    #[arg(long, short = 'H', value_name = "HEADER", value_parser = header)]
    header: Vec<(String, String)>,
    /// The body, for a URL; `@FILE` reads it from a file.
    #[arg(long, short = 'd', value_name = "TEXT")]
    body: Option<String>,
    /// Where the requests of a capture, a HAR, spans or OpenAPI go; those of a scenario, too, instead of where it says.
    #[arg(long, value_name = "URL")]
    at: Option<String>,
    /// Of a HAR, what was asked of this host, rather than of the one whose page came first.
    #[arg(long, value_name = "NAME")]
    host: Option<String>,
    /// Send what may change something, too, of a capture, a HAR, spans or OpenAPI.
    #[arg(long)]
    writes: bool,
    /// Write the scenario for another tool instead of running it, with rate or users, goals and whom to believe.
    #[arg(long, value_name = "TOOL")]
    export: Option<script::Tool>,
    /// The target is on a public address, and I have a right to load it.
    #[arg(long)]
    target_is_mine: bool,
    /// The figures as JSON on standard output.
    #[arg(long)]
    json: bool,
    /// A page with charts.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Keep everything for `taut prove`: figures, histograms, single requests.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Keep it in the ledger: the figures, and the whole result for the page of runs.
    #[arg(long)]
    record: bool,
    #[command(flatten)]
    which: ledger::Which,
    /// Histograms as a log of `HdrHistogram`.
    #[arg(long, value_name = "FILE")]
    hlog: Option<PathBuf>,
}

/// Requests at once on a connection of HTTP/2, where nothing is said: with 8 connections as many as 256 of HTTP/1.1 carry.
const STREAMS: usize = 32;
const CONNECTIONS: usize = 256;
const CONNECTIONS_OF_TWO: usize = 8;

/// How a target is spoken to.
#[derive(Debug, Args)]
pub(super) struct Way {
    /// Which HTTP is spoken.
    #[arg(long, value_name = "VERSION", default_value = "agreed")]
    http: Version,
    /// Believe the authorities in this PEM file, and nobody else.
    #[arg(long, value_name = "FILE", conflicts_with = "insecure")]
    ca: Option<PathBuf>,
    /// Believe any certificate.
    #[arg(long)]
    insecure: bool,
}

/// Which HTTP is spoken.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Version {
    /// Over TLS what both sides agree upon, else 1.1.
    Agreed,
    /// HTTP/1.1.
    #[value(name = "1.1")]
    One,
    /// HTTP/2, without TLS too.
    #[value(name = "2")]
    Two,
}

impl Way {
    pub(super) fn http(&self) -> Http {
        match self.http {
            Version::Agreed => Http::Agreed,
            Version::One => Http::One,
            Version::Two => Http::Two,
        }
    }

    pub(super) fn believes(&self) -> Believes {
        match &self.ca {
            _ if self.insecure => Believes::Anybody,
            Some(path) => Believes::File(path.clone()),
            None => Believes::System,
        }
    }
}

impl Arguments {
    /// Empty only where results are added up.
    fn target(&self) -> &str {
        self.target.as_deref().unwrap_or_default()
    }
}

pub(super) fn run(arguments: &Arguments) -> Done {
    written::can_be([&arguments.out, &arguments.hlog, &arguments.html])?;
    if !arguments.add.is_empty() {
        return adding::run(arguments);
    }
    if arguments.export.is_some() {
        script::check(arguments)?;
    }
    let scenario = scenario(arguments)?;
    if !(1..=CONNECTIONS_MAX).contains(&arguments.connections.unwrap_or(CONNECTIONS))
        || !(1..=STREAMS_MAX).contains(&arguments.streams)
        || !(1..=THREADS_MAX).contains(&arguments.threads)
    {
        let limits = format!(
            "1 to {CONNECTIONS_MAX} connections, 1 to {STREAMS_MAX} streams of each and 1 to {THREADS_MAX} threads can be"
        );
        return Err(Failure::use_of(limits));
    }
    if let Some(tool) = arguments.export {
        return script::write(arguments, &scenario, tool);
    }
    let (model, words) = arguments.amount.model(arguments.seed)?;
    let plan = Plan {
        scenario,
        name: arguments.target().to_owned(),
        model,
        load: words,
        seed: arguments.seed,
        connections: arguments.connections.unwrap_or(CONNECTIONS),
        connections_of_two: arguments.connections.unwrap_or(CONNECTIONS_OF_TWO),
        streams: arguments.streams,
        http: arguments.way.http(),
        threads: arguments.threads,
        timeout: arguments.timeout,
        believes: arguments.way.believes(),
        may_be_public: arguments.target_is_mine,
    };
    let stop = stopping()?;
    if let Some(search) = arguments.amount.search()? {
        return searching::run(arguments, &plan, search, &stop);
    }
    let shown = progress::Progress::new(plan.length());
    let outcome =
        ::load::run(&plan, &stop, |tick| shown.tick(tick)).map_err(|error| failed(&error));
    shown.end();
    let outcome = outcome?;
    let is_good = tell(arguments, &outcome)?;
    if outcome.is_interrupted {
        return Ok(exit::INTERRUPTED);
    }
    if is_good { OK } else { Ok(exit::NO) }
}

/// Tells what came of it and keeps what was asked for; whether there were answers, and all goals were met.
fn tell(arguments: &Arguments, outcome: &Outcome) -> Result<bool, Failure> {
    let judged = judge(&arguments.expect, outcome);
    let text = if arguments.json {
        report::json(outcome, &judged)
    } else {
        report::terminal(outcome, &judged, say::columns())
    };
    // Told first: a disk that is full, or a ledger that is away, takes no figures along; nor does nobody who listens.
    let told = say::data(&text);
    keep(arguments, outcome, &judged)?;
    if arguments.record {
        let recorded = record::of(outcome, &judged);
        ledger::keep_run(&arguments.which.place()?, &recorded, &report::kept(outcome, &judged))?;
    }
    told?;
    Ok(0 < outcome.answered && judged.iter().all(|judged| judged.is_met))
}

fn scenario(arguments: &Arguments) -> Result<Scenario, Failure> {
    let is_url = arguments.target().contains("://");
    let is_har = arguments.target().to_ascii_lowercase().ends_with(".har");
    if arguments.host.is_some() && (is_url || !is_har) {
        return Err(Failure::use_of("--host is for a HAR")
            .hint("of anything else --at says where requests go"));
    }
    if is_url && arguments.at.is_some() {
        return Err(Failure::use_of("a URL says itself where requests go, and --at as well")
            .hint("--at is for what was recorded, and for scenarios"));
    }
    if is_url {
        return of_url(arguments);
    }
    if arguments.method.is_some() || arguments.body.is_some() {
        return Err(Failure::use_of("--method and --body are for a URL")
            .hint("a scenario and what was recorded say them with each request"));
    }
    let path = PathBuf::from(arguments.target());
    let is_recorded = source::is_one(&path);
    let mut scenario =
        if is_recorded { source::scenario(&path, arguments)? } else { of_file(&path, arguments)? };
    for step in scenario.flows.iter_mut().flat_map(|flow| &mut flow.steps) {
        for (name, value) in &arguments.header {
            step.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
            step.headers.push((name.clone(), value.clone()));
        }
    }
    if is_recorded {
        source::note_hidden(&scenario);
    }
    Ok(scenario)
}

fn of_url(arguments: &Arguments) -> Result<Scenario, Failure> {
    let body = match &arguments.body {
        None => String::new(),
        Some(text) => match text.strip_prefix('@') {
            Some(path) => fs::read_to_string(path).map_err(|error| {
                Failure::world(&error).hint(format!("`{path}` was to be the body"))
            })?,
            None => text.clone(),
        },
    };
    let method = arguments.method.unwrap_or_default();
    Scenario::url(arguments.target(), method, arguments.header.clone(), body)
        .map_err(|error| wrong(&error))
}

fn of_file(path: &Path, arguments: &Arguments) -> Result<Scenario, Failure> {
    let ending = path.extension().map(std::ffi::OsStr::to_ascii_lowercase);
    let is_yaml = ending.is_some_and(|ending| ending == "yaml" || ending == "yml");
    let mut scenario = Scenario::file(path).map_err(|error| {
        wrong(&error).hint(if is_yaml {
            "OpenAPI is read as JSON: `yq -o json api.yaml > api.json` makes it"
        } else {
            "the target is a URL such as http://localhost:8000/, or a scenario as docs/load.md shows"
        })
    })?;
    if let Some(at) = &arguments.at {
        scenario.target = server("--at", at)?;
    }
    Ok(scenario)
}

/// Whom `--at` and its like name: paths are those of what was recorded or written down.
pub(super) fn server(flag: &str, at: &str) -> Result<Target, Failure> {
    let (target, path) = Target::parse(at).map_err(|error| Failure::use_of(&error))?;
    if path == "/" {
        return Ok(target);
    }
    Err(Failure::use_of(format!("`{at}` has a path, and {flag} names a server alone"))
        .hint("http://localhost:8000"))
}

fn wrong(error: &ScenarioError) -> Failure {
    match error {
        ScenarioError::Unread(..) => Failure::world(error),
        _ => Failure::use_of(error),
    }
}

pub(super) fn header(text: &str) -> Result<(String, String), String> {
    let parts = text.split_once(':').filter(|(name, _)| !name.trim().is_empty());
    let (name, value) =
        parts.ok_or_else(|| format!("`{text}` is no header; such is `Accept: text/html`"))?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

/// Set by the first Ctrl-C; the second one ends the process.
pub(super) fn stopping() -> Result<Arc<AtomicBool>, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&stop);
    let listen = move || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
            return;
        };
        let heard = |asked: &AtomicBool| {
            let first = runtime.block_on(tokio::signal::ctrl_c()).is_ok();
            if first {
                asked.store(true, Relaxed);
            }
            first
        };
        if heard(&asked) && heard(&asked) {
            #[expect(
                clippy::exit,
                reason = "asked for twice: nothing that is written is worth waiting for"
            )]
            std::process::exit(exit::INTERRUPTED.code.into());
        }
    };
    let thread = std::thread::Builder::new().name("stop".to_owned()).spawn(listen);
    thread.map(|_handle| stop).map_err(|error| Failure::world(&error))
}

pub(super) fn failed(error: &RunError) -> Failure {
    let failure = Failure::world(error);
    match error {
        RunError::Unreachable { why, .. } if why.contains("certificate") => failure.hint(
            "nothing was measured; --ca FILE names who is believed, --insecure believes anybody",
        ),
        RunError::Unreachable { why, .. } if why.contains("HTTP/2") => {
            failure.hint("nothing was measured; --http 1.1 speaks the older one")
        }
        RunError::Target(_) | RunError::Unreachable { .. } => {
            failure.hint("nothing was measured; is the server running, and is that its port?")
        }
        RunError::Public { .. } => {
            Failure::use_of(error).hint("if you have a right to load it, say so: --target-is-mine")
        }
        RunError::Tls(_) => failure
            .hint("--ca FILE names who is believed, in PEM; --insecure believes any certificate"),
        RunError::Start(_) | RunError::Died => failure,
    }
}

/// Writes the files that were asked for.
fn keep(arguments: &Arguments, outcome: &Outcome, judged: &[Judged]) -> Result<(), Failure> {
    written::all(&[
        (&arguments.out, &|| report::kept(outcome, judged)),
        (&arguments.hlog, &|| write_hlog(outcome)),
        (&arguments.html, &|| crate::report::load_html::html(outcome, judged)),
    ])
}
