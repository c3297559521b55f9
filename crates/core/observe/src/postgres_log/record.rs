//! One entry of a log, whatever it was written as.

use std::borrow::Cow;

use super::time::LogTime;

/// How bad it is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// `DEBUG1` to `DEBUG5`.
    Debug,
    /// `INFO`.
    Info,
    /// `NOTICE`.
    Notice,
    /// `LOG`: what the settings of the log asked for.
    Log,
    /// `WARNING`.
    Warning,
    /// `ERROR`: the statement failed.
    Error,
    /// `FATAL`: the session ended.
    Fatal,
    /// `PANIC`: all sessions ended.
    Panic,
}

impl Severity {
    /// As logs spell it; `None` for anything else.
    #[must_use]
    pub fn parse(word: &[u8]) -> Option<Self> {
        Some(match word {
            b"LOG" => Self::Log,
            b"ERROR" => Self::Error,
            b"FATAL" => Self::Fatal,
            b"WARNING" => Self::Warning,
            b"NOTICE" => Self::Notice,
            b"INFO" => Self::Info,
            b"PANIC" => Self::Panic,
            b"DEBUG" | b"DEBUG1" | b"DEBUG2" | b"DEBUG3" | b"DEBUG4" | b"DEBUG5" => Self::Debug,
            _ => return None,
        })
    }

    /// As logs spell it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Notice => "NOTICE",
            Self::Log => "LOG",
            Self::Warning => "WARNING",
            Self::Error => "ERROR",
            Self::Fatal => "FATAL",
            Self::Panic => "PANIC",
        }
    }
}

/// One entry. What the log does not say is `None` or empty; all text is as it was logged, with its literals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record<'a> {
    /// When it was written.
    pub time: Option<LogTime>,
    /// How bad it is.
    pub severity: Severity,
    /// The process that wrote it.
    pub pid: Option<u32>,
    /// The session: start of the process and its id, in hexadecimal digits.
    pub session: Cow<'a, str>,
    /// Number of the entry within its session.
    pub line: Option<u64>,
    /// Who was connected.
    pub user: Cow<'a, str>,
    /// To which database.
    pub database: Cow<'a, str>,
    /// `application_name`.
    pub application: Cow<'a, str>,
    /// From where; without the port.
    pub host: Cow<'a, str>,
    /// `client backend`, `autovacuum worker` …
    pub backend: Cow<'a, str>,
    /// Five letters of SQLSTATE.
    pub sqlstate: Cow<'a, str>,
    /// What happened.
    pub message: Cow<'a, str>,
    /// More of it.
    pub detail: Cow<'a, str>,
    /// What to do.
    pub hint: Cow<'a, str>,
    /// Where in functions.
    pub context: Cow<'a, str>,
    /// What the client had asked for.
    pub statement: Cow<'a, str>,
    /// The id that `pg_stat_statements` has for the statement.
    pub query_id: Option<i64>,
    /// It was longer than what is read of an entry.
    pub cut: bool,
}

impl Default for Record<'_> {
    fn default() -> Self {
        Self {
            time: None,
            severity: Severity::Log,
            pid: None,
            session: Cow::Borrowed(""),
            line: None,
            user: Cow::Borrowed(""),
            database: Cow::Borrowed(""),
            application: Cow::Borrowed(""),
            host: Cow::Borrowed(""),
            backend: Cow::Borrowed(""),
            sqlstate: Cow::Borrowed(""),
            message: Cow::Borrowed(""),
            detail: Cow::Borrowed(""),
            hint: Cow::Borrowed(""),
            context: Cow::Borrowed(""),
            statement: Cow::Borrowed(""),
            query_id: None,
            cut: false,
        }
    }
}

/// Text of a log, which may be in any encoding.
pub(super) fn text(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

/// A name; `[unknown]` is how logs say that there is none.
pub(super) fn name(bytes: &[u8]) -> Cow<'_, str> {
    if bytes == b"[unknown]" { Cow::Borrowed("") } else { text(bytes) }
}

/// A whole number.
pub(super) fn number(bytes: &[u8]) -> Option<u64> {
    if bytes.is_empty() {
        return None;
    }
    bytes.iter().try_fold(0_u64, |value, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        value.checked_mul(10)?.checked_add(digit)
    })
}

/// An id that may be negative; 0 is how logs say that there is none.
pub(super) fn query_id(bytes: &[u8]) -> Option<i64> {
    let id: i64 = std::str::from_utf8(bytes).ok()?.trim().parse().ok()?;
    (id != 0).then_some(id)
}
