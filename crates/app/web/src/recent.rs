//! Traces that were read a moment ago: whoever looks at one asks for its rows, then for one span after the other.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use engine::TraceDetail;
use model::TraceId;
use store::StoreError;

use crate::source::Source;

/// Spans of all traces that are kept: the largest there is, or some hundred of the usual.
const SPANS_MAX: usize = 200_000;

/// Spans may still come: after so long a trace is read again, if anything has changed.
const GOOD_FOR: Duration = Duration::from_secs(5);

/// The traces that were read last.
#[derive(Debug, Clone, Default)]
pub(crate) struct Recent(Arc<Mutex<VecDeque<Read>>>);

#[derive(Debug, Clone)]
struct Read {
    detail: Arc<TraceDetail>,
    change: u64,
    begun: Instant,
}

impl Recent {
    /// A trace, read from the store unless that was just done.
    pub(crate) fn trace(
        &self,
        source: &dyn Source,
        id: TraceId,
    ) -> Result<Option<Arc<TraceDetail>>, StoreError> {
        let (change, begun) = (*source.changes().borrow(), Instant::now());
        let is_new = |read: &Read| {
            read.change == change || begun.saturating_duration_since(read.begun) < GOOD_FOR
        };
        let known = self.kept().iter().find(|read| read.detail.trace.id == id).cloned();
        if let Some(known) = known.filter(is_new) {
            return Ok(Some(known.detail));
        }
        let Some(detail) = source.trace(id)?.map(Arc::new) else { return Ok(None) };
        let mut kept = self.kept();
        kept.retain(|read| read.detail.trace.id != id);
        kept.push_front(Read { detail: Arc::clone(&detail), change, begun });
        let mut spans = 0;
        let fitting = kept.iter().take_while(|read| {
            spans += read.detail.spans.len();
            spans <= SPANS_MAX
        });
        // Never none: the one that was just asked for is asked for again.
        let fitting = fitting.count().max(1);
        kept.truncate(fitting);
        drop(kept);
        Ok(Some(detail))
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, VecDeque<Read>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
