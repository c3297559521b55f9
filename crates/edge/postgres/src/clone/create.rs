//! Creating and dropping the database of a clone, and finding those that somebody left behind.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, SystemTime},
};

use serde_json::Value;
use tokio_postgres::{Client, Transaction};

use super::{
    CloneError,
    name::{MARK, is_ours, made_at, name},
};
use crate::connect::{Limits, Target, connect};

/// What every clone has as its connection limit: a mark that comes with the database itself, before there can be a
/// comment on it. Nobody else chooses it, and no server has as many connections.
const LIMIT_MARK: i32 = 1_413_567_828;
/// Dropping a database waits for a checkpoint.
const DROP_MAX: Duration = Duration::from_mins(5);

/// A clone on a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftover {
    /// Its name.
    pub name: String,
    /// When it was made.
    pub made_at: SystemTime,
    /// Somebody is connected to it, or makes it.
    pub in_use: bool,
}

/// Clones that lie on a server, oldest first.
///
/// # Errors
///
/// When the server cannot be reached, or does not tell.
pub async fn leftovers(scratch: &Target) -> Result<Vec<Leftover>, CloneError> {
    let client = connect(scratch, &Limits::default()).await?;
    list(&client).await
}

/// Drops clones that nobody uses and that are older than `age`; returns their names.
///
/// # Errors
///
/// When the server cannot be reached, or does not drop one.
pub async fn drop_leftovers(
    scratch: &Target,
    age: Duration,
    now: SystemTime,
) -> Result<Vec<String>, CloneError> {
    let mut dropped = Vec::new();
    for one in leftovers(scratch).await? {
        let is_old = now.duration_since(one.made_at).is_ok_and(|passed| passed >= age);
        if is_old && !one.in_use {
            drop_database(scratch, &one.name).await?;
            dropped.push(one.name);
        }
    }
    Ok(dropped)
}

/// As [`drop_leftovers`] before a new clone is made: what it did, and what it could not do, as notes.
pub(super) async fn tidy(scratch: &Target, home: &Client, now: SystemTime) -> Vec<String> {
    let mut notes = unmarked(home).await;
    let Ok(found) = list(home).await else { return notes };
    if found.iter().all(|one| one.in_use) {
        return notes;
    }
    // Whoever makes or uses one holds its lock or a connection to it: what nobody holds was left behind.
    match drop_leftovers(scratch, Duration::ZERO, now).await {
        Ok(names) => notes.extend(
            names.iter().map(|name| format!("dropped `{name}`, left behind by a run before")),
        ),
        Err(error) => notes.push(format!("clones of runs before are still there: {error}")),
    }
    notes
}

/// Databases that are named as a clone, are used by nobody, and do not say that they are ours: most likely somebody
/// else's. They are only told of.
async fn unmarked(home: &Client) -> Vec<String> {
    const UNMARKED: &str = "
        select /* taut */ d.datname::text from pg_catalog.pg_database d
        where d.datname like 'taut\\_clone\\_%'
          and pg_catalog.shobj_description(d.oid, 'pg_database') is null and d.datconnlimit <> $1
          and not exists (select from pg_catalog.pg_stat_activity a where a.datid = d.oid)
        order by 1";
    let rows = home.query(UNMARKED, &[&LIMIT_MARK]).await.unwrap_or_default();
    let names = rows.iter().map(|row| row.get::<_, String>(0));
    names
        .filter(|name| made_at(name).is_some())
        .map(|name| {
            format!(
                "`{name}` is named as a clone and bears no mark of one: DROP DATABASE {} if nobody needs it",
                sql::identifier(&name)
            )
        })
        .collect()
}

async fn list(client: &Client) -> Result<Vec<Leftover>, CloneError> {
    const CLONES: &str = "
        select /* taut */ d.datname::text,
               case d.datconnlimit when $1 then $2 else pg_catalog.shobj_description(d.oid, 'pg_database') end,
               exists (select from pg_catalog.pg_stat_activity a where a.datid = d.oid)
               or exists (select from pg_catalog.pg_locks l where l.locktype = 'advisory' and l.granted
                          and (l.classid::bigint << 32 | l.objid::bigint)
                              = pg_catalog.hashtextextended(d.datname::text collate \"C\", 0))
        from pg_catalog.pg_database d where d.datname like 'taut\\_clone\\_%' order by 1";
    let rows = client
        .query(CLONES, &[&LIMIT_MARK, &MARK])
        .await
        .map_err(|error| CloneError::of("list clones", error))?;
    let clones = rows.iter().filter_map(|row| {
        let (name, comment): (String, Option<String>) = (row.get(0), row.get(1));
        let made_at = made_at(&name).filter(|_| is_ours(&name, comment.as_deref()))?;
        Some(Leftover { name, made_at, in_use: row.get(2) })
    });
    Ok(clones.collect())
}

/// Drops a clone, whoever is connected to it.
pub(super) async fn drop_database(scratch: &Target, name: &str) -> Result<(), CloneError> {
    let limits = Limits { statement: DROP_MAX, lock: Duration::from_secs(10), read_only: false };
    let client = connect(scratch, &limits).await?;
    client
        .batch_execute(&format!("drop database if exists {} with (force)", sql::identifier(name)))
        .await
        .map_err(|error| CloneError::of(format!("drop the database `{name}`"), error))
}

/// What tells one server from another: when it started, to the microsecond, and whether it is a replica.
pub(super) async fn identity(client: &Client) -> Result<(String, bool), CloneError> {
    let question = "select /* taut */ pg_catalog.pg_postmaster_start_time()::text, pg_catalog.pg_is_in_recovery()";
    let row = client
        .query_one(question, &[])
        .await
        .map_err(|error| CloneError::of("tell one server from the other", error))?;
    Ok((row.get(0), row.get(1)))
}

/// Creates an empty database in the encoding and locale of the source; returns its name.
pub(super) async fn create(
    source: &Transaction<'_>,
    home: &Client,
    now: SystemTime,
    notes: &mut Vec<String>,
) -> Result<String, CloneError> {
    const LIKE: &str = "
        select /* taut */ pg_catalog.pg_encoding_to_char(encoding)::text, datcollate::text, datctype::text,
               pg_catalog.to_jsonb(d)::text
        from pg_catalog.pg_database d where datname = pg_catalog.current_database()";
    // Two runs in one second of one process differ by the count, those of two processes by their id.
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = name(now, (u64::from(std::process::id()) << 16) | (count & 0xffff));
    // Held as long as `home` lives, which is until somebody is connected to the clone: nobody takes it for a leftover.
    let lock = "select /* taut */ pg_catalog.pg_advisory_lock(pg_catalog.hashtextextended($1::text collate \"C\", 0))";
    home.query(lock, &[&name])
        .await
        .map_err(|error| CloneError::of("take the lock of the clone", error))?;
    let row = source
        .query_one(LIKE, &[])
        .await
        .map_err(|error| CloneError::of("read the locale of the database", error))?;
    let (encoding, collate, ctype): (String, String, String) = (row.get(0), row.get(1), row.get(2));
    let all: Value = serde_json::from_str(row.get(3)).unwrap_or_default();
    let literal = |text: &str| sql::literal(text);
    let plain = format!(
        "create database {} template template0 connection limit {LIMIT_MARK} encoding {}",
        sql::identifier(&name),
        literal(&encoding)
    );
    let located = format!("{plain} lc_collate {} lc_ctype {}", literal(&collate), literal(&ctype));
    let provided = match (
        all["datlocprovider"].as_str(),
        all["datlocale"].as_str().or_else(|| all["daticulocale"].as_str()),
    ) {
        (Some("i"), Some(locale)) => {
            format!("{located} locale_provider icu icu_locale {}", literal(locale))
        }
        (Some("b"), Some(locale)) => {
            format!("{located} locale_provider builtin builtin_locale {}", literal(locale))
        }
        _ => located,
    };
    if let Err(error) = home.batch_execute(&provided).await {
        if error.code() == Some(&tokio_postgres::error::SqlState::INSUFFICIENT_PRIVILEGE) {
            return Err(CloneError::of("create a database for the clone", error));
        }
        home.batch_execute(&plain)
            .await
            .map_err(|error| CloneError::of("create a database for the clone", error))?;
        notes.push(format!("the locale `{collate}` is not there: texts may sort differently"));
    }
    let comment = format!("comment on database {} is {}", sql::identifier(&name), literal(MARK));
    if let Err(error) = home.batch_execute(&comment).await {
        home.batch_execute(&format!("drop database {}", sql::identifier(&name))).await.ok();
        return Err(CloneError::of("mark the clone as ours", error));
    }
    Ok(name)
}
