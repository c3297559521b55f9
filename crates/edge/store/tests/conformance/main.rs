//! Two engines, one interface: whatever is kept and whatever is asked, the folder alone and ClickHouse answer the same.
//!
//! The same batches go into two stores; in one full segments become blocks, in the other rows of a real ClickHouse.
#![expect(clippy::unwrap_used, reason = "these are tests")]

mod layouts;
mod made;
mod once;
mod same;
#[path = "../shop/mod.rs"]
mod shop;
mod sql;
mod thinning;

use std::{path::Path, time::Duration};

use store::{
    Folder, Options, Store as _, Syncing,
    clickhouse::{Layout, Secret, Settings},
};
use testkit::clickhouse::{ClickHouse, PASSWORD, USER};

/// The smallest segments that a store accepts, so that tests see many.
fn options() -> Options {
    Options { sync: Syncing::Os, segment_bytes: 4 << 10, ..Options::default() }
}

fn settings(server: &ClickHouse) -> Settings {
    Settings {
        url: server.url(),
        database: "taut".to_owned(),
        user: USER.to_owned(),
        password: Secret(PASSWORD.to_owned()),
        layout: Layout::default(),
        days: 14,
        minutes_days: 90,
        replaced_for: Duration::ZERO,
    }
}

fn open(path: &Path, server: &ClickHouse) -> Folder {
    Folder::open_with_clickhouse(path, options(), &settings(server)).unwrap().0
}

/// Moves all full segments.
fn drain(store: &Folder) {
    while store.tidy().unwrap() {}
}

/// Rows of a table in ClickHouse.
fn rows(server: &ClickHouse, table: &str) -> u64 {
    server.ask(&format!("SELECT count() FROM taut.{table}")).parse().unwrap()
}

/// Longer than anything here takes.
const LONG: Duration = Duration::from_mins(1);
