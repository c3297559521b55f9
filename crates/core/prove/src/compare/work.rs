//! What requests did besides taking their time: statements, time of the database, bytes. Told beside the verdict, which
//! hangs on latency and errors alone.
//!
//! Means, each route with itself and weighed as it was before, with Welch's interval of the difference. Requests count as
//! independent here: what they do hangs on what was asked, not on how the machine felt.

use std::collections::BTreeMap;

use stats::{Interval, Mean, sum_of_differences};

use super::float;

/// What a request did; `None` where that is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counted {
    /// Place of its route in [`Worked::routes`].
    pub route: u32,
    /// Statements that it ran.
    pub statements: Option<u64>,
    /// How long it waited for its database.
    pub database_nanos: Option<u64>,
    /// Bytes of its answer's body.
    pub body_bytes: Option<u64>,
}

/// What the requests of one side did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Worked {
    /// Names of routes.
    pub routes: Vec<String>,
    /// As [`Side::in_all`](super::Side::in_all).
    pub in_all: Vec<u64>,
    /// In any order.
    pub requests: Vec<Counted>,
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// Statements of a request.
    Statements,
    /// Nanoseconds that a request waited for its database.
    DatabaseTime,
    /// Bytes of an answer's body.
    Bytes,
}

impl Measure {
    /// All of them, in the order in which they are told.
    pub const ALL: [Self; 3] = [Self::Statements, Self::DatabaseTime, Self::Bytes];

    /// In words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Statements => "queries per request",
            Self::DatabaseTime => "database time",
            Self::Bytes => "bytes of an answer",
        }
    }

    fn of(self, request: &Counted) -> Option<u64> {
        match self {
            Self::Statements => request.statements,
            Self::DatabaseTime => request.database_nanos,
            Self::Bytes => request.body_bytes,
        }
    }
}

/// A mean before and after.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MeanChange {
    /// Of what.
    pub measure: Measure,
    /// Before.
    pub before: f64,
    /// After.
    pub after: f64,
    /// Where `after - before` lies, with 95 %; `None` where a route has too few requests to tell.
    pub difference: Option<Interval>,
    /// Requests of each side that tell it.
    pub counts: (usize, usize),
}

impl MeanChange {
    /// `after / before - 1`; `None` where there was nothing before.
    #[must_use]
    pub fn ratio(&self) -> Option<f64> {
        (self.before > 0.0).then(|| self.after / self.before - 1.0)
    }
}

/// What changed of all that both sides tell; each route with itself, weighed as it was before.
#[must_use]
pub fn work(before: &Worked, after: &Worked) -> Vec<MeanChange> {
    Measure::ALL.into_iter().filter_map(|measure| change(measure, before, after)).collect()
}

/// Of one route.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    count: u64,
    /// How many requests these are a part of.
    in_all: u64,
    sum: f64,
    squares: f64,
}

impl Sums {
    fn mean(self) -> f64 {
        self.sum / float(self.count.max(1))
    }
}

fn change(measure: Measure, before: &Worked, after: &Worked) -> Option<MeanChange> {
    let (old, new) = (sums(measure, before), sums(measure, after));
    let common: Vec<(Sums, Sums)> =
        old.iter().filter_map(|(route, sums)| Some((*sums, *new.get(route)?))).collect();
    let count = |side: fn(&(Sums, Sums)) -> u64| common.iter().map(side).sum::<u64>();
    let (all_before, all_after) = (count(|(old, _)| old.count), count(|(_, new)| new.count));
    if all_before == 0 {
        return None;
    }
    let stands_for = |old: &Sums| float(old.in_all);
    let total: f64 = common.iter().map(|(old, _)| stands_for(old)).sum();
    let (mut mean_before, mut mean_after) = (0.0, 0.0);
    let mut parts = Vec::new();
    for (old, new) in &common {
        let weight = stands_for(old) / total;
        mean_before += weight * old.mean();
        mean_after += weight * new.mean();
        let mean = |it: &Sums| Mean::of_sums(it.count, it.sum, it.squares);
        parts.push(mean(old).zip(mean(new)).map(|(old, new)| (weight, old, new)));
    }
    let parts: Option<Vec<_>> = parts.into_iter().collect();
    let size = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
    Some(MeanChange {
        measure,
        before: mean_before,
        after: mean_after,
        difference: parts.and_then(|parts| sum_of_differences(&parts)),
        counts: (size(all_before), size(all_after)),
    })
}

fn sums(measure: Measure, side: &Worked) -> BTreeMap<&str, Sums> {
    // The last is of those without a name.
    let mut places = vec![Sums::default(); side.routes.len() + 1];
    for request in &side.requests {
        let Some(value) = measure.of(request).map(float) else { continue };
        let place = usize::try_from(request.route).unwrap_or(usize::MAX).min(side.routes.len());
        let sums = &mut places[place];
        sums.count += 1;
        sums.sum += value;
        sums.squares += value * value;
    }
    let mut routes: BTreeMap<&str, Sums> = BTreeMap::new();
    for (place, more) in places.into_iter().enumerate().filter(|(_, sums)| 0 < sums.count) {
        let sums = routes.entry(side.routes.get(place).map_or("", String::as_str)).or_default();
        sums.count += more.count;
        let in_all = side.in_all.get(place).copied().unwrap_or(0).max(more.count);
        sums.in_all = sums.in_all.saturating_add(in_all);
        sums.sum += more.sum;
        sums.squares += more.squares;
    }
    routes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn side(routes: &[(&str, &[u64])]) -> Worked {
        let requests = (0_u32..).zip(routes).flat_map(|(route, (_, values))| {
            let one = move |value: &u64| Counted {
                route,
                statements: Some(*value),
                ..Counted::default()
            };
            values.iter().map(one)
        });
        let requests = requests.collect();
        let routes = routes.iter().map(|(name, _)| (*name).to_owned()).collect();
        Worked { routes, requests, ..Worked::default() }
    }

    #[test]
    fn routes_are_compared_with_themselves_and_weighed_as_before() {
        let before = side(&[("/list", &[384, 384, 384]), ("/one", &[2])]);
        // The mix is the other way round; each route alone does as many as it does.
        let after = side(&[("/one", &[2, 2, 2]), ("/list", &[3, 3]), ("/new", &[9])]);
        let told = work(&before, &after);
        assert_eq!(told.len(), 1, "nothing else is known: {told:?}");
        let change = told[0];
        assert!((change.before - (0.75 * 384.0 + 0.25 * 2.0)).abs() < 1e-9, "{change:?}");
        assert!((change.after - (0.75 * 3.0 + 0.25 * 2.0)).abs() < 1e-9, "{change:?}");
        assert_eq!(
            (change.difference, change.counts),
            (None, (4, 5)),
            "one request tells no spread"
        );
        let many = work(&side(&[("/", &[380, 384, 388])]), &side(&[("/", &[3, 3, 4])]))[0];
        let interval = many.difference.unwrap();
        assert!(-395.0 < interval.low && interval.high < -370.0, "{many:?}");
        assert!((many.ratio().unwrap() + 0.991).abs() < 0.001, "{many:?}");
        let new = work(&side(&[("/", &[0, 0])]), &side(&[("/", &[384, 384])]))[0];
        assert_eq!(new.ratio(), None, "nothing is no base: {new:?}");
    }

    #[test]
    fn routes_of_which_a_part_is_given_weigh_as_much_as_all_of_it() {
        let mut before = side(&[("/list", &[384, 384]), ("/one", &[2, 2])]);
        before.in_all = vec![2, 6];
        let after = side(&[("/list", &[3, 3]), ("/one", &[2, 2])]);
        let change = work(&before, &after)[0];
        assert!((change.before - (0.25 * 384.0 + 0.75 * 2.0)).abs() < 1e-9, "{change:?}");
        assert!((change.after - (0.25 * 3.0 + 0.75 * 2.0)).abs() < 1e-9, "{change:?}");
    }

    #[test]
    fn what_one_side_does_not_tell_is_not_compared() {
        assert_eq!(work(&side(&[("/", &[1, 2])]), &Worked::default()), []);
        assert_eq!(work(&side(&[("/a", &[1, 2])]), &side(&[("/b", &[1, 2])])), []);
    }
}
