//! Forgetting: what an order to forget means, and which answers under way it is too late for.

use std::collections::VecDeque;

use super::key::hash;

/// What a stored answer is of.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Place {
    /// The name of its route.
    pub route: String,
    /// The host, in lower case.
    pub host: String,
    /// The path and query.
    pub target: String,
    /// What it is about.
    pub tags: Vec<String>,
}

/// An order to forget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purge {
    /// Everything.
    All,
    /// All of a route.
    Route(String),
    /// A path, with all queries if it is named without one; of any host if none is named.
    Url {
        /// Of this host alone.
        host: Option<String>,
        /// The path, or the path and query.
        target: String,
    },
    /// All paths that begin so.
    Prefix {
        /// Of this host alone.
        host: Option<String>,
        /// The beginning.
        path: String,
    },
    /// All that is about this.
    Tag(String),
}

/// By which number what an order is for can be looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// By this mark.
    By(u64),
    /// Only by looking at all.
    InAll,
}

impl Purge {
    /// `/path`, `//host/path`, `https://host/path?query`: a URL; `/path/*` what begins so.
    #[must_use]
    pub fn url(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
        let rest = rest.or_else(|| text.strip_prefix("//"));
        let (host, path) = match rest {
            Some(rest) => {
                let slash = rest.find('/').unwrap_or(rest.len());
                let (host, path) = rest.split_at_checked(slash)?;
                let host = host.split_once(':').map_or(host, |(host, _)| host);
                (Some(host.to_ascii_lowercase()), if path.is_empty() { "/" } else { path })
            }
            None => (None, text),
        };
        if !path.starts_with('/') {
            return None;
        }
        Some(match path.strip_suffix('*') {
            Some(path) => Self::Prefix { host, path: path.to_owned() },
            None => Self::Url { host, target: path.to_owned() },
        })
    }

    /// Whether it is for an answer.
    #[must_use]
    pub fn takes(&self, place: &Place) -> bool {
        let of = |host: &Option<String>| host.as_ref().is_none_or(|host| *host == place.host);
        match self {
            Self::All => true,
            Self::Route(route) => *route == place.route,
            Self::Url { host, target } => {
                let same = if target.contains('?') {
                    *target == place.target
                } else {
                    path_of(&place.target) == target
                };
                same && of(host)
            }
            Self::Prefix { host, path } => place.target.starts_with(&**path) && of(host),
            Self::Tag(tag) => place.tags.binary_search(tag).is_ok(),
        }
    }

    /// How what it is for is found.
    #[must_use]
    pub fn found(&self) -> Found {
        match self {
            Self::Url { target, .. } => Found::By(path_mark(path_of(target))),
            Self::Tag(tag) => Found::By(tag_mark(tag)),
            Self::All | Self::Route(_) | Self::Prefix { .. } => Found::InAll,
        }
    }
}

impl Place {
    /// Marks under which it is found.
    #[must_use]
    pub fn marks(&self) -> Vec<u64> {
        let tags = self.tags.iter().map(|tag| tag_mark(tag));
        std::iter::once(path_mark(path_of(&self.target))).chain(tags).collect()
    }
}

fn path_of(target: &str) -> &str {
    target.split_once('?').map_or(target, |(path, _)| path)
}

fn path_mark(path: &str) -> u64 {
    hash(1, path.as_bytes())
}

fn tag_mark(tag: &str) -> u64 {
    hash(2, tag.as_bytes())
}

/// Orders of late: an answer that was asked for before one of them, and is what it is for, is old already.
#[derive(Debug, Default)]
pub struct Purges {
    /// The number of the next.
    next: u64,
    log: VecDeque<Purge>,
}

impl Purges {
    /// Orders that are remembered; an answer that was under way during more of them counts as old.
    const LOG_MAX: usize = 1_024;

    /// How many there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.next
    }

    /// Remembers one.
    pub fn add(&mut self, purge: Purge) {
        self.next += 1;
        self.log.push_back(purge);
        if self.log.len() > Self::LOG_MAX {
            self.log.pop_front();
        }
    }

    /// Whether an answer is old that was asked for when there had been `count` of them.
    #[must_use]
    pub fn outdates(&self, count: u64, place: &Place) -> bool {
        self.missed(count, |purge| purge.takes(place))
    }

    /// Whether a request may wait for an answer that was asked for when there had been `count`, and of whose tags nothing
    /// is known yet: not if any tag was purged since.
    #[must_use]
    pub fn may_outdate(&self, count: u64, place: &Place) -> bool {
        self.missed(count, |purge| matches!(purge, Purge::Tag(_)) || purge.takes(place))
    }

    fn missed(&self, count: u64, is: impl Fn(&Purge) -> bool) -> bool {
        let Ok(missed) = usize::try_from(self.next.saturating_sub(count)) else { return true };
        if missed > self.log.len() {
            return true;
        }
        self.log.iter().rev().take(missed).any(is)
    }
}
