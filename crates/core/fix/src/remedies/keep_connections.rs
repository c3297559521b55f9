//! Keep database connections open.

use model::{Finding, Framework, Proof};

use super::snippets::{Layer, layer, python, snippet};
use crate::{Hint, Remedy};

pub(super) static KEEP_CONNECTIONS: Remedy = Remedy {
    name: "keep-connections",
    title: "keep database connections open and share them",
    answers: &["connection-churn"],
    proofs: &[Proof::Load, Proof::BeforeAfter],
    advise,
};

fn advise(finding: &Finding) -> Option<Hint> {
    let snippet = match layer(finding) {
        Layer::Django => python(
            "DATABASES[\"default\"][\"CONN_MAX_AGE\"] = 600  # or OPTIONS: {\"pool\": True} with psycopg 3",
        ),
        Layer::SqlAlchemy => python(
            "engine = create_engine(url, pool_size=10, pool_pre_ping=True)  # one for the whole process, not one a request",
        ),
        Layer::Rails => snippet("yaml", "pool: <%= ENV.fetch(\"RAILS_MAX_THREADS\", 5) %>"),
        _ if finding.frameworks.contains(&Framework::NodePostgres) => snippet(
            "javascript",
            "const pool = new Pool({ max: 10 });  // once, at start; then pool.query(...)",
        ),
        _ => None,
    };
    let text =
        "Open connections once and keep them: a pool in the service, or a pooler in front of the \
                database if there are many processes."
            .to_owned();
    Some(Hint { text, snippet, change: None })
}
