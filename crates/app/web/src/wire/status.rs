//! The process and the detectors on the wire.

use serde::Serialize;
use utoipa::ToSchema;

/// The process that answers.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Status {
    /// Version of the binary.
    pub version: String,
    /// Address at which OTLP over HTTP is received.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub otlp_http: Option<String>,
    /// Address at which OTLP over gRPC is received.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub otlp_grpc: Option<String>,
    /// Number of the last change, as `/api/v1/events` tells it.
    pub change: u64,
    /// Findings so far.
    pub findings: usize,
    /// Requests in the window that findings are computed over.
    pub requests: u64,
    /// Spans of traces that are not complete yet.
    pub spans_in_flight: usize,
    /// It still looks at what was received before it started.
    pub catching_up: bool,
    /// What failed last and has not succeeded since.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// Spans that were acknowledged since the process started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accepted_spans: Option<u64>,
    /// Spans that were malformed or could not be kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rejected_spans: Option<u64>,
    /// Exports that were answered with success.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accepted_exports: Option<u64>,
    /// Exports that were refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused_exports: Option<u64>,
    /// Bytes that the store takes on disk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub store_bytes: Option<u64>,
}

/// All detectors.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Detectors {
    /// By code.
    pub detectors: Vec<Detector>,
}

/// A way of noticing one kind of fault.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Detector {
    /// `F001`.
    pub code: String,
    /// `n-plus-one`.
    pub name: String,
    /// What it notices, as a heading.
    pub title: String,
    /// Its manual page in Markdown.
    pub doc: String,
}

impl From<&find::Detector> for Detector {
    fn from(detector: &find::Detector) -> Self {
        Self {
            code: detector.code.to_owned(),
            name: detector.name.to_owned(),
            title: detector.title.to_owned(),
            doc: detector.doc.to_owned(),
        }
    }
}
