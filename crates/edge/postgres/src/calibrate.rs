//! What writes cost on this very server, and how many combinations of values a table has: small measurements that
//! the advisor's models are sharpened with.
//!
//! Prices come from tables of Taut's own, made, filled and measured in one transaction that is rolled back; on a clone,
//! or on a primary where that is allowed in so many words. Combinations come from a sample that reads as much
//! as `ANALYZE` does.

use std::time::{Duration, Instant};

use find::advisor::{
    size::Sample,
    write_cost::{Calibration, Probes},
};
use model::database::Table;
use tokio_postgres::{Client, Transaction};

use crate::{connect::Connection, rehearse::Allowed};

/// How much is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CalibrateOptions {
    /// Rows of each of the five tables. 200,000 are more than a core's own cache holds.
    pub rows: u32,
    /// Rows of a batch.
    pub batch: u32,
    /// Batches a table, by turns; the lower quartile counts.
    pub rounds: u32,
    /// All of it may take so long for each statement.
    pub timeout: Duration,
    /// On a server that is no clone of ours.
    pub primary: Allowed,
}

impl Default for CalibrateOptions {
    /// About ten seconds, and some 200 MB of log.
    fn default() -> Self {
        Self {
            rows: 200_000,
            batch: 10_000,
            rounds: 9,
            timeout: Duration::from_mins(1),
            primary: Allowed::No,
        }
    }
}

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
pub enum CalibrateError {
    /// It would write where nobody allowed it.
    #[error("refused to measure writes in `{database}`, which is no clone")]
    NotAClone {
        /// Name of the database.
        database: String,
    },
    /// The server failed.
    #[error("failed to {what}")]
    Server {
        /// What was tried.
        what: &'static str,
        /// What the server or the network said.
        #[source]
        source: tokio_postgres::Error,
    },
}

fn failed(what: &'static str) -> impl Fn(tokio_postgres::Error) -> CalibrateError {
    move |source| CalibrateError::Server { what, source }
}

/// Measures what an entry of an index costs here. Leaves nothing behind.
///
/// # Errors
///
/// When it is not allowed here, or the server fails.
pub async fn calibrate(
    connection: &mut Connection,
    options: &CalibrateOptions,
) -> Result<Calibration, CalibrateError> {
    check_ground(connection, options).await?;
    let transaction =
        connection.client_mut().transaction().await.map_err(failed("begin measuring writes"))?;
    let probes = probe(&transaction, options).await.map_err(failed("measure writes"));
    transaction.rollback().await.map_err(failed("roll back what was measured"))?;
    Ok(Calibration::fitted(&probes?))
}

async fn check_ground(
    connection: &Client,
    options: &CalibrateOptions,
) -> Result<(), CalibrateError> {
    let sql = "select pg_catalog.current_database()::text, pg_catalog.shobj_description(oid, 'pg_database') \
               from pg_catalog.pg_database where datname = pg_catalog.current_database()";
    let row = connection.query_one(sql, &[]).await.map_err(failed("read where this is"))?;
    let (database, comment): (String, Option<String>) = (row.get(0), row.get(1));
    if options.primary == Allowed::Yes || crate::clone::is_ours(&database, comment.as_deref()) {
        return Ok(());
    }
    Err(CalibrateError::NotAClone { database })
}

/// Keys of the index of each table; the first has none.
const KEYS: [&str; 5] = ["", "(a)", "(few, a)", "(r)", "(t)"];

async fn probe(
    transaction: &Transaction<'_>,
    options: &CalibrateOptions,
) -> Result<Probes, tokio_postgres::Error> {
    let (rows, batch) = (options.rows.max(1000), options.batch.max(100));
    transaction
        .batch_execute(&format!(
            "set local transaction read write; set local statement_timeout = {}; set local synchronous_commit = off; \
             create schema taut_calibration; set local search_path = taut_calibration, pg_catalog",
            options.timeout.as_millis()
        ))
        .await?;
    let clock = Clock::of(transaction).await?;
    let mut build_seconds = 0.0;
    for (table, keys) in KEYS.iter().enumerate() {
        let create = format!(
            "create table probe_{table} (a bigint, few smallint, r integer, t text, rest text)"
        );
        transaction.batch_execute(&create).await?;
        transaction.batch_execute(&insert(table, 0, rows)).await?;
        if !keys.is_empty() {
            let began = clock.now();
            transaction.batch_execute(&format!("create index on probe_{table} {keys}")).await?;
            if *keys == "(r)" {
                build_seconds = clock.now() - began;
            }
        }
    }
    let mut micros = vec![Vec::new(); KEYS.len()];
    for round in 0..=options.rounds {
        for (table, taken) in micros.iter_mut().enumerate() {
            let sql = insert(table, rows + round * batch, batch);
            let began = clock.now();
            transaction.batch_execute(&sql).await?;
            taken.push((clock.now() - began) * 1e6 / f64::from(batch));
        }
    }
    let taken: Vec<f64> = micros.iter().map(|rounds| quartile(rounds)).collect();
    let added = |table: usize| {
        let of = |table: usize| taken.get(table).copied().unwrap_or(0.0);
        of(table) - of(0)
    };
    let pages = "select pg_catalog.pg_relation_size('taut_calibration.probe_3')::float8 / 8192";
    Ok(Probes {
        rows: f64::from(rows + options.rounds * batch / 2),
        ascending: added(1),
        few_places: added(2),
        random: added(3),
        random_text: added(4),
        build_seconds,
        table_pages: transaction.query_one(pages, &[]).await?.get(0),
    })
}

/// What a quarter of the rounds stays below: neighbours only ever add. The first round warms caches.
fn quartile(rounds: &[f64]) -> f64 {
    let mut values = rounds.get(1..).unwrap_or_default().to_vec();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 4).copied().unwrap_or(0.0)
}

/// Rows whose values are spread by a hash of their number.
fn insert(table: usize, after: u32, count: u32) -> String {
    format!(
        "insert into probe_{table} select i, pg_catalog.hashint8(i + 1) % 5, pg_catalog.hashint8(i), \
         pg_catalog.substr(pg_catalog.md5(i::text), 1, 6 + (pg_catalog.hashint8(i + 2) & 15)), 'as wide as a row is' \
         from pg_catalog.generate_series({}::bigint, {}) i",
        u64::from(after) + 1,
        u64::from(after) + u64::from(count)
    )
}

/// What time is told by: the processor time of the server's own process where it runs on this machine, which neighbours
/// and waits do not touch; else the time that passes.
#[derive(Debug)]
enum Clock {
    Processor(String),
    Wall(Instant),
}

impl Clock {
    async fn of(client: &Transaction<'_>) -> Result<Self, tokio_postgres::Error> {
        let sql = "select pg_catalog.pg_backend_pid(), \
                   coalesce(pg_catalog.inet_server_addr() <<= '127.0.0.0/8', true)";
        let row = client.query_one(sql, &[]).await?;
        let (process, is_here): (i32, bool) = (row.get(0), row.get(1));
        let name = std::fs::read_to_string(format!("/proc/{process}/comm")).unwrap_or_default();
        let path = format!("/proc/{process}/schedstat");
        // A port of this machine may lead to another one: the number would be a stranger's, or nobody's.
        let is_server = is_here && name.trim() == "postgres" && processor_seconds(&path).is_some();
        Ok(if is_server { Self::Processor(path) } else { Self::Wall(Instant::now()) })
    }

    /// Seconds since some moment.
    fn now(&self) -> f64 {
        match self {
            Self::Processor(path) => processor_seconds(path).unwrap_or(0.0),
            Self::Wall(since) => since.elapsed().as_secs_f64(),
        }
    }
}

fn processor_seconds(path: &str) -> Option<f64> {
    let text = std::fs::read_to_string(path).ok()?;
    let nanos: f64 = text.split_whitespace().next()?.parse().ok()?;
    Some(nanos / 1e9)
}

/// Pages that a sample reads at most, as many as `ANALYZE` does by default: fewer, with more rows of each, would meet
/// rows that lie together and have the same values.
const SAMPLE_PAGES: f64 = 30_000.0;
/// Rows of a sample, as `ANALYZE` takes by default.
const SAMPLE_ROWS: f64 = 30_000.0;

/// How many combinations of values these columns have, from a sample: for [`Table::distinct_groups`], where extended
/// statistics say nothing. `None` if the table is empty or has no such columns, or if they turn out independent: then
/// the model is right as it is.
///
/// # Errors
///
/// When the table cannot be read, or not in the time that the connection has.
pub async fn sampled_combinations(
    connection: &Client,
    table: &Table,
    columns: &[i16],
) -> Result<Option<f64>, CalibrateError> {
    let names: Option<Vec<String>> = columns
        .iter()
        .map(|number| Some(sql::identifier(&table.column(*number)?.name).into_owned()))
        .collect();
    // Rows with a null are of a kind of their own to the model.
    let known = |number: &i16| table.column(*number)?.statistics.as_ref();
    let nulls = columns.iter().filter_map(known).map(|known| known.null_share);
    let rows = table.rows.unwrap_or(0.0) * nulls.map(|share| 1.0 - share).product::<f64>();
    let Some(names) = names.filter(|names| !names.is_empty() && rows >= 1.0) else {
        return Ok(None);
    };
    #[expect(clippy::cast_precision_loss, reason = "pages are below 2^32")]
    let pages = table.pages.max(1) as f64;
    let pages_share = (SAMPLE_PAGES / pages).min(1.0);
    let rows_share = (SAMPLE_ROWS / (rows * pages_share)).min(1.0);
    let query = format!(
        "/* taut */ select pg_catalog.count(*)::float8, pg_catalog.sum(n)::float8 from (select pg_catalog.count(*) as n from \
         {} tablesample system ({}) repeatable (1) where pg_catalog.random() < {rows_share} and {} group by {}) as g",
        sql::qualified(&table.name),
        100.0 * pages_share,
        names.iter().map(|name| format!("{name} is not null")).collect::<Vec<_>>().join(" and "),
        names.join(", "),
    );
    let row = connection.query_one(&query, &[]).await.map_err(failed("sample a table"))?;
    let sampled: Option<f64> = row.get(1);
    let Some(sampled) = sampled else { return Ok(None) };
    let sample = Sample { rows: rows.max(sampled), sampled, seen: row.get(0) };
    Ok(find::advisor::size::combinations(table, columns, &sample))
}
