//! Watches one database: connects, polls, samples, and begins again when the connection breaks.

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use config::ObservePostgres;
use find::database::SeenPlan;
use model::{IndexSet, Moment, database::Database};
use postgres::{Connection, Limits, PollOptions, Poller, ReadError, ReadOptions};
use store::Store;

use super::{One, WatchState, Watched, history::Point, keep, lock};
use crate::database::find_in;

/// First and longest rest before connecting again.
const REST: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));
/// How often it is looked whether to stop.
const TURN: Duration = Duration::from_millis(100);
/// Between two choices of indexes: each asks the planner for seconds.
const ADVICE_EVERY: Duration = Duration::from_mins(30);
/// Before the first choice of indexes: a workload shows itself.
const ADVICE_AFTER: Duration = Duration::from_mins(2);
/// Between two savings of the history.
const SAVE_EVERY: Duration = Duration::from_mins(1);

/// Watches one database.
pub(super) struct Task {
    pub(super) one: Arc<One>,
    pub(super) watched: Arc<Watched>,
    pub(super) store: Arc<dyn Store>,
    pub(super) options: ObservePostgres,
    pub(super) window: Duration,
    pub(super) tell: Arc<dyn Fn() + Send + Sync>,
}

/// What is due when.
struct Due {
    poll: Instant,
    sample: Instant,
    save: Instant,
    advice: Instant,
}

impl Task {
    /// Watches until it is told to stop.
    pub(super) async fn run(self) {
        let keep = self.options.keep;
        keep::load(&*self.store, &self.one.id, keep, now(), &mut lock(&self.one.points));
        let mut poller = Poller::new(PollOptions {
            read: ReadOptions { tables_max: self.options.tables_max, ..ReadOptions::default() },
            sample_every: self.options.sample,
            poll_every: self.options.poll,
            catalog_every: self.options.catalog,
            window: self.window,
        });
        let mut rest = REST.0;
        let mut advice = Instant::now() + ADVICE_AFTER;
        while !self.watched.is_stopping() {
            match postgres::connect_asking(&self.one.request.target, &Limits::default()).await {
                Ok(connection) => {
                    let began = Instant::now();
                    let Err(error) = self.watch(&mut poller, &connection, &mut advice).await else {
                        break;
                    };
                    self.fail(in_full(&error), error.hint().to_owned());
                    if REST.1 < began.elapsed() {
                        rest = REST.0;
                    }
                }
                Err(error) => self.fail(in_full(&error), error.hint().to_owned()),
            }
            self.rest(rest).await;
            rest = (rest * 2).min(REST.1);
        }
        self.save();
    }

    /// Polls and samples until the connection breaks, or until it is told to stop.
    async fn watch(
        &self,
        poller: &mut Poller,
        connection: &Connection,
        advice: &mut Instant,
    ) -> Result<(), ReadError> {
        let begin = Instant::now();
        let mut due = Due { poll: begin, sample: begin, save: begin + SAVE_EVERY, advice: *advice };
        while !self.watched.is_stopping() {
            let time = Instant::now();
            if due.poll <= time {
                self.poll(poller, connection).await?;
                // Polls that take longer than their interval must not follow each other at once.
                let every = self.options.poll;
                due.poll = (time + every).max(Instant::now() + every / 2);
                self.ask_standbys(poller, time == begin).await;
            }
            if due.sample <= Instant::now() {
                poller.sample(connection).await?;
                let sample_millis = self.options.sample.as_secs_f64() * 1e3;
                lock(&self.watched.routes).name(poller.sessions(), sample_millis);
                lock(&self.one.log).sessions = poller.sessions().to_vec();
                due.sample = Instant::now() + self.options.sample;
            }
            if due.save <= Instant::now() {
                self.save();
                due.save = Instant::now() + SAVE_EVERY;
            }
            if due.advice <= Instant::now() {
                self.advise().await;
                due.advice = Instant::now() + ADVICE_EVERY;
                *advice = due.advice;
            }
            let next = due.poll.min(due.sample).min(Instant::now() + TURN);
            tokio::time::sleep_until(next.into()).await;
        }
        Ok(())
    }

    async fn poll(&self, poller: &mut Poller, connection: &Connection) -> Result<(), ReadError> {
        let begun = Instant::now();
        let poll = poller.poll(connection).await?;
        self.one.polls.add(begun.elapsed());
        let Some(mut latest) = poller.latest() else { return Ok(()) };
        lock(&self.watched.routes).tie(&mut latest);
        {
            let mut log = lock(&self.one.log);
            latest.log = log.told();
            lock(&self.one.points).push(Point::of(&poll, log.take()));
        }
        let proposal = lock(&self.one.standing).proposal.clone();
        let findings = self.look(&latest, proposal.as_deref());
        let mut known = lock(&self.one.standing);
        known.state = WatchState::Watching;
        known.latest = Some(Arc::new(latest));
        known.findings = Arc::new(findings);
        known.own_share = poller.own_share();
        known.polled = Some(poll.time);
        drop(known);
        (self.tell)();
        Ok(())
    }

    /// What is wrong. A detector that meets a bug costs what it would have found.
    fn look(&self, database: &Database, proposal: Option<&IndexSet>) -> Vec<model::Finding> {
        let logged: Vec<(i64, super::log::Logged)> = {
            let known = lock(&self.one.standing);
            let now = now();
            let lately = |plan: &&super::log::Logged| now.since(plan.seen.time) <= self.window;
            let newest = known.plans.iter().filter_map(|(id, plans)| {
                Some((*id, plans.first().filter(lately)?.within(self.window, now)))
            });
            newest.collect()
        };
        let plans: Vec<SeenPlan<'_>> = logged
            .iter()
            .map(|(query_id, logged)| SeenPlan {
                query_id: *query_id,
                fingerprint: logged.statement.fingerprint,
                plan: &logged.plan,
                text: &logged.seen.text,
                statement: Some(&logged.statement),
                runs: logged.runs,
                #[expect(clippy::cast_precision_loss, reason = "a mean for people")]
                millis: logged.total_millis / logged.runs.max(1) as f64,
            })
            .collect();
        let look = || find_in::findings_in(&self.one.request, database, proposal, &plans);
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(look)).unwrap_or_default()
    }

    /// Asks standbys which indexes they use, now and then.
    async fn ask_standbys(&self, poller: &mut Poller, is_first: bool) {
        if !is_first && !poller.standbys_are_due() {
            return;
        }
        let mut standbys = Vec::new();
        for target in &self.one.request.standbys {
            match postgres::connect_asking(target, &Limits::default()).await {
                Ok(standby) => standbys.push(standby),
                // What is not known of one is not known at all: it is asked again next time.
                Err(_) => return,
            }
        }
        if !standbys.is_empty() {
            drop(poller.ask_standbys(&standbys).await);
        }
    }

    /// Has indexes chosen for what ran lately; takes a thread of its own, and a connection of its own.
    async fn advise(&self) {
        let Some(database) = lock(&self.one.standing).latest.clone() else { return };
        let request = self.one.request.clone();
        let advise = move || {
            let mut notes = Vec::new();
            find_in::propose(&request, &database, &mut notes, &mut |_| {})
        };
        if let Ok(Some(proposal)) = tokio::task::spawn_blocking(advise).await {
            lock(&self.one.standing).proposal = Some(Arc::new(proposal));
            (self.tell)();
        }
    }

    fn fail(&self, error: String, hint: String) {
        self.one.errors.fetch_add(1, Ordering::Relaxed);
        let mut known = lock(&self.one.standing);
        let since = match &known.state {
            WatchState::Failed { since, .. } => *since,
            _ => now(),
        };
        let state = WatchState::Failed { error, hint, since };
        let is_news = known.state != state;
        known.state = state;
        drop(known);
        if is_news {
            (self.tell)();
        }
    }

    /// Saves the history of this hour. A full disk is told where spans are kept; history waits.
    fn save(&self) {
        let points = lock(&self.one.points);
        drop(keep::save(&*self.store, &self.one.id, self.options.keep, now(), &points));
    }

    async fn rest(&self, time: Duration) {
        let until = Instant::now() + time;
        while Instant::now() < until && !self.watched.is_stopping() {
            tokio::time::sleep(TURN).await;
        }
    }
}

/// An error and its causes in one line.
fn in_full(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

pub(super) fn now() -> Moment {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Moment { nanos: u64::try_from(since.as_nanos()).unwrap_or(u64::MAX) }
}
