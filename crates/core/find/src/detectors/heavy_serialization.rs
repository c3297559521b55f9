//! Own time after the last fetch: turning rows into the answer takes longer than getting them.
//!
//! Spans do not say what that time went for. So this asks that there are rows to be turned: a list was
//! read, by a request that is there to give it back, and no other name explains the time.

use std::{sync::Arc, time::Duration};

use model::{Moment, Request, Sighting, Work};

use crate::{
    Detector, Knob, Knobs, Looks, RequestView,
    detectors::{names, words},
};

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

/// An answer of as many bytes takes time to write down, from whatever it was read.
const BYTES_MIN: u64 = 200_000;

/// Words of requests that ask, though their method does not say so.
const ASKING: &[&str] = &[
    "search*", "graphql", "query", "list", "lists", "find", "get", "fetch", "filter", "export*",
    "report*",
];

/// Words of requests whose own work is something else than writing rows down.
const COMPUTING: &[&str] = &[
    "login",
    "signin",
    "logon",
    "auth",
    "authenticat*",
    "authoriz*",
    "oauth*",
    "token*",
    "session*",
    "password*",
    "register",
    "signup",
    "captcha*",
    "predict*",
    "infer*",
    "recommend*",
    "embed*",
    "completion*",
    "generat*",
    "thumb*",
    "resize*",
    "qr",
    "qrcode",
    "pdf",
    "pdfs",
    "convert*",
    "ocr",
    "hash",
    "encrypt*",
    "solve*",
    "simulat*",
    "optimi*",
];

/// Words of spans in which answers are written down, or that hold the spans in which they are.
const WRITING_DOWN: &[&str] = &[
    "serial*",
    "render*",
    "json*",
    "xml",
    "csv",
    "template*",
    "view*",
    "format*",
    "encod*",
    "marshal*",
    "dump*",
    "present*",
    "represent*",
    "respon*",
    "send",
    "middleware*",
    "handler*",
    "controller*",
    "resolve*",
    "map*",
    "convert*",
    "dto",
    "hydrat*",
    "dict",
    "to",
];

pub(super) static HEAVY_SERIALIZATION: Detector = Detector {
    code: "F008",
    name: "heavy-serialization",
    title: "Writing the answer down takes longer than finding it",
    doc: include_str!("heavy_serialization.md"),
    effort_days: 1.0,
    share_min: 0.2,
    knobs: &[&OWN_MILLIS_MIN, &OWN_SHARE_MIN],
    looks: &[Looks::Request(look)],
};

fn look(view: &RequestView<'_>, knobs: &Knobs<'_>, found: &mut Vec<Sighting>) {
    let Some(request) = view.request().filter(|_| view.is_awaited()) else { return };
    let writes = view.statements.iter().any(|group| group.text.kind.writes());
    let Some((last, own)) = view.own_after_last_fetch() else { return };
    if writes
        || view.is_stream()
        || view.entry_call().failed
        || !only_answers(request)
        || !view.matters(own, knobs.nanos(&OWN_MILLIS_MIN), knobs.get(&OWN_SHARE_MIN))
        || own < other_work(view, view.call(last).end) * 2
    {
        return;
    }
    // One row is written down in no time: what takes long after it is something else.
    let is_large = request.response_bytes.is_some_and(|bytes| BYTES_MIN <= bytes);
    let Some(source) = source(view).or_else(|| is_large.then_some(last)) else { return };
    let claim = "much of the time is the service's own work after the last fetch".to_owned();
    let mut sighting = view.sighting(HEAVY_SERIALIZATION.name, "own time".to_owned(), claim);
    sighting.evidence = view.evidence(&[last]);
    sighting.evidence.source = view.statement(source).map(|statement| Arc::clone(&statement.text));
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

/// Whether the request is there to give rows back, and not to check, compute or make something.
fn only_answers(request: &Request) -> bool {
    let reads = match request.method.as_str() {
        "GET" | "HEAD" | "QUERY" => true,
        "POST" | "" => names::says(&request.operation, ASKING),
        _ => false,
    };
    reads && !names::says(&request.operation, COMPUTING)
}

/// The last read of a list.
fn source(view: &RequestView<'_>) -> Option<usize> {
    let is_list = |place: &usize| view.statement(*place).is_some_and(names::reads_many);
    let ends = |place: &usize| (view.call(*place).end, *place);
    view.places.iter().copied().filter(is_list).max_by_key(ends)
}

/// Time on the critical path of what the service does after `from` under a name of its own that does
/// not speak of writing an answer down: waiting for a lock, scaling an image.
fn other_work(view: &RequestView<'_>, from: Moment) -> Duration {
    let is_other = |place: &usize| {
        let call = view.call(*place);
        *place != view.entry
            && from <= call.start
            && call.work == Work::Own
            && !names::says(&call.name, WRITING_DOWN)
    };
    view.places.iter().copied().filter(is_other).map(|place| view.path.own(place)).sum()
}
