//! ClickHouse, where one machine is outgrown: what is cold lies there, behind the same questions.
//!
//! The folder stays: its log is what makes a batch safe, and its head answers for what has just come. A full segment
//! of the log is inserted here in parts, each with a token that is the same every time, and dropped from the folder once
//! all of it is there. What was inserted before a crash is asked for first, so that each row is there once, whenever
//! the crash was. While ClickHouse is away segments stay in the folder.
//!
//! Several Tauts may use one database: each has a folder of its own, and questions see the rows of all.

mod ask;
mod binary;
mod cold;
mod held;
mod http;
mod insert;
mod measured;
mod migrate;
mod note;
mod quote;
mod rolled;
mod schema;
mod sql;
mod terms;
mod thin;
mod thinned;
mod trouble;
mod whole;

use std::{fmt, path::Path, sync::atomic::AtomicBool, time::Duration};

use keep::{
    Chunk, Table,
    query::{Comparison, Differences, Field, Top},
};
use model::{Text, TraceId, Window};

use self::{
    ask::Here,
    http::{Client, Reply, Statement},
    note::Note,
    schema::Schema,
    terms::{Resources, Terms},
    thinned::{Thinned, Which},
};

pub use binary::PART_ROWS_MAX;
pub use held::{Held, held};
pub use http::Secret;
pub use insert::Segment;
pub use schema::{Layout, SCHEMA_VERSION};
pub use sql::{SQL_BYTES_MAX, SQL_ROWS_MAX, SqlAnswer, SqlError};
pub use trouble::{OLDEST_VERSION, Reached, Trouble, Why};

/// Resources that a question can tell apart: more processes than one installation has at a time.
const RESOURCES_MAX: usize = 20_000;

/// Spans of one trace that are read: far more than a page can show.
const TRACE_ROWS_MAX: usize = 200_000;

/// Statements are short, but a question about resources names each by its hash.
const STATEMENT_BYTES_MAX: &str = "16777216";

/// Where ClickHouse is, and how it is used.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `http://` or `https://`, host and port.
    pub url: String,
    /// The database that the tables are in.
    pub database: String,
    /// Who asks.
    pub user: String,
    /// Their password.
    pub password: Secret,
    /// How the tables are laid out.
    pub layout: Layout,
    /// How long spans, log records and metrics are kept, in days.
    pub days: u32,
    /// How long roll-ups of spans are kept, in days.
    pub minutes_days: u32,
    /// So long rows stay that others have taken the place of: longer than any question takes.
    pub replaced_for: Duration,
}

/// How far a question may go.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// How long it may take.
    pub time: Duration,
    /// Rows that may be looked at.
    pub rows: u64,
}

/// A database of ClickHouse.
pub struct ClickHouse {
    client: Client,
    schema: Schema,
    note: Note,
    /// Whether the tables are known to be there and of our version.
    is_ready: std::sync::Mutex<bool>,
    replaced_for: Duration,
    /// Whether was looked for what a crash has left of a thinning.
    is_swept: std::sync::Mutex<bool>,
    /// When to look next for what is to be thinned.
    next_look: std::sync::Mutex<Option<std::time::Instant>>,
    /// Whether so much waits to be moved that no more is taken.
    is_held_back: AtomicBool,
}

impl fmt::Debug for ClickHouse {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("ClickHouse").field("at", &self.client.at()).finish_non_exhaustive()
    }
}

impl ClickHouse {
    /// The database for the folder at `folder`, in which it notes what was moved. Nothing is asked yet: a database that
    /// is away is no reason not to start.
    ///
    /// # Errors
    ///
    /// The note in the folder cannot be read or written.
    pub fn new(settings: &Settings, folder: &Path) -> Result<Self, crate::StoreError> {
        Ok(Self {
            client: Client::new(&settings.url, &settings.user, settings.password.clone()),
            schema: Schema::of(settings),
            note: Note::open(folder)?,
            is_ready: std::sync::Mutex::new(false),
            replaced_for: settings.replaced_for,
            is_swept: std::sync::Mutex::new(false),
            next_look: std::sync::Mutex::new(None),
            is_held_back: AtomicBool::new(false),
        })
    }

    /// Makes the tables, or brings them up to date, unless that was done before.
    ///
    /// # Errors
    ///
    /// ClickHouse is away, refuses, is too old, or its tables are of a newer Taut.
    pub fn prepare(&self) -> Result<(), Trouble> {
        let mut is_ready = crate::disk::lock(&self.is_ready);
        if !*is_ready {
            migrate::migrate(&self.client, &self.schema)?;
            *is_ready = true;
        }
        Ok(())
    }

    /// The highest segment of a table that was ever moved out of a folder, whoever opens it now: numbers go on after it.
    pub(crate) fn highest(folder: &Path, table: &Table) -> Result<u32, crate::StoreError> {
        if !Note::is_in(folder) {
            return Ok(0);
        }
        Ok(Note::open(folder)?.highest(table.name))
    }

    /// What rows of this folder are known by.
    #[must_use]
    pub fn folder(&self) -> &str {
        self.note.folder()
    }

    /// What stands out, and how many rows it rests on; of all rows but those of the segments `here` of this folder.
    ///
    /// # Errors
    ///
    /// ClickHouse is away or refuses, or a limit was reached.
    pub fn differences(
        &self,
        comparison: &Comparison,
        bounds: Bounds,
        here: &[u32],
    ) -> Result<(Differences, u64), Trouble> {
        let mut fields = Vec::new();
        comparison.filter.fields(&mut fields);
        comparison.selection.fields(&mut fields);
        let resources = self.resources(comparison.table, comparison.window, &fields, bounds)?;
        let terms = Terms { table: comparison.table, resources: &resources };
        let from = self.schema.table(comparison.table.name);
        let thinned = self.thinned_of(comparison.table, bounds)?;
        let sql = ask::differences_sql(comparison, terms, &from, self.here(here, &thinned));
        let reply = self.question(&self.told(sql)?, bounds)?;
        let (differences, rows) = self.told(ask::read_differences(&reply.body))?;
        Ok((differences, reply.rows_read.max(rows)))
    }

    /// The first rows, whole, and how many were looked at; of all rows but those of the segments `here` of this folder.
    ///
    /// # Errors
    ///
    /// ClickHouse is away or refuses, or a limit was reached.
    pub fn first(&self, top: &Top, bounds: Bounds, here: &[u32]) -> Result<(Chunk, u64), Trouble> {
        let mut fields = vec![&top.by];
        top.filter.fields(&mut fields);
        let resources = self.resources(top.table, top.window, &fields, bounds)?;
        let terms = Terms { table: top.table, resources: &resources };
        let from = self.schema.table(top.table.name);
        let thinned = self.thinned_of(top.table, bounds)?;
        let sql = ask::top_sql(top, terms, &from, self.here(here, &thinned));
        let reply = self.question(&self.told(sql)?, bounds)?;
        let chunk = self.told(binary::read_rows(top.table, &reply.body))?;
        let rows = reply.rows_read.max(chunk.rows() as u64);
        Ok((chunk, rows))
    }

    /// All rows of a trace, whole, and how many were looked at; but those of the segments `here` of this folder.
    ///
    /// # Errors
    ///
    /// ClickHouse is away or refuses, or a limit was reached.
    pub fn trace(
        &self,
        table: &'static Table,
        id: TraceId,
        bounds: Bounds,
        here: &[u32],
    ) -> Result<(Chunk, u64), Trouble> {
        let from = self.schema.table(table.name);
        let thinned = self.thinned_of(table, bounds)?;
        let here = self.here(here, &thinned);
        let Some(sql) = ask::trace_sql(table, id, &from, here, TRACE_ROWS_MAX) else {
            return Ok((Chunk::new(table), 0));
        };
        let reply = self.question(&sql, bounds)?;
        let chunk = self.told(binary::read_rows(table, &reply.body))?;
        let rows = reply.rows_read.max(chunk.rows() as u64);
        Ok((chunk, rows))
    }

    fn here<'a>(&'a self, segments: &'a [u32], thinned: &'a [Thinned]) -> Here<'a> {
        Here { folder: self.note.folder(), segments, thinned, which: Which::All }
    }

    /// What resources say about the fields that are theirs; asks nothing if there are none.
    fn resources(
        &self,
        table: &'static Table,
        window: Window,
        fields: &[&Field],
        bounds: Bounds,
    ) -> Result<Resources, Trouble> {
        let keys: Vec<Text> = terms::resource_keys(fields.iter().copied()).into_iter().collect();
        if keys.is_empty() || table.resource.is_none() {
            return Ok(Resources::default());
        }
        let from = self.schema.table(table.name);
        let sql = ask::resources_sql(table, &from, window, RESOURCES_MAX + 1);
        let reply = self.question(&sql, bounds)?;
        let (resources, count) = self.told(ask::read_resources(&keys, &reply.body))?;
        if RESOURCES_MAX < count {
            return self.told(Err(Why::Answer("has more resources than can be told apart")));
        }
        Ok(resources)
    }

    /// Asks something, within bounds, in a way that can change nothing.
    fn question(&self, sql: &str, bounds: Bounds) -> Result<Reply, Trouble> {
        self.prepare()?;
        let seconds = format!("{:.3}", bounds.time.as_secs_f64().max(0.001));
        let rows = bounds.rows.max(1).to_string();
        let settings = [
            ("readonly", "2"),
            ("max_execution_time", seconds.as_str()),
            ("max_rows_to_read", rows.as_str()),
            ("max_query_size", STATEMENT_BYTES_MAX),
            // Fractions of attributes are texts there: read to the last digit.
            ("precise_float_parsing", "1"),
        ];
        let statement =
            Statement { action: "ask", sql, settings: &settings, rows: None, time: bounds.time };
        self.client.run(statement)
    }

    fn told<T>(&self, result: Result<T, Why>) -> Result<T, Trouble> {
        result.map_err(|why| self.client.trouble("ask", why))
    }
}
