//! What sessions do at this moment, who waits for whom, and how many there are.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use model::{
    Text,
    database::{Blocking, ConnectionCount, Connections, Database, Session, TableName, WaitLoad},
};
use tokio_postgres::types::Type;

use super::{
    ReadError, ReadOptions, Reader, Texts, cells::Cells, queries::Ask, rights, statements::HIDDEN,
};
use crate::connect::APPLICATION;

/// Waiting sessions for whom it is asked who holds what they wait for: that stops the lock manager for a
/// moment each time.
const WAITERS_MAX: i64 = 50;

/// Sessions at one moment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sample {
    pub(crate) sessions: Vec<Session>,
}

impl Sample {
    /// Sessions of `database` that are active, by what they wait for. Taut's own are left out.
    pub(crate) fn load(&self, database: &str) -> BTreeMap<(Text, Text), f64> {
        let mut load = BTreeMap::new();
        let is_active = |session: &&Session| {
            session.database == database
                && session.state == "active"
                && session.application != APPLICATION
                && session.backend != "walsender"
        };
        for session in self.sessions.iter().filter(is_active) {
            let wait = if session.wait_type.is_empty() {
                (Text::from("CPU"), Text::default())
            } else {
                (session.wait_type.clone(), session.wait_event.clone())
            };
            *load.entry(wait).or_default() += 1.0;
        }
        load
    }

    /// Fills it in, as the only sample.
    pub(crate) fn put(self, database: &mut Database) {
        database.load = wait_loads(&self.load(&database.name), 1.0);
        database.sessions = self.sessions;
    }
}

/// Average active sessions, most first.
pub(crate) fn wait_loads(load: &BTreeMap<(Text, Text), f64>, samples: f64) -> Vec<WaitLoad> {
    let mut loads: Vec<WaitLoad> = load
        .iter()
        .map(|((wait_type, wait_event), sessions)| WaitLoad {
            wait_type: wait_type.clone(),
            wait_event: wait_event.clone(),
            sessions: sessions / samples.max(1.0),
        })
        .collect();
    loads.sort_by(|one, other| other.sessions.total_cmp(&one.sessions));
    loads
}

/// Looks once at what sessions do.
pub(crate) async fn sample(
    reader: &mut Reader<'_>,
    options: &ReadOptions,
    texts: &mut Texts,
) -> Result<Sample, ReadError> {
    let limit = i64::from(options.sessions_max);
    let parameter = [(&limit as _, Type::INT8)];
    let rows = reader.ask(Ask::Sessions, "sessions", &parameter).await?.unwrap_or_default();
    let mut sample = Sample::default();
    for row in &rows {
        match session(&mut Cells::new(row), texts) {
            Some(session) => sample.sessions.push(session),
            None => reader.lacks(&rights::ALL_STATS, ""),
        }
    }
    Ok(sample)
}

/// A session; `None` if it is somebody else's and hidden.
fn session(cells: &mut Cells<'_>, texts: &mut Texts) -> Option<Session> {
    let mut session = Session {
        pid: i32::try_from(cells.int()).unwrap_or_default(),
        user: cells.text(),
        database: cells.text(),
        application: cells.text(),
        client: cells.text(),
        backend: cells.text(),
        state: cells.text(),
        wait_type: cells.text(),
        wait_event: cells.text(),
        transaction_started: cells.maybe_moment(),
        query_started: cells.maybe_moment(),
        state_changed: cells.maybe_moment(),
        ..Session::default()
    };
    let raw = cells.string();
    if raw == HIDDEN {
        return None;
    }
    session.query_id = cells.maybe_int().filter(|id| *id != 0);
    if !raw.is_empty() {
        let comments = sql::comments(&raw);
        session.route = Text::from(comments.operation());
        session.traceparent = Text::from(comments.traceparent);
        // A session's text may be cut; that of the statistics is whole.
        let known = session.query_id.and_then(|id| texts.get(id));
        session.statement = Some(match known {
            Some(known) => Arc::clone(&known.text),
            None => texts.statements.read(&raw).0,
        });
    }
    Some(session)
}

/// Sessions by what they have in common, against the limit.
pub(super) async fn connections(
    reader: &mut Reader<'_>,
    database: &mut Database,
) -> Result<(), ReadError> {
    let number = |name: &str| -> u32 {
        let setting = database.settings.get(name);
        setting.and_then(|setting| setting.raw.parse().ok()).unwrap_or_default()
    };
    let mut connections = Connections {
        max: number("max_connections"),
        reserved: number("superuser_reserved_connections")
            .saturating_add(number("reserved_connections")),
        counts: Vec::new(),
    };
    let rows = reader.ask(Ask::Connections, "connections", &[]).await?.unwrap_or_default();
    for row in &rows {
        let mut cells = Cells::new(row);
        connections.counts.push(ConnectionCount {
            database: cells.text(),
            user: cells.text(),
            application: cells.text(),
            state: cells.text(),
            count: cells.oid(),
        });
    }
    database.connections = connections;
    Ok(())
}

/// Who waits for whom; asks only if somebody waits.
pub(crate) async fn blocking(
    reader: &mut Reader<'_>,
    database: &mut Database,
) -> Result<(), ReadError> {
    let rows = reader.ask(Ask::Waiting, "locks", &[]).await?.unwrap_or_default();
    if rows.first().is_none_or(|row| Cells::new(row).count() == 0) {
        return Ok(());
    }
    let parameter = [(&WAITERS_MAX as _, Type::INT8)];
    let rows = reader.ask(Ask::Blocking, "waits for locks", &parameter).await?.unwrap_or_default();
    for row in &rows {
        let mut cells = Cells::new(row);
        let waiter_pid = i32::try_from(cells.int()).unwrap_or_default();
        let mut holder_pids: Vec<i32> =
            cells.ints().into_iter().filter_map(|pid| i32::try_from(pid).ok()).collect();
        holder_pids.sort_unstable();
        holder_pids.dedup();
        let (lock_type, mode) = (cells.text(), cells.text());
        let (schema, name) = (cells.maybe_text(), cells.maybe_text());
        let table = schema.zip(name).map(|(schema, name)| TableName { schema, name });
        let waited = cells.maybe_duration().unwrap_or(Duration::ZERO);
        // Who waited when the question was asked may have what he wants by now.
        if !holder_pids.is_empty() {
            let blocking = Blocking { waiter_pid, holder_pids, lock_type, mode, table, waited };
            database.blocking.push(blocking);
        }
    }
    Ok(())
}
