//! Keep a computed answer for a while.

use model::{Finding, Proof};

use super::snippets::{Layer, layer, python, snippet, sql};
use crate::{Hint, Remedy, names};

pub(super) static CACHE_RESULT: Remedy = Remedy {
    name: "cache-result",
    title: "keep a computed answer for a while",
    answers: &["uncached-work"],
    proofs: &[Proof::Simulation, Proof::BeforeAfter],
    advise,
};

fn advise(finding: &Finding) -> Option<Hint> {
    let statement = finding.evidence.statement.as_ref()?;
    let table = super::snippets::table(finding);
    let name = names::bare(table);
    let snippet = match layer(finding) {
        Layer::Django => python(format!(
            "rows = cache.get_or_set(\"{name}:v1\", compute, timeout=60)  # django.core.cache; delete on write"
        )),
        Layer::Rails => snippet(
            "ruby",
            format!(
                "Rails.cache.fetch(\"{name}/v1\", expires_in: 1.minute, race_condition_ttl: 10.seconds) {{ compute }}"
            ),
        ),
        Layer::Hibernate => {
            snippet("java", format!("@Cacheable(cacheNames = \"{name}\", sync = true)"))
        }
        Layer::Laravel => {
            snippet("php", format!("Cache::remember('{name}', 60, fn () => compute());"))
        }
        _ => sql(format!(
            "CREATE MATERIALIZED VIEW {name}_summary AS\n{};\n-- REFRESH MATERIALIZED VIEW CONCURRENTLY needs a unique index",
            statement.text
        )),
    };
    let text = format!(
        "Keep the answer for a minute, with a lock so that one request computes it while the others wait or get the \
         old one; drop it when {table} is written."
    );
    Some(Hint { text, snippet })
}
