//! Jaeger JSON and Zipkin v2 JSON.

use std::fmt::Write as _;

use model::Span;
use observe::{DecompressedMax, Reading, read};

const JAEGER: &str = include_str!("../data/jaeger.json");
const ZIPKIN: &str = include_str!("../data/zipkin.json");

fn reading(text: &str) -> Reading {
    read(text.as_bytes(), DecompressedMax::default()).unwrap()
}

/// What is told of spans, a line or two each.
fn told(reading: &Reading) -> String {
    let mut out = format!("{}\n", reading.format.title);
    for span in &reading.decoded.spans {
        tell(&mut out, span).unwrap();
    }
    for problem in &reading.decoded.problems {
        writeln!(out, "{problem}").unwrap();
    }
    out
}

fn tell(out: &mut String, span: &Span) -> std::fmt::Result {
    let parent = span.parent_id.map_or_else(|| "none".to_owned(), |id| id.to_string());
    writeln!(out, "{} {} <- {parent} {:?} {}", span.trace_id, span.span_id, span.kind, span.name)?;
    writeln!(out, "  {} +{:?} {:?}", span.start.nanos, span.duration(), span.status)?;
    writeln!(out, "  {:?}", span.resource.attributes.0)?;
    writeln!(out, "  scope {:?} {:?}", span.scope.name, span.scope.version)?;
    for (key, value) in &span.attributes.0 {
        writeln!(out, "  {key}: {value:?}")?;
    }
    for event in &span.events {
        writeln!(out, "  event {} {} {:?}", event.time.nanos, event.name, event.attributes.0)?;
    }
    for link in &span.links {
        writeln!(out, "  link {} {:?}", link.span_id, link.attributes.0)?;
    }
    Ok(())
}

#[test]
fn a_download_of_jaeger_is_read() {
    let reading = reading(JAEGER);
    insta::assert_snapshot!(told(&reading), @r#"
    Jaeger JSON
    00000000000000002ab7d3f0a1c4e5b6 a1b2c3d4e5f60718 <- none Server GET /api/orders/
      1761900000123456000 +84.21ms Status { code: Error, message: "boom" }
      [("service.name", Text("shop")), ("host.name", Text("web-1"))]
      scope "opentelemetry.instrumentation.django" "0.59b0"
      http.route: Text("api/orders/")
      http.status_code: Int(500)
      event 1761900000130000000 exception [("exception.type", Text("KeyError"))]
    00000000000000002ab7d3f0a1c4e5b6 00000000000000b1 <- a1b2c3d4e5f60718 Client SELECT
      1761900000124000000 +900µs Status { code: Ok, message: "" }
      [("service.name", Text("shop")), ("host.name", Text("web-1"))]
      scope "psycopg" ""
      db.statement: Text("SELECT 1")
      rows: Int(12)
      ratio: Double(1.0)
      raw: Bytes([1, 2])
      link 0000000000000077 [("opentracing.ref_type", Text("follows_from"))]
    line 1: span `nameless` has no span id
    "#);
    let spans = &reading.decoded.spans;
    assert!(std::sync::Arc::ptr_eq(&spans[0].resource, &spans[1].resource));
}

#[test]
fn a_trace_of_jaeger_is_read_however_it_is_wrapped() {
    let whole = reading(JAEGER);
    let trace = JAEGER.trim().strip_prefix(r#"{"data":["#).unwrap();
    let (trace, _) = trace.rsplit_once(r#"],"total""#).unwrap();
    for text in [trace.to_owned(), format!("[{trace}]"), format!(" {{\"data\" : [{trace}] }}")] {
        assert_eq!(reading(&text), whole);
    }
    assert_eq!(reading(r#"{"data":[],"total":0,"errors":null}"#).decoded.spans, []);
}

#[test]
fn spans_of_zipkin_are_read_and_shared_ids_are_parted() {
    insta::assert_snapshot!(told(&reading(ZIPKIN)), @r#"
    Zipkin v2 JSON
    00000000000000005af7183fb1d4cf5f 6b221d5bc9e6496c <- none Client get /api
      1761900000100000000 +50ms Status { code: Error, message: "timeout" }
      [("service.name", Text("frontend"))]
      scope "" ""
      http.method: Text("GET")
      network.local.address: Text("10.0.0.1")
      server.address: Text("10.0.0.2")
      server.port: Int(8080)
      peer.service: Text("backend")
    00000000000000005af7183fb1d4cf5f 45cab41399950eb2 <- 6b221d5bc9e6496c Server get /api
      1761900000110000000 +30ms Status { code: Ok, message: "" }
      [("service.name", Text("backend"))]
      scope "brave" ""
      network.local.port: Int(8080)
      client.address: Text("::1")
      event 1761900000115000000 cache miss []
    00000000000000005af7183fb1d4cf5f 000000000000007c <- 45cab41399950eb2 Client select
      1761900000112000000 +2ms Status { code: Unset, message: "" }
      [("service.name", Text("backend"))]
      scope "" ""
      server.address: Text("postgres")
      peer.service: Text("postgres")
    00000000000000005af7183fb1d4cf5f 000000000000008d <- 6b221d5bc9e6496c Unspecified connect
      1761900000101000000 +1ms Status { code: Unset, message: "" }
      [("service.name", Text("frontend"))]
      scope "" ""
    "#);
}

#[test]
fn spans_of_zipkin_are_read_however_they_are_wrapped() {
    let whole = reading(ZIPKIN);
    assert_eq!(reading(&format!("[{ZIPKIN}]")), whole);
    let lines = ZIPKIN.trim().trim_matches(['[', ']']).replace("},\n", "}\n").replace("\n  ", "\n");
    assert_eq!(reading(&lines), whole);
    let broken = lines.replace("\"name\":\"select\"", "\"name\":select");
    let broken = reading(&broken);
    assert_eq!((broken.decoded.spans.len(), broken.decoded.problems.len()), (3, 1));
}

#[test]
fn the_servers_side_keeps_its_id_where_the_clients_is_missing() {
    let lines: Vec<&str> = ZIPKIN.lines().collect();
    let alone = reading(&format!("[{}]", lines[2].trim_end_matches(',')));
    assert_eq!(alone.decoded.spans[0].span_id.to_string(), "6b221d5bc9e6496c");
}
