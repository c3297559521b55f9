//! ClickHouse, where one machine is outgrown.

use std::fmt;

use crate::table::{Kind, Setting, setting};

/// The environment variable with the password.
pub(crate) const PASSWORD: &str = "TAUT_CLICKHOUSE_PASSWORD";

/// Where what is cold is kept, if not in the folder.
#[derive(Clone, PartialEq, Eq)]
pub struct ClickHouse {
    /// The address of its HTTP interface; `None` for the folder alone.
    pub url: Option<String>,
    /// The database.
    pub database: String,
    /// The user.
    pub user: String,
    /// Their password, of the environment.
    pub password: String,
    /// How tables are laid out.
    pub tables: ClickHouseTables,
    /// The cluster, if tables are on more than the server.
    pub cluster: String,
}

/// How tables are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClickHouseTables {
    /// On the server alone.
    Single,
    /// Each row on several servers.
    Replicated,
    /// Rows spread over shards.
    Sharded,
    /// Rows spread over shards, each on several servers.
    ShardedReplicated,
}

/// Without the password.
impl fmt::Debug for ClickHouse {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { url, database, user, password: _, tables, cluster } = self;
        write!(out, "ClickHouse({url:?} {database} {user} {tables:?} {cluster})")
    }
}

impl ClickHouseTables {
    pub(crate) fn of(word: &str) -> Self {
        match word {
            "replicated" => Self::Replicated,
            "sharded" => Self::Sharded,
            "sharded-replicated" => Self::ShardedReplicated,
            _ => Self::Single,
        }
    }
}

/// The settings of `[store.clickhouse]`.
pub(crate) const SETTINGS: &[Setting] = &[
    setting(
        "store.clickhouse.url",
        Kind::ServerOrOff,
        "\"off\"",
        "Where spans, log records and metrics go once they are not the newest any more: ClickHouse's HTTP interface, such as \
         `https://clickhouse:8443`. The password comes from `TAUT_CLICKHOUSE_PASSWORD`.",
        "A folder needs no server; one machine keeps some hundred million spans with ease.",
    ),
    setting(
        "store.clickhouse.database",
        Kind::Name,
        "\"taut\"",
        "The database that the tables are made in.",
        "A name of its own, so that it can be granted and dropped as a whole.",
    ),
    setting(
        "store.clickhouse.user",
        Kind::Name,
        "\"default\"",
        "The user that asks and inserts.",
        "The one that every server has.",
    ),
    setting(
        "store.clickhouse.tables",
        Kind::Choice(&["single", "replicated", "sharded", "sharded-replicated"]),
        "\"single\"",
        "Whether tables are on the server alone, on several for safety, or spread over several for size. It holds for tables \
         that are made; those that are there stay as they are.",
        "One server of ClickHouse holds billions of spans.",
    ),
    setting(
        "store.clickhouse.cluster",
        Kind::Name,
        "\"default\"",
        "The cluster, as `system.clusters` names it, that tables are made on unless they are `single`.",
        "What ClickHouse calls a cluster that nobody named.",
    ),
];
