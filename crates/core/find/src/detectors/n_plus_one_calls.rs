//! The same remote endpoint, called in a loop.
//!
//! Sentry looks for this in browsers only; backends do it more. Calls that fail and are tried again are
//! left to `retry-storm`; pages of a list and parts of an upload have to be asked one by one.

use model::{Sighting, Text};

use crate::{
    Detector, Knob, Knobs, Looks, RequestView,
    detectors::{
        endpoints::{self, Endpoint},
        words,
    },
};

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
    looks: &[Looks::Request(look)],
};

fn look(view: &RequestView<'_>, knobs: &Knobs<'_>, found: &mut Vec<Sighting>) {
    let repeats_min = u32::try_from(knobs.count(&REPEATS_MIN)).unwrap_or(u32::MAX).max(2);
    for Endpoint { name, places, .. } in endpoints::of(view) {
        let count = endpoints::calls(view, &places);
        if count < repeats_min {
            continue;
        }
        let saved = view.waited(&places).saturating_sub(view.longest(&places));
        if !view.matters(saved, knobs.nanos(&SAVED_MILLIS_MIN), knobs.get(&SAVED_SHARE_MIN)) {
            continue;
        }
        let claim = if asks_the_same(view, &places) {
            format!("{name} is asked for the same thing again and again")
        } else {
            format!("{name} is called once per item")
        };
        let mut sighting = view.sighting(N_PLUS_ONE_CALLS.name, name.clone(), claim);
        sighting.evidence = view.evidence(&places);
        sighting.evidence.endpoint = Some(Text::from(name.as_str()));
        let each = view.spent(&places) / count.max(1);
        sighting.evidence.excerpt = vec![format!("{count} x {name}, {} each", words::time(each))];
        sighting.calls_now = count;
        sighting.calls_after = 1;
        sighting.saved = saved;
        found.push(sighting);
    }
}

/// Whether all calls are for one URL, where URLs can be seen.
fn asks_the_same(view: &RequestView<'_>, places: &[usize]) -> bool {
    let mut urls = places.iter().map(|place| view.http(*place).map(|http| http.url_hash));
    let first = urls.next().flatten();
    let seen = view.http(places[0]).is_some_and(|http| http.template.starts_with('/'));
    let lone = places.iter().all(|place| view.call(*place).count == 1);
    seen && lone && first.is_some() && urls.all(|url| url == first)
}
