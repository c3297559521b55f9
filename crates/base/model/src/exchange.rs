//! A request with its answer, as somebody on the way has seen them: what captures keep, replays play and loads imitate.

use std::time::Duration;

use crate::{Moment, TraceId};

/// A request with its answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Exchange {
    /// When the head of the request was there.
    pub began: Moment,
    /// From then until the last byte of the answer.
    pub took: Duration,
    /// The route that took it; empty if none did, or none is known.
    pub route: String,
    /// The trace that it belongs to.
    pub trace_id: Option<TraceId>,
    /// Who asked: the same text for the same client; empty if that is not known.
    pub client: String,
    /// What was asked.
    pub request: RequestSeen,
    /// What was answered; `None` if nothing was, or it is not known.
    pub answer: Option<AnswerSeen>,
}

/// A request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RequestSeen {
    /// `GET`.
    pub method: String,
    /// Path and query, as they were sent.
    pub target: String,
    /// Names in lower case, and values, in their order.
    pub headers: Vec<(String, String)>,
    /// What came after the head.
    pub body: BodySeen,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AnswerSeen {
    /// `200`.
    pub status: u16,
    /// Names in lower case, and values, in their order.
    pub headers: Vec<(String, String)>,
    /// What came after the head.
    pub body: BodySeen,
    /// Whether all of it came.
    pub end: AnswerEnd,
}

/// A body, or what was kept of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BodySeen {
    /// What was kept.
    pub bytes: Vec<u8>,
    /// Bytes that were sent, before anything was unpacked, cut or replaced.
    pub sent_bytes: u64,
    /// What of it was kept.
    pub kept: Kept,
    /// The coding that was undone (`gzip`); empty for none.
    pub unpacked: String,
}

/// What of a body was kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Kept {
    /// All of it.
    #[default]
    Whole,
    /// Its beginning.
    Cut,
    /// Nothing: it cannot be looked into for what must not be kept.
    LeftOut,
}

/// Whether all of an answer came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AnswerEnd {
    /// It did.
    #[default]
    Whole,
    /// Whoever answered broke it off.
    Broken,
    /// Who asked went away before.
    Left,
}

impl RequestSeen {
    /// The path, without the query.
    #[must_use]
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// The first value of a header, by its name in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        first(&self.headers, name)
    }

    /// Whether it asks for something and changes nothing (RFC 9110, section 9.2.1).
    #[must_use]
    pub fn is_read(&self) -> bool {
        matches!(self.method.as_str(), "GET" | "HEAD" | "OPTIONS")
    }
}

impl AnswerSeen {
    /// The first value of a header, by its name in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        first(&self.headers, name)
    }
}

impl BodySeen {
    /// A body that was kept whole.
    #[must_use]
    pub fn whole(bytes: Vec<u8>) -> Self {
        Self { sent_bytes: bytes.len() as u64, bytes, ..Self::default() }
    }
}

fn first<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

/// What is replaced by pseudonyms before an exchange is kept.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Redaction {
    /// Headers whose values are replaced, by their names in lower case.
    pub headers: Vec<String>,
    /// Cookies whose values are not; all others are.
    pub cookies_kept: Vec<String>,
    /// Names of fields in JSON, in forms and in queries. Case, `-` and `_` make no difference; a word of five letters or more
    /// also stands for names that hold it (`token` for `accessToken`).
    pub fields: Vec<String>,
    /// Names that are never taken for one of `fields`.
    pub fields_kept: Vec<String>,
    /// Places in JSON: `/user/name`, `*` for any key or index. Everything there and below is replaced.
    pub paths: Vec<String>,
    /// What is found by how it looks, wherever it stands.
    pub patterns: Patterns,
}

/// What is found by how it looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "a set of independent patterns, as settings have them"
)]
pub struct Patterns {
    /// Addresses of mail.
    pub mail: bool,
    /// Numbers of phones.
    pub phone: bool,
    /// Numbers of cards that Luhn's check digit confirms.
    pub card: bool,
    /// Keys and tokens: known beginnings, and long runs that no word has.
    pub token: bool,
    /// Tokens of three parts that begin as JSON does (RFC 7519).
    pub jwt: bool,
}

impl Default for Patterns {
    /// All of them.
    fn default() -> Self {
        Self { mail: true, phone: true, card: true, token: true, jwt: true }
    }
}
