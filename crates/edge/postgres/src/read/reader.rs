//! Asks a server one thing after the other, keeps the time that it takes, and what could not be had.

use std::time::{Duration, Instant};

use model::{
    Text,
    database::{Database, MissingRight},
};
use tokio_postgres::{
    Row,
    error::SqlState,
    types::{ToSql, Type},
};

use super::{
    ReadError,
    queries::{Ask, query},
    rights,
};
use crate::Connection;

/// A parameter and its type.
pub(super) type Parameter<'a> = (&'a (dyn ToSql + Sync), Type);

/// Asks a server one thing after the other.
pub(crate) struct Reader<'connection> {
    connection: &'connection Connection,
    /// `server_version_num`, once it is known.
    pub(super) version: u32,
    /// Member of `pg_read_all_stats` and `pg_read_all_settings`.
    pub(super) sees_stats: bool,
    pub(super) sees_settings: bool,
    /// The role's name, as SQL.
    pub(super) role: String,
    pub(super) block_bytes: u64,
    /// Where `pg_stat_statements` is, as SQL.
    pub(crate) statements_schema: String,
    own: Duration,
    missing: Vec<MissingRight>,
    notes: Vec<String>,
}

/// What became of a question.
pub(super) enum Answer {
    Rows(Vec<Row>),
    /// Nothing, and why: not permitted, timed out, not there.
    Nothing(tokio_postgres::Error),
}

impl<'connection> Reader<'connection> {
    pub(crate) fn new(connection: &'connection Connection) -> Self {
        Self {
            connection,
            version: super::OLDEST,
            sees_stats: true,
            sees_settings: true,
            role: String::new(),
            block_bytes: 8_192,
            statements_schema: "public".to_owned(),
            own: Duration::ZERO,
            missing: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// A reader for later looks at the server that `database` tells of.
    pub(crate) fn again(connection: &'connection Connection, database: &Database) -> Self {
        let mut reader = Self::new(connection);
        reader.version = database.server.version_num;
        reader.role = sql::identifier(&database.server.role.name).into_owned();
        let block = database.settings.get("block_size");
        reader.block_bytes = block.and_then(|block| block.raw.parse().ok()).unwrap_or(8_192);
        reader
    }

    /// Asks; `None` if this version knows nothing of it, or if the server says no, which is noted.
    pub(super) async fn ask(
        &mut self,
        ask: Ask,
        what: &'static str,
        parameters: &[Parameter<'_>],
    ) -> Result<Option<Vec<Row>>, ReadError> {
        match self.try_ask(ask, what, parameters).await? {
            Some(Answer::Rows(rows)) => Ok(Some(rows)),
            Some(Answer::Nothing(error)) => {
                self.note(format!("the {what} could not be read: {}", said(&error)));
                Ok(None)
            }
            None => Ok(None),
        }
    }

    /// Asks; tells what the server says if it says no.
    pub(super) async fn try_ask(
        &mut self,
        ask: Ask,
        what: &'static str,
        parameters: &[Parameter<'_>],
    ) -> Result<Option<Answer>, ReadError> {
        match query(ask, self.version) {
            Some(sql) => self.run(sql, what, parameters).await.map(Some),
            None => Ok(None),
        }
    }

    /// Runs a statement of ours.
    pub(super) async fn run(
        &mut self,
        sql: &str,
        what: &'static str,
        parameters: &[Parameter<'_>],
    ) -> Result<Answer, ReadError> {
        let began = Instant::now();
        let result = self.connection.ask(sql, parameters).await;
        self.own += began.elapsed();
        match result {
            Ok(rows) => Ok(Answer::Rows(rows)),
            Err(source) if self.connection.is_closed() || ends_the_session(&source) => {
                Err(ReadError::Lost { what, source })
            }
            Err(error) => Ok(Answer::Nothing(error)),
        }
    }

    pub(super) fn note(&mut self, note: String) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// Says that something is not known; `details` stands for `{}` in what it costs.
    pub(super) fn lacks(&mut self, right: &rights::Right, details: &str) {
        let missing = MissingRight {
            what: Text::from(right.what),
            costs: right.costs.replace("{}", details),
            hint: right.hint.replace("{role}", &self.role),
        };
        if !self.missing.contains(&missing) {
            self.missing.push(missing);
        }
    }

    /// What was found missing so far.
    pub(crate) fn take_missing(&mut self) -> Vec<MissingRight> {
        std::mem::take(&mut self.missing)
    }

    /// Database time so far, by the clock around each statement: an upper bound, for the way there counts.
    pub(crate) fn own(&self) -> Duration {
        self.own
    }

    /// Tells what was missing, what was odd, and what it took.
    pub(crate) fn finish(self, database: &mut Database) {
        database.missing.extend(self.missing);
        database.missing.sort();
        database.missing.dedup();
        database.notes.extend(self.notes);
        database.own_millis += self.own.as_secs_f64() * 1e3;
    }
}

/// What the server said, without statement and position.
pub(super) fn said(error: &tokio_postgres::Error) -> String {
    error.as_db_error().map_or_else(|| error.to_string(), |said| said.message().to_owned())
}

/// Whether a lock was not to be had in time, or all of it took too long.
pub(super) fn is_late(error: &tokio_postgres::Error) -> bool {
    matches!(error.code(), Some(&SqlState::LOCK_NOT_AVAILABLE | &SqlState::QUERY_CANCELED))
}

/// Errors after which nothing more can be asked.
fn ends_the_session(error: &tokio_postgres::Error) -> bool {
    matches!(
        error.code(),
        Some(
            &SqlState::ADMIN_SHUTDOWN
                | &SqlState::CRASH_SHUTDOWN
                | &SqlState::CANNOT_CONNECT_NOW
                | &SqlState::IDLE_SESSION_TIMEOUT
                | &SqlState::DATABASE_DROPPED
        )
    )
}
