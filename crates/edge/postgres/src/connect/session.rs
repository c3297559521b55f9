//! What holds for a session, and how it is told: as start-up options, so that no statement has to set anything.
//!
//! A pooler that lends out server sessions by the transaction (`PgBouncer`, RDS Proxy) refuses such options or passes
//! them over. It must never be sent a `SET`: that would stay with a session which others are given next, whose
//! writes would then fail. There each question is a transaction with limits of its own.

use tokio_postgres::{Client, Config, Row, types::ToSql, types::Type};

use super::Limits;

/// An open transaction of a dead client is ended after this time, in milliseconds.
const IDLE_MILLIS: u32 = 60_000;

/// Says whether the options were heeded; then, what is not to be the default of the session.
const CHECK: &str = "select /* taut */ current_setting('taut.limits', true) = 'on', \
    case when current_setting('taut.limits', true) = 'on' then set_config('jit', 'off', false) end";

fn settings(limits: &Limits) -> [(&'static str, String); 4] {
    [
        ("statement_timeout", limits.statement.as_millis().to_string()),
        ("lock_timeout", limits.lock.as_millis().to_string()),
        ("idle_in_transaction_session_timeout", IDLE_MILLIS.to_string()),
        ("default_transaction_read_only", if limits.read_only { "on" } else { "off" }.to_owned()),
    ]
}

/// The same address, with what holds for the session.
pub(super) fn limited(config: &Config, limits: &Limits) -> Config {
    let mut options = config.get_options().unwrap_or_default().to_owned();
    for (name, value) in settings(limits) {
        options.push_str(&format!(" -c {name}={value}"));
    }
    options.push_str(" -c taut.limits=on");
    let mut config = config.clone();
    config.options(options.trim_start());
    config
}

/// Whether a refusal is about start-up options: servers take them, poolers do not.
pub(super) fn is_about_options(error: &tokio_postgres::Error) -> bool {
    error.as_db_error().is_some_and(|said| {
        let message = said.message().to_ascii_lowercase();
        message.contains("startup parameter") || message.contains("command-line options")
    })
}

/// Whether the session has the limits that it was opened with.
pub(super) async fn has_limits(client: &Client) -> Result<bool, tokio_postgres::Error> {
    let rows = client.query_typed(CHECK, &[]).await?;
    Ok(rows.first().and_then(|row| row.get::<_, Option<bool>>(0)).unwrap_or(false))
}

/// Asks in a transaction of its own that has the limits for itself, and leaves nothing behind.
pub(super) async fn ask_alone(
    client: &Client,
    limits: &Limits,
    sql: &str,
    parameters: &[(&(dyn ToSql + Sync), Type)],
) -> Result<Vec<Row>, tokio_postgres::Error> {
    let mode = if limits.read_only { "read only" } else { "read write" };
    let mut set: Vec<String> = settings(limits)
        .iter()
        .filter(|(name, _)| !name.starts_with("default_"))
        .map(|(name, value)| format!("set_config('{name}', '{value}', true)"))
        .collect();
    set.push("set_config('jit', 'off', true)".to_owned());
    let begin = format!("begin /* taut */ {mode}; select /* taut */ {}", set.join(", "));
    client.batch_execute(&begin).await?;
    let answer = client.query_typed(sql, parameters).await;
    // After an error this ends the transaction all the same.
    let ended = client.batch_execute("commit /* taut */").await;
    let rows = answer?;
    ended?;
    Ok(rows)
}
