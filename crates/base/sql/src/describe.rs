//! What can be told from a normalised statement: kind, tables, clauses.

use model::{StatementKind, StatementText, Text};

use crate::{
    Normalised, shape,
    tables::{self, Token},
};

/// Reads a normalised statement. Takes tens of microseconds: once per fingerprint.
#[must_use]
pub fn describe(normalised: &Normalised) -> StatementText {
    let text = normalised.text.as_str();
    let tokens = tables::tokens(text);
    let kind = kind(&tokens);
    let sql = !matches!(kind, StatementKind::Other);
    StatementText {
        fingerprint: normalised.fingerprint,
        text: Text::from(text),
        kind,
        tables: if sql { tables::tables(&tokens, kind) } else { Vec::new() },
        shape: if sql && !normalised.truncated { shape::shape(text).map(Box::new) } else { None },
        truncated: normalised.truncated,
    }
}

/// What the statement does, by its first word; behind `WITH`, by the first verb outside of parentheses.
fn kind(tokens: &[Token<'_>]) -> StatementKind {
    let mut words = tokens.iter().skip_while(|token| token.text == "(");
    let first = words.next().map_or("", |token| token.text);
    if first == "with" {
        let outer = tokens.iter().filter(|token| token.depth == 0);
        let kinds = outer.map(|token| verb(token.text));
        return kinds.into_iter().find(|kind| is_row_work(*kind)).unwrap_or(StatementKind::Select);
    }
    verb(first)
}

fn is_row_work(kind: StatementKind) -> bool {
    kind == StatementKind::Select || kind.writes()
}

fn verb(word: &str) -> StatementKind {
    match word {
        "select" | "values" | "table" => StatementKind::Select,
        "insert" | "replace" | "upsert" => StatementKind::Insert,
        "update" | "merge" => StatementKind::Update,
        "delete" => StatementKind::Delete,
        "begin" | "start" | "commit" | "end" | "rollback" | "abort" | "savepoint" | "release"
        | "set" | "reset" | "use" | "pragma" | "discard" | "deallocate" | "close" | "prepare"
        | "listen" | "unlisten" | "lock" => StatementKind::Session,
        "create" | "alter" | "drop" | "truncate" | "comment" | "grant" | "revoke" | "analyze"
        | "vacuum" | "reindex" | "refresh" | "rename" | "cluster" => StatementKind::Definition,
        _ => StatementKind::Other,
    }
}

#[cfg(test)]
#[path = "describe_tests.rs"]
mod tests;
