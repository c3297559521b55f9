//! `taut load --export`: the scenario for another tool, with how much is asked and what has to come of it.

use ::load::{Engine, Exported, Scenario, Script, export};
use clap::ValueEnum;

use super::{Arguments, CONNECTIONS, Done, OK};
use crate::say::{self, AMBER, Failure};

/// A tool that scenarios are written for.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Tool {
    /// Grafana k6: JavaScript.
    K6,
    /// Locust: Python.
    Locust,
}

/// Refuses what a script does not hold: what is done with figures is said to the tool that measures them.
pub(super) fn check(arguments: &Arguments) -> Result<(), Failure> {
    let given: Vec<&str> = [
        ("--search", arguments.amount.is_search()),
        ("--peak", arguments.peak.is_some()),
        ("--json", arguments.json),
        ("--html", arguments.html.is_some()),
        ("--out", arguments.out.is_some()),
        ("--hlog", arguments.hlog.is_some()),
        ("--record", arguments.record),
    ]
    .into_iter()
    .filter_map(|(flag, is_given)| is_given.then_some(flag))
    .collect();
    if given.is_empty() {
        return Ok(());
    }
    Err(Failure::use_of(format!(
        "--export writes what is asked, how much, and what has to come of it; {} is no part of that",
        given.join(", ")
    ))
    .hint("figures are those of the tool that runs the script: `k6 run --summary-export FILE`, `locust --csv FILE`"))
}

/// Writes it to standard output; what the tool does otherwise is noted.
pub(super) fn write(arguments: &Arguments, scenario: &Scenario, tool: Tool) -> Done {
    let engine = match tool {
        Tool::K6 => Engine::K6,
        Tool::Locust => Engine::Locust,
    };
    // Where nothing is said, whoever runs it says how much.
    let model = if arguments.amount.given().is_empty() {
        None
    } else {
        Some(arguments.amount.model(arguments.seed)?.0)
    };
    let script = Script {
        scenario,
        model: model.as_ref(),
        goals: &arguments.expect,
        connections: arguments.connections.unwrap_or(CONNECTIONS),
        timeout: arguments.timeout,
        believes: arguments.way.believes(),
        http: arguments.way.http(),
    };
    let Exported { text, notes } = export(&script, engine);
    for note in notes {
        say::words(&format!("{AMBER}note{AMBER:#}: {note}\n"));
    }
    say::data(&text)?;
    OK
}
