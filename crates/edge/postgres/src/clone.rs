//! Clones: a database with the same schema and a sample of the rows, in which statements and indexes are rehearsed.
//!
//! The rows go to the server that was named for it, and nowhere else. A sample keeps joins whole: rows of a table follow
//! those of the table that they refer to, and what they refer to besides is fetched by its key. Plans over a sample
//! are plans over fewer rows: the report says what fraction each table has. Statistics are gathered on the clone,
//! not carried over: the planner scales row counts by the size of the file in any case.

mod copy;
mod create;
mod ddl;
mod name;
mod sample;
mod schema;
mod source;

use std::time::{Duration, SystemTime};

pub(crate) use name::is_ours;

pub use copy::TableCopy;
pub use create::{Leftover, drop_leftovers, leftovers};

use crate::{
    connect::{ConnectError, Connection, Limits, Target, connect},
    rehearse::Allowed,
};

/// How much of a database a clone has, and what it may take.
#[derive(Debug, Clone, PartialEq)]
pub struct CloneOptions {
    /// Tables have so many bytes in it, all together and without indexes.
    pub bytes_max: u64,
    /// Tables of up to so many rows come whole.
    pub whole_rows_max: u64,
    /// What of each other table is sampled; `None` for as much as `bytes_max` allows, 1 for an exact copy.
    pub fraction: Option<f64>,
    /// No table has more than so many rows in it, unless `fraction` is said.
    pub rows_max: u64,
    /// Rows of these tables alone, by their numbers in the source, and of their partitions and children; of all if
    /// there are none. The others are there, and empty.
    pub tables: Vec<u32>,
    /// Only tables of these schemas; all if there are none.
    pub schemas: Vec<String>,
    /// The same seed takes the same rows of tables that did not change.
    pub seed: u32,
    /// Put the clone on the server that its rows are from.
    pub same_server: Allowed,
    /// Copying one table, or building one index, may take so long.
    pub step_timeout: Duration,
}

impl Default for CloneOptions {
    /// A gigabyte, or twenty million rows of a table: copied within a minute or so, and larger than small tables' caches.
    fn default() -> Self {
        Self {
            bytes_max: 1 << 30,
            whole_rows_max: 10_000,
            fraction: None,
            rows_max: 20_000_000,
            tables: Vec::new(),
            schemas: Vec::new(),
            seed: 1,
            same_server: Allowed::No,
            step_timeout: Duration::from_mins(10),
        }
    }
}

/// A clone; dropped from its server by [`Cloned::drop_database`], or as soon as may be when it goes out of scope.
#[derive(Debug)]
pub struct Cloned {
    /// Where it is.
    pub target: Target,
    /// Its name.
    pub name: String,
    /// Every table of which rows were wanted, in the order in which they were copied.
    pub tables: Vec<TableCopy>,
    /// What is not as in the original, for people.
    pub notes: Vec<String>,
    scratch: Target,
    /// Shows others that somebody uses it.
    connection: Option<Connection>,
}

impl Cloned {
    /// Drops the database.
    ///
    /// # Errors
    ///
    /// When the server does not do so; [`leftovers`] tells of it later.
    pub async fn drop_database(mut self) -> Result<(), CloneError> {
        self.connection = None;
        create::drop_database(&self.scratch, &std::mem::take(&mut self.name)).await
    }
}

impl Drop for Cloned {
    fn drop(&mut self) {
        if self.name.is_empty() {
            return;
        }
        self.connection = None;
        // Without a runtime, or where this fails, a later run finds it among the leftovers.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let (scratch, name) = (self.scratch.clone(), std::mem::take(&mut self.name));
            drop(runtime.spawn(async move { create::drop_database(&scratch, &name).await }));
        }
    }
}

/// What is being done to a clone, for people who wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Its tables are made.
    Schema,
    /// Rows of a table are copied: which of how many, its name, and how many rows so far.
    Copying(usize, usize, String, u64),
    /// Rows that others refer to are fetched.
    References,
    /// Constraints and indexes are made.
    Indexes,
    /// Statistics are gathered.
    Statistics,
}

/// As [`make_told`], for nobody who waits.
///
/// # Errors
///
/// As there.
pub async fn make(
    source: &Target,
    scratch: &Target,
    options: &CloneOptions,
    now: SystemTime,
) -> Result<Cloned, CloneError> {
    make_told(source, scratch, options, now, (&mut |_| (), std::future::pending())).await
}

/// Makes a clone of `source` on the server of `scratch`, whose database is only connected to. `tell` is called with each
/// step; once `stop` ends, what was made is dropped again.
///
/// # Errors
///
/// When one of the servers cannot be reached or refuses, both are the same and that was not allowed, or it was told to
/// stop. What was made until then is dropped again.
pub async fn make_told(
    source: &Target,
    scratch: &Target,
    options: &CloneOptions,
    now: SystemTime,
    (tell, stop): (&mut (dyn FnMut(Step) + Send), impl Future<Output = ()>),
) -> Result<Cloned, CloneError> {
    let limits =
        Limits { statement: options.step_timeout, lock: Duration::from_secs(1), read_only: true };
    let mut from = connect(source, &limits).await?;
    let home = connect(scratch, &Limits { read_only: false, ..limits }).await?;
    let is_same = create::identity(&from).await? == create::identity(&home).await?;
    if is_same && options.same_server == Allowed::No {
        return Err(CloneError::SameServer);
    }
    let mut notes = create::tidy(scratch, &home, now).await;
    let reading = source::begin(&mut from).await?;
    let name = create::create(&reading, &home, now, &mut notes).await?;
    // From here on, whatever fails takes the database with it.
    let target = scratch.with_database(&name);
    let mut cloned = Cloned {
        target: target.clone(),
        name,
        tables: Vec::new(),
        notes,
        scratch: scratch.clone(),
        connection: None,
    };
    let filled = tokio::select! {
        filled = fill(&reading, &target, options, &mut cloned, tell) => filled,
        () = stop => Err(CloneError::Stopped),
    };
    match filled {
        Ok(connection) => {
            drop(reading.rollback().await);
            cloned.connection = Some(connection);
            Ok(cloned)
        }
        Err(error) => {
            // The first failure is the one to tell; a copy that was broken off ends with its connection.
            cloned.drop_database().await.ok();
            Err(error)
        }
    }
}

async fn fill(
    reading: &tokio_postgres::Transaction<'_>,
    target: &Target,
    options: &CloneOptions,
    cloned: &mut Cloned,
    tell: &mut (dyn FnMut(Step) + Send),
) -> Result<Connection, CloneError> {
    tell(Step::Schema);
    let limits =
        Limits { statement: options.step_timeout, lock: Duration::from_secs(10), read_only: false };
    let into = connect(target, &limits).await?;
    let prepare = "set search_path = ''; set check_function_bodies = off; set synchronous_commit = off; \
                   set client_min_messages = error; set idle_in_transaction_session_timeout = 0";
    into.batch_execute(prepare)
        .await
        .map_err(|error| CloneError::of("prepare the clone", error))?;
    // From 14 on: should we die, what the server does for us ends soon, and the next run finds the clone unused.
    into.batch_execute("set client_connection_check_interval = '2s'").await.ok();
    let schema = schema::read(reading, &options.schemas).await?;
    schema::apply(&into, &schema.before, &mut cloned.notes).await?;
    let source = source::read(reading, options).await?;
    let plan = sample::plan(&source.tables, &source.keys, options);
    copy::all(reading, &into, &source, &plan, (&mut *cloned, &mut *tell)).await?;
    tell(Step::Indexes);
    schema::apply(&into, &schema.after, &mut cloned.notes).await?;
    cloned.notes.extend(schema.notes);
    if !options.tables.is_empty() {
        // What the rows that are there refer to was not asked for.
        cloned.notes.retain(|note| !note.contains("violates foreign key constraint"));
    }
    tell(Step::Statistics);
    into.batch_execute("vacuum (analyze)")
        .await
        .map_err(|error| CloneError::of("gather statistics on the clone", error))?;
    Ok(into)
}

/// Why there is no clone.
#[derive(Debug, thiserror::Error)]
pub enum CloneError {
    /// A server cannot be reached or refuses.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// Both are the same server, and that was not allowed.
    #[error("the clone would lie on the server that it is a clone of")]
    SameServer,
    /// It was told to stop; nothing is left of it.
    #[error("stopped while the clone was made")]
    Stopped,
    /// A server failed.
    #[error("failed to {what}")]
    Server {
        /// What was tried, on what.
        what: String,
        /// What the server or the network said.
        #[source]
        source: tokio_postgres::Error,
    },
}

impl CloneError {
    fn of(what: impl Into<String>, source: tokio_postgres::Error) -> Self {
        Self::Server { what: what.into(), source }
    }

    /// What may help.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Connect(error) => error.hint(),
            Self::SameServer => {
                "name another server for it, or allow the same one in so many words"
            }
            Self::Stopped => "what was made until then is dropped again",
            Self::Server { source, .. } => match source.code() {
                Some(&tokio_postgres::error::SqlState::INSUFFICIENT_PRIVILEGE) => {
                    "reading needs SELECT on the tables (`pg_read_all_data`, 14+), making a clone CREATEDB"
                }
                Some(&tokio_postgres::error::SqlState::READ_ONLY_SQL_TRANSACTION) => {
                    "a clone is made where databases can be: not on a replica, or where transactions only read"
                }
                Some(&tokio_postgres::error::SqlState::T_R_SERIALIZATION_FAILURE) => {
                    "the replica replayed over what was being read: try again, or raise max_standby_streaming_delay"
                }
                _ => "what was made until then is dropped again; trying again is safe",
            },
        }
    }
}
