//! What runs behind `taut up`: spans in, findings out, without end.
//!
//! A batch is on disk before it is acknowledged; then its calls join their traces in memory. One thread,
//! the finder, takes complete traces out, looks for faults, and keeps a fact per request. After a restart
//! it begins with what the store received within the window, so that findings and facts are as if
//! nothing had happened.

mod finder;
mod footing;
mod keeping;
mod problems;
mod telling;

use std::{
    collections::BTreeMap,
    io,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use config::Settings;
use find::Outcome;
use model::{Call, Finding, FindingId, LogRecord, Moment, Span, Stack, Trace, TraceId};
use receive::{Keeper, Received, Refusal, Sink};
use store::{Batch, Retention, Store, StoreError, ledger::Ledger};
use tokio::sync::watch;

use crate::{
    analysis::Analysis,
    copies::Copier,
    database::{History as _, Watched},
    ledger_seen::LedgerSeen,
    memory,
    metrics::{Own, counted},
    releases::Releases,
    settler::{Settler, SettlerLimits},
};
use problems::{Problems, Work};

pub use footing::Footing;

/// How often the finder looks for complete traces: what a user takes as live.
const TURN: Duration = Duration::from_millis(200);

/// When senders are asked to come again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The running engine, as the receivers and the pages see it.
#[derive(Debug)]
pub struct Live {
    store: Arc<dyn Store>,
    settings: Settings,
    settler: Mutex<Settler>,
    analysis: Mutex<Analysis>,
    statements: Mutex<Vec<sql::Statements>>,
    outcome: Mutex<Option<(u64, Arc<Outcome>)>>,
    changes: watch::Sender<u64>,
    stopping: AtomicBool,
    wake: (Mutex<()>, Condvar),
    problems: Mutex<Problems>,
    catching_up: AtomicBool,
    databases: Arc<Watched>,
    watcher: Mutex<Option<JoinHandle<()>>>,
    keeper: Mutex<Option<JoinHandle<()>>>,
    copier: Option<Copier>,
    copying: Mutex<Option<JoinHandle<()>>>,
    releases: Mutex<Releases>,
    /// Opened by the first who needs it.
    ledger: Mutex<Option<Ledger>>,
    /// What pages know of one on a server.
    ledger_seen: Arc<LedgerSeen>,
    own: Own,
}

/// A trace as it was sent, and as it was read.
#[derive(Debug, Clone)]
pub struct TraceDetail {
    /// Its spans with all that OTLP carries, in the order in which they came.
    pub spans: Vec<Span>,
    /// The same in tree order, read through the semantic conventions.
    pub trace: Trace,
}

/// How the engine is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Spans of traces that are not complete yet.
    pub spans_in_flight: usize,
    /// It still looks at what was received before it started.
    pub catching_up: bool,
    /// What failed last and has not succeeded since.
    pub problem: Option<String>,
}

/// Why the engine could not start.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    /// The store failed.
    #[error("failed to read what was kept")]
    Store(#[source] StoreError),
    /// A database that is to be watched has no address that makes sense.
    #[error("failed to read `observe.postgres`")]
    Database(#[source] postgres::ConnectError),
    /// Copies are to go where no server can be.
    #[error("failed to read `store.copy`")]
    Copies(#[source] objects::ObjectsError),
    /// The system gave no thread.
    #[error("failed to start the finder's thread")]
    Thread(#[source] io::Error),
}

impl Live {
    /// An engine over a store; it does nothing until it is started.
    ///
    /// # Errors
    ///
    /// What the store remembers cannot be read.
    pub fn new(store: Arc<dyn Store>, settings: Settings) -> Result<Arc<Self>, LiveError> {
        let limits = SettlerLimits {
            spans_max: settings.engine.spans_in_flight_max,
            settle: settings.engine.settle,
            settle_max: settings.engine.settle_max,
        };
        let mut analysis = Analysis::new(
            settings.find.clone(),
            settings.targets,
            settings.levels,
            Some(settings.engine.window),
        );
        analysis.remember(memory::load(&*store).map_err(LiveError::Store)?);
        let databases = Watched::new(&settings).map_err(LiveError::Database)?;
        let copier = Copier::new(&settings.store.copy).map_err(LiveError::Copies)?;
        let releases = Releases::load(&*store).map_err(LiveError::Store)?;
        Ok(Arc::new(Self {
            store,
            own: Own::new(&settings),
            settings,
            settler: Mutex::new(Settler::new(limits)),
            analysis: Mutex::new(analysis),
            statements: Mutex::default(),
            outcome: Mutex::default(),
            changes: watch::Sender::new(0),
            stopping: AtomicBool::new(false),
            wake: (Mutex::new(()), Condvar::new()),
            problems: Mutex::default(),
            catching_up: AtomicBool::new(true),
            databases: Arc::new(databases),
            watcher: Mutex::default(),
            keeper: Mutex::default(),
            copier,
            copying: Mutex::default(),
            releases: Mutex::new(releases),
            ledger: Mutex::default(),
            ledger_seen: Arc::default(),
        }))
    }

    /// Starts the finder, and whatever watches databases. Both run until [`Live::stop`].
    ///
    /// # Errors
    ///
    /// The system gives no thread.
    pub fn start(self: &Arc<Self>) -> Result<JoinHandle<()>, LiveError> {
        let live = Arc::downgrade(self);
        let tell = move || {
            if let Some(live) = live.upgrade() {
                live.changes.send_modify(|version| *version += 1);
            }
        };
        let watcher = self.databases.start(&self.settings, &self.store, tell);
        *lock(&self.watcher) = watcher.map_err(LiveError::Thread)?;
        let live = Arc::clone(self);
        let tidy = move || live.tidy();
        let keeper = thread::Builder::new().name("keeper".to_owned()).spawn(tidy);
        *lock(&self.keeper) = Some(keeper.map_err(LiveError::Thread)?);
        if self.copier.is_some() {
            let live = Arc::clone(self);
            let copier =
                thread::Builder::new().name("copier".to_owned()).spawn(move || live.copy());
            *lock(&self.copying) = Some(copier.map_err(LiveError::Thread)?);
        }
        if let Some(sending) = self.own.spans.sending() {
            let live = Arc::downgrade(self);
            let send = move || telling::send_own(&live, &sending);
            // Nobody waits for it at the end: a collector may be slow.
            let sender = thread::Builder::new().name("own spans".to_owned()).spawn(send);
            drop(sender.map_err(LiveError::Thread)?);
        }
        let live = Arc::clone(self);
        let run = move || live.run();
        thread::Builder::new().name("finder".to_owned()).spawn(run).map_err(LiveError::Thread)
    }

    /// Lets the finder look at everything in flight, save what it remembers, and end.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        self.databases.stop();
        self.wake.1.notify_all();
    }

    /// What was found within the window and in the databases that are watched, ranked: what to fix first comes
    /// first.
    #[must_use]
    pub fn outcome(&self) -> Arc<Outcome> {
        let version = *self.changes.borrow();
        let mut cached = lock(&self.outcome);
        match &*cached {
            Some((known, outcome)) if *known == version => Arc::clone(outcome),
            _ => {
                let mut outcome = lock(&self.analysis).outcome();
                for standing in self.databases.databases() {
                    let found = standing.findings.to_vec();
                    crate::database::join(&mut outcome.findings, found, &self.settings.levels);
                }
                let outcome = Arc::new(outcome);
                *cached = Some((version, Arc::clone(&outcome)));
                outcome
            }
        }
    }

    /// The findings of [`Live::outcome`].
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        self.outcome().findings.clone()
    }

    /// One finding.
    #[must_use]
    pub fn finding(&self, id: FindingId) -> Option<Finding> {
        self.outcome().findings.iter().find(|finding| finding.id == id).cloned()
    }

    /// One trace; `None` if no span of it is kept.
    ///
    /// # Errors
    ///
    /// The store fails.
    pub fn trace(&self, id: TraceId) -> Result<Option<TraceDetail>, StoreError> {
        let spans = self.store.trace(id)?;
        if spans.is_empty() {
            return Ok(None);
        }
        let trace =
            self.with_statements(|statements| observe::assemble_spans(id, &spans, statements));
        Ok(Some(TraceDetail { spans, trace }))
    }

    /// Where spans and request facts are kept.
    #[must_use]
    pub fn store(&self) -> &dyn Store {
        &*self.store
    }

    /// What it was set to.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// A counter that changes whenever findings or requests did.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// How it is doing.
    #[must_use]
    pub fn standing(&self) -> Standing {
        Standing {
            spans_in_flight: lock(&self.settler).spans(),
            catching_up: self.catching_up.load(Ordering::Acquire),
            problem: self.problem(),
        }
    }

    pub(crate) fn watched(&self) -> &Watched {
        &self.databases
    }

    pub(crate) fn releases(&self) -> &Mutex<Releases> {
        &self.releases
    }

    pub(crate) fn ledger(&self) -> &Mutex<Option<Ledger>> {
        &self.ledger
    }

    pub(crate) fn ledger_seen(&self) -> &Arc<LedgerSeen> {
        &self.ledger_seen
    }

    /// Says that what the pages show has changed.
    pub(crate) fn tell_change(&self) {
        self.changes.send_modify(|version| *version += 1);
    }

    fn with_statements<T>(&self, read: impl FnOnce(&mut sql::Statements) -> T) -> T {
        let mut statements = lock(&self.statements).pop().unwrap_or_default();
        let result = read(&mut statements);
        lock(&self.statements).push(statements);
        result
    }

    /// Reads spans and lets their calls join their traces.
    fn join(&self, spans: &[Span], now: Moment) {
        let mut stacks: BTreeMap<Arc<str>, Stack> = BTreeMap::new();
        let calls: Vec<(TraceId, Call)> = self.with_statements(|statements| {
            spans
                .iter()
                .map(|span| {
                    observe::stack(span, &mut stacks);
                    (span.trace_id, observe::call(span, statements))
                })
                .collect()
        });
        lock(&self.settler).add(calls, &stacks, now);
        lock(&self.releases).see(spans, now);
    }

    fn keep_house(&self) {
        let retention = Retention {
            age_max: self.settings.store.age_max,
            bytes_max: self.settings.store.bytes_max,
        };
        let first_seen = lock(&self.analysis).memory().clone();
        let (start, begun) = (now(), Instant::now());
        let retained = self.store.retain(retention, start);
        self.own.counts.retentions.add(begun.elapsed());
        match &retained {
            Ok(0) => {}
            Ok(freed) => {
                let freed = usize::try_from(*freed).unwrap_or(usize::MAX);
                self.own.did("drop what is old", start, None, &[("taut.bytes", freed)]);
            }
            Err(error) => self.own.did("drop what is old", start, Some(in_full(error)), &[]),
        }
        let saved = retained
            .and_then(|_| memory::save(&*self.store, &first_seen))
            .and_then(|()| lock(&self.releases).save(&*self.store));
        match saved.and_then(|()| self.remember_traces(start)) {
            Ok(()) => lock(&self.problems).succeeded(Work::KeepHouse),
            Err(error) => self.tell(Work::KeepHouse, &error),
        }
    }

    fn problem(&self) -> Option<String> {
        let of_copies = || self.copier.as_ref().and_then(Copier::problem);
        let of_ledger = || {
            let why = self.ledger_seen.away()?;
            Some(format!("the ledger is away, and what is shown of it may be old: {why}"))
        };
        lock(&self.problems).first().or_else(of_copies).or_else(of_ledger)
    }

    fn tell(&self, work: Work, error: &StoreError) {
        counted(&self.own.counts.store_errors, 1);
        lock(&self.problems).failed(work, in_full(error));
    }

    fn rest(&self) {
        let (mutex, wake) = &self.wake;
        let guard = lock(mutex);
        if !self.stopping.load(Ordering::Acquire) {
            drop(wake.wait_timeout(guard, TURN).unwrap_or_else(PoisonError::into_inner));
        }
    }
}

impl Sink for Live {
    fn accept(&self, batch: Received) -> Result<(), Refusal> {
        let (counts, count) = (&self.own.counts, batch.spans.len());
        let _in_flight = counts.batch();
        // Spans about receiving own spans would never end.
        let is_own = batch.spans.iter().all(|span| self.own.spans.is_own(span.trace_id));
        let start = if is_own { Moment::default() } else { now() };
        let outcome = self.keep(&batch);
        match &outcome {
            Ok(()) => {
                counted(&counts.spans_kept, count);
                // A few spans of its own may find room where a sender's found none.
                if !is_own {
                    lock(&self.problems).succeeded(Work::Keep);
                }
            }
            Err(Refusal::Busy { .. }) => {
                counted(&counts.spans_busy, count);
                counted(&counts.batches_busy, 1);
            }
            Err(Refusal::Full { .. }) => counted(&counts.spans_full, count),
            Err(Refusal::Failed { .. }) => counted(&counts.spans_failed, count),
        }
        if !is_own {
            let failure = outcome.as_ref().err().map(|refusal| match refusal {
                Refusal::Busy { .. } => "too many spans in flight".to_owned(),
                Refusal::Full { message, .. } | Refusal::Failed { message, .. } => message.clone(),
            });
            self.own.did("accept a batch", start, failure, &[("taut.spans", count)]);
        }
        outcome
    }

    fn logs(&self) -> Option<&dyn Keeper<LogRecord>> {
        self.settings.receive.logs.then_some(self)
    }

    fn metrics(&self) -> Option<&dyn Keeper<model::Metric>> {
        self.settings.receive.metrics.then_some(self)
    }
}

impl Live {
    fn keep(&self, batch: &Received) -> Result<(), Refusal> {
        let in_flight = lock(&self.settler).spans();
        let most = self.settings.engine.spans_in_flight_max;
        if most + most / 10 < in_flight {
            return Err(Refusal::Busy { retry_after: RETRY_AFTER });
        }
        let kept =
            Batch { spans: &batch.spans, otlp: batch.otlp.as_deref(), received: batch.received };
        let begun = Instant::now();
        let appended = self.store.append(&kept);
        self.own.counts.append.add(begun.elapsed());
        appended.map_err(|error| self.refuse(&error))?;
        self.join(&batch.spans, batch.received);
        Ok(())
    }

    /// What a sender is told when the store does not take its batch.
    fn refuse(&self, error: &StoreError) -> Refusal {
        self.tell(Work::Keep, error);
        let message = in_full(error);
        match error {
            StoreError::Full { .. } => Refusal::Full { message, retry_after: RETRY_AFTER * 10 },
            _ => Refusal::Failed { message, retry_after: RETRY_AFTER * 10 },
        }
    }
}

/// An error and its causes in one line.
pub(crate) fn in_full(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text.push_str(": ");
        text.push_str(&next.to_string());
        cause = next.source();
    }
    text
}

pub(crate) fn now() -> Moment {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Moment { nanos: u64::try_from(since.as_nanos()).unwrap_or(u64::MAX) }
}

/// A panic in another thread leaves data that is whole: every change below a lock is.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
