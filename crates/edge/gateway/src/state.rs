//! What all threads share: the plan in force, what is known of members, counts of limits.

use std::{
    collections::BTreeMap,
    hash::{BuildHasher as _, RandomState},
    io,
    num::NonZeroU32,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use model::Moment;
use tokio::sync::Notify;
use traffic::{
    balance::{CookieKey, Ring, Side},
    health::Outliers,
    limit::LimitRule,
    plan::{Balance, Plan, Route, Service},
    route::Table,
};

use crate::{
    access::Log,
    admin::{members::Orders, space::Space},
    cache::{
        Cache,
        disk::{Disk, Missed},
    },
    canary::Canaries,
    capture::{Capture, Figures},
    clock, events,
    limits::Counted,
    member::Member,
    metrics::{Counts, Reloads},
    redis,
    tls::{Connector, Keyring},
    tracing::{Exporter, Outcomes},
};

/// What outlives a plan.
#[derive(Debug)]
pub(crate) struct Shared {
    /// The plan in force.
    pub(crate) state: Mutex<Arc<State>>,
    /// Rises with each plan: threads look at this with every request, and at `state` only when it rose.
    pub(crate) generation: AtomicU64,
    /// Whether it is being stopped.
    pub(crate) stopping: AtomicBool,
    /// What each thread has counted.
    pub(crate) counts: Vec<Mutex<Counts>>,
    /// Names of routes, by the number under which they are counted.
    pub(crate) names: Mutex<Vec<String>>,
    /// What hashes of keys begin with.
    pub(crate) seed: u64,
    /// Answers that are kept.
    pub(crate) cache: Arc<Cache>,
    /// What became of events.
    pub(crate) events: Arc<events::Figures>,
    /// What became of what Redis was asked.
    pub(crate) redis: Arc<redis::Figures>,
    /// What became of spans.
    pub(crate) spans: Arc<Outcomes>,
    /// What became of lines of the access log.
    pub(crate) lines: Arc<Outcomes>,
    /// What became of copies of requests and answers.
    pub(crate) captured: Arc<Figures>,
    /// Threads that send and write them.
    tellers: Mutex<Vec<JoinHandle<()>>>,
    /// What was ordered by the API, and the plan without it. Taken before `state`, never after.
    pub(crate) orders: Mutex<Orders>,
    /// New versions that are tried.
    pub(crate) canaries: Canaries,
    /// Told when somebody wants the settings to be read again.
    pub(crate) reload: Notify,
    /// What became of settings that were read again.
    pub(crate) reloads: Reloads,
    /// What each thread tells of its services now and then.
    pub(crate) told: Vec<Mutex<Vec<OfService>>>,
    /// Certificates, and whom to believe of members.
    pub(crate) keyring: Mutex<Arc<Keyring>>,
    /// Room on the disk.
    pub(crate) space: Space,
}

/// What a thread knows of a service.
#[derive(Debug, Clone)]
pub(crate) struct OfService {
    pub(crate) service: String,
    pub(crate) breaker: Option<&'static str>,
    /// Since when the breaker is so, if it ever changed.
    pub(crate) breaker_since: Option<Moment>,
    pub(crate) in_flight: u32,
    pub(crate) in_flight_max: Option<f64>,
}

/// A plan, and what goes with it.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) plan: Plan,
    pub(crate) table: Table,
    pub(crate) services: Vec<ServiceState>,
    /// Counts of the routes' limits.
    pub(crate) limits: Vec<Option<Arc<Counted>>>,
    /// Under which number each route is counted.
    pub(crate) numbers: Vec<usize>,
    /// Whether any route has a cache.
    pub(crate) caches: bool,
    /// Where lines of the access log go.
    pub(crate) access_log: Option<Arc<Log>>,
    /// Where spans go.
    pub(crate) exporter: Option<Arc<Exporter>>,
    /// Where copies of requests and answers go.
    pub(crate) capture: Option<Arc<Capture>>,
}

/// A service, and what goes with it.
#[derive(Debug)]
pub(crate) struct ServiceState {
    pub(crate) members: Vec<Arc<Member>>,
    /// The same under each plan: requests that end under an old one tell the new one as well.
    pub(crate) outliers: Arc<Mutex<Outliers>>,
    pub(crate) ring: Option<Ring>,
    pub(crate) cookie: Option<CookieKey>,
    /// Which members are in the gateway's own zone; empty where that makes no difference.
    pub(crate) sides: Vec<Side>,
    /// How connections to members are encrypted, if they are.
    pub(crate) connector: Option<Connector>,
}

impl Shared {
    pub(crate) fn new(plan: Plan, keyring: Keyring, workers: usize) -> Self {
        let seed = RandomState::new().hash_one("keys of limits");
        let (disk, thread) = disk_of(&plan, seed).unzip();
        let shared = Self {
            state: Mutex::new(Arc::new(State::empty())),
            generation: AtomicU64::new(1),
            stopping: AtomicBool::new(false),
            counts: (0..workers).map(|_| Mutex::default()).collect(),
            names: Mutex::default(),
            seed,
            cache: Arc::new(Cache::new(plan.cache, disk, seed)),
            events: Arc::default(),
            redis: Arc::default(),
            spans: Arc::default(),
            lines: Arc::default(),
            captured: Arc::default(),
            tellers: Mutex::new(thread.into_iter().collect()),
            orders: Mutex::new(Orders::new(plan.clone())),
            canaries: Canaries::default(),
            reload: Notify::new(),
            reloads: Reloads::default(),
            told: (0..workers).map(|_| Mutex::default()).collect(),
            keyring: Mutex::new(Arc::new(keyring)),
            space: Space::seen(),
        };
        let state = Arc::new(State::new(plan, None, &shared));
        *shared.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
        shared
    }

    /// The plan in force.
    pub(crate) fn state(&self) -> Arc<State> {
        Arc::clone(&self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Certificates, and whom to believe of members.
    pub(crate) fn keyring(&self) -> Arc<Keyring> {
        Arc::clone(&self.keyring.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts a plan in force.
    pub(crate) fn take(&self, plan: Plan) {
        let state = State::new(plan, Some(&self.state()), self);
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(state);
        self.generation.fetch_add(1, Ordering::Release);
    }

    /// The number under which a route of this name is counted, in this plan and the next.
    fn number(&self, name: &str) -> usize {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        names.iter().position(|known| known == name).unwrap_or_else(|| {
            names.push(name.to_owned());
            names.len() - 1
        })
    }

    /// Waits until what was told is written and sent, but for no longer than this; nothing more can be told then.
    pub(crate) fn tell_the_rest(&self, wait_max: Duration) {
        let until = Instant::now() + wait_max;
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(State::empty());
        if let Some(disk) = &self.cache.disk {
            disk.stop();
        }
        let tellers =
            std::mem::take(&mut *self.tellers.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in tellers {
            // Somebody may write to a disk that does not answer.
            while !thread.is_finished() && Instant::now() < until {
                std::thread::sleep(Duration::from_millis(2));
            }
            if !thread.is_finished() {
                continue;
            }
            // A thread that panicked has nothing left to tell.
            drop(thread.join());
        }
    }

    /// The thread of something that tells, which is waited for in the end; without a thread nothing is told.
    fn teller<T>(&self, started: io::Result<(T, JoinHandle<()>)>) -> Option<Arc<T>> {
        let (teller, thread) = started.ok()?;
        self.tellers.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
        Some(Arc::new(teller))
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }
}

impl State {
    fn empty() -> Self {
        Self {
            plan: Plan::default(),
            table: Table::default(),
            services: Vec::new(),
            limits: Vec::new(),
            numbers: Vec::new(),
            caches: false,
            access_log: None,
            exporter: None,
            capture: None,
        }
    }

    /// What goes with a plan; what `old` knows of the same members and routes is kept.
    pub(crate) fn new(plan: Plan, old: Option<&Self>, shared: &Shared) -> Self {
        let mut members = Members::new(old);
        let keyring = shared.keyring();
        let services = plan.services.iter();
        let services: Vec<ServiceState> = services
            .map(|service| ServiceState::new(service, &plan, &mut members, &keyring))
            .collect();
        let limits = limits(&plan, old, shared.seed);
        let numbers = plan.routes.iter().map(|route| shared.number(&route.name)).collect();
        let (access_log, exporter) = tellers(&plan, old, shared);
        let capture = capture(&plan, old, shared);
        let table = Table::new(&plan.routes);
        let caches = plan.routes.iter().any(|route| route.cache.is_some());
        shared.cache.common.turn(shares(&plan));
        Self { plan, table, services, limits, numbers, caches, access_log, exporter, capture }
    }
}

impl ServiceState {
    fn new(service: &Service, plan: &Plan, known: &mut Members, keyring: &Keyring) -> Self {
        let members: Vec<Arc<Member>> =
            service.members.iter().map(|member| known.take(&service.name, member)).collect();
        let ring = (service.balance == Balance::Address).then(|| {
            Ring::new(service.members.iter().map(|member| (&*member.address, member.weight)))
        });
        let cookie = match &service.balance {
            Balance::Cookie { secret, .. } => Some(CookieKey::new(secret.0.as_bytes())),
            _ => None,
        };
        let side = |member: &traffic::plan::Member| match &plan.zone {
            Some(zone) if member.zone.as_ref() == Some(zone) => Side::Own,
            _ => Side::Elsewhere,
        };
        let mut sides: Vec<Side> = service.members.iter().map(side).collect();
        if !sides.contains(&Side::Own) || !sides.contains(&Side::Elsewhere) {
            sides.clear();
        }
        let outliers = known.outliers(service, &members);
        let connector = keyring.connector(&service.wire);
        Self { members, outliers, ring, cookie, sides, connector }
    }
}

/// Members that are known, and the slots that are free.
struct Members {
    known: BTreeMap<(String, String), Arc<Member>>,
    used: std::collections::BTreeSet<usize>,
    /// How requests to them ended, by service.
    outliers: BTreeMap<String, Arc<Mutex<Outliers>>>,
}

impl Members {
    fn new(old: Option<&State>) -> Self {
        let (mut known, mut outliers) = (BTreeMap::new(), BTreeMap::new());
        for (service, state) in
            old.into_iter().flat_map(|old| old.plan.services.iter().zip(&old.services))
        {
            outliers.insert(service.name.clone(), Arc::clone(&state.outliers));
            for member in &state.members {
                let key = (service.name.clone(), member.address.clone());
                known.insert(key, Arc::clone(member));
            }
        }
        let used = known.values().map(|member| member.slot).collect();
        Self { known, used, outliers }
    }

    /// How requests to the members of a service ended; what is known of those that stay is kept.
    fn outliers(&self, service: &Service, members: &[Arc<Member>]) -> Arc<Mutex<Outliers>> {
        let addresses = || members.iter().map(|member| &*member.address);
        let Some(known) = self.outliers.get(&service.name) else {
            return Arc::new(Mutex::new(Outliers::new(service.outliers, addresses())));
        };
        let mut all = known.lock().unwrap_or_else(PoisonError::into_inner);
        all.renew(service.outliers, addresses(), clock::now());
        for member in members {
            member.out_until.store(all.out_until(&member.address).nanos, Ordering::Relaxed);
        }
        drop(all);
        Arc::clone(known)
    }

    fn take(&mut self, service: &str, member: &traffic::plan::Member) -> Arc<Member> {
        let address = &member.address;
        let key = (service.to_owned(), address.clone());
        if let Some(known) = self.known.get(&key).filter(|known| known.host == member.host()) {
            return Arc::clone(known);
        }
        // Of so many and one more, one is free.
        let slot = (0..=self.used.len()).find(|slot| !self.used.contains(slot)).unwrap_or_default();
        self.used.insert(slot);
        let member = Arc::new(Member::new(member, slot));
        if self.known.values().any(|other| other.address == *address) {
            // Known under another service: a slow start is for members that are new to the gateway.
            return member;
        }
        member.up_since.store(clock::now().nanos, Ordering::Relaxed);
        member
    }
}

/// Whether answers are shared with other gateways.
fn shares(plan: &Plan) -> bool {
    let of_route = |route: &Route| route.cache.as_ref().is_some_and(|rule| rule.shared);
    plan.redis.is_some() && plan.routes.iter().any(of_route)
}

/// The cache on disk, and its thread; without a thread there is none.
fn disk_of(plan: &Plan, seed: u64) -> Option<(Arc<Disk>, JoinHandle<()>)> {
    // Who hears of changes has heard of none while it was away.
    let missed = Missed { anything: plan.events.is_some(), orders: shares(plan) };
    Disk::start(plan.cache_disk.as_ref()?, missed, seed).ok()
}

/// Where copies go; what was there goes on if the plan wants the same.
fn capture(plan: &Plan, old: Option<&State>, shared: &Shared) -> Option<Arc<Capture>> {
    let old = old.and_then(|old| old.capture.as_ref());
    let (capture, thread) = Capture::of(plan, old, &shared.captured)?;
    if let Some(thread) = thread {
        shared.tellers.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
    }
    Some(capture)
}

/// Whom requests are told: as in the old plan where that is the same, but a log's file is opened anew.
fn tellers(
    plan: &Plan,
    old: Option<&State>,
    shared: &Shared,
) -> (Option<Arc<Log>>, Option<Arc<Exporter>>) {
    let telling = &plan.telling;
    let same = old.filter(|old| old.plan.telling.access_log == telling.access_log);
    let log = match (&telling.access_log, same) {
        (Some(_), Some(old)) => old.access_log.clone(),
        (Some(to), None) => shared.teller(Log::start(to, &shared.lines)),
        (None, _) => None,
    };
    if let Some(log) = &log {
        log.reopen();
    }
    let same = old.filter(|old| old.plan.telling.spans == telling.spans);
    let exporter = match (&telling.spans, same) {
        (Some(_), Some(old)) => old.exporter.clone(),
        (Some(rule), None) => shared.teller(Exporter::start(rule, &shared.spans)),
        (None, _) => None,
    };
    (log, exporter)
}

/// The counts of routes' limits: those of the old plan where the limit is the same; of one name, the same.
fn limits(plan: &Plan, old: Option<&State>, seed: u64) -> Vec<Option<Arc<Counted>>> {
    let gateways = plan.redis.as_ref().map_or(NonZeroU32::MIN, |redis| redis.gateways);
    let mut all: Vec<Option<Arc<Counted>>> = Vec::new();
    for (place, route) in plan.routes.iter().enumerate() {
        let Some(rule) = &route.limit else {
            all.push(None);
            continue;
        };
        let is_same = |other: &LimitRule| other.counts_like(rule) && other.shared == rule.shared;
        let earlier = plan.routes[..place]
            .iter()
            .position(|other| rule.name.is_some() && other.limit.as_ref().is_some_and(is_same));
        let known = earlier.and_then(|place| all[place].clone());
        let before = || {
            let old = old.filter(|old| {
                old.plan.redis.as_ref().map(|redis| redis.gateways)
                    == plan.redis.as_ref().map(|redis| redis.gateways)
            })?;
            let place = old.plan.routes.iter().position(|other| {
                (rule.name.is_some() || other.name == route.name)
                    && other.limit.as_ref().is_some_and(is_same)
            });
            old.limits.get(place?)?.clone()
        };
        let fresh = || Arc::new(Counted::new(rule, gateways, seed));
        all.push(Some(known.or_else(before).unwrap_or_else(fresh)));
    }
    all
}
