//! OTLP protobuf, against itself and against `prost`.

use model::{Attributes, Moment, Span, SpanId, SpanKind, Status, StatusCode, TraceId, Value};
use observe::otlp::{DecodeErrorKind, decode, encode};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{AnyValue, KeyValue, any_value},
    trace::v1::{ResourceSpans, ScopeSpans, Span as WireSpan, span},
};
use proptest::prelude::*;
use prost::Message as _;

use testkit::arbitrary;

use crate::unknown::known_of;

proptest! {
    #[test]
    fn what_is_encoded_is_decoded(spans in arbitrary::spans()) {
        let decoded = decode(&encode(&spans)).unwrap();
        prop_assert_eq!(decoded.spans, spans);
        prop_assert_eq!(decoded.rejected, 0);
    }

    #[test]
    fn what_is_encoded_is_the_same_to_prost(spans in arbitrary::spans()) {
        let request = ExportTraceServiceRequest::decode(encode(&spans).as_slice()).unwrap();
        prop_assert_eq!(translate(&request), spans);
    }

    #[test]
    fn what_prost_encodes_is_decoded(spans in arbitrary::spans()) {
        let request = ExportTraceServiceRequest::decode(encode(&spans).as_slice()).unwrap();
        prop_assert_eq!(decode(&request.encode_to_vec()).unwrap().spans, spans);
    }

    #[test]
    fn mutated_requests_are_read_as_prost_reads_them(
        spans in arbitrary::spans(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in prop::option::weighted(0.2, any::<prop::sample::Index>()),
    ) {
        let mut bytes = encode(&spans);
        prop_assume!(!bytes.is_empty());
        for (index, byte) in changes {
            let place = index.index(bytes.len());
            bytes[place] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        agree(&bytes)?;
    }

    #[test]
    fn two_requests_in_a_row_are_one(one in arbitrary::spans(), other in arbitrary::spans()) {
        let bytes = [encode(&one), encode(&other)].concat();
        prop_assert_eq!(decode(&bytes).unwrap().spans, [one, other].concat());
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
        agree(&bytes)?;
    }
}

/// A span within all that is around it.
fn request_of(span: &[u8]) -> Vec<u8> {
    let wrapped = |number: u8, inner: &[u8]| {
        let length = u8::try_from(inner.len()).unwrap();
        [&[number << 3 | 2, length][..], inner].concat()
    };
    let ids = [wrapped(1, &[1; 16]), wrapped(2, &[2; 8])].concat();
    wrapped(1, &wrapped(2, &wrapped(2, &[&ids, span].concat())))
}

#[test]
fn what_is_meant_for_profiles_alone_costs_nothing_unless_it_is_malformed() {
    // An attribute `k`, with an index of its key: as the number that it is, and as something else.
    let sound = request_of(&[0x4a, 5, 0x0a, 1, b'k', 0x18, 7]);
    assert_eq!(decode(&sound).unwrap().spans[0].attributes.0, [("k".into(), Value::Empty)]);
    agree(&sound).unwrap();
    let malformed = request_of(&[0x4a, 8, 0x0a, 1, b'k', 0x1d, 0, 0, 0, 0]);
    let kind = decode(&malformed).unwrap_err().kind;
    assert_eq!(kind, DecodeErrorKind::WireType { field: 3 });
    agree(&malformed).unwrap();
}

/// What `prost` reads we read, and alike, but for what is not known to it; what only we read has text that is not UTF-8.
fn agree(bytes: &[u8]) -> Result<(), TestCaseError> {
    let ours = decode(bytes);
    match ExportTraceServiceRequest::decode(bytes) {
        Ok(request) => {
            let ours = ours.map_err(|error| TestCaseError::fail(error.to_string()))?;
            let theirs = translate(&request);
            // Compared as text, because NaN is not equal to itself.
            let ours: Vec<Span> = ours.spans.into_iter().map(known_of).collect();
            prop_assert_eq!(format!("{ours:?}"), format!("{theirs:?}"));
        }
        Err(error) => {
            prop_assert!(ours.is_err() || error.to_string().contains("UTF-8"), "{}", error);
        }
    }
    Ok(())
}

/// The spans that a request says, by the book.
fn translate(request: &ExportTraceServiceRequest) -> Vec<Span> {
    let mut spans = Vec::new();
    for of_resource in &request.resource_spans {
        let resource = of_resource.resource.clone().unwrap_or_default();
        let resource = std::sync::Arc::new(model::Resource {
            attributes: attributes(&resource.attributes),
            dropped_attributes_count: resource.dropped_attributes_count,
            schema_url: of_resource.schema_url.clone().into(),
        });
        for of_scope in &of_resource.scope_spans {
            let scope = of_scope.scope.clone().unwrap_or_default();
            let scope = std::sync::Arc::new(model::Scope {
                name: scope.name.into(),
                version: scope.version.into(),
                attributes: attributes(&scope.attributes),
                dropped_attributes_count: scope.dropped_attributes_count,
                schema_url: of_scope.schema_url.clone().into(),
            });
            for span in &of_scope.spans {
                spans.extend(translate_span(span).map(|span| Span {
                    resource: std::sync::Arc::clone(&resource),
                    scope: std::sync::Arc::clone(&scope),
                    ..span
                }));
            }
        }
    }
    spans
}

pub(crate) fn trace_id(bytes: &[u8]) -> Option<TraceId> {
    match bytes.len() {
        8 => Some(TraceId([&[0; 8], bytes].concat().try_into().unwrap())),
        _ => bytes.try_into().ok().map(TraceId),
    }
}

fn translate_span(span: &WireSpan) -> Option<Span> {
    let parent_id = match span.parent_span_id.as_slice() {
        [] | [0, 0, 0, 0, 0, 0, 0, 0] => None,
        bytes => Some(SpanId(bytes.try_into().ok()?)),
    };
    let status = span.status.clone().unwrap_or_default();
    Some(Span {
        trace_id: trace_id(&span.trace_id).filter(|id| !id.is_zero())?,
        span_id: SpanId(span.span_id.as_slice().try_into().ok().filter(|id| *id != [0; 8])?),
        parent_id,
        trace_state: span.trace_state.as_str().into(),
        flags: span.flags,
        name: span.name.as_str().into(),
        kind: match span.kind {
            1 => SpanKind::Internal,
            2 => SpanKind::Server,
            3 => SpanKind::Client,
            4 => SpanKind::Producer,
            5 => SpanKind::Consumer,
            _ => SpanKind::Unspecified,
        },
        start: Moment { nanos: span.start_time_unix_nano },
        end: Moment { nanos: span.end_time_unix_nano },
        attributes: attributes(&span.attributes),
        dropped_attributes_count: span.dropped_attributes_count,
        events: span.events.iter().map(event).collect(),
        dropped_events_count: span.dropped_events_count,
        links: span.links.iter().map(link).collect(),
        dropped_links_count: span.dropped_links_count,
        status: Status {
            code: match status.code {
                1 => StatusCode::Ok,
                2 => StatusCode::Error,
                _ => StatusCode::Unset,
            },
            message: status.message.into(),
        },
        resource: std::sync::Arc::default(),
        scope: std::sync::Arc::default(),
    })
}

fn event(event: &span::Event) -> model::Event {
    model::Event {
        time: Moment { nanos: event.time_unix_nano },
        name: event.name.as_str().into(),
        attributes: attributes(&event.attributes),
        dropped_attributes_count: event.dropped_attributes_count,
    }
}

fn link(link: &span::Link) -> model::Link {
    model::Link {
        trace_id: trace_id(&link.trace_id).unwrap_or_default(),
        span_id: link.span_id.as_slice().try_into().map(SpanId).unwrap_or_default(),
        trace_state: link.trace_state.as_str().into(),
        attributes: attributes(&link.attributes),
        dropped_attributes_count: link.dropped_attributes_count,
        flags: link.flags,
    }
}

pub(crate) fn attributes(pairs: &[KeyValue]) -> Attributes {
    Attributes(
        pairs.iter().map(|pair| (pair.key.as_str().into(), value(pair.value.as_ref()))).collect(),
    )
}

pub(crate) fn value(value: Option<&AnyValue>) -> Value {
    use any_value::Value as Wire;
    let Some(wire) = value.and_then(|value| value.value.as_ref()) else { return Value::Empty };
    match wire {
        Wire::StringValue(text) => Value::Text(text.as_str().into()),
        Wire::BoolValue(bool) => Value::Bool(*bool),
        Wire::IntValue(int) => Value::Int(*int),
        Wire::DoubleValue(double) => Value::Double(*double),
        Wire::ArrayValue(list) => {
            Value::List(list.values.iter().map(|value| self::value(Some(value))).collect())
        }
        Wire::KvlistValue(map) => Value::Map(attributes(&map.values).0),
        Wire::BytesValue(bytes) => Value::Bytes(bytes.clone()),
        Wire::StringValueStrindex(_) => Value::Empty,
    }
}

fn request(spans: Vec<WireSpan>) -> Vec<u8> {
    let scope_spans = vec![ScopeSpans { spans, ..ScopeSpans::default() }];
    let resource_spans = vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }];
    ExportTraceServiceRequest { resource_spans }.encode_to_vec()
}

fn wire_span(trace_id: &[u8], span_id: &[u8], parent_span_id: &[u8]) -> WireSpan {
    WireSpan {
        trace_id: trace_id.to_vec(),
        span_id: span_id.to_vec(),
        parent_span_id: parent_span_id.to_vec(),
        name: "GET /".to_owned(),
        ..WireSpan::default()
    }
}

#[test]
fn spans_without_ids_are_named_and_the_rest_is_kept() {
    let decoded = decode(&request(vec![
        wire_span(&[0; 16], &[1; 8], &[]),
        wire_span(&[1; 16], &[], &[]),
        wire_span(&[1; 15], &[1; 8], &[]),
        wire_span(&[1; 16], &[1; 8], &[1; 7]),
        wire_span(&[1; 8], &[2; 8], &[0; 8]),
    ]))
    .unwrap();
    let problems: Vec<String> = decoded.problems.iter().map(ToString::to_string).collect();
    insta::assert_debug_snapshot!(problems, @r#"
    [
        "byte 7: span `GET /` has a trace id of zeros",
        "byte 44: span `GET /` has no span id",
        "byte 71: span `GET /` has a trace id of 15 bytes",
        "byte 107: span `GET /` has a parent id of 7 bytes",
    ]
    "#);
    assert_eq!((decoded.spans.len(), decoded.rejected), (1, 4));
    assert_eq!(decoded.spans[0].trace_id.to_string(), "00000000000000000101010101010101");
    assert_eq!(decoded.spans[0].parent_id, None);
}

#[test]
fn problems_are_counted_without_end_but_told_only_up_to_a_hundred() {
    let decoded = decode(&request(vec![WireSpan::default(); 5000])).unwrap();
    assert_eq!((decoded.rejected, decoded.problems.len()), (5000, 100));
}

#[test]
fn a_resource_and_a_scope_after_their_spans_count_all_the_same() {
    let span = [&[0x0a, 16][..], &[1; 16], &[0x12, 8], &[2; 8]].concat();
    let scope_spans = [&[0x12, 28][..], &span, &[0x0a, 3, 0x0a, 1, b's', 0x1a, 1, b'u']].concat();
    let resource = [0x0a, 2, 0x10, 7];
    let resource_spans = [&[0x12, 38][..], &scope_spans, &resource].concat();
    let bytes = [&[0x0a, 44][..], &resource_spans].concat();
    agree(&bytes).unwrap();
    let spans = decode(&bytes).unwrap().spans;
    assert_eq!(spans[0].resource.dropped_attributes_count, 7);
    assert_eq!((spans[0].scope.name.as_str(), spans[0].scope.schema_url.as_str()), ("s", "u"));
}

#[test]
fn values_that_come_in_parts_are_joined() {
    // A list in two parts, then a text: the text wins. Then a list in two parts alone.
    let part = |number: u8| vec![0x2a, 4, 0x0a, 2, 0x18, number];
    let attribute = |content: &[u8]| {
        let length = u8::try_from(content.len()).unwrap();
        [&[0x4a, length + 2, 0x12, length][..], content].concat()
    };
    let list = [part(1), part(2)].concat();
    let text = [&list[..], &[0x0a, 1, b't']].concat();
    let ids = [&[0x0a, 16][..], &[1; 16], &[0x12, 8], &[2; 8]].concat();
    let span = [ids, attribute(&list), attribute(&text)].concat();
    let wrap = |field: u8, content: &[u8]| {
        [&[field, u8::try_from(content.len()).unwrap()][..], content].concat()
    };
    let bytes = wrap(0x0a, &wrap(0x12, &wrap(0x12, &span)));
    agree(&bytes).unwrap();
    let spans = decode(&bytes).unwrap().spans;
    insta::assert_debug_snapshot!(spans[0].attributes.0, @r#"
    [
        (
            "",
            List(
                [
                    Int(
                        1,
                    ),
                    Int(
                        2,
                    ),
                ],
            ),
        ),
        (
            "",
            Text(
                "t",
            ),
        ),
    ]
    "#);
}

#[test]
fn text_that_was_cut_within_a_character_keeps_its_batch() {
    let mut bytes = request(vec![wire_span(&[1; 16], &[2; 8], &[])]);
    let place = bytes.windows(5).position(|window| window == b"GET /").unwrap();
    bytes[place + 4] = 0xc3;
    assert_eq!(decode(&bytes).unwrap().spans[0].name, "GET \u{fffd}");
}

#[test]
fn values_nested_beyond_reason_are_refused() {
    let mut value = AnyValue { value: Some(any_value::Value::BoolValue(true)) };
    for _ in 0..200 {
        let list = opentelemetry_proto::tonic::common::v1::ArrayValue { values: vec![value] };
        value = AnyValue { value: Some(any_value::Value::ArrayValue(list)) };
    }
    let mut span = wire_span(&[1; 16], &[2; 8], &[]);
    span.attributes.push(KeyValue { value: Some(value), ..KeyValue::default() });
    assert_eq!(decode(&request(vec![span])).unwrap_err().kind, DecodeErrorKind::Depth);
}

#[test]
fn an_error_names_its_place() {
    let bytes = request(vec![wire_span(&[1; 16], &[2; 8], &[])]);
    let error = decode(&bytes[..bytes.len() - 1]).unwrap_err();
    insta::assert_snapshot!(error, @"malformed protobuf at byte 2: a field reaches beyond the end");
}
