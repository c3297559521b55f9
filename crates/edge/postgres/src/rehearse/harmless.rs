//! Volatile functions that are known to change nothing that outlives a transaction.
//!
//! Everything else that is volatile is refused: whether it sets a sequence, sends a signal, takes a lock for the
//! session, writes a file, or calls another server is not for a rehearsal to find out.

/// Of the server itself: they throw dice, tell the time, measure sizes or show what is going on.
pub(super) const BUILT_IN: &[&str] = &[
    "array_sample",
    "array_shuffle",
    "bernoulli",
    "clock_timestamp",
    "currval",
    "gen_random_uuid",
    "lastval",
    "pg_blocking_pids",
    "pg_cursor",
    "pg_database_size",
    "pg_indexes_size",
    "pg_is_in_recovery",
    "pg_is_wal_replay_paused",
    "pg_last_wal_receive_lsn",
    "pg_last_wal_replay_lsn",
    "pg_last_xact_replay_timestamp",
    "pg_current_wal_flush_lsn",
    "pg_current_wal_insert_lsn",
    "pg_current_wal_lsn",
    "pg_lock_status",
    "pg_prepared_statement",
    "pg_prepared_xact",
    "pg_relation_size",
    // As long as statement_timeout lets it.
    "pg_sleep",
    "pg_sleep_for",
    "pg_sleep_until",
    "pg_table_size",
    "pg_tablespace_size",
    "pg_total_relation_size",
    "random",
    "random_normal",
    "system",
    "timeofday",
    "uuidv4",
    "uuidv7",
];

/// Of extensions: extension and function.
pub(super) const OF_EXTENSIONS: &[(&str, &str)] = &[
    ("pg_stat_statements", "pg_stat_statements"),
    ("pg_stat_statements", "pg_stat_statements_info"),
    ("pgcrypto", "gen_random_bytes"),
    ("pgcrypto", "gen_random_uuid"),
    ("pgcrypto", "gen_salt"),
    ("tsm_system_rows", "system_rows"),
    ("tsm_system_time", "system_time"),
    ("uuid-ossp", "uuid_generate_v1"),
    ("uuid-ossp", "uuid_generate_v1mc"),
    ("uuid-ossp", "uuid_generate_v4"),
];
