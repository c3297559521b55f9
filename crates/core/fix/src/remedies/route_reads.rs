//! Read from where the data are fresh enough.

use model::{Finding, Proof};

use crate::{
    Hint, Remedy,
    database::{known, statements},
};

pub(super) static ROUTE_READS: Remedy = Remedy {
    name: "route-reads",
    title: "read from standbys what may be a little old, and nothing else",
    answers: &["unused-replica", "replica-lag"],
    proofs: &[Proof::Simulation, Proof::BeforeAfter],
    advise,
};

fn advise(finding: &Finding) -> Option<Hint> {
    let known = known(finding)?;
    let text = if finding.fault == "unused-replica" {
        "Send reads that may be a second old to the standby: reports, lists, searches, exports. After a user has \
         written, read from the primary until the standby has replayed that."
    } else if known.sql.iter().any(|sql| sql.contains("pg_drop_replication_slot")) {
        "If its reader is gone for good, drop the slot; bound what slots may keep with max_slot_wal_keep_size."
    } else {
        "Until the standby has caught up, read from the primary what was just written. See what replay waits for: \
         long queries there that conflict with it, or a slower disk."
    };
    let snippet = if known.sql.is_empty() {
        let lag = "SELECT application_name, replay_lag, pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn) AS bytes_behind FROM pg_stat_replication";
        statements(&[lag.to_owned()])
    } else {
        statements(&known.sql)
    };
    Some(Hint { text: text.to_owned(), snippet, change: None })
}
