//! What indexes cost and which of them make others superfluous.

use model::{
    DroppedIndex, Level,
    database::{Index, IndexColumn, IndexMethod, Table, TableKind},
};

use crate::{Cost, DatabaseView};

/// CPU time of one more entry in a B-tree, in microseconds: 2.4 to 3.9 were measured with random keys, on a million
/// rows that fit in memory.
pub(super) const ENTRY_MICROS: f64 = 3.0;

/// Rows a day whose writing adds an entry to every index of the table.
pub(super) fn writes_per_day(view: &DatabaseView<'_>, table: &Table) -> f64 {
    let usage = &table.usage;
    let moved = usage.updated.saturating_sub(usage.updated_hot);
    view.usage_per_day(usage.inserted.saturating_add(moved))
}

/// What an index costs those who write.
pub(super) fn upkeep(view: &DatabaseView<'_>, table: &Table) -> Cost {
    Cost::of_hours(writes_per_day(view, table) * ENTRY_MICROS / 3.6e9).at_least(Level::Low)
}

/// Whether an index may go as far as its own kind is concerned: it enforces nothing and is part of no other.
pub(super) fn may_go(index: &Index) -> bool {
    !index.unique && !index.primary && !index.constraint && !index.identity
}

/// An index as something to drop.
pub(super) fn dropped(table: &Table, index: &Index, why: String) -> DroppedIndex {
    // Indexes of partitioned tables cannot be dropped concurrently.
    let locking = match table.kind {
        TableKind::Partitioned => sql::Locking::Blocking,
        _ => sql::Locking::Concurrently,
    };
    DroppedIndex {
        table: table.name.clone(),
        name: index.name.clone(),
        bytes: index.bytes,
        ddl: sql::drop_index(&table.name.schema, &index.name, locking),
        definition: index.definition.clone(),
        why,
    }
}

/// Whether all that `less` can do `more` can do as well, so that `less` may go.
///
/// The same rows; keys of a B-tree that are the first keys of the other, or its keys the other way round, with equal
/// operator classes and collations; columns that are included there as keys or included. What is unique stays unless
/// the other is unique over the same keys.
pub(super) fn covers(more: &Index, less: &Index) -> bool {
    let rows = more.predicate == less.predicate && more.valid && more.method == less.method;
    let ordered = matches!(less.method, IndexMethod::Btree);
    let Some(first) = more.keys.get(..less.keys.len()) else { return false };
    let whole = first.len() == more.keys.len();
    let keys = first == less.keys || (ordered && is_reversed(first, &less.keys));
    let enforced = !less.unique || (more.unique && whole);
    let included = less.include.iter().all(|column| {
        more.include.contains(column)
            || more.keys.iter().any(|key| key.key == model::database::IndexKey::Column(*column))
    });
    rows && keys && (whole || ordered) && enforced && included && !less.keys.is_empty()
}

/// Whether one order is the other read backwards.
fn is_reversed(left: &[IndexColumn], right: &[IndexColumn]) -> bool {
    left.iter().zip(right).all(|(left, right)| {
        left.key == right.key
            && left.operator_class == right.operator_class
            && left.collation == right.collation
            && left.descending != right.descending
            && left.nulls_first != right.nulls_first
    })
}

#[cfg(test)]
mod tests {
    use model::database::IndexKey;
    use proptest::prelude::*;

    use super::*;

    fn index(columns: &[i16]) -> Index {
        let key =
            |column: &i16| IndexColumn { key: IndexKey::Column(*column), ..Default::default() };
        Index { keys: columns.iter().map(key).collect(), valid: true, ..Index::default() }
    }

    #[test]
    fn the_first_keys_of_a_longer_one_are_covered() {
        assert!(covers(&index(&[1, 2]), &index(&[1])));
        assert!(covers(&index(&[1, 2]), &index(&[1, 2])));
        assert!(!covers(&index(&[1, 2]), &index(&[2])));
        assert!(!covers(&index(&[1]), &index(&[1, 2])));
    }

    #[test]
    fn what_differs_in_kind_is_not_covered() {
        let plain = index(&[1]);
        let unique = Index { unique: true, ..index(&[1]) };
        assert!(covers(&unique, &plain) && !covers(&plain, &unique));
        assert!(!covers(&Index { unique: true, ..index(&[1, 2]) }, &unique));
        assert!(!covers(&Index { predicate: "(a > 1)".into(), ..index(&[1]) }, &plain));
        assert!(!covers(&Index { valid: false, ..index(&[1]) }, &plain));
        let hash = |columns| Index { method: IndexMethod::Hash, ..index(columns) };
        assert!(!covers(&hash(&[1]), &plain));
        let gin = |columns| Index { method: IndexMethod::Gin, ..index(columns) };
        assert!(!covers(&gin(&[1, 2]), &gin(&[1])), "only B-trees have an order");
        let mut patterns = index(&[1, 2]);
        patterns.keys[0].operator_class = "text_pattern_ops".into();
        assert!(!covers(&patterns, &plain));
        let mut collated = index(&[1, 2]);
        collated.keys[0].collation = "de_DE".into();
        assert!(!covers(&collated, &plain));
    }

    #[test]
    fn a_b_tree_is_read_both_ways() {
        let mut back = index(&[1]);
        back.keys[0].descending = true;
        back.keys[0].nulls_first = true;
        assert!(covers(&index(&[1, 2]), &back) && covers(&back, &index(&[1])));
        back.keys[0].nulls_first = false;
        assert!(!covers(&index(&[1, 2]), &back), "nulls are at the other end");
        let mut mixed = index(&[1, 2]);
        mixed.keys[1].descending = true;
        mixed.keys[1].nulls_first = true;
        assert!(!covers(&mixed, &index(&[1, 2])));
    }

    #[test]
    fn included_columns_count_wherever_they_are() {
        let included = Index { include: vec![3], ..index(&[1]) };
        assert!(!covers(&index(&[1, 2]), &included));
        assert!(covers(&index(&[1, 3]), &included));
        assert!(covers(&Index { include: vec![2, 3], ..index(&[1]) }, &included));
    }

    proptest! {
        #[test]
        fn covering_is_transitive(
            one in prop::collection::vec(1_i16..4, 1..4),
            two in prop::collection::vec(1_i16..4, 1..4),
            three in prop::collection::vec(1_i16..4, 1..4),
        ) {
            let (one, two, three) = (index(&one), index(&two), index(&three));
            if covers(&one, &two) && covers(&two, &three) {
                prop_assert!(covers(&one, &three));
            }
        }
    }
}
