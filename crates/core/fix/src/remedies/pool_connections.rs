//! Share few connections among many clients.

use model::{Finding, Proof, Snippet};

use crate::{Hint, Remedy, database::known};

pub(super) static POOL_CONNECTIONS: Remedy = Remedy {
    name: "pool-connections",
    title: "put a pool in front of the database",
    answers: &["connection-exhaustion"],
    proofs: &[Proof::Load, Proof::BeforeAfter],
    advise,
};

fn advise(finding: &Finding) -> Option<Hint> {
    let known = known(finding)?;
    let size = known.figures.iter().find(|(label, _)| label == "pool that suffices");
    let size = size.and_then(|(_, value)| value.split(' ').next()).unwrap_or("20");
    let text = format!(
        "Put a pool in transaction mode in front: {size} connections carry what runs now, by Little's law (what is \
         busy on average, and three times its square root beside it). Give each service no more than its share."
    );
    let code = format!(
        "[databases]\n{database} = host=127.0.0.1 dbname={database} pool_size={size}\n[pgbouncer]\npool_mode = transaction\nmax_client_conn = 2000",
        database = known.database
    );
    Some(Hint { text, snippet: Some(Snippet { language: "ini", code }), change: None })
}
