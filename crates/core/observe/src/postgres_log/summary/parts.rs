//! The tables of a summary: plain sums, each mergeable.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use super::{Durations, Kind, Shape};
use crate::postgres_log::{
    event::Start,
    record::{Record, Severity},
    vacuum::TableTask,
};

/// Names (of users, hosts …) that are told apart; the rest is `…`.
pub(super) const NAMES_MAX: usize = 1_000;
/// Statements that are kept as examples of an error.
const ERROR_EXAMPLES_MAX: usize = 3;

pub(super) fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// Adds without running over: figures of a log may be anything.
pub(super) fn more(sum: &mut u64, by: u64) {
    *sum = sum.saturating_add(by);
}

/// What one database, user, application, host or kind did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Who {
    /// Statements whose time is told.
    pub statements: u64,
    /// Their time.
    pub nanos: u64,
    /// The longest.
    pub nanos_max: u64,
    /// Errors and worse.
    pub errors: u64,
    /// Connections that were let in.
    pub connections: u64,
    /// Sessions that ended.
    pub sessions: u64,
    /// Their time.
    pub session_nanos: u64,
}

impl Who {
    pub(super) fn work(&mut self, took: Duration) {
        more(&mut self.statements, 1);
        more(&mut self.nanos, nanos(took));
        self.nanos_max = self.nanos_max.max(nanos(took));
    }

    pub(super) fn session(&mut self, length: Duration) {
        more(&mut self.sessions, 1);
        more(&mut self.session_nanos, nanos(length));
    }

    pub(super) fn fold(&mut self, shape: &Shape) {
        more(&mut self.statements, shape.times.count());
        more(&mut self.nanos, nanos(shape.times.total()));
        self.nanos_max = self.nanos_max.max(nanos(shape.times.max()));
        more(&mut self.errors, shape.errors);
    }

    pub(super) fn merge(&mut self, other: &Self) {
        more(&mut self.statements, other.statements);
        more(&mut self.nanos, other.nanos);
        self.nanos_max = self.nanos_max.max(other.nanos_max);
        more(&mut self.errors, other.errors);
        more(&mut self.connections, other.connections);
        more(&mut self.sessions, other.sessions);
        more(&mut self.session_nanos, other.session_nanos);
    }
}

/// The sums under a name; those beyond the bound share `…`.
pub(super) fn of_bounded<'m, V: Default>(
    map: &'m mut BTreeMap<String, V>,
    name: &str,
    max: usize,
) -> &'m mut V {
    let name = if max <= map.len() && !map.contains_key(name) { "…" } else { name };
    if !map.contains_key(name) {
        map.insert(name.to_owned(), V::default());
    }
    map.entry(name.to_owned()).or_default()
}

/// As [`of_bounded`], with the bound of names; nothing for no name.
pub(super) fn of_name<'m, V: Default>(
    map: &'m mut BTreeMap<String, V>,
    name: &str,
) -> Option<&'m mut V> {
    (!name.is_empty()).then(|| of_bounded(map, name, NAMES_MAX))
}

/// Adds to the sums under a name without making room for it where it is known: on the hot path.
pub(super) fn add_who(map: &mut BTreeMap<String, Who>, name: &str, add: impl FnOnce(&mut Who)) {
    if let Some(who) = map.get_mut(name) {
        add(who);
    } else if let Some(who) = of_name(map, name) {
        add(who);
    }
}

/// One hour of the log's clock.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Hour {
    /// Statements whose time is told.
    pub statements: Durations,
    /// Of these, those that read.
    pub selects: u64,
    /// Those that change rows.
    pub writes: u64,
    /// Errors and worse.
    pub errors: u64,
    /// Warnings.
    pub warnings: u64,
    /// Connections that were let in.
    pub connections: u64,
    /// Sessions that ended.
    pub disconnections: u64,
    /// Waits for locks that were then had.
    pub lock_waits: u64,
    /// Their time.
    pub lock_nanos: u64,
    /// Files beside memory.
    pub temp_files: u64,
    /// Their size.
    pub temp_bytes: u64,
    /// Checkpoints.
    pub checkpoints: u64,
    /// Buffers that these wrote.
    pub checkpoint_buffers: u64,
    /// Tables vacuumed.
    pub vacuums: u64,
    /// Tables analyzed.
    pub analyzes: u64,
}

impl Hour {
    pub(super) fn work(&mut self, took: Duration, kind: Kind) {
        self.statements.add(took);
        match kind {
            Kind::Select => self.selects += 1,
            Kind::Insert | Kind::Update | Kind::Delete | Kind::Copy => self.writes += 1,
            Kind::Transaction | Kind::Definition | Kind::Other => {}
        }
    }

    pub(super) fn vacuumed(&mut self, task: TableTask) {
        match task {
            TableTask::Vacuum => self.vacuums += 1,
            TableTask::Analyze => self.analyzes += 1,
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.statements.merge(&other.statements);
        more(&mut self.selects, other.selects);
        more(&mut self.writes, other.writes);
        more(&mut self.errors, other.errors);
        more(&mut self.warnings, other.warnings);
        more(&mut self.connections, other.connections);
        more(&mut self.disconnections, other.disconnections);
        more(&mut self.lock_waits, other.lock_waits);
        more(&mut self.lock_nanos, other.lock_nanos);
        more(&mut self.temp_files, other.temp_files);
        more(&mut self.temp_bytes, other.temp_bytes);
        more(&mut self.checkpoints, other.checkpoints);
        more(&mut self.checkpoint_buffers, other.checkpoint_buffers);
        more(&mut self.vacuums, other.vacuums);
        more(&mut self.analyzes, other.analyzes);
    }
}

/// Merges the oldest hours into one until so many are left.
pub(super) fn fold_hours(hours: &mut BTreeMap<i64, Hour>, max: usize) {
    while max < hours.len() {
        let Some((_, oldest)) = hours.pop_first() else { return };
        if let Some(mut next) = hours.first_entry() {
            next.get_mut().merge(&oldest);
        }
    }
}

/// One statement, wait or file: who, when, how long, of which shape.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Example {
    /// How long; of a file, its bytes.
    pub size: u64,
    /// When it was written to the log, in nanoseconds since 1970 on its clock.
    pub at_nanos: Option<i64>,
    /// Of the statement; 0 if it is not known.
    pub fingerprint: u64,
    /// What was waited for.
    pub what: String,
    /// Whose it was.
    pub user: String,
    /// Of which database.
    pub database: String,
    /// Of which application.
    pub application: String,
    /// From where.
    pub host: String,
}

impl Example {
    pub(super) fn new(record: &Record<'_>, took: Duration, fingerprint: Option<u64>) -> Self {
        Self::sized(record, nanos(took), fingerprint)
    }

    fn sized(record: &Record<'_>, size: u64, fingerprint: Option<u64>) -> Self {
        Self {
            size,
            at_nanos: record.time.map(|time| time.local_nanos),
            fingerprint: fingerprint.unwrap_or_default(),
            what: String::new(),
            user: record.user.to_string(),
            database: record.database.to_string(),
            application: record.application.to_string(),
            host: record.host.to_string(),
        }
    }

    /// As a time.
    #[must_use]
    pub fn took(&self) -> Duration {
        Duration::from_nanos(self.size)
    }

    pub(super) fn is_kept(list: &[Self], took: Duration, max: usize) -> bool {
        list.len() < max || list.last().is_none_or(|last| last.size < nanos(took))
    }

    /// Puts it where it belongs: the largest first, of equals the earliest.
    pub(super) fn keep(list: &mut Vec<Self>, example: Self, max: usize) {
        let order = |one: &Self| (std::cmp::Reverse(one.size), one.at_nanos);
        let place = list.partition_point(|known| order(known) <= order(&example));
        if place < max {
            list.insert(place, example);
            list.truncate(max);
        }
    }
}

/// Waits for one mode on one kind of object.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LockKind {
    /// Waits longer than `deadlock_timeout`.
    pub waiting: u64,
    /// Waits after which the lock was had.
    pub acquired: Durations,
    /// Deadlocks and failures.
    pub failed: u64,
}

/// Waits for locks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Locks {
    /// By `mode on kind of object`.
    pub kinds: BTreeMap<String, LockKind>,
    /// The longest single waits.
    pub longest: Vec<Example>,
}

impl Locks {
    pub(super) fn kind(&mut self, mode: &str, object: &str) -> &mut LockKind {
        of_bounded(&mut self.kinds, &format!("{mode} on {object}"), NAMES_MAX)
    }

    /// All waits after which the lock was had.
    #[must_use]
    pub fn acquired(&self) -> Durations {
        let mut all = Durations::default();
        for kind in self.kinds.values() {
            all.merge(&kind.acquired);
        }
        all
    }

    pub(super) fn merge(&mut self, other: &Self, max: usize) {
        for (name, kind) in &other.kinds {
            let own = of_bounded(&mut self.kinds, name, NAMES_MAX);
            more(&mut own.waiting, kind.waiting);
            own.acquired.merge(&kind.acquired);
            more(&mut own.failed, kind.failed);
        }
        for example in &other.longest {
            Example::keep(&mut self.longest, example.clone(), max);
        }
    }
}

/// Files beside memory.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TempFiles {
    /// How many.
    pub count: u64,
    /// Their size.
    pub bytes: u64,
    /// The largest ones.
    pub largest: Vec<Example>,
}

impl TempFiles {
    pub(super) fn add(
        &mut self,
        bytes: u64,
        record: &Record<'_>,
        fingerprint: Option<u64>,
        max: usize,
    ) {
        more(&mut self.count, 1);
        more(&mut self.bytes, bytes);
        Example::keep(&mut self.largest, Example::sized(record, bytes, fingerprint), max);
    }

    pub(super) fn merge(&mut self, other: &Self, max: usize) {
        more(&mut self.count, other.count);
        more(&mut self.bytes, other.bytes);
        for example in &other.largest {
            Example::keep(&mut self.largest, example.clone(), max);
        }
    }
}

/// Problems with the same message, but for values.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ErrorKind {
    /// How bad; `None` where several are folded.
    pub severity: Option<Severity>,
    /// SQLSTATE, where the log has it.
    pub sqlstate: String,
    /// Without values.
    pub message: String,
    /// How often.
    pub count: u64,
    /// First, in nanoseconds since 1970 on the log's clock.
    pub first_nanos: Option<i64>,
    /// Last.
    pub last_nanos: Option<i64>,
    /// Statements that had it, the first few shapes.
    pub fingerprints: Vec<u64>,
}

impl ErrorKind {
    pub(super) fn add(&mut self, record: &Record<'_>, message: &str, fingerprint: Option<u64>) {
        let at = record.time.map(|time| time.local_nanos);
        self.merge(&Self {
            severity: Some(record.severity),
            sqlstate: record.sqlstate.to_string(),
            message: message.to_owned(),
            count: 1,
            first_nanos: at,
            last_nanos: at,
            fingerprints: fingerprint.into_iter().collect(),
        });
    }

    pub(super) fn merge(&mut self, other: &Self) {
        if self.count == 0 {
            self.message.clone_from(&other.message);
            self.severity = other.severity;
        } else if self.message != other.message {
            "…".clone_into(&mut self.message);
            self.severity = None;
        }
        if self.sqlstate.is_empty() {
            self.sqlstate.clone_from(&other.sqlstate);
        }
        more(&mut self.count, other.count);
        self.first_nanos = super::least(self.first_nanos, other.first_nanos);
        self.last_nanos = self.last_nanos.max(other.last_nanos);
        for fingerprint in other.fingerprints.iter().filter(|fingerprint| **fingerprint != 0) {
            if self.fingerprints.len() < ERROR_EXAMPLES_MAX
                && !self.fingerprints.contains(fingerprint)
            {
                self.fingerprints.push(*fingerprint);
            }
        }
    }
}

/// A start, a stop, a crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerEvent {
    /// When, in nanoseconds since 1970 on the log's clock.
    pub at_nanos: Option<i64>,
    /// What.
    pub what: Start,
}
