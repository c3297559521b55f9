//! Metrics as they were sent: nothing that OTLP carries is dropped.

use std::sync::Arc;

use crate::{Attributes, Moment, Resource, Scope, SpanId, Text, TraceId};

/// One metric of one process, with the points that its exporter sent together.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric {
    /// What its instrumentation called it, such as `db.client.connection.count`.
    pub name: Text,
    /// What it measures, for people.
    pub description: Text,
    /// Its unit, by UCUM: `s`, `By`, `{connection}`.
    pub unit: Text,
    /// What else is known of the metric as such.
    pub metadata: Attributes,
    /// How its points are to be read.
    pub kind: MetricKind,
    /// What was measured, a point for each combination of attributes.
    pub points: Vec<Point>,
    /// The process that was measured, shared with its other metrics.
    pub resource: Arc<Resource>,
    /// The instrumentation that measured it, shared with its other metrics.
    pub scope: Arc<Scope>,
}

impl Metric {
    /// `service.name` of its resource, or OTLP's word for none.
    #[must_use]
    pub fn service(&self) -> &str {
        self.resource.service()
    }
}

/// How the points of a metric are to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MetricKind {
    /// A value that was so at a time.
    Gauge,
    /// What adds up over a stretch of time.
    Sum {
        /// Since when it adds up.
        temporality: Temporality,
        /// Whether it only ever rises.
        is_monotonic: bool,
    },
    /// How values are spread, in buckets with bounds of their own.
    Histogram {
        /// Since when they were counted.
        temporality: Temporality,
    },
    /// How values are spread, in buckets that grow by one factor.
    ExponentialHistogram {
        /// Since when they were counted.
        temporality: Temporality,
    },
    /// Quantiles that were computed where it was measured.
    Summary,
}

/// Since when a point adds up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Temporality {
    /// Not said.
    #[default]
    Unspecified,
    /// Since the point before.
    Delta,
    /// Since a start that stays the same.
    Cumulative,
}

/// What was measured over one stretch of time, or at one time.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// What tells it apart from the other points of its metric.
    pub attributes: Attributes,
    /// Since when it adds up; zero if that was not said.
    pub start: Moment,
    /// Until when, or at which time.
    pub time: Moment,
    /// OTLP's flags: the lowest bit says that nothing was recorded.
    pub flags: u32,
    /// What was measured.
    pub measured: Measured,
    /// Single measurements that went into it, with the spans during which they were made.
    pub exemplars: Vec<Exemplar>,
}

/// What was measured: numbers for gauges and sums, and the rest each for its kind.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Measured {
    /// No value was set.
    #[default]
    Nothing,
    /// One number.
    Number(Number),
    /// A histogram.
    Histogram(Box<Histogram>),
    /// An exponential histogram.
    Exponential(Box<ExponentialHistogram>),
    /// A summary.
    Summary(Box<Summary>),
}

/// A number as it was sent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
    /// A whole one.
    Int(i64),
    /// Any.
    Double(f64),
}

impl Number {
    /// The number, to the precision of `f64`.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "what is beyond 2^53 is shown, not counted")]
    pub fn to_f64(self) -> f64 {
        match self {
            Self::Int(int) => int as f64,
            Self::Double(double) => double,
        }
    }
}

/// How values are spread, in buckets with bounds of their own.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Histogram {
    /// How many values there were.
    pub count: u64,
    /// Their sum, if it is known.
    pub sum: Option<f64>,
    /// The least of them, if it is known.
    pub min: Option<f64>,
    /// The greatest of them, if it is known.
    pub max: Option<f64>,
    /// Upper bounds of the buckets, ascending, each within its bucket; the last bucket has none.
    pub bounds: Vec<f64>,
    /// How many values lie in each bucket: one more than there are bounds, or none at all.
    pub counts: Vec<u64>,
}

/// How values are spread, in buckets that grow by one factor: `base = 2^(2^-scale)`, and bucket `i` holds
/// what is above `base^i` up to `base^(i+1)`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ExponentialHistogram {
    /// How many values there were.
    pub count: u64,
    /// Their sum, if it is known.
    pub sum: Option<f64>,
    /// The least of them, if it is known.
    pub min: Option<f64>,
    /// The greatest of them, if it is known.
    pub max: Option<f64>,
    /// How fine the buckets are.
    pub scale: i32,
    /// How many values were zero, or as near to it as the threshold.
    pub zero_count: u64,
    /// What counts as zero.
    pub zero_threshold: f64,
    /// Buckets of values above zero.
    pub positive: Buckets,
    /// Buckets of values below zero, by their absolute values.
    pub negative: Buckets,
}

/// Buckets that follow each other.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Buckets {
    /// Index of the first one.
    pub offset: i32,
    /// How many values lie in each.
    pub counts: Vec<u64>,
}

/// Quantiles that were computed where it was measured.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Summary {
    /// How many values there were.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
    /// The quantiles.
    pub quantiles: Vec<Quantile>,
}

/// A quantile and its value.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Quantile {
    /// From 0, the least value, to 1, the greatest.
    pub quantile: f64,
    /// The value there.
    pub value: f64,
}

/// A single measurement that went into a point.
#[derive(Debug, Clone, PartialEq)]
pub struct Exemplar {
    /// Attributes that it has and its point has not.
    pub attributes: Attributes,
    /// When it was made.
    pub time: Moment,
    /// What was measured.
    pub value: Option<Number>,
    /// The trace during which it was made, if there was one.
    pub trace_id: Option<TraceId>,
    /// The span during which it was made, if there was one.
    pub span_id: Option<SpanId>,
}
