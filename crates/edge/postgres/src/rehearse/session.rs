//! A connection on which statements are rehearsed: in transactions that read only, are bounded in time, and are
//! always rolled back.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio_postgres::{Row, Transaction, error::DbError, types::ToSql};

use super::{Options, RehearseError, Statement};
use crate::connect::{ConnectError, Connection, Limits, Target, connect_listening};

/// A transaction in which nothing happens is ended by the server: Taut itself was stopped or cut off.
const IDLE_MAX: Duration = Duration::from_secs(30);

/// A connection to rehearse on.
#[derive(Debug)]
pub struct Session {
    connection: Connection,
    notices: mpsc::Receiver<DbError>,
}

impl Session {
    /// Opens one.
    ///
    /// # Errors
    ///
    /// When the server cannot be reached or refuses.
    pub async fn open(target: &Target) -> Result<Self, ConnectError> {
        // Where indexes are rehearsed they are dropped in transactions of their own: each says itself that it reads.
        let limits = Limits { read_only: false, ..Limits::default() };
        let (connection, notices) = connect_listening(target, &limits).await?;
        Ok(Self { connection, notices })
    }

    /// Begins a transaction that reads only.
    pub(super) async fn begin(
        &mut self,
        options: &Options,
    ) -> Result<Transaction<'_>, RehearseError> {
        self.begin_after(&[], options).await
    }

    /// Begins a transaction that reads only once `changes` are made; they are undone with it.
    pub(super) async fn begin_after(
        &mut self,
        changes: &[String],
        options: &Options,
    ) -> Result<Transaction<'_>, RehearseError> {
        begin_after(&mut self.connection, changes, options).await
    }

    /// Asks the catalogs.
    pub(super) async fn question(
        &self,
        sql: &str,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, tokio_postgres::Error> {
        self.connection.query(sql, values).await
    }

    /// Changes something for good: an index of a clone.
    pub(super) async fn execute(
        &mut self,
        sql: &str,
        timeout: Duration,
    ) -> Result<(), tokio_postgres::Error> {
        self.execute_told(sql, timeout).await.map(drop)
    }

    /// As [`Session::execute`], and returns the number that the rows of the catalogs bear which it wrote.
    pub(super) async fn execute_told(
        &mut self,
        sql: &str,
        timeout: Duration,
    ) -> Result<String, tokio_postgres::Error> {
        let transaction = self.connection.client_mut().transaction().await?;
        let limit = format!("set local statement_timeout = {}", millis(timeout));
        transaction.batch_execute(&limit).await?;
        transaction.batch_execute(sql).await?;
        let id = "select /* taut */ pg_catalog.pg_current_xact_id()::xid::text";
        let id = transaction.query_one(id, &[]).await?.get(0);
        transaction.commit().await?;
        Ok(id)
    }

    /// What the server makes of a statement: its tree, views and row security resolved. Nothing of it is run, or
    /// even planned.
    pub(super) async fn tree(
        &mut self,
        statement: &Statement,
        options: &Options,
    ) -> Result<String, RehearseError> {
        while self.notices.try_recv().is_ok() {}
        let Self { connection, notices } = self;
        let transaction = begin_after(connection, &[], options).await?;
        // Where the role may, the tree stays out of the server's log.
        let quiet = "savepoint quiet; set local log_min_messages = panic";
        if transaction.batch_execute(quiet).await.is_err() {
            transaction
                .batch_execute("rollback to savepoint quiet")
                .await
                .map_err(|error| RehearseError::run("prepare the transaction", error))?;
        }
        transaction
            .batch_execute(
                "set local debug_pretty_print = off; set local debug_print_rewritten = on; \
                 set local client_min_messages = log",
            )
            .await
            .map_err(|error| RehearseError::run("ask for the tree of a statement", error))?;
        let prepared = transaction.prepare(&statement.sql).await;
        // Of the statement itself, and of what is asked about its types; the next statement would be told too.
        let mut trees = String::new();
        while let Ok(notice) = notices.try_recv() {
            if notice.message().starts_with("rewritten parse tree") {
                trees.push_str(notice.detail().unwrap_or_default());
                trees.push('\n');
            }
        }
        transaction.rollback().await.map_err(|error| RehearseError::run("roll back", error))?;
        prepared.map_err(|error| RehearseError::run("read the statement", error))?;
        Ok(trees)
    }
}

async fn begin_after<'a>(
    connection: &'a mut Connection,
    changes: &[String],
    options: &Options,
) -> Result<Transaction<'a>, RehearseError> {
    let transaction = connection
        .client_mut()
        .transaction()
        .await
        .map_err(|error| RehearseError::run("begin a transaction", error))?;
    let limits = format!(
        "set local statement_timeout = {}; set local lock_timeout = {}; \
         set local idle_in_transaction_session_timeout = {}; set local standard_conforming_strings = on; \
         set local client_min_messages = error",
        millis(options.statement_timeout),
        millis(options.lock_timeout),
        millis(IDLE_MAX),
    );
    // Before anything is read: the catalogs and all runs of one transaction see one state.
    let mut steps = vec!["set transaction isolation level repeatable read".to_owned(), limits];
    if let Some(path) = &options.search_path {
        let path = sql::literal(path);
        steps.push(format!("select /* taut */ set_config('search_path', {path}, true)"));
    }
    for (name, value) in &options.settings {
        let (name, value) = (sql::literal(name), sql::literal(value));
        steps.push(format!("select /* taut */ set_config({name}, {value}, true)"));
    }
    // As the application has it: the server's own.
    steps.push("set local jit to default".to_owned());
    steps.extend(changes.iter().cloned());
    // Only towards reading can a transaction be turned once it has begun; never back.
    steps.push("set transaction read only".to_owned());
    for step in steps {
        transaction
            .batch_execute(&step)
            .await
            .map_err(|error| RehearseError::run("prepare the transaction", error))?;
    }
    Ok(transaction)
}

fn millis(time: Duration) -> u128 {
    // Zero would mean no bound at all.
    time.as_millis().max(1)
}
