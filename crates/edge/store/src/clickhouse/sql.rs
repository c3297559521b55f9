//! Statements of people's own: they read, within bounds, and from the tables of this database alone.
//!
//! What a statement reaches is told by the server's own tree of it, before it is run: a list of words would be
//! incomplete with the next version. It runs as a subquery with `readonly = 1`, so that it can neither write, nor lift a
//! bound, nor reach another server or a file.

use serde_json::Value;

use super::{Bounds, ClickHouse, Statement, Trouble, Why};

/// Rows of an answer: more than anybody reads.
pub const SQL_ROWS_MAX: usize = 1_000;

/// Bytes of a statement: longer than anybody writes.
pub const SQL_BYTES_MAX: usize = 32 << 10;

/// Bytes of an answer: the longest rows, a thousand times.
const ANSWER_BYTES_MAX: &str = "16777216";

/// Memory that a statement may take on the server.
const MEMORY_BYTES_MAX: &str = "2147483648";

/// Functions in place of a table that make rows of nothing.
const MAKE_ROWS: &[&str] = &["numbers", "zeros", "generate_series", "generateSeries", "values"];

/// Parts of the tree that name tables.
const TABLES: &[&str] =
    &["JOIN TREE", "LEFT TABLE EXPRESSION", "RIGHT TABLE EXPRESSION", "TABLE EXPRESSION"];

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
        check(&String::from_utf8_lossy(&told.body), &self.schema.database)?;
        let seconds = format!("{:.3}", bounds.time.as_secs_f64().max(0.001));
        let rows = bounds.rows.max(1).to_string();
        let rows_max = (SQL_ROWS_MAX + 1).to_string();
        let settings = [
            ("readonly", "1"),
            ("database", self.schema.database.as_str()),
            ("max_execution_time", seconds.as_str()),
            ("max_rows_to_read", rows.as_str()),
            ("max_memory_usage", MEMORY_BYTES_MAX),
            ("max_result_rows", rows_max.as_str()),
            ("max_result_bytes", ANSWER_BYTES_MAX),
            ("result_overflow_mode", "break"),
            // Else the order that a subquery has asked for would be taken for needless.
            ("query_plan_remove_redundant_sorting", "0"),
            ("output_format_json_quote_64bit_integers", "1"),
        ];
        let limit = SQL_ROWS_MAX + 1;
        let sql = format!("SELECT * FROM (\n{text}\n) LIMIT {limit} FORMAT JSONCompact");
        let reply = self.run_sql(&sql, &settings, bounds)?;
        let json = serde_json::from_slice(&reply.body).ok();
        let mut answer = json.as_ref().and_then(read).ok_or_else(|| {
            self.client.trouble("run a statement", Why::Answer("is of another format"))
        })?;
        answer.is_cut = SQL_ROWS_MAX < answer.rows.len();
        answer.rows.truncate(SQL_ROWS_MAX);
        answer.rows_read = reply.rows_read;
        Ok(answer)
    }

    fn run_sql(
        &self,
        sql: &str,
        settings: &[(&str, &str)],
        bounds: Bounds,
    ) -> Result<super::Reply, Trouble> {
        let action = "run a statement";
        self.client.run(Statement { action, sql, settings, rows: None, time: bounds.time })
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

/// Refuses a statement whose tree reaches for anything but tables of the database.
fn check(tree: &str, database: &str) -> Result<(), SqlError> {
    let mut above: Vec<(usize, &str)> = Vec::new();
    let mut before = (0, "");
    for (number, line) in tree.lines().enumerate() {
        let said = line.trim_start();
        let indent = line.len() - said.len();
        while above.last().is_some_and(|(depth, _)| indent <= *depth) {
            above.pop();
        }
        // A name with a line break in it could look like another line of the tree.
        if before.0 + 2 < indent || 0 < number && indent == 0 && !said.is_empty() {
            return Err(makes_no_sense());
        }
        let is_first = before.0 < indent;
        check_line(said, is_first, &above, database)?;
        above.push((indent, said));
        before = (indent, said);
    }
    Ok(())
}

fn makes_no_sense() -> SqlError {
    refused("its tree makes no sense", "leave out names with odd signs in them")
}

/// What lines say that name something, by their first word.
const NAMING: &[(&str, &str)] = &[
    ("TABLE_FUNCTION id:", "table_function_name: "),
    ("FUNCTION id:", "function_name: "),
    ("IDENTIFIER id:", "identifier: "),
];

/// Refuses a line of a tree; `is_first` says whether it is the first below the line above it.
fn check_line(
    said: &str,
    is_first: bool,
    above: &[(usize, &str)],
    database: &str,
) -> Result<(), SqlError> {
    let own = "ask the tables of Taut's own database: spans, logs, metrics and minutes";
    if said.starts_with("SETTINGS") {
        return Err(refused("a statement may set nothing", "leave out SETTINGS"));
    }
    let naming = NAMING.iter().find(|(kind, _)| said.starts_with(kind));
    if naming.is_some_and(|(_, name)| value(said, name).is_none()) {
        return Err(makes_no_sense());
    }
    if let Some(function) = value(said, "table_function_name: ") {
        let is_known = MAKE_ROWS.iter().any(|known| known.eq_ignore_ascii_case(function));
        return if is_known {
            Ok(())
        } else {
            Err(refused(format!("`{function}(…)` reaches beyond what is kept"), own))
        };
    }
    if let Some(function) = value(said, "function_name: ") {
        let lower = function.to_ascii_lowercase();
        let is_reaching = lower == "file"
            || ["dictget", "dicthas", "joinget", "catboost"]
                .iter()
                .any(|start| lower.starts_with(start));
        return if is_reaching {
            Err(refused(format!("`{function}(…)` reaches beyond what is kept"), own))
        } else {
            Ok(())
        };
    }
    let Some(identifier) = value(said, "identifier: ").filter(|_| said.starts_with("IDENTIFIER"))
    else {
        return Ok(());
    };
    let parent = above.last().map_or("", |(_, said)| said);
    let names_table = TABLES.contains(&parent) || !is_first && is_right_of_in(above);
    match identifier.split_once('.') {
        // What stands for no table at all.
        _ if identifier == "system.one" => Ok(()),
        Some((of, _)) if names_table && of.trim_matches('`') != database => {
            Err(refused(format!("`{identifier}` is not a table of Taut"), own))
        }
        _ => Ok(()),
    }
}

/// Whether a line is an argument of `IN`, on whose right a table may stand.
fn is_right_of_in(above: &[(usize, &str)]) -> bool {
    let [.., (_, function), (_, "ARGUMENTS"), _] = above else { return false };
    value(function, "function_name: ").is_some_and(|name| {
        let lower = name.to_ascii_lowercase();
        lower.trim_end_matches("ignoreset").ends_with("in") && !lower.ends_with("min")
    })
}

/// `numbers` of `TABLE_FUNCTION id: 2, table_function_name: numbers`; nothing if it is said twice, since an alias that stands
/// before it may have faked the first.
fn value<'a>(said: &'a str, name: &str) -> Option<&'a str> {
    let (before, rest) = said.split_once(name)?;
    if rest.contains(name) {
        return None;
    }
    // `table_function_name` ends as `function_name` does.
    if !before.ends_with(", ") {
        return None;
    }
    Some(rest.split(", ").next().unwrap_or(rest).trim())
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

    const TREE: &str = "QUERY id: 0
  PROJECTION
    LIST id: 1, nodes: 1
      FUNCTION id: 2, function_name: FUNCTION, function_type: ordinary
        ARGUMENTS
          LIST id: 3, nodes: 2
            IDENTIFIER id: 4, identifier: other.column
            IDENTIFIER id: 5, identifier: RIGHT
  JOIN TREE
    IDENTIFIER id: 6, identifier: TABLE";

    fn checked(function: &str, right: &str, table: &str) -> Result<(), String> {
        let tree = TREE.replace("FUNCTION,", &format!("{function},"));
        let tree = tree.replace("RIGHT", right).replace("TABLE", table);
        check(&tree, "taut").map_err(|error| error.to_string())
    }

    #[test]
    fn a_tree_reaches_for_tables_of_the_database_alone() {
        assert_eq!(checked("plus", "a.b", "spans"), Ok(()));
        assert_eq!(checked("in", "logs", "taut.spans"), Ok(()));
        assert_eq!(checked("min", "a.b", "spans"), Ok(()));
        let refused = |what: &str| Err(format!("`{what}` is not a table of Taut"));
        assert_eq!(checked("plus", "b", "system.users"), refused("system.users"));
        assert_eq!(checked("globalNotIn", "system.users", "spans"), refused("system.users"));
        let reaches = Err("`dictGetOrNull(…)` reaches beyond what is kept".to_owned());
        assert_eq!(checked("dictGetOrNull", "b", "spans"), reaches);
        for (function, goes) in [("numbers", true), ("url", false), ("merge", false)] {
            let tree =
                format!("  JOIN TREE\n    TABLE_FUNCTION id: 2, table_function_name: {function}");
            assert_eq!(check(&tree, "taut").is_ok(), goes, "{function}");
        }
        assert!(check("QUERY id: 0\n  SETTINGS max_threads=1", "taut").is_err());
        assert!(
            check("QUERY id: 0\n  JOIN TREE\n    IDENTIFIER id: 1, identifier: system.one", "taut")
                .is_ok()
        );
        // An alias comes before what it stands for, and may look like it.
        for (line, goes) in [
            ("IDENTIFIER id: 1, alias: a, identifier: spans", true),
            ("IDENTIFIER id: 1, alias: a, identifier: system.users", false),
            ("IDENTIFIER id: 1, alias: a, identifier: spans, identifier: system.users", false),
            ("IDENTIFIER id: 1, alias: a", false),
            ("TABLE_FUNCTION id: 1, alias: a, table_function_name: numbers", true),
            (
                "TABLE_FUNCTION id: 1, alias: a, table_function_name: numbers, table_function_name: url",
                false,
            ),
            ("FUNCTION id: 1, alias: x, function_name: plus, function_type: ordinary", true),
            ("FUNCTION id: 1, alias: x, function_name: plus, function_name: file", false),
            ("FUNCTION id: 1, alias: x", false),
            ("IDENTIFIER id: 1, alias: a\nb, identifier: system.users", false),
            ("CONSTANT id: 1, constant_value: 'b'\nb, identifier: system.users", false),
        ] {
            let tree = format!("QUERY id: 0\n  JOIN TREE\n    {line}");
            assert_eq!(check(&tree, "taut").is_ok(), goes, "{line}");
        }
        // What was a line break in a name.
        let broken =
            "QUERY id: 0\n  PROJECTION\n X\n        IDENTIFIER id: 1, identifier: system.users";
        assert!(check(broken, "taut").is_err());
    }
}
