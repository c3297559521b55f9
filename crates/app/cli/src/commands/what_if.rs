//! `taut what-if`: a call less, another pool, a limit, another balance, over recorded requests.

use std::{num::NonZeroU32, path::PathBuf, time::Duration};

use ::prove::{
    gate::Pattern,
    simulate::{busy_at_most, busy_on_average, queue, servers_for},
};
use clap::{Args, Subcommand, ValueEnum};
use engine::what_if::{self, Hold, Members, Policy, Scope, Whose, cache};
use model::{Exchange, Trace};
use stats::quantile;
use traffic::limit::{Algorithm, Quota};

use super::{Done, OK, find, load::is_captured, replay};
use crate::{
    report::what_if as report,
    say::{self, AMBER, Failure},
};

const EXAMPLES: &str = "\
Examples:
  taut what-if without 'SELECT name FROM customers*' spans.json
                                       how long requests would take without these statements
  taut what-if pool spans.json         how large a pool of connections has to be
  taut what-if pool --size 10 --size 20 spans.json
  taut what-if limit --requests 100 --window 1m --by client.address spans.json
                                       who would be refused
  taut what-if balance --members 4 --slots 8 --slow 3 spans.json
                                       the tail by policy, with one member three times as slow
  taut what-if cache --ttl 10s --ttl 1m --endpoint 'GET /api/products/*' spans.json
                                       hit rates by time to live and size
  taut what-if cache --ttl 1m captures/
                                       the same, of what the gateway captured

The same recording and the same seed give the same answer. What no recording tells: who waits less comes back sooner,
and a server that has less to do is quicker.";

/// Tell what would have been, over requests as they were recorded: a call less, another pool, a limit, another balance.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    Without(Without),
    Pool(Pool),
    Limit(Limit),
    Balance(Balance),
    Cache(Cache),
}

/// What is read, and how the answer is told.
#[derive(Debug, Args)]
struct Recording {
    /// Files with traces; `-` is standard input. For a cache, captures and HAR as well.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Only requests of this service; `*` stands for anything. Unless told, requests that come from outside count, and what
    /// services ask of each other for them does not; `without` and `pool` look at each service.
    #[arg(long, value_name = "PATTERN")]
    service: Option<String>,
    /// Only these endpoints: `GET /api/*`.
    #[arg(long, value_name = "PATTERN")]
    endpoint: Option<String>,
    /// The answer as JSON.
    #[arg(long)]
    json: bool,
}

/// Take calls off the critical path: how long requests would take without them.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  taut what-if without 'SELECT name FROM customers*' spans.json")]
struct Without {
    /// Statements by their text, remote calls as `GET host/path`, spans by name; `*` stands for anything.
    #[arg(value_name = "CALL")]
    call: String,
    #[command(flatten)]
    recording: Recording,
}

/// Let requests queue for connections of a pool.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  taut what-if pool --size 10 --size 20 --wait 5ms spans.json")]
struct Pool {
    #[command(flatten)]
    recording: Recording,
    /// A size to try; may be given more than once.
    #[arg(long, value_name = "COUNT")]
    size: Vec<usize>,
    /// How long 99 of 100 may wait.
    #[arg(long, value_name = "TIME", default_value = "10ms", value_parser = duration)]
    wait: Duration,
    /// For how long a connection is kept.
    #[arg(long, value_name = "WHAT", default_value = "request")]
    hold: Held,
}

/// For how long a connection is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Held {
    /// From a request's first statement to its last.
    Request,
    /// For each statement alone.
    Statement,
}

/// Let requests through a limit: who would have been refused.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  taut what-if limit --requests 100 --window 1m --by client.address spans.json"
)]
struct Limit {
    #[command(flatten)]
    recording: Recording,
    /// So many.
    #[arg(long, value_name = "COUNT")]
    requests: NonZeroU32,
    /// In this time.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    window: Duration,
    /// The attribute of a request that tells whom it is from.
    #[arg(long, value_name = "ATTRIBUTE", default_value = "client.address")]
    by: String,
    /// How they are counted.
    #[arg(long, value_name = "HOW", default_value = "bucket")]
    algorithm: Counted,
    /// Of the table of keys.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
}

/// How requests are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Counted {
    /// A bucket that fills evenly.
    Bucket,
    /// Windows of the clock.
    FixedWindow,
    /// The moment of every request.
    SlidingLog,
    /// Two counts, the last one taken as if it had been even.
    SlidingWindow,
}

/// Spread requests over members of a service: the tail by policy.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  taut what-if balance --members 4 --slots 8 --slow 3 spans.json"
)]
struct Balance {
    #[command(flatten)]
    recording: Recording,
    /// Members of the service.
    #[arg(long, value_name = "COUNT", default_value = "4")]
    members: NonZeroU32,
    /// Requests that a member works on at once.
    #[arg(long, value_name = "COUNT", default_value = "8")]
    slots: NonZeroU32,
    /// One member takes so many times as long as was recorded.
    #[arg(long, value_name = "TIMES", default_value_t = 1.0)]
    slow: f64,
    /// Requests come so many times as often as was recorded.
    #[arg(long, value_name = "TIMES", default_value_t = 1.0)]
    faster: f64,
    /// Of what is random.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
}

/// Put a cache in front: hit rates by time to live and size.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  taut what-if cache --ttl 1m --size 1MiB..1GiB --endpoint 'GET /api/products/*' spans.json"
)]
struct Cache {
    #[command(flatten)]
    recording: Recording,
    /// How long an answer is fresh; may be given more than once. 1 s, 10 s, 1 min and 10 min unless said.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    ttl: Vec<Duration>,
    /// Bytes of the cache; may be given more than once. `1MiB..1GiB` tries each that is twice the one before: the curve of misses. 64 MiB unless said.
    #[arg(long, value_name = "SIZE", value_parser = sizes)]
    size: Vec<Sizes>,
    /// Whatever answers and requests say of caches does not count, as with `over-answer` of a route. Captures tell it, spans
    /// do not.
    #[arg(long)]
    over_answer: bool,
    /// The query does not tell answers apart.
    #[arg(long)]
    ignore_query: bool,
    /// Bytes of an answer whose span does not tell them.
    #[arg(long, value_name = "SIZE", default_value = "10kB", value_parser = bytes)]
    answer: u64,
    /// Look at so many keys in a thousand, in a cache that is smaller by as much.
    #[arg(long, value_name = "COUNT", default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    sample: u64,
    /// Of what is random.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
}

/// Members at most: each is looked at for every request.
const MEMBERS_MAX: u32 = 1_000;

pub(super) fn run(arguments: &Arguments) -> Done {
    let text = match &arguments.action {
        Action::Without(arguments) => without(arguments)?,
        Action::Pool(arguments) => pool(arguments)?,
        Action::Limit(arguments) => limit(arguments)?,
        Action::Balance(arguments) => balance(arguments)?,
        Action::Cache(arguments) => in_cache(arguments)?,
    };
    say::data(&text)?;
    OK
}

fn without(arguments: &Without) -> Result<String, Failure> {
    let (traces, scope) = traces(&arguments.recording, Whose::Each)?;
    let found = what_if::without(&traces, &scope, &Pattern(arguments.call.clone()));
    if found.is_empty() {
        return Err(Failure::use_of(format!("no request makes a call like `{}`", arguments.call))
            .hint("statements are without their literals, as `taut find` and `taut trace` show them; `*` stands for anything"));
    }
    Ok(report::without(&found, arguments.recording.json))
}

fn pool(arguments: &Pool) -> Result<String, Failure> {
    let hold = match arguments.hold {
        Held::Request => Hold::Request,
        Held::Statement => Hold::Statement,
    };
    let (traces, scope) = traces(&arguments.recording, Whose::Each)?;
    let what_if::Connections { arrivals, services } = what_if::connections(&traces, &scope, hold);
    if arrivals.is_empty() {
        return Err(Failure::of_the_world("no request runs a statement")
            .hint("is the database's client instrumented?"));
    }
    let wait = u64::try_from(arguments.wait.as_nanos()).unwrap_or(u64::MAX);
    let enough = servers_for(&arrivals, wait);
    let most = busy_at_most(&arrivals);
    let mut sizes = arguments.size.clone();
    if sizes.is_empty() {
        sizes = vec![enough / 2, enough.saturating_sub(1), enough, enough + 1, enough * 2];
        sizes.retain(|size| 0 < *size);
    }
    sizes.push(enough);
    sizes.sort_unstable();
    sizes.dedup();
    let tried: Vec<_> = sizes.into_iter().map(|size| queue(&arrivals, size)).collect();
    let about = report::Pool {
        on_average: busy_on_average(&arrivals),
        most,
        enough,
        wait: arguments.wait,
        services: services.into_iter().collect(),
    };
    Ok(report::pool(&about, &tried, arguments.recording.json))
}

fn limit(arguments: &Limit) -> Result<String, Failure> {
    let algorithm = match arguments.algorithm {
        Counted::Bucket => Algorithm::Bucket,
        Counted::FixedWindow => Algorithm::FixedWindow,
        Counted::SlidingLog => Algorithm::SlidingLog,
        Counted::SlidingWindow => Algorithm::SlidingWindow,
    };
    let quota = Quota::new(arguments.requests, arguments.window);
    let (traces, scope) = traces(&arguments.recording, Whose::Outside)?;
    let of = (&*traces, &scope);
    let limited = what_if::limited(of, algorithm, quota, &arguments.by, arguments.seed);
    if limited.requests == limited.unknown {
        return Err(Failure::use_of(format!("no request has the attribute `{}`", arguments.by))
            .hint("`taut trace` shows what requests have; --by names another"));
    }
    Ok(report::limit(&limited, &arguments.by, arguments.recording.json))
}

fn balance(arguments: &Balance) -> Result<String, Failure> {
    let in_bounds = |times: f64| (0.01..=1_000.0).contains(&times);
    if MEMBERS_MAX < arguments.members.get()
        || !in_bounds(arguments.slow)
        || !in_bounds(arguments.faster)
    {
        return Err(Failure::use_of(format!(
            "1 to {MEMBERS_MAX} members, and 0.01 to 1000 times can be"
        )));
    }
    let (traces, scope) = traces(&arguments.recording, Whose::Outside)?;
    let mut arrivals = what_if::arrivals(&traces, &scope);
    let first = arrivals.first().map_or(0, |first| first.at_nanos);
    for arrival in &mut arrivals {
        arrival.at_nanos = sooner(arrival.at_nanos - first, arguments.faster);
    }
    let count = usize::try_from(arguments.members.get()).unwrap_or(1);
    let mut slowness = vec![1.0; count];
    slowness[count - 1] = arguments.slow;
    let members = Members { slots: arguments.slots, slowness };
    let rows: Vec<report::Tail> = Policy::ALL
        .into_iter()
        .map(|policy| {
            let took = what_if::balanced(&arrivals, &members, policy, arguments.seed);
            let at = |part: f64| quantile(&took, part).unwrap_or(0);
            report::Tail { policy: policy.name(), nanos: [at(0.5), at(0.95), at(0.99), at(1.0)] }
        })
        .collect();
    Ok(report::balance(arrivals.len(), &rows, arguments.recording.json))
}

fn in_cache(arguments: &Cache) -> Result<String, Failure> {
    let what = cache::Cacheable {
        over_answer: arguments.over_answer,
        ignores_query: arguments.ignore_query,
        bytes_unless_told: arguments.answer,
    };
    let captures = captured(&arguments.recording)?;
    let asked = match &captures {
        Some(_) if arguments.recording.service.is_some() => {
            return Err(Failure::use_of("a capture does not tell services")
                .hint("--endpoint chooses by method and path"));
        }
        Some(exchanges) => {
            let endpoint = arguments.recording.endpoint.clone().map(Pattern);
            cache::asked_of(exchanges, endpoint.as_ref(), &what)
        }
        None => {
            let (traces, scope) = traces(&arguments.recording, Whose::Outside)?;
            cache::asked(&traces, &scope, &what)
        }
    };
    if asked.events.is_empty() {
        return Err(Failure::use_of("no request of the recording could be answered by a cache")
            .hint("a cache answers GET and HEAD; is --endpoint spelt as `taut find` shows it?"));
    }
    let or = |given: &[Duration]| {
        if given.is_empty() {
            [1, 10, 60, 600].map(Duration::from_secs).to_vec()
        } else {
            given.to_vec()
        }
    };
    let mut sizes: Vec<u64> =
        arguments.size.iter().flat_map(|Sizes(sizes)| sizes).copied().collect();
    if sizes.is_empty() {
        sizes.push(64 << 20);
    }
    let mut rows = Vec::new();
    for ttl in or(&arguments.ttl) {
        for size in &sizes {
            let outcome = cache::cached(&asked, ttl, *size, arguments.sample, arguments.seed);
            let too_small = cache::too_small(&asked, *size, arguments.sample);
            rows.push(report::Cached { ttl, size: *size, outcome, too_small });
        }
    }
    let stampede = cache::stampede(&asked);
    let about = report::InCache {
        stampede,
        per_mille: arguments.sample,
        heard: captures.is_some() && !arguments.over_answer,
    };
    Ok(report::cache(&asked, &rows, about, arguments.recording.json))
}

/// What was captured, if that is what is given.
fn captured(recording: &Recording) -> Result<Option<Vec<Exchange>>, Failure> {
    if !recording.files.iter().all(|path| is_captured(path)) {
        return Ok(None);
    }
    let mut exchanges = Vec::new();
    for path in &recording.files {
        let captured = replay::read(path)?;
        for note in &captured.notes {
            say::words(&format!("{AMBER}note{AMBER:#}: {note}\n"));
        }
        exchanges.extend(captured.exchanges);
    }
    Ok(Some(exchanges))
}

/// One size, or each from one to another that is twice the one before.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Sizes(Vec<u64>);

fn sizes(text: &str) -> Result<Sizes, String> {
    let Some((from, to)) = text.split_once("..") else {
        return Ok(Sizes(vec![bytes(text)?]));
    };
    let (from, to) = (bytes(from)?, bytes(to)?);
    if from == 0 || to < from {
        return Err(format!("`{text}` does not begin above zero and go up; such are 1MiB..1GiB"));
    }
    let doubled = std::iter::successors(Some(from), |size| size.checked_mul(2));
    let mut sizes: Vec<u64> = doubled.take_while(|size| *size < to).collect();
    sizes.push(to);
    Ok(Sizes(sizes))
}

fn bytes(text: &str) -> Result<u64, String> {
    config::parse_bytes(text).ok_or_else(|| format!("`{text}` is no size; such are 10kB, 64MiB"))
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "nanoseconds of a recording; it saturates"
)]
fn sooner(nanos: u64, times: f64) -> u64 {
    (nanos as f64 / times) as u64
}

/// What was recorded, and which requests of it are meant; `unless_told` is whose they are where nobody says.
fn traces(recording: &Recording, unless_told: Whose) -> Result<(Vec<Trace>, Scope), Failure> {
    let mut spans = Vec::new();
    for path in &recording.files {
        let read =
            engine::read_file(path).map_err(|error| Failure::world(&error).hint(error.hint()))?;
        find::tell_problems(&read);
        spans.extend(read.spans);
    }
    if spans.is_empty() {
        return Err(find::no_spans(&recording.files));
    }
    let traces = engine::traces_of(spans);
    let service = recording.service.clone().map(Pattern);
    let scope = Scope {
        whose: service.map_or(unless_told, Whose::Service),
        endpoint: recording.endpoint.clone().map(Pattern),
    };
    let is_told = recording.service.is_some() || recording.endpoint.is_some();
    if is_told && what_if::requests(&traces, &scope).next().is_none() {
        let each = Scope { whose: Whose::Each, endpoint: None };
        let known: Vec<String> = what_if::services(&traces, &each).into_iter().collect();
        return Err(Failure::use_of("no request of the recording is like that").hint(format!(
            "there are requests of {}; endpoints are spelt as `taut find` shows them",
            known.join(", ")
        )));
    }
    Ok((traces, scope))
}

fn duration(text: &str) -> Result<Duration, String> {
    config::parse_duration(text)
        .ok_or_else(|| format!("`{text}` is no time; such are 10ms, 1s, 1m"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_one_or_a_curve() {
        let told = |text| sizes(text).map(|Sizes(sizes)| sizes);
        assert_eq!(told("10kB"), Ok(vec![10_000]));
        assert_eq!(told("1MiB..3MiB"), Ok(vec![1 << 20, 2 << 20, 3 << 20]));
        assert_eq!(told("1MiB..1MiB"), Ok(vec![1 << 20]));
        assert!(told("2MiB..1MiB").is_err() && told("0kB..1MiB").is_err() && told("..").is_err());
    }
}
