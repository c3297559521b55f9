//! The limit that a search found, as people and machines read it.

use std::time::Duration;

use load::{Goal, Limit, Rung};
use serde_json::json;

use super::{layout, load::CUT_MIN};
use crate::{
    say::{ACCENT, AMBER, BOLD, DIM, RED},
    units,
};

/// For people.
///
/// `today` is the peak that the target has to bear today, in requests a second.
pub(crate) fn terminal(
    target: &str,
    limit: &Limit,
    (goals, today): (&[Goal], Option<f64>),
    columns: usize,
) -> String {
    let goals: Vec<String> = goals.iter().map(ToString::to_string).collect();
    let mut text = format!("{BOLD}{}{BOLD:#}\n", claim(limit));
    text.push_str(&format!("{DIM}{}: {}{DIM:#}\n\n", layout::clean(target), goals.join(", ")));
    let flows = |words: &str| {
        if limit.is_of_flows { format!("{words:>10} ") } else { String::new() }
    };
    text.push_str(&format!(
        "{DIM}{}{:>10} {:>10} {:>9} {:>9} {:>9} {:>8}{DIM:#}\n",
        flows("flows/s"),
        "asked/s",
        "answered/s",
        "p50",
        "p95",
        "p99",
        "failed"
    ));
    let mut rungs: Vec<_> = limit.rungs.iter().collect();
    rungs.sort_by(|left, right| left.rate.total_cmp(&right.rate));
    for rung in rungs {
        let time = |nanos| units::time(Duration::from_nanos(nanos));
        let style = match (rung.held, rung.by_generator) {
            (true, _) => ACCENT,
            (false, true) => AMBER,
            (false, false) => RED,
        };
        let word = fate(rung);
        text.push_str(&format!(
            "{}{:>10} {:>10} {:>9} {:>9} {:>9} {:>6.2} %  {style}{word}{style:#}\n",
            flows(&units::three_digits_of(rung.rate.round())),
            units::three_digits_of(rung.requests.round()),
            units::three_digits_of(rung.answered.round()),
            time(rung.p50),
            time(rung.p95),
            time(rung.p99),
            rung.errors * 100.0,
        ));
    }
    text.push('\n');
    for line in explained(limit).into_iter().chain(headroom_words(limit, today)) {
        for line in layout::wrap(&line, columns) {
            text.push_str(&format!("{line}\n"));
        }
    }
    text
}

/// What became of a step.
pub(super) fn fate(rung: &Rung) -> &'static str {
    match (rung.held, rung.by_generator) {
        (true, _) => "held",
        (false, true) => "the generator could not keep up",
        (false, false) => "broke",
    }
}

/// The most important in a line.
pub(super) fn claim(limit: &Limit) -> String {
    let digits = |rate: f64| units::three_digits_of(rate.round());
    // Nobody compares flows with what a service is asked.
    let rate = |(rate, requests): (f64, Option<f64>)| match requests {
        Some(requests) if limit.is_of_flows => {
            format!("{} flows ({} requests)", digits(rate), digits(requests))
        }
        _ => digits(rate),
    };
    let held = limit.breaking.held.map(|held| (held, limit.held_requests()));
    let broke = limit.breaking.broke.map(|broke| (broke, limit.broke_requests()));
    match (held, broke) {
        _ if limit.is_interrupted => "Ended early; the limit is not known yet".to_owned(),
        (Some(held), _) if limit.gone.is_some() => {
            format!("It held {} a second, and then nobody was there any more", rate(held))
        }
        (None, _) if limit.gone.is_some() => "Nobody was there any more".to_owned(),
        (Some(held), _) if limit.by_generator => {
            format!("At least {} a second hold; the generator could not ask for more", rate(held))
        }
        (Some(held), Some(broke)) => {
            format!("It holds {} a second, and breaks at {}", rate(held), rate(broke))
        }
        (Some(held), None) => format!("It holds {} a second, as much as was asked for", rate(held)),
        (None, _) => "The goals are missed at any rate that was tried".to_owned(),
    }
}

/// The share of what it holds that is free at today's peak; below zero where the peak is more.
fn headroom(limit: &Limit, today: Option<f64>) -> Option<f64> {
    limit.held_requests().zip(today).map(|(held, today)| 1.0 - today / held)
}

/// The same in a sentence, where there is a peak.
pub(super) fn headroom_words(limit: &Limit, today: Option<f64>) -> Option<String> {
    /// Less is short: a member that fails takes as much from three.
    const SHORT: f64 = 0.3;
    let (headroom, today) = headroom(limit, today).zip(today)?;
    let peak = units::three_digits_of(today.round());
    Some(if headroom < 0.0 {
        format!("Headroom: none; today's peak of {peak} a second is above what it holds.")
    } else {
        let short = if headroom < SHORT { ", which is short: below 30 %" } else { "" };
        format!("Headroom: {:.0} % at today's peak of {peak} a second{short}.", headroom * 100.0)
    })
}

/// What the steps say together, in sentences.
pub(super) fn explained(limit: &Limit) -> Vec<String> {
    let mut lines = Vec::new();
    let cut = limit.rungs.iter().map(|rung| rung.cut).fold(0.0, f64::max);
    if CUT_MIN <= cut {
        lines.push(format!(
            "Up to {:.0} % of flows were not done when a step ended, and were cut: their last requests were asked less. --for makes steps longer.",
            cut * 100.0
        ));
    }
    if let Some(knee) = limit.knee {
        lines.push(format!(
            "Knee: about {} a second; beyond it, more load brings more waiting than work.",
            units::three_digits_of(knee.rate.round())
        ));
    }
    match &limit.fit {
        Ok(fit) => {
            let peak = fit.law.peak_rate();
            let bounded = if peak.is_finite() && fit.peak_rate.high.is_finite() {
                format!(
                    "most throughput {} a second ({} to {})",
                    units::three_digits_of(peak.round()),
                    units::three_digits_of(fit.peak_rate.low.round()),
                    units::three_digits_of(fit.peak_rate.high.round())
                )
            } else {
                "no peak can be told from these steps".to_owned()
            };
            lines.push(format!(
                "Scalability law: contention {:.2} % ({:.2} to {:.2}), coherency {:.4} % ({:.4} to {:.4}), {bounded}; points lie {:.1} % off it.",
                fit.law.contention * 100.0,
                fit.contention.low * 100.0,
                fit.contention.high * 100.0,
                fit.law.coherency * 100.0,
                fit.coherency.low * 100.0,
                fit.coherency.high * 100.0,
                fit.off * 100.0,
            ));
        }
        Err(error) => lines.push(format!("No fit of the scalability law: {error}.")),
    }
    lines
}

/// For machines.
pub(crate) fn json(target: &str, limit: &Limit, (goals, today): (&[Goal], Option<f64>)) -> String {
    let finite = |value: f64| if value.is_finite() { json!(value) } else { json!(null) };
    let between = |interval: stats::Interval| json!([finite(interval.low), finite(interval.high)]);
    let law = limit.fit.as_ref().ok().map(|fit| {
        json!({
            "one_per_second": fit.law.one,
            "contention": fit.law.contention,
            "contention_interval": between(fit.contention),
            "coherency": fit.law.coherency,
            "coherency_interval": between(fit.coherency),
            "peak_per_second": finite(fit.law.peak_rate()),
            "peak_interval": between(fit.peak_rate),
            "peak_at_once": fit.law.peak_at(),
            "off": fit.off,
        })
    });
    let goals: Vec<_> = goals
        .iter()
        .map(|goal| json!({ "goal": goal.to_string(), "latency_nanos": goal.latency_nanos() }))
        .collect();
    let document = json!({
        "target": target,
        "goals": goals,
        "interrupted": limit.is_interrupted,
        "ended_because": limit.gone.as_ref().map(ToString::to_string),
        "held_per_second": limit.breaking.held,
        "broke_per_second": limit.breaking.broke,
        "per_second_is_of": if limit.is_of_flows { "flows" } else { "requests" },
        "held_requests_per_second": limit.held_requests(),
        "broke_requests_per_second": limit.broke_requests(),
        "peak_today_per_second": today,
        "headroom": headroom(limit, today),
        "limited_by_generator": limit.by_generator,
        "knee_per_second": limit.knee.map(|knee| knee.rate),
        "scalability": law,
        "no_fit_because": limit.fit.as_ref().err().map(ToString::to_string),
        "steps": limit.rungs,
    });
    format!("{document:#}\n")
}
