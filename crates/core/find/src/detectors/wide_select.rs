//! A list that reads whole rows, long texts included.
//!
//! Spans tell neither rows nor bytes. What they tell: a read of many rows with all columns (`*`), or
//! with columns that are named as long texts are, and much time for reading and writing it down.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use model::{Projection, Sighting, StatementText};

use crate::{
    DatabaseSighting, DatabaseView, Detector, Knob, Knobs, Looks, RequestView, StatementGroup,
    detectors::{names, served, words},
};

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
    looks: &[Looks::Request(look), Looks::Database(look_at_database)],
};

/// What was found out about one read.
struct Wide<'a> {
    group: &'a StatementGroup<'a>,
    /// Its columns that are named as long texts are; none if only `*` speaks against it.
    long: Vec<String>,
    /// Time for reading its rows and writing them down.
    spent: Duration,
}

fn look_at_database(view: &DatabaseView<'_>, knobs: &Knobs<'_>, found: &mut Vec<DatabaseSighting>) {
    served::wide_select(view, WIDE_SELECT.name, knobs.get(&SPENT_MILLIS_MIN), found);
}

fn look(view: &RequestView<'_>, knobs: &Knobs<'_>, found: &mut Vec<Sighting>) {
    if !view.is_awaited() {
        return;
    }
    // However the rows are filtered, it is the same list: its dearest read is shown.
    let mut by_table: BTreeMap<&str, Wide<'_>> = BTreeMap::new();
    for wide in view.statements.iter().filter_map(|group| wide(view, group)) {
        if view.matters(wide.spent, knobs.nanos(&SPENT_MILLIS_MIN), knobs.get(&SPENT_SHARE_MIN)) {
            let table = words::table(wide.group.text);
            if by_table.get(table).is_none_or(|known| known.spent < wide.spent) {
                by_table.insert(table, wide);
            }
        }
    }
    found.extend(by_table.into_iter().map(|(table, wide)| sighting(view, table, &wide)));
}

fn wide<'a>(view: &RequestView<'_>, group: &'a StatementGroup<'_>) -> Option<Wide<'a>> {
    let shape = group.text.shape.as_ref()?;
    let is_list = |place: &usize| view.statement(*place).is_some_and(names::reads_many);
    if 3 < group.count || !group.places.iter().any(is_list) {
        return None;
    }
    let long = long_columns(group.text);
    if shape.projection != Projection::Star && long.is_empty() {
        return None;
    }
    let last = view.own_after_last_fetch();
    let own = last.filter(|(place, _)| group.places.contains(place)).map(|(_, own)| own);
    let own = own.unwrap_or_default();
    let bytes = view.request().and_then(|request| request.response_bytes).unwrap_or_default();
    // All columns may be few and short: then only the index is missing.
    if long.is_empty() && own < OWN_MIN && bytes < BYTES_MIN {
        return None;
    }
    let spent = view.waited(&group.places) + own;
    Some(Wide { group, long, spent })
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

fn sighting(view: &RequestView<'_>, table: &str, wide: &Wide<'_>) -> Sighting {
    let Wide { group, long, spent } = wide;
    let claim = if long.is_empty() {
        format!("a list reads all columns of {table}")
    } else {
        format!("a list reads {} of {table}", words::list(long, 3))
    };
    let mut sighting = view.sighting(WIDE_SELECT.name, table.to_owned(), claim);
    sighting.evidence = view.evidence(&group.places);
    sighting.evidence.statement = Some(Arc::clone(group.text));
    sighting.evidence.excerpt = vec![
        format!(
            "{}, {}",
            words::shorten(&group.text.text),
            words::time(view.waited(&group.places))
        ),
        format!("{} for reading its rows and writing them down", words::time(*spent)),
    ];
    // Half of it: what is left is the narrow columns' share, which spans do not tell.
    sighting.saved = *spent / 2;
    sighting.saved_database = view.spent(&group.places) / 2;
    sighting.calls_now = u32::try_from(group.places.len()).unwrap_or(u32::MAX);
    sighting.calls_after = sighting.calls_now;
    sighting
}
