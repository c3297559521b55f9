//! Orders to forget that several gateways hear of one another: each has a number that rises, and what is shared says which
//! was the last that its sender had heard of when it was asked for.
//!
//! What cannot be told apart counts as old: an answer from before the first order that is still known, and all of them
//! where the sequence broke off.

use std::collections::VecDeque;

use super::purge::{Place, Purge};

/// The number of an order, as a stream of Redis has it: milliseconds, and a count within.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct OrderId {
    /// Milliseconds since 1970, as the server counted them.
    pub millis: u64,
    /// Within the millisecond.
    pub count: u64,
}

impl OrderId {
    /// A number as it is written: `1700000000000-0`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (millis, count) = text.split_once('-')?;
        Some(Self { millis: millis.parse().ok()?, count: count.parse().ok()? })
    }
}

impl std::fmt::Display for OrderId {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}-{}", self.millis, self.count)
    }
}

/// An order that was sent, until it is heard of like those of others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// By which it is known again.
    pub nonce: u64,
    /// What is to be forgotten.
    pub purge: Purge,
    /// Whether it may still stand in where nothing newer can be had.
    pub soft: bool,
}

/// Orders that a request for an answer came after: those that were heard of, and those of this gateway itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Asked {
    /// How often the sequence had begun from nothing.
    beginnings: u64,
    heard: OrderId,
    /// The latest that was sent and not heard of.
    sent: Option<u64>,
}

/// An order that was heard of.
#[derive(Debug)]
struct Known {
    id: OrderId,
    purge: Purge,
    /// Its nonce, if this gateway gave it.
    own: Option<u64>,
}

/// Orders that were heard of.
#[derive(Debug, Default)]
pub struct Orders {
    beginnings: u64,
    /// All after this one are known.
    since: OrderId,
    heard: OrderId,
    known: VecDeque<Known>,
    /// Those of this gateway that were not heard of yet, oldest first.
    sent: VecDeque<Sent>,
}

impl Orders {
    /// Orders that are remembered: of what was asked for during more, nobody knows whether it is old.
    pub const KNOWN_MAX: usize = 4_096;

    /// Orders that wait to be heard of: more become one, to forget everything.
    pub const SENT_MAX: usize = 1_024;

    /// The latest that was heard of.
    #[must_use]
    pub fn heard(&self) -> OrderId {
        self.heard
    }

    /// Hears of one; `false` if it was known. Orders come in their order.
    pub fn hear(&mut self, id: OrderId, nonce: u64, purge: Purge) -> bool {
        if id <= self.heard {
            return false;
        }
        self.heard = id;
        let own = self.sent.iter().any(|sent| sent.nonce == nonce).then_some(nonce);
        self.sent.retain(|sent| sent.nonce != nonce);
        self.known.push_back(Known { id, purge, own });
        if Self::KNOWN_MAX < self.known.len()
            && let Some(oldest) = self.known.pop_front()
        {
            self.since = oldest.id;
        }
        true
    }

    /// Remembers which orders there were, for something that is asked for now.
    #[must_use]
    pub fn asked(&self) -> Asked {
        let sent = self.sent.back().map(|sent| sent.nonce);
        Asked { beginnings: self.beginnings, heard: self.heard, sent }
    }

    /// Whether numbers still mean what they meant when something was asked for.
    #[must_use]
    pub fn goes_on(&self, asked: Asked) -> bool {
        asked.beginnings == self.beginnings
    }

    /// The latest order that something was asked for after; `None` while orders of this gateway that it came after have
    /// no number yet.
    #[must_use]
    pub fn number_of(&self, asked: Asked) -> Option<OrderId> {
        let is_before = |nonce: u64| asked.sent.is_some_and(|last| nonce <= last);
        if self.sent.iter().any(|sent| is_before(sent.nonce)) {
            return None;
        }
        let later = self.known.iter().filter(|known| asked.heard < known.id);
        let own = later.take_while(|known| known.own.is_some_and(is_before));
        Some(own.last().map_or(asked.heard, |known| known.id))
    }

    /// The sequence begins anew after this order: of what was asked for before nothing is known.
    pub fn begin(&mut self, after: OrderId) {
        self.since = self.since.max(after);
        self.heard = self.heard.max(after);
    }

    /// It begins from nothing, as the server is another one whose clock may be behind: what was heard of is not known any
    /// more, and the next order may have any number after this one.
    pub fn begin_anew(&mut self, after: OrderId) {
        self.beginnings += 1;
        self.since = after;
        self.heard = after;
        self.known.clear();
    }

    /// One has to be sent; where too many wait already, one for everything takes their place.
    pub fn send(&mut self, sent: Sent) {
        if Self::SENT_MAX <= self.sent.len() {
            self.sent.clear();
            self.sent.push_back(Sent { purge: Purge::All, soft: false, ..sent });
            return;
        }
        self.sent.push_back(sent);
    }

    /// Those that were not heard of yet, oldest first.
    pub fn sent(&self) -> impl Iterator<Item = &Sent> {
        self.sent.iter()
    }

    /// Whether an answer is old that was asked for when this was the latest order.
    #[must_use]
    pub fn outdates(&self, asked_at: OrderId, place: &Place) -> bool {
        asked_at < self.since
            || self.sent.iter().any(|sent| sent.purge.takes(place))
            || self
                .known
                .iter()
                .rev()
                .take_while(|known| asked_at < known.id)
                .any(|known| known.purge.takes(place))
    }
}

impl Purge {
    /// An order in words: its kind, its host, and the rest.
    #[must_use]
    pub fn words(&self) -> [&str; 3] {
        match self {
            Self::All => ["all", "", ""],
            Self::Route(route) => ["route", "", route],
            Self::Url { host, target } => ["url", host.as_deref().unwrap_or(""), target],
            Self::Prefix { host, path } => ["prefix", host.as_deref().unwrap_or(""), path],
            Self::Tag(tag) => ["tag", "", tag],
        }
    }

    /// What such words mean.
    #[must_use]
    pub fn of_words([kind, host, rest]: [&str; 3]) -> Option<Self> {
        let host = (!host.is_empty()).then(|| host.to_owned());
        let rest = rest.to_owned();
        Some(match kind {
            "all" => Self::All,
            "route" => Self::Route(rest),
            "url" => Self::Url { host, target: rest },
            "prefix" => Self::Prefix { host, path: rest },
            "tag" => Self::Tag(rest),
            _ => return None,
        })
    }
}
