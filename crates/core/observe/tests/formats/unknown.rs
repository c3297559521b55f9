//! What a later OTLP may say and is not known here: kept as it came, checked against what `prost` makes of messages that
//! have such fields.

use std::sync::Arc;

use model::{Attributes, LogRecord, Span, Text, Value};
use observe::otlp::{
    UNKNOWN_FIELDS, UNKNOWN_FIELDS_AROUND, decode, decode_json, decode_logs, decode_metrics,
    encode, encode_json, encode_logs, view,
};
use proptest::{collection::vec, prelude::*};
use prost::Message;
use testkit::arbitrary;

/// Requests as a later OTLP may have them: fields that are known, and behind each message some that are not.
mod later {
    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Request {
        #[prost(message, repeated, tag = "1")]
        pub(super) groups: Vec<Group>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Group {
        #[prost(message, optional, tag = "1")]
        pub(super) resource: Option<Resource>,
        #[prost(message, repeated, tag = "2")]
        pub(super) scopes: Vec<ScopeGroup>,
        #[prost(string, tag = "3")]
        pub(super) schema_url: String,
        #[prost(uint64, tag = "1000")]
        pub(super) later: u64,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Resource {
        #[prost(message, repeated, tag = "1")]
        pub(super) attributes: Vec<Pair>,
        #[prost(message, repeated, tag = "3")]
        pub(super) entities: Vec<Entity>,
        #[prost(string, repeated, tag = "4")]
        pub(super) later: Vec<String>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Entity {
        #[prost(string, tag = "2")]
        pub(super) kind: String,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct ScopeGroup {
        #[prost(message, optional, tag = "1")]
        pub(super) scope: Option<Scope>,
        #[prost(message, repeated, tag = "2")]
        pub(super) spans: Vec<Span>,
        #[prost(bytes, tag = "5")]
        pub(super) later: Vec<u8>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Scope {
        #[prost(string, tag = "1")]
        pub(super) name: String,
        #[prost(message, repeated, tag = "3")]
        pub(super) attributes: Vec<Pair>,
        #[prost(fixed32, tag = "77")]
        pub(super) later: u32,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Span {
        #[prost(bytes, tag = "1")]
        pub(super) trace_id: Vec<u8>,
        #[prost(bytes, tag = "2")]
        pub(super) id: Vec<u8>,
        #[prost(string, tag = "5")]
        pub(super) name: String,
        #[prost(message, repeated, tag = "9")]
        pub(super) attributes: Vec<Pair>,
        #[prost(message, repeated, tag = "11")]
        pub(super) events: Vec<Event>,
        #[prost(message, repeated, tag = "13")]
        pub(super) links: Vec<Link>,
        #[prost(message, optional, tag = "15")]
        pub(super) status: Option<Status>,
        #[prost(string, tag = "17")]
        pub(super) later: String,
        #[prost(message, repeated, tag = "536870911")]
        pub(super) last: Vec<Pair>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Event {
        #[prost(string, tag = "2")]
        pub(super) name: String,
        #[prost(message, repeated, tag = "3")]
        pub(super) attributes: Vec<Pair>,
        #[prost(double, tag = "5")]
        pub(super) later: f64,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Link {
        #[prost(message, repeated, tag = "4")]
        pub(super) attributes: Vec<Pair>,
        #[prost(sint32, repeated, tag = "7")]
        pub(super) later: Vec<i32>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Status {
        #[prost(string, tag = "2")]
        pub(super) message: String,
        #[prost(uint32, tag = "3")]
        pub(super) code: u32,
        #[prost(int64, tag = "4")]
        pub(super) later: i64,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Pair {
        #[prost(string, tag = "1")]
        pub(super) key: String,
        #[prost(message, optional, tag = "2")]
        pub(super) value: Option<Value>,
        #[prost(bool, tag = "4")]
        pub(super) later: bool,
    }

    /// At most one field of it is set: it is one of several.
    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Value {
        #[prost(string, optional, tag = "1")]
        pub(super) text: Option<String>,
        #[prost(message, optional, tag = "5")]
        pub(super) list: Option<List>,
        #[prost(string, optional, tag = "9")]
        pub(super) later: Option<String>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct List {
        #[prost(message, repeated, tag = "1")]
        pub(super) values: Vec<Value>,
        #[prost(fixed64, tag = "2")]
        pub(super) later: u64,
    }
}

fn text() -> impl Strategy<Value = String> {
    "[a-z]{0,5}"
}

fn value() -> impl Strategy<Value = later::Value> {
    let leaf = prop_oneof![
        3 => text().prop_map(|text| later::Value { text: Some(text), ..later::Value::default() }),
        1 => Just(later::Value::default()),
        1 => text().prop_map(|text| later::Value { later: Some(text), ..later::Value::default() }),
    ];
    leaf.prop_recursive(3, 6, 3, |inner| {
        (vec(inner, 0..3), 0_u64..2).prop_map(|(values, later)| later::Value {
            list: Some(later::List { values, later }),
            ..later::Value::default()
        })
    })
}

fn pairs() -> impl Strategy<Value = Vec<later::Pair>> {
    let pair = (text(), value(), any::<bool>()).prop_map(|(key, value, later)| {
        // A value that says nothing is no value.
        let value = (value != later::Value::default()).then_some(value);
        later::Pair { key, value, later }
    });
    vec(pair, 0..4)
}

fn span() -> impl Strategy<Value = later::Span> {
    let event = (text(), pairs(), -2_i32..2).prop_map(|(name, attributes, later)| later::Event {
        name,
        attributes,
        later: later.into(),
    });
    let link = (pairs(), vec(-2_i32..2, 0..3))
        .prop_map(|(attributes, later)| later::Link { attributes, later });
    let status = (text(), 0_u32..3, -1_i64..2).prop_map(|(message, code, later)| later::Status {
        message,
        code,
        later,
    });
    let lists = (pairs(), vec(event, 0..3), vec(link, 0..3), pairs());
    (1_u64.., text(), lists, status, text()).prop_map(|(id, name, lists, status, later)| {
        let (attributes, events, links, last) = lists;
        // A status that says nothing is no status.
        let status = (status != later::Status::default()).then_some(status);
        let (trace_id, span_id) = (vec![7; 16], id.to_be_bytes().to_vec());
        later::Span { trace_id, id: span_id, name, attributes, events, links, status, later, last }
    })
}

fn request() -> impl Strategy<Value = later::Request> {
    let entity = text().prop_map(|kind| later::Entity { kind });
    let resource = (pairs(), vec(entity, 0..2), vec(text(), 0..3));
    let scope = (text(), pairs(), 0_u32..2);
    let around = (text(), 0_u64..2, vec(any::<u8>(), 0..5));
    (resource, scope, vec(span(), 1..4), around).prop_map(|(resource, scope, spans, around)| {
        let (attributes, entities, later) = resource;
        let resource = later::Resource { attributes, entities, later };
        let (name, attributes, later) = scope;
        let scope = Some(later::Scope { name, attributes, later });
        let (schema_url, later, around) = around;
        let scopes = vec![later::ScopeGroup { scope, spans, later: around }];
        let groups = vec![later::Group { resource: Some(resource), scopes, schema_url, later }];
        later::Request { groups }
    })
}

/// The request with attributes in an order that does not hang on how they came.
fn sorted(mut request: later::Request) -> later::Request {
    fn sort(pairs: &mut [later::Pair]) {
        pairs.sort_by_key(|pair| format!("{pair:?}"));
    }
    for group in &mut request.groups {
        group.resource.iter_mut().for_each(|it| sort(&mut it.attributes));
        for of_scope in &mut group.scopes {
            of_scope.scope.iter_mut().for_each(|it| sort(&mut it.attributes));
            for span in &mut of_scope.spans {
                sort(&mut span.attributes);
                span.events.iter_mut().for_each(|it| sort(&mut it.attributes));
                span.links.iter_mut().for_each(|it| sort(&mut it.attributes));
            }
        }
    }
    request
}

fn spans_of(request: &later::Request) -> Vec<Span> {
    decode(&request.encode_to_vec()).unwrap().spans
}

fn again(spans: &[Span]) -> later::Request {
    later::Request::decode(encode(spans).as_slice()).unwrap()
}

/// Attributes without those that stand for what is not known.
pub(crate) fn known(attributes: &Attributes) -> Attributes {
    let known = attributes.0.iter().filter(|(key, _)| !key.starts_with(UNKNOWN_FIELDS));
    Attributes(known.cloned().collect())
}

/// A span without what is not known of it.
pub(crate) fn known_of(mut span: Span) -> Span {
    span.attributes = known(&span.attributes);
    span.events.iter_mut().for_each(|it| it.attributes = known(&it.attributes));
    span.links.iter_mut().for_each(|it| it.attributes = known(&it.attributes));
    let resource = Arc::make_mut(&mut span.resource);
    resource.attributes = known(&resource.attributes);
    let scope = Arc::make_mut(&mut span.scope);
    scope.attributes = known(&scope.attributes);
    span
}

proptest! {
    #[test]
    fn what_is_not_known_is_written_as_it_came(request in request()) {
        let spans = spans_of(&request);
        prop_assert_eq!(sorted(again(&spans)), sorted(request));
        // And it is read the same again.
        let back = decode(&encode(&spans)).unwrap().spans;
        prop_assert_eq!(sorted(again(&back)), sorted(again(&spans)));
    }

    #[test]
    fn columns_see_what_spans_have(request in request()) {
        let mut viewed = Vec::new();
        view(&request.encode_to_vec(), |span| viewed.push(span.to_span())).unwrap();
        prop_assert_eq!(viewed, spans_of(&request));
    }

    #[test]
    fn json_carries_it_as_attributes(request in request()) {
        let spans = spans_of(&request);
        let back = decode_json(encode_json(&spans).as_bytes()).unwrap().spans;
        prop_assert_eq!(sorted(again(&back)), sorted(request));
    }

    /// What a sender puts under a key of ours changes nothing about what else is read.
    #[test]
    fn what_only_looks_like_it_is_an_attribute(
        spans in arbitrary::spans(),
        fields in prop_oneof![
            vec(any::<u8>(), 0..40),
            pairs().prop_map(|pairs| later::Resource { attributes: pairs, ..later::Resource::default() }.encode_to_vec()),
            span().prop_map(|span| span.encode_to_vec()),
        ],
        key in prop_oneof![Just(UNKNOWN_FIELDS), Just(UNKNOWN_FIELDS_AROUND)],
    ) {
        let pretended = || (Text::from(key), Value::Bytes(fields.clone()));
        let spans: Vec<Span> = spans.into_iter().map(|mut span| {
            span.attributes.0.push(pretended());
            span.events.iter_mut().for_each(|it| it.attributes.0.push(pretended()));
            Arc::make_mut(&mut span.resource).attributes.0.push(pretended());
            Arc::make_mut(&mut span.scope).attributes.0.push(pretended());
            span
        }).collect();
        let back = decode(&encode(&spans)).unwrap();
        prop_assert_eq!(back.rejected, 0);
        let shown = |spans: &[Span]| -> Vec<Span> {
            spans.iter().cloned().map(known_of).map(in_order).collect()
        };
        prop_assert_eq!(shown(&back.spans), shown(&spans));
        let kept = |span: &Span| span.attributes.0.iter().any(|it| *it == pretended());
        prop_assert!(back.spans.iter().all(kept));
    }
}

fn in_order(mut span: Span) -> Span {
    fn sort(attributes: &mut Attributes) {
        attributes.0.sort_by_key(|pair| format!("{pair:?}"));
    }
    sort(&mut span.attributes);
    span.events.iter_mut().for_each(|it| sort(&mut it.attributes));
    sort(&mut Arc::make_mut(&mut span.resource).attributes);
    sort(&mut Arc::make_mut(&mut span.scope).attributes);
    span
}

fn one(later: String) -> later::Request {
    let (trace_id, span_id) = (vec![1; 16], vec![2; 8]);
    let spans = vec![later::Span { trace_id, id: span_id, later, ..later::Span::default() }];
    let scopes = vec![later::ScopeGroup { spans, ..later::ScopeGroup::default() }];
    later::Request { groups: vec![later::Group { scopes, ..later::Group::default() }] }
}

#[test]
fn it_is_seen_among_the_attributes() {
    let spans = spans_of(&one("new".to_owned()));
    insta::assert_snapshot!(
        encode_json(&spans),
        @r#"{"resourceSpans":[{"resource":{},"scopeSpans":[{"scope":{},"spans":[{"traceId":"01010101010101010101010101010101","spanId":"0202020202020202","startTimeUnixNano":"0","endTimeUnixNano":"0","attributes":[{"key":"taut.unknown_fields","value":{"bytesValue":"igEDbmV3"}}]}]}]}]}"#
    );
}

#[test]
fn what_is_beyond_reason_is_left_out_and_counted() {
    let mut request = one("long".repeat(5_000));
    request.groups[0].scopes[0].spans[0].last = vec![later::Pair::default()];
    let spans = spans_of(&request);
    // A tag of two bytes, a length of three, and the text.
    assert_eq!(spans[0].attributes.int("taut.unknown_fields.cut_bytes"), Some(20_005));
    assert_eq!(again(&spans).groups[0].scopes[0].spans[0].last, [later::Pair::default()]);
}

#[test]
fn an_attribute_of_a_kind_that_is_not_known_keeps_its_name_and_its_value() {
    let value = later::Value { later: Some("x".to_owned()), ..later::Value::default() };
    let pair = later::Pair { key: "k".to_owned(), value: Some(value), later: false };
    let mut request = one(String::new());
    request.groups[0].scopes[0].spans[0].attributes = vec![pair];
    let spans = spans_of(&request);
    assert_eq!(spans[0].attributes.get("k"), Some(&Value::Empty));
    assert_eq!(again(&spans).groups[0].scopes[0].spans, request.groups[0].scopes[0].spans);
}

/// A log record as a later OTLP may have it.
#[derive(Clone, PartialEq, prost::Message)]
struct Record {
    #[prost(message, optional, tag = "5")]
    body: Option<later::Value>,
    #[prost(message, repeated, tag = "6")]
    attributes: Vec<later::Pair>,
    #[prost(string, tag = "13")]
    later: String,
}

/// Requests with one item in a resource and a scope that say nothing.
fn around(item: &impl Message) -> Vec<u8> {
    fn wrap(number: u8, inner: &[u8]) -> Vec<u8> {
        let mut bytes = vec![number << 3 | 2];
        prost::encoding::encode_varint(inner.len() as u64, &mut bytes);
        [bytes, inner.to_vec()].concat()
    }
    let empty = wrap(1, &[]);
    let scope = [empty.clone(), wrap(2, &item.encode_to_vec())].concat();
    wrap(1, &[empty, wrap(2, &scope)].concat())
}

proptest! {
    #[test]
    fn log_records_keep_it_too(value in value(), pairs in pairs(), later in text()) {
        let body = (value != later::Value::default()).then_some(value);
        let mut record = Record { body, attributes: pairs, later };
        prop_assume!(record != Record::default());
        let items: Vec<LogRecord> = decode_logs(&around(&record)).unwrap().items;
        let mut bytes = encode_logs(&items);
        // The record is what is last in it.
        let length = record.encoded_len();
        let mut back = Record::decode(bytes.split_off(bytes.len() - length).as_slice()).unwrap();
        for it in [&mut back, &mut record] {
            it.attributes.sort_by_key(|pair| format!("{pair:?}"));
        }
        prop_assert_eq!(back, record);
    }
}

/// A metric with a name, and data of a kind that is none yet.
#[derive(Clone, PartialEq, prost::Message)]
struct Metric {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, optional, tag = "14")]
    later: Option<String>,
}

#[test]
fn a_metric_of_a_kind_that_is_not_known_is_refused_by_name() {
    let metric = |later: Option<&str>| {
        let later = later.map(str::to_owned);
        decode_metrics(&around(&Metric { name: "heat".to_owned(), later })).unwrap()
    };
    let refused = metric(Some("new"));
    assert_eq!((refused.items.len(), refused.rejected), (0, 1));
    insta::assert_snapshot!(refused.problems[0], @"byte 9: metric `heat` is of a kind that is not known");
    assert_eq!(metric(None).rejected, 0, "no data is nothing to keep");
}
