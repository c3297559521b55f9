//! Names come back as they were; statements are what PostgreSQL reads.

use model::database::Column;
use proptest::prelude::*;

use super::*;

fn orders() -> Table {
    let column = |number, name: &str| Column { number, name: name.into(), ..Column::default() };
    Table {
        name: TableName::new("public", "Orders"),
        columns: vec![column(1, "id"), column(2, "user"), column(3, "created_at")],
        ..Table::default()
    }
}

fn on(number: i16) -> IndexColumn {
    IndexColumn { key: IndexKey::Column(number), ..IndexColumn::default() }
}

#[test]
fn keywords_are_sorted_for_the_search() {
    assert!(KEYWORDS.is_sorted());
}

#[test]
fn only_names_that_need_it_are_quoted() {
    for (name, expected) in [
        ("orders", "orders"),
        ("Orders", "\"Orders\""),
        ("user", "\"user\""),
        ("say \"hi\"", "\"say \"\"hi\"\"\""),
        ("été", "\"été\""),
        ("2nd", "\"2nd\""),
        ("", "\"\""),
    ] {
        assert_eq!(identifier(name), expected);
    }
}

#[test]
fn a_text_ends_where_it_ends() {
    assert_eq!(literal("it's"), "'it''s'");
    assert_eq!(literal("a\\'b"), "E'a\\\\''b'");
}

#[test]
fn an_index_says_all_that_it_is() {
    let mut newest = on(3);
    newest.descending = true;
    newest.nulls_first = true;
    let mut index = NewIndex {
        table: TableName::new("public", "Orders"),
        keys: vec![on(2), newest],
        include: vec![1],
        predicate: "(status = 1)".into(),
        ..NewIndex::default()
    };
    assert_eq!(
        create_index(&index, &orders(), "orders_user_created_at_idx", Locking::Concurrently),
        "CREATE INDEX CONCURRENTLY orders_user_created_at_idx ON public.\"Orders\" (\"user\", created_at DESC) \
         INCLUDE (id) WHERE (status = 1)"
    );
    index.keys[1].nulls_first = false;
    index.keys[0].operator_class = "text_pattern_ops".into();
    index.include.clear();
    index.predicate.clear();
    assert_eq!(
        create_index(&index, &orders(), "i", Locking::Blocking),
        "CREATE INDEX i ON public.\"Orders\" (\"user\" text_pattern_ops, created_at DESC NULLS LAST)"
    );
}

#[test]
fn a_taken_name_is_not_taken_again() {
    let index = NewIndex {
        table: TableName::new("public", "Orders"),
        keys: vec![on(2)],
        ..NewIndex::default()
    };
    assert_eq!(index_name(&index, &orders(), &|_| false), "orders_user_idx");
    assert_eq!(
        index_name(&index, &orders(), &|name| name == "orders_user_idx"),
        "orders_user_idx1"
    );
}

proptest! {
    #[test]
    fn a_quoted_name_reads_back(name in "\\PC{0,40}") {
        let quoted = identifier(&name);
        let back = match quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
            Some(inner) => inner.replace("\"\"", "\""),
            None => quoted.to_string(),
        };
        prop_assert_eq!(back, name);
    }

    #[test]
    fn names_of_indexes_fit(name in "\\PC{0,200}", turns in 0_usize..3) {
        let table = Table { name: TableName::new("public", &name), ..orders() };
        let index = NewIndex { table: table.name.clone(), keys: vec![on(2)], ..NewIndex::default() };
        let left = std::cell::Cell::new(turns);
        let named = index_name(&index, &table, &|_| left.replace(left.get().saturating_sub(1)) != 0);
        prop_assert!(named.len() <= NAME_BYTES_MAX);
        prop_assert!(!named.is_empty());
    }
}
