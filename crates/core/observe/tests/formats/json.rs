//! OTLP JSON.

use model::Span;
use observe::otlp::{decode_json, encode_json};
use proptest::prelude::*;
use testkit::arbitrary;

/// Reads it, and shows what the spans are once they are written as we write them.
fn check(text: &str) -> String {
    let decoded = decode_json(text.as_bytes()).unwrap();
    assert_eq!(decoded.problems, []);
    encode_json(&decoded.spans)
}

fn line(name: &str) -> String {
    format!(
        r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{"traceId":"5B8EFFF798038103D269B633813FC60C","spanId":"EEE19B7EC3C1B174","name":"{name}"}}]}}]}}]}}"#
    )
}

fn names(spans: &[Span]) -> Vec<&str> {
    spans.iter().map(|span| span.name.as_str()).collect()
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded(spans in arbitrary::spans()) {
        let decoded = decode_json(encode_json(&spans).as_bytes()).unwrap();
        prop_assert_eq!(decoded.spans, spans);
        prop_assert_eq!(decoded.problems, []);
    }

    #[test]
    fn what_is_encoded_is_json(spans in arbitrary::spans()) {
        prop_assert!(serde_json::from_str::<serde::de::IgnoredAny>(&encode_json(&spans)).is_ok());
    }
}

#[test]
fn the_example_of_the_specification_is_read() {
    let text = r#"{"resourceSpans": [{
        "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "my.service"}}]},
        "scopeSpans": [{
          "scope": {"name": "my.library", "version": "1.0.0", "attributes": [
            {"key": "my.scope.attribute", "value": {"stringValue": "some scope attribute"}}]},
          "spans": [{
            "traceId": "5B8EFFF798038103D269B633813FC60C", "spanId": "EEE19B7EC3C1B174",
            "parentSpanId": "EEE19B7EC3C1B173", "name": "I'm a server span",
            "startTimeUnixNano": "1544712660000000000", "endTimeUnixNano": "1544712661000000000",
            "kind": 2, "attributes": [{"key": "my.span.attr", "value": {"stringValue": "some value"}}]
          }]}]}]}"#;
    insta::assert_snapshot!(check(text), @r#"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"my.service"}}]},"scopeSpans":[{"scope":{"name":"my.library","version":"1.0.0","attributes":[{"key":"my.scope.attribute","value":{"stringValue":"some scope attribute"}}]},"spans":[{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","parentSpanId":"eee19b7ec3c1b173","name":"I'm a server span","kind":2,"startTimeUnixNano":"1544712660000000000","endTimeUnixNano":"1544712661000000000","attributes":[{"key":"my.span.attr","value":{"stringValue":"some value"}}]}]}]}]}"#);
}

#[test]
fn what_the_mapping_forbids_but_some_write_is_read_all_the_same() {
    let text = r#"{"resource_spans": [{"resource": null, "unknown": [{}], "scope_spans": [{
        "spans": [{"trace_id": "W47/95gDgQPSabYzgT/GDA==", "span_id": "7uGbfsPBsXQ=", "parent_span_id": "",
            "kind": "SPAN_KIND_CLIENT", "start_time_unix_nano": 1544712660000000001, "flags": "257",
            "status": {"code": "STATUS_CODE_ERROR"}, "events": null,
            "attributes": [
                {"key": "int", "value": {"int_value": -7}},
                {"key": "text", "value": {"intValue": "9223372036854775807"}},
                {"key": "double", "value": {"doubleValue": "NaN"}},
                {"key": "whole", "value": {"doubleValue": 2}},
                {"key": "bytes", "value": {"bytesValue": "-_8"}},
                {"key": "none", "value": {}},
                {"key": "null", "value": null},
                {"key": "list", "value": {"arrayValue": {}}}]
        }]}]}]}"#;
    insta::assert_snapshot!(check(text), @r#"{"resourceSpans":[{"resource":{},"scopeSpans":[{"scope":{},"spans":[{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","flags":257,"kind":3,"startTimeUnixNano":"1544712660000000001","endTimeUnixNano":"0","attributes":[{"key":"int","value":{"intValue":"-7"}},{"key":"text","value":{"intValue":"9223372036854775807"}},{"key":"double","value":{"doubleValue":"NaN"}},{"key":"whole","value":{"doubleValue":2.0}},{"key":"bytes","value":{"bytesValue":"+/8="}},{"key":"none","value":{}},{"key":"null","value":{}},{"key":"list","value":{"arrayValue":{}}}],"status":{"code":2}}]}]}]}"#);
}

#[test]
fn requests_may_follow_each_other_in_any_way() {
    let (one, two) = (line("one"), line("two"));
    for text in [
        format!("{one}\n{two}\n"),
        format!("{one}{two}"),
        format!("\u{feff}{one}\r\n\r\n{two}"),
        format!("{{}}\n{one}\n{{\"resourceLogs\":[]}}\n{two}"),
    ] {
        assert_eq!(names(&decode_json(text.as_bytes()).unwrap().spans), ["one", "two"], "{text}");
    }
    let wrapped = format!("{{\"result\":{one}}}");
    assert_eq!(names(&decode_json(wrapped.as_bytes()).unwrap().spans), ["one"]);
}

#[test]
fn one_bad_line_costs_one_line() {
    let (one, two, three) = (line("one"), line("two"), line("three"));
    let (cut, _) = two.split_at(two.len() / 2);
    let text = format!("{one}\n{cut}\n{two}\nnonsense\n{three}\n{cut}");
    let decoded = decode_json(text.as_bytes()).unwrap();
    assert_eq!(names(&decoded.spans), ["one", "two", "three"]);
    let problems: Vec<String> = decoded.problems.iter().map(ToString::to_string).collect();
    insta::assert_debug_snapshot!(problems, @r#"
    [
        "line 2: not JSON: control character (\\u0000-\\u001F) found while parsing a string",
        "line 4: not JSON: expected ident",
        "line 6: the input ends within a JSON value: it was cut",
    ]
    "#);
}

#[test]
fn spans_without_ids_are_named_and_the_rest_is_kept() {
    let text = [
        line("none").replace("5B8EFFF798038103D269B633813FC60C", ""),
        line("zeros")
            .replace("5B8EFFF798038103D269B633813FC60C", "00000000000000000000000000000000"),
        line("words").replace("5B8EFFF798038103D269B633813FC60C", "not hexadecimal"),
        line("long").replace("EEE19B7EC3C1B174", "EEE19B7EC3C1B17400"),
        line("good"),
    ]
    .join("\n");
    let decoded = decode_json(text.as_bytes()).unwrap();
    assert_eq!((names(&decoded.spans), decoded.rejected), (vec!["good"], 4));
    let problems: Vec<String> = decoded.problems.iter().map(ToString::to_string).collect();
    insta::assert_debug_snapshot!(problems, @r#"
    [
        "line 1: span `none` has no trace id",
        "line 2: span `zeros` has no trace id",
        "line 3: span `words` has a trace id that is none: `not hexadecimal`",
        "line 4: span `long` has a span id of more than 8 bytes",
    ]
    "#);
}

#[test]
fn a_cut_document_is_an_error_with_its_place() {
    let text = line("one");
    let error = decode_json(&text.as_bytes()[..90]).unwrap_err();
    insta::assert_snapshot!(error, @"malformed OTLP JSON at byte 90: the input ends within a JSON value: it was cut");
    let error = decode_json(b"{\"resourceSpans\":\n[{\"scopeSpans\": 5}]}").unwrap_err();
    insta::assert_snapshot!(error, @"malformed OTLP JSON at byte 35: invalid type: integer `5`, expected a sequence");
}
