//! An answer out of the cache: what it says to this request, as a response or as bytes.

use std::{io::Write as _, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header};
use model::Moment;
use traffic::{
    cache::{Answer as Said, Status, Stored, answer},
    fields::Fields,
};

use super::{Ask, counts::CacheResult};
use crate::{body::Answer, worker::Worker};

/// `Cache-Status` (RFC 9211).
pub(crate) const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

/// An answer out of the cache.
#[derive(Debug)]
pub(crate) struct Hit {
    pub(crate) stored: Arc<Stored>,
    said: Said,
    /// Its age, in whole seconds.
    age: u64,
    pub(crate) status: Status,
    /// What is to be asked for although it is answered.
    pub(crate) again: Option<Box<Ask>>,
    /// Whether it is past its end.
    pub(crate) is_stale: bool,
    head_only: bool,
}

impl Hit {
    pub(super) fn new(
        stored: Arc<Stored>,
        method: &Method,
        headers: &impl Fields,
        again: Option<Box<Ask>>,
        now: Moment,
    ) -> Self {
        let said = answer(&stored, method, headers, now);
        let age = stored.policy.age(now).as_secs();
        let ttl = match stored.policy.left(now) {
            Ok(left) => i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
            Err(over) => -i64::try_from(over.as_secs()).unwrap_or(i64::MAX),
        };
        let status = Status { ttl: Some(ttl), ..Status::default() };
        Self {
            stored,
            said,
            age,
            status,
            again,
            is_stale: false,
            head_only: *method == Method::HEAD,
        }
    }

    /// The same, told otherwise.
    pub(super) fn with(self, status: Status) -> Self {
        Self { status, ..self }
    }

    pub(super) fn stale(self, is_stale: bool) -> Self {
        Self { is_stale, ..self }
    }

    /// The time that asking for it would have taken.
    fn saved(&self) -> Duration {
        self.stored.policy.took
    }

    /// The status, and the body that goes with it.
    pub(crate) fn body(&self) -> (StatusCode, Bytes) {
        let body = &self.stored.body;
        match self.said {
            Said::Whole if self.head_only => (self.stored.status, Bytes::new()),
            Said::Whole => (self.stored.status, body.clone()),
            Said::NotModified => (StatusCode::NOT_MODIFIED, Bytes::new()),
            Said::Part(range) => {
                let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(body.len());
                let part = body.slice(place(range.first)..place(range.last.saturating_add(1)));
                (StatusCode::PARTIAL_CONTENT, part)
            }
            Said::Unsatisfiable => (StatusCode::RANGE_NOT_SATISFIABLE, Bytes::new()),
        }
    }

    /// Writes the lines of its head, without the first one and without the empty one at the end. `false` if they have to
    /// be made (`response`): only the usual answer is ready.
    pub(crate) fn write_lines(&self, tells: bool, to: &mut Vec<u8>) -> bool {
        if self.said != Said::Whole {
            return false;
        }
        to.extend_from_slice(self.stored.lines());
        // Writing into memory cannot fail.
        let _ok = write!(to, "age: {}\r\n", self.age);
        if tells {
            to.extend_from_slice(b"cache-status: ");
            to.extend_from_slice(&self.status.text());
            to.extend_from_slice(b"\r\n");
        }
        true
    }

    /// Counts it for the route of this number: so many bytes of its body were sent.
    pub(crate) fn count(&self, worker: &Worker, route: usize, result: CacheResult, bytes: usize) {
        worker.count(|counts| {
            let counts = counts.cache.route(route);
            counts.add(result);
            if result != CacheResult::Miss {
                counts.bytes += bytes as u64;
                counts.age_seconds += self.age;
            }
            if matches!(result, CacheResult::Hit | CacheResult::Stale | CacheResult::Disk) {
                counts.saved += self.saved();
            }
        });
    }

    /// The answer.
    pub(crate) fn response(&self, tells: bool) -> Response<Answer> {
        let (status, body) = self.body();
        let mut headers = match self.said {
            Said::NotModified => self.stored.not_modified(),
            Said::Whole | Said::Part(_) | Said::Unsatisfiable => self.stored.headers.clone(),
        };
        let length = self.stored.body.len();
        let range = match self.said {
            Said::Part(range) => Some(format!("bytes {}-{}/{length}", range.first, range.last)),
            Said::Unsatisfiable => Some(format!("bytes */{length}")),
            Said::Whole | Said::NotModified => None,
        };
        if let Some(range) = range.and_then(|range| HeaderValue::from_str(&range).ok()) {
            headers.insert(header::CONTENT_RANGE, range);
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
        }
        headers.insert(header::AGE, HeaderValue::from(self.age));
        tell(&self.status, tells, &mut headers);
        let body = if body.is_empty() { None } else { Some(body) };
        let mut response = Response::new(Answer::Own(body));
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        response
    }
}

/// Says in an answer what the cache did; caches before it come first.
pub(super) fn tell(status: &Status, tells: bool, headers: &mut HeaderMap) {
    if tells && let Ok(value) = HeaderValue::from_bytes(&status.text()) {
        headers.append(CACHE_STATUS, value);
    }
}
