//! What statements would cost with indexes that are not there, by `HypoPG`.
//!
//! Only `EXPLAIN` is ever sent, never `ANALYZE`, in a read-only session. Hypothetical indexes belong to the session
//! and are kept from one question to the next: only what differs is created or dropped.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    thread,
    time::Duration,
};

use find::advisor::{CostError, Costs, Planned};
use model::{
    Basis, Text,
    database::{Database, IndexMethod, NewIndex, Table, TableName},
};
use sql::Locking;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio_postgres::SimpleQueryMessage;

use crate::{
    connect::{ConnectError, Connection, Limits, Target, connect},
    explain::{self, Form},
};

/// `HypoPG` takes numbers for its indexes from a range of some 2,500 and gives none back before a reset.
const CREATED_MAX: usize = 2_000;
/// Planning with hundreds of indexes on offer takes a fraction of a second.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(20);

/// A session that plans with indexes that are not there.
pub struct WhatIf {
    /// Taken when dropped: a runtime must not end within another one.
    runtime: Option<Runtime>,
    session: Session,
}

struct Session {
    connection: Connection,
    tables: BTreeMap<TableName, Table>,
    forms: Vec<Form>,
    prepared: BTreeSet<usize>,
    /// Schema of the extension, quoted.
    schema: String,
    alive: BTreeMap<NewIndex, u32>,
    created: usize,
    refused: BTreeMap<NewIndex, String>,
    asked: u64,
}

/// Why there is no what-if.
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

impl WhatIf {
    /// Opens a session for these statements, which are known by their places from then on.
    ///
    /// # Errors
    /// When there is no connection, or no `HypoPG` in the database.
    pub fn open(
        target: &Target,
        database: &Database,
        statements: &[Arc<str>],
    ) -> Result<Self, WhatIfError> {
        let runtime =
            Builder::new_current_thread().enable_all().build().map_err(WhatIfError::Runtime)?;
        match apart(|| runtime.block_on(Session::open(target, database, statements))) {
            Ok(session) => Ok(Self { runtime: Some(runtime), session }),
            Err(error) => {
                // A runtime must not end within another one.
                runtime.shutdown_background();
                Err(error)
            }
        }
    }

    /// Runs settings in the session, such as `set enable_bitmapscan = off`.
    ///
    /// # Errors
    /// When the server refuses them.
    pub fn configure(&mut self, settings: &str) -> Result<(), WhatIfError> {
        self.run(async |session| session.connection.batch_execute(settings).await)
            .map_err(WhatIfError::Server)
    }

    fn run<T: Send>(&mut self, job: impl AsyncFnOnce(&mut Session) -> T + Send) -> T {
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

impl Drop for WhatIf {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl std::fmt::Debug for WhatIf {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("WhatIf").field("asked", &self.session.asked).finish_non_exhaustive()
    }
}

impl Costs for WhatIf {
    fn basis(&self) -> Basis {
        Basis::WhatIf
    }

    fn cost(&mut self, statement: usize, indexes: &[&NewIndex]) -> Result<Planned, CostError> {
        self.run(async |session| session.cost(statement, indexes).await)
    }

    fn bytes(&mut self, index: &NewIndex) -> Option<u64> {
        self.run(async |session| session.bytes(index).await)
    }

    fn can_plan(&self, index: &NewIndex) -> bool {
        matches!(index.method, IndexMethod::Btree | IndexMethod::Brin | IndexMethod::Hash)
    }

    fn plan_text(&mut self, statement: usize, indexes: &[&NewIndex]) -> String {
        self.run(async |session| {
            session.ensure(indexes).await.ok()?;
            session.explained(statement, "text").await.ok()
        })
        .unwrap_or_default()
    }

    fn view(&mut self, name: &str) -> Option<String> {
        self.run(async |session| {
            let question = "select /* taut */ pg_get_viewdef(oid, false) from pg_class where oid = to_regclass($1) and relkind = 'v'";
            let row = session.connection.query_opt(question, &[&name]).await.ok()??;
            row.try_get(0).ok()
        })
    }

    fn selectivity(&mut self, index: &NewIndex) -> Option<f64> {
        self.run(async |session| session.selectivity(index).await)
    }

    fn has_extension(&mut self, name: &str) -> bool {
        self.run(async |session| {
            let question = "select /* taut */ 1 from pg_extension where extname = $1";
            session.connection.query_opt(question, &[&name]).await.is_ok_and(|row| row.is_some())
        })
    }

    fn asked(&self) -> u64 {
        self.session.asked
    }
}

impl Session {
    async fn open(
        target: &Target,
        database: &Database,
        statements: &[Arc<str>],
    ) -> Result<Self, WhatIfError> {
        let limits = Limits { statement: STATEMENT_TIMEOUT, ..Limits::default() };
        let connection = connect(target, &limits).await?;
        let question = "select /* taut */ n.nspname, current_setting('server_version_num')::int / 10000 \
            from pg_extension e join pg_namespace n on n.oid = e.extnamespace where e.extname = 'hypopg'";
        let row = connection.query_opt(question, &[]).await.map_err(WhatIfError::Server)?;
        let Some(row) = row else {
            return Err(WhatIfError::NoHypopg { database: target.database().to_owned() });
        };
        let schema: String = row.try_get(0).map_err(WhatIfError::Server)?;
        let version: i32 = row.try_get(1).map_err(WhatIfError::Server)?;
        let version = u32::try_from(version).unwrap_or(0);
        let path = search_path(database);
        connection.batch_execute(&path).await.map_err(WhatIfError::Server)?;
        let forms =
            statements.iter().enumerate().map(|(place, text)| Form::of(text, place, version));
        Ok(Self {
            connection,
            tables: database
                .tables
                .iter()
                .map(|table| (table.name.clone(), table.clone()))
                .collect(),
            forms: forms.collect(),
            prepared: BTreeSet::new(),
            schema: sql::identifier(&schema).into_owned(),
            alive: BTreeMap::new(),
            created: 0,
            refused: BTreeMap::new(),
            asked: 0,
        })
    }

    async fn cost(
        &mut self,
        statement: usize,
        indexes: &[&NewIndex],
    ) -> Result<Planned, CostError> {
        self.ensure(indexes).await?;
        self.asked += 1;
        let json = self.explained(statement, "json").await?;
        let (cost, names) = explain::costs(&json)
            .ok_or_else(|| CostError { cause: "the plan has no cost".to_owned(), fatal: false })?;
        let places: BTreeMap<u32, usize> = indexes
            .iter()
            .enumerate()
            .filter_map(|(place, index)| Some((*self.alive.get(*index)?, place)))
            .collect();
        let mut planned = Planned { cost, ..Planned::default() };
        for name in names {
            match hypothetical(&name).and_then(|oid| places.get(&oid)) {
                Some(place) => planned.used.push(*place),
                None => planned.existing.push(Text::from(name)),
            }
        }
        planned.used.sort_unstable();
        planned.used.dedup();
        Ok(planned)
    }

    /// Makes exactly these indexes hypothetical, as far as `HypoPG` can.
    async fn ensure(&mut self, indexes: &[&NewIndex]) -> Result<(), CostError> {
        let wanted: BTreeSet<&NewIndex> =
            indexes.iter().copied().filter(|index| !self.refused.contains_key(*index)).collect();
        if CREATED_MAX < self.created + wanted.len() {
            self.reset().await?;
        }
        let mut script = String::new();
        let gone: Vec<NewIndex> =
            self.alive.keys().filter(|index| !wanted.contains(index)).cloned().collect();
        for index in gone {
            if let Some(oid) = self.alive.remove(&index) {
                script.push_str(&format!(
                    "select /* taut */ {}.hypopg_drop_index({oid}) is null; ",
                    self.schema
                ));
            }
        }
        let new: Vec<&NewIndex> =
            wanted.into_iter().filter(|index| !self.alive.contains_key(*index)).collect();
        for index in &new {
            script.push_str(&self.creation(index, ""));
            script.push_str("; ");
        }
        if script.is_empty() {
            return Ok(());
        }
        match self.connection.simple_query(&script).await {
            Ok(messages) => {
                let oids = messages.iter().filter_map(created_oid);
                self.alive.extend(new.iter().map(|index| (*index).clone()).zip(oids));
                self.created += new.len();
                Ok(())
            }
            Err(error) if error.is_closed() => Err(failed(&error)),
            Err(_) => self.one_by_one(indexes).await,
        }
    }

    /// After one of many was refused: which.
    async fn one_by_one(&mut self, indexes: &[&NewIndex]) -> Result<(), CostError> {
        self.reset().await?;
        for index in indexes {
            if self.refused.contains_key(*index) || self.alive.contains_key(*index) {
                continue;
            }
            match self.connection.simple_query(&self.creation(index, "")).await {
                Ok(messages) => {
                    if let Some(oid) = messages.iter().find_map(created_oid) {
                        self.alive.insert((*index).clone(), oid);
                        self.created += 1;
                    }
                }
                Err(error) if error.is_closed() => return Err(failed(&error)),
                Err(error) => {
                    self.refused.insert((*index).clone(), said(&error));
                }
            }
        }
        Ok(())
    }

    async fn reset(&mut self) -> Result<(), CostError> {
        self.alive.clear();
        self.created = 0;
        let script = format!("select /* taut */ {}.hypopg_reset()", self.schema);
        self.connection.simple_query(&script).await.map(drop).map_err(|error| failed(&error))
    }

    /// A query that creates the hypothetical index and returns its number.
    fn creation(&self, index: &NewIndex, more: &str) -> String {
        let Some(table) = self.tables.get(&index.table) else {
            return "select /* taut */ null::oid where false".to_owned();
        };
        let ddl = sql::create_index(index, table, "taut_whatif", Locking::Blocking);
        format!(
            "select /* taut */ 'oid' as made, indexrelid{more} from {}.hypopg_create_index({})",
            self.schema,
            sql::literal(&ddl)
        )
    }

    async fn bytes(&mut self, index: &NewIndex) -> Option<u64> {
        if CREATED_MAX <= self.created {
            self.reset().await.ok()?;
        }
        let more = format!(", {}.hypopg_relation_size(indexrelid)", self.schema);
        let messages = self.connection.simple_query(&self.creation(index, &more)).await.ok()?;
        self.created += 1;
        let (oid, bytes) = messages.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => {
                Some((row.get(1)?.to_owned(), row.get(2)?.parse().ok()))
            }
            _ => None,
        })?;
        let script = format!("select /* taut */ {}.hypopg_drop_index({oid})", self.schema);
        self.connection.simple_query(&script).await.ok()?;
        bytes
    }

    async fn explained(&mut self, statement: usize, format: &str) -> Result<String, CostError> {
        let Some(form) = self.forms.get(statement) else {
            return Err(CostError {
                cause: format!("there is no statement {statement}"),
                fatal: false,
            });
        };
        if let Some(setup) = form.setup()
            && !self.prepared.contains(&statement)
        {
            self.connection.batch_execute(&setup).await.map_err(|error| failed(&error))?;
            self.prepared.insert(statement);
        }
        let messages = self
            .connection
            .simple_query(&form.explain(format))
            .await
            .map_err(|error| failed(&error))?;
        Ok(lines(&messages))
    }

    async fn selectivity(&mut self, index: &NewIndex) -> Option<f64> {
        let table = self.tables.get(&index.table)?;
        let rows = table.rows.filter(|rows| 0.0 < *rows)?;
        let question = format!(
            "explain /* taut */ (format json) select from {} where {}",
            sql::qualified(&index.table),
            index.predicate
        );
        self.asked += 1;
        let messages = self.connection.simple_query(&question).await.ok()?;
        Some(explain::rows(&lines(&messages))? / rows)
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

/// The number in the name of a hypothetical index: `<13556>btree_t_a`.
fn hypothetical(name: &str) -> Option<u32> {
    let (number, _) = name.strip_prefix('<')?.split_once('>')?;
    number.parse().ok()
}

fn created_oid(message: &SimpleQueryMessage) -> Option<u32> {
    match message {
        SimpleQueryMessage::Row(row) if row.len() > 1 && row.get(0) == Some("oid") => {
            row.get(1)?.parse().ok()
        }
        _ => None,
    }
}

fn lines(messages: &[SimpleQueryMessage]) -> String {
    let rows = messages.iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0),
        _ => None,
    });
    rows.collect::<Vec<_>>().join("\n")
}

fn said(error: &tokio_postgres::Error) -> String {
    error.as_db_error().map_or_else(|| error.to_string(), |known| known.message().to_owned())
}

fn failed(error: &tokio_postgres::Error) -> CostError {
    CostError { cause: said(error), fatal: error.is_closed() }
}
