//! Many different calls to one service within one request.
//!
//! `n-plus-one-calls` finds one endpoint in a loop; this finds a conversation: several endpoints of one
//! peer, each asked for a bit.

use std::collections::BTreeMap;

use model::{Sighting, Text};

use crate::{
    Detector, Knob, Knobs, Looks, RequestView,
    detectors::{
        endpoints::{self, Endpoint},
        words,
    },
};

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
    looks: &[Looks::Request(look)],
};

fn look(view: &RequestView<'_>, knobs: &Knobs<'_>, found: &mut Vec<Sighting>) {
    let mut peers: BTreeMap<String, Vec<Endpoint>> = BTreeMap::new();
    for endpoint in endpoints::of(view) {
        let remote = endpoint.places.first().is_some_and(|place| view.http(*place).is_some());
        if remote && !endpoint.peer.is_empty() {
            peers.entry(endpoint.peer.clone()).or_default().push(endpoint);
        }
    }
    for (peer, endpoints) in peers {
        let count = |endpoint: &Endpoint| endpoints::calls(view, &endpoint.places);
        let calls: u32 = endpoints.iter().map(count).sum();
        let busiest = endpoints.iter().map(count).max().unwrap_or_default();
        if (calls as usize) < knobs.count(&CALLS_MIN)
            || endpoints.len() < knobs.count(&ENDPOINTS_MIN)
            || calls < 2 * busiest
        {
            continue;
        }
        let places: Vec<usize> =
            endpoints.iter().flat_map(|endpoint| endpoint.places.iter().copied()).collect();
        let saved = view.waited(&places).saturating_sub(view.longest(&places));
        if !view.matters(saved, knobs.nanos(&SAVED_MILLIS_MIN), knobs.get(&SAVED_SHARE_MIN)) {
            continue;
        }
        let claim = format!("{peer} is asked for many small things");
        let mut sighting = view.sighting(CHATTY_SERVICE.name, peer.clone(), claim);
        sighting.evidence = view.evidence(&places);
        sighting.evidence.endpoint = Some(Text::from(peer.as_str()));
        sighting.evidence.excerpt = vec![format!(
            "{calls} calls of {} endpoints of {peer}, {} in all",
            endpoints.len(),
            words::time(view.spent(&places))
        )];
        sighting.calls_now = calls;
        sighting.calls_after = 1;
        sighting.saved = saved;
        found.push(sighting);
    }
}
