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
    let user_header = match &rule.user {
        Some(User::Header(name)) => Some(name),
        _ => None,
    };
    for name in rule.headers.iter().chain(user_header) {
        let mut lines = headers.all(name);
        part(&[lines.next().unwrap_or(b"\x01")]);
        lines.for_each(|line| part(&[b"\x02", line]));
    }
    for name in known_cookies(rule) {
        part(&[cookie(headers, name.as_bytes()).unwrap_or(b"\x01")]);
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
    let authorization = headers.has(&header::AUTHORIZATION)
        && !rule.shares_authorized
        && !known(&header::AUTHORIZATION);
    let cookies = rule.careful == Cookies::Careful
        && !known(&header::COOKIE)
        && has_other_cookies(rule, headers);
    let asker = Asker { authorization, cookies };
    if asker == Asker::default() {
        return (asker, Credentials::default());
    }
    let mut hasher = DefaultHasher::new();
    for (counts, name) in [(authorization, header::AUTHORIZATION), (cookies, header::COOKIE)] {
        for line in headers.all(&name).filter(|_| counts) {
            hasher.write(line);
            hasher.write_u8(0);
        }
        hasher.write_u8(1);
    }
    // 0 is of those without any.
    (asker, Credentials(hasher.finish() | 1))
}

/// The cookies that keys hold.
fn known_cookies(rule: &CacheRule) -> impl Iterator<Item = &String> {
    let user = match &rule.user {
        Some(User::Cookie(name)) => Some(name),
        _ => None,
    };
    rule.cookies.iter().chain(user)
}

/// Whether a request carries a cookie that its key does not hold: one of another name, or a second value of the same.
fn has_other_cookies(rule: &CacheRule, headers: &impl Fields) -> bool {
    cookies(headers).any(|(name, value)| {
        let is_known = known_cookies(rule).any(|known| known.as_bytes() == name);
        !is_known || cookie(headers, name) != Some(value)
    })
}

/// The value of a cookie: the first, if there are more.
fn cookie<'a>(headers: &'a impl Fields, name: &[u8]) -> Option<&'a [u8]> {
    cookies(headers).find_map(|(other, value)| (other == name).then_some(value))
}

/// Cookies, each with its value; what has no `=` is the value of one without a name.
fn cookies(headers: &impl Fields) -> impl Iterator<Item = (&[u8], &[u8])> {
    let lines = headers.all(&header::COOKIE);
    let pairs = lines.flat_map(|line| line.split(|byte| *byte == b';')).map(<[u8]>::trim_ascii);
    pairs.filter(|pair| !pair.is_empty()).map(|pair| {
        match pair.iter().position(|byte| *byte == b'=') {
            Some(equals) => (&pair[..equals], &pair[equals + 1..]),
            None => (&pair[..0], pair),
        }
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
