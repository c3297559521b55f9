//! Records added up, in bounded memory and without literals.
//!
//! Summaries of parts of a log (files, days) merge into the summary of the whole, and can be written down and read
//! back. Hours are those of the log's own clock.

mod chains;
mod durations;
mod parts;
mod plans;
mod server;
mod sessions;
mod shapes;

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use super::event::Phase;
pub use chains::LockChain;
pub use durations::Durations;
pub use parts::{ErrorKind, Example, Hour, LockKind, Locks, ServerEvent, TempFiles, Who};
pub use plans::{LoggedNode, LoggedPlans};
pub use server::{Checkpoints, Connections, TableWork};
pub use shapes::{Kind, SHAPES_MAX, Shape};

use self::{
    chains::{Chains, Wait},
    parts::{add_who, fold_hours, more, of_name},
    plans::Plans,
    sessions::Sessions,
    shapes::Shapes,
};
use super::{
    event::{Event, Lock, LockEnd, PlanFormat, Session, Start, event},
    reader::Progress,
    record::{Record, Severity},
    redact,
    vacuum::TableRun,
};

/// Hours that are told one by one: a hundred days.
pub const HOURS_MAX: usize = 2_400;
/// Single statements and waits that are kept as examples.
const EXAMPLES_MAX: usize = 50;
/// Names of tables, and kinds of errors.
const TABLES_MAX: usize = 5_000;
const ERRORS_MAX: usize = 2_000;
/// Starts and stops that are told one by one.
const SERVER_EVENTS_MAX: usize = 200;

/// What a log says, added up.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Summary {
    /// What was read, and what was not understood.
    pub input: Progress,
    /// The first moment, in nanoseconds since 1970 on the log's clock.
    pub first_nanos: Option<i64>,
    /// The last one.
    pub last_nanos: Option<i64>,
    /// How far the log's clock is ahead of UTC, in seconds, where the log says so: the last that was seen.
    pub ahead_seconds: Option<i32>,
    /// Entries by severity.
    pub severities: BTreeMap<Severity, u64>,
    /// Statements whose time is told: simple ones, and the execute phase of the others.
    pub statements: Durations,
    /// Statements that were logged without their time.
    pub untimed: u64,
    /// Reading texts, ahead of the work itself.
    pub parse: Durations,
    /// Planning for parameters, ahead of the work itself.
    pub bind: Durations,
    /// Times that no statement could be found for.
    pub bare: Durations,
    /// Plans of `auto_explain`.
    pub plans: u64,
    logged_plans: Plans,
    chains: Chains,
    /// Statements by what they do.
    pub kinds: BTreeMap<Kind, Who>,
    shapes: Shapes,
    /// The slowest single statements.
    pub slowest: Vec<Example>,
    /// By hour since 1970 on the log's clock.
    pub hours: BTreeMap<i64, Hour>,
    /// By database; the empty name is that of records which name none.
    pub databases: BTreeMap<String, Who>,
    /// By user.
    pub users: BTreeMap<String, Who>,
    /// By `application_name`.
    pub applications: BTreeMap<String, Who>,
    /// By host.
    pub hosts: BTreeMap<String, Who>,
    /// Waits for locks.
    pub locks: Locks,
    /// Files beside memory.
    pub temp_files: TempFiles,
    /// Checkpoints.
    pub checkpoints: Checkpoints,
    /// Autovacuum and autoanalyze by table; `…` are those beyond the bound.
    pub tables: BTreeMap<String, TableWork>,
    /// Who came and went.
    pub connections: Connections,
    /// Warnings and worse, by severity and message without values; `…` are those beyond the bound.
    pub errors: BTreeMap<String, ErrorKind>,
    /// Statements that were cancelled, by the reason.
    pub cancelled: BTreeMap<String, u64>,
    /// Starts, stops and crashes, the first so many.
    pub server: Vec<ServerEvent>,
    /// How often the server crashed.
    pub crashes: u64,
    /// Waits of replay for statements, once they are over.
    pub recovery_waits: Durations,
    /// Entries about replication.
    pub replication: u64,
    #[serde(skip)]
    sessions: Sessions,
}

impl Summary {
    /// Takes in a record.
    pub fn add(&mut self, record: &Record<'_>) {
        self.note_time(record);
        *self.severities.entry(record.severity).or_default() += 1;
        match event(record) {
            Event::Statement { phase, took, text } => self.statement(record, phase, took, text),
            Event::Took(took) => self.took(record, took),
            Event::Plan { took, format, text } => self.plan(record, took, format, text),
            Event::Lock(lock) => self.lock(record, &lock),
            Event::TempFile { bytes } => self.temp_file(record, bytes),
            Event::CheckpointStarts { reasons } => {
                if let Some(count) = of_name(&mut self.checkpoints.reasons, reasons) {
                    *count += 1;
                }
            }
            Event::CheckpointDone(done) => {
                self.checkpoints.add(&done);
                if let Some(hour) = self.hour(record) {
                    hour.checkpoints += 1;
                    more(&mut hour.checkpoint_buffers, done.buffers);
                }
            }
            Event::CheckpointsTooOften => self.checkpoints.too_often += 1,
            Event::Table(run) => self.table(record, &run),
            Event::Session(session) => self.session(record, session),
            Event::RecoveryWaits { after, is_over: true } => self.recovery_waits.add(after),
            Event::Server(start) => self.server_event(record, start),
            Event::Replication => self.replication += 1,
            Event::Problem => self.problem(record),
            Event::RecoveryWaits { .. } | Event::Other => {}
        }
    }

    /// Takes in how far a reader came.
    pub fn note(&mut self, progress: &Progress) {
        self.input.merge(progress);
    }

    /// Takes in all that another summary holds.
    pub fn merge(&mut self, other: &Self) {
        self.input.merge(&other.input);
        self.first_nanos = least(self.first_nanos, other.first_nanos);
        self.last_nanos = self.last_nanos.max(other.last_nanos);
        self.ahead_seconds = other.ahead_seconds.or(self.ahead_seconds);
        for (severity, count) in &other.severities {
            more(self.severities.entry(*severity).or_default(), *count);
        }
        self.statements.merge(&other.statements);
        more(&mut self.untimed, other.untimed);
        self.parse.merge(&other.parse);
        self.bind.merge(&other.bind);
        self.bare.merge(&other.bare);
        more(&mut self.plans, other.plans);
        self.logged_plans.merge(&other.logged_plans);
        self.chains.merge(&other.chains);
        for (kind, who) in &other.kinds {
            self.kinds.entry(*kind).or_default().merge(who);
        }
        self.shapes.merge(&other.shapes);
        for example in &other.slowest {
            Example::keep(&mut self.slowest, example.clone(), EXAMPLES_MAX);
        }
        for (hour, sums) in &other.hours {
            self.hours.entry(*hour).or_default().merge(sums);
        }
        fold_hours(&mut self.hours, HOURS_MAX);
        self.merge_names(other);
        self.locks.merge(&other.locks, EXAMPLES_MAX);
        self.temp_files.merge(&other.temp_files, EXAMPLES_MAX);
        self.checkpoints.merge(&other.checkpoints);
        self.connections.merge(&other.connections);
        self.server.extend(other.server.iter().copied());
        self.server.sort_by_key(|event| event.at_nanos);
        self.server.truncate(SERVER_EVENTS_MAX);
        more(&mut self.crashes, other.crashes);
        self.recovery_waits.merge(&other.recovery_waits);
        more(&mut self.replication, other.replication);
    }

    fn merge_names(&mut self, other: &Self) {
        let pairs = [
            (&mut self.databases, &other.databases),
            (&mut self.users, &other.users),
            (&mut self.applications, &other.applications),
            (&mut self.hosts, &other.hosts),
        ];
        for (own, others) in pairs {
            for (name, who) in others {
                if let Some(own) = of_name(own, name) {
                    own.merge(who);
                }
            }
        }
        for (name, work) in &other.tables {
            parts::of_bounded(&mut self.tables, name, TABLES_MAX).merge(work);
        }
        for (name, kind) in &other.errors {
            parts::of_bounded(&mut self.errors, name, ERRORS_MAX).merge(kind);
        }
        for (reason, count) in &other.cancelled {
            more(self.cancelled.entry(reason.clone()).or_default(), *count);
        }
    }

    /// All shapes of statements, in the order of their fingerprints.
    #[must_use]
    pub fn shapes(&self) -> Vec<&Shape> {
        let mut shapes: Vec<&Shape> = self.shapes.list().iter().collect();
        shapes.sort_by_key(|shape| shape.fingerprint);
        shapes
    }

    /// The shape with this fingerprint, if it is kept.
    #[must_use]
    pub fn shape(&self, fingerprint: u64) -> Option<&Shape> {
        self.shapes.of(fingerprint)
    }

    /// Statements of shapes that came after [`SHAPES_MAX`] others, and cost less.
    #[must_use]
    pub fn folded(&self) -> &Who {
        self.shapes.folded()
    }

    /// Plans by statement, the slowest first.
    #[must_use]
    pub fn logged_plans(&self) -> Vec<&LoggedPlans> {
        self.logged_plans.list()
    }

    /// Who waited for whom, the longest first.
    #[must_use]
    pub fn lock_chains(&self) -> Vec<LockChain> {
        self.chains.list()
    }

    /// From the first entry to the last.
    #[must_use]
    pub fn span(&self) -> Duration {
        let nanos = self.last_nanos.zip(self.first_nanos).map(|(last, first)| last.abs_diff(first));
        Duration::from_nanos(nanos.unwrap_or_default())
    }

    fn note_time(&mut self, record: &Record<'_>) {
        if let Some(time) = record.time {
            self.first_nanos = least(self.first_nanos, Some(time.local_nanos));
            self.last_nanos = self.last_nanos.max(Some(time.local_nanos));
            self.ahead_seconds = time.ahead_seconds.or(self.ahead_seconds);
        }
    }

    fn hour(&mut self, record: &Record<'_>) -> Option<&mut Hour> {
        let hour = record.time?.hour();
        if !self.hours.contains_key(&hour) && HOURS_MAX <= self.hours.len() {
            fold_hours(&mut self.hours, HOURS_MAX - 1);
        }
        Some(self.hours.entry(hour).or_default())
    }

    fn statement(&mut self, record: &Record<'_>, phase: Phase, took: Option<Duration>, text: &str) {
        // `EXECUTE name (…)` says in its detail what was prepared.
        let prepared = record.detail.strip_prefix("prepare: ").and_then(prepared);
        let shape = self.shapes.find(prepared.unwrap_or(text));
        match (phase, took) {
            (Phase::Parse, Some(took)) => self.parse.add(took),
            (Phase::Bind, Some(took)) => self.bind.add(took),
            (_, Some(took)) => return self.work(record, shape, took),
            (Phase::Statement | Phase::Execute, None) => {
                self.sessions.began(record.pid, shape);
                self.untimed += 1;
                self.shapes.untimed(shape);
                return;
            }
            (_, None) => return,
        }
        self.shapes.prepared(shape, took.unwrap_or_default());
    }

    fn plan(&mut self, record: &Record<'_>, took: Duration, format: PlanFormat, text: &str) {
        self.plans += 1;
        let Some(query) = plans::query(format, text) else { return };
        let place = self.shapes.find(&query);
        let fingerprint = self.shapes.fingerprint(place);
        self.logged_plans.add(fingerprint, took, record, text);
    }

    /// A time without a statement is that of the last one of the session, once.
    fn took(&mut self, record: &Record<'_>, took: Duration) {
        match self.sessions.ended(record.pid) {
            Some(shape) if self.shapes.timed(shape) => {
                self.untimed = self.untimed.saturating_sub(1);
                self.work(record, shape, took);
            }
            _ => self.bare.add(took),
        }
    }

    /// A statement did its work.
    fn work(&mut self, record: &Record<'_>, place: shapes::Place, took: Duration) {
        let (fingerprint, kind) = self.shapes.add(place, took, record.time);
        self.statements.add(took);
        let at_nanos = record.time.map(|time| time.local_nanos);
        self.chains.ran(record.pid, fingerprint, at_nanos, took);
        self.kinds.entry(kind).or_default().work(took);
        let names = [
            (&mut self.databases, &record.database),
            (&mut self.users, &record.user),
            (&mut self.applications, &record.application),
            (&mut self.hosts, &record.host),
        ];
        for (map, name) in names {
            add_who(map, name, |who| who.work(took));
        }
        if let Some(hour) = self.hour(record) {
            hour.work(took, kind);
        }
        if Example::is_kept(&self.slowest, took, EXAMPLES_MAX) {
            let example = Example::new(record, took, Some(fingerprint));
            Example::keep(&mut self.slowest, example, EXAMPLES_MAX);
        }
    }

    /// The shape of the statement that a record is about, where it says so.
    fn of_statement(&mut self, record: &Record<'_>) -> Option<shapes::Place> {
        (!record.statement.is_empty()).then(|| self.shapes.find(&record.statement))
    }

    fn lock(&mut self, record: &Record<'_>, lock: &Lock<'_>) {
        let shape = self.of_statement(record);
        let fingerprint = shape.map(|shape| self.shapes.fingerprint(shape)).unwrap_or_default();
        let at_nanos = record.time.map(|time| time.local_nanos);
        let wait = Wait { pid: lock.pid, fingerprint, at_nanos, after: lock.after };
        if lock.end == LockEnd::Waiting {
            self.chains.waits(wait, &record.detail);
        } else if lock.end != LockEnd::Rearranged {
            let what = format!("{} on {}", lock.mode, lock.kind());
            self.chains.ended(wait, &what);
        }
        let kind = self.locks.kind(lock.mode, lock.kind());
        match lock.end {
            LockEnd::Waiting => kind.waiting += 1,
            LockEnd::Deadlock | LockEnd::Failed => kind.failed += 1,
            LockEnd::Rearranged => {}
            LockEnd::Acquired => {
                kind.acquired.add(lock.after);
                let fingerprint = shape.map(|shape| self.shapes.locked(shape, lock.after));
                if let Some(hour) = self.hour(record) {
                    hour.lock_waits += 1;
                    more(&mut hour.lock_nanos, parts::nanos(lock.after));
                }
                let mut example = Example::new(record, lock.after, fingerprint);
                example.what = format!("{} on {}", lock.mode, lock.kind());
                Example::keep(&mut self.locks.longest, example, EXAMPLES_MAX);
            }
        }
    }

    fn temp_file(&mut self, record: &Record<'_>, bytes: u64) {
        let shape = self.of_statement(record);
        let fingerprint = shape.map(|shape| self.shapes.spilled(shape, bytes));
        if let Some(hour) = self.hour(record) {
            hour.temp_files += 1;
            more(&mut hour.temp_bytes, bytes);
        }
        self.temp_files.add(bytes, record, fingerprint, EXAMPLES_MAX);
    }

    fn table(&mut self, record: &Record<'_>, run: &TableRun<'_>) {
        parts::of_bounded(&mut self.tables, run.table, TABLES_MAX).add(run);
        if let Some(hour) = self.hour(record) {
            hour.vacuumed(run.task);
        }
    }

    fn session(&mut self, record: &Record<'_>, session: Session<'_>) {
        match session {
            Session::Received { .. } => self.connections.received += 1,
            Session::Authorized { .. } => {
                self.connections.authorized += 1;
                self.came(record, &session);
            }
            Session::Ended { length, user, database, host } => {
                self.sessions.gone(record.pid);
                self.connections.ended.add(length);
                add_who(&mut self.users, user, |who| who.session(length));
                add_who(&mut self.databases, database, |who| who.session(length));
                add_who(&mut self.hosts, host, |who| who.session(length));
                add_who(&mut self.applications, &record.application, |who| who.session(length));
                if let Some(hour) = self.hour(record) {
                    hour.disconnections += 1;
                }
            }
        }
    }

    fn came(&mut self, record: &Record<'_>, session: &Session<'_>) {
        if let Session::Authorized { user, database, application } = session {
            add_who(&mut self.users, user, |who| who.connections += 1);
            add_who(&mut self.databases, database, |who| who.connections += 1);
            add_who(&mut self.applications, application, |who| who.connections += 1);
            add_who(&mut self.hosts, &record.host, |who| who.connections += 1);
        }
        if let Some(hour) = self.hour(record) {
            hour.connections += 1;
        }
    }

    fn server_event(&mut self, record: &Record<'_>, start: Start) {
        self.crashes += u64::from(start == Start::Crashed);
        if self.server.len() < SERVER_EVENTS_MAX {
            let at_nanos = record.time.map(|time| time.local_nanos);
            self.server.push(ServerEvent { at_nanos, what: start });
        }
    }

    fn problem(&mut self, record: &Record<'_>) {
        let message = redact::message(record);
        let is_error = Severity::Error <= record.severity;
        if let Some(reason) = cancelled(&record.message) {
            *self.cancelled.entry(reason.to_owned()).or_default() += 1;
        }
        let shape = self.of_statement(record);
        let fingerprint = shape.map(|shape| self.shapes.failed(shape, is_error));
        let key = format!("{}:  {message}", record.severity.name());
        parts::of_bounded(&mut self.errors, &key, ERRORS_MAX).add(record, &message, fingerprint);
        if is_error {
            add_who(&mut self.databases, &record.database, |who| who.errors += 1);
            add_who(&mut self.users, &record.user, |who| who.errors += 1);
            add_who(&mut self.applications, &record.application, |who| who.errors += 1);
            add_who(&mut self.hosts, &record.host, |who| who.errors += 1);
        }
        if let Some(hour) = self.hour(record) {
            if is_error {
                hour.errors += 1;
            } else {
                hour.warnings += 1;
            }
        }
        if Severity::Fatal <= record.severity {
            self.sessions.gone(record.pid);
        }
    }
}

/// The statement in `prepare p(int) as select …`.
fn prepared(detail: &str) -> Option<&str> {
    let at = detail.as_bytes().windows(4).position(|word| word.eq_ignore_ascii_case(b" as "))?;
    detail.get(at + 4..)
}

/// Why a statement was cancelled.
fn cancelled(message: &str) -> Option<&'static str> {
    let reason = message.strip_prefix("canceling statement due to ")?;
    let known = [
        "statement timeout",
        "lock timeout",
        "user request",
        "conflict with recovery",
        "transaction timeout",
    ];
    Some(known.into_iter().find(|known| reason.starts_with(known)).unwrap_or("other reasons"))
}

fn least(one: Option<i64>, other: Option<i64>) -> Option<i64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
