//! What is to be cloned: tables with their sizes, and what they refer to; all of one snapshot.

use tokio_postgres::{IsolationLevel, Transaction};

use super::{CloneError, CloneOptions};
use crate::connect::Connection;

/// A table with rows of its own: partitions count as one with their parent.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Table {
    pub(super) oid: u32,
    /// Quoted, with its schema.
    pub(super) name: String,
    /// For people.
    pub(super) shown: String,
    /// As the last ANALYZE had it; `None` before the first one.
    pub(super) rows: Option<f64>,
    pub(super) bytes: u64,
    pub(super) is_partitioned: bool,
    /// Quoted names of what can be copied: everything but generated columns.
    pub(super) columns: Vec<String>,
}

/// A foreign key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    /// Places in the list of tables.
    pub(super) child: usize,
    pub(super) parent: usize,
    /// Quoted, in the same order.
    pub(super) child_columns: Vec<String>,
    pub(super) parent_columns: Vec<String>,
    /// Types of the parent's columns.
    pub(super) types: Vec<String>,
    /// One of the child's columns may be null.
    pub(super) is_optional: bool,
}

#[derive(Debug, Default)]
pub(super) struct Source {
    pub(super) tables: Vec<Table>,
    pub(super) keys: Vec<Key>,
    /// Of samples.
    pub(super) seed: u32,
}

/// Begins to read: one snapshot, names always with their schema.
pub(super) async fn begin(from: &mut Connection) -> Result<Transaction<'_>, CloneError> {
    let failed = |error| CloneError::of("begin to read the source", error);
    let transaction = from
        .client_mut()
        .build_transaction()
        .isolation_level(IsolationLevel::RepeatableRead)
        .read_only(true)
        .start()
        .await
        .map_err(failed)?;
    // While the clone works on what it was given, the source waits in its transaction. Where rows would be left out
    // silently, the server complains.
    let prepare = "set local search_path = ''; set local row_security = off; \
                   set local idle_in_transaction_session_timeout = '15min'; \
                   set local datestyle = 'ISO'; set local intervalstyle = 'postgres'; \
                   set local extra_float_digits = 3";
    transaction.batch_execute(prepare).await.map_err(failed)?;
    Ok(transaction)
}

/// Tables with their sizes and columns; of some schemas, and with the rows of some of them, if any are named.
const TABLES: &str = "
        with /* taut */ recursive wanted(oid) as (
            select coalesce(pg_catalog.pg_partition_root(n), n)::oid from pg_catalog.unnest($2::oid[]) n
            union
            select i.inhrelid from pg_catalog.pg_inherits i join wanted on i.inhparent = wanted.oid
        )
        select c.oid, pg_catalog.format('%I.%I', n.nspname, c.relname),
               n.nspname::text || '.' || c.relname::text, c.relkind = 'p',
               size.rows, coalesce(size.bytes, 0)::bigint,
               array(select pg_catalog.quote_ident(a.attname) from pg_catalog.pg_attribute a
                     where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
                       and a.attgenerated = '' order by a.attnum)
        from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
             cross join lateral (
                 select case when pg_catalog.bool_and(leaf.reltuples >= 0 and leaf.relpages > 0 or pg_catalog.pg_relation_size(leaf.oid) = 0)
                             then pg_catalog.sum(greatest(leaf.reltuples, 0)) end::float8 as rows,
                        pg_catalog.sum(pg_catalog.pg_table_size(leaf.oid)) as bytes
                 from pg_catalog.pg_class leaf
                 where leaf.relkind in ('r', 'p') and (leaf.oid = c.oid
                       or leaf.oid in (select relid from pg_catalog.pg_partition_tree(c.oid)))) size
        where c.relkind in ('r', 'p') and not c.relispartition and c.relpersistence <> 't'
          and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
          and (pg_catalog.cardinality($1::text[]) = 0 or n.nspname::text = any($1))
          and (pg_catalog.cardinality($2::oid[]) = 0 or c.oid in (select oid from wanted))
          and not exists (select from pg_catalog.pg_depend d
                          where d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
                            and d.objid = c.oid and d.deptype = 'e')
        order by 2";

/// Foreign keys.
const KEYS: &str = "
        select /* taut */ k.conrelid, k.confrelid,
               array(select pg_catalog.quote_ident(a.attname) from pg_catalog.unnest(k.conkey) with ordinality u(n, at)
                     join pg_catalog.pg_attribute a on a.attrelid = k.conrelid and a.attnum = u.n order by u.at),
               array(select pg_catalog.quote_ident(a.attname) from pg_catalog.unnest(k.confkey) with ordinality u(n, at)
                     join pg_catalog.pg_attribute a on a.attrelid = k.confrelid and a.attnum = u.n order by u.at),
               array(select pg_catalog.format_type(a.atttypid, a.atttypmod) from pg_catalog.unnest(k.confkey) with ordinality u(n, at)
                     join pg_catalog.pg_attribute a on a.attrelid = k.confrelid and a.attnum = u.n order by u.at),
               exists(select from pg_catalog.pg_attribute a where a.attrelid = k.conrelid
                      and a.attnum = any(k.conkey) and not a.attnotnull)
        from pg_catalog.pg_constraint k where k.contype = 'f' and k.conparentid = 0
        order by k.conrelid, k.conname";

/// What there is to clone.
pub(super) async fn read(
    reading: &Transaction<'_>,
    options: &CloneOptions,
) -> Result<Source, CloneError> {
    let failed = |error| CloneError::of("read what there is to clone", error);
    let rows = reading.query(TABLES, &[&options.schemas, &options.tables]).await.map_err(failed)?;
    let tables: Vec<Table> = rows
        .iter()
        .map(|row| Table {
            oid: row.get(0),
            name: row.get(1),
            shown: row.get(2),
            is_partitioned: row.get(3),
            rows: row.get(4),
            bytes: u64::try_from(row.get::<_, i64>(5)).unwrap_or(0),
            columns: row.get(6),
        })
        .collect();
    let place = |oid: u32| tables.iter().position(|table| table.oid == oid);
    let rows = reading.query(KEYS, &[]).await.map_err(failed)?;
    let keys = rows
        .iter()
        .filter_map(|row| {
            Some(Key {
                child: place(row.get(0))?,
                parent: place(row.get(1))?,
                child_columns: row.get(2),
                parent_columns: row.get(3),
                types: row.get(4),
                is_optional: row.get(5),
            })
        })
        .collect();
    Ok(Source { tables, keys, seed: options.seed })
}
