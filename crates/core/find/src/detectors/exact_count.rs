//! An exact count of many rows that somebody waits for.

use std::{sync::Arc, time::Duration};

use model::{FilterOperator, Projection, Sighting};

use crate::{Detector, Knob, Knobs, Looks, RequestView, detectors::words};

static WAITED_MILLIS_MIN: Knob = Knob {
    key: "waited-millis-min",
    default: 30.0,
    unit: "ms",
    doc: "A count that takes less is of few rows, or answered from an index; ten million rows took 1.4 s.",
};

static WAITED_SHARE_MIN: Knob = Knob {
    key: "waited-share-min",
    default: 0.1,
    unit: "of the request",
    doc: "A smaller share of the request would not be noticed by whoever waits for it.",
};

pub(super) static EXACT_COUNT: Detector = Detector {
    code: "F011",
    name: "exact-count",
    title: "Every row is counted for a number that few need",
    doc: include_str!("exact_count.md"),
    effort_days: 0.5,
    share_min: 0.0,
    knobs: &[&WAITED_MILLIS_MIN, &WAITED_SHARE_MIN],
    looks: Looks::Request(look),
};

fn look(view: &RequestView<'_>, knobs: &Knobs<'_>, found: &mut Vec<Sighting>) {
    for group in &view.statements {
        let Some(shape) = &group.text.shape else { continue };
        if shape.projection != Projection::Count || shape.grouped {
            continue;
        }
        let waited = view.waited(&group.places);
        let each = waited / group.count.max(1);
        let matters =
            view.matters(waited, knobs.nanos(&WAITED_MILLIS_MIN), knobs.get(&WAITED_SHARE_MIN));
        if !matters || each < Duration::from_nanos(knobs.nanos(&WAITED_MILLIS_MIN)) {
            continue;
        }
        let narrow = shape.filters.iter().any(|filter| filter.operator == FilterOperator::Equal);
        found.push(sighting(view, group.text, &group.places, narrow));
    }
}

fn sighting(
    view: &RequestView<'_>,
    text: &Arc<model::StatementText>,
    places: &[usize],
    narrow: bool,
) -> Sighting {
    let table = words::table(text);
    let which = if narrow { "matching rows" } else { "rows" };
    let claim = format!("all {which} of {table} are counted for each request");
    let mut sighting = view.sighting(EXACT_COUNT.name, format!("{:016x}", text.fingerprint), claim);
    sighting.evidence = view.evidence(places);
    sighting.evidence.statement = Some(Arc::clone(text));
    sighting.evidence.excerpt = vec![format!(
        "{} x {}, {} each",
        places.len(),
        words::shorten(&text.text),
        words::time(view.longest(places))
    )];
    sighting.calls_now = u32::try_from(places.len()).unwrap_or(u32::MAX);
    sighting.calls_after = 0;
    sighting.saved = view.waited(places);
    sighting.saved_database = view.spent(places);
    sighting
}
