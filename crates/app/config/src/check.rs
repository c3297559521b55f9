//! `[check]`: what a test run may do. The budgets are tables of their own, so they are in the file alone.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use model::Level;
use prove::gate::{Budget, Measure, Pattern, Rules};
use toml::{Spanned, de::DeValue};

use crate::{
    gateway::{Told, fields::Fields},
    table::{Among, Kind, Setting, setting},
    value::Value,
};

/// What a test run may do.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Check {
    /// What it is compared with.
    pub baseline: Option<PathBuf>,
    /// What decides.
    pub rules: Rules,
}

/// The key of the budgets.
pub(crate) const BUDGETS: &str = "check.budget";

/// Budgets at most: each endpoint goes through them.
const BUDGETS_MAX: usize = 1_000;

/// The settings of `[check]`.
pub(crate) const SETTINGS: &[Setting] = &[
    setting(
        "check.baseline",
        Kind::FileOrOff,
        "\"off\"",
        "A file that `taut check --update` has written: what endpoints did when they were last found right.",
        "It belongs into your repository, so nobody can guess where.",
    ),
    setting(
        "check.refuse",
        Kind::Detectors(Among::OfSpans),
        "[\"n-plus-one\", \"duplicate-statement\", \"n-plus-one-calls\"]",
        "Faults that break a run, whatever their level.",
        "These are told by counting, so that ten rows of a test show them; how many users wait, a test cannot tell.",
    ),
    setting(
        "check.level",
        Kind::Choice(&["never", "low", "medium", "high", "critical"]),
        "\"never\"",
        "Any fault of this level or above breaks a run.",
        "Levels count hours of users; in a test run there are none.",
    ),
    setting(
        "check.more",
        PART,
        "0.2",
        "So much more statements, repeated statements and bytes than in the baseline are let through, as a part of it.",
        "A fifth, as one would set an alert: less is a column more, and what grows for a reason goes into the baseline.",
    ),
    setting(
        "check.slower",
        PART,
        "0.2",
        "A percentile may be so much above the baseline's, as a part of it; beyond it counts once the intervals of both lie apart.",
        "Test machines differ by less than that from one run to the next once intervals are asked.",
    ),
    setting(
        "check.times",
        Kind::Choice(&["on", "off"]),
        "\"on\"",
        "Whether times are compared with the baseline's; `off` where it is written on another kind of machine.",
        "Only where there are six requests or more, which have an interval.",
    ),
];

const PART: Kind = Kind::Number { min: 0.0, max: 1e6, unit: "of the baseline" };

const COUNT: Kind = Kind::Count { min: 0, max: 1_000_000_000 };

const TIME: Kind = Kind::Duration { min: Duration::from_nanos(1), max: Duration::from_hours(24) };

const BYTES: Kind = Kind::Bytes { min: 0, max: 1 << 50 };

/// The level that a word of `check.level` stands for.
pub(crate) fn level(word: &str) -> Option<Level> {
    match word {
        "low" => Some(Level::Low),
        "medium" => Some(Level::Medium),
        "high" => Some(Level::High),
        "critical" => Some(Level::Critical),
        _ => None,
    }
}

/// Reads the budgets; what is wrong is added to `told.problems`.
pub(crate) fn budgets(list: &Spanned<DeValue<'_>>, told: &mut Told<'_>) -> Vec<Budget> {
    let entries: Vec<&Spanned<DeValue<'_>>> = match list.get_ref() {
        DeValue::Array(entries) => entries.iter().collect(),
        _ => vec![list],
    };
    entries.into_iter().take(BUDGETS_MAX).filter_map(|entry| budget(entry, told)).collect()
}

fn budget(table: &Spanned<DeValue<'_>>, told: &mut Told<'_>) -> Option<Budget> {
    let mut fields = Fields::of(BUDGETS, table, told)?;
    let endpoint = fields.text("endpoint", told);
    let service = fields.text("service", told);
    let mut limits = BTreeMap::new();
    for measure in Measure::ALL {
        let kind = match measure {
            Measure::Bytes => BYTES,
            measure if measure.is_time() => TIME,
            _ => COUNT,
        };
        let limit = match fields.take(measure.name(), kind, told) {
            Some(Value::Bytes(most) | Value::Count(most)) => most,
            Some(Value::Duration(most)) => u64::try_from(most.as_nanos()).unwrap_or(u64::MAX),
            _ => continue,
        };
        limits.insert(measure, limit);
    }
    if endpoint.is_none() {
        let hint = "name endpoints as reports do: `endpoint = \"GET /api/orders/\"`; `*` stands for anything";
        fields.missing("endpoint", hint, told);
    }
    let is_empty = limits.is_empty();
    if is_empty {
        let names: Vec<&str> = Measure::ALL.into_iter().map(Measure::name).collect();
        let hint = format!("limit at least one of {}", names.join(", "));
        fields.missing("queries", &hint, told);
    }
    fields.end(told);
    let (endpoint, _) = endpoint.filter(|_| !is_empty)?;
    Some(Budget {
        endpoint: Pattern(endpoint),
        service: service.map(|(service, _)| Pattern(service)),
        limits,
    })
}
