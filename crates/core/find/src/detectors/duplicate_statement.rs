//! The same statement with the same parameters, more than once in one request.
//!
//! Only reads, and only while nothing wrote to their tables in between: after a write, reading again is
//! what one should do. Parameters that cannot be seen prove nothing, so such runs are left to
//! `n-plus-one`.

use std::{collections::BTreeMap, sync::Arc};

use model::{Moment, Parameters, Sighting};

use crate::{Detector, Knob, Knobs, Looks, RequestView, StatementGroup, detectors::words};

static SAVED_MILLIS_MIN: Knob = Knob {
    key: "saved-millis-min",
    default: 5.0,
    unit: "ms",
    doc: "Less time on the critical path than this is not worth a change.",
};

static SAVED_SHARE_MIN: Knob = Knob {
    key: "saved-share-min",
    default: 0.03,
    unit: "of the request",
    doc: "A smaller share of the request would not be noticed by whoever waits for it.",
};

pub(super) static DUPLICATE_STATEMENT: Detector = Detector {
    code: "F002",
    name: "duplicate-statement",
    title: "The same question is asked again within one request",
    doc: include_str!("duplicate_statement.md"),
    effort_days: 0.25,
    share_min: 0.0,
    knobs: &[&SAVED_MILLIS_MIN, &SAVED_SHARE_MIN],
    looks: &[Looks::Request(look)],
};

fn look(view: &RequestView<'_>, knobs: &Knobs<'_>, found: &mut Vec<Sighting>) {
    for group in &view.statements {
        if !words::asks_only(group.text) || group.places.len() < 2 {
            continue;
        }
        let again = repeats(view, group);
        let saved = view.waited(&again);
        if again.is_empty()
            || !view.matters(saved, knobs.nanos(&SAVED_MILLIS_MIN), knobs.get(&SAVED_SHARE_MIN))
        {
            continue;
        }
        let calls_now = u32::try_from(group.places.len()).unwrap_or(u32::MAX);
        let calls_again = u32::try_from(again.len()).unwrap_or(u32::MAX);
        let table = words::table(group.text);
        let what =
            if table.is_empty() { "a query".to_owned() } else { format!("a query on {table}") };
        let claim = format!("{what} is run again with the same parameters");
        let mut sighting = view.sighting(
            DUPLICATE_STATEMENT.name,
            format!("{:016x}", group.text.fingerprint),
            claim,
        );
        let each = view.spent(&again) / calls_again.max(1);
        sighting.evidence = view.evidence(&again);
        sighting.evidence.statement = Some(Arc::clone(group.text));
        sighting.evidence.excerpt = vec![format!(
            "{calls_now} x {}, {} of them for answers already known, {} each",
            words::shorten(&group.text.text),
            calls_again,
            words::time(each)
        )];
        sighting.calls_now = calls_now;
        sighting.calls_after = calls_now - calls_again;
        sighting.saved = saved;
        sighting.saved_database = view.spent(&again);
        found.push(sighting);
    }
}

/// Runs whose answer was known: same parameters as an earlier run, and no write in between.
fn repeats(view: &RequestView<'_>, group: &StatementGroup<'_>) -> Vec<usize> {
    let writes = writes_to(view, group);
    let mut asked: BTreeMap<Parameters, Moment> = BTreeMap::new();
    let mut again = Vec::new();
    for place in group.places.iter().copied() {
        let Some(statement) = view.statement(place) else { continue };
        let parameters = match statement.parameters {
            Parameters::Hidden if !words::asks_for_the_same(group.text) => continue,
            Parameters::Hidden => Parameters::None,
            known => known,
        };
        let call = view.call(place);
        let fresh = asked.get(&parameters).is_some_and(|earlier| {
            !writes.iter().any(|write| *earlier <= *write && *write <= call.start)
        });
        if fresh && !call.duration().is_zero() {
            again.push(place);
        }
        if !fresh {
            asked.insert(parameters, call.start);
        }
    }
    again
}

/// When the request wrote to one of the tables that the statement reads, or to it cannot be told what.
fn writes_to(view: &RequestView<'_>, group: &StatementGroup<'_>) -> Vec<Moment> {
    view.statements
        .iter()
        .filter(|other| {
            other.text.kind.writes()
                && (other.text.tables.is_empty()
                    || other.text.tables.iter().any(|table| group.text.tables.contains(table)))
        })
        .flat_map(|other| other.places.iter().map(|place| view.call(*place).start))
        .collect()
}
