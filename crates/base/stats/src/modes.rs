//! Whether durations form two humps: a cache that hits or misses, a small tenant and a large one.
//!
//! On the logarithm of the values, every split is tried. A hump is its side without the outermost 10 %
//! and without as many values on the inside as are 5 % of the smaller side (strays between two humps);
//! the valley is what lies between the two. If there were one hump only, the valley
//! could not be thinner than the thinner side (that is what unimodal means), and the share of its values
//! among those of both would be at least binomial with the share of its width: Chernoff's bound on that
//! tail is the evidence. The idea is that of excess mass (Müller and Sawitzki, 1991); the threshold makes
//! up for trying every split and is measured by the tests below.

/// Fewer values than this are not judged.
const VALUES_MIN: usize = 30;
/// The smaller hump has at least this many values,
const HUMP_COUNT_MIN: usize = 6;
/// and one value in this many.
const HUMP_SHARE_MIN_INVERSE: usize = 20;
/// Medians of the humps are at least a factor of 2 apart: less is not worth a finding.
const MEDIAN_RATIO_MIN: f64 = 2.0;
/// The valley is at most this dense, relative to either hump.
const VALLEY_DENSITY_MAX: f64 = 0.3;
/// Exponent of Chernoff's bound from which on a valley is believed.
const EVIDENCE_MIN: f64 = 9.0;
/// Humps are taken to be at least this wide on the log scale (5 %), so that equal values are no peak
/// without width.
const WIDTH_MIN: f64 = 0.05;

/// Two humps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Modes {
    /// Values below belong to the lower hump: the middle of the valley on the log scale.
    pub split: u64,
    /// The fast one.
    pub low: Hump,
    /// The slow one.
    pub high: Hump,
}

/// One of two humps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hump {
    /// Values in it.
    pub count: usize,
    /// Its share of all values, 0 to 1.
    pub share: f64,
    /// Its median, by nearest rank.
    pub median: u64,
}

/// The two humps of values in any order, if there are two clear ones. Values should be finer than a
/// tenth of their size: whole milliseconds of 1 ms and 2 ms look like humps.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "latencies and counts are far below 2^53")]
pub fn modes(values: &[u64]) -> Option<Modes> {
    if values.len() < VALUES_MIN {
        return None;
    }
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let logs: Vec<f64> = sorted.iter().map(|value| (*value).max(1) as f64).map(f64::ln).collect();
    let least = HUMP_COUNT_MIN.max(logs.len() / HUMP_SHARE_MIN_INVERSE);
    let mut best: Option<(f64, Valley)> = None;
    for place in least..=logs.len() - least {
        // Only where there is a step may there be a valley.
        if logs[place] - logs[place - 1] <= 0.0 {
            continue;
        }
        let Some((evidence, valley)) = judge(&logs, place) else { continue };
        if best.as_ref().is_none_or(|(known, _)| evidence > *known) {
            best = Some((evidence, valley));
        }
    }
    let (_, valley) = best.filter(|(evidence, _)| *evidence >= EVIDENCE_MIN)?;
    let split = thinnest(&logs, &valley);
    let hump = |hump: &[u64]| Hump {
        count: hump.len(),
        share: hump.len() as f64 / sorted.len() as f64,
        median: hump[(hump.len() - 1) / 2],
    };
    let (low, high) = sorted.split_at(split);
    let middle = f64::midpoint(logs[split - 1], logs[split]).exp().round();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between two u64")]
    let split = (middle as u64).clamp(low[low.len() - 1].saturating_add(1), high[0]);
    Some(Modes { split, low: hump(low), high: hump(high) })
}

/// Places of the last value of the lower hump and the first of the higher one.
struct Valley {
    from: usize,
    to: usize,
}

/// How strongly the values speak for a valley around `place`; `None` if it is none.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
fn judge(logs: &[f64], place: usize) -> Option<(f64, Valley)> {
    let (count_low, count_high) = (place, logs.len() - place);
    let stray = count_low.min(count_high) / 20;
    let low = (count_low / 10, place - 1 - stray);
    let high = (place + stray, logs.len() - 1 - count_high / 10);
    let (from, to) = (low.1, high.0);
    let medians = logs[usize::midpoint(high.0, high.1)] - logs[usize::midpoint(low.0, low.1)];
    if medians < MEDIAN_RATIO_MIN.ln() {
        return None;
    }
    let valley_width = logs[to] - logs[from];
    let valley_count = (to - from - 1) as f64;
    let mut evidence = f64::INFINITY;
    for (first, last) in [low, high] {
        let width = (logs[last] - logs[first]).max(WIDTH_MIN);
        let count = (last - first + 1) as f64;
        if valley_count / valley_width > VALLEY_DENSITY_MAX * count / width {
            return None;
        }
        let share_expected = valley_width / (valley_width + width);
        let share_seen = valley_count / (valley_count + count);
        evidence = evidence.min((valley_count + count) * divergence(share_seen, share_expected));
    }
    Some((evidence, Valley { from, to }))
}

/// Kullback-Leibler divergence of two coins: the exponent of Chernoff's bound.
fn divergence(seen: f64, expected: f64) -> f64 {
    let part = |a: f64, b: f64| if a > 0.0 { a * (a / b).ln() } else { 0.0 };
    part(seen, expected) + part(1.0 - seen, 1.0 - expected)
}

/// Place after the widest gap of the valley.
fn thinnest(logs: &[f64], valley: &Valley) -> usize {
    let gap = |place: &usize| logs[*place] - logs[*place - 1];
    (valley.from + 1..=valley.to).max_by(|a, b| gap(a).total_cmp(&gap(b))).unwrap_or(valley.to)
}

#[cfg(test)]
#[path = "modes_tests.rs"]
mod tests;
