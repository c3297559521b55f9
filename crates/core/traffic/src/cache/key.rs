//! Keys: which requests the same answer is for, and who asks.

use std::hash::{DefaultHasher, Hasher as _};

use http::{HeaderName, header};

use super::rule::{CacheRule, Cookies, Query, SetCookie, User};
use crate::fields::Fields;

/// Between a scheme and a host.
const SCHEME_END: &[u8] = b"://";

/// What a request is known by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// A number for it, of a seed that nobody knows.
    pub hash: u64,
    /// All of it, in parts that no header can hold the ends of.
    pub bytes: Vec<u8>,
}

impl Key {
    /// One of these bytes.
    #[must_use]
    pub fn new(bytes: Vec<u8>, seed: u64) -> Self {
        Self { hash: hash(seed, &bytes), bytes }
    }

    /// The name of the route that it is of, of a key that [`key_of`] made.
    #[must_use]
    pub fn route(&self) -> &[u8] {
        let end = self.bytes.iter().position(|byte| *byte == ROUTE_END);
        end.and_then(|end| self.bytes.get(..end)).unwrap_or_default()
    }

    /// The scheme that it was asked for by, of a key that [`key_of`] made.
    #[must_use]
    pub fn scheme(&self) -> Option<&str> {
        let address = self.bytes.split(|byte| *byte == 0).nth(1)?;
        let end = address.windows(SCHEME_END.len()).position(|bytes| bytes == SCHEME_END)?;
        std::str::from_utf8(address.get(..end)?).ok()
    }
}

/// What ends the name of a route: no name has it.
const ROUTE_END: u8 = 1;

/// What of a request's credentials no key knows of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Asker {
    /// It carries `Authorization`.
    pub authorization: bool,
    /// It carries cookies.
    pub cookies: bool,
}

/// Credentials that a key does not know of: who waits for the same answer must have the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Credentials(pub u64);

/// The key of a request to a route.
#[must_use]
pub fn key_of(
    rule: &CacheRule,
    route: &str,
    (scheme, host, path_and_query): (&str, &str, &str),
    headers: &impl Fields,
    seed: u64,
) -> Key {
    let mut bytes = Vec::with_capacity(route.len() + host.len() + path_and_query.len() + 8);
    let mut part = |parts: &[&[u8]]| {
        for part in parts {
            bytes.extend_from_slice(part);
        }
        bytes.push(0);
    };
    let word = |is: bool, word: &'static [u8]| if is { word } else { b"" };
    part(&[
        route.as_bytes(),
        &[ROUTE_END],
        rule.version.as_bytes(),
        // What a rule lets in beyond what answers say is not found under one that does not, whenever that is changed.
        word(rule.over, b"\x02over"),
        word(rule.shares_authorized, b"\x02authorized"),
        word(rule.careful == Cookies::Ignore, b"\x02cookies"),
        word(rule.set_cookie == SetCookie::Keep, b"\x02set-cookie"),
    ]);
    // All of the address (RFC 9111, section 2): what is told on `http` may be no more than to come back on `https`.
    if host.bytes().any(|byte| byte.is_ascii_uppercase()) {
        part(&[scheme.as_bytes(), SCHEME_END, host.to_ascii_lowercase().as_bytes()]);
    } else {
        part(&[scheme.as_bytes(), SCHEME_END, host.as_bytes()]);
    }
    match (&rule.query, path_and_query.split_once('?')) {
        (Query::All, _) | (_, None) => part(&[path_and_query.as_bytes()]),
        (query, Some((path, text))) => {
            part(&[path.as_bytes(), b"?", counted(query, text).as_bytes()]);
        }
    }
    for name in &rule.headers {
        let mut lines = headers.all(name);
        part(&[lines.next().unwrap_or(b"\x01")]);
        lines.for_each(|line| part(&[b"\x02", line]));
    }
    for name in &rule.cookies {
        part(&[cookie(headers, name).unwrap_or(b"\x01")]);
    }
    match &rule.user {
        Some(User::Header(name)) => {
            part(&[headers.first(name).unwrap_or(b"\x01")]);
        }
        Some(User::Cookie(name)) => part(&[cookie(headers, name).unwrap_or(b"\x01")]),
        None => {}
    }
    Key::new(bytes, seed)
}

/// A number for bytes, of a seed: `SipHash`, so that nobody can make keys that collide.
pub(super) fn hash(seed: u64, bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write_u64(seed);
    hasher.write(bytes);
    hasher.finish()
}

/// Which credentials a request carries that no key knows of.
#[must_use]
pub fn asker(rule: &CacheRule, headers: &impl Fields) -> (Asker, Credentials) {
    let known = |name: &HeaderName| {
        rule.headers.contains(name)
            || matches!(&rule.user, Some(User::Header(user)) if user == name)
    };
    let authorization = headers.first(&header::AUTHORIZATION);
    let authorization =
        authorization.filter(|_| !rule.shares_authorized && !known(&header::AUTHORIZATION));
    let by_cookie = !rule.cookies.is_empty() || matches!(rule.user, Some(User::Cookie(_)));
    let ignored = by_cookie || rule.careful == Cookies::Ignore || known(&header::COOKIE);
    let cookie = headers.first(&header::COOKIE).filter(|_| !ignored);
    let asker = Asker { authorization: authorization.is_some(), cookies: cookie.is_some() };
    if asker == Asker::default() {
        return (asker, Credentials::default());
    }
    let mut hasher = DefaultHasher::new();
    for value in [authorization, cookie] {
        hasher.write(value.unwrap_or(b"\x01"));
        hasher.write_u8(0);
    }
    if asker.cookies {
        headers.all(&header::COOKIE).for_each(|line| hasher.write(line));
    }
    // 0 is of those without any.
    (asker, Credentials(hasher.finish() | 1))
}

/// The value of a cookie.
fn cookie<'a>(headers: &'a impl Fields, name: &str) -> Option<&'a [u8]> {
    let lines = headers.all(&header::COOKIE);
    lines.flat_map(|line| line.split(|byte| *byte == b';')).find_map(|pair| {
        let pair = pair.trim_ascii();
        let equals = pair.iter().position(|byte| *byte == b'=')?;
        let (key, value) = pair.split_at(equals);
        (key == name.as_bytes()).then(|| value.get(1..).unwrap_or_default())
    })
}

/// The parameters that count, sorted by their names; those of the same name as they came.
fn counted(query: &Query, text: &str) -> String {
    let among = |names: &[String], name: &str| {
        names.iter().any(|known| match known.strip_suffix('*') {
            Some(prefix) => name.starts_with(prefix),
            None => known == name,
        })
    };
    let name_of = |pair: &&str| pair.split_once('=').map_or(*pair, |(name, _)| name).to_owned();
    let mut pairs: Vec<&str> = text
        .split('&')
        .filter(|pair| match query {
            Query::All => true,
            Query::Only(names) => among(names, &name_of(pair)),
            Query::Without(names) => !among(names, &name_of(pair)),
        })
        .collect();
    pairs.sort_by_key(name_of);
    pairs.join("&")
}
