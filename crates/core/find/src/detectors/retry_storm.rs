//! The same call, made again and again after errors.

use std::{collections::BTreeMap, time::Duration};

use model::{Parameters, Sighting, Text, Work};

use crate::{
    Detector, Knob, Knobs, Looks, RequestView,
    detectors::{endpoints, words},
};

static ATTEMPTS_MIN: Knob = Knob {
    key: "attempts-min",
    default: 3.0,
    unit: "attempts",
    doc: "One retry is prudent; from the third attempt on, a struggling service gets a multiple of its load.",
};

static WASTED_MILLIS_MIN: Knob = Knob {
    key: "wasted-millis-min",
    default: 50.0,
    unit: "ms",
    doc: "Failed attempts that cost less on the critical path than this do no harm to the caller.",
};

pub(super) static RETRY_STORM: Detector = Detector {
    code: "F014",
    name: "retry-storm",
    title: "A failing call is made again and again",
    doc: include_str!("retry_storm.md"),
    effort_days: 0.5,
    share_min: 0.0,
    knobs: &[&ATTEMPTS_MIN, &WASTED_MILLIS_MIN],
    looks: &[Looks::Request(look)],
};

fn look(view: &RequestView<'_>, knobs: &Knobs<'_>, found: &mut Vec<Sighting>) {
    for (endpoint, places) in by_target(view) {
        for attempts in bursts(view, &places) {
            let resent = attempts
                .iter()
                .filter_map(|place| view.http(*place))
                .map(|http| http.resend_count as usize + 1)
                .max()
                .unwrap_or_default();
            let count = attempts.len().max(resent);
            let failures = attempts.iter().filter(|place| has_failed(view, **place)).count();
            if count < knobs.count(&ATTEMPTS_MIN) || failures + 1 < count.min(attempts.len()).max(2)
            {
                continue;
            }
            let wasted = wasted(view, &attempts);
            if wasted < Duration::from_nanos(knobs.nanos(&WASTED_MILLIS_MIN)) {
                continue;
            }
            found.push(sighting(view, &endpoint, &attempts, (count, failures), wasted));
        }
    }
}

/// Places of remote calls and statements by what they reach, in order of time.
fn by_target(view: &RequestView<'_>) -> BTreeMap<String, Vec<usize>> {
    let mut targets: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for place in view.places.iter().copied() {
        let call = view.call(place);
        let target = match &call.work {
            Work::Http(http) => endpoints::name(&http.method, &http.host, &http.template),
            Work::Connect { system, .. } => format!("connection to {system}"),
            Work::Statement(statement) => {
                format!("a statement on {}", words::table(&statement.text))
            }
            Work::Mail { peer } => words::stable(&format!("mail to {peer}")),
            _ => continue,
        };
        targets.entry(target).or_default().push(place);
    }
    targets
}

/// Runs of attempts: each begins after the one before has failed, and the last may succeed.
fn bursts(view: &RequestView<'_>, places: &[usize]) -> Vec<Vec<usize>> {
    let mut ordered = places.to_vec();
    ordered.sort_by_key(|place| (view.call(*place).start, *place));
    let mut bursts: Vec<Vec<usize>> = Vec::new();
    for place in ordered {
        let continues = bursts.last().and_then(|burst| burst.last()).is_some_and(|before| {
            let (last, next) = (view.call(*before), view.call(place));
            let same = match (view.http(place), &last.work) {
                (Some(http), Work::Http(earlier)) => http.url_hash == earlier.url_hash,
                // With parameters unseen, these may be as many rows.
                (None, Work::Statement(earlier)) => {
                    earlier.parameters != Parameters::Hidden
                        && view.statement(place).map(|next| next.parameters)
                            == Some(earlier.parameters)
                }
                _ => true,
            };
            has_failed(view, *before) && last.end <= next.start && same
        });
        match bursts.last_mut() {
            Some(burst) if continues => burst.push(place),
            _ => bursts.push(vec![place]),
        }
    }
    bursts
}

/// Whether an attempt failed in a way that another may mend: an answer such as 404 is an answer.
fn has_failed(view: &RequestView<'_>, place: usize) -> bool {
    let status = view.http(place).map_or(0, |http| http.status);
    match status {
        0 => view.call(place).failed,
        408 | 425 | 429 => true,
        status => 500 <= status,
    }
}

/// Time from the begin of the first attempt to the end of the last failed one.
fn wasted(view: &RequestView<'_>, attempts: &[usize]) -> Duration {
    let failed = || attempts.iter().filter(|place| has_failed(view, **place));
    let from = failed().map(|place| view.call(*place).start).min();
    let to = failed().map(|place| view.call(*place).end).max();
    let first = attempts.first().map(|place| view.call(*place).duration()).unwrap_or_default();
    match (from, to) {
        (Some(from), Some(to)) => to.since(from).saturating_sub(first).min(view.duration()),
        _ => Duration::ZERO,
    }
}

fn sighting(
    view: &RequestView<'_>,
    endpoint: &str,
    attempts: &[usize],
    (count, failures): (usize, usize),
    wasted: Duration,
) -> Sighting {
    let claim = format!("{endpoint} fails and is tried again and again");
    let mut sighting = view.sighting(RETRY_STORM.name, endpoint.to_owned(), claim);
    sighting.evidence = view.evidence(attempts);
    sighting.evidence.endpoint = Some(Text::from(endpoint));
    sighting.evidence.excerpt = vec![format!(
        "{count} attempts of {endpoint}, {failures} failed, {} after the first",
        words::time(wasted)
    )];
    sighting.calls_now = u32::try_from(count).unwrap_or(u32::MAX);
    sighting.calls_after = 2;
    sighting.saved = wasted;
    sighting
}
