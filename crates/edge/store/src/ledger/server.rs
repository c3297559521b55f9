//! The ledger in PostgreSQL, where several machines share it: the same entries, the same rules, one history.
//!
//! A thread of its own has the connection, so that whoever notes something may be in a runtime or not. What is written has a
//! token: where a connection breaks before the answer is there, the same is asked for again on a new one, and kept once. A
//! server that is away is an error that says so, and nothing is noted then, nor later; where a connection broke for good
//! while a write was being kept, the error says that nobody knows. Times are those of the server's clock, one for all.

mod schema;
mod session;

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
        mpsc,
    },
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use model::Moment;
use tokio_postgres::{Client, Row, types::ToSql};

use super::{Entry, Event, LedgerError, PackedResult, Remedy, RemedyId, State, result, wire};
use session::{Broken, Doing, Session};

/// How long an answer is waited for, with a second attempt where a connection broke: then the server counts as away. The
/// server itself gives up a statement after ten seconds.
const ANSWER_MAX: Duration = Duration::from_secs(20);
/// How much longer than the thread that asks: it knows better what became of it.
const THREAD_GRACE: Duration = Duration::from_secs(2);

/// Now, by the clock of the server, in nanoseconds; it knows microseconds.
const NOW: &str = "(extract(epoch from clock_timestamp()) * 1000000)::bigint * 1000";

/// A ledger on a server.
#[derive(Debug)]
pub(super) struct Server {
    jobs: mpsc::Sender<Job>,
    url: String,
    name: String,
}

type Job = Box<dyn FnOnce(&mut Session) + Send>;

/// A remedy that nobody else on any machine works on while this lives and its connection does: the server frees it when the
/// session ends, also where the connection broke, so that whoever has it looks before each step.
#[derive(Debug)]
pub(super) struct Held {
    server: Server,
    number: i32,
}

impl Held {
    /// # Errors
    ///
    /// The connection broke, and another may have it now.
    pub(super) fn check(&self) -> Result<(), LedgerError> {
        const ACTION: &str = "hold a claim in";
        let number = i64::from(self.number);
        let is_held = self.server.run(ACTION, async move |client| {
            let sql = "select exists (select from pg_locks where locktype = 'advisory' and pid = pg_backend_pid() \
                 and classid::bigint = $1 and objid::bigint = $2 and objsubid = 2 and granted)";
            let of = i64::from(schema::LOCKS);
            Ok(client.query_one(sql, &[&of, &number]).await?.try_get::<_, bool>(0)?)
        })?;
        let server = self.server.name.clone();
        let source = "the server has freed it".into();
        if is_held { Ok(()) } else { Err(LedgerError::Server { action: ACTION, server, source }) }
    }
}

/// A row of `note` or `record`, as it is written.
pub(super) struct Written {
    pub(super) finding: Option<String>,
    pub(super) version: String,
    pub(super) text: String,
}

/// A row of them as it is read.
pub(super) struct Kept {
    pub(super) id: i64,
    pub(super) finding: Option<String>,
    pub(super) time: Moment,
    pub(super) version: String,
    pub(super) text: String,
    /// Bytes of the whole result beside a record.
    pub(super) result_bytes: Option<i64>,
}

/// A remedy as it is written.
pub(super) struct Proposed {
    pub(super) columns: [String; 6],
    pub(super) version: String,
    pub(super) text: String,
}

/// Which of the two tables of single rows.
#[derive(Debug, Clone, Copy)]
pub(super) enum Table {
    Note,
    Record,
}

impl Table {
    fn columns(self) -> (&'static str, &'static str) {
        match self {
            Self::Note => ("note", "said"),
            Self::Record => ("record", "recorded"),
        }
    }

    /// Bytes of the whole result beside a row `it`.
    fn result_bytes(self) -> &'static str {
        match self {
            Self::Note => "null::bigint",
            Self::Record => "(select bytes from taut_ledger.result where record = it.id)",
        }
    }
}

impl Server {
    /// Reaches a server, and brings its tables to the newest version.
    pub(super) fn open(url: &str, version: &str, now: Moment) -> Result<Self, LedgerError> {
        let mut session = Session::new(url).map_err(|why| LedgerError::Server {
            action: "open",
            server: session::name_of(url),
            source: why,
        })?;
        let name = session.name().to_owned();
        let (jobs, asked) = mpsc::channel::<Job>();
        let work = move || {
            while let Ok(job) = asked.recv() {
                job(&mut session);
            }
        };
        thread::Builder::new().name("ledger".to_owned()).spawn(work).map_err(|source| {
            LedgerError::Server { action: "open", server: name.clone(), source: source.into() }
        })?;
        let server = Self { jobs, url: url.to_owned(), name };
        let version = version.to_owned();
        server.run("open", async move |client| schema::prepare(client, &version, now).await)?;
        Ok(server)
    }

    pub(super) fn propose(&self, proposed: Proposed) -> Result<RemedyId, LedgerError> {
        let token = token();
        let id = self.write_with(async move |client, doing| {
            let Proposed { columns, version, text } = &proposed;
            let transaction = client.transaction().await?;
            let [finding, server, _, _, change, _] = columns;
            // Whoever comes second finds it there.
            let sql = "insert into taut_ledger.remedy (finding, server, fault, claim, change, statements) \
                 values ($1, $2, $3, $4, $5, $6) on conflict do nothing returning id";
            let values: Vec<&(dyn ToSql + Sync)> =
                columns.iter().map(|column| column as &(dyn ToSql + Sync)).collect();
            if let Some(row) = transaction.query_opt(sql, &values).await? {
                let id: i64 = row.try_get(0)?;
                insert(&transaction, id, version, text, &token).await?;
                doing.commits()?;
                transaction.commit().await?;
                return Ok(id);
            }
            let sql = "select id from taut_ledger.remedy \
                       where finding = $1 and server = $2 and md5(change) = md5($3) and change = $3";
            let id = transaction.query_one(sql, &[finding, server, change]).await?.try_get(0)?;
            Ok(id)
        })?;
        Ok(RemedyId(id))
    }

    /// Appends an entry if `allows` says so of those that are there, while nobody else appends to the same remedy.
    pub(super) fn append(
        &self,
        id: RemedyId,
        (version, text): (String, String),
        allows: impl Fn(&[Entry]) -> Result<(), LedgerError> + Send + 'static,
    ) -> Result<i64, LedgerError> {
        let token = token();
        let place = self.place();
        self.write_with(async move |client, doing| {
            let transaction = client.transaction().await?;
            let lock = "select id from taut_ledger.remedy where id = $1 for update";
            transaction.query(lock, &[&id.0]).await?;
            let before = "select id from taut_ledger.entry where token = $1";
            if let Some(row) = transaction.query_opt(before, &[&token]).await? {
                // It was kept before the connection broke.
                return Ok(row.try_get(0)?);
            }
            let rows = transaction.query(ENTRIES_OF, &[&id.0]).await?;
            let entries =
                rows.iter().map(|row| entry(row, &place)).collect::<Result<Vec<_>, _>>()?;
            allows(&entries)?;
            let number = insert(&transaction, id.0, &version, &text, &token).await?;
            doing.commits()?;
            transaction.commit().await?;
            Ok(number)
        })
    }

    /// One remedy, or all.
    pub(super) fn read(&self, id: Option<RemedyId>) -> Result<Vec<Remedy>, LedgerError> {
        let place = self.place();
        self.run("read", async move |client| {
            // One snapshot: the entries belong to the remedies that were read.
            let transaction = client
                .build_transaction()
                .isolation_level(tokio_postgres::IsolationLevel::RepeatableRead)
                .read_only(true)
                .start()
                .await?;
            let id = id.map(|id| id.0);
            let sql = "select id, finding, server, fault, claim, change, statements \
                 from taut_ledger.remedy where $1::bigint is null or id = $1 order by id";
            let remedies = transaction.query(sql, &[&id]).await?;
            let sql = "select id, time_nanos, version, event, remedy from taut_ledger.entry \
                 where $1::bigint is null or remedy = $1 order by id";
            let mut entries: Vec<(i64, Entry)> = Vec::new();
            for row in transaction.query(sql, &[&id]).await? {
                entries.push((row.try_get(4)?, entry(&row, &place)?));
            }
            let mut read = Vec::new();
            for row in &remedies {
                let id = RemedyId(row.try_get(0)?);
                let own = entries.iter().filter(|(remedy, _)| *remedy == id.0);
                read.push(remedy(id, row, own.map(|(_, entry)| entry.clone()).collect(), &place)?);
            }
            Ok(read)
        })
    }

    pub(super) fn claim(&self, id: RemedyId) -> Result<Option<Held>, LedgerError> {
        // A session of its own: what it holds is free when it ends, however it ends.
        let server = Self::open(&self.url, env!("CARGO_PKG_VERSION"), Moment::default())?;
        let number = i32::try_from(id.0).unwrap_or(i32::MAX);
        let is_free = server.run("claim a remedy in", async move |client| {
            let sql = "select pg_try_advisory_lock($1, $2)";
            Ok(client.query_one(sql, &[&schema::LOCKS, &number]).await?.try_get::<_, bool>(0)?)
        })?;
        // A thread that has ended says so when it is asked.
        drop(server.jobs.send(Box::new(Session::bind)));
        Ok(is_free.then_some(Held { server, number }))
    }

    pub(super) fn write(&self, table: Table, row: Written) -> Result<i64, LedgerError> {
        let token = token();
        self.write_with(async move |client, doing| {
            let (table, column) = table.columns();
            let sql = format!(
                "insert into taut_ledger.{table} (finding, time_nanos, version, {column}, token) \
                 values ($1, {NOW}, $2, $3, $4) on conflict (token) do nothing returning id"
            );
            let Written { finding, version, text } = &row;
            let values: [&(dyn ToSql + Sync); 4] = [finding, version, text, &token];
            let insert = client.prepare(&sql).await?;
            doing.commits()?;
            if let Some(row) = client.query_opt(&insert, &values).await? {
                return Ok(row.try_get(0)?);
            }
            let sql = format!("select id from taut_ledger.{table} where token = $1");
            Ok(client.query_one(&sql, &[&token]).await?.try_get(0)?)
        })
    }

    /// A row of `record` with its whole result, in one statement: both are there, or none. The oldest results go.
    pub(super) fn write_with_result(
        &self,
        row: Written,
        whole: PackedResult,
    ) -> Result<i64, LedgerError> {
        let token = token();
        self.write_with(async move |client, doing| {
            let sql = format!(
                "with kept as (insert into taut_ledger.record (finding, time_nanos, version, recorded, token) \
                     values ($1, {NOW}, $2, $3, $4) on conflict (token) do nothing returning id), \
                 whole as (insert into taut_ledger.result (record, bytes, packed) \
                     select id, $5::bigint, $6::bytea from kept), \
                 old as (delete from taut_ledger.result where record in \
                     (select record from taut_ledger.result order by record desc offset {})) \
                 select id from kept",
                // Without the new one, which the statement does not see yet.
                result::RESULTS_MAX - 1
            );
            let Written { finding, version, text } = &row;
            let PackedResult { bytes, packed } = &whole;
            let values: [&(dyn ToSql + Sync); 6] = [finding, version, text, &token, bytes, packed];
            let insert = client.prepare(&sql).await?;
            doing.commits()?;
            if let Some(row) = client.query_opt(&insert, &values).await? {
                return Ok(row.try_get(0)?);
            }
            let sql = "select id from taut_ledger.record where token = $1";
            Ok(client.query_one(sql, &[&token]).await?.try_get(0)?)
        })
    }

    /// The packed result beside a record.
    pub(super) fn result(&self, record: i64) -> Result<Option<Vec<u8>>, LedgerError> {
        self.run("read", async move |client| {
            let sql = "select packed from taut_ledger.result \
                 where record = $1 and octet_length(packed) <= $2::bigint";
            let row = client.query_opt(sql, &[&record, &result::packed_max()]).await?;
            Ok(row.map(|row| row.try_get(0)).transpose()?)
        })
    }

    pub(super) fn all(&self, table: Table) -> Result<Vec<Kept>, LedgerError> {
        self.run("read", async move |client| {
            let bytes = table.result_bytes();
            let (table, column) = table.columns();
            let sql = format!(
                "select id, finding, time_nanos, version, {column}, {bytes} \
                 from taut_ledger.{table} it order by id"
            );
            let mut kept = Vec::new();
            for row in client.query(&sql, &[]).await? {
                kept.push(Kept {
                    id: row.try_get(0)?,
                    finding: row.try_get(1)?,
                    time: moment(row.try_get(2)?),
                    version: row.try_get(3)?,
                    text: row.try_get(4)?,
                    result_bytes: row.try_get(5)?,
                });
            }
            Ok(kept)
        })
    }

    /// How it is called in errors about what it holds.
    pub(super) fn place(&self) -> PathBuf {
        PathBuf::from(&self.name)
    }

    /// Has the thread write something that is kept from where `Doing` is told so.
    fn write_with<T: Send + 'static>(
        &self,
        work: impl AsyncFn(&mut Client, &Doing) -> Result<T, Broken> + Send + 'static,
    ) -> Result<T, LedgerError> {
        let doing = Arc::<Doing>::default();
        let own = Arc::clone(&doing);
        self.wait_for("write", &doing, async move |client| work(client, &own).await)
    }

    /// Has the thread do something that keeps nothing.
    fn run<T: Send + 'static>(
        &self,
        action: &'static str,
        work: impl AsyncFn(&mut Client) -> Result<T, Broken> + Send + 'static,
    ) -> Result<T, LedgerError> {
        self.wait_for(action, &Arc::default(), work)
    }

    fn wait_for<T: Send + 'static>(
        &self,
        action: &'static str,
        doing: &Arc<Doing>,
        work: impl AsyncFn(&mut Client) -> Result<T, Broken> + Send + 'static,
    ) -> Result<T, LedgerError> {
        let (tell, told) = mpsc::channel();
        let (own, until) = (Arc::clone(doing), Instant::now() + ANSWER_MAX);
        let job: Job = Box::new(move |session| {
            // Whoever asked may have given up.
            drop(tell.send(session.run(&work, (&own, until))));
        });
        let gone = |_| Broken::Server("its connection has ended".into());
        let done = self.jobs.send(job).map_err(gone).and_then(|()| {
            told.recv_timeout(ANSWER_MAX + THREAD_GRACE).unwrap_or_else(|_late| {
                let why = "it does not answer".into();
                Err(if doing.gives_up() { Broken::Server(why) } else { Broken::Unsure(why) })
            })
        });
        let server = || self.name.clone();
        done.map_err(|broken| match broken {
            Broken::Ledger(error) => error,
            Broken::Server(source) => LedgerError::Server { action, server: server(), source },
            Broken::Unsure(source) => LedgerError::Unsure { action, server: server(), source },
        })
    }
}

const ENTRIES_OF: &str =
    "select id, time_nanos, version, event from taut_ledger.entry where remedy = $1 order by id";

async fn insert(
    transaction: &tokio_postgres::Transaction<'_>,
    remedy: i64,
    version: &str,
    text: &str,
    token: &str,
) -> Result<i64, Broken> {
    let sql = format!(
        "insert into taut_ledger.entry (remedy, time_nanos, version, event, token) \
         values ($1, {NOW}, $2, $3, $4) returning id"
    );
    let row = transaction.query_one(&sql, &[&remedy, &version, &text, &token]).await?;
    Ok(row.try_get(0)?)
}

fn entry(row: &Row, place: &std::path::Path) -> Result<Entry, Broken> {
    let text: String = row.try_get(3)?;
    let event: Event = wire::event(&text)
        .map_err(|source| LedgerError::Entry { path: place.to_path_buf(), source })?;
    Ok(Entry {
        id: row.try_get(0)?,
        time: moment(row.try_get(1)?),
        version: row.try_get(2)?,
        event,
    })
}

fn remedy(
    id: RemedyId,
    row: &Row,
    entries: Vec<Entry>,
    place: &std::path::Path,
) -> Result<Remedy, Broken> {
    let damaged = |source| LedgerError::Entry { path: place.to_path_buf(), source };
    let text = |column: usize| row.try_get::<_, String>(column);
    let proposal = super::Proposal {
        finding: text(1)?,
        server: text(2)?,
        fault: text(3)?,
        claim: text(4)?,
        change: wire::change(&text(5)?).map_err(damaged)?,
        statements: wire::statements(&text(6)?).map_err(damaged)?,
    };
    let state = State::of(entries.iter().map(|entry| &entry.event));
    let state = state.ok_or(LedgerError::Unknown { id })?;
    Ok(Remedy { id, proposal, state, entries })
}

/// How a server is called, without user and password.
pub(super) fn name_of(url: &str) -> String {
    session::name_of(url)
}

fn nanos(moment: Moment) -> i64 {
    i64::try_from(moment.nanos).unwrap_or(i64::MAX)
}

fn moment(nanos: i64) -> Moment {
    Moment { nanos: u64::try_from(nanos).unwrap_or(0) }
}

/// A text that no other write has: of the process, its clock and a count, each of which may be that of another alone.
fn token() -> String {
    static WRITES: AtomicU64 = AtomicU64::new(0);
    let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    let address = std::ptr::from_ref(&WRITES).addr();
    format!("{time:x}-{:x}-{address:x}-{:x}", std::process::id(), WRITES.fetch_add(1, Relaxed))
}
