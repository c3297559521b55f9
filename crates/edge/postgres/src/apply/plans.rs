//! How statements are planned now, without running them: on the very server that a change was made on.
//!
//! A text with `$1` is planned for any values (`GENERIC_PLAN` from 16 on; before, prepared under
//! `plan_cache_mode = force_generic_plan`), in a session that reads only and gives up after seconds.

use tokio_postgres::SimpleQueryMessage;

use super::{
    ApplyError,
    error::{Said, read},
};
use crate::{
    Limits, Target, connect,
    explain::{self, Form},
};

/// Statements that are planned at most: each takes milliseconds, and nobody reads more.
const STATEMENTS_MAX: usize = 50;

/// How one statement is planned.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PlanNow {
    /// `queryid`
    pub query_id: i64,
    /// The statement, with `$1` for constants.
    pub text: String,
    /// Names of the indexes that the plan uses.
    pub indexes: Vec<String>,
    /// Planned for any values of its parameters, as it has some.
    pub generic: bool,
    /// As `EXPLAIN` prints it; empty if there is none.
    pub plan: String,
    /// Why there is none; else empty.
    pub why: String,
}

/// Plans statements as they are known to `pg_stat_statements`; those that it forgot say so.
///
/// # Errors
///
/// No connection.
pub async fn plans_now(target: &Target, query_ids: &[i64]) -> Result<Vec<PlanNow>, ApplyError> {
    let query_ids = query_ids.get(..STATEMENTS_MAX).unwrap_or(query_ids);
    let texts = statement_texts(target, query_ids).await?;
    let connection = connect(target, &Limits::default()).await?;
    let row = connection
        .query_one("select /* taut */ current_setting('server_version_num')::int4 / 10000", &[])
        .await
        .map_err(read("the server's version"))?;
    let version = u32::try_from(row.get::<_, i32>(0)).unwrap_or(0);
    let mut plans = Vec::new();
    for (place, query_id) in query_ids.iter().enumerate() {
        let mut now = PlanNow { query_id: *query_id, ..PlanNow::default() };
        let Some((_, text)) = texts.iter().find(|(known, _)| known == query_id) else {
            "pg_stat_statements knows its text no more".clone_into(&mut now.why);
            plans.push(now);
            continue;
        };
        now.text.clone_from(text);
        let form = Form::of(text, place, version);
        now.generic = !matches!(form, Form::Plain(_));
        if let Err(error) = plan(&connection, &form, &mut now).await {
            now.why = Said::of(&error).message;
        }
        plans.push(now);
    }
    Ok(plans)
}

async fn plan(
    connection: &tokio_postgres::Client,
    form: &Form,
    now: &mut PlanNow,
) -> Result<(), tokio_postgres::Error> {
    if let Some(setup) = form.setup() {
        connection.batch_execute(&setup).await?;
    }
    let json = lines(connection, &form.explain("json")).await?;
    now.indexes = explain::costs(&json).map(|(_, names)| names).unwrap_or_default();
    now.indexes.sort();
    now.indexes.dedup();
    now.plan = lines(connection, &form.explain("text")).await?;
    Ok(())
}

async fn lines(
    connection: &tokio_postgres::Client,
    sql: &str,
) -> Result<String, tokio_postgres::Error> {
    let messages = connection.simple_query(sql).await?;
    let rows = messages.iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0),
        _ => None,
    });
    Ok(rows.collect::<Vec<_>>().join("\n"))
}

/// Texts of statements as `pg_stat_statements` has them, with `$1` for every constant; those that it knows.
///
/// # Errors
///
/// No connection. Without the extension there are none.
pub async fn statement_texts(
    target: &Target,
    query_ids: &[i64],
) -> Result<Vec<(i64, String)>, ApplyError> {
    let connection = connect(target, &Limits::default()).await?;
    let schema = connection
        .query_opt(
            "select /* taut */ quote_ident(nspname) from pg_catalog.pg_extension e
             join pg_catalog.pg_namespace n on n.oid = extnamespace
             where extname = 'pg_stat_statements'",
            &[],
        )
        .await
        .map_err(read("where pg_stat_statements is"))?;
    let Some(schema) = schema else { return Ok(Vec::new()) };
    let sql = format!(
        "select /* taut */ queryid, min(query) from {}.pg_stat_statements
         where dbid = (select oid from pg_catalog.pg_database where datname = current_database())
           and queryid = any($1) and query is not null group by queryid",
        schema.get::<_, String>(0)
    );
    // Not loaded, or not ours to see: then no text is known.
    let rows = connection.query(&sql, &[&query_ids]).await.unwrap_or_default();
    Ok(rows.iter().map(|row| (row.get(0), sql::generic(row.get(1)))).collect())
}
