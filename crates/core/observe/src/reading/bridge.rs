//! What OpenTelemetry's exporters to Jaeger and Zipkin hide in tags, taken out of them again.
//!
//! The names: <https://opentelemetry.io/docs/specs/otel/common/mapping-to-non-otlp/>.

use std::{collections::BTreeMap, sync::Arc};

use model::{Scope, SpanKind, Status, StatusCode, Text, Value};

/// What tags say that has a place of its own in a span.
#[derive(Debug, Default)]
pub(crate) struct Bridged {
    pub(crate) kind: Option<SpanKind>,
    pub(crate) trace_state: Text,
    scope_name: Text,
    scope_version: Text,
    status_code: Option<StatusCode>,
    status_message: Text,
    error: Option<Text>,
}

impl Bridged {
    /// Takes a tag in, unless it is an attribute like any other.
    pub(crate) fn take(&mut self, key: Text, value: Value) -> Option<(Text, Value)> {
        let text = match &value {
            Value::Text(text) => text.clone(),
            Value::Bool(bool) => Text::new(if *bool { "true" } else { "false" }),
            _ => return Some((key, value)),
        };
        match key.as_str() {
            "span.kind" => match kind(&text) {
                Some(kind) => self.kind = Some(kind),
                None => return Some((key, value)),
            },
            "error" => self.error = Some(text),
            "otel.status_code" => {
                self.status_code = match text.to_ascii_uppercase().as_str() {
                    "OK" => Some(StatusCode::Ok),
                    "ERROR" => Some(StatusCode::Error),
                    _ => None,
                }
            }
            "otel.status_description" => self.status_message = text,
            // The older name comes beside the newer one.
            "otel.scope.name" => self.scope_name = text,
            "otel.scope.version" => self.scope_version = text,
            "otel.library.name" if self.scope_name.is_empty() => self.scope_name = text,
            "otel.library.version" if self.scope_version.is_empty() => self.scope_version = text,
            "otel.library.name" | "otel.library.version" | "internal.span.format" => {}
            "w3c.tracestate" => self.trace_state = text,
            _ => return Some((key, value)),
        }
        None
    }

    /// The verdict: the one of OpenTelemetry, or else the `error` tag, whose text may say why.
    pub(crate) fn status(&mut self) -> Status {
        let error = self.error.take().filter(|error| error != "false");
        let code = self.status_code.unwrap_or(match error {
            Some(_) => StatusCode::Error,
            None => StatusCode::Unset,
        });
        let mut message = std::mem::take(&mut self.status_message);
        if message.is_empty() && code == StatusCode::Error {
            message = error.filter(|error| error != "true").unwrap_or_default();
        }
        Status { code, message }
    }

    /// The scope, shared with the other spans that name it.
    pub(crate) fn scope(&mut self, scopes: &mut Scopes) -> Arc<Scope> {
        let name = std::mem::take(&mut self.scope_name);
        let version = std::mem::take(&mut self.scope_version);
        let scope = scopes.entry((name, version)).or_insert_with_key(|(name, version)| {
            let (name, version) = (name.clone(), version.clone());
            Arc::new(Scope { name, version, ..Scope::default() })
        });
        Arc::clone(scope)
    }
}

/// Scopes by name and version.
pub(crate) type Scopes = BTreeMap<(Text, Text), Arc<Scope>>;

/// The role that both formats write in letters.
pub(crate) fn kind(text: &str) -> Option<SpanKind> {
    Some(match text.to_ascii_lowercase().as_str() {
        "internal" => SpanKind::Internal,
        "server" => SpanKind::Server,
        "client" => SpanKind::Client,
        "producer" => SpanKind::Producer,
        "consumer" => SpanKind::Consumer,
        _ => return None,
    })
}
