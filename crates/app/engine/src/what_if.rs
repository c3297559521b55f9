//! What would have been: a call less, another pool, a limit, another balance, over requests as they were recorded.
//!
//! The same recording and the same seed give the same answer. What no recording tells is how people would have behaved
//! instead, and that a server that has less to do is quicker.

pub mod cache;

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, BinaryHeap, VecDeque},
    num::NonZeroU32,
    time::Duration,
};

use find::RequestView;
use model::{Moment, OperationKey, Trace, Work};
use prove::{gate::Pattern, simulate::Arrival};
use traffic::{
    Dice,
    balance::{Candidate, PeakEwma, Rotation, better_of_two, fewest_in_flight},
    limit::{Algorithm, Limiter, Quota},
};

/// Which requests are meant.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scope {
    /// Whose.
    pub whose: Whose,
    /// Of these endpoints, as `GET /api/*`; of all if `None`.
    pub endpoint: Option<Pattern>,
}

/// Whose requests are meant.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Whose {
    /// Those that come from outside: what services ask of each other for one of these is no further one.
    #[default]
    Outside,
    /// Those of the services of this name.
    Service(Pattern),
    /// Those of each service.
    Each,
}

/// Requests of traces, as far as they are meant.
pub fn requests<'a>(
    traces: &'a [Trace],
    scope: &'a Scope,
) -> impl Iterator<Item = RequestView<'a>> {
    traces.iter().flat_map(move |trace| {
        let meant = trace.entries.iter().copied().filter(move |entry| match scope.whose {
            Whose::Outside => !is_inner(trace, *entry),
            Whose::Service(_) | Whose::Each => true,
        });
        meant.map(move |entry| RequestView::new(trace, entry)).filter(move |view| {
            let is_whose = match &scope.whose {
                Whose::Service(service) => service.fits(&view.key.service),
                Whose::Outside | Whose::Each => true,
            };
            let endpoint = scope.endpoint.as_ref();
            is_whose
                && view.request().is_some()
                && endpoint.is_none_or(|pattern| pattern.fits(&view.key.operation))
        })
    })
}

/// Whether a request was made for another one of the same trace.
fn is_inner(trace: &Trace, entry: usize) -> bool {
    let entry_above = |place: usize| {
        let parent = trace.nodes.get(place)?.parent?;
        trace.nodes.get(parent).map(|node| node.entry)
    };
    let mut above = entry_above(entry);
    while let Some(place) = above {
        if trace.nodes.get(place).is_some_and(|node| node.call.request().is_some()) {
            return true;
        }
        above = entry_above(place);
    }
    false
}

/// Services that answer requests.
#[must_use]
pub fn services(traces: &[Trace], scope: &Scope) -> BTreeSet<String> {
    requests(traces, scope).map(|view| view.key.service.to_string()).collect()
}

/// An operation with a call and without it.
#[derive(Debug, Clone, PartialEq)]
pub struct Without {
    /// Which.
    pub key: OperationKey,
    /// Its requests, those that did not make the call among them.
    pub requests: usize,
    /// Of them, those that made it.
    pub with_call: usize,
    /// Calls of the request that made most of them.
    pub calls_max: usize,
    /// How long requests took, ascending.
    pub before_nanos: Vec<u64>,
    /// How long they would have taken at least, ascending.
    pub after_nanos: Vec<u64>,
}

/// Takes calls off the critical path of every request: statements by their text, remote calls as `GET host/path`, spans by
/// their name. Operations that made any, those first that would have saved most.
#[must_use]
pub fn without(traces: &[Trace], scope: &Scope, call: &Pattern) -> Vec<Without> {
    let mut operations: BTreeMap<OperationKey, Without> = BTreeMap::new();
    for view in requests(traces, scope) {
        let fits: Vec<usize> = view
            .places
            .iter()
            .copied()
            .filter(|place| *place != view.entry && is_called(&view, *place, call))
            .collect();
        let before = nanos(view.duration());
        let after = before.saturating_sub(nanos(view.waited(&fits)));
        let known = operations.entry(view.key.clone()).or_insert_with(|| Without {
            key: view.key.clone(),
            requests: 0,
            with_call: 0,
            calls_max: 0,
            before_nanos: Vec::new(),
            after_nanos: Vec::new(),
        });
        known.requests += 1;
        known.with_call += usize::from(!fits.is_empty());
        known.calls_max = known.calls_max.max(fits.len());
        known.before_nanos.push(before);
        known.after_nanos.push(after);
    }
    let mut found: Vec<Without> =
        operations.into_values().filter(|operation| 0 < operation.with_call).collect();
    for operation in &mut found {
        operation.before_nanos.sort_unstable();
        operation.after_nanos.sort_unstable();
    }
    let saved = |it: &Without| {
        let sum = |all: &[u64]| all.iter().map(|nanos| u128::from(*nanos)).sum::<u128>();
        sum(&it.before_nanos).saturating_sub(sum(&it.after_nanos))
    };
    found.sort_by(|left, right| saved(right).cmp(&saved(left)).then(left.key.cmp(&right.key)));
    found
}

fn is_called(view: &RequestView<'_>, place: usize, call: &Pattern) -> bool {
    let it = view.call(place);
    // What lies within a call that is taken off goes with it: it counts once.
    let within = {
        let mut above = view.node(place).parent.filter(|parent| *parent != view.entry);
        let mut found = false;
        while let Some(parent) = above {
            found |= is_named(view.call(parent), call);
            above = view.node(parent).parent.filter(|parent| *parent != view.entry);
        }
        found
    };
    is_named(it, call) && !within
}

fn is_named(it: &model::Call, call: &Pattern) -> bool {
    let told = match &it.work {
        Work::Statement(statement) => call.fits(&statement.text.text),
        Work::Http(http) => call.fits(&format!("{} {}{}", http.method, http.host, http.template)),
        _ => false,
    };
    told || call.fits(&it.name)
}

/// For how long a request keeps a connection of a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// From its first statement to the end of its last: a session, as frameworks keep it.
    Request,
    /// For each statement alone: a pool that shares connections between statements.
    Statement,
}

/// Connections that requests take.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Connections {
    /// When each would have been taken, and for how long.
    pub arrivals: Vec<Arrival>,
    /// Whose requests they are.
    pub services: BTreeSet<String>,
}

/// When connections of a database would have been taken, and for how long.
#[must_use]
pub fn connections(traces: &[Trace], scope: &Scope, hold: Hold) -> Connections {
    let (mut arrivals, mut services) = (Vec::new(), BTreeSet::new());
    for view in requests(traces, scope) {
        let uses = view
            .places
            .iter()
            .map(|place| view.call(*place))
            .filter(|call| matches!(call.work, Work::Statement(_) | Work::Transaction { .. }));
        let (mut whole, mut any): (Option<(Moment, Moment)>, bool) = (None, false);
        for call in uses {
            any = true;
            let (from, to) = (call.start, call.end);
            match hold {
                Hold::Statement => arrivals.push(arrival(from, to)),
                Hold::Request => {
                    let (first, last) = whole.unwrap_or((from, to));
                    whole = Some((first.min(from), last.max(to)));
                }
            }
        }
        arrivals.extend(whole.map(|(from, to)| arrival(from, to)));
        if any && !services.contains(&*view.key.service) {
            services.insert(view.key.service.to_string());
        }
    }
    arrivals.sort_unstable();
    Connections { arrivals, services }
}

/// Requests that a service answers: when they came and how long each took.
#[must_use]
pub fn arrivals(traces: &[Trace], scope: &Scope) -> Vec<Arrival> {
    let mut arrivals: Vec<Arrival> = requests(traces, scope)
        .map(|view| arrival(view.entry_call().start, view.entry_call().end))
        .collect();
    arrivals.sort_unstable();
    arrivals
}

fn arrival(from: Moment, to: Moment) -> Arrival {
    Arrival { at_nanos: from.nanos, busy_nanos: nanos(to.since(from)) }
}

/// Who would have been refused.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Limited {
    /// Requests that were counted.
    pub requests: usize,
    /// Of them, refused.
    pub refused: usize,
    /// Requests that do not tell whom they are from, and are counted together.
    pub unknown: usize,
    /// Keys, each with its requests and how many of them were refused; those first that lost most.
    pub keys: Vec<(String, usize, usize)>,
}

/// Lets recorded requests through a limit of so many for each value of an attribute.
#[must_use]
pub fn limited(
    (traces, scope): (&[Trace], &Scope),
    algorithm: Algorithm,
    quota: Quota,
    by: &str,
    seed: u64,
) -> Limited {
    let mut asked: Vec<(Moment, String)> = Vec::new();
    let mut limited = Limited::default();
    for view in requests(traces, scope) {
        let attributes = view.request().map(|request| request.attributes.as_slice());
        let known = attributes.unwrap_or_default().iter().find(|(key, _)| key == by);
        limited.unknown += usize::from(known.is_none());
        let key = known.map_or_else(String::new, |(_, value)| value.to_string());
        asked.push((view.entry_call().start, key));
    }
    asked.sort();
    let mut limiter = Limiter::new(algorithm, quota, asked.len().max(2) * 2, seed);
    let mut keys: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for (at, key) in asked {
        let verdict = limiter.take(key.as_bytes(), 1, at);
        let (requests, refused) = keys.entry(key).or_default();
        *requests += 1;
        limited.requests += 1;
        if !verdict.allowed {
            *refused += 1;
            limited.refused += 1;
        }
    }
    limited.keys =
        keys.into_iter().map(|(key, (requests, refused))| (key, requests, refused)).collect();
    limited.keys.sort_by(|left, right| right.2.cmp(&left.2).then_with(|| left.0.cmp(&right.0)));
    limited
}

/// How a gateway would have spread requests over members. `address` and `cookie` are not among them: where a request goes by
/// them hangs on who asks, and most recordings do not tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// One after the other.
    RoundRobin,
    /// Where the fewest are in flight.
    FewestInFlight,
    /// Of two by chance the one that promises to be sooner.
    Latency,
    /// By chance, which is no policy of the gateway: what the others are measured by.
    Random,
}

impl Policy {
    /// All of them.
    pub const ALL: [Self; 4] =
        [Self::RoundRobin, Self::FewestInFlight, Self::Latency, Self::Random];

    /// Policies of the gateway that are not simulated.
    pub const NOT_SIMULATED: [&'static str; 2] = ["address", "cookie"];

    /// As settings of the gateway name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::RoundRobin => "round-robin",
            Self::FewestInFlight => "least-connections",
            Self::Latency => "latency",
            Self::Random => "random",
        }
    }
}

/// A service of so many members.
#[derive(Debug, Clone, PartialEq)]
pub struct Members {
    /// How many requests each works on at once.
    pub slots: NonZeroU32,
    /// How much longer each takes than was recorded: 1 for as long; 2 for a member that is half as quick.
    pub slowness: Vec<f64>,
}

/// How long requests would have taken in all, ascending, in nanoseconds.
#[must_use]
pub fn balanced(arrivals: &[Arrival], members: &Members, policy: Policy, seed: u64) -> Vec<u64> {
    let count = members.slowness.len().max(1);
    let slots = usize::try_from(members.slots.get()).unwrap_or(usize::MAX);
    let mut dice = Dice::new(seed);
    let mut rotation = Rotation::default();
    let mut busy: Vec<Member> = (0..count).map(|_| Member::new()).collect();
    let mut took = Vec::with_capacity(arrivals.len());
    for (number, Arrival { at_nanos, busy_nanos }) in arrivals.iter().enumerate() {
        let now = Moment { nanos: *at_nanos };
        let candidates: Vec<Candidate> =
            busy.iter_mut().map(|member| member.candidate(now)).collect();
        let place = match policy {
            Policy::RoundRobin => rotation.next(&candidates),
            Policy::FewestInFlight => fewest_in_flight(&candidates, number),
            Policy::Latency => better_of_two(&candidates, &mut dice),
            Policy::Random => Some(dice.below(count)),
        };
        let place = place.unwrap_or(0);
        let slowness = members.slowness.get(place).copied().unwrap_or(1.0);
        if let Some(member) = busy.get_mut(place) {
            took.push(member.take(*at_nanos, slower(*busy_nanos, slowness), slots));
        }
    }
    took.sort_unstable();
    took
}

/// A member as it works.
struct Member {
    /// When its slots are free again.
    free: BinaryHeap<Reverse<u64>>,
    /// When requests that it has end, with how long each took.
    ends: BinaryHeap<Reverse<(u64, u64)>>,
    latency: PeakEwma,
}

impl Member {
    fn new() -> Self {
        let latency = PeakEwma::new(Duration::from_secs(10), Moment::default());
        Self { free: BinaryHeap::new(), ends: BinaryHeap::new(), latency }
    }

    fn candidate(&mut self, now: Moment) -> Candidate {
        let mut ended = VecDeque::new();
        while let Some(Reverse((end, took))) = self.ends.peek().copied() {
            if now.nanos < end {
                break;
            }
            self.ends.pop();
            ended.push_back((end, took));
        }
        for (end, took) in ended {
            self.latency.record(Duration::from_nanos(took), false, Moment { nanos: end });
        }
        Candidate {
            weight: 1,
            in_flight: u32::try_from(self.ends.len()).unwrap_or(u32::MAX),
            latency: self.latency.latency(now),
            open: true,
        }
    }

    /// How long a request takes that comes now, its wait for a slot included.
    fn take(&mut self, at: u64, busy: u64, slots: usize) -> u64 {
        let soonest =
            if self.free.len() < slots { 0 } else { self.free.pop().map_or(0, |Reverse(at)| at) };
        let end = soonest.max(at).saturating_add(busy);
        self.free.push(Reverse(end));
        self.ends.push(Reverse((end, end - at)));
        end - at
    }
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "latencies are far below 2^53 ns; it saturates"
)]
fn slower(nanos: u64, slowness: f64) -> u64 {
    (nanos as f64 * slowness.max(0.0)) as u64
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(slowness: &[f64]) -> Members {
        Members { slots: NonZeroU32::MIN, slowness: slowness.to_vec() }
    }

    #[test]
    fn a_slow_member_hurts_those_most_who_do_not_look() {
        let arrivals: Vec<Arrival> = (0..2_000)
            .map(|place| Arrival { at_nanos: place * 1_000_000, busy_nanos: 2_500_000 })
            .collect();
        let members = members(&[1.0, 1.0, 1.0, 5.0]);
        let p99 = |policy| {
            let took = balanced(&arrivals, &members, policy, 7);
            assert_eq!(took.len(), arrivals.len());
            took[took.len() * 99 / 100]
        };
        assert!(p99(Policy::FewestInFlight) < p99(Policy::RoundRobin) / 5);
        assert!(p99(Policy::Latency) < p99(Policy::Random) / 2);
        let again = |seed| balanced(&arrivals, &members, Policy::Latency, seed);
        assert_eq!(again(3), again(3), "a seed tells it");
    }

    #[test]
    fn one_member_without_a_queue_takes_as_long_as_was_recorded() {
        let arrivals =
            [Arrival { at_nanos: 5, busy_nanos: 7 }, Arrival { at_nanos: 20, busy_nanos: 9 }];
        for policy in Policy::ALL {
            assert_eq!(balanced(&arrivals, &members(&[1.0]), policy, 1), [7, 9]);
        }
    }
}
