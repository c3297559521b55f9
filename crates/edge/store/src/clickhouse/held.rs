//! What ClickHouse holds, for who looks after it: asked without changing anything there.

use std::time::Duration;

use keep::TABLES;

use super::{
    Settings,
    binary::Reader,
    http::{Client, Statement},
    migrate, quote,
    schema::{FOLDER, ROW, SCHEMA_VERSION, SEGMENT, Schema, THINNING, thins},
    trouble::{Trouble, Why},
};

/// Counting takes no longer, or it ends with why.
const TIME: Duration = Duration::from_mins(5);

const LOOK: &str = "look at the tables";

/// What a table holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Its name: `spans`.
    pub table: &'static str,
    /// Its rows.
    pub rows: u64,
    /// Segments that they came in.
    pub segments: u64,
    /// Segments of which a row is missing, or there twice. One that is being moved is neither.
    pub unlike: u64,
}

/// What ClickHouse holds. Tables that were not made yet hold nothing.
///
/// # Errors
///
/// It is away, refuses, is too old, or its tables are of a newer Taut.
pub fn held(settings: &Settings) -> Result<Vec<Held>, Trouble> {
    let client = Client::new(&settings.url, &settings.user, settings.password.clone());
    let schema = Schema::of(settings);
    let ask = |sql: &str| {
        client.run(Statement { action: LOOK, sql, settings: &[], rows: None, time: TIME })
    };
    let number = |sql: &str| {
        let reply = ask(sql)?;
        Reader::new(&reply.body).u64().map_err(|why| client.trouble(LOOK, why))
    };
    migrate::check_version(&client, &ask("SELECT version() FORMAT RowBinary")?.body)?;
    let nothing = |table: &keep::Table| Held { table: table.name, rows: 0, segments: 0, unlike: 0 };
    let there = number(&format!(
        "SELECT count() FROM system.tables WHERE database = {} AND name = 'taut_migrations' FORMAT RowBinary",
        quote::text(&schema.database)
    ))?;
    if there == 0 {
        return Ok(TABLES.iter().map(|table| nothing(table)).collect());
    }
    let versions = schema.table("taut_migrations");
    let reached =
        number(&format!("SELECT toUInt64(max(version)) FROM {versions} FORMAT RowBinary"))?;
    let known = u64::from(SCHEMA_VERSION);
    if known < reached {
        let reached = u32::try_from(reached).unwrap_or(u32::MAX);
        return Err(client.trouble(LOOK, Why::Schema(reached)));
    }
    if reached < known {
        return Ok(TABLES.iter().map(|table| nothing(table)).collect());
    }
    let held = TABLES.iter().map(|table| {
        let thinning = if thins(table) { format!(", {THINNING}") } else { String::new() };
        let reply = ask(&format!(
            "SELECT sum(held), count(), countIf(held != numbered) FROM (\
             SELECT count() AS held, toUInt64(max({ROW})) + 1 AS numbered FROM {} \
             GROUP BY {FOLDER}, {SEGMENT}{thinning}) FORMAT RowBinary",
            schema.table(table.name)
        ))?;
        let mut reader = Reader::new(&reply.body);
        let mut read = || {
            let (rows, segments, unlike) = (reader.u64()?, reader.u64()?, reader.u64()?);
            Ok(Held { table: table.name, rows, segments, unlike })
        };
        read().map_err(|why: Why| client.trouble(LOOK, why))
    });
    held.collect()
}
