//! What a call did, in a few words: what a row of the waterfall says.

use model::{Call, Statement, StatementKind, Work};

/// Longest label, in characters; a row shows no more.
const CHARS_MAX: usize = 120;

/// What a call did, in a few words. Equal calls have equal labels.
pub(crate) fn label(call: &Call) -> String {
    let text = match &call.work {
        Work::Request(request) => request.operation.to_string(),
        Work::Statement(statement) => of_statement(statement),
        Work::Connect { system, pooled: false } => format!("connect to {system}"),
        Work::Connect { system, pooled: true } => format!("take a connection to {system}"),
        Work::Http(http) => joined(&http.method, &format!("{}{}", http.host, http.template)),
        Work::Cache { system, operation, key } => joined(system, &joined(operation, key)),
        Work::Mail { peer } if peer.is_empty() => "send mail".to_owned(),
        Work::Mail { peer } => format!("send mail by {peer}"),
        Work::Send { system, destination } => format!("send to {}", joined(system, destination)),
        Work::Render { template } => format!("render {template}"),
        Work::Transaction { .. } | Work::Own => call.name.to_string(),
        Work::Missing => "a span that never came".to_owned(),
    };
    let text = if text.trim().is_empty() { call.name.to_string() } else { text };
    cut(text)
}

/// `SELECT customers WHERE id`: verb, tables and the columns that it looks for.
fn of_statement(statement: &Statement) -> String {
    let text = &statement.text;
    let verb = match text.kind {
        StatementKind::Select => "SELECT",
        StatementKind::Insert => "INSERT INTO",
        StatementKind::Update => "UPDATE",
        StatementKind::Delete => "DELETE FROM",
        StatementKind::Session | StatementKind::Definition | StatementKind::Other => {
            return text.text.to_string();
        }
    };
    if text.tables.is_empty() {
        return text.text.to_string();
    }
    let tables: Vec<&str> = text.tables.iter().map(model::Text::as_str).collect();
    let columns: Vec<&str> = text
        .shape
        .iter()
        .flat_map(|shape| &shape.filters)
        .map(|filter| filter.column.as_str())
        .collect();
    let tables = tables.join(", ");
    if columns.is_empty() {
        format!("{verb} {tables}")
    } else {
        format!("{verb} {tables} by {}", columns.join(", "))
    }
}

fn joined(left: &str, right: &str) -> String {
    match (left.is_empty(), right.is_empty()) {
        (true, _) => right.to_owned(),
        (_, true) => left.to_owned(),
        _ => format!("{left} {right}"),
    }
}

fn cut(text: String) -> String {
    match text.char_indices().nth(CHARS_MAX) {
        None => text,
        Some((end, _)) => {
            let mut text = text;
            text.truncate(end);
            text.push('…');
            text
        }
    }
}
