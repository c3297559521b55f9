//! A side made ready: without its warm-up and routes that the other side has not, its latencies weighed.

use std::collections::{BTreeMap, BTreeSet};

use super::{Request, SAMPLES_MAX, Side, Used, float, quantiles::Weighed, series};

/// A side in the order of time, by route.
pub(super) struct Prepared {
    pub(super) used: Used,
    /// Ascending by start.
    pub(super) requests: Vec<Request>,
    names: Vec<String>,
}

const NAMELESS: &str = "(no route)";

impl Prepared {
    pub(super) fn of(side: &Side) -> Self {
        let mut requests: Vec<Request> = side.requests.iter().take(SAMPLES_MAX).copied().collect();
        requests.sort_by_key(|request| request.start_nanos);
        let mut names = side.routes.clone();
        let last = u32::try_from(names.len()).unwrap_or(u32::MAX);
        names.push(NAMELESS.to_owned());
        for request in &mut requests {
            request.route = request.route.min(last);
        }
        Self { used: Used { given: requests.len(), ..Used::default() }, requests, names }
    }

    pub(super) fn name(&self, request: &Request) -> &str {
        let place = usize::try_from(request.route).unwrap_or(usize::MAX);
        self.names.get(place).map_or(NAMELESS, String::as_str)
    }

    /// Leaves out the warm-up; says where the rest drifts.
    pub(super) fn steady(&mut self, which: &str, notes: &mut Vec<String>) {
        let series: Vec<f64> = self.latencies().collect();
        let warm = series::warm_up(&series);
        if warm > 0 {
            // Latencies are of those that did not fail: find the request at which the last of the warm-up lies.
            let mut left = warm;
            let cut = self.requests.iter().position(|request| {
                left -= usize::from(!request.failed);
                left == 0
            });
            self.used.warm_up = cut.map_or(0, |cut| cut + 1);
            self.requests.drain(..self.used.warm_up);
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

    pub(super) fn names(&self) -> BTreeSet<String> {
        let names: BTreeSet<&str> = self.requests.iter().map(|it| self.name(it)).collect();
        names.into_iter().map(str::to_owned).collect()
    }

    pub(super) fn keep(&mut self, common: &BTreeSet<String>) {
        let kept: Vec<Request> = self
            .requests
            .iter()
            .filter(|request| common.contains(self.name(request)))
            .copied()
            .collect();
        self.used.alone = self.requests.len() - kept.len();
        self.requests = kept;
        self.used.failed = self.requests.iter().filter(|request| request.failed).count();
    }

    /// Routes with a latency.
    pub(super) fn answered(&self) -> BTreeSet<&str> {
        let answered = self.requests.iter().filter(|request| !request.failed);
        answered.map(|request| self.name(request)).collect()
    }

    /// Requests by route.
    pub(super) fn counts(&self) -> BTreeMap<&str, usize> {
        let mut counts = BTreeMap::new();
        for request in &self.requests {
            *counts.entry(self.name(request)).or_default() += 1;
        }
        counts
    }

    pub(super) fn shares(&self) -> BTreeMap<String, f64> {
        let total = float(self.requests.len() as u64).max(1.0);
        let share = |count: usize| float(count as u64) / total;
        self.counts().into_iter().map(|(name, count)| (name.to_owned(), share(count))).collect()
    }

    /// Latencies of the routes that have a share, weighed so that they have it.
    pub(super) fn weighed(&self, shares: &BTreeMap<String, f64>) -> Weighed {
        let mut counts: BTreeMap<&str, f64> = BTreeMap::new();
        for request in self.requests.iter().filter(|request| !request.failed) {
            *counts.entry(self.name(request)).or_default() += 1.0;
        }
        let values = self.requests.iter().filter(|request| !request.failed).filter_map(|request| {
            let name = self.name(request);
            let (share, count) = (shares.get(name)?, counts.get(name)?);
            Some((float(request.took_nanos), share / count, request.route))
        });
        Weighed::new(values.collect())
    }

    /// The latencies of one route.
    pub(super) fn alone(&self, route: &str) -> Weighed {
        let one = |request: &&Request| !request.failed && self.name(request) == route;
        let values: Vec<(f64, f64, u32)> = self
            .requests
            .iter()
            .filter(one)
            .map(|request| (float(request.took_nanos), 1.0, 0))
            .collect();
        Weighed::new(values)
    }
}
