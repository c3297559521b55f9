//! Plans that do much more work than their result needs, in ways that statistics cannot show.

use crate::{DatabaseSighting, DatabaseView, Detector, Knob, Knobs, Looks, detectors::planned};

static STAKE_SHARE_MIN: Knob = Knob {
    key: "stake-share-min",
    default: 0.3,
    unit: "of the run",
    doc: "With less at stake, the statement has something else to do first: three in ten are noticed.",
};

pub(super) static COSTLY_PLAN: Detector = Detector {
    code: "F041",
    name: "costly-plan",
    title: "A plan does much more work than its result needs",
    doc: include_str!("costly_plan.md"),
    effort_days: 0.5,
    share_min: 0.0,
    knobs: &[&STAKE_SHARE_MIN],
    looks: &[Looks::Database(look)],
};

/// Rules about plans that no other detector speaks for, and the faults that explain each where they are said of the
/// same statement.
const RULES: &[(&str, &[&str])] = &[
    (
        "nested-loop",
        &["missing-index", "unindexed-foreign-key", "rows-scanned-vs-returned", "misestimate"],
    ),
    ("join-filter", &["missing-index", "unindexed-foreign-key", "rows-scanned-vs-returned"]),
    ("heap-fetches", &["missing-index"]),
    ("remote-filter", &[]),
    ("function-per-row", &["subquery-shape"]),
    ("all-partitions", &[]),
    ("missing-workers", &[]),
    ("disabled-node", &[]),
    ("compilation", &["unfit-setting"]),
    ("planning-time", &[]),
    ("trigger-time", &["unindexed-foreign-key"]),
];

fn look(view: &DatabaseView<'_>, knobs: &Knobs<'_>, found: &mut Vec<DatabaseSighting>) {
    for (rule, explained_by) in RULES {
        for noted in planned::noted(view, &[rule]) {
            let is_said =
                found.iter().any(|it| explained_by.contains(&it.fault) && noted.is_about(it));
            if knobs.get(&STAKE_SHARE_MIN) <= noted.note.share && !is_said {
                let sighting = noted.sighting(view, COSTLY_PLAN.name, &format!("{rule} "));
                found.extend(sighting);
            }
        }
    }
}
