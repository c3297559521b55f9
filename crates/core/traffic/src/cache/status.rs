//! `Cache-Status` (RFC 9211): what the cache did with a request, and why.

use std::io::Write as _;

/// What the cache did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Status {
    /// Why the request was sent on; `None` for an answer out of the cache.
    pub forwarded: Option<Forwarded>,
    /// The status of the answer to it, where another one is sent.
    pub forwarded_status: Option<u16>,
    /// Seconds for which the answer is fresh; less than 0 if it is stale.
    pub ttl: Option<i64>,
    /// Whether the answer was stored.
    pub stored: bool,
    /// Whether it waited for another request's answer.
    pub collapsed: bool,
    /// More.
    pub detail: Option<&'static str>,
}

/// Why a request was sent on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forwarded {
    /// The cache is not asked for requests like this.
    Bypass,
    /// Nor for this method.
    Method,
    /// Nothing is stored for this URI.
    UriMiss,
    /// Something is, but for other headers.
    VaryMiss,
    /// The client wanted it.
    Request,
    /// What is stored is stale.
    Stale,
    /// What is stored is a part of it.
    Partial,
}

impl Forwarded {
    /// As RFC 9211 has it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Bypass => "bypass",
            Self::Method => "method",
            Self::UriMiss => "uri-miss",
            Self::VaryMiss => "vary-miss",
            Self::Request => "request",
            Self::Stale => "stale",
            Self::Partial => "partial",
        }
    }
}

impl Status {
    /// The field's value.
    #[must_use]
    pub fn text(&self) -> Vec<u8> {
        let mut text = Vec::with_capacity(64);
        text.extend_from_slice(b"taut");
        match self.forwarded {
            Some(why) => {
                text.extend_from_slice(b"; fwd=");
                text.extend_from_slice(why.name().as_bytes());
            }
            None => text.extend_from_slice(b"; hit"),
        }
        // Writing into memory cannot fail.
        if let Some(status) = self.forwarded_status {
            let _ok = write!(text, "; fwd-status={status}");
        }
        if let Some(ttl) = self.ttl {
            let _ok = write!(text, "; ttl={ttl}");
        }
        if self.stored {
            text.extend_from_slice(b"; stored");
        }
        if self.collapsed {
            text.extend_from_slice(b"; collapsed");
        }
        if let Some(detail) = self.detail {
            text.extend_from_slice(b"; detail=");
            text.extend_from_slice(detail.as_bytes());
        }
        text
    }
}
