//! Statements of people's own: they read what was moved, and nothing else.

use store::{
    Batch, Limits, Store as _,
    clickhouse::{Reached, SQL_ROWS_MAX, SqlError, Trouble, Why},
};
use testkit::clickhouse::ClickHouse;

use crate::{drain, open, options, rows, shop};

/// What would do more than read what is kept, or is no statement.
const BEYOND: &[&str] = &[
    "INSERT INTO spans (service) VALUES ('x')",
    "DROP TABLE spans",
    "TRUNCATE TABLE taut.spans",
    "SELECT 1; DROP TABLE spans",
    "SELECT 1) ; DROP TABLE spans; SELECT (1",
    "SELECT 1 INTO OUTFILE '/tmp/taut-never'",
    "SELECT 1 SETTINGS max_execution_time = 0",
    "SELECT * FROM system.users",
    "SELECT * FROM information_schema.tables",
    "SELECT (SELECT count() FROM system.tables)",
    "SELECT 'x' IN system.one, 'a' IN system.databases",
    "SELECT * FROM spans JOIN system.tables AS t ON 1 = 1",
    "SELECT * FROM url('http://127.0.0.1:9/x', CSV, 'a String')",
    "SELECT * FROM file('/etc/passwd', LineAsString)",
    "SELECT file('/etc/passwd')",
    "SELECT * FROM remote('127.0.0.2', system.one)",
    "SELECT * FROM merge('system', '.*')",
    "SELECT dictGet('a', 'b', 1)",
    "SELECT * FROM system.tables AS `a, identifier: spans`",
    "SELECT * FROM system.tables AS `a\nb`",
    "SELECT * FROM remote('127.0.0.2', system.one) AS `a, table_function_name: numbers`",
    "EXPLAIN SELECT 1",
    "",
];

#[test]
fn statements_read_what_was_moved_and_nothing_else() {
    let (folder, server) = (tempfile::tempdir().unwrap(), ClickHouse::start());
    let store = open(folder.path(), &server);
    assert!(store.speaks_sql());
    for number in 0..40 {
        let spans = shop::batch(number);
        let received = spans[0].end;
        store.append(&Batch { spans: &spans, otlp: None, received }).unwrap();
    }
    drain(&store);
    let ask = |sql: &str| store.sql(sql, &Limits::default());
    let counted =
        ask("SELECT service, count() AS spans FROM spans GROUP BY service ORDER BY spans DESC");
    let counted = counted.unwrap();
    let names: Vec<&str> = counted.columns.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["service", "spans"]);
    let told: u64 =
        counted.rows.iter().filter_map(|row| row[1].as_deref()?.parse::<u64>().ok()).sum();
    assert_eq!(told, rows(&server, "spans"));

    // The order is kept, ends are found, and nothing is nothing.
    let ordered =
        ask("SELECT number, NULL FROM numbers(5000) ORDER BY number DESC -- why;\n;").unwrap();
    assert!(ordered.is_cut && ordered.rows.len() == SQL_ROWS_MAX);
    assert_eq!(ordered.rows[0], [Some("4999".to_owned()), None]);
    assert_eq!(ask("WITH 1 AS a SELECT a").unwrap().rows, [[Some("1".to_owned())]]);

    let file = |sql: &str| store.sql_parquet(sql, &Limits::default());
    for sql in [
        "SELECT service, any(trace_id) AS trace, max(start_at), count() FROM spans GROUP BY service",
        "SELECT number FROM numbers(5000) ORDER BY number DESC -- why;\n;",
    ] {
        let told = file(sql).unwrap();
        assert!(told.starts_with(b"PAR1") && told.ends_with(b"PAR1"), "{sql}: {}", told.len());
    }
    // A file does not tell that it was cut: what is too large is none.
    let large = file("SELECT randomString(100000) FROM numbers(1000)");
    assert!(matches!(large, Err(SqlError::Trouble(_))), "{:?}", large.map(|told| told.len()));

    let before = rows(&server, "spans");
    for sql in BEYOND {
        let (refused, no_file) = (ask(sql), file(sql).map(|told| told.len()));
        // Whatever it is refused for, what was kept is there.
        assert_eq!(rows(&server, "spans"), before, "{sql}");
        assert!(
            matches!(refused, Err(SqlError::Refused { .. } | SqlError::Trouble(_))),
            "{sql}: {refused:?}"
        );
        assert!(
            matches!(no_file, Err(SqlError::Refused { .. } | SqlError::Trouble(_))),
            "{sql}: {no_file:?}"
        );
    }

    // What is wrong says where; what takes too long is ended.
    let wrong = ask("SELECT nonsense FROM spans").unwrap_err().to_string();
    assert!(wrong.contains("nonsense"), "{wrong}");
    let few = Limits { rows: 10, ..Limits::default() };
    let long = store.sql("SELECT count() FROM spans WHERE name != 'x'", &few);
    let why = Why::Limit(Reached::Rows);
    assert!(
        matches!(&long, Err(SqlError::Trouble(Trouble { why: told, .. })) if *told == why),
        "{long:?}"
    );
    let long = "SELECT count() FROM numbers(100000000000) WHERE sipHash64(number) = 1";
    let soon = Limits { time: std::time::Duration::from_millis(200), ..Limits::default() };
    assert!(matches!(store.sql(long, &soon), Err(SqlError::Trouble(_))));
}

#[test]
fn a_folder_speaks_no_sql() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = store::Folder::open(folder.path(), options()).unwrap();
    assert!(!store.speaks_sql());
    assert_eq!(store.sql("SELECT 1", &Limits::default()), Err(SqlError::NoSql));
    assert_eq!(store.sql_parquet("SELECT 1", &Limits::default()), Err(SqlError::NoSql));
}
