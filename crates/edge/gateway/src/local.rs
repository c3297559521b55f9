//! What one thread has of each service: whose turn it is, its share of the retry budget, its breaker, its limit.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    net::IpAddr,
    rc::Rc,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use model::Moment;
use sha2::{Digest as _, Sha256};
use traffic::{
    Dice,
    balance::{Candidate, Rotation, Zones, better_of_two, fewest_in_flight, keep_zone, key_of},
    breaker::Breaker,
    concurrency::Concurrency,
    health::{self, Fit},
    hedge::Hedge,
    plan::{Balance, Plan, Route, Service},
    retry::Budget,
    token::{Claims, Tokens},
};

use crate::{
    clock,
    plain::fit,
    redis::{Figures, Redis},
    state::{OfService, State},
};

/// A plan as one thread uses it.
#[derive(Debug)]
pub(crate) struct Local {
    pub(crate) state: Arc<State>,
    pub(crate) services: Vec<ServiceLocal>,
    /// Which routes the path for plain HTTP/1.1 knows all about.
    pub(crate) plain: Vec<bool>,
    /// How long answers of each route take, where a second member may be asked.
    pub(crate) hedges: Vec<Option<Rc<RefCell<Hedge>>>>,
    /// What is shared with other gateways.
    pub(crate) redis: Option<Rc<Redis>>,
    /// What tokens say that were verified lately, by their digests; nothing of those that did not pass.
    claims: RefCell<BTreeMap<[u8; 32], Known>>,
}

/// Until when it is known what a token says, and that.
type Known = (Moment, Option<Rc<Claims>>);

/// A service as one thread uses it.
#[derive(Debug)]
pub(crate) struct ServiceLocal {
    rotation: RefCell<Rotation>,
    /// Of requests that leave the gateway's zone: turns of the one side say nothing about those of the other.
    rotation_elsewhere: RefCell<Rotation>,
    turn: Cell<usize>,
    pub(crate) dice: RefCell<Dice>,
    /// These are the same under each plan that wants the same: requests that end under an old one count in the new one.
    pub(crate) budget: Rc<RefCell<Budget>>,
    pub(crate) breaker: Option<Rc<RefCell<Breaker>>>,
    pub(crate) concurrency: Option<Rc<RefCell<Concurrency>>>,
    /// Requests of this thread that are not answered yet, under whatever plan they began.
    pub(crate) in_flight: Rc<Cell<u32>>,
    candidates: RefCell<Vec<Candidate>>,
}

/// What is known of a request when a member is chosen for it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wish<'a> {
    /// Who asks.
    pub(crate) client: IpAddr,
    /// The value of the cookie that names a member.
    pub(crate) cookie: Option<&'a str>,
    /// Members that were tried already.
    pub(crate) tried: &'a [usize],
}

impl Local {
    pub(crate) fn new(
        state: Arc<State>,
        old: Option<&Self>,
        seed: u64,
        figures: &Arc<Figures>,
    ) -> Self {
        let services = state.plan.services.iter().enumerate().map(|(place, service)| {
            let mut fresh = ServiceLocal::new(service, seed.wrapping_add(place as u64));
            // What a service did lately does not change with the plan.
            let before = old.and_then(|old| {
                let services = old.state.plan.services.iter();
                let mut pairs = services.zip(&old.services);
                pairs.find(|(other, _)| other.name == service.name)
            });
            if let Some((other, before)) = before {
                fresh.in_flight = Rc::clone(&before.in_flight);
                if other.retries == service.retries {
                    fresh.budget = Rc::clone(&before.budget);
                }
                if other.breaker == service.breaker {
                    fresh.breaker.clone_from(&before.breaker);
                }
                if other.concurrency == service.concurrency {
                    fresh.concurrency.clone_from(&before.concurrency);
                }
            }
            fresh
        });
        let services = services.collect();
        let plan = &state.plan;
        let plain = plan.routes.iter().map(|route| fit::fits(plan, route)).collect();
        let redis = state.plan.redis.as_ref().map(|settings| {
            let known = old.and_then(|old| old.redis.as_ref());
            let same = known.filter(|redis| redis.settings == *settings);
            same.map_or_else(|| Redis::start(settings, figures), Rc::clone)
        });
        let hedges = hedges(&state.plan, old);
        Self { state, services, plain, hedges, redis, claims: RefCell::default() }
    }

    /// What a token says, if it passes.
    pub(crate) fn claims(&self, tokens: &Tokens, token: &[u8]) -> Option<Rc<Claims>> {
        /// Tokens that are remembered: to verify one takes far longer than to find it.
        const TOKENS_MAX: usize = 4_096;
        /// For how long, at most.
        const FOR_MAX: Duration = Duration::from_mins(1);
        let now = clock::calendar();
        let digest = Sha256::digest(token).into();
        if let Some((until, claims)) = self.claims.borrow().get(&digest)
            && now < *until
        {
            return claims.clone();
        }
        let claims = tokens.verified(token, now).map(Rc::new);
        let ends = claims.as_ref().and_then(|claims| claims.ends_at_seconds());
        let ends = ends.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        let ends = ends.map_or(Moment { nanos: u64::MAX }, |ends| Moment::default() + ends);
        let mut known = self.claims.borrow_mut();
        if TOKENS_MAX <= known.len() {
            known.clear();
        }
        known.insert(digest, ((now + FOR_MAX).min(ends), claims.clone()));
        claims
    }

    /// What is known of each service, for who looks on.
    pub(crate) fn told(&self) -> Vec<OfService> {
        let services = self.state.plan.services.iter().zip(&self.services);
        let one = |(service, local): (&Service, &ServiceLocal)| OfService {
            service: service.name.clone(),
            breaker: local.breaker.as_ref().map(|breaker| breaker.borrow().state()),
            breaker_since: local.breaker.as_ref().and_then(|breaker| breaker.borrow().since()),
            in_flight: local.in_flight.get(),
            in_flight_max: local.concurrency.as_ref().map(|known| known.borrow().limit()),
        };
        services.map(one).collect()
    }

    /// The member for a request; `None` if nobody has any weight.
    pub(crate) fn choose(&self, service: usize, wish: &Wish<'_>, now: Moment) -> Option<usize> {
        let local = &self.services[service];
        let plan = &self.state.plan.services[service];
        let state = &self.state.services[service];
        let members = &state.members;
        if members.len() == 1 {
            // Whatever is known of it: there is nobody else.
            return (plan.members[0].weight > 0).then_some(0);
        }
        let mut candidates = local.candidates.borrow_mut();
        candidates.clear();
        let (mut fit, mut zones) = (0, Zones::default());
        for (place, (member, known)) in plan.members.iter().zip(members).enumerate() {
            let up_since = Moment { nanos: known.up_since.load(Ordering::Relaxed) };
            let share = health::slow_start(up_since, plan.slow_start, now);
            let open = known.is_fit(now);
            fit += usize::from(open);
            if let Some(side) = state.sides.get(place) {
                zones.add(member.weight, *side, open);
            }
            candidates.push(Candidate {
                weight: health::weight_left(member.weight, share),
                in_flight: known.in_flight.load(Ordering::Relaxed),
                latency: match plan.balance {
                    Balance::Latency => known.latency(now),
                    _ => Duration::ZERO,
                },
                open,
            });
        }
        let panics = health::fit(fit, members.len(), plan.panic_share) == Fit::Panic;
        if panics {
            candidates.iter_mut().for_each(|candidate| candidate.open = true);
        }
        if !wish.tried.is_empty() {
            let others = |(place, candidate): (usize, &Candidate)| {
                candidate.open && 0 < candidate.weight && !wish.tried.contains(&place)
            };
            if candidates.iter().enumerate().any(others) {
                wish.tried.iter().for_each(|tried| candidates[*tried].open = false);
            }
        }
        // A cookie leads to its member wherever that is, and in a panic nobody is left out.
        let named = self.named(service, wish, &candidates);
        if named.is_some() {
            return named;
        }
        let mut rotation = &local.rotation;
        if !panics && !state.sides.is_empty() {
            let stays = self.draw(service, wish) < zones.stays(plan.zone_share);
            keep_zone(&mut candidates, &state.sides, stays);
            if !stays {
                rotation = &local.rotation_elsewhere;
            }
        }
        self.by_policy(service, wish, &candidates, rotation)
    }

    /// A share by chance, which for the same client is the same where members go by address.
    fn draw(&self, service: usize, wish: &Wish<'_>) -> f64 {
        match self.state.plan.services[service].balance {
            // Not the key itself, by which the ring goes.
            Balance::Address => Dice::new(address_key(wish.client)).share(),
            _ => self.services[service].dice.borrow_mut().share(),
        }
    }

    /// The member that a request's cookie names, if it may be asked.
    fn named(&self, service: usize, wish: &Wish<'_>, candidates: &[Candidate]) -> Option<usize> {
        let plan = &self.state.plan.services[service];
        let names = plan.members.iter().map(|member| &*member.address);
        let key = self.state.services[service].cookie.as_ref()?;
        let named = key.member(&plan.name, wish.cookie?, names)?;
        let candidate = candidates.get(named)?;
        (candidate.open && 0 < candidate.weight).then_some(named)
    }

    fn by_policy(
        &self,
        service: usize,
        wish: &Wish<'_>,
        candidates: &[Candidate],
        rotation: &RefCell<Rotation>,
    ) -> Option<usize> {
        let local = &self.services[service];
        let plan = &self.state.plan.services[service];
        let state = &self.state.services[service];
        match &plan.balance {
            // Who has a cookie was led to its member before.
            Balance::RoundRobin | Balance::Cookie { .. } => rotation.borrow_mut().next(candidates),
            Balance::LeastConnections => {
                local.turn.set(local.turn.get().wrapping_add(1));
                fewest_in_flight(candidates, local.turn.get())
            }
            Balance::Latency => better_of_two(candidates, &mut local.dice.borrow_mut()),
            Balance::Address => {
                /// What the paper's authors advise: a quarter above the fair share.
                const FACTOR: f64 = 1.25;
                state.ring.as_ref()?.choose(address_key(wish.client), candidates, FACTOR)
            }
        }
    }
}

/// What is known of how long answers take; of the same routes what was known before.
fn hedges(plan: &Plan, old: Option<&Local>) -> Vec<Option<Rc<RefCell<Hedge>>>> {
    let known = |name: &str| {
        let old = old?;
        let place = old.state.plan.routes.iter().position(|route| route.name == name)?;
        old.hedges.get(place)?.as_ref()
    };
    let of_route = |route: &Route| {
        let rule = route.hedge?;
        let same = known(&route.name).filter(|known| known.borrow().rule() == rule);
        let fresh = || Rc::new(RefCell::new(Hedge::new(rule)));
        Some(same.map_or_else(fresh, Rc::clone))
    };
    plan.routes.iter().map(of_route).collect()
}

fn address_key(address: IpAddr) -> u64 {
    match address {
        IpAddr::V4(address) => key_of(&address.octets()),
        IpAddr::V6(address) => key_of(&address.octets()),
    }
}

impl ServiceLocal {
    fn new(service: &Service, seed: u64) -> Self {
        let retries = &service.retries;
        let budget = Budget::new(retries.share, retries.free_per_second, clock::now());
        Self {
            rotation: RefCell::default(),
            rotation_elsewhere: RefCell::default(),
            turn: Cell::new(usize::try_from(seed & 0xFFFF).unwrap_or(0)),
            dice: RefCell::new(Dice::new(seed)),
            budget: Rc::new(RefCell::new(budget)),
            breaker: service.breaker.map(|settings| Rc::new(RefCell::new(Breaker::new(settings)))),
            concurrency: service
                .concurrency
                .map(|settings| Rc::new(RefCell::new(Concurrency::new(settings)))),
            in_flight: Rc::default(),
            candidates: RefCell::default(),
        }
    }
}
