//! A log, as it is told: the figures of a summary ranked and named. `--json` prints all of it; terminal and page
//! show the same in the same order.

mod made;
mod seen;

use std::time::Duration;

use observe::postgres_log::{Durations, Example, Hour, Kind, Shape, Start, Summary, Who};
use serde::Serialize;

use self::made::{
    basis, checkpoints, clock, connections, counts, groups, hints, kinds, locks, problems, ranked,
    server, severities, tables, temp_files, text_of, troubles, whole_micros,
};
pub(crate) use self::{
    made::bytes,
    seen::{ChainTold, PlansTold},
};
use super::layout;
use crate::units;

/// A file that was read.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct FileTold {
    pub(crate) path: String,
    pub(crate) format: &'static str,
    pub(crate) prefix: String,
    pub(crate) bytes: u64,
    /// Where reading went on from an earlier run.
    pub(crate) new_from_byte: u64,
}

/// All of a log.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct LogReport {
    /// What stands first, in a sentence.
    pub(crate) claim: String,
    /// What else is wrong, in a sentence; empty if nothing is.
    pub(crate) troubles: String,
    /// What the figures stand on.
    pub(crate) basis: String,
    pub(crate) files: Vec<FileTold>,
    /// On the log's clock.
    pub(crate) from: Option<String>,
    pub(crate) to: Option<String>,
    /// How far that clock is ahead of UTC, where the log says so.
    pub(crate) ahead_of_utc_seconds: Option<i32>,
    /// Entries that passed the filters.
    pub(crate) entries: u64,
    pub(crate) bytes: u64,
    pub(crate) lines_not_understood: u64,
    pub(crate) lines_without_their_entry: u64,
    pub(crate) entries_cut: u64,
    pub(crate) severities: Vec<Count>,
    pub(crate) statements: Times,
    /// Statements logged without their time.
    pub(crate) untimed: u64,
    pub(crate) parse: Times,
    pub(crate) bind: Times,
    /// Times that no statement could be found for.
    pub(crate) times_alone: Times,
    pub(crate) plans: u64,
    /// By statement, the slowest first.
    pub(crate) slowest_plans: Vec<PlansTold>,
    /// Shapes of statements, in all.
    pub(crate) shapes: usize,
    /// Of shapes beyond the bound, which are not told one by one.
    pub(crate) folded: Group,
    pub(crate) by_time: Vec<Statement>,
    pub(crate) by_count: Vec<Statement>,
    pub(crate) by_mean: Vec<Statement>,
    pub(crate) slowest: Vec<Single>,
    pub(crate) kinds: Vec<Group>,
    pub(crate) databases: Vec<Group>,
    pub(crate) users: Vec<Group>,
    pub(crate) applications: Vec<Group>,
    pub(crate) hosts: Vec<Group>,
    pub(crate) locks: Locks,
    pub(crate) temp_files: TempFiles,
    pub(crate) errors: Vec<Problem>,
    /// Kinds of errors beyond those listed.
    pub(crate) errors_left_out: usize,
    pub(crate) cancelled: Vec<Count>,
    pub(crate) connections: Connections,
    pub(crate) checkpoints: Checkpoints,
    pub(crate) tables: Vec<Table>,
    pub(crate) vacuums: u64,
    pub(crate) analyzes: u64,
    pub(crate) server: Vec<ServerEvent>,
    pub(crate) crashes: u64,
    pub(crate) recovery_waits: Times,
    pub(crate) replication: u64,
    pub(crate) hours: Vec<HourTold>,
    /// What this log does not tell, and the setting that would.
    pub(crate) hints: Vec<Hint>,
}

/// So many of something.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Count {
    pub(crate) name: String,
    pub(crate) count: u64,
}

/// Times, summarised.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(crate) struct Times {
    pub(crate) count: u64,
    pub(crate) total_micros: u64,
    pub(crate) mean_micros: f64,
    pub(crate) p50_micros: f64,
    pub(crate) p95_micros: f64,
    pub(crate) p99_micros: f64,
    pub(crate) max_micros: f64,
}

/// Statements of one shape.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Statement {
    pub(crate) fingerprint: String,
    pub(crate) text: String,
    pub(crate) kind: Kind,
    pub(crate) times: Times,
    /// Share of the time of all statements.
    pub(crate) share: f64,
    pub(crate) untimed: u64,
    pub(crate) prepare_micros: u64,
    pub(crate) errors: u64,
    pub(crate) lock_waits: u64,
    pub(crate) lock_micros: u64,
    pub(crate) temp_files: u64,
    pub(crate) temp_bytes: u64,
    pub(crate) hours_of_day: [u32; 24],
}

/// One statement, wait or file.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Single {
    /// Of a statement or wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) took_micros: Option<u64>,
    /// Of a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bytes: Option<u64>,
    pub(crate) at: String,
    pub(crate) what: String,
    pub(crate) statement: String,
    pub(crate) user: String,
    pub(crate) database: String,
    pub(crate) application: String,
    pub(crate) host: String,
}

/// What a user, database … did.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) statements: u64,
    pub(crate) total_micros: u64,
    pub(crate) max_micros: u64,
    pub(crate) errors: u64,
    pub(crate) connections: u64,
    pub(crate) sessions: u64,
    pub(crate) session_micros: u64,
}

/// Waits for locks.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Locks {
    /// Waits after which the lock was had.
    pub(crate) acquired: Times,
    pub(crate) kinds: Vec<LockKind>,
    pub(crate) longest: Vec<Single>,
    /// Who waited for whom.
    pub(crate) chains: Vec<ChainTold>,
    pub(crate) statements: Vec<Statement>,
}

/// Waits for one mode on one kind of object.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct LockKind {
    pub(crate) name: String,
    pub(crate) waiting: u64,
    pub(crate) failed: u64,
    pub(crate) acquired: Times,
}

/// Files beside memory.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct TempFiles {
    pub(crate) count: u64,
    pub(crate) bytes: u64,
    pub(crate) largest: Vec<Single>,
    pub(crate) statements: Vec<Statement>,
}

/// Problems with the same message, but for values.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Problem {
    pub(crate) severity: &'static str,
    pub(crate) sqlstate: String,
    pub(crate) message: String,
    pub(crate) count: u64,
    pub(crate) first: Option<String>,
    pub(crate) last: Option<String>,
    pub(crate) statements: Vec<String>,
}

/// Who came and went.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Connections {
    pub(crate) received: u64,
    pub(crate) authorized: u64,
    pub(crate) sessions: Times,
}

/// Checkpoints.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Checkpoints {
    pub(crate) count: u64,
    pub(crate) restart_points: u64,
    pub(crate) reasons: Vec<Count>,
    pub(crate) buffers: u64,
    pub(crate) write_micros: u64,
    pub(crate) sync_micros: u64,
    pub(crate) total_micros: u64,
    pub(crate) longest_micros: u64,
    pub(crate) wal_added: u64,
    pub(crate) wal_removed: u64,
    pub(crate) wal_recycled: u64,
    pub(crate) distance_bytes: u64,
    pub(crate) too_often: u64,
}

/// What autovacuum did to one table.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Table {
    pub(crate) name: String,
    pub(crate) vacuums: u64,
    pub(crate) vacuum_micros: u64,
    pub(crate) analyzes: u64,
    pub(crate) analyze_micros: u64,
    pub(crate) tuples_removed: u64,
    pub(crate) pages_removed: u64,
    pub(crate) dead_remain_max: u64,
    pub(crate) index_scans: u64,
    pub(crate) wraparounds: u64,
    pub(crate) wal_bytes: u64,
}

/// A start, a stop, a crash.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ServerEvent {
    pub(crate) at: Option<String>,
    pub(crate) what: Start,
}

/// An hour of the log's clock.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct HourTold {
    pub(crate) hour: String,
    pub(crate) statements: Times,
    pub(crate) selects: u64,
    pub(crate) writes: u64,
    pub(crate) errors: u64,
    pub(crate) warnings: u64,
    pub(crate) connections: u64,
    pub(crate) disconnections: u64,
    pub(crate) lock_waits: u64,
    pub(crate) lock_micros: u64,
    pub(crate) temp_files: u64,
    pub(crate) temp_bytes: u64,
    pub(crate) checkpoints: u64,
    pub(crate) checkpoint_buffers: u64,
    pub(crate) vacuums: u64,
    pub(crate) analyzes: u64,
}

/// What is not told, and the setting that would tell it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Hint {
    pub(crate) missing: &'static str,
    pub(crate) setting: &'static str,
}

impl LogReport {
    /// Ranks what a summary holds; lists are `top` long.
    pub(crate) fn new(summary: &Summary, files: &[FileTold], top: usize) -> Self {
        let all = summary.shapes();
        let ranked = |by: &dyn Fn(&Shape) -> u128| ranked(&all, by, summary, top);
        let single = |example: &Example| Single::new(example, summary);
        let entries = summary.severities.values().sum();
        let mut report = Self {
            claim: String::new(),
            troubles: troubles(summary),
            basis: basis(summary, files, entries),
            files: files.to_vec(),
            from: summary.first_nanos.map(clock),
            to: summary.last_nanos.map(clock),
            ahead_of_utc_seconds: summary.ahead_seconds,
            entries,
            bytes: summary.input.bytes,
            lines_not_understood: summary.input.rubbish,
            lines_without_their_entry: summary.input.orphans,
            entries_cut: summary.input.cut,
            severities: severities(summary),
            statements: (&summary.statements).into(),
            untimed: summary.untimed,
            parse: (&summary.parse).into(),
            bind: (&summary.bind).into(),
            times_alone: (&summary.bare).into(),
            plans: summary.plans,
            slowest_plans: seen::plans(summary, top),
            shapes: all.len(),
            folded: Group::new("", summary.folded()),
            by_time: ranked(&|shape| shape.times.total().as_nanos()),
            by_count: ranked(&|shape| u128::from(shape.count())),
            by_mean: ranked(&|shape| shape.times.mean().as_nanos()),
            slowest: summary.slowest.iter().take(top).map(single).collect(),
            kinds: kinds(summary),
            databases: groups(summary.databases.iter(), top),
            users: groups(summary.users.iter(), top),
            applications: groups(summary.applications.iter(), top),
            hosts: groups(summary.hosts.iter(), top),
            locks: locks(summary, &all, top),
            temp_files: temp_files(summary, &all, top),
            errors: problems(summary, top),
            errors_left_out: summary.errors.len().saturating_sub(top),
            cancelled: counts(summary.cancelled.iter()),
            connections: connections(summary),
            checkpoints: checkpoints(summary),
            tables: tables(summary, top),
            vacuums: summary.tables.values().map(|table| table.vacuums).sum(),
            analyzes: summary.tables.values().map(|table| table.analyzes).sum(),
            server: server(summary),
            crashes: summary.crashes,
            recovery_waits: (&summary.recovery_waits).into(),
            replication: summary.replication,
            hours: summary.hours.iter().map(|(hour, sums)| HourTold::new(*hour, sums)).collect(),
            hints: hints(summary),
        };
        report.claim = report.told_first();
        report
    }

    /// As one JSON document.
    pub(crate) fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }

    /// The claim: what takes the time.
    fn told_first(&self) -> String {
        let many = units::some(self.statements.count, "statement", "statements");
        let total = units::time(Duration::from_micros(self.statements.total_micros));
        match self.by_time.as_slice() {
            [] if 0 < self.untimed => {
                let many = units::some(self.untimed, "statement", "statements");
                format!("{many} were logged, without their times")
            }
            [] => "No statement was logged".to_owned(),
            [first, ..] if 0.15 <= first.share => {
                let text = layout::cut(&first.text, 120);
                format!("{:.0} % of {total} goes into one statement: {text}", first.share * 100.0)
            }
            most => {
                let share: f64 = most.iter().map(|one| one.share).sum::<f64>() * 100.0;
                format!("{many} took {total}; the first {} make up {share:.0} % of it", most.len())
            }
        }
    }
}

impl From<&Durations> for Times {
    fn from(times: &Durations) -> Self {
        let micros = |time: Duration| time.as_secs_f64() * 1e6;
        Self {
            count: times.count(),
            total_micros: whole_micros(times.total()),
            mean_micros: micros(times.mean()),
            p50_micros: micros(times.quantile(0.5)),
            p95_micros: micros(times.quantile(0.95)),
            p99_micros: micros(times.quantile(0.99)),
            max_micros: micros(times.max()),
        }
    }
}

impl Statement {
    fn new(shape: &Shape, whole: Duration) -> Self {
        let whole = whole.as_secs_f64();
        let own = shape.times.total().as_secs_f64();
        Self {
            fingerprint: format!("{:016x}", shape.fingerprint),
            text: shape.text.clone(),
            kind: shape.kind,
            times: (&shape.times).into(),
            share: if 0.0 < whole { own / whole } else { 0.0 },
            untimed: shape.untimed,
            prepare_micros: shape.prepare_nanos / 1_000,
            errors: shape.errors,
            lock_waits: shape.lock_waits,
            lock_micros: shape.lock_nanos / 1_000,
            temp_files: shape.temp_files,
            temp_bytes: shape.temp_bytes,
            hours_of_day: shape.hours_of_day,
        }
    }

    /// How often it was run.
    pub(crate) fn count(&self) -> u64 {
        self.times.count + self.untimed
    }
}

impl Single {
    fn new(example: &Example, summary: &Summary) -> Self {
        Self {
            took_micros: Some(example.size / 1_000),
            bytes: None,
            at: example.at_nanos.map(clock).unwrap_or_default(),
            what: example.what.clone(),
            statement: text_of(example.fingerprint, summary),
            user: example.user.clone(),
            database: example.database.clone(),
            application: example.application.clone(),
            host: example.host.clone(),
        }
    }

    /// Of a file: its size is one of bytes.
    fn file(example: &Example, summary: &Summary) -> Self {
        Self { took_micros: None, bytes: Some(example.size), ..Self::new(example, summary) }
    }

    /// `shop · web · jo`: who, as far as it is known.
    pub(crate) fn who(&self) -> String {
        let known = [&self.database, &self.application, &self.user];
        let known: Vec<&str> =
            known.into_iter().map(String::as_str).filter(|name| !name.is_empty()).collect();
        known.join(" · ")
    }
}

impl Group {
    fn new(name: &str, who: &Who) -> Self {
        Self {
            name: name.to_owned(),
            statements: who.statements,
            total_micros: who.nanos / 1_000,
            max_micros: who.nanos_max / 1_000,
            errors: who.errors,
            connections: who.connections,
            sessions: who.sessions,
            session_micros: who.session_nanos / 1_000,
        }
    }
}

impl HourTold {
    fn new(hour: i64, sums: &Hour) -> Self {
        let mut text = clock(hour.saturating_mul(3_600_000_000_000));
        text.truncate(16);
        Self {
            hour: text,
            statements: (&sums.statements).into(),
            selects: sums.selects,
            writes: sums.writes,
            errors: sums.errors,
            warnings: sums.warnings,
            connections: sums.connections,
            disconnections: sums.disconnections,
            lock_waits: sums.lock_waits,
            lock_micros: sums.lock_nanos / 1_000,
            temp_files: sums.temp_files,
            temp_bytes: sums.temp_bytes,
            checkpoints: sums.checkpoints,
            checkpoint_buffers: sums.checkpoint_buffers,
            vacuums: sums.vacuums,
            analyzes: sums.analyzes,
        }
    }
}
