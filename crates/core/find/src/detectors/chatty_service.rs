//! Many different calls to one service within one request.
//!
//! `n-plus-one-calls` finds one endpoint in a loop; this finds a conversation: several endpoints of one
//! peer, each asked for a bit.

use std::collections::{BTreeMap, BTreeSet};

use model::{Sighting, Text};

use crate::{Detector, Knob, Knobs, Looks, RequestView, detectors::words};

static CALLS_MIN: Knob = Knob {
    key: "calls-min",
    default: 10.0,
    unit: "calls",
    doc: "Fewer calls to one service in a request are ordinary composition; peers use 15 to 20 for all \
          services together.",
};

static ENDPOINTS_MIN: Knob = Knob {
    key: "endpoints-min",
    default: 3.0,
    unit: "endpoints",
    doc: "With fewer endpoints it is a loop, which `n-plus-one-calls` reports.",
};

static SAVED_MILLIS_MIN: Knob = Knob {
    key: "saved-millis-min",
    default: 50.0,
    unit: "ms",
    doc: "Less time on the critical path than this does not pay for another interface.",
};

static SAVED_SHARE_MIN: Knob = Knob {
    key: "saved-share-min",
    default: 0.2,
    unit: "of the request",
    doc: "A smaller share of the request does not pay for another interface.",
};

pub(super) static CHATTY_SERVICE: Detector = Detector {
    code: "F005",
    name: "chatty-service",
    title: "A request talks with one service at length",
    doc: include_str!("chatty_service.md"),
    effort_days: 3.0,
    share_min: 0.0,
    knobs: &[&CALLS_MIN, &ENDPOINTS_MIN, &SAVED_MILLIS_MIN, &SAVED_SHARE_MIN],
    looks: Looks::Request(look),
};

fn look(view: &RequestView<'_>, knobs: &Knobs<'_>, found: &mut Vec<Sighting>) {
    let mut peers: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for place in view.remote.iter().copied() {
        if let Some(http) = view.http(place)
            && !http.host.is_empty()
            && !view.call(place).failed
        {
            peers.entry(&http.host).or_default().push(place);
        }
    }
    for (host, places) in peers {
        let endpoints: BTreeSet<(&str, &str)> = places
            .iter()
            .filter_map(|place| view.http(*place))
            .map(|http| (http.method.as_str(), http.template.as_str()))
            .collect();
        let busiest = busiest(view, &places);
        if places.len() < knobs.count(&CALLS_MIN)
            || endpoints.len() < knobs.count(&ENDPOINTS_MIN)
            || places.len() < 2 * busiest
        {
            continue;
        }
        let saved = view.waited(&places).saturating_sub(view.longest(&places));
        if !view.matters(saved, knobs.nanos(&SAVED_MILLIS_MIN), knobs.get(&SAVED_SHARE_MIN)) {
            continue;
        }
        let host = words::stable(host);
        let claim = format!("{host} is asked for many small things");
        let mut sighting = view.sighting(CHATTY_SERVICE.name, host.clone(), claim);
        sighting.evidence = view.evidence(&places);
        sighting.evidence.endpoint = Some(Text::from(host.as_str()));
        sighting.evidence.excerpt = vec![format!(
            "{} calls of {} endpoints of {host}, {} in all",
            places.len(),
            endpoints.len(),
            words::time(view.spent(&places))
        )];
        sighting.calls_now = u32::try_from(places.len()).unwrap_or(u32::MAX);
        sighting.calls_after = 1;
        sighting.saved = saved;
        found.push(sighting);
    }
}

/// Calls of the endpoint that is called most.
fn busiest(view: &RequestView<'_>, places: &[usize]) -> usize {
    let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for http in places.iter().filter_map(|place| view.http(*place)) {
        *counts.entry((http.method.as_str(), http.template.as_str())).or_default() += 1;
    }
    counts.into_values().max().unwrap_or_default()
}
