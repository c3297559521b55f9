//! From intervals to a verdict, with what speaks against believing it.

use super::{BEYOND_MIN, Change, ERRORS_LEVEL, Errors, Question, Used};

/// The answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Faster, and not more errors; or fewer errors.
    Better,
    /// Slower, or more errors.
    Worse,
    /// No difference that matters.
    NoDifference,
    /// Too little to tell.
    CannotTell {
        /// As many more requests a side would do, about; `None` where more of the same would not help.
        more: Option<u64>,
    },
}

impl Verdict {
    /// In words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Better => "better",
            Self::Worse => "worse",
            Self::NoDifference => "no difference",
            Self::CannotTell { .. } => "cannot tell",
        }
    }
}

/// What the deciding quantile and errors say together, and why.
pub(super) fn decide(
    change: Option<&Change>,
    errors: &Errors,
    question: &Question,
    used: [&Used; 2],
) -> (Verdict, String) {
    let name = name(question.quantile);
    let errors_differ = errors.p < ERRORS_LEVEL;
    if errors_differ && errors.before < errors.after {
        let reason = format!(
            "errors rose from {:.2} % to {:.2} %",
            errors.before * 100.0,
            errors.after * 100.0
        );
        return (Verdict::Worse, reason);
    }
    let Some(change) = change else {
        let reason = match (used[0].given, used[1].given) {
            (0, _) | (_, 0) => "a side has no requests",
            _ => "there is no route with answers on both sides",
        };
        return (Verdict::CannotTell { more: None }, reason.to_owned());
    };
    let (verdict, reason) = by_time(change, question, used);
    if errors_differ && verdict != Verdict::Worse {
        let reason = format!(
            "errors fell from {:.2} % to {:.2} %; {reason}",
            errors.before * 100.0,
            errors.after * 100.0
        );
        return (Verdict::Better, reason);
    }
    (verdict, format!("{name} {reason}"))
}

fn by_time(change: &Change, question: &Question, used: [&Used; 2]) -> (Verdict, String) {
    let Some(relative) = change.relative else {
        if let Some(at_least) = change.at_least {
            return one_sided(change, at_least);
        }
        let more = more_for_any(question.quantile, used);
        let reason = "has too few independent requests beyond it for an interval".to_owned();
        return (Verdict::CannotTell { more: Some(more) }, reason);
    };
    let matters = question.matters;
    let span = format!(
        "changed by {:+.1} % ({:+.1} to {:+.1} %)",
        change.ratio() * 100.0,
        relative.low * 100.0,
        relative.high * 100.0
    );
    if -matters < relative.low && relative.high < matters {
        return (
            Verdict::NoDifference,
            format!("{span}, less than the {:.0} % that matter", matters * 100.0),
        );
    }
    if relative.high < 0.0 {
        return (Verdict::Better, span);
    }
    if relative.low > 0.0 {
        return (Verdict::Worse, span);
    }
    let more = more_for(change.ratio(), relative.half_width(), matters, used);
    (
        Verdict::CannotTell { more: Some(more) },
        format!("{span}: that may be nothing, or may matter"),
    )
}

/// Few requests tell one end alone, which is enough where the sides lie far apart.
fn one_sided(change: &Change, at_least: f64) -> (Verdict, String) {
    let (verdict, word) =
        if at_least < 0.0 { (Verdict::Better, "fell") } else { (Verdict::Worse, "rose") };
    let reason = format!(
        "changed by {:+.1} %; it surely {word} by {:.1} % or more, and requests are too few to tell how much more",
        change.ratio() * 100.0,
        at_least.abs() * 100.0
    );
    (verdict, reason)
}

/// How many more a side until the interval is narrow enough to tell with nine in ten: widths fall with the root of the
/// number. The nearest way out counts: away from zero, or wholly within what does not matter.
fn more_for(ratio: f64, half: f64, matters: f64, used: [&Used; 2]) -> u64 {
    let away = ratio.abs() / 1.62;
    let within = (matters - ratio.abs()).max(0.0) / 1.62;
    let goal = away.max(within).max(matters / 4.0);
    let fewest = used.map(|side| side.compared).into_iter().min().unwrap_or(0);
    let factor = (half / goal).powi(2).max(1.1);
    rounded(super::float(fewest as u64) * (factor - 1.0))
}

fn more_for_any(quantile: f64, used: [&Used; 2]) -> u64 {
    let wanted = BEYOND_MIN / quantile.min(1.0 - quantile).max(1e-6);
    let more = used.map(|side| {
        let compared = super::float(side.compared as u64);
        // Each request is worth this part of an independent one.
        let part = if compared > 0.0 { (side.worth / compared).clamp(1e-4, 1.0) } else { 1.0 };
        (wanted / part - compared).max(1.0)
    });
    rounded(more[0].max(more[1]))
}

/// Up to two digits that count: more would pretend.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "above zero; it saturates"
)]
fn rounded(value: f64) -> u64 {
    let scale = 10_f64.powf((value.max(1.0).log10().floor() - 1.0).max(0.0));
    ((value / scale).ceil() * scale) as u64
}

/// What speaks against the verdict.
pub(super) fn doubts(
    quantiles: &[Change],
    verdict: Verdict,
    question: &Question,
    notes: &mut Vec<String>,
) {
    for change in quantiles {
        let Some(relative) = change.relative else {
            notes.extend(against_one_end(change, verdict, question));
            continue;
        };
        let against = match verdict {
            Verdict::Better => relative.low > 0.0 && question.matters < relative.high,
            Verdict::Worse => relative.high < 0.0 && relative.low < -question.matters,
            Verdict::NoDifference | Verdict::CannotTell { .. } => {
                (relative.low > 0.0 || relative.high < 0.0)
                    && question.matters < change.ratio().abs()
                    && !super::same(change.quantile, question.quantile)
            }
        };
        if against {
            notes.push(format!(
                "{} went its own way: {:+.1} % ({:+.1} to {:+.1} %)",
                name(change.quantile),
                change.ratio() * 100.0,
                relative.low * 100.0,
                relative.high * 100.0
            ));
        }
    }
}

/// What one end alone says against the verdict.
fn against_one_end(change: &Change, verdict: Verdict, question: &Question) -> Option<String> {
    let at_least = change.at_least.filter(|at_least| question.matters < at_least.abs())?;
    let against = match verdict {
        Verdict::Better => 0.0 < at_least,
        Verdict::Worse => at_least < 0.0,
        Verdict::NoDifference | Verdict::CannotTell { .. } => {
            !super::same(change.quantile, question.quantile)
        }
    };
    let name = name(change.quantile);
    against.then(|| format!("{name} went its own way: {:+.1} % or more", at_least * 100.0))
}

/// `p95`, `p99.9`.
pub(super) fn name(quantile: f64) -> String {
    let percent = (quantile * 1e5).round() / 1e3;
    format!("p{percent}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_is_asked_for_by_the_square() {
        let used = Used { compared: 1_000, worth: 1_000.0, ..Used::default() };
        // An interval three times too wide wants nine times as many, eight times more.
        let more = more_for(0.0, 0.09, 0.03 * 1.62, [&used, &used]);
        assert_eq!(more, 8_000);
        let few = Used { compared: 100, worth: 50.0, ..Used::default() };
        assert_eq!(more_for_any(0.99, [&few, &used]), 1_500);
        assert_eq!(name(0.999), "p99.9");
        assert_eq!(name(0.5), "p50");
    }
}
