//! Statements about indexes come back as they were written, and nothing else is taken for one.

use proptest::prelude::*;

use super::*;

/// What a statement is put together to again, all defaults said.
fn again(text: &str) -> Option<String> {
    IndexStatement::parse(text).map(|index| {
        let locking = if index.concurrently { Locking::Concurrently } else { Locking::Blocking };
        index.text(locking)
    })
}

#[test]
fn what_the_server_prints_comes_back_letter_by_letter() {
    for text in [
        "CREATE INDEX orders_idx ON public.orders USING btree (customer_id, created_at DESC)",
        "CREATE UNIQUE INDEX \"Käufer \"\"x\"\"\" ON \"Großes Lager\".\"order\" USING btree (lower((mail)::text))",
        "CREATE INDEX i ON s.t USING gin (tags jsonb_path_ops) WHERE ((a = 'x;y'::text) AND (b IS NOT NULL))",
        "CREATE INDEX i ON s.t USING btree (a COLLATE \"C\" text_pattern_ops DESC NULLS LAST, ((b + c))) INCLUDE (d, \"E\") NULLS NOT DISTINCT WITH (fillfactor='70') TABLESPACE fast WHERE (d > 3)",
        "CREATE INDEX i ON ONLY s.t USING brin (at brin_minmax_multi_ops (values_per_range='8'))",
        "CREATE INDEX i ON s.t USING btree (s.f(a, (b)), x)",
        "CREATE INDEX CONCURRENTLY i ON t USING btree (a NULLS FIRST)",
    ] {
        assert_eq!(again(text).as_deref(), Some(text));
    }
}

#[test]
fn what_people_write_is_understood() {
    let text = "create index concurrently if not exists Orders_Idx on Orders -- why\n (Customer_Id asc, /* a /* b */ c */ \"At\" desc) where status = E'a\\'b' ;";
    let index = IndexStatement::parse(text).unwrap();
    assert!(index.concurrently);
    assert_eq!((index.name.as_str(), index.table.as_str()), ("orders_idx", "orders"));
    assert_eq!(index.keys[0].column.as_deref(), Some("customer_id"));
    assert_eq!(index.keys[1].column.as_deref(), Some("At"));
    assert_eq!(index.predicate, "status = E'a\\'b'");
    let unnamed = IndexStatement::parse("CREATE INDEX ON t (a)").unwrap();
    assert_eq!((unnamed.name.as_str(), unnamed.body().as_str()), ("", "USING btree (a)"));
}

#[test]
fn what_is_not_one_statement_about_one_index_is_refused() {
    for text in [
        "",
        "CREATE TABLE t (a int)",
        "CREATE INDEX i ON t (a); DROP TABLE t",
        "CREATE INDEX i ON t (a",
        "CREATE INDEX i ON t ()",
        "CREATE INDEX i ON t (a,)",
        "CREATE INDEX i ON t (a) WHERE",
        "CREATE INDEX i ON t (a) DROP",
        "CREATE INDEX i ON t (t.a)",
        "CREATE INDEX U&\"d\\0061t\" ON t (a)",
        "CREATE INDEX i ON t (a /* open)",
        "CREATE INDEX \"\" ON t (a)",
    ] {
        assert_eq!(IndexStatement::parse(text), None, "{text}");
    }
    for text in
        ["DROP INDEX a, b", "DROP INDEX a CASCADE", "DROP TABLE a", "DROP INDEX a; DROP INDEX b"]
    {
        assert_eq!(dropped_index(text), None, "{text}");
    }
}

#[test]
fn a_dropped_index_is_named() {
    let named = |schema: &str, name: &str| Some((schema.to_owned(), name.to_owned()));
    assert_eq!(
        dropped_index("DROP INDEX CONCURRENTLY IF EXISTS s.\"A\"\"b\";"),
        named("s", "A\"b")
    );
    assert_eq!(dropped_index("drop index Foo restrict"), named("", "foo"));
    assert_eq!(rebuilt_index("REINDEX INDEX CONCURRENTLY s.i"), named("s", "i"));
    assert_eq!(rebuilt_index("reindex (verbose, concurrently) index i"), named("", "i"));
    assert_eq!(rebuilt_index("REINDEX INDEX i"), None);
    assert_eq!(rebuilt_index("REINDEX TABLE CONCURRENTLY t"), None);
}

proptest! {
    #[test]
    fn any_text_is_taken_apart_or_refused(text in "\\PC{0,60}") {
        let whole = IndexStatement::parse(&text);
        prop_assert!(whole.is_none() || dropped_index(&text).is_none());
        if let Some(first) = again(&format!("CREATE INDEX ON t ({text})")) {
            // What is understood is understood the same a second time.
            prop_assert_eq!(again(&first), Some(first));
        }
    }

    #[test]
    fn whatever_it_is_called_comes_back(
        name in "[^\\x00]{1,20}", table in "[^\\x00]{1,20}", column in "[^\\x00]{1,20}",
    ) {
        let key = KeyText {
            column: Some(column.clone()),
            text: identifier(&column).into_owned(),
            ..KeyText::default()
        };
        let index = IndexStatement {
            name, schema: table.clone(), table, method: "btree".to_owned(), keys: vec![key],
            ..IndexStatement::default()
        };
        let text = index.text(Locking::Blocking);
        prop_assert_eq!(IndexStatement::parse(&text), Some(index));
    }
}
