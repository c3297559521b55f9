//! A run against budgets, against a baseline, and against faults that must not be there.

use std::{cmp::Reverse, collections::BTreeSet};

use model::OperationKey;
use stats::quantile;

use super::{
    Baseline, Budget, Check, Endpoint, KEPT_QUANTILES, Kept, Measure, Note, Rule, Rules, Run,
    Shape, Verdict, baseline,
};

/// Statements that a check names; who has read five has understood.
const STATEMENTS_TOLD_MAX: usize = 5;

/// Judges a run.
#[must_use]
pub fn judge(run: &Run, rules: &Rules, before: Option<&Baseline>) -> Verdict {
    let mut verdict = Verdict::default();
    let mut too_few = 0;
    for endpoint in &run.endpoints {
        let Some(key) = &endpoint.key else { continue };
        let kept = before.and_then(|baseline| baseline.endpoints.get(key));
        if before.is_some() && kept.is_none() {
            verdict.notes.push(Note::NewEndpoint(key.clone()));
        }
        budgets(key, endpoint, rules, kept, &mut verdict);
        if let Some(kept) = kept {
            counts(key, endpoint, rules, kept, &mut verdict.checks);
            too_few += usize::from(!times(key, endpoint, rules, kept, &mut verdict.checks));
        }
        faults(key, run, rules, &mut verdict.checks);
    }
    if 0 < too_few {
        verdict.notes.push(Note::TooFew { endpoints: too_few });
    }
    let there: BTreeSet<&OperationKey> =
        run.endpoints.iter().filter_map(|endpoint| endpoint.key.as_ref()).collect();
    if let Some(before) = before {
        let gone = before.endpoints.keys().filter(|key| !there.contains(key));
        verdict.notes.extend(gone.map(|key| Note::GoneEndpoint(key.clone())));
    }
    for (place, budget) in rules.budgets.iter().enumerate() {
        if !there.iter().any(|key| budget.fits(key)) {
            verdict.notes.push(Note::Idle { budget: place });
        }
    }
    verdict.notes.sort();
    verdict
}

impl Budget {
    fn fits(&self, key: &OperationKey) -> bool {
        self.endpoint.fits(&key.operation)
            && self.service.as_ref().is_none_or(|service| service.fits(&key.service))
    }
}

/// What budgets say of an endpoint.
fn budgets(
    key: &OperationKey,
    endpoint: &Endpoint,
    rules: &Rules,
    kept: Option<&Kept>,
    verdict: &mut Verdict,
) {
    let fitting: Vec<(usize, &Budget)> =
        rules.budgets.iter().enumerate().filter(|(_, budget)| budget.fits(key)).collect();
    for measure in Measure::ALL {
        let limit = fitting
            .iter()
            .find_map(|(place, budget)| Some((*place, *budget.limits.get(&measure)?)));
        let new = measure == Measure::NewStatements;
        let Some((place, allowed)) = limit else {
            if let Some(statements) = kept.filter(|_| new).map(|kept| unknown(endpoint, kept))
                && !statements.is_empty()
            {
                verdict.notes.push(Note::NewStatements { key: key.clone(), statements });
            }
            continue;
        };
        // An endpoint that is new has only new statements; that it is new is said already.
        if new && kept.is_none() {
            continue;
        }
        let Some(measured) = measured(endpoint, measure, kept) else {
            verdict.notes.push(Note::Untold { key: key.clone(), measure });
            continue;
        };
        verdict.checks.push(Check {
            key: key.clone(),
            rule: Rule::Budget(place),
            measure: Some(measure),
            measured: float(measured),
            interval: None,
            before: None,
            before_interval: None,
            allowed: float(allowed),
            broke: allowed < measured,
            statements: at_fault(endpoint, measure, kept),
        });
    }
}

/// Counts against those of the baseline.
fn counts(
    key: &OperationKey,
    endpoint: &Endpoint,
    rules: &Rules,
    kept: &Kept,
    checks: &mut Vec<Check>,
) {
    let pairs = [
        (Measure::Queries, Some(endpoint.queries), Some(kept.queries)),
        (Measure::Duplicates, Some(endpoint.duplicates), Some(kept.duplicates)),
        (Measure::Bytes, endpoint.bytes, kept.bytes),
    ];
    for (measure, now, before) in pairs {
        let (Some(now), Some(before)) = (now, before) else { continue };
        let allowed = float(before) * (1.0 + rules.more.max(0.0));
        checks.push(Check {
            key: key.clone(),
            rule: Rule::Baseline,
            measure: Some(measure),
            measured: float(now),
            interval: None,
            before: Some(float(before)),
            before_interval: None,
            allowed,
            // A hair more than a product is the product.
            broke: allowed * (1.0 + 1e-12) < float(now),
            statements: at_fault(endpoint, measure, Some(kept)),
        });
    }
}

/// Quantiles of times against those of the baseline; whether any could be compared, or none was to be.
fn times(
    key: &OperationKey,
    endpoint: &Endpoint,
    rules: &Rules,
    kept: &Kept,
    checks: &mut Vec<Check>,
) -> bool {
    let Some(slower) = rules.slower else { return true };
    let mut compared = false;
    for measure in KEPT_QUANTILES {
        let (Some(now), Some(before)) =
            (baseline::time(endpoint, measure), kept.times.get(&measure))
        else {
            continue;
        };
        compared = true;
        let allowed = before.nanos * (1.0 + slower.max(0.0));
        checks.push(Check {
            key: key.clone(),
            rule: Rule::Baseline,
            measure: Some(measure),
            measured: now.nanos,
            interval: Some(now.interval),
            before: Some(before.nanos),
            before_interval: Some(before.interval),
            allowed,
            broke: allowed < now.nanos && before.interval.high < now.interval.low,
            statements: at_fault(endpoint, Measure::Statement, None),
        });
    }
    compared
}

/// Faults of an endpoint that must not be there.
fn faults(key: &OperationKey, run: &Run, rules: &Rules, checks: &mut Vec<Check>) {
    if rules.refuse.is_empty() && rules.level.is_none() {
        return;
    }
    let check = |rule: Rule, broke: bool| Check {
        key: key.clone(),
        rule,
        measure: None,
        measured: f64::from(u8::from(broke)),
        interval: None,
        before: None,
        before_interval: None,
        allowed: 0.0,
        broke,
        statements: Vec::new(),
    };
    let before = checks.len();
    for found in run.found.iter().filter(|found| found.key == *key) {
        let refused = rules.refuse.contains(&found.fault)
            || rules.level.is_some_and(|level| level <= found.level);
        if refused {
            checks.push(check(Rule::Fault { fault: found.fault.clone(), id: found.id }, true));
        }
    }
    if before == checks.len() {
        checks.push(check(Rule::NoFault, false));
    }
}

/// How much of it the endpoint had; `None` where spans do not tell.
fn measured(endpoint: &Endpoint, measure: Measure, kept: Option<&Kept>) -> Option<u64> {
    if let Some(at) = measure.quantile() {
        return quantile(&endpoint.durations_nanos, at);
    }
    match measure {
        Measure::Queries => Some(endpoint.queries),
        Measure::Repeats => Some(endpoint.repeats),
        Measure::Duplicates => Some(endpoint.duplicates),
        Measure::NewStatements => u64::try_from(unknown(endpoint, kept?).len()).ok(),
        Measure::Statement => {
            Some(endpoint.shapes.values().map(|shape| shape.longest_nanos).max().unwrap_or(0))
        }
        Measure::Bytes => endpoint.bytes,
        _ => None,
    }
}

/// Statements that the baseline does not have.
fn unknown(endpoint: &Endpoint, kept: &Kept) -> Vec<u64> {
    let shapes = endpoint.shapes.keys().copied();
    shapes.filter(|fingerprint| !kept.statements.contains_key(fingerprint)).collect()
}

/// Statements that have most of what was measured.
fn at_fault(endpoint: &Endpoint, measure: Measure, kept: Option<&Kept>) -> Vec<u64> {
    let weigh = |amount: fn(&Shape) -> u64, least: u64| {
        let mut shapes: Vec<(Reverse<u64>, u64)> = endpoint
            .shapes
            .iter()
            .filter(|(_, shape)| least < amount(shape))
            .map(|(fingerprint, shape)| (Reverse(amount(shape)), *fingerprint))
            .collect();
        shapes.sort_unstable();
        shapes.into_iter().map(|(_, fingerprint)| fingerprint).collect()
    };
    let mut statements: Vec<u64> = match measure {
        Measure::Queries => weigh(|shape| shape.runs, 0),
        Measure::Repeats => weigh(|shape| shape.runs, 1),
        Measure::Duplicates => weigh(|shape| shape.duplicates, 0),
        Measure::Statement | Measure::P50 | Measure::P95 | Measure::P99 | Measure::Slowest => {
            weigh(|shape| shape.longest_nanos, 0)
        }
        Measure::NewStatements => kept.map(|kept| unknown(endpoint, kept)).unwrap_or_default(),
        Measure::Bytes => Vec::new(),
    };
    statements.truncate(STATEMENTS_TOLD_MAX);
    statements
}

#[expect(clippy::cast_precision_loss, reason = "counts and latencies are far below 2^53")]
fn float(value: u64) -> f64 {
    value as f64
}
