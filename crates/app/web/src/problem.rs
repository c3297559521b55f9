//! Errors as RFC 9457 has them, each with a hint.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use store::{StoreError, ledger::LedgerError};
use utoipa::ToSchema;

/// What went wrong, as `application/problem+json` (RFC 9457).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// Which kind of problem: `urn:taut:unknown-trace`.
    #[serde(rename = "type")]
    #[schema(example = "urn:taut:unknown-trace")]
    kind: String,
    /// The kind in words.
    title: &'static str,
    /// HTTP status.
    status: u16,
    /// What failed, on what.
    detail: String,
    /// What to do about it.
    hint: String,
}

impl Problem {
    /// The request says something that is not understood.
    pub(crate) fn wrong(detail: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "wrong-parameter", "wrong parameter").says(detail, hint)
    }

    /// There is no such thing.
    pub(crate) fn unknown(what: &str, detail: impl Into<String>, hint: impl Into<String>) -> Self {
        let mut problem =
            Self::new(StatusCode::NOT_FOUND, "", "there is no such thing").says(detail, hint);
        problem.kind = format!("urn:taut:unknown-{what}");
        problem
    }

    /// The `Host` header is not one that is answered.
    pub(crate) fn foreign_host(host: &str) -> Self {
        Self::new(StatusCode::MISDIRECTED_REQUEST, "foreign-host", "foreign host").says(
            format!("`{host}` is not a name of this machine"),
            "open the pages by `localhost` or a loopback address, or let other machines reach \
             them on purpose: `--listen 0.0.0.0:7070` answers to every name",
        )
    }

    /// The request does not show the token.
    pub(crate) fn no_token(detail: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "no-token", "no token").says(
            detail,
            "send `Authorization: Bearer` with what `TAUT_WEB_TOKEN` is set to where `taut up` runs",
        )
    }

    /// A page of another site sent it.
    pub(crate) fn foreign_site() -> Self {
        Self::new(StatusCode::FORBIDDEN, "foreign-site", "foreign site").says(
            "a page of another site sent this, and only these pages may change anything",
            "open these pages and do it there",
        )
    }

    /// Whoever comes by could change what answers users.
    pub(crate) fn open_to_all() -> Self {
        Self::new(StatusCode::FORBIDDEN, "open-to-all", "open to all").says(
            "these pages are open to other machines and want no token: they give no orders to the gateway",
            "set `TAUT_WEB_TOKEN` to a long random text where `taut up` runs",
        )
    }

    /// The gateway does not answer.
    pub(crate) fn gateway_away(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "gateway-away", "the gateway is away")
            .says(detail, "see whether it runs; what it shows next is what holds")
    }

    /// The gateway does not do it as things are.
    pub(crate) fn gateway_refused(detail: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "gateway-refused", "the gateway refuses").says(detail, hint)
    }

    /// The bound on something is reached.
    pub(crate) fn busy(detail: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", "too busy").says(detail, hint)
    }

    /// A bug on this side.
    pub(crate) fn bug(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "bug", "a bug in Taut")
            .says(detail, "please report it with the page's address")
    }

    fn new(status: StatusCode, kind: &str, title: &'static str) -> Self {
        Self {
            kind: format!("urn:taut:{kind}"),
            title,
            status: status.as_u16(),
            detail: String::new(),
            hint: String::new(),
        }
    }

    fn says(mut self, detail: impl Into<String>, hint: impl Into<String>) -> Self {
        self.detail = detail.into();
        self.hint = hint.into();
        self
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "store", "the store failed")
            .says(in_full(&error), "see whether the disk that holds the store is full or failing")
    }
}

impl From<LedgerError> for Problem {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::Note { .. } => Self::wrong(
                in_full(&error),
                "say in a sentence or two why, or what there is to know",
            ),
            LedgerError::Server { .. } => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "ledger-away", "the ledger is away")
                    .says(in_full(&error), engine::history::AWAY)
            }
            LedgerError::Unsure { .. } => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "ledger-away", "the ledger is away")
                    .says(in_full(&error), engine::history::UNSURE)
            }
            _ => Self::new(StatusCode::INTERNAL_SERVER_ERROR, "ledger", "the ledger failed").says(
                in_full(&error),
                "see whether the disk that holds the store is full or failing",
            ),
        }
    }
}

fn in_full(error: &dyn std::error::Error) -> String {
    let mut detail = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        detail = format!("{detail}: {error}");
        cause = error.source();
    }
    detail
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(self)).into_response();
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        response
    }
}
