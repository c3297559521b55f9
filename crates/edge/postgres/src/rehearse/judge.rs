//! What two sides of a comparison prove.

use std::time::Duration;

use super::measure::Side;

/// A tenth more or less is what the same plan takes from one hour to the next.
const NOTABLE: f64 = 1.1;
/// Block counts differ by a few where another session left hints or pins behind.
const BLOCKS_SPARE: u64 = 2;
const BLOCKS_SHARE: f64 = 0.01;
/// Fewer runs than this prove nothing, however far apart they are.
const RUNS_MIN: usize = 3;

/// What a comparison says of the change.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Verdict {
    /// Faster, by another plan or with other blocks, beyond what chance explains.
    Faster {
        /// Median after over median before: below 1.
        ratio: f64,
    },
    /// It took longer than it may, and no longer does.
    EndsNow {
        /// Median after over the time that was not enough: an upper bound.
        ratio: f64,
    },
    /// No notable difference.
    Same,
    /// A notable difference that chance may explain, or with the same plan and the same blocks.
    Unproven {
        /// Median after over median before.
        ratio: f64,
    },
    /// Slower, by another plan or with other blocks, beyond what chance explains: a regression.
    Slower {
        /// Median after over median before: above 1.
        ratio: f64,
    },
    /// It ended in time, and no longer does: a regression.
    TimesOut,
    /// Neither side ended in time, or too few runs were made.
    Unknown,
}

/// Judges two sides that took turns. `limit` is what a run may take.
pub(super) fn verdict(before: &Side, after: &Side, limit: Duration) -> Verdict {
    let (first, second) = match (before.timed_out, after.timed_out) {
        (true, true) => return Verdict::Unknown,
        (false, true) => return Verdict::TimesOut,
        (true, false) => {
            return after.median.map_or(Verdict::Unknown, |median| Verdict::EndsNow {
                ratio: ratio(limit, median),
            });
        }
        (false, false) => match (before.median, after.median) {
            (Some(first), Some(second)) => (first, second),
            _ => return Verdict::Unknown,
        },
    };
    if before.times.len().min(after.times.len()) < RUNS_MIN {
        return Verdict::Unknown;
    }
    let ratio = ratio(first, second);
    if ratio < NOTABLE && ratio > 1.0 / NOTABLE {
        return Verdict::Same;
    }
    if !has_changed(before, after) || !are_apart(before, after) {
        return Verdict::Unproven { ratio };
    }
    if ratio < 1.0 { Verdict::Faster { ratio } } else { Verdict::Slower { ratio } }
}

/// Whether the plan is another one, or touched other amounts of blocks.
pub(super) fn has_changed(before: &Side, after: &Side) -> bool {
    if before.shape != after.shape {
        return true;
    }
    let (Some(before), Some(after)) = (before.blocks, after.blocks) else { return false };
    let difference = before.abs_diff(after);
    #[expect(clippy::cast_precision_loss, reason = "block counts are far below 2^53")]
    let share = difference as f64 / before.max(after).max(1) as f64;
    difference > BLOCKS_SPARE && share > BLOCKS_SHARE
}

/// Whether the intervals of the medians do not touch; without intervals, all the runs.
fn are_apart(before: &Side, after: &Side) -> bool {
    let range = |side: &Side| {
        side.interval
            .or_else(|| Some((*side.times.iter().min()?, *side.times.iter().max()?)))
            .unwrap_or_default()
    };
    let (before, after) = (range(before), range(after));
    before.1 < after.0 || after.1 < before.0
}

fn ratio(before: Duration, after: Duration) -> f64 {
    // A nanosecond at least: no division by zero.
    after.as_secs_f64().max(1e-9) / before.as_secs_f64().max(1e-9)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(30);

    fn side(millis: &[u64], shape: &str, blocks: u64) -> Side {
        let mut sorted = millis.to_vec();
        sorted.sort_unstable();
        Side {
            times: millis.iter().map(|time| Duration::from_millis(*time)).collect(),
            median: stats::quantile(&sorted, 0.5).map(Duration::from_millis),
            blocks: Some(blocks),
            shape: shape.to_owned(),
            ..Side::default()
        }
    }

    fn late() -> Side {
        Side { timed_out: true, ..Side::default() }
    }

    #[test]
    fn another_plan_that_is_apart_is_faster_or_slower() {
        let (slow, quick) = (side(&[100, 110, 105], "seq", 900), side(&[10, 11, 10], "index", 4));
        assert!(matches!(verdict(&slow, &quick, LIMIT), Verdict::Faster { ratio } if ratio < 0.11));
        assert!(matches!(verdict(&quick, &slow, LIMIT), Verdict::Slower { ratio } if ratio > 9.0));
    }

    #[test]
    fn the_same_plan_with_the_same_blocks_never_regresses() {
        let (quick, slow) = (side(&[224; 6], "seq", 900), side(&[408; 6], "seq", 901));
        assert!(matches!(verdict(&quick, &slow, LIMIT), Verdict::Unproven { .. }));
        assert!(matches!(
            verdict(&quick, &side(&[408; 6], "seq", 1900), LIMIT),
            Verdict::Slower { .. }
        ));
    }

    #[test]
    fn runs_that_overlap_prove_nothing() {
        let (a, b) = (side(&[10, 20, 90], "seq", 1), side(&[15, 40, 95], "index", 2));
        assert!(matches!(verdict(&a, &b, LIMIT), Verdict::Unproven { .. }));
        assert_eq!(
            verdict(&side(&[10], "seq", 1), &side(&[100], "index", 9), LIMIT),
            Verdict::Unknown
        );
    }

    #[test]
    fn what_did_not_end_is_told_apart() {
        let quick = side(&[300; 6], "index", 4);
        assert_eq!(verdict(&late(), &quick, LIMIT), Verdict::EndsNow { ratio: 0.01 });
        assert_eq!(verdict(&quick, &late(), LIMIT), Verdict::TimesOut);
        assert_eq!(verdict(&late(), &late(), LIMIT), Verdict::Unknown);
    }

    proptest! {
        #[test]
        fn a_regression_needs_another_plan_or_other_blocks(
            before in prop::collection::vec(1_u64..1000, 0..9),
            after in prop::collection::vec(1_u64..1000, 0..9),
            blocks in 0_u64..100_000,
        ) {
            let verdict = verdict(&side(&before, "a", blocks), &side(&after, "a", blocks), LIMIT);
            let is_claim = matches!(verdict, Verdict::Slower { .. } | Verdict::Faster { .. });
            prop_assert!(!is_claim);
        }

        #[test]
        fn turning_the_sides_around_turns_the_verdict(
            before in prop::collection::vec(1_u64..1000, 3..9),
            after in prop::collection::vec(1_u64..1000, 3..9),
        ) {
            let (a, b) = (side(&before, "a", 1), side(&after, "b", 1));
            let is_faster = matches!(verdict(&a, &b, LIMIT), Verdict::Faster { .. });
            let is_slower = matches!(verdict(&b, &a, LIMIT), Verdict::Slower { .. });
            prop_assert_eq!(is_faster, is_slower);
        }
    }
}
