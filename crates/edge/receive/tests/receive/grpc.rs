//! OTLP/gRPC with the stock client of tonic, and by hand where that one is too well-behaved.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{Request, client::conn::http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use opentelemetry_proto::tonic::collector::{
    metrics::v1::{ExportMetricsServiceRequest, metrics_service_client::MetricsServiceClient},
    trace::v1::{ExportTraceServiceRequest, trace_service_client::TraceServiceClient},
};
use receive::{Refusal, Running, Sink};
use tokio::net::TcpStream;
use tonic::{Code, codec::CompressionEncoding, transport::Channel};

use crate::setup::{Crash, Keep, PROTOBUF, Refuse, export, post, protobuf, start};

const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

async fn channel(running: &Running) -> Channel {
    let address = running.grpc().expect("the tests ask for it");
    let endpoint = Channel::from_shared(format!("http://{address}")).expect("a valid address");
    endpoint.connect().await.expect("it listens")
}

async fn start_client(sink: Arc<dyn Sink>) -> (Running, TraceServiceClient<Channel>) {
    let running = start(sink).await;
    let client = TraceServiceClient::new(channel(&running).await);
    (running, client)
}

#[tokio::test]
async fn the_stock_client_is_heard_in_every_encoding() {
    let keep = Arc::new(Keep::default());
    let (running, client) = start_client(Arc::clone(&keep) as _).await;
    for encoding in [None, Some(CompressionEncoding::Gzip), Some(CompressionEncoding::Zstd)] {
        let mut client = client.clone();
        if let Some(encoding) = encoding {
            client = client.send_compressed(encoding);
        }
        let answer = client.export(export(&["a"])).await.unwrap().into_inner();
        assert_eq!(answer.partial_success, None);
    }
    assert_eq!(keep.names(), ["a", "a", "a"]);
    assert!(keep.batches().iter().all(|batch| batch.otlp == Some(protobuf(&["a"]))));
    assert_eq!(running.counters().totals().connections_accepted, 1);
}

#[tokio::test]
async fn an_empty_request_is_a_success() {
    let (_running, mut client) = start_client(Arc::new(Crash)).await;
    let answer = client.export(ExportTraceServiceRequest::default()).await.unwrap().into_inner();
    assert_eq!(answer.partial_success, None);
}

#[tokio::test]
async fn rejected_spans_are_counted_in_the_answer() {
    let keep = Arc::new(Keep::default());
    let (_running, mut client) = start_client(Arc::clone(&keep) as _).await;
    let mut request = export(&["good", "bad", "bad"]);
    for span in &mut request.resource_spans[0].scope_spans[0].spans[1..] {
        span.trace_id.clear();
    }
    let partial = client.export(request).await.unwrap().into_inner().partial_success.unwrap();
    assert_eq!(partial.rejected_spans, 2);
    assert!(partial.error_message.starts_with("2 of 3 spans were rejected: "));
    assert_eq!(keep.names(), ["good"]);
}

#[tokio::test]
async fn refusals_tell_the_stock_client_when_to_come_back() {
    let retry_after = Duration::from_millis(1500);
    let full = "no space left on `/data` — 0 B free".to_owned();
    for (refusal, code, message) in [
        (
            Refusal::Busy { retry_after },
            Code::Unavailable,
            "too many spans in flight; try again later",
        ),
        (Refusal::Full { message: full.clone(), retry_after }, Code::ResourceExhausted, &*full),
        (
            Refusal::Failed { message: "broken".to_owned(), retry_after },
            Code::Unavailable,
            "broken",
        ),
    ] {
        let (_running, mut client) = start_client(Arc::new(Refuse(refusal))).await;
        let status = client.export(export(&["a"])).await.unwrap_err();
        assert_eq!((status.code(), status.message()), (code, message));
        let details = details::Status::read(status.details());
        assert_eq!((details.code, &*details.message), (i32::from(code), message));
        assert_eq!(details.retry_info(), Some((1, 500_000_000)));
    }
}

#[tokio::test]
async fn too_large_a_message_is_refused_for_good() {
    let (_running, mut client) = start_client(Arc::new(Crash)).await;
    let name = "x".repeat(2 << 20);
    let status = client.export(export(&[&name])).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert_eq!(details::Status::read(status.details()).retry_info(), None);
    // The same when it is small until it is uncompressed.
    let mut client = client.send_compressed(CompressionEncoding::Gzip);
    let status = client.export(export(&[&name])).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert_eq!(details::Status::read(status.details()).retry_info(), None);
}

#[tokio::test]
async fn other_signals_are_unimplemented_and_say_so() {
    let running = start(Arc::new(Crash)).await;
    let mut client = MetricsServiceClient::new(channel(&running).await);
    let status = client.export(ExportMetricsServiceRequest::default()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
    assert!(status.message().starts_with("metrics are not received yet"), "{status}");
}

#[tokio::test]
async fn a_bug_is_internal() {
    let (_running, mut client) = start_client(Arc::new(Crash)).await;
    assert_eq!(client.export(export(&["a"])).await.unwrap_err().code(), Code::Internal);
}

/// Sends a body over HTTP/2 as it is; returns `grpc-status` and `grpc-message`.
async fn raw(running: &Running, path: &str, headers: &[(&str, &str)], body: Bytes) -> String {
    let stream = TcpStream::connect(running.grpc().expect("the tests ask for it")).await;
    let io = TokioIo::new(stream.expect("it listens"));
    let (mut send, connection) =
        http2::handshake(TokioExecutor::new(), io).await.expect("nothing is sent yet");
    tokio::spawn(connection);
    let mut request = Request::post(format!("http://test{path}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::new(body)).expect("the tests write valid requests");
    let (parts, body) = send.send_request(request).await.expect("there is an answer").into_parts();
    let trailers = body.collect().await.expect("answers are whole").trailers().cloned();
    let all = trailers.unwrap_or(parts.headers);
    let field = |name| all.get(name).map_or("", |value| value.to_str().expect("it is ASCII"));
    format!("{} {}", field("grpc-status"), field("grpc-message")).trim_end().to_owned()
}

fn frame(flag: u8, length: usize, message: &[u8]) -> Bytes {
    let length = u32::try_from(length).expect("small").to_be_bytes();
    Bytes::from([&[flag], &length[..], message].concat())
}

#[tokio::test]
async fn broken_frames_are_invalid_arguments() {
    let running = start(Arc::new(Crash)).await;
    let grpc = [("content-type", "application/grpc+proto")];
    let check = async |body: Bytes| raw(&running, EXPORT, &grpc, body).await;
    let message = protobuf(&["a"]);
    let length = message.len();
    insta::assert_snapshot!(check(Bytes::new()).await, @"3 a gRPC frame has 5 bytes and more, not 0");
    insta::assert_snapshot!(check(frame(0, 10, b"123")).await, @"3 the gRPC frame announces 10 bytes, 3 came");
    insta::assert_snapshot!(check(frame(0, 1, b"123")).await, @"3 the gRPC frame announces 1 bytes, 3 came");
    insta::assert_snapshot!(check(frame(7, length, &message)).await, @"3 unknown gRPC frame flag 7");
    insta::assert_snapshot!(check(frame(1, length, &message)).await, @"3 the message is compressed, but `grpc-encoding` does not say how");
    let cut = check(frame(0, length - 1, &message[..length - 1])).await;
    assert!(cut.starts_with("3 not OTLP: "), "{cut}");
}

#[tokio::test]
async fn unknown_methods_and_encodings_are_unimplemented() {
    let running = start(Arc::new(Crash)).await;
    let body = frame(0, 0, b"");
    let grpc = ("content-type", "application/grpc");
    let snappy = raw(&running, EXPORT, &[grpc, ("grpc-encoding", "snappy")], body.clone()).await;
    insta::assert_snapshot!(snappy, @"12 unknown encoding `snappy`; known are identity, gzip, zstd, deflate");
    let unknown = raw(&running, "/a.B/C", &[grpc], body).await;
    insta::assert_snapshot!(unknown, @"12 unknown gRPC method `/a.B/C`; known is `/opentelemetry.proto.collector.trace.v1.TraceService/Export`");
}

#[tokio::test]
async fn either_port_takes_either_protocol() {
    let keep = Arc::new(Keep::default());
    let running = start(Arc::clone(&keep) as _).await;
    let address = running.http().unwrap();
    let endpoint = Channel::from_shared(format!("http://{address}")).unwrap();
    let mut client = TraceServiceClient::new(endpoint.connect().await.unwrap());
    client.export(export(&["a"])).await.unwrap();
    let mut http = crate::setup::Client::connect(running.grpc().unwrap()).await;
    let headers = [("content-type", PROTOBUF)];
    assert_eq!(http.send("POST", "/v1/traces", &headers, protobuf(&["b"])).await.status, 200);
    assert_eq!(keep.names(), ["a", "b"]);
    // The format of gRPC needs the transport of gRPC.
    let headers = [("content-type", "application/grpc")];
    let reply = http.send("POST", EXPORT, &headers, frame(0, 0, b"")).await;
    assert_eq!(reply.header("grpc-message"), "gRPC needs POST over HTTP/2");
    assert_eq!(
        post(&running, &[("content-type", "application/grpc-web")], Bytes::new()).await.status,
        415
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_connection_carries_fifty_exports_at_once() {
    let keep = Arc::new(Keep::default());
    let (running, client) = start_client(Arc::clone(&keep) as _).await;
    let mut exports = tokio::task::JoinSet::new();
    for place in 0..50 {
        let mut client = client.clone();
        exports
            .spawn(async move { client.export(export(&[&format!("{place:02}")])).await.is_ok() });
    }
    assert_eq!(exports.join_all().await, [true; 50]);
    assert_eq!(keep.names().len(), 50);
    assert_eq!(running.counters().totals().connections_accepted, 1);
}

/// `google.rpc.Status`, read by a generated decoder.
mod details {
    #[derive(Clone, PartialEq, prost::Message)]
    pub(crate) struct Status {
        #[prost(int32, tag = "1")]
        pub(crate) code: i32,
        #[prost(string, tag = "2")]
        pub(crate) message: String,
        #[prost(message, repeated, tag = "3")]
        details: Vec<Any>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    struct Any {
        #[prost(string, tag = "1")]
        type_url: String,
        #[prost(bytes = "vec", tag = "2")]
        value: Vec<u8>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    struct RetryInfo {
        #[prost(message, tag = "1")]
        retry_delay: Option<Delay>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    struct Delay {
        #[prost(int64, tag = "1")]
        seconds: i64,
        #[prost(int32, tag = "2")]
        nanos: i32,
    }

    impl Status {
        pub(crate) fn read(bytes: &[u8]) -> Self {
            prost::Message::decode(bytes).expect("the details are a status")
        }

        pub(crate) fn retry_info(&self) -> Option<(i64, i32)> {
            let [any] = &*self.details else { return None };
            assert_eq!(any.type_url, "type.googleapis.com/google.rpc.RetryInfo");
            let info: RetryInfo = prost::Message::decode(&*any.value).expect("it is a RetryInfo");
            info.retry_delay.map(|delay| (delay.seconds, delay.nanos))
        }
    }
}
