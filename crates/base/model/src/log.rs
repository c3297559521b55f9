//! Log records as they were sent: nothing that OTLP carries is dropped.

use std::sync::Arc;

use crate::{Attributes, Moment, Resource, Scope, SpanId, Text, TraceId, Value};

/// One log record, as its exporter sent it.
#[derive(Debug, Clone, PartialEq)]
pub struct LogRecord {
    /// When it happened, by the clock of its host; zero if that is not known.
    pub time: Moment,
    /// When it was collected; zero if that was not said.
    pub observed: Moment,
    /// How bad it is.
    pub severity: Severity,
    /// How bad it is, in the words of its logger.
    pub severity_text: Text,
    /// What it says: a text mostly, or a structure.
    pub body: Value,
    /// What else is known of it.
    pub attributes: Attributes,
    /// Attributes that its exporter dropped.
    pub dropped_attributes_count: u32,
    /// W3C trace flags in the low byte.
    pub flags: u32,
    /// The trace during which it was written, if there was one.
    pub trace_id: Option<TraceId>,
    /// The span during which it was written, if there was one.
    pub span_id: Option<SpanId>,
    /// The kind of event that it is; empty if it is none.
    pub event_name: Text,
    /// The process that produced it, shared with its other records.
    pub resource: Arc<Resource>,
    /// The instrumentation that produced it, shared with its other records.
    pub scope: Arc<Scope>,
}

impl LogRecord {
    /// When it happened, or else when it was collected; zero if neither was said.
    #[must_use]
    pub fn when(&self) -> Moment {
        if self.time.nanos == 0 { self.observed } else { self.time }
    }

    /// `service.name` of its resource, or OTLP's word for none.
    #[must_use]
    pub fn service(&self) -> &str {
        self.resource.service()
    }
}

/// How bad it is, as OTLP counts: 1 to 24, the higher the worse; 0 if that was not said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Severity(pub u32);

impl Severity {
    /// Names of the six ranges, of four numbers each.
    pub const NAMES: [&'static str; 6] = ["trace", "debug", "info", "warn", "error", "fatal"];

    /// The range that it lies in; `None` if it was not said, or beyond what OTLP knows.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        let place = usize::try_from(self.0.checked_sub(1)? / 4).ok()?;
        Self::NAMES.get(place).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn severities_are_named_by_ranges_of_four() {
        let named = |number| Severity(number).name();
        assert_eq!((named(0), named(1), named(4)), (None, Some("trace"), Some("trace")));
        assert_eq!((named(9), named(17)), (Some("info"), Some("error")));
        assert_eq!((named(24), named(25), named(u32::MAX)), (Some("fatal"), None, None));
    }
}
