//! Statements as `pg_stat_statements` counts them, and their texts.
//!
//! Counters are read without texts where these are known: the server keeps texts in a file, and reading
//! that is most of the cost.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use model::{
    Moment, StatementText, Text,
    database::{Database, RunStatistics, ServerStatement},
};
use tokio_postgres::types::Type;

use super::{
    ReadError, Reader,
    cells::Cells,
    queries::{Ask, is_ours, query},
    reader::{Answer, said},
    rights,
};

/// Rows that are read at most; `pg_stat_statements.max` is 5,000 unless set.
const ROWS_MAX: i64 = 20_000;

/// Texts that are remembered; past it those that are not among the rows any more are forgotten.
const TEXTS_MAX: usize = 40_000;

/// `insufficient privilege`, as the server says it in place of a text.
pub(super) const HIDDEN: &str = "<insufficient privilege>";

/// Rows of `pg_stat_statements` of this database.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rows {
    pub(crate) all: Vec<Row>,
    /// When everything was last reset (14+); the epoch if unknown.
    pub(crate) reset: Moment,
    /// How often statements were thrown out to make room (14+).
    pub(crate) evictions: Option<u64>,
    /// They are all of them: none was cut off or hidden.
    pub(crate) complete: bool,
    /// They could be read.
    pub(crate) readable: bool,
}

/// A row of `pg_stat_statements`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Row {
    pub(crate) key: Key,
    pub(crate) user: Text,
    /// Its text, if that was asked for.
    pub(crate) text: Option<String>,
    pub(crate) runs: RunStatistics,
    /// When it was first counted (1.11+); the epoch if unknown.
    pub(crate) since: Moment,
}

/// What makes a row: `queryid`, `userid`, `toplevel`.
pub(crate) type Key = (i64, u32, bool);

/// What is known of a statement's text.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub(crate) text: Arc<StatementText>,
    pub(crate) generic: Arc<str>,
    /// Taut itself ran it.
    pub(crate) own: bool,
}

/// Texts of statements by `queryid`.
#[derive(Debug, Default)]
pub(crate) struct Texts {
    known: BTreeMap<i64, Known>,
    pub(crate) statements: sql::Statements,
}

impl Texts {
    /// Whether a text of every row is known.
    pub(crate) fn know(&self, rows: &Rows) -> bool {
        rows.all.iter().all(|row| self.known.contains_key(&row.key.0))
    }

    pub(crate) fn get(&self, query_id: i64) -> Option<&Known> {
        self.known.get(&query_id)
    }

    /// Remembers the texts of rows that came with them.
    pub(crate) fn learn(&mut self, rows: &Rows) {
        for row in &rows.all {
            let Some(raw) = row.text.as_deref() else { continue };
            if self.known.contains_key(&row.key.0) {
                continue;
            }
            let (text, ..) = self.statements.read(raw);
            let known = Known { text, generic: sql::generic(raw).into(), own: is_ours(raw) };
            self.known.insert(row.key.0, known);
        }
        if TEXTS_MAX < self.known.len() {
            let seen: BTreeSet<i64> = rows.all.iter().map(|row| row.key.0).collect();
            self.known.retain(|query_id, _| seen.contains(query_id));
        }
    }
}

/// Where the extension is, and whether it can be asked at all; says so if not.
fn extension(reader: &mut Reader<'_>, database: &Database) -> Option<u32> {
    let installed =
        database.server.extensions.iter().find(|(name, _)| name == "pg_stat_statements");
    let Some((_, version)) = installed else {
        reader.lacks(&rights::EXTENSION, "");
        return None;
    };
    let (major, minor) = version.split_once('.')?;
    let minor = minor.split('.').next().unwrap_or_default();
    let number = major.parse::<u32>().ok()? * 10_000 + minor.parse::<u32>().ok()? * 100;
    if query(Ask::Statements, number).is_none() {
        reader.lacks(&rights::EXTENSION_VERSION, version);
        return None;
    }
    Some(number)
}

/// Reads counters of all statements of this database, and their texts if `texts`.
pub(crate) async fn read(
    reader: &mut Reader<'_>,
    database: &Database,
    texts: bool,
) -> Result<Rows, ReadError> {
    const WHAT: &str = "statistics of statements";
    let mut rows = Rows::default();
    let Some(version) = extension(reader, database) else { return Ok(rows) };
    let schema = reader.statements_schema.clone();
    let place = |sql: &str| sql.replace("{schema}", &schema);
    if let Some(sql) = query(Ask::StatementsInfo, version)
        && let Answer::Rows(info) = reader.run(&place(sql), WHAT, &[]).await?
        && let Some(row) = info.first()
    {
        let mut cells = Cells::new(row);
        rows.evictions = cells.maybe_count();
        rows.reset = cells.moment();
    }
    let sql = place(query(Ask::Statements, version).unwrap_or_default());
    // If one text cannot be told in our encoding, the server tells none: counters are had without.
    for texts in [texts, false] {
        let parameters = [(&ROWS_MAX as _, Type::INT8), (&texts as _, Type::BOOL)];
        match reader.run(&sql, WHAT, &parameters).await? {
            Answer::Rows(found) => {
                rows.readable = true;
                rows.all = found.iter().filter_map(|found| row(&mut Cells::new(found))).collect();
                let are_hidden = rows.all.len() < found.len();
                if are_hidden {
                    reader.lacks(&rights::ALL_STATS, "");
                }
                let fit = i64::try_from(found.len()).is_ok_and(|count| count < ROWS_MAX);
                rows.complete = fit && !are_hidden;
                return Ok(rows);
            }
            Answer::Nothing(error) if said(&error).contains("shared_preload_libraries") => {
                reader.lacks(&rights::PRELOAD, "");
                return Ok(rows);
            }
            Answer::Nothing(error) => {
                let lost = if texts { "texts of statements" } else { WHAT };
                reader.note(format!("the {lost} could not be read: {}", said(&error)));
                if !texts {
                    break;
                }
            }
        }
    }
    Ok(rows)
}

/// A row; `None` if it is somebody else's and hidden.
fn row(cells: &mut Cells<'_>) -> Option<Row> {
    let query_id = cells.maybe_int()?;
    let key = (query_id, cells.oid(), cells.bool());
    let text = cells.maybe_string().filter(|text| text != HIDDEN);
    let user = cells.text();
    let runs = RunStatistics {
        calls: cells.count(),
        total_millis: cells.float(),
        min_millis: cells.float(),
        max_millis: cells.float(),
        stddev_millis: cells.float(),
        plan_millis: cells.float(),
        rows: cells.count(),
        shared_hit: cells.count(),
        shared_read: cells.count(),
        shared_dirtied: cells.count(),
        shared_written: cells.count(),
        temp_read: cells.count(),
        temp_written: cells.count(),
        read_millis: cells.float(),
        write_millis: cells.float(),
        wal_bytes: cells.count(),
        jit_millis: cells.float(),
    };
    Some(Row { key, user, text, runs, since: cells.moment() })
}

/// Time of all rows, and of those that Taut ran, in milliseconds.
pub(crate) fn shares(rows: &[Row], texts: &Texts) -> (f64, f64) {
    let own = |row: &&Row| texts.get(row.key.0).is_some_and(|known| known.own);
    let sum = |millis: f64, row: &Row| millis + row.runs.total_millis + row.runs.plan_millis;
    (rows.iter().fold(0.0, sum), rows.iter().filter(own).fold(0.0, sum))
}

/// Runs by `queryid`, Taut's own left out; most time first.
pub(crate) fn by_statement(rows: &[Row], texts: &Texts) -> Vec<(i64, RunStatistics)> {
    let mut merged: BTreeMap<i64, RunStatistics> = BTreeMap::new();
    for row in rows {
        if texts.get(row.key.0).is_some_and(|known| !known.own) {
            let runs = merged.entry(row.key.0).or_default();
            *runs = crate::delta::sum(runs, &row.runs);
        }
    }
    let mut merged: Vec<(i64, RunStatistics)> = merged.into_iter().collect();
    merged.sort_by(|(_, one), (_, other)| other.total_millis.total_cmp(&one.total_millis));
    merged
}

/// Fills in the statements with most time, each summed over its users, Taut's own left out.
pub(crate) fn put(rows: &[Row], texts: &Texts, max: u32, database: &mut Database) {
    let mut merged: BTreeMap<i64, ServerStatement> = BTreeMap::new();
    let mut unknown = 0_usize;
    for row in rows.iter().filter(|row| 0 < row.runs.calls) {
        let query_id = row.key.0;
        let Some(known) = texts.get(query_id) else {
            unknown += 1;
            continue;
        };
        if known.own {
            continue;
        }
        let statement = merged.entry(query_id).or_insert_with(|| ServerStatement {
            query_id,
            text: Arc::clone(&known.text),
            generic: Arc::clone(&known.generic),
            users: Vec::new(),
            applications: Vec::new(),
            nested: true,
            runs: RunStatistics::default(),
            routes: BTreeMap::new(),
        });
        statement.nested &= !row.key.2;
        if !statement.users.contains(&row.user) {
            statement.users.push(row.user.clone());
            statement.users.sort();
        }
        statement.runs = crate::delta::sum(&statement.runs, &row.runs);
    }
    if 0 < unknown {
        database.notes.push(format!(
            "{unknown} statements whose text the server does not tell were left out"
        ));
    }
    let mut statements: Vec<ServerStatement> = merged.into_values().collect();
    statements.sort_by(|one, other| {
        let time = other.runs.total_millis.total_cmp(&one.runs.total_millis);
        time.then(one.query_id.cmp(&other.query_id))
    });
    statements.truncate(max as usize);
    database.statements = statements;
}
