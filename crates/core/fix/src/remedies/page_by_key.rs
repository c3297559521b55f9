//! Page by key instead of by offset.

use model::{Finding, Framework, Proof};

use super::snippets::{python, sql, table};
use crate::{Hint, Remedy};

pub(super) static PAGE_BY_KEY: Remedy = Remedy {
    name: "page-by-key",
    title: "page by the key of the last row instead of by offset",
    answers: &["deep-offset"],
    proofs: &[Proof::Rehearsal, Proof::BeforeAfter],
    advise,
};

fn advise(finding: &Finding) -> Option<Hint> {
    let table = table(finding);
    let shape = finding.evidence.statement.as_ref().and_then(|text| text.shape.as_ref());
    let mut keys: Vec<String> = shape
        .map(|shape| shape.order_by.iter().map(ToString::to_string).collect())
        .unwrap_or_default();
    if keys.last().map(String::as_str) != Some("id") {
        keys.push("id".to_owned());
    }
    let list = keys.join(", ");
    let places: Vec<String> = (1..=keys.len()).map(|place| format!("${place}")).collect();
    let query = format!(
        "SELECT … FROM {table} WHERE ({list}) < ({}) ORDER BY {} LIMIT 20;\n\
         CREATE INDEX CONCURRENTLY {table}_{}_idx ON {table} ({});",
        places.join(", "),
        keys.iter().map(|key| format!("{key} DESC")).collect::<Vec<_>>().join(", "),
        keys.join("_"),
        keys.iter().map(|key| format!("{key} DESC")).collect::<Vec<_>>().join(", "),
    );
    let rest = finding.frameworks.contains(&Framework::DjangoRest);
    let django = finding.frameworks.contains(&Framework::Django);
    let snippet = if rest || django {
        let first = keys.first().map_or("id", String::as_str);
        python(format!(
            "class Page(CursorPagination):  # Django REST framework; pages by key\n    ordering = (\"-{first}\", \"-id\")\n    page_size = 20"
        ))
    } else {
        sql(query)
    };
    let text = format!(
        "Ask for what comes after the last row of the page before, by ({list}): the same cost at any depth."
    );
    Some(Hint { text, snippet })
}
