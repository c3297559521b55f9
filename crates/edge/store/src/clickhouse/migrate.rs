//! Brings the tables in ClickHouse to the version that this Taut knows; what is of that version already stays as it is.
//!
//! Each step can be done again without harm, so that one that was cut short is done again, and two that run at once do
//! the same. Which were done is in `taut_migrations`.

use std::{collections::BTreeSet, time::Duration};

use keep::TABLES;

use super::{
    binary::Reader,
    http::{Client, Statement},
    quote,
    schema::{SCHEMA_VERSION, Schema},
    trouble::{OLDEST_VERSION, Trouble, Why},
};

const MAKE: &str = "make the tables";

/// A statement about tables waits for the other servers of a cluster.
const TIME: Duration = Duration::from_mins(3);

/// A step from one version of the tables to the next.
struct Migration {
    version: u32,
    name: &'static str,
    statements: fn(&Schema) -> Vec<String>,
}

/// All steps, in order. One that was released is never changed.
const MIGRATIONS: &[Migration] = &[
    Migration { version: 1, name: "tables", statements: Schema::create_tables },
    Migration { version: 2, name: "thinning", statements: Schema::create_thinned },
];

/// Makes what is missing.
pub(crate) fn migrate(client: &Client, schema: &Schema) -> Result<(), Trouble> {
    let run = |sql: &str| {
        client.run(Statement { action: MAKE, sql, settings: &[], rows: None, time: TIME })
    };
    check_version(client, &run("SELECT version() FORMAT RowBinary")?.body)?;
    let database = quote::text(&schema.database);
    let there = run(&format!(
        "SELECT count() FROM system.databases WHERE name = {database} FORMAT RowBinary"
    ))?;
    let read = |body: &[u8]| Reader::new(body).u64().map_err(|why| client.trouble(MAKE, why));
    if read(&there.body)? == 0 {
        run(&schema.create_database()).map_err(|trouble| match trouble.why {
            Why::Rights(said) => client.trouble(MAKE, Why::Database(said)),
            _ => trouble,
        })?;
    }
    run(&schema.create_migrations())?;
    let versions = schema.table("taut_migrations");
    let reached = run(&format!("SELECT toUInt64(max(version)) FROM {versions} FORMAT RowBinary"))?;
    let reached = u32::try_from(read(&reached.body)?).unwrap_or(u32::MAX);
    if SCHEMA_VERSION < reached {
        return Err(client.trouble(MAKE, Why::Schema(reached)));
    }
    for migration in MIGRATIONS.iter().filter(|migration| reached < migration.version) {
        for statement in (migration.statements)(schema) {
            run(&statement)?;
        }
        let Migration { version, name, .. } = migration;
        run(&format!(
            "INSERT INTO {versions} (version, name) VALUES ({version}, {})",
            quote::text(name)
        ))?;
    }
    add_columns(client, schema)?;
    set_days(client, schema)
}

pub(super) fn check_version(client: &Client, body: &[u8]) -> Result<(), Trouble> {
    let text = Reader::new(body).text().map_err(|why| client.trouble(MAKE, why))?;
    let mut parts = text.split('.').map(|part| part.parse::<u32>().ok());
    match (parts.next().flatten(), parts.next().flatten()) {
        (Some(year), Some(month)) if OLDEST_VERSION <= (year, month) => Ok(()),
        _ => Err(client.trouble(MAKE, Why::Version(text.to_owned()))),
    }
}

/// Adds the columns that tables have gained since they were made here.
fn add_columns(client: &Client, schema: &Schema) -> Result<(), Trouble> {
    for table in TABLES {
        let name = schema.local(table.name);
        let name = name.rsplit_once('.').map_or("", |(_, name)| name).trim_matches('`').to_owned();
        let sql = format!(
            "SELECT name FROM system.columns WHERE database = {} AND table = {} FORMAT RowBinary",
            quote::text(&schema.database),
            quote::text(&name)
        );
        let run = |sql: &str| {
            client.run(Statement { action: MAKE, sql, settings: &[], rows: None, time: TIME })
        };
        let body = run(&sql)?.body;
        let mut reader = Reader::new(&body);
        let mut there = BTreeSet::new();
        while !reader.is_empty() {
            there.insert(reader.text().map_err(|why| client.trouble(MAKE, why))?);
        }
        for (name, kind) in Schema::columns(table) {
            if there.contains(name.as_str()) {
                continue;
            }
            for statement in schema.add_column(table, &name, &kind) {
                run(&statement)?;
            }
        }
    }
    Ok(())
}

/// Sets how long rows are kept, where it is not so already.
fn set_days(client: &Client, schema: &Schema) -> Result<(), Trouble> {
    let run = |sql: &str| {
        client.run(Statement { action: MAKE, sql, settings: &[], rows: None, time: TIME })
    };
    for kept in schema.kept_days() {
        let name = schema.local(kept.0);
        let name = name.rsplit_once('.').map_or("", |(_, name)| name).trim_matches('`').to_owned();
        let sql = format!(
            "SELECT toUInt64(countIf(position(engine_full, 'toIntervalDay({})') > 0)) FROM system.tables \
             WHERE database = {} AND name = {} FORMAT RowBinary",
            kept.2,
            quote::text(&schema.database),
            quote::text(&name)
        );
        let body = run(&sql)?.body;
        let is_so = Reader::new(&body).u64().map_err(|why| client.trouble(MAKE, why))?;
        if is_so == 0 {
            run(&schema.set_days(kept))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_lead_to_the_version_of_the_tables() {
        let versions: Vec<u32> = MIGRATIONS.iter().map(|migration| migration.version).collect();
        assert_eq!(versions, (1..=SCHEMA_VERSION).collect::<Vec<_>>());
    }
}
