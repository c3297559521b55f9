//! What a record is about, by its message: the wording of the server's own sources, versions 13 to 18.

use std::time::Duration;

use super::{
    record::{Record, Severity},
    vacuum::{self, TableRun},
};

/// What a record is about.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A statement, or a phase of one, and how long it took if that is told.
    Statement {
        /// Which phase.
        phase: Phase,
        /// How long; `None` where only `log_statement` is on.
        took: Option<Duration>,
        /// The statement as it was sent.
        text: &'a str,
    },
    /// `log_duration` alone: the statement stands in an earlier record of the session, or nowhere.
    Took(Duration),
    /// A plan of `auto_explain`.
    Plan {
        /// How long the statement took.
        took: Duration,
        /// As what it is printed.
        format: PlanFormat,
        /// The plan, its first line being the text of the query.
        text: &'a str,
    },
    /// Somebody waits for a lock, or no longer does.
    Lock(Lock<'a>),
    /// A file that did not fit into `work_mem`, as it is removed.
    TempFile {
        /// Its size.
        bytes: u64,
    },
    /// A checkpoint begins.
    CheckpointStarts {
        /// `time`, `wal`, `immediate force wait` …
        reasons: &'a str,
    },
    /// A checkpoint (on a replica a restart point) is complete.
    CheckpointDone(Checkpoint),
    /// Checkpoints come more often than `checkpoint_warning` allows.
    CheckpointsTooOften,
    /// Autovacuum did its work on a table.
    Table(TableRun<'a>),
    /// Somebody came or went.
    Session(Session<'a>),
    /// On a replica, replay waits for a statement.
    RecoveryWaits {
        /// How long by now.
        after: Duration,
        /// It is over.
        is_over: bool,
    },
    /// The server started, stopped, crashed …
    Server(Start),
    /// A standby connects, a slot is used.
    Replication,
    /// A warning or worse; [`super::redacted_message`] says which.
    Problem,
    /// Anything else.
    Other,
}

/// The phases of a statement; a simple statement has one.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Of the simple protocol: all phases in one.
    Statement,
    /// Of the extended protocol: the work itself.
    Execute,
    /// Reading the text.
    Parse,
    /// Planning for the parameters.
    Bind,
}

impl Phase {
    /// Whether it is the work itself, which counts a statement once.
    #[must_use]
    pub fn is_work(self) -> bool {
        matches!(self, Self::Statement | Self::Execute)
    }
}

/// As what `auto_explain` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PlanFormat {
    /// Indented lines.
    Text,
    /// JSON.
    Json,
    /// XML.
    Xml,
    /// YAML.
    Yaml,
}

/// A wait for a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lock<'a> {
    /// The process that waits.
    pub pid: Option<u32>,
    /// `ShareLock`, `AccessExclusiveLock` …
    pub mode: &'a str,
    /// `transaction 740`, `relation 16384 of database 5`, `tuple (0,5) of relation …`.
    pub object: &'a str,
    /// How long by now.
    pub after: Duration,
    /// What came of it.
    pub end: LockEnd,
}

impl<'a> Lock<'a> {
    /// `transaction`, `relation`, `tuple`, `advisory` …
    #[must_use]
    pub fn kind(&self) -> &'a str {
        match self.object.split(' ').next().unwrap_or_default() {
            "virtual" => "virtual transaction",
            "speculative" => "speculative token",
            kind => kind,
        }
    }
}

/// What came of a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockEnd {
    /// It goes on.
    Waiting,
    /// The lock was had.
    Acquired,
    /// It was part of a deadlock.
    Deadlock,
    /// A deadlock was avoided by turning the queue round.
    Rearranged,
    /// The lock was not had.
    Failed,
}

/// A checkpoint that is complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Checkpoint {
    /// Buffers of 8 KB that were written.
    pub buffers: u64,
    /// Time spent in writing.
    pub write: Duration,
    /// Time spent in syncing.
    pub sync: Duration,
    /// Time in all.
    pub total: Duration,
    /// The longest sync of a file.
    pub sync_longest: Duration,
    /// WAL files added.
    pub wal_added: u64,
    /// WAL files removed.
    pub wal_removed: u64,
    /// WAL files used again.
    pub wal_recycled: u64,
    /// WAL since the checkpoint before.
    pub distance_bytes: u64,
    /// It is one of a replica.
    pub is_restart_point: bool,
}

/// Somebody came or went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Session<'a> {
    /// A connection was opened.
    Received {
        /// From where.
        host: &'a str,
    },
    /// It was let in.
    Authorized {
        /// As whom.
        user: &'a str,
        /// To which database; none for replication.
        database: &'a str,
        /// What it calls itself.
        application: &'a str,
    },
    /// It ended.
    Ended {
        /// How long it was.
        length: Duration,
        /// Whose it was.
        user: &'a str,
        /// Of which database.
        database: &'a str,
        /// From where.
        host: &'a str,
    },
}

/// What happens to a server as a whole.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Start {
    /// It starts.
    Starting,
    /// It takes connections.
    Ready,
    /// Somebody asked it to stop.
    StopRequested,
    /// It has stopped.
    Stopped,
    /// A process crashed, or was killed.
    Crashed,
    /// It recovers from not having been stopped.
    Recovering,
    /// It reads its settings again.
    Reloaded,
}

/// What `record` is about.
#[must_use]
pub fn event<'a>(record: &'a Record<'_>) -> Event<'a> {
    let message = &*record.message;
    if record.severity != Severity::Log {
        return if Severity::Warning <= record.severity { Event::Problem } else { Event::Other };
    }
    if let Some(rest) = message.strip_prefix("duration: ") {
        return duration(rest).unwrap_or(Event::Other);
    }
    let found = match message.as_bytes().first() {
        Some(b's') => message.strip_prefix("statement: ").map(untimed).or_else(|| server(message)),
        Some(b'e') => message
            .strip_prefix("execute ")
            .and_then(named)
            .map(|text| Event::Statement { phase: Phase::Execute, took: None, text }),
        Some(b'p') => message.strip_prefix("process ").and_then(lock),
        Some(b't') => temp_file(message).or_else(|| server(message)),
        Some(b'c') => checkpoint(message).or_else(|| session(message)),
        Some(b'd') => session(message).or_else(|| server(message)),
        Some(b'a') => vacuum::run(message).map(Event::Table).or_else(|| server(message)),
        Some(b'r') => checkpoint(message)
            .or_else(|| recovery(message))
            .or_else(|| session(message))
            .or_else(|| server(message)),
        _ => server(message),
    };
    found.unwrap_or(Event::Other)
}

fn untimed(text: &str) -> Event<'_> {
    Event::Statement { phase: Phase::Statement, took: None, text }
}

/// What follows `duration: `.
fn duration(rest: &str) -> Option<Event<'_>> {
    let (took, rest) = millis(rest)?;
    let rest = rest.strip_prefix(" ms")?;
    let Some(rest) = rest.strip_prefix("  ") else {
        return rest.trim().is_empty().then_some(Event::Took(took));
    };
    let took_some = Some(took);
    if let Some(text) = rest.strip_prefix("statement: ") {
        return Some(Event::Statement { phase: Phase::Statement, took: took_some, text });
    }
    let phases = [("execute ", Phase::Execute), ("bind ", Phase::Bind), ("parse ", Phase::Parse)];
    for (word, phase) in phases {
        if let Some(text) = rest.strip_prefix(word).and_then(named) {
            return Some(Event::Statement { phase, took: took_some, text });
        }
    }
    if let Some(text) = rest.strip_prefix("plan:") {
        let text = text.trim_start_matches(['\n', '\r', ' ']);
        let format = match text.as_bytes().first() {
            Some(b'{' | b'[') => PlanFormat::Json,
            Some(b'<') => PlanFormat::Xml,
            _ if text.starts_with("Query Text: \"") && text.contains("\nPlan:") => PlanFormat::Yaml,
            _ => PlanFormat::Text,
        };
        return Some(Event::Plan { took, format, text });
    }
    let text = rest.strip_prefix("fastpath function call: ")?;
    Some(Event::Statement { phase: Phase::Statement, took: took_some, text })
}

/// The statement behind `P_1: `, `<unnamed>: `, `fetch from P_1/portal: `.
fn named(rest: &str) -> Option<&str> {
    rest.split_once(": ").map(|(_, text)| text)
}

/// `12.345`, in milliseconds, and what follows.
fn millis(text: &str) -> Option<(Duration, &str)> {
    let end = text.bytes().take(24).position(|byte| !byte.is_ascii_digit() && byte != b'.')?;
    let (number, rest) = text.split_at_checked(end)?;
    Some((scaled(number, 1_000_000)?, rest))
}

/// A decimal number of so many nanoseconds each.
fn scaled(number: &str, unit_nanos: u64) -> Option<Duration> {
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let mut nanos = whole.parse::<u64>().ok()?.checked_mul(unit_nanos)?;
    let mut unit = unit_nanos;
    for digit in part.bytes() {
        unit /= 10;
        nanos = nanos.checked_add(u64::from(digit.checked_sub(b'0')?).checked_mul(unit)?)?;
    }
    Some(Duration::from_nanos(nanos))
}

/// Seconds, behind a word and up to the next space or comma.
pub(super) fn seconds_after(text: &str, word: &str) -> Option<Duration> {
    let (_, rest) = text.split_once(word)?;
    let end = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.');
    scaled(rest.get(..end.unwrap_or(rest.len()))?, 1_000_000_000)
}

/// The whole number behind a word.
pub(super) fn number_after(text: &str, word: &str) -> Option<u64> {
    let (_, rest) = text.split_once(word)?;
    let end = rest.find(|letter: char| !letter.is_ascii_digit());
    rest.get(..end.unwrap_or(rest.len()))?.parse().ok()
}

/// The whole number before a word.
pub(super) fn number_before(text: &str, word: &str) -> Option<u64> {
    let (before, _) = text.split_once(word)?;
    before.rsplit(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()
}

/// What follows `process `.
fn lock(rest: &str) -> Option<Event<'_>> {
    let (pid, rest) = rest.split_once(' ')?;
    let ends = [
        ("still waiting for ", LockEnd::Waiting),
        ("acquired ", LockEnd::Acquired),
        ("detected deadlock while waiting for ", LockEnd::Deadlock),
        ("avoided deadlock for ", LockEnd::Rearranged),
        ("failed to acquire ", LockEnd::Failed),
    ];
    let (rest, end) =
        ends.into_iter().find_map(|(word, end)| Some((rest.strip_prefix(word)?, end)))?;
    let (mode, rest) = rest.split_once(" on ")?;
    let (object, rest) = rest.rsplit_once(" after ")?;
    let object = object.strip_suffix(" by rearranging queue order").unwrap_or(object);
    let (after, _) = millis(rest)?;
    Some(Event::Lock(Lock { pid: pid.parse().ok(), mode, object, after, end }))
}

fn temp_file(message: &str) -> Option<Event<'_>> {
    let rest = message.strip_prefix("temporary file: path ")?;
    let (_, bytes) = rest.rsplit_once(", size ")?;
    Some(Event::TempFile { bytes: bytes.trim().parse().ok()? })
}

fn checkpoint(message: &str) -> Option<Event<'_>> {
    let (is_restart_point, rest) = match message.strip_prefix("restartpoint ") {
        Some(rest) => (true, rest),
        None => (false, message.strip_prefix("checkpoint")?),
    };
    let rest = rest.trim_start();
    if rest.starts_with("s are occurring too frequently") {
        return Some(Event::CheckpointsTooOften);
    }
    if let Some(reasons) = rest.strip_prefix("starting:") {
        return Some(Event::CheckpointStarts { reasons: reasons.trim() });
    }
    let rest = rest.strip_prefix("complete: ")?;
    let seconds = |word| seconds_after(rest, word).unwrap_or_default();
    let number = |word| number_before(rest, word).unwrap_or_default();
    Some(Event::CheckpointDone(Checkpoint {
        buffers: number(" buffers"),
        write: seconds("write="),
        sync: seconds(" sync="),
        total: seconds("total="),
        sync_longest: seconds("longest="),
        wal_added: number(" WAL file(s) added"),
        wal_removed: number(" removed"),
        wal_recycled: number(" recycled"),
        distance_bytes: number_after(rest, "distance=").unwrap_or_default().saturating_mul(1_024),
        is_restart_point,
    }))
}

fn session(message: &str) -> Option<Event<'_>> {
    let value = |rest: &'_ str, key: &str| {
        let from = rest.find(key)? + key.len();
        Some((from, rest.get(from..)?.find(' ').map_or(rest.len(), |end| from + end)))
    };
    let field = |rest, key| {
        let (from, to) = value(rest, key)?;
        message_part(rest, from, to)
    };
    if let Some(rest) = message.strip_prefix("connection received: ") {
        return Some(Event::Session(Session::Received {
            host: field(rest, "host=").unwrap_or(""),
        }));
    }
    if let Some(rest) = message
        .strip_prefix("connection authorized: ")
        .or_else(|| message.strip_prefix("replication connection authorized: "))
    {
        return Some(Event::Session(Session::Authorized {
            user: field(rest, "user=").unwrap_or(""),
            database: field(rest, "database=").unwrap_or(""),
            application: field(rest, "application_name=").unwrap_or(""),
        }));
    }
    let rest = message.strip_prefix("disconnection: session time: ")?;
    let (length, rest) = rest.split_once(' ')?;
    let mut parts = length.splitn(3, ':');
    let whole = |part: Option<&str>| part?.parse::<u64>().ok();
    let (hours, minutes) = (whole(parts.next())?, whole(parts.next())?);
    let seconds = scaled(parts.next()?, 1_000_000_000)?;
    let before = hours.checked_mul(3_600)?.checked_add(minutes.checked_mul(60)?)?;
    Some(Event::Session(Session::Ended {
        length: seconds.checked_add(Duration::from_secs(before))?,
        user: field(rest, "user=").unwrap_or(""),
        database: field(rest, "database=").unwrap_or(""),
        host: field(rest, "host=").unwrap_or(""),
    }))
}

fn message_part(text: &str, from: usize, to: usize) -> Option<&str> {
    text.get(from..to)
}

fn recovery(message: &str) -> Option<Event<'_>> {
    let rest = message.strip_prefix("recovery ")?;
    let is_over = rest.starts_with("finished waiting");
    if !is_over && !rest.starts_with("still waiting") {
        return None;
    }
    let (_, rest) = rest.split_once(" after ")?;
    let (after, _) = millis(rest)?;
    Some(Event::RecoveryWaits { after, is_over })
}

/// What happens to the server, by how the message begins.
const SERVER: &[(&str, Start)] = &[
    ("starting PostgreSQL ", Start::Starting),
    ("database system is ready to accept", Start::Ready),
    ("database system is shut down", Start::Stopped),
    ("database system was interrupted", Start::Recovering),
    ("database system was not properly shut down", Start::Recovering),
    ("received fast shutdown request", Start::StopRequested),
    ("received smart shutdown request", Start::StopRequested),
    ("received immediate shutdown request", Start::StopRequested),
    ("received SIGHUP, reloading", Start::Reloaded),
    ("all server processes terminated; reinitializing", Start::Crashed),
];

fn server(message: &str) -> Option<Event<'_>> {
    if let Some((_, start)) = SERVER.iter().find(|(words, _)| message.starts_with(words)) {
        return Some(Event::Server(*start));
    }
    let words = [
        "received replication command: ",
        "standby \"",
        "started streaming WAL",
        "starting logical decoding for slot",
        "logical decoding found",
        "replication terminated by primary",
        "acquired logical replication slot",
        "released logical replication slot",
        "acquired physical replication slot",
        "released physical replication slot",
        "invalidating obsolete replication slot",
    ];
    words.iter().any(|words| message.starts_with(words)).then_some(Event::Replication)
}
