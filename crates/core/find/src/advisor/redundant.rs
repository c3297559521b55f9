//! Indexes that are there and become redundant, or are so already.
//!
//! An index whose keys begin another's does nothing that the other cannot do. Those that stand for a rule (unique,
//! primary key, replica identity, a constraint) are never proposed, nor those of a partitioned table's parts.

use model::{
    DroppedIndex, Text,
    database::{Database, Index, IndexKey, IndexMethod, NewIndex, Table},
};
use sql::Locking;

/// What covers an index: its name, whether it is new, and what it can do.
struct Cover {
    name: Text,
    new: bool,
    index: NewIndex,
}

/// The indexes that `created` or others make redundant, sorted by table and name.
pub(super) fn redundant(database: &Database, created: &[(Text, NewIndex)]) -> Vec<DroppedIndex> {
    let mut dropped: Vec<DroppedIndex> = Vec::new();
    let mut gone: Vec<u32> = Vec::new();
    for index in &database.indexes {
        let Some(table) = database.table(index.table_oid).filter(|_| is_free(index)) else {
            continue;
        };
        let new = created
            .iter()
            .filter(|(_, new)| new.table == table.name)
            .map(|(name, new)| Cover { name: name.clone(), new: true, index: new.clone() });
        let old = database
            .indexes_of(table.oid)
            .filter(|other| other.oid != index.oid && other.valid && !gone.contains(&other.oid))
            .filter(|other| !is_twin(index, other) || is_kept_over(other, index))
            .map(|other| Cover {
                name: other.name.clone(),
                new: false,
                index: sql::as_new(other, table),
            });
        let mine = sql::as_new(index, table);
        if let Some(cover) = new.chain(old).find(|cover| covers(&cover.index, &mine)) {
            gone.push(index.oid);
            dropped.push(proposal(index, table, &cover, &mine));
        }
    }
    dropped.sort_by(|a, b| (&a.table, &a.name).cmp(&(&b.table, &b.name)));
    dropped
}

/// Whether nothing but speed depends on it.
fn is_free(index: &Index) -> bool {
    index.valid
        && !index.unique
        && !index.primary
        && !index.constraint
        && !index.identity
        && index.parent_oid.is_none()
        && index.method == IndexMethod::Btree
}

/// Whether both do exactly the same.
fn is_twin(one: &Index, other: &Index) -> bool {
    one.method == other.method
        && one.keys == other.keys
        && one.predicate == other.predicate
        && one.include == other.include
}

/// Of two that do the same: the one with a rule, else the older one.
fn is_kept_over(kept: &Index, other: &Index) -> bool {
    !is_free(kept) || kept.oid < other.oid
}

/// Whether `cover` serves everything that `index` does.
fn covers(cover: &NewIndex, index: &NewIndex) -> bool {
    cover.method == index.method
        && cover.predicate == index.predicate
        && cover.keys.starts_with(&index.keys)
        && index.include.iter().all(|number| {
            cover.include.contains(number)
                || cover.keys.iter().any(|key| key.key == IndexKey::Column(*number))
        })
}

fn proposal(index: &Index, table: &Table, cover: &Cover, mine: &NewIndex) -> DroppedIndex {
    let which = if cover.new { "the new index" } else { "the index" };
    let how = if cover.index.keys.len() == mine.keys.len() {
        "has the same keys"
    } else {
        "begins with its keys"
    };
    DroppedIndex {
        table: table.name.clone(),
        name: index.name.clone(),
        bytes: index.bytes,
        ddl: sql::drop_index(&table.name.schema, &index.name, Locking::Concurrently),
        definition: index.definition.clone(),
        why: format!("{which} `{}` {how}, and serves whatever this one does", cover.name),
    }
}

#[cfg(test)]
mod tests {
    use model::database::{IndexColumn, TableName};

    use super::*;

    fn index(oid: u32, name: &str, columns: &[i16]) -> Index {
        Index {
            oid,
            table_oid: 1,
            name: name.into(),
            keys: keys(columns),
            valid: true,
            ..Index::default()
        }
    }

    fn keys(columns: &[i16]) -> Vec<IndexColumn> {
        let key =
            |number: &i16| IndexColumn { key: IndexKey::Column(*number), ..IndexColumn::default() };
        columns.iter().map(key).collect()
    }

    fn check(indexes: Vec<Index>, created: &[&[i16]], expected: &[&str]) {
        let name = TableName::new("Sales", "Orders");
        let table = Table { oid: 1, name: name.clone(), ..Table::default() };
        let database = Database { tables: vec![table], indexes, ..Database::default() };
        let created: Vec<(Text, NewIndex)> = created
            .iter()
            .map(|columns| {
                let index =
                    NewIndex { table: name.clone(), keys: keys(columns), ..NewIndex::default() };
                (Text::from("new"), index)
            })
            .collect();
        let dropped = redundant(&database, &created);
        let names: Vec<&str> = dropped.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, expected);
    }

    #[test]
    fn what_begins_a_new_index_goes() {
        check(vec![index(2, "a", &[1]), index(3, "b", &[2])], &[&[1, 2]], &["a"]);
    }

    #[test]
    fn of_twins_the_older_stays() {
        check(vec![index(9, "young", &[1]), index(3, "old", &[1])], &[], &["young"]);
    }

    #[test]
    fn what_stands_for_a_rule_stays() {
        let unique = Index { unique: true, ..index(2, "unique", &[1]) };
        let constraint = Index { constraint: true, ..index(3, "constraint", &[1]) };
        let identity = Index { identity: true, ..index(4, "identity", &[1]) };
        check(vec![unique, constraint, identity], &[&[1, 2]], &[]);
    }

    #[test]
    fn another_predicate_or_direction_is_another_index() {
        let partial = Index { predicate: "a > 1".into(), ..index(2, "partial", &[1]) };
        let mut turned = index(3, "turned", &[1]);
        turned.keys[0].descending = true;
        check(vec![partial, turned], &[&[1, 2]], &[]);
    }

    #[test]
    fn a_name_is_quoted_in_the_statement_that_drops_it() {
        let name = TableName::new("Sales", "Orders");
        let table = Table { oid: 1, name: name.clone(), ..Table::default() };
        let database = Database {
            tables: vec![table],
            indexes: vec![index(2, "my\"idx", &[1])],
            ..Database::default()
        };
        let new = NewIndex { table: name, keys: keys(&[1, 2]), ..NewIndex::default() };
        let dropped = redundant(&database, &[("new".into(), new)]);
        assert_eq!(dropped[0].ddl, "DROP INDEX CONCURRENTLY IF EXISTS \"Sales\".\"my\"\"idx\"");
    }
}
