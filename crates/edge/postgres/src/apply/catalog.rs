//! What the catalogs know of tables and indexes that are about to change.

use model::database::TableName;
use sql::IndexStatement;
use tokio_postgres::{Row, types::ToSql};

use super::{
    ApplyError,
    error::{Said, read},
};
use crate::Connection;

/// A table, and what the role may do to it.
#[derive(Debug, Clone)]
pub(super) struct TableFacts {
    pub(super) oid: u32,
    pub(super) name: TableName,
    pub(super) kind: Kind,
    pub(super) owner: String,
    pub(super) role: String,
    pub(super) owned: bool,
    /// The role may create in its schema.
    pub(super) schema_open: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Table,
    MaterializedView,
    Partitioned,
    Foreign,
    Other,
}

/// An index that is there.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the catalogs")]
pub(super) struct IndexFacts {
    pub(super) table: TableName,
    pub(super) name: String,
    /// `indisvalid`, `indisready` and `indislive`.
    pub(super) valid: bool,
    pub(super) unique: bool,
    pub(super) definition: String,
    /// Of a partitioned table.
    pub(super) partitioned: bool,
    /// The index of a partitioned table that it belongs to.
    pub(super) parent: Option<String>,
    /// Backs a constraint, or identifies rows for replication.
    pub(super) bound: bool,
    pub(super) owned: bool,
    pub(super) owner: String,
    pub(super) role: String,
}

impl IndexFacts {
    /// Whether it does what `wanted`, as the server prints it, would do.
    pub(super) fn serves(&self, wanted: &IndexStatement) -> bool {
        IndexStatement::parse(&self.definition).is_some_and(|mine| {
            (self.unique || !wanted.unique) && comparable(&mine) == comparable(wanted)
        })
    }
}

/// What decides whether two indexes of a table are the same: all but storage.
fn comparable(index: &IndexStatement) -> String {
    let nulls = index.options.to_ascii_lowercase().starts_with("nulls not distinct");
    let options = if nulls { "NULLS NOT DISTINCT".to_owned() } else { String::new() };
    IndexStatement { options, ..index.clone() }.body()
}

const TABLES: &str = "
    select /* taut */ c.oid, n.nspname, c.relname, c.relkind::text, pg_get_userbyid(c.relowner), current_user::text,
           pg_has_role(c.relowner, 'USAGE'), has_schema_privilege(n.oid, 'CREATE')
    from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'm', 'f', 'v') and ";

/// The table of that name; without a schema, as the search path has it.
pub(super) async fn table(
    connection: &Connection,
    schema: &str,
    name: &str,
) -> Result<Option<TableFacts>, ApplyError> {
    let name = if schema.is_empty() {
        sql::identifier(name).into_owned()
    } else {
        sql::qualified(&TableName::new(schema, name))
    };
    Ok(tables(connection, "c.oid = to_regclass($1::text)", &name).await?.pop())
}

/// The partitions of a table, by name.
pub(super) async fn partitions(
    connection: &Connection,
    parent: u32,
) -> Result<Vec<TableFacts>, ApplyError> {
    let filter =
        "c.oid in (select inhrelid from pg_catalog.pg_inherits where inhparent = $1) order by 2, 3";
    tables(connection, filter, &parent).await
}

async fn tables(
    connection: &Connection,
    filter: &str,
    value: &(dyn ToSql + Sync),
) -> Result<Vec<TableFacts>, ApplyError> {
    let rows = connection.query(&format!("{TABLES}{filter}"), &[value]).await;
    let rows = rows.map_err(read("the table from the catalogs"))?;
    Ok(rows.iter().map(table_of).collect())
}

fn table_of(row: &Row) -> TableFacts {
    TableFacts {
        oid: row.get(0),
        name: TableName::new(row.get(1), row.get(2)),
        kind: match row.get(3) {
            "r" => Kind::Table,
            "m" => Kind::MaterializedView,
            "p" => Kind::Partitioned,
            "f" => Kind::Foreign,
            _ => Kind::Other,
        },
        owner: row.get(4),
        role: row.get(5),
        owned: row.get(6),
        schema_open: row.get(7),
    }
}

const INDEXES: &str = "
    select /* taut */ tn.nspname, t.relname, c.relname,
           i.indisvalid and i.indisready and i.indislive, i.indisunique,
           pg_get_indexdef(c.oid), c.relkind = 'I',
           (select pc.relname::text from pg_catalog.pg_inherits
            join pg_catalog.pg_class pc on pc.oid = inhparent where inhrelid = c.oid),
           i.indisprimary or i.indisreplident
               or exists (select from pg_catalog.pg_constraint where conindid = c.oid),
           pg_has_role(c.relowner, 'USAGE'), pg_get_userbyid(c.relowner), current_user::text
    from pg_catalog.pg_index i
    join pg_catalog.pg_class c on c.oid = i.indexrelid
    join pg_catalog.pg_class t on t.oid = i.indrelid
    join pg_catalog.pg_namespace tn on tn.oid = t.relnamespace
    where ";

/// All indexes of a table, by name.
pub(super) async fn indexes(
    connection: &Connection,
    table: u32,
) -> Result<Vec<IndexFacts>, ApplyError> {
    query_indexes(connection, "i.indrelid = $1 order by 3", &[&table]).await
}

/// The index of that name; without a schema, as the search path has it.
pub(super) async fn index(
    connection: &Connection,
    schema: &str,
    name: &str,
) -> Result<Option<IndexFacts>, ApplyError> {
    let name = if schema.is_empty() {
        sql::identifier(name).into_owned()
    } else {
        sql::qualified(&TableName::new(schema, name))
    };
    Ok(query_indexes(connection, "c.oid = to_regclass($1::text)", &[&name]).await?.pop())
}

/// Whether anything at all has that name.
pub(super) async fn is_taken(
    connection: &Connection,
    table: &TableName,
    name: &str,
) -> Result<bool, ApplyError> {
    let name = sql::qualified(&TableName::new(&table.schema, name));
    let row =
        connection.query_one("select /* taut */ to_regclass($1::text) is not null", &[&name]).await;
    Ok(row.map_err(read("the catalogs"))?.get(0))
}

async fn query_indexes(
    connection: &Connection,
    filter: &str,
    values: &[&(dyn ToSql + Sync)],
) -> Result<Vec<IndexFacts>, ApplyError> {
    let rows = connection.query(&format!("{INDEXES}{filter}"), values).await;
    let rows = rows.map_err(read("the index from the catalogs"))?;
    Ok(rows.iter().filter_map(index_of).collect())
}

/// `None` if it went while it was looked at.
fn index_of(row: &Row) -> Option<IndexFacts> {
    Some(IndexFacts {
        table: TableName::new(row.get(0), row.get(1)),
        name: row.get(2),
        valid: row.get(3),
        unique: row.get(4),
        definition: row.get::<_, Option<String>>(5)?,
        partitioned: row.get(6),
        parent: row.get(7),
        bound: row.get(8),
        owned: row.get(9),
        owner: row.get(10),
        role: row.get(11),
    })
}

/// The index as the server will print it, tried on an empty twin of the table in a transaction that is rolled back:
/// what cannot be built fails here, where it leaves nothing behind. `None` if the role may make no temporary tables.
pub(super) async fn rehearse(
    connection: &Connection,
    table: &TableFacts,
    index: &IndexStatement,
) -> Result<Option<IndexStatement>, Said> {
    let twin = IndexStatement {
        name: "taut_twin_index".to_owned(),
        schema: "pg_temp".to_owned(),
        table: "taut_twin".to_owned(),
        only: false,
        ..index.clone()
    };
    let begin = format!(
        "begin; create temporary table pg_temp.taut_twin (like {})",
        sql::qualified(&table.name)
    );
    let tried = async {
        connection.batch_execute(&begin).await?;
        connection.batch_execute(&twin.text(sql::Locking::Blocking)).await?;
        let definition =
            "select /* taut */ pg_get_indexdef(to_regclass('pg_temp.taut_twin_index'))::text";
        connection.query_one(definition, &[]).await
    }
    .await;
    connection.batch_execute("rollback").await.map_err(|error| Said::of(&error))?;
    match tried {
        Ok(row) => Ok(IndexStatement::parse(row.get(0))),
        Err(error)
            if error.code() == Some(&tokio_postgres::error::SqlState::INSUFFICIENT_PRIVILEGE) =>
        {
            Ok(None)
        }
        Err(error) => Err(Said::of(&error)),
    }
}
