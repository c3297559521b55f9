//! A stored answer, ready to be sent, and what becomes of it when a member says that it has not changed.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use model::Moment;

use super::{control::SURROGATE_CONTROL, date, policy::Policy, purge::Place, vary::Selecting};

/// A stored answer.
#[derive(Debug, Clone)]
pub struct Stored {
    /// Its status.
    pub status: StatusCode,
    /// Its fields, without `Age`.
    pub headers: HeaderMap,
    /// Its body, whole.
    pub body: Bytes,
    /// What it may be used for.
    pub policy: Policy,
    /// What it was chosen by.
    pub selecting: Selecting,
    /// What it is of.
    pub place: Place,
    /// Its fields as they are sent, line by line.
    lines: Bytes,
}

/// Fields that a proxy does not store (RFC 9111, section 3.1), and `Age`, which is counted anew.
const NOT_KEPT: [HeaderName; 6] = [
    header::AGE,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    HeaderName::from_static("proxy-authentication-info"),
    // Meant for this gateway.
    SURROGATE_CONTROL,
    header::TRAILER,
];

/// Fields that say what the body is: one that is the same in all else is not changed in these (RFC 9111, section 3.2).
const OF_BODY: [HeaderName; 7] = [
    header::CONTENT_LENGTH,
    header::CONTENT_ENCODING,
    header::CONTENT_RANGE,
    header::ETAG,
    HeaderName::from_static("content-md5"),
    HeaderName::from_static("content-digest"),
    HeaderName::from_static("repr-digest"),
];

/// What an answer that says "not modified" holds (RFC 9110, section 15.4.5).
const OF_NOT_MODIFIED: [HeaderName; 8] = [
    header::CACHE_CONTROL,
    header::CONTENT_LOCATION,
    header::DATE,
    header::ETAG,
    header::EXPIRES,
    header::VARY,
    header::LAST_MODIFIED,
    header::SET_COOKIE,
];

impl Stored {
    /// A stored answer, of fields without those that are for one hop.
    #[must_use]
    pub fn new(
        status: StatusCode,
        mut headers: HeaderMap,
        body: Bytes,
        (policy, selecting, place): (Policy, Selecting, Place),
    ) -> Self {
        for name in NOT_KEPT.iter().chain(&policy.omitted) {
            headers.remove(name);
        }
        if !headers.contains_key(header::DATE) {
            // Who forwards an answer without it says when it came (RFC 9110, section 6.6.1).
            let seconds = policy.received_at.nanos / 1_000_000_000;
            if let Ok(date) = HeaderValue::from_str(&date::format(seconds)) {
                headers.insert(header::DATE, date);
            }
        }
        if status != StatusCode::NO_CONTENT {
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
        }
        let lines = lines(headers.iter());
        Self { status, headers, body, policy, selecting, place, lines }
    }

    /// Fields as they are sent, each line with its end; without `Age` and `Cache-Status`, which are told anew each
    /// time.
    #[must_use]
    pub fn lines(&self) -> &Bytes {
        &self.lines
    }

    /// The fields of an answer that says that nothing changed.
    #[must_use]
    pub fn not_modified(&self) -> HeaderMap {
        let kept = self.headers.iter().filter(|(name, _)| OF_NOT_MODIFIED.contains(name));
        kept.map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    /// Bytes that it takes in memory, about.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        /// Of the struct, its place in the store, and for each field of its place in the map.
        const FIXED: usize = 512;
        const FIELD: usize = 96;
        let tags: usize = self.place.tags.iter().map(|tag| tag.len() + 40).sum();
        let place = self.place.host.len() + self.place.target.len();
        let headers = self.lines.len() * 2 + self.headers.len() * FIELD;
        (FIXED + headers + self.body.len() + self.selecting.bytes() + tags + place) as u64
    }

    /// The same, no longer fresh from now on.
    #[must_use]
    pub fn expired(&self, now: Moment) -> Self {
        let mut expired = self.clone();
        expired.policy.lifetime = expired.policy.lifetime.min(self.policy.age(now));
        expired
    }
}

fn lines<'a>(headers: impl Iterator<Item = (&'a HeaderName, &'a HeaderValue)>) -> Bytes {
    let mut lines = Vec::with_capacity(512);
    for (name, value) in headers {
        lines.extend_from_slice(name.as_str().as_bytes());
        lines.extend_from_slice(b": ");
        lines.extend_from_slice(value.as_bytes());
        lines.extend_from_slice(b"\r\n");
    }
    Bytes::from(lines)
}

/// Whether an answer that says "not modified" is about what is stored (RFC 9111, section 4.3.4).
#[must_use]
pub fn is_same(stored: &Stored, told: &HeaderMap) -> bool {
    let weakly = |value: &HeaderValue| {
        let bytes = value.as_bytes();
        bytes.strip_prefix(b"W/").unwrap_or(bytes).to_vec()
    };
    match (told.get(header::ETAG), stored.headers.get(header::ETAG)) {
        (Some(told), Some(known)) => return weakly(told) == weakly(known),
        (Some(_), None) => return false,
        (None, _) => {}
    }
    match (told.get(header::LAST_MODIFIED), stored.headers.get(header::LAST_MODIFIED)) {
        (Some(told), Some(known)) => told == known,
        _ => true,
    }
}

/// The fields of what is stored, as an answer that says "not modified" has them now.
#[must_use]
pub fn freshened(stored: &Stored, told: &HeaderMap) -> HeaderMap {
    let mut headers = stored.headers.clone();
    if !told.contains_key(header::DATE) {
        // When it comes counts, not when the one before was made.
        headers.remove(header::DATE);
    }
    for name in told.keys().filter(|name| !OF_BODY.contains(name)) {
        headers.remove(name);
        for value in told.get_all(name) {
            headers.append(name.clone(), value.clone());
        }
    }
    headers
}
