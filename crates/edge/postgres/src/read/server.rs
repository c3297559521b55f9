//! The server, its settings and its extensions.

use model::{
    Moment, Text,
    database::{Database, Recovery, Role, Server, Setting},
};

use super::{OLDEST, ReadError, Reader, cells::Cells, queries::Ask, reader::Answer};

pub(super) async fn read(
    reader: &mut Reader<'_>,
    database: &mut Database,
) -> Result<(), ReadError> {
    identity(reader, database).await?;
    if let Some(rows) = reader.ask(Ask::SystemIdentifier, "system's identifier", &[]).await? {
        let text = rows.first().map(|row| Cells::new(row).text()).unwrap_or_default();
        database.server.system_identifier = text.parse().unwrap_or_default();
    }
    let rows = reader.ask(Ask::Extensions, "extensions", &[]).await?.unwrap_or_default();
    for row in &rows {
        let mut cells = Cells::new(row);
        let (name, version, schema) = (cells.text(), cells.text(), cells.string());
        if name == "pg_stat_statements" {
            reader.statements_schema = schema;
        }
        database.server.extensions.push((name, version));
    }
    let rows = reader.ask(Ask::Settings, "settings", &[]).await?.unwrap_or_default();
    for row in &rows {
        let mut cells = Cells::new(row);
        let name = cells.text();
        let setting = Setting {
            value: cells.text(),
            raw: cells.text(),
            unit: cells.text(),
            boot: cells.text(),
            source: cells.text(),
            context: cells.text(),
            pending_restart: cells.bool(),
        };
        database.settings.insert(name, setting);
    }
    if let Some(rows) = reader.ask(Ask::DatabaseBytes, "size", &[]).await? {
        database.bytes = rows.first().map(|row| Cells::new(row).count()).unwrap_or_default();
    }
    Ok(())
}

/// What is different when the catalog or a setting changed.
pub(crate) async fn change(reader: &mut Reader<'_>) -> Result<(i64, i64, i64), ReadError> {
    let rows = reader.ask(Ask::Change, "catalog's age", &[]).await?.unwrap_or_default();
    let Some(row) = rows.first() else { return Ok((0, 0, 0)) };
    let mut cells = Cells::new(row);
    Ok((cells.int(), cells.int(), cells.int()))
}

/// Who is there; without this nothing else can be asked.
pub(crate) async fn identity(
    reader: &mut Reader<'_>,
    database: &mut Database,
) -> Result<(), ReadError> {
    const WHAT: &str = "version";
    let sql = super::queries::query(Ask::Server, OLDEST).unwrap_or_default();
    let rows = match reader.run(sql, WHAT, &[]).await? {
        Answer::Rows(rows) => rows,
        Answer::Nothing(source) => return Err(ReadError::Lost { what: WHAT, source }),
    };
    let Some(row) = rows.first() else { return Ok(()) };
    let mut cells = Cells::new(row);
    let version_num = cells.oid();
    let version = cells.text();
    if version_num < OLDEST {
        return Err(ReadError::TooOld { version: version.to_string() });
    }
    let started = cells.moment();
    let now = cells.moment();
    let recovery = if cells.bool() { Recovery::Standby } else { Recovery::Primary };
    database.name = cells.text();
    let name = cells.text();
    let superuser = cells.bool();
    let monitor = cells.bool();
    reader.version = version_num;
    reader.role = sql::identifier(&name).into_owned();
    reader.sees_stats = cells.bool();
    reader.sees_settings = cells.bool();
    database.transaction_age = cells.count();
    reader.block_bytes = cells.count().max(1);
    let is_any_bytes = cells.text() == "SQL_ASCII";
    database.window.to = now;
    database.server = Server {
        version_num,
        version: Text::from(version),
        started,
        recovery,
        statistics_reset: Moment::default(),
        role: Role { name, superuser, monitor },
        ..Server::default()
    };
    if is_any_bytes {
        // Else the server refuses to tell what is not valid in our encoding.
        reader.run("set /* taut */ client_encoding to 'SQL_ASCII'", WHAT, &[]).await?;
    }
    Ok(())
}
