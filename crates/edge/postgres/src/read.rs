//! One look at a database: its catalogs, its statistics, and what it does just now.
//!
//! In three parts, for they change and cost differently: the catalog (every ten minutes will do), counters
//! (every half minute) and activity (every second). Each question is a statement, and a transaction, of its
//! own: what one of them may not see costs that one alone, and no snapshot is held for long.

mod activity;
mod cells;
mod columns;
mod indexes;
mod keys;
mod queries;
mod reader;
mod replication;
mod rights;
mod server;
mod statements;
mod tables;
mod usage;

use std::collections::BTreeMap;

use model::{Moment, Window, database::Database};

use crate::Connection;

pub(crate) use activity::{Sample, blocking, sample, wait_loads};
pub(crate) use reader::Reader;
pub(crate) use rights::standbys as unasked_standbys;
pub(crate) use server::{change, identity};
pub(crate) use statements::{
    Key as StatementKey, Row as StatementRow, Rows as StatementRows, Texts, by_statement,
    put as put_statements, read as statements, shares,
};
pub(crate) use usage::{Usage, put_standby_scans, read as usage};

pub use rights::{RIGHTS, Right};

/// The oldest version that is read.
pub const OLDEST: u32 = 130_000;

/// How much is read at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadOptions {
    /// Tables, the largest first; their columns and indexes come with them.
    pub tables_max: u32,
    /// Statements in the result, those with most time first.
    pub statements_max: u32,
    /// Sessions that are not idle.
    pub sessions_max: u32,
}

impl Default for ReadOptions {
    /// 2,000 tables are more than most databases have, and some ten thousand columns; what 500 statements do
    /// not explain, the next 500 do not either; `max_connections` is rarely above 1,000.
    fn default() -> Self {
        Self { tables_max: 2_000, statements_max: 500, sessions_max: 1_000 }
    }
}

/// Why a database could not be read at all. Whatever less is wrong is in [`Database::missing`] and
/// [`Database::notes`].
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It is too old.
    #[error("PostgreSQL {version} is older than the oldest that is read, 13")]
    TooOld {
        /// As the server calls itself.
        version: String,
    },
    /// The connection broke, or the server answers nothing.
    #[error("failed to read the {what} of the database")]
    Lost {
        /// What was being read.
        what: &'static str,
        /// What the server or the network said.
        #[source]
        source: tokio_postgres::Error,
    },
}

impl ReadError {
    /// What may help.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::TooOld { .. } => {
                "PostgreSQL 12 and older get no fixes any more: upgrade the server"
            }
            Self::Lost { .. } => "the server may have restarted, or ended the session: try again",
        }
    }
}

/// Everything that is known of the database at the other end, counters since they were reset.
///
/// # Errors
///
/// When the connection breaks, or the server is too old. A missing right or a timeout is no error: it is
/// told in [`Database::missing`] or [`Database::notes`].
pub async fn read_database(
    connection: &Connection,
    options: &ReadOptions,
) -> Result<Database, ReadError> {
    let mut reader = Reader::new(connection);
    let mut database = Database::default();
    catalog(&mut reader, options, &mut database).await?;
    let usage = usage(&mut reader, &database).await?;
    usage.put(&mut database);
    let rows = statements(&mut reader, &database, true).await?;
    let mut texts = Texts::default();
    texts.learn(&rows);
    put_statements(&rows.all, &texts, options.statements_max, &mut database);
    database.window = since_reset(&rows, &database, database.window.to);
    database.since_reset = true;
    let sample = sample(&mut reader, options, &mut texts).await?;
    sample.put(&mut database);
    standing(&mut reader, &mut database).await?;
    rights::standbys(&mut reader, &database);
    put_standby_scans(&mut database, None);
    reader.finish(&mut database);
    Ok(database)
}

/// Scans of each index of `database`, by its oid, as a standby counts them.
///
/// # Errors
///
/// When the connection breaks.
pub async fn standby_scans(
    standby: &Connection,
    database: &Database,
) -> Result<BTreeMap<u32, u64>, ReadError> {
    let mut reader = Reader::again(standby, database);
    identity(&mut reader, &mut Database::default()).await?;
    let used = usage::index_use(&mut reader, database).await?;
    Ok(used.into_iter().map(|(oid, used)| (oid, used.scans)).collect())
}

/// Fills in what all standbys of `database` counted together.
pub fn tell_standby_scans(database: &mut Database, scans: &BTreeMap<u32, u64>) {
    put_standby_scans(database, Some(scans));
    database.missing.retain(|missing| missing.what != rights::STANDBYS.what);
}

/// Since when counters count that were never compared with earlier ones: those of statements if known, else
/// those of tables, else at least since the server started.
pub(crate) fn since_reset(rows: &StatementRows, database: &Database, to: Moment) -> Window {
    let from = [rows.reset, database.server.statistics_reset, database.server.started]
        .into_iter()
        .find(|moment| 0 < moment.nanos);
    Window { from: from.unwrap_or_default(), to }
}

/// What changes rarely: server, settings, tables, columns, indexes, keys, sequences.
pub(crate) async fn catalog(
    reader: &mut Reader<'_>,
    options: &ReadOptions,
    database: &mut Database,
) -> Result<(), ReadError> {
    server::read(reader, database).await?;
    tables::read(reader, options, database).await?;
    columns::read(reader, database).await?;
    indexes::read(reader, database).await?;
    keys::read(reader, database).await?;
    rights::settings(reader, database);
    Ok(())
}

/// What stands at this moment and is neither a counter nor a session: connections, locks, replication, long
/// work.
pub(crate) async fn standing(
    reader: &mut Reader<'_>,
    database: &mut Database,
) -> Result<(), ReadError> {
    activity::connections(reader, database).await?;
    blocking(reader, database).await?;
    replication::read(reader, database).await
}
