//! Which rows lead to which: foreign keys, told from names.

use model::{FilterOperator, Projection, StatementText};

use super::words;

/// Whether rows of `list` lead to what `look_up` asks for: the list holds a foreign key to its table, or it
/// is looked up by a foreign key to the list's table.
pub(super) fn leads_to(list: &StatementText, look_up: &StatementText) -> bool {
    let Some(shape) = &look_up.shape else { return false };
    let (from, to) = (words::table(list), words::table(look_up));
    if is_look_up(list) || from.is_empty() || to.is_empty() {
        return false;
    }
    shape.filters.iter().filter(|filter| filter.operator == FilterOperator::Equal).any(|filter| {
        match key_base(&filter.column) {
            Some(base) => points_at(&base, from),
            None => is_key(&filter.column) && holds_key_to(list, to),
        }
    })
}

/// Whether a statement asks for one row by its key, or only counts.
pub(super) fn is_look_up(text: &StatementText) -> bool {
    let Some(shape) = &text.shape else { return false };
    let by_key = shape
        .filters
        .iter()
        .any(|filter| filter.operator == FilterOperator::Equal && is_key(&filter.column));
    by_key || matches!(shape.projection, Projection::Count | Projection::Aggregate)
}

/// Columns that name one row: `id`, `uuid`, `slug`, `key`.
fn is_key(column: &str) -> bool {
    let column = flat(column);
    matches!(
        column.as_str(),
        "id" | "pk" | "uuid" | "guid" | "key" | "slug" | "name" | "email" | "token"
    )
}

/// `customer` of `customer_id`, `customerId` and `CustomerID`.
fn key_base(column: &str) -> Option<String> {
    let flat = flat(column);
    let base = flat.strip_suffix("id")?;
    (!base.is_empty()
        && (column.contains('_') || column.chars().any(char::is_uppercase) || 2 < base.len()))
    .then(|| base.to_owned())
}

fn holds_key_to(list: &StatementText, table: &str) -> bool {
    let text = list.text.strip_prefix("select ").unwrap_or_default();
    let columns = text.split(" from ").next().unwrap_or_default();
    // Of `*` nothing can be told; that it holds the key is likelier than not.
    if columns.contains('*') {
        return true;
    }
    columns.split(',').any(|item| {
        let column = item.trim().split(' ').next().and_then(|name| name.rsplit('.').next());
        column.and_then(key_base).is_some_and(|base| points_at(&base, table))
    })
}

/// Whether a foreign key named `base` points at `table`, whatever its plural and prefix.
fn points_at(base: &str, table: &str) -> bool {
    let one = |name: &str| {
        let name = flat(name);
        let stem = name.strip_suffix("ies").map(|stem| format!("{stem}y"));
        stem.unwrap_or_else(|| name.trim_end_matches("es").trim_end_matches('s').to_owned())
    };
    let (base, table) = (one(base), one(table));
    !base.is_empty() && (table.ends_with(&base) || base.ends_with(&table))
}

fn flat(name: &str) -> String {
    name.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}
