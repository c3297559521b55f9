//! Spans read through the semantic conventions, old names and new ones alike: a [`Span`] becomes a
//! [`Call`], which says what was done in the words that detectors speak.
//!
//! One pass over the attributes sorts them by meaning ([`facts`]); which kind of work a span is follows
//! from its role first, then from what it says of a database, a remote end, a mail or a template.

mod code;
mod database;
mod facts;
mod http;
mod names;
mod queue;
mod request;
mod tells;
mod template;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use model::{Call, Moment, Span, SpanKind, StatusCode, Text, Value, Work};
use sql::Statements;

use facts::{Facts, Key};
pub use tells::{Tells, is_telling_route, tells};

/// Spans that one summary may stand for; more is taken for a broken attribute.
const COUNT_MAX: u64 = 10_000_000;

/// Reads a span.
///
/// Times are as the span has them, be they upside down: [`assemble`](crate::assemble) notes that. A summary span of a collector's span pruning
/// (`aggregation.span_count`) lasts from its start for as long as its spans took together, but no
/// longer than from the first to the last of them: so its duration is what they cost, be they one after the
/// other or side by side.
pub fn call(span: &Span, statements: &mut Statements) -> Call {
    let facts = Facts::of(&span.attributes);
    let work = work(span, &facts, statements);
    let server_error = matches!(&work, Work::Request(request) if 500 <= request.status);
    Call {
        span_id: span.span_id,
        parent_id: span.parent_id.filter(|parent| !parent.is_zero()),
        start: span.start,
        end: end(span, &facts),
        kind: span.kind,
        failed: span.status.code == StatusCode::Error || server_error,
        service: Arc::from(span.service()),
        scope: Arc::from(span.scope.name.as_str()),
        name: span.name.clone(),
        count: count(&facts),
        code: code::location(&facts),
        work,
    }
}

fn end(span: &Span, facts: &Facts<'_>) -> Moment {
    match facts.count(Key::AggregationTotal) {
        Some(total) => span.end.min(span.start + Duration::from_nanos(total)),
        None => span.end,
    }
}

fn count(facts: &Facts<'_>) -> u32 {
    match facts.count(Key::AggregationCount) {
        Some(count) if count <= COUNT_MAX => u32::try_from(count.max(1)).unwrap_or(1),
        _ => 1,
    }
}

fn work(span: &Span, facts: &Facts<'_>, statements: &mut Statements) -> Work {
    match span.kind {
        SpanKind::Server => return request::answered(span, facts),
        SpanKind::Consumer => return queue::handled(span, facts),
        SpanKind::Producer => return queue::sent(span, facts),
        SpanKind::Client | SpanKind::Internal | SpanKind::Unspecified => {}
    }
    if let Some(work) = database::work(span, facts, statements) {
        return work;
    }
    if span.kind == SpanKind::Client {
        if queue::is_sent(facts) {
            return queue::sent(span, facts);
        }
    } else if span.parent_id.is_none() && request::is_answered(facts) {
        return request::answered(span, facts);
    }
    if let Some(call) = http::call(span, facts) {
        return Work::Http(Box::new(call));
    }
    names::work(span, facts)
}

/// Hash of texts that is the same in every run and release: FNV-1a with 64 bits.
#[derive(Debug, Clone, Copy)]
struct Hash(u64);

impl Hash {
    const fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    fn add(mut self, bytes: &[u8]) -> Self {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        self
    }

    fn add_value(self, value: &Value) -> Self {
        match value {
            Value::Empty => self.add(&[0]),
            Value::Text(text) => self.add(text.as_bytes()).add(&[1]),
            Value::Bool(bool) => self.add(&[2, u8::from(*bool)]),
            Value::Int(int) => self.add(&int.to_le_bytes()),
            Value::Double(double) => self.add(&double.to_bits().to_le_bytes()),
            Value::Bytes(bytes) => self.add(bytes).add(&[3]),
            // Deeper lists would need a stack of their own; parameters are flat.
            Value::List(list) => list.iter().fold(self, |hash, value| match value {
                Value::List(_) | Value::Map(_) => hash.add(&[4]),
                value => hash.add_value(value),
            }),
            Value::Map(map) => map.iter().fold(self, |hash, (key, value)| match value {
                Value::List(_) | Value::Map(_) => hash.add(key.as_bytes()),
                value => hash.add(key.as_bytes()).add_value(value),
            }),
        }
    }
}

/// At most `bytes_max` bytes of `text`, cut between characters.
fn cut(text: &str, bytes_max: usize) -> Text {
    let end = text.floor_char_boundary(bytes_max);
    Text::from(text.get(..end).unwrap_or_default())
}
