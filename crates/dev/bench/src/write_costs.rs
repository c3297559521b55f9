//! What an index costs those who insert, measured and modelled: processor time and write-ahead log a row.
//!
//! Tables of a million rows with the same primary key, each with another index beside it, take batches of rows by
//! turns, a checkpoint before each. Processor time is that of the backend itself (`/proc/PID/schedstat`), so that
//! neighbours and waits do not count; the log is what the server's position moved by.

use std::{collections::BTreeMap, fs, time::Duration};

use find::advisor::write_cost::{self, Calibration};
use model::{
    WriteCost,
    database::{Database, TableName},
};
use postgres::{
    CalibrateOptions, Connection, Limits, ReadOptions, Target, calibrate, connect, read_database,
    rehearse::Allowed,
};
use testkit::postgres::Postgres;

use crate::clock::Spread;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// Rows of each table.
    pub rows: u32,
    /// Rows of a batch.
    pub batch: u32,
    /// Batches a table.
    pub rounds: u32,
}

impl Default for Effort {
    fn default() -> Self {
        Self { rows: 1_000_000, batch: 25_000, rounds: 24 }
    }
}

/// An index, and the condition that its share of rows is counted by.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// As `docs/benchmarks.md` calls it.
    pub name: &'static str,
    /// What stands after `ON table`.
    pub index: &'static str,
}

/// What is measured beside the primary key.
pub const SHAPES: &[Shape] = &[
    Shape { name: "(customer, total), full", index: "(customer, total)" },
    Shape { name: "same, 60 % of the rows", index: "(customer, total) where flag < 60" },
    Shape { name: "same, 3 % of the rows", index: "(customer, total) where flag < 3" },
    Shape { name: "(customer, created)", index: "(customer, created)" },
    Shape { name: "(created), ascending", index: "(created)" },
    Shape { name: "(status), five values", index: "(status)" },
    Shape { name: "(status, created)", index: "(status, created)" },
    Shape { name: "(shop), 1,000 values", index: "(shop)" },
    Shape { name: "(note), text", index: "(note)" },
    Shape { name: "(amount), numeric", index: "(amount)" },
    Shape { name: "(customer) include (total)", index: "(customer) include (total)" },
    Shape { name: "(token), uuid", index: "(token)" },
];

/// One row of the table of results.
#[derive(Debug, Clone)]
pub struct Measured {
    /// The index.
    pub shape: Shape,
    /// Microseconds of processor time a row that the index adds: difference of the lower quartiles, and range of the
    /// differences round by round.
    pub cpu_micros: Spread,
    /// Bytes of log a row that it adds.
    pub wal_bytes: Spread,
    /// What the model says with prices measured on the same server.
    pub modelled: WriteCost,
    /// What it says with its own prices.
    pub unmeasured: WriteCost,
}

/// Microseconds and bytes of a row without any index but the primary key.
#[derive(Debug, Clone, Copy)]
pub struct Base {
    /// Processor time, in microseconds.
    pub cpu_micros: Spread,
    /// Write-ahead log, in bytes.
    pub wal_bytes: Spread,
}

/// Measures every shape.
///
/// # Errors
///
/// The server does not do as it is told.
pub fn measure(server: &Postgres, effort: Effort) -> Outcome<(Base, Vec<Measured>)> {
    let target = Target::parse(&server.url())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(measured(&target, effort))
}

async fn measured(target: &Target, effort: Effort) -> Outcome<(Base, Vec<Measured>)> {
    let limits = Limits {
        statement: Duration::from_mins(10),
        lock: Duration::from_secs(10),
        read_only: false,
    };
    let mut connection = connect(target, &limits).await?;
    // Before and after: the machine's other work comes and goes.
    let options =
        CalibrateOptions { primary: Allowed::Yes, rounds: 31, ..CalibrateOptions::default() };
    let before = calibrate(&mut connection, &options).await?;
    let process: i32 = connection.query_one("select pg_backend_pid()", &[]).await?.get(0);
    for place in 0..=SHAPES.len() {
        fill(&connection, place, effort).await?;
    }
    let mut database = Database::default();
    let mut taken: BTreeMap<usize, Vec<(f64, f64)>> = BTreeMap::new();
    let mut next = effort.rows;
    for round in 0..=effort.rounds {
        if round == effort.rounds / 2 {
            // What is modelled is the middle of what is measured.
            connection.batch_execute("analyze").await?;
            database = read_database(&connection, &ReadOptions::default()).await?;
        }
        for place in 0..=SHAPES.len() {
            connection.batch_execute("checkpoint").await?;
            let before = position(&connection).await?;
            let began = processor_nanos(process)?;
            connection.batch_execute(&insert(place, next, effort.batch)).await?;
            let nanos = processor_nanos(process)? - began;
            let bytes = position(&connection).await? - before;
            // The first round warms caches.
            if round > 0 {
                let rows = f64::from(effort.batch);
                taken.entry(place).or_default().push((nanos / 1000.0 / rows, bytes / rows));
            }
        }
        next += effort.batch;
    }
    let after = calibrate(&mut connection, &options).await?;
    let calibration = Calibration {
        inserts_between_checkpoints: f64::from(effort.batch),
        ..mean(&before, &after)
    };
    results(&database, &taken, &calibration)
}

fn mean(one: &Calibration, other: &Calibration) -> Calibration {
    let mean = |of: fn(&Calibration) -> f64| f64::midpoint(of(one), of(other));
    Calibration {
        entry_micros: mean(|one| one.entry_micros),
        comparison_micros: mean(|one| one.comparison_micros),
        slow_comparison_micros: mean(|one| one.slow_comparison_micros),
        miss_micros: mean(|one| one.miss_micros),
        image_micros: mean(|one| one.image_micros),
        ..*one
    }
}

fn results(
    database: &Database,
    taken: &BTreeMap<usize, Vec<(f64, f64)>>,
    calibration: &Calibration,
) -> Outcome<(Base, Vec<Measured>)> {
    let base = taken.get(&0).ok_or("nothing was measured")?;
    let spread =
        |values: &[(f64, f64)], of: fn(&(f64, f64)) -> f64| Spread::of(values.iter().map(of));
    let all = Base { cpu_micros: spread(base, |one| one.0), wal_bytes: spread(base, |one| one.1) };
    let usual = Calibration {
        inserts_between_checkpoints: calibration.inserts_between_checkpoints,
        ..Calibration::default()
    };
    let mut rows = Vec::new();
    for (place, shape) in (1..).zip(SHAPES) {
        let own = taken.get(&place).ok_or("nothing was measured")?;
        // Against the table without the index in the same round: what disturbs one disturbs the other.
        let added: Vec<(f64, f64)> =
            own.iter().zip(base).map(|(own, base)| (own.0 - base.0, own.1 - base.1)).collect();
        let mut cpu_micros = spread(&added, |one| one.0);
        // Neighbours only ever add: the lower quartiles are nearer to the truth than the medians.
        cpu_micros.median = quartile(own) - quartile(base);
        rows.push(Measured {
            shape: *shape,
            cpu_micros,
            wal_bytes: spread(&added, |one| one.1),
            modelled: modelled(database, place, calibration)?,
            unmeasured: modelled(database, place, &usual)?,
        });
    }
    Ok((all, rows))
}

/// Processor time that a quarter of the rounds stays below.
fn quartile(rounds: &[(f64, f64)]) -> f64 {
    let mut values: Vec<f64> = rounds.iter().map(|one| one.0).collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 4).copied().unwrap_or(f64::NAN)
}

fn modelled(database: &Database, place: usize, calibration: &Calibration) -> Outcome<WriteCost> {
    let name = TableName::new("public", &format!("writes_{place}"));
    let table =
        database.tables.iter().find(|table| table.name == name).ok_or("the table is not there")?;
    let index = database
        .indexes_of(table.oid)
        .find(|index| !index.primary)
        .ok_or("the index is not there")?;
    let share = index.entries / table.rows.unwrap_or(1.0);
    Ok(write_cost::of(table, &sql::as_new(index, table), share, calibration))
}

async fn fill(connection: &Connection, place: usize, effort: Effort) -> Outcome<()> {
    let index = match place.checked_sub(1).and_then(|shape| SHAPES.get(shape)) {
        Some(shape) => format!("create index on writes_{place} {};", shape.index),
        None => String::new(),
    };
    let (head, tail) = (
        format!(
            "create table writes_{place} (id bigint primary key, customer integer not null, total integer not null,
             created timestamptz not null, status smallint not null, shop integer not null, note text not null,
             amount numeric(10,2) not null, token uuid not null, flag smallint not null)"
        ),
        format!("{index} vacuum analyze writes_{place}"),
    );
    connection.batch_execute(&head).await?;
    connection.batch_execute(&insert(place, 0, effort.rows)).await?;
    for statement in tail.split(';') {
        connection.batch_execute(statement).await?;
    }
    Ok(())
}

/// Rows whose values are spread by a hash of their number: the same in every table.
fn insert(place: usize, after: u32, count: u32) -> String {
    format!(
        "insert into writes_{place} select i, (hashint8(i) & 2147483647) % 200000, hashint8(i + 7) & 2147483647,
         timestamptz '2024-01-01' + i * interval '7 seconds', (hashint8(i + 1) & 2147483647) % 5,
         (hashint8(i + 2) & 2147483647) % 1000, substr(md5(i::text), 1, 6 + (hashint8(i + 3) & 15)),
         ((hashint8(i + 4) & 2147483647) % 10000000) / 100.0, md5(i::text)::uuid, (hashint8(i + 5) & 2147483647) % 100
         from generate_series({}::bigint, {}) i",
        u64::from(after) + 1,
        u64::from(after) + u64::from(count)
    )
}

/// Where the log ends, in bytes.
async fn position(connection: &Connection) -> Outcome<f64> {
    let sql = "select (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::float8";
    Ok(connection.query_one(sql, &[]).await?.get(0))
}

/// Nanoseconds that a process has worked.
fn processor_nanos(process: i32) -> Outcome<f64> {
    let text = fs::read_to_string(format!("/proc/{process}/schedstat"))?;
    Ok(text.split_whitespace().next().ok_or("no processor time")?.parse()?)
}
