//! Runs the scenarios of `scenarios/posts.toml`: a file of statements, before and after, on a throwaway server.
//!
//! Runs of both sides take turns; each is `EXPLAIN (ANALYZE, BUFFERS)` in a transaction that is rolled back, and the
//! median counts. Sizes are `pg_relation_size`; rates of insertion are those of `pgbench` with one client.

use std::{fs, time::Duration};

use find::advisor::size;
use postgres::{Connection, Limits, ReadOptions, Target, connect, read_database};
use serde_json::Value;
use testkit::postgres::Postgres;
use toml::Table as Toml;

use crate::{clock::Spread, table};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

const SCENARIOS: &str = include_str!("../scenarios/posts.toml");

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// Posts.
    pub rows: u64,
    /// Runs of each side of a scenario.
    pub rounds: usize,
    /// Rows of each round of single insertions.
    pub inserts: u32,
}

impl Default for Effort {
    fn default() -> Self {
        Self { rows: 10_000_000, rounds: 5, inserts: 2000 }
    }
}

/// Runs everything and prints its tables.
///
/// # Errors
///
/// The file or the server is not as it should be.
pub fn run(effort: Effort) -> Outcome<()> {
    let file: Toml = SCENARIOS.replace("{rows}", &effort.rows.to_string()).parse()?;
    let server = Postgres::builder()
        .durable()
        .setting("shared_buffers", "2GB")
        .setting("max_wal_size", "2GB")
        .setting("checkpoint_timeout", "1h")
        .setting("maintenance_work_mem", "256MB")
        .setting("random_page_cost", "1.1")
        .start();
    let target = Target::parse(&server.url())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let limits = Limits {
        statement: Duration::from_hours(1),
        lock: Duration::from_secs(10),
        read_only: false,
    };
    runtime.block_on(async {
        let mut posts = Posts { connection: connect(&target, &limits).await?, effort };
        for statement in texts(&file, "setup") {
            posts.connection.batch_execute(&statement).await?;
        }
        posts.sizes(&file).await?;
        posts.scenarios(&file).await?;
        posts.insertions(&file, &server).await
    })
}

struct Posts {
    connection: Connection,
    effort: Effort,
}

impl Posts {
    /// Real sizes of indexes beside what the model says before they are there.
    async fn sizes(&mut self, file: &Toml) -> Outcome<()> {
        let mut rows = vec![vec![
            "the table itself".to_owned(),
            mib(self.number("select pg_relation_size('posts')::float8").await?),
            String::new(),
            String::new(),
            String::new(),
        ]];
        for index in tables(file, "index") {
            let (name, on) = (text(index, "name"), text(index, "on"));
            let began = std::time::Instant::now();
            self.connection.batch_execute(&format!("create index measured on {on}")).await?;
            let took = began.elapsed().as_secs_f64();
            let database = read_database(&self.connection, &ReadOptions::default()).await?;
            let known = database.indexes.iter().find(|index| index.name == "measured");
            let known = known.ok_or("the index is not there")?;
            let table = database.table(known.table_oid).ok_or("the table is not there")?;
            let share = if known.predicate.is_empty() {
                1.0
            } else {
                self.planned(&format!("select from posts where {}", known.predicate)).await?
                    / table.rows.unwrap_or(1.0)
            };
            let estimate = size::fresh_bytes(table, &sql::as_new(known, table), share);
            let (real, modelled) = (precise(known.bytes), precise(estimate.bytes));
            rows.push(vec![
                name,
                mib(real),
                mib(modelled),
                format!("{:.3}", modelled / real),
                format!("{took:.1}"),
            ]);
            self.connection.batch_execute("drop index measured").await?;
        }
        table::say(&format!("\nSizes with {} posts\n\n", table::thousands(self.effort.rows)));
        table::print(&["index", "MiB", "model", "ratio", "build s"], &rows);
        Ok(())
    }

    async fn scenarios(&mut self, file: &Toml) -> Outcome<()> {
        let mut rows = Vec::new();
        for scenario in tables(file, "scenario") {
            for statement in texts(scenario, "apply") {
                self.connection.batch_execute(&statement).await?;
            }
            rows.push(self.scenario(scenario).await?);
            for statement in texts(scenario, "revert") {
                self.connection.batch_execute(&statement).await?;
            }
        }
        table::say(&format!(
            "\nBefore and after: {} runs of each by turns, median (least - most)\n\n",
            self.effort.rounds
        ));
        let head = [
            "what is asked",
            "what is changed",
            "before, ms",
            "after, ms",
            "times",
            "buffers before",
            "after",
            "and",
        ];
        table::print(&head, &rows);
        Ok(())
    }

    async fn scenario(&mut self, scenario: &Toml) -> Outcome<Vec<String>> {
        let bound = self.bound(scenario).await?;
        let before = text(scenario, "before");
        let planned = scenario.get("planned").and_then(toml::Value::as_str);
        let after = match (scenario.get("after").and_then(toml::Value::as_str), planned) {
            (Some(after), _) => {
                bound.iter().enumerate().fold(after.to_owned(), |text, (place, value)| {
                    text.replace(&format!("{{{}}}", place + 1), value)
                })
            }
            (None, _) => before.clone(),
        };
        let hide = text(scenario, "hide");
        let prepare = text(scenario, "prepare");
        let (mut old, mut new) = (Vec::new(), Vec::new());
        for round in 0..=self.effort.rounds {
            let one = self.explained(&before, &[&hide, &prepare]).await?;
            let other = match planned {
                Some(query) => self.explained_only(query).await?,
                None => self.explained(&after, &[&prepare]).await?,
            };
            // The first round warms caches.
            if round > 0 {
                old.push(one);
                new.push(other);
            }
        }
        let millis = |runs: &[Run]| Spread::of(runs.iter().map(|run| run.millis));
        let buffers = |runs: &[Run]| Spread::of(runs.iter().map(|run| run.buffers)).median;
        let (slow, fast) = (millis(&old), millis(&new));
        Ok(vec![
            text(scenario, "name"),
            text(scenario, "what"),
            table::spread(slow, table::fine),
            table::spread(fast, table::fine),
            table::count(slow.median / fast.median.max(0.001)),
            table::count(buffers(&old)),
            table::count(buffers(&new)),
            self.remark(scenario, &before, &after).await?,
        ])
    }

    /// What else is to be said: whether rows are the same, how far an estimate is off, how long a refresh takes.
    async fn remark(&mut self, scenario: &Toml, before: &str, after: &str) -> Outcome<String> {
        let is = |key: &str| scenario.get(key).and_then(toml::Value::as_bool) == Some(true);
        let mut remarks = Vec::new();
        if is("same_rows") {
            let same = self.rows(before).await? == self.rows(after).await?;
            remarks.push(if same { "same rows" } else { "OTHER ROWS" }.to_owned());
        }
        if is("estimate") {
            let exact = self.number(before).await?;
            let estimate = match scenario.get("planned").and_then(toml::Value::as_str) {
                Some(query) => self.planned(query).await?,
                None => self.number(after).await?,
            };
            remarks.push(format!("off by {:.2} %", 100.0 * (estimate / exact - 1.0)));
        }
        if let Some(refresh) = scenario.get("refresh").and_then(toml::Value::as_str) {
            let began = std::time::Instant::now();
            self.connection.batch_execute(refresh).await?;
            remarks.push(format!("refresh {:.1} s", began.elapsed().as_secs_f64()));
        }
        Ok(remarks.join(", "))
    }

    async fn bound(&self, scenario: &Toml) -> Outcome<Vec<String>> {
        let Some(bind) = scenario.get("bind").and_then(toml::Value::as_str) else {
            return Ok(Vec::new());
        };
        let row = self.connection.query_one(bind, &[]).await?;
        Ok((0..row.len()).map(|place| row.get::<_, String>(place)).collect())
    }

    /// Runs a statement, after others that are undone with it.
    async fn explained(&mut self, statement: &str, first: &[&str]) -> Outcome<Run> {
        let transaction = self.connection.client_mut().transaction().await?;
        for one in first.iter().filter(|one| !one.is_empty()) {
            transaction.batch_execute(one).await?;
        }
        let sql = format!("explain (analyze, buffers, timing off, format json) {statement}");
        let row = transaction.query_one(&sql, &[]).await?;
        let plan: Value = row.get(0);
        transaction.rollback().await?;
        let number =
            |value: &Value, key: &str| value.get(key).and_then(Value::as_f64).unwrap_or(0.0);
        let whole = plan.get(0).ok_or("no plan")?;
        let top = whole.get("Plan").ok_or("no plan")?;
        Ok(Run {
            millis: number(whole, "Execution Time"),
            buffers: number(top, "Shared Hit Blocks") + number(top, "Shared Read Blocks"),
        })
    }

    /// Asks for a plan alone, as an estimate of a number of rows does.
    async fn explained_only(&self, query: &str) -> Outcome<Run> {
        let began = std::time::Instant::now();
        self.planned(query).await?;
        Ok(Run { millis: began.elapsed().as_secs_f64() * 1000.0, buffers: 0.0 })
    }

    async fn planned(&self, query: &str) -> Outcome<f64> {
        let row = self.connection.query_one(&format!("explain (format json) {query}"), &[]).await?;
        let plan: Value = row.get(0);
        let rows = plan.pointer("/0/Plan/Plan Rows").and_then(Value::as_f64);
        Ok(rows.ok_or("a plan without rows")?)
    }

    async fn number(&self, query: &str) -> Outcome<f64> {
        Ok(self.connection.query_one(query, &[]).await?.get(0))
    }

    async fn rows(&self, query: &str) -> Outcome<Vec<String>> {
        let sql = format!("select r::text from ({query}) r");
        let rows = self.connection.query(&sql, &[]).await?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }

    /// Rows a second with each index, two rounds of all by turns, and what a batch takes.
    async fn insertions(&mut self, file: &Toml, server: &Postgres) -> Outcome<()> {
        let insert = file.get("insert").and_then(toml::Value::as_table).ok_or("no `insert`")?;
        let folder = tempfile::tempdir()?;
        let script = folder.path().join("insert.sql");
        fs::write(&script, text(insert, "statement") + ";\n")?;
        self.connection
            .batch_execute("drop index if exists posts_published; create sequence more cache 1000")
            .await?;
        let indexes = insert.get("indexes").and_then(toml::Value::as_array).ok_or("no indexes")?;
        let mut taken = vec![[const { Vec::new() }; 3]; indexes.len()];
        for _ in 0..2 {
            for (index, taken) in indexes.iter().zip(&mut taken) {
                let on = index.get(1).and_then(toml::Value::as_str).unwrap_or_default();
                if !on.is_empty() {
                    let create = format!("create index inserted on {on}");
                    self.connection.batch_execute(&create).await?;
                }
                for _ in 0..2 {
                    self.connection.batch_execute("checkpoint").await?;
                    let began = std::time::Instant::now();
                    self.connection.batch_execute(&text(insert, "batch")).await?;
                    taken[0].push(20_000.0 / began.elapsed().as_secs_f64());
                    taken[1].push(self.rate(server, &script, "off")?);
                    taken[2].push(self.rate(server, &script, "on")?);
                }
                self.connection.batch_execute("drop index if exists inserted").await?;
            }
        }
        let spread = |values: &[f64]| Spread::of(values.iter().copied());
        let base: Vec<f64> =
            taken.first().ok_or("no index")?.iter().map(|one| spread(one).median).collect();
        let mut rows = Vec::new();
        for (index, taken) in indexes.iter().zip(&taken) {
            let name = index.get(0).and_then(toml::Value::as_str).unwrap_or_default();
            let mut row = vec![name.to_owned()];
            for (values, base) in taken.iter().zip(&base) {
                row.push(table::spread(spread(values), table::count));
                row.push(format!("{:+.0} %", 100.0 * (spread(values).median / base - 1.0)));
            }
            rows.push(row);
        }
        table::say(
            "\nRows inserted a second, by index beside the primary key; median (least - most)\n\n",
        );
        let head = [
            "index",
            "one statement of 20,000 rows",
            "",
            "a row a transaction, not flushed",
            "",
            "a row a transaction, flushed",
            "",
        ];
        table::print(&head, &rows);
        Ok(())
    }

    fn rate(&self, server: &Postgres, script: &std::path::Path, flushed: &str) -> Outcome<f64> {
        let count = self.effort.inserts.to_string();
        let output = server
            .client("pgbench")
            .env("PGOPTIONS", format!("-c synchronous_commit={flushed}"))
            .args(["--no-vacuum", "--protocol", "prepared", "--transactions", &count, "--file"])
            .arg(script)
            .output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let line = text.lines().find_map(|line| line.strip_prefix("tps = "));
        let number = line.and_then(|line| line.split_whitespace().next());
        let failure = || String::from_utf8_lossy(&output.stderr).into_owned();
        Ok(number.ok_or_else(failure)?.parse()?)
    }
}

/// What one run took.
#[derive(Debug, Clone, Copy)]
struct Run {
    millis: f64,
    buffers: f64,
}

fn text(table: &Toml, key: &str) -> String {
    table.get(key).and_then(toml::Value::as_str).unwrap_or_default().to_owned()
}

fn texts(table: &Toml, key: &str) -> Vec<String> {
    let list = table.get(key).and_then(toml::Value::as_array);
    list.into_iter().flatten().filter_map(toml::Value::as_str).map(str::to_owned).collect()
}

fn tables<'a>(table: &'a Toml, key: &str) -> Vec<&'a Toml> {
    let list = table.get(key).and_then(toml::Value::as_array);
    list.into_iter().flatten().filter_map(toml::Value::as_table).collect()
}

fn mib(bytes: f64) -> String {
    format!("{:.1}", bytes / 1_048_576.0)
}

#[expect(clippy::cast_precision_loss, reason = "sizes are below 2^53")]
fn precise(value: u64) -> f64 {
    value as f64
}
