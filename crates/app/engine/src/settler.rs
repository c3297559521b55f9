//! Traces whose spans are still coming, until nothing more is to be expected of them.
//!
//! A trace is complete after a stretch of silence, or after the longest time that it may take. Silence
//! is not enough while a span lacks its parent in the same process: parents end, and so are sent, after
//! their children. Past the bound on spans the oldest traces are taken as complete early, so that memory
//! stays bounded whatever comes. What comes after that joins the trace again from the store.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use model::{Call, Moment, SpanId, SpanKind, Stack, Trace, TraceId};

/// Bounds of what is in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SettlerLimits {
    /// Spans of all traces in flight.
    pub spans_max: usize,
    /// Silence after which a trace is complete.
    pub settle: Duration,
    /// Time after its first span after which a trace is complete in any case.
    pub settle_max: Duration,
}

/// Traces in flight.
#[derive(Debug)]
pub struct Settler {
    limits: SettlerLimits,
    traces: rustc_hash::FxHashMap<TraceId, InFlight>,
    spans: usize,
    closed_early: u64,
}

/// A trace that is complete, as far as can be told.
#[derive(Debug)]
pub struct Settled {
    /// Its identity.
    pub id: TraceId,
    /// Its calls, in the order in which they came.
    pub calls: Vec<Call>,
    /// What its services are built with.
    pub stacks: BTreeMap<Arc<str>, Stack>,
}

#[derive(Debug)]
struct InFlight {
    calls: Vec<Call>,
    stacks: BTreeMap<Arc<str>, Stack>,
    first: Moment,
    last: Moment,
    /// Whether a parent is still to come, once that was looked at.
    waits: Option<bool>,
}

impl Settled {
    /// The trace, put together.
    #[must_use]
    pub fn assemble(self) -> Trace {
        observe::assemble(self.id, self.calls, self.stacks)
    }
}

impl Settler {
    /// Nothing in flight.
    #[must_use]
    pub fn new(limits: SettlerLimits) -> Self {
        Self { limits, traces: rustc_hash::FxHashMap::default(), spans: 0, closed_early: 0 }
    }

    /// Spans in flight.
    #[must_use]
    pub fn spans(&self) -> usize {
        self.spans
    }

    /// Traces that were taken out early to make room.
    #[must_use]
    pub fn closed_early(&self) -> u64 {
        self.closed_early
    }

    /// Takes calls that came together at `now`, and what their services are built with.
    pub fn add(
        &mut self,
        calls: Vec<(TraceId, Call)>,
        stacks: &BTreeMap<Arc<str>, Stack>,
        now: Moment,
    ) {
        self.spans += calls.len();
        for (id, call) in calls {
            let trace = self.traces.entry(id).or_insert_with(|| InFlight {
                calls: Vec::new(),
                stacks: BTreeMap::new(),
                first: now,
                last: now,
                waits: None,
            });
            trace.waits = None;
            trace.last = trace.last.max(now);
            if !trace.stacks.contains_key(&call.service)
                && let Some(stack) = stacks.get(&call.service)
            {
                trace.stacks.insert(Arc::clone(&call.service), stack.clone());
            }
            trace.calls.push(call);
        }
    }

    /// Takes out what is complete at `now`, oldest first. Parents of a trace that `is_known` already,
    /// because it settled before, are not waited for: they came with it.
    pub fn settle(&mut self, is_known: impl Fn(TraceId) -> bool, now: Moment) -> Vec<Settled> {
        let limits = self.limits;
        let mut ids: Vec<(Moment, TraceId)> = self
            .traces
            .iter_mut()
            .filter_map(|(id, trace)| {
                let is_due = trace.is_over(&limits, now)
                    || (trace.is_silent(&limits, now) && (is_known(*id) || !trace.waits()));
                is_due.then_some((trace.first, *id))
            })
            .collect();
        ids.sort_unstable();
        let mut settled = self.take(&ids);
        if self.limits.spans_max < self.spans {
            settled.append(&mut self.make_room());
        }
        settled
    }

    /// Takes out everything.
    pub fn settle_all(&mut self) -> Vec<Settled> {
        let mut ids: Vec<(Moment, TraceId)> =
            self.traces.iter().map(|(id, trace)| (trace.first, *id)).collect();
        ids.sort_unstable();
        self.take(&ids)
    }

    /// Takes out the oldest traces until a tenth of the bound is free again.
    fn make_room(&mut self) -> Vec<Settled> {
        let mut ids: Vec<(Moment, TraceId, usize)> =
            self.traces.iter().map(|(id, trace)| (trace.first, *id, trace.calls.len())).collect();
        ids.sort_unstable();
        let mut left = self.spans;
        let goal = self.limits.spans_max / 10 * 9;
        let mut oldest = Vec::new();
        for (first, id, spans) in ids {
            if left <= goal {
                break;
            }
            left -= spans;
            oldest.push((first, id));
        }
        self.closed_early += oldest.len() as u64;
        self.take(&oldest)
    }

    fn take(&mut self, ids: &[(Moment, TraceId)]) -> Vec<Settled> {
        ids.iter()
            .filter_map(|(_, id)| {
                let trace = self.traces.remove(id)?;
                self.spans -= trace.calls.len();
                Some(Settled { id: *id, calls: trace.calls, stacks: trace.stacks })
            })
            .collect()
    }
}

impl InFlight {
    fn is_over(&self, limits: &SettlerLimits, now: Moment) -> bool {
        limits.settle_max <= now.since(self.first)
    }

    fn is_silent(&self, limits: &SettlerLimits, now: Moment) -> bool {
        limits.settle <= now.since(self.last)
    }

    /// Whether a span names a parent of its own process that has not come. A server's or consumer's
    /// parent is elsewhere, and may well never be sent here.
    fn waits(&mut self) -> bool {
        let calls = &self.calls;
        *self.waits.get_or_insert_with(|| {
            let mut known: Vec<SpanId> = calls.iter().map(|call| call.span_id).collect();
            known.sort_unstable();
            calls.iter().any(|call| {
                let is_entry = matches!(call.kind, SpanKind::Server | SpanKind::Consumer);
                let lacks = |parent: SpanId| known.binary_search(&parent).is_err();
                !is_entry && call.parent_id.is_some_and(lacks)
            })
        })
    }
}
