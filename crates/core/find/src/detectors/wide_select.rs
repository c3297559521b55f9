//! A list that reads whole rows, long texts included.
//!
//! Spans tell neither rows nor bytes. What they tell: a read of many rows with all columns (`*`), or
//! with columns that are named as long texts are, and much time for reading and writing it down.

use std::{sync::Arc, time::Duration};

use model::{FilterOperator, Projection, Shape, Sighting, StatementKind, StatementText};

use crate::{Detector, Knob, Knobs, Looks, RequestView, detectors::words};

static SPENT_MILLIS_MIN: Knob = Knob {
    key: "spent-millis-min",
    default: 50.0,
    unit: "ms",
    doc: "Reading the rows and writing them down takes at least this long; the target for a statement.",
};

static SPENT_SHARE_MIN: Knob = Knob {
    key: "spent-share-min",
    default: 0.3,
    unit: "of the request",
    doc: "With a smaller share, other things come first.",
};

/// Time for reading and writing rows down that shows them to be wide, where no name does.
const OWN_MIN: Duration = Duration::from_millis(20);

/// Bytes of an answer that show the same.
const BYTES_MIN: u64 = 200_000;

/// Column names that hold long texts or documents.
const LONG: &[&str] = &[
    "body",
    "content",
    "contents",
    "html",
    "text",
    "payload",
    "document",
    "raw",
    "blob",
    "markdown",
    "transcript",
    "attachment",
];

/// Column names that may hold as much, but often are short: two of them are taken as one of the others.
const PERHAPS_LONG: &[&str] =
    &["description", "data", "json", "metadata", "notes", "bio", "comment"];

pub(super) static WIDE_SELECT: Detector = Detector {
    code: "F009",
    name: "wide-select",
    title: "A list reads whole rows, long texts included",
    doc: include_str!("wide_select.md"),
    effort_days: 0.25,
    share_min: 0.2,
    knobs: &[&SPENT_MILLIS_MIN, &SPENT_SHARE_MIN],
    looks: Looks::Request(look),
};

fn look(view: &RequestView<'_>, knobs: &Knobs<'_>, found: &mut Vec<Sighting>) {
    for group in &view.statements {
        let Some(shape) = &group.text.shape else { continue };
        if group.text.kind != StatementKind::Select || is_one_row(shape) || 3 < group.count {
            continue;
        }
        let long = long_columns(group.text);
        let all = shape.projection == Projection::Star;
        if !all && long.is_empty() {
            continue;
        }
        let last = view.own_after_last_fetch();
        let own = last.filter(|(place, _)| group.places.contains(place)).map(|(_, own)| own);
        let own = own.unwrap_or_default();
        let bytes = view.request().and_then(|request| request.response_bytes).unwrap_or_default();
        // All columns may be few and short: then only the index is missing.
        if long.is_empty() && own < OWN_MIN && bytes < BYTES_MIN {
            continue;
        }
        let spent = view.waited(&group.places) + own;
        if !view.is_awaited()
            || !view.matters(spent, knobs.nanos(&SPENT_MILLIS_MIN), knobs.get(&SPENT_SHARE_MIN))
        {
            continue;
        }
        found.push(sighting(view, group.text, &group.places, &long, spent));
    }
}

/// Whether the statement looks one row up by its key.
fn is_one_row(shape: &Shape) -> bool {
    shape.filters.iter().any(|filter| {
        let column = filter.column.as_str();
        filter.operator == FilterOperator::Equal
            && (matches!(column, "id" | "pk" | "uuid" | "slug") || column == "email")
    })
}

/// Columns of the outermost select list that are named as long texts are.
fn long_columns(text: &StatementText) -> Vec<String> {
    let Some(list) = text.text.strip_prefix("select ") else { return Vec::new() };
    let list = list.split(" from ").next().unwrap_or_default();
    let named = |column: &str, names: &[&str]| {
        let mut words = column.split('_');
        words.any(|word| names.contains(&word))
    };
    let columns =
        || list.split(',').filter_map(|item| item.trim().split(' ').next()?.rsplit('.').next());
    let surely = columns().filter(|column| named(column, LONG)).count();
    let perhaps = columns().filter(|column| named(column, PERHAPS_LONG)).count();
    if surely == 0 && perhaps < 2 {
        return Vec::new();
    }
    columns()
        .filter(|column| named(column, LONG) || named(column, PERHAPS_LONG))
        .map(str::to_owned)
        .collect()
}

fn sighting(
    view: &RequestView<'_>,
    text: &Arc<StatementText>,
    places: &[usize],
    long: &[String],
    spent: Duration,
) -> Sighting {
    let table = words::table(text);
    let claim = if long.is_empty() {
        format!("a list reads all columns of {table}")
    } else {
        format!("a list reads {} of {table}", words::list(long, 3))
    };
    let mut sighting = view.sighting(WIDE_SELECT.name, format!("{:016x}", text.fingerprint), claim);
    sighting.evidence = view.evidence(places);
    sighting.evidence.statement = Some(Arc::clone(text));
    sighting.evidence.excerpt = vec![
        format!("{}, {}", words::shorten(&text.text), words::time(view.waited(places))),
        format!("{} for reading its rows and writing them down", words::time(spent)),
    ];
    // Half of it: what is left is the narrow columns' share, which spans do not tell.
    sighting.saved = spent / 2;
    sighting.saved_database = view.spent(places) / 2;
    found_count(&mut sighting, places);
    sighting
}

fn found_count(sighting: &mut Sighting, places: &[usize]) {
    sighting.calls_now = u32::try_from(places.len()).unwrap_or(u32::MAX);
    sighting.calls_after = sighting.calls_now;
}
