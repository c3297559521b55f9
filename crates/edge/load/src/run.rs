//! A run: threads that each have a part of the schedule, their figures added up at the end.

mod worker;

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
        mpsc,
    },
    thread,
    time::{Duration, Instant, SystemTime},
};

use prove::schedule::{Schedule, Users};
use rustls::pki_types::ServerName;
use tokio::task::LocalSet;

use crate::{
    Outcome, Place, Scenario, Target, TargetError,
    clock::processor_time,
    connection::{Dial, Trouble},
    outcome::About,
    record::{BINS_MAX, Bin, Recorder},
    tls::{self, Believes},
};

/// Connections at most: each takes a port of this machine and some 20 KB.
pub const CONNECTIONS_MAX: usize = 20_000;
/// Streams of a connection at most: what servers allow is 100 to 250.
pub const STREAMS_MAX: usize = 1_000;
/// Threads at most.
pub const THREADS_MAX: usize = 64;
/// Threads need a moment before the first request is due.
const HEAD_START: Duration = Duration::from_millis(20);

/// What is to be run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// What is asked.
    pub scenario: Scenario,
    /// How it is called in what is told: the URL or the file.
    pub name: String,
    /// How much of it.
    pub model: Model,
    /// The same in words.
    pub load: String,
    /// Of what is picked at random.
    pub seed: u64,
    /// Connections open at once at most, over all threads.
    pub connections: usize,
    /// The same where HTTP/2 is spoken.
    pub connections_of_two: usize,
    /// Streams of a connection at most, in HTTP/2.
    pub streams: usize,
    /// Which HTTP is spoken.
    pub http: Http,
    /// Threads, each with a runtime of its own.
    pub threads: usize,
    /// A request that has no answer by then has failed.
    pub timeout: Duration,
    /// Whose certificates are believed.
    pub believes: Believes,
    /// The target may be on a public address: whoever asks has a right to load it.
    pub may_be_public: bool,
}

/// Which HTTP is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Http {
    /// Over TLS what both sides agree upon (ALPN), else HTTP/1.1.
    #[default]
    Agreed,
    /// HTTP/1.1.
    One,
    /// HTTP/2, without TLS too ("prior knowledge").
    Two,
}

/// How load comes about.
#[derive(Debug, Clone)]
pub enum Model {
    /// Requests start when they are meant to.
    Open(Schedule),
    /// Users wait for their answers.
    Closed(Users),
}

/// What happened since the last one.
#[derive(Debug, Clone, Default)]
pub struct Tick {
    /// Since the beginning.
    pub elapsed: Duration,
    /// Requests started since the last tick.
    pub started: u64,
    /// Answers since then.
    pub answered: u64,
    /// Failures since then.
    pub failed: u64,
    /// Latencies since then, from the intended start.
    pub latencies: stats::Sketch,
}

/// Why there was no run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Nobody knows the name.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// Nobody answers.
    #[error("failed to reach `{target}` at {address}: {why}")]
    Unreachable {
        /// Host and port.
        target: String,
        /// The address that was tried.
        address: SocketAddr,
        /// What happened.
        why: &'static str,
    },
    /// It is on a public address, and nobody said that it may be loaded.
    #[error("`{target}` is {address}, an address on the public internet")]
    Public {
        /// Host and port.
        target: String,
        /// Its address.
        address: SocketAddr,
    },
    /// No encryption.
    #[error("failed to prepare encryption: {0}")]
    Tls(String),
    /// A thread, a timer or a runtime could not be made.
    #[error("failed to start the generator")]
    Start(#[source] std::io::Error),
    /// A thread has died.
    #[error("a thread of the generator has died")]
    Died,
}

impl Plan {
    /// How long requests are started.
    #[must_use]
    pub fn length(&self) -> Duration {
        match &self.model {
            Model::Open(schedule) => schedule.length(),
            Model::Closed(users) => users.length,
        }
    }
}

/// Runs a plan until it is done or `stop` is set; what was measured by then is kept. `told` hears five times a second.
///
/// # Errors
///
/// The target cannot be reached or may not be loaded, or a thread cannot be started.
pub fn run(
    plan: &Plan,
    stop: &Arc<AtomicBool>,
    mut told: impl FnMut(&Tick),
) -> Result<Outcome, RunError> {
    let dial = dial(plan)?;
    let is_two = dial.is_two;
    let threads = plan.threads.clamp(1, THREADS_MAX);
    let interval =
        Duration::from_secs(1).max(plan.length() / u32::try_from(BINS_MAX).unwrap_or(600));
    let began = Instant::now() + HEAD_START;
    let began_unix_millis =
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |time| time.as_millis());
    let worked = processor_time();
    let (sender, ticks) = mpsc::channel();
    let shared = Arc::new(worker::Shared {
        plan: plan.clone(),
        dial,
        began,
        end: began + plan.length(),
        threads,
        bin_nanos: worker::nanos_of(interval),
        stop: Arc::clone(stop),
    });
    let mut handles = Vec::new();
    for thread in 0..threads {
        let (shared, sender) = (Arc::clone(&shared), sender.clone());
        let name = format!("load-{thread}");
        let run = move || worker::run(&shared, thread, &sender);
        handles.push(thread::Builder::new().name(name).spawn(run).map_err(RunError::Start)?);
    }
    drop(sender);
    tell(&ticks, began, &mut told);
    let mut recorder = Recorder::new(
        plan.scenario.routes().len(),
        shared.bin_nanos,
        worker::nanos_of(plan.length()),
    );
    for handle in handles {
        let part = handle.join().map_err(|_panic| RunError::Died)?.map_err(RunError::Start)?;
        recorder.merge(&part);
    }
    let is_interrupted = stop.load(Relaxed);
    let length = if is_interrupted { plan.length().min(began.elapsed()) } else { plan.length() };
    let asked_rate = match &plan.model {
        Model::Open(schedule) => Some(schedule.expected() / schedule.length().as_secs_f64()),
        Model::Closed(_) => None,
    };
    let about = About {
        target: plan.name.clone(),
        load: plan.load.clone(),
        is_open: matches!(plan.model, Model::Open(_)),
        began_unix_millis: u64::try_from(began_unix_millis).unwrap_or(u64::MAX),
        length,
        tail: began.elapsed().saturating_sub(plan.length()),
        asked_rate,
        is_interrupted,
        connections_max: if is_two { plan.connections_of_two } else { plan.connections },
        is_two,
        processor: processor_time().saturating_sub(worked),
        threads,
        interval,
        routes: plan.scenario.routes(),
    };
    Ok(Outcome::new(about, recorder))
}

/// Passes on what threads say, until the last one is done.
fn tell(ticks: &mpsc::Receiver<Bin>, began: Instant, told: &mut impl FnMut(&Tick)) {
    const EVERY: Duration = Duration::from_millis(200);
    let mut sum = Bin::default();
    let mut due = Instant::now() + EVERY;
    loop {
        let left = due.saturating_duration_since(Instant::now());
        match ticks.recv_timeout(left) {
            Ok(tick) => sum.merge(&tick),
            Err(mpsc::RecvTimeoutError::Timeout) => {
                let Bin { started, answered, failed, latencies } = std::mem::take(&mut sum);
                told(&Tick { elapsed: began.elapsed(), started, answered, failed, latencies });
                due = Instant::now() + EVERY;
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// Finds the target, asks whether it may be loaded, and sees whether anybody is there.
fn dial(plan: &Plan) -> Result<Dial, RunError> {
    let way = Way {
        believes: &plan.believes,
        http: plan.http,
        streams: plan.streams,
        timeout: plan.timeout,
        may_be_public: plan.may_be_public,
    };
    dial_to(&plan.scenario.target, &way)
}

/// How a target is spoken to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Way<'a> {
    pub(crate) believes: &'a Believes,
    pub(crate) http: Http,
    pub(crate) streams: usize,
    pub(crate) timeout: Duration,
    pub(crate) may_be_public: bool,
}

/// The same, for any target.
pub(crate) fn dial_to(target: &Target, way: &Way<'_>) -> Result<Dial, RunError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(RunError::Start)?;
    let addresses = runtime.block_on(target.addresses())?;
    let public = addresses.iter().find(|address| Place::of(address.ip()) == Place::Public);
    if let (Some(address), false) = (public, way.may_be_public) {
        return Err(RunError::Public { target: target.authority.clone(), address: *address });
    }
    let encryption = |protocols: &[&str]| -> Result<_, RunError> {
        if !target.is_encrypted {
            return Ok(None);
        }
        let connector = tls::connector(way.believes, protocols).map_err(RunError::Tls)?;
        let name = ServerName::try_from(target.host.clone())
            .map_err(|error| RunError::Tls(format!("`{}`: {error}", target.host)))?;
        Ok(Some((connector, name)))
    };
    let offered: &[&str] = match way.http {
        Http::Agreed => &["h2", "http/1.1"],
        Http::One => &["http/1.1"],
        Http::Two => &["h2"],
    };
    let mut dial = Dial {
        addresses,
        tls: encryption(offered)?,
        timeout: way.timeout.min(Duration::from_secs(10)),
        is_two: way.http == Http::Two,
        streams: way.streams.clamp(1, STREAMS_MAX),
    };
    // Names such as localhost have addresses that nobody listens on: keep those that answer.
    let (mut heard, mut agreed, mut why) = (Vec::new(), false, Trouble::Connect);
    for (turn, address) in dial.addresses.iter().enumerate() {
        match LocalSet::new().block_on(&runtime, dial.probe(turn)) {
            Ok(is_two) => {
                agreed = if heard.is_empty() { is_two } else { agreed && is_two };
                heard.push(*address);
            }
            Err(trouble) => why = trouble,
        }
    }
    if heard.is_empty() {
        let address =
            dial.addresses.first().copied().unwrap_or_else(|| SocketAddr::from(([0, 0, 0, 0], 0)));
        return Err(RunError::Unreachable {
            target: target.authority.clone(),
            address,
            why: why.words(),
        });
    }
    if way.http == Http::Agreed {
        // All that follow speak what was agreed upon, and offer nothing else.
        dial.is_two = agreed;
        dial.tls = encryption(if agreed { &["h2"] } else { &["http/1.1"] })?;
    }
    dial.addresses = heard;
    dial.timeout = way.timeout;
    Ok(dial)
}
