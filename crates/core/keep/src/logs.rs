//! Log records to rows and back: nothing that OTLP carries is lost on the way.

use model::{LogRecord, Moment, Severity, Value};
use serde_json::{Value as Json, json};

use crate::{
    chunk::{AttributeKind, Chunk},
    json,
    origin::{LastOrigin, Origins},
    reader::Reader,
    table::{LOGS, log as place},
};

/// Puts log records into rows.
#[derive(Debug)]
pub struct LogRows {
    chunk: Chunk,
    origin: LastOrigin,
}

impl Default for LogRows {
    fn default() -> Self {
        Self::over(Chunk::new(&LOGS))
    }
}

impl LogRows {
    /// Fills a chunk of log records that has no rows.
    #[must_use]
    pub fn over(chunk: Chunk) -> Self {
        Self { chunk, origin: LastOrigin::default() }
    }

    /// The rows so far.
    #[must_use]
    pub fn chunk(&self) -> &Chunk {
        &self.chunk
    }

    /// All rows.
    #[must_use]
    pub fn into_chunk(self) -> Chunk {
        self.chunk
    }

    /// Adds a record that was received at a time, which is its time if it says none.
    pub fn push(&mut self, record: &LogRecord, received: Moment) {
        let chunk = &mut self.chunk;
        let (resource, service) = self.origin.resource(&record.resource, chunk);
        let scope = self.origin.scope(&record.scope, chunk);
        let when = record.when();
        let time = if when.nanos == 0 { received } else { when };
        chunk.set_whole(place::TIME, time.nanos);
        chunk.set_whole(place::OBSERVED_TIME, record.observed.nanos);
        chunk.set_id16(place::TRACE_ID, record.trace_id.unwrap_or_default().0);
        chunk.set_id8(place::SPAN_ID, record.span_id.unwrap_or_default().0);
        chunk.set_text(place::SERVICE, service);
        chunk.set_whole(place::SEVERITY_NUMBER, u64::from(record.severity.0));
        chunk.set_text(place::RESOURCE, resource);
        chunk.set_text(place::SCOPE, scope);
        chunk.set_whole(place::FLAGS, u64::from(record.flags));
        let (body, body_value) = match &record.body {
            Value::Text(text) if !text.is_empty() => (text.as_str(), String::new()),
            Value::Empty => ("", String::new()),
            value => ("", json::value(value).to_string()),
        };
        let other = other(record);
        let texts: [(usize, &str); 6] = [
            (place::SEVERITY, record.severity.name().unwrap_or_default()),
            (place::SEVERITY_TEXT, &record.severity_text),
            (place::EVENT_NAME, &record.event_name),
            (place::BODY, body),
            (place::BODY_VALUE, &body_value),
            (place::OTHER, &other),
        ];
        for (place, text) in texts {
            let number = if text.is_empty() { 0 } else { chunk.text(text) };
            chunk.set_text(place, number);
        }
        for (key, value) in &record.attributes.0 {
            let (kind, value) = AttributeKind::of(value, chunk);
            chunk.set_attribute(key, kind, value);
        }
        chunk.end_row();
    }
}

/// What is rarely said of a record: `droppedAttributesCount`, and that it has no `timeUnixNano`.
fn other(record: &LogRecord) -> String {
    let mut other =
        json::object([("droppedAttributesCount", json!(record.dropped_attributes_count))]);
    if record.time.nanos == 0 {
        other["timeUnixNano"] = Json::Null;
    }
    json::line(&other)
}

/// The log records of some rows of a chunk that has all columns, in the order of `rows`. Their attributes are in
/// the order in which the chunk first met their keys.
///
/// # Panics
///
/// If the chunk is not of [`LOGS`].
#[must_use]
pub fn read(chunk: &Chunk, rows: &[usize]) -> Vec<LogRecord> {
    assert_eq!(chunk.table().name, LOGS.name, "rows of another table are no log records");
    let reader = Reader { chunk };
    let mut origins = Origins::default();
    let record = |row: &usize| record(&reader, *row, &mut origins);
    rows.iter().map(record).collect()
}

fn record(reader: &Reader<'_>, row: usize, origins: &mut Origins) -> LogRecord {
    let other = reader.text(place::OTHER, row);
    let other: Json = serde_json::from_str(other).unwrap_or_default();
    let has_time = other.get("timeUnixNano").is_none();
    let time = if has_time { reader.whole(place::TIME, row) } else { 0 };
    LogRecord {
        time: Moment { nanos: time },
        observed: Moment { nanos: reader.whole(place::OBSERVED_TIME, row) },
        severity: Severity(reader.whole32(place::SEVERITY_NUMBER, row)),
        severity_text: reader.text(place::SEVERITY_TEXT, row).into(),
        body: body(reader.text(place::BODY, row), reader.text(place::BODY_VALUE, row)),
        attributes: reader.attributes(row),
        dropped_attributes_count: json::number(&other["droppedAttributesCount"]),
        flags: reader.whole32(place::FLAGS, row),
        trace_id: reader.trace_id(place::TRACE_ID, row),
        span_id: reader.span_id(place::SPAN_ID, row),
        event_name: reader.text(place::EVENT_NAME, row).into(),
        resource: origins.resource(reader.chunk, reader.number(place::RESOURCE, row)),
        scope: origins.scope(reader.chunk, reader.number(place::SCOPE, row)),
    }
}

fn body(text: &str, value: &str) -> Value {
    match (text, value) {
        ("", "") => Value::Empty,
        ("", value) => json::read_value(&serde_json::from_str(value).unwrap_or_default()),
        (text, _) => Value::Text(text.into()),
    }
}
