//! What a run has to reach: `p95<200ms`, `errors<1%`, `rate>990`.

use std::{fmt, time::Duration};

use crate::{Outcome, text};

/// Something that has to hold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Goal {
    figure: Figure,
    is_below: bool,
    /// Nanoseconds, a share, or requests a second.
    limit: f64,
}

/// What is looked at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Figure {
    /// A quantile of the corrected latency.
    Latency(f64),
    /// The mean of the corrected latency.
    Mean,
    /// The longest.
    Max,
    /// The share of requests that failed.
    Errors,
    /// Answers a second.
    Rate,
}

/// Why something is no goal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{written}` is no goal{why}; such are p95<200ms, mean<50ms, max<2s, errors<1%, rate>990")]
pub struct GoalError {
    written: String,
    /// With the colon before it; empty if it is not even written as one.
    why: &'static str,
}

/// A goal with what came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// The goal.
    pub goal: Goal,
    /// What was measured, in words.
    pub seen: String,
    /// It was reached.
    pub is_met: bool,
}

impl Goal {
    /// Reads a goal.
    ///
    /// # Errors
    ///
    /// It is none, or none that a run could both reach and miss.
    pub fn parse(written: &str) -> Result<Self, GoalError> {
        let because = |why| GoalError { written: written.to_owned(), why };
        let wrong = || because("");
        let place = written.find(['<', '>']).ok_or_else(wrong)?;
        let (name, rest) = written.split_at(place);
        let is_below = rest.starts_with('<');
        let has_equal = rest.trim_start_matches(['<', '>']).starts_with('=');
        let value = rest.trim_start_matches(['<', '>', '=']).trim();
        let figure = match name.trim() {
            "mean" => Figure::Mean,
            "max" => Figure::Max,
            "errors" => Figure::Errors,
            "rate" => Figure::Rate,
            name => {
                let percent: f64 = name
                    .strip_prefix('p')
                    .and_then(|digits| digits.parse().ok())
                    .ok_or_else(wrong)?;
                if !(0.0 < percent && percent < 100.0) {
                    return Err(wrong());
                }
                Figure::Latency(percent / 100.0)
            }
        };
        let is_said = |number: &f64| number.is_finite() && number.is_sign_positive();
        let number = |text: &str| text.trim().parse::<f64>().ok().filter(is_said);
        let limit = match figure {
            Figure::Rate => number(value).ok_or_else(wrong)?,
            Figure::Errors => match value.strip_suffix('%') {
                Some(percent) => number(percent).ok_or_else(wrong)? / 100.0,
                None => number(value).ok_or_else(wrong)?,
            },
            Figure::Latency(_) | Figure::Mean | Figure::Max => {
                text::length(value).map_err(|_why| wrong())?.as_secs_f64() * 1e9
            }
        };
        let goal = Self { figure, is_below, limit };
        goal.pointless(has_equal).map_or(Ok(goal), |why| Err(because(why)))
    }

    /// Why every run would reach it, or none: such a goal is a slip of whoever wrote it, and no threshold of any tool.
    /// With `=` it is meant to be reached at its limit as well, though that makes no difference anywhere else.
    fn pointless(&self, has_equal: bool) -> Option<&'static str> {
        let is_of_all = 1.0 < self.limit || (1.0 <= self.limit && (!self.is_below || has_equal));
        let is_at_0 = self.limit <= 0.0;
        match self.figure {
            Figure::Errors if is_of_all => Some(": at most all requests can fail, 100 %"),
            Figure::Errors if is_at_0 && self.is_below && has_equal => Some(
                ": nothing is below 0, and `=` counts for nothing; for none at all write the share of one request, \
                 as errors<0.01% of up to 10,000",
            ),
            Figure::Errors | Figure::Rate if is_at_0 && (self.is_below || has_equal) => {
                Some(": nothing is below 0")
            }
            _ => None,
        }
    }

    /// The latency that is not to be exceeded, in nanoseconds; `None` of goals about anything else.
    #[must_use]
    pub fn latency_nanos(&self) -> Option<f64> {
        match self.figure {
            Figure::Latency(_) | Figure::Mean | Figure::Max => Some(self.limit),
            Figure::Errors | Figure::Rate => None,
        }
    }

    /// What is looked at, whether it has to be below, and what: nanoseconds, a share, or requests a second.
    pub(crate) fn parts(&self) -> (Figure, bool, f64) {
        (self.figure, self.is_below, self.limit)
    }

    fn value(&self, outcome: &Outcome) -> f64 {
        let nanos = |time: Duration| time.as_secs_f64() * 1e9;
        match self.figure {
            Figure::Latency(quantile) => nanos(outcome.latency(quantile)),
            Figure::Mean => outcome.corrected.mean(),
            Figure::Max => nanos(Duration::from_nanos(outcome.corrected.max())),
            Figure::Errors => outcome.error_share(),
            Figure::Rate => outcome.rate(),
        }
    }

    fn words(&self, value: f64) -> String {
        match self.figure {
            Figure::Errors => format!("{:.2} %", value * 100.0),
            Figure::Rate => format!("{value:.1} a second"),
            Figure::Latency(_) | Figure::Mean | Figure::Max => format!("{:.2} ms", value / 1e6),
        }
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.figure {
            Figure::Latency(quantile) => format!("p{}", (quantile * 1e5).round() / 1e3),
            Figure::Mean => "mean".to_owned(),
            Figure::Max => "max".to_owned(),
            Figure::Errors => "errors".to_owned(),
            Figure::Rate => "rate".to_owned(),
        };
        let sign = if self.is_below { "below" } else { "above" };
        write!(to, "{name} {sign} {}", self.words(self.limit))
    }
}

/// Holds a run against goals. A run without an answer reaches none that is about answers.
#[must_use]
pub fn judge(goals: &[Goal], outcome: &Outcome) -> Vec<Judged> {
    let one = |goal: &Goal| {
        let value = goal.value(outcome);
        let is_there = outcome.answered > 0 || goal.figure == Figure::Errors;
        let is_met =
            is_there && if goal.is_below { value < goal.limit } else { goal.limit < value };
        let seen = if is_there { goal.words(value) } else { "no answers".to_owned() };
        Judged { goal: *goal, seen, is_met }
    };
    goals.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goals_are_read_as_people_write_them() {
        let shown = |text| Goal::parse(text).unwrap().to_string();
        assert_eq!(shown("p95<200ms"), "p95 below 200.00 ms");
        assert_eq!(shown("p99.9 < 1s"), "p99.9 below 1000.00 ms");
        assert_eq!(shown("errors<=1%"), "errors below 1.00 %");
        assert_eq!(shown("rate>990"), "rate above 990.0 a second");
        let latency = |text| Goal::parse(text).unwrap().latency_nanos();
        assert_eq!((latency("p95<200ms"), latency("errors<1%")), (Some(2e8), None));
        for wrong in
            ["", "p95", "p0<1s", "p101<1s", "q95<1s", "p95<fast", "errors<7", "rate>-1", "p95<0s"]
        {
            assert!(Goal::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_goal_that_no_run_could_miss_or_none_reach_is_refused_with_the_reason() {
        let refused = |text| Goal::parse(text).unwrap_err().to_string();
        assert_eq!(
            refused("errors<200%"),
            "`errors<200%` is no goal: at most all requests can fail, 100 %; such are p95<200ms, mean<50ms, max<2s, \
             errors<1%, rate>990"
        );
        for all in
            ["errors<7", "errors>100%", "errors>1", "errors<1e9%", "errors<=100%", "errors <= 1"]
        {
            assert!(refused(all).contains("at most all requests"), "{all}");
        }
        for nothing in ["errors<0%", "rate<0", "rate<=0", "errors>=0%", "rate>=0"] {
            assert!(refused(nothing).contains(": nothing is below 0; such are"), "{nothing}");
        }
        // Whoever writes this means none, which can be said.
        assert!(refused("errors<=0%").contains("`=` counts for nothing; for none at all write"));
        for number in ["errors<NaN%", "errors<-1%", "errors<-0%", "rate>inf", "rate>1e400"] {
            assert!(refused(number).contains("is no goal; such are"), "{number}");
        }
        for sound in [
            "errors<100%",
            "errors<1",
            "errors>0%",
            "errors<=1%",
            "errors<0.01%",
            "rate>0",
            "rate>=1",
        ] {
            assert!(Goal::parse(sound).is_ok(), "{sound}");
        }
    }
}
