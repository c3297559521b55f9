//! What a route says about its cache, on top of what answers say themselves.

use std::{path::PathBuf, time::Duration};

use http::HeaderName;

/// The cache of a gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheSettings {
    /// Bytes of answers, with what it takes to keep them.
    pub bytes_max: u64,
    /// Requests that wait for the same answer; more are sent on their own.
    pub waiters_max: usize,
    /// Whether answers say how the cache treated them, in `Cache-Status` (RFC 9211).
    pub tells: bool,
}

impl Default for CacheSettings {
    fn default() -> Self {
        Self { bytes_max: 256 << 20, waiters_max: 10_000, tells: true }
    }
}

/// The level of the cache on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskSettings {
    /// Its folder, for one gateway alone.
    pub folder: PathBuf,
    /// Bytes of its files.
    pub bytes_max: u64,
    /// What is fresh for less time than this is not written.
    pub fresh_min: Duration,
}

impl DiskSettings {
    /// A folder, as it is unless told otherwise.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), bytes_max: 4 << 30, fresh_min: Duration::from_secs(30) }
    }
}

/// The cache of a route. Without any settings it does what answers say.
#[derive(Debug, Clone, PartialEq)]
pub struct CacheRule {
    /// How long an answer is fresh that does not say it itself.
    pub ttl: Option<Duration>,
    /// Whether `ttl` counts whatever the answer says; even `no-store` and `private`.
    pub over: bool,
    /// The same for 404, 405, 410, 414 and 501.
    pub negative_ttl: Option<Duration>,
    /// The share of the time since it was last changed for which an answer is fresh that says nothing else (RFC 9111,
    /// section 4.2.2); 0 for none.
    pub heuristic_share: f64,
    /// Which parameters of the query tell answers apart.
    pub query: Query,
    /// Headers that tell answers apart, whatever `Vary` says.
    pub headers: Vec<HeaderName>,
    /// Cookies that tell answers apart.
    pub cookies: Vec<String>,
    /// What tells users apart: each has answers of its own.
    pub user: Option<User>,
    /// Another one, and all that was stored before is not found any more.
    pub version: String,
    /// What of requests with cookies that no key knows of.
    pub careful: Cookies,
    /// What of answers with `Set-Cookie`.
    pub set_cookie: SetCookie,
    /// Whether requests with `Authorization` share answers that do not say that they may be shared.
    pub shares_authorized: bool,
    /// Tags of every answer of this route.
    pub tags: Vec<Template>,
    /// How long past its end an answer is used while it is asked for, unless the answer says it.
    pub stale_while_revalidate: Option<Duration>,
    /// How long past its end an answer is used where the service answers 500, 502, 503 or 504, unless the answer says it.
    pub stale_if_error: Option<Duration>,
    /// How long past its end an answer is used where no member can be reached, unless the answer forbids it.
    pub stale_when_down: Duration,
    /// How eagerly an answer is asked for before its end; 0 for never, 1 as the paper has it.
    pub early: f64,
    /// Bytes of a body that is stored.
    pub body_bytes_max: u64,
    /// Whether what clients say about the cache counts.
    pub clients: Clients,
    /// Whether answers are also kept where other gateways find them.
    pub shared: bool,
    /// Where answers are kept.
    pub keep: Keep,
}

impl Default for CacheRule {
    fn default() -> Self {
        Self {
            ttl: None,
            over: false,
            negative_ttl: None,
            heuristic_share: 0.1,
            query: Query::All,
            headers: Vec::new(),
            cookies: Vec::new(),
            user: None,
            version: String::new(),
            careful: Cookies::Careful,
            set_cookie: SetCookie::Refuse,
            shares_authorized: false,
            tags: Vec::new(),
            stale_while_revalidate: None,
            stale_if_error: None,
            stale_when_down: Duration::from_hours(1),
            early: 1.0,
            body_bytes_max: 8 << 20,
            clients: Clients::Obey,
            shared: false,
            keep: Keep::default(),
        }
    }
}

/// Where answers are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Keep {
    /// In memory, and on disk where the gateway has a folder.
    #[default]
    Anywhere,
    /// In memory alone, and in Redis where they are shared.
    Memory,
}

/// Which parameters of the query tell answers apart.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Query {
    /// The query as it is.
    #[default]
    All,
    /// These alone, in whatever order; a name that ends in `*` stands for all that begin so.
    Only(Vec<String>),
    /// All but these, in whatever order.
    Without(Vec<String>),
}

/// What tells users apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum User {
    /// A header.
    Header(HeaderName),
    /// A cookie.
    Cookie(String),
}

/// What of requests with cookies that no key knows of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Cookies {
    /// Their answers are only shared where the answer itself says how long it is fresh.
    #[default]
    Careful,
    /// As if they were not there.
    Ignore,
}

/// What of answers with `Set-Cookie`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SetCookie {
    /// They are not stored.
    #[default]
    Refuse,
    /// They are stored without it; who asked first gets it.
    Strip,
    /// They are stored with it: everybody gets the same cookie.
    Keep,
}

/// Whether what clients say about the cache counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Clients {
    /// It does (RFC 9111, section 5.2.1).
    #[default]
    Obey,
    /// It does not, so that nobody can make the service answer again.
    Ignore,
}

/// A tag, with parts of the path in it: `order-{2}` is `order-17` for `/orders/17`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    text: String,
}

impl Template {
    /// A template; `None` if it is empty, holds what a tag cannot, or an open bracket.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let good =
            !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b',');
        let mut rest = text;
        while let Some((_, after)) = rest.split_once('{') {
            let (number, after) = after.split_once('}')?;
            number.parse::<usize>().ok().filter(|number| 0 < *number)?;
            rest = after;
        }
        (good && !rest.contains('}')).then(|| Self { text: text.to_owned() })
    }

    /// The tag for a path; `None` if the path has not that many parts.
    #[must_use]
    pub fn tag(&self, path: &str) -> Option<String> {
        let mut tag = String::new();
        let mut rest = &*self.text;
        while let Some((before, after)) = rest.split_once('{') {
            let (number, after) = after.split_once('}')?;
            let number: usize = number.parse().ok()?;
            let part =
                path.split('/').filter(|part| !part.is_empty()).nth(number.checked_sub(1)?)?;
            tag.push_str(before);
            tag.push_str(part);
            rest = after;
        }
        tag.push_str(rest);
        Some(tag)
    }
}
