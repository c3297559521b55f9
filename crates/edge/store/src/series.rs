//! Requests over time: what those of each step of a window add up to.

use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
    sync::Arc,
};

use model::{Moment, OperationKey, Window};

use crate::{
    OperationPoint, STEPS_MAX,
    answers::{OperationSum, sums},
    requests::{Requests, Segment},
};

/// What the requests of each step add up to; empty before the first of them.
type Sums = Vec<OperationSum>;

/// See [`crate::Store::series`].
pub(crate) fn series(
    requests: &Requests,
    keys: &[OperationKey],
    window: Window,
    steps: usize,
) -> Vec<Vec<OperationPoint>> {
    let steps = Steps::of(window, steps);
    let places: BTreeMap<(&str, &str), usize> = keys
        .iter()
        .enumerate()
        .map(|(place, key)| ((&*key.service, &*key.operation), place))
        .collect();
    let none = || vec![Sums::new(); keys.len()];
    let parts = requests.look(window, none, |own: &mut Vec<Sums>, _, segment| {
        let wanted: Vec<Option<usize>> =
            segment.operations().map(|pair| places.get(&pair).copied()).collect();
        if wanted.iter().any(Option::is_some) {
            steps.add(segment, &wanted, own);
        }
    });
    let mut all = none();
    for part in parts {
        for (sums, more) in all.iter_mut().zip(part) {
            add_up(sums, more);
        }
    }
    all.into_iter().map(|sums| steps.points(sums)).collect()
}

/// See [`crate::Store::services`].
pub(crate) fn services(
    requests: &Requests,
    window: Window,
    steps: usize,
) -> BTreeMap<Arc<str>, Vec<OperationPoint>> {
    let steps = Steps::of(window, steps);
    let parts = requests.look(window, Services::default, |own: &mut Services<'_>, _, segment| {
        let wanted: Vec<Option<usize>> =
            segment.operations().map(|(service, _)| Some(own.place(service))).collect();
        steps.add(segment, &wanted, &mut own.sums);
    });
    let mut all = BTreeMap::<&str, Sums>::new();
    for Services { places, mut sums } in parts {
        for (name, place) in places {
            add_up(all.entry(name).or_default(), mem::take(&mut sums[place]));
        }
    }
    let requested = all.into_iter().filter(|(_, sums)| !sums.is_empty());
    requested.map(|(name, sums)| (Arc::from(name), steps.points(sums))).collect()
}

/// See [`crate::Store::service_names`].
pub(crate) fn service_names(requests: &Requests, window: Window) -> BTreeSet<Arc<str>> {
    let mut names = BTreeSet::<&str>::new();
    for (_, segment) in requests.segments() {
        // Only where the window begins or ends within a segment do its rows need a look.
        let is_within = segment.is_within(window);
        let mut requested = vec![is_within; segment.operations().len()];
        let rows = if is_within { Window::default() } else { window };
        for (_, row) in segment.within(rows) {
            if let Some(requested) = requested.get_mut(row.operation as usize) {
                *requested = true;
            }
        }
        let services = segment.operations().map(|(service, _)| service).zip(requested);
        names.extend(services.filter_map(|(service, requested)| requested.then_some(service)));
    }
    names.into_iter().map(Arc::from).collect()
}

/// Services by name.
#[derive(Default)]
struct Services<'a> {
    /// Places in `sums`.
    places: BTreeMap<&'a str, usize>,
    sums: Vec<Sums>,
}

impl<'a> Services<'a> {
    fn place(&mut self, name: &'a str) -> usize {
        let fresh = self.sums.len();
        let place = *self.places.entry(name).or_insert(fresh);
        if place == fresh {
            self.sums.push(Sums::new());
        }
        place
    }
}

/// Adds what another thread found.
fn add_up(sums: &mut Sums, more: Sums) {
    if sums.is_empty() {
        *sums = more;
        return;
    }
    for (sum, more) in sums.iter_mut().zip(&more) {
        sum.merge(more);
    }
}

/// Equal parts of a window; none if the window is empty.
struct Steps {
    window: Window,
    each: Vec<Window>,
}

impl Steps {
    fn of(window: Window, steps: usize) -> Self {
        let length = u128::from(window.to.nanos.saturating_sub(window.from.nanos));
        let parts = if length == 0 { 0 } else { steps.min(STEPS_MAX) as u128 };
        let edge = |step: u128| {
            let passed = u64::try_from((step * length).div_ceil(parts));
            Moment { nanos: window.from.nanos + passed.expect("no part is longer than the window") }
        };
        let part = |step| Window { from: edge(step), to: edge(step + 1) };
        Self { window, each: (0..parts).map(part).collect() }
    }

    /// Adds the requests of a segment: of each of its operations, `wanted` has the place in `all`.
    fn add(&self, segment: &Segment, wanted: &[Option<usize>], all: &mut [Sums]) {
        if let Some(step) = self.of_whole(segment) {
            let sums = segment.sums(|| sums(segment, self.window));
            for (wanted, sum) in wanted.iter().zip(sums) {
                if let Some(place) = wanted.filter(|_| !sum.is_empty()) {
                    self.with_room(&mut all[place])[step].merge(sum);
                }
            }
            return;
        }
        let mut step = 0;
        for (_, row) in segment.within(self.window) {
            let Some(Some(place)) = wanted.get(row.operation as usize) else { continue };
            // Rows are nearly in order of time: mostly it is the step of the one before, and no division is needed.
            if self.each.get(step).is_none_or(|window| !window.contains(row.head.start)) {
                step = self.at(row.head.start);
            }
            if let Some(sum) = self.with_room(&mut all[*place]).get_mut(step) {
                sum.add(row, segment.body(row).breakdown().unwrap_or_default());
            }
        }
    }

    /// The step that all requests of a segment began in, if there is one.
    fn of_whole(&self, segment: &Segment) -> Option<usize> {
        let (first, last) = segment.starts.filter(|_| segment.is_within(self.window))?;
        let step = self.at(first);
        self.each.get(step)?.contains(last).then_some(step)
    }

    /// The step that a moment of the window is in.
    fn at(&self, moment: Moment) -> usize {
        let Window { from, to } = self.window;
        let length = to.nanos.saturating_sub(from.nanos).max(1);
        let passed = moment.nanos.saturating_sub(from.nanos);
        // Windows of some centuries need more than 64 bits, which take ten times as long.
        match passed.checked_mul(self.each.len() as u64) {
            Some(times) => usize::try_from(times / length).unwrap_or(usize::MAX),
            None => (u128::from(passed) * self.each.len() as u128 / u128::from(length)) as usize,
        }
    }

    fn with_room<'a>(&self, sums: &'a mut Sums) -> &'a mut Sums {
        if sums.is_empty() {
            sums.resize(self.each.len(), OperationSum::default());
        }
        sums
    }

    fn points(&self, mut sums: Sums) -> Vec<OperationPoint> {
        self.with_room(&mut sums);
        self.each.iter().zip(sums).map(|(window, sum)| sum.point(*window)).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::sampled::tests::{at, fact, kept};

    #[test]
    fn services_have_points_of_their_own_if_they_have_requests() {
        let name = |number| if number < 900 { "shop" } else { "stock" };
        let facts: Vec<_> = (0..1_200).map(|number| fact(number, number, name(number))).collect();
        let requests = kept(&facts);
        let check = |from, to, expected: &[(&str, &[u64])]| {
            let window = Window { from: at(from), to: at(to) };
            let steps = expected[0].1.len();
            let found: Vec<(Arc<str>, Vec<u64>)> = services(&requests, window, steps)
                .into_iter()
                .map(|(name, points)| (name, points.iter().map(|point| point.count).collect()))
                .collect();
            let expected: Vec<(Arc<str>, Vec<u64>)> =
                expected.iter().map(|(name, counts)| ((*name).into(), counts.to_vec())).collect();
            assert_eq!(found, expected);
            let names = service_names(&requests, window);
            assert!(names.iter().eq(found.iter().map(|(name, _)| name)), "{names:?}");
        };
        check(0, 1_200, &[("shop", &[900]), ("stock", &[300])]);
        check(0, 1_200, &[("shop", &[300, 300, 300, 0]), ("stock", &[0, 0, 0, 300])]);
        check(900, 1_000, &[("stock", &[50, 50])]);
        check(800, 900, &[("shop", &[100])]);
        assert_eq!(service_names(&requests, Window::default()), BTreeSet::new());
    }

    proptest! {
        #[test]
        fn a_moment_is_in_the_step_that_holds_it(
            from: u64,
            length in prop_oneof![1_u64..100, any::<u64>()],
            passed: u64,
            steps in 1_usize..50,
        ) {
            let window = Window {
                from: Moment { nanos: from },
                to: Moment { nanos: from.saturating_add(length) },
            };
            prop_assume!(window.from < window.to);
            let moment = Moment { nanos: from + passed % (window.to.nanos - from) };
            let steps = Steps::of(window, steps);
            prop_assert!(steps.each[steps.at(moment)].contains(moment));
        }
    }
}
