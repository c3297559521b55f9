//! Before and after: whether two samples of requests differ, by how much, and whether there is enough to tell.
//!
//! The verdict hangs on one quantile, chosen before looking, and on errors; everything else is told beside it. Testing
//! five figures and taking the best would find differences where there are none.
//!
//! Like is compared with like: routes that both sides have, weighted as they were before. Requests that follow each
//! other are not independent (a pause slows a hundred of them), so that the sample counts for as many as it is worth.

mod bounds;
mod prepared;
mod quantiles;
mod ranks;
mod series;
mod spread;
mod verdict;
mod work;

use stats::Interval;

pub use ranks::{Effect, Ranks, Size};
pub use spread::{BOXES, Bin, time_of_day};
pub use verdict::Verdict;
pub use work::{Counted, MeanChange, Measure, Worked, work};

use crate::Random;
use prepared::{Prepared, Routes};
use quantiles::Weighed;

/// How sure intervals are. With the test of errors, which gets the last percent, all is right 95 times in 100.
pub const LEVEL: f64 = 0.96;
/// How rarely errors are called different where they are not.
pub const ERRORS_LEVEL: f64 = 0.01;
/// Samples of a side at most: 24 bytes each, and more would change no verdict.
pub const SAMPLES_MAX: usize = 5_000_000;
/// Routes that are told one by one at most.
pub const ROUTES_MAX: usize = 100;
/// Draws of the bootstrap.
const DRAWS: usize = 2_000;
/// Intervals of a quantile want as many independent values beyond it.
const BEYOND_MIN: f64 = 8.0;

/// A request that was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    /// When it was meant to start, since the beginning of its run.
    pub start_nanos: u64,
    /// How long it took from then.
    pub took_nanos: u64,
    /// Place of its route in [`Side::routes`].
    pub route: u32,
    /// It did not get the answer that it should have.
    pub failed: bool,
}

/// One side of a comparison.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Side {
    /// Names of routes; a request whose route is not among them is of a route without a name.
    pub routes: Vec<String>,
    /// How many requests there were of each route, where those given are a fair part of them; empty where they are all.
    pub in_all: Vec<u64>,
    /// In any order.
    pub requests: Vec<Request>,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// The quantile that decides, such as 0.95.
    pub quantile: f64,
    /// The least change that matters, relative to before, such as 0.03.
    pub matters: f64,
    /// Of the bootstrap's draws.
    pub seed: u64,
}

impl Default for Question {
    fn default() -> Self {
        Self { quantile: 0.95, matters: 0.03, seed: 1 }
    }
}

/// What came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// The answer.
    pub verdict: Verdict,
    /// Why, in a sentence.
    pub reason: String,
    /// What was asked.
    pub question: Question,
    /// What was measured before.
    pub before: Used,
    /// What was measured after.
    pub after: Used,
    /// The quantiles; the one that decides is among them.
    pub quantiles: Vec<Change>,
    /// Errors of both sides.
    pub errors: Errors,
    /// Tests over the whole distribution; `None` where a side is empty.
    pub ranks: Option<Ranks>,
    /// The deciding quantile of each route that both have, by share; none where there is one route only.
    pub routes: Vec<RouteChange>,
    /// How the latencies of both are spread: boxes of equal ratio from the least to the most, each side's shares adding up
    /// to 1; none where a side has no latency.
    pub spread: Vec<Bin>,
    /// What to know before believing it.
    pub notes: Vec<String>,
}

/// What of a side was used.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Used {
    /// Requests given.
    pub given: usize,
    /// Of them, left out as warm-up.
    pub warm_up: usize,
    /// Of them, failed: they count as errors, not as latencies.
    pub failed: usize,
    /// Of them, of routes that the other side has not.
    pub alone: usize,
    /// Latencies compared.
    pub compared: usize,
    /// As many independent ones they are worth, for the quantile that decides.
    pub worth: f64,
}

/// A quantile before and after.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Change {
    /// Which, such as 0.95.
    pub quantile: f64,
    /// Nanoseconds before.
    pub before: f64,
    /// Nanoseconds after.
    pub after: f64,
    /// Where `after - before` lies; `None` where too few requests lie beyond the quantile.
    pub difference: Option<Interval>,
    /// Where `after / before - 1` lies.
    pub relative: Option<Interval>,
    /// Where there is no interval: how far `after / before - 1` is from zero at least, if it surely fell or rose.
    pub at_least: Option<f64>,
}

impl Change {
    /// `after / before - 1`.
    #[must_use]
    pub fn ratio(&self) -> f64 {
        relative(self.before, self.after)
    }
}

/// `after / before - 1`. What a coarse clock gives as no time at all counts as a nanosecond, so that from nothing to something is a rise.
fn relative(before: f64, after: f64) -> f64 {
    after.max(1.0) / before.max(1.0) - 1.0
}

/// Errors of both sides.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Errors {
    /// Share of requests, 0 to 1.
    pub before: f64,
    /// Share of requests, 0 to 1.
    pub after: f64,
    /// How likely so different shares are by chance alone.
    pub p: f64,
}

/// The deciding quantile of one route.
#[derive(Debug, Clone, PartialEq)]
pub struct RouteChange {
    /// Its name.
    pub route: String,
    /// Its share of the requests before, 0 to 1: what it is weighed with.
    pub share: f64,
    /// Its requests before and after.
    pub counts: (usize, usize),
    /// Its quantile.
    pub change: Change,
}

/// Compares two sides.
#[must_use]
pub fn compare(before: &Side, after: &Side, question: &Question) -> Comparison {
    let mut notes = Vec::new();
    let names = Routes::of([before, after]);
    let (mut old, mut new) = (Prepared::of(before, &names), Prepared::of(after, &names));
    let mut short = Vec::new();
    for (which, side) in [("before", &mut old), ("after", &mut new)] {
        if (1..series::TOLD_MIN).contains(&side.latencies().count()) {
            short.push(which);
        }
        side.steady(which, &mut notes);
    }
    if !short.is_empty() {
        notes.push(format!(
            "{}: neither warm-up nor drift can be told of fewer than {} answered requests",
            short.join(", "),
            series::TOLD_MIN
        ));
    }
    let common: Vec<bool> = old.seen().zip(new.seen()).map(|(one, other)| one && other).collect();
    old.keep(&common);
    new.keep(&common);
    let shares = old.shares();
    mix_notes(&shares, [&old, &new], &mut notes);
    let errors = errors_of(&shares, &old, &new);
    let timed = timed(&shares, [&old, &new], &mut notes);
    let sides = [old.weighed(&timed), new.weighed(&timed)];
    let mut random = Random::new(question.seed);
    let found: Vec<Found> = asked(question.quantile)
        .into_iter()
        .filter_map(|quantile| find(&sides, quantile, &mut random))
        .collect();
    let of = |quantile: f64| found.iter().find(|found| same(found.change.quantile, quantile));
    let decides = of(question.quantile);
    let worth = decides.map_or([0.0; 2], |found| found.worth);
    for ((used, side), worth) in [&mut old.used, &mut new.used].into_iter().zip(&sides).zip(worth) {
        used.compared = side.count();
        used.worth = worth;
    }
    let change = decides.map(|found| &found.change);
    let (verdict, reason) = verdict::decide(change, &errors, question, [&old.used, &new.used]);
    let ranks = of(0.5).and_then(|median| ranks::test(&sides, median.worth));
    let quantiles: Vec<Change> = found.into_iter().map(|found| found.change).collect();
    verdict::doubts(&quantiles, verdict, question, &mut notes);
    let routes = routes(&shares, [&old, &new], &names, question.quantile, &mut random);
    Comparison {
        verdict,
        reason,
        question: question.clone(),
        before: old.used,
        after: new.used,
        quantiles,
        errors,
        ranks,
        routes,
        spread: spread::spread(&sides),
        notes,
    }
}

/// Told always, and what was asked for.
fn asked(quantile: f64) -> Vec<f64> {
    let mut all = vec![0.5, 0.9, 0.95, 0.99];
    if !all.iter().any(|known| same(*known, quantile)) {
        all.push(quantile);
    }
    all.sort_by(f64::total_cmp);
    all
}

fn same(left: f64, right: f64) -> bool {
    (left - right).abs() < 1e-9
}

/// A quantile, and as many independent values as either side is worth for it.
struct Found {
    change: Change,
    worth: [f64; 2],
}

/// A quantile of both, and where the difference lies: the bootstrap without resampling. The quantile of a resample is
/// the value at a rank that is Beta distributed, whatever the values are (Schultzberg and Ankargren, 2022).
fn find(sides: &[Weighed; 2], quantile: f64, random: &mut Random) -> Option<Found> {
    let [before, after] = sides;
    let (old, new) = (before.at(quantile)?, after.at(quantile)?);
    let mut change = Change {
        quantile,
        before: old,
        after: new,
        difference: None,
        relative: None,
        at_least: None,
    };
    let worth = [before.worth(quantile), after.worth(quantile)];
    if !worth.iter().all(|worth| bounds::has_interval(*worth, quantile)) {
        change.at_least = bounds::apart(sides, worth, quantile);
        return Some(Found { change, worth });
    }
    let sure = worth.map(|worth| bounds::independent(worth, quantile));
    let mut differences = Vec::with_capacity(DRAWS);
    let mut ratios = Vec::with_capacity(DRAWS);
    for _ in 0..DRAWS {
        let old = before.at(random.beta(quantile * sure[0], (1.0 - quantile) * sure[0]))?;
        let new = after.at(random.beta(quantile * sure[1], (1.0 - quantile) * sure[1]))?;
        differences.push(new - old);
        ratios.push(relative(old, new));
    }
    change.difference = Some(middle(differences));
    change.relative = Some(middle(ratios));
    Some(Found { change, worth })
}

/// The middle of draws, with [`LEVEL`] of them.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rank among some thousand draws"
)]
fn middle(mut draws: Vec<f64>) -> Interval {
    let count = draws.len();
    let out = ((1.0 - LEVEL) / 2.0 * count as f64).floor() as usize;
    let mut at = |place: usize| {
        let is_there = place < count;
        if is_there { *draws.select_nth_unstable_by(place, f64::total_cmp).1 } else { f64::NAN }
    };
    let last = count.saturating_sub(1 + out);
    Interval { low: at(out), high: at(last) }
}

/// Says where the sides did not do the same work.
fn mix_notes(shares: &[f64], [old, new]: [&Prepared; 2], notes: &mut Vec<String>) {
    for (side, which) in [(old, "before"), (new, "after")] {
        if side.used.alone > 0 {
            notes.push(format!(
                "{which}: {} requests are of routes that the other side has not, and are left out",
                side.used.alone
            ));
        }
    }
    let other = new.shares();
    let moved = shares.iter().zip(&other).map(|(share, other)| (share - other).abs());
    let moved = moved.sum::<f64>() / 2.0;
    if moved > 0.02 {
        notes.push(format!(
            "the mix of routes differs by {:.0} %: each route is compared with itself, and weighed as it was before",
            moved * 100.0
        ));
    }
}

/// Shares of the routes whose latencies can be compared: a route of which one side has errors alone has none there, and the other side's
/// would be held against those of other routes.
fn timed(shares: &[f64], [old, new]: [&Prepared; 2], notes: &mut Vec<String>) -> Vec<f64> {
    let is_answered = |side: &Prepared, route: usize| 0 < side.counts[route].answered();
    for (which, side, other) in [("before", old, new), ("after", new, old)] {
        let fails = |route: &usize| !is_answered(side, *route) && is_answered(other, *route);
        let none = (0..shares.len()).filter(fails).count();
        if none > 0 {
            notes.push(format!(
                "{which}: {none} of {} routes failed each time: their errors are compared, their latencies are not",
                compared(shares).count()
            ));
        }
    }
    let is_timed = |route: usize| is_answered(old, route) && is_answered(new, route);
    let timed = shares.iter().enumerate();
    timed.map(|(route, share)| if is_timed(route) { *share } else { 0.0 }).collect()
}

/// Routes that both sides have, by number, and their shares.
fn compared(shares: &[f64]) -> impl Iterator<Item = (usize, f64)> {
    shares.iter().copied().enumerate().filter(|(_, share)| *share > 0.0)
}

/// Shares of errors, weighed alike, and a test of two proportions.
fn errors_of(shares: &[f64], old: &Prepared, new: &Prepared) -> Errors {
    let share = |side: &Prepared| {
        let (mut rate, mut spread) = (0.0, 0.0);
        for (route, share) in compared(shares) {
            let (bad, count) = side.counts[route].failed_of();
            if count == 0.0 {
                continue;
            }
            rate += share * bad / count;
            // Half an error more and less (Agresti and Caffo), so that none at all is not certain.
            let part = (bad + 0.5) / (count + 1.0);
            spread += share * share * part * (1.0 - part) / count;
        }
        (rate, spread * series::correlation_time(&parts_of_errors(shares, side)))
    };
    let ((before, spread_before), (after, spread_after)) = (share(old), share(new));
    let error = (spread_before + spread_after).sqrt();
    let p = if error > 0.0 { crate::normal::two_sided((after - before) / error) } else { 1.0 };
    Errors { before, after, p }
}

/// What each request adds to the share of errors beyond what its route does: weighed as it is, so that errors of a route of
/// which more is told than of others hang together in their own part alone.
fn parts_of_errors(shares: &[f64], side: &Prepared) -> Vec<f64> {
    let of_route = shares.iter().zip(&side.counts).map(|(share, count)| {
        let (bad, count) = count.failed_of();
        (share / count.max(1.0), bad / count.max(1.0))
    });
    let of_route: Vec<(f64, f64)> = of_route.collect();
    let parts = side.requests.iter().map(|request| {
        let (weight, rate) = of_route[prepared::place(request)];
        weight * (f64::from(u8::from(request.failed)) - rate)
    });
    parts.collect()
}

/// Each route alone, the most frequent first.
fn routes(
    shares: &[f64],
    [old, new]: [&Prepared; 2],
    names: &Routes,
    quantile: f64,
    random: &mut Random,
) -> Vec<RouteChange> {
    let mut by_share: Vec<(usize, f64)> = compared(shares).collect();
    if by_share.len() < 2 {
        return Vec::new();
    }
    by_share.sort_by(|left, right| right.1.total_cmp(&left.1));
    let (mut old, mut new) = (old.by_route(), new.by_route());
    let told = by_share.into_iter().take(ROUTES_MAX).filter_map(|(route, share)| {
        let sides = [&mut old, &mut new].map(|side| Weighed::new(std::mem::take(&mut side[route])));
        let Found { change, .. } = find(&sides, quantile, random)?;
        let counts = (sides[0].count(), sides[1].count());
        Some(RouteChange { route: names.name(route).to_owned(), share, counts, change })
    });
    told.collect()
}

#[expect(clippy::cast_precision_loss, reason = "latencies and counts are below 2^53")]
fn float(value: u64) -> f64 {
    value as f64
}
