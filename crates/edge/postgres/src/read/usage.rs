//! Counters of the database, of its tables and of its indexes, as they stand.

use std::collections::BTreeMap;

use model::{
    Moment,
    database::{Checkpoints, Database, IndexUse, IoUse, Recovery, TableUse, Totals},
};
use tokio_postgres::types::Type;

use super::{ReadError, Reader, cells::Cells, queries::Ask};

/// Counters as they stand, since they were reset.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Usage {
    /// When the database's counters were last reset; the epoch if unknown.
    pub(crate) reset: Moment,
    pub(crate) totals: Totals,
    pub(crate) checkpoints: Checkpoints,
    pub(crate) io: Vec<IoUse>,
    pub(crate) tables: BTreeMap<u32, TableUse>,
    pub(crate) indexes: BTreeMap<u32, IndexUse>,
}

impl Usage {
    /// Fills it in.
    pub(crate) fn put(&self, database: &mut Database) {
        database.server.statistics_reset = self.reset;
        database.totals = self.totals.clone();
        database.checkpoints = self.checkpoints.clone();
        database.io.clone_from(&self.io);
        for table in &mut database.tables {
            table.usage = self.tables.get(&table.oid).cloned().unwrap_or_default();
        }
        for index in &mut database.indexes {
            index.usage = self.indexes.get(&index.oid).cloned().unwrap_or_default();
        }
    }
}

/// Counters of everything that `database` names.
pub(crate) async fn read(reader: &mut Reader<'_>, database: &Database) -> Result<Usage, ReadError> {
    let mut usage = Usage::default();
    let rows = reader.ask(Ask::Totals, "counters of the database", &[]).await?;
    if let Some(row) = rows.unwrap_or_default().first() {
        let mut cells = Cells::new(row);
        usage.reset = cells.moment();
        usage.totals = totals(&mut cells);
    }
    let rows = reader.ask(Ask::Checkpoints, "counters of checkpoints", &[]).await?;
    if let Some(row) = rows.unwrap_or_default().first() {
        let mut cells = Cells::new(row);
        usage.checkpoints = Checkpoints {
            timed: cells.count(),
            requested: cells.count(),
            write_millis: cells.float(),
            sync_millis: cells.float(),
            buffers_written: cells.count(),
        };
    }
    let rows = reader.ask(Ask::Io, "counters of reads and writes", &[]).await?.unwrap_or_default();
    usage.io = rows.iter().map(|row| io(&mut Cells::new(row))).collect();
    let oids: Vec<u32> = database.tables.iter().map(|table| table.oid).collect();
    let parameter = [(&oids as _, Type::OID_ARRAY)];
    let rows = reader.ask(Ask::TableUse, "counters of tables", &parameter).await?;
    for row in &rows.unwrap_or_default() {
        let mut cells = Cells::new(row);
        usage.tables.insert(cells.oid(), table(&mut cells));
    }
    let indexes = index_use(reader, database).await?;
    for index in &database.indexes {
        let (Some(used), Some(table)) =
            (indexes.get(&index.oid), usage.tables.get_mut(&index.table_oid))
        else {
            continue;
        };
        table.index_scans = table.index_scans.saturating_add(used.scans);
        table.scans_since_reset = table.scans_since_reset.saturating_add(used.scans);
        table.index_rows = table.index_rows.saturating_add(used.rows_fetched);
        table.scanned = table.scanned.max(used.scanned);
    }
    usage.indexes = indexes;
    Ok(usage)
}

/// Counters of indexes; on a standby those of its own.
pub(crate) async fn index_use(
    reader: &mut Reader<'_>,
    database: &Database,
) -> Result<BTreeMap<u32, IndexUse>, ReadError> {
    let oids: Vec<u32> = database.indexes.iter().map(|index| index.oid).collect();
    let parameter = [(&oids as _, Type::OID_ARRAY)];
    let rows = reader.ask(Ask::IndexUse, "counters of indexes", &parameter).await?;
    let read = |row| {
        let mut cells = Cells::new(row);
        (cells.oid(), index(&mut cells))
    };
    Ok(rows.unwrap_or_default().iter().map(read).collect())
}

/// Fills in scans on standbys: `asked` sums them over all that were asked. Where there are standbys and none
/// was asked, or where this is a standby itself and the others are out of sight, they are unknown.
pub(crate) fn put_standby_scans(database: &mut Database, asked: Option<&BTreeMap<u32, u64>>) {
    let is_alone = database.standbys.is_empty() && database.server.recovery == Recovery::Primary;
    for index in &mut database.indexes {
        index.usage.standby_scans = match asked {
            Some(scans) => Some(scans.get(&index.oid).copied().unwrap_or_default()),
            None => is_alone.then_some(0),
        };
    }
}

fn totals(cells: &mut Cells<'_>) -> Totals {
    Totals {
        commits: cells.count(),
        rollbacks: cells.count(),
        blocks_hit: cells.count(),
        blocks_read: cells.count(),
        rows_scanned: cells.count(),
        rows_fetched: cells.count(),
        temp_files: cells.count(),
        temp_bytes: cells.count(),
        deadlocks: cells.count(),
        conflicts: cells.count(),
        read_millis: cells.float(),
        write_millis: cells.float(),
        active_millis: cells.float(),
        idle_in_transaction_millis: cells.float(),
        sessions_opened: cells.count(),
    }
}

fn io(cells: &mut Cells<'_>) -> IoUse {
    IoUse {
        backend: cells.text(),
        object: cells.text(),
        context: cells.text(),
        read_bytes: cells.count(),
        written_bytes: cells.count(),
        extended_bytes: cells.count(),
        hits: cells.count(),
        evictions: cells.count(),
        read_millis: cells.float(),
        write_millis: cells.float(),
    }
}

fn table(cells: &mut Cells<'_>) -> TableUse {
    let sequential_scans = cells.count();
    let mut used = TableUse {
        scans_since_reset: sequential_scans,
        sequential_scans,
        sequential_rows: cells.count(),
        index_rows: cells.count(),
        inserted: cells.count(),
        updated: cells.count(),
        updated_hot: cells.count(),
        deleted: cells.count(),
        ..TableUse::default()
    };
    let fetched = cells.count();
    used.blocks_hit = cells.count();
    used.blocks_read = fetched.saturating_sub(used.blocks_hit);
    used.live = cells.count();
    used.dead = cells.count();
    used.changed_since_analyze = cells.count();
    used.vacuumed = cells.maybe_moment();
    used.analyzed = cells.maybe_moment();
    used.scanned = cells.maybe_moment();
    used
}

fn index(cells: &mut Cells<'_>) -> IndexUse {
    let scans = cells.count();
    let (entries_read, rows_fetched) = (cells.count(), cells.count());
    let fetched = cells.count();
    let blocks_hit = cells.count();
    IndexUse {
        scans,
        scans_since_reset: scans,
        entries_read,
        rows_fetched,
        blocks_hit,
        blocks_read: fetched.saturating_sub(blocks_hit),
        scanned: cells.maybe_moment(),
        standby_scans: None,
    }
}
