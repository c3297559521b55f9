//! What goes wrong with ClickHouse, and what to do about it.

use std::fmt;

use super::schema::SCHEMA_VERSION;

/// The oldest version with all that is used here: insertion tokens, bloom filters, maps, `sumMap`.
pub const OLDEST_VERSION: (u32, u32) = (24, 8);

/// ClickHouse could not do as asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("failed to {action} in ClickHouse at {at}: {why}")]
pub struct Trouble {
    /// What was tried: `ask`, `insert spans`, `make the tables`.
    pub action: &'static str,
    /// The address, without user and password.
    pub at: String,
    /// Why it failed.
    pub why: Why,
}

/// Why ClickHouse could not do as asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// It is not there, or does not answer in time.
    Away(String),
    /// It is there, and has too much to do, or too little room.
    Busy(String),
    /// It does not know the user, or the password is another.
    Credentials,
    /// The user may not do that.
    Rights(String),
    /// The database is not there, and may not be made.
    Database(String),
    /// It is too old.
    Version(String),
    /// Its tables were made by a newer Taut.
    Schema(u32),
    /// The question took longer, or looks at more rows, than allowed.
    Limit(Reached),
    /// It does not understand, or something else failed; what it said.
    Refused(String),
    /// The answer is not of the shape that was asked for, or larger than allowed.
    Answer(&'static str),
}

/// A limit of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reached {
    /// Of time.
    Time,
    /// Of rows.
    Rows,
    /// Of memory that ClickHouse gives to one question.
    Memory,
}

/// Most of what ClickHouse says that is passed on: a message, not the statement that it quotes.
const SAID_MAX: usize = 300;

impl Why {
    /// What an answer that is no success means: its HTTP status, the number of ClickHouse's exception, and its words.
    pub(crate) fn of(status: u16, code: Option<u32>, said: &str) -> Self {
        let said = shortened(said);
        match code.or_else(|| code_of(&said)) {
            Some(516 | 192 | 193 | 194) => Self::Credentials,
            Some(497 | 164 | 291) => Self::Rights(said),
            Some(81) => Self::Database(said),
            Some(159 | 160) => Self::Limit(Reached::Time),
            Some(158 | 396) => Self::Limit(Reached::Rows),
            Some(241 | 307) => Self::Limit(Reached::Memory),
            // Too many questions, parts or connections; no room; a replica that has lost its keeper; a shard away.
            Some(
                202 | 203 | 209 | 210 | 225 | 242 | 243 | 252 | 279 | 285 | 286 | 319 | 425 | 999,
            ) => Self::Busy(said),
            Some(_) => Self::Refused(said),
            None => match status {
                401 | 403 => Self::Credentials,
                408 | 429 | 500 | 502..=504 => Self::Busy(said),
                _ => Self::Refused(format!("status {status}: {said}")),
            },
        }
    }

    /// Whether the same may go well a little later.
    #[must_use]
    pub fn passes(&self) -> bool {
        matches!(self, Self::Away(_) | Self::Busy(_) | Self::Limit(Reached::Memory))
    }
}

/// Its first line, cut, without what could disturb a terminal.
fn shortened(said: &str) -> String {
    let line = said.trim().lines().next().unwrap_or_default();
    line.chars().filter(|it| !it.is_control()).take(SAID_MAX).collect()
}

/// `Code: 60. DB::Exception: …`
fn code_of(said: &str) -> Option<u32> {
    let (_, rest) = said.split_once("Code: ")?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

impl Trouble {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match &self.why {
            Why::Away(_) => {
                "what comes in is kept in the folder and moved over once ClickHouse is back; \
                 check `store.clickhouse.url`"
            }
            Why::Busy(_) => "what comes in is kept in the folder and moved over later",
            Why::Credentials => {
                "check `store.clickhouse.user`, and the password in the environment variable \
                 TAUT_CLICKHOUSE_PASSWORD"
            }
            Why::Rights(_) => {
                "the user needs SELECT, INSERT, CREATE TABLE and ALTER TABLE on the database: \
                 the page on ClickHouse in the guide has the GRANT"
            }
            Why::Database(_) => {
                "make the database, or grant CREATE DATABASE to the user: \
                 the page on ClickHouse in the guide has both"
            }
            Why::Version(_) => "update ClickHouse, or keep spans in the folder alone",
            Why::Schema(_) => {
                "run the newest Taut that uses this database, or name another database"
            }
            Why::Limit(Reached::Memory) => "ask for a shorter time, or fewer groups",
            Why::Limit(_) => "ask for a shorter time",
            Why::Refused(_) | Why::Answer(_) => "the log of the ClickHouse server says more",
        }
        .to_owned()
    }
}

impl fmt::Display for Why {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Away(said) => write!(out, "it does not answer ({said})"),
            Self::Busy(said) => write!(out, "it cannot at the moment ({said})"),
            Self::Credentials => out.write_str("user or password are wrong"),
            Self::Rights(said) => write!(out, "the user may not do that ({said})"),
            Self::Database(said) => write!(out, "the database is not there ({said})"),
            Self::Version(version) => {
                let (year, month) = OLDEST_VERSION;
                write!(out, "it is of version {version}, and {year}.{month} or newer is needed")
            }
            Self::Schema(version) => {
                write!(
                    out,
                    "its tables are of version {version}, and this Taut knows up to {SCHEMA_VERSION}"
                )
            }
            Self::Limit(Reached::Time) => out.write_str("it takes longer than allowed"),
            Self::Limit(Reached::Rows) => out.write_str("it takes more rows than allowed"),
            Self::Limit(Reached::Memory) => out.write_str("it takes more memory than allowed"),
            Self::Refused(said) => write!(out, "it refuses ({said})"),
            Self::Answer(what) => write!(out, "its answer {what}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(status: u16, code: Option<u32>, said: &str, expected: impl Into<Option<Why>>) {
        assert_eq!(Some(Why::of(status, code, said)), expected.into(), "{status} {code:?} {said}");
    }

    #[test]
    fn what_clickhouse_says_is_told_in_our_words() {
        let wrong =
            "Code: 516. DB::Exception: default: Authentication failed: password is incorrect";
        check(403, Some(516), wrong, Why::Credentials);
        check(500, None, wrong, Why::Credentials);
        check(401, None, "", Why::Credentials);
        check(404, Some(81), "no database", Why::Database("no database".to_owned()));
        check(500, Some(497), "no grant", Why::Rights("no grant".to_owned()));
        check(500, Some(159), "slow", Why::Limit(Reached::Time));
        check(500, Some(158), "many", Why::Limit(Reached::Rows));
        check(500, Some(252), "parts", Why::Busy("parts".to_owned()));
        check(503, None, "gateway", Why::Busy("gateway".to_owned()));
        check(400, Some(62), "syntax", Why::Refused("syntax".to_owned()));
        check(418, None, "tea", Why::Refused("status 418: tea".to_owned()));
    }

    #[test]
    fn only_what_may_pass_is_tried_again() {
        assert!(Why::Away(String::new()).passes());
        assert!(Why::Busy(String::new()).passes());
        for why in [Why::Credentials, Why::Schema(9), Why::Refused(String::new())] {
            assert!(!why.passes(), "{why:?}");
        }
    }

    #[test]
    fn a_message_is_one_line_without_control_characters() {
        let why = Why::of(500, Some(1), &format!("a\u{1b}[31mb{}\nsecond", "c".repeat(1_000)));
        let Why::Refused(said) = why else { panic!("{why:?}") };
        assert!(said.starts_with("a[31mb") && said.len() == SAID_MAX, "{said}");
    }
}
