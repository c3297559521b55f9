//! `taut prove`: whether after is better than before.

mod csv;
mod kept;
mod source;

use std::path::PathBuf;

use ::prove::compare::{Comparison, Question, Verdict};
use clap::Args;
use engine::history;
use model::FindingId;

use super::{Done, OK, ledger, written};
use crate::{
    exit,
    report::{prove as report, prove_html},
    say::{self, DIM, Failure},
};

const EXAMPLES: &str = "\
Examples:
  taut load http://localhost:8000/ --rate 200 --for 1m --out before.json
  (change something)
  taut load http://localhost:8000/ --rate 200 --for 1m --out after.json
  taut prove before.json after.json
  taut prove --measure p99 --matters 10% before.csv after.csv
  taut prove before.json after.json --record 3f2a  in the ledger, as the proof of a finding; --record alone keeps it, too
  taut prove monday.otlp.jsonl friday.otlp.jsonl --html proof.html
                                                   recordings: queries, database time, bytes and flame graphs as well
  taut prove spans.json@4.2.0 spans.json@4.2.1     two versions of a service in a recording
  taut prove captures-old/ captures-new/           what the gateway captured
  taut prove 25h..24h 1h.. --service shop          two stretches of what `taut up` keeps: yesterday's hour and the last one

A side is what `taut load --out` keeps; a CSV: one latency in milliseconds a line, or a head with `latency_ms` and perhaps
`start_ms`, `route` and `failed` (0 or 1); a recording in any format that `taut find` reads; a capture or a HAR; or FROM..TO.

Code 0: better, or no difference. Code 1: worse, or too little to tell; --worse-only is content with the latter.";

/// Tell whether after is better than before: by how much, how surely, or how many more requests it takes to tell.
///
/// Compares each route with itself, leaves warm-up out, and allows for requests that hang together.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Before the change: a file, FILE@VERSION, or FROM..TO of what `taut up` keeps.
    #[arg(value_name = "BEFORE")]
    before: String,
    /// After it.
    #[arg(value_name = "AFTER")]
    after: String,
    /// Only requests to this service, of a recording or of what is kept.
    #[arg(long, value_name = "NAME")]
    service: Option<String>,
    /// Only requests of this operation: `GET /api/orders/`.
    #[arg(long, value_name = "NAME")]
    operation: Option<String>,
    /// The percentile that decides. Choose it before you look.
    #[arg(long, value_name = "PERCENTILE", default_value = "p95", value_parser = measure)]
    measure: f64,
    /// The least change that matters.
    #[arg(long, value_name = "PART", default_value = "3%", value_parser = part)]
    matters: f64,
    /// Of the random draws behind the intervals.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// Code 1 for worse alone.
    #[arg(long)]
    worse_only: bool,
    /// Everything as JSON.
    #[arg(long)]
    json: bool,
    /// A page with both distributions and, of recordings, flame graphs and their difference.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Keep it in the ledger; as the proof of a finding if one is named: a remedy that is applied becomes proven if it is better.
    #[arg(long, value_name = "FINDING", num_args = 0..=1, default_missing_value = "")]
    record: Option<String>,
    #[command(flatten)]
    which: ledger::Which,
}

pub(super) fn run(arguments: &Arguments) -> Done {
    written::can_be([&arguments.html])?;
    let finding = arguments.record.as_deref().filter(|text| !text.is_empty()).map(|text| {
        let history = ledger::read(&arguments.which)?;
        ledger::finding_of(text, &history)
    });
    let finding = finding.transpose()?;
    let before = source::read(&arguments.before, arguments)?;
    let after = source::read(&arguments.after, arguments)?;
    let question =
        Question { quantile: arguments.measure, matters: arguments.matters, seed: arguments.seed };
    let proven = engine::proof::prove(&before.evidence, &after.evidence, &question);
    let comparison = &proven.comparison;
    let text = if arguments.json {
        report::json(&proven)
    } else {
        report::terminal(&proven, say::columns())
    };
    let told = say::data(&text);
    written::all(&[(&arguments.html, &|| {
        let has_traces = !before.traces.is_empty() && !after.traces.is_empty();
        let sides = [&before, &after].map(|side| (&side.traces[..], &side.of));
        let flames = has_traces.then(|| web::flamed(sides));
        let names = [arguments.before.as_str(), arguments.after.as_str()];
        prove_html::html(&proven, names, flames.as_ref())
    })])?;
    if arguments.record.is_some() {
        keep(arguments, finding, (comparison, &report::json(&proven)))?;
    }
    told?;
    match comparison.verdict {
        Verdict::Better | Verdict::NoDifference => OK,
        Verdict::CannotTell { .. } if arguments.worse_only => OK,
        Verdict::Worse | Verdict::CannotTell { .. } => Ok(exit::NO),
    }
}

/// Keeps it in the ledger with its whole result, and tells what became of the remedies of the finding that it is about.
fn keep(
    arguments: &Arguments,
    finding: Option<FindingId>,
    (comparison, result): (&Comparison, &str),
) -> Result<(), Failure> {
    let place = arguments.which.place()?;
    let Some(finding) = finding else {
        return ledger::keep_run(&place, &history::proof_of(comparison), result);
    };
    let kept = history::prove(&place, finding, (comparison, result))
        .map_err(|error| Failure::world(&error).hint(error.hint()))?;
    if !kept.has_result {
        ledger::note_no_result();
    }
    let became = if 0 < kept.proven {
        format!("{finding} is proven")
    } else if 0 < kept.measured {
        format!("{finding} was measured, and is not proven")
    } else {
        format!(
            "{finding} has no remedy that is applied, so that none is proven; `taut ledger mark {finding} applied` notes one"
        )
    };
    say::words(&format!("{DIM}proof {} is in the ledger; {became}{DIM:#}\n", kept.id));
    Ok(())
}

fn measure(text: &str) -> Result<f64, String> {
    let percent: Option<f64> = text.strip_prefix('p').and_then(|digits| digits.parse().ok());
    let percent = percent.filter(|percent| 0.0 < *percent && *percent < 100.0);
    percent
        .map(|percent| percent / 100.0)
        .ok_or_else(|| format!("`{text}` is no percentile; such are p50, p95, p99.9"))
}

fn part(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('%').map_or_else(
        || text.parse::<f64>().ok(),
        |percent| percent.trim().parse::<f64>().ok().map(|percent| percent / 100.0),
    );
    let number = number.filter(|part| (0.001..=1.0).contains(part));
    number.ok_or_else(|| format!("`{text}` is not a part from 0.1% to 100%"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_and_parts_are_read_as_people_write_them() {
        assert_eq!((measure("p99"), part("10%"), part("0.05")), (Ok(0.99), Ok(0.1), Ok(0.05)));
        assert!(measure("99").is_err() && measure("p0").is_err() && part("0").is_err());
    }
}
