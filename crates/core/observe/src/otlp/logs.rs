//! OTLP protobuf to log records: `ExportLogsServiceRequest`, and `LogsData`, which looks the same.

use std::sync::Arc;

use model::{
    Attributes, LogRecord, Moment, Resource, Scope, Severity, SpanId, Text, TraceId, Value,
};

use super::{
    cursor::{Cursor, DecodeError},
    parts::{Items, attribute, export, merge_value, span_id, trace_id},
    unknown::{OWN, Unknown},
};
use crate::reading::{DecodedItems, Place, Problem};

/// Why a record is left out.
pub(super) const EMPTY: &str = "a log record without body, attributes and event name";

/// Reads an `ExportLogsServiceRequest` or a `LogsData`. Records that say nothing are left out, counted and
/// named; ids of a wrong length are none, as OTLP asks. Takes at most some 60 times the memory of its input.
///
/// # Errors
///
/// If the bytes are not protobuf, or a known field is not of its type.
pub fn decode_logs(bytes: &[u8]) -> Result<DecodedItems<LogRecord>, DecodeError> {
    let mut decoded = DecodedItems::default();
    export(bytes, &mut decoded)?;
    Ok(decoded)
}

/// Whether a record says anything at all.
pub(super) fn says_something(record: &LogRecord) -> bool {
    record.body != Value::Empty || !record.attributes.0.is_empty() || !record.event_name.is_empty()
}

impl Items<'_> for DecodedItems<LogRecord> {
    /// The time, and a body of no text.
    const BYTES_MIN: usize = 13;

    fn reserve(&mut self, count: usize) {
        self.items.reserve(count);
    }

    fn item(
        &mut self,
        cursor: Cursor<'_>,
        offset: usize,
        resource: &Arc<Resource>,
        scope: &Arc<Scope>,
    ) -> Result<(), DecodeError> {
        let record = record(cursor, resource, scope)?;
        if says_something(&record) {
            self.items.push(record);
        } else {
            self.reject(1, || Problem { place: Place::Byte(offset), message: EMPTY.to_owned() });
        }
        Ok(())
    }
}

fn record(
    mut cursor: Cursor<'_>,
    resource: &Arc<Resource>,
    scope: &Arc<Scope>,
) -> Result<LogRecord, DecodeError> {
    let mut unknown = Unknown::default();
    let mut record = LogRecord {
        time: Moment::default(),
        observed: Moment::default(),
        severity: Severity::default(),
        severity_text: Text::default(),
        body: Value::Empty,
        attributes: Attributes::default(),
        dropped_attributes_count: 0,
        flags: 0,
        trace_id: None,
        span_id: None,
        event_name: Text::default(),
        resource: Arc::clone(resource),
        scope: Arc::clone(scope),
    };
    while let Some(field) = cursor.field()? {
        match field.number {
            1 => record.time.nanos = cursor.fixed64(field)?,
            2 => record.severity = Severity(cursor.number32(field)?),
            3 => record.severity_text = cursor.text(field)?,
            5 => {
                let (whole, mut odd) = (cursor.message(field)?, false);
                merge_value(whole, &mut record.body, 0, &mut odd)?;
                if odd {
                    unknown.message(5, whole.rest());
                }
            }
            6 => attribute(&mut cursor, field, &mut record.attributes, &mut unknown)?,
            7 => record.dropped_attributes_count = cursor.number32(field)?,
            8 => record.flags = cursor.fixed32(field)?,
            9 => {
                record.trace_id =
                    trace_id(cursor.bytes(field)?).filter(|id| !TraceId::is_zero(*id));
            }
            10 => record.span_id = span_id(cursor.bytes(field)?).filter(|id| !SpanId::is_zero(*id)),
            11 => record.observed.nanos = cursor.fixed64(field)?,
            12 => record.event_name = cursor.text(field)?,
            _ => unknown.take(&mut cursor, field)?,
        }
    }
    unknown.settle(OWN, &mut record.attributes);
    Ok(record)
}
