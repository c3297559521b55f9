//! Canaries at work: who of two versions answers, what is known of both, and what becomes of the new one.
//!
//! `traffic::canary` decides where a request goes and what follows from a comparison, `prove::compare` compares; here is
//! what both need, bounded, and a turn every now and then.

use std::{
    collections::{BTreeMap, VecDeque},
    net::IpAddr,
    rc::Rc,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use http::{HeaderMap, HeaderValue, header};
use model::Moment;
use prove::compare::{Comparison, Question, Request, Side, Verdict, compare};
use traffic::{
    canary::{self, CanaryRule, Course, Drawn, Found, Move, Stage, Sticky, Version},
    plan::{Plan, Route},
};

use crate::{clock, explain::Decision, proxy::Admitted, state::Shared, worker::Worker};

/// Requests of a version that are kept at once, half a megabyte: more make intervals narrower than anybody needs.
const SAMPLES_MAX: usize = 20_000;

/// What happened that is remembered: a few courses.
const NEWS_MAX: usize = 100;

/// How long a browser keeps its place: as long as a course takes, and some days.
const COOKIE_SECONDS: u32 = 14 * 24 * 60 * 60;

/// What happens to a canary, for whoever keeps it.
#[derive(Debug, Clone, PartialEq)]
pub struct CanaryNews {
    /// When.
    pub time: Moment,
    /// Its route.
    pub route: String,
    /// The service that was there.
    pub old: String,
    /// The new version.
    pub new: String,
    /// What is done with the new version from now on: `going`, `held`, `done`, `reverted`.
    pub stage: &'static str,
    /// The place among the steps.
    pub step: usize,
    /// Its share from now on.
    pub share: f64,
    /// Why, in a sentence with its figures.
    pub why: String,
    /// Whether somebody ordered it.
    pub ordered: bool,
}

/// Where a canary stood when the gateway was stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CanaryStands {
    /// Its route.
    pub route: String,
    /// The new version.
    pub new: String,
    /// As in [`CanaryNews::stage`].
    pub stage: String,
    /// The place among the steps.
    pub step: usize,
}

/// Counts what happened to canaries and could not be kept, as whoever keeps it finds out.
#[derive(Debug, Clone, Default)]
pub struct CanaryLosses(Arc<AtomicU64>);

impl CanaryLosses {
    /// So many more were lost.
    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// All that were lost.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Whoever wants to know what happens to canaries. It is called on threads that look after them: it is not to wait.
pub type CanaryListener = Box<dyn Fn(&CanaryNews) + Send + Sync>;

/// All of them, what happened to them, and who is told.
#[derive(Default)]
pub(crate) struct Canaries {
    by_route: Mutex<BTreeMap<String, Arc<Canary>>>,
    pub(crate) lately: Mutex<VecDeque<CanaryNews>>,
    listener: Mutex<Option<CanaryListener>>,
    /// Where they stand, and stood before the start.
    stood: Mutex<Vec<CanaryStands>>,
    pub(crate) losses: CanaryLosses,
}

impl std::fmt::Debug for Canaries {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Canaries(..)")
    }
}

impl Canaries {
    /// The canary of a route, if it has one: that which is known, unless it was one of other versions or rules.
    pub(crate) fn of(&self, plan: &Plan, route: &Route) -> Option<Arc<Canary>> {
        let rule = route.canary.as_deref()?;
        let old = &plan.services.get(route.service)?.name;
        let new = &plan.services.get(rule.service)?.name;
        let mut by_route = lock(&self.by_route);
        if let Some(known) = by_route.get(&route.name)
            && known.old == *old
            && known.new == *new
            && known.rule == *rule
        {
            return Some(Arc::clone(known));
        }
        let names = (&*route.name, &**old, &**new);
        let fresh = Arc::new(Canary::new(rule.clone(), names, &lock(&self.stood), clock::now()));
        by_route.insert(route.name.clone(), Arc::clone(&fresh));
        Some(fresh)
    }

    /// Those of a plan.
    pub(crate) fn all(&self, plan: &Plan) -> Vec<Arc<Canary>> {
        plan.routes.iter().filter_map(|route| self.of(plan, route)).collect()
    }

    /// See [`crate::Gateway::keep_canaries`].
    pub(crate) fn keep(&self, stood: Vec<CanaryStands>, listener: CanaryListener) {
        *lock(&self.stood) = stood;
        // Those that have begun in the meantime begin again.
        lock(&self.by_route).clear();
        *lock(&self.listener) = Some(listener);
    }

    /// Remembers what happened, and tells it.
    pub(crate) fn tell(&self, news: CanaryNews) {
        {
            // A rule that is changed goes on from here, and not from where it was at the start.
            let mut stood = lock(&self.stood);
            stood.retain(|it| it.route != news.route);
            stood.push(CanaryStands {
                route: news.route.clone(),
                new: news.new.clone(),
                stage: news.stage.to_owned(),
                step: news.step,
            });
        }
        if let Some(listener) = &*lock(&self.listener) {
            listener(&news);
        }
        let mut lately = lock(&self.lately);
        if NEWS_MAX <= lately.len() {
            lately.pop_front();
        }
        lately.push_back(news);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The canary of a route.
#[derive(Debug)]
pub(crate) struct Canary {
    pub(crate) rule: CanaryRule,
    pub(crate) route: String,
    pub(crate) old: String,
    pub(crate) new: String,
    /// The share of the new version, as its bits.
    share: AtomicU64,
    course: Mutex<Course>,
    samples: Mutex<Samples>,
    /// The last comparison, for people.
    judged: Mutex<Option<String>>,
    /// Whether anything was told of it, now or before the start.
    is_told: AtomicBool,
    /// Requests by version and by whether they failed, since the start.
    pub(crate) counts: [[AtomicU64; 2]; 2],
}

/// What was seen of both versions since the step began.
#[derive(Debug, Default)]
struct Samples {
    began: Moment,
    sides: [Sampled; 2],
}

#[derive(Debug, Default)]
struct Sampled {
    /// The newest ones.
    requests: Vec<Request>,
    count: u64,
}

impl Sampled {
    fn add(&mut self, request: Request) {
        let place = usize::try_from(self.count).unwrap_or(usize::MAX) % SAMPLES_MAX;
        match self.requests.get_mut(place) {
            Some(oldest) => *oldest = request,
            None => self.requests.push(request),
        }
        self.count += 1;
    }
}

fn place(version: Version) -> usize {
    usize::from(version == Version::New)
}

impl Canary {
    /// One that begins, or goes on where it stood.
    pub(crate) fn new(
        rule: CanaryRule,
        (route, old, new): (&str, &str, &str),
        stood: &[CanaryStands],
        now: Moment,
    ) -> Self {
        let stood = stood.iter().find(|stood| stood.route == route && stood.new == new);
        let course = stood.and_then(|stood| {
            let step = stood.step.min(rule.steps.len().saturating_sub(1));
            Some(Course::resumed(Stage::parse(&stood.stage)?, step, now))
        });
        let is_told = AtomicBool::new(course.is_some());
        let course = course.unwrap_or_else(|| Course::new(now));
        Self {
            is_told,
            share: AtomicU64::new(course.share(&rule).to_bits()),
            course: Mutex::new(course),
            rule,
            route: route.to_owned(),
            old: old.to_owned(),
            new: new.to_owned(),
            samples: Mutex::new(Samples { began: now, ..Samples::default() }),
            judged: Mutex::default(),
            counts: Default::default(),
        }
    }

    /// Who answers a request.
    pub(crate) fn draw(&self, client: IpAddr, headers: &HeaderMap, chance: f64) -> Drawn {
        canary::draw(&self.rule, self.share(), (client, headers), chance)
    }

    /// The share of the new version.
    pub(crate) fn share(&self) -> f64 {
        f64::from_bits(self.share.load(Ordering::Relaxed))
    }

    /// A request was answered, or was not.
    pub(crate) fn record(&self, drawn: Drawn, took: Duration, failed: bool, now: Moment) {
        let version = place(drawn.version);
        self.counts[version][usize::from(failed)].fetch_add(1, Ordering::Relaxed);
        if drawn.chosen {
            return;
        }
        let mut samples = lock(&self.samples);
        let nanos = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let took_nanos = nanos(took);
        let start_nanos = nanos(now.since(samples.began)).saturating_sub(took_nanos);
        samples.sides[version].add(Request { start_nanos, took_nanos, route: 0, failed });
    }

    /// The line that lets a browser keep its place.
    pub(crate) fn cookie(&self, drawn: Drawn, encrypted: bool) -> Option<HeaderValue> {
        let (Sticky::Cookie(name), Some(place)) = (&self.rule.sticky, drawn.remember) else {
            return None;
        };
        let secure = if encrypted { "; Secure" } else { "" };
        let line = format!(
            "{name}={place}; Path=/; Max-Age={COOKIE_SECONDS}; HttpOnly; SameSite=Lax{secure}"
        );
        HeaderValue::from_str(&line).ok()
    }

    /// Compares the two if it is time, and does what follows. Takes as long as comparing does: not for a thread that serves.
    pub(crate) fn turn(&self, now: Moment) -> Option<CanaryNews> {
        let course = *lock(&self.course);
        let (look, sides) = {
            let samples = lock(&self.samples);
            let counts = (samples.sides[0].count, samples.sides[1].count);
            let look = course.look(&self.rule, counts, now)?;
            (look, [0, 1].map(|side: usize| side_of(&samples.sides[side])))
        };
        let count = self.count_new();
        let (found, why) = judge(&self.rule, &sides);
        *lock(&self.judged) = Some(why.clone());
        let mut current = lock(&self.course);
        // Comparing takes its time: what somebody ordered meanwhile counts.
        if *current != course {
            return None;
        }
        let next = current.found(&self.rule, (look, found), count, now);
        self.moved(next, *current, (why, false), now)
    }

    /// That it has begun, once; nothing if it goes on where it stood.
    pub(crate) fn begun(&self, now: Moment) -> Option<CanaryNews> {
        let course = lock(&self.course);
        let is_news = !self.is_told.swap(true, Ordering::Relaxed);
        is_news.then(|| self.news(*course, ("it begins".to_owned(), false), now))
    }

    /// Does what somebody orders: `step`, `hold`, `revert` or `finish`.
    pub(crate) fn ordered(&self, order: &str, now: Moment) -> Option<CanaryNews> {
        let mut course = lock(&self.course);
        let next = match order {
            "step" => course.forward(&self.rule, now),
            "hold" => course.hold(),
            "revert" => course.revert(now),
            "finish" => course.finish(now),
            _ => return None,
        };
        self.moved(next, *course, ("somebody ordered it".to_owned(), true), now)
    }

    /// What there is to see.
    pub(crate) fn seen(&self) -> (Course, [u64; 2], Option<String>) {
        let course = *lock(&self.course);
        let samples = lock(&self.samples);
        let counts = [samples.sides[0].count, samples.sides[1].count];
        let judged = lock(&self.judged).clone();
        (course, counts, judged)
    }

    fn count_new(&self) -> u64 {
        lock(&self.samples).sides[1].count
    }

    fn moved(
        &self,
        next: Move,
        course: Course,
        (why, ordered): (String, bool),
        now: Moment,
    ) -> Option<CanaryNews> {
        let share = course.share(&self.rule);
        self.share.store(share.to_bits(), Ordering::Relaxed);
        match next {
            Move::Stay => return None,
            // What was seen under another share is of another mix of clients.
            Move::Step { .. } | Move::Finish | Move::Revert => {
                let mut samples = lock(&self.samples);
                *samples = Samples { began: now, ..Samples::default() };
            }
            Move::Hold => {}
        }
        self.is_told.store(true, Ordering::Relaxed);
        Some(self.news(course, (why, ordered), now))
    }

    fn news(&self, course: Course, (why, ordered): (String, bool), now: Moment) -> CanaryNews {
        CanaryNews {
            time: now,
            route: self.route.clone(),
            old: self.old.clone(),
            new: self.new.clone(),
            stage: course.stage().name(),
            step: course.step(),
            share: course.share(&self.rule),
            why,
            ordered,
        }
    }
}

fn side_of(sampled: &Sampled) -> Side {
    let routes = vec!["route".to_owned()];
    Side { routes, requests: sampled.requests.clone(), ..Side::default() }
}

/// What a comparison of both versions finds of the new one, and why, with its figures.
fn judge(rule: &CanaryRule, [old, new]: &[Side; 2]) -> (Found, String) {
    // The same samples are judged alike, and others by other draws.
    let seed = new.requests.last().map_or(1, |request| request.start_nanos);
    let question = Question { quantile: rule.quantile, matters: rule.matters, seed };
    let comparison = compare(old, new, &question);
    let found = match comparison.verdict {
        Verdict::Better | Verdict::NoDifference => Found::NoWorse,
        Verdict::Worse if matters(&comparison, rule.matters) => Found::Worse,
        // Slower beyond doubt, and by less than matters as far as can be told.
        Verdict::Worse | Verdict::CannotTell { .. } => Found::Unclear,
    };
    let why = format!(
        "{}: {} (of {} and {} requests; errors {:.2} and {:.2} %)",
        comparison.verdict.words(),
        comparison.reason,
        comparison.before.given,
        comparison.after.given,
        comparison.errors.before * 100.0,
        comparison.errors.after * 100.0
    );
    (found, why)
}

/// Whether what got worse is worth taking the new version back.
fn matters(comparison: &Comparison, least: f64) -> bool {
    let errors = comparison.errors;
    let more_errors = errors.p < prove::compare::ERRORS_LEVEL && errors.before < errors.after;
    let decides = comparison
        .quantiles
        .iter()
        .find(|change| (change.quantile - comparison.question.quantile).abs() < 1e-9);
    more_errors || decides.is_some_and(|change| least <= change.ratio())
}

/// How often it is looked whether it is time to compare.
const TURN: Duration = Duration::from_millis(500);

/// Looks after the canaries of the plan in force.
#[expect(clippy::infinite_loop, reason = "it ends with its runtime")]
pub(crate) async fn run(shared: Arc<Shared>) {
    loop {
        tokio::time::sleep(TURN).await;
        for canary in shared.canaries.all(&shared.state().plan) {
            let shared = Arc::clone(&shared);
            let turn = tokio::task::spawn_blocking(move || {
                let begun = canary.begun(clock::now());
                for news in begun.into_iter().chain(canary.turn(clock::now())) {
                    shared.canaries.tell(news);
                }
            });
            // A comparison that panicked has told nothing.
            drop(turn.await);
        }
    }
}

/// Chooses the version that answers a request, where its route tries a new one.
pub(crate) fn choose(
    worker: &Rc<Worker>,
    admitted: &mut Admitted,
    decision: &mut Decision,
) -> Option<(Arc<Canary>, Drawn)> {
    let local = Rc::clone(&admitted.local);
    let plan = &local.state.plan;
    let canary = worker.shared.canaries.of(plan, &plan.routes[admitted.found.route])?;
    let chance = local.services[admitted.service].dice.borrow_mut().share();
    let drawn = canary.draw(admitted.client, &admitted.head.headers, chance);
    if drawn.version == Version::New {
        admitted.service = canary.rule.service;
    }
    decision.add("version", || drawn.version.name().to_owned());
    Some((canary, drawn))
}

/// Adds the line that lets a browser keep its version.
pub(crate) fn remember(
    headers: &mut HeaderMap,
    canary: Option<&(Arc<Canary>, Drawn)>,
    encrypted: bool,
) {
    let line = canary.and_then(|(canary, drawn)| canary.cookie(*drawn, encrypted));
    if let Some(line) = line {
        headers.append(header::SET_COOKIE, line);
    }
}

#[cfg(test)]
mod tests;
