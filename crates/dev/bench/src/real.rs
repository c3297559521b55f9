//! Sets of indexes built for real: two copies of a database, one with them, each query in turn on both.

use std::{collections::BTreeMap, error::Error, time::Duration};

use model::{IndexSet, database::Database};
use postgres::{Connection, Limits, Target, connect};
use testkit::postgres::Postgres;
use tokio::runtime::{Builder, Runtime};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Queries that take longer are given up: without an index query 21 takes minutes.
pub const TIMEOUT: Duration = Duration::from_secs(30);

/// One query, before and after.
#[derive(Debug, Clone, Default)]
pub struct Pair {
    /// Milliseconds of each round; the timeout where it was given up.
    pub before: Vec<f64>,
    /// With the indexes.
    pub after: Vec<f64>,
    /// Whether the plan is another one.
    pub plan_changed: bool,
}

impl Pair {
    /// Medians before and after.
    #[must_use]
    pub fn medians(&self) -> (f64, f64) {
        (median(&self.before), median(&self.after))
    }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
}

/// A copy of the database `postgres` with the indexes of a set.
#[derive(Debug)]
pub struct Built {
    runtime: Runtime,
    plain: Connection,
    indexed: Connection,
    /// Bytes that the indexes really take.
    pub bytes: u64,
}

/// Builds the set in a copy of the database.
///
/// # Errors
///
/// When the copies cannot be reached.
pub fn build(server: &Postgres, set: &IndexSet, settings: &str) -> Outcome<Built> {
    server.psql("drop database if exists indexed");
    server.psql("create database indexed template postgres");
    for one in &set.create {
        server.psql_in("indexed", &one.ddl.replace(" CONCURRENTLY", ""));
    }
    server.psql_in("indexed", "vacuum analyze");
    let bytes = server.psql_in(
        "indexed",
        "select coalesce(sum(pg_relation_size(indexrelid)), 0) from pg_stat_user_indexes",
    );
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let limits = Limits { statement: TIMEOUT, ..Limits::default() };
    let open = |database: &str| -> Outcome<Connection> {
        let target = Target::parse(&server.url())?.with_database(database);
        runtime.block_on(async {
            let connection = connect(&target, &limits).await?;
            connection.batch_execute(settings).await?;
            Ok::<_, Box<dyn Error>>(connection)
        })
    };
    let (plain, indexed) = (open("postgres")?, open("indexed")?);
    Ok(Built { runtime, plain, indexed, bytes: bytes.trim().parse()? })
}

impl Built {
    /// Sum of the planner's costs of these queries without and with the indexes.
    ///
    /// # Errors
    ///
    /// When a query cannot be planned.
    pub fn costs(&self, queries: &[&str]) -> Outcome<(f64, f64)> {
        let mut sums = (0.0, 0.0);
        for query in queries {
            sums.0 += self.cost(&self.plain, query)?;
            sums.1 += self.cost(&self.indexed, query)?;
        }
        Ok(sums)
    }

    fn cost(&self, connection: &Connection, query: &str) -> Outcome<f64> {
        let rows = self.runtime.block_on(connection.query(&format!("explain {query}"), &[]))?;
        let line: String = rows.first().ok_or("no plan")?.try_get(0)?;
        let (_, rest) = line.split_once("..").ok_or("no cost")?;
        Ok(rest.split(' ').next().unwrap_or_default().parse()?)
    }

    /// Runs each query in turn on both, so that whatever else the machine does hits both alike. What was given
    /// up once is not run again.
    ///
    /// # Errors
    ///
    /// When a query fails for another reason than the timeout.
    pub fn run(&self, queries: &[(u32, &str)], rounds: usize) -> Outcome<BTreeMap<u32, Pair>> {
        let mut pairs: BTreeMap<u32, Pair> = BTreeMap::new();
        for round in 0..rounds {
            for (number, query) in queries {
                let pair = pairs.entry(*number).or_default();
                let (before, after) = if round % 2 == 0 {
                    let before = self.once(&self.plain, query, &pair.before)?;
                    (before, self.once(&self.indexed, query, &pair.after)?)
                } else {
                    let after = self.once(&self.indexed, query, &pair.after)?;
                    (self.once(&self.plain, query, &pair.before)?, after)
                };
                pair.plan_changed = before.1 != after.1;
                pair.before.push(before.0);
                pair.after.push(after.0);
            }
        }
        Ok(pairs)
    }

    /// Milliseconds of one run, and the plan without its figures.
    fn once(&self, connection: &Connection, query: &str, known: &[f64]) -> Outcome<(f64, String)> {
        let limit = TIMEOUT.as_secs_f64() * 1000.0;
        let shape = self.shape(connection, query)?;
        if known.first().is_some_and(|first| limit <= *first) {
            return Ok((limit, shape));
        }
        let asked = format!("explain (analyze, timing off, costs off, summary) {query}");
        match self.runtime.block_on(connection.query(&asked, &[])) {
            Ok(rows) => {
                let lines: Vec<String> =
                    rows.iter().filter_map(|row| row.try_get(0).ok()).collect();
                let took = lines.iter().find_map(|line| line.strip_prefix("Execution Time: "));
                let millis = took.and_then(|took| took.trim_end_matches(" ms").parse().ok());
                Ok((millis.ok_or("no execution time")?, shape))
            }
            Err(error) if error.code().is_some_and(|code| code.code() == "57014") => {
                Ok((limit, shape))
            }
            Err(error) => Err(error.into()),
        }
    }

    fn shape(&self, connection: &Connection, query: &str) -> Outcome<String> {
        let rows = self
            .runtime
            .block_on(connection.query(&format!("explain (costs off) {query}"), &[]))?;
        let lines: Vec<String> = rows.iter().filter_map(|row| row.try_get(0).ok()).collect();
        Ok(lines.join("\n"))
    }
}

/// The set that would be built, by its statements.
#[must_use]
pub fn listed(set: &IndexSet, database: &Database) -> String {
    let table = |index: &model::database::NewIndex| {
        database.tables.iter().find(|table| table.name == index.table)
    };
    set.create
        .iter()
        .filter_map(|one| {
            Some(sql::create_index(
                &one.index,
                table(&one.index)?,
                &one.name,
                sql::Locking::Blocking,
            ))
        })
        .collect::<Vec<_>>()
        .join("\n")
}
