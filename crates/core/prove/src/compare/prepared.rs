//! A side made ready: without its warm-up and routes that the other side has not, its latencies weighed.

use std::collections::BTreeSet;

use super::{Request, SAMPLES_MAX, Side, Used, float, quantiles::Weighed, series};

const NAMELESS: &str = "(no route)";

/// Names of the routes of both sides, each once: their places are their numbers.
pub(super) struct Routes(Vec<String>);

impl Routes {
    pub(super) fn of(sides: [&Side; 2]) -> Self {
        let names = sides.into_iter().flat_map(|side| side.routes.iter().map(String::as_str));
        let names: BTreeSet<&str> = names.chain([NAMELESS]).collect();
        Self(names.into_iter().map(str::to_owned).collect())
    }

    pub(super) fn name(&self, number: usize) -> &str {
        self.0.get(number).map_or(NAMELESS, String::as_str)
    }

    fn number(&self, name: &str) -> usize {
        self.0.binary_search_by(|known| known.as_str().cmp(name)).unwrap_or_default()
    }
}

/// Requests of a route.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Count {
    all: usize,
    failed: usize,
}

impl Count {
    pub(super) fn answered(self) -> usize {
        self.all - self.failed
    }

    /// How many failed, and of how many.
    pub(super) fn failed_of(self) -> (f64, f64) {
        (float(self.failed as u64), float(self.all as u64))
    }
}

/// A side in the order of time; routes have the numbers of [`Routes`].
pub(super) struct Prepared {
    pub(super) used: Used,
    /// Ascending by start.
    pub(super) requests: Vec<Request>,
    /// By route.
    pub(super) counts: Vec<Count>,
    /// How many requests one of each route stands for.
    stands_for: Vec<f64>,
    /// Requests are a part of all: they are of somebody who serves on and on, not of a run.
    is_part: bool,
}

impl Prepared {
    pub(super) fn of(side: &Side, names: &Routes) -> Self {
        let mut numbers: Vec<usize> = side.routes.iter().map(|name| names.number(name)).collect();
        let mut in_all = vec![0; names.0.len()];
        for (number, count) in numbers.iter().zip(&side.in_all) {
            in_all[*number] = u64::saturating_add(in_all[*number], *count);
        }
        numbers.push(names.number(NAMELESS));
        let last = numbers.len() - 1;
        let mut requests: Vec<Request> = side.requests.iter().take(SAMPLES_MAX).copied().collect();
        for request in &mut requests {
            let number = numbers[place(request).min(last)];
            request.route = u32::try_from(number).unwrap_or(u32::MAX);
        }
        requests.sort_by_key(|request| request.start_nanos);
        let used = Used { given: requests.len(), ..Used::default() };
        let (counts, stands_for) = (vec![Count::default(); in_all.len()], Vec::new());
        let is_part = !side.in_all.is_empty();
        let mut prepared = Self { used, requests, counts, stands_for, is_part };
        prepared.count();
        let ratio = |(count, in_all): (&Count, u64)| {
            let given = float(count.all as u64).max(1.0);
            (float(in_all) / given).max(1.0)
        };
        prepared.stands_for = prepared.counts.iter().zip(in_all).map(ratio).collect();
        prepared
    }

    fn count(&mut self) {
        self.counts.fill(Count::default());
        for request in &self.requests {
            let count = &mut self.counts[place(request)];
            count.all += 1;
            count.failed += usize::from(request.failed);
        }
    }

    /// Leaves out the warm-up; says where the rest drifts.
    pub(super) fn steady(&mut self, which: &str, notes: &mut Vec<String>) {
        let series = self.told_alike();
        // Who serves on and on has no warm-up.
        let warm = if self.is_part { 0 } else { series::warm_up(&series) };
        if warm > 0 {
            // Latencies are of those that did not fail: find the request at which the last of the warm-up lies.
            let mut left = warm;
            let cut = self.requests.iter().position(|request| {
                left -= usize::from(!request.failed);
                left == 0
            });
            self.used.warm_up = cut.map_or(0, |cut| cut + 1);
            self.requests.drain(..self.used.warm_up);
            self.count();
            notes.push(format!(
                "{which}: the first {} of {} requests were slower or faster than all that followed and are left out as warm-up",
                self.used.warm_up, self.used.given
            ));
        }
        if let Some(drift) = series::drift(series.get(warm..).unwrap_or_default()) {
            notes.push(format!(
                "{which}: latency drifts by {:+.0} % from the first to the last third of the run; something else changed meanwhile",
                drift * 100.0
            ));
        }
    }

    pub(super) fn latencies(&self) -> impl Iterator<Item = f64> {
        self.requests
            .iter()
            .filter(|request| !request.failed)
            .map(|request| float(request.took_nanos))
    }

    /// Latencies in the order of time, of each route the same part of all: where more is given of those that are seldom, their
    /// hours would look like others.
    fn told_alike(&self) -> Vec<f64> {
        let most = self.stands_for.iter().copied().fold(1.0, f64::max);
        let mut come = vec![0.0; self.stands_for.len()];
        let answered = self.requests.iter().filter(|request| !request.failed);
        let alike = answered.filter(|request| {
            let come = &mut come[place(request)];
            *come += self.stands_for[place(request)];
            // Sums of parts are rounded.
            let is_told = most * (1.0 - 1e-9) <= *come;
            if is_told {
                *come -= most;
            }
            is_told
        });
        alike.map(|request| float(request.took_nanos)).collect()
    }

    /// Whether there are requests of each route.
    pub(super) fn seen(&self) -> impl Iterator<Item = bool> {
        self.counts.iter().map(|count| 0 < count.all)
    }

    /// Leaves out what is not of these routes.
    pub(super) fn keep(&mut self, common: &[bool]) {
        let before = self.requests.len();
        self.requests.retain(|request| common[place(request)]);
        self.count();
        self.used.alone = before - self.requests.len();
        self.used.failed = self.counts.iter().map(|count| count.failed).sum();
    }

    /// Which share of all requests those of each route are.
    pub(super) fn shares(&self) -> Vec<f64> {
        let counts = self.counts.iter().zip(&self.stands_for);
        let stand_for: Vec<f64> =
            counts.map(|(count, each)| float(count.all as u64) * each).collect();
        let total = stand_for.iter().sum::<f64>().max(1.0);
        stand_for.into_iter().map(|count| count / total).collect()
    }

    /// Latencies of the routes that have a share, weighed so that they have it.
    pub(super) fn weighed(&self, shares: &[f64]) -> Weighed {
        let shares = shares.iter().zip(&self.counts);
        let weights: Vec<f64> =
            shares.map(|(share, count)| share / float(count.answered() as u64).max(1.0)).collect();
        let values = self.requests.iter().filter(|request| !request.failed).filter_map(|request| {
            let weight = weights[place(request)];
            (weight > 0.0).then(|| (float(request.took_nanos), weight, request.route))
        });
        Weighed::new(values.collect())
    }

    /// Latencies of each route alone, in the order of time, all of the same weight.
    pub(super) fn by_route(&self) -> Vec<Vec<(f64, f64, u32)>> {
        let mut routes: Vec<Vec<_>> =
            self.counts.iter().map(|count| Vec::with_capacity(count.answered())).collect();
        for request in self.requests.iter().filter(|request| !request.failed) {
            routes[place(request)].push((float(request.took_nanos), 1.0, 0));
        }
        routes
    }
}

/// The number of a request's route.
pub(super) fn place(request: &Request) -> usize {
    usize::try_from(request.route).unwrap_or(usize::MAX)
}
