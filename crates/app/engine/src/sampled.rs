//! Whole traces of a fair sample of requests, for what is made of many of them.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    thread,
    time::Duration,
};

use model::{Span, TraceId, Window};
use store::{
    Coverage, Limits, RequestFilter, SPANS_MAX, Store, StoreError, Stretch,
    keep::{
        SPANS,
        query::{Field, Filter, Top},
        table::span,
    },
};

/// How far from its requests spans of a trace are looked for: longer than somebody waits, and a fraction of a row group.
const AROUND: Duration = Duration::from_mins(1);

/// Threads that read: more would starve those that receive.
const THREADS_MAX: usize = 4;

/// Whole traces of a fair sample of requests.
#[derive(Debug, Clone, Default)]
pub struct SampledTraces {
    /// Their spans, by trace.
    pub traces: BTreeMap<TraceId, Vec<Span>>,
    /// Traces that there are; an estimate where there are many.
    pub in_all: u64,
    /// What was looked at.
    pub coverage: Coverage,
    /// Some of the sample were too large, or took too long, to be read.
    pub is_cut: bool,
}

/// Whole traces of a fair sample of the requests that pass, at most so many.
///
/// # Errors
///
/// The store fails.
pub fn sampled_traces(
    filter: &RequestFilter,
    traces_max: usize,
    store: &dyn Store,
    limits: &Limits,
) -> Result<SampledTraces, StoreError> {
    let sampled = store.sampled(filter, traces_max)?;
    let next = AtomicUsize::new(0);
    let work = || {
        let mut own = SampledTraces::default();
        while let Some(stretch) = sampled.stretches.get(next.fetch_add(1, Relaxed)) {
            read(stretch, store, limits, &mut own)?;
        }
        Ok(own)
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let others = threads.min(THREADS_MAX).min(sampled.stretches.len()).saturating_sub(1);
    let done: Vec<Result<SampledTraces, StoreError>> = thread::scope(|scope| {
        let others: Vec<_> = (0..others).map(|_| scope.spawn(work)).collect();
        let mut done = vec![work()];
        for other in others {
            match other.join() {
                Ok(told) => done.push(told),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        done
    });
    let mut all = SampledTraces { in_all: sampled.in_all, ..SampledTraces::default() };
    for own in done {
        let own = own?;
        all.traces.extend(own.traces);
        all.coverage.merge(own.coverage);
        all.is_cut |= own.is_cut;
    }
    Ok(all)
}

/// Reads the traces of a stretch; fewer of them if they are too large to be read at once.
fn read(
    stretch: &Stretch,
    store: &dyn Store,
    limits: &Limits,
    own: &mut SampledTraces,
) -> Result<(), StoreError> {
    let window = Window { from: stretch.window.from - AROUND, to: stretch.window.to + AROUND };
    let mut wanted: Vec<TraceId> = stretch.traces.iter().copied().collect();
    loop {
        let ids = wanted.iter().map(|id| id.to_string().into()).collect();
        let top = Top {
            table: &SPANS,
            window,
            filter: Filter::Is(Field::Column(span::TRACE_ID), ids),
            by: Field::Column(span::START),
            limit: SPANS_MAX,
        };
        let answered = store.top(&top, limits)?;
        own.is_cut |= answered.coverage.reached.is_some();
        own.coverage.merge(answered.coverage);
        if SPANS_MAX <= answered.answer.len() && 1 < wanted.len() {
            own.is_cut = true;
            wanted.truncate(wanted.len() / 2);
            continue;
        }
        for span in answered.answer {
            own.traces.entry(span.trace_id).or_default().push(span);
        }
        return Ok(());
    }
}
