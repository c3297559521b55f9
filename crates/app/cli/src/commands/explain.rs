//! `taut explain`: the manual page of a fault.

use clap::Args;
use find::{DETECTORS, Detector};

use super::{Done, OK};
use crate::{
    report::layout,
    say::{self, ACCENT, BOLD, DIM, Failure},
};

/// Explain a fault: what it notices, why it hurts, what to do.
///
/// Without a name, lists all of them.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Name or code of the fault: `n-plus-one`, `F001`.
    fault: Option<String>,
}

pub(super) fn run(arguments: &Arguments) -> Done {
    let Some(name) = &arguments.fault else {
        say::data(&list())?;
        return OK;
    };
    let Some(detector) = find::detector(name) else {
        let known = DETECTORS.iter().map(|detector| detector.name);
        let hint = match config::did_you_mean(name, known) {
            Some(close) => format!("did you mean `{close}`? `taut explain` lists all faults"),
            None => "`taut explain` lists all faults".to_owned(),
        };
        return Err(Failure::use_of(format!("no fault is called `{name}`")).hint(hint));
    };
    say::data(&page(detector, say::columns()))?;
    OK
}

fn list() -> String {
    let mut text = String::new();
    for Detector { code, name, title, .. } in DETECTORS {
        text.push_str(&format!("{DIM}{code}{DIM:#}  {BOLD}{name:<20}{BOLD:#}  {title}\n"));
    }
    text
}

fn page(detector: &Detector, columns: usize) -> String {
    let mut text = layout::markdown(detector.doc, columns);
    text.push_str(&format!("\n{BOLD}Settings{BOLD:#} {DIM}[find.{}]{DIM:#}\n", detector.name));
    for knob in detector.knobs {
        let doc = layout::wrap(knob.doc, columns - 4).join("\n    ");
        text.push_str(&format!(
            "  {ACCENT}{}{ACCENT:#} = {} {DIM}{}{DIM:#}\n    {doc}\n",
            knob.key, knob.default, knob.unit
        ));
    }
    let answers = fix::REMEDIES.iter().filter(|remedy| remedy.answers.contains(&detector.name));
    text.push_str(&format!("\n{BOLD}Remedies{BOLD:#}\n"));
    for remedy in answers {
        let title = layout::wrap(remedy.title, columns - 4).join("\n    ");
        text.push_str(&format!("  {ACCENT}{}{ACCENT:#}\n    {title}\n", remedy.name));
    }
    text
}
