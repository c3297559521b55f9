//! Page by key instead of by offset.

use model::{Finding, Framework, Proof};

use super::snippets::{python, snippet, table};
use crate::{
    Hint, Remedy, database,
    dialect::{Dialect, dialect},
    rewrite,
};

pub(super) static PAGE_BY_KEY: Remedy = Remedy {
    name: "page-by-key",
    title: "page by the key of the last row instead of by offset",
    answers: &["deep-offset"],
    proofs: &[Proof::Rehearsal, Proof::BeforeAfter],
    advise,
};

fn advise(finding: &Finding) -> Option<Hint> {
    if let Some(hint) = database::known(finding).and_then(of_database) {
        return Some(hint);
    }
    let dialect = dialect(finding);
    let text = finding.evidence.statement.as_ref();
    let mut keys: Vec<String> = text
        .and_then(|text| text.shape.as_ref())
        .map(|shape| shape.order_by.iter().map(ToString::to_string).collect())
        .unwrap_or_default();
    if !keys.last().is_some_and(|key| key.eq_ignore_ascii_case("id")) {
        // The last key makes the order total; it is written as the others are.
        let is_pascal = keys.iter().any(|key| key.starts_with(|first: char| first.is_uppercase()));
        keys.push(if is_pascal { "Id" } else { "id" }.to_owned());
    }
    let order = text.and_then(|text| text.text.rsplit_once(" order by "));
    let descends = order.is_none_or(|(_, order)| order.contains(" desc"));
    let is_django = finding.frameworks.contains(&Framework::DjangoRest)
        || finding.frameworks.contains(&Framework::Django);
    let snippet = if is_django {
        let sign = if descends { "-" } else { "" };
        let ordering: Vec<String> = keys.iter().map(|key| format!("\"{sign}{key}\",")).collect();
        python(format!(
            "class Page(CursorPagination):  # Django REST framework; pages by key\n    ordering = ({})\n    page_size = 20",
            ordering.join(" ")
        ))
    } else {
        page(dialect, table(finding), &keys, descends)
            .and_then(|code| snippet(dialect.language(), code))
    };
    let list = keys.join(", ");
    let text = format!(
        "Ask for what comes after the last row of the page before, by ({list}): the same cost at any depth."
    );
    Some(Hint { text, snippet, change: None })
}

/// Where the database told the whole statement and the key: the statement itself, written another way, and its index.
fn of_database(known: &model::DatabaseEvidence) -> Option<Hint> {
    let key: Vec<&str> = known.key.iter().map(model::Text::as_str).collect();
    let page = rewrite::keyset(&known.generic, &key)?;
    let change = database::index_change(known);
    let mut code = vec![page.sql];
    code.extend(known.proposed.iter().map(|index| index.ddl.clone()));
    let index =
        if known.proposed.is_empty() { "" } else { " It wants the index that is created here." };
    let text = format!(
        "Ask for what comes after the last row of the page before: the same cost at any depth. {}.{index}",
        page.note
    );
    Some(Hint { text, snippet: database::statements(&code), change })
}

/// The statement of one page, and the index that it wants; the primary key has one already.
fn page(dialect: Dialect, table: &str, keys: &[String], descends: bool) -> Option<String> {
    let suffix = if descends { " DESC" } else { "" };
    let sign = if descends { "<" } else { ">" };
    let names: Vec<String> = keys.iter().map(|key| dialect.name(key)).collect();
    let order: Vec<String> = names.iter().map(|name| format!("{name}{suffix}")).collect();
    let order = order.join(", ");
    let from = dialect.name(table);
    let query = match dialect {
        Dialect::Mongo => {
            let (compare, way) = if descends { ("$lt", -1) } else { ("$gt", 1) };
            return Some(format!(
                "db.{table}.find({{ _id: {{ {compare}: last }} }}).sort({{ _id: {way} }}).limit(20)"
            ));
        }
        Dialect::Other => return None,
        Dialect::MsSql => format!(
            "SELECT TOP (20) … FROM {from} WHERE {} ORDER BY {order};",
            spelt_out(dialect, &names, sign)
        ),
        // It has row values, but does not search its indices by them.
        Dialect::MySql => format!(
            "SELECT … FROM {from} WHERE {} ORDER BY {order} LIMIT 20;",
            spelt_out(dialect, &names, sign)
        ),
        Dialect::Oracle => format!(
            "SELECT … FROM {from} WHERE {} ORDER BY {order} FETCH FIRST 20 ROWS ONLY;",
            spelt_out(dialect, &names, sign)
        ),
        Dialect::Postgres | Dialect::Sqlite => {
            let values: Vec<String> =
                (1..=keys.len()).map(|place| dialect.parameter(place)).collect();
            let (left, right) = match names.as_slice() {
                [one] => (one.clone(), values.concat()),
                _ => (format!("({})", names.join(", ")), format!("({})", values.join(", "))),
            };
            format!("SELECT … FROM {from} WHERE {left} {sign} {right} ORDER BY {order} LIMIT 20;")
        }
    };
    let index = dialect.index(table, keys, suffix).filter(|_| keys.len() > 1);
    Some(index.map_or_else(|| query.clone(), |index| format!("{query}\n{index}")))
}

/// What other databases say as `(a, id) < ($1, $2)`: `(a < @p0 OR (a = @p0 AND id < @p1))`.
fn spelt_out(dialect: Dialect, names: &[String], sign: &str) -> String {
    let any: Vec<String> = names
        .iter()
        .enumerate()
        .map(|(place, name)| {
            let mut all: Vec<String> = names
                .iter()
                .enumerate()
                .take(place)
                .map(|(place, name)| format!("{name} = {}", dialect.parameter(place + 1)))
                .collect();
            all.push(format!("{name} {sign} {}", dialect.parameter(place + 1)));
            if all.len() == 1 { all.concat() } else { format!("({})", all.join(" AND ")) }
        })
        .collect();
    if any.len() == 1 { any.concat() } else { format!("({})", any.join(" OR ")) }
}
