//! What is told of statements.

use std::fmt::Write as _;

use insta::assert_snapshot;
use model::{Filter, Projection, Shape};

use super::*;
use crate::normalise;

fn told(raw: &str) -> StatementText {
    describe(&normalise(raw))
}

/// Kind, tables and shape, on one line.
fn line(raw: &str) -> String {
    let told = told(raw);
    let mut line = format!("{:?} {}", told.kind, told.tables.join(","));
    let Some(shape) = told.shape else { return line + " | -" };
    write!(line, " | {:?}", shape.projection).unwrap();
    for Filter { table, column, operator } in &shape.filters {
        write!(line, " {table}.{column}:{operator:?}").unwrap();
    }
    let flags = [
        (shape.filters_more, "more"),
        (shape.limited, "limited"),
        (shape.offset, "offset"),
        (shape.joins, "joins"),
        (shape.grouped, "grouped"),
    ];
    for (_, flag) in flags.iter().filter(|(on, _)| *on) {
        write!(line, " {flag}").unwrap();
    }
    if !shape.order_by.is_empty() {
        write!(line, " by {}", shape.order_by.join(",")).unwrap();
    }
    line
}

fn lines(raw: &[&str]) -> String {
    raw.iter().map(|raw| line(raw)).collect::<Vec<_>>().join("\n")
}

#[test]
fn selects_of_common_clients_are_read() {
    assert_snapshot!(lines(&[
        r#"SELECT "o"."id", "o"."total" FROM "orders_order" "o" WHERE "o"."customer_id" = %s ORDER BY "o"."created" DESC LIMIT 21"#,
        r#"SELECT COUNT(*) AS "__count" FROM "orders_order""#,
        r#"SELECT COUNT(*) FROM (SELECT DISTINCT "a"."id" AS "col1" FROM "a") subquery"#,
        r#"SELECT "u".* FROM "users" AS "u" INNER JOIN "teams" "t" ON "t"."id" = "u"."team_id" WHERE "t"."name" IN ($1, $2) AND "u"."active" LIMIT $3 OFFSET $4"#,
        "SELECT * FROM `posts` WHERE `posts`.`deleted_at` IS NULL AND `posts`.`views` > 10 AND title LIKE '%x%' LIMIT 100, 20",
        "SELECT TOP 5 [o].[Id] FROM [Orders] AS [o] WHERE [o].[At] BETWEEN @a AND @b",
        "SELECT status, count(*), sum(total) FROM orders WHERE created > now() - interval '1 day' GROUP BY status",
        "SELECT max(id), coalesce(sum(x), 0) FROM t WHERE a = 1 OR b = 2",
        r#"SELECT "public"."User"."id" FROM "public"."User" WHERE ("public"."User"."email" = $1 AND 1=1) OFFSET $2"#,
        "SELECT 1 FROM a, b WHERE a.id = b.a_id AND NOT b.done AND b.x = ANY($1::int[]) FETCH FIRST 5 ROWS ONLY",
        "WITH RECURSIVE tree (id) AS (SELECT id FROM nodes WHERE parent_id IS NULL UNION ALL SELECT n.id FROM nodes n JOIN tree ON tree.id = n.parent_id), y AS (SELECT 1) SELECT * FROM tree, y",
        "SELECT id FROM a WHERE x = 1 UNION SELECT id FROM b ORDER BY id",
        "SELECT extract(year FROM created), a IS DISTINCT FROM b FROM t WHERE data->>'k' = 'v' FOR UPDATE",
        "SELECT DISTINCT name FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.t_id = t.id)",
        "SELECT g.x, count(*) OVER () FROM generate_series(1, 10) AS g(x)",
    ]), @r"
    Select orders_order | Columns(2) orders_order.customer_id:Equal limited by created
    Select orders_order | Count
    Select a | Count
    Select users,teams | Star teams.name:In users.active:Equal limited offset joins
    Select posts | Star posts.deleted_at:Equal posts.views:Range .title:Pattern limited offset
    Select Orders | Columns(1) Orders.At:Range limited
    Select orders | Aggregate .created:Range grouped
    Select t | Aggregate more
    Select User | Columns(1) User.email:Equal offset
    Select a,b | Columns(1) b.done:Equal b.x:In limited joins
    Select nodes | Star joins
    Select a,b | Columns(1) .x:Equal more by id
    Select t | Columns(2) more
    Select t,u | Columns(1) more grouped
    Select  | Columns(2)
    ");
}

#[test]
fn other_statements_are_read() {
    assert_snapshot!(lines(&[
        "INSERT INTO t (a, b) VALUES (1, 2) ON CONFLICT (a) DO UPDATE SET b = 3 RETURNING id",
        "INSERT INTO t SELECT * FROM u",
        "REPLACE INTO `t` VALUES (1)",
        "UPDATE \"orders\" SET \"total\" = 1 WHERE \"orders\".\"id\" = 5",
        "UPDATE orders o SET total = 1 FROM items i WHERE i.order_id = o.id AND o.state = 'new'",
        "DELETE FROM sessions WHERE expires < '2024-01-01'",
        "DELETE FROM a USING b WHERE a.id = b.id",
        "WITH x AS (SELECT 1) DELETE FROM t WHERE id IN (SELECT * FROM x)",
        "BEGIN",
        "SAVEPOINT x",
        "SET statement_timeout = 5000",
        "CREATE INDEX CONCURRENTLY i ON orders (a)",
        "CREATE TABLE IF NOT EXISTS \"a\" (id int REFERENCES b (id))",
        "TRUNCATE TABLE a, b",
        "CALL refresh(1)",
        "EXPLAIN SELECT 1",
        "GET ?",
        "(SELECT a FROM t) UNION (SELECT b FROM u)",
    ]), @r"
    Insert t | Nothing
    Insert t,u | Nothing
    Insert t | Nothing
    Update orders | Nothing orders.id:Equal
    Update orders,items | Nothing orders.state:Equal joins
    Delete sessions | Nothing .expires:Range
    Delete a,b | Nothing joins
    Delete t | Nothing more
    Session  | -
    Session  | -
    Session  | -
    Definition orders | -
    Definition a,b | -
    Definition a,b | -
    Other  | -
    Other  | -
    Other  | -
    Select t,u | Columns(1) more
    ");
}

#[test]
fn cut_statements_still_name_their_tables() {
    let cut = told("SELECT a FROM \"t\" JOIN u ON u.id = t.id WHERE t.name = 'x");
    assert_eq!((cut.tables, cut.truncated), (vec![Text::from("t"), Text::from("u")], true));
    assert_eq!(cut.shape, None);
}

#[test]
fn a_count_over_a_subquery_is_a_count() {
    let told = told("SELECT COUNT(*) FROM (SELECT a FROM t LIMIT 1) s").shape.unwrap();
    assert_eq!(*told, Shape { projection: Projection::Count, ..Shape::default() });
}

#[test]
fn hostile_nesting_is_refused_not_fatal() {
    for (piece, end) in [
        ("(", ""),
        ("(SELECT ", ""),
        ("NOT ", "a"),
        ("- ", "a"),
        ("a + ", "a"),
        ("a OR ", "a"),
        ("a::b", ""),
        ("f(", ""),
        ("CASE WHEN ", "a"),
        ("a UNION SELECT ", "a"),
        ("a.", "a"),
        ("a IS NULL ", ""),
        ("a[1]", ""),
        ("a FROM t JOIN ", "u"),
        ("a COLLATE b ", ""),
        ("\"a\".", "b"),
        ("a AT TIME ZONE b ", ""),
        ("EXISTS (", ""),
        ("INTERVAL ", "a"),
        ("a -> ", "a"),
    ] {
        for count in [100, 2_000, 20_000] {
            let raw = format!("SELECT {}{end}", piece.repeat(count));
            assert_eq!(told(&raw).kind, StatementKind::Select);
            let raw = format!("SELECT a{}", piece.repeat(count));
            assert!(told(&raw).text.starts_with("select"));
        }
    }
}

proptest::proptest! {
    #[test]
    fn any_text_is_described(raw in ".{0,200}") {
        let text = told(&raw);
        proptest::prop_assert_eq!(text.fingerprint, normalise(&raw).fingerprint);
    }

    #[test]
    fn a_statement_cut_anywhere_is_described(cut in 0..400_usize) {
        let raw = r#"WITH "x" AS (SELECT extract(year FROM a) FROM "public"."b") SELECT count(*), f.z[1] FROM x AS f
            LEFT JOIN [dbo].[c] ON f.id = c.id, LATERAL (SELECT 1) d WHERE a = 'b' AND `q` IN (1, 2) ORDER BY a LIMIT 5"#;
        let text = told(raw.get(..cut).unwrap_or(raw));
        proptest::prop_assert!(text.tables.len() <= 3);
    }
}
