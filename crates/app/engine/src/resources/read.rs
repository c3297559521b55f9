//! Points of metrics to series of utilisation, saturation and errors.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use model::{Histogram, Measured, Metric, MetricKind, Moment, Temporality, Text, Window};
use store::{
    Coverage, Limit, Limits, SPANS_MAX, Store,
    keep::{
        METRICS,
        query::{Field, Filter, GROUPS_MAX, Measure, Measured as Counted, Query, Top},
        table::metric,
    },
};

use super::{
    Reading, USED, Used,
    points::{Spread, histogram_quantile},
    told_apart,
    tracks::{Instance, Seen, Track, Tracks, Which, instances},
};
use crate::question::AskError;

/// Steps of a series; a step is at least [`STEP_MIN`], which is how often most exporters send.
const STEPS: u64 = 60;
const STEP_MIN: Duration = Duration::from_mins(1);

/// Points of a metric in one step that are looked at, the newest: a hundred hosts of ten processors.
const STEP_POINTS_MAX: usize = 1_000;

/// Series that are told: more than anybody looks through.
const SERIES_MAX: usize = 500;

/// Names of metrics that are told.
const NAMES_MAX: usize = 1_000;

/// Resources over a window.
#[derive(Debug, Clone, PartialEq)]
pub struct Resources {
    /// From when to when.
    pub window: Window,
    /// Length of a step.
    pub step: Duration,
    /// Series, in the order of [`USED`].
    pub series: Vec<ResourceSeries>,
    /// Names of all metrics that came, and how many points of each.
    pub names: Vec<(Text, u64)>,
    /// Series that are not told, since there are too many.
    pub left_out: usize,
    /// What was looked at.
    pub coverage: Coverage,
}

/// One resource over time.
#[derive(Debug, Clone, PartialEq)]
pub struct ResourceSeries {
    /// What it tells.
    pub used: &'static Used,
    /// Which host, process, pool or queue.
    pub instance: String,
    /// `k8s.namespace.name` of a pod or what runs in it.
    pub namespace: Option<String>,
    /// `k8s.cluster.name` of the same.
    pub cluster: Option<String>,
    /// `service.name` of those that told it; of a host that a collector tells of, none.
    pub services: BTreeSet<String>,
    /// A number for each step; `None` where no point came.
    pub values: Vec<Option<f64>>,
}

/// Reads what is known of resources.
///
/// # Errors
///
/// The store fails, or keeps no metrics.
pub fn resources(
    service: Option<&str>,
    window: Window,
    store: &dyn Store,
    limits: &Limits,
) -> Result<Resources, AskError> {
    let of_service = service.map_or(Filter::All, |service| {
        Filter::Is(Field::Column(metric::SERVICE), vec![service.into()])
    });
    let mut all = resources_that(|_| true, &of_service, window, store, limits)?;
    let names = told_apart(&all.series);
    for (series, name) in all.series.iter_mut().zip(names) {
        series.instance = name;
    }
    all.left_out = all.series.len().saturating_sub(SERIES_MAX);
    all.series.truncate(SERIES_MAX);
    Ok(all)
}

/// Reads what the wanted of [`USED`] tell, of points that pass, however many series that are. Pods of one name are not
/// [told apart](told_apart) by their instance.
///
/// # Errors
///
/// See [`resources`].
pub(crate) fn resources_that(
    is_wanted: impl Fn(&Used) -> bool,
    passing: &Filter,
    window: Window,
    store: &dyn Store,
    limits: &Limits,
) -> Result<Resources, AskError> {
    let (names, mut coverage) = names(passing.clone(), window, store, limits)?;
    let nanos = u64::try_from(window.length().as_nanos()).unwrap_or(u64::MAX);
    let step = Duration::from_nanos(nanos.div_ceil(STEPS)).max(STEP_MIN);
    let begun = Instant::now();
    let mut read = |name: &str| -> Result<Vec<Metric>, AskError> {
        let Some((_, count)) = names.iter().find(|(known, _)| known == name) else {
            return Ok(Vec::new());
        };
        let named = Filter::Is(Field::Column(metric::NAME), vec![name.into()]);
        let mut top = Top {
            table: &METRICS,
            window,
            filter: Filter::And(vec![passing.clone(), named]),
            by: Field::Column(metric::TIME),
            limit: SPANS_MAX,
        };
        // Of many points the newest of each step are asked for: a series needs no others, unless they add up.
        let is_many = SPANS_MAX as u64 <= *count;
        let windows = if is_many { steps_of(window, step) } else { vec![window] };
        top.limit = if is_many { STEP_POINTS_MAX } else { SPANS_MAX };
        let mut metrics = Vec::new();
        for window in windows {
            let left = limits.time.saturating_sub(begun.elapsed());
            if left.is_zero() {
                coverage.reached = coverage.reached.or(Some(Limit::Time));
                break;
            }
            top.window = window;
            let answered = store.top_metrics(&top, &Limits { time: left, ..*limits })?;
            coverage.rows += answered.coverage.rows;
            coverage.reached = coverage.reached.or(answered.coverage.reached);
            if top.limit <= answered.answer.len() {
                coverage.reached = coverage.reached.or(Some(Limit::Rows));
            }
            metrics.extend(answered.answer);
        }
        Ok(metrics)
    };
    let mut series = Vec::new();
    for used in USED.iter().filter(|used| is_wanted(used)) {
        let metrics = read(used.metric)?;
        if metrics.is_empty() {
            continue;
        }
        let whole = match used.reading {
            Reading::Of(_, _, most) => read(most)?,
            _ => Vec::new(),
        };
        series.extend(series_of(used, &metrics, &whole, window, step));
    }
    Ok(Resources { window, step, series, names, left_out: 0, coverage })
}

/// The windows of the steps.
fn steps_of(window: Window, step: Duration) -> Vec<Window> {
    let mut windows = Vec::new();
    let mut from = window.from;
    while from < window.to && windows.len() < 10 * usize::try_from(STEPS).unwrap_or(60) {
        let to = (from + step).min(window.to);
        windows.push(Window { from, to });
        from = to;
    }
    windows
}

fn names(
    filter: Filter,
    window: Window,
    store: &dyn Store,
    limits: &Limits,
) -> Result<(Vec<(Text, u64)>, Coverage), AskError> {
    let query = Query {
        table: &METRICS,
        window,
        filter,
        group: vec![Field::Column(metric::NAME)],
        step: None,
        measures: vec![Measure::Count],
        limit: NAMES_MAX.min(GROUPS_MAX),
    };
    let answered = store.ask(&query, limits)?;
    let names = answered.answer.groups.into_iter().filter_map(|group| {
        let name = group.key.into_iter().next().flatten()?;
        match group.measured.first() {
            Some(Counted::Count(count)) => Some((name, *count)),
            _ => None,
        }
    });
    Ok((names.collect(), answered.coverage))
}

pub(super) fn series_of(
    used: &'static Used,
    metrics: &[Metric],
    whole: &[Metric],
    window: Window,
    step: Duration,
) -> Vec<ResourceSeries> {
    let of_whole = instances(used.of, whole);
    let each = instances(used.of, metrics).into_iter();
    each.map(|(which, Instance { services, tracks })| {
        let steps = Steps { window, step };
        let values = match used.reading {
            Reading::Sum => steps.folded(&tracks, |all| Some(all.iter().sum())),
            Reading::GreatestBut(keys, value) => {
                let mut others = tracks;
                others.retain(|_, track| !has(track, keys, value));
                steps.folded(&others, |all| all.iter().copied().reduce(f64::max))
            }
            Reading::Fullest => steps.fullest(&tracks),
            Reading::Greatest => steps.folded(&tracks, |all| all.iter().copied().reduce(f64::max)),
            Reading::Mean => steps.folded(&tracks, mean),
            Reading::ShareOf(keys, value) | Reading::BusyOf(keys, value)
                if !is_divided(&tracks, keys, value) =>
            {
                steps.undivided(used, &tracks)
            }
            Reading::ShareOf(keys, value) => steps.share(&tracks, keys, value),
            Reading::BusyOf(keys, idle) => {
                let idle = steps.share(&tracks, keys, idle);
                idle.into_iter().map(|share| share.map(|share| 1.0 - share)).collect()
            }
            Reading::Of(keys, value, _) => {
                let part = steps.part(&tracks, keys, value);
                let most = of_whole.get(&which).map(|whole| steps.part(&whole.tracks, &[], ""));
                divided(&part, &most.unwrap_or_default())
            }
            Reading::Rate => steps.rates(&tracks),
            Reading::GreatestRate => steps.greatest_rate(&tracks),
            Reading::P95 => steps.quantiles(&tracks, 0.95),
        };
        let Which { name: instance, namespace, cluster } = which;
        ResourceSeries { used, instance, namespace, cluster, services, values }
    })
    .filter(|series| series.values.iter().any(Option::is_some))
    .collect()
}

#[expect(clippy::cast_precision_loss, reason = "some dozens")]
fn mean(numbers: &[f64]) -> Option<f64> {
    (!numbers.is_empty()).then(|| numbers.iter().sum::<f64>() / numbers.len() as f64)
}

fn divided(part: &[Option<f64>], whole: &[Option<f64>]) -> Vec<Option<f64>> {
    // A limit is told rarely: it holds until it is told anew.
    let mut known = whole.iter().flatten().next().copied();
    let each = part.iter().enumerate().map(|(place, part)| {
        known = whole.get(place).copied().flatten().or(known);
        let whole = known.filter(|whole| 0.0 < *whole)?;
        part.map(|part| part / whole)
    });
    each.collect()
}

/// Steps of a window.
#[derive(Clone, Copy)]
struct Steps {
    window: Window,
    step: Duration,
}

impl Steps {
    fn count(self) -> usize {
        let count = self.window.length().as_nanos().div_ceil(self.step.as_nanos().max(1));
        usize::try_from(count).unwrap_or(0).min(10 * usize::try_from(STEPS).unwrap_or(60))
    }

    fn place(self, time: Moment) -> Option<usize> {
        let passed = time.since(self.window.from).as_nanos() / self.step.as_nanos().max(1);
        usize::try_from(passed).ok().filter(|place| *place < self.count())
    }

    /// For each step, what a closure makes of the latest number of each track.
    fn folded(self, tracks: &Tracks<'_>, fold: impl Fn(&[f64]) -> Option<f64>) -> Vec<Option<f64>> {
        let latest: Vec<Vec<Option<f64>>> =
            tracks.values().map(|track| self.latest(track)).collect();
        let at = |place: usize| latest.iter().filter_map(|track| track[place]).collect::<Vec<_>>();
        let fold_all = |all: Vec<f64>| if all.is_empty() { None } else { fold(&all) };
        (0..self.count()).map(|place| fold_all(at(place))).collect()
    }

    /// For each step, the process with the greatest sum of its latest numbers: of shares, a sum over processes is none.
    fn fullest(self, tracks: &Tracks<'_>) -> Vec<Option<f64>> {
        let mut processes = BTreeMap::<&str, Vec<Vec<Option<f64>>>>::new();
        for ((process, _), track) in tracks {
            processes.entry(process).or_default().push(self.latest(track));
        }
        let sums: Vec<Vec<Option<f64>>> =
            processes.values().map(|each| added_up(each, self.count())).collect();
        greatest(&sums, self.count())
    }

    /// The latest number in each step.
    fn latest(self, track: &Track<'_>) -> Vec<Option<f64>> {
        let mut latest = vec![None; self.count()];
        for seen in track {
            if let (Some(place), Measured::Number(number)) =
                (self.place(seen.point.time), &seen.point.measured)
            {
                latest[place] = Some(number.to_f64());
            }
        }
        latest
    }

    /// What was added a second, step by step.
    fn rates_of(self, track: &Track<'_>) -> Vec<Option<f64>> {
        let mut added = vec![(0.0, 0.0); self.count()];
        for (before, seen) in track.iter().zip(track.iter().skip(1)) {
            let (Measured::Number(then), Measured::Number(number)) =
                (&before.point.measured, &seen.point.measured)
            else {
                continue;
            };
            let (then, number) = (then.to_f64(), number.to_f64());
            let is_delta =
                matches!(seen.kind, MetricKind::Sum { temporality: Temporality::Delta, .. });
            // A counter that is lower than before began anew.
            let is_new = number < then || before.point.start < seen.point.start;
            let more = if is_delta || is_new { number } else { number - then };
            if let Some(place) = self.place(seen.point.time) {
                added[place].0 += more;
                added[place].1 += seen.point.time.since(before.point.time).as_secs_f64();
            }
        }
        added.into_iter().map(|(more, secs)| (0.0 < secs).then(|| more / secs)).collect()
    }

    fn rates(self, tracks: &Tracks<'_>) -> Vec<Option<f64>> {
        let each: Vec<Vec<Option<f64>>> =
            tracks.values().map(|track| self.rates_of(track)).collect();
        added_up(&each, self.count())
    }

    fn greatest_rate(self, tracks: &Tracks<'_>) -> Vec<Option<f64>> {
        let each: Vec<Vec<Option<f64>>> =
            tracks.values().map(|track| self.rates_of(track)).collect();
        greatest(&each, self.count())
    }

    /// What the tracks with a value of an attribute say together.
    fn part(self, tracks: &Tracks<'_>, keys: &[&str], value: &str) -> Vec<Option<f64>> {
        let ours = tracks.values().filter(|track| keys.is_empty() || has(track, keys, value));
        let each: Vec<Vec<Option<f64>>> = ours.map(|track| self.now(track)).collect();
        added_up(&each, self.count())
    }

    /// What a track says in each step: what was added for counters, the latest number for all else.
    fn now(self, track: &Track<'_>) -> Vec<Option<f64>> {
        let rises =
            |seen: &Seen<'_>| matches!(seen.kind, MetricKind::Sum { is_monotonic: true, .. });
        if track.iter().all(rises) { self.rates_of(track) } else { self.latest(track) }
    }

    /// The share that the tracks with a value of an attribute have of all.
    fn share(self, tracks: &Tracks<'_>, keys: &[&str], value: &str) -> Vec<Option<f64>> {
        let whole = self.part(tracks, &[], "");
        let part = self.part(tracks, keys, value);
        let share = |(part, whole): (&Option<f64>, &Option<f64>)| {
            let whole = whole.filter(|whole| 0.0 < *whole)?;
            Some(part.unwrap_or(0.0) / whole)
        };
        part.iter().zip(&whole).map(share).collect()
    }

    /// What is no part of a whole: a share is one by itself, and of all else it is not known.
    fn undivided(self, used: &Used, tracks: &Tracks<'_>) -> Vec<Option<f64>> {
        let is_share = used.metric.ends_with("utilization");
        self.folded(tracks, |all| if is_share { mean(all) } else { None })
    }

    /// A quantile of what was counted in each step, all tracks together.
    fn quantiles(self, tracks: &Tracks<'_>, q: f64) -> Vec<Option<f64>> {
        let mut spreads = vec![Spread::default(); self.count()];
        let mut bounded: Vec<Option<Histogram>> = vec![None; self.count()];
        for track in tracks.values() {
            let mut before: Option<(Spread, Histogram, Moment)> = None;
            for seen in track {
                let mut spread = Spread::default();
                let mut histogram = Histogram::default();
                match &seen.point.measured {
                    Measured::Exponential(it) => spread.add(it),
                    Measured::Histogram(it) => histogram.clone_from(it),
                    _ => continue,
                }
                let is_delta = matches!(
                    seen.kind,
                    MetricKind::Histogram { temporality: Temporality::Delta }
                        | MetricKind::ExponentialHistogram { temporality: Temporality::Delta }
                );
                let same = before.take().filter(|(.., start)| *start == seen.point.start);
                let known = (spread.clone(), histogram.clone(), seen.point.start);
                let place = self.place(seen.point.time);
                if let (false, Some((then, counts, _))) = (is_delta, &same) {
                    spread = spread.since(then);
                    less(&mut histogram, counts);
                }
                before = Some(known);
                // Of what adds up, the first point tells of a time that nobody asked for.
                if let Some(place) = place.filter(|_| is_delta || same.is_some()) {
                    spreads[place].merge(&spread);
                    more(&mut bounded[place], histogram);
                }
            }
        }
        let each = spreads.iter().zip(&bounded).map(|(spread, bounded)| {
            let bounded = bounded.as_ref().and_then(|it| histogram_quantile(it, q));
            spread.quantile(q).or(bounded)
        });
        each.collect()
    }
}

/// Whether there are tracks beside those with the value of an attribute, so that these are a part of a whole.
fn is_divided(tracks: &Tracks<'_>, keys: &[&str], value: &str) -> bool {
    let tells = |seen: &Seen<'_>| keys.iter().any(|key| seen.point.attributes.text(key).is_some());
    let others = |track: &Track<'_>| track.first().is_some_and(tells) && !has(track, keys, value);
    tracks.values().any(others)
}

fn has(track: &Track<'_>, keys: &[&str], value: &str) -> bool {
    let of =
        |seen: &Seen<'_>| keys.iter().any(|key| seen.point.attributes.text(key) == Some(value));
    track.first().is_some_and(of)
}

fn added_up(each: &[Vec<Option<f64>>], count: usize) -> Vec<Option<f64>> {
    let at = |place: usize| {
        let numbers = each.iter().filter_map(|track| track[place]);
        numbers.fold(None, |sum: Option<f64>, number| Some(sum.unwrap_or(0.0) + number))
    };
    (0..count).map(at).collect()
}

fn greatest(each: &[Vec<Option<f64>>], count: usize) -> Vec<Option<f64>> {
    let at = |place: usize| each.iter().filter_map(|track| track[place]).reduce(f64::max);
    (0..count).map(at).collect()
}

/// Takes off what had been counted before, where the bounds are the same.
fn less(histogram: &mut Histogram, before: &Histogram) {
    if histogram.bounds == before.bounds {
        for (count, before) in histogram.counts.iter_mut().zip(&before.counts) {
            *count = count.saturating_sub(*before);
        }
        (histogram.min, histogram.max) = (None, None);
    }
}

/// Adds counts, where the bounds are the same.
fn more(into: &mut Option<Histogram>, histogram: Histogram) {
    match into {
        Some(known) if known.bounds == histogram.bounds => {
            for (count, more) in known.counts.iter_mut().zip(&histogram.counts) {
                *count = count.saturating_add(*more);
            }
        }
        Some(_) => {}
        None => *into = Some(histogram),
    }
}
