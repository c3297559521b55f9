//! A load test as people and machines read it.

use std::time::Duration;

use load::{Judged, Latencies, Outcome, Spread};
use serde::Serialize;
use serde_json::{Value, json};

use super::layout;
use crate::{
    say::{ACCENT, AMBER, BOLD, DIM, RED},
    units,
};

/// What is told of the distribution.
pub(crate) const TOLD: [(&str, f64); 7] = [
    ("p50", 0.5),
    ("p75", 0.75),
    ("p90", 0.9),
    ("p95", 0.95),
    ("p99", 0.99),
    ("p99.9", 0.999),
    ("max", 1.0),
];

/// The share of flows whose cut is told: some always are under way at the end, a twentieth is another mix.
pub(super) const CUT_MIN: f64 = 0.05;

/// For people.
pub(crate) fn terminal(outcome: &Outcome, judged: &[Judged], columns: usize) -> String {
    let mut text = format!("{BOLD}{}{BOLD:#}\n", claim(outcome));
    text.push_str(&format!("{DIM}{}: {}{DIM:#}\n\n", layout::clean(&outcome.target), outcome.load));
    let corrected = |quantile| outcome.corrected.value_at_quantile(quantile);
    let uncorrected = |quantile| outcome.uncorrected.value_at_quantile(quantile);
    distribution(&mut text, (&corrected, &uncorrected), outcome.is_open, columns);
    if outcome.routes.len() > 1 {
        routes(&mut text, outcome, columns);
    }
    text.push_str(&format!("\n{DIM}{}{DIM:#}\n", basis(outcome)));
    for (what, count) in failures(outcome) {
        text.push_str(&format!("{RED}{:>10}{RED:#}  {what}\n", units::count(count)));
    }
    for note in notes(outcome) {
        for line in layout::wrap(&note, columns) {
            text.push_str(&format!("{AMBER}{line}{AMBER:#}\n"));
        }
    }
    for goal in judged {
        let (style, word) = if goal.is_met { (ACCENT, "met   ") } else { (RED, "missed") };
        text.push_str(&format!("{style}{word}{style:#}  {}: {}\n", goal.goal, goal.seen));
    }
    text
}

/// The most important in a line.
pub(crate) fn claim(outcome: &Outcome) -> String {
    if outcome.answered == 0 {
        return format!("No answer to {}", units::some(outcome.started, "request", "requests"));
    }
    let errors = if outcome.failed == 0 {
        "none failed".to_owned()
    } else {
        format!("{} failed ({:.2} %)", units::count(outcome.failed), outcome.error_share() * 100.0)
    };
    format!(
        "{} answers a second, p50 {}, p95 {}, p99 {}, {errors}",
        units::three_digits_of(outcome.rate().round()),
        units::time(outcome.latency(0.5)),
        units::time(outcome.latency(0.95)),
        units::time(outcome.latency(0.99)),
    )
}

/// Percentiles of histograms alone: what is known of several logs.
pub(crate) fn latencies(sum: &Latencies, logs: usize, columns: usize) -> String {
    let count = units::some(sum.corrected.len(), "request", "requests");
    let time =
        |quantile| units::time(Duration::from_nanos(sum.corrected.value_at_quantile(quantile)));
    let mut text = format!(
        "{BOLD}{count}, p50 {}, p95 {}, p99 {}{BOLD:#}\n{DIM}{} added up{DIM:#}\n\n",
        time(0.5),
        time(0.95),
        time(0.99),
        units::some(logs as u64, "log", "logs")
    );
    let corrected = |quantile| sum.corrected.value_at_quantile(quantile);
    let uncorrected = |quantile| sum.uncorrected.value_at_quantile(quantile);
    distribution(&mut text, (&corrected, &uncorrected), true, columns);
    text
}

/// The same, for machines.
pub(crate) fn latencies_json(sum: &Latencies) -> String {
    let document = json!({
        "requests": sum.corrected.len(),
        "latency_nanos": quantiles(&|q| sum.corrected.value_at_quantile(q)),
        "latency_mean_nanos": sum.corrected.mean(),
        "uncorrected_nanos": quantiles(&|q| sum.uncorrected.value_at_quantile(q)),
    });
    format!("{document:#}\n")
}

fn quantiles(at: AtQuantile<'_>) -> Value {
    TOLD.iter().map(|(name, quantile)| ((*name).to_owned(), json!(at(*quantile)))).collect()
}

/// Nanoseconds of a quantile.
type AtQuantile<'a> = &'a dyn Fn(f64) -> u64;

fn distribution(
    text: &mut String,
    (corrected, uncorrected): (AtQuantile<'_>, AtQuantile<'_>),
    is_open: bool,
    columns: usize,
) {
    let corrected = |quantile| Duration::from_nanos(corrected(quantile));
    let uncorrected = |quantile| Duration::from_nanos(uncorrected(quantile));
    let most = corrected(1.0).as_secs_f64().max(1e-9);
    let room = columns.saturating_sub(38);
    let (head, other) = if is_open { ("from intended", "as sent") } else { ("latency", "as sent") };
    text.push_str(&format!("{DIM}{:>7}  {head:>13}  {other:>9}{DIM:#}\n", ""));
    for (name, quantile) in TOLD {
        let share = corrected(quantile).as_secs_f64() / most;
        text.push_str(&format!(
            "{name:>7}  {:>13}  {DIM}{:>9}{DIM:#}  {ACCENT}{}{ACCENT:#}\n",
            units::time(corrected(quantile)),
            units::time(uncorrected(quantile)),
            bar(share, room),
        ));
    }
}

/// A bar with eighths.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "columns of a terminal"
)]
fn bar(share: f64, room: usize) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = (share.clamp(0.0, 1.0) * room as f64 * 8.0).round().max(1.0) as usize;
    format!("{}{}", "█".repeat(eighths / 8), EIGHTHS.get(eighths % 8).unwrap_or(&""))
}

fn routes(text: &mut String, outcome: &Outcome, columns: usize) {
    let room = columns.saturating_sub(50).max(12);
    text.push_str(&format!(
        "\n{DIM}{:<room$} {:>9} {:>8} {:>9} {:>9} {:>9}{DIM:#}\n",
        "route", "requests", "failed", "p50", "p95", "p99"
    ));
    for route in &outcome.routes {
        let time = |nanos| units::time(Duration::from_nanos(nanos));
        let name = layout::cut(&layout::clean(&route.name), room);
        let gap = room.saturating_sub(name.chars().count());
        text.push_str(&format!(
            "{name}{} {:>9} {:>8} {:>9} {:>9} {:>9}\n",
            " ".repeat(gap),
            units::count(route.count),
            units::count(route.failed),
            time(route.p50),
            time(route.p95),
            time(route.p99),
        ));
    }
}

/// What the figures stand on.
pub(crate) fn basis(outcome: &Outcome) -> String {
    let late = outcome.lateness();
    let unfinished = match outcome.unfinished {
        0 => String::new(),
        some => format!(", {} unfinished", units::count(some)),
    };
    let seconds = |seconds| units::time(Duration::try_from_secs_f64(seconds).unwrap_or_default());
    // What takes as long as an answer does is no tail.
    let tail = match outcome.tail_seconds {
        tail if tail < 1.0 => String::new(),
        tail => format!(", the last of them over {} later", seconds(tail)),
    };
    format!(
        "{} in {}{unfinished}{tail} · {}{} · {} of bodies · generator: {} of processor a request, {:.0} % busy, {} late by {} (p99), {} (most)",
        units::some(outcome.started, "request", "requests"),
        seconds(outcome.seconds),
        units::some(outcome.connections, "connection", "connections"),
        if outcome.protocol == "HTTP/2" { " of HTTP/2" } else { "" },
        bytes(outcome.body_bytes),
        units::time(outcome.processor_each()),
        late.busy * 100.0,
        if outcome.is_open { "starts" } else { "wakes" },
        units::time(late.p99),
        units::time(late.max),
    )
}

/// Statuses that are errors, and what else went wrong.
pub(crate) fn failures(outcome: &Outcome) -> Vec<(String, u64)> {
    let wrong = outcome.statuses.iter().filter(|(status, _)| 400 <= *status || *status < 200);
    let mut failures: Vec<(String, u64)> =
        wrong.map(|(status, count)| (format!("answers with status {status}"), *count)).collect();
    failures.extend(outcome.troubles.iter().cloned());
    let told: u64 = failures.iter().map(|(_, count)| count).sum();
    if told < outcome.failed {
        failures.push(("answers that a check refused".to_owned(), outcome.failed - told));
    }
    failures
}

/// What to know before believing the figures.
pub(crate) fn notes(outcome: &Outcome) -> Vec<String> {
    let mut notes = Vec::new();
    let late = outcome.lateness();
    if outcome.is_interrupted {
        notes.push("Ended early: figures are of what was done by then.".to_owned());
    }
    if late.is_bottleneck && !outcome.is_open {
        notes.push(format!(
            "The generator was the bottleneck: 1 time in 100 it came later than {} to what was due, and so to answers. Latencies hold its delay; \
             use fewer --users, more --threads, or another machine.",
            units::time(late.p99)
        ));
    } else if late.is_bottleneck {
        notes.push(format!(
            "The generator was the bottleneck: it started 1 request in 100 later than {} after it was due. Figures from the intended \
             start hold its delay too; use a lower rate, more --threads, or another machine.",
            units::time(late.p99)
        ));
    }
    let waited = outcome.corrected.value_at_quantile(0.99);
    let sent = outcome.uncorrected.value_at_quantile(0.99);
    let is_full =
        u64::try_from(outcome.connections_max).is_ok_and(|most| most <= outcome.connections);
    if outcome.is_open && is_full && sent.saturating_mul(2) < waited {
        notes.push(format!(
            "All {} connections were taken at times, and requests waited for one: that is in the figures from the intended start. \
             --connections allows more.",
            units::count(outcome.connections_max as u64)
        ));
    }
    if CUT_MIN <= outcome.cut_share() {
        notes.push(format!(
            "{} of {} through a flow were not done when it ended, and were cut: their last steps were asked less. --for says how long.",
            units::count(outcome.cut),
            units::some(outcome.flows, "pass", "passes")
        ));
    }
    if !outcome.is_open {
        notes.push(
            "Closed model: users who wait ask less, so that a pause of the server is seen once for each user. --rate keeps asking.".to_owned(),
        );
    }
    notes
}

/// For machines.
pub(crate) fn json(outcome: &Outcome, judged: &[Judged]) -> String {
    format!("{:#}\n", document(outcome, judged))
}

/// For `--out`: all that `taut prove` reads, and beside it what was said of it here and how latencies are spread, which a page cannot take from
/// histograms that are packed.
pub(crate) fn kept(outcome: &Outcome, judged: &[Judged]) -> String {
    #[derive(Serialize)]
    struct Kept<'a> {
        #[serde(flatten)]
        outcome: &'a Outcome,
        report: Value,
        spread: Vec<Spread>,
    }
    let kept = Kept { outcome, report: document(outcome, judged), spread: outcome.spread() };
    serde_json::to_string(&kept).unwrap_or_default()
}

fn document(outcome: &Outcome, judged: &[Judged]) -> Value {
    let late = outcome.lateness();
    let goals: Vec<_> = judged
        .iter()
        .map(|judged| json!({ "goal": judged.goal.to_string(), "seen": judged.seen, "met": judged.is_met }))
        .collect();
    json!({
        "target": outcome.target,
        "load": outcome.load,
        "open_model": outcome.is_open,
        "interrupted": outcome.is_interrupted,
        "seconds": outcome.seconds,
        "tail_seconds": outcome.tail_seconds,
        "asked_per_second": outcome.asked_rate,
        "answered_per_second": outcome.rate(),
        "started": outcome.started,
        "answered": outcome.answered,
        "answered_in_time": outcome.in_time,
        "flows": outcome.flows,
        "flows_cut": outcome.cut,
        "failed": outcome.failed,
        "unfinished": outcome.unfinished,
        "body_bytes": outcome.body_bytes,
        "connections": outcome.connections,
        "protocol": outcome.protocol,
        "latency_nanos": quantiles(&|q| outcome.corrected.value_at_quantile(q)),
        "latency_mean_nanos": outcome.corrected.mean(),
        "uncorrected_nanos": quantiles(&|q| outcome.uncorrected.value_at_quantile(q)),
        "failures": failures(outcome).into_iter().map(|(what, count)| json!({ "what": what, "count": count })).collect::<Vec<_>>(),
        "routes": outcome.routes,
        "generator": {
            "processor_nanos_per_request": u64::try_from(outcome.processor_each().as_nanos()).unwrap_or(u64::MAX),
            "busy": late.busy,
            "late_p99_nanos": u64::try_from(late.p99.as_nanos()).unwrap_or(u64::MAX),
            "late_max_nanos": u64::try_from(late.max.as_nanos()).unwrap_or(u64::MAX),
            "was_bottleneck": late.is_bottleneck,
        },
        "goals": goals,
        "notes": notes(outcome),
    })
}

/// `12.3 MB`.
#[expect(clippy::cast_precision_loss, reason = "shown with three digits")]
pub(crate) fn bytes(count: u64) -> String {
    let value = count as f64;
    match count {
        0..1_000 => format!("{count} B"),
        1_000..1_000_000 => format!("{} kB", units::three_digits(value / 1e3)),
        1_000_000..1_000_000_000 => format!("{} MB", units::three_digits(value / 1e6)),
        _ => format!("{} GB", units::three_digits(value / 1e9)),
    }
}
