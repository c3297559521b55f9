//! `taut load --search`: where it breaks.

use std::sync::{Arc, atomic::AtomicBool};

use ::load::{LimitError, Plan, find_limit};
use prove::capacity::Search;

use super::{Arguments, Done, OK, failed, progress::Progress};
use crate::{
    exit,
    report::load_limit,
    say::{self, Failure},
    units,
};

pub(super) fn run(
    arguments: &Arguments,
    plan: &Plan,
    search: Search,
    stop: &Arc<AtomicBool>,
) -> Done {
    let length = arguments.amount.length();
    let today = arguments.peak.as_deref().map(super::source::peak).transpose()?;
    let shown = Progress::new(length);
    let told = |step: usize, rate: f64, tick: &::load::Tick| {
        shown.tick_with(&format!("step {step}: {}/s  ", units::three_digits_of(rate)), tick);
    };
    let found = find_limit(plan, search, (length, &arguments.expect), stop, told);
    shown.end();
    let found = found.map_err(|error| match error {
        LimitError::Run(error) => failed(&error),
        LimitError::Schedule(error) => Failure::use_of(format!("that is no schedule: {error}")),
    })?;
    let text = if arguments.json {
        load_limit::json(&plan.name, &found, today)
    } else {
        load_limit::terminal(&plan.name, &found, (&arguments.expect, today), say::columns())
    };
    say::data(&text)?;
    match found.breaking.held {
        _ if found.is_interrupted => Ok(exit::INTERRUPTED),
        None => Ok(exit::NO),
        Some(_) => OK,
    }
}
