//! Names and texts as PostgreSQL reads them back, and the statements that create and drop indexes.

use std::borrow::Cow;

use model::{
    Text,
    database::{Index, IndexColumn, IndexKey, IndexMethod, NewIndex, Table, TableName},
};

/// Bytes of a name: `NAMEDATALEN` - 1.
pub const NAME_BYTES_MAX: usize = 63;

/// A name, quoted where it has to be: what `quote_ident` gives.
#[must_use]
pub fn identifier(name: &str) -> Cow<'_, str> {
    let plain = name.starts_with(|first: char| first.is_ascii_lowercase() || first == '_')
        && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
        && KEYWORDS.binary_search(&name).is_err();
    if plain {
        return Cow::Borrowed(name);
    }
    Cow::Owned(format!("\"{}\"", name.replace('"', "\"\"")))
}

/// A table's schema and name, each quoted where it has to be.
#[must_use]
pub fn qualified(table: &TableName) -> String {
    format!("{}.{}", identifier(&table.schema), identifier(&table.name))
}

/// A text literal, safe whatever `standard_conforming_strings` is.
#[must_use]
pub fn literal(text: &str) -> String {
    let quoted = text.replace('\'', "''");
    if quoted.contains('\\') {
        format!("E'{}'", quoted.replace('\\', "\\\\"))
    } else {
        format!("'{quoted}'")
    }
}

/// Whether writers go on while an index is built or dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Locking {
    /// `CONCURRENTLY`: they go on.
    Concurrently,
    /// They wait; possible in a transaction.
    Blocking,
}

impl Locking {
    fn word(self) -> &'static str {
        match self {
            Self::Concurrently => " CONCURRENTLY",
            Self::Blocking => "",
        }
    }
}

/// The statement that creates `index` on `table` under this name, without `;`.
#[must_use]
pub fn create_index(index: &NewIndex, table: &Table, name: &str, locking: Locking) -> String {
    let unique = if index.unique { "UNIQUE " } else { "" };
    let method = match &index.method {
        IndexMethod::Btree => String::new(),
        other => format!(" USING {}", identifier(other.as_str())),
    };
    let ordered = index.method == IndexMethod::Btree;
    let keys: Vec<String> = index.keys.iter().map(|key| key_text(key, table, ordered)).collect();
    let mut text = format!(
        "CREATE {unique}INDEX{} {} ON {}{method} ({})",
        locking.word(),
        identifier(name),
        qualified(&index.table),
        keys.join(", ")
    );
    if !index.include.is_empty() {
        let columns: Vec<String> =
            index.include.iter().map(|number| column_name(*number, table)).collect();
        text.push_str(&format!(" INCLUDE ({})", columns.join(", ")));
    }
    if !index.predicate.is_empty() {
        text.push_str(&format!(" WHERE {}", index.predicate));
    }
    text
}

/// The statement that drops an index, without `;`. It does nothing if there is none.
#[must_use]
pub fn drop_index(schema: &str, name: &str, locking: Locking) -> String {
    format!("DROP INDEX{} IF EXISTS {}.{}", locking.word(), identifier(schema), identifier(name))
}

/// An index that is there, as one that could be created.
#[must_use]
pub fn as_new(index: &Index, table: &Table) -> NewIndex {
    NewIndex {
        table: table.name.clone(),
        method: index.method.clone(),
        keys: index.keys.clone(),
        include: index.include.clone(),
        predicate: index.predicate.to_string(),
        unique: index.unique,
    }
}

/// A name for an index that says what it is on, at most 63 bytes, and none of `taken`.
#[must_use]
pub fn index_name(index: &NewIndex, table: &Table, taken: &dyn Fn(&str) -> bool) -> Text {
    let mut words = vec![plain_word(&index.table.name)];
    for key in &index.keys {
        words.push(match &key.key {
            IndexKey::Column(number) => {
                plain_word(table.column(*number).map_or("", |column| column.name.as_str()))
            }
            IndexKey::Expression(expression) => plain_word(expression),
        });
    }
    if !index.predicate.is_empty() {
        words.push("part".to_owned());
    }
    words.retain(|word| !word.is_empty());
    let stem = words.join("_");
    (0..=u32::MAX)
        .map(|turn| {
            let end = if turn == 0 { "_idx".to_owned() } else { format!("_idx{turn}") };
            let room = stem.floor_char_boundary(NAME_BYTES_MAX - end.len());
            Text::from(format!("{}{end}", stem.get(..room).unwrap_or_default()))
        })
        .find(|name| !taken(name))
        .unwrap_or_default()
}

/// What of a name can stand in another without quotes.
fn plain_word(name: &str) -> String {
    let mut word = String::new();
    for letter in name.chars() {
        if letter.is_alphanumeric() {
            word.extend(letter.to_lowercase());
        } else if !word.is_empty() && !word.ends_with('_') {
            word.push('_');
        }
    }
    word.trim_end_matches('_').to_owned()
}

fn column_name(number: i16, table: &Table) -> String {
    table.column(number).map_or_else(
        || format!("\"column {number}\""),
        |column| identifier(&column.name).into_owned(),
    )
}

fn key_text(column: &IndexColumn, table: &Table, ordered: bool) -> String {
    let mut text = match &column.key {
        IndexKey::Column(number) => column_name(*number, table),
        IndexKey::Expression(expression) => format!("({expression})"),
    };
    if !column.collation.is_empty() {
        text.push_str(&format!(" COLLATE {}", identifier(&column.collation)));
    }
    if !column.operator_class.is_empty() {
        text.push_str(&format!(" {}", identifier(&column.operator_class)));
    }
    if ordered && column.descending {
        text.push_str(" DESC");
    }
    if ordered && column.nulls_first != column.descending {
        text.push_str(if column.nulls_first { " NULLS FIRST" } else { " NULLS LAST" });
    }
    text
}

/// Words that are no names unless quoted: all of `kwlist.h` of PostgreSQL 18 but the unreserved ones,
/// sorted.
const KEYWORDS: &[&str] = &[
    "all",
    "analyse",
    "analyze",
    "and",
    "any",
    "array",
    "as",
    "asc",
    "asymmetric",
    "authorization",
    "between",
    "bigint",
    "binary",
    "bit",
    "boolean",
    "both",
    "case",
    "cast",
    "char",
    "character",
    "check",
    "coalesce",
    "collate",
    "collation",
    "column",
    "concurrently",
    "constraint",
    "create",
    "cross",
    "current_catalog",
    "current_date",
    "current_role",
    "current_schema",
    "current_time",
    "current_timestamp",
    "current_user",
    "dec",
    "decimal",
    "default",
    "deferrable",
    "desc",
    "distinct",
    "do",
    "else",
    "end",
    "except",
    "exists",
    "extract",
    "false",
    "fetch",
    "float",
    "for",
    "foreign",
    "freeze",
    "from",
    "full",
    "grant",
    "greatest",
    "group",
    "grouping",
    "having",
    "ilike",
    "in",
    "initially",
    "inner",
    "inout",
    "int",
    "integer",
    "intersect",
    "interval",
    "into",
    "is",
    "isnull",
    "join",
    "json",
    "json_array",
    "json_arrayagg",
    "json_exists",
    "json_object",
    "json_objectagg",
    "json_query",
    "json_scalar",
    "json_serialize",
    "json_table",
    "json_value",
    "lateral",
    "leading",
    "least",
    "left",
    "like",
    "limit",
    "localtime",
    "localtimestamp",
    "merge_action",
    "national",
    "natural",
    "nchar",
    "none",
    "normalize",
    "not",
    "notnull",
    "null",
    "nullif",
    "numeric",
    "offset",
    "on",
    "only",
    "or",
    "order",
    "out",
    "outer",
    "overlaps",
    "overlay",
    "placing",
    "position",
    "precision",
    "primary",
    "real",
    "references",
    "returning",
    "right",
    "row",
    "select",
    "session_user",
    "setof",
    "similar",
    "smallint",
    "some",
    "substring",
    "symmetric",
    "system_user",
    "table",
    "tablesample",
    "then",
    "time",
    "timestamp",
    "to",
    "trailing",
    "treat",
    "trim",
    "true",
    "union",
    "unique",
    "user",
    "using",
    "values",
    "varchar",
    "variadic",
    "verbose",
    "when",
    "where",
    "window",
    "with",
    "xmlattributes",
    "xmlconcat",
    "xmlelement",
    "xmlexists",
    "xmlforest",
    "xmlnamespaces",
    "xmlparse",
    "xmlpi",
    "xmlroot",
    "xmlserialize",
    "xmltable",
];

#[cfg(test)]
#[path = "quote_tests.rs"]
mod tests;
