//! Compression: whether an answer is compressed and with what, what its head says then, and how its entity tags are
//! told from those of the plain answer.
//!
//! RFC 9110: `Accept-Encoding` (12.5.3), `Vary` (12.5.5), entity tags that differ by coding (8.8.3.3). A strong tag
//! gets a suffix rather than being made weak: what a client has of a compressed answer can then still be named in
//! `If-Match`, which takes strong tags alone.

mod accepted;
mod media;
mod tags;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use crate::forward::has_token;

pub use accepted::Accepted;
pub use media::MediaRange;
pub use tags::{coded_tag, plain_tags};

/// A way of compressing a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Coding {
    /// RFC 8878; the smallest and the quickest of the three on the fly.
    Zstd,
    /// RFC 7932.
    Brotli,
    /// RFC 1952; what everybody takes.
    Gzip,
}

impl Coding {
    /// All of them; those that cost less for what they save come first.
    pub const ALL: [Self; 3] = [Self::Zstd, Self::Brotli, Self::Gzip];

    /// Its name in `Content-Encoding`.
    #[must_use]
    pub const fn token(self) -> &'static str {
        match self {
            Self::Zstd => "zstd",
            Self::Brotli => "br",
            Self::Gzip => "gzip",
        }
    }

    /// What tags of bodies end in that were compressed here.
    #[must_use]
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::Zstd => "~zstd",
            Self::Brotli => "~br",
            Self::Gzip => "~gzip",
        }
    }

    /// Its place in [`Self::ALL`].
    #[must_use]
    pub const fn number(self) -> usize {
        match self {
            Self::Zstd => 0,
            Self::Brotli => 1,
            Self::Gzip => 2,
        }
    }
}

/// What is compressed on a route, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompressRule {
    /// Codings with their level; of those that a client likes equally, the first.
    pub codings: Vec<(Coding, u8)>,
    /// A body of fewer bytes is left as it is; one of unknown length is compressed.
    pub bytes_min: u64,
    /// What kinds of content.
    pub types: Vec<MediaRange>,
    /// Whether members are asked for plain bodies, so that compressing is the gateway's work alone.
    pub takes_over: bool,
}

impl Default for CompressRule {
    /// Levels at which a core compresses more than a gigabit a second of JSON, or nearly (`docs/benchmarks.md`). Below
    /// a kibibyte an answer fits into one packet either way.
    fn default() -> Self {
        Self {
            codings: vec![(Coding::Zstd, 3), (Coding::Brotli, 1), (Coding::Gzip, 2)],
            bytes_min: 1 << 10,
            types: MediaRange::usual(),
            takes_over: false,
        }
    }
}

impl CompressRule {
    /// The level of a coding.
    #[must_use]
    pub fn level(&self, coding: Coding) -> u8 {
        let mut known = self.codings.iter();
        known.find(|(known, _)| *known == coding).map_or(1, |(_, level)| *level)
    }
}

/// What a request says about compression; taken before it is sent on, as members see another head.
#[derive(Debug, Clone)]
pub struct Wish {
    accepted: Accepted,
    best: Option<Coding>,
    no_transform: bool,
    /// `If-None-Match` as the client sent it, where a tag of ours was in it.
    tags: Option<HeaderValue>,
}

/// Reads what a request wants, and gives members the tags that they know: those of plain bodies.
///
/// In `If-None-Match` that is only done for the coding that this request would get: with another, what the client has
/// is not what it asks for now.
pub fn ask(rule: &CompressRule, headers: &mut HeaderMap) -> Wish {
    let accepted = Accepted::of(headers);
    let best = accepted.best(rule);
    let mut tags = None;
    if let (Some(coding), Some(sent)) = (best, headers.get(header::IF_NONE_MATCH)) {
        let plain = plain_tags(sent, &[coding]);
        if let Some(plain) = plain {
            tags = Some(sent.clone());
            headers.insert(header::IF_NONE_MATCH, plain);
        }
    }
    let plain = headers.get(header::IF_MATCH).and_then(|sent| plain_tags(sent, &Coding::ALL));
    if let Some(plain) = plain {
        headers.insert(header::IF_MATCH, plain);
    }
    if rule.takes_over {
        headers.remove(header::ACCEPT_ENCODING);
    }
    let no_transform = has_token(headers, &header::CACHE_CONTROL, "no-transform");
    Wish { accepted, best, no_transform, tags }
}

/// What becomes of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is compressed.
    Coded(Coding),
    /// It is left as it is.
    Plain(Plain),
}

/// Why an answer is left as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plain {
    /// An answer of this status has no body, or a part of one.
    Status,
    /// The member compressed it.
    Already,
    /// `no-transform` forbids it, on either side.
    NoTransform,
    /// It carries a digest of its bytes.
    Digest,
    /// Its content is not of a kind that is compressed.
    Kind,
    /// It is too small to gain anything.
    Small,
    /// The client takes none of the codings, or prefers it plain.
    NotAccepted,
}

impl Plain {
    /// In words.
    #[must_use]
    pub const fn why(self) -> &'static str {
        match self {
            Self::Status => "no whole body",
            Self::Already => "the member compressed it",
            Self::NoTransform => "no-transform",
            Self::Digest => "it carries a digest",
            Self::Kind => "this type is not compressed",
            Self::Small => "too small",
            Self::NotAccepted => "not accepted",
        }
    }
}

/// Digests of bytes that would be others afterwards (RFC 9530, and what was before it).
const DIGESTS: [HeaderName; 4] = [
    HeaderName::from_static("content-digest"),
    HeaderName::from_static("repr-digest"),
    HeaderName::from_static("digest"),
    HeaderName::from_static("content-md5"),
];

/// What becomes of an answer with this head and a body of so many bytes, where that is known.
///
/// `HEAD` is decided as `GET` would be: its head is to be the same.
#[must_use]
pub fn decide(
    rule: &CompressRule,
    wish: &Wish,
    status: StatusCode,
    headers: &HeaderMap,
    bytes: Option<u64>,
) -> Outcome {
    if let Some(plain) = fixed(rule, wish, status, headers) {
        return Outcome::Plain(plain);
    }
    let Some(coding) = wish.best else { return Outcome::Plain(Plain::NotAccepted) };
    // Who takes nothing but what is compressed gets it so, however small.
    let small = bytes.is_some_and(|bytes| bytes < rule.bytes_min);
    if small && !wish.accepted.refuses_plain() {
        return Outcome::Plain(Plain::Small);
    }
    Outcome::Coded(coding)
}

/// Why an answer is left as it is whatever the client takes.
fn fixed(
    rule: &CompressRule,
    wish: &Wish,
    status: StatusCode,
    headers: &HeaderMap,
) -> Option<Plain> {
    let partial = headers.contains_key(header::CONTENT_RANGE);
    if partial || status.is_informational() || matches!(status.as_u16(), 204 | 205 | 206 | 304) {
        return Some(Plain::Status);
    }
    let coded = headers.get_all(header::CONTENT_ENCODING).iter();
    if coded.into_iter().any(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Some(Plain::Already);
    }
    if wish.no_transform || has_token(headers, &header::CACHE_CONTROL, "no-transform") {
        return Some(Plain::NoTransform);
    }
    if DIGESTS.iter().any(|digest| headers.contains_key(digest)) {
        return Some(Plain::Digest);
    }
    let kind = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    let fits = rule.types.iter().any(|range| range.contains(kind));
    (!fits).then_some(Plain::Kind)
}

/// Makes the head of an answer tell what became of it.
pub fn dress(wish: &Wish, status: StatusCode, outcome: Outcome, headers: &mut HeaderMap) {
    match outcome {
        Outcome::Coded(coding) => {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding.token()));
            headers.remove(header::CONTENT_LENGTH);
            // Parts of what is made on the fly cannot be asked for.
            headers.remove(header::ACCEPT_RANGES);
            let tag = headers.get(header::ETAG).and_then(|tag| coded_tag(tag, coding));
            if let Some(tag) = tag {
                headers.insert(header::ETAG, tag);
            }
            vary(headers);
        }
        // Another client would get it compressed.
        Outcome::Plain(Plain::NotAccepted) => vary(headers),
        Outcome::Plain(Plain::Status) if status == StatusCode::NOT_MODIFIED => {
            restore(wish, headers);
            vary(headers);
        }
        Outcome::Plain(_) => {}
    }
}

/// Names what has not changed as the client knows it.
fn restore(wish: &Wish, headers: &mut HeaderMap) {
    let (Some(sent), Some(coding)) = (&wish.tags, wish.best) else { return };
    let tag = headers.get(header::ETAG).and_then(|tag| coded_tag(tag, coding));
    let Some(tag) = tag else { return };
    if tags::each(sent.as_bytes()).any(|known| known == tag.as_bytes()) {
        headers.insert(header::ETAG, tag);
    }
}

/// Adds `Accept-Encoding` to `Vary`, unless it is there.
fn vary(headers: &mut HeaderMap) {
    let there = |word| has_token(headers, &header::VARY, word);
    if !there("*") && !there("accept-encoding") {
        headers.append(header::VARY, HeaderValue::from_static("accept-encoding"));
    }
}
