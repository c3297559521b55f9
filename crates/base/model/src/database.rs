//! What is known of one PostgreSQL database: its catalogs, its statistics over a window, and what it was
//! doing at one moment. Plain data, read by `edge/postgres`, judged by `core/find`.

mod activity;
mod index;
mod log;
mod server;
mod statement;
mod table;
mod totals;

use std::{collections::BTreeMap, time::Duration};

pub use activity::{
    Blocking, ConnectionCount, Connections, Progress, ReplicationSlot, Session, Standby, WaitLoad,
};
pub use index::{Index, IndexColumn, IndexKey, IndexMethod, IndexUse, NewIndex};
pub use log::{LogCounts, LoggedFiles, LoggedWait, ServerLog};
pub use server::{MissingRight, Recovery, Role, Server, Setting};
pub use statement::{Routes, RunStatistics, ServerStatement};
pub use table::{
    Column, ColumnStatistics, ForeignKey, ForeignKeyAction, Sequence, Table, TableKind, TableName,
    TableUse,
};
pub use totals::{Checkpoints, IoUse, PreparedTransaction, Totals};

use crate::{Text, Window};

/// What is known of one database of one server.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Database {
    /// Name of the database.
    pub name: Text,
    /// The server that holds it.
    pub server: Server,
    /// `pg_database_size`, in bytes.
    pub bytes: u64,
    /// When this was read, and since when the counters below count: the time between two polls, or since
    /// the statistics were reset when there was only one.
    pub window: Window,
    /// The counters count since the last reset, not between two polls of this run.
    pub since_reset: bool,
    /// `SHOW ALL`, by name.
    pub settings: BTreeMap<Text, Setting>,
    /// Tables, partitioned tables, materialised views and foreign tables, sorted by name. At most as many as
    /// the reader was told; `tables_left_out` says how many more there are.
    pub tables: Vec<Table>,
    /// Tables past the limit, the smallest.
    pub tables_left_out: u64,
    /// Indexes of `tables`, sorted by table and name.
    pub indexes: Vec<Index>,
    /// Foreign keys of `tables`.
    pub foreign_keys: Vec<ForeignKey>,
    /// Sequences, those nearest to their end first.
    pub sequences: Vec<Sequence>,
    /// Statements by total time, largest first.
    pub statements: Vec<ServerStatement>,
    /// Statements that were evicted from `pg_stat_statements` within the window (14+), as far as can be told.
    pub statements_evicted: u64,
    /// What sessions did when this was read.
    pub sessions: Vec<Session>,
    /// Who waits for whom.
    pub blocking: Vec<Blocking>,
    /// Sessions by state, against the limit.
    pub connections: Connections,
    /// Average number of active sessions by wait event, over the samples of the window.
    pub load: Vec<WaitLoad>,
    /// Standbys that stream from this server.
    pub standbys: Vec<Standby>,
    /// Replication slots.
    pub slots: Vec<ReplicationSlot>,
    /// On a standby: time since the last transaction that it replayed; `None` on a primary, or where all
    /// that came was replayed.
    pub replay_lag: Option<Duration>,
    /// Transactions that were prepared and not ended yet.
    pub prepared: Vec<PreparedTransaction>,
    /// Counters of the whole database.
    pub totals: Totals,
    /// Counters of the server's checkpoints.
    pub checkpoints: Checkpoints,
    /// Reads and writes by who did them and why (16+); empty before.
    pub io: Vec<IoUse>,
    /// What the followed log told within the window.
    pub log: ServerLog,
    /// Long work that is under way: index builds, vacuums.
    pub progress: Vec<Progress>,
    /// `age(datfrozenxid)` of this database.
    pub transaction_age: u64,
    /// What could not be read for want of a right, an extension or a setting, and what it costs.
    pub missing: Vec<MissingRight>,
    /// What was odd while reading, for people.
    pub notes: Vec<String>,
    /// Milliseconds of database time that reading all this took, by its own clock.
    pub own_millis: f64,
}

impl Database {
    /// The table of this oid.
    #[must_use]
    pub fn table(&self, oid: u32) -> Option<&Table> {
        self.tables.iter().find(|table| table.oid == oid)
    }

    /// The indexes of the table of this oid.
    pub fn indexes_of(&self, table_oid: u32) -> impl Iterator<Item = &Index> {
        self.indexes.iter().filter(move |index| index.table_oid == table_oid)
    }

    /// A setting's value, as `SHOW` prints it.
    #[must_use]
    pub fn setting(&self, name: &str) -> Option<&str> {
        self.settings.get(name).map(|setting| setting.value.as_str())
    }
}
