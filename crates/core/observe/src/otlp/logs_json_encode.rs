//! Log records to OTLP JSON, the mirror image of `logs_json`.

use model::{LogRecord, Value};

use super::json_encode::{Out, attributes, export, write_value};

/// Writes one request on one line, as [`encode_json`](super::encode_json) does.
#[must_use]
pub fn encode_logs_json(records: &[LogRecord]) -> String {
    export(records, ["resourceLogs", "scopeLogs", "logRecords"], write_record)
}

fn write_record(out: &mut Out, record: &LogRecord) {
    if record.time.nanos != 0 {
        out.quoted("timeUnixNano", record.time.nanos);
    }
    if record.observed.nanos != 0 {
        out.quoted("observedTimeUnixNano", record.observed.nanos);
    }
    out.number("severityNumber", record.severity.0);
    out.text("severityText", &record.severity_text);
    if record.body != Value::Empty {
        out.member("body", |out| out.object(|out| write_value(out, &record.body)));
    }
    attributes(out, &record.attributes);
    out.number("droppedAttributesCount", record.dropped_attributes_count);
    out.number("flags", record.flags);
    if let Some(id) = record.trace_id {
        out.quoted("traceId", id);
    }
    if let Some(id) = record.span_id {
        out.quoted("spanId", id);
    }
    out.text("eventName", &record.event_name);
}
