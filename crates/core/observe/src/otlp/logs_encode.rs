//! Log records to OTLP protobuf, the mirror image of `logs`.

use std::sync::Arc;

use model::{LogRecord, Resource, Scope, Value};

use super::{
    encode::{Item, bytes, export, fixed32, fixed64, message, number, text, write_value},
    unknown::{RECORD, Written},
};

/// Writes one `ExportLogsServiceRequest`. Records keep their order; neighbours that share resource and scope are
/// written as one group.
#[must_use]
pub fn encode_logs(records: &[LogRecord]) -> Vec<u8> {
    export(records, write_record)
}

impl Item for LogRecord {
    fn resource(&self) -> &Arc<Resource> {
        &self.resource
    }

    fn scope(&self) -> &Arc<Scope> {
        &self.scope
    }
}

fn write_record(out: &mut Vec<u8>, record: &LogRecord) {
    fixed64(out, 1, record.time.nanos);
    number(out, 2, u64::from(record.severity.0));
    text(out, 3, &record.severity_text);
    let attributes = Written::of(RECORD, &record.attributes, &record.body);
    if record.body != Value::Empty && !attributes.has_body {
        message(out, 5, |out| write_value(out, &record.body));
    }
    attributes.write(out);
    number(out, 7, u64::from(record.dropped_attributes_count));
    fixed32(out, 8, record.flags);
    if let Some(id) = record.trace_id {
        bytes(out, 9, &id.0);
    }
    if let Some(id) = record.span_id {
        bytes(out, 10, &id.0);
    }
    fixed64(out, 11, record.observed.nanos);
    text(out, 12, &record.event_name);
}
