//! Own time after the last fetch: turning rows into the answer takes longer than getting them.

use std::sync::Arc;

use model::Sighting;

use crate::{Detector, Knob, Knobs, Looks, RequestView, detectors::words};

static OWN_MILLIS_MIN: Knob = Knob {
    key: "own-millis-min",
    default: 100.0,
    unit: "ms",
    doc: "Half of the usual p95 target of 200 ms, spent on nothing but writing the answer down.",
};

static OWN_SHARE_MIN: Knob = Knob {
    key: "own-share-min",
    default: 0.4,
    unit: "of the request",
    doc: "With a smaller share, fetching is the greater part.",
};

/// What of that time a lean serializer leaves: the essays' and our own figures lie between a fifth and
/// a third, so a third is what we promise at most.
const LEFT: u32 = 3;

pub(super) static HEAVY_SERIALIZATION: Detector = Detector {
    code: "F008",
    name: "heavy-serialization",
    title: "Writing the answer down takes longer than finding it",
    doc: include_str!("heavy_serialization.md"),
    effort_days: 1.0,
    share_min: 0.2,
    knobs: &[&OWN_MILLIS_MIN, &OWN_SHARE_MIN],
    looks: Looks::Request(look),
};

fn look(view: &RequestView<'_>, knobs: &Knobs<'_>, found: &mut Vec<Sighting>) {
    let writes = view.statements.iter().any(|group| group.text.kind.writes());
    let Some((last, own)) = view.own_after_last_fetch() else { return };
    if !view.is_awaited()
        || writes
        || view.is_stream()
        || view.entry_call().failed
        || !view.matters(own, knobs.nanos(&OWN_MILLIS_MIN), knobs.get(&OWN_SHARE_MIN))
    {
        return;
    }
    let claim = "the answer takes longer to write down than to find".to_owned();
    let mut sighting = view.sighting(HEAVY_SERIALIZATION.name, "own time".to_owned(), claim);
    sighting.evidence = view.evidence(&[last]);
    sighting.evidence.source = view.statement(last).map(|statement| Arc::clone(&statement.text));
    sighting.evidence.excerpt = vec![
        format!(
            "{} until the last fetch had begun to answer",
            words::time(view.duration().saturating_sub(own))
        ),
        format!("{} of the service's own work after it", words::time(own)),
    ];
    sighting.saved = own.saturating_sub(own / LEFT);
    found.push(sighting);
}
