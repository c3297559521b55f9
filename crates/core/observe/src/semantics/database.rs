//! Statements, connections, transactions and caches: client spans that name a database.

use model::{Parameters, Span, Statement, StatementKind, Text, Value, Work};
use sql::Statements;

use super::{
    Hash, cut,
    facts::{Facts, Key, NAMED_PARAMETER},
    template,
};

/// Reads what a span says of a database, if it says anything.
pub(super) fn work(span: &Span, facts: &Facts<'_>, statements: &mut Statements) -> Option<Work> {
    let name = span.name.as_str();
    if let Some(layer) = name.strip_prefix("prisma:") {
        return Some(prisma(layer, span, facts, statements));
    }
    let text = facts.text(Key::DbText);
    let system = match facts.text(Key::DbSystem) {
        Some(system) => system,
        None if text.is_some() => "other_sql",
        None => return unnamed(span, facts, statements),
    };
    if let Some(pooled) = connects(name) {
        return Some(Work::Connect { system: cut(system, NAME_BYTES_MAX), pooled });
    }
    if CACHES.contains(&system) {
        return Some(cache(system, span, facts));
    }
    if prepares(name) {
        return Some(Work::Transaction { system: cut(system, NAME_BYTES_MAX) });
    }
    if fetches(name) {
        return Some(Work::Own);
    }
    Some(statement(system, text, span, facts, statements))
}

/// Longest name of a system, host or operation that is kept.
const NAME_BYTES_MAX: usize = 128;

/// Key-value stores that serve as caches.
const CACHES: &[&str] = &[
    "redis",
    "memcached",
    "valkey",
    "memcache",
    "dragonfly",
    "keydb",
    "hazelcast",
    "infinispan",
    "ehcache",
];

/// Spans that open a connection.
const OPENS: &[&str] = &[
    "connect",
    "CONNECT",
    "pg.connect",
    "mysql.connect",
    "redis-connect",
    "redis.connect",
    "sql.connector.connect",
    "db.Connect",
    "PDO::__construct",
    "mysqli::__construct",
    "mongodb.connect",
    "tedious.connect",
    "Connection.open",
];

/// Spans that take a connection from a pool.
const TAKES: &[&str] = &[
    "pg-pool.connect",
    "pool.acquire",
    "pool.getConnection",
    "pool.connect",
    "pgxpool.Acquire",
    "sql.pool.acquire",
    "sqlx::pool::acquire",
    "acquire",
];

/// Whether a span opens a connection (`Some(false)`) or takes one from a pool (`Some(true)`).
fn connects(name: &str) -> Option<bool> {
    if TAKES.contains(&name) || name.ends_with(".getConnection") {
        Some(true)
    } else if OPENS.contains(&name) || name.starts_with("connect ") && !name.contains('/') {
        Some(false)
    } else {
        None
    }
}

/// Spans that prepare a statement, look after a session or ask whether the other end is there.
fn prepares(name: &str) -> bool {
    matches!(
        name,
        "sql.conn.prepare"
            | "sql.conn.ping"
            | "sql.conn.reset_session"
            | "sql.conn.begin_tx"
            | "sql.tx.commit"
            | "sql.tx.rollback"
            | "db.Ping"
            | "db.Begin"
            | "db.Prepare"
            | "tx.Commit"
            | "tx.Rollback"
            | "PDO::beginTransaction"
            | "PDO::commit"
            | "PDO::rollBack"
            | "pg.prepare"
    ) || name.starts_with("prepare ")
}

/// Spans that read the rows of a statement that has a span of its own.
fn fetches(name: &str) -> bool {
    matches!(name, "sql.rows" | "PDOStatement::fetchAll" | "PDOStatement::fetch")
}

/// Prisma's layers: the client's and the engine's are the service's own time, the innermost is the
/// statement.
fn prisma(layer: &str, span: &Span, facts: &Facts<'_>, statements: &mut Statements) -> Work {
    let system = cut(facts.text(Key::DbSystem).unwrap_or("other_sql"), NAME_BYTES_MAX);
    match layer {
        "engine:db_query" | "client:db_query" => {
            statement(&system, facts.text(Key::DbText), span, facts, statements)
        }
        "engine:connection" => Work::Connect { system, pooled: true },
        "client:connect" | "engine:connect" => Work::Connect { system, pooled: false },
        "engine:start_transaction"
        | "engine:commit_transaction"
        | "engine:rollback_transaction" => Work::Transaction { system },
        _ => Work::Own,
    }
}

/// Spans of a database that do not name it: data sources of Java, transactions of Hibernate.
fn unnamed(span: &Span, facts: &Facts<'_>, statements: &mut Statements) -> Option<Work> {
    let name = span.name.as_str();
    let system = || Text::const_new("other_sql");
    if name.ends_with("DataSource.getConnection")
        || matches!(name, "pg-pool.connect" | "pool.acquire")
    {
        return Some(Work::Connect { system: system(), pooled: true });
    }
    if name == "PDOStatement::execute" {
        return Some(statement("other_sql", None, span, facts, statements));
    }
    (name == "Transaction.commit" || prepares(name) && !name.starts_with("prepare "))
        .then(|| Work::Transaction { system: system() })
}

fn statement(
    system: &str,
    text: Option<&str>,
    span: &Span,
    facts: &Facts<'_>,
    statements: &mut Statements,
) -> Work {
    let is_document = text.is_some_and(|text| text.trim_start().starts_with(['{', '[']));
    let synthesized;
    let raw = match text {
        Some(text) if !is_document => text,
        _ => {
            synthesized = without_text(system, text, span, facts);
            &synthesized
        }
    };
    let (shape, shown, offset, folded) = statements.read(raw);
    if shape.kind == StatementKind::Session {
        return Work::Transaction { system: cut(system, NAME_BYTES_MAX) };
    }
    let shown = if text.is_some() { shown } else { Parameters::Hidden };
    Work::Statement(Box::new(Statement {
        system: cut(system, NAME_BYTES_MAX),
        text: shape,
        parameters: parameters(shown, is_document.then_some(text).flatten(), span, facts),
        offset,
        members: folded.saturating_add(1),
        returned_rows: facts.count(Key::DbRows),
        batch_size: batch_size(facts),
    }))
}

fn batch_size(facts: &Facts<'_>) -> u32 {
    let size = facts.count(Key::BatchSize).unwrap_or(1);
    u32::try_from(size).unwrap_or(u32::MAX).max(1)
}

/// The parameters as bound, else as spelt out in the text; hashed.
fn parameters(
    shown: Parameters,
    document: Option<&str>,
    span: &Span,
    facts: &Facts<'_>,
) -> Parameters {
    if let Some(bound) = facts.get(Key::DbParameters) {
        return Parameters::Known(Hash::new().add_value(bound).0);
    }
    if facts.has_named_parameters {
        let mut named: Vec<&(Text, Value)> =
            span.attributes.0.iter().filter(|(key, _)| key.starts_with(NAMED_PARAMETER)).collect();
        named.sort_by(|one, other| one.0.cmp(&other.0));
        let hash = named.iter().fold(Hash::new(), |hash, (_, value)| hash.add_value(value));
        return Parameters::Known(hash.0);
    }
    match document {
        // Values of documents are redacted as a rule; where they are not, they differ.
        Some(document) if !document.contains("\"?\"") && document.len() > 2 => {
            Parameters::Known(Hash::new().add(document.as_bytes()).0)
        }
        Some(_) => Parameters::Hidden,
        None => shown,
    }
}

/// What can be said of a statement without a text that a lexer of SQL could read: a summary, or the
/// operation and the table, or what the span is called.
fn without_text(system: &str, document: Option<&str>, span: &Span, facts: &Facts<'_>) -> String {
    let table = facts.text(Key::DbTable);
    if let (None, Some(summary)) = (table, facts.text(Key::DbSummary)) {
        return without_quotes(summary);
    }
    let operation = facts.text(Key::DbOperation);
    let mut text = match (operation, table) {
        (Some(operation), Some(table)) => told(operation, table),
        (None, Some(table)) => told(first_word(&span.name), table),
        (Some(operation), None) => without_quotes(operation),
        (None, None) => without_quotes(bare_name(&span.name)),
    };
    if let (Some(document), true) = (document, system.starts_with("mongo")) {
        text.push(' ');
        keys_of(document, &mut text);
    }
    text
}

/// What a span is called, without what its instrumentation puts in front: `query SELECT`,
/// `pg.query:SELECT shop`.
fn bare_name(name: &str) -> &str {
    const PREFIXES: &[&str] = &[
        "query ",
        "batch query ",
        "pg.query:",
        "sql ",
        "Sequelize ",
        "mongoose.",
        "mongodb.",
        "prisma:",
    ];
    let name = PREFIXES.iter().find_map(|prefix| name.strip_prefix(prefix)).unwrap_or(name);
    name.trim()
}

/// Longest text that is made up for a statement.
const MADE_UP_BYTES_MAX: usize = 256;

fn told(operation: &str, table: &str) -> String {
    let operation = first_word(operation);
    let table = without_quotes(table);
    let is = |known: &str| operation.eq_ignore_ascii_case(known);
    if is("select") {
        format!("SELECT FROM {table}")
    } else if is("insert") {
        format!("INSERT INTO {table}")
    } else if is("update") {
        format!("UPDATE {table}")
    } else if is("delete") {
        format!("DELETE FROM {table}")
    } else {
        format!("{} {table}", without_quotes(operation))
    }
}

fn first_word(text: &str) -> &str {
    text.split_whitespace().next().unwrap_or_default()
}

fn without_quotes(text: &str) -> String {
    let end = text.floor_char_boundary(MADE_UP_BYTES_MAX);
    let letters = text.chars().map(|letter| match letter {
        '\'' | '"' | '`' | '/' | '-' | '#' | ';' => ' ',
        other => other,
    });
    letters.take(end).collect()
}

/// The keys of a document, without its values: `{"filter":{"name":"x"}}` is `filter name`.
fn keys_of(document: &str, out: &mut String) {
    let mut rest = document;
    while let Some((_, quoted)) = rest.split_once('"') {
        let Some((word, after)) = quoted.split_once('"') else { return };
        let is_key = after.trim_start().starts_with(':');
        let is_name =
            word.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'$'));
        if is_key && is_name && !template::is_variable(word) {
            if MADE_UP_BYTES_MAX < out.len() + word.len() {
                return;
            }
            if !out.ends_with(' ') {
                out.push(' ');
            }
            out.push_str(word.trim_start_matches('$'));
        }
        rest = after;
    }
}

fn cache(system: &str, span: &Span, facts: &Facts<'_>) -> Work {
    let text = facts.text(Key::DbText);
    let told = facts.text(Key::DbOperation).or(text).unwrap_or(&span.name);
    let operation = first_word(told);
    let key = facts.text(Key::EntryInCache).or_else(|| {
        let mut words = text?.split_whitespace();
        words.next().filter(|word| word.eq_ignore_ascii_case(operation))?;
        words.next()
    });
    Work::Cache {
        system: cut(system, NAME_BYTES_MAX),
        operation: cut(operation, NAME_BYTES_MAX).to_uppercase(),
        key: key.filter(|key| *key != "?").map(template::key).unwrap_or_default(),
    }
}
