//! OTLP JSON to log records, by the rules of `json`.

use std::sync::Arc;

use model::{LogRecord, Moment, Resource, Scope, Severity, Text, Value};
use serde::Deserialize;

use super::{
    json_parts::{WirePair, WireResource, WireScope, WireValue, attributes},
    logs::{EMPTY, says_something},
};
use crate::reading::{
    DecodedItems, Place, Problem, ReadError, documents,
    scalars::{Id, Int, NumberOrName, or_default, text},
};

/// Reads requests, as [`decode_json`](super::decode_json) does. Records that say nothing are left out, counted
/// and named; ids that are none are left out of their records.
///
/// # Errors
///
/// If not a single request can be read.
pub fn decode_logs_json(bytes: &[u8]) -> Result<DecodedItems<LogRecord>, ReadError> {
    let mut decoded = DecodedItems::default();
    documents(bytes, &mut decoded, |request: WireRequest, decoded, line| {
        for of_resource in request.resource_logs {
            of_resource.add_to(decoded, line);
        }
    })
    .map_err(|malformed| malformed.of("OTLP JSON"))?;
    Ok(decoded)
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WireRequest {
    #[serde(alias = "resource_logs", deserialize_with = "or_default")]
    resource_logs: Vec<WireResourceLogs>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WireResourceLogs {
    #[serde(deserialize_with = "or_default")]
    resource: WireResource,
    #[serde(alias = "scope_logs", deserialize_with = "or_default")]
    scope_logs: Vec<WireScopeLogs>,
    #[serde(alias = "schema_url", deserialize_with = "text")]
    schema_url: Text,
}

impl WireResourceLogs {
    fn add_to(self, decoded: &mut DecodedItems<LogRecord>, line: usize) {
        let resource = self.resource.into_model(self.schema_url);
        for of_scope in self.scope_logs {
            let scope = of_scope.scope.into_model(of_scope.schema_url);
            for record in of_scope.log_records {
                let record = record.into_model(&resource, &scope);
                if says_something(&record) {
                    decoded.items.push(record);
                } else {
                    let (place, message) = (Place::Line(line), EMPTY.to_owned());
                    decoded.reject(1, || Problem { place, message });
                }
            }
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WireScopeLogs {
    #[serde(deserialize_with = "or_default")]
    scope: WireScope,
    #[serde(alias = "log_records", deserialize_with = "or_default")]
    log_records: Vec<WireRecord>,
    #[serde(alias = "schema_url", deserialize_with = "text")]
    schema_url: Text,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WireRecord {
    #[serde(alias = "time_unix_nano", deserialize_with = "or_default")]
    time_unix_nano: Int,
    #[serde(alias = "observed_time_unix_nano", deserialize_with = "or_default")]
    observed_time_unix_nano: Int,
    #[serde(alias = "severity_number", deserialize_with = "or_default")]
    severity_number: NumberOrName,
    #[serde(alias = "severity_text", deserialize_with = "text")]
    severity_text: Text,
    #[serde(deserialize_with = "or_default")]
    body: WireValue,
    #[serde(deserialize_with = "or_default")]
    attributes: Vec<WirePair>,
    #[serde(alias = "dropped_attributes_count", deserialize_with = "or_default")]
    dropped_attributes_count: Int,
    #[serde(deserialize_with = "or_default")]
    flags: Int,
    #[serde(alias = "trace_id", deserialize_with = "or_default")]
    trace_id: Id,
    #[serde(alias = "span_id", deserialize_with = "or_default")]
    span_id: Id,
    #[serde(alias = "event_name", deserialize_with = "text")]
    event_name: Text,
}

impl WireRecord {
    fn into_model(self, resource: &Arc<Resource>, scope: &Arc<Scope>) -> LogRecord {
        LogRecord {
            time: Moment { nanos: self.time_unix_nano.to_u64() },
            observed: Moment { nanos: self.observed_time_unix_nano.to_u64() },
            severity: severity(&self.severity_number.0),
            severity_text: self.severity_text,
            body: self.body.0,
            attributes: attributes(self.attributes),
            dropped_attributes_count: self.dropped_attributes_count.to_u32(),
            flags: self.flags.to_u32(),
            trace_id: self.trace_id.trace(),
            span_id: self.span_id.span(),
            event_name: self.event_name,
            resource: Arc::clone(resource),
            scope: Arc::clone(scope),
        }
    }
}

/// A number, or a name such as `SEVERITY_NUMBER_WARN2`.
fn severity(value: &Value) -> Severity {
    if let Some(number) = value.as_int() {
        return Severity(u32::try_from(number).unwrap_or_default());
    }
    let name = value.as_text().unwrap_or_default().to_ascii_lowercase();
    let name = name.trim_start_matches("severity_number_");
    let (range, step) = match name.strip_suffix(['2', '3', '4']) {
        Some(range) => (range, name.bytes().last().map_or(0, |digit| u32::from(digit - b'1'))),
        None => (name, 0),
    };
    let ranges = (0_u32..).zip(Severity::NAMES);
    let known = ranges.into_iter().find(|(_, known)| *known == range);
    Severity(known.map_or(0, |(place, _)| 4 * place + 1 + step))
}
