//! The board report: figures before and after, money, what worked, what did not, what was decided.

mod html;
mod markdown;

use std::time::Duration;

use config::Price;
use engine::{
    board::{Figure, Row, Side, Unit},
    history::{History, is_by_hand, measured, why_not},
};
use store::ledger::{LedgerRecord, Remedy, State};

pub(crate) use html::html;
pub(crate) use markdown::markdown;

use super::{
    layout,
    ledger::{date, time},
};
use crate::units;

/// What is reported.
#[derive(Debug)]
pub(crate) struct Board<'a> {
    /// What stands at its top.
    pub(crate) title: &'a str,
    /// Two recordings.
    pub(crate) sides: Option<&'a (Side, Side)>,
    /// Operations that both have.
    pub(crate) rows: Vec<Row>,
    /// The ledger.
    pub(crate) history: &'a History,
    /// What things cost.
    pub(crate) price: &'a Price,
}

/// Remedies, decisions and runs that are told; a report that nobody can read to its end decides nothing.
const TOLD_MAX: usize = 50;

/// States of what did not work.
const UNDONE: &[State] = &[State::Reverted, State::Failed];

/// What is told of many, the newest first.
struct Newest<T> {
    /// Them.
    told: Vec<T>,
    /// How many there are.
    all: usize,
}

/// A line of the table of what all operations cost.
pub(super) struct Total {
    pub(super) name: &'static str,
    pub(super) before: String,
    pub(super) after: String,
    pub(super) delta: String,
}

impl Board<'_> {
    /// What was reached, in a sentence.
    fn claim(&self) -> String {
        let count = |state: State| self.remedies(&[state]).all as u64;
        let failed = match count(State::Failed) {
            0 => String::new(),
            failed => format!(", {} failed", units::count(failed)),
        };
        let remedies = format!(
            "{} proven, {} applied and not proven yet, {} taken back{failed}",
            units::some(count(State::Proven), "remedy", "remedies"),
            units::count(count(State::Applied)),
            units::count(count(State::Reverted)),
        );
        let faster = self.rows.iter().filter(|row| row.name == "p95" && row.is_sure());
        let (faster, slower): (Vec<&Row>, Vec<&Row>) =
            faster.partition(|row| row.change().is_some_and(|change| change < 0.0));
        if self.sides.is_none() {
            return remedies;
        }
        format!(
            "p95 fell at {} and rose at {}, each beyond chance; {remedies}",
            units::some(faster.len() as u64, "operation", "operations"),
            units::count(slower.len() as u64),
        )
    }

    /// What the figures stand on.
    fn basis(&self) -> Vec<String> {
        let Some((before, after)) = self.sides else { return Vec::new() };
        let side = |name: &str, side: &Side| {
            let window = side.window.map_or_else(String::new, |window| {
                format!(
                    ", {} to {} ({})",
                    time(window.from),
                    time(window.to),
                    units::time(window.length())
                )
            });
            format!("{name}: {}{window}", units::some(side.requests, "request", "requests"))
        };
        vec![
            side("Before", before),
            side("After", after),
            "Operations that both recordings have, those first that took the most time. Intervals hold with 95 %; where \
             there is none, there were too few requests. A day is extrapolated from the time that was recorded."
                .to_owned(),
        ]
    }

    /// What all of it costs a day and a month.
    fn totals(&self) -> Vec<Total> {
        let Some((before, after)) = self.sides else { return Vec::new() };
        let (old, new) = (before.outcome.waste(), after.outcome.waste());
        let hours = |name, old: f64, new: f64| Total {
            name,
            before: units::hours_a_day(old),
            after: units::hours_a_day(new),
            delta: percent(change(old, new)),
        };
        let mut totals = vec![
            hours("users wait in vain", old.user_hours_per_day, new.user_hours_per_day),
            hours(
                "the database works in vain",
                old.database_hours_per_day,
                new.database_hours_per_day,
            ),
        ];
        if let (Some(old), Some(new)) = (self.price.per_month(&old), self.price.per_month(&new)) {
            let money = |value: f64| {
                format!("{} {} a month", self.price.currency, units::three_digits(value))
            };
            totals.push(Total {
                name: "what that costs",
                before: money(old),
                after: money(new),
                delta: percent(change(old, new)),
            });
        }
        totals
    }

    fn remedies(&self, states: &[State]) -> Newest<&Remedy> {
        Newest::of(self.history.remedies.iter().filter(|remedy| states.contains(&remedy.state)))
    }

    fn records(&self, kind: &str) -> Newest<&LedgerRecord> {
        Newest::of(self.history.records.iter().filter(|record| record.recorded.kind() == kind))
    }

    /// What a remedy was measured to do, and when.
    fn proof(&self, remedy: &Remedy) -> Option<String> {
        let measured = measured(self.history, remedy)?;
        let compared = measured.compared.map_or_else(String::new, |(before, after)| {
            let before = units::some(before, "request", "requests");
            format!("; {before} before, {} after", units::count(after))
        });
        Some(format!("{}{compared} ({})", measured.verdict.claim, date(measured.time)))
    }

    /// Why a remedy did not work, as somebody said or as it failed.
    fn reason(&self, remedy: &Remedy) -> String {
        let why = why_not(self.history, remedy);
        if why.is_empty() { "no reason was noted".to_owned() } else { why }
    }
}

impl<T> Newest<T> {
    fn of(in_order: impl DoubleEndedIterator<Item = T>) -> Self {
        let mut told: Vec<T> = in_order.rev().collect();
        let all = told.len();
        told.truncate(TOLD_MAX);
        Self { told, all }
    }

    /// A heading that tells where not all is told.
    fn headed(&self, heading: &str) -> String {
        if self.told.len() == self.all {
            return heading.to_owned();
        }
        let (told, all) = (self.told.len() as u64, self.all as u64);
        format!("{heading} (the newest {} of {})", units::count(told), units::count(all))
    }
}

/// What was done: in words, and as SQL where Taut did it.
fn done(remedy: &Remedy) -> (String, String) {
    let how = if is_by_hand(remedy) { "by hand" } else { "by Taut" };
    let claim = layout::clean(&remedy.proposal.claim);
    (format!("{claim} ({how})"), remedy.proposal.change.apply.join(";\n"))
}

fn change(before: f64, after: f64) -> Option<f64> {
    (0.0 < before).then(|| after / before - 1.0)
}

fn percent(change: Option<f64>) -> String {
    change.map_or_else(|| "–".to_owned(), |change| format!("{:+.1} %", change * 100.0))
}

/// A figure with its interval and the requests that it is of.
fn figure(unit: Unit, figure: &Figure) -> (String, String) {
    let value = |value: f64| match unit {
        Unit::Nanos => units::time(Duration::try_from_secs_f64(value / 1e9).unwrap_or_default()),
        Unit::Count => units::three_digits_of(value),
        Unit::Share => format!("{:.2} %", value * 100.0),
    };
    let interval = figure.interval.map_or_else(String::new, |interval| {
        format!("{} to {}, ", value(interval.low), value(interval.high))
    });
    (value(figure.value), format!("{interval}n = {}", units::count(figure.requests)))
}

/// Whether a change is more than chance.
fn sure(row: &Row) -> &'static str {
    match (row.is_sure(), row.before.interval.is_some() && row.after.interval.is_some()) {
        (true, _) => "sure",
        (false, true) => "may be chance",
        (false, false) => "too few to say",
    }
}
