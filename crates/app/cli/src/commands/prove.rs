//! `taut prove`: whether after is better than before.

use std::{fs, path::Path, path::PathBuf};

use ::load::{FILE_BYTES_MAX, Outcome};
use ::prove::compare::{Comparison, Question, Request, Side, Verdict, compare};
use clap::Args;
use model::FindingId;

use super::{Done, OK, ledger};
use crate::{
    exit,
    report::prove as report,
    say::{self, DIM, Failure},
};

const EXAMPLES: &str = "\
Examples:
  taut load http://localhost:8000/ --rate 200 --for 1m --out before.json
  (change something)
  taut load http://localhost:8000/ --rate 200 --for 1m --out after.json
  taut prove before.json after.json
  taut prove --measure p99 --matters 10% before.csv after.csv
  taut prove before.json after.json --record 3f2a

A file is what `taut load --out` keeps, or a CSV: one latency in milliseconds a line, or a head with `latency_ms` and perhaps
`start_ms`, `route` and `failed` (0 or 1).

Code 0: better, or no difference. Code 1: worse, or too little to tell; --worse-only is content with the latter.";

/// Tell whether after is better than before: by how much, how surely, or how many more requests it takes to tell.
///
/// Compares each route with itself, leaves warm-up out, and allows for requests that hang together.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Before the change.
    #[arg(value_name = "BEFORE")]
    before: PathBuf,
    /// After it.
    #[arg(value_name = "AFTER")]
    after: PathBuf,
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
    /// Keep it in the ledger as the proof of this finding: a remedy that is applied becomes proven if it is better.
    #[arg(long, value_name = "FINDING")]
    record: Option<String>,
    #[command(flatten)]
    which: ledger::Which,
}

pub(super) fn run(arguments: &Arguments) -> Done {
    let finding = arguments.record.as_deref().map(|text| {
        let history = ledger::read(&arguments.which)?;
        ledger::finding_of(text, &history)
    });
    let finding = finding.transpose()?;
    let (before, after) = (read(&arguments.before)?, read(&arguments.after)?);
    let question =
        Question { quantile: arguments.measure, matters: arguments.matters, seed: arguments.seed };
    let comparison = compare(&before, &after, &question);
    let text = if arguments.json {
        report::json(&comparison)
    } else {
        report::terminal(&comparison, say::columns())
    };
    say::data(&text)?;
    if let Some(finding) = finding {
        keep(arguments, finding, &comparison)?;
    }
    match comparison.verdict {
        Verdict::Better | Verdict::NoDifference => OK,
        Verdict::CannotTell { .. } if arguments.worse_only => OK,
        Verdict::Worse | Verdict::CannotTell { .. } => Ok(exit::NO),
    }
}

/// Keeps it in the ledger, and tells what became of the finding's remedies.
fn keep(arguments: &Arguments, finding: FindingId, comparison: &Comparison) -> Result<(), Failure> {
    let place = arguments.which.place()?;
    let kept = engine::history::prove(&place, finding, comparison)
        .map_err(|error| Failure::world(&error).hint(error.hint()))?;
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

fn read(path: &Path) -> Result<Side, Failure> {
    let shown = path.display();
    let unread = |error: std::io::Error| {
        Failure::of_the_world(format!("failed to read `{shown}`: {error}"))
            .hint("it should be what `taut load --out FILE` has written, or a CSV of latencies")
    };
    let size = fs::metadata(path).map_err(unread)?.len();
    if FILE_BYTES_MAX < size {
        return Err(Failure::use_of(format!(
            "`{shown}` has {size} bytes; at most {FILE_BYTES_MAX} are read"
        )));
    }
    let bytes = fs::read(path).map_err(unread)?;
    let wrong = |why: String| {
        Failure::use_of(format!("failed to understand `{shown}`: {why}"))
            .hint("it should be what `taut load --out FILE` has written, or a CSV of latencies")
    };
    if bytes.first() == Some(&b'{') {
        return Outcome::from_json(&bytes).map(|outcome| of_run(&outcome)).map_err(wrong);
    }
    let text = String::from_utf8(bytes)
        .map_err(|_error| wrong("it is neither JSON nor text".to_owned()))?;
    of_csv(&text).map_err(wrong)
}

fn of_run(outcome: &Outcome) -> Side {
    let requests = outcome.samples.iter().map(|sample| Request {
        start_nanos: sample.start_nanos,
        took_nanos: sample.took_nanos,
        route: sample.route,
        failed: sample.failed,
    });
    Side {
        routes: outcome.routes.iter().map(|route| route.name.clone()).collect(),
        requests: requests.collect(),
    }
}

/// Latencies as text. Without starts, the order of lines is taken as that of time.
fn of_csv(text: &str) -> Result<Side, String> {
    let mut lines =
        text.lines().map(str::trim).zip(1_usize..).filter(|(line, _)| !line.is_empty()).peekable();
    let (first, _) = lines.peek().ok_or("it is empty")?;
    let names: Vec<String> = if first.parse::<f64>().is_ok() {
        vec!["latency_ms".to_owned()]
    } else {
        let head = first.split(',').map(|name| name.trim().to_ascii_lowercase()).collect();
        lines.next();
        head
    };
    let column = |name: &str| names.iter().position(|known| known == name);
    let latency = column("latency_ms").ok_or("no column is called `latency_ms`")?;
    let (start, route, failed) = (column("start_ms"), column("route"), column("failed"));
    let mut side = Side::default();
    for (line, number) in lines {
        let cells: Vec<&str> = line.split(',').map(str::trim).collect();
        let cell = |column: Option<usize>| cells.get(column?).copied();
        let millis = |text: Option<&str>| {
            let value = text
                .and_then(|text| text.parse::<f64>().ok())
                .filter(|value| value.is_finite() && 0.0 <= *value);
            value
                .ok_or_else(|| format!("line {number} has no number where one should be: `{line}`"))
        };
        let took_nanos = nanos(millis(cell(Some(latency)))?);
        let start_nanos = match start {
            Some(column) => nanos(millis(cell(Some(column)))?),
            None => u64::try_from(side.requests.len()).unwrap_or(u64::MAX),
        };
        let name = cell(route).unwrap_or_default();
        let place = match side.routes.iter().position(|known| known == name) {
            Some(place) => place,
            None if side.routes.len() < ROUTES_MAX => {
                side.routes.push(name.to_owned());
                side.routes.len() - 1
            }
            None => return Err(format!("it has more than {ROUTES_MAX} routes")),
        };
        let route = u32::try_from(place).unwrap_or(u32::MAX);
        let failed = matches!(cell(failed), Some("1" | "true" | "yes"));
        side.requests.push(Request { start_nanos, took_nanos, route, failed });
    }
    Ok(side)
}

/// Routes of a CSV at most: each is looked for by name.
const ROUTES_MAX: usize = 1_000;

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "not below zero; it saturates"
)]
fn nanos(millis: f64) -> u64 {
    (millis * 1e6).round() as u64
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
    fn latencies_are_read_with_and_without_a_head() {
        let plain = of_csv("1.5\n2\n\n3\n").unwrap();
        let took: Vec<u64> = plain.requests.iter().map(|request| request.took_nanos).collect();
        assert_eq!(took, [1_500_000, 2_000_000, 3_000_000]);
        let named = of_csv("route, start_ms, latency_ms, failed\n/a,10,2,0\n/b,5,3,1\n").unwrap();
        assert_eq!(named.routes, ["/a", "/b"]);
        let second =
            Request { start_nanos: 5_000_000, took_nanos: 3_000_000, route: 1, failed: true };
        assert_eq!(named.requests[1], second);
        assert_eq!(of_csv("").unwrap_err(), "it is empty");
        assert_eq!(of_csv("a,b\n1,2\n").unwrap_err(), "no column is called `latency_ms`");
        assert!(of_csv("1\nfast\n").unwrap_err().contains("line 2"));
        assert!(of_csv("1\n-4\n").is_err());
    }

    #[test]
    fn measures_and_parts_are_read_as_people_write_them() {
        assert_eq!((measure("p99"), part("10%"), part("0.05")), (Ok(0.99), Ok(0.1), Ok(0.05)));
        assert!(measure("99").is_err() && measure("p0").is_err() && part("0").is_err());
    }
}
