//! What the pages stand on: the running engine, and what is known about the process.

use std::{fmt, net::SocketAddr, sync::Arc};

use engine::{Live, TraceDetail};
use model::{Finding, FindingId, TraceId};
use store::{Store, StoreError};
use tokio::sync::watch;

/// Where the pages get what they show. [`Live`] is the one that ships.
pub trait Source: fmt::Debug + Send + Sync {
    /// What was found so far, ranked: what to fix first comes first.
    fn findings(&self) -> Vec<Finding>;

    /// One finding.
    fn finding(&self, id: FindingId) -> Option<Finding>;

    /// One trace; `None` if no span of it is kept.
    ///
    /// # Errors
    ///
    /// The store fails.
    fn trace(&self, id: TraceId) -> Result<Option<TraceDetail>, StoreError>;

    /// Where spans and request facts are kept.
    fn store(&self) -> &dyn Store;

    /// A counter that changes whenever findings or requests did.
    fn changes(&self) -> watch::Receiver<u64>;
}

impl Source for Live {
    fn findings(&self) -> Vec<Finding> {
        Self::findings(self)
    }

    fn finding(&self, id: FindingId) -> Option<Finding> {
        Self::finding(self, id)
    }

    fn trace(&self, id: TraceId) -> Result<Option<TraceDetail>, StoreError> {
        Self::trace(self, id)
    }

    fn store(&self) -> &dyn Store {
        Self::store(self)
    }

    fn changes(&self) -> watch::Receiver<u64> {
        Self::changes(self)
    }
}

/// What the pages say about the process that they come from.
#[derive(Clone)]
pub struct Setup {
    /// Version of the binary.
    pub version: &'static str,
    /// Where OTLP over HTTP is received.
    pub otlp_http: Option<SocketAddr>,
    /// Where OTLP over gRPC is received.
    pub otlp_grpc: Option<SocketAddr>,
    /// Which `Host` headers are answered.
    pub hosts: Hosts,
    /// Counts what was received and kept; called for each look at the status, so it must be quick.
    pub counters: Option<Arc<dyn Fn() -> Counters + Send + Sync>>,
}

impl Default for Setup {
    /// Answers loopback names only and receives nothing.
    fn default() -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION"),
            otlp_http: None,
            otlp_grpc: None,
            hosts: Hosts::Loopback,
            counters: None,
        }
    }
}

impl fmt::Debug for Setup {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Setup")
            .field("version", &self.version)
            .field("otlp_http", &self.otlp_http)
            .field("otlp_grpc", &self.otlp_grpc)
            .field("hosts", &self.hosts)
            .finish_non_exhaustive()
    }
}

/// Which `Host` headers are answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hosts {
    /// `localhost`, `127.0.0.0/8` and `[::1]`, at any port. A page of another site that has its name
    /// resolve to this machine (DNS rebinding) is refused, since browsers send its name along.
    Loopback,
    /// Loopback names and these.
    Named(Vec<String>),
    /// Any: for a listener that is open to others on purpose.
    Any,
}

/// What was received and kept since the process started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Spans that were acknowledged.
    pub accepted_spans: u64,
    /// Spans that were malformed.
    pub rejected_spans: u64,
    /// Export requests that were answered with success.
    pub accepted_exports: u64,
    /// Export requests that were refused: malformed, too large, or while under back-pressure.
    pub refused_exports: u64,
    /// Bytes that the store takes on disk.
    pub store_bytes: Option<u64>,
}
