//! A database watched over time: one look after the other, and what happened in between.
//!
//! Three rhythms (see [`crate::read_database`]): the catalog when it changes, counters at each poll, activity
//! at each sample. What happened is kept in stretches of a few minutes that together make the window; the
//! oldest goes when a new one begins, so memory is bounded by statements and tables, not by time.

mod seen;
mod window;

use std::{collections::BTreeMap, time::Duration};

use model::{
    Moment, Text,
    database::{
        Checkpoints, Database, IndexUse, IoUse, RunStatistics, Session, Standby, TableUse, Totals,
        WaitLoad,
    },
};

use crate::{
    Connection, ReadError, ReadOptions, delta,
    read::{self, Reader, StatementRows, Texts, Usage},
};

use seen::Seen;
use window::Window;

/// How a database is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PollOptions {
    /// How much is read at most.
    pub read: ReadOptions,
    /// Time between two samples of sessions: what one session seen stands for.
    pub sample_every: Duration,
    /// Time between two polls of counters.
    pub poll_every: Duration,
    /// Age at which the catalog is read again though nothing tells that it changed.
    pub catalog_every: Duration,
    /// How far back [`Poller::latest`] looks.
    pub window: Duration,
}

impl Default for PollOptions {
    /// A wait of a second is seen; half a minute is what pages redraw at; sizes change slowly; an hour holds
    /// what runs once in a while.
    fn default() -> Self {
        Self {
            read: ReadOptions::default(),
            sample_every: Duration::from_secs(1),
            poll_every: Duration::from_secs(30),
            catalog_every: Duration::from_mins(10),
            window: Duration::from_hours(1),
        }
    }
}

/// After a gap of so many polls what happened in it cannot be told apart from what happened after it.
const GAP_POLLS: u32 = 4;
/// A catalog that changes all the time is read no more often than this.
const CATALOG_REST: Duration = Duration::from_mins(1);
/// Who holds what is asked again no sooner, while sessions wait.
const BLOCKING_REST: Duration = Duration::from_secs(5);

/// What one poll brought.
#[derive(Debug, Clone, Default)]
pub struct Poll {
    /// When, by the server's clock.
    pub time: Moment,
    /// Since the poll before; zero at the first one, and after a gap.
    pub since: Duration,
    /// Runs of statements since then, by `queryid`, Taut's own left out; most time first.
    pub statements: Vec<(i64, RunStatistics)>,
    /// Average active sessions since then.
    pub load: Vec<WaitLoad>,
    /// Client connections, and how many there may be.
    pub connections: (u32, u32),
    /// The longest lag of a standby, or of this one if it is one.
    pub replay_lag: Option<Duration>,
    /// Standbys that stream from it.
    pub standbys: Vec<Standby>,
    /// Counters of the database since the poll before.
    pub totals: Totals,
    /// Checkpoints since then.
    pub checkpoints: Checkpoints,
    /// Reads and writes since then (16+).
    pub io: Vec<IoUse>,
    /// Tables that were used since then, by oid.
    pub tables: Vec<(u32, TableUse)>,
    /// Indexes that were used since then, by oid.
    pub indexes: Vec<(u32, IndexUse)>,
}

/// A database that is watched.
#[derive(Debug)]
pub struct Poller {
    options: PollOptions,
    /// The catalog, counters all zero.
    catalog: Option<Catalog>,
    before: Option<Look>,
    texts: Texts,
    seen: Seen,
    window: Window,
    /// The last of what is neither counter nor catalog: connections, locks, replication.
    standing: Database,
    blocking_due: Duration,
    /// Scans of indexes on all standbys, and of when the catalog was that they were asked about.
    standby_scans: Option<(Moment, BTreeMap<u32, u64>)>,
}

#[derive(Debug)]
struct Catalog {
    database: Database,
    /// Where `pg_stat_statements` is, as SQL.
    statements_schema: String,
    /// What would be different if it had changed.
    mark: Mark,
    read: Moment,
}

/// Relations, the newest of them, and when settings were read.
type Mark = (i64, i64, i64);

/// Counters as they stood.
#[derive(Debug)]
struct Look {
    time: Moment,
    usage: Usage,
    rows: StatementRows,
    /// Every table was seen.
    all_tables: bool,
}

impl Poller {
    /// Nothing known yet.
    #[must_use]
    pub fn new(options: PollOptions) -> Self {
        Self {
            options,
            catalog: None,
            before: None,
            texts: Texts::default(),
            seen: Seen::new(options.sample_every),
            window: Window::new(options.window),
            standing: Database::default(),
            blocking_due: Duration::ZERO,
            standby_scans: None,
        }
    }

    /// Looks at counters, and at the catalog if it changed or is old.
    ///
    /// # Errors
    ///
    /// When the connection breaks, or the server is too old.
    pub async fn poll(&mut self, connection: &Connection) -> Result<Poll, ReadError> {
        let mut standing = Database::default();
        let (mut reader, time) = self.reader(connection, &mut standing).await?;
        let Some(catalog) = &self.catalog else { return Ok(Poll::default()) };
        let database = &catalog.database;
        let usage = read::usage(&mut reader, database).await?;
        let mut rows = read::statements(&mut reader, database, false).await?;
        if rows.readable && !self.texts.know(&rows) {
            rows = read::statements(&mut reader, database, true).await?;
            self.texts.learn(&rows);
            for row in &mut rows.all {
                row.text = None;
            }
        }
        standing.settings.clone_from(&database.settings);
        read::standing(&mut reader, &mut standing).await?;
        if self.standby_scans.is_none() {
            read::unasked_standbys(&mut reader, &standing);
        }
        let look = Look { time, usage, rows, all_tables: database.tables_left_out == 0 };
        reader.finish(&mut standing);
        let poll = self.compare(look, standing);
        Ok(poll)
    }

    /// Looks at what sessions do.
    ///
    /// # Errors
    ///
    /// When the connection breaks.
    pub async fn sample(&mut self, connection: &Connection) -> Result<(), ReadError> {
        let Some(catalog) = &self.catalog else { return Ok(()) };
        let mut reader = Reader::again(connection, &catalog.database);
        let sample = read::sample(&mut reader, &self.options.read, &mut self.texts).await?;
        self.blocking_due = self.blocking_due.saturating_sub(self.options.sample_every);
        let waits = sample.sessions.iter().any(|session| session.wait_type == "Lock");
        if waits && self.blocking_due.is_zero() {
            self.standing.blocking.clear();
            read::blocking(&mut reader, &mut self.standing).await?;
            self.blocking_due = BLOCKING_REST;
        }
        self.window.own(reader.own());
        self.seen.add(&catalog.database.name, &sample);
        self.standing.sessions = sample.sessions;
        Ok(())
    }

    /// Asks all standbys which indexes they use; what they say stands until they are asked again.
    ///
    /// # Errors
    ///
    /// When a connection breaks; what they said before stands then.
    pub async fn ask_standbys(&mut self, standbys: &[Connection]) -> Result<(), ReadError> {
        let Some(catalog) = &self.catalog else { return Ok(()) };
        let mut sums: BTreeMap<u32, u64> = BTreeMap::new();
        for standby in standbys {
            for (oid, scans) in read::standby_scans(standby, &catalog.database).await? {
                let sum = sums.entry(oid).or_default();
                *sum = sum.saturating_add(scans);
            }
        }
        self.standby_scans = Some((catalog.read, sums));
        Ok(())
    }

    /// Whether standbys have not been asked since the catalog was read.
    #[must_use]
    pub fn standbys_are_due(&self) -> bool {
        let read = self.catalog.as_ref().map(|catalog| catalog.read);
        read.is_some() && read != self.standby_scans.as_ref().map(|(asked, _)| *asked)
    }

    /// What sessions did at the last sample.
    #[must_use]
    pub fn sessions(&self) -> &[Session] {
        &self.standing.sessions
    }

    /// What is known of the database over the window, or as long as it was watched if that is shorter.
    /// Before two polls have been made, counters count since they were reset. `None` before the first poll.
    #[must_use]
    pub fn latest(&self) -> Option<Database> {
        let (catalog, look) = (self.catalog.as_ref()?, self.before.as_ref()?);
        let mut database = catalog.database.clone();
        self.put_standing(&mut database);
        let statements_max = self.options.read.statements_max;
        if let Some(total) = self.window.total() {
            total.usage.put(&mut database);
            read::put_statements(&total.rows, &self.texts, statements_max, &mut database);
            database.statements_evicted = total.evicted;
            database.own_millis = total.own.as_secs_f64() * 1e3;
            database.window = model::Window { from: total.from, to: look.time };
            database.since_reset = false;
        } else {
            look.usage.put(&mut database);
            read::put_statements(&look.rows.all, &self.texts, statements_max, &mut database);
            database.window = read::since_reset(&look.rows, &database, look.time);
            database.since_reset = true;
        }
        let asked = self.standby_scans.as_ref().map(|(_, scans)| scans);
        read::put_standby_scans(&mut database, asked);
        database.load = self.window.load();
        self.seen.tell(&mut database);
        Some(database)
    }

    /// Share of the database's time that watching it takes, 0 to 1: by its own statistics where they are to be
    /// had, else by the clock against the sessions that were active.
    #[must_use]
    pub fn own_share(&self) -> f64 {
        self.window.own_share(&self.texts)
    }

    /// Routes and services of statements, as comments in them told, by fingerprint.
    pub fn told_routes(&self) -> impl Iterator<Item = (u64, &model::database::Routes)> {
        self.seen.routes()
    }

    /// A reader that knows the server, the catalog being up to date; and the server's time.
    async fn reader<'c>(
        &mut self,
        connection: &'c Connection,
        standing: &mut Database,
    ) -> Result<(Reader<'c>, Moment), ReadError> {
        let mut reader = Reader::new(connection);
        read::identity(&mut reader, standing).await?;
        let time = standing.window.to;
        let mark = read::change(&mut reader).await?;
        if let Some(catalog) = &self.catalog {
            let age = time.since(catalog.read);
            let is_other = standing.server.version_num != catalog.database.server.version_num
                || standing.server.role != catalog.database.server.role;
            let is_old = self.options.catalog_every <= age;
            let has_changed = mark != catalog.mark && CATALOG_REST <= age;
            if !is_other && !is_old && !has_changed {
                reader.statements_schema.clone_from(&catalog.statements_schema);
                return Ok((reader, time));
            }
        }
        let mut database = Database::default();
        read::catalog(&mut reader, &self.options.read, &mut database).await?;
        let statements_schema = reader.statements_schema.clone();
        database.missing = reader.take_missing();
        self.catalog = Some(Catalog { database, statements_schema, mark, read: time });
        Ok((reader, time))
    }

    /// What happened since the last look.
    fn compare(&mut self, look: Look, standing: Database) -> Poll {
        let connections = (standing.connections.used(), standing.connections.max);
        let lags = standing.standbys.iter().filter_map(|standby| standby.replay_lag);
        let replay_lag = lags.chain(standing.replay_lag).max();
        let standbys = standing.standbys.clone();
        let load = self.seen.take_load();
        let own = Duration::from_secs_f64(standing.own_millis / 1e3);
        let sessions = std::mem::take(&mut self.standing.sessions);
        self.standing = Database { sessions, ..standing };
        let mut poll = Poll {
            time: look.time,
            load: load.average(),
            connections,
            replay_lag,
            standbys,
            ..Poll::default()
        };
        let gap = self.options.poll_every.max(Duration::from_secs(15)) * GAP_POLLS;
        if let Some(before) =
            self.before.as_ref().filter(|before| look.time.since(before.time) <= gap)
        {
            poll.since = look.time.since(before.time);
            let all_tables = before.all_tables && look.all_tables;
            let rows = delta::statements(&before.rows, &look.rows, before.time);
            let usage = delta::usage(&before.usage, &look.usage, all_tables);
            let max = self
                .catalog
                .as_ref()
                .and_then(|catalog| catalog.database.settings.get("pg_stat_statements.max"));
            let max = max.and_then(|max| max.raw.parse().ok()).unwrap_or(5_000);
            let evicted = delta::evicted(&before.rows, &look.rows, max);
            poll.statements = read::by_statement(&rows, &self.texts);
            poll.totals = usage.totals.clone();
            poll.checkpoints = usage.checkpoints.clone();
            poll.io.clone_from(&usage.io);
            poll.tables = usage.tables.iter().map(|(oid, used)| (*oid, used.clone())).collect();
            poll.indexes = usage.indexes.iter().map(|(oid, used)| (*oid, used.clone())).collect();
            let from = before.time;
            self.window.add(from, window::Stretch { from, rows, usage, evicted, own, load });
        } else {
            self.window.own(own);
        }
        self.before = Some(look);
        poll
    }

    /// Fills in what is neither counter nor catalog.
    fn put_standing(&self, database: &mut Database) {
        let now = &self.standing;
        database.sessions.clone_from(&now.sessions);
        database.blocking.clone_from(&now.blocking);
        database.connections.clone_from(&now.connections);
        database.standbys.clone_from(&now.standbys);
        database.slots.clone_from(&now.slots);
        database.replay_lag = now.replay_lag;
        database.prepared.clone_from(&now.prepared);
        database.progress.clone_from(&now.progress);
        database.server.recovery = now.server.recovery;
        database.server.started = now.server.started;
        database.server.role = now.server.role.clone();
        database.transaction_age = now.transaction_age;
        database.missing.extend(now.missing.iter().cloned());
        database.missing.sort();
        database.missing.dedup();
        for note in &now.notes {
            if !database.notes.contains(note) {
                database.notes.push(note.clone());
            }
        }
    }
}

/// Load by what was waited for.
type Load = BTreeMap<(Text, Text), f64>;
