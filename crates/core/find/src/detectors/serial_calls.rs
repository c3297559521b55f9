//! Independent remote calls, one after the other, where they could run together.
//!
//! Spans do not say which call needs the answer of another, so this claims independence only where data
//! cannot have flowed: both calls read, and whatever varies in the later URL was known before the
//! earlier call was answered, because it stands in the request's own URL or in the earlier one's.
//! Statements count only if nothing in them varies at all, and only where they are long.

use std::time::Duration;

use model::{Parameters, Sighting, Text, Work};

use crate::{
    Detector, Knob, Knobs, Looks, RequestView,
    detectors::{endpoints, words},
};

static CALL_MILLIS_MIN: Knob = Knob {
    key: "call-millis-min",
    default: 20.0,
    unit: "ms",
    doc: "Shorter calls are not worth running beside others; Sentry's 30 ms for statements.",
};

static SAVED_MILLIS_MIN: Knob = Knob {
    key: "saved-millis-min",
    default: 50.0,
    unit: "ms",
    doc: "Less time won than this does not pay for concurrency in the code; Sentry's is 100 ms.",
};

static SAVED_SHARE_MIN: Knob = Knob {
    key: "saved-share-min",
    default: 0.1,
    unit: "of the request",
    doc: "Sentry's share: a tenth of the request.",
};

pub(super) static SERIAL_CALLS: Detector = Detector {
    code: "F003",
    name: "serial-calls",
    title: "Independent calls wait for each other",
    doc: include_str!("serial_calls.md"),
    effort_days: 1.0,
    share_min: 0.0,
    knobs: &[&CALL_MILLIS_MIN, &SAVED_MILLIS_MIN, &SAVED_SHARE_MIN],
    looks: &[Looks::Request(look)],
};

fn look(view: &RequestView<'_>, knobs: &Knobs<'_>, found: &mut Vec<Sighting>) {
    if !view.is_awaited() {
        return;
    }
    let long = Duration::from_nanos(knobs.nanos(&CALL_MILLIS_MIN));
    for run in runs(view, long) {
        let saved = view.waited(&run).saturating_sub(view.longest(&run));
        if run.len() < 2
            || one_endpoint(view, &run)
            || !view.matters(saved, knobs.nanos(&SAVED_MILLIS_MIN), knobs.get(&SAVED_SHARE_MIN))
        {
            continue;
        }
        found.push(sighting(view, &run, saved));
    }
}

/// Runs of calls that follow each other without overlap and do not depend on each other.
fn runs(view: &RequestView<'_>, long: Duration) -> Vec<Vec<usize>> {
    let mut candidates: Vec<usize> = view
        .places
        .iter()
        .copied()
        .filter(|place| reads(view, *place) && long <= view.path.inclusive(*place))
        .collect();
    candidates.sort_by_key(|place| (view.call(*place).start, *place));
    let mut runs: Vec<Vec<usize>> = Vec::new();
    for place in candidates {
        let joins = runs.last().is_some_and(|run| {
            run.iter().all(|earlier| {
                // Some runtimes cut begins to whole milliseconds.
                view.call(*earlier).end <= view.call(place).start + Duration::from_millis(1)
                    && is_independent(view, *earlier, place)
            })
        });
        match runs.last_mut() {
            Some(run) if joins => run.push(place),
            _ => runs.push(vec![place]),
        }
    }
    runs
}

/// Whether the call only reads, did not fail, and stands for itself.
fn reads(view: &RequestView<'_>, place: usize) -> bool {
    let call = view.call(place);
    if call.failed || call.count != 1 {
        return false;
    }
    match &call.work {
        Work::Http(http) => {
            matches!(http.method.as_str(), "GET" | "HEAD") || is_reading_rpc(&http.method)
        }
        Work::Statement(statement) => {
            words::asks_only(&statement.text) && statement.parameters == Parameters::None
        }
        _ => false,
    }
}

/// Whether a method of an RPC service reads, by its name.
fn is_reading_rpc(method: &str) -> bool {
    let name = method.rsplit(['/', '.']).next().unwrap_or(method);
    ["Get", "List", "Find", "Search", "Query", "Read", "Lookup", "BatchGet"]
        .iter()
        .any(|start| name.starts_with(start))
}

/// Whether nothing can have flowed from `earlier` to `later`.
fn is_independent(view: &RequestView<'_>, earlier: usize, later: usize) -> bool {
    // What runs in a middleware decides whether its handler runs at all.
    if view.node(earlier).parent != view.node(later).parent || writes_between(view, earlier, later)
    {
        return false;
    }
    let (Some(before), Some(http)) = (view.http(earlier), view.http(later)) else { return true };
    let from_request =
        view.request().map(|request| request.variables.as_slice()).unwrap_or_default();
    // The same again is polling: it waits for an answer to change.
    before.url_hash != http.url_hash
        && !is_gate(&before.template)
        && !names_a_thing(&http.template)
        && http
            .variables
            .iter()
            .all(|variable| from_request.contains(variable) || before.variables.contains(variable))
}

/// Whether the request wrote something in between, which the later call may be there to see.
fn writes_between(view: &RequestView<'_>, earlier: usize, later: usize) -> bool {
    let (from, to) = (view.call(earlier).end, view.call(later).start);
    view.places.iter().any(|place| {
        let call = view.call(*place);
        let writes = match &call.work {
            Work::Statement(statement) => statement.text.kind.writes(),
            Work::Http(http) => {
                !matches!(http.method.as_str(), "GET" | "HEAD") && !is_reading_rpc(&http.method)
            }
            Work::Send { .. } | Work::Mail { .. } => true,
            _ => false,
        };
        writes && from <= call.end && call.start <= to
    })
}

/// Whether an answer decides whether and how the rest is asked: sessions, tokens, flags, settings.
fn is_gate(template: &str) -> bool {
    const GATES: &[&str] = &[
        "auth",
        "oauth",
        "oauth2",
        "token",
        "tokens",
        "session",
        "sessions",
        "login",
        "jwks",
        "whoami",
        "me",
        "current",
        "config",
        "flags",
        "features",
        "permissions",
        "authorize",
        "userinfo",
    ];
    template
        .split(|letter: char| !letter.is_ascii_alphanumeric())
        .any(|word| GATES.iter().any(|gate| word.eq_ignore_ascii_case(gate)))
}

/// Whether a path names one thing of a collection by a word, which may be of another's answer:
/// `/teams/falcon/members`.
fn names_a_thing(template: &str) -> bool {
    let words: Vec<&str> = template
        .split('/')
        .filter(|word| !word.is_empty() && *word != "api" && !is_version(word))
        .collect();
    words.windows(3).any(|three| three[0].ends_with('s') && !three[1].starts_with('{'))
}

fn is_version(word: &str) -> bool {
    word.strip_prefix('v').is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Whether all calls reach one endpoint: a loop, which `n-plus-one-calls` reports.
fn one_endpoint(view: &RequestView<'_>, run: &[usize]) -> bool {
    let names: std::collections::BTreeSet<String> =
        run.iter().map(|place| name(view, *place)).collect();
    names.len() < 2 && 5 <= run.len()
}

fn name(view: &RequestView<'_>, place: usize) -> String {
    match &view.call(place).work {
        Work::Http(http) => endpoints::name(&http.method, &http.host, &http.template),
        Work::Statement(statement) => words::shorten(&statement.text.text),
        _ => view.call(place).name.to_string(),
    }
}

fn sighting(view: &RequestView<'_>, run: &[usize], saved: Duration) -> Sighting {
    let mut names: Vec<String> = run.iter().map(|place| name(view, *place)).collect();
    names.dedup();
    // Which calls are long enough differs from request to request; where they are made does not.
    let parent = run.first().and_then(|place| view.node(*place).parent);
    let cause = match parent.filter(|parent| *parent != view.entry) {
        Some(parent) => format!("calls below {}", view.call(parent).name),
        None => "calls of the request".to_owned(),
    };
    let claim = format!("{} wait for each other without need", words::list(&names, 3));
    let mut sighting = view.sighting(SERIAL_CALLS.name, cause, claim);
    sighting.evidence = view.evidence(run);
    sighting.evidence.endpoint = names.first().map(|name| Text::from(name.as_str()));
    sighting.evidence.excerpt = run
        .iter()
        .map(|place| {
            format!("{}, {}", name(view, *place), words::time(view.call(*place).duration()))
        })
        .collect();
    sighting.calls_now = u32::try_from(run.len()).unwrap_or(u32::MAX);
    sighting.calls_after = sighting.calls_now;
    sighting.saved = saved;
    sighting
}
