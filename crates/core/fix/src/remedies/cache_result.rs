//! Keep a computed answer for a while.

use model::{Finding, Proof, Snippet};

use super::snippets::{Layer, layer, python, snippet, sql};
use crate::{
    Hint, Remedy,
    dialect::{Dialect, dialect},
    names,
};

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
        _ => summary(dialect(finding), name, &statement.text),
    };
    let text = format!(
        "Keep the answer for a minute, with a lock so that one request computes it while the others wait or get the \
         old one; drop it when {table} is written."
    );
    Some(Hint { text, snippet, change: None })
}

/// The answer as a table of its own, refreshed now and then.
fn summary(dialect: Dialect, name: &str, text: &str) -> Option<Snippet> {
    let table = dialect.name(&format!("{name}_summary"));
    match dialect {
        Dialect::Postgres => sql(format!(
            "CREATE MATERIALIZED VIEW {table} AS\n{text};\n-- REFRESH MATERIALIZED VIEW CONCURRENTLY needs a unique index"
        )),
        Dialect::Oracle => {
            sql(format!("CREATE MATERIALIZED VIEW {table} REFRESH COMPLETE ON DEMAND AS\n{text};"))
        }
        Dialect::MySql | Dialect::Sqlite => sql(format!(
            "CREATE TABLE {table} AS\n{text};\n-- fill a new table every minute, and swap the two by RENAME"
        )),
        Dialect::Mongo => snippet(
            dialect.language(),
            format!(
                "db.{name}.aggregate([…, {{ $merge: {{ into: \"{table}\" }} }}])  // every minute"
            ),
        ),
        Dialect::MsSql | Dialect::Other => None,
    }
}
