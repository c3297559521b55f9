//! An exact count of many rows that somebody waits for.

use std::{cmp::Reverse, collections::BTreeMap, sync::Arc, time::Duration};

use model::{FilterOperator, Projection, Sighting};

use crate::{
    DatabaseSighting, DatabaseView, Detector, Knob, Knobs, Looks, RequestView, StatementGroup,
    detectors::{served, words},
};

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
    looks: &[Looks::Request(look), Looks::Database(look_at_database)],
};

fn look_at_database(view: &DatabaseView<'_>, knobs: &Knobs<'_>, found: &mut Vec<DatabaseSighting>) {
    served::exact_count(view, EXACT_COUNT.name, knobs.get(&WAITED_MILLIS_MIN), found);
}

fn look(view: &RequestView<'_>, knobs: &Knobs<'_>, found: &mut Vec<Sighting>) {
    if !view.is_awaited() {
        return;
    }
    // However the rows are filtered, it is the same table that is counted.
    let mut by_table: BTreeMap<&str, Vec<&StatementGroup<'_>>> = BTreeMap::new();
    for group in &view.statements {
        let Some(shape) = &group.text.shape else { continue };
        if shape.projection != Projection::Count || shape.grouped {
            continue;
        }
        let waited = view.waited(&group.places);
        let each = waited / group.count.max(1);
        let matters =
            view.matters(waited, knobs.nanos(&WAITED_MILLIS_MIN), knobs.get(&WAITED_SHARE_MIN));
        if matters && Duration::from_nanos(knobs.nanos(&WAITED_MILLIS_MIN)) <= each {
            by_table.entry(words::table(group.text)).or_default().push(group);
        }
    }
    for (table, mut groups) in by_table {
        groups.sort_by_key(|group| Reverse(view.waited(&group.places)));
        found.extend(sighting(view, table, &groups));
    }
}

fn sighting(
    view: &RequestView<'_>,
    table: &str,
    groups: &[&StatementGroup<'_>],
) -> Option<Sighting> {
    let (first, others) = groups.split_first()?;
    let places: Vec<usize> = groups.iter().flat_map(|group| group.places.clone()).collect();
    let shape = first.text.shape.as_ref()?;
    let narrow = shape.filters.iter().any(|filter| filter.operator == FilterOperator::Equal);
    let which = if narrow { "matching rows" } else { "rows" };
    let claim = format!("all {which} of {table} are counted for each request");
    let mut sighting = view.sighting(EXACT_COUNT.name, table.to_owned(), claim);
    sighting.evidence = view.evidence(&places);
    sighting.evidence.statement = Some(Arc::clone(first.text));
    sighting.evidence.related = others.iter().map(|group| Arc::clone(group.text)).collect();
    let line = |group: &&StatementGroup<'_>| {
        let each = words::time(view.longest(&group.places));
        format!("{} x {}, {each} each", group.places.len(), words::shorten(&group.text.text))
    };
    sighting.evidence.excerpt = groups.iter().map(line).collect();
    sighting.calls_now = u32::try_from(places.len()).unwrap_or(u32::MAX);
    sighting.calls_after = 0;
    sighting.saved = view.waited(&places);
    sighting.saved_database = view.spent(&places);
    Some(sighting)
}
