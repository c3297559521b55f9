//! Gunther's Universal Scalability Law: throughput = λ N / (1 + σ (N - 1) + κ N (N - 1)) for N at work at once.
//!
//! N over throughput is linear in 1/λ, σ/λ and κ/λ, so that the fit is three equations. Weights make relative errors
//! count alike; a part that comes out below zero is taken as zero, and the others are fitted again.

use stats::Interval;

use crate::Random;

/// A fit wants as many points of different concurrency.
pub const POINTS_MIN: usize = 4;
/// Draws of the bootstrap.
const DRAWS: usize = 1_000;

/// Throughput at a concurrency.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    /// Requests at work at once, on average: with an open model, rate times mean latency (Little's law).
    pub at_once: f64,
    /// Requests answered a second.
    pub rate: f64,
}

/// The law with its three figures.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Law {
    /// λ: requests a second, one at a time.
    pub one: f64,
    /// σ: the part of the work that waits its turn.
    pub contention: f64,
    /// κ: what each pair at work costs to agree.
    pub coherency: f64,
}

/// A fitted law, and how sure its figures are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fit {
    /// The figures.
    pub law: Law,
    /// Where λ lies, with 95 %.
    pub one: Interval,
    /// Where σ lies, with 95 %.
    pub contention: Interval,
    /// Where κ lies, with 95 %.
    pub coherency: Interval,
    /// Where the most throughput lies, with 95 %; infinite where it is not bounded.
    pub peak_rate: Interval,
    /// Typical distance of a point from the law, relative to it.
    pub off: f64,
}

/// Points that are typically further from it than this do not follow it.
const OFF_MAX: f64 = 0.3;

/// Of the most that was seen, at least so much has to be possible by the law.
const PEAK_SHARE_MIN: f64 = 0.8;

/// Why there is no fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FitError {
    /// Fewer than [`POINTS_MIN`] points of different concurrency above zero.
    #[error("{0} points of different concurrency are too few for a fit; it takes {POINTS_MIN}")]
    Few(usize),
    /// Never was one request at work all the time, of which the law says nothing.
    #[error("fewer than one request at a time was at work, and the law says nothing about that")]
    Idle,
    /// They do not follow the law, whatever its figures.
    #[error("throughput does not follow the law at all")]
    Off,
}

impl Law {
    /// Requests a second with so many at work at once.
    #[must_use]
    pub fn rate(self, at_once: f64) -> f64 {
        let wait = self.contention * (at_once - 1.0);
        self.one * at_once / (1.0 + wait + self.coherency * at_once * (at_once - 1.0))
    }

    /// With how many at once throughput is largest; `None` where it only ever grows.
    #[must_use]
    pub fn peak_at(self) -> Option<f64> {
        let at = ((1.0 - self.contention).max(0.0) / self.coherency).sqrt();
        (self.coherency > 0.0).then_some(at.max(1.0))
    }

    /// The largest throughput: at the peak, or what it comes near to; infinite where it is not bounded.
    #[must_use]
    pub fn peak_rate(self) -> f64 {
        match self.peak_at() {
            Some(at) => self.rate(at),
            None if self.contention > 0.0 => self.one / self.contention,
            None => f64::INFINITY,
        }
    }
}

/// Fits the law. Intervals are a bootstrap of the relative distances of points from it.
///
/// # Errors
///
/// Too few points, or such as do not follow it.
pub fn fit(points: &[Measured], seed: u64) -> Result<Fit, FitError> {
    let sound = |point: &&Measured| {
        point.at_once > 0.0
            && point.at_once.is_finite()
            && point.rate > 0.0
            && point.rate.is_finite()
    };
    let points: Vec<Measured> = points.iter().filter(sound).copied().collect();
    let mut different: Vec<f64> = points.iter().map(|point| point.at_once).collect();
    different.sort_by(f64::total_cmp);
    different.dedup_by(|left, right| (*left - *right).abs() <= *right * 1e-6);
    if different.len() < POINTS_MIN {
        return Err(FitError::Few(different.len()));
    }
    if different.last().is_some_and(|most| *most < 1.0) {
        return Err(FitError::Idle);
    }
    // One that says that less is possible than what was seen is none, either.
    let most = points.iter().map(|point| point.rate).fold(0.0, f64::max);
    let law = solve(&points).filter(|law| PEAK_SHARE_MIN * most <= law.peak_rate());
    let law = law.ok_or(FitError::Off)?;
    let distances: Vec<f64> =
        points.iter().map(|point| point.rate / law.rate(point.at_once) - 1.0).collect();
    let count = f64::from(u32::try_from(points.len()).unwrap_or(u32::MAX));
    // Three figures were fitted to the points, which brings them nearer than they are.
    let freedom = (count - 3.0).max(1.0);
    let off = (distances.iter().map(|distance| distance * distance).sum::<f64>() / freedom).sqrt();
    if OFF_MAX < off {
        return Err(FitError::Off);
    }
    let widen = (count / freedom).sqrt();
    let mut random = Random::new(seed);
    let drawn: Vec<Law> = (0..DRAWS)
        .filter_map(|_| {
            let again = points.iter().map(|point| {
                let distance = distances.get(random.below(distances.len())).unwrap_or(&0.0);
                Measured {
                    rate: law.rate(point.at_once) * (1.0 + widen * distance).max(0.01),
                    ..*point
                }
            });
            solve(&again.collect::<Vec<_>>())
        })
        .collect();
    let middle = |figure: fn(&Law) -> f64| middle(drawn.iter().map(figure).collect());
    Ok(Fit {
        law,
        one: middle(|law| law.one),
        contention: middle(|law| law.contention),
        coherency: middle(|law| law.coherency),
        peak_rate: middle(|law| law.peak_rate()),
        off,
    })
}

fn middle(mut values: Vec<f64>) -> Interval {
    values.sort_by(f64::total_cmp);
    let out = values.len() / 40;
    let at = |place: usize| values.get(place).copied().unwrap_or(f64::NAN);
    Interval { low: at(out), high: at(values.len().saturating_sub(1 + out)) }
}

/// Weighted least squares with no part below zero: the best of the subsets in which all parts are above.
fn solve(points: &[Measured]) -> Option<Law> {
    let mut best: Option<(f64, Law)> = None;
    for (contention, coherency) in [(true, true), (true, false), (false, true), (false, false)] {
        let columns: Vec<fn(f64) -> f64> = [
            (true, (|_| 1.0) as fn(f64) -> f64),
            (contention, |n| n - 1.0),
            (coherency, |n| n * (n - 1.0)),
        ]
        .into_iter()
        .filter_map(|(used, column)| used.then_some(column))
        .collect();
        let Some(parts) = least_squares(points, &columns) else { continue };
        let mut parts = parts.into_iter();
        let inverse = parts.next()?;
        let mut part = |used: bool| if used { parts.next().unwrap_or(0.0) } else { 0.0 };
        let (wait, agree) = (part(contention), part(coherency));
        if inverse <= 0.0 || wait < 0.0 || agree < 0.0 {
            continue;
        }
        let law =
            Law { one: 1.0 / inverse, contention: wait / inverse, coherency: agree / inverse };
        let error: f64 =
            points.iter().map(|point| (point.rate / law.rate(point.at_once) - 1.0).powi(2)).sum();
        if best.as_ref().is_none_or(|(least, _)| error < *least) {
            best = Some((error, law));
        }
    }
    best.map(|(_, law)| law)
}

/// Parts of the columns whose sum is nearest to N over throughput, relatively.
fn least_squares(points: &[Measured], columns: &[fn(f64) -> f64]) -> Option<Vec<f64>> {
    let size = columns.len();
    // The normal equations, with the right side as the last column.
    let mut rows = vec![vec![0.0; size + 1]; size];
    for point in points {
        let wanted = point.at_once / point.rate;
        let terms: Vec<f64> = columns.iter().map(|column| column(point.at_once) / wanted).collect();
        for (row, left) in rows.iter_mut().zip(&terms) {
            for (cell, right) in row.iter_mut().zip(terms.iter().chain([&1.0])) {
                *cell += left * right;
            }
        }
    }
    eliminate(&mut rows)?;
    rows.iter().map(|row| row.last().copied()).collect()
}

/// Gauss and Jordan, with the largest pivot first.
fn eliminate(rows: &mut [Vec<f64>]) -> Option<()> {
    for place in 0..rows.len() {
        let largest = (place..rows.len())
            .max_by(|a, b| rows[*a][place].abs().total_cmp(&rows[*b][place].abs()))?;
        rows.swap(place, largest);
        let size = rows[place][place];
        if size.abs() < 1e-300 {
            return None;
        }
        let pivot: Vec<f64> = rows[place].iter().map(|cell| cell / size).collect();
        for row in rows.iter_mut() {
            let factor = row[place];
            for (cell, known) in row.iter_mut().zip(&pivot) {
                *cell -= factor * known;
            }
        }
        rows[place] = pivot;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn measured(law: Law, noise: f64, seed: u64) -> Vec<Measured> {
        let mut random = Random::new(seed);
        let steps = [1.0, 2.0, 4.0, 8.0, 12.0, 16.0, 24.0, 32.0, 48.0, 64.0, 96.0, 128.0];
        let steps = steps.into_iter().map(|at_once| Measured {
            at_once,
            rate: law.rate(at_once) * (1.0 + noise * random.normal()),
        });
        steps.collect()
    }

    const LAW: Law = Law { one: 1_000.0, contention: 0.03, coherency: 0.000_5 };

    #[test]
    fn known_figures_come_back_from_noisy_points() {
        let fit = fit(&measured(LAW, 0.02, 1), 1).unwrap();
        let near = |seen: f64, truth: f64, off: f64| {
            assert!((seen / truth - 1.0).abs() < off, "{seen} for {truth}");
        };
        near(fit.law.one, LAW.one, 0.03);
        near(fit.law.contention, LAW.contention, 0.15);
        near(fit.law.coherency, LAW.coherency, 0.15);
        near(fit.law.peak_at().unwrap(), LAW.peak_at().unwrap(), 0.05);
        near(fit.law.peak_rate(), LAW.peak_rate(), 0.03);
        assert!((0.005..0.04).contains(&fit.off), "{}", fit.off);
    }

    #[test]
    fn intervals_hold_the_truth_as_often_as_they_say() {
        let held = (0..60).filter(|seed| {
            let fit = fit(&measured(LAW, 0.03, 100 + seed), 1).unwrap();
            fit.coherency.low <= LAW.coherency && LAW.coherency <= fit.coherency.high
        });
        let held = held.count();
        assert!((52..=60).contains(&held), "{held} of 60");
    }

    #[test]
    fn what_only_ever_grows_has_no_peak() {
        let line = Law { one: 500.0, contention: 0.0, coherency: 0.0 };
        let fitted = fit(&measured(line, 0.0, 1), 1).unwrap();
        assert!((fitted.law.rate(10.0) - 5_000.0).abs() < 1.0, "{fitted:?}");
        let serial = Law { contention: 0.1, ..line };
        let fitted = fit(&measured(serial, 0.0, 1), 1).unwrap();
        assert!((fitted.law.peak_rate() / 5_000.0 - 1.0).abs() < 0.01, "{fitted:?}");
    }

    #[test]
    fn too_few_points_are_no_fit() {
        let points = measured(LAW, 0.0, 1);
        assert_eq!(fit(&points[..3], 1), Err(FitError::Few(3)));
        assert_eq!(fit(&[points[0]; 9], 1), Err(FitError::Few(1)));
        let broken = [Measured { at_once: f64::NAN, rate: 1.0 }; 5];
        assert_eq!(fit(&broken, 1), Err(FitError::Few(0)));
    }

    #[test]
    fn what_was_measured_refutes_a_law_that_it_is_beyond() {
        // A server that is quicker the more there is to do, as processors are that sleep in between.
        let points = |share: f64| {
            let each = |step: u32| {
                let rate = 50.0 * 1.5_f64.powi(step.try_into().unwrap());
                Measured { at_once: share * rate.sqrt(), rate }
            };
            (0..10).map(each).collect::<Vec<_>>()
        };
        assert_eq!(fit(&points(0.000_6), 1), Err(FitError::Idle));
        assert_eq!(fit(&points(0.5), 1), Err(FitError::Off));
    }

    proptest! {
        #[test]
        fn points_on_the_law_give_the_law(one in 1.0..1e5_f64, contention in 0.001..0.5_f64, coherency in 1e-6..0.01_f64) {
            let law = Law { one, contention, coherency };
            let solved = solve(&measured(law, 0.0, 1)).unwrap();
            prop_assert!((solved.one / one - 1.0).abs() < 1e-6, "{solved:?}");
            prop_assert!((solved.peak_rate() / law.peak_rate() - 1.0).abs() < 1e-4, "{solved:?}");
        }
    }
}
