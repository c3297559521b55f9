//! A session that has statements planned, and never runs one: what both sources of costs are made of.
//!
//! A statement with a parameter has one plan for all values. Where the parameter meets a skewed column, that plan is
//! right for none of them: then the statement is planned with the most common value and with a usual one, each
//! for its share of the rows (`sampled`).

mod sampled;

use std::{collections::BTreeSet, sync::Arc, thread, time::Duration};

use find::advisor::CostError;
use model::database::{Database, TableName};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio_postgres::SimpleQueryMessage;

use crate::{
    connect::{ConnectError, Connection, Limits, Target, connect},
    explain::{self, Form},
};

/// Planning with hundreds of indexes on offer takes a fraction of a second.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(20);

/// Why there is no session that plans.
#[derive(Debug, thiserror::Error)]
pub enum WhatIfError {
    /// No connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The extension is not in this database.
    #[error(
        "failed to plan with hypothetical indexes in `{database}`: the extension hypopg is not installed there"
    )]
    NoHypopg {
        /// The database.
        database: String,
    },
    /// The server refused something.
    #[error("failed to open a what-if session")]
    Server(#[source] tokio_postgres::Error),
    /// No thread or no poll.
    #[error("failed to start a runtime for a what-if session")]
    Runtime(#[source] std::io::Error),
}

/// The session and its statements, known by their places.
pub(crate) struct Planning {
    pub(crate) connection: Connection,
    statements: Vec<Asked>,
    prepared: BTreeSet<String>,
}

/// How a statement is asked for.
struct Asked {
    /// With parameters as they are.
    usual: Form,
    /// With values for one of them, each with its share of the runs; empty if no parameter wants that.
    sampled: Vec<(f64, Form)>,
}

impl Planning {
    pub(crate) async fn open(
        target: &Target,
        database: &Database,
        statements: &[Arc<str>],
    ) -> Result<Self, WhatIfError> {
        let limits = Limits { statement: STATEMENT_TIMEOUT, ..Limits::default() };
        let connection = connect(target, &limits).await?;
        let question = "select /* taut */ current_setting('server_version_num')::int / 10000";
        let row = connection.query_one(question, &[]).await.map_err(WhatIfError::Server)?;
        let version: i32 = row.try_get(0).map_err(WhatIfError::Server)?;
        let version = u32::try_from(version).unwrap_or(0);
        let path = search_path(database);
        connection.batch_execute(&path).await.map_err(WhatIfError::Server)?;
        let mut asked = Vec::new();
        for (place, text) in statements.iter().enumerate() {
            let texts = sampled::texts(&connection, database, text).await;
            let sampled = texts.iter().enumerate().map(|(value, (share, text))| {
                (*share, Form::named(text, format!("taut_{place}_{value}"), version))
            });
            asked.push(Asked { usual: Form::of(text, place, version), sampled: sampled.collect() });
        }
        Ok(Self { connection, statements: asked, prepared: BTreeSet::new() })
    }

    /// The statement's plans in this format, each with its share of the runs.
    pub(crate) async fn explained(
        &mut self,
        statement: usize,
        format: &str,
    ) -> Result<Vec<(f64, String)>, CostError> {
        let sampled = self.asked(statement)?.sampled.clone();
        let mut plans = Vec::new();
        for (share, form) in &sampled {
            match self.explain(form, format).await {
                Ok(plan) => plans.push((*share, plan)),
                Err(error) if error.fatal => return Err(error),
                Err(_) => {
                    // A value that cannot stand there: without values from now on.
                    if let Some(asked) = self.statements.get_mut(statement) {
                        asked.sampled.clear();
                    }
                    plans.clear();
                    break;
                }
            }
        }
        if plans.is_empty() {
            plans.push((1.0, self.explained_usual(statement, format).await?));
        }
        Ok(plans)
    }

    /// The plan for any values, which holds none of the table's.
    pub(crate) async fn explained_usual(
        &mut self,
        statement: usize,
        format: &str,
    ) -> Result<String, CostError> {
        let form = self.asked(statement)?.usual.clone();
        self.explain(&form, format).await
    }

    fn asked(&self, statement: usize) -> Result<&Asked, CostError> {
        self.statements.get(statement).ok_or_else(|| CostError {
            cause: format!("there is no statement {statement}"),
            fatal: false,
        })
    }

    async fn explain(&mut self, form: &Form, format: &str) -> Result<String, CostError> {
        if let (Some(name), Some(setup)) = (form.name(), form.setup())
            && !self.prepared.contains(name)
        {
            self.connection.batch_execute(&setup).await.map_err(|error| failed(&error))?;
            self.prepared.insert(name.to_owned());
        }
        let question = form.explain(format);
        let messages =
            self.connection.simple_query(&question).await.map_err(|error| failed(&error))?;
        Ok(lines(&messages))
    }

    /// Rows of the table that pass the condition, as the planner expects.
    pub(crate) async fn rows_where(
        &self,
        table: &TableName,
        alias: &str,
        condition: &str,
    ) -> Option<f64> {
        let alias = if alias.is_empty() {
            String::new()
        } else {
            format!(" as {}", sql::identifier(alias))
        };
        let question = format!(
            "explain /* taut */ (format json) select from {}{alias} where {condition}",
            sql::qualified(table),
        );
        let messages = self.connection.simple_query(&question).await.ok()?;
        explain::rows(&lines(&messages))
    }

    pub(crate) async fn view(&self, name: &str) -> Option<String> {
        let question = "select /* taut */ pg_get_viewdef(oid, false) from pg_class where oid = to_regclass($1) and relkind = 'v'";
        let row = self.connection.query_opt(question, &[&name]).await.ok()??;
        row.try_get(0).ok()
    }

    pub(crate) async fn has_extension(&self, name: &str) -> bool {
        let question = "select /* taut */ 1 from pg_extension where extname = $1";
        self.connection.query_opt(question, &[&name]).await.is_ok_and(|row| row.is_some())
    }
}

/// A session behind a runtime of its own, for callers that wait.
pub(crate) struct Waiting<T> {
    /// Taken when dropped: a runtime must not end within another one.
    runtime: Option<Runtime>,
    session: T,
}

impl<T: Send> Waiting<T> {
    pub(crate) fn open<F>(open: F) -> Result<Self, WhatIfError>
    where
        F: AsyncFnOnce() -> Result<T, WhatIfError> + Send,
    {
        let runtime =
            Builder::new_current_thread().enable_all().build().map_err(WhatIfError::Runtime)?;
        match apart(|| runtime.block_on(open())) {
            Ok(session) => Ok(Self { runtime: Some(runtime), session }),
            Err(error) => {
                // A runtime must not end within another one.
                runtime.shutdown_background();
                Err(error)
            }
        }
    }

    pub(crate) fn session(&self) -> &T {
        &self.session
    }

    pub(crate) fn run<R: Send>(&mut self, job: impl AsyncFnOnce(&mut T) -> R + Send) -> R {
        let runtime = self.runtime.as_ref().expect("it is taken when dropped");
        let session = &mut self.session;
        apart(|| runtime.block_on(job(session)))
    }
}

/// Runs a job that blocks, on a thread of its own where the caller's must not block.
fn apart<T: Send>(job: impl FnOnce() -> T + Send) -> T {
    if Handle::try_current().is_err() {
        return job();
    }
    thread::scope(|scope| match scope.spawn(job).join() {
        Ok(done) => done,
        Err(panic) => std::panic::resume_unwind(panic),
    })
}

impl<T> Drop for Waiting<T> {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Names without a schema mean what they mean to those who run the statements.
fn search_path(database: &Database) -> String {
    match database.setting("search_path") {
        Some(path) if !path.is_empty() => {
            let names = path
                .split(',')
                .map(|name| sql::identifier(name.trim().trim_matches('"')).into_owned());
            format!("set /* taut */ search_path = {}", names.collect::<Vec<_>>().join(", "))
        }
        _ => String::new(),
    }
}

pub(crate) fn lines(messages: &[SimpleQueryMessage]) -> String {
    let rows = messages.iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0),
        _ => None,
    });
    rows.collect::<Vec<_>>().join("\n")
}

pub(crate) fn said(error: &tokio_postgres::Error) -> String {
    error.as_db_error().map_or_else(|| error.to_string(), |known| known.message().to_owned())
}

pub(crate) fn failed(error: &tokio_postgres::Error) -> CostError {
    CostError { cause: said(error), fatal: error.is_closed() }
}
