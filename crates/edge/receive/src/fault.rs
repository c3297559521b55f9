//! Why a request is not answered with success, and what its sender is told.
//!
//! Which codes a sender tries again is in the OTLP specification ("Failures"). Where it leaves a
//! choice, the stock exporters decide: Python's repeats 408 and every 5xx but never 429, so what
//! passes by itself is a 503, and what does not is a 4xx.

use std::time::Duration;

use http::StatusCode;

use crate::{signal::Signal, sink::Refusal};

/// What kind of fault it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The body cannot be read.
    Malformed,
    /// The body exceeds the bound.
    TooLarge,
    /// Nothing is served at the path.
    NotFound,
    /// The path is served for another method.
    WrongMethod,
    /// The content type is not known.
    WrongType,
    /// The content encoding is not known.
    WrongEncoding,
    /// The body did not come in time.
    Slow,
    /// Too much is in flight.
    Busy,
    /// There is no room to keep it.
    Full,
    /// It could not be kept.
    NotKept,
    /// Reading it met a bug.
    Bug,
}

/// A fault and its explanation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) kind: Kind,
    pub(crate) message: String,
    pub(crate) retry_after: Option<Duration>,
}

impl Kind {
    pub(crate) const ALL: [Self; 11] = [
        Self::Malformed,
        Self::TooLarge,
        Self::NotFound,
        Self::WrongMethod,
        Self::WrongType,
        Self::WrongEncoding,
        Self::Slow,
        Self::Busy,
        Self::Full,
        Self::NotKept,
        Self::Bug,
    ];

    pub(crate) fn place(self) -> usize {
        self as usize
    }

    /// The word for it among figures.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::TooLarge => "too_large",
            Self::NotFound => "not_found",
            Self::WrongMethod => "wrong_method",
            Self::WrongType => "wrong_type",
            Self::WrongEncoding => "wrong_encoding",
            Self::Slow => "slow",
            Self::Busy => "busy",
            Self::Full => "full",
            Self::NotKept => "not_kept",
            Self::Bug => "bug",
        }
    }

    /// The HTTP status.
    pub(crate) fn http(self) -> StatusCode {
        match self {
            Self::Malformed => StatusCode::BAD_REQUEST,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::WrongMethod => StatusCode::METHOD_NOT_ALLOWED,
            Self::WrongType | Self::WrongEncoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Slow => StatusCode::REQUEST_TIMEOUT,
            Self::Busy | Self::Full | Self::NotKept => StatusCode::SERVICE_UNAVAILABLE,
            Self::Bug => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The gRPC status, also the code within `google.rpc.Status`.
    pub(crate) fn grpc(self) -> u8 {
        match self {
            Self::Malformed | Self::WrongType => 3, // INVALID_ARGUMENT
            Self::Slow => 4,                        // DEADLINE_EXCEEDED
            Self::TooLarge | Self::Full => 8,       // RESOURCE_EXHAUSTED
            Self::NotFound | Self::WrongMethod | Self::WrongEncoding => 12, // UNIMPLEMENTED
            Self::Bug => 13,                        // INTERNAL
            Self::Busy | Self::NotKept => 14,       // UNAVAILABLE
        }
    }
}

impl Fault {
    /// A fault that no retry cures.
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), retry_after: None }
    }

    pub(crate) fn malformed(message: impl Into<String>) -> Self {
        Self::new(Kind::Malformed, message)
    }

    pub(crate) fn too_large(bytes_max: usize) -> Self {
        Self::new(
            Kind::TooLarge,
            format!(
                "the request exceeds {bytes_max} bytes (`receive.body-bytes-max`); \
                 make the exporter's batches smaller"
            ),
        )
    }

    pub(crate) fn busy(what: &str, retry_after: Duration) -> Self {
        Self {
            kind: Kind::Busy,
            message: format!("too many {what} in flight; try again later"),
            retry_after: Some(retry_after),
        }
    }
}

impl Fault {
    /// What the sink said of a batch of `signal`.
    pub(crate) fn refused(refusal: Refusal, signal: Signal) -> Self {
        match refusal {
            Refusal::Busy { retry_after } => Self::busy(signal.items(), retry_after),
            Refusal::Full { message, retry_after } => {
                Self { kind: Kind::Full, message, retry_after: Some(retry_after) }
            }
            Refusal::Failed { message, retry_after } => {
                Self { kind: Kind::NotKept, message, retry_after: Some(retry_after) }
            }
        }
    }
}
