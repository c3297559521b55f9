//! Rates from windows of any length.

use std::{collections::BTreeMap, sync::Arc};

use model::{
    Moment, Window,
    database::{RunStatistics, ServerStatement, TableName, TableUse},
};

use super::*;

fn statement(text: &str, calls: u64, rows: u64) -> ServerStatement {
    let (text, generic) = (sql::Statements::default().read(text).0, Arc::from(text));
    ServerStatement {
        query_id: 1,
        text,
        generic,
        users: Vec::new(),
        applications: Vec::new(),
        nested: false,
        runs: RunStatistics { calls, rows, ..RunStatistics::default() },
        routes: BTreeMap::new(),
    }
}

fn database(minutes: u64, usage: TableUse, statements: Vec<ServerStatement>) -> Database {
    let table = Table { name: TableName::new("public", "t"), usage, ..Table::default() };
    Database {
        window: Window { from: Moment::default(), to: Moment { nanos: minutes * 60_000_000_000 } },
        tables: vec![table],
        statements,
        ..Database::default()
    }
}

fn rates(database: &Database) -> Rates {
    Rates::of(&database.tables[0], database)
}

#[test]
fn a_load_within_ten_minutes_comes_once_a_day_and_a_trickle_keeps_its_pace() {
    let usage = TableUse { inserted: 1_000_600, ..TableUse::default() };
    let trickle = statement("insert into t (a) values ($1)", 600, 600);
    let load = statement("insert into t select a from u", 1, 1_000_000);
    let known = rates(&database(10, usage.clone(), vec![trickle, load]));
    assert!((known.entries - (1_000_000.0 + 600.0 * 144.0)).abs() < 1.0, "{known:?}");
    assert!((known.bulk - 1_000_000.0).abs() < 1.0);
    let unknown = rates(&database(10, usage, Vec::new()));
    assert!((unknown.entries - 1_000_600.0).abs() < 1.0, "{unknown:?}");
}

#[test]
fn from_a_day_on_everything_is_a_rate() {
    let usage =
        TableUse { inserted: 4000, updated: 2000, updated_hot: 1000, ..TableUse::default() };
    let known = rates(&database(2 * 24 * 60, usage, Vec::new()));
    assert!((known.entries - 2500.0).abs() < 1e-6 && (known.hot - 500.0).abs() < 1e-6, "{known:?}");
}

#[test]
fn a_short_window_is_said_and_a_long_one_is_not() {
    let usage = TableUse { inserted: 50_000, ..TableUse::default() };
    let short = database(10, usage.clone(), Vec::new());
    let told = notes(&short, &[&short.tables[0]]);
    assert!(
        told[0].contains("10 minutes") && told[1].contains("50000 rows came into `t`"),
        "{told:?}"
    );
    let long = database(3 * 24 * 60, usage, Vec::new());
    assert_eq!(notes(&long, &[&long.tables[0]]), Vec::<String>::new());
}
