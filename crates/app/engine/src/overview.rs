//! How the services are doing, and what of it is otherwise than at the same time yesterday.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use find::Targets;
use model::{OperationKey, Window};
use stats::Sketch;
use store::{Operation, OperationPoint, Store, StoreError};

/// Requests on both sides, below which nothing is said to have changed.
const REQUESTS_MIN: u64 = 50;

/// A quantile has moved where it is this many times what it was, and the intervals of both do not meet.
const TIMES_MIN: f64 = 1.2;

/// Nobody feels less.
const MOVED_MIN: Duration = Duration::from_millis(5);

/// Requests on one side, from which on twice as many as on the other are no chance: four standard deviations (Poisson).
const TRAFFIC_MIN: u64 = 100;

/// Standard deviations by which a share of errors has to differ: one false alarm in some hundred endpoints.
const DEVIATIONS_MIN: f64 = 3.0;

/// Requests in the window before, from which on a service without any now is told as silent: where ten are expected, that
/// none comes is chance once in twenty thousand times (Poisson).
const SILENT_MIN: u64 = 10;

/// Parts of the window before, of which the first has to have requests for traffic to be compared.
const BEGINS: usize = 10;

/// Changes of each kind that are told, those that cost most first.
const CHANGES_MAX: usize = 10;

/// How all services are doing.
#[derive(Debug, Clone)]
pub struct Overview {
    /// The window.
    pub window: Window,
    /// What it is compared with: as long, a day or its own length earlier.
    pub before: Window,
    /// Services, by the time of their requests, most first; last those that were requested before only.
    pub services: Vec<ServiceSigns>,
    /// What is otherwise than before, the most costly first.
    pub changed: Vec<Changed>,
}

/// Golden signals of a service.
#[derive(Debug, Clone)]
pub struct ServiceSigns {
    /// `service.name`.
    pub service: Arc<str>,
    /// Over the window.
    pub now: Signs,
    /// Over the window before; `None` without requests in it.
    pub before: Option<Signs>,
    /// Over time, in equal parts of the window.
    pub series: Vec<OperationPoint>,
}

/// Traffic, errors and latency of many requests.
#[derive(Debug, Clone, Default)]
pub struct Signs {
    /// Requests.
    pub count: u64,
    /// Requests that failed.
    pub failed: u64,
    /// Database statements of all of them.
    pub statements: u64,
    /// Their durations, in nanoseconds.
    pub durations: Sketch,
    /// Their durations added up.
    pub total: Duration,
}

/// Where a service stands against its objective.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Objective {
    /// It is quick enough, and fails seldom enough.
    Met,
    /// It fails too often, however quickly.
    Failing,
    /// Too many of its requests take too long.
    Slow,
    /// It was requested in the window before, and is no more.
    Silent,
}

/// An endpoint that is otherwise than before.
#[derive(Debug, Clone)]
pub struct Changed {
    /// Which.
    pub key: OperationKey,
    /// How.
    pub how: Turned,
    /// Before.
    pub before: Signs,
    /// Now.
    pub now: Signs,
}

/// How an endpoint has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Turned {
    /// It fails more often.
    Failing,
    /// It takes longer.
    Slower,
    /// It was not requested before.
    New,
    /// It is requested no more.
    Gone,
    /// It is quicker.
    Quicker,
    /// It fails less often.
    Mended,
    /// It is requested twice as often, or more.
    Busier,
    /// It is requested half as often, or less.
    Quieter,
}

impl Signs {
    /// Of an operation.
    #[must_use]
    pub fn of(operation: &Operation) -> Self {
        Self {
            count: operation.count,
            failed: operation.failed,
            statements: operation.statements,
            durations: operation.durations.clone(),
            total: operation.total,
        }
    }

    fn add(&mut self, other: &Self) {
        self.count += other.count;
        self.failed += other.failed;
        self.statements += other.statements;
        self.durations.merge(&other.durations);
        self.total += other.total;
    }

    /// Share of the requests that took no longer than this, 0 to 1; 1 without requests.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "shares are shown with three digits")]
    pub fn within(&self, target: Duration) -> f64 {
        let target = u64::try_from(target.as_nanos()).unwrap_or(u64::MAX);
        let quick = self.durations.buckets().filter(|(from, to, _)| from.midpoint(*to) <= target);
        let quick = quick.map(|(.., count)| count).sum::<u64>();
        if self.count == 0 { 1.0 } else { quick as f64 / self.count as f64 }
    }

    /// Whether no more fail than may, and 95 and 99 of a hundred take no longer than they are meant to.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "counts of requests")]
    pub fn objective(&self, targets: &Targets) -> Objective {
        let is_below = |q: f64, target: Duration| {
            let quantile = self.durations.quantile(q).unwrap_or_default();
            Duration::from_nanos(quantile) <= target
        };
        if self.count == 0 {
            Objective::Silent
        } else if targets.errors * (self.count as f64) < self.failed as f64 {
            Objective::Failing
        } else if is_below(0.95, targets.p95) && is_below(0.99, targets.p99) {
            Objective::Met
        } else {
            Objective::Slow
        }
    }
}

/// The window that a window is compared with: the same hours of the day before, or the time before it if it is longer
/// than a day.
fn window_before(window: Window) -> Window {
    let back = window.length().max(Duration::from_hours(24));
    Window { from: window.from - back, to: window.to - back }
}

/// How the services are doing within a window, in so many steps.
///
/// # Errors
///
/// The store fails.
pub fn overview(store: &dyn Store, window: Window, steps: usize) -> Result<Overview, StoreError> {
    let before = window_before(window);
    let (now, then) = (store.operations(window)?, store.operations(before)?);
    let mut series = store.services(window, steps)?;
    let (signs, mut signs_before) = (by_service(&now), by_service(&then));
    let mut services: Vec<ServiceSigns> = signs
        .into_iter()
        .map(|(service, now)| ServiceSigns {
            before: signs_before.remove(&service),
            series: series.remove(&service).unwrap_or_default(),
            service,
            now,
        })
        .collect();
    services.sort_by_key(|one| std::cmp::Reverse(one.now.total));
    services.extend(silent(signs_before));
    // Where nothing was kept yet as the window before began, less traffic then says nothing.
    let parts = if then.is_empty() { BTreeMap::new() } else { store.services(before, BEGINS)? };
    let is_known = parts.values().filter_map(|points| points.first()).any(|it| 0 < it.count);
    Ok(Overview { window, before, services, changed: changes(&now, &then, is_known) })
}

/// Services that were requested before only: an outage is no row less.
fn silent(before: BTreeMap<Arc<str>, Signs>) -> impl Iterator<Item = ServiceSigns> {
    let before = before.into_iter().filter(|(_, signs)| SILENT_MIN <= signs.count);
    before.map(|(service, signs)| ServiceSigns {
        service,
        now: Signs::default(),
        before: Some(signs),
        series: Vec::new(),
    })
}

fn by_service(operations: &[Operation]) -> BTreeMap<Arc<str>, Signs> {
    let mut services = BTreeMap::<Arc<str>, Signs>::new();
    for operation in operations {
        let service = Arc::clone(&operation.key.service);
        services.entry(service).or_default().add(&Signs::of(operation));
    }
    services
}

/// What is otherwise than before, the most costly first; traffic too if all of what was before is known.
fn changes(now: &[Operation], then: &[Operation], is_known: bool) -> Vec<Changed> {
    // Without anything before, everything would be new.
    if then.is_empty() || now.is_empty() {
        return Vec::new();
    }
    let before: BTreeMap<&OperationKey, &Operation> = then.iter().map(|it| (&it.key, it)).collect();
    let current: BTreeMap<&OperationKey, &Operation> = now.iter().map(|it| (&it.key, it)).collect();
    let mut changed = Vec::new();
    for (key, one) in &current {
        let signs = Signs::of(one);
        let was = before.get(key).map_or_else(Signs::default, |it| Signs::of(it));
        let how = match before.contains_key(key) {
            false if REQUESTS_MIN <= signs.count => Some(Turned::New),
            false => None,
            true => {
                let traffic = if is_known { traffic(&was, &signs) } else { None };
                turned(&was, &signs).or(traffic)
            }
        };
        changed.extend(how.map(|how| Changed {
            key: (*key).clone(),
            how,
            before: was,
            now: signs,
        }));
    }
    let gone =
        before.iter().filter(|(key, it)| !current.contains_key(*key) && REQUESTS_MIN <= it.count);
    changed.extend(gone.map(|(key, it)| Changed {
        key: (*key).clone(),
        how: Turned::Gone,
        before: Signs::of(it),
        now: Signs::default(),
    }));
    most_costly(changed)
}

/// Those that cost most, the most costly first; of each kind some, so that many new endpoints, as after a release, hide none
/// that got slower.
fn most_costly(mut changed: Vec<Changed>) -> Vec<Changed> {
    changed.sort_by_key(|it| {
        let (now, then) = (it.now.total, it.before.total);
        (std::cmp::Reverse(now.abs_diff(then)), it.how, it.key.clone())
    });
    let mut kinds: BTreeMap<Turned, usize> = BTreeMap::new();
    changed.retain(|it| {
        let count = kinds.entry(it.how).or_default();
        *count += 1;
        *count <= CHANGES_MAX
    });
    changed
}

fn turned(before: &Signs, now: &Signs) -> Option<Turned> {
    if before.count < REQUESTS_MIN || now.count < REQUESTS_MIN {
        return None;
    }
    let errors = deviations(before, now);
    if DEVIATIONS_MIN <= errors {
        return Some(Turned::Failing);
    }
    let moved = moved(&before.durations, &now.durations);
    moved.or_else(|| (errors <= -DEVIATIONS_MIN).then_some(Turned::Mended))
}

/// Whether there are twice as many requests as before, or half as many.
fn traffic(before: &Signs, now: &Signs) -> Option<Turned> {
    let is_twice =
        |more: u64, less: u64| TRAFFIC_MIN <= more && less.saturating_mul(2) <= more && 0 < less;
    if is_twice(now.count, before.count) {
        return Some(Turned::Busier);
    }
    is_twice(before.count, now.count).then_some(Turned::Quieter)
}

/// By how many standard deviations the share of errors is larger than before: the test of two proportions.
#[expect(clippy::cast_precision_loss, reason = "counts of requests")]
fn deviations(before: &Signs, now: &Signs) -> f64 {
    let (then, count) = (before.count as f64, now.count as f64);
    let both = (before.failed + now.failed) as f64 / (then + count);
    let deviation = (both * (1.0 - both) * (1.0 / then + 1.0 / count)).sqrt();
    if deviation == 0.0 {
        return 0.0;
    }
    (now.failed as f64 / count - before.failed as f64 / then) / deviation
}

/// Whether the 95th percentile moved: its intervals before and now do not meet, and somebody could feel it.
#[expect(clippy::cast_precision_loss, reason = "53 bits are plenty for a latency")]
fn moved(before: &Sketch, now: &Sketch) -> Option<Turned> {
    let (was, is) = (before.quantile(0.95)?, now.quantile(0.95)?);
    let (around_was, around_is) = (before.quantile_interval(0.95)?, now.quantile_interval(0.95)?);
    let is_more = |less: u64, more: u64| {
        let apart = Duration::from_nanos(more.saturating_sub(less));
        less as f64 * TIMES_MIN <= more as f64 && MOVED_MIN <= apart
    };
    if around_was.high < around_is.low && is_more(was, is) {
        return Some(Turned::Slower);
    }
    (around_is.high < around_was.low && is_more(is, was)).then_some(Turned::Quicker)
}

#[cfg(test)]
mod tests {
    use model::Moment;

    use super::*;

    fn signs(millis: impl Iterator<Item = u64>, failed: u64) -> Signs {
        let durations: Sketch = millis.map(|it| it * 1_000_000).collect();
        Signs { count: durations.count(), failed, durations, ..Signs::default() }
    }

    #[test]
    fn a_service_that_was_requested_before_only_is_silent() {
        let before = [("shop", 10), ("mail", 9)]
            .map(|(service, count)| (Arc::from(service), signs((0..count).map(|_| 100), 0)));
        let told: Vec<_> = silent(BTreeMap::from(before)).map(|one| one.service).collect();
        assert_eq!(told, [Arc::from("shop")]);
    }

    #[test]
    fn a_window_is_compared_with_the_same_hours_of_the_day_before() {
        let at = |hour: u64| Moment { nanos: hour * 3_600_000_000_000 };
        let hour = window_before(Window { from: at(100), to: at(101) });
        assert_eq!((hour.from, hour.to), (at(76), at(77)));
        let week = window_before(Window { from: at(1_000), to: at(1_168) });
        assert_eq!((week.from, week.to), (at(832), at(1_000)));
    }

    #[test]
    fn what_is_told_as_changed_is_more_than_chance() {
        let even = |count: u64| (0..count).map(|it| 100 + it % 20);
        let was = signs(even(200), 2);
        assert_eq!(turned(&was, &signs(even(180), 3)), None);
        assert_eq!(turned(&was, &signs(even(200).map(|it| it * 2), 2)), Some(Turned::Slower));
        assert_eq!(turned(&was, &signs(even(200).map(|it| it / 2), 2)), Some(Turned::Quicker));
        assert_eq!(turned(&was, &signs(even(200), 40)), Some(Turned::Failing));
        assert_eq!(turned(&signs(even(200), 40), &was), Some(Turned::Mended));
        // Three requests tell nothing.
        assert_eq!(turned(&was, &signs(even(3).map(|it| it * 9), 3)), None);
    }

    #[test]
    fn many_changes_of_one_kind_hide_none_of_another() {
        let changed = |place: usize, how, total| Changed {
            key: OperationKey {
                service: Arc::from("shop"),
                operation: Arc::from(format!("GET /{place}")),
            },
            how,
            before: Signs::default(),
            now: Signs { total: Duration::from_secs(total), ..Signs::default() },
        };
        let mut all: Vec<Changed> = (0..30).map(|it| changed(it, Turned::New, 1_000)).collect();
        all.push(changed(30, Turned::Slower, 10));
        let told = most_costly(all);
        assert_eq!(told.len(), CHANGES_MAX + 1);
        assert_eq!(told.last().map(|it| it.how), Some(Turned::Slower));
    }

    #[test]
    fn twice_and_half_the_traffic_are_told() {
        let of = |count: u64| signs((0..count).map(|_| 100), 0);
        assert_eq!(traffic(&of(50), &of(100)), Some(Turned::Busier));
        assert_eq!(traffic(&of(300), &of(3)), Some(Turned::Quieter));
        assert_eq!(traffic(&of(51), &of(100)), None);
        // Of few, twice as many are chance; what is new or gone is told as such.
        assert_eq!(traffic(&of(40), &of(80)), None);
        assert_eq!(traffic(&of(0), &of(300)), None);
        assert_eq!(traffic(&of(300), &of(0)), None);
    }

    #[test]
    fn an_objective_is_met_by_both_quantiles_and_by_few_errors() {
        let (p95, p99) = (Duration::from_millis(200), Duration::from_millis(500));
        let targets = Targets { p95, p99, ..Targets::default() };
        let quick = |failed: u64| signs((0..100).map(|_| 100), failed);
        assert_eq!(quick(1).objective(&targets), Objective::Met);
        assert_eq!(quick(2).objective(&targets), Objective::Failing);
        assert_eq!(quick(2).objective(&Targets { errors: 0.05, ..targets }), Objective::Met);
        assert_eq!(quick(1).objective(&Targets { errors: 0.0, ..targets }), Objective::Failing);
        let long_tail = signs((0..100).map(|it| if it < 96 { 100 } else { 900 }), 0);
        assert_eq!(long_tail.objective(&targets), Objective::Slow);
        assert_eq!(Signs::default().objective(&targets), Objective::Silent);
        assert!((long_tail.within(targets.p95) - 0.96).abs() < 1e-9);
        assert!((Signs::default().within(targets.p95) - 1.0).abs() < 1e-9);
    }
}
