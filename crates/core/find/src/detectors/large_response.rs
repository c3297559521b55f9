//! Answers of many bytes.

use std::time::Duration;

use model::{Sighting, Text};

use crate::{Detector, Knob, Knobs, Looks, RequestView};

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

/// What compression leaves of JSON: 60 to 80 % go.
const COMPRESSED: f64 = 0.3;

pub(super) static LARGE_RESPONSE: Detector = Detector {
    code: "F013",
    name: "large-response",
    title: "Answers are larger than anybody reads",
    doc: include_str!("large_response.md"),
    effort_days: 1.0,
    share_min: 0.0,
    knobs: &[&BYTES_MIN, &LINE_MEGABITS],
    looks: Looks::Request(look),
};

#[expect(clippy::cast_precision_loss, reason = "bytes stay far below 2^52")]
fn look(view: &RequestView<'_>, knobs: &Knobs<'_>, found: &mut Vec<Sighting>) {
    let Some(request) = view.request().filter(|_| view.is_awaited()) else { return };
    let Some(bytes) = request.response_bytes else { return };
    if (bytes as f64) < knobs.get(&BYTES_MIN) || is_file(&request.path) {
        return;
    }
    let share = if request.compressed == Some(true) { 1.0 } else { COMPRESSED };
    let megabits_now = bytes as f64 * 8.0 / 1e6;
    let megabits_after = BYTES_AFTER * share * 8.0 / 1e6;
    let saved = (megabits_now - megabits_after).max(0.0) / knobs.get(&LINE_MEGABITS).max(0.1);
    let claim = "answers are larger than anybody reads".to_owned();
    let mut sighting = view.sighting(LARGE_RESPONSE.name, "bytes".to_owned(), claim);
    sighting.evidence = view.evidence(&[view.entry]);
    sighting.evidence.attribute =
        Some((Text::from("http.response.body.size"), Text::from(bytes.to_string())));
    sighting.evidence.excerpt = vec![format!(
        "{:.2} MB in one answer: {saved:.2} s over a line of {} Mbit/s",
        bytes as f64 / 1e6,
        knobs.get(&LINE_MEGABITS)
    )];
    // The transfer comes on top of the span, which ends when the answer is handed over.
    sighting.saved = Duration::try_from_secs_f64(saved).unwrap_or_default();
    sighting.duration = view.duration() + sighting.saved;
    found.push(sighting);
}

/// Files are asked for as such; their size is no accident.
fn is_file(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default().to_lowercase();
    [
        ".pdf", ".zip", ".csv", ".xlsx", ".png", ".jpg", ".jpeg", ".mp4", ".gz", ".js", ".css",
        ".woff2",
    ]
    .iter()
    .any(|ending| name.ends_with(ending))
        || ["download", "export", "media"].iter().any(|part| path.contains(part))
}
