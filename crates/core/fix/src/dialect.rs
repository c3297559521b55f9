//! What the database at fault speaks, and how that says the few things that remedies ask for.

use model::{Finding, Framework, StatementKind};

use crate::names;

/// What a database speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// `PostgreSQL` and its kin; also what is written where nothing tells the database.
    Postgres,
    /// `MySQL` and `MariaDB`.
    MySql,
    /// SQL Server.
    MsSql,
    Sqlite,
    Oracle,
    /// No SQL at all.
    Mongo,
    /// A known database that nothing is written for.
    Other,
}

/// What the database of a finding speaks: as its spans name it, else as its statement is written.
pub(crate) fn dialect(finding: &Finding) -> Dialect {
    let system = finding.evidence.system.to_ascii_lowercase();
    let is = |known: &[&str]| known.iter().any(|known| system.contains(known));
    if is(&["postgres", "cockroach", "yugabyte", "redshift", "timescale"]) {
        Dialect::Postgres
    } else if is(&["mysql", "maria", "tidb"]) {
        Dialect::MySql
    } else if is(&["mssql", "sql_server", "sqlserver"]) {
        Dialect::MsSql
    } else if is(&["sqlite"]) {
        Dialect::Sqlite
    } else if is(&["oracle"]) {
        Dialect::Oracle
    } else if is(&["mongo", "documentdb"]) {
        Dialect::Mongo
    } else if system.is_empty() || is(&["other", "jdbc"]) {
        guess(finding)
    } else {
        Dialect::Other
    }
}

fn guess(finding: &Finding) -> Dialect {
    let evidence = &finding.evidence;
    let mut texts = evidence.statement.iter().chain(&evidence.source).map(|text| &text.text);
    if finding.frameworks.contains(&Framework::Mongoose) {
        return Dialect::Mongo;
    }
    texts
        .find_map(|text| {
            if text.contains('`') {
                Some(Dialect::MySql)
            } else if text.starts_with("select top") || text.contains(".[") {
                Some(Dialect::MsSql)
            } else {
                None
            }
        })
        .unwrap_or(Dialect::Postgres)
}

impl Dialect {
    /// A name as it has to be written: quoted if it is not all lower case.
    pub(crate) fn name(self, name: &str) -> String {
        let plain = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        match self {
            _ if plain => name.to_owned(),
            Self::MySql => format!("`{name}`"),
            Self::MsSql => format!("[{name}]"),
            _ => format!("\"{name}\""),
        }
    }

    /// The parameter at a place, counted from 1.
    pub(crate) fn parameter(self, place: usize) -> String {
        match self {
            Self::MySql | Self::Sqlite => "?".to_owned(),
            Self::MsSql => format!("@p{}", place.saturating_sub(1)),
            Self::Oracle => format!(":{place}"),
            _ => format!("${place}"),
        }
    }

    /// A comparison with all keys at once.
    pub(crate) fn any_key(self) -> String {
        match self {
            Self::Postgres => "= ANY($1)".to_owned(),
            _ => format!("IN ({}, {}, …)", self.parameter(1), self.parameter(2)),
        }
    }

    /// How to look at the plan of a statement without changing anything; `None` if it is no SQL.
    pub(crate) fn plan(self, statement: &str, kind: StatementKind) -> Option<String> {
        let reads = kind == StatementKind::Select;
        let there = "-- on a copy, with real values";
        Some(match self {
            Self::Postgres if reads => format!("EXPLAIN (ANALYZE, BUFFERS) {statement};  {there}"),
            Self::Postgres => format!(
                "BEGIN;\nEXPLAIN (ANALYZE, BUFFERS) {statement};  {there}: it does run\nROLLBACK;"
            ),
            Self::MySql if reads => format!("EXPLAIN ANALYZE {statement};  {there}"),
            Self::MySql => format!("EXPLAIN {statement};  -- the plan alone, it does not run"),
            Self::MsSql if reads => format!("SET STATISTICS XML ON;\n{statement};  {there}"),
            Self::MsSql => format!(
                "BEGIN TRANSACTION;\nSET STATISTICS XML ON;\n{statement};  {there}: it does run\nROLLBACK;"
            ),
            Self::Sqlite => format!("EXPLAIN QUERY PLAN {statement};"),
            Self::Oracle => {
                format!("EXPLAIN PLAN FOR {statement};\nSELECT * FROM TABLE(dbms_xplan.display);")
            }
            Self::Mongo | Self::Other => return None,
        })
    }

    /// How to build an index beside the traffic; `suffix` follows each column (` DESC`). `None` if nothing
    /// is written for the database.
    pub(crate) fn index(self, table: &str, columns: &[String], suffix: &str) -> Option<String> {
        let flat: Vec<String> = columns.iter().map(|column| names::snake(column)).collect();
        let name = format!("{}_{}_idx", names::snake(table), flat.join("_"));
        let list: Vec<String> =
            columns.iter().map(|column| format!("{}{suffix}", self.name(column))).collect();
        let (list, on) = (list.join(", "), self.name(table));
        Some(match self {
            Self::Postgres => format!("CREATE INDEX CONCURRENTLY {name} ON {on} ({list});"),
            Self::MySql => {
                format!("ALTER TABLE {on} ADD INDEX {name} ({list}), ALGORITHM=INPLACE, LOCK=NONE;")
            }
            Self::MsSql => format!("CREATE INDEX {name} ON {on} ({list}) WITH (ONLINE = ON);"),
            Self::Sqlite => format!("CREATE INDEX {name} ON {on} ({list});"),
            Self::Oracle => format!("CREATE INDEX {name} ON {on} ({list}) ONLINE;"),
            Self::Mongo => {
                let keys: Vec<String> =
                    columns.iter().map(|column| format!("{column}: 1")).collect();
                format!("db.{table}.createIndex({{ {} }})", keys.join(", "))
            }
            Self::Other => return None,
        })
    }

    /// About how many rows a table has, from the database's own statistics.
    pub(crate) fn estimate(self, table: &str) -> Option<String> {
        let quoted = self.name(table);
        Some(match self {
            Self::Postgres => format!(
                "SELECT reltuples::bigint FROM pg_class WHERE oid = '{quoted}'::regclass;  -- about"
            ),
            Self::MySql => format!(
                "SELECT table_rows FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = '{table}';  -- about"
            ),
            Self::MsSql => format!(
                "SELECT SUM(row_count) FROM sys.dm_db_partition_stats WHERE object_id = OBJECT_ID('{table}') AND index_id IN (0, 1);"
            ),
            Self::Oracle => format!(
                "SELECT num_rows FROM user_tables WHERE table_name = '{}';  -- as of the last statistics",
                table.to_uppercase()
            ),
            Self::Mongo => format!("db.{table}.estimatedDocumentCount()"),
            Self::Sqlite | Self::Other => return None,
        })
    }

    /// A count that stops at 1,001: "more than 1,000".
    pub(crate) fn capped_count(self, table: &str) -> Option<String> {
        let quoted = self.name(table);
        Some(match self {
            Self::Postgres | Self::MySql | Self::Sqlite => format!(
                "SELECT count(*) FROM (SELECT 1 FROM {quoted} WHERE … LIMIT 1001) t;  -- \"more than 1,000\""
            ),
            Self::MsSql => format!(
                "SELECT COUNT(*) FROM (SELECT TOP (1001) 1 AS one FROM {quoted} WHERE …) t;  -- \"more than 1,000\""
            ),
            Self::Oracle => format!(
                "SELECT count(*) FROM (SELECT 1 FROM {quoted} WHERE … FETCH FIRST 1001 ROWS ONLY) t;  -- \"more than 1,000\""
            ),
            Self::Mongo => {
                format!(
                    "db.{table}.countDocuments(filter, {{ limit: 1001 }})  // \"more than 1,000\""
                )
            }
            Self::Other => return None,
        })
    }

    /// Name of the language that snippets are in.
    pub(crate) fn language(self) -> &'static str {
        match self {
            Self::Mongo => "javascript",
            _ => "sql",
        }
    }
}
