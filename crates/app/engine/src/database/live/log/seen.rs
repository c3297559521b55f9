//! What the log told lately beside plans: counts since the last poll, and who waited for whom, in two halves of the
//! window of which the older one is dropped when the younger is full.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use model::{
    Moment, StatementText, Text,
    database::{LogCounts, LoggedFiles, LoggedWait, ServerLog, Session},
};
use observe::postgres_log::{Event, Lock, LockEnd, Record, Severity, TableRun, event};

/// Pairs of statements that waited for each other, and statements with files, of each half: more are not read.
const KEYS_MAX: usize = 500;
/// Waits that have begun and not ended: as many as sessions.
const OPEN_MAX: usize = 1_000;

/// Waiter, holder, kind of lock.
type WaitKey = (u64, u64, Text);

#[derive(Debug, Default)]
struct Half {
    since: Moment,
    counts: LogCounts,
    waits: BTreeMap<WaitKey, LoggedWait>,
    files: BTreeMap<u64, LoggedFiles>,
}

/// What the log told lately.
#[derive(Debug)]
pub(in crate::database::live) struct LogSeen {
    half: Duration,
    followed: bool,
    young: Half,
    old: Half,
    /// Since the last poll.
    fresh: LogCounts,
    /// Waits that go on, by process: which, and what is counted of them.
    open: BTreeMap<u32, (WaitKey, f64)>,
    /// Sessions at the last sample.
    pub(in crate::database::live) sessions: Vec<Session>,
}

impl LogSeen {
    pub(in crate::database::live) fn new(window: Duration, followed: bool) -> Self {
        Self {
            half: window / 2,
            followed,
            young: Half::default(),
            old: Half::default(),
            fresh: LogCounts::default(),
            open: BTreeMap::new(),
            sessions: Vec::new(),
        }
    }

    /// Takes in a record about this database, or about the whole server.
    pub(in crate::database::live) fn add(
        &mut self,
        record: &Record<'_>,
        database: &str,
        statements: &mut sql::Statements,
        now: Moment,
    ) {
        if self.young.since == Moment::default() {
            self.young.since = now;
        }
        if self.half <= now.since(self.young.since) {
            self.old = std::mem::replace(&mut self.young, Half { since: now, ..Half::default() });
        }
        let mut counts = LogCounts::default();
        match event(record) {
            Event::Lock(lock) => counts = self.lock(record, &lock, statements, now),
            Event::TempFile { bytes } => {
                counts.temp_files = 1;
                counts.temp_bytes = bytes;
                self.file(statement(record, statements), bytes, now);
            }
            Event::CheckpointDone(_) => counts.checkpoints = 1,
            Event::CheckpointsTooOften => counts.checkpoints_too_often = 1,
            Event::Table(run) if is_in(&run, database) => {
                counts.autovacuums = 1;
                counts.autovacuum_millis = run.took.as_secs_f64() * 1e3;
            }
            Event::Plan { .. } => counts.plans = 1,
            Event::Problem if Severity::Error <= record.severity => {
                counts.errors = 1;
                let is = |state: &str, words: &str| {
                    record.sqlstate == state || record.message.starts_with(words)
                };
                counts.deadlocks = u64::from(is("40P01", "deadlock detected"));
                let autovacuum = record.message.starts_with("canceling autovacuum");
                counts.cancelled =
                    u64::from(!autovacuum && is("57014", "canceling statement due to"));
            }
            _ => return,
        }
        self.fresh.add(&counts);
        self.young.counts.add(&counts);
    }

    fn lock(
        &mut self,
        record: &Record<'_>,
        lock: &Lock<'_>,
        statements: &mut sql::Statements,
        now: Moment,
    ) -> LogCounts {
        let mut counts = LogCounts::default();
        let Some(pid) = lock.pid.or(record.pid) else { return counts };
        let millis = lock.after.as_secs_f64() * 1e3;
        if lock.end != LockEnd::Waiting {
            // What begins before the log is followed has no beginning; what it took is told all the same.
            let (key, counted) = self.open.remove(&pid).unwrap_or_else(|| {
                counts.lock_waits = 1;
                (self.wait(record, lock, statements, now), 0.0)
            });
            counts.lock_wait_millis = (millis - counted).max(0.0);
            self.waited(&key, counts.lock_wait_millis, millis);
            return counts;
        }
        counts.lock_waits = 1;
        counts.lock_wait_millis = millis;
        let key = self.wait(record, lock, statements, now);
        self.waited(&key, millis, millis);
        if self.open.len() < OPEN_MAX {
            self.open.insert(pid, (key, millis));
        }
        counts
    }

    /// Notes that a wait began, and says where its time belongs.
    fn wait(
        &mut self,
        record: &Record<'_>,
        lock: &Lock<'_>,
        statements: &mut sql::Statements,
        now: Moment,
    ) -> WaitKey {
        let waiter = statement(record, statements);
        let holder = holder(&record.detail)
            .and_then(|pid| self.sessions.iter().find(|session| session.pid == pid));
        let print = |text: Option<&Arc<StatementText>>| text.map_or(0, |text| text.fingerprint);
        let held_by = holder.and_then(|session| session.statement.clone());
        let key = (print(waiter.as_ref()), print(held_by.as_ref()), Text::from(lock.kind()));
        if KEYS_MAX <= self.young.waits.len() && !self.young.waits.contains_key(&key) {
            return key;
        }
        let known = self.young.waits.entry(key.clone()).or_default();
        known.waiter = waiter;
        known.holder_application =
            holder.map(|session| session.application.clone()).unwrap_or_default();
        known.holder_state = holder.map(|session| session.state.clone()).unwrap_or_default();
        known.holder = held_by;
        known.mode = Text::from(lock.mode);
        known.lock_type.clone_from(&key.2);
        known.waits = known.waits.saturating_add(1);
        known.last = now;
        key
    }

    fn waited(&mut self, key: &WaitKey, more_millis: f64, millis: f64) {
        let halves = [&mut self.young, &mut self.old];
        if let Some(known) = halves.into_iter().find_map(|half| half.waits.get_mut(key)) {
            known.total_millis += more_millis;
            known.max_millis = known.max_millis.max(millis);
        }
    }

    fn file(&mut self, statement: Option<Arc<StatementText>>, bytes: u64, now: Moment) {
        let key = statement.as_ref().map_or(0, |text| text.fingerprint);
        if KEYS_MAX <= self.young.files.len() && !self.young.files.contains_key(&key) {
            return;
        }
        let known = self.young.files.entry(key).or_default();
        known.statement = statement;
        known.files = known.files.saturating_add(1);
        known.bytes = known.bytes.saturating_add(bytes);
        known.largest_bytes = known.largest_bytes.max(bytes);
        known.last = now;
    }

    /// What was counted since this was asked last; `None` if no log is followed.
    pub(in crate::database::live) fn take(&mut self) -> Option<LogCounts> {
        self.followed.then(|| std::mem::take(&mut self.fresh))
    }

    /// All that is known of the window.
    pub(in crate::database::live) fn told(&self) -> ServerLog {
        let mut told = ServerLog {
            followed: self.followed,
            since: if self.old.since == Moment::default() {
                self.young.since
            } else {
                self.old.since
            },
            ..ServerLog::default()
        };
        let mut waits: BTreeMap<&WaitKey, LoggedWait> = BTreeMap::new();
        let mut files: BTreeMap<u64, LoggedFiles> = BTreeMap::new();
        for half in [&self.old, &self.young] {
            told.counts.add(&half.counts);
            for (key, more) in &half.waits {
                let known = waits.entry(key).or_default();
                let (waits, total) =
                    (known.waits + more.waits, known.total_millis + more.total_millis);
                let max_millis = known.max_millis.max(more.max_millis);
                *known = LoggedWait { waits, total_millis: total, max_millis, ..more.clone() };
            }
            for (key, more) in &half.files {
                let known = files.entry(*key).or_default();
                *known = LoggedFiles {
                    files: known.files.saturating_add(more.files),
                    bytes: known.bytes.saturating_add(more.bytes),
                    largest_bytes: known.largest_bytes.max(more.largest_bytes),
                    ..more.clone()
                };
            }
        }
        told.lock_waits = waits.into_values().collect();
        told.lock_waits.sort_by(|one, other| other.total_millis.total_cmp(&one.total_millis));
        told.temp_files = files.into_values().collect();
        told.temp_files.sort_by_key(|files| std::cmp::Reverse(files.bytes));
        told
    }
}

/// The statement that a record is about, without its literals.
fn statement(record: &Record<'_>, statements: &mut sql::Statements) -> Option<Arc<StatementText>> {
    let text = record.statement.trim();
    (!text.is_empty()).then(|| statements.read(text).0)
}

/// The first of `Process holding the lock: 4711. Wait queue: 4712.`
fn holder(detail: &str) -> Option<i32> {
    let (before, after) = detail.split_once("holding the lock: ")?;
    let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
    before.starts_with("Process").then(|| digits.parse().ok())?
}

/// Whether a table, as `database.schema.table`, is in this database.
fn is_in(run: &TableRun<'_>, database: &str) -> bool {
    run.table.strip_prefix(database).is_some_and(|rest| rest.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment::default() + Duration::from_secs(seconds)
    }

    fn record(
        message: &'static str,
        detail: &'static str,
        statement: &'static str,
    ) -> Record<'static> {
        Record {
            message: message.into(),
            detail: detail.into(),
            statement: statement.into(),
            ..Record::default()
        }
    }

    #[test]
    fn a_wait_is_counted_once_with_all_its_time_and_its_holder() {
        let mut seen = LogSeen::new(Duration::from_hours(1), true);
        let mut statements = sql::Statements::default();
        seen.sessions.push(Session {
            pid: 10,
            application: "report".into(),
            state: "idle in transaction".into(),
            statement: Some(statements.read("update t set a = 7").0),
            ..Session::default()
        });
        let waits = record(
            "process 11 still waiting for ShareLock on transaction 740 after 1000.100 ms",
            "Process holding the lock: 10. Wait queue: 11.",
            "update t set a = 'secret' where id = 1",
        );
        let ends = record(
            "process 11 acquired ShareLock on transaction 740 after 5000.000 ms",
            "",
            "update t",
        );
        seen.add(&waits, "shop", &mut statements, at(1));
        assert_eq!(seen.take().unwrap().lock_waits, 1);
        seen.add(&ends, "shop", &mut statements, at(5));
        let fresh = seen.take().unwrap();
        assert_eq!((fresh.lock_waits, fresh.lock_wait_millis.round()), (0, 4_000.0));
        let told = seen.told();
        let [wait] = told.lock_waits.as_slice() else { panic!("{:?}", told.lock_waits) };
        assert_eq!((wait.waits, wait.total_millis.round(), wait.max_millis), (1, 5_000.0, 5_000.0));
        assert_eq!(wait.holder_application, "report");
        assert_eq!(wait.holder.as_ref().unwrap().text, "update t set a = ?");
        assert!(!format!("{told:?}").contains("secret"));
    }

    #[test]
    fn files_errors_and_autovacuum_are_counted_and_what_is_old_goes() {
        let mut seen = LogSeen::new(Duration::from_mins(10), true);
        let mut statements = sql::Statements::default();
        let file = record("temporary file: path \"base/pgsql_tmp/x\", size 4096", "", "select 1");
        seen.add(&file, "shop", &mut statements, at(1));
        seen.add(&file, "shop", &mut statements, at(2));
        let deadlock = Record { severity: Severity::Error, ..record("deadlock detected", "", "") };
        seen.add(&deadlock, "shop", &mut statements, at(3));
        let cancelled = Record {
            severity: Severity::Error,
            ..record("canceling statement due to statement timeout", "", "select 1")
        };
        seen.add(&cancelled, "shop", &mut statements, at(3));
        let told = seen.told();
        let counts = told.counts;
        assert_eq!((counts.temp_files, counts.temp_bytes), (2, 8_192));
        assert_eq!((counts.deadlocks, counts.cancelled, counts.errors), (1, 1, 2));
        assert_eq!((told.temp_files[0].files, told.temp_files[0].largest_bytes), (2, 4_096));
        seen.add(&deadlock, "shop", &mut statements, at(400));
        seen.add(&deadlock, "shop", &mut statements, at(800));
        assert_eq!(seen.told().counts.deadlocks, 2);
        assert!(seen.told().temp_files.is_empty());
    }
}
