//! A checked test run as people, CI systems and code scanning read it.

mod junit;
mod markdown;
mod sarif;
mod terminal;

use std::{path::Path, time::Duration};

use engine::{check::Looked, history::runner};
use model::{Advice, CodeLocation, Finding};
use prove::gate::{Check, Endpoint, Measure, Note, Rule, Rules, Shape, Verdict};
use serde_json::{Value, json};
use store::ledger::{Recorded, RunFigure, RunKind};

pub(crate) use junit::junit;
pub(crate) use markdown::markdown;
pub(crate) use sarif::sarif;
pub(crate) use terminal::terminal;

use super::layout;
use crate::units;

/// What is reported.
#[derive(Debug)]
pub(crate) struct Report<'a> {
    /// What was checked.
    pub(crate) verdict: &'a Verdict,
    /// What it was checked on.
    pub(crate) looked: &'a Looked,
    /// By what.
    pub(crate) rules: &'a Rules,
    /// The file that it was compared with.
    pub(crate) baseline: Option<&'a Path>,
    /// The file that holds the budgets.
    pub(crate) settings_file: Option<&'a Path>,
    /// The folder that paths are told from.
    pub(crate) folder: &'a Path,
    /// Why the recording is not whole.
    pub(crate) damage: &'a [String],
    /// How the tests ended, if they failed.
    pub(crate) failed: Option<&'a str>,
}

/// Services that a record of it names.
const SERVICES_TOLD_MAX: usize = 5;

/// Which faults explain a measure, the best explanation first.
fn explains(measure: Measure) -> &'static [&'static str] {
    match measure {
        Measure::Queries | Measure::Repeats => {
            &["n-plus-one", "duplicate-statement", "repeated-aggregate", "exact-count"]
        }
        Measure::Duplicates => &["duplicate-statement", "n-plus-one"],
        Measure::NewStatements => &[],
        Measure::Statement => &["slow-statement", "deep-offset", "exact-count", "subquery-shape"],
        Measure::P50 | Measure::P95 | Measure::P99 | Measure::Slowest => &[
            "n-plus-one",
            "n-plus-one-calls",
            "serial-calls",
            "blocking-call",
            "slow-statement",
            "deep-offset",
        ],
        Measure::Bytes => &["large-response", "wide-select"],
    }
}

/// What to do where no detector knows better.
fn common_remedy(measure: Measure) -> &'static str {
    match measure {
        Measure::Queries | Measure::Repeats => {
            "Load what the rows need together with them: a join, or one statement with IN."
        }
        Measure::Duplicates => "Keep the answer for the rest of the request.",
        Measure::NewStatements => {
            "Look at its plan on data of the usual size (`taut plan`); if it is fine, `--update` the baseline."
        }
        Measure::Statement => "Look at its plan: `EXPLAIN (ANALYZE, BUFFERS)`, then `taut plan`.",
        Measure::P50 | Measure::P95 | Measure::P99 | Measure::Slowest => {
            "Look where the time goes: `taut trace` shows the spans of a request."
        }
        Measure::Bytes => "Send fewer columns or fewer rows: a page at a time.",
    }
}

impl Report<'_> {
    fn endpoint(&self, check: &Check) -> Option<&Endpoint> {
        let key = Some(&check.key);
        self.looked.run.endpoints.iter().find(|endpoint| endpoint.key.as_ref() == key)
    }

    /// The finding that a broken check is about, or that explains it best.
    fn finding(&self, check: &Check) -> Option<&Finding> {
        let mut here = self.looked.findings.iter().filter(|finding| finding.operation == check.key);
        match (&check.rule, check.measure) {
            (Rule::Fault { id, .. }, _) => here.find(|finding| finding.id == *id),
            (_, Some(measure)) => {
                let here: Vec<&Finding> = here.collect();
                let known = |fault: &&str| here.iter().find(|finding| finding.fault == *fault);
                explains(measure).iter().find_map(known).copied()
            }
            _ => None,
        }
    }

    fn advice(&self, check: &Check) -> Option<&Advice> {
        self.finding(check)?.advice.first()
    }

    /// What to do first, in a sentence.
    fn remedy(&self, check: &Check) -> String {
        match (self.advice(check), check.measure) {
            (Some(advice), _) => advice.text.clone(),
            (None, Some(measure)) => common_remedy(measure).to_owned(),
            (None, None) => String::new(),
        }
    }

    /// Where in the code it is: of the statement that has most of it, of the finding, of the endpoint.
    fn place(&self, check: &Check) -> Option<CodeLocation> {
        let statement = self.shapes(check).into_iter().find_map(|shape| shape.place.clone());
        let finding = || self.finding(check)?.evidence.code.clone();
        statement.or_else(finding).or_else(|| self.endpoint(check)?.place.clone())
    }

    fn shapes(&self, check: &Check) -> Vec<&Shape> {
        let Some(endpoint) = self.endpoint(check) else { return Vec::new() };
        check.statements.iter().filter_map(|fingerprint| endpoint.shapes.get(fingerprint)).collect()
    }

    /// What shows it: statements with how often each was run, or the finding's excerpt.
    fn evidence(&self, check: &Check) -> Vec<String> {
        let Some(measure) = check.measure else {
            return self.finding(check).map(|it| it.evidence.excerpt.clone()).unwrap_or_default();
        };
        let line = |shape: &&Shape| {
            let text = layout::clean(&shape.text);
            match measure {
                Measure::Duplicates => format!("{text}  {} again", shape.duplicates),
                Measure::NewStatements => text,
                measure if measure.is_time() => {
                    format!("{text}  up to {}", time(float(shape.longest_nanos)))
                }
                _ => format!("{text}  × {}", units::count(shape.runs)),
            }
        };
        self.shapes(check).iter().map(line).collect()
    }

    /// What was checked, in two or three words: `queries`, `n-plus-one`.
    fn what(check: &Check) -> String {
        match (&check.rule, check.measure) {
            (Rule::Fault { fault, .. }, _) => fault.clone(),
            (_, Some(measure)) => measure.name().to_owned(),
            (_, None) => "faults".to_owned(),
        }
    }

    /// By what it was checked.
    fn by(&self, check: &Check) -> String {
        match &check.rule {
            Rule::Budget(place) => rule_words(self.rules, *place),
            Rule::Baseline => "the baseline".to_owned(),
            Rule::Fault { .. } | Rule::NoFault => "`refuse` under `[check]`".to_owned(),
        }
    }

    /// Measured against allowed, in a sentence without a full stop.
    fn sentence(&self, check: &Check) -> String {
        let Some(measure) = check.measure else {
            let claim = self.finding(check).map(|finding| layout::clean(&finding.claim));
            return claim.unwrap_or_else(|| "no fault that is refused".to_owned());
        };
        let measured = amount(measure, check.measured);
        let spread = check.interval.map_or_else(String::new, |interval| {
            format!(" ({} to {})", amount(measure, interval.low), amount(measure, interval.high))
        });
        let allowed = amount(measure, check.allowed);
        let what = words(measure);
        let measured = format!("{what} {measured}{spread}");
        match check.before {
            None => format!("{measured}; {} allows {allowed}", self.by(check)),
            Some(before) => {
                let spread = check.before_interval.map_or_else(String::new, |interval| {
                    format!(
                        " ({} to {})",
                        amount(measure, interval.low),
                        amount(measure, interval.high)
                    )
                });
                format!(
                    "{measured}; the baseline has {}{spread} and lets up to {allowed} through",
                    amount(measure, before)
                )
            }
        }
    }

    /// The verdict in a sentence.
    fn claim(&self) -> String {
        let broken = self.verdict.broken().count();
        let all = units::some(self.verdict.checks.len() as u64, "check", "checks");
        match (broken, self.verdict.checks.len()) {
            (0, 0) => "Nothing was checked: no budget fits, and there is no baseline".to_owned(),
            (0, _) => format!("All of {all} hold"),
            (broken, _) => format!("{} of {all} broke", units::count(broken as u64)),
        }
    }

    /// What it stands on.
    fn basis(&self) -> String {
        let looked = self.looked;
        let baseline = self.baseline.map_or_else(String::new, |path| {
            format!(", against `{}`", layout::clean(&path.display().to_string()))
        });
        format!(
            "{} of {}{baseline}",
            units::some(looked.requests, "request", "requests"),
            units::some(looked.run.endpoints.len() as u64, "endpoint", "endpoints"),
        )
    }

    /// What to know beside the verdict.
    fn notes(&self) -> Vec<String> {
        let looked = self.looked;
        let mut notes: Vec<String> =
            self.failed.map(|failed| format!("The tests failed: {failed}.")).into_iter().collect();
        for damage in self.damage {
            notes.push(format!(
                "The recording is not whole: {damage}. What is missing may have broken a budget."
            ));
        }
        notes.extend(self.verdict.notes.iter().map(|note| self.note(note)));
        if 0 < looked.incomplete {
            let many = units::some(looked.incomplete, "request lacks", "requests lack");
            notes.push(format!("{many} spans that others name as their parent: was the exporter given the time to flush?"));
        }
        if 0 < looked.spans_of_no_request {
            let many = units::some(looked.spans_of_no_request, "span belongs", "spans belong");
            notes.push(format!(
                "{many} to no request, as what tests set up, and {} not checked.",
                if looked.spans_of_no_request == 1 { "was" } else { "were" }
            ));
        }
        if looked.endpoints_left_out {
            notes.push(
                "There are more endpoints than are looked at: do routes have ids in them?"
                    .to_owned(),
            );
        }
        notes
    }

    fn note(&self, note: &Note) -> String {
        let name = |key: &model::OperationKey| {
            format!("`{}` of {}", layout::clean(&key.operation), layout::clean(&key.service))
        };
        match note {
            Note::Idle { budget } => format!(
                "{} fits no endpoint of this run: is it spelt like that?",
                rule_words(self.rules, *budget).replacen("the", "The", 1)
            ),
            Note::NewEndpoint(key) => {
                format!("{} is not in the baseline yet.", name(key))
            }
            Note::GoneEndpoint(key) => {
                format!("{} is in the baseline, and did not come up in this run.", name(key))
            }
            Note::NewStatements { key, statements } => format!(
                "{} runs {} that the baseline does not have.",
                name(key),
                units::some(statements.len() as u64, "statement", "statements")
            ),
            Note::Untold { key, measure } => format!(
                "{}: its spans do not tell {}, which a budget limits.",
                name(key),
                words(*measure)
            ),
            Note::TooFew { endpoints } => format!(
                "Times of {} are not compared: an interval of the median takes six requests on both sides.",
                units::some(*endpoints as u64, "endpoint", "endpoints")
            ),
        }
    }

    /// A path from the folder, if it lies in it; forward slashes.
    fn path(&self, file: &str) -> String {
        let inside = Path::new(file).strip_prefix(self.folder).ok();
        let told =
            inside.map_or_else(|| file.to_owned(), |path| path.to_string_lossy().into_owned());
        told.trim_start_matches("./").replace('\\', "/")
    }
}

/// A budget, for people.
fn rule_words(rules: &Rules, place: usize) -> String {
    rules.budgets.get(place).map_or_else(
        || "a budget".to_owned(),
        |budget| format!("the budget of `{}`", layout::clean(&budget.endpoint.0)),
    )
}

/// What is measured, for people.
fn words(measure: Measure) -> &'static str {
    match measure {
        Measure::Queries => "statements in a request:",
        Measure::Repeats => "runs of one statement in a request:",
        Measure::Duplicates => "statements run again with the same parameters:",
        Measure::NewStatements => "new statements:",
        Measure::Statement => "the longest statement:",
        Measure::P50 => "p50",
        Measure::P95 => "p95",
        Measure::P99 => "p99",
        Measure::Slowest => "the slowest request:",
        Measure::Bytes => "the largest answer:",
    }
}

/// An amount with its unit.
fn amount(measure: Measure, value: f64) -> String {
    if measure.is_time() {
        return time(value);
    }
    if measure == Measure::Bytes {
        return format!("{} B", units::three_digits_of(value.floor()));
    }
    // Ten and a half statements cannot be run: what is let through are ten.
    units::three_digits_of((value + 1e-9).floor())
}

fn time(nanos: f64) -> String {
    units::time(Duration::try_from_secs_f64(nanos / 1e9).unwrap_or_default())
}

#[expect(clippy::cast_precision_loss, reason = "latencies are far below 2^53 ns")]
fn float(value: u64) -> f64 {
    value as f64
}

/// For machines.
pub(crate) fn json(report: &Report<'_>) -> String {
    let checks: Vec<Value> = report.verdict.checks.iter().map(|check| one(report, check)).collect();
    let document = json!({
        "holds": report.verdict.holds(),
        "claim": report.claim(),
        "requests": report.looked.requests,
        "endpoints": report.looked.run.endpoints.len(),
        "baseline": report.baseline.map(|path| path.display().to_string()),
        "checks": checks,
        "notes": report.notes(),
        "whole": report.damage.is_empty(),
        "tests_failed": report.failed,
    });
    format!("{document:#}\n")
}

/// As the ledger keeps it.
pub(crate) fn record(report: &Report<'_>) -> Recorded {
    let looked = report.looked;
    let services: Vec<&str> =
        looked.services.iter().map(String::as_str).take(SERVICES_TOLD_MAX).collect();
    let count = |name: &str, count: usize| RunFigure {
        name: name.to_owned(),
        value: float(count as u64),
        unit: String::new(),
    };
    let failed =
        report.failed.map_or_else(String::new, |failed| format!("; the tests failed: {failed}"));
    Recorded::Run {
        of: RunKind::Check,
        title: format!("{}: {}", layout::clean(&services.join(", ")), report.basis()),
        verdict: format!("{}{failed}", report.claim()),
        by: runner(),
        requests: looked.requests,
        failed: 0,
        seconds: 0.0,
        figures: vec![
            count("checks", report.verdict.checks.len()),
            count("broken", report.verdict.broken().count()),
        ],
    }
}

fn one(report: &Report<'_>, check: &Check) -> Value {
    let place = report.place(check);
    let remedy = check.broke.then(|| report.remedy(check)).filter(|text| !text.is_empty());
    json!({
        "service": &*check.key.service,
        "endpoint": &*check.key.operation,
        "what": Report::what(check),
        "by": match check.rule {
            Rule::Budget(_) => "budget",
            Rule::Baseline => "baseline",
            Rule::Fault { .. } | Rule::NoFault => "faults",
        },
        "broke": check.broke,
        "sentence": report.sentence(check),
        "measured": check.measured,
        "interval": check.interval.map(|interval| [interval.low, interval.high]),
        "allowed": check.allowed,
        "before": check.before,
        "before_interval": check.before_interval.map(|interval| [interval.low, interval.high]),
        "unit": check.measure.map(|measure| match measure {
            Measure::Bytes => "bytes",
            measure if measure.is_time() => "nanoseconds",
            _ => "count",
        }),
        "statements": report.shapes(check).iter().map(|shape| json!({
            "text": shape.text,
            "runs": shape.runs,
            "again": shape.duplicates,
            "longest_nanos": shape.longest_nanos,
            "trace_id": shape.trace_id.to_string(),
        })).collect::<Vec<_>>(),
        "code": place.map(|place| json!({
            "file": report.path(&place.file),
            "line": place.line,
            "function": place.function.as_str(),
        })),
        "remedy": remedy,
    })
}
