//! What is known of a watched database: what the pages show.

use std::sync::Arc;

use model::{
    Finding, IndexSet, Moment, Text, Window,
    database::{Database, RunStatistics, WaitLoad},
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

    /// Plans of a statement that the server's log or a what-if showed, newest first.
    fn plans_seen(&self, id: &str, query_id: i64) -> Vec<PlanSeen>;
}

/// A plan that a statement was seen with.
#[derive(Debug, Clone, PartialEq)]
pub struct PlanSeen {
    /// When it was last seen.
    pub time: Moment,
    /// Where it is from: `auto_explain`, `what-if`, `rehearsal`.
    pub source: Text,
    /// Milliseconds of the run, where it was one.
    pub millis: Option<f64>,
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

    fn plans_seen(&self, id: &str, query_id: i64) -> Vec<PlanSeen> {
        self.watched().plans_seen(id, query_id)
    }
}
