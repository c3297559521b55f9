//! What is observed beside what is sent: databases, and Taut itself.

use std::{path::PathBuf, time::Duration};

use crate::{DatabaseUrl, PostgresEnvironment, table::Kind, table::Setting, table::setting};

/// How PostgreSQL is watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservePostgres {
    /// Databases that are watched.
    pub urls: Vec<DatabaseUrl>,
    /// Their standbys, which tell what is read there.
    pub standbys: Vec<DatabaseUrl>,
    /// Time between two samples of sessions.
    pub sample: Duration,
    /// Time between two polls of counters.
    pub poll: Duration,
    /// Age at which catalogs are read again.
    pub catalog: Duration,
    /// For how long histories are kept.
    pub keep: Duration,
    /// Tables of a database that are read, the largest first.
    pub tables_max: u32,
    /// The server's log, which is followed; `None` if it is not.
    pub log: Option<PathBuf>,
    /// What addresses leave open.
    pub environment: PostgresEnvironment,
}

const SECOND: Duration = Duration::from_secs(1);

/// The settings of `[observe.postgres]` and `[observe.self]`.
pub(crate) const SETTINGS: &[Setting] = &[
    setting(
        "observe.postgres.url",
        Kind::Databases,
        "[]",
        "Databases to watch, one address or a list. Passwords are never shown; `PGPASSWORD` and `.pgpass` work too.",
        "Nothing is connected to unless you say so.",
    ),
    setting(
        "observe.postgres.standbys",
        Kind::Databases,
        "[]",
        "Their standbys, which are asked what they read, so that an index in use there is not called unused.",
        "Nothing is connected to unless you say so.",
    ),
    setting(
        "observe.postgres.sample",
        Kind::Duration { min: Duration::from_millis(200), max: Duration::from_mins(1) },
        "\"1s\"",
        "Time between two looks at what sessions do.",
        "A wait of a second is seen; a look takes about a millisecond.",
    ),
    setting(
        "observe.postgres.poll",
        Kind::Duration { min: SECOND, max: Duration::from_hours(1) },
        "\"30s\"",
        "Time between two looks at counters of statements, tables and indexes.",
        "Fine enough to see a change at work, and far below a thousandth of a server's time.",
    ),
    setting(
        "observe.postgres.catalog",
        Kind::Duration { min: Duration::from_mins(1), max: Duration::from_hours(24) },
        "\"10m\"",
        "Age at which catalogs and column statistics are read again though nothing seems to have changed.",
        "Sizes and statistics change slowly; changes of schema are noticed at the next poll.",
    ),
    setting(
        "observe.postgres.keep",
        Kind::Duration { min: Duration::from_mins(10), max: Duration::from_hours(24 * 7) },
        "\"1d\"",
        "For how long histories of load, statements, tables, indexes, connections and replication are kept.",
        "A day holds its own peak; at the usual interval it takes 20 to 40 MB of memory a database, as many on disk.",
    ),
    setting(
        "observe.postgres.tables-max",
        Kind::Count { min: 1, max: 100_000 },
        "2000",
        "Tables that are read, the largest first.",
        "More than most databases have; each costs some ten microseconds a poll.",
    ),
    setting(
        "observe.postgres.log",
        Kind::FileOrOff,
        "\"off\"",
        "The server's log, which is followed for plans, lock waits, temporary files, cancelled statements, checkpoints and autovacuum; `off` for none.",
        "Taut often runs elsewhere than the server.",
    ),
    setting(
        "observe.self.endpoint",
        Kind::CollectorOrOff,
        "\"off\"",
        "Where spans of Taut's own work are sent, as OTLP over HTTP: the address of a collector, or `self` to have Taut observe itself; `off` for nowhere.",
        "Figures at `/metrics` are enough for most.",
    ),
];
