//! Let the database find rows without reading all of them.

use model::{FilterOperator, Finding, Framework, Proof, Shape, StatementKind};

use super::snippets::{document, snippet, table};
use crate::{
    Hint, Remedy, database,
    dialect::{Dialect, dialect},
};

/// Columns of an index beyond which it rarely helps more.
const COLUMNS_MAX: usize = 3;

pub(super) static INDEX_STATEMENT: Remedy = Remedy {
    name: "index-statement",
    title: "look at the plan, and index what is filtered and sorted by",
    answers: &["slow-statement", "rows-scanned-vs-returned", "sequential-scan"],
    proofs: &[Proof::WhatIf, Proof::Rehearsal, Proof::BeforeAfter],
    advise,
};

fn advise(finding: &Finding) -> Option<Hint> {
    let Some(text) = finding.evidence.statement.as_ref() else { return unknown_statement(finding) };
    let table = table(finding);
    let dialect = dialect(finding);
    let columns = match dialect {
        Dialect::Mongo => document(finding).1.into_iter().filter(|field| field != "_id").collect(),
        _ => text.shape.as_ref().map(|shape| columns(shape, table)).unwrap_or_default(),
    };
    let plan = match dialect {
        Dialect::Mongo => Some(format!("db.{table}.find(filter).explain(\"executionStats\")")),
        _ => dialect.plan(&text.text, text.kind),
    };
    let index = dialect.index(table, &columns, "").filter(|_| !columns.is_empty());
    let batches = match text.kind {
        StatementKind::Update | StatementKind::Delete => {
            " If it changes many rows, do it in batches of some thousand by key, each in a transaction of its \
             own: locks are short then."
        }
        _ => "",
    };
    if index.is_none() {
        let text = format!(
            "Look at the plan of the statement on {table}: see where its time goes before changing it.{batches}"
        );
        return Some(Hint {
            text,
            snippet: plan.and_then(|plan| snippet(dialect.language(), plan)),
            change: None,
        });
    }
    let mut code: Vec<String> = plan.into_iter().chain(index).collect();
    if finding.frameworks.contains(&Framework::Django) {
        code.push(match dialect {
            Dialect::Postgres => {
                "-- as a migration: AddIndexConcurrently, with atomic = False".to_owned()
            }
            _ => "-- as a migration: AddIndex".to_owned(),
        });
    }
    let text = format!(
        "Look at the plan of the statement; if it reads {table} as a whole, an index on ({}) lets it find \
         its rows.{}{batches}",
        columns.join(", "),
        beside_writes(dialect)
    );
    Some(Hint { text, snippet: snippet(dialect.language(), code.join("\n")), change: None })
}

/// Where only the table is known: how to find the statements.
fn unknown_statement(finding: &Finding) -> Option<Hint> {
    let table = database::known(finding)?.table.as_ref()?;
    let text = format!(
        "Find the statements that read {table} as a whole, by pg_stat_statements or auto_explain, and index what they \
         filter by."
    );
    let code = "CREATE EXTENSION pg_stat_statements;  -- with shared_preload_libraries = 'pg_stat_statements'";
    Some(Hint { text, snippet: snippet("sql", code), change: None })
}

/// What building the index means for those who write meanwhile.
fn beside_writes(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Postgres => " Building it concurrently does not block writes.",
        Dialect::MySql => " Building it in place does not block writes.",
        Dialect::MsSql => {
            " Building it online does not block writes; editions without ONLINE need a quiet hour."
        }
        Dialect::Oracle => " Building it online does not block writes.",
        Dialect::Sqlite => " Building it blocks writes.",
        Dialect::Mongo | Dialect::Other => "",
    }
}

/// Columns for an index: what is compared for equality, then what is sorted by or a range.
fn columns(shape: &Shape, table: &str) -> Vec<String> {
    let of_table = |name: &str| name.is_empty() || crate::names::bare(name) == table;
    let filtered = |wanted: &[FilterOperator]| {
        shape
            .filters
            .iter()
            .filter(|filter| wanted.contains(&filter.operator) && of_table(&filter.table))
            .map(|filter| filter.column.to_string())
            .collect::<Vec<_>>()
    };
    let mut columns = filtered(&[FilterOperator::Equal, FilterOperator::In]);
    if shape.limited && !shape.joins {
        columns.extend(shape.order_by.iter().map(ToString::to_string));
    }
    columns.extend(filtered(&[FilterOperator::Range]).into_iter().take(1));
    let mut seen = Vec::new();
    for column in columns {
        if !column.eq_ignore_ascii_case("id") && !seen.contains(&column) && seen.len() < COLUMNS_MAX
        {
            seen.push(column);
        }
    }
    seen
}
