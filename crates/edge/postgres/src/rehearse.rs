//! Rehearsal: what a statement takes before and after a change, measured where it harms nobody.
//!
//! On a replica or on a clone; a primary is refused unless told otherwise. Each run is a transaction of its own that
//! reads only, is bounded by `statement_timeout` and `lock_timeout`, and is rolled back. A statement is run only once
//! the server's own tree of it shows that nothing it reaches can change anything: [`check_read_only`].

mod body;
mod calls;
mod harmless;
mod indexes;
mod judge;
mod measure;
mod place;
mod rows;
mod session;
mod text;
mod tree;
mod values;
mod views;

use std::time::Duration;

use tokio_postgres::error::SqlState;

pub use calls::Checked;
pub use indexes::{Built, IndexRehearsal, Indexes, Step, rehearse_indexes, rehearse_indexes_told};
pub use judge::Verdict;
pub use measure::Side;
pub use place::{ground, settings, table_numbers};
pub use rows::Rows;
pub use session::Session;
pub use values::{Valued, with_values};
pub use views::{View, rehearse_view};

use measure::Runner;

/// A statement, and values for its `$1`, `$2`, … as text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Statement {
    /// One query.
    pub sql: String,
    /// As many as the statement has parameters.
    pub parameters: Vec<Option<String>>,
}

impl Statement {
    /// A statement without parameters.
    pub fn new(sql: impl Into<String>) -> Self {
        Self { sql: sql.into(), parameters: Vec::new() }
    }
}

/// How careful, and how thorough, a rehearsal is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// A run that takes longer is ended by the server.
    pub statement_timeout: Duration,
    /// Waiting longer for a lock ends a run.
    pub lock_timeout: Duration,
    /// Runs of each side that count; one more of each comes first and does not.
    pub runs: u32,
    /// Run on a server that takes writes and is no clone of ours.
    pub primary: Allowed,
    /// Build and drop indexes there.
    pub building: Allowed,
    /// Building one index may take this long.
    pub building_timeout: Duration,
    /// Functions that change nothing although Taut cannot tell, `schema.name`.
    pub harmless: Vec<String>,
    /// `search_path`, where the application sets one.
    pub search_path: Option<String>,
    /// Further settings for each run, by name: those of the server that is rehearsed for, [`settings`].
    pub settings: Vec<(String, String)>,
}

impl Default for Options {
    /// Half a minute a run; six runs are the fewest whose median has an interval.
    fn default() -> Self {
        Self {
            statement_timeout: Duration::from_secs(30),
            lock_timeout: Duration::from_millis(500),
            runs: 6,
            primary: Allowed::No,
            building: Allowed::No,
            building_timeout: Duration::from_mins(10),
            harmless: Vec::new(),
            search_path: None,
            settings: Vec::new(),
        }
    }
}

/// Whether something risky was asked for in so many words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Allowed {
    /// It was not.
    #[default]
    No,
    /// It was.
    Yes,
}

/// What a server is, as far as a rehearsal cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ground {
    /// It replays what another server writes.
    Standby,
    /// A database that Taut made to rehearse in.
    Clone,
    /// It takes writes.
    Primary,
}

/// What two sides took, by turns, and what that proves.
#[derive(Debug, Clone, PartialEq)]
pub struct Rehearsal {
    /// Without the change.
    pub before: Side,
    /// With it.
    pub after: Side,
    /// What that proves.
    pub verdict: Verdict,
    /// Whether both return the same rows.
    pub rows: Rows,
    /// Where it ran.
    pub ground: Ground,
}

/// Rehearses a rewrite: `after` in the place of `before`, by turns, and compares their rows.
///
/// # Errors
///
/// [`RehearseError::Refused`] if one of them may do more than read, or the server is a primary;
/// [`RehearseError::Invalid`] if the server does not take one of them.
pub async fn rehearse_rewrite(
    session: &mut Session,
    before: &Statement,
    after: &Statement,
    options: &Options,
) -> Result<Rehearsal, RehearseError> {
    let mut rehearsal = turns(session, (before, &[]), (after, &[]), options).await?;
    let (first, second) = (text::read(&before.sql)?, text::read(&after.sql)?);
    let volatile = [before, after];
    for statement in volatile {
        let checked = check_read_only(session, statement, options).await?;
        if let Some(function) = checked.volatile.first() {
            let why = format!("`{function}` answers differently each time");
            rehearsal.rows = Rows::Unknown { why };
            return Ok(rehearsal);
        }
    }
    rehearsal.rows = rows::compare(session, (before, &first), (after, &second), options).await?;
    Ok(rehearsal)
}

/// Measures one statement as it is.
///
/// # Errors
///
/// As [`rehearse_rewrite`].
pub async fn measure(
    session: &mut Session,
    statement: &Statement,
    options: &Options,
) -> Result<Side, RehearseError> {
    admit(session, options).await?;
    let statement = checked(session, statement, options).await?;
    let mut runner = Runner::new(&statement, &[]);
    runner.warm_up(session, options).await?;
    for _ in 0..options.runs {
        runner.count(session, options).await?;
    }
    Ok(runner.finish())
}

/// Refuses a primary, unless it was allowed.
async fn admit(session: &mut Session, options: &Options) -> Result<Ground, RehearseError> {
    let ground = ground(session).await?;
    if ground == Ground::Primary && options.primary == Allowed::No {
        return Err(Refusal::Primary.into());
    }
    Ok(ground)
}

/// Two sides by turns: a statement each, and what makes the side what it is.
async fn turns(
    session: &mut Session,
    before: (&Statement, &[String]),
    after: (&Statement, &[String]),
    options: &Options,
) -> Result<Rehearsal, RehearseError> {
    let ground = admit(session, options).await?;
    let first = checked(session, before.0, options).await?;
    let second = checked(session, after.0, options).await?;
    let mut before = Runner::new(&first, before.1);
    let mut after = Runner::new(&second, after.1);
    before.warm_up(session, options).await?;
    after.warm_up(session, options).await?;
    for round in 0..options.runs {
        // What drifts hits both sides alike: each is first as often as second.
        if round % 2 == 0 {
            before.count(session, options).await?;
            after.count(session, options).await?;
        } else {
            after.count(session, options).await?;
            before.count(session, options).await?;
        }
    }
    let (before, after) = (before.finish(), after.finish());
    let verdict = judge::verdict(&before, &after, options.statement_timeout);
    Ok(Rehearsal { before, after, verdict, rows: Rows::NotCompared, ground })
}

/// The statement without what is around it, once it is known to only read.
async fn checked(
    session: &mut Session,
    statement: &Statement,
    options: &Options,
) -> Result<Statement, RehearseError> {
    check_read_only(session, statement, options).await?;
    let sql = text::read(&statement.sql)?.sql;
    Ok(Statement { sql, parameters: statement.parameters.clone() })
}

/// Makes sure that a statement only reads, whatever it calls; it is neither run nor planned for that.
///
/// # Errors
///
/// [`RehearseError::Refused`] if it writes, locks, or may do more than read; [`RehearseError::Server`] where the server
/// cannot tell.
pub async fn check_read_only(
    session: &mut Session,
    statement: &Statement,
    options: &Options,
) -> Result<Checked, RehearseError> {
    let sql = text::read(&statement.sql)?.sql;
    let statement = Statement { sql, parameters: statement.parameters.clone() };
    let printed = session.tree(&statement, options).await?;
    let mut tree = tree::Tree::default();
    tree.read(&printed);
    if tree.queries == 0 {
        return Err(Refusal::Untold.into());
    }
    if tree.writes {
        return Err(Refusal::Writes { what: "a part of it".to_owned() }.into());
    }
    if tree.locks {
        return Err(Refusal::Locks.into());
    }
    let transaction = session.begin(options).await?;
    // Nobody's tables and operators of the same names come before the server's own.
    transaction
        .batch_execute("set local search_path = pg_catalog, pg_temp")
        .await
        .map_err(|error| RehearseError::run("read what the statement calls", error))?;
    let followed = calls::follow(transaction.client(), tree, &options.harmless).await;
    // The answer is there; a connection that breaks now is told by the next question.
    transaction.rollback().await.ok();
    followed
}

/// Why a statement is not run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It does not begin as a query does.
    #[error("it is no query: it begins with `{begins}`")]
    NotAQuery {
        /// Its first word.
        begins: String,
    },
    /// There is more than one.
    #[error("it is more than one statement")]
    Several,
    /// It writes.
    #[error("it writes: {what}")]
    Writes {
        /// What does.
        what: String,
    },
    /// `FOR UPDATE`, `FOR SHARE`.
    #[error("it locks rows (FOR UPDATE or the like)")]
    Locks,
    /// A function that may do anything.
    #[error(
        "it reaches `{function}`, which is volatile: it may change what a rollback does not undo"
    )]
    Volatile {
        /// Its signature.
        function: String,
    },
    /// A function that cannot be looked into.
    #[error("it reaches `{function}`, which cannot be looked into: {why}")]
    Opaque {
        /// Its signature.
        function: String,
        /// Why not.
        why: String,
    },
    /// A table on another server.
    #[error("it reads `{name}`, which lies on another server")]
    ForeignTable {
        /// Its name.
        name: String,
    },
    /// It reaches more than can be looked at.
    #[error("it reaches more functions, types and tables than can be looked at")]
    TooMuch,
    /// The server does not tell.
    #[error("the server does not tell what it calls")]
    Untold,
    /// The server takes writes, and is no clone of ours.
    #[error("the server is a primary")]
    Primary,
    /// Indexes are to be built where that was not allowed.
    #[error("the database is no clone that Taut made, and indexes would be built in it")]
    Building,
    /// Something else than an index is to be built.
    #[error("it is no single CREATE INDEX: `{begins}`")]
    NotAnIndex {
        /// How it begins.
        begins: String,
    },
}

impl Refusal {
    /// What may help.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NotAQuery { .. } | Self::Several => "rehearse one SELECT, WITH, VALUES or TABLE",
            Self::Writes { .. } | Self::Locks => {
                "rehearse the part of it that reads, as a SELECT of its own"
            }
            Self::Volatile { .. } | Self::Opaque { .. } => {
                "if it changes nothing, name it as harmless; if it is only so by default, declare it STABLE"
            }
            Self::ForeignTable { .. } => "rehearse it on a clone, where the rows are local",
            Self::TooMuch => "rehearse a smaller part of it",
            Self::Untold => "rehearse it on a server of PostgreSQL itself, version 13 or newer",
            Self::NotAnIndex { .. } => "name one CREATE INDEX in each statement",
            Self::Building => "rehearse indexes on a clone; Taut can make one",
            Self::Primary => {
                "name a replica or let Taut make a clone; or allow the primary in so many words"
            }
        }
    }
}

/// Why a rehearsal came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum RehearseError {
    /// The statement is not run.
    #[error("refused to run the statement: {0}")]
    Refused(#[from] Refusal),
    /// The server does not take the statement.
    #[error("the server does not take the statement")]
    Invalid(#[source] tokio_postgres::Error),
    /// Somebody else holds a lock for longer than `lock_timeout`.
    #[error("failed to {what}: somebody else holds a lock on it")]
    Locked {
        /// What was tried.
        what: &'static str,
        /// What the server said.
        #[source]
        source: tokio_postgres::Error,
    },
    /// The server failed.
    #[error("failed to {what}")]
    Server {
        /// What was tried.
        what: &'static str,
        /// What the server or the network said.
        #[source]
        source: tokio_postgres::Error,
    },
}

impl RehearseError {
    /// What the server or the network says to a step of a rehearsal.
    fn run(what: &'static str, source: tokio_postgres::Error) -> Self {
        match source.code() {
            Some(&SqlState::LOCK_NOT_AVAILABLE) => Self::Locked { what, source },
            Some(&SqlState::QUERY_CANCELED) => Self::Server { what, source },
            _ if indexes::is_gone(&source) => Self::Server { what, source },
            _ => Self::Invalid(source),
        }
    }

    /// All of it in one line.
    fn told(&self) -> String {
        let cause = match self {
            Self::Refused(_) => None,
            Self::Invalid(source) | Self::Locked { source, .. } | Self::Server { source, .. } => {
                Some(
                    source
                        .as_db_error()
                        .map_or_else(|| source.to_string(), |error| error.message().to_owned()),
                )
            }
        };
        cause.map_or_else(|| self.to_string(), |cause| format!("{self}: {cause}"))
    }
}
