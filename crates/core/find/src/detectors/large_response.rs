//! Answers of many bytes.
//!
//! Spans end when the answer is handed over. What the reader waits for after that is computed, and told
//! beside what was measured; durations and savings stay measured ones.

use std::time::Duration;

use model::{Request, Sighting, Text};

use crate::{Detector, Knob, Knobs, Looks, RequestView, detectors::names};

static BYTES_MIN: Knob = Knob {
    key: "bytes-min",
    default: 500_000.0,
    unit: "bytes",
    doc: "Sentry warns of payloads from 300,000 bytes; a page of 100 rows with 1 KB each is 100,000.",
};

static LINE_MEGABITS: Knob = Knob {
    key: "line-megabits",
    default: 25.0,
    unit: "Mbit/s",
    doc: "The line over which the time of the transfer is computed: an ordinary mobile connection.",
};

/// What such an answer should weigh: a page of rows that people look at.
const BYTES_AFTER: f64 = 100_000.0;

/// Not all of that time goes with the bytes: as with a lean serializer, a third is taken to stay.
const OWN_SPARED_MAX: f64 = 2.0 / 3.0;

/// What compression leaves of JSON: 60 to 80 % go.
const COMPRESSED: f64 = 0.3;

/// Words of content types that programs and people read as a whole.
const TEXTS: &[&str] = &["json", "xml", "html", "text"];

/// Ends of the names of files.
const ENDINGS: &[&str] = &[
    ".pdf", ".zip", ".csv", ".xlsx", ".docx", ".png", ".jpg", ".jpeg", ".gif", ".webp", ".svg",
    ".mp3", ".mp4", ".gz", ".tar", ".js", ".map", ".css", ".woff2", ".wasm", ".ics",
];

/// Segments of paths below which files are.
const FOLDERS: &[&str] = &[
    "download",
    "downloads",
    "export",
    "exports",
    "media",
    "static",
    "assets",
    "files",
    "attachments",
    "uploads",
    "images",
    "img",
    "thumb",
    "thumbnails",
    "avatar",
    "avatars",
    "video",
    "videos",
    "sitemap.xml",
];

pub(super) static LARGE_RESPONSE: Detector = Detector {
    code: "F013",
    name: "large-response",
    title: "Answers are larger than anybody reads",
    doc: include_str!("large_response.md"),
    effort_days: 1.0,
    share_min: 0.0,
    knobs: &[&BYTES_MIN, &LINE_MEGABITS],
    looks: &[Looks::Request(look)],
};

#[expect(clippy::cast_precision_loss, reason = "bytes stay far below 2^52")]
fn look(view: &RequestView<'_>, knobs: &Knobs<'_>, found: &mut Vec<Sighting>) {
    let Some(request) = view.request().filter(|_| view.is_awaited()) else { return };
    let Some(bytes) = request.response_bytes else { return };
    if (bytes as f64) < knobs.get(&BYTES_MIN)
        || !is_whole(request)
        || view.is_stream()
        || is_asked_by_a_service(view)
    {
        return;
    }
    let share = if request.compressed == Some(true) { 1.0 } else { COMPRESSED };
    let bytes_after = BYTES_AFTER * share;
    let megabits = (bytes as f64 - bytes_after).max(0.0) * 8.0 / 1e6;
    let transfer = megabits / knobs.get(&LINE_MEGABITS).max(0.1);
    let claim = "answers are larger than anybody reads".to_owned();
    let mut sighting = view.sighting(LARGE_RESPONSE.name, "bytes".to_owned(), claim);
    sighting.evidence = view.evidence(&[view.entry]);
    sighting.evidence.attribute =
        Some((Text::from("http.response.body.size"), Text::from(bytes.to_string())));
    // The transfer is computed, not measured, and comes after the end of the span: so it is told,
    // and not mixed with times that are.
    sighting.evidence.excerpt = vec![format!(
        "{:.2} MB in one answer: {transfer:.2} s longer over a line of {} Mbit/s, which no span shows",
        bytes as f64 / 1e6,
        knobs.get(&LINE_MEGABITS)
    )];
    // Measured is how long the service worked on the answer after its last fetch; bytes that need
    // not be written take their share of that along.
    let own = view.own_after_last_fetch().map_or_else(Duration::default, |(_, own)| own);
    let spared = 1.0 - BYTES_AFTER.min(bytes as f64) / (bytes as f64).max(1.0);
    sighting.saved = own.mul_f64(spared.clamp(0.0, OWN_SPARED_MAX));
    found.push(sighting);
}

/// Whether the answer is one text, given back as a whole: neither a file nor a part of one.
fn is_whole(request: &Request) -> bool {
    if !matches!(request.status, 0 | 200) {
        return false;
    }
    let is_type = |(key, _): &&(Text, Text)| {
        matches!(
            key.as_str(),
            "http.response.header.content-type" | "http.response.header.content_type"
        )
    };
    match request.attributes.iter().find(is_type) {
        Some((_, kind)) => names::says(kind, TEXTS) && !names::says(kind, &["csv", "stream"]),
        None => !is_file(&request.path),
    }
}

/// Between two services of one trace the bytes go over a fast line, and nobody is to read them.
fn is_asked_by_a_service(view: &RequestView<'_>) -> bool {
    let parent = view.node(view.entry).parent;
    parent.is_some_and(|parent| {
        view.http(parent).is_some() && view.call(parent).service != view.entry_call().service
    })
}

/// Files are asked for as such; their size is no accident.
fn is_file(path: &str) -> bool {
    let lower = path.to_lowercase();
    let (before, name) = lower.rsplit_once('/').unwrap_or(("", lower.as_str()));
    ENDINGS.iter().any(|ending| name.ends_with(ending))
        || before.split('/').chain([name]).any(|segment| FOLDERS.contains(&segment))
}

#[cfg(test)]
mod tests {
    use testkit::TraceBuilder;

    use super::*;

    fn found(asked_by_a_service: bool) -> Vec<Sighting> {
        let mut trace = TraceBuilder::new();
        let mut entry = trace.root("GET /products", 0, 60_000);
        if asked_by_a_service {
            let http = testkit::http("GET", "catalog", "/products", "/products");
            let call = trace.child(entry, http, 0, 60_000);
            entry = trace.root_below(call, "GET /products", 1_000, 59_000);
            trace.edit(entry, |call| call.service = "catalog".into());
        }
        trace.edit_request(entry, |request| request.response_bytes = Some(4_000_000));
        trace.sql(entry, "SELECT id FROM products", 2_000, 12_000);
        let trace = trace.trace();
        let none = std::collections::BTreeMap::new();
        let mut found = Vec::new();
        for entry in &trace.entries {
            let view = RequestView::new(&trace, *entry);
            look(&view, &Knobs::new(LARGE_RESPONSE.name, &none), &mut found);
        }
        found
    }

    #[test]
    fn readers_are_people() {
        assert_eq!(found(false).len(), 1);
        assert_eq!(found(true), []);
    }

    #[test]
    fn durations_stay_as_they_were_measured() {
        let found = found(false);
        assert_eq!(found[0].duration, Duration::from_millis(60));
        // Of 48 ms of own work after the fetch two thirds at most.
        assert_eq!(found[0].saved, Duration::from_millis(32));
        let told =
            "4.00 MB in one answer: 1.27 s longer over a line of 25 Mbit/s, which no span shows";
        assert_eq!(found[0].evidence.excerpt, [told]);
    }
}
