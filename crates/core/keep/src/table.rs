//! The tables that are kept, and their columns: one place to add one.

/// Nanoseconds of an hour.
const HOUR_NANOS: u64 = 3_600_000_000_000;

/// A kind of thing that is kept, one row each.
#[derive(Debug)]
pub struct Table {
    /// What files and questions call it.
    pub name: &'static str,
    /// Its columns. Attributes come after them, as many as there are.
    pub columns: &'static [ColumnSpec],
    /// The column that rows are sorted by, as [`Table::kept_by`] says: when it began, or was measured.
    pub time: usize,
    /// The column of trace ids, which can be looked up.
    pub trace: Option<usize>,
    /// The column that tells how many things a row stands for.
    pub weight: Option<usize>,
    /// The column of the resource that produced it, as OTLP JSON.
    pub resource: Option<usize>,
    /// The column of sketches, if a row sums up many things. Its other numbers are of all of them then: they do not
    /// count as often as the column of weights says.
    pub sketch: Option<usize>,
}

/// A column of a table.
#[derive(Debug)]
pub struct ColumnSpec {
    /// What files and questions call it.
    pub name: &'static str,
    /// What it holds.
    pub kind: ColumnKind,
    /// Its texts are JSON, or else not for grouping by.
    pub is_document: bool,
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    /// Text; empty is the same as none.
    Text,
    /// Nanoseconds since 1970-01-01 00:00 UTC.
    Time,
    /// A whole number from 0.
    Whole,
    /// A number.
    Number,
    /// 16 bytes; zeros are none.
    Id16,
    /// 8 bytes; zeros are none.
    Id8,
}

impl ColumnKind {
    /// Whether it is a whole number, as times are.
    #[must_use]
    pub fn is_whole(self) -> bool {
        matches!(self, Self::Time | Self::Whole)
    }
}

impl Table {
    /// The place of a column.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    /// What rows are sorted by, of their time: the time itself, or the hour where each row sums up things of one kind. Rows of
    /// one hour then lie as they came, those of one kind together.
    #[must_use]
    pub fn kept_by(&self, time: u64) -> u64 {
        if self.sketch.is_some() { time / HOUR_NANOS } else { time }
    }

    /// Whether the values of a column tell kinds of rows apart: short texts do, documents and numbers do not.
    #[must_use]
    pub fn tells_apart(&self, place: usize) -> bool {
        let column = &self.columns[place];
        column.kind == ColumnKind::Text && !column.is_document
    }
}

const fn column(name: &'static str, kind: ColumnKind) -> ColumnSpec {
    ColumnSpec { name, kind, is_document: false }
}

const fn document(name: &'static str) -> ColumnSpec {
    ColumnSpec { name, kind: ColumnKind::Text, is_document: true }
}

/// Spans; places of its columns are in [`span`].
pub static SPANS: Table = Table {
    name: "spans",
    columns: &[
        column("trace_id", ColumnKind::Id16),
        column("span_id", ColumnKind::Id8),
        column("parent_span_id", ColumnKind::Id8),
        column("start", ColumnKind::Time),
        column("duration_nanos", ColumnKind::Whole),
        column("service", ColumnKind::Text),
        column("name", ColumnKind::Text),
        column("kind", ColumnKind::Text),
        column("status", ColumnKind::Text),
        column("status_message", ColumnKind::Text),
        column("operation", ColumnKind::Text),
        column("statement", ColumnKind::Text),
        document("resource"),
        document("scope"),
        document("events"),
        document("links"),
        document("trace_state"),
        column("flags", ColumnKind::Whole),
        document("other"),
        column("weight", ColumnKind::Whole),
    ],
    time: span::START,
    trace: Some(span::TRACE_ID),
    weight: Some(span::WEIGHT),
    resource: Some(span::RESOURCE),
    sketch: None,
};

/// Places of the columns of [`SPANS`].
pub mod span {
    /// Its trace.
    pub const TRACE_ID: usize = 0;
    /// Its identity.
    pub const SPAN_ID: usize = 1;
    /// The span that caused it.
    pub const PARENT_SPAN_ID: usize = 2;
    /// When it began.
    pub const START: usize = 3;
    /// How long it took; 0 if it ended before it began.
    pub const DURATION: usize = 4;
    /// `service.name` of its resource.
    pub const SERVICE: usize = 5;
    /// Its name.
    pub const NAME: usize = 6;
    /// Its role: `server`, `client`, `internal`, `producer`, `consumer`; none if not said.
    pub const KIND: usize = 7;
    /// `ok` or `error`; none if not said.
    pub const STATUS: usize = 8;
    /// Why it failed.
    pub const STATUS_MESSAGE: usize = 9;
    /// What was requested, if it is the entry of a request.
    pub const OPERATION: usize = 10;
    /// The normalised statement, if it ran one.
    pub const STATEMENT: usize = 11;
    /// Its resource, as OTLP JSON.
    pub const RESOURCE: usize = 12;
    /// Its instrumentation scope, as OTLP JSON.
    pub const SCOPE: usize = 13;
    /// Its events, as OTLP JSON.
    pub const EVENTS: usize = 14;
    /// Its links, as OTLP JSON.
    pub const LINKS: usize = 15;
    /// Its `tracestate`.
    pub const TRACE_STATE: usize = 16;
    /// Its flags.
    pub const FLAGS: usize = 17;
    /// What is rarely said of a span, as JSON: counts of what was dropped, an end before its begin.
    pub const OTHER: usize = 18;
    /// How many spans it stands for: 1, or more where only a sample was kept.
    pub const WEIGHT: usize = 19;
}

/// Log records; places of its columns are in [`log`].
pub static LOGS: Table = Table {
    name: "logs",
    columns: &[
        column("time", ColumnKind::Time),
        column("observed_time", ColumnKind::Time),
        column("trace_id", ColumnKind::Id16),
        column("span_id", ColumnKind::Id8),
        column("service", ColumnKind::Text),
        column("severity", ColumnKind::Text),
        column("severity_number", ColumnKind::Whole),
        column("severity_text", ColumnKind::Text),
        column("event_name", ColumnKind::Text),
        column("body", ColumnKind::Text),
        document("body_value"),
        document("resource"),
        document("scope"),
        column("flags", ColumnKind::Whole),
        document("other"),
    ],
    time: log::TIME,
    trace: Some(log::TRACE_ID),
    weight: None,
    resource: Some(log::RESOURCE),
    sketch: None,
};

/// Places of the columns of [`LOGS`].
pub mod log {
    /// When it happened, or else when it was collected, or else when it was received.
    pub const TIME: usize = 0;
    /// When it was collected; 0 if that was not said.
    pub const OBSERVED_TIME: usize = 1;
    /// The trace during which it was written.
    pub const TRACE_ID: usize = 2;
    /// The span during which it was written.
    pub const SPAN_ID: usize = 3;
    /// `service.name` of its resource.
    pub const SERVICE: usize = 4;
    /// `trace`, `debug`, `info`, `warn`, `error` or `fatal`; none if not said.
    pub const SEVERITY: usize = 5;
    /// How bad it is, 1 to 24; 0 if not said.
    pub const SEVERITY_NUMBER: usize = 6;
    /// How bad it is, in the words of its logger.
    pub const SEVERITY_TEXT: usize = 7;
    /// The kind of event that it is.
    pub const EVENT_NAME: usize = 8;
    /// What it says, if that is a text.
    pub const BODY: usize = 9;
    /// What it says, if that is no text or an empty one, as OTLP JSON.
    pub const BODY_VALUE: usize = 10;
    /// Its resource, as OTLP JSON.
    pub const RESOURCE: usize = 11;
    /// Its instrumentation scope, as OTLP JSON.
    pub const SCOPE: usize = 12;
    /// Its flags.
    pub const FLAGS: usize = 13;
    /// What is rarely said of it, as JSON: the count of attributes that were dropped, and whether it has no time.
    pub const OTHER: usize = 14;
}

/// Points of metrics; places of its columns are in [`metric`].
pub static METRICS: Table = Table {
    name: "metrics",
    columns: &[
        column("time", ColumnKind::Time),
        column("start", ColumnKind::Time),
        column("service", ColumnKind::Text),
        column("name", ColumnKind::Text),
        column("unit", ColumnKind::Text),
        column("kind", ColumnKind::Text),
        column("temporality", ColumnKind::Text),
        column("value", ColumnKind::Number),
        column("count", ColumnKind::Whole),
        column("sum", ColumnKind::Number),
        column("min", ColumnKind::Number),
        column("max", ColumnKind::Number),
        document("measured"),
        document("exemplars"),
        document("description"),
        document("metadata"),
        document("resource"),
        document("scope"),
        column("flags", ColumnKind::Whole),
    ],
    time: metric::TIME,
    trace: None,
    weight: None,
    resource: Some(metric::RESOURCE),
    sketch: None,
};

/// Places of the columns of [`METRICS`].
pub mod metric {
    /// Until when it adds up, or at which time it was so.
    pub const TIME: usize = 0;
    /// Since when it adds up; 0 if that was not said.
    pub const START: usize = 1;
    /// `service.name` of its resource.
    pub const SERVICE: usize = 2;
    /// The metric.
    pub const NAME: usize = 3;
    /// Its unit.
    pub const UNIT: usize = 4;
    /// `gauge`, `counter` (a sum that only rises), `sum`, `histogram`, `exponential_histogram` or `summary`.
    pub const KIND: usize = 5;
    /// `delta` or `cumulative`; none if not said.
    pub const TEMPORALITY: usize = 6;
    /// The number, to the precision of a double; NaN if it is no number.
    pub const VALUE: usize = 7;
    /// How many values there were, for histograms and summaries.
    pub const COUNT: usize = 8;
    /// Their sum; NaN if it is not known.
    pub const SUM: usize = 9;
    /// The least of them; NaN if it is not known.
    pub const MIN: usize = 10;
    /// The greatest of them; NaN if it is not known.
    pub const MAX: usize = 11;
    /// What was measured, as OTLP JSON, where the columns before do not say all of it: whole numbers, buckets,
    /// quantiles.
    pub const MEASURED: usize = 12;
    /// Its exemplars, as OTLP JSON.
    pub const EXEMPLARS: usize = 13;
    /// What the metric measures, for people.
    pub const DESCRIPTION: usize = 14;
    /// What else is known of the metric, as OTLP JSON.
    pub const METADATA: usize = 15;
    /// Its resource, as OTLP JSON.
    pub const RESOURCE: usize = 16;
    /// Its instrumentation scope, as OTLP JSON.
    pub const SCOPE: usize = 17;
    /// Its flags.
    pub const FLAGS: usize = 18;
}

/// What spans of one kind took in one minute, summed up: see [`crate::rollup`]. Places of its columns are in
/// [`minute`].
pub static MINUTES: Table = Table {
    name: "minutes",
    columns: &[
        column("minute", ColumnKind::Time),
        column("service", ColumnKind::Text),
        column("name", ColumnKind::Text),
        column("kind", ColumnKind::Text),
        column("status", ColumnKind::Text),
        column("operation", ColumnKind::Text),
        column("statement", ColumnKind::Text),
        column("remote", ColumnKind::Text),
        column("count", ColumnKind::Whole),
        column("sum_nanos", ColumnKind::Whole),
        column("least_nanos", ColumnKind::Whole),
        column("greatest_nanos", ColumnKind::Whole),
        document("durations"),
    ],
    time: minute::MINUTE,
    trace: None,
    weight: Some(minute::COUNT),
    resource: None,
    sketch: Some(minute::DURATIONS),
};

/// Places of the columns of [`MINUTES`].
pub mod minute {
    /// When it begins.
    pub const MINUTE: usize = 0;
    /// `service.name` of the spans' resource.
    pub const SERVICE: usize = 1;
    /// The spans' name.
    pub const NAME: usize = 2;
    /// Their role.
    pub const KIND: usize = 3;
    /// `ok` or `error`; none if not said.
    pub const STATUS: usize = 4;
    /// What was requested, if they are entries of requests.
    pub const OPERATION: usize = 5;
    /// The normalised statement, if they ran one.
    pub const STATEMENT: usize = 6;
    /// Whom they called, if they are calls to others and say so.
    pub const REMOTE: usize = 7;
    /// How many there were.
    pub const COUNT: usize = 8;
    /// The sum of how long they took; at most 2^63 - 1.
    pub const SUM: usize = 9;
    /// The least time that one of them took.
    pub const LEAST: usize = 10;
    /// The greatest time that one of them took.
    pub const GREATEST: usize = 11;
    /// How long they took: a `stats::Sketch`, in base64.
    pub const DURATIONS: usize = 12;
}

/// All tables.
pub static TABLES: &[&Table] = &[&SPANS, &LOGS, &METRICS, &MINUTES];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_places_of_columns_are_those_of_their_names() {
        let places = [
            (span::TRACE_ID, "trace_id"),
            (span::PARENT_SPAN_ID, "parent_span_id"),
            (span::START, "start"),
            (span::DURATION, "duration_nanos"),
            (span::SERVICE, "service"),
            (span::STATUS_MESSAGE, "status_message"),
            (span::STATEMENT, "statement"),
            (span::LINKS, "links"),
            (span::OTHER, "other"),
            (span::WEIGHT, "weight"),
        ];
        for (place, name) in places {
            assert_eq!(SPANS.column(name), Some(place), "{name}");
        }
        assert_eq!(SPANS.columns.len(), span::WEIGHT + 1);
        for (place, name) in [
            (log::TIME, "time"),
            (log::TRACE_ID, "trace_id"),
            (log::SERVICE, "service"),
            (log::SEVERITY_TEXT, "severity_text"),
            (log::BODY_VALUE, "body_value"),
            (log::OTHER, "other"),
        ] {
            assert_eq!(LOGS.column(name), Some(place), "{name}");
        }
        assert_eq!(LOGS.columns.len(), log::OTHER + 1);
        for (place, name) in [
            (metric::TIME, "time"),
            (metric::KIND, "kind"),
            (metric::VALUE, "value"),
            (metric::MAX, "max"),
            (metric::MEASURED, "measured"),
            (metric::METADATA, "metadata"),
            (metric::FLAGS, "flags"),
        ] {
            assert_eq!(METRICS.column(name), Some(place), "{name}");
        }
        assert_eq!(METRICS.columns.len(), metric::FLAGS + 1);
        for (place, name) in [
            (minute::MINUTE, "minute"),
            (minute::STATUS, "status"),
            (minute::REMOTE, "remote"),
            (minute::COUNT, "count"),
            (minute::GREATEST, "greatest_nanos"),
            (minute::DURATIONS, "durations"),
        ] {
            assert_eq!(MINUTES.column(name), Some(place), "{name}");
        }
        assert_eq!(MINUTES.columns.len(), minute::DURATIONS + 1);
    }

    #[test]
    fn columns_of_a_table_have_names_of_their_own() {
        for table in TABLES {
            for (place, column) in table.columns.iter().enumerate() {
                assert_eq!(table.column(column.name), Some(place), "{}", column.name);
            }
            assert_eq!(table.columns[table.time].kind, ColumnKind::Time);
        }
    }
}
