//! Watched databases on the wire.

mod advice;
mod objects;
mod report;
mod series;
mod sessions;
mod statement;

use engine::database::{Activity, DatabaseStanding, WatchState};
use model::database as pg;
use serde::Serialize;
use utoipa::ToSchema;

pub use advice::{
    Change, DatabaseEvidence, DroppedIndex, IndexSet, ProposedIndex, StatementEffect,
};
pub use objects::{DatabaseIndex, DatabaseIndexes, DatabaseTable, DatabaseTables};
pub use report::DatabaseReport;
pub use series::{
    ActivityPoint, DatabaseIndexDetail, DatabaseLog, DatabaseTableDetail, IndexPoint, IoPoint,
    LogPoint, LoggedFiles, LoggedWait, StandbyPoint, TablePoint,
};
pub use sessions::{DatabaseSession, LockNode};
pub use statement::{
    DatabaseStatement, DatabaseStatementDetail, DatabaseStatements, PlanSeen, StatementPoint,
    StatementRoute,
};

use super::{Finding, Window, unix_ms};
use sessions::{idle_in_transaction, lock_tree};

/// Every database that is watched.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Databases {
    /// In the order of the settings.
    pub databases: Vec<DatabaseSummary>,
}

/// A watched database in short.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DatabaseSummary {
    /// What stands in its address.
    pub id: String,
    /// `host:port/database`.
    pub shown: String,
    /// `connecting`, `watching` or `failed`.
    pub state: String,
    /// What the server or the network said, if it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What may help.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Since when it fails.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since_unix_ms: Option<u64>,
    /// When it last answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub polled_unix_ms: Option<u64>,
    /// `15.18`; empty before the first answer.
    pub version: String,
    /// It replays a primary.
    pub standby: bool,
    /// Size of the database.
    pub bytes: u64,
    /// Findings about it.
    pub findings: usize,
    /// Time of all statements over the window that counters cover, as average running sessions.
    pub average_running: f64,
    /// Share of its time that watching it takes.
    pub own_share: f64,
}

impl From<&DatabaseStanding> for DatabaseSummary {
    fn from(standing: &DatabaseStanding) -> Self {
        let (state, failed) = match &standing.state {
            WatchState::Connecting => ("connecting", None),
            WatchState::Watching => ("watching", None),
            WatchState::Failed { error, hint, since } => ("failed", Some((error, hint, *since))),
        };
        let latest = standing.latest.as_deref();
        Self {
            id: standing.id.clone(),
            shown: standing.shown.clone(),
            state: state.to_owned(),
            error: failed.map(|(error, _, _)| error.clone()),
            hint: failed.map(|(_, hint, _)| hint.clone()),
            since_unix_ms: failed.map(|(_, _, since)| unix_ms(since)),
            polled_unix_ms: standing.polled.map(unix_ms),
            version: latest.map_or_else(String::new, |database| short_version(&database.server)),
            standby: latest.is_some_and(|one| one.server.recovery == pg::Recovery::Standby),
            bytes: latest.map_or(0, |database| database.bytes),
            findings: standing.findings.len(),
            average_running: latest.map_or(0.0, average_running),
            own_share: standing.own_share,
        }
    }
}

/// Time of all statements by the clock's.
fn average_running(database: &pg::Database) -> f64 {
    // The sum of nothing is -0.0.
    let total: f64 = database.statements.iter().map(|one| one.runs.total_millis).sum::<f64>() + 0.0;
    total / 1e3 / database.window.length().as_secs_f64().max(1.0)
}

/// `15.18` of `15.18 (Debian 15.18-1)`.
fn short_version(server: &pg::Server) -> String {
    server.version.split(' ').next().unwrap_or_default().to_owned()
}

/// A watched database.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DatabaseDetail {
    /// In short.
    pub database: DatabaseSummary,
    /// The stretch that the series cover.
    pub window: Window,
    /// Since when the counters count, and until when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counted: Option<Window>,
    /// The counters count since the server's last reset.
    pub since_reset: bool,
    /// Average active sessions by wait event.
    pub load: Vec<LoadPoint>,
    /// Connections used and allowed.
    pub connections: Vec<ConnectionPoint>,
    /// Transactions, checkpoints, reads and writes, replication and the log.
    pub activity: Vec<ActivityPoint>,
    /// What the log told of waits and files; none if no log is followed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<DatabaseLog>,
    /// Sessions by database, user, application and state.
    pub sessions: Vec<SessionCount>,
    /// Sessions that others may use up: `max_connections` without those reserved.
    pub sessions_max: u32,
    /// Who waits for whom.
    pub locks: Vec<LockNode>,
    /// Transactions that are open and idle, longest first.
    pub idle_in_transaction: Vec<DatabaseSession>,
    /// Standbys that stream from it.
    pub standbys: Vec<Standby>,
    /// Long work that is under way.
    pub progress: Vec<Progress>,
    /// What is wrong in it, ranked.
    pub findings: Vec<Finding>,
    /// Indexes that were chosen together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proposal: Option<IndexSet>,
    /// What cannot be read, what that costs, and how to allow it.
    pub missing: Vec<MissingRight>,
    /// What was odd.
    pub notes: Vec<String>,
}

/// Average active sessions within one step.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct LoadPoint {
    /// When the step begins.
    pub from_unix_ms: u64,
    /// By wait event.
    pub waits: Vec<Wait>,
}

/// Average active sessions in one wait.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Wait {
    /// `wait_event_type`; `CPU` for those that do not wait.
    pub wait_type: String,
    /// `wait_event`; empty for `CPU`.
    pub wait_event: String,
    /// Average active sessions.
    pub sessions: f64,
}

impl From<&pg::WaitLoad> for Wait {
    fn from(load: &pg::WaitLoad) -> Self {
        Self {
            wait_type: load.wait_type.to_string(),
            wait_event: load.wait_event.to_string(),
            sessions: load.sessions,
        }
    }
}

/// Connections at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct ConnectionPoint {
    /// When.
    pub at_unix_ms: u64,
    /// Used.
    pub used: u32,
    /// Allowed.
    pub max: u32,
}

/// How many sessions are alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct SessionCount {
    /// `datname`
    pub database: String,
    /// `usename`
    pub user: String,
    /// `application_name`
    pub application: String,
    /// `active`, `idle`, `idle in transaction` …
    pub state: String,
    /// How many.
    pub count: u32,
}

impl From<&pg::ConnectionCount> for SessionCount {
    fn from(count: &pg::ConnectionCount) -> Self {
        Self {
            database: count.database.to_string(),
            user: count.user.to_string(),
            application: count.application.to_string(),
            state: count.state.to_string(),
            count: count.count,
        }
    }
}

/// A standby.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Standby {
    /// `application_name`
    pub application: String,
    /// `client_addr`
    pub client: String,
    /// `streaming`, `catchup` …
    pub state: String,
    /// Bytes that it has not replayed.
    pub replay_lag_bytes: u64,
    /// How far it is behind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replay_lag_ms: Option<u64>,
}

/// Long work that is under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Progress {
    /// `pid`
    pub pid: i32,
    /// `CREATE INDEX CONCURRENTLY` …
    pub command: String,
    /// The phase.
    pub phase: String,
    /// The table.
    pub table: String,
    /// Units that are done.
    pub done: u64,
    /// Units of the phase.
    pub total: u64,
}

/// Something that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct MissingRight {
    /// What is wanted.
    pub what: String,
    /// What is not known without it.
    pub costs: String,
    /// How to get it.
    pub hint: String,
}

impl DatabaseDetail {
    /// What is known of a database, with its series over `window`.
    #[must_use]
    pub fn new(
        standing: &DatabaseStanding,
        window: model::Window,
        load: &[(model::Moment, Vec<pg::WaitLoad>)],
        connections: &[(model::Moment, u32, u32)],
        activity: &[(model::Moment, Activity)],
    ) -> Self {
        let empty = pg::Database::default();
        let latest = standing.latest.as_deref().unwrap_or(&empty);
        Self {
            database: standing.into(),
            window: window.into(),
            counted: standing.latest.as_ref().map(|database| database.window.into()),
            since_reset: latest.since_reset,
            load: load
                .iter()
                .map(|(from, waits)| LoadPoint {
                    from_unix_ms: unix_ms(*from),
                    waits: waits.iter().map(Wait::from).collect(),
                })
                .collect(),
            connections: connections
                .iter()
                .map(|(at, used, max)| ConnectionPoint {
                    at_unix_ms: unix_ms(*at),
                    used: *used,
                    max: *max,
                })
                .collect(),
            activity: activity.iter().map(|(from, it)| ActivityPoint::new(*from, it)).collect(),
            log: latest.log.followed.then(|| DatabaseLog::from(&latest.log)),
            sessions: latest.connections.counts.iter().map(SessionCount::from).collect(),
            sessions_max: latest.connections.max.saturating_sub(latest.connections.reserved),
            locks: lock_tree(latest),
            idle_in_transaction: idle_in_transaction(latest),
            standbys: latest.standbys.iter().map(Standby::from).collect(),
            progress: latest.progress.iter().map(Progress::from).collect(),
            findings: standing.findings.iter().map(Finding::from).collect(),
            proposal: standing.proposal.as_deref().map(IndexSet::from),
            missing: latest
                .missing
                .iter()
                .map(|one| MissingRight {
                    what: one.what.to_string(),
                    costs: one.costs.clone(),
                    hint: one.hint.clone(),
                })
                .collect(),
            notes: latest.notes.clone(),
        }
    }
}

impl From<&pg::Standby> for Standby {
    fn from(standby: &pg::Standby) -> Self {
        Self {
            application: standby.application.to_string(),
            client: standby.client.to_string(),
            state: standby.state.to_string(),
            replay_lag_bytes: standby.replay_lag_bytes,
            replay_lag_ms: standby.replay_lag.map(millis),
        }
    }
}

impl From<&pg::Progress> for Progress {
    fn from(one: &pg::Progress) -> Self {
        Self {
            pid: one.pid,
            command: one.command.to_string(),
            phase: one.phase.to_string(),
            table: one.table.to_string(),
            done: one.done,
            total: one.total,
        }
    }
}

fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
