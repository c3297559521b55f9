//! The signals of OTLP that can be received: what they are called, and where they are sent.

use crate::Sink;

/// A signal: what one request carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    Traces,
    Logs,
    Metrics,
}

impl Signal {
    pub(crate) const ALL: [Self; 3] = [Self::Traces, Self::Logs, Self::Metrics];

    pub(crate) fn place(self) -> usize {
        self as usize
    }

    /// Whether the sink keeps it. The one place that decides it: what is not kept is not received.
    pub(crate) fn is_kept_by(self, sink: &dyn Sink) -> bool {
        match self {
            Self::Traces => true,
            Self::Logs => sink.logs().is_some(),
            Self::Metrics => sink.metrics().is_some(),
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Traces => "traces",
            Self::Logs => "logs",
            Self::Metrics => "metrics",
        }
    }

    /// What is counted of it.
    pub(crate) fn items(self) -> &'static str {
        match self {
            Self::Traces => "spans",
            Self::Logs => "log records",
            Self::Metrics => "data points",
        }
    }

    /// The path of OTLP/HTTP.
    pub(crate) fn http(self) -> &'static str {
        match self {
            Self::Traces => "/v1/traces",
            Self::Logs => "/v1/logs",
            Self::Metrics => "/v1/metrics",
        }
    }

    /// The path of the unary gRPC method.
    pub(crate) fn grpc(self) -> &'static str {
        match self {
            Self::Traces => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
            Self::Logs => "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
            Self::Metrics => "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
        }
    }

    /// What the JSON of a partial success calls the count of what was left out.
    pub(crate) fn rejected(self) -> &'static str {
        match self {
            Self::Traces => "rejectedSpans",
            Self::Logs => "rejectedLogRecords",
            Self::Metrics => "rejectedDataPoints",
        }
    }
}
