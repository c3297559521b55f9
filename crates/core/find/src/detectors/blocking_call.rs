//! Mail, webhooks, documents and other systems that a request waits for, though its answer does not.
//!
//! Spans do not say what an answer needs, so this asks for evidence that it does not: mail always;
//! documents by the names of their spans, unless the request is for a document; remote calls only if they
//! write, within a request that writes, and are named as messages and copies to other systems are
//! (`hooks`, `crm`, `SendEmail`). A call that nothing is known of is taken for part of the answer.

use std::{collections::BTreeSet, time::Duration};

use model::{HttpCall, Request, Sighting, Text, Work};

use crate::{
    Detector, Knob, Knobs, Looks, RequestView,
    detectors::{endpoints, names, words},
};

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

/// Words of calls whose answers decide what the request answers, whatever else they say.
const NEEDED: &[&str] = &[
    "auth",
    "authenticat*",
    "authoriz*",
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
    "render*",
    "preview*",
    // Hosts of models and of files: what is made or stored there is the answer, or part of it.
    "ai",
    "openai",
    "llm",
    "ml",
    "vision",
    "s3",
    "blob",
    "storage",
    "minio",
];

/// Words of calls that tell somebody something: nobody's answer hangs on that.
const MESSAGES: &[&str] = &[
    "webhook*",
    "hook",
    "hooks",
    "callback",
    "callbacks",
    "notif*",
    "mail",
    "mails",
    "mailer*",
    "mailgun",
    "mailchimp",
    "mandrill",
    "email*",
    "gmail",
    "ses",
    "sendgrid",
    "postmark*",
    "sparkpost",
    "mailjet",
    "brevo",
    "sms",
    "twilio",
    "vonage",
    "messagebird",
    "push",
    "fcm",
    "onesignal",
    "slack",
    "discord",
    "telegram",
    "pagerduty",
    "opsgenie",
];

/// Words of calls that keep another system's copy up to date. Where the request itself is called so,
/// they are what it is for.
const COPIES: &[&str] = &[
    "analytics",
    "segment",
    "mixpanel",
    "amplitude",
    "posthog",
    "klaviyo",
    "braze",
    "track",
    "event",
    "events",
    "audit*",
    "log",
    "logs",
    "sync",
    "syncs",
    "synchroni*",
    "export*",
    "crm",
    "erp",
    "hr",
    "hris",
    "ats",
    "hubspot",
    "salesforce",
    "pipedrive",
    "zendesk",
    "intercom",
    "workday",
    "bamboohr",
    "personio",
    "netsuite",
    "zapier",
    "reindex*",
    "indexer*",
    "indexing",
];

/// How RPC methods begin that only tell somebody something; there are no verbs as HTTP has them.
const TELLING: &[&str] = &["send", "notify", "publish", "push", "track", "email", "deliver"];

/// Parts of span names that tell of documents.
const DOCUMENTS: &[&str] = &["pdf", "thumbnail", "invoice.render", "export_csv"];

/// Parts of span names that tell of mail.
const MAILS: &[&str] = &["send_mail", "send_email", "sendmail"];

/// Words of requests for a document, and of spans that read one.
const FOR_DOCUMENTS: &[&str] = &[
    "pdf",
    "pdfs",
    "export*",
    "download*",
    "render*",
    "preview*",
    "thumb*",
    "convert*",
    "print",
    "report*",
    "parse*",
    "read",
    "extract*",
];

pub(super) static BLOCKING_CALL: Detector = Detector {
    code: "F006",
    name: "blocking-call",
    title: "The answer waits for work that it does not need",
    doc: include_str!("blocking_call.md"),
    effort_days: 1.5,
    share_min: 0.0,
    knobs: &[&WAITED_MILLIS_MIN, &WAITED_SHARE_MIN],
    looks: &[Looks::Request(look)],
};

fn look(view: &RequestView<'_>, knobs: &Knobs<'_>, found: &mut Vec<Sighting>) {
    if !view.is_awaited() {
        return;
    }
    let places: Vec<usize> = view
        .places
        .iter()
        .copied()
        .skip(1)
        .filter(|place| is_deferrable(view, *place) && !is_below_another(view, *place))
        .collect();
    let waited = view.waited(&places);
    if places.is_empty()
        || !view.matters(waited, knobs.nanos(&WAITED_MILLIS_MIN), knobs.get(&WAITED_SHARE_MIN))
    {
        return;
    }
    found.push(sighting(view, &places, waited));
}

fn is_deferrable(view: &RequestView<'_>, place: usize) -> bool {
    let call = view.call(place);
    let Some(request) = view.request() else { return false };
    match &call.work {
        Work::Mail { .. } => true,
        Work::Http(http) if is_write(&http.method) => {
            is_write(&request.method) && is_told(view, request, place, http)
        }
        Work::Http(http) => {
            let method = names::words(&http.method);
            let tells = method.first().is_some_and(|first| names::is_one_of(first, TELLING));
            let target = format!("{}/{}", http.template, http.method);
            tells && !names::says(&target, NEEDED) && says_side_effect(&target)
        }
        // A document that is asked for, with GET or by name, is the answer.
        Work::Own | Work::Render { .. } if is_write(&request.method) => {
            let name = call.name.to_lowercase();
            let has = |parts: &[&str]| parts.iter().any(|part| name.contains(part));
            has(MAILS)
                || has(DOCUMENTS)
                    && !names::says(&request.operation, FOR_DOCUMENTS)
                    && !names::says(&name, &["parse*", "read", "extract*"])
        }
        _ => false,
    }
}

fn is_write(method: &str) -> bool {
    matches!(method, "POST" | "PUT" | "PATCH" | "DELETE")
}

fn says_side_effect(target: &str) -> bool {
    names::says(target, MESSAGES) || names::says(target, COPIES)
}

/// Whether a call over HTTP tells another system what has happened here.
fn is_told(view: &RequestView<'_>, request: &Request, place: usize, http: &HttpCall) -> bool {
    let target = format!("{}{}", http.host, http.template);
    let path = path_words(&http.template);
    let is_passed_on = !path.is_empty() && path == path_words(&request.operation);
    if is_passed_on || names::says(&target, NEEDED) {
        return false;
    }
    if names::says(&target, MESSAGES) {
        return true;
    }
    let purpose = names::words(&request.operation);
    let is_purpose = |word: &String| purpose.contains(word);
    let copies: Vec<String> =
        names::words(&target).into_iter().filter(|word| names::is_one_of(word, COPIES)).collect();
    !copies.is_empty() && !copies.iter().any(is_purpose) && has_other_work(view, place)
}

/// The segments of a path that are no variables.
fn path_words(path: &str) -> Vec<&str> {
    let path = path.split_once(' ').map_or(path, |(_, path)| path);
    let is_variable = |part: &&str| part.starts_with(['{', ':', '<']);
    path.split('/').filter(|part| !part.is_empty() && !is_variable(part)).collect()
}

/// Whether the request changes something itself, or tells others too: then this call is not all that
/// it is for.
fn has_other_work(view: &RequestView<'_>, place: usize) -> bool {
    let is_work = |other: &usize| match &view.call(*other).work {
        Work::Statement(statement) => statement.text.kind.writes(),
        Work::Mail { .. } | Work::Send { .. } => true,
        Work::Http(http) => is_write(&http.method),
        _ => false,
    };
    view.places.iter().any(|other| *other != place && is_work(other))
}

/// Whether a span above it is deferrable already, and counted.
fn is_below_another(view: &RequestView<'_>, place: usize) -> bool {
    let mut next = view.node(place).parent;
    while let Some(above) = next.filter(|above| *above != view.entry) {
        if is_deferrable(view, above) {
            return true;
        }
        next = view.node(above).parent;
    }
    false
}

fn sighting(view: &RequestView<'_>, places: &[usize], waited: Duration) -> Sighting {
    let name = |place: &usize| match &view.call(*place).work {
        Work::Mail { peer } if peer.is_empty() => "mail".to_owned(),
        Work::Mail { peer } => words::stable(&format!("mail to {peer}")),
        Work::Http(http) => endpoints::name(&http.method, &http.host, &http.template),
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
