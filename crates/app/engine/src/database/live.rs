//! Databases that are watched while `taut up` runs: each by a task of its own, all on one thread.
//!
//! A database that cannot be reached is tried again, at growing intervals; what was known of it stays. Faults are
//! looked for at each poll; choosing indexes asks the planner hundreds of times, and is done now and then, elsewhere.

mod history;
mod keep;
mod log;
mod routes;
mod task;

use std::{
    collections::BTreeMap,
    fmt, io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use config::Settings;
use model::{
    Finding, IndexSet, Moment, Trace, Window,
    database::{Database, IndexUse, RunStatistics, TableUse, WaitLoad},
};
use postgres::{ConnectError, Environment, Target};
use stats::{Timings, TimingsSeen};
use store::Store;

use super::{Activity, DatabaseRequest, DatabaseStanding, History, PlanSeen, Steps, WatchState};
use history::Points;
use routes::RoutesSeen;

/// Between two looks at the server's log.
const LOG_EVERY: Duration = Duration::from_millis(500);

/// Databases that are watched.
#[derive(Debug)]
pub(crate) struct Watched {
    databases: Vec<Arc<One>>,
    routes: Mutex<RoutesSeen>,
    stopping: AtomicBool,
}

/// One of them.
struct One {
    id: String,
    request: DatabaseRequest,
    standing: Mutex<Known>,
    points: Mutex<Points>,
    polls: Timings,
    errors: AtomicU64,
    log: Mutex<log::LogSeen>,
}

impl fmt::Debug for One {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "One({})", self.request.target)
    }
}

/// What is known of it.
#[derive(Debug)]
struct Known {
    state: WatchState,
    latest: Option<Arc<Database>>,
    findings: Arc<Vec<Finding>>,
    proposal: Option<Arc<IndexSet>>,
    own_share: f64,
    polled: Option<Moment>,
    plans: BTreeMap<i64, Vec<log::Logged>>,
}

impl Watched {
    /// Those that the settings name.
    ///
    /// # Errors
    ///
    /// An address makes no sense.
    pub(crate) fn new(settings: &Settings) -> Result<Self, ConnectError> {
        let mut databases: Vec<Arc<One>> = Vec::new();
        let parse = |url: &config::DatabaseUrl| target(url.secret(), settings);
        let standbys: Vec<Target> =
            settings.postgres.standbys.iter().map(parse).collect::<Result<_, _>>()?;
        for url in &settings.postgres.urls {
            let target = parse(url)?;
            let id = free_id(&target, &databases);
            let request = DatabaseRequest {
                target,
                standbys: standbys.clone(),
                watch: None,
                budget_bytes: None,
                settings: settings.find.clone(),
                targets: settings.targets,
                levels: settings.levels,
            };
            databases.push(Arc::new(One {
                id,
                request,
                standing: Mutex::new(Known::default()),
                points: Mutex::new(Points::new(settings.postgres.keep)),
                polls: Timings::default(),
                errors: AtomicU64::default(),
                log: Mutex::new(log::LogSeen::new(
                    settings.engine.window,
                    settings.postgres.log.is_some(),
                )),
            }));
        }
        Ok(Self {
            databases,
            routes: Mutex::new(RoutesSeen::new(settings.engine.window)),
            stopping: AtomicBool::new(false),
        })
    }

    /// Starts watching; `None` if there is nothing to watch. Runs until [`Watched::stop`].
    pub(crate) fn start(
        self: &Arc<Self>,
        settings: &Settings,
        store: &Arc<dyn Store>,
        tell: impl Fn() + Send + Sync + 'static,
    ) -> io::Result<Option<JoinHandle<()>>> {
        if self.databases.is_empty() {
            return Ok(None);
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (watched, store) = (Arc::clone(self), Arc::clone(store));
        let options = settings.postgres.clone();
        let window = settings.engine.window;
        let tell: Arc<dyn Fn() + Send + Sync> = Arc::new(tell);
        let run = move || {
            let tasks = watched.databases.iter().map(|one| {
                task::Task {
                    one: Arc::clone(one),
                    watched: Arc::clone(&watched),
                    store: Arc::clone(&store),
                    options: options.clone(),
                    window,
                    tell: Arc::clone(&tell),
                }
                .run()
            });
            let tasks: Vec<_> = tasks.map(|task| runtime.spawn(task)).collect();
            let mut log = options.log.as_deref().map(log::Follower::new);
            runtime.block_on(async {
                while let Some(log) = log.as_mut().filter(|_| !watched.is_stopping()) {
                    log.look(&watched.databases, task::now());
                    tokio::time::sleep(LOG_EVERY).await;
                }
                for task in tasks {
                    // A task that meets a bug ends; the others go on.
                    drop(task.await);
                }
            });
        };
        thread::Builder::new().name("databases".to_owned()).spawn(run).map(Some)
    }

    /// How long polls of a database took that worked.
    pub(crate) fn polls(&self, id: &str) -> TimingsSeen {
        self.one(id).map_or_else(TimingsSeen::default, |one| one.polls.seen())
    }

    /// Connections to and polls of a database that failed.
    pub(crate) fn errors(&self, id: &str) -> u64 {
        self.one(id).map_or(0, |one| one.errors.load(Ordering::Relaxed))
    }

    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// Remembers which operations run which statements.
    pub(crate) fn observe(&self, trace: &Trace, now: Moment) {
        if !self.databases.is_empty() {
            lock(&self.routes).add(trace, now);
        }
    }

    fn one(&self, id: &str) -> Option<&One> {
        self.databases.iter().find(|one| one.id == id).map(|one| &**one)
    }
}

impl Default for Known {
    fn default() -> Self {
        Self {
            state: WatchState::Connecting,
            latest: None,
            findings: Arc::default(),
            proposal: None,
            own_share: 0.0,
            polled: None,
            plans: BTreeMap::new(),
        }
    }
}

impl History for Watched {
    fn databases(&self) -> Vec<DatabaseStanding> {
        let standing = |one: &Arc<One>| {
            let known = lock(&one.standing);
            DatabaseStanding {
                id: one.id.clone(),
                shown: one.request.target.to_string(),
                state: known.state.clone(),
                latest: known.latest.clone(),
                findings: Arc::clone(&known.findings),
                proposal: known.proposal.clone(),
                own_share: known.own_share,
                polled: known.polled,
            }
        };
        self.databases.iter().map(standing).collect()
    }

    fn database_load(
        &self,
        id: &str,
        window: Window,
        steps: usize,
    ) -> Vec<(Moment, Vec<WaitLoad>)> {
        self.one(id).map_or_else(Vec::new, |one| lock(&one.points).load(window, steps))
    }

    fn statement_history(
        &self,
        id: &str,
        query_id: i64,
        window: Window,
        steps: usize,
    ) -> Vec<(Moment, RunStatistics)> {
        self.one(id)
            .map_or_else(Vec::new, |one| lock(&one.points).statement(query_id, window, steps))
    }

    fn connection_history(
        &self,
        id: &str,
        window: Window,
        steps: usize,
    ) -> Vec<(Moment, u32, u32)> {
        self.one(id).map_or_else(Vec::new, |one| lock(&one.points).connections(window, steps))
    }

    fn table_history(
        &self,
        id: &str,
        window: Window,
        steps: usize,
    ) -> Steps<BTreeMap<u32, TableUse>> {
        self.one(id).map_or_else(Vec::new, |one| lock(&one.points).tables(window, steps))
    }

    fn index_history(
        &self,
        id: &str,
        window: Window,
        steps: usize,
    ) -> Steps<BTreeMap<u32, IndexUse>> {
        self.one(id).map_or_else(Vec::new, |one| lock(&one.points).indexes(window, steps))
    }

    fn activity_history(&self, id: &str, window: Window, steps: usize) -> Steps<Activity> {
        self.one(id).map_or_else(Vec::new, |one| lock(&one.points).activity(window, steps))
    }

    fn plans_seen(&self, id: &str, query_id: i64) -> Vec<PlanSeen> {
        let Some(one) = self.one(id) else { return Vec::new() };
        let known = lock(&one.standing);
        let plans = known.plans.get(&query_id).into_iter().flatten();
        plans.map(|plan| plan.seen.clone()).collect()
    }
}

/// A database by its address; what the address leaves open is as PostgreSQL's own clients take it from the
/// environment.
///
/// # Errors
///
/// The address makes no sense.
pub fn target(address: &str, settings: &Settings) -> Result<Target, ConnectError> {
    let known = &settings.postgres.environment;
    let environment =
        Environment { variables: known.variables.clone(), passwords: known.passwords.clone() };
    Target::parse_in(address, &environment)
}

/// Stands in URLs; no other database has it.
fn free_id(target: &Target, taken: &[Arc<One>]) -> String {
    let shown = target.to_string();
    let (server, database) = shown.rsplit_once('/').unwrap_or((&shown, ""));
    let plain = |char: char| match char {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '.' | '-' => char,
        _ => '_',
    };
    let id: String = format!("{database}-{server}").chars().map(plain).collect();
    let is_free = |id: &str| taken.iter().all(|one| one.id != id);
    let numbered = (2..).map(|number| format!("{id}-{number}"));
    std::iter::once(id.clone()).chain(numbered).find(|id| is_free(id)).unwrap_or(id)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
