//! What need not be said because a sharper finding says it.

use std::collections::BTreeSet;

use model::database::TableName;

use super::DatabaseSighting;

/// Which faults need not be said of a statement of which a sharper one is said.
const BY_STATEMENT: &[(&str, &[&str])] = &[
    (
        "slow-statement",
        &[
            "missing-index",
            "unindexed-foreign-key",
            "rows-scanned-vs-returned",
            "deep-offset",
            "exact-count",
            "wide-select",
            "repeated-aggregate",
            "subquery-shape",
            "spill",
            "misestimate",
            "costly-plan",
        ],
    ),
    (
        "rows-scanned-vs-returned",
        &[
            "missing-index",
            "unindexed-foreign-key",
            "deep-offset",
            "exact-count",
            "repeated-aggregate",
            "subquery-shape",
        ],
    ),
    ("spill", &["missing-index"]),
    ("repeated-aggregate", &["exact-count", "subquery-shape"]),
];

/// Which faults need not be said of a table of which a sharper one is said.
const BY_TABLE: &[(&str, &[&str])] = &[
    (
        "sequential-scan",
        &[
            "missing-index",
            "unindexed-foreign-key",
            "rows-scanned-vs-returned",
            "exact-count",
            "repeated-aggregate",
            "subquery-shape",
            "dead-table",
        ],
    ),
    ("unused-index", &["dead-table"]),
];

/// Which faults need not be said of an index of which a sharper one is said.
const BY_INDEX: &[(&str, &[&str])] = &[
    ("unused-index", &["duplicate-index", "invalid-index"]),
    ("bloated-index", &["unused-index", "duplicate-index", "invalid-index"]),
];

/// Drops what is said better elsewhere.
pub(super) fn drop_explained(found: &mut Vec<DatabaseSighting>) {
    drop_by(found, BY_STATEMENT, |sighting| {
        let evidence = &sighting.evidence;
        evidence.statement.iter().chain(&evidence.related).map(|text| text.fingerprint).collect()
    });
    drop_by(found, BY_TABLE, |sighting| {
        let database = sighting.evidence.database.iter();
        database.filter_map(|known| known.table.clone()).collect::<Vec<TableName>>()
    });
    drop_same_index(found);
    drop_said_drops(found);
    drop_by(found, BY_INDEX, |sighting| {
        let database = sighting.evidence.database.iter();
        database.filter_map(|known| Some((known.table.clone()?, known.index.clone()?))).collect()
    });
}

/// An index that is superfluous anyway is said once, not again beside a new one.
fn drop_said_drops(found: &mut [DatabaseSighting]) {
    let said: BTreeSet<(TableName, model::Text)> = found
        .iter()
        .filter(|it| it.fault != "missing-index")
        .filter_map(|it| it.evidence.database.as_ref())
        .flat_map(|known| &known.dropped)
        .map(|dropped| (dropped.table.clone(), dropped.name.clone()))
        .collect();
    for sighting in found.iter_mut().filter(|it| it.fault == "missing-index") {
        sighting
            .known()
            .dropped
            .retain(|dropped| !said.contains(&(dropped.table.clone(), dropped.name.clone())));
    }
}

/// Leaves the index of a foreign key to the workload's choice where that holds it: it would be built twice.
fn drop_same_index(found: &mut Vec<DatabaseSighting>) {
    let proposed = |sighting: &DatabaseSighting| {
        let known = sighting.evidence.database.iter();
        known.flat_map(|it| &it.proposed).map(|it| it.index.clone()).collect::<Vec<_>>()
    };
    let chosen: Vec<_> =
        found.iter().filter(|it| it.fault == "missing-index").flat_map(proposed).collect();
    found.retain(|sighting| {
        sighting.fault != "unindexed-foreign-key"
            || !proposed(sighting).iter().any(|wanted| {
                chosen.iter().any(|index| {
                    let first = index.keys.get(..wanted.keys.len()).unwrap_or_default();
                    index.table == wanted.table
                        && index.predicate.is_empty()
                        && !first.is_empty()
                        && wanted.keys.iter().all(|key| first.iter().any(|it| it.key == key.key))
                })
            })
    });
}

/// Drops a sighting if each of its things is among those of sharper ones.
fn drop_by<K: Ord + Clone>(
    found: &mut Vec<DatabaseSighting>,
    rules: &[(&str, &[&str])],
    things: impl Fn(&DatabaseSighting) -> Vec<K>,
) {
    for (fault, sharper) in rules {
        let said: BTreeSet<K> = found
            .iter()
            .filter(|sighting| sharper.contains(&sighting.fault))
            .flat_map(&things)
            .collect();
        found.retain(|sighting| {
            // The first thing is what it is about, the others are beside it.
            sighting.fault != *fault
                || things(sighting).first().is_none_or(|thing| !said.contains(thing))
        });
    }
}
