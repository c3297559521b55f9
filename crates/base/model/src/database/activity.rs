//! What the server does at one moment: sessions, locks, replication, long work.

use std::{sync::Arc, time::Duration};

use super::TableName;
use crate::{Moment, StatementText, Text};

/// A backend of `pg_stat_activity`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Session {
    /// `pid`
    pub pid: i32,
    /// `usename`
    pub user: Text,
    /// `datname`
    pub database: Text,
    /// `application_name`
    pub application: Text,
    /// `client_addr`; empty for a local socket.
    pub client: Text,
    /// `backend_type`: `client backend`, `autovacuum worker` …
    pub backend: Text,
    /// `state`: `active`, `idle in transaction` …
    pub state: Text,
    /// `wait_event_type`; empty if it does not wait.
    pub wait_type: Text,
    /// `wait_event`
    pub wait_event: Text,
    /// `xact_start`
    pub transaction_started: Option<Moment>,
    /// `query_start`
    pub query_started: Option<Moment>,
    /// `state_change`
    pub state_changed: Option<Moment>,
    /// What it runs, or ran last; `None` if it may not be seen.
    pub statement: Option<Arc<StatementText>>,
    /// `query_id` (14+, `compute_query_id`).
    pub query_id: Option<i64>,
    /// Trace that a sqlcommenter `traceparent` names; empty if none.
    pub traceparent: Text,
    /// Route that a sqlcommenter comment names; empty if none.
    pub route: Text,
}

/// A session that waits for a lock of another.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Blocking {
    /// Who waits.
    pub waiter_pid: i32,
    /// Who holds what it waits for; each of `pg_blocking_pids`. 0 is a prepared transaction.
    pub holder_pids: Vec<i32>,
    /// `locktype`: `transactionid`, `relation`, `tuple` …
    pub lock_type: Text,
    /// `mode`: `ShareLock`, `AccessExclusiveLock` …
    pub mode: Text,
    /// The table, where the lock is on one.
    pub table: Option<TableName>,
    /// How long it has waited (`waitstart`, 14+; before, since the statement began).
    pub waited: Duration,
}

/// Sessions of the whole server, against its limit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Connections {
    /// `max_connections`
    pub max: u32,
    /// `superuser_reserved_connections` and `reserved_connections` (16+).
    pub reserved: u32,
    /// Client backends by database, user, application and state.
    pub counts: Vec<ConnectionCount>,
}

impl Connections {
    /// Client backends of all databases.
    #[must_use]
    pub fn used(&self) -> u32 {
        self.counts.iter().map(|count| count.count).sum()
    }
}

/// How many sessions are alike.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct ConnectionCount {
    /// `datname`
    pub database: Text,
    /// `usename`
    pub user: Text,
    /// `application_name`
    pub application: Text,
    /// `state`
    pub state: Text,
    /// How many.
    pub count: u32,
}

/// Average number of sessions that were in this wait.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct WaitLoad {
    /// `wait_event_type`; `CPU` for sessions that are active and do not wait.
    pub wait_type: Text,
    /// `wait_event`; empty for `CPU`.
    pub wait_event: Text,
    /// Average active sessions: samples in this wait over all samples.
    pub sessions: f64,
}

/// A standby, as `pg_stat_replication` of its primary tells it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Standby {
    /// `application_name`
    pub application: Text,
    /// `client_addr`
    pub client: Text,
    /// `state`: `streaming`, `catchup` …
    pub state: Text,
    /// `sync_state`
    pub sync: Text,
    /// Bytes of WAL that it has not replayed.
    pub replay_lag_bytes: u64,
    /// `replay_lag`
    pub replay_lag: Option<Duration>,
}

/// A replication slot.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ReplicationSlot {
    /// `slot_name`
    pub name: Text,
    /// Somebody reads from it.
    pub active: bool,
    /// Bytes of WAL that it keeps.
    pub retained_bytes: u64,
}

/// Long work that is under way, from a `pg_stat_progress_*` view.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Progress {
    /// `pid`
    pub pid: i32,
    /// `CREATE INDEX CONCURRENTLY`, `VACUUM`, `ANALYZE` …
    pub command: Text,
    /// `phase`
    pub phase: Text,
    /// The table.
    pub table: TableName,
    /// Units of the phase that are done: blocks or tuples.
    pub done: u64,
    /// Units of the phase.
    pub total: u64,
}
