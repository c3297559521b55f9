//! Replication, prepared transactions, and long work that is under way.

use model::database::{
    Database, PreparedTransaction, Progress, ReplicationSlot, Standby, TableName,
};

use super::{ReadError, Reader, cells::Cells, queries::Ask};

pub(super) async fn read(
    reader: &mut Reader<'_>,
    database: &mut Database,
) -> Result<(), ReadError> {
    let rows = reader.ask(Ask::Standbys, "standbys", &[]).await?.unwrap_or_default();
    database.standbys = rows.iter().map(|row| standby(&mut Cells::new(row))).collect();
    let rows = reader.ask(Ask::Slots, "replication slots", &[]).await?.unwrap_or_default();
    for row in &rows {
        let mut cells = Cells::new(row);
        let slot = ReplicationSlot {
            name: cells.text(),
            active: cells.bool(),
            retained_bytes: cells.count(),
        };
        database.slots.push(slot);
    }
    let rows = reader.ask(Ask::ReplayLag, "lag of replay", &[]).await?.unwrap_or_default();
    database.replay_lag = rows.first().and_then(|row| Cells::new(row).maybe_duration());
    let rows = reader.ask(Ask::Prepared, "prepared transactions", &[]).await?;
    for row in &rows.unwrap_or_default() {
        let mut cells = Cells::new(row);
        let prepared = PreparedTransaction {
            name: cells.text(),
            owner: cells.text(),
            database: cells.text(),
            since: cells.moment(),
        };
        database.prepared.push(prepared);
    }
    let rows = reader.ask(Ask::Progress, "long work", &[]).await?.unwrap_or_default();
    database.progress = rows.iter().map(|row| progress(&mut Cells::new(row))).collect();
    Ok(())
}

fn standby(cells: &mut Cells<'_>) -> Standby {
    Standby {
        application: cells.text(),
        client: cells.text(),
        state: cells.text(),
        sync: cells.text(),
        replay_lag_bytes: cells.count(),
        replay_lag: cells.maybe_duration(),
    }
}

fn progress(cells: &mut Cells<'_>) -> Progress {
    Progress {
        pid: i32::try_from(cells.int()).unwrap_or_default(),
        command: cells.text(),
        phase: cells.text(),
        table: TableName { schema: cells.text(), name: cells.text() },
        done: cells.count(),
        total: cells.count(),
    }
}
