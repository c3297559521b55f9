//! Count roughly, up to a cap, or not at all.

use model::{Finding, Framework, Proof};

use super::snippets::{python, sql, table};
use crate::{Hint, Remedy};

pub(super) static COUNT_ROUGHLY: Remedy = Remedy {
    name: "count-roughly",
    title: "show an estimate, a capped count, or no total",
    answers: &["exact-count"],
    proofs: &[Proof::Rehearsal, Proof::BeforeAfter],
    advise,
};

fn advise(finding: &Finding) -> Option<Hint> {
    let table = table(finding);
    let narrow = finding
        .evidence
        .statement
        .as_ref()
        .and_then(|text| text.shape.as_ref())
        .is_some_and(|shape| !shape.filters.is_empty() || shape.filters_more);
    let estimate = if narrow {
        format!(
            "SELECT count(*) FROM (SELECT 1 FROM {table} WHERE … LIMIT 1001) t;  -- \"more than 1,000\""
        )
    } else {
        format!("SELECT reltuples::bigint FROM pg_class WHERE oid = '{table}'::regclass;  -- about")
    };
    let django = finding.frameworks.contains(&Framework::Django);
    let snippet = if django {
        python(format!(
            "class EstimatedPaginator(Paginator):\n    @cached_property\n    def count(self):\n        with connection.cursor() as cursor:\n            cursor.execute(\"{}\")\n            return cursor.fetchone()[0]",
            estimate.split(';').next().unwrap_or_default().replace('"', "\\\"")
        ))
    } else {
        sql(estimate)
    };
    let text = format!(
        "Show about how many rows of {table} there are, or count up to a cap, or page without a total. Keep exact \
         counts for where they are owed."
    );
    Some(Hint { text, snippet })
}
