//! The search for the rate at which goals are missed: runs of one rate each, and what they say together.

use std::{
    sync::{Arc, atomic::AtomicBool, atomic::Ordering::Relaxed},
    time::Duration,
};

use prove::{
    capacity::{self, Breaking, Fit, FitError, Held, Measured, Point, Search},
    schedule::{Arrivals, Schedule, ScheduleError},
};
use serde::Serialize;

use crate::{Goal, Model, Outcome, Plan, RunError, Tick, judge, run};

/// A break between steps, so that one does not pay for what the one before left.
const BREATH: Duration = Duration::from_millis(300);
/// Of the rate that was asked for, at least so much has to be answered.
const ANSWERED_MIN: f64 = 0.95;

/// One step of the search.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Rung {
    /// Passes through a flow a second that were meant to start: requests, where a flow is one.
    pub rate: f64,
    /// Requests a second that this came to.
    pub requests: f64,
    /// Answers a second.
    pub answered: f64,
    /// Median of the latency from the intended start, in nanoseconds.
    pub p50: u64,
    /// 95th percentile.
    pub p95: u64,
    /// 99th percentile.
    pub p99: u64,
    /// Mean, in nanoseconds, from sending.
    pub mean_nanos: f64,
    /// Share of requests that failed.
    pub errors: f64,
    /// Share of passes through a flow that its end cut, 0 to 1.
    pub cut: f64,
    /// Goals were met, and what was asked was answered.
    pub held: bool,
    /// The generator could not keep up; the step says nothing about the target.
    pub by_generator: bool,
}

/// What the steps say together.
#[derive(Debug)]
pub struct Limit {
    /// In the order in which they were tried.
    pub rungs: Vec<Rung>,
    /// Between which rates it breaks, in passes through a flow.
    pub breaking: Breaking,
    /// A flow may be several requests, so that rates of flows are none of requests.
    pub is_of_flows: bool,
    /// Where more load begins to bring more waiting than work.
    pub knee: Option<Point>,
    /// The scalability law, or why there is none.
    pub fit: Result<Fit, FitError>,
    /// It ended because the generator could not do more.
    pub by_generator: bool,
    /// It was ended early.
    pub is_interrupted: bool,
    /// It ended because the target could not be reached any more; what was measured before is told.
    pub gone: Option<RunError>,
}

impl Limit {
    /// The highest rate that held, in requests a second.
    #[must_use]
    pub fn held_requests(&self) -> Option<f64> {
        self.requests_at(self.breaking.held?)
    }

    /// The lowest rate that broke, in requests a second.
    #[must_use]
    pub fn broke_requests(&self) -> Option<f64> {
        self.requests_at(self.breaking.broke?)
    }

    /// Of the last step at this rate, as one is tried again.
    fn requests_at(&self, rate: f64) -> Option<f64> {
        let is_it = |rung: &&Rung| rung.rate.total_cmp(&rate).is_eq();
        self.rungs.iter().rev().find(is_it).map(|rung| rung.requests)
    }
}

/// Why there is no limit.
#[derive(Debug, thiserror::Error)]
pub enum LimitError {
    /// A step could not be run.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A rate is none.
    #[error(transparent)]
    Schedule(#[from] ScheduleError),
}

/// Runs steps of this length until the limit is known or `stop` is set. `told` hears of the step, its number from 1.
///
/// # Errors
///
/// The first step cannot be run.
pub fn find_limit(
    plan: &Plan,
    mut search: Search,
    (length, goals): (Duration, &[Goal]),
    stop: &Arc<AtomicBool>,
    mut told: impl FnMut(usize, f64, &Tick),
) -> Result<Limit, LimitError> {
    let mut rungs: Vec<Rung> = Vec::new();
    let (mut by_generator, mut gone) = (false, None);
    while let capacity::Step::Try(rate) = search.next() {
        let schedule = Schedule::constant(rate, length, Arrivals::Poisson(plan.seed))?;
        let step = Plan { model: Model::Open(schedule), ..plan.clone() };
        let number = rungs.len() + 1;
        let outcome = match run(&step, stop, |tick| told(number, rate, tick)) {
            Ok(outcome) => outcome,
            Err(error) if rungs.is_empty() => return Err(error.into()),
            Err(error) => {
                gone = Some(error);
                break;
            }
        };
        if outcome.is_interrupted {
            break;
        }
        let rung = rung(rate, goals, &outcome);
        // One step may be late for whatever else the machine did; the second try of the same rate tells.
        by_generator = rung.by_generator && rungs.last().is_some_and(|last| last.by_generator);
        let held = if rung.held { Held::Yes } else { Held::No };
        rungs.push(rung);
        if by_generator {
            break;
        }
        search.tell(held);
        std::thread::sleep(BREATH);
    }
    Ok(Limit {
        breaking: search.known(),
        is_of_flows: plan.scenario.is_of_flows(),
        knee: knee(&rungs),
        fit: capacity::fit(&settled(&rungs), plan.seed),
        rungs,
        by_generator,
        is_interrupted: stop.load(Relaxed),
        gone,
    })
}

/// The knee of what the target did: where the generator could not keep up, waiting was its own.
fn knee(rungs: &[Rung]) -> Option<Point> {
    let of_target = rungs.iter().filter(|rung| !rung.by_generator);
    let points = of_target.map(|rung| Point { rate: rung.answered, latency: rung.mean_nanos });
    capacity::knee(&points.collect::<Vec<_>>())
}

/// What the law is fitted to. Where work piles up, it never settles, and the law says nothing about it.
fn settled(rungs: &[Rung]) -> Vec<Measured> {
    let settled = rungs.iter().filter(|rung| !rung.by_generator && rung.held);
    let one = |rung: &Rung| Measured {
        at_once: rung.answered * rung.mean_nanos / 1e9,
        rate: rung.answered,
    };
    settled.map(one).collect()
}

fn rung(rate: f64, goals: &[Goal], outcome: &Outcome) -> Rung {
    let is_met = judge(goals, outcome).iter().all(|judged| judged.is_met);
    let nanos = |quantile| outcome.corrected.value_at_quantile(quantile);
    // Arrivals are at random, so that the rate that was asked for is what did start.
    #[expect(clippy::cast_precision_loss, reason = "counts are below 2^53")]
    let answered_all = ANSWERED_MIN * outcome.started as f64 <= outcome.answered as f64;
    let held = is_met && answered_all;
    Rung {
        rate,
        requests: rate * outcome.requests_each(),
        answered: outcome.rate(),
        p50: nanos(0.5),
        p95: nanos(0.95),
        p99: nanos(0.99),
        mean_nanos: outcome.uncorrected.mean(),
        errors: outcome.error_share(),
        cut: outcome.cut_share(),
        held,
        by_generator: !held && outcome.lateness().is_bottleneck,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_of_a_generator_that_was_late_tell_nothing_about_the_target() {
        let step = |answered: f64, mean_nanos: f64, held: bool, by_generator: bool| Rung {
            rate: answered,
            requests: answered,
            answered,
            p50: 0,
            p95: 0,
            p99: 0,
            mean_nanos,
            errors: 0.0,
            cut: 0.0,
            held,
            by_generator,
        };
        // As quick at any rate: no knee is reached, until the generator stumbles.
        let mut rungs: Vec<Rung> =
            [100.0, 150.0, 225.0].map(|rate| step(rate, 1e6, true, false)).into();
        rungs.push(step(300.0, 9e8, false, true));
        assert_eq!(knee(&rungs), None);
        assert_eq!(settled(&rungs).len(), 3);
        rungs.push(step(310.0, 9e8, false, false));
        assert_eq!(knee(&rungs).map(|knee| knee.rate), Some(225.0));
        assert_eq!(settled(&rungs).len(), 3, "what broke has not settled");
    }
}
