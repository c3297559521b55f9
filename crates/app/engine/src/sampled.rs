//! Whole traces of a fair sample of requests, for what is made of many of them.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    time::{Duration, Instant},
};

use model::{Span, TraceId, Window};
use store::{
    Coverage, Limit, Limits, RequestFilter, SPANS_MAX, Store, StoreError, Stretch,
    keep::{
        SPANS,
        query::{Field, Filter, Top},
        table::span,
    },
    share_out,
};

/// How far from its requests spans of a trace are looked for: longer than somebody waits, and a fraction of a row group.
const AROUND: Duration = Duration::from_mins(1);

/// Spans of traces that are too large to be read with others: what a flame graph is merged of, some hundred megabytes.
const LARGE_SPANS_MAX: usize = 200_000;

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

/// Whole traces of a fair sample of the requests that pass, at most so many. The limits are those of all that is read.
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
    let until = Instant::now() + limits.time.min(Duration::from_hours(1));
    let reader = Reader { store, limits, until, large_spans: AtomicUsize::new(0) };
    let done: Vec<Result<SampledTraces, StoreError>> =
        share_out(sampled.stretches.len(), |pieces| {
            let mut own = SampledTraces::default();
            for stretch in pieces.filter_map(|piece| sampled.stretches.get(piece)) {
                reader.read(stretch, &mut own)?;
            }
            Ok(own)
        });
    let mut all = SampledTraces { in_all: sampled.in_all, ..SampledTraces::default() };
    for own in done {
        let own = own?;
        all.traces.extend(own.traces);
        all.coverage.merge(own.coverage);
        all.is_cut |= own.is_cut;
    }
    let since = sampled.since.filter(|since| filter.window.from < *since);
    all.coverage.held_since = all.coverage.held_since.max(since);
    Ok(all)
}

/// What stretches are read with.
struct Reader<'a> {
    store: &'a dyn Store,
    limits: &'a Limits,
    until: Instant,
    /// Spans of large traces that were read.
    large_spans: AtomicUsize,
}

impl Reader<'_> {
    /// Reads the traces of a stretch; fewer of them if they are too large to be read at once.
    fn read(&self, stretch: &Stretch, own: &mut SampledTraces) -> Result<(), StoreError> {
        let window = Window { from: stretch.window.from - AROUND, to: stretch.window.to + AROUND };
        let mut wanted: Vec<TraceId> = stretch.traces.iter().copied().collect();
        loop {
            let time = self.until.saturating_duration_since(Instant::now());
            if time.is_zero() {
                own.is_cut = true;
                own.coverage.reached = Some(Limit::Time);
                return Ok(());
            }
            let ids = wanted.iter().map(|id| id.to_string().into()).collect();
            let top = Top {
                table: &SPANS,
                window,
                filter: Filter::Is(Field::Column(span::TRACE_ID), ids),
                by: Field::Column(span::START),
                limit: SPANS_MAX,
            };
            let answered = self.store.top(&top, &Limits { time, ..*self.limits })?;
            own.is_cut |= answered.coverage.reached.is_some();
            own.coverage.merge(answered.coverage);
            if SPANS_MAX <= answered.answer.len() {
                if let [id] = wanted[..] {
                    return self.read_large(id, own);
                }
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

    /// Reads a trace of more spans than are given at once: the last ones would not have its begin among them.
    fn read_large(&self, id: TraceId, own: &mut SampledTraces) -> Result<(), StoreError> {
        if LARGE_SPANS_MAX <= self.large_spans.load(Relaxed) {
            own.is_cut = true;
            return Ok(());
        }
        let spans = self.store.trace(id)?;
        self.large_spans.fetch_add(spans.len(), Relaxed);
        own.traces.insert(id, spans);
        Ok(())
    }
}
