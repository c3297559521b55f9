//! Pages by `OFFSET`, far from the first.
//!
//! The depth is read from the statement where it is spelt out, else from the request's own query
//! (`page=5000`). Measured on ten million rows: offset 1,000,000 took 450 ms, offset 5,000,000 took
//! 1,981 ms, the same page by key 1.7 ms.

use std::{sync::Arc, time::Duration};

use model::{Request, Sighting};

use crate::{Detector, Knob, Knobs, Looks, RequestView, detectors::words};

static OFFSET_MIN: Knob = Knob {
    key: "offset-min",
    default: 1_000.0,
    unit: "rows",
    doc: "Fewer rows to skip cost less than a round trip.",
};

static WAITED_MILLIS_MIN: Knob = Knob {
    key: "waited-millis-min",
    default: 20.0,
    unit: "ms",
    doc: "A page by key takes about 2 ms; below ten times that nobody notices.",
};

/// Rows of a page where the request tells the page's number only.
const PAGE_ROWS: u64 = 20;

pub(super) static DEEP_OFFSET: Detector = Detector {
    code: "F010",
    name: "deep-offset",
    title: "Pages are found by counting past all rows before them",
    doc: include_str!("deep_offset.md"),
    effort_days: 1.0,
    share_min: 0.0,
    knobs: &[&OFFSET_MIN, &WAITED_MILLIS_MIN],
    looks: Looks::Request(look),
};

fn look(view: &RequestView<'_>, knobs: &Knobs<'_>, found: &mut Vec<Sighting>) {
    let least = knobs.get(&OFFSET_MIN);
    for group in &view.statements {
        for place in group.places.iter().copied() {
            let Some(statement) = view.statement(place) else { continue };
            let hidden = group.text.shape.as_ref().is_some_and(|shape| shape.offset);
            let offset = match statement.offset {
                Some(offset) => Some(offset),
                None if hidden => view.request().and_then(offset_of_request),
                None => None,
            };
            let waited = view.path.inclusive(place).max(view.call(place).duration());
            #[expect(clippy::cast_precision_loss, reason = "offsets stay far below 2^52")]
            let deep = offset.filter(|offset| least <= *offset as f64);
            let Some(offset) = deep else { continue };
            if waited < Duration::from_nanos(knobs.nanos(&WAITED_MILLIS_MIN)) {
                continue;
            }
            found.push(sighting(view, group.text, place, offset));
            break;
        }
    }
}

/// How many rows the request asks to skip, by the names that frameworks use.
fn offset_of_request(request: &Request) -> Option<u64> {
    let value = |names: &[&str]| {
        request.query.split('&').filter_map(|pair| pair.split_once('=')).find_map(|(key, value)| {
            let known = names.iter().any(|name| key.eq_ignore_ascii_case(name));
            known.then(|| value.parse::<u64>().ok()).flatten()
        })
    };
    let rows = value(&["limit", "per_page", "page_size", "size"]).unwrap_or(PAGE_ROWS);
    value(&["offset", "skip", "start"])
        .or_else(|| Some(value(&["page", "p"])?.saturating_sub(1).saturating_mul(rows)))
}

fn sighting(
    view: &RequestView<'_>,
    text: &Arc<model::StatementText>,
    place: usize,
    offset: u64,
) -> Sighting {
    let table = words::table(text);
    let claim = format!("pages of {table} are found by reading and dropping every row before them");
    let mut sighting = view.sighting(DEEP_OFFSET.name, format!("{:016x}", text.fingerprint), claim);
    let duration = view.call(place).duration();
    sighting.evidence = view.evidence(&[place]);
    sighting.evidence.statement = Some(Arc::clone(text));
    sighting.evidence.excerpt = vec![format!(
        "{} with offset {offset}, {}",
        words::shorten(&text.text),
        words::time(duration)
    )];
    let by_key = Duration::from_millis(2);
    sighting.saved = view.path.inclusive(place).saturating_sub(by_key);
    sighting.saved_database = duration.saturating_sub(by_key);
    sighting
}
