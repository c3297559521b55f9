//! Findings as people and machines read them.

mod axis;
pub(crate) mod board;
pub(crate) mod check;
pub(crate) mod database;
pub(crate) mod fix;
pub(crate) mod fix_gateway;
mod html;
mod json;
pub(crate) mod layout;
pub(crate) mod ledger;
pub(crate) mod load;
pub(crate) mod load_html;
pub(crate) mod load_limit;
pub(crate) mod load_limit_html;
pub(crate) mod log;
mod log_html;
mod log_terminal;
mod markdown;
mod page;
pub(crate) mod plan;
pub(crate) mod profile;
pub(crate) mod prove;
pub(crate) mod prove_html;
pub(crate) mod replay;
mod terminal;
pub(crate) mod waterfall;
pub(crate) mod what_if;

use std::time::Duration;

use config::Price;
use engine::database::DatabaseFound;
use find::Outcome;
use model::{Finding, Level};

pub(crate) use html::html;
pub(crate) use json::json;
pub(crate) use log_html::html as log_html;
pub(crate) use log_terminal::terminal as log_terminal;
pub(crate) use markdown::markdown;
pub(crate) use terminal::terminal;

use crate::units;

/// What is reported.
#[derive(Debug)]
pub(crate) struct Report<'a> {
    /// Findings and what they are measured against.
    pub(crate) outcome: &'a Outcome,
    /// What things cost.
    pub(crate) price: &'a Price,
    /// Spans that were looked at.
    pub(crate) spans: usize,
    /// Their traces.
    pub(crate) traces: usize,
    /// How long it took.
    pub(crate) took: Duration,
    /// The database that was looked at.
    pub(crate) database: Option<&'a DatabaseFound>,
    /// How many findings are shown in full.
    pub(crate) top: usize,
}

impl Report<'_> {
    /// What all findings cost: the claim of the report.
    fn claim(&self) -> String {
        let findings = &self.outcome.findings;
        if findings.is_empty() {
            return "Nothing to fix was found".to_owned();
        }
        let waste = self.outcome.waste();
        let money = self.price.per_month(&waste).map_or_else(String::new, |money| {
            format!(", about {} {} a month", self.price.currency, units::three_digits(money))
        });
        let share = waste
            .share_of_hours()
            .map_or_else(String::new, |share| format!(" ({:.0} %)", share * 100.0));
        let database = format!(
            "{} of database time{share}{money}",
            units::hours_a_day(waste.database_hours_per_day)
        );
        if self.traces == 0 && waste.user_hours_per_day <= 0.0 {
            return format!("wastes {database}");
        }
        format!(
            "wastes {} of your users' time, {database}",
            units::hours_a_day(waste.user_hours_per_day)
        )
    }

    /// What the figures stand on: traces, window, extrapolation.
    fn basis(&self) -> String {
        if self.traces == 0
            && let Some(found) = self.database
        {
            return format!("{}. {}", database::head(found), database::basis(found));
        }
        let observed = self.outcome.observed.map(|window| window.length()).unwrap_or_default();
        format!(
            "{} of {} in {}, seen over {}; a day is extrapolated from that",
            units::some(self.outcome.requests, "request", "requests"),
            units::some(self.outcome.operations as u64, "operation", "operations"),
            units::some(self.traces as u64, "trace", "traces"),
            units::time(observed),
        )
    }
}

/// As it is written everywhere.
pub(crate) fn level(level: Level) -> &'static str {
    match level {
        Level::Critical => "critical",
        Level::High => "high",
        Level::Medium => "medium",
        Level::Low => "low",
    }
}

/// `384 → 3 q`: statements of a request now and after, where that is what changes.
fn statements(finding: &Finding) -> Option<String> {
    (finding.statements_after < finding.statements_now)
        .then(|| format!("{} → {} q", finding.statements_now, finding.statements_after))
}

/// `1.18 s → ~0.10 s`: p95 of the requests at fault, now and after; of a statement its mean.
fn durations(finding: &Finding) -> String {
    if finding.duration_now.is_zero() {
        return String::new();
    }
    format!("{} → ~{}", units::time(finding.duration_now), units::time(finding.duration_after))
}
