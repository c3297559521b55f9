//! A comparison as people and machines read it.

use std::time::Duration;

use prove::compare::{Change, Comparison, LEVEL, Verdict};
use serde_json::json;

use super::layout;
use crate::{
    say::{ACCENT, AMBER, BOLD, DIM, RED},
    units,
};

/// For people.
pub(crate) fn terminal(comparison: &Comparison, columns: usize) -> String {
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
    let interval = change.relative.map_or_else(
        || "too few".to_owned(),
        |relative| format!("{:+.1} to {:+.1} %", relative.low * 100.0, relative.high * 100.0),
    );
    format!(
        "{name:>7} {:>10} {:>10} {:>+7.1} %  {DIM}{interval}{DIM:#}",
        time(change.before),
        time(change.after),
        change.ratio() * 100.0
    )
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

fn basis(comparison: &Comparison) -> String {
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
pub(crate) fn json(comparison: &Comparison) -> String {
    let change = |change: &Change| {
        json!({
            "measure": name(change.quantile),
            "before_nanos": change.before,
            "after_nanos": change.after,
            "relative": change.ratio(),
            "relative_interval": change.relative.map(|interval| [interval.low, interval.high]),
            "difference_interval_nanos": change.difference.map(|interval| [interval.low, interval.high]),
        })
    };
    let used = |used: &prove::compare::Used| {
        json!({
            "given": used.given,
            "warm_up": used.warm_up,
            "failed": used.failed,
            "other_routes": used.alone,
            "compared": used.compared,
            "worth": used.worth,
        })
    };
    let more = match comparison.verdict {
        Verdict::CannotTell { more } => more,
        _ => None,
    };
    let document = json!({
        "verdict": comparison.verdict.words(),
        "reason": comparison.reason,
        "more_requests": more,
        "decides": name(comparison.question.quantile),
        "matters": comparison.question.matters,
        "interval_level": LEVEL,
        "before": used(&comparison.before),
        "after": used(&comparison.after),
        "measures": comparison.quantiles.iter().map(change).collect::<Vec<_>>(),
        "errors": {
            "before": comparison.errors.before,
            "after": comparison.errors.after,
            "p": comparison.errors.p,
        },
        "tests": comparison.ranks.map(|ranks| json!({
            "mann_whitney_u": ranks.u,
            "mann_whitney_p": ranks.u_p,
            "kolmogorov_smirnov_d": ranks.distance,
            "kolmogorov_smirnov_p": ranks.distance_p,
            "cliffs_delta": ranks.effect.delta,
            "effect": ranks.effect.size.word(),
        })),
        "routes": comparison.routes.iter().map(|route| json!({
            "route": route.route,
            "share": route.share,
            "requests": [route.counts.0, route.counts.1],
            "change": change(&route.change),
        })).collect::<Vec<_>>(),
        "notes": comparison.notes,
    });
    format!("{document:#}\n")
}

fn name(quantile: f64) -> String {
    format!("p{}", (quantile * 1e5).round() / 1e3)
}

fn time(nanos: f64) -> String {
    units::time(Duration::try_from_secs_f64(nanos / 1e9).unwrap_or_default())
}
