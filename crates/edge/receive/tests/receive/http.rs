//! OTLP/HTTP: both formats, every encoding, every status.

use std::{io::Write as _, sync::Arc, time::Duration};

use bytes::Bytes;
use receive::Refusal;

use crate::setup::{
    Client, Crash, JSON, Keep, PROTOBUF, Refuse, export, http, json, post, protobuf, start,
};

#[tokio::test]
async fn protobuf_is_taken_whole_with_64_bit_ids_and_its_raw_bytes() {
    let keep = Arc::new(Keep::default());
    let running = start(Arc::clone(&keep) as _).await;
    let reply = post(&running, &[("content-type", PROTOBUF)], protobuf(&["a", "b"])).await;
    assert_eq!(
        (reply.status, reply.header("content-type"), &*reply.body),
        (200, PROTOBUF, &[][..])
    );
    let batches = keep.batches();
    let [batch] = &*batches else { panic!("one request is one batch") };
    assert_eq!(batch.otlp, Some(protobuf(&["a", "b"])));
    assert_eq!(batch.spans[0].span_id.to_string(), "ffffffffffffffff");
    assert_eq!(batch.spans[1].span_id.to_string(), "fffffffffffffffe");
    assert_eq!(batch.spans[0].trace_id.0, [0xfe; 16]);
    assert_eq!(batch.spans[0].start.nanos, u64::MAX - 2);
    assert!(batch.received.nanos > 0);
}

#[tokio::test]
async fn json_is_taken_and_answered_as_json() {
    let keep = Arc::new(Keep::default());
    let running = start(Arc::clone(&keep) as _).await;
    let content_type = [("content-type", "Application/JSON; charset=utf-8")];
    let reply = post(&running, &content_type, json(&["a", "b"])).await;
    assert_eq!(reply.told(), "200\napplication/json\n{}");
    let batches = keep.batches();
    let [batch] = &*batches else { panic!("one request is one batch") };
    assert_eq!(batch.otlp, None);
    let read = observe::otlp::decode(&protobuf(&["a", "b"])).unwrap();
    assert_eq!(batch.spans, read.spans);
}

#[tokio::test]
async fn every_encoding_gives_the_same_spans() {
    let keep = Arc::new(Keep::default());
    let running = start(Arc::clone(&keep) as _).await;
    let plain = protobuf(&["a"]);
    let gzip = |bytes: &[u8]| {
        let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        writer.write_all(bytes).unwrap();
        Bytes::from(writer.finish().unwrap())
    };
    let zlib = {
        let mut writer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        writer.write_all(&plain).unwrap();
        Bytes::from(writer.finish().unwrap())
    };
    let raw = {
        let mut writer =
            flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
        writer.write_all(&plain).unwrap();
        Bytes::from(writer.finish().unwrap())
    };
    let (half, other_half) = plain.split_at(plain.len() / 2);
    let two_members = Bytes::from([gzip(half), gzip(other_half)].concat());
    let zstd = Bytes::from(zstd::encode_all(&*plain, 3).unwrap());
    let cases = [
        ("identity", plain.clone()),
        ("gzip", gzip(&plain)),
        ("GZIP", two_members),
        ("x-gzip", gzip(&plain)),
        ("deflate", zlib),
        ("deflate", raw),
        ("zstd", zstd),
    ];
    let count = cases.len();
    for (encoding, body) in cases {
        let headers = [("content-type", PROTOBUF), ("content-encoding", encoding)];
        assert_eq!(post(&running, &headers, body).await.status, 200, "{encoding}");
    }
    let batches = keep.batches();
    assert_eq!(batches.len(), count);
    assert!(batches.iter().all(|batch| batch.otlp.as_ref() == Some(&plain)));
    assert!(batches.iter().all(|batch| batch.spans == batches[0].spans));
}

#[tokio::test]
async fn an_empty_request_is_a_success_that_the_sink_never_sees() {
    let running = start(Arc::new(Crash)).await;
    for (content_type, body) in [(PROTOBUF, ""), (JSON, "{}"), (JSON, r#"{"resourceSpans":[]}"#)] {
        let reply = post(&running, &[("content-type", content_type)], body.into()).await;
        assert_eq!(reply.status, 200, "{content_type} {body}");
    }
}

#[tokio::test]
async fn spans_without_an_identity_are_rejected_and_the_others_kept() {
    let keep = Arc::new(Keep::default());
    let running = start(Arc::clone(&keep) as _).await;
    let mut request = export(&["good", "bad"]);
    request.resource_spans[0].scope_spans[0].spans[1].span_id = vec![0; 8];
    let body = Bytes::from(serde_json::to_vec(&request).unwrap());
    let reply = post(&running, &[("content-type", JSON)], body).await;
    let answer: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!((reply.status, &answer["partialSuccess"]["rejectedSpans"]), (200, &"1".into()));
    let message = answer["partialSuccess"]["errorMessage"].as_str().unwrap();
    assert!(message.starts_with("1 of 2 spans were rejected: "), "{message}");
    assert_eq!(keep.names(), ["good"]);
    let totals = running.counters().totals();
    assert_eq!((totals.spans_accepted, totals.spans_rejected, totals.requests_partial), (1, 1, 1));
}

#[tokio::test]
async fn malformed_bodies_are_refused_for_good_in_their_own_format() {
    let keep = Arc::new(Keep::default());
    let running = start(Arc::clone(&keep) as _).await;
    let whole = protobuf(&["a"]);
    let truncated = whole.slice(..whole.len() - 3);
    let zipped = zstd::encode_all(&*whole, 3).unwrap();
    let cut = Bytes::from(zipped).slice(..12);
    for (content_type, encoding, body) in [
        (PROTOBUF, "identity", truncated),
        (PROTOBUF, "gzip", whole.clone()),
        (PROTOBUF, "zstd", cut),
        (JSON, "identity", Bytes::from_static(b"{\"resourceSpans\": [")),
        (JSON, "identity", whole.clone()),
    ] {
        let headers = [("content-type", content_type), ("content-encoding", encoding)];
        let reply = post(&running, &headers, body).await;
        assert_eq!((reply.status, reply.header("content-type")), (400, content_type));
        assert_eq!(reply.header("retry-after"), "");
    }
    assert_eq!(running.counters().totals().requests_malformed, 5);
    assert!(keep.batches().is_empty());
}

#[tokio::test]
async fn a_malformed_body_is_explained() {
    let running = start(Arc::new(Crash)).await;
    let headers = [("content-type", JSON), ("content-encoding", "gzip")];
    let reply = post(&running, &headers, "this is not gzip at all".into()).await;
    insta::assert_snapshot!(reply.told(), @r#"
    400
    application/json
    {"code":3,"message":"the body is not valid gzip: invalid gzip header"}
    "#);
}

#[tokio::test]
async fn wrong_places_are_told_the_right_one() {
    let running = start(Arc::new(Crash)).await;
    let mut client = Client::connect(http(&running)).await;
    let check = async |client: &mut Client, method: &str, path: &str, content_type: &str| {
        client.send(method, path, &[("content-type", content_type)], protobuf(&["a"])).await.told()
    };
    insta::assert_snapshot!(check(&mut client, "POST", "/", "text/plain").await, @r"
    404
    text/plain; charset=utf-8
    nothing is received at `/`; OTLP traces go to `/v1/traces`: set OTEL_EXPORTER_OTLP_ENDPOINT without a path, or OTEL_EXPORTER_OTLP_TRACES_ENDPOINT with `/v1/traces`
    ");
    insta::assert_snapshot!(check(&mut client, "POST", "/v1/metrics", JSON).await, @r#"
    404
    application/json
    {"code":12,"message":"metrics are not received yet, only traces are; `OTEL_METRICS_EXPORTER=none` stops sending them"}
    "#);
    insta::assert_snapshot!(check(&mut client, "POST", "/v1/logs", JSON).await, @r#"
    404
    application/json
    {"code":12,"message":"logs are not received yet, only traces are; `OTEL_LOGS_EXPORTER=none` stops sending them"}
    "#);
    insta::assert_snapshot!(check(&mut client, "GET", "/v1/traces", "").await, @r"
    405
    text/plain; charset=utf-8
    `/v1/traces` takes POST, not GET
    ");
    insta::assert_snapshot!(check(&mut client, "POST", "/v1/traces", "text/plain").await, @r"
    415
    text/plain; charset=utf-8
    the content type is `text/plain`; traces are received as `application/x-protobuf` or `application/json`
    ");
    let headers = [("content-type", JSON), ("content-encoding", "br")];
    let reply = client.send("POST", "/v1/traces", &headers, json(&["a"])).await;
    insta::assert_snapshot!(reply.told(), @r#"
    415
    application/json
    {"code":12,"message":"unknown encoding `br`; known are identity, gzip, zstd, deflate"}
    "#);
    assert_eq!(reply.header("accept-encoding"), "identity, gzip, zstd, deflate");
    let reply = client.send("PUT", "/v1/traces", &[], protobuf(&[])).await;
    assert_eq!((reply.status, reply.header("allow")), (405, "POST"));
    assert_eq!(running.counters().totals().requests_unsupported, 7);
}

#[tokio::test]
async fn what_passes_by_itself_is_a_503_with_the_wait() {
    let wait = Duration::from_millis(2500);
    let check = async |refusal: Refusal| {
        let running = start(Arc::new(Refuse(refusal))).await;
        let reply = post(&running, &[("content-type", JSON)], json(&["a"])).await;
        assert_eq!(running.counters().totals().spans_refused, 1);
        reply.told()
    };
    insta::assert_snapshot!(check(Refusal::Busy { retry_after: wait }).await, @r#"
    503
    application/json
    3
    {"code":14,"details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"2.5s"}],"message":"too many spans in flight; try again later"}
    "#);
    let message = "no space left on `/data`".to_owned();
    insta::assert_snapshot!(check(Refusal::Full { message, retry_after: wait }).await, @r#"
    503
    application/json
    3
    {"code":8,"details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"2.5s"}],"message":"no space left on `/data`"}
    "#);
    let message = "failed to write".to_owned();
    insta::assert_snapshot!(check(Refusal::Failed { message, retry_after: wait }).await, @r#"
    503
    application/json
    3
    {"code":14,"details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"2.5s"}],"message":"failed to write"}
    "#);
}

#[tokio::test]
async fn a_bug_costs_one_request_only() {
    let running = start(Arc::new(Crash)).await;
    let mut client = Client::connect(http(&running)).await;
    let headers = [("content-type", PROTOBUF)];
    for _ in 0..2 {
        assert_eq!(client.send("POST", "/v1/traces", &headers, protobuf(&["a"])).await.status, 500);
    }
    let totals = running.counters().totals();
    assert_eq!(
        (totals.requests_crashed, totals.requests_in_flight, totals.bytes_in_flight),
        (2, 0, 0)
    );
}

#[tokio::test]
async fn one_connection_serves_many_requests() {
    let keep = Arc::new(Keep::default());
    let running = start(Arc::clone(&keep) as _).await;
    let mut client = Client::connect(http(&running)).await;
    for name in ["a", "b"] {
        let headers = [("content-type", PROTOBUF)];
        let reply = client.send("POST", "/v1/traces", &headers, protobuf(&[name])).await;
        assert_eq!(reply.status, 200);
    }
    assert_eq!(keep.names(), ["a", "b"]);
    assert_eq!(running.counters().totals().connections_accepted, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_senders_at_once_are_all_heard() {
    let keep = Arc::new(Keep::default());
    let running = Arc::new(start(Arc::clone(&keep) as _).await);
    let mut senders = tokio::task::JoinSet::new();
    for place in 0..50 {
        let running = Arc::clone(&running);
        senders.spawn(async move {
            let body = protobuf(&[&format!("span {place:02}")]);
            post(&running, &[("content-type", PROTOBUF)], body).await.status
        });
    }
    assert_eq!(senders.join_all().await, [200; 50]);
    let expected: Vec<String> = (0..50).map(|place| format!("span {place:02}")).collect();
    assert_eq!(keep.names(), expected);
    assert_eq!(running.counters().totals().spans_accepted, 50);
}
