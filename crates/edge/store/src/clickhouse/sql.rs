//! Statements of people's own: they read, within bounds, and from the tables of this database alone.
//!
//! What a statement [reaches](reach) is known before it is run. It runs as a subquery with `readonly = 1`, so that it can
//! neither write, nor lift a bound, nor reach another server or a file.

mod reach;

use serde_json::Value;

use super::{Bounds, ClickHouse, Reply, Statement, Trouble, Why};

/// Rows of an answer: more than anybody reads.
pub const SQL_ROWS_MAX: usize = 1_000;

/// Bytes of a statement: longer than anybody writes.
pub const SQL_BYTES_MAX: usize = 32 << 10;

/// Bytes of an answer: the longest rows, a thousand times.
const ANSWER_BYTES_MAX: usize = 16 << 20;

/// Bytes of a file: an answer, and what the format adds to it.
const FILE_BYTES_MAX: usize = 2 * ANSWER_BYTES_MAX;

/// A Parquet file begins and ends with it.
const PARQUET: &[u8] = b"PAR1";

/// What is being done, for messages.
const ACTION: &str = "run a statement";

/// Memory that a statement may take on the server.
const MEMORY_BYTES_MAX: &str = "2147483648";

/// What a statement says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SqlAnswer {
    /// Name and type of each column.
    pub columns: Vec<(String, String)>,
    /// Values as text; `None` for `NULL`.
    pub rows: Vec<Vec<Option<String>>>,
    /// There are more rows.
    pub is_cut: bool,
    /// Rows that were looked at, as far as the server says.
    pub rows_read: u64,
}

/// Why a statement has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SqlError {
    /// Spans are kept in a folder, which speaks no SQL.
    #[error("nothing here speaks SQL")]
    NoSql,
    /// It would do more than read what is kept.
    #[error("{what}")]
    Refused {
        /// What it would do.
        what: String,
        /// What to do instead.
        hint: &'static str,
    },
    /// ClickHouse does not understand it, or cannot answer.
    #[error(transparent)]
    Trouble(#[from] Trouble),
}

impl ClickHouse {
    /// Runs a statement that reads, and gives its first rows.
    ///
    /// # Errors
    ///
    /// It is no question, reaches for something else, is wrong, or takes too long.
    pub fn sql(&self, text: &str, bounds: Bounds) -> Result<SqlAnswer, SqlError> {
        let text = self.checked(text, bounds)?;
        let limit = SQL_ROWS_MAX + 1;
        let sql = format!("SELECT * FROM (\n{text}\n) LIMIT {limit} FORMAT JSONCompact");
        let form =
            [("result_overflow_mode", "break"), ("output_format_json_quote_64bit_integers", "1")];
        let reply = self.run_bounded(&sql, &form, bounds)?;
        let json = serde_json::from_slice(&reply.body).ok();
        let mut answer = json.as_ref().and_then(read).ok_or_else(|| self.foreign())?;
        answer.is_cut = SQL_ROWS_MAX < answer.rows.len();
        answer.rows.truncate(SQL_ROWS_MAX);
        answer.rows_read = reply.rows_read;
        Ok(answer)
    }

    /// Runs a statement that reads, and gives its first rows as the Parquet file that ClickHouse makes of them, with their types.
    ///
    /// # Errors
    ///
    /// See [`ClickHouse::sql`]; and rows that take more than an answer may, for a file does not tell that it was cut.
    pub fn sql_parquet(&self, text: &str, bounds: Bounds) -> Result<Vec<u8>, SqlError> {
        let text = self.checked(text, bounds)?;
        let sql = format!("SELECT * FROM (\n{text}\n) LIMIT {SQL_ROWS_MAX} FORMAT Parquet");
        let form =
            [("result_overflow_mode", "throw"), ("output_format_parquet_string_as_string", "1")];
        let file = self.run_bounded(&sql, &form, bounds)?.body;
        if FILE_BYTES_MAX < file.len() {
            return Err(self.client.trouble(ACTION, Why::Answer("is larger than 32 MiB")).into());
        }
        let is_whole = file.starts_with(PARQUET) && file.ends_with(PARQUET);
        if is_whole { Ok(file) } else { Err(self.foreign().into()) }
    }

    /// A statement without its end, once it is known to do no more than read what is kept.
    fn checked<'a>(&self, text: &'a str, bounds: Bounds) -> Result<&'a str, SqlError> {
        let text = text.trim().trim_end_matches(';').trim_end();
        if SQL_BYTES_MAX < text.len() {
            let what = format!("a statement of {} bytes is too long", text.len());
            return Err(refused(what, "it may have 32 KiB"));
        }
        if !begins(text, &["SELECT", "WITH"]) {
            return Err(refused(
                "only SELECT and WITH are run here",
                "for all else use ClickHouse's own client",
            ));
        }
        if !is_one(text) {
            return Err(refused("there is more than one statement", "run one after the other"));
        }
        if !names_are_plain(text) {
            return Err(refused(
                "a quoted name has odd signs in it",
                "in names, letters, digits, blanks and `_.-/%()` are fine; leave out `$`, `#` and a comment in a comment \
                 beside them",
            ));
        }
        self.prepare()?;
        let tree = format!("EXPLAIN QUERY TREE run_passes = 0\n{text}\nFORMAT TSVRaw");
        let only = [("readonly", "1"), ("database", self.schema.database.as_str())];
        let told = self.run_sql(&tree, &only, bounds)?;
        reach::check(&String::from_utf8_lossy(&told.body), &self.schema.database)?;
        Ok(text)
    }

    /// Runs what was checked, within bounds; `form` is what its format takes.
    fn run_bounded(
        &self,
        sql: &str,
        form: &[(&str, &str)],
        bounds: Bounds,
    ) -> Result<Reply, Trouble> {
        let seconds = format!("{:.3}", bounds.time.as_secs_f64().max(0.001));
        let rows = bounds.rows.max(1).to_string();
        let rows_max = (SQL_ROWS_MAX + 1).to_string();
        let bytes_max = ANSWER_BYTES_MAX.to_string();
        let mut settings = vec![
            ("readonly", "1"),
            ("database", self.schema.database.as_str()),
            ("max_execution_time", seconds.as_str()),
            ("max_rows_to_read", rows.as_str()),
            ("max_memory_usage", MEMORY_BYTES_MAX),
            ("max_result_rows", rows_max.as_str()),
            ("max_result_bytes", bytes_max.as_str()),
            // Else the order that a subquery has asked for would be taken for needless.
            ("query_plan_remove_redundant_sorting", "0"),
        ];
        settings.extend_from_slice(form);
        self.run_sql(sql, &settings, bounds)
    }

    fn run_sql(
        &self,
        sql: &str,
        settings: &[(&str, &str)],
        bounds: Bounds,
    ) -> Result<Reply, Trouble> {
        let time = bounds.time;
        self.client.run(Statement { action: ACTION, sql, settings, rows: None, time })
    }

    fn foreign(&self) -> Trouble {
        self.client.trouble(ACTION, Why::Answer("is of another format"))
    }
}

fn refused(what: impl Into<String>, hint: &'static str) -> SqlError {
    SqlError::Refused { what: what.into(), hint }
}

/// Whether a statement begins with one of these words, whatever comments and brackets stand before it.
fn begins(text: &str, words: &[&str]) -> bool {
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches(|sign: char| sign.is_whitespace() || sign == '(');
        rest = if let Some(comment) = rest.strip_prefix("--") {
            comment.split_once('\n').map_or("", |(_, rest)| rest)
        } else if let Some(comment) = rest.strip_prefix("/*") {
            comment.split_once("*/").map_or("", |(_, rest)| rest)
        } else {
            let end = rest.find(|sign: char| !sign.is_ascii_alphabetic()).unwrap_or(rest.len());
            let first = rest.get(..end).unwrap_or_default();
            return words.iter().any(|word| word.eq_ignore_ascii_case(first));
        };
    }
}

/// Whether there is but one statement: no semicolon but in texts, names and comments. ClickHouse runs one a request; this
/// does not rest on it.
fn is_one(text: &str) -> bool {
    if !text.contains(';') {
        return true;
    }
    // Other ways to write comments and texts, which nobody needs together with a semicolon.
    if text.contains(['$', '#']) {
        return false;
    }
    let mut signs = text.chars().peekable();
    while let Some(sign) = signs.next() {
        match (sign, signs.peek()) {
            (';', _) => return false,
            ('\'' | '"' | '`', _) => {
                // A doubled quote ends a text and begins the next.
                while let Some(inner) = signs.next().filter(|inner| *inner != sign) {
                    if inner == '\\' {
                        signs.next();
                    }
                }
            }
            ('-', Some('-')) => while signs.next().is_some_and(|inner| inner != '\n') {},
            ('/', Some('*')) => {
                signs.next();
                let mut last = ' ';
                while let Some(inner) = signs.next().filter(|inner| (last, *inner) != ('*', '/')) {
                    last = inner;
                }
            }
            _ => {}
        }
    }
    true
}

/// Whether quoted names have no sign that could make a line of the tree say something else: names are written there as they
/// are, aliases before what they stand for.
///
/// Where a statement has such names, all that could end or begin a text for ClickHouse and not for this reading is refused.
fn names_are_plain(text: &str) -> bool {
    // ClickHouse takes typographic quotes, too.
    let is_typographic = |sign: char| ('\u{2018}'..='\u{201f}').contains(&sign);
    if !text.contains(|sign: char| matches!(sign, '`' | '"') || is_typographic(sign)) {
        return true;
    }
    let is_plain = |sign: char| sign.is_alphanumeric() || " _.-/%()".contains(sign);
    let mut signs = text.chars().peekable();
    while let Some(sign) = signs.next() {
        match (sign, signs.peek()) {
            ('$' | '#', _) => return false,
            (sign, _) if is_typographic(sign) => return false,
            ('`' | '"', _) => loop {
                match signs.next() {
                    Some(inner) if inner == sign => break,
                    Some(inner) if is_plain(inner) => {}
                    _ => return false,
                }
            },
            ('\'', _) => {
                while let Some(inner) = signs.next().filter(|inner| *inner != '\'') {
                    if inner == '\\' {
                        signs.next();
                    }
                }
            }
            ('-', Some('-')) => while signs.next().is_some_and(|inner| inner != '\n') {},
            ('/', Some('*')) => {
                signs.next();
                let mut last = ' ';
                while let Some(inner) = signs.next().filter(|inner| (last, *inner) != ('*', '/')) {
                    // For ClickHouse a comment in a comment ends by itself.
                    if (last, inner) == ('/', '*') {
                        return false;
                    }
                    last = inner;
                }
            }
            _ => {}
        }
    }
    true
}

fn read(json: &Value) -> Option<SqlAnswer> {
    let column = |column: &Value| {
        Some((column["name"].as_str()?.to_owned(), column["type"].as_str()?.to_owned()))
    };
    let cell = |value: &Value| match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    };
    let row = |row: &Value| Some(row.as_array()?.iter().map(cell).collect());
    Some(SqlAnswer {
        columns: json["meta"].as_array()?.iter().map(column).collect::<Option<_>>()?,
        rows: json["data"].as_array()?.iter().map(row).collect::<Option<_>>()?,
        ..SqlAnswer::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_begins_with_select_or_with() {
        let is_question = |text| begins(text, &["SELECT", "WITH"]);
        for text in
            ["select 1", "WITH 1 AS a SELECT a", " -- why\n(SELECT 1)", "/* SET */ SELECT 1"]
        {
            assert!(is_question(text), "{text}");
        }
        for text in
            ["", "-- SELECT", "SET a = 1", "SELECTED", "INSERT INTO a SELECT 1", "/* SELECT 1"]
        {
            assert!(!is_question(text), "{text}");
        }
    }

    #[test]
    fn a_semicolon_is_fine_in_texts_names_and_comments_alone() {
        for text in [
            "SELECT 1",
            "SELECT 'a;b'",
            "SELECT 'it''s;', \"a;\" -- x;'\n",
            "SELECT /* ; ' */ 1",
            "SELECT '\\';'",
        ] {
            assert!(is_one(text), "{text}");
        }
        for text in [
            "SELECT 1;DROP TABLE a",
            "SELECT 'a' ; 'b'",
            "SELECT 1 -- '\n; DROP",
            "SELECT $a$'$a$; DROP",
            "SELECT /*'*/ 1; SET a = '1'",
            "SELECT '\\\\'; DROP",
        ] {
            assert!(!is_one(text), "{text}");
        }
    }

    #[test]
    fn quoted_names_are_plain_however_they_are_hidden() {
        for text in [
            "SELECT 'a, b: c', '`', '\\'`:' -- `,\n, /* \" */ 1 AS `p95 (ms)`",
            "SELECT attributes['$a#'] AS \"größe\" FROM spans",
            "SELECT $a$ 'x $a$ /* /* */",
            "SELECT 'it''s, “:”' AS `a-b.c/d %`",
        ] {
            assert!(names_are_plain(text), "{text}");
        }
        for text in [
            "SELECT * FROM system.query_log AS `a, identifier: spans`",
            "SELECT * FROM clusterAllReplicas('c', system.users) AS `a, table_function_name: numbers`",
            "SELECT * FROM system.users AS `a\nb`",
            "SELECT * FROM system.users AS \"a\\nb\"",
            "SELECT * FROM system.users AS “a, identifier: spans”",
            // Each hides the name in what is a text or a comment for one of the two alone.
            "SELECT $a$'$a$, 1 AS `a, identifier: spans`, '' FROM system.users",
            "SELECT 1 # '\n FROM system.users AS `a, identifier: spans` -- '",
            "SELECT 1 /* /* */ ' */ FROM system.users AS `a, identifier: spans` -- '",
            "SELECT 1 AS `a",
        ] {
            assert!(!names_are_plain(text), "{text}");
        }
    }
}
