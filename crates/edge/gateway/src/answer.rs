//! The gateway's own answers: why it refuses, as a problem in JSON (RFC 9457), with what to do where it knows.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};

use crate::body::Answer;

/// Why a request is not passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    /// One of `metrics::REFUSALS`.
    pub(crate) reason: &'static str,
    /// A sentence for people.
    pub(crate) detail: &'static str,
    pub(crate) retry_after: Option<Duration>,
    /// Whether the connection is closed: what follows on it cannot be trusted, or is not wanted.
    pub(crate) close: bool,
}

impl Refusal {
    pub(crate) const fn new(
        status: StatusCode,
        reason: &'static str,
        detail: &'static str,
    ) -> Self {
        Self { status, reason, detail, retry_after: None, close: false }
    }

    pub(crate) const fn closing(self) -> Self {
        Self { close: true, ..self }
    }

    pub(crate) fn bad(detail: &'static str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-request", detail).closing()
    }

    pub(crate) fn after(self, wait: Duration) -> Self {
        Self { retry_after: Some(wait), ..self }
    }
}

/// The answer that says so.
pub(crate) fn refuse(refusal: &Refusal) -> Response<Answer> {
    let title = refusal.status.canonical_reason().unwrap_or("Error");
    // The problem type that IANA has for it; others are told by their status.
    let kind = match refusal.reason {
        "limit" => "https://iana.org/assignments/http-problem-types#quota-exceeded",
        _ => "about:blank",
    };
    let problem = serde_json::json!({
        "type": kind,
        "title": title,
        "status": refusal.status.as_u16(),
        "detail": refusal.detail,
        "reason": refusal.reason,
    });
    let mut response = Response::new(Answer::Own(Some(Bytes::from(format!("{problem}\n")))));
    *response.status_mut() = refusal.status;
    let headers = response.headers_mut();
    let json = HeaderValue::from_static("application/problem+json");
    headers.insert(header::CONTENT_TYPE, json);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(wait) = refusal.retry_after {
        // Whole seconds, and never earlier than it is any use.
        let seconds = wait.as_secs() + u64::from(0 < wait.subsec_nanos());
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
    }
    if refusal.close {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}
