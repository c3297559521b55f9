//! Every bound: sizes before and after, bytes and requests in flight, time, connections.

use std::{io::Write as _, sync::Arc, time::Duration};

use bytes::Bytes;
use receive::Options;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::setup::{
    Client, Crash, JSON, Keep, PROTOBUF, Wait, http, options, post, protobuf, soon, start,
    start_with,
};

#[tokio::test]
async fn a_body_above_the_bound_is_refused_before_and_after_uncompressing() {
    let running = start(Arc::new(Crash)).await;
    let zeros = vec![0; 30 << 20];
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&zeros).unwrap();
    let gzip = Bytes::from(gzip.finish().unwrap());
    let zstd = Bytes::from(zstd::encode_all(&*zeros, 1).unwrap());
    assert!(zstd.len() < 1 << 20);
    let plain = Bytes::from(vec![0; (1 << 20) + 1]);
    for (encoding, body) in [("identity", plain), ("gzip", gzip), ("zstd", zstd)] {
        let headers = [("content-type", JSON), ("content-encoding", encoding)];
        let reply = post(&running, &headers, body).await;
        assert_eq!((reply.status, reply.header("retry-after")), (413, ""), "{encoding}");
        assert!(reply.text().contains("exceeds 1048576 bytes"), "{}", reply.text());
    }
    let totals = running.counters().totals();
    assert_eq!((totals.requests_too_large, totals.bytes_in_flight), (3, 0));
}

#[tokio::test]
async fn a_sender_in_the_middle_of_too_large_a_body_still_hears_why() {
    let running = start(Arc::new(Crash)).await;
    let body = Bytes::from(vec![0; 40 << 20]);
    let reply = post(&running, &[("content-type", PROTOBUF)], body).await;
    assert_eq!(reply.status, 413);
}

#[tokio::test]
async fn a_chunked_body_above_the_bound_is_refused_too() {
    let running = start(Arc::new(Crash)).await;
    let mut stream = TcpStream::connect(http(&running)).await.unwrap();
    let head = "POST /v1/traces HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\n\
                transfer-encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let chunk = [b"100000\r\n".to_vec(), vec![b' '; 1 << 20], b"\r\n".to_vec()].concat();
    stream.write_all(&chunk).await.unwrap();
    stream.write_all(b"1\r\n \r\n0\r\n\r\n").await.unwrap();
    assert_eq!(status_of(&mut stream).await, "413");
}

#[tokio::test]
async fn a_zstd_frame_that_claims_a_huge_window_is_refused() {
    let running = start(Arc::new(Crash)).await;
    // Magic, a header without content size, and a window descriptor of 2^41 bytes (RFC 8878, 3.1.1).
    let frame = Bytes::from_static(&[0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xf8, 0x01, 0x00, 0x00]);
    let headers = [("content-type", JSON), ("content-encoding", "zstd")];
    assert_eq!(post(&running, &headers, frame).await.status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_beyond_the_bound_are_asked_to_wait() {
    let (sink, entered, go_on) = Wait::new();
    let bounds = Options { requests_in_flight_max: 1, ..options() };
    let running = Arc::new(start_with(bounds, sink).await);
    let first = tokio::spawn({
        let running = Arc::clone(&running);
        async move { post(&running, &[("content-type", PROTOBUF)], protobuf(&["a"])).await.status }
    });
    tokio::task::block_in_place(|| entered.recv()).unwrap();
    let reply = post(&running, &[("content-type", JSON)], Bytes::from_static(b"{}")).await;
    insta::assert_snapshot!(reply.told(), @r#"
    503
    application/json
    1
    {"code":14,"details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"1s"}],"message":"too many requests in flight; try again later"}
    "#);
    assert_eq!(running.counters().totals().requests_in_flight, 1);
    go_on.send(()).unwrap();
    assert_eq!(first.await.unwrap(), 200);
    let reply = post(&running, &[("content-type", JSON)], Bytes::from_static(b"{}")).await;
    assert_eq!(reply.status, 200);
    assert_eq!(running.counters().totals().requests_busy, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_beyond_the_bound_are_refused_and_given_back() {
    let (sink, entered, go_on) = Wait::new();
    let bounds = Options { bytes_in_flight_max: 64 << 10, ..options() };
    let running = Arc::new(start_with(bounds, sink).await);
    let name = "x".repeat(40 << 10);
    let body = protobuf(&[&name]);
    let first = tokio::spawn({
        let (running, body) = (Arc::clone(&running), body.clone());
        async move { post(&running, &[("content-type", PROTOBUF)], body).await.status }
    });
    tokio::task::block_in_place(|| entered.recv()).unwrap();
    let held = running.counters().totals().bytes_in_flight;
    assert_eq!(held, body.len() as u64);
    let reply = post(&running, &[("content-type", PROTOBUF)], body.clone()).await;
    assert_eq!((reply.status, reply.header("retry-after")), (503, "1"));
    assert!(reply.text().contains("too many bytes in flight"), "{}", reply.text());
    // Bytes count when they are uncompressed, too.
    let small = Bytes::from(zstd::encode_all(&*body, 3).unwrap());
    let headers = [("content-type", PROTOBUF), ("content-encoding", "zstd")];
    assert_eq!(post(&running, &headers, small).await.status, 503);
    go_on.send(()).unwrap();
    assert_eq!(first.await.unwrap(), 200);
    assert_eq!(running.counters().totals().bytes_in_flight, 0);
    go_on.send(()).unwrap();
    assert_eq!(post(&running, &[("content-type", PROTOBUF)], body).await.status, 200);
}

#[tokio::test]
async fn a_body_that_drips_is_cut_off_with_408() {
    let bounds = Options { body_time_max: Duration::from_millis(200), ..options() };
    let running = start_with(bounds, Arc::new(Crash)).await;
    let mut stream = TcpStream::connect(http(&running)).await.unwrap();
    let head = "POST /v1/traces HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\n\
                content-length: 100\r\n\r\n{";
    stream.write_all(head.as_bytes()).await.unwrap();
    assert_eq!(status_of(&mut stream).await, "408");
    assert_eq!(running.counters().totals().requests_slow, 1);
}

#[tokio::test]
async fn a_body_that_ends_early_is_malformed_and_nothing_is_kept() {
    let keep = Arc::new(Keep::default());
    let running = start(Arc::clone(&keep) as _).await;
    let mut stream = TcpStream::connect(http(&running)).await.unwrap();
    let body = protobuf(&["a"]);
    let head = format!(
        "POST /v1/traces HTTP/1.1\r\nhost: test\r\ncontent-type: {PROTOBUF}\r\n\
         content-length: {}\r\n\r\n",
        body.len() + 1
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&body).await.unwrap();
    stream.shutdown().await.unwrap();
    soon("the request is malformed", || running.counters().totals().requests_malformed == 1).await;
    assert!(keep.batches().is_empty());
}

#[tokio::test]
async fn connections_that_say_nothing_are_closed() {
    let bounds = Options { header_time_max: Duration::from_millis(200), ..options() };
    let running = start_with(bounds, Arc::new(Crash)).await;
    let silent =
        ["", "P", "PRI", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "POST /v1/traces HTTP/1.1\r\nhost"];
    let mut streams = Vec::new();
    for first_words in silent {
        let mut stream = TcpStream::connect(http(&running)).await.unwrap();
        stream.write_all(first_words.as_bytes()).await.unwrap();
        streams.push(stream);
    }
    for mut stream in streams {
        // Whatever it says before, it closes.
        let mut said = Vec::new();
        drop(stream.read_to_end(&mut said).await);
    }
    assert_eq!(running.counters().totals().connections_accepted, silent.len() as u64);
    soon("all are closed", || running.counters().totals().connections_open == 0).await;
}

#[tokio::test]
async fn a_connection_that_falls_silent_is_closed_after_its_requests() {
    let bounds = Options { idle_time_max: Duration::from_millis(200), ..options() };
    let running = start_with(bounds, Arc::new(Keep::default())).await;
    let mut client = Client::connect(http(&running)).await;
    let headers = [("content-type", PROTOBUF)];
    let reply = client.send("POST", "/v1/traces", &headers, protobuf(&["a"])).await;
    assert_eq!(reply.status, 200);
    soon("it is closed", || running.counters().totals().connections_open == 0).await;
}

#[tokio::test]
async fn connections_beyond_the_bound_are_turned_away() {
    let bounds = Options { connections_max: 1, ..options() };
    let running = start_with(bounds, Arc::new(Keep::default())).await;
    let mut client = Client::connect(http(&running)).await;
    let headers = [("content-type", PROTOBUF)];
    assert_eq!(client.send("POST", "/v1/traces", &headers, protobuf(&["a"])).await.status, 200);
    let mut second = TcpStream::connect(http(&running)).await.unwrap();
    assert_eq!(status_of(&mut second).await, "503");
    assert_eq!(client.send("POST", "/v1/traces", &headers, protobuf(&["b"])).await.status, 200);
    drop(client);
    soon("there is room again", || running.counters().totals().connections_open == 0).await;
    assert_eq!(post(&running, &headers, protobuf(&["c"])).await.status, 200);
    assert_eq!(running.counters().totals().connections_refused, 1);
}

/// The status in the first line that comes back.
async fn status_of(stream: &mut TcpStream) -> String {
    let mut line = [0; 12];
    stream.read_exact(&mut line).await.expect("an answer comes");
    String::from_utf8_lossy(&line).replace("HTTP/1.1 ", "")
}
