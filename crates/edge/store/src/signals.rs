//! The kinds of telemetry that are kept, and all that is particular to each: one place to add one.

use std::fmt;

use keep::{
    Chunk, LOGS as LOG_TABLE, METRICS as METRIC_TABLE, SPANS as SPAN_TABLE, Table,
    logs::{self, LogRows},
    metrics::{self, MetricRows},
    spans,
};
use model::{LogRecord, Metric, Moment, Span, TraceId};
use observe::otlp;

use crate::{derived, frame::Record, index, log::Kind};

/// A kind of telemetry.
pub(crate) struct Signal {
    /// Its log. Names of its blocks begin as those of its log do.
    pub(crate) log: Kind,
    /// What its rows are.
    pub(crate) table: &'static Table,
    /// Bytes of rows of segments that are no block yet, kept in memory. Beyond it they are decoded again by who asks.
    pub(crate) head_bytes_max: usize,
    /// How many spans, log records or metrics a payload of its log holds; 0 for one that cannot be read.
    pub(crate) count: fn(&[u8]) -> usize,
    /// Keys of the traces that a payload of its log is of, each once.
    pub(crate) keys: fn(&[u8]) -> Vec<u64>,
    /// Records of its log as rows of a chunk that has none.
    pub(crate) rows: fn(Chunk, Records<'_>, &mut sql::Statements) -> Chunk,
}

/// Gives each record of some to whom it is given.
pub(crate) type Records<'a> = &'a mut dyn FnMut(&mut dyn FnMut(Record<'_>));

/// Spans.
pub(crate) static SPANS: Signal = Signal {
    log: Kind { name: "spans", magic: *b"tautspan" },
    table: &SPAN_TABLE,
    // Some six full segments.
    head_bytes_max: 256 << 20,
    count: count::<Span>,
    keys: keys_in::<Span>,
    rows: span_rows,
};

/// Log records.
pub(crate) static LOGS: Signal = Signal {
    log: Kind { name: "logs", magic: *b"tautlogs" },
    table: &LOG_TABLE,
    head_bytes_max: 128 << 20,
    count: count::<LogRecord>,
    keys: keys_in::<LogRecord>,
    rows: log_rows,
};

/// Points of metrics. They are of no trace, so that nothing is to be indexed.
pub(crate) static METRICS: Signal = Signal {
    log: Kind { name: "metrics", magic: *b"tautmetr" },
    table: &METRIC_TABLE,
    head_bytes_max: 64 << 20,
    count: count::<Metric>,
    keys: |_| Vec::new(),
    rows: metric_rows,
};

/// All of them.
pub(crate) static SIGNALS: [&Signal; 3] = [&SPANS, &LOGS, &METRICS];

impl fmt::Debug for Signal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.log.name)
    }
}

/// What comes in batches: a span, a log record, a metric.
pub(crate) trait Item: Sized + Send {
    /// What it is.
    const SIGNAL: &'static Signal;

    /// What a payload of the log holds. It was read once before it was kept, so what is refused now was then.
    fn decode(payload: &[u8]) -> Vec<Self>;

    /// A payload of the log.
    fn encode(items: &[Self]) -> Vec<u8>;

    /// The trace that it is of.
    fn trace_id(&self) -> Option<TraceId>;

    /// The time of its row.
    fn time(&self, received: Moment) -> Moment;

    /// Rows of a chunk that has all columns.
    fn read(chunk: &Chunk, rows: &[usize]) -> Vec<Self>;
}

impl Item for Span {
    const SIGNAL: &'static Signal = &SPANS;

    fn decode(payload: &[u8]) -> Vec<Self> {
        otlp::decode(payload).map(|decoded| decoded.spans).unwrap_or_default()
    }

    fn encode(items: &[Self]) -> Vec<u8> {
        otlp::encode(items)
    }

    fn trace_id(&self) -> Option<TraceId> {
        Some(self.trace_id)
    }

    fn time(&self, _received: Moment) -> Moment {
        self.start
    }

    fn read(chunk: &Chunk, rows: &[usize]) -> Vec<Self> {
        spans::read(chunk, rows)
    }
}

impl Item for LogRecord {
    const SIGNAL: &'static Signal = &LOGS;

    fn decode(payload: &[u8]) -> Vec<Self> {
        otlp::decode_logs(payload).map(|decoded| decoded.items).unwrap_or_default()
    }

    fn encode(items: &[Self]) -> Vec<u8> {
        otlp::encode_logs(items)
    }

    fn trace_id(&self) -> Option<TraceId> {
        self.trace_id
    }

    fn time(&self, received: Moment) -> Moment {
        let when = self.when();
        if when.nanos == 0 { received } else { when }
    }

    fn read(chunk: &Chunk, rows: &[usize]) -> Vec<Self> {
        logs::read(chunk, rows)
    }
}

impl Item for Metric {
    const SIGNAL: &'static Signal = &METRICS;

    fn decode(payload: &[u8]) -> Vec<Self> {
        otlp::decode_metrics(payload).map(|decoded| decoded.items).unwrap_or_default()
    }

    fn encode(items: &[Self]) -> Vec<u8> {
        otlp::encode_metrics(items)
    }

    fn trace_id(&self) -> Option<TraceId> {
        None
    }

    fn time(&self, received: Moment) -> Moment {
        self.points.first().map_or(received, |point| point.time)
    }

    fn read(chunk: &Chunk, rows: &[usize]) -> Vec<Self> {
        metrics::read(chunk, rows)
    }
}

fn count<T: Item>(payload: &[u8]) -> usize {
    T::decode(payload).len()
}

fn keys_in<T: Item>(payload: &[u8]) -> Vec<u64> {
    keys(&T::decode(payload))
}

/// Keys of the traces of a batch, each once.
pub(crate) fn keys<T: Item>(items: &[T]) -> Vec<u64> {
    let traces = items.iter().filter_map(Item::trace_id);
    let mut keys: Vec<u64> = traces.map(index::key).collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

fn span_rows(chunk: Chunk, records: Records<'_>, statements: &mut sql::Statements) -> Chunk {
    let mut rows = derived::Rows::over(chunk, statements);
    records(&mut |record| rows.add(record.payload));
    rows.into_chunk()
}

fn log_rows(chunk: Chunk, records: Records<'_>, _: &mut sql::Statements) -> Chunk {
    let mut rows = LogRows::over(chunk);
    records(&mut |record| {
        for log in LogRecord::decode(record.payload) {
            rows.push(&log, record.received);
        }
    });
    rows.into_chunk()
}

fn metric_rows(chunk: Chunk, records: Records<'_>, _: &mut sql::Statements) -> Chunk {
    let mut rows = MetricRows::over(chunk);
    records(&mut |record| {
        for metric in Metric::decode(record.payload) {
            rows.push(&metric);
        }
    });
    rows.into_chunk()
}
