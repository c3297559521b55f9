//! What a statement says once its literals are parameters.

use proptest::prelude::*;

use super::*;

fn check(text: &str, expected: &str) {
    assert_eq!(generic(text), expected, "{text}");
    assert_eq!(generic(expected), expected, "again: {text}");
}

#[test]
fn what_the_server_made_generic_stays_as_it_is() {
    check("SELECT * FROM t WHERE a = $1 AND b = $2", "SELECT * FROM t WHERE a = $1 AND b = $2");
    check("SELECT a FROM t WHERE b IN ($1 /*, ... */)", "SELECT a FROM t WHERE b IN ($1 )");
    check("/* taut */ SELECT $1;", "SELECT $1");
    check("SELECT \"a'b\" FROM \"T\" -- 'x'\nLIMIT $1", "SELECT \"a'b\" FROM \"T\" \nLIMIT $1");
}

#[test]
fn literals_that_are_left_become_the_next_parameters() {
    check("SET x = 'secret'", "SET x = $1");
    check(
        "SELECT a FROM t WHERE b = $2 AND c = 'x' AND d > 5.5e-3",
        "SELECT a FROM t WHERE b = $2 AND c = $3 AND d > $4",
    );
    check(
        "SELECT E'\\'' || U&'x' || B'1' || $q$it's$q$ || N'n'",
        "SELECT $1 || $2 || $3 || $4 || $5",
    );
    check("SELECT a1, t2.b FROM t2 WHERE c=-1", "SELECT a1, t2.b FROM t2 WHERE c=$1");
    check("SELECT a - 1, (-2), b[3], .5", "SELECT a - $1, ($2), b[$3], $4");
    check("SELECT 0x1F, 1_000, 2.", "SELECT $1, $2, $3");
    check("SELECT 'never closed", "SELECT $1");
}

#[test]
fn positions_and_lengths_are_no_values() {
    check(
        "SELECT a, b FROM t ORDER BY 1, 2 DESC LIMIT 10",
        "SELECT a, b FROM t ORDER BY 1, 2 DESC LIMIT $1",
    );
    check(
        "SELECT a FROM t GROUP BY 1 HAVING count(*) > 5",
        "SELECT a FROM t GROUP BY 1 HAVING count(*) > $1",
    );
    check("SELECT a FROM t ORDER BY a + 1, 12345", "SELECT a FROM t ORDER BY a + $1, $2");
    check(
        "SELECT f(1) FROM (SELECT 2 ORDER BY 1) x WHERE y = 3",
        "SELECT f($1) FROM (SELECT $2 ORDER BY 1) x WHERE y = $3",
    );
    check(
        "SELECT a::varchar(20), CAST(b AS numeric(10, 2))",
        "SELECT a::varchar(20), CAST(b AS numeric(10, 2))",
    );
}

#[test]
fn what_the_server_cannot_plan_is_mended() {
    check("SELECT now() - interval $1", "SELECT now() - CAST($1 AS interval)");
    check("SELECT now() - interval '1' day, 2", "SELECT now() - CAST($1 AS interval day), $2");
    check("SELECT date '2026-01-01', a.date", "SELECT CAST($1 AS date), a.date");
    check("SELECT TIMESTAMP WITH TIME ZONE $1", "SELECT CAST($1 AS timestamp with time zone)");
    check("SELECT EXTRACT($1 FROM created) FROM t", "SELECT date_part($1, created) FROM t");
    check("SELECT extract(year FROM created) FROM t", "SELECT extract(year FROM created) FROM t");
}

#[test]
fn parameters_that_no_protocol_carries_are_literals() {
    check("SELECT $70000, $0, $99999999999999999999", "SELECT $1, $2, $3");
}

#[test]
fn a_long_statement_is_cut() {
    let text = format!("SELECT {}", "'é', ".repeat(BYTES_MAX));
    assert!(generic(&text).len() <= 2 * BYTES_MAX);
}

proptest! {
    #[test]
    fn no_literal_survives(
        text in "(select|from|where|order by|interval|extract\\(|in \\(|\\)|,|-|=|\\$1|\\$\\$|--|/\\*|\\*/| |\n|\"|E)*",
        secret in "[0-9]{5,9}",
    ) {
        for quoted in [format!("'{secret}'"), secret.clone(), format!("$q${secret}$q$")] {
            let shown = generic(&format!("select a from t where b = {quoted} {text}"));
            prop_assert!(!shown.contains(&secret), "{}", shown);
        }
    }

    #[test]
    fn any_text_is_read(text in "(select|order by|group by|varchar|interval|day|extract\\(|from|\\(|\\)|'|\"|\\$[0-9]{1,6}|\\$a\\$|[0-9.e+-]{1,5}|--|/\\*|\\*/|\\\\| |\n|\\PC){0,40}") {
        let once = generic(&text);
        prop_assert!(!once.contains('\0'));
    }
}
