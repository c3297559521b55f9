//! What is known of a watched database: what the pages show.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use model::{
    Finding, IndexSet, Moment, Text, Window,
    database::{
        Checkpoints, Database, IndexUse, IoUse, LogCounts, RunStatistics, Standby, TableUse,
        Totals, WaitLoad,
    },
};

/// Whether a database is being watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WatchState {
    /// No answer yet.
    Connecting,
    /// Read at its interval.
    Watching,
    /// Not since `since`; tried again and again.
    Failed {
        /// What the server or the network said.
        error: String,
        /// What may help.
        hint: String,
        /// Since when.
        since: Moment,
    },
}

/// What is known of a watched database.
#[derive(Debug, Clone)]
pub struct DatabaseStanding {
    /// Stands in URLs: database, host and port, made of letters, digits, `.`, `-` and `_`.
    pub id: String,
    /// For people: `host:port/database`.
    pub shown: String,
    /// Whether it is being watched.
    pub state: WatchState,
    /// Counters over the window that is kept; `None` before the first answer.
    pub latest: Option<Arc<Database>>,
    /// What is wrong in it, ranked.
    pub findings: Arc<Vec<Finding>>,
    /// Indexes that were chosen together for its workload.
    pub proposal: Option<Arc<IndexSet>>,
    /// Share of the database's time that watching it takes, 0 to 1.
    pub own_share: f64,
    /// When it last answered.
    pub polled: Option<Moment>,
}

/// Histories of watched databases. Steps are of equal length; a step without a poll is left out.
pub trait History {
    /// What is known of each.
    fn databases(&self) -> Vec<DatabaseStanding>;

    /// Average active sessions by wait event, for each step.
    fn database_load(&self, id: &str, window: Window, steps: usize)
    -> Vec<(Moment, Vec<WaitLoad>)>;

    /// Counters of one statement within each step.
    fn statement_history(
        &self,
        id: &str,
        query_id: i64,
        window: Window,
        steps: usize,
    ) -> Vec<(Moment, RunStatistics)>;

    /// Connections used and allowed, at the end of each step.
    fn connection_history(&self, id: &str, window: Window, steps: usize)
    -> Vec<(Moment, u32, u32)>;

    /// Use of tables within each step, by oid: of those that changed most, the others are left out.
    fn table_history(
        &self,
        id: &str,
        window: Window,
        steps: usize,
    ) -> Steps<BTreeMap<u32, TableUse>>;

    /// Use of indexes within each step, by oid: of those that changed most, the others are left out.
    fn index_history(
        &self,
        id: &str,
        window: Window,
        steps: usize,
    ) -> Steps<BTreeMap<u32, IndexUse>>;

    /// What the database did within each step.
    fn activity_history(&self, id: &str, window: Window, steps: usize) -> Steps<Activity>;

    /// Plans of a statement that the server's log or a what-if showed, newest first.
    fn plans_seen(&self, id: &str, query_id: i64) -> Vec<PlanSeen>;
}

/// Something for each step, with the time at which it begins.
pub type Steps<T> = Vec<(Moment, T)>;

/// What a database did within a step.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Activity {
    /// Seconds that the counters stand for.
    pub seconds: f64,
    /// Counters of the database.
    pub totals: Totals,
    /// Checkpoints of the server.
    pub checkpoints: Checkpoints,
    /// Reads and writes by who did them and why (16+), those that moved most bytes.
    pub io: Vec<IoUse>,
    /// Lag of the standbys at the end of the step; of a standby only name and lag are kept.
    pub standbys: Vec<Standby>,
    /// The longest lag at the end of the step: of a standby, or of this one if it is one.
    pub replay_lag: Option<Duration>,
    /// What the log told; `None` if none was followed.
    pub log: Option<LogCounts>,
}

/// A plan that a statement was seen with.
#[derive(Debug, Clone, PartialEq)]
pub struct PlanSeen {
    /// When it was last seen.
    pub time: Moment,
    /// Where it is from: `auto_explain`, `what-if`, `rehearsal`.
    pub source: Text,
    /// Milliseconds of the last run, where it was one.
    pub millis: Option<f64>,
    /// Runs that were seen with it.
    pub runs: u64,
    /// As it was printed.
    pub text: String,
}

impl History for crate::Live {
    fn databases(&self) -> Vec<DatabaseStanding> {
        self.watched().databases()
    }

    fn database_load(
        &self,
        id: &str,
        window: Window,
        steps: usize,
    ) -> Vec<(Moment, Vec<WaitLoad>)> {
        self.watched().database_load(id, window, steps)
    }

    fn statement_history(
        &self,
        id: &str,
        query_id: i64,
        window: Window,
        steps: usize,
    ) -> Vec<(Moment, RunStatistics)> {
        self.watched().statement_history(id, query_id, window, steps)
    }

    fn connection_history(
        &self,
        id: &str,
        window: Window,
        steps: usize,
    ) -> Vec<(Moment, u32, u32)> {
        self.watched().connection_history(id, window, steps)
    }

    fn table_history(
        &self,
        id: &str,
        window: Window,
        steps: usize,
    ) -> Steps<BTreeMap<u32, TableUse>> {
        self.watched().table_history(id, window, steps)
    }

    fn index_history(
        &self,
        id: &str,
        window: Window,
        steps: usize,
    ) -> Steps<BTreeMap<u32, IndexUse>> {
        self.watched().index_history(id, window, steps)
    }

    fn activity_history(&self, id: &str, window: Window, steps: usize) -> Steps<Activity> {
        self.watched().activity_history(id, window, steps)
    }

    fn plans_seen(&self, id: &str, query_id: i64) -> Vec<PlanSeen> {
        self.watched().plans_seen(id, query_id)
    }
}
