//! Rehearsing a change before it is made: its statements with it and without, on a replica or on a clone that is made
//! for it and dropped afterwards.

mod outcome;
mod statements;

use std::time::{Duration, SystemTime};

use model::{Change, database::TableName};
use postgres::{
    Target,
    apply::Stop,
    clone::{self, CloneOptions, Cloned},
    rehearse::{
        self, Allowed, Ground, Indexes, Options, Rehearsal as Turns, Session, Statement, Valued,
        View,
    },
};
use store::ledger::{Rehearsal, RehearsedIndex, SampledTable};

use super::{FixError, Fixable};
use outcome::Ran;
use statements::{Given, gather};

/// Where to rehearse, and how thoroughly.
#[derive(Debug, Clone)]
pub struct RehearsalRequest {
    /// The database that the change is for.
    pub target: Target,
    /// Where.
    pub place: Place,
    /// Statements that somebody gave, verbatim; without any, those that the change is for.
    pub statements: Vec<String>,
    /// How careful, and how many runs.
    pub options: Options,
    /// How much a clone has.
    pub clone: CloneOptions,
}

/// Where to rehearse.
#[derive(Debug, Clone)]
pub enum Place {
    /// On this server as it is: a replica, or a clone that somebody keeps.
    On(Box<Target>),
    /// On a clone that is made for it.
    Clone {
        /// On this server.
        scratch: Box<Target>,
        /// Its rows are from here.
        rows_from: Box<Target>,
    },
}

/// What came out.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Rehearsed {
    /// With all figures, as the ledger keeps them.
    pub figures: Rehearsal,
    /// In one sentence.
    pub claim: String,
    /// Plans of each statement, before and after, as `EXPLAIN` prints them; in the order of the statements.
    pub plans: Vec<(String, String)>,
    /// What else is to be known, for people.
    pub notes: Vec<String>,
}

/// How far it is, for people who wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RehearsalNews {
    /// What is being done; a line of its own where nothing moves.
    pub phase: String,
    /// How far it is with that; empty if nothing is to be told.
    pub detail: String,
}

/// What is rehearsed.
#[derive(Debug, Clone, PartialEq, Eq)]
enum What {
    /// Indexes made and dropped.
    Indexes(Indexes),
    /// A materialised view made, and read instead.
    View(View),
    /// A statement in place of another.
    Rewrite { before: String, after: String },
}

/// As `Rehearsed`, without a ledger: the change is tried, and nothing is noted.
pub(super) async fn rehearse(
    fixable: &Fixable,
    request: &RehearsalRequest,
    (tell, mut stop): (&mut (dyn FnMut(RehearsalNews) + Send), Stop),
) -> Result<Rehearsed, FixError> {
    let (what, mut notes) = what(fixable)?;
    let given = gather(fixable, request, &what).await?;
    match &request.place {
        Place::On(place) => {
            news(tell, "connecting");
            let mut session = Session::open(place).await?;
            let ran = tokio::select! {
                ran = run(&mut session, &what, given, request, tell) => ran?,
                () = stop.told(1) => return Err(FixError::Stopped),
            };
            notes.extend(ran.notes.clone());
            Ok(outcome::told(ran, &what, Vec::new(), notes))
        }
        Place::Clone { scratch, rows_from } => {
            let mut source = Session::open(rows_from).await?;
            let mut request = request.clone();
            let given = read_on(&mut source, fixable, given, &mut request, tell).await?;
            drop(source);
            let mut making = stop.clone();
            let mut step = |step| tell(cloning(step));
            let made = clone::make_told(
                rows_from,
                scratch,
                &request.clone,
                SystemTime::now(),
                (&mut step, making.told(1)),
            );
            let cloned = match made.await {
                Err(clone::CloneError::Stopped) => return Err(FixError::Stopped),
                made => made?,
            };
            notes.extend(cloned.notes.clone());
            let sampled = sampled(&cloned);
            let ran = async {
                let mut session = Session::open(&cloned.target).await?;
                run(&mut session, &what, given, &request, tell).await
            };
            let ran = tokio::select! {
                ran = ran => ran,
                () = stop.told(1) => Err(FixError::Stopped),
            };
            // Whatever came out, the clone goes.
            let name = cloned.name.clone();
            if let Err(error) = cloned.drop_database().await {
                notes.push(format!(
                    "the clone `{name}` could not be dropped, the next rehearsal does: {error}"
                ));
            }
            let ran = ran?;
            notes.extend(ran.notes.clone());
            Ok(outcome::told(ran, &what, sampled, notes))
        }
    }
}

fn news(tell: &mut (dyn FnMut(RehearsalNews) + Send), phase: &str) {
    tell(RehearsalNews { phase: phase.to_owned(), detail: String::new() });
}

/// What of a change can be rehearsed, and what cannot.
fn what(fixable: &Fixable) -> Result<(What, Vec<String>), FixError> {
    if let Some((before, after)) = &fixable.rewrite
        && fixable.change.apply.is_empty()
    {
        return Ok((What::Rewrite { before: before.clone(), after: after.clone() }, Vec::new()));
    }
    let change = &fixable.change;
    if let Some(view) = view(change) {
        return Ok((What::View(view), Vec::new()));
    }
    let mut notes = Vec::new();
    let mut indexes = Indexes::default();
    for sql in &change.apply {
        if sql::IndexStatement::parse(sql).is_some() {
            indexes.create.push(sql.clone());
        } else if sql::dropped_index(sql).is_none() {
            notes.push(format!("not rehearsed: {sql}"));
        }
    }
    let drops = change.drops.iter();
    indexes.drop =
        drops.map(|(table, name)| (table.schema.to_string(), name.to_string())).collect();
    if indexes == Indexes::default() {
        return Err(FixError::NotRehearsed {
            why: "only indexes, materialised views and rewritten statements can be rehearsed".to_owned(),
            hint: "`taut fix ID` shows what this change does; --check after --apply tells whether it worked"
                .to_owned(),
        });
    }
    Ok((What::Indexes(indexes), notes))
}

/// The materialised view that a change makes, if that is what it does.
fn view(change: &Change) -> Option<View> {
    let [revert] = change.revert.as_slice() else { return None };
    let name = revert.strip_prefix("DROP MATERIALIZED VIEW ")?;
    let (create, rest) = change.apply.split_first()?;
    let query = create.strip_prefix("CREATE MATERIALIZED VIEW ")?.strip_prefix(name)?;
    let query = query.strip_prefix(" AS ")?;
    let indexes = rest.iter().filter(|sql| sql::IndexStatement::parse(sql).is_some());
    Some(View {
        name: name.to_owned(),
        query: query.to_owned(),
        indexes: indexes.cloned().collect(),
    })
}

/// Whether a change can be tried on a clone before it is made.
#[must_use]
pub fn can_be_rehearsed(fixable: &Fixable) -> bool {
    what(fixable).is_ok()
}

/// Reads on the source which statements may run and which tables they need, before anything is cloned.
async fn read_on(
    source: &mut Session,
    fixable: &Fixable,
    given: Vec<Given>,
    request: &mut RehearsalRequest,
    tell: &mut (dyn FnMut(RehearsalNews) + Send),
) -> Result<Vec<Given>, FixError> {
    news(tell, "looking at what the statements read");
    let mut checked = Vec::new();
    let mut tables: Vec<u32> = Vec::new();
    for mut one in given {
        if one.refused.is_empty() {
            let statement = Statement::new(one.sql.clone());
            match rehearse::check_read_only(source, &statement, &request.options).await {
                Ok(found) => tables.extend(found.relations),
                Err(error) => one.refused = statements::reason(error)?,
            }
        }
        checked.push(one);
    }
    if checked.iter().all(|one| !one.refused.is_empty()) {
        return Err(nothing_runs(&checked));
    }
    let change = &fixable.change;
    let named: Vec<TableName> =
        change.creates.iter().chain(&change.drops).map(|(table, _)| table.clone()).collect();
    tables.extend(rehearse::table_numbers(source, &named).await?);
    tables.sort_unstable();
    tables.dedup();
    request.clone.tables = tables;
    request.options.settings = rehearse::settings(source).await?;
    Ok(checked)
}

fn nothing_runs(given: &[Given]) -> FixError {
    let why: Vec<String> = given.iter().map(|one| one.refused.clone()).collect();
    FixError::NotRehearsed {
        why: format!("no statement of it can be run: {}", why.join("; ")),
        hint: "--query gives a statement with the values of your choice; it has to be one that only reads"
            .to_owned(),
    }
}

/// Finds values, and measures.
async fn run(
    session: &mut Session,
    what: &What,
    given: Vec<Given>,
    request: &RehearsalRequest,
    tell: &mut (dyn FnMut(RehearsalNews) + Send),
) -> Result<Ran, FixError> {
    let ground = rehearse::ground(session).await?;
    if ground == Ground::Primary && request.options.primary == Allowed::No {
        return Err(rehearse::RehearseError::from(rehearse::Refusal::Primary).into());
    }
    if !matches!(what, What::Rewrite { .. }) && ground != Ground::Clone {
        return Err(FixError::NotRehearsed {
            why: "indexes and views are made for a rehearsal, which is done on clones alone".to_owned(),
            hint: "--clone here makes one on the same server, --clone URL on another; it is dropped afterwards"
                .to_owned(),
        });
    }
    let mut ran = Ran { ground: Some(ground), ..Ran::default() };
    let mut ready: Vec<Valued> = Vec::new();
    news(tell, "looking for values of parameters");
    for mut one in given {
        if one.refused.is_empty() {
            match rehearse::with_values(session, &one.sql, &request.options).await {
                Ok(valued) => ready.push(valued),
                Err(error) => one.refused = statements::reason(error)?,
            }
        }
        ran.given.push(one);
    }
    ran.notes.extend(statements::about_values(&ready));
    let statements: Vec<Statement> = ready.into_iter().map(|it| it.statement).collect();
    if statements.is_empty() {
        return Err(nothing_runs(&ran.given));
    }
    match what {
        What::Indexes(indexes) => {
            let mut step = |step: rehearse::Step<'_>| tell(measuring(step));
            let done = rehearse::rehearse_indexes_told(
                session,
                indexes,
                &statements,
                &request.options,
                &mut step,
            )
            .await?;
            ran.indexes = done.built.iter().map(index).collect();
            ran.turns = done.statements;
        }
        What::View(view) => {
            let mut step = |step: rehearse::Step<'_>| tell(measuring(step));
            let options = &request.options;
            let done =
                rehearse::rehearse_view(session, view, &statements, options, &mut step).await?;
            ran.indexes = done.built.iter().map(index).collect();
            ran.turns = done.statements;
        }
        What::Rewrite { after, .. } => {
            tell(measuring(rehearse::Step::Measuring(1, 1)));
            for before in &statements {
                let after = statements::rewritten(after, before);
                let done =
                    rehearse::rehearse_rewrite(session, before, &after, &request.options).await;
                ran.turns.push(match done {
                    Ok(turns) => Ok(turns),
                    Err(error) => Err(statements::reason(error)?),
                });
            }
        }
    }
    Ok(ran)
}

fn index(built: &rehearse::Built) -> RehearsedIndex {
    RehearsedIndex {
        name: built.name.clone(),
        bytes: built.bytes,
        millis: u64::try_from(built.took.as_millis()).unwrap_or(u64::MAX),
    }
}

fn sampled(cloned: &Cloned) -> Vec<SampledTable> {
    let tables = cloned.tables.iter();
    tables
        .map(|it| SampledTable { name: it.name.clone(), rows: it.rows, fraction: it.fraction })
        .collect()
}

fn cloning(step: clone::Step) -> RehearsalNews {
    let (phase, detail) = match step {
        clone::Step::Schema => ("making a clone: its tables".to_owned(), String::new()),
        clone::Step::Copying(place, of, table, rows) => {
            let detail = if rows == 0 { String::new() } else { format!("{rows} rows") };
            (format!("copying rows of {table} ({place} of {of})"), detail)
        }
        clone::Step::References => ("fetching what they refer to".to_owned(), String::new()),
        clone::Step::Indexes => ("making its constraints and indexes".to_owned(), String::new()),
        clone::Step::Statistics => ("gathering statistics on it".to_owned(), String::new()),
    };
    RehearsalNews { phase, detail }
}

fn measuring(step: rehearse::Step<'_>) -> RehearsalNews {
    let (phase, detail) = match step {
        rehearse::Step::Building(place, of, ddl) => {
            let what = if sql::IndexStatement::parse(ddl).is_some() { "index" } else { "view" };
            (format!("building {what} {place} of {of}"), ddl.to_owned())
        }
        rehearse::Step::Measuring(place, of) => (
            format!("measuring statement {place} of {of}, before and after by turns"),
            String::new(),
        ),
        rehearse::Step::Clearing => ("clearing up".to_owned(), String::new()),
    };
    RehearsalNews { phase, detail }
}

/// Milliseconds.
fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// What two sides came to, or why they were not run.
type Outcome = Result<Turns, String>;
