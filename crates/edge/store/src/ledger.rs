//! The ledger: which remedies were proposed, rehearsed, applied, proven or reverted, with what was run and
//! what was measured before and after.
//!
//! SQLite, since several processes append to it at once and each entry has to be on the disk before the
//! statement that it announces is run: write-ahead log, `synchronous = FULL`. Or PostgreSQL, where several machines share
//! it. Entries are appended and never changed; the state of a remedy is what its entries say.

mod error;
mod event;
mod note;
mod place;
mod record;
mod rehearsal_wire;
mod result;
mod schema;
mod server;
mod wire;

use std::{
    fs::{File, TryLockError},
    path::{Path, PathBuf},
    time::Duration,
};

use model::{Change, Moment};
use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};

pub use error::LedgerError;
pub use event::{
    Backend, Direction, Event, IndexReading, IndexTarget, Readings, Rehearsal, RehearsalOutcome,
    RehearsedIndex, RehearsedSide, RehearsedStatement, SampledTable, State, StatementReading,
    Verdict,
};
pub use note::{FindingState, NOTE_BYTES_MAX, Note, Said};
pub use place::LedgerPlace;
pub use record::{
    LedgerRecord, ProofRow, Recorded, RunFigure, RunKind, TEXT_BYTES_MAX, TITLE_BYTES_MAX,
};
pub use result::{PackedResult, RESULT_BYTES_MAX, RESULT_PACKED_BYTES_MAX, RESULTS_MAX};
use server::{Proposed, Server};
use wire::finite;

/// Name of the file in the folder of the store.
pub const LEDGER_FILE: &str = "ledger.sqlite";

/// How long one process waits for another to finish an entry: each takes milliseconds.
const BUSY_MAX: Duration = Duration::from_secs(10);

/// Bytes of one entry: a plan or two with their texts; what is longer is a mistake.
const ENTRY_BYTES_MAX: usize = 16 << 20;

/// The history of remedies.
#[derive(Debug)]
pub struct Ledger {
    kept: Kept,
    version: String,
}

/// By whom.
#[derive(Debug)]
enum Kept {
    File { connection: Connection, folder: PathBuf },
    Server(Server),
}

/// Which remedy, within one ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RemedyId(pub i64);

/// A remedy as it is proposed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Proposal {
    /// Id of the finding that it answers, or of the statement that somebody gave: 16 hexadecimal digits.
    pub finding: String,
    /// The server, as `host:port`.
    pub server: String,
    /// Name of the fault: `missing-index`; empty if somebody asked for it without one.
    pub fault: String,
    /// The claim of the finding, or what was asked for.
    pub claim: String,
    /// What makes it and what takes it back, verbatim.
    pub change: Change,
    /// Statements that it is for: `queryid` and text.
    pub statements: Vec<(i64, String)>,
}

/// A remedy and all that happened to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Remedy {
    /// Which.
    pub id: RemedyId,
    /// As it was proposed.
    pub proposal: Proposal,
    /// Where it stands.
    pub state: State,
    /// What happened, in order; the first one is [`Event::Proposed`].
    pub entries: Vec<Entry>,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Its number; larger than that of every earlier one in the ledger.
    pub id: i64,
    /// When.
    pub time: Moment,
    /// The version of Taut that wrote it.
    pub version: String,
    /// What.
    pub event: Event,
}

impl Remedy {
    /// Statements that were announced and of whose end nothing is known: their process died, or runs.
    pub fn unsettled(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| {
            matches!(entry.event, Event::Intended { .. })
                && !self.entries.iter().any(|later| later.event.settles() == Some(entry.id))
        })
    }

    /// The newest entry that `pick` takes something from.
    pub fn last<'a, T>(&'a self, pick: impl Fn(&'a Event) -> Option<T>) -> Option<(Moment, T)> {
        let mut newest_first = self.entries.iter().rev();
        newest_first.find_map(|entry| Some((entry.time, pick(&entry.event)?)))
    }
}

/// Nobody else works on the remedy while this lives; freed by the system however the process ends, and by a server once its
/// connection to whoever has it breaks: [`Claim::check`] tells.
#[derive(Debug)]
pub struct Claim {
    lock: Lock,
}

#[derive(Debug)]
enum Lock {
    File { _file: File },
    Server { held: server::Held },
}

impl Claim {
    /// Makes sure that it still holds: before each step that nobody else may take at the same time. Between this and the
    /// step it may end all the same.
    ///
    /// # Errors
    ///
    /// The connection to the server that held it broke.
    pub fn check(&self) -> Result<(), LedgerError> {
        match &self.lock {
            Lock::File { .. } => Ok(()),
            Lock::Server { held } => held.check(),
        }
    }
}

impl Ledger {
    /// Whether there is one: looking makes none. A server that was named counts as one.
    #[must_use]
    pub fn is_in(place: impl Into<LedgerPlace>) -> bool {
        let place = place.into();
        place.server.is_some() || place.folder.join(LEDGER_FILE).exists()
    }

    /// Opens the ledger in the folder of the store, or on a server, made if it is not there. `version` is what entries
    /// will name as their writer.
    ///
    /// # Errors
    ///
    /// The disk or the server fails, the file is no ledger, or a newer version wrote it.
    pub fn open(
        place: impl Into<LedgerPlace>,
        version: &str,
        now: Moment,
    ) -> Result<Self, LedgerError> {
        let LedgerPlace { folder, server } = place.into();
        let kept = match server {
            Some(url) => Kept::Server(Server::open(&url, version, now)?),
            None => Self::file(folder, version, now)?,
        };
        Ok(Self { kept, version: version.to_owned() })
    }

    fn file(folder: PathBuf, version: &str, now: Moment) -> Result<Kept, LedgerError> {
        std::fs::create_dir_all(&folder)
            .map_err(|source| LedgerError::Folder { path: folder.clone(), source })?;
        let path = folder.join(LEDGER_FILE);
        let failed = |source| LedgerError::of("open", &path, source);
        let mut connection = Connection::open(&path).map_err(failed)?;
        connection.busy_timeout(BUSY_MAX).map_err(failed)?;
        schema::prepare(&mut connection, &path, version, now)?;
        Ok(Kept::File { connection, folder })
    }

    /// Notes a remedy, unless the same change is there for the same finding on the same server: then that one.
    ///
    /// # Errors
    ///
    /// The disk is full or fails.
    pub fn propose(&mut self, proposal: &Proposal, now: Moment) -> Result<RemedyId, LedgerError> {
        let failed = self.failed("write");
        let change = wire::change_text(&proposal.change);
        let statements = wire::statements_text(&proposal.statements);
        let text = wire::event_text(&Event::Proposed);
        let connection = match &mut self.kept {
            Kept::File { connection, .. } => connection,
            Kept::Server(server) => {
                let Proposal { finding, server: target, fault, claim, .. } = proposal;
                let plain = |text: &str| text.replace('\0', "\u{fffd}");
                let columns = [finding, target, fault, claim, &change, &statements]
                    .map(|column| plain(column));
                let version = self.version.clone();
                return server.propose(Proposed { columns, version, text });
            }
        };
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(&failed)?;
        let known = transaction
            .query_row(
                "select id from remedy where finding = ?1 and server = ?2 and change = ?3",
                params![proposal.finding, proposal.server, change],
                |row| row.get::<_, i64>(0),
            )
            .optional()
            .map_err(&failed)?;
        if let Some(id) = known {
            return Ok(RemedyId(id));
        }
        transaction
            .execute(
                "insert into remedy (finding, server, fault, claim, change, statements) \
                 values (?1, ?2, ?3, ?4, ?5, ?6)",
                params![
                    proposal.finding,
                    proposal.server,
                    proposal.fault,
                    proposal.claim,
                    change,
                    statements
                ],
            )
            .map_err(&failed)?;
        let id = transaction.last_insert_rowid();
        insert(&transaction, id, now, &self.version, &text).map_err(&failed)?;
        transaction.commit().map_err(&failed)?;
        Ok(RemedyId(id))
    }

    /// Appends what happened, and returns its number once it is on the disk.
    ///
    /// # Errors
    ///
    /// The state does not allow it, what it settles was never announced, or the disk is full or fails;
    /// nothing was noted then, unless it is [`LedgerError::Unsure`].
    pub fn append(&mut self, id: RemedyId, event: &Event, now: Moment) -> Result<i64, LedgerError> {
        let failed = self.failed("write");
        let path = self.path();
        let text = wire::event_text(event);
        if ENTRY_BYTES_MAX < text.len() {
            return Err(LedgerError::TooLong { bytes: text.len() });
        }
        let connection = match &mut self.kept {
            Kept::File { connection, .. } => connection,
            Kept::Server(server) => {
                let event = event.clone();
                let allows = move |entries: &[Entry]| allows(id, entries, &event);
                return server.append(id, (self.version.clone(), text), allows);
            }
        };
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(&failed)?;
        allows(id, &entries_of(&transaction, id, &path)?, event)?;
        insert(&transaction, id.0, now, &self.version, &text).map_err(&failed)?;
        let number = transaction.last_insert_rowid();
        transaction.commit().map_err(&failed)?;
        Ok(number)
    }

    /// A remedy with its history; `None` if there is none of that number.
    ///
    /// # Errors
    ///
    /// The disk fails, or what it holds is damaged.
    pub fn remedy(&self, id: RemedyId) -> Result<Option<Remedy>, LedgerError> {
        match &self.kept {
            Kept::File { connection, .. } => {
                Ok(self.read(connection, "where id = ?1", params![id.0])?.pop())
            }
            Kept::Server(server) => Ok(server.read(Some(id))?.pop()),
        }
    }

    /// All remedies of all databases, in the order in which they were proposed.
    ///
    /// # Errors
    ///
    /// The disk fails, or what it holds is damaged.
    pub fn remedies(&self) -> Result<Vec<Remedy>, LedgerError> {
        match &self.kept {
            Kept::File { connection, .. } => self.read(connection, "", params![]),
            Kept::Server(server) => server.read(None),
        }
    }

    /// Takes a remedy for this process alone; `None` while another has it.
    ///
    /// # Errors
    ///
    /// The disk fails.
    pub fn claim(&self, id: RemedyId) -> Result<Option<Claim>, LedgerError> {
        let folder = match &self.kept {
            Kept::File { folder, .. } => folder,
            Kept::Server(server) => {
                let held = server.claim(id)?;
                return Ok(held.map(|held| Claim { lock: Lock::Server { held } }));
            }
        };
        let path = folder.join(format!("ledger-{}.lock", id.0));
        let failed = |source| LedgerError::Folder { path: path.clone(), source };
        let file =
            File::options().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Claim { lock: Lock::File { _file: file } })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }

    fn read(
        &self,
        connection: &Connection,
        filter: &str,
        values: impl rusqlite::Params,
    ) -> Result<Vec<Remedy>, LedgerError> {
        let path = self.path();
        let failed = self.failed("read");
        // One transaction: the entries belong to the remedies that were read.
        let transaction = connection.unchecked_transaction().map_err(&failed)?;
        let sql = format!(
            "select id, finding, server, fault, claim, change, statements from remedy {filter} order by id"
        );
        let mut statement = transaction.prepare(&sql).map_err(&failed)?;
        let mut rows = statement.query(values).map_err(&failed)?;
        let mut remedies = Vec::new();
        while let Some(row) = rows.next().map_err(&failed)? {
            let text = |place: usize| row.get::<_, String>(place).map_err(&failed);
            let id = RemedyId(row.get(0).map_err(&failed)?);
            let damaged = |source| LedgerError::Entry { path: path.clone(), source };
            let proposal = Proposal {
                finding: text(1)?,
                server: text(2)?,
                fault: text(3)?,
                claim: text(4)?,
                change: wire::change(&text(5)?).map_err(damaged)?,
                statements: wire::statements(&text(6)?).map_err(damaged)?,
            };
            let entries = entries_of(&transaction, id, &path)?;
            let state = State::of(entries.iter().map(|entry| &entry.event));
            let state = state.ok_or(LedgerError::Unknown { id })?;
            remedies.push(Remedy { id, proposal, state, entries });
        }
        Ok(remedies)
    }

    fn path(&self) -> PathBuf {
        match &self.kept {
            Kept::File { folder, .. } => folder.join(LEDGER_FILE),
            Kept::Server(server) => server.place(),
        }
    }

    fn failed(&self, action: &'static str) -> impl Fn(rusqlite::Error) -> LedgerError + use<> {
        let path = self.path();
        move |source| LedgerError::of(action, &path, source)
    }
}

/// Whether the history of a remedy goes on like this.
fn allows(id: RemedyId, entries: &[Entry], event: &Event) -> Result<(), LedgerError> {
    let state = State::of(entries.iter().map(|entry| &entry.event));
    let state = state.ok_or(LedgerError::Unknown { id })?;
    let refused = LedgerError::Refused { state, event: event.name() };
    if !state.allows(event) {
        return Err(refused);
    }
    let Some(intent) = event.settles() else { return Ok(()) };
    let announced = entries
        .iter()
        .any(|entry| entry.id == intent && matches!(entry.event, Event::Intended { .. }));
    if !announced || entries.iter().any(|entry| entry.event.settles() == Some(intent)) {
        return Err(refused);
    }
    Ok(())
}

fn insert(
    connection: &Connection,
    remedy: i64,
    now: Moment,
    version: &str,
    event: &str,
) -> Result<(), rusqlite::Error> {
    let nanos = i64::try_from(now.nanos).unwrap_or(i64::MAX);
    let sql = "insert into entry (remedy, time_nanos, version, event) values (?1, ?2, ?3, ?4)";
    connection.execute(sql, params![remedy, nanos, version, event])?;
    Ok(())
}

fn entries_of(
    connection: &Connection,
    remedy: RemedyId,
    path: &Path,
) -> Result<Vec<Entry>, LedgerError> {
    let failed = |source| LedgerError::of("read", path, source);
    let sql = "select id, time_nanos, version, event from entry where remedy = ?1 order by id";
    let mut statement = connection.prepare(sql).map_err(failed)?;
    let mut rows = statement.query(params![remedy.0]).map_err(failed)?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next().map_err(failed)? {
        let text: String = row.get(3).map_err(failed)?;
        let event = wire::event(&text)
            .map_err(|source| LedgerError::Entry { path: path.to_path_buf(), source })?;
        let nanos: i64 = row.get(1).map_err(failed)?;
        entries.push(Entry {
            id: row.get(0).map_err(failed)?,
            time: Moment { nanos: u64::try_from(nanos).unwrap_or(0) },
            version: row.get(2).map_err(failed)?,
            event,
        });
    }
    Ok(entries)
}
