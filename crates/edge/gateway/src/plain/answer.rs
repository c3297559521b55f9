//! An answer's head: where the answer ends, and what of it the client sees.

use std::{io::Write as _, mem::MaybeUninit};

use http::{HeaderValue, Method, StatusCode, header};
use httparse::{ParserConfig, Status};
use traffic::{
    cache::Status as CacheStatus,
    chunks::Chunks,
    fields::Fields as _,
    forward::{self, Hop},
    plan::{LimitRule, Route},
    retry,
    timing::SERVER_TIMING,
};

use super::{
    head::Job,
    lines::{Lines, is_ruled, put, put_ruled},
    ticker::Ticker,
};
use crate::{cache::CACHE_STATUS, limits::Limited};

/// Lines of an answer's head, as hyper has it.
const LINES_MAX: usize = 100;

/// What a member sent.
pub(super) enum Parsed {
    /// No whole head yet.
    Partial,
    /// Something else than an answer.
    Nonsense,
    /// An answer before the answer, of so many bytes, and as it is passed on.
    Interim(usize, Vec<u8>),
    /// An answer.
    Head(Head),
}

/// The head of an answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head {
    pub(super) status: u16,
    /// Bytes of the head.
    pub(super) bytes: usize,
    pub(super) framing: Framing,
    /// Whether the connection can be used again.
    pub(super) keep: bool,
    /// Whether it was written for the client: not if another member may do better.
    pub(super) written: bool,
    /// Whether the client's connection ends with it.
    pub(super) close: bool,
}

/// Where the body of an answer ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// After so many bytes.
    Length(u64),
    /// With its last chunk.
    Chunked(Chunks),
    /// When the member closes.
    Close,
}

/// What an answer's head is written with.
pub(super) struct Writing<'a> {
    pub(super) job: &'a Job,
    pub(super) route: &'a Route,
    pub(super) ticker: &'a Ticker,
    /// Whether the client's connection ends with this answer.
    pub(super) close: bool,
    /// Whether it is to be written even if another member may do better.
    pub(super) last: bool,
    /// Where the time went, if the client is told.
    pub(super) timing: Option<HeaderValue>,
    /// Whether the client is told what the cache did.
    pub(super) tells: bool,
}

/// Reads the head of an answer, and writes it as the client is to see it.
pub(super) fn read(bytes: &[u8], writing: &Writing<'_>, to: &mut Vec<u8>) -> Parsed {
    let mut lines = [const { MaybeUninit::uninit() }; LINES_MAX];
    let mut response = httparse::Response::new(&mut []);
    let config = ParserConfig::default();
    let parsed = config.parse_response_with_uninit_headers(&mut response, bytes, &mut lines);
    let head_bytes = match parsed {
        Ok(Status::Complete(count)) => count,
        Ok(Status::Partial) => return Parsed::Partial,
        Err(_) => return Parsed::Nonsense,
    };
    let Some(status) = response.code.and_then(|code| StatusCode::from_u16(code).ok()) else {
        return Parsed::Nonsense;
    };
    if status.is_informational() {
        // Nobody asked to change the protocol.
        if status == StatusCode::SWITCHING_PROTOCOLS {
            return Parsed::Nonsense;
        }
        let hint = interim(status, &Lines(response.headers), &bytes[..head_bytes], writing);
        return Parsed::Interim(head_bytes, hint);
    }
    let lines = Lines(response.headers);
    let one = response.version == Some(1);
    let Some(framing) = framing(&lines, status, &writing.job.method) else {
        return Parsed::Nonsense;
    };
    let ends = !one
        || framing == Framing::Close
        || forward::has_token(&lines, &header::CONNECTION, "close");
    let written = writing.last || !retry::is_worth_it(status.as_u16());
    if written {
        to.clear();
        write(&bytes[..head_bytes], &lines, status, framing, writing, to);
    }
    let (status, bytes) = (status.as_u16(), head_bytes);
    let close = writing.close;
    Parsed::Head(Head { status, bytes, framing, keep: !ends, written, close })
}

/// An answer before the answer, as it is passed on (RFC 9110, section 15.2); nothing of one that this gateway need not hear
/// to go on.
fn interim(status: StatusCode, lines: &Lines<'_>, head: &[u8], writing: &Writing<'_>) -> Vec<u8> {
    let mut to = Vec::new();
    if status != StatusCode::CONTINUE {
        put_status(status, &mut to);
        let hop = Hop::of(lines);
        let rules = &writing.route.response_headers;
        lines.copy(head, |name| !(hop.takes(name) || is_ruled(rules, name)), &mut to);
        to.extend_from_slice(b"\r\n");
    }
    to
}

/// Where the body ends; `None` if nobody can tell.
fn framing(lines: &Lines<'_>, status: StatusCode, method: &Method) -> Option<Framing> {
    let length = forward::length(lines).ok()?;
    if is_bare(status) || *method == Method::HEAD {
        return Some(Framing::Length(0));
    }
    let mut codings = lines.all(&header::TRANSFER_ENCODING);
    if let Some(coding) = codings.next() {
        // Other codings are for one hop as well, and this gateway undoes none.
        let known = coding.trim_ascii().eq_ignore_ascii_case(b"chunked");
        return (known && codings.next().is_none()).then(|| Framing::Chunked(Chunks::default()));
    }
    Some(length.map_or(Framing::Close, Framing::Length))
}

/// Whether answers of this status never have a body.
pub(super) fn is_bare(status: StatusCode) -> bool {
    status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED
}

#[expect(
    clippy::too_many_arguments,
    reason = "each is a thing of its own, and there is one caller"
)]
fn write(
    head: &[u8],
    lines: &Lines<'_>,
    status: StatusCode,
    framing: Framing,
    writing: &Writing<'_>,
    to: &mut Vec<u8>,
) {
    put_status(status, to);
    let hop = Hop::of(lines);
    let rules = &writing.route.response_headers;
    // Of several lengths, which say the same, the first is enough; beside chunks none means anything.
    let has_chunks = framing != Framing::Close && !matches!(framing, Framing::Length(_));
    let several = || lines.all(&header::CONTENT_LENGTH).nth(1).is_some();
    let no_length = has_chunks || status == StatusCode::NO_CONTENT || several();
    let is_length = |name: &str| name.eq_ignore_ascii_case(header::CONTENT_LENGTH.as_str());
    let told = writing.job.limited.as_ref().zip(writing.route.limit.as_ref());
    let is_told = |name: &str| told.is_some_and(|(limited, rule)| limited.tells(rule, name));
    let stays = |name: &str| {
        let length = no_length && is_length(name);
        !(hop.takes(name) || length || is_ruled(rules, name) || is_told(name))
    };
    lines.copy(head, stays, to);
    if several() && !has_chunks && status != StatusCode::NO_CONTENT {
        let length = forward::length(lines).ok().flatten().unwrap_or_default();
        // Writing into memory cannot fail.
        let _ok = write!(to, "content-length: {length}\r\n");
    }
    if !matches!(framing, Framing::Length(_)) {
        to.extend_from_slice(b"transfer-encoding: chunked\r\n");
    }
    if !lines.has(&header::DATE) && !is_ruled(rules, header::DATE.as_str()) {
        put_date(writing.ticker, to);
    }
    put_ruled(rules, to);
    if let (Some(why), true) = (writing.job.past, writing.tells) {
        let status = CacheStatus { forwarded: Some(why), ..CacheStatus::default() };
        put(to, CACHE_STATUS.as_str(), &status.text());
    }
    if let Some((limited, rule)) = told {
        put_limit(rule, limited, to);
    }
    if let Some(timing) = &writing.timing {
        put(to, SERVER_TIMING.as_str(), timing.as_bytes());
    }
    if writing.close {
        to.extend_from_slice(b"connection: close\r\n");
    }
    to.extend_from_slice(b"\r\n");
}

/// Adds what is left of a limit.
pub(super) fn put_limit(rule: &LimitRule, limited: &Limited, to: &mut Vec<u8>) {
    limited.lines(rule, |name, value| {
        // Writing into memory cannot fail.
        let _ok = write!(to, "{name}: {value}\r\n");
    });
}

/// Adds the first line of an answer.
pub(super) fn put_status(status: StatusCode, to: &mut Vec<u8>) {
    to.extend_from_slice(b"HTTP/1.1 ");
    to.extend_from_slice(status.as_str().as_bytes());
    to.push(b' ');
    to.extend_from_slice(status.canonical_reason().unwrap_or_default().as_bytes());
    to.extend_from_slice(b"\r\n");
}

/// Adds the time, which every answer has (RFC 9110, section 6.6.1).
pub(super) fn put_date(ticker: &Ticker, to: &mut Vec<u8>) {
    to.extend_from_slice(b"date: ");
    ticker.with_date(|date| to.extend_from_slice(date.as_bytes()));
    to.extend_from_slice(b"\r\n");
}
