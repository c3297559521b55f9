//! How many bytes an index takes: by the model, by `HypoPG`, and in truth.
//!
//! Over three schemas: TPC-H and a shop, with which the model was made, and events of devices, on which it is
//! judged. What the model is told is what an advisor knows before an index is there: catalogs, statistics, and the
//! planner's estimate of how many rows a predicate keeps.

use std::time::Duration;

use find::advisor::size::{self, Estimate, SizeBasis};
use model::database::{Database, Index, IndexColumn, IndexKey, Table};
use postgres::{
    Connection, Limits, ReadOptions, Target, connect, read_database, sampled_combinations,
};
use testkit::postgres::Postgres;

use crate::tpch;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// Tables, and indexes on them.
#[derive(Debug, Clone, Copy)]
pub struct Schema {
    /// As the tables call it.
    pub name: &'static str,
    tables: Option<&'static str>,
    indexes: &'static str,
}

/// What sizes are compared over.
pub const SCHEMAS: &[Schema] = &[
    Schema { name: "TPC-H", tables: None, indexes: include_str!("sizes/tpch_indexes.sql") },
    Schema {
        name: "shop",
        tables: Some(include_str!("sizes/shop.sql")),
        indexes: include_str!("sizes/shop_indexes.sql"),
    },
    Schema {
        name: "events",
        tables: Some(include_str!("sizes/events.sql")),
        indexes: include_str!("sizes/events_indexes.sql"),
    },
];

/// One index.
#[derive(Debug, Clone)]
pub struct Sized {
    /// Table, keys and the rest, as `CREATE INDEX` takes them.
    pub index: String,
    /// `pg_relation_size`, in bytes.
    pub real: f64,
    /// The model's estimate, in bytes.
    pub modelled: f64,
    /// The same once combinations of columns whose number it had to guess were counted in a sample.
    pub sampled: f64,
    /// How much the model claims to know.
    pub basis: SizeBasis,
    /// `HypoPG`'s estimate, in bytes; `None` if it has none.
    pub hypo: Option<f64>,
}

/// Mean and largest of |ln(estimate / real)|.
#[must_use]
pub fn errors(ratios: impl Iterator<Item = f64>) -> (f64, f64) {
    let (mut sum, mut most, mut count) = (0.0, 0.0_f64, 0.0);
    for ratio in ratios {
        sum += ratio.ln().abs();
        most = most.max(ratio.ln().abs());
        count += 1.0;
    }
    (sum / f64::max(count, 1.0), most)
}

/// The sizes of a schema's indexes, built on tables of so many rows (TPC-H: scale 0.1).
///
/// # Errors
///
/// The server does not do as it is told.
pub fn measure(schema: &Schema, rows: u32) -> Outcome<Vec<Sized>> {
    let server = filled(schema, rows)?;
    let target = Target::parse(&server.url())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let limits = Limits {
            statement: Duration::from_mins(10),
            lock: Duration::from_secs(10),
            read_only: false,
        };
        let connection = connect(&target, &limits).await?;
        for statement in schema.indexes.lines().filter(|line| line.starts_with("create")) {
            connection.batch_execute(statement).await?;
        }
        let database = read_database(&connection, &ReadOptions::default()).await?;
        compare(&connection, &database).await
    })
}

fn filled(schema: &Schema, rows: u32) -> Outcome<Postgres> {
    let settings =
        [("shared_buffers", "512MB"), ("maintenance_work_mem", "256MB"), ("max_wal_size", "4GB")];
    let Some(tables) = schema.tables else { return Ok(tpch::server(0.1, &settings)?) };
    let builder = Postgres::builder().version(15).extension("hypopg");
    let server = settings
        .iter()
        .fold(builder, |builder, (name, value)| builder.setting(name, value))
        .start();
    server.psql(&tables.replace(":rows", &rows.to_string()));
    Ok(server)
}

async fn compare(connection: &Connection, database: &Database) -> Outcome<Vec<Sized>> {
    let mut all = Vec::new();
    for index in &database.indexes {
        let table = database.table(index.table_oid).ok_or("an index without its table")?;
        let rows = table.rows.unwrap_or(0.0);
        let kept = if index.predicate.is_empty() {
            rows
        } else {
            let name = sql::qualified(&table.name);
            planned_rows(connection, &format!("select from {name} where {}", index.predicate))
                .await?
        };
        let estimate = estimated(table, index, kept / rows);
        let mut known = table.clone();
        if estimate.basis == SizeBasis::Combinations {
            let columns: Vec<i16> = index.keys.iter().filter_map(column).collect();
            let combinations = sampled_combinations(connection, table, &columns).await?;
            known.distinct_groups.extend(combinations.map(|count| (columns, count)));
        }
        all.push(Sized {
            index: shown(&index.definition),
            real: precise(index.bytes),
            modelled: precise(estimate.bytes),
            sampled: precise(estimated(&known, index, kept / rows).bytes),
            basis: estimate.basis,
            hypo: hypo_bytes(connection, &index.definition).await,
        });
    }
    Ok(all)
}

/// By what an advisor would know; a fill factor is known of indexes that are there alone.
fn estimated(table: &Table, index: &Index, share: f64) -> Estimate {
    if index.definition.contains("fillfactor") {
        return size::fresh_bytes_of(table, index);
    }
    size::fresh_bytes(table, &sql::as_new(index, table), share)
}

fn column(key: &IndexColumn) -> Option<i16> {
    match key.key {
        IndexKey::Column(number) => Some(number),
        IndexKey::Expression(_) => None,
    }
}

/// `events (device_id, happened DESC)` of a definition.
fn shown(definition: &str) -> String {
    let (unique, after) = definition.split_once(" ON ").unwrap_or_default();
    let text = after.replace("public.", "").replace(" USING btree", "");
    if unique.contains("UNIQUE") { format!("{text} UNIQUE") } else { text }
}

/// How many rows the planner expects.
async fn planned_rows(connection: &Connection, query: &str) -> Outcome<f64> {
    let rows = connection.query(&format!("explain {query}"), &[]).await?;
    let line: String = rows.first().ok_or("no plan")?.get(0);
    let (_, after) = line.split_once("rows=").ok_or("a plan without rows")?;
    Ok(after.split_whitespace().next().unwrap_or_default().parse()?)
}

async fn hypo_bytes(connection: &Connection, definition: &str) -> Option<f64> {
    let sql = "select hypopg_relation_size(indexrelid)::float8 from hypopg_create_index($1)";
    let row = connection.query_one(sql, &[&definition]).await.ok()?;
    let bytes = row.try_get(0).ok()?;
    connection.batch_execute("select hypopg_reset()").await.ok()?;
    Some(bytes)
}

#[expect(clippy::cast_precision_loss, reason = "sizes are below 2^53")]
fn precise(value: u64) -> f64 {
    value as f64
}
