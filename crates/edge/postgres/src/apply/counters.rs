//! What the server counted of the statements and indexes that a change is about, at one moment: read before and after,
//! the difference tells what the change did.

use std::collections::BTreeSet;

use model::{Moment, StatementKind, database::TableName};

use super::{
    ApplyError,
    error::{Said, read},
    session::moment,
};
use crate::{Connection, Limits, Target, connect};

/// Statements beside those that the change is for: those of the same tables that take most time. More would be noise.
const OTHERS_MAX: usize = 50;

/// Texts that are looked through for them; the rest takes no time worth comparing.
const TEXTS_MAX: i64 = 1_000;

/// Counters of one moment.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Counters {
    /// By the server's clock.
    pub time: Moment,
    /// Since when statements are counted (14+); the epoch if unknown.
    pub since: Moment,
    /// By time of all runs, longest first.
    pub statements: Vec<StatementCounters>,
    /// `idx_scan` of each index that is there.
    pub indexes: Vec<(String, u64)>,
    /// What could not be read, for people.
    pub notes: Vec<String>,
}

/// What `pg_stat_statements` counted of a statement, over all users.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StatementCounters {
    /// `queryid`
    pub query_id: i64,
    /// The statement, without literals.
    pub text: String,
    /// Runs.
    pub calls: u64,
    /// Time of all runs, in milliseconds.
    pub total_millis: f64,
    /// Sum of the squares of their times.
    pub square_millis: f64,
    /// Rows returned or changed.
    pub rows: u64,
    /// Shared blocks found in the buffers or read.
    pub blocks: u64,
    /// Bytes of WAL.
    pub wal_bytes: u64,
}

/// Reads the counters of these statements, of others on the same tables, and of these indexes.
///
/// # Errors
///
/// No connection. What may not be read is noted and left out.
pub async fn counters(
    target: &Target,
    query_ids: &[i64],
    indexes: &[(TableName, String)],
) -> Result<Counters, ApplyError> {
    let connection = connect(target, &Limits::default()).await?;
    let row = connection
        .query_one("select /* taut */ (extract(epoch from clock_timestamp()) * 1000000)::int8", &[])
        .await
        .map_err(read("the server's clock"))?;
    let mut counters = Counters { time: moment(row.get(0)), ..Counters::default() };
    let tables: BTreeSet<&str> = indexes.iter().map(|(table, _)| table.name.as_str()).collect();
    if let Err(error) = statements(&connection, query_ids, &tables, &mut counters).await {
        let said = Said::of(&error).message;
        counters.notes.push(format!("statements are not compared: {said}"));
    }
    for (table, name) in indexes {
        let scans = connection
            .query_opt(
                "select /* taut */ coalesce(sum(idx_scan), 0)::int8 from pg_catalog.pg_stat_all_indexes
                 where indexrelid in (select to_regclass($1::text)::oid union all
                                      select relid from pg_partition_tree(to_regclass($1::text)))
                 having count(*) > 0",
                &[&sql::qualified(&TableName::new(&table.schema, name))],
            )
            .await
            .map_err(read("how often an index is used"))?;
        if let Some(row) = scans {
            let scans = u64::try_from(row.get::<_, i64>(0)).unwrap_or(0);
            counters.indexes.push((name.clone(), scans));
        }
    }
    Ok(counters)
}

/// Statements that look for rows of a table, most time first: what an index that somebody asks for may be for.
///
/// # Errors
///
/// No connection.
pub async fn statements_of(
    target: &Target,
    table: &TableName,
    limit: usize,
) -> Result<Vec<(i64, String)>, ApplyError> {
    let connection = connect(target, &Limits::default()).await?;
    let mut counters = Counters::default();
    let tables = BTreeSet::from([table.name.as_str()]);
    // Without statistics there is nothing to compare, which is told when that is tried.
    drop(statements(&connection, &[], &tables, &mut counters).await);
    // An index is for those that look for rows; those that bring them pay for it.
    let looks = |counted: &StatementCounters| {
        let kind = sql::describe(&sql::normalise(&counted.text)).kind;
        matches!(kind, StatementKind::Select | StatementKind::Update | StatementKind::Delete)
    };
    let looking = counters.statements.into_iter().filter(looks).take(limit);
    Ok(looking.map(|counted| (counted.query_id, counted.text)).collect())
}

async fn statements(
    connection: &Connection,
    query_ids: &[i64],
    tables: &BTreeSet<&str>,
    counters: &mut Counters,
) -> Result<(), tokio_postgres::Error> {
    let place = connection
        .query_opt(
            "select /* taut */ quote_ident(nspname), current_setting('server_version_num')::int4
             from pg_catalog.pg_extension e join pg_catalog.pg_namespace n on n.oid = extnamespace
             where extname = 'pg_stat_statements'",
            &[],
        )
        .await?;
    let Some(place) = place else {
        let missing = "statements are not compared: pg_stat_statements is not installed here";
        counters.notes.push(missing.to_owned());
        return Ok(());
    };
    let (schema, version): (String, i32) = (place.get(0), place.get(1));
    if 140_000 <= version {
        let sql = format!(
            "select /* taut */ (extract(epoch from stats_reset) * 1000000)::int8 from {schema}.pg_stat_statements_info"
        );
        let row = connection.query_one(&sql, &[]).await?;
        counters.since = moment(row.get::<_, Option<i64>>(0).unwrap_or(0));
    }
    let sql = format!(
        "select /* taut */ queryid, min(query), sum(calls)::int8, sum(total_exec_time)::float8,
                sum(calls * (stddev_exec_time ^ 2 + mean_exec_time ^ 2))::float8, sum(rows)::int8,
                sum(shared_blks_hit + shared_blks_read)::int8, sum(wal_bytes)::int8
         from {schema}.pg_stat_statements
         where dbid = (select oid from pg_catalog.pg_database where datname = current_database())
           and queryid is not null and query is not null
         group by queryid order by queryid = any($1) desc, 4 desc limit $2"
    );
    let ids: Vec<i64> = query_ids.to_vec();
    let mut others = 0;
    for row in connection.query(&sql, &[&ids, &TEXTS_MAX]).await? {
        let query: String = row.get(1);
        let query_id: i64 = row.get(0);
        let normalised = sql::normalise(&query);
        if !query_ids.contains(&query_id) {
            let described = sql::describe(&normalised);
            let named = |table: &model::Text| {
                let name = table.rsplit('.').next().unwrap_or(table);
                tables.contains(name)
            };
            if OTHERS_MAX <= others || !described.tables.iter().any(named) {
                continue;
            }
            others += 1;
        }
        let whole = |place: usize| u64::try_from(row.get::<_, i64>(place)).unwrap_or(0);
        counters.statements.push(StatementCounters {
            query_id,
            text: normalised.text,
            calls: whole(2),
            total_millis: row.get(3),
            square_millis: row.get(4),
            rows: whole(5),
            blocks: whole(6),
            wal_bytes: whole(7),
        });
    }
    Ok(())
}
