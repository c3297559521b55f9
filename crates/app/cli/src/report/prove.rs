//! A comparison as people and machines read it.

use std::time::Duration;

use engine::proof::Proven;
use prove::compare::{Change, Comparison, LEVEL, MeanChange, Measure, Verdict};

use super::{layout, load::bytes};
use crate::{
    say::{ACCENT, AMBER, BOLD, DIM, RED},
    units,
};

/// For people.
pub(crate) fn terminal(proven: &Proven, columns: usize) -> String {
    let comparison = &proven.comparison;
    let style = match comparison.verdict {
        Verdict::Better => ACCENT,
        Verdict::Worse => RED,
        Verdict::NoDifference | Verdict::CannotTell { .. } => AMBER,
    };
    let verdict = comparison.verdict.words();
    let mut text = format!("{style}{BOLD}{verdict}{BOLD:#}{style:#}: {}\n", comparison.reason);
    if let Verdict::CannotTell { more: Some(more) } = comparison.verdict {
        let more = units::some(more, "more request", "more requests");
        text.push_str(&format!("Need about {more} a side, of the same kind, to tell.\n"));
    }
    table(&mut text, comparison);
    for change in &proven.work {
        text.push_str(&format!("  {}\n", work_row(change)));
    }
    routes(&mut text, comparison, columns);
    text.push_str(&format!("\n{DIM}{}{DIM:#}\n", basis(comparison)));
    for note in &comparison.notes {
        for line in layout::wrap(&layout::clean(note), columns) {
            text.push_str(&format!("{AMBER}{line}{AMBER:#}\n"));
        }
    }
    text
}

fn table(text: &mut String, comparison: &Comparison) {
    if comparison.quantiles.is_empty() {
        return;
    }
    text.push_str(&format!(
        "\n{DIM}{:>9} {:>10} {:>10} {:>9}  {}{DIM:#}\n",
        "", "before", "after", "change", "interval"
    ));
    for change in &comparison.quantiles {
        let decides = (change.quantile - comparison.question.quantile).abs() < 1e-9;
        let mark = if decides { "→" } else { " " };
        text.push_str(&format!(
            "{ACCENT}{mark}{ACCENT:#} {}\n",
            row(&name(change.quantile), change)
        ));
    }
    let errors = comparison.errors;
    if errors.before > 0.0 || errors.after > 0.0 {
        text.push_str(&format!(
            "  {:>7} {:>8.2} % {:>8.2} %            {DIM}p = {:.3}{DIM:#}\n",
            "errors",
            errors.before * 100.0,
            errors.after * 100.0,
            errors.p
        ));
    }
}

fn row(name: &str, change: &Change) -> String {
    let interval = interval(change);
    format!(
        "{name:>7} {:>10} {:>10} {:>+7.1} %  {DIM}{interval}{DIM:#}",
        time(change.before),
        time(change.after),
        change.ratio() * 100.0
    )
}

/// Where the change of a quantile lies, as far as requests tell.
pub(super) fn interval(change: &Change) -> String {
    match (change.relative, change.at_least) {
        (Some(it), _) => format!("{:+.1} to {:+.1} %", it.low * 100.0, it.high * 100.0),
        (None, Some(at_least)) => format!("{:+.1} % or more", at_least * 100.0),
        (None, None) => "too few".to_owned(),
    }
}

/// What requests did besides, one line for each measure.
fn work_row(change: &MeanChange) -> String {
    let value = |value| amount(change.measure, value);
    format!(
        "{:>7} {:>10} {:>10} {:>9}  {DIM}{}, {}{DIM:#}",
        short(change.measure),
        value(change.before),
        value(change.after),
        changed(change),
        between(change),
        change.measure.words()
    )
}

/// By how much a mean changed; of nothing there is no percentage.
pub(super) fn changed(change: &MeanChange) -> String {
    match change.ratio() {
        Some(ratio) => format!("{:+.1} %", ratio * 100.0),
        None if 0.0 < change.after => "new".to_owned(),
        None => "none".to_owned(),
    }
}

/// Where the difference of a mean lies.
pub(super) fn between(change: &MeanChange) -> String {
    change.difference.map_or_else(
        || "too few".to_owned(),
        |difference| {
            let sign = |end: f64| if end < 0.0 { "-" } else { "+" };
            let told = |end: f64| format!("{}{}", sign(end), amount(change.measure, end.abs()));
            format!("{} to {}", told(difference.low), told(difference.high))
        },
    )
}

fn short(measure: Measure) -> &'static str {
    match measure {
        Measure::Statements => "queries",
        Measure::DatabaseTime => "in db",
        Measure::Bytes => "bytes",
    }
}

/// A mean with its unit.
pub(super) fn amount(measure: Measure, value: f64) -> String {
    match measure {
        Measure::Statements => units::three_digits_of(value),
        Measure::DatabaseTime => time(value),
        Measure::Bytes => bytes(whole(value)),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "bytes of an answer, above zero; it saturates"
)]
fn whole(value: f64) -> u64 {
    value.round() as u64
}

fn routes(text: &mut String, comparison: &Comparison, columns: usize) {
    if comparison.routes.is_empty() {
        return;
    }
    let decides = name(comparison.question.quantile);
    text.push_str(&format!("\n{DIM}{decides} of each route{DIM:#}\n"));
    for route in &comparison.routes {
        let shown = layout::cut(&layout::clean(&route.route), columns.saturating_sub(60).max(20));
        let share = format!("{:.0} %", route.share * 100.0);
        text.push_str(&format!("  {} {DIM}{share:>5} {shown}{DIM:#}\n", row("", &route.change)));
    }
}

pub(super) fn basis(comparison: &Comparison) -> String {
    let side = |used: &prove::compare::Used| {
        format!(
            "{} of {} requests, worth {} independent ones",
            units::count(used.compared as u64),
            units::count(used.given as u64),
            units::three_digits_of(used.worth.round())
        )
    };
    let ranks = comparison.ranks.map_or_else(String::new, |ranks| {
        format!(
            " · Mann–Whitney p = {:.4}, Kolmogorov–Smirnov p = {:.4}, effect {} (Cliff's delta {:+.2})",
            ranks.u_p,
            ranks.distance_p,
            ranks.effect.size.word(),
            ranks.effect.delta
        )
    });
    format!(
        "before {} · after {} · intervals hold with {:.0} %{ranks}",
        side(&comparison.before),
        side(&comparison.after),
        LEVEL * 100.0
    )
}

/// For machines.
pub(crate) fn json(proven: &Proven) -> String {
    let document = serde_json::to_string_pretty(&web::wire::Proof::from(proven));
    format!("{}\n", document.unwrap_or_default())
}

pub(super) fn name(quantile: f64) -> String {
    format!("p{}", (quantile * 1e5).round() / 1e3)
}

pub(super) fn time(nanos: f64) -> String {
    units::time(Duration::try_from_secs_f64(nanos / 1e9).unwrap_or_default())
}
