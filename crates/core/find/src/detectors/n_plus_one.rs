//! The same statement, many times in one request, with other parameters.
//!
//! Statements are grouped by shape within the request, whatever lies between them. Groups whose times
//! overlap belong to one loop, hence to one finding. Sentry's rule (5 repeats, 50 ms, no gaps, same parent)
//! was the start; its users' misses (pool spans in between, other parents, overlaps) shaped the rest.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use model::{Filter, FilterOperator, Parameters, Sighting, StatementKind, StatementText, Work};

use crate::{
    Detector, Knob, Knobs, Looks, RequestView, StatementGroup,
    detectors::{related, words},
};

static REPEATS_MIN: Knob = Knob {
    key: "repeats-min",
    default: 5.0,
    unit: "statements",
    doc: "Fewer runs of one statement in a request are ordinary; Sentry and others begin at 5.",
};

static SAVED_MILLIS_MIN: Knob = Knob {
    key: "saved-millis-min",
    default: 5.0,
    unit: "ms",
    doc: "Less time on the critical path than this is not worth a change: ten look-ups of 0.1 ms.",
};

static SAVED_SHARE_MIN: Knob = Knob {
    key: "saved-share-min",
    default: 0.03,
    unit: "of the request",
    doc: "A smaller share of the request would not be noticed by whoever waits for it.",
};

static DATABASE_MILLIS_MIN: Knob = Knob {
    key: "database-millis-min",
    default: 50.0,
    unit: "ms",
    doc: "Database time from which a loop is reported even if its statements ran side by side; \
          Sentry's 50 ms.",
};

/// Runs side by side from which on they are a loop and not questions to several databases.
const ABREAST_MIN: u32 = 10;

pub(super) static N_PLUS_ONE: Detector = Detector {
    code: "F001",
    name: "n-plus-one",
    title: "Rows are fetched or written one by one",
    doc: include_str!("n_plus_one.md"),
    effort_days: 0.5,
    share_min: 0.0,
    knobs: &[&REPEATS_MIN, &SAVED_MILLIS_MIN, &SAVED_SHARE_MIN, &DATABASE_MILLIS_MIN],
    looks: &[Looks::Request(look)],
};

fn look(view: &RequestView<'_>, knobs: &Knobs<'_>, found: &mut Vec<Sighting>) {
    let repeats_min = u32::try_from(knobs.count(&REPEATS_MIN)).unwrap_or(u32::MAX).max(2);
    let repeated: Vec<&StatementGroup<'_>> = view
        .statements
        .iter()
        .filter(|group| repeats_min <= group.count && is_loopable(group.text))
        .filter(|group| varies(view, group) && !is_batch(view, group))
        .collect();
    for (source, same_loop) in loops(view, &repeated) {
        let places: Vec<usize> =
            same_loop.iter().flat_map(|group| group.places.iter().copied()).collect();
        let batched: Duration = same_loop.iter().map(|group| view.longest(&group.places)).sum();
        let waited = view.waited(&places) + view.waited(&connects_of(view, &places));
        let saved = waited.saturating_sub(batched);
        let saved_database = view.spent(&places).saturating_sub(batched);
        let matters =
            view.matters(saved, knobs.nanos(&SAVED_MILLIS_MIN), knobs.get(&SAVED_SHARE_MIN));
        let abreast = Duration::from_nanos(knobs.nanos(&DATABASE_MILLIS_MIN)) <= saved_database
            && same_loop.iter().any(|group| ABREAST_MIN <= group.count && is_by_key(group));
        if matters || abreast {
            found.push(sighting(view, source, &same_loop, (saved, saved_database)));
        }
    }
}

/// Whether runs of a statement can be batched at all: plain reads, writes, and what is no SQL.
fn is_loopable(text: &StatementText) -> bool {
    words::asks_only(text) || text.kind.writes() || text.kind == StatementKind::Other
}

/// Waits for connections that the loop causes: there is about one for each of its statements.
fn connects_of(view: &RequestView<'_>, places: &[usize]) -> Vec<usize> {
    let begin = places.iter().map(|place| view.call(*place).start).min();
    let end = places.iter().map(|place| view.call(*place).end).max();
    let (Some(begin), Some(end)) = (begin, end) else { return Vec::new() };
    let connects: Vec<usize> = view
        .places
        .iter()
        .copied()
        .filter(|place| {
            let call = view.call(*place);
            let within = begin <= call.end && call.start <= end;
            within && matches!(call.work, Work::Connect { .. })
        })
        .collect();
    if places.len() / 2 <= connects.len() { connects } else { Vec::new() }
}

/// Whether the runs differ in their parameters, as far as these can be seen.
fn varies(view: &RequestView<'_>, group: &StatementGroup<'_>) -> bool {
    if words::asks_for_the_same(group.text) {
        return false;
    }
    let mut known = BTreeSet::new();
    for place in &group.places {
        match view.statement(*place).map(|statement| statement.parameters) {
            Some(Parameters::Hidden) => return true,
            Some(Parameters::Known(hash)) => drop(known.insert(hash)),
            Some(Parameters::None) | None => {}
        }
    }
    // A summary span shows the parameters of one of the spans that it stands for.
    let summarised = u32::try_from(group.places.len()).unwrap_or(u32::MAX) < group.count;
    group.places.len().div_ceil(2) <= known.len() && (summarised || 2 <= known.len())
}

/// Whether the runs work on many rows at once already: chunks of a list, rows in one `VALUES`, batches of
/// the driver, pages of a scan.
fn is_batch(view: &RequestView<'_>, group: &StatementGroup<'_>) -> bool {
    let many = group
        .places
        .iter()
        .filter_map(|place| view.statement(*place))
        .any(|statement| 1 < statement.members || 1 < statement.batch_size);
    // An array says nothing of its length, but nobody binds one for a single key.
    let array = group.text.text.contains(" any(");
    let page = group.text.shape.as_ref().is_some_and(|shape| {
        let by_order = |filter: &Filter| {
            filter.operator == FilterOperator::Range && shape.order_by.contains(&filter.column)
        };
        let on = shape.offset || shape.filters.iter().any(by_order);
        shape.limited && !shape.order_by.is_empty() && on
    });
    many || array || page
}

/// Whether the statement looks one thing up by its key, as those of a loop do.
fn is_by_key(group: &StatementGroup<'_>) -> bool {
    group.text.shape.as_ref().is_none_or(|shape| {
        shape.filters.iter().any(|filter| filter.operator == FilterOperator::Equal)
    })
}

/// What is looped over, if that was seen, and whether it leads to the rest for sure; and what the loop runs
/// in its rounds.
type Loop<'a, 'b> = (Option<(Arc<StatementText>, bool)>, Vec<&'b StatementGroup<'a>>);

/// Groups whose times overlap, together: what one loop does in each of its rounds. Loops over rows of
/// the same table are taken together too, since one change to that list mends both.
fn loops<'a, 'b>(view: &RequestView<'a>, groups: &[&'b StatementGroup<'a>]) -> Vec<Loop<'a, 'b>> {
    let mut merged: Vec<Loop<'a, 'b>> = Vec::new();
    for same in overlapping(view, groups) {
        let source = source(view, &same);
        let table = source.as_ref().map(|(text, _)| words::table(text).to_owned());
        let known = merged.iter_mut().find(|(known, _)| {
            known.as_ref().is_some_and(|(known, _)| Some(words::table(known)) == table.as_deref())
        });
        match known {
            Some((_, groups)) => groups.extend(same),
            None => merged.push((source, same)),
        }
    }
    merged
}

fn overlapping<'a, 'b>(
    view: &RequestView<'a>,
    groups: &[&'b StatementGroup<'a>],
) -> Vec<Vec<&'b StatementGroup<'a>>> {
    let mut loops: Vec<(model::Moment, Vec<&'b StatementGroup<'a>>)> = Vec::new();
    for group in groups {
        let starts = || group.places.iter().map(|place| view.call(*place).start);
        let ends = || group.places.iter().map(|place| view.call(*place).end);
        let (Some(from), Some(to)) = (starts().min(), ends().max()) else { continue };
        match loops.last_mut() {
            Some((until, same)) if from < *until => {
                *until = (*until).max(to);
                same.push(group);
            }
            _ => loops.push((to, vec![group])),
        }
    }
    loops.into_iter().map(|(_, same)| same).collect()
}

fn sighting(
    view: &RequestView<'_>,
    source: Option<(Arc<StatementText>, bool)>,
    same_loop: &[&StatementGroup<'_>],
    (saved, saved_database): (Duration, Duration),
) -> Sighting {
    let mut places: Vec<usize> =
        same_loop.iter().flat_map(|group| group.places.iter().copied()).collect();
    places.sort_by_key(|place| (view.call(*place).start, *place));
    let calls_now = same_loop.iter().fold(0_u32, |sum, group| sum.saturating_add(group.count));
    let calls_after = u32::try_from(same_loop.len()).unwrap_or(u32::MAX);
    // The list may be filtered in many ways; the table that it is of stays the same. Where it is a guess,
    // the loop itself tells more.
    let least = same_loop.iter().map(|group| group.text.fingerprint).min().unwrap_or_default();
    let cause = match &source {
        Some((text, true)) => format!("rows of {}", words::table(text)),
        _ => format!("{least:016x}"),
    };
    let source = source.map(|(text, _)| text);
    let mut sighting = view.sighting(N_PLUS_ONE.name, cause, claim(same_loop));
    sighting.evidence = view.evidence(&places);
    let mut by_count: Vec<&&StatementGroup<'_>> = same_loop.iter().collect();
    by_count.sort_by_key(|group| std::cmp::Reverse(group.count));
    let mut texts = by_count.iter().map(|group| Arc::clone(group.text));
    sighting.evidence.statement = texts.next();
    sighting.evidence.related = texts.collect();
    sighting.evidence.excerpt = excerpt(view, source.as_deref(), same_loop);
    sighting.evidence.source = source;
    sighting.calls_now = calls_now;
    sighting.calls_after = calls_after;
    sighting.saved = saved;
    sighting.saved_database = saved_database;
    sighting
}

/// The list whose rows are looped over: the nearest earlier read whose rows lead to what the loop looks up,
/// else the nearest that is no look-up itself.
///
/// Begins are compared, since clocks of some runtimes let the list end a little after the loop began.
fn source(
    view: &RequestView<'_>,
    same_loop: &[&StatementGroup<'_>],
) -> Option<(Arc<StatementText>, bool)> {
    let starts = same_loop.iter().filter_map(|group| group.places.first());
    let begin = starts.map(|place| view.call(*place).start).min()?;
    let mut earlier: Vec<(model::Moment, usize, &StatementGroup<'_>)> = view
        .statements
        .iter()
        .filter(|group| group.text.kind == StatementKind::Select && group.count < 5)
        .flat_map(|group| {
            group.places.iter().map(move |place| (view.call(*place).start, *place, group))
        })
        .filter(|(start, ..)| *start <= begin)
        .collect();
    earlier.sort_by_key(|(start, place, _)| std::cmp::Reverse((*start, *place)));
    let leads =
        |list: &StatementText| same_loop.iter().any(|group| related::leads_to(list, group.text));
    let found = earlier.iter().find(|(_, _, group)| leads(group.text));
    if let Some((_, _, group)) = found {
        return Some((Arc::clone(group.text), true));
    }
    let list = earlier.iter().find(|(_, _, group)| !related::is_look_up(group.text));
    list.map(|(_, _, group)| (Arc::clone(group.text), false))
}

fn claim(same_loop: &[&StatementGroup<'_>]) -> String {
    let writes = same_loop.iter().all(|group| group.text.kind.writes());
    let verb = if writes { "written" } else { "fetched" };
    let rows = words::rows(same_loop.iter().map(|group| &**group.text));
    format!("{rows} are {verb} one by one")
}

fn excerpt(
    view: &RequestView<'_>,
    source: Option<&StatementText>,
    same_loop: &[&StatementGroup<'_>],
) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(source) = source {
        lines.push(format!("1 x {}", words::shorten(&source.text)));
    }
    for group in same_loop {
        let each = view.spent(&group.places) / group.count.max(1);
        let text = words::shorten(&group.text.text);
        lines.push(format!("{} x {text}, {} each", group.count, words::time(each)));
    }
    lines
}
