//! Write answers down with less work.

use model::{Finding, Framework, Language, Proof, Snippet};

use super::snippets::{model, python, short_columns, snippet, sql, table};
use crate::{
    Hint, Remedy,
    dialect::{Dialect, dialect},
};

pub(super) static LEAN_SERIALIZER: Remedy = Remedy {
    name: "lean-serializer",
    title: "write answers down with less work: plain values, fewer fields, a compiled serializer",
    answers: &["heavy-serialization"],
    proofs: &[Proof::Replay, Proof::Load],
    advise,
};

fn advise(finding: &Finding) -> Option<Hint> {
    let has = |framework| finding.frameworks.contains(&framework);
    let table = table(finding);
    let class = if table == "rows" { "Model".to_owned() } else { model(finding, table) };
    let columns = short_columns(finding).unwrap_or_else(|| vec!["id".to_owned(), "…".to_owned()]);
    let each = |before: &str, after: &str| {
        let columns: Vec<String> =
            columns.iter().map(|column| format!("{before}{column}{after}")).collect();
        columns.join(", ")
    };
    let snippet = if has(Framework::Django) || has(Framework::DjangoRest) {
        python(format!(
            "rows = {class}.objects.values({})  # plain values, no model objects, no serializer\n\
             return HttpResponse(orjson.dumps(list(rows)), content_type=\"application/json\")",
            each("\"", "\"")
        ))
    } else {
        match finding.language {
            Some(Language::Python) => {
                python("return Response(orjson.dumps(rows), media_type=\"application/json\")")
            }
            Some(Language::Ruby) => snippet(
                "ruby",
                format!("rows = {class}.pluck({})  # plain values, no objects", each(":", "")),
            ),
            _ => in_database(dialect(finding), table, &columns),
        }
    };
    let text = "Give back fewer rows and fields, read plain values instead of objects for lists, and write \
                them with a compiled serializer. Profile first: often one field costs most."
        .to_owned();
    Some(Hint { text, snippet, change: None })
}

/// The database writes the JSON.
fn in_database(dialect: Dialect, table: &str, columns: &[String]) -> Option<Snippet> {
    let from = dialect.name(table);
    let names: Vec<String> = columns.iter().map(|column| dialect.name(column)).collect();
    let list = names.join(", ");
    let pairs: Vec<String> =
        columns.iter().zip(&names).map(|(key, name)| format!("'{key}', {name}")).collect();
    let pairs = pairs.join(", ");
    let note = "-- the database writes the JSON";
    match dialect {
        Dialect::Postgres => {
            sql(format!("SELECT json_agg(t) FROM (SELECT {list} FROM {from} …) t;  {note}"))
        }
        Dialect::MySql => {
            sql(format!("SELECT JSON_ARRAYAGG(JSON_OBJECT({pairs})) FROM {from} …;  {note}"))
        }
        Dialect::Sqlite => {
            sql(format!("SELECT json_group_array(json_object({pairs})) FROM {from} …;  {note}"))
        }
        Dialect::MsSql => sql(format!("SELECT {list} FROM {from} … FOR JSON PATH;  {note}")),
        Dialect::Oracle | Dialect::Mongo | Dialect::Other => None,
    }
}
