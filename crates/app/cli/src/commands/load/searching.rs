//! `taut load --search`: where it breaks.

use std::sync::{Arc, atomic::AtomicBool};

use ::load::{LimitError, Plan, find_limit};
use prove::capacity::Search;

use super::{Arguments, Done, OK, failed, progress::Progress, record};
use crate::{
    commands::{ledger, written},
    exit,
    report::{load_limit, load_limit_html},
    say::{self, Failure},
    units,
};

pub(super) fn run(
    arguments: &Arguments,
    plan: &Plan,
    search: Search,
    stop: &Arc<AtomicBool>,
) -> Done {
    if arguments.out.is_some() || arguments.hlog.is_some() {
        return Err(Failure::use_of("a search is many runs, and --out and --hlog keep one").hint(
            "--json and --html tell all steps of a search; --rate with --out keeps a run at the rate that it finds",
        ));
    }
    let length = arguments.amount.length();
    let today = arguments.peak.as_deref().map(super::source::peak).transpose()?;
    let shown = Progress::new(length);
    let of = if plan.scenario.is_of_flows() { " flows" } else { "" };
    let told = |step: usize, rate: f64, tick: &::load::Tick| {
        shown.tick_with(&format!("step {step}: {}{of}/s  ", units::three_digits_of(rate)), tick);
    };
    let found = find_limit(plan, search, (length, &arguments.expect), stop, told);
    shown.end();
    let found = found.map_err(|error| match error {
        LimitError::Run(error) => failed(&error),
        LimitError::Schedule(error) => Failure::use_of(format!("that is no schedule: {error}")),
    })?;
    let asked = (arguments.expect.as_slice(), today);
    let text = if arguments.json {
        load_limit::json(&plan.name, &found, asked)
    } else {
        load_limit::terminal(&plan.name, &found, asked, say::columns())
    };
    // Told first, as a run is.
    let told = say::data(&text);
    written::all(&[(&arguments.html, &|| load_limit_html::html(&plan.name, &found, asked))])?;
    if arguments.record {
        let goals: Vec<String> = arguments.expect.iter().map(ToString::to_string).collect();
        let title = format!("{}: the limit of {}", plan.name, goals.join(", "));
        let recorded = record::of_limit(&title, &found, length);
        let result = load_limit::json(&plan.name, &found, asked);
        ledger::keep_run(&arguments.which.place()?, &recorded, &result)?;
    }
    told?;
    if let Some(error) = &found.gone {
        return Err(failed(error)
            .hint("what was measured before is told above; did the target end under the load?"));
    }
    match found.breaking.held {
        _ if found.is_interrupted => Ok(exit::INTERRUPTED),
        None => Ok(exit::NO),
        Some(_) => OK,
    }
}
