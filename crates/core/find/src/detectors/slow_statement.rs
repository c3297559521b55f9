//! One run of one statement that takes long.

use std::{sync::Arc, time::Duration};

use model::Sighting;

use crate::{Detector, Knob, Knobs, Looks, RequestView, detectors::words};

static CRITICAL_MILLIS_MIN: Knob = Knob {
    key: "critical-millis-min",
    default: 50.0,
    unit: "ms",
    doc: "A statement that somebody waits for this long is slow; the usual target for critical statements.",
};

static CRITICAL_SHARE_MIN: Knob = Knob {
    key: "critical-share-min",
    default: 0.2,
    unit: "of the request",
    doc: "With a smaller share, the request has other things to do first.",
};

static ANY_MILLIS_MIN: Knob = Knob {
    key: "any-millis-min",
    default: 500.0,
    unit: "ms",
    doc: "A statement that takes this long is slow whether somebody waits for it or not.",
};

pub(super) static SLOW_STATEMENT: Detector = Detector {
    code: "F007",
    name: "slow-statement",
    title: "A statement takes long",
    doc: include_str!("slow_statement.md"),
    effort_days: 0.5,
    share_min: 0.2,
    knobs: &[&CRITICAL_MILLIS_MIN, &CRITICAL_SHARE_MIN, &ANY_MILLIS_MIN],
    looks: Looks::Request(look),
};

fn look(view: &RequestView<'_>, knobs: &Knobs<'_>, found: &mut Vec<Sighting>) {
    let target = Duration::from_nanos(knobs.nanos(&CRITICAL_MILLIS_MIN));
    let any = Duration::from_nanos(knobs.nanos(&ANY_MILLIS_MIN));
    for group in &view.statements {
        let slow: Vec<usize> = group
            .places
            .iter()
            .copied()
            .filter(|place| {
                let call = view.call(*place);
                let each = call.duration() / call.count.max(1);
                let critical = view.is_awaited()
                    && target <= view.path.inclusive(*place) / call.count.max(1)
                    && view.matters(view.path.inclusive(*place), 0, knobs.get(&CRITICAL_SHARE_MIN));
                critical || any <= each
            })
            .collect();
        let Some(slowest) = slow.iter().copied().max_by_key(|place| view.call(*place).duration())
        else {
            continue;
        };
        let table = words::table(group.text);
        let what = if table.is_empty() {
            "a statement".to_owned()
        } else {
            format!("a statement on {table}")
        };
        let mut sighting = view.sighting(
            SLOW_STATEMENT.name,
            format!("{:016x}", group.text.fingerprint),
            format!("{what} takes long"),
        );
        let count = u32::try_from(slow.len()).unwrap_or(u32::MAX);
        sighting.evidence = view.evidence(&slow);
        sighting.evidence.statement = Some(Arc::clone(group.text));
        sighting.evidence.excerpt = vec![format!(
            "{count} x {}, up to {}",
            words::shorten(&group.text.text),
            words::time(view.call(slowest).duration())
        )];
        sighting.calls_now = count;
        sighting.calls_after = count;
        sighting.saved = view.waited(&slow).saturating_sub(target * count);
        sighting.saved_database = view.spent(&slow).saturating_sub(target * count);
        found.push(sighting);
    }
}
