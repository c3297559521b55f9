//! A run as the ledger keeps it: what was asked, and the figures.

use std::time::Duration;

use ::load::{Judged, Limit, Outcome};
use engine::history::runner;
use store::ledger::{Recorded, RunFigure, RunKind};

/// Percentiles that are kept.
const KEPT: [(&str, f64); 5] =
    [("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99), ("max", 1.0)];

/// The record of a run, and of which goals it met.
pub(super) fn of(outcome: &Outcome, judged: &[Judged]) -> Recorded {
    #[expect(clippy::cast_precision_loss, reason = "latencies are far below 2^53 ns")]
    let millis = |quantile: f64| outcome.corrected.value_at_quantile(quantile) as f64 / 1e6;
    let mut figures: Vec<RunFigure> = KEPT
        .iter()
        .filter(|_| !outcome.corrected.is_empty())
        .map(|(name, quantile)| figure(name, millis(*quantile), "ms"))
        .collect();
    if 0.0 < outcome.seconds {
        figures.push(figure("rate", outcome.rate(), "/s"));
    }
    let early = if outcome.is_interrupted { ", ended early" } else { "" };
    Recorded::Run {
        of: RunKind::Load,
        title: format!("{}: {}{early}", outcome.target, outcome.load),
        verdict: verdict(judged),
        by: runner(),
        requests: outcome.answered,
        failed: outcome.failed,
        seconds: outcome.seconds,
        figures,
    }
}

/// Which goals were missed; empty where there were none.
fn verdict(judged: &[Judged]) -> String {
    let missed: Vec<String> =
        judged.iter().filter(|it| !it.is_met).map(|it| it.goal.to_string()).collect();
    match (judged.is_empty(), missed.is_empty()) {
        (true, _) => String::new(),
        (false, true) => "goals met".to_owned(),
        (false, false) => format!("missed {}", missed.join(", ")),
    }
}

/// The record of a search, each of whose steps took so long.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a count of requests, which is not below zero"
)]
pub(super) fn of_limit(title: &str, limit: &Limit, step: Duration) -> Recorded {
    let sum = |figure: fn(&::load::Rung) -> f64| limit.rungs.iter().map(figure).sum::<f64>();
    let seconds = step.as_secs_f64();
    let told = [
        ("held", limit.held_requests()),
        ("broke", limit.broke_requests()),
        ("knee", limit.knee.map(|knee| knee.rate)),
    ];
    let ended = match limit {
        Limit { gone: Some(_), .. } => ": the target was gone before it was known",
        Limit { is_interrupted: true, .. } => ": ended before it was known",
        Limit { by_generator: true, .. } => ": beyond what the generator can do",
        _ => "",
    };
    Recorded::Run {
        of: RunKind::Limit,
        title: format!("{title}{ended}"),
        verdict: String::new(),
        by: runner(),
        requests: (sum(|rung| rung.answered) * seconds).round() as u64,
        failed: (sum(|rung| rung.errors * rung.requests) * seconds).round() as u64,
        seconds: sum(|_rung| 1.0) * seconds,
        figures: told.iter().filter_map(|(name, at)| Some(figure(name, (*at)?, "/s"))).collect(),
    }
}

fn figure(name: &str, value: f64, unit: &str) -> RunFigure {
    RunFigure { name: name.to_owned(), value, unit: unit.to_owned() }
}
