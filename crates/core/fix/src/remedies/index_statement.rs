//! Let the database find rows without reading all of them.

use model::{FilterOperator, Finding, Framework, Proof, Shape};

use super::snippets::{sql, table};
use crate::{Hint, Remedy};

/// Columns of an index beyond which it rarely helps more.
const COLUMNS_MAX: usize = 3;

pub(super) static INDEX_STATEMENT: Remedy = Remedy {
    name: "index-statement",
    title: "look at the plan, and index what is filtered and sorted by",
    answers: &["slow-statement"],
    proofs: &[Proof::WhatIf, Proof::Rehearsal, Proof::BeforeAfter],
    advise,
};

fn advise(finding: &Finding) -> Option<Hint> {
    let text = finding.evidence.statement.as_ref()?;
    let table = table(finding);
    let columns = text.shape.as_ref().map(|shape| columns(shape, table)).unwrap_or_default();
    let django = finding.frameworks.contains(&Framework::Django);
    let statement = &text.text;
    let plan = format!("EXPLAIN (ANALYZE, BUFFERS) {statement};  -- on a copy, with real values");
    if columns.is_empty() {
        let text = format!(
            "Look at the plan of the statement on {table}: see where its time goes before changing it."
        );
        return Some(Hint { text, snippet: sql(plan) });
    }
    let list = columns.join(", ");
    let name = format!("{table}_{}_idx", columns.join("_").replace(" desc", ""));
    let mut code = format!("{plan}\nCREATE INDEX CONCURRENTLY {name} ON {table} ({list});");
    if django {
        code.push_str("\n-- as a migration: AddIndexConcurrently, with atomic = False");
    }
    let text = format!(
        "Look at the plan of the statement; if it reads {table} as a whole, an index on ({list}) lets it find \
         its rows. Building it concurrently does not block writes."
    );
    Some(Hint { text, snippet: sql(code) })
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
        if column != "id" && !seen.contains(&column) && seen.len() < COLUMNS_MAX {
            seen.push(column);
        }
    }
    seen
}
