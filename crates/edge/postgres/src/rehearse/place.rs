//! Where a rehearsal takes place: what kind of server it is, what its planner goes by, which tables it has.

use super::{Ground, RehearseError, Session};

/// What the server is.
///
/// # Errors
///
/// [`RehearseError::Server`] where it does not tell.
pub async fn ground(session: &mut Session) -> Result<Ground, RehearseError> {
    const QUESTION: &str = "
        select /* taut */ pg_catalog.pg_is_in_recovery(), d.datname::text,
               pg_catalog.shobj_description(d.oid, 'pg_database')
        from pg_catalog.pg_database d where d.datname = pg_catalog.current_database()";
    let rows = session
        .question(QUESTION, &[])
        .await
        .map_err(|error| RehearseError::run("ask whether the server is a replica", error))?;
    let Some(row) = rows.first() else { return Ok(Ground::Primary) };
    let (name, comment): (String, Option<String>) = (row.get(1), row.get(2));
    Ok(if crate::clone::is_ours(&name, comment.as_deref()) {
        Ground::Clone
    } else if row.get(0) {
        Ground::Standby
    } else {
        Ground::Primary
    })
}

/// Numbers of tables, where they are there.
///
/// # Errors
///
/// [`RehearseError::Server`] where the server does not tell.
pub async fn table_numbers(
    session: &mut Session,
    tables: &[model::database::TableName],
) -> Result<Vec<u32>, RehearseError> {
    let names: Vec<String> = tables.iter().map(sql::qualified).collect();
    let sql = "select /* taut */ pg_catalog.to_regclass(name)::oid from pg_catalog.unnest($1::text[]) name
               where pg_catalog.to_regclass(name) is not null";
    let rows = session
        .question(sql, &[&names])
        .await
        .map_err(|error| RehearseError::run("look for tables", error))?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Settings that the planner decides by, and `search_path`, as a session of this role has them: a clone on another server
/// is to plan as its original would.
///
/// # Errors
///
/// [`RehearseError::Server`] where it does not tell.
pub async fn settings(session: &mut Session) -> Result<Vec<(String, String)>, RehearseError> {
    const SETTINGS: &str = "
        select /* taut */ name, setting || case when unit in ('kB', 'MB', 'ms', 's', 'min') then unit else '' end
        from pg_catalog.pg_settings
        where name = any($1) and context = 'user' order by name";
    const NAMES: &[&str] = &[
        "cpu_index_tuple_cost",
        "cpu_operator_cost",
        "cpu_tuple_cost",
        "effective_cache_size",
        "from_collapse_limit",
        "hash_mem_multiplier",
        "join_collapse_limit",
        "max_parallel_workers_per_gather",
        "parallel_setup_cost",
        "parallel_tuple_cost",
        "random_page_cost",
        "search_path",
        "seq_page_cost",
        "work_mem",
    ];
    let rows = session
        .question(SETTINGS, &[&NAMES])
        .await
        .map_err(|error| RehearseError::run("read the planner's settings", error))?;
    // Blocks (`8kB`) are a unit that a setting is counted in, but none that it can be given in.
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}
