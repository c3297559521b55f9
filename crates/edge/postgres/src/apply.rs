//! Making a change and taking it back: indexes built and dropped concurrently, everything else statement by statement.
//!
//! What the database is about to be told is announced in a [`Journal`] first, so that the next run knows what to
//! look for should this one die: an index that was left half built is dropped, one that the server finished by itself
//! is kept. An advisory lock, held by the connection that builds, keeps two runs from the same index; it lives as long
//! as the server works on it, whatever became of us.
//!
//! A lock that others hold is waited for briefly and asked for again; a build that has its lock may wait longer for old
//! transactions, which costs nobody but itself: giving up there would throw the whole scan away.

mod build;
mod catalog;
mod counters;
mod error;
mod named;
mod orphans;
mod partitions;
mod plans;
mod rebuild;
mod remove;
mod run;
mod session;
mod steps;
mod watch;

use std::time::Duration;

use model::{Change, Moment, database::TableName};
use tokio::sync::watch as channel;

pub use counters::{Counters, StatementCounters, counters, statements_of};
pub use error::{ApplyError, Said};
pub use named::change_of;
pub use plans::{PlanNow, plans_now, statement_texts};

use crate::Target;
use orphans::Orphans;
use session::Session;
use steps::Step;

/// How long to wait, and how often to try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// How long a lock is waited for before it is asked for again.
    pub lock: Duration,
    /// How often a statement is tried.
    pub attempts: u32,
    /// The pause after the first failure; it doubles with each further one, up to 30 s.
    pub pause: Duration,
    /// How long a build or a drop that has its lock waits for each transaction that is older than itself.
    pub wait: Duration,
    /// How long a server that went away is waited for.
    pub reconnect: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            // Longer than `deadlock_timeout`, after which autovacuum steps back.
            lock: Duration::from_secs(3),
            attempts: 6,
            pause: Duration::from_secs(1),
            wait: Duration::from_mins(30),
            reconnect: Duration::from_mins(1),
        }
    }
}

/// Takes note of what is done, and tells it.
pub trait Journal: Send {
    /// A statement is about to be sent. Returns a number for it once that is on the disk; it is not sent otherwise.
    ///
    /// # Errors
    ///
    /// It could not be noted.
    fn intend(&mut self, intent: &Intent) -> Result<i64, JournalError>;

    /// What became of the statement of that number.
    ///
    /// # Errors
    ///
    /// It could not be noted.
    fn settle(&mut self, intent: i64, outcome: &Outcome) -> Result<(), JournalError>;

    /// What is happening, for whoever watches.
    fn tell(&mut self, news: News);
}

/// Why a journal could not take note.
pub type JournalError = Box<dyn std::error::Error + Send + Sync>;

/// A statement that is about to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intent {
    /// The statement.
    pub sql: String,
    /// The index that it makes or drops.
    pub index: Option<IndexTarget>,
    /// Who will run it.
    pub backend: Backend,
}

/// An index that a statement makes or drops.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexTarget {
    /// Its table.
    pub table: TableName,
    /// Its name; the schema is the table's.
    pub name: String,
    /// How to make it: what is to be built, or what was there before it was dropped.
    pub definition: String,
    /// Made, not dropped.
    pub made: bool,
}

/// A server process, told from a later one of the same number by when it started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backend {
    /// `pid`
    pub pid: i32,
    /// `backend_start`
    pub started: Moment,
}

/// What became of a statement.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It was run.
    Ran {
        /// How long it took, in milliseconds; 0 if nobody saw it.
        millis: f64,
        /// What was special; else empty.
        note: String,
    },
    /// It failed.
    Broke {
        /// Why.
        why: String,
        /// The index that it left behind; empty if it was cleared.
        left: String,
    },
}

/// What is known from earlier runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Past {
    /// Statements that were announced and of whose end nothing is known, by their number.
    pub open: Vec<(i64, Intent)>,
    /// Indexes that earlier runs made.
    pub made: Vec<IndexTarget>,
    /// Indexes that earlier runs dropped.
    pub dropped: Vec<IndexTarget>,
}

/// What is happening.
#[derive(Debug, Clone, PartialEq)]
pub enum News {
    /// A statement is sent.
    Running {
        /// The statement.
        sql: String,
    },
    /// How far it is.
    Progress(BuildProgress),
    /// It is done.
    Done {
        /// How long it took.
        took: Duration,
    },
    /// It failed for a reason that passes, and will be tried again.
    Retry {
        /// Why.
        why: String,
        /// After how long.
        pause: Duration,
    },
    /// Transactions that a build will have to wait for.
    Waits(Vec<Holder>),
    /// What else is worth telling.
    Note(String),
}

/// How far a statement is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BuildProgress {
    /// As the server calls it: `building index: scanning table`.
    pub phase: String,
    /// Units of the phase that are done.
    pub done: u64,
    /// All its units; 0 if unknown.
    pub total: u64,
    /// What is counted: `blocks`, `rows`, `transactions`.
    pub unit: &'static str,
    /// Whom it waits for.
    pub holder: Option<Holder>,
}

/// A session that something waits for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Holder {
    /// `pid`; 0 is a prepared transaction.
    pub pid: i32,
    /// `usename`
    pub user: String,
    /// `application_name`
    pub application: String,
    /// `state`; empty if it may not be seen.
    pub state: String,
    /// Age of its transaction, if it may be seen.
    pub age: Option<Duration>,
    /// What it runs or ran last, without literals; empty if it may not be seen.
    pub statement: String,
}

impl std::fmt::Display for Holder {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "pid {}", self.pid)?;
        for part in [&self.user, &self.application, &self.state] {
            if !part.is_empty() {
                write!(out, ", {part}")?;
            }
        }
        if let Some(age) = self.age {
            write!(out, ", in a transaction for {} s", age.as_secs())?;
        }
        if !self.statement.is_empty() {
            write!(out, ": {}", self.statement)?;
        }
        Ok(())
    }
}

/// Tells a run to stop: what is under way is cancelled and cleared. Told twice, it does not wait for clearing either.
#[derive(Debug, Clone)]
pub struct Stop(channel::Receiver<u32>);

impl Stop {
    /// Counts how often it was told.
    #[must_use]
    pub fn new(times: channel::Receiver<u32>) -> Self {
        Self(times)
    }

    /// How often it was told.
    fn times(&self) -> u32 {
        *self.0.borrow()
    }

    /// Once it was told at least that often.
    pub async fn told(&mut self, times: u32) {
        // A sender that is gone will never tell.
        if self.0.wait_for(|told| times <= *told).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Sleeps, unless it is told before.
    async fn sleep(&mut self, time: Duration) -> Result<(), ApplyError> {
        tokio::select! {
            () = tokio::time::sleep(time) => Ok(()),
            () = self.told(1) => Err(ApplyError::Stopped { left: String::new() }),
        }
    }
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Done {
    /// Statements that were run.
    pub statements: u64,
    /// What was special, for people.
    pub notes: Vec<String>,
}

/// A run: everything that its parts need.
struct Work<'a> {
    session: Session,
    options: Options,
    journal: &'a mut dyn Journal,
    stop: Stop,
    past: &'a Past,
    /// Indexes that this run made, or began to.
    made: Vec<IndexTarget>,
    done: Done,
    /// Another index that does the same is no reason to leave one out: what is taken back was there beside it.
    restores: bool,
}

impl Work<'_> {
    fn note(&mut self, note: String) {
        self.journal.tell(News::Note(note.clone()));
        self.done.notes.push(note);
    }

    /// Whether an earlier run of this ledger made an index of that name, or was about to.
    fn is_ours(&self, schema: &str, name: &str) -> bool {
        let open = self.past.open.iter().filter_map(|(_, intent)| intent.index.as_ref());
        open.chain(&self.past.made)
            .chain(&self.made)
            .any(|index| index.made && index.table.schema == schema && index.name == name)
    }
}

/// Makes a change. What is there already is left as it is; what an earlier run left behind is finished or cleared.
///
/// # Errors
///
/// What the server refuses, who holds the lock, what could not be cleared.
pub async fn apply(
    target: &Target,
    change: &Change,
    past: &Past,
    options: Options,
    (journal, stop): (&mut dyn Journal, Stop),
) -> Result<Done, ApplyError> {
    let steps = steps::read(&change.apply)?;
    let mut work = begin(target, (change, past), options, (journal, stop), Orphans::Finish).await?;
    for step in steps {
        match step {
            Step::Create { index } => build::create(&mut work, &index).await?,
            Step::Drop { schema, name } => remove::remove(&mut work, &schema, &name).await?,
            Step::Rebuild { sql, schema, name } => {
                rebuild::rebuild(&mut work, &sql, (&schema, &name)).await?;
            }
            Step::Other { sql } => run::plain(&mut work, &sql).await?,
        }
    }
    Ok(work.done)
}

/// Takes a change back. An index that was there before any run of this ledger is left alone.
///
/// # Errors
///
/// What the server refuses, who holds the lock, what could not be cleared.
pub async fn revert(
    target: &Target,
    change: &Change,
    past: &Past,
    options: Options,
    (journal, stop): (&mut dyn Journal, Stop),
) -> Result<Done, ApplyError> {
    let steps = steps::read(&change.revert)?;
    let mut work = begin(target, (change, past), options, (journal, stop), Orphans::End).await?;
    let mut again: Vec<String> = Vec::new();
    for step in steps {
        match step {
            Step::Create { index } => {
                build::create(&mut work, &index).await?;
                again.push(index.name);
            }
            Step::Drop { schema, name } => {
                let created = change.creates.iter().find(|(table, known)| {
                    *known == *name && (schema.is_empty() || table.schema == schema)
                });
                remove::take_back(&mut work, (&schema, &name), created.is_some()).await?;
            }
            Step::Rebuild { sql, schema, name } => {
                rebuild::rebuild(&mut work, &sql, (&schema, &name)).await?;
            }
            Step::Other { sql } => run::plain(&mut work, &sql).await?,
        }
    }
    // Of a partitioned table: what was built and never attached.
    let open = past.open.iter().filter_map(|(_, intent)| intent.index.as_ref());
    for index in past.made.iter().chain(open) {
        if index.made && !again.contains(&index.name) {
            remove::remove(&mut work, &index.table.schema, &index.name).await?;
        }
    }
    // What was dropped, or went with what it had been attached to.
    for index in &past.dropped {
        let definition = sql::IndexStatement::parse(&index.definition);
        if let Some(definition) = definition.filter(|_| !again.contains(&index.name)) {
            build::create(&mut work, &definition).await?;
        }
    }
    Ok(work.done)
}

async fn begin<'a>(
    target: &Target,
    (change, past): (&Change, &'a Past),
    options: Options,
    (journal, mut stop): (&'a mut dyn Journal, Stop),
    orphans: Orphans,
) -> Result<Work<'a>, ApplyError> {
    let mut session = Session::open(target, &options, steps::lock_names(change)).await?;
    let earlier: Vec<Backend> = past.open.iter().map(|(_, intent)| intent.backend).collect();
    session.lock(&earlier, orphans, journal, &mut stop).await?;
    let mut work = Work {
        session,
        options,
        journal,
        stop,
        past,
        made: Vec::new(),
        done: Done::default(),
        restores: orphans == Orphans::End,
    };
    for (number, intent) in &past.open {
        orphans::settle(&mut work, *number, intent).await?;
    }
    Ok(work)
}
