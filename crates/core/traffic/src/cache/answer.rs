//! What a stored answer says to a request: all of it, a part, or that nothing changed (RFC 9110, sections 13 and 14);
//! and the conditions under which a member is asked again.

use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use model::Moment;

use super::{
    date,
    partial::{Range, range_asked},
    stored::Stored,
};
use crate::fields::Fields;

/// What is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// All of it.
    Whole,
    /// That the client has it already.
    NotModified,
    /// These bytes.
    Part(Range),
    /// That there are no such bytes.
    Unsatisfiable,
}

/// What a request is answered with out of a stored answer.
#[must_use]
pub fn answer(stored: &Stored, method: &Method, request: &impl Fields, now: Moment) -> Answer {
    if stored.status.as_u16() != 200 {
        return Answer::Whole;
    }
    if let Some(asked) = request.first(&header::IF_NONE_MATCH) {
        let etag = stored.headers.get(header::ETAG).map(HeaderValue::as_bytes);
        let lines = std::iter::once(asked).chain(request.all(&header::IF_NONE_MATCH).skip(1));
        if lines.into_iter().any(|line| names(line, etag)) {
            return Answer::NotModified;
        }
    } else if let Some(asked) = request.first(&header::IF_MODIFIED_SINCE)
        && let Some(since) = date::parse(asked, now)
        && changed_at(stored, now) <= since
    {
        return Answer::NotModified;
    }
    if *method != Method::GET {
        return Answer::Whole;
    }
    let Some(asked) = request.first(&header::RANGE) else { return Answer::Whole };
    if request.first(&header::IF_RANGE).is_some_and(|unless| !is_unchanged(stored, unless, now)) {
        return Answer::Whole;
    }
    match range_asked(asked, stored.body.len() as u64) {
        Some(Some(range)) => Answer::Part(range),
        Some(None) => Answer::Unsatisfiable,
        None => Answer::Whole,
    }
}

/// Whether a list of entity tags names this one, by weak comparison.
fn names(list: &[u8], etag: Option<&[u8]>) -> bool {
    let list = list.trim_ascii();
    if list == b"*" {
        return true;
    }
    let Some(etag) = etag.map(opaque) else { return false };
    super::control::members(list).any(|member| opaque(member) == etag)
}

/// A tag without the mark of a weak one.
fn opaque(etag: &[u8]) -> &[u8] {
    etag.strip_prefix(b"W/").unwrap_or(etag)
}

/// When the answer was last changed, as far as is known.
fn changed_at(stored: &Stored, now: Moment) -> u64 {
    let named = |name: HeaderName| {
        let value = stored.headers.get(name)?;
        date::parse(value.as_bytes(), now)
    };
    let received = stored.policy.received_at.nanos / 1_000_000_000;
    named(header::LAST_MODIFIED).or_else(|| named(header::DATE)).unwrap_or(received)
}

/// Whether what the client has a part of is what is stored: by a strong tag, or by a date that is strong as well
/// (RFC 9110, sections 8.8.2.2 and 13.1.5).
fn is_unchanged(stored: &Stored, unless: &[u8], now: Moment) -> bool {
    if unless.starts_with(b"\"") {
        return stored.headers.get(header::ETAG).is_some_and(|etag| etag.as_bytes() == unless);
    }
    let Some(modified) = stored.headers.get(header::LAST_MODIFIED) else { return false };
    let seconds = |value: &HeaderValue| date::parse(value.as_bytes(), now);
    let made = stored.headers.get(header::DATE).and_then(seconds);
    let strong = seconds(modified).zip(made).is_some_and(|(modified, made)| modified + 60 <= made);
    strong && modified.as_bytes() == unless
}

/// Conditions that a cache answers itself: they are not sent to a member when all of the answer is wanted.
const CONDITIONS: [HeaderName; 4] =
    [header::IF_NONE_MATCH, header::IF_MODIFIED_SINCE, header::IF_RANGE, header::RANGE];

/// Takes a client's conditions out of a request.
pub fn conditions_removed(headers: &mut HeaderMap) {
    for name in CONDITIONS {
        headers.remove(name);
    }
}

/// Asks a member only for what changed since an answer was stored. Whether there is anything to ask by.
pub fn make_conditional(headers: &mut HeaderMap, stored: &Stored) -> bool {
    let mut any = false;
    let pairs =
        [(header::ETAG, header::IF_NONE_MATCH), (header::LAST_MODIFIED, header::IF_MODIFIED_SINCE)];
    for (validator, condition) in pairs {
        if let Some(value) = stored.headers.get(validator) {
            headers.insert(condition, value.clone());
            any = true;
        }
    }
    any
}
