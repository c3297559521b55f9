//! ClickHouse beside the store, over the same spans: chDB, which is ClickHouse in a Python process, on the same one core.
//!
//! Its table is laid out as that of published schemas of traces: sorted by service, operation and minute, a filter over
//! trace ids, attributes as a map. It is filled from the blocks of the store, so that both hold the same rows.

use std::{
    env,
    fmt::Write as _,
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use serde_json::{Value as Json, json};

const SCRIPT: &str = include_str!("clickhouse.py");

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// A process that answers statements.
#[derive(Debug)]
pub struct ClickHouse {
    process: Child,
    ask: ChildStdin,
    answers: BufReader<ChildStdout>,
}

/// The answer to a statement.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// Time until the whole answer was there, without the pipe to this process.
    pub millis: f64,
    /// Lines of it.
    pub rows: u64,
    /// Its beginning.
    pub text: String,
}

/// Where `cargo xtask setup` puts it, if it is there.
#[must_use]
pub fn python() -> Option<PathBuf> {
    let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache =
        cache.or_else(|| env::var_os("HOME").map(|home| Path::new(&home).join(".cache")))?;
    Some(cache.join("taut/clickhouse/venv/bin/python")).filter(|path| path.exists())
}

impl ClickHouse {
    /// Starts it on what `folder` holds.
    ///
    /// # Errors
    ///
    /// It does not start.
    pub fn start(python: &Path, folder: &Path) -> Outcome<Self> {
        std::fs::create_dir_all(folder)?;
        let mut process = Command::new(python)
            .args(["-c", SCRIPT])
            .arg(folder.join("data"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()?;
        let (Some(ask), Some(answers)) = (process.stdin.take(), process.stdout.take()) else {
            return Err("ClickHouse has no pipes".into());
        };
        let mut own = Self { process, ask, answers: BufReader::new(answers) };
        own.ask("SELECT 1")?;
        Ok(own)
    }

    /// The answer to a statement.
    ///
    /// # Errors
    ///
    /// It is refused, or the process has ended.
    pub fn ask(&mut self, sql: &str) -> Outcome<Answer> {
        writeln!(self.ask, "{}", json!({ "sql": sql }))?;
        self.ask.flush()?;
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        let told: Json = serde_json::from_str(&line)?;
        if let Some(error) = told["error"].as_str() {
            return Err(format!("ClickHouse refused {sql}: {error}").into());
        }
        Ok(Answer {
            millis: told["ms"].as_f64().unwrap_or(f64::NAN),
            rows: told["rows"].as_u64().unwrap_or(0),
            text: told["text"].as_str().unwrap_or_default().to_owned(),
        })
    }

    /// Makes the table and fills it from the blocks of a folder, whose attributes are `keys` (and of which kind).
    ///
    /// # Errors
    ///
    /// It is refused.
    pub fn fill(&mut self, blocks: &Path, keys: &[String]) -> Outcome<Answer> {
        self.ask(TABLE)?;
        let columns = "trace_id FixedString(16), span_id FixedString(8), parent_span_id Nullable(FixedString(8)), \
             start DateTime64(9, 'UTC'), duration_nanos Int64, service Nullable(String), name Nullable(String), \
             kind Nullable(String), status Nullable(String), status_message Nullable(String), \
             operation Nullable(String), statement Nullable(String), resource Nullable(String), scope Nullable(String)";
        let mut structure = columns.to_owned();
        let mut map = String::new();
        for key in keys {
            let column = format!("`attributes.{key}`");
            write!(structure, ", {column} Nullable(String)")?;
            if !map.is_empty() {
                map.push_str(", ");
            }
            write!(map, "'{key}', ifNull({column}, '')")?;
        }
        let structure = structure.replace('\'', "\\'");
        let glob = blocks.join("spans-*.parquet");
        self.ask(&format!(
            "INSERT INTO spans SELECT trace_id, span_id, ifNull(parent_span_id, ''), start, duration_nanos, \
             ifNull(service, ''), ifNull(name, ''), ifNull(kind, ''), ifNull(status, ''), ifNull(status_message, ''), \
             ifNull(operation, ''), ifNull(statement, ''), ifNull(resource, ''), ifNull(scope, ''), \
             mapFilter((k, v) -> v != '', map({map})) FROM file('{}', Parquet, '{structure}') SETTINGS max_threads = 2",
            glob.display(),
        ))
    }
}

impl ClickHouse {
    /// Ends it; what was inserted stays.
    pub fn end(&mut self) {
        // It may have ended by itself.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

impl Drop for ClickHouse {
    fn drop(&mut self) {
        self.end();
    }
}

const TABLE: &str = "CREATE TABLE spans (
    trace_id FixedString(16), span_id FixedString(8), parent_span_id FixedString(8),
    start DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD(1)), duration_nanos UInt64 CODEC(ZSTD(1)),
    service LowCardinality(String), name LowCardinality(String), kind LowCardinality(String),
    status LowCardinality(String), status_message String, operation LowCardinality(String),
    statement LowCardinality(String), resource LowCardinality(String), scope LowCardinality(String),
    attributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    INDEX of_trace trace_id TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX of_start start TYPE minmax GRANULARITY 1,
    INDEX of_duration duration_nanos TYPE minmax GRANULARITY 1
) ENGINE = MergeTree PARTITION BY toDate(start) ORDER BY (service, operation, toStartOfMinute(start), start)";
