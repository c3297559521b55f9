//! What is wrong in a database: read it, have indexes chosen for its statements, look for faults, say what to do.

use std::{collections::BTreeMap, time::Duration};

use find::{DatabaseView, RequestView, database::SeenPlan};
use model::{Finding, IndexSet, Trace, database::Database, database::Routes};
use postgres::{
    ConnectError, Connection, Limits, PollOptions, Poller, ReadError, ReadOptions, Target,
};

pub(super) use super::propose::propose;

/// What to look at, and how.
#[derive(Debug, Clone)]
pub struct DatabaseRequest {
    /// The database.
    pub target: Target,
    /// Its standbys, whose use of indexes counts too.
    pub standbys: Vec<Target>,
    /// Watch it for so long, and judge what happened meanwhile; else everything since its statistics were reset.
    pub watch: Option<Duration>,
    /// Bytes that proposed indexes may take together.
    pub budget_bytes: Option<u64>,
    /// Which detectors run, and with which figures.
    pub settings: find::Settings,
    /// What requests and statements are meant to take.
    pub targets: find::Targets,
    /// From when on a finding has which level.
    pub levels: find::Levels,
}

/// What was found in a database.
#[derive(Debug, Clone, PartialEq)]
pub struct DatabaseFound {
    /// All that was read.
    pub database: Database,
    /// What to fix first comes first, each with what to do about it.
    pub findings: Vec<Finding>,
    /// Indexes chosen together for its statements; `None` where there are no statements, or no session that plans them.
    pub proposal: Option<IndexSet>,
    /// What was not looked at, and why, for people.
    pub notes: Vec<String>,
}

/// What is being done, for people who wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Connecting.
    Connecting,
    /// Reading catalogs and statistics.
    Reading,
    /// Watching what happens: so much of it is left.
    Watching(Duration),
    /// Asking the standbys.
    Standbys,
    /// Choosing indexes for so many statements.
    Advising(usize),
    /// Looking for faults.
    Looking,
}

impl std::fmt::Display for Step {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Connecting => out.write_str("connecting"),
            Self::Reading => out.write_str("reading catalogs and statistics"),
            Self::Watching(left) => write!(out, "watching, {} s to go", left.as_secs()),
            Self::Standbys => out.write_str("asking standbys"),
            Self::Advising(statements) => {
                write!(out, "asking the planner about indexes for {statements} statements")
            }
            Self::Looking => out.write_str("looking for faults"),
        }
    }
}

/// Why a database could not be looked at.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// There is no connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// It broke, or the server is too old.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// No thread or no poll.
    #[error("failed to start a runtime")]
    Runtime(#[source] std::io::Error),
}

impl DatabaseError {
    /// What may help.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Connect(error) => error.hint().to_owned(),
            Self::Read(error) => error.hint().to_owned(),
            Self::Runtime(_) => "the system is out of threads or files".to_owned(),
        }
    }
}

/// The newest version that is known; a newer one is read all the same.
const NEWEST: u32 = 18;

/// Time between two samples of sessions while watching.
const SAMPLE_EVERY: Duration = Duration::from_secs(1);

/// Reads a database and says what is wrong in it. `traces` tell which operations run its statements. `tell` is called
/// with each step.
///
/// # Errors
///
/// It cannot be reached or read. Whatever less goes wrong is in the notes.
pub fn find_in(
    request: &DatabaseRequest,
    traces: &[Trace],
    tell: &mut dyn FnMut(Step),
) -> Result<DatabaseFound, DatabaseError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(DatabaseError::Runtime)?;
    let mut notes = Vec::new();
    let mut database = runtime.block_on(read(request, &mut notes, tell))?;
    drop(runtime);
    if NEWEST < database.server.major() {
        notes.push(format!(
            "PostgreSQL {} is newer than the newest that is known, {NEWEST}: what it counts differently may be missing",
            database.server.major()
        ));
    }
    tie_routes(&mut database, traces);
    let proposal = propose(request, &database, &mut notes, tell);
    tell(Step::Looking);
    let findings = findings_in(request, &database, proposal.as_ref(), &[]);
    notes.extend(unjudged(&database));
    Ok(DatabaseFound { database, findings, proposal, notes })
}

/// What is wrong in a database that was read already, ranked, each with what to do about it.
#[must_use]
pub fn findings_in(
    request: &DatabaseRequest,
    database: &Database,
    proposal: Option<&IndexSet>,
    plans: &[SeenPlan<'_>],
) -> Vec<Finding> {
    let mut view = DatabaseView::new(database, proposal, plans, request.targets);
    view.plan_limits = find::plan::PlanLimits::of(&request.settings);
    let mut findings = find::database::look(&view, &request.settings, &request.levels);
    for finding in &mut findings {
        finding.advice = fix::advise(finding);
    }
    findings
}

/// Puts what was found in traces and in a database together, ranked as one.
pub fn join(findings: &mut Vec<Finding>, of_database: Vec<Finding>, levels: &find::Levels) {
    find::database::join(findings, of_database, levels);
    for finding in findings.iter_mut() {
        finding.advice = fix::advise(finding);
    }
}

async fn read(
    request: &DatabaseRequest,
    notes: &mut Vec<String>,
    tell: &mut dyn FnMut(Step),
) -> Result<Database, DatabaseError> {
    tell(Step::Connecting);
    let connection = postgres::connect_asking(&request.target, &Limits::default()).await?;
    tell(Step::Reading);
    let mut database = match request.watch {
        None => postgres::read_database(&connection, &ReadOptions::default()).await?,
        Some(time) => watch(&connection, time, tell).await?,
    };
    if !request.standbys.is_empty() {
        tell(Step::Standbys);
        ask_standbys(request, &mut database, notes).await;
    }
    Ok(database)
}

/// Two polls with samples in between: what happened meanwhile.
async fn watch(
    connection: &Connection,
    time: Duration,
    tell: &mut dyn FnMut(Step),
) -> Result<Database, DatabaseError> {
    let options = PollOptions {
        sample_every: SAMPLE_EVERY,
        poll_every: time.max(SAMPLE_EVERY),
        window: time.max(Duration::from_mins(1)),
        ..PollOptions::default()
    };
    let mut poller = Poller::new(options);
    poller.poll(connection).await?;
    let mut left = time;
    while !left.is_zero() {
        tell(Step::Watching(left));
        let step = left.min(SAMPLE_EVERY);
        tokio::time::sleep(step).await;
        poller.sample(connection).await?;
        left = left.saturating_sub(step);
    }
    tell(Step::Reading);
    poller.poll(connection).await?;
    Ok(poller.latest().unwrap_or_default())
}

/// Adds up what standbys read of each index; one that cannot be asked leaves the question open.
async fn ask_standbys(request: &DatabaseRequest, database: &mut Database, notes: &mut Vec<String>) {
    let mut sum: BTreeMap<u32, u64> = BTreeMap::new();
    for target in &request.standbys {
        let scans = match postgres::connect_asking(target, &Limits::default()).await {
            Ok(standby) => {
                postgres::standby_scans(&standby, database).await.map_err(|error| error.to_string())
            }
            Err(error) => Err(format!("{error}: {}", error.hint())),
        };
        match scans {
            Ok(scans) => {
                for (oid, count) in scans {
                    *sum.entry(oid).or_default() += count;
                }
            }
            Err(error) => {
                notes.push(format!(
                    "a standby was not asked, so no index is called unused: {error}"
                ));
                return;
            }
        }
    }
    // Standbys beyond those that were given may use what these do not.
    if request.standbys.len() < database.standbys.len() {
        notes.push(format!(
            "{} of {} standbys were asked: an index that looks unused may be used on another",
            request.standbys.len(),
            database.standbys.len()
        ));
        return;
    }
    postgres::tell_standby_scans(database, &sum);
}

/// What was looked for and could not be judged.
fn unjudged(database: &Database) -> Vec<String> {
    let mut notes = Vec::new();
    let open = database.indexes.iter().filter(|it| it.usage.standby_scans.is_none()).count();
    if 0 < open && !database.standbys.is_empty() {
        notes.push(format!(
            "whether indexes are unused is not judged: {} here, and nothing is known of what they read (--standby URL)",
            match database.standbys.len() {
                1 => "a standby streams from".to_owned(),
                many => format!("{many} standbys stream from"),
            }
        ));
    }
    if 0 < database.tables_left_out {
        notes.push(format!("{} small tables were not looked at", database.tables_left_out));
    }
    notes
}

/// Tells each statement which operations run it, by the traces: equal fingerprints are the same statement. Traces are a
/// sample, so that their shares are what counts; together they stand for all runs.
pub fn tie_routes(database: &mut Database, traces: &[Trace]) {
    let mut seen: BTreeMap<u64, Routes> = BTreeMap::new();
    for trace in traces {
        for entry in &trace.entries {
            let view = RequestView::new(trace, *entry);
            for group in &view.statements {
                let millis = view.spent(&group.places).as_secs_f64() * 1e3;
                let routes = seen.entry(group.text.fingerprint).or_default();
                let route = routes.entry(view.key.clone()).or_default();
                *route = (route.0 + u64::from(group.count), route.1 + millis);
            }
        }
    }
    for statement in &mut database.statements {
        let Some(routes) = seen.get(&statement.text.fingerprint) else { continue };
        let spent: f64 = routes.values().map(|(_, millis)| millis).sum();
        let runs: u64 = routes.values().map(|(runs, _)| runs).sum();
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "shares of counts"
        )]
        for (key, (count, millis)) in routes {
            let share =
                if 0.0 < spent { millis / spent } else { *count as f64 / runs.max(1) as f64 };
            let calls = (statement.runs.calls as f64 * share).round() as u64;
            statement.routes.insert(key.clone(), (calls, statement.runs.total_millis * share));
        }
    }
}
