//! What the order of a sample tells: how far values hang together, where warm-up ends, whether it drifts.

/// Products that one look at a series may take: a tenth of a second.
const WORK_MAX: usize = 200_000_000;
/// Batches that strong correlation is judged by.
const BATCHES: usize = 20;
/// Blocks that the course of a run is judged by.
const BLOCKS: usize = 30;
/// Blocks want as many values each.
const BLOCK_MIN: usize = 20;
/// Fewer values tell neither warm-up nor drift.
pub(super) const TOLD_MIN: usize = BLOCKS * BLOCK_MIN;

/// How many values count as one: the integrated correlation time, at least 1.
///
/// Correlations are summed until six times their sum is reached (Sokal's window, 1997); where that does not end within
/// a twentieth of the series, the spread of the means of twenty batches tells.
#[expect(clippy::cast_precision_loss, reason = "lengths of samples are below 2^53")]
pub(super) fn correlation_time(values: &[f64]) -> f64 {
    let count = values.len();
    // What is the same throughout tells nothing about how it hangs together; its mean is rounded, and what is left of it is no spread.
    let is_even = values.windows(2).all(|pair| pair[0].total_cmp(&pair[1]).is_eq());
    if count < 2 * BATCHES || is_even {
        return 1.0;
    }
    let mean = values.iter().sum::<f64>() / count as f64;
    let centred: Vec<f64> = values.iter().map(|value| value - mean).collect();
    let variance = products(&centred, &centred);
    if variance <= 0.0 {
        return 1.0;
    }
    let lags = (count / 20).min(WORK_MAX / count).max(1);
    // What hangs together weakly but for long, such as a pause now and then, shows after some lags only.
    let least = (count / 50).min(100);
    let mut time = 1.0_f64;
    for lag in 1..=lags {
        time += 2.0 * products(&centred, centred.get(lag..).unwrap_or_default()) / variance;
        if least <= lag && 6.0 * time.max(1.0) <= lag as f64 {
            return time.max(1.0);
        }
    }
    time.max(batch_time(&centred, variance / count as f64)).max(1.0)
}

/// The sum of the products of pairs. Eight sums side by side, so that no product waits for the sum of the one before.
fn products(left: &[f64], right: &[f64]) -> f64 {
    let (lefts, rights) = (left.as_chunks::<8>().0, right.as_chunks::<8>().0);
    let done = 8 * lefts.len().min(rights.len());
    let mut sums = [0.0; 8];
    for (left, right) in lefts.iter().zip(rights) {
        sums = std::array::from_fn(|lane| sums[lane] + left[lane] * right[lane]);
    }
    let rest = left.iter().zip(right).skip(done).map(|(left, right)| left * right);
    sums.iter().sum::<f64>() + rest.sum::<f64>()
}

#[expect(clippy::cast_precision_loss, reason = "lengths of samples are below 2^53")]
fn batch_time(centred: &[f64], variance: f64) -> f64 {
    let size = centred.len() / BATCHES;
    let means = centred.chunks_exact(size).map(|batch| batch.iter().sum::<f64>() / size as f64);
    let squares: f64 = means.map(|mean| mean * mean).sum();
    squares / (BATCHES - 1) as f64 * size as f64 / variance
}

/// How many values at the beginning are warm-up: blocks whose median lies outside of everything that the second half
/// of the run shows, by more than its spread. At most a third.
pub(super) fn warm_up(values: &[f64]) -> usize {
    let Some((size, medians)) = blocks(values) else { return 0 };
    let later = medians.get(BLOCKS / 2..).unwrap_or_default();
    let least = later.iter().copied().fold(f64::INFINITY, f64::min);
    let most = later.iter().copied().fold(0.0, f64::max);
    let room = most - least;
    let (least, most) = (least - room, most + room);
    let cold = |median: &&f64| **median < least || most < **median;
    // The whole beginning, even where a block within it happens to be as the rest.
    let beginning = medians.iter().take(BLOCKS / 3);
    size * beginning.take_while(cold).count()
}

/// How much the last third differs from the first, relative to it, where medians keep going one way: Kendall's rank
/// correlation of blocks with time, at 1 in 1,000.
pub(super) fn drift(values: &[f64]) -> Option<f64> {
    const FAR: f64 = 3.29;
    let (_, medians) = blocks(values)?;
    let mut sum = 0.0;
    for (place, early) in medians.iter().enumerate() {
        for late in medians.get(place + 1..).unwrap_or_default() {
            sum += if late > early { 1.0 } else { -f64::from(u8::from(late < early)) };
        }
    }
    let count = f64::from(u32::try_from(medians.len()).ok()?);
    let spread = (count * (count - 1.0) * (2.0 * count + 5.0) / 18.0).sqrt();
    let third = medians.len() / 3;
    let mean =
        |part: &[f64]| part.iter().sum::<f64>() / f64::from(u32::try_from(third).unwrap_or(1));
    let first = mean(medians.get(..third)?);
    let last = mean(medians.get(medians.len() - third..)?);
    let change = if first > 0.0 { last / first - 1.0 } else { 0.0 };
    (f64::abs(sum) / spread > FAR && change.abs() > 0.02).then_some(change)
}

/// Medians of equal blocks, in order, and their size.
fn blocks(values: &[f64]) -> Option<(usize, Vec<f64>)> {
    let size = values.len() / BLOCKS;
    if size < BLOCK_MIN {
        return None;
    }
    let median = |block: &[f64]| {
        let mut sorted = block.to_vec();
        sorted.sort_by(f64::total_cmp);
        sorted.get(sorted.len() / 2).copied().unwrap_or_default()
    };
    Some((size, values.chunks_exact(size).take(BLOCKS).map(median).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Random;

    /// A series in which each value remembers `memory` of the one before.
    fn remembering(memory: f64, count: usize) -> Vec<f64> {
        let mut random = Random::new(11);
        let mut value = 0.0;
        let mut step = || {
            value = memory * value + random.normal();
            value
        };
        (0..count).map(|_| step()).collect()
    }

    #[test]
    fn correlation_time_is_that_of_known_series() {
        // (1 + m) / (1 - m) for a memory of m.
        for (memory, truth) in [(0.0, 1.0), (0.5, 3.0), (0.9, 19.0), (0.98, 99.0)] {
            let seen = correlation_time(&remembering(memory, 100_000));
            assert!((seen / truth - 1.0).abs() < 0.2, "{seen} for {truth}");
        }
        for same in [1.0, 0.1, 1.0 / 3.0] {
            assert!((correlation_time(&[same; 1_000]) - 1.0).abs() < 1e-9, "{same}");
        }
        assert!((correlation_time(&[]) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn one_long_pause_is_worth_little() {
        let paused: Vec<f64> =
            (0..10_000).map(|place| f64::from(u8::from(place / 1_000 == 4))).collect();
        assert!(correlation_time(&paused) > 400.0);
    }

    #[test]
    fn warm_up_ends_where_the_run_is_steady() {
        let mut values: Vec<f64> =
            remembering(0.0, 3_000).iter().map(|value| 100.0 + value).collect();
        assert_eq!(warm_up(&values), 0);
        assert_eq!(drift(&values), None);
        for value in values.iter_mut().take(250) {
            *value += 50.0;
        }
        assert_eq!(warm_up(&values), 300);
        assert_eq!(warm_up(&values[..100]), 0);
    }

    #[test]
    fn a_drift_is_told_with_its_size() {
        let values: Vec<f64> = remembering(0.0, 3_000)
            .iter()
            .zip(0..)
            .map(|(value, place)| 100.0 + value + f64::from(place) * 0.01)
            .collect();
        let seen = drift(&values).unwrap();
        assert!((0.15..0.25).contains(&seen), "{seen}");
    }
}
