//! Results of several runs, added up: of generators that ran side by side on several machines, or of one after another.
//!
//! Histograms add up exactly. Percentiles do not: those of routes, and of the course of runs side by side, are worked out anew from
//! the single requests that are kept.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use stats::Sketch;

use crate::{
    Interval, Outcome, RouteOutcome, SAMPLES_MAX, Sample,
    record::{BINS_MAX, histogram},
};

/// Results at once: each may be some megabytes.
pub const ADDED_MAX: usize = 32;

/// Side by side are runs that all went on for half of the shortest.
const COMMON_MIN: f64 = 0.5;

/// After one another are runs that overlap by no more than this of the shorter: clocks of machines differ.
const OVERLAP_MAX: f64 = 0.1;

/// Why results do not add up.
#[derive(Debug, thiserror::Error)]
pub enum SumError {
    /// Too few, or too many.
    #[error("{0} results: from 2 to {max} are added up", max = ADDED_MAX)]
    Count(usize),
    /// They are not of the same thing.
    #[error("`{one}` and `{other}` do not add up: {what} differs, {values}")]
    Different {
        /// A file.
        one: String,
        /// Another.
        other: String,
        /// `the target`.
        what: &'static str,
        /// What either has.
        values: String,
    },
    /// The same run, given twice.
    #[error("`{one}` and `{other}` are the same run")]
    Twice {
        /// A file.
        one: String,
        /// Another.
        other: String,
    },
    /// Neither side by side nor one after another.
    #[error(
        "the runs went on at the same time for a part of it alone, so that no rate is that of all"
    )]
    Partly,
    /// A result says what no run can have measured.
    #[error("the figures of `{0}` are none of a run")]
    Odd(String),
}

/// How runs lie in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    SideBySide,
    InTurn,
}

/// Adds up results, each with its name.
///
/// # Errors
///
/// They are of different scenarios, one is there twice, or they overlap in part.
pub fn add_up(runs: &[(String, Outcome)]) -> Result<Outcome, SumError> {
    if !(2..=ADDED_MAX).contains(&runs.len()) {
        return Err(SumError::Count(runs.len()));
    }
    let mut ordered: Vec<&(String, Outcome)> = runs.iter().collect();
    ordered.sort_by_key(|(_, run)| run.began_unix_millis);
    runs.iter().try_for_each(sound)?;
    for (place, one) in ordered.iter().enumerate() {
        ordered.iter().skip(place + 1).try_for_each(|other| fit(one, other))?;
    }
    let runs: Vec<&Outcome> = ordered.iter().map(|(_, run)| run).collect();
    let how = how(&runs)?;
    let shifts = shifts(&runs, how);
    let (samples_every, samples) = samples(&runs, &shifts);
    let Some(first) = runs.first() else { return Err(SumError::Count(0)) };
    let mut sum = Outcome { samples: Vec::new(), ..(*first).clone() };
    for (place, run) in runs.iter().enumerate().skip(1) {
        let name = || ordered.get(place).map_or_else(String::new, |(name, _)| name.clone());
        add_counts(&mut sum, run);
        add_histograms(&mut sum, run).ok_or_else(|| SumError::Odd(name()))?;
    }
    (sum.statuses, sum.troubles) = failures(&runs);
    sum.load = words(&runs, how);
    sum.seconds = over(&runs, how, |run| run.seconds);
    sum.tail_seconds = most(&runs, |run| run.tail_seconds);
    sum.asked_rate = match how {
        How::SideBySide => runs.iter().map(|run| run.asked_rate).sum(),
        How::InTurn => {
            let asked: f64 = runs.iter().map(|run| run.asked_rate * run.seconds).sum();
            asked / sum.seconds.max(1e-9)
        }
    };
    if how == How::InTurn {
        let threads = runs.iter().map(|run| run.threads).max();
        let connections = runs.iter().map(|run| run.connections_max).max();
        (sum.threads, sum.connections_max) =
            (threads.unwrap_or_default(), connections.unwrap_or_default());
    }
    let timed: Vec<&Sample> = match most_failures(&sum) {
        Failures::Waited => samples.iter().collect(),
        Failures::TurnedAway => samples.iter().filter(|sample| !sample.failed).collect(),
    };
    sum.routes = routes(&runs, &sum.corrected, &timed);
    sum.intervals = intervals(&runs, &shifts, (how, sum.interval_seconds), &timed);
    (sum.samples_every, sum.samples) = (samples_every, samples);
    Ok(sum)
}

/// What most of the requests that failed did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Failures {
    /// For their answer, or until the time was up: they have a latency, as the others have.
    Waited,
    /// Not even that: they have none.
    TurnedAway,
}

/// A sample says that its request failed, not how: it goes by the sums. Without what timed out, percentiles were better the worse a server is.
fn most_failures(sum: &Outcome) -> Failures {
    let troubles = sum.troubles.iter().map(|(_, count)| *count);
    let ended = troubles.fold(sum.answered, u64::saturating_add);
    let turned_away = ended.saturating_sub(sum.corrected.len());
    if turned_away.saturating_mul(2) <= sum.failed {
        Failures::Waited
    } else {
        Failures::TurnedAway
    }
}

/// Refuses what would take the memory or give no numbers.
fn sound((name, run): &(String, Outcome)) -> Result<(), SumError> {
    let times = [run.seconds, run.tail_seconds, run.asked_rate, run.processor_seconds];
    let is_sound = times.iter().all(|it| it.is_finite() && 0.0 <= *it)
        && run.interval_seconds.is_finite()
        && 0.001 <= run.interval_seconds
        && run.seconds / run.interval_seconds <= float(BINS_MAX + 1)
        && u64::try_from(run.intervals.len()).is_ok_and(|count| count <= BINS_MAX + 1);
    if is_sound { Ok(()) } else { Err(SumError::Odd(name.clone())) }
}

fn fit(
    (one, left): &(String, Outcome),
    (other, right): &(String, Outcome),
) -> Result<(), SumError> {
    let names = || (one.clone(), other.clone());
    let differs = |what, values| {
        let (one, other) = names();
        Err(SumError::Different { one, other, what, values })
    };
    let either = |left: &str, right: &str| format!("`{left}` and `{right}`");
    let model = |run: &Outcome| if run.is_open { "open" } else { "closed" };
    let protocol = |run: &Outcome| match run.protocol.as_str() {
        "" => "HTTP/1.1".to_owned(),
        told => told.to_owned(),
    };
    let routes = |run: &Outcome| {
        let names: Vec<&str> = run.routes.iter().map(|route| route.name.as_str()).collect();
        names.join(", ")
    };
    if left.target != right.target {
        return differs("the target", either(&left.target, &right.target));
    }
    if left.is_open != right.is_open {
        return differs("the model", either(model(left), model(right)));
    }
    if protocol(left) != protocol(right) {
        return differs("the protocol", either(&protocol(left), &protocol(right)));
    }
    if routes(left) != routes(right) {
        return differs("what was asked for", either(&routes(left), &routes(right)));
    }
    if left.interval_seconds.to_bits() != right.interval_seconds.to_bits() {
        let values = format!("{} s and {} s", left.interval_seconds, right.interval_seconds);
        return differs("the length of an interval", values);
    }
    let is_same = left.began_unix_millis == right.began_unix_millis
        && left.corrected == right.corrected
        && left.uncorrected == right.uncorrected;
    if is_same {
        let (one, other) = names();
        return Err(SumError::Twice { one, other });
    }
    Ok(())
}

/// How they lie in time; sorted by their begin.
fn how(runs: &[&Outcome]) -> Result<How, SumError> {
    let begin = |run: &Outcome| float(run.began_unix_millis) / 1_000.0;
    let end = |run: &Outcome| begin(run) + run.seconds;
    let shortest = runs.iter().map(|run| run.seconds).fold(f64::INFINITY, f64::min);
    let last_begin = runs.iter().map(|run| begin(run)).fold(0.0, f64::max);
    let first_end = runs.iter().map(|run| end(run)).fold(f64::INFINITY, f64::min);
    if COMMON_MIN * shortest <= first_end - last_begin {
        return Ok(How::SideBySide);
    }
    let is_apart = |(run, next): (&&Outcome, &&Outcome)| {
        end(run) - begin(next) <= OVERLAP_MAX * run.seconds.min(next.seconds)
    };
    if runs.iter().zip(runs.iter().skip(1)).all(is_apart) {
        return Ok(How::InTurn);
    }
    Err(SumError::Partly)
}

/// By how many intervals the course of each comes later than that of the first.
fn shifts(runs: &[&Outcome], how: How) -> Vec<u64> {
    let began = runs.first().map(|run| run.began_unix_millis).unwrap_or_default();
    let mut before = 0;
    let shift = |run: &&Outcome| match how {
        How::SideBySide => {
            let later = float(run.began_unix_millis.saturating_sub(began)) / 1_000.0;
            whole(later / run.interval_seconds)
        }
        How::InTurn => {
            let own = before;
            // An interval is cut to whole nanoseconds: what of the last one is beyond so many is none, and would be a gap.
            let parts = (run.seconds / run.interval_seconds - 1e-3).ceil();
            before += whole(parts).max(run.intervals.len() as u64);
            own
        }
    };
    runs.iter().map(shift).collect()
}

fn add_counts(sum: &mut Outcome, run: &Outcome) {
    sum.is_interrupted |= run.is_interrupted;
    sum.in_time = sum.in_time.zip(run.in_time).map(|(own, other)| own.saturating_add(other));
    sum.processor_seconds += run.processor_seconds;
    sum.threads = sum.threads.saturating_add(run.threads);
    sum.connections_max = sum.connections_max.saturating_add(run.connections_max);
    for (own, other) in [
        (&mut sum.started, run.started),
        (&mut sum.answered, run.answered),
        (&mut sum.flows, run.flows),
        (&mut sum.cut, run.cut),
        (&mut sum.failed, run.failed),
        (&mut sum.unfinished, run.unfinished),
        (&mut sum.body_bytes, run.body_bytes),
        (&mut sum.connections, run.connections),
    ] {
        *own = own.saturating_add(other);
    }
}

/// `None` where one has values beyond what a run measures.
fn add_histograms(sum: &mut Outcome, run: &Outcome) -> Option<()> {
    for (own, other) in [
        (&mut sum.corrected, &run.corrected),
        (&mut sum.uncorrected, &run.uncorrected),
        (&mut sum.late, &run.late),
    ] {
        let mut both = histogram();
        both.add(&*own).ok()?;
        both.add(other).ok()?;
        *own = both;
    }
    Some(())
}

type Reasons = (Vec<(u16, u64)>, Vec<(String, u64)>);

fn failures(runs: &[&Outcome]) -> Reasons {
    let mut statuses: BTreeMap<u16, u64> = BTreeMap::new();
    let mut troubles: BTreeMap<String, u64> = BTreeMap::new();
    for run in runs {
        for (status, count) in &run.statuses {
            let sum = statuses.entry(*status).or_default();
            *sum = sum.saturating_add(*count);
        }
        for (trouble, count) in &run.troubles {
            let sum = troubles.entry(trouble.clone()).or_default();
            *sum = sum.saturating_add(*count);
        }
    }
    (statuses.into_iter().collect(), troubles.into_iter().collect())
}

fn words(runs: &[&Outcome], how: How) -> String {
    let mut loads: Vec<&str> = runs.iter().map(|run| run.load.as_str()).collect();
    loads.dedup();
    let how = match how {
        How::SideBySide => "side by side",
        How::InTurn => "one after another",
    };
    format!("{} runs {how}: {}", runs.len(), loads.join("; "))
}

fn over(runs: &[&Outcome], how: How, of: impl Fn(&Outcome) -> f64) -> f64 {
    match how {
        How::SideBySide => most(runs, of),
        How::InTurn => runs.iter().map(|run| of(run)).sum(),
    }
}

fn most(runs: &[&Outcome], of: impl Fn(&Outcome) -> f64) -> f64 {
    runs.iter().map(|run| of(run)).fold(0.0, f64::max)
}

/// Single requests of all on one axis of time, each run as thinly as the thinnest.
fn samples(runs: &[&Outcome], shifts: &[u64]) -> (u64, Vec<Sample>) {
    let mut every = runs.iter().map(|run| run.samples_every.max(1)).max().unwrap_or(1);
    let shifted = |(run, shift): (&&Outcome, &u64)| {
        let nanos = whole(float(*shift) * run.interval_seconds * 1e9);
        let later = move |sample: &Sample| Sample {
            start_nanos: sample.start_nanos.saturating_add(nanos),
            ..*sample
        };
        run.samples.iter().map(later).collect::<Vec<_>>()
    };
    let mut samples: Vec<Sample> = runs.iter().zip(shifts).flat_map(shifted).collect();
    samples.retain(|sample| sample.place.is_multiple_of(every));
    // As often as a number can be doubled; what is left then is no schedule's.
    for _ in 0..u64::BITS {
        if samples.len() <= SAMPLES_MAX {
            break;
        }
        every = every.saturating_mul(2);
        samples.retain(|sample| sample.place.is_multiple_of(every));
    }
    samples.truncate(SAMPLES_MAX);
    samples.sort_by_key(|sample| (sample.start_nanos, sample.place));
    (every, samples)
}

/// A single route is the whole; of several the single requests tell, and where there are none, the slowest of the runs.
fn routes(runs: &[&Outcome], corrected: &Histogram<u64>, timed: &[&Sample]) -> Vec<RouteOutcome> {
    let Some(first) = runs.first() else { return Vec::new() };
    let mut sketches = vec![Sketch::default(); first.routes.len()];
    for sample in timed {
        let place = usize::try_from(sample.route).ok();
        if let Some(sketch) = place.and_then(|place| sketches.get_mut(place)) {
            sketch.add(sample.took_nanos);
        }
    }
    let is_all = first.routes.len() == 1 && !corrected.is_empty();
    let routes = first.routes.iter().zip(&sketches).enumerate();
    let sum = |(place, (route, sketch)): (usize, (&RouteOutcome, &Sketch))| {
        let of_runs = || runs.iter().filter_map(move |run| run.routes.get(place));
        let at = |quantile: f64, of: fn(&RouteOutcome) -> u64| {
            if is_all {
                return corrected.value_at_quantile(quantile);
            }
            let slowest = || of_runs().map(of).max().unwrap_or_default();
            sketch.quantile(quantile).unwrap_or_else(slowest)
        };
        RouteOutcome {
            name: route.name.clone(),
            count: of_runs().map(|route| route.count).fold(0, u64::saturating_add),
            failed: of_runs().map(|route| route.failed).fold(0, u64::saturating_add),
            p50: at(0.5, |route| route.p50),
            p95: at(0.95, |route| route.p95),
            p99: at(0.99, |route| route.p99),
        }
    };
    routes.map(sum).collect()
}

/// The course: of runs in turn one behind the other as it was; of runs side by side what they were together.
fn intervals(
    runs: &[&Outcome],
    shifts: &[u64],
    (how, seconds): (How, f64),
    timed: &[&Sample],
) -> Vec<Interval> {
    const NOTHING: Interval =
        Interval { started: 0, answered: 0, failed: 0, p50: None, p95: None, p99: None };
    let mut course: Vec<Interval> = Vec::new();
    for (run, shift) in runs.iter().zip(shifts) {
        let shift = usize::try_from(*shift).unwrap_or(usize::MAX);
        for (place, one) in run.intervals.iter().enumerate() {
            let place = shift.saturating_add(place);
            if course.len() <= place {
                course.resize(place + 1, NOTHING);
            }
            let Some(own) = course.get_mut(place) else { continue };
            own.started = own.started.saturating_add(one.started);
            own.answered = own.answered.saturating_add(one.answered);
            own.failed = own.failed.saturating_add(one.failed);
            if how == How::InTurn {
                (own.p50, own.p95, own.p99) = (one.p50, one.p95, one.p99);
            }
        }
    }
    if how == How::InTurn {
        return course;
    }
    // Whole nanoseconds, as a run has them: of seconds, 3.3 by 1.1 is a little less than 3, and a start would come too early.
    let nanos = whole(seconds * 1e9).max(1);
    let mut sketches = vec![Sketch::default(); course.len()];
    for sample in timed {
        let place = usize::try_from(sample.start_nanos / nanos).ok();
        if let Some(sketch) = place.and_then(|place| sketches.get_mut(place)) {
            sketch.add(sample.took_nanos);
        }
    }
    for (own, sketch) in course.iter_mut().zip(&sketches) {
        let at = |quantile| sketch.quantile(quantile);
        (own.p50, own.p95, own.p99) = (at(0.5), at(0.95), at(0.99));
    }
    course
}

#[expect(clippy::cast_precision_loss, reason = "times in milliseconds, and counts of intervals")]
fn float(value: u64) -> f64 {
    value as f64
}

/// The nearest whole number that is not below zero.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cast to a whole number ends at its bounds"
)]
fn whole(value: f64) -> u64 {
    value.round() as u64
}

#[cfg(test)]
#[path = "sum_tests.rs"]
mod tests;
