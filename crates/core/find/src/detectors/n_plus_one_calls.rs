//! The same remote endpoint, called in a loop.
//!
//! Sentry looks for this in browsers only; backends do it more. Calls that fail and are tried again are
//! left to `retry-storm`.

use std::{collections::BTreeMap, time::Duration};

use model::{Sighting, Text};

use crate::{Detector, Knob, Knobs, Looks, RequestView, detectors::words};

static REPEATS_MIN: Knob = Knob {
    key: "repeats-min",
    default: 5.0,
    unit: "calls",
    doc: "Fewer calls of one endpoint in a request are ordinary; Sentry begins at 5.",
};

static SAVED_MILLIS_MIN: Knob = Knob {
    key: "saved-millis-min",
    default: 20.0,
    unit: "ms",
    doc: "Less time on the critical path than this does not pay for a batch endpoint.",
};

static SAVED_SHARE_MIN: Knob = Knob {
    key: "saved-share-min",
    default: 0.1,
    unit: "of the request",
    doc: "A smaller share of the request does not pay for a batch endpoint.",
};

pub(super) static N_PLUS_ONE_CALLS: Detector = Detector {
    code: "F004",
    name: "n-plus-one-calls",
    title: "A remote endpoint is called once per item",
    doc: include_str!("n_plus_one_calls.md"),
    effort_days: 2.0,
    share_min: 0.0,
    knobs: &[&REPEATS_MIN, &SAVED_MILLIS_MIN, &SAVED_SHARE_MIN],
    looks: Looks::Request(look),
};

fn look(view: &RequestView<'_>, knobs: &Knobs<'_>, found: &mut Vec<Sighting>) {
    let repeats_min = u32::try_from(knobs.count(&REPEATS_MIN)).unwrap_or(u32::MAX).max(2);
    for ((method, host, template), places) in by_endpoint(view) {
        let count = calls(view, &places);
        if count < repeats_min {
            continue;
        }
        let longest = view.longest(&places);
        let saved = view.waited(&places).saturating_sub(longest);
        if !view.matters(saved, knobs.nanos(&SAVED_MILLIS_MIN), knobs.get(&SAVED_SHARE_MIN)) {
            continue;
        }
        let endpoint = words::stable(&format!("{method} {host}{template}"));
        let same = places
            .iter()
            .filter_map(|place| view.http(*place))
            .all(|http| Some(http.url_hash) == view.http(places[0]).map(|first| first.url_hash));
        let claim = if same && places.len() == count as usize {
            format!("{endpoint} is asked for the same thing again and again")
        } else {
            format!("{endpoint} is called once per item")
        };
        let mut sighting = view.sighting(N_PLUS_ONE_CALLS.name, endpoint.clone(), claim);
        sighting.evidence = view.evidence(&places);
        sighting.evidence.endpoint = Some(Text::from(endpoint.as_str()));
        let each = view.spent(&places) / count.max(1);
        sighting.evidence.excerpt =
            vec![format!("{count} x {endpoint}, {} each", words::time(each))];
        sighting.calls_now = count;
        sighting.calls_after = 1;
        sighting.saved = saved;
        sighting.saved_database = Duration::ZERO;
        found.push(sighting);
    }
}

/// Places of remote calls that did not fail, by method, host and path.
fn by_endpoint<'a>(view: &RequestView<'a>) -> BTreeMap<(&'a str, &'a str, &'a str), Vec<usize>> {
    let mut endpoints: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for place in view.remote.iter().copied() {
        let Some(http) = view.http(place) else { continue };
        if !view.call(place).failed {
            let key = (http.method.as_str(), http.host.as_str(), http.template.as_str());
            endpoints.entry(key).or_default().push(place);
        }
    }
    endpoints
}

fn calls(view: &RequestView<'_>, places: &[usize]) -> u32 {
    places.iter().fold(0, |sum, place| sum.saturating_add(view.call(*place).count))
}
