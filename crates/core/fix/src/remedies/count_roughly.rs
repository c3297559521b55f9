//! Count roughly, up to a cap, or not at all.

use model::{Finding, Framework, Proof};

use super::snippets::{python, snippet, table};
use crate::{
    Hint, Remedy, database,
    dialect::{Dialect, dialect},
};

pub(super) static COUNT_ROUGHLY: Remedy = Remedy {
    name: "count-roughly",
    title: "show an estimate, a capped count, or no total",
    answers: &["exact-count"],
    proofs: &[Proof::Rehearsal, Proof::BeforeAfter],
    advise,
};

fn advise(finding: &Finding) -> Option<Hint> {
    let table = table(finding);
    let dialect = dialect(finding);
    let narrow = finding
        .evidence
        .statement
        .as_ref()
        .and_then(|text| text.shape.as_ref())
        .is_some_and(|shape| !shape.filters.is_empty() || shape.filters_more);
    let estimate =
        if narrow { None } else { of_database(finding).or_else(|| dialect.estimate(table)) };
    let estimate = estimate.or_else(|| dialect.capped_count(table));
    let django = finding.frameworks.contains(&Framework::Django);
    let snippet = match estimate {
        Some(estimate) if django && dialect != Dialect::Mongo => python(format!(
            "class EstimatedPaginator(Paginator):\n    @cached_property\n    def count(self):\n        with connection.cursor() as cursor:\n            cursor.execute(\"{}\")\n            return cursor.fetchone()[0]",
            estimate.split(';').next().unwrap_or_default().replace('"', "\\\"")
        )),
        Some(estimate) => snippet(dialect.language(), estimate),
        None => None,
    };
    let text = format!(
        "Show about how many rows of {table} there are, or count up to a cap, or page without a total. Keep exact \
         counts for where they are owed.{}",
        error(finding)
    );
    Some(Hint { text, snippet, change: None })
}

/// The estimate by the table's own name and schema, which cannot be mistaken for another's.
fn of_database(finding: &Finding) -> Option<String> {
    let table = database::known(finding)?.table.as_ref()?;
    let name = sql::literal(&sql::qualified(table));
    Some(format!("SELECT reltuples::bigint FROM pg_class WHERE oid = {name}::regclass;"))
}

/// How far off the estimate is now, where the server's figures tell.
fn error(finding: &Finding) -> String {
    let figures =
        database::known(finding).map(|known| known.figures.as_slice()).unwrap_or_default();
    let told = figures.iter().find(|(label, _)| label == "estimate");
    told.map_or_else(String::new, |(_, value)| format!(" The estimate is {value}."))
}
