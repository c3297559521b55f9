//! The tables of a ledger on a server, and how older ones become those of today. Their own schema, so that the database may
//! be one that has others.

use model::Moment;
use tokio_postgres::Client;

use super::{super::LedgerError, nanos, session::Broken};

/// The first number of advisory locks of the ledger: `taut` in ASCII.
pub(super) const LOCKS: i32 = 0x7461_7574;

/// Steps from one version to the next; the first one makes the tables. A step never changes once released.
const MIGRATIONS: &[&str] = &[
    "
    create table taut_ledger.remedy (
        id bigint generated always as identity primary key,
        finding text not null,
        server text not null,
        fault text not null,
        claim text not null,
        change text not null,
        statements text not null
    );
    create unique index remedy_once on taut_ledger.remedy (finding, server, md5(change));
    create table taut_ledger.entry (
        id bigint generated always as identity primary key,
        remedy bigint not null references taut_ledger.remedy (id),
        time_nanos bigint not null,
        version text not null,
        event text not null,
        token text not null unique
    );
    create index entry_by_remedy on taut_ledger.entry (remedy, id);
    create table taut_ledger.note (
        id bigint generated always as identity primary key,
        finding text not null,
        time_nanos bigint not null,
        version text not null,
        said text not null,
        token text not null unique
    );
    create index note_by_finding on taut_ledger.note (finding, id);
    create table taut_ledger.record (
        id bigint generated always as identity primary key,
        finding text,
        time_nanos bigint not null,
        version text not null,
        recorded text not null,
        token text not null unique
    );
    create function taut_ledger.refuse() returns trigger language plpgsql as
        $$ begin raise exception 'history is never rewritten'; end $$;
    create trigger never_changes before update or delete or truncate on taut_ledger.remedy
        execute function taut_ledger.refuse();
    create trigger never_changes before update or delete or truncate on taut_ledger.entry
        execute function taut_ledger.refuse();
    create trigger never_changes before update or delete or truncate on taut_ledger.note
        execute function taut_ledger.refuse();
    create trigger never_changes before update or delete or truncate on taut_ledger.record
        execute function taut_ledger.refuse();
",
    "
    create table taut_ledger.result (
        record bigint primary key references taut_ledger.record (id),
        bytes bigint not null,
        packed bytea not null
    );
    create trigger never_changes before update on taut_ledger.result
        execute function taut_ledger.refuse();
",
];

/// Brings the tables to the newest version. Several may come here at once: who is second finds it done.
pub(super) async fn prepare(client: &mut Client, by: &str, now: Moment) -> Result<(), Broken> {
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    if version(client).await? == Some(known) {
        return Ok(());
    }
    let transaction = client.transaction().await?;
    transaction.execute("select pg_advisory_xact_lock($1, 0)", &[&LOCKS]).await?;
    transaction
        .batch_execute(
            "create schema if not exists taut_ledger;
             create table if not exists taut_ledger.migration (
                 version bigint primary key, time_nanos bigint not null, by text not null
             )",
        )
        .await?;
    let newest = "select coalesce(max(version), 0) from taut_ledger.migration";
    let found: i64 = transaction.query_one(newest, &[]).await?.try_get(0)?;
    if known < found {
        return Err(LedgerError::Newer { path: "taut_ledger".into(), found, known }.into());
    }
    for (number, migration) in (1_i64..).zip(MIGRATIONS).filter(|(number, _)| found < *number) {
        transaction.batch_execute(migration).await?;
        let sql = "insert into taut_ledger.migration (version, time_nanos, by) values ($1, $2, $3)";
        transaction.execute(sql, &[&number, &nanos(now), &by]).await?;
    }
    transaction.commit().await?;
    Ok(())
}

/// `None` if there are no tables yet. Asked first, so that who may only write rows needs no right to make tables.
async fn version(client: &Client) -> Result<Option<i64>, Broken> {
    let there = "select to_regclass('taut_ledger.migration') is not null";
    if !client.query_one(there, &[]).await?.try_get::<_, bool>(0)? {
        return Ok(None);
    }
    let newest = "select max(version) from taut_ledger.migration";
    Ok(client.query_one(newest, &[]).await?.try_get(0)?)
}
