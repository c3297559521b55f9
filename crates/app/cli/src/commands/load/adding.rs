//! `taut load --add`: results of several runs, added up and told as one.

use std::{fs, path::Path};

use ::load::{FILE_BYTES_MAX, Outcome, SumError, add_up, read_hlog};

use super::{Arguments, Done, OK, tell};
use crate::{
    commands::written,
    exit,
    report::load as report,
    say::{self, Failure},
};

const HINT: &str = "`taut load --out FILE` writes results, and `--hlog FILE` histograms alone";

pub(super) fn run(arguments: &Arguments) -> Done {
    only_results(arguments)?;
    let logs = arguments.add.iter().filter(|path| is_log(path)).count();
    if logs == arguments.add.len() {
        return of_logs(arguments);
    }
    if 0 < logs {
        return Err(Failure::use_of(
            "a .hlog has histograms alone, and does not add up to a result",
        )
        .hint("give .hlog files alone, or what --out wrote in each case"));
    }
    let mut runs = Vec::new();
    for path in &arguments.add {
        runs.push((path.display().to_string(), result(path)?));
    }
    let sum = add_up(&runs).map_err(|error| {
        let hint = match &error {
            SumError::Partly => {
                "add up those that ran side by side, or those that followed each other"
            }
            SumError::Different { .. } => {
                "results are of the same target, scenario and length; `taut prove` compares others"
            }
            SumError::Count(_) | SumError::Twice { .. } | SumError::Odd(_) => HINT,
        };
        Failure::use_of(&error).hint(hint)
    })?;
    if tell(arguments, &sum)? { OK } else { Ok(exit::NO) }
}

/// Refuses what says how requests are sent: none is.
fn only_results(arguments: &Arguments) -> Result<(), Failure> {
    let others = [
        ("--peak", arguments.peak.is_some()),
        ("--connections", arguments.connections.is_some()),
        ("--method", arguments.method.is_some()),
        ("--header", !arguments.header.is_empty()),
        ("--body", arguments.body.is_some()),
        ("--at", arguments.at.is_some()),
        ("--host", arguments.host.is_some()),
        ("--writes", arguments.writes),
        ("--export", arguments.export.is_some()),
    ];
    let others = others.into_iter().filter(|(_, is_given)| *is_given).map(|(flag, _)| flag);
    let given: Vec<&str> = arguments.amount.given().into_iter().chain(others).collect();
    if given.is_empty() {
        return Ok(());
    }
    let given = given.join(", ");
    Err(Failure::use_of(format!("--add sends nothing, and {given} says what is sent"))
        .hint("--expect, --json, --out, --hlog, --html and --record say what becomes of the sum"))
}

fn is_log(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("hlog"))
}

fn result(path: &Path) -> Result<Outcome, Failure> {
    let bytes = read(path)?;
    Outcome::from_json(&bytes).map_err(|why| wrong(path, &why))
}

/// Histograms alone: percentiles, and the same as a log.
fn of_logs(arguments: &Arguments) -> Done {
    let others = [
        ("--expect", !arguments.expect.is_empty()),
        ("--out", arguments.out.is_some()),
        ("--html", arguments.html.is_some()),
        ("--record", arguments.record),
    ];
    if let Some((flag, _)) = others.into_iter().find(|(_, is_given)| *is_given) {
        return Err(Failure::use_of(format!(
            "{flag} wants a result, and a .hlog has histograms alone"
        ))
        .hint("add up what --out wrote"));
    }
    let mut texts = Vec::new();
    for path in &arguments.add {
        let text = String::from_utf8(read(path)?);
        let text = text.map_err(|_not_text| wrong(path, "it is no text"))?;
        // One by one first, so that the one that is wrong is named.
        read_hlog(&[&text]).map_err(|why| wrong(path, &why))?;
        texts.push(text);
    }
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let sum = read_hlog(&texts).map_err(|why| Failure::use_of(why).hint(HINT))?;
    let of = format!("--add: {} logs", texts.len());
    let told = say::data(&if arguments.json {
        report::latencies_json(&sum)
    } else {
        report::latencies(&sum, texts.len(), say::columns())
    });
    written::all(&[(&arguments.hlog, &|| sum.to_hlog(&of))])?;
    told?;
    if sum.corrected.is_empty() { Ok(exit::NO) } else { OK }
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let unread = |error: std::io::Error| {
        Failure::of_the_world(format!("failed to read `{}`: {error}", path.display())).hint(HINT)
    };
    let size = fs::metadata(path).map_err(unread)?.len();
    if FILE_BYTES_MAX < size {
        return Err(wrong(
            path,
            &format!("it has {size} bytes; at most {FILE_BYTES_MAX} are read"),
        ));
    }
    fs::read(path).map_err(unread)
}

fn wrong(path: &Path, why: &str) -> Failure {
    Failure::use_of(format!("failed to understand `{}`: {why}", path.display())).hint(HINT)
}
