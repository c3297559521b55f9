//! Mail, webhooks, documents and outside systems that a request waits for, though its answer does not.
//!
//! Spans do not say what an answer needs. So this goes by what such calls are: mail always; documents by
//! the names of their spans; remote calls only if they write, to a host that no traced service
//! answers, within a request that writes itself, and unless their name says that the answer hangs on
//! them (payment, authorisation, prices …).

use std::{collections::BTreeSet, time::Duration};

use model::{HttpCall, Sighting, Text, Work};

use crate::{Detector, Knob, Knobs, Looks, RequestView, detectors::words};

static WAITED_MILLIS_MIN: Knob = Knob {
    key: "waited-millis-min",
    default: 100.0,
    unit: "ms",
    doc: "Shorter waits do not pay for a queue; a mail or webhook takes 200 ms to 2 s.",
};

static WAITED_SHARE_MIN: Knob = Knob {
    key: "waited-share-min",
    default: 0.1,
    unit: "of the request",
    doc: "A smaller share of the request would not be noticed by whoever waits for it.",
};

/// Words in hosts and paths of calls whose answers decide what the request answers; `*` stands for any
/// ending.
const NEEDED: &[&str] = &[
    "auth*",
    "oauth*",
    "token*",
    "login",
    "session*",
    "pay",
    "payment*",
    "charge*",
    "checkout*",
    "intent*",
    "refund*",
    "quote*",
    "price*",
    "pricing",
    "rate",
    "rates",
    "tax",
    "taxes",
    "search*",
    "query",
    "graphql",
    "predict*",
    "infer*",
    "complet*",
    "embed*",
    "verif*",
    "validat*",
    "fraud*",
    "geocod*",
    "translat*",
    "lookup*",
    "availab*",
    "reserv*",
    "stock*",
    "bulk",
    "msearch",
];

/// Words in hosts and paths of calls that only have effects elsewhere.
const SIDE_EFFECTS: &[&str] = &[
    "webhook*",
    "hook*",
    "notif*",
    "mail*",
    "email*",
    "sms",
    "slack",
    "push",
    "analytics",
    "track*",
    "event*",
    "audit*",
    "log",
    "logs",
    "sync",
    "export*",
    "report*",
    "crm",
    "hr",
    "index*",
];

/// Parts of span names that tell of documents.
const DOCUMENTS: &[&str] =
    &["pdf", "send_mail", "send_email", "sendmail", "thumbnail", "invoice.render", "export_csv"];

pub(super) static BLOCKING_CALL: Detector = Detector {
    code: "F006",
    name: "blocking-call",
    title: "The answer waits for work that it does not need",
    doc: include_str!("blocking_call.md"),
    effort_days: 1.5,
    share_min: 0.0,
    knobs: &[&WAITED_MILLIS_MIN, &WAITED_SHARE_MIN],
    looks: Looks::Request(look),
};

fn look(view: &RequestView<'_>, knobs: &Knobs<'_>, found: &mut Vec<Sighting>) {
    if !view.is_awaited() {
        return;
    }
    let writes = view.request().is_some_and(|request| {
        matches!(request.method.as_str(), "POST" | "PUT" | "PATCH" | "DELETE")
    });
    let places: Vec<usize> = view
        .places
        .iter()
        .copied()
        .skip(1)
        .filter(|place| {
            !is_below_another(view, *place, writes) && is_deferrable(view, *place, writes)
        })
        .collect();
    let waited = view.waited(&places);
    if places.is_empty()
        || !view.matters(waited, knobs.nanos(&WAITED_MILLIS_MIN), knobs.get(&WAITED_SHARE_MIN))
    {
        return;
    }
    found.push(sighting(view, &places, waited));
}

fn is_deferrable(view: &RequestView<'_>, place: usize, request_writes: bool) -> bool {
    let call = view.call(place);
    match &call.work {
        Work::Mail { .. } => true,
        Work::Http(http) => request_writes && is_side_effect(http),
        // A document that is asked for with GET is the answer.
        Work::Own | Work::Render { .. } if request_writes => {
            let name = call.name.to_lowercase();
            DOCUMENTS.iter().any(|part| name.contains(part))
        }
        _ => false,
    }
}

/// Whether a span above it is deferrable already, and counted.
fn is_below_another(view: &RequestView<'_>, place: usize, request_writes: bool) -> bool {
    let mut next = view.node(place).parent;
    while let Some(above) = next.filter(|above| *above != view.entry) {
        if is_deferrable(view, above, request_writes) {
            return true;
        }
        next = view.node(above).parent;
    }
    false
}

fn is_side_effect(http: &HttpCall) -> bool {
    let target = format!("{}{}", http.host, http.template).to_lowercase();
    let words = || target.split(|letter: char| !letter.is_ascii_alphanumeric());
    let says = |known: &[&str]| {
        words().any(|word| {
            known.iter().any(|known| match known.strip_suffix('*') {
                Some(start) => word.starts_with(start),
                None => word == *known,
            })
        })
    };
    let method_writes = matches!(http.method.as_str(), "POST" | "PUT" | "PATCH" | "DELETE");
    method_writes && !says(NEEDED) && (!http.answered || says(SIDE_EFFECTS))
}

fn sighting(view: &RequestView<'_>, places: &[usize], waited: Duration) -> Sighting {
    let name = |place: &usize| match &view.call(*place).work {
        Work::Mail { peer } if peer.is_empty() => "mail".to_owned(),
        Work::Mail { peer } => words::stable(&format!("mail to {peer}")),
        Work::Http(http) => {
            words::stable(&format!("{} {}{}", http.method, http.host, http.template))
        }
        _ => view.call(*place).name.to_string(),
    };
    let names: BTreeSet<String> = places.iter().map(name).collect();
    let names: Vec<String> = names.into_iter().collect();
    let claim = format!("the answer waits for {}", words::list(&names, 4));
    let mut sighting = view.sighting(BLOCKING_CALL.name, "side effects".to_owned(), claim);
    sighting.evidence = view.evidence(places);
    sighting.evidence.endpoint = names.first().map(|name| Text::from(name.as_str()));
    sighting.evidence.excerpt = places
        .iter()
        .map(|place| format!("{}, {}", name(place), words::time(view.path.inclusive(*place))))
        .collect();
    sighting.calls_now = u32::try_from(places.len()).unwrap_or(u32::MAX);
    sighting.calls_after = 0;
    sighting.saved = waited;
    sighting
}
