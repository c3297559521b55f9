//! A load test as a page that needs nothing else: the claim, percentiles over time, the distribution.

use std::time::Duration;

use load::{Judged, Outcome};
use maud::{Markup, html as page};

use super::{
    axis::{Latencies, place},
    load::{TOLD, basis, claim, failures, notes},
    page::framed,
};
use crate::units;

const STYLE: &str = "svg { width: 100%; height: 16rem; overflow: visible; } svg text { fill: var(--muted); font-size: 11px; } \
     .grid { stroke: var(--line); } polyline { fill: none; stroke-width: 1.5; } .p50 { stroke: var(--muted); } .p95 { stroke: var(--accent); } \
     .p99 { stroke: var(--red); } .rate { stroke: var(--amber); } .bar { fill: var(--accent); } .key span { margin-right: 1rem; } \
     .key .p50 { color: var(--muted); } .key .p95 { color: var(--accent); } .key .p99 { color: var(--red); }";

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 220.0;

/// The report as one HTML document.
pub(crate) fn html(outcome: &Outcome, judged: &[Judged]) -> String {
    let body = page! {
        h1 { (claim(outcome)) }
        p.claim { code { (outcome.target) } ": " (outcome.load) }
        p.basis { (basis(outcome)) }
        @for note in notes(outcome) { p.high { (note) } }
        (goals(judged))
        (over_time(outcome))
        (distribution(outcome))
        (routes(outcome))
        (failed(outcome))
    };
    framed(&format!("Load on {}", outcome.target), STYLE, &body)
}

fn goals(judged: &[Judged]) -> Markup {
    page! {
        @if !judged.is_empty() {
            h2 { "Goals" }
            table {
                @for goal in judged {
                    tr {
                        td { @if goal.is_met { "met" } @else { span.critical { "missed" } } }
                        td { (goal.goal) }
                        td.number { (goal.seen) }
                    }
                }
            }
        }
    }
}

/// Percentiles by when requests were meant to start.
#[expect(clippy::cast_precision_loss, reason = "places in a picture")]
fn over_time(outcome: &Outcome) -> Markup {
    let seen = outcome.intervals.iter().flat_map(|part| [part.p50, part.p99]).flatten();
    let Some(axis) = Latencies::of(seen.map(|nanos| nanos as f64), HEIGHT) else {
        return Markup::default();
    };
    if outcome.intervals.len() < 2 {
        return Markup::default();
    }
    let step = WIDTH / (outcome.intervals.len() - 1) as f64;
    let line = |figure: fn(&load::Interval) -> Option<u64>| -> String {
        let points = outcome.intervals.iter().enumerate().filter_map(|(number, part)| {
            let nanos = figure(part)? as f64;
            Some(format!("{},{}", place(number as f64 * step), place(axis.y(nanos))))
        });
        points.collect::<Vec<_>>().join(" ")
    };
    let length =
        Duration::try_from_secs_f64(outcome.interval_seconds * outcome.intervals.len() as f64);
    page! {
        h2 { "Latency over time" }
        p.key { span.p50 { "p50" } span.p95 { "p95" } span.p99 { "p99" } "by when requests were meant to start, each point "
            (units::time(Duration::try_from_secs_f64(outcome.interval_seconds).unwrap_or_default())) }
        svg viewBox="-60 -10 1030 250" role="img" aria-label="percentiles of latency over time" {
            (axis.grid(WIDTH))
            polyline.p50 points=(line(|part| part.p50)) {}
            polyline.p95 points=(line(|part| part.p95)) {}
            polyline.p99 points=(line(|part| part.p99)) {}
            text x="0" y="236" { "0" }
            text x=(WIDTH) y="236" text-anchor="end" { (units::time(length.unwrap_or_default())) }
        }
    }
}

fn distribution(outcome: &Outcome) -> Markup {
    let time = |nanos| units::time(Duration::from_nanos(nanos));
    page! {
        h2 { "Distribution" }
        table {
            thead { tr {
                th { "" }
                th.number { "from the intended start" }
                th.number { "as sent" }
            } }
            tbody {
                @for (name, quantile) in TOLD {
                    tr {
                        td { (name) }
                        td.number { (time(outcome.corrected.value_at_quantile(quantile))) }
                        td.number { (time(outcome.uncorrected.value_at_quantile(quantile))) }
                    }
                }
            }
        }
        (bars(outcome))
    }
}

/// How many requests took how long.
#[expect(clippy::cast_precision_loss, reason = "places in a picture")]
fn bars(outcome: &Outcome) -> Markup {
    let spread = outcome.spread();
    let (Some(first), Some(last)) = (spread.first(), spread.last()) else {
        return Markup::default();
    };
    let most = spread.iter().map(|it| it.corrected).max().unwrap_or(1).max(1) as f64;
    let wide = WIDTH / spread.len() as f64;
    let bound =
        |nanos: f64| units::time(Duration::try_from_secs_f64(nanos / 1e9).unwrap_or(Duration::MAX));
    page! {
        svg viewBox="-60 -10 1030 250" role="img" aria-label="how many requests took how long" {
            @for (number, it) in spread.iter().enumerate().filter(|(_, it)| 0 < it.corrected) {
                // The root, so that the few slow ones can be seen beside the many.
                @let tall = (it.corrected as f64 / most).sqrt() * HEIGHT;
                rect.bar x=(format!("{:.1}", number as f64 * wide)) y=(format!("{:.1}", HEIGHT - tall))
                    width=(format!("{:.1}", wide * 0.9)) height=(format!("{tall:.1}")) {
                    title { (units::some(it.corrected, "request", "requests")) " from " (bound(it.from_nanos)) " to " (bound(it.to_nanos)) }
                }
            }
            text x="0" y="236" { (bound(first.from_nanos)) }
            text x=(WIDTH) y="236" text-anchor="end" { (bound(last.to_nanos)) }
        }
        p.basis { "Heights are roots of counts." }
    }
}

fn routes(outcome: &Outcome) -> Markup {
    let time = |nanos| units::time(Duration::from_nanos(nanos));
    page! {
        @if outcome.routes.len() > 1 {
            h2 { "Routes" }
            table {
                thead { tr { th { "" } th.number { "requests" } th.number { "failed" } th.number { "p50" } th.number { "p95" } th.number { "p99" } } }
                tbody { @for route in &outcome.routes {
                    tr {
                        td { code { (route.name) } }
                        td.number { (units::count(route.count)) }
                        td.number { (units::count(route.failed)) }
                        td.number { (time(route.p50)) }
                        td.number { (time(route.p95)) }
                        td.number { (time(route.p99)) }
                    }
                } }
            }
        }
    }
}

fn failed(outcome: &Outcome) -> Markup {
    let failures = failures(outcome);
    page! {
        @if !failures.is_empty() {
            h2 { "What failed" }
            table { @for (what, count) in failures {
                tr { td { (what) } td.number { (units::count(count)) } }
            } }
        }
    }
}
