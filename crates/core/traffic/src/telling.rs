//! What a gateway tells of its requests, and whom: spans, an access log, `Server-Timing`.

use std::path::PathBuf;

use crate::plan::{Explain, Secret};

/// What is told, and whom.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Telling {
    /// Spans for a collector; `None` for none, and then trace headers pass as they are.
    pub spans: Option<SpanRule>,
    /// A line for each request.
    pub access_log: Option<AccessLog>,
    /// Whom to tell in `Server-Timing` where the time went.
    pub server_timing: Timing,
}

/// Which spans are made, and where they go.
#[derive(Debug, Clone, PartialEq)]
pub struct SpanRule {
    /// Where OTLP is taken over HTTP: `http://127.0.0.1:4318/v1/traces`.
    pub endpoint: String,
    /// A header for the collector, such as an API key.
    pub header: Option<(String, Secret)>,
    /// `service.name` of the gateway.
    pub service: String,
    /// Of traces that begin here, the share that is kept.
    pub share: f64,
    /// Whose traces are continued.
    pub parents: Parents,
}

/// Whose `traceparent` is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Parents {
    /// Everybody's.
    #[default]
    Anyone,
    /// That of proxies in `trusted`, and of this machine.
    Trusted,
    /// Nobody's: every trace begins here.
    Nobody,
}

/// Where a line for each request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccessLog {
    /// To standard output.
    Stdout,
    /// To the end of a file, which is opened anew whenever settings are read.
    File(PathBuf),
}

/// Whom to tell where the time went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Timing {
    /// Nobody: how long a member takes can say more than it should.
    #[default]
    Off,
    /// Whom [`Explain::Trusted`] would be told.
    Trusted,
    /// Everybody.
    Anyone,
}

impl Timing {
    /// The same as for decisions.
    #[must_use]
    pub const fn audience(self) -> Explain {
        match self {
            Self::Off => Explain::Off,
            Self::Trusted => Explain::Trusted,
            Self::Anyone => Explain::Anyone,
        }
    }
}
