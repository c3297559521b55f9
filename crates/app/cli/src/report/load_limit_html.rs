//! The limit that a search found as a page that needs nothing else: latency against load with where it breaks, and throughput against
//! what is at work at once with the scalability law.

use std::time::Duration;

use load::{Goal, Limit, Rung};
use maud::{Markup, html as page};

use super::{
    axis::{Latencies, place},
    load_limit::{claim, explained, fate, headroom_words},
    page::framed,
};
use crate::units;

const STYLE: &str = "svg { width: 100%; height: 17rem; overflow: visible; } svg text { fill: var(--muted); font-size: 11px; } .grid { stroke: var(--line); } \
     polyline { fill: none; stroke-width: 1.5; } .p50 { stroke: var(--muted); } .p95 { stroke: var(--accent); } .p99 { stroke: var(--amber); } \
     .law { stroke: var(--accent); } .key span { margin-right: 1rem; } .key .p50 { color: var(--muted); } .key .p95 { color: var(--accent); } \
     .key .p99 { color: var(--amber); } .breaks { fill: var(--red); fill-opacity: 0.14; } .goal, .mark { stroke: var(--muted); stroke-dasharray: 4 4; } \
     circle { stroke: var(--paper); } .held { fill: var(--accent); } .broke { fill: var(--red); } .late { fill: var(--amber); }";

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 220.0;

/// The report as one HTML document; `today` is the peak that the target has to bear today, in requests a second.
pub(crate) fn html(target: &str, limit: &Limit, (goals, today): (&[Goal], Option<f64>)) -> String {
    let mut rungs: Vec<&Rung> = limit.rungs.iter().collect();
    rungs.sort_by(|left, right| left.rate.total_cmp(&right.rate));
    let asked: Vec<String> = goals.iter().map(ToString::to_string).collect();
    let body = page! {
        h1 { (claim(limit)) }
        p.claim { code { (target) } ": " (asked.join(", ")) }
        @for line in explained(limit).into_iter().chain(headroom_words(limit, today)) { p { (line) } }
        (against_load(limit, &rungs, goals, today))
        (against_work(limit, &rungs))
        (steps(limit, &rungs))
    };
    framed(&format!("The limit of {target}"), STYLE, &body)
}

/// How a step is drawn.
fn class(rung: &Rung) -> &'static str {
    match (rung.held, rung.by_generator) {
        (true, _) => "held",
        (false, true) => "late",
        (false, false) => "broke",
    }
}

#[expect(clippy::cast_precision_loss, reason = "places in a picture")]
fn float(nanos: u64) -> f64 {
    nanos as f64
}

/// Latency against the requests a second that were asked for; the stretch in which it breaks is red.
fn against_load(limit: &Limit, rungs: &[&Rung], goals: &[Goal], today: Option<f64>) -> Markup {
    let limits: Vec<(f64, String)> =
        goals.iter().filter_map(|goal| Some((goal.latency_nanos()?, goal.to_string()))).collect();
    let seen = rungs.iter().flat_map(|rung| [rung.p50, rung.p99]).filter(|nanos| 0 < *nanos);
    let axis = Latencies::of(seen.map(float).chain(limits.iter().map(|(at, _)| *at)), HEIGHT);
    let most = rungs.iter().map(|rung| rung.requests).chain(today).fold(0.0, f64::max) * 1.02;
    let Some(axis) = axis.filter(|_axis| 0.0 < most) else { return Markup::default() };
    let x = |rate: f64| place(rate / most * WIDTH);
    let line = |figure: fn(&Rung) -> u64| -> String {
        let points = rungs
            .iter()
            .filter(|rung| 0 < figure(rung))
            .map(|rung| format!("{},{}", x(rung.requests), place(axis.y(float(figure(rung))))));
        points.collect::<Vec<_>>().join(" ")
    };
    let broken = limit.broke_requests().map(|broke| (limit.held_requests().unwrap_or(0.0), broke));
    let marks = [("knee", limit.knee.map(|knee| knee.rate)), ("today's peak", today)];
    page! {
        h2 { "Where it breaks" }
        p.key { span.p50 { "p50" } span.p95 { "p95" } span.p99 { "p99" } "by requests a second that were asked for; it breaks where it is red" }
        svg viewBox="-70 -16 1040 266" role="img" aria-label="latency against load, and where it breaks" {
            (axis.grid(WIDTH))
            @if let Some((held, broke)) = broken {
                rect.breaks x=(x(held)) y="0" width=(place((broke - held) / most * WIDTH)) height=(HEIGHT) {
                    title { "between " (rate(held)) " and " (rate(broke)) " a second" }
                }
            }
            @for (at, words) in &limits {
                line.goal x1="0" x2=(WIDTH) y1=(place(axis.y(*at))) y2=(place(axis.y(*at))) {}
                text x=(WIDTH) y=(place(axis.y(*at) - 4.0)) text-anchor="end" { (words) }
            }
            @for (name, at) in marks {
                @if let Some(at) = at {
                    line.mark x1=(x(at)) x2=(x(at)) y1="0" y2=(HEIGHT) {}
                    text x=(x(at)) y="-4" text-anchor="middle" { (name) }
                }
            }
            polyline.p50 points=(line(|rung| rung.p50)) {}
            polyline.p95 points=(line(|rung| rung.p95)) {}
            polyline.p99 points=(line(|rung| rung.p99)) {}
            @for rung in rungs.iter().filter(|rung| 0 < rung.p95) {
                circle.(class(rung)) cx=(x(rung.requests)) cy=(place(axis.y(float(rung.p95)))) r="4" {
                    title { (rate(rung.requests)) " a second: " (fate(rung)) ", p95 " (units::time(Duration::from_nanos(rung.p95))) }
                }
            }
            (rates(most, "requests a second"))
        }
    }
}

/// Throughput against requests at work at once, by Little's law, and the scalability law through the steps that held.
fn against_work(limit: &Limit, rungs: &[&Rung]) -> Markup {
    let Ok(fit) = &limit.fit else { return Markup::default() };
    let points: Vec<(f64, f64, &Rung)> = rungs
        .iter()
        .filter(|rung| rung.held)
        .map(|rung| (rung.answered * rung.mean_nanos / 1e9, rung.answered, *rung))
        .collect();
    let widest = points.iter().map(|(at_once, ..)| *at_once).fold(0.0, f64::max) * 1.5;
    let curve: Vec<(f64, f64)> = (0_u32..=100)
        .map(|part| widest * f64::from(part) / 100.0)
        .map(|at_once| (at_once, fit.law.rate(at_once)))
        .collect();
    let rates_seen = curve.iter().map(|(_, rate)| *rate).chain(points.iter().map(|point| point.1));
    let highest = rates_seen.fold(0.0, f64::max) * 1.05;
    if widest <= 0.0 || highest <= 0.0 || !highest.is_finite() {
        return Markup::default();
    }
    let x = |at_once: f64| place(at_once / widest * WIDTH);
    let y = |rate: f64| place(HEIGHT - rate.max(0.0) / highest * HEIGHT);
    let drawn: Vec<String> =
        curve.iter().map(|(at_once, rate)| format!("{},{}", x(*at_once), y(*rate))).collect();
    page! {
        h2 { "Throughput, and the scalability law" }
        p.basis { "Steps that held, by requests at work at once; beyond the last one the law is a guess." }
        svg viewBox="-70 -16 1040 266" role="img" aria-label="throughput against requests at work at once" {
            @for part in [0.0, 0.25, 0.5, 0.75, 1.0] {
                line.grid x1="0" x2=(WIDTH) y1=(y(highest * part)) y2=(y(highest * part)) {}
                text x="-8" y=(y(highest * part)) text-anchor="end" { (rate(highest * part)) }
            }
            polyline.law points=(drawn.join(" ")) {}
            @for (at_once, answered, rung) in &points {
                circle.(class(rung)) cx=(x(*at_once)) cy=(y(*answered)) r="4" {
                    title { (rate(*answered)) " a second with " (units::three_digits(*at_once)) " at once" }
                }
            }
            text x="0" y="240" { "0" }
            text x=(WIDTH) y="240" text-anchor="end" { (units::three_digits(widest)) " at once" }
        }
    }
}

/// The axis of rates, below a chart.
fn rates(most: f64, what: &str) -> Markup {
    page! {
        @for part in [0.0, 0.25, 0.5, 0.75] {
            text x=(place(part * WIDTH)) y="240" text-anchor="middle" { (rate(most * part)) }
        }
        text x=(WIDTH) y="240" text-anchor="end" { (rate(most)) " " (what) }
    }
}

fn rate(rate: f64) -> String {
    units::three_digits_of(rate.round())
}

fn steps(limit: &Limit, rungs: &[&Rung]) -> Markup {
    let time = |nanos| units::time(Duration::from_nanos(nanos));
    page! {
        h2 { "Steps" }
        table {
            thead { tr {
                @if limit.is_of_flows { th.number { "flows a second" } }
                th { "asked a second" } th { "" } th.number { "answered" } th.number { "failed" }
                th.number { "p50" } th.number { "p95" } th.number { "p99" }
            } }
            tbody { @for rung in rungs {
                tr {
                    @if limit.is_of_flows { td.number { (rate(rung.rate)) } }
                    td { (rate(rung.requests)) }
                    td { @if rung.held { (fate(rung)) } @else { span.critical { (fate(rung)) } } }
                    td.number { (rate(rung.answered)) }
                    td.number { (format!("{:.2} %", rung.errors * 100.0)) }
                    td.number { (time(rung.p50)) }
                    td.number { (time(rung.p95)) }
                    td.number { (time(rung.p99)) }
                }
            } }
        }
    }
}
