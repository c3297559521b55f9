//! Logs and metrics: received where they are kept, and honestly refused where they are not.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use model::{LogRecord, Metric};
use opentelemetry_proto::tonic::{
    collector::{
        logs::v1::{ExportLogsServiceRequest, logs_service_client::LogsServiceClient},
        metrics::v1::{ExportMetricsServiceRequest, metrics_service_client::MetricsServiceClient},
    },
    common::v1::{AnyValue, any_value::Value},
    logs::v1::{LogRecord as WireRecord, ResourceLogs, ScopeLogs},
    metrics::v1::{
        Gauge, Metric as WireMetric, NumberDataPoint, ResourceMetrics, ScopeMetrics, metric::Data,
    },
};
use prost::Message as _;
use receive::{Keeper, Received, ReceivedItems, Refusal, Running, Sink};
use tonic::{Code, codec::CompressionEncoding, transport::Channel};

use crate::setup::{Client, Crash, JSON, PROTOBUF, Reply, http, start};

/// Keeps logs and metrics, or refuses them.
#[derive(Default)]
struct Both {
    logs: Mutex<Vec<ReceivedItems<LogRecord>>>,
    metrics: Mutex<Vec<ReceivedItems<Metric>>>,
    refusal: Option<Refusal>,
}

impl Sink for Both {
    fn accept(&self, _: Received) -> Result<(), Refusal> {
        panic!("no test sends spans");
    }

    fn logs(&self) -> Option<&dyn Keeper<LogRecord>> {
        Some(self)
    }

    fn metrics(&self) -> Option<&dyn Keeper<Metric>> {
        Some(self)
    }
}

impl Keeper<LogRecord> for Both {
    fn keep(&self, batch: ReceivedItems<LogRecord>) -> Result<(), Refusal> {
        self.logs.lock().expect("no test panics while it holds this").push(batch);
        self.refusal.clone().map_or(Ok(()), Err)
    }
}

impl Keeper<Metric> for Both {
    fn keep(&self, batch: ReceivedItems<Metric>) -> Result<(), Refusal> {
        self.metrics.lock().expect("no test panics while it holds this").push(batch);
        self.refusal.clone().map_or(Ok(()), Err)
    }
}

fn logs(bodies: &[&str]) -> ExportLogsServiceRequest {
    let record = |body: &&str| WireRecord {
        time_unix_nano: 7,
        body: (!body.is_empty())
            .then(|| AnyValue { value: Some(Value::StringValue((*body).to_owned())) }),
        ..WireRecord::default()
    };
    let log_records = bodies.iter().map(record).collect();
    let scope_logs = vec![ScopeLogs { log_records, ..ScopeLogs::default() }];
    let resource_logs = vec![ResourceLogs { scope_logs, ..ResourceLogs::default() }];
    ExportLogsServiceRequest { resource_logs }
}

fn metrics(times: &[u64]) -> ExportMetricsServiceRequest {
    let point =
        |time: &u64| NumberDataPoint { time_unix_nano: *time, ..NumberDataPoint::default() };
    let data = Some(Data::Gauge(Gauge { data_points: times.iter().map(point).collect() }));
    let metrics = vec![WireMetric { name: "cpu".to_owned(), data, ..WireMetric::default() }];
    let scope_metrics = vec![ScopeMetrics { metrics, ..ScopeMetrics::default() }];
    let resource_metrics = vec![ResourceMetrics { scope_metrics, ..ResourceMetrics::default() }];
    ExportMetricsServiceRequest { resource_metrics }
}

async fn channel(running: &Running) -> Channel {
    let address = running.grpc().expect("the tests ask for it");
    let endpoint = Channel::from_shared(format!("http://{address}")).expect("a valid address");
    endpoint.connect().await.expect("it listens")
}

async fn post(running: &Running, path: &str, headers: &[(&str, &str)], body: Bytes) -> Reply {
    Client::connect(http(running)).await.send("POST", path, headers, body).await
}

#[tokio::test]
async fn logs_and_metrics_are_taken_over_http_in_both_formats() {
    let both = Arc::new(Both::default());
    let running = start(Arc::clone(&both) as _).await;
    let (log, metric) = (logs(&["one", "two"]), metrics(&[7]));
    let zipped = Bytes::from(zstd::encode_all(&*log.encode_to_vec(), 3).unwrap());
    let zstd = [("content-type", PROTOBUF), ("content-encoding", "zstd")];
    assert_eq!(
        post(&running, "/v1/logs", &zstd, zipped).await.told(),
        "200\napplication/x-protobuf"
    );
    let json = [("content-type", JSON)];
    let body = Bytes::from(serde_json::to_vec(&log).unwrap());
    assert_eq!(post(&running, "/v1/logs", &json, body).await.told(), "200\napplication/json\n{}");
    let body = Bytes::from(metric.encode_to_vec());
    let reply = post(&running, "/v1/metrics", &[("content-type", PROTOBUF)], body).await;
    assert_eq!(reply.status, 200);
    let body = Bytes::from(serde_json::to_vec(&metric).unwrap());
    assert_eq!(post(&running, "/v1/metrics", &json, body).await.status, 200);

    let kept = both.logs.lock().unwrap();
    assert_eq!(kept[0].otlp.as_deref(), Some(&*log.encode_to_vec()));
    assert_eq!((kept[1].otlp.as_ref(), &kept[1].items), (None, &kept[0].items));
    assert_eq!(kept[0].items[1].body.as_text(), Some("two"));
    let kept = both.metrics.lock().unwrap();
    assert_eq!(kept[0].otlp.as_deref(), Some(&*metric.encode_to_vec()));
    assert_eq!((kept[1].otlp.as_ref(), &kept[1].items), (None, &kept[0].items));
    let totals = running.counters().totals();
    assert_eq!((totals.log_records.accepted, totals.data_points.accepted), (4, 2));
    assert_eq!((totals.spans_accepted, totals.requests_accepted), (0, 4));
}

#[tokio::test]
async fn the_stock_clients_of_logs_and_metrics_are_heard() {
    let both = Arc::new(Both::default());
    let running = start(Arc::clone(&both) as _).await;
    let channel = channel(&running).await;
    let client = LogsServiceClient::new(channel.clone());
    for mut client in [client.clone(), client.send_compressed(CompressionEncoding::Gzip)] {
        let answer = client.export(logs(&["one"])).await.unwrap().into_inner();
        assert_eq!(answer.partial_success, None);
    }
    let answer = MetricsServiceClient::new(channel).export(metrics(&[7])).await.unwrap();
    assert_eq!(answer.into_inner().partial_success, None);
    assert_eq!(both.logs.lock().unwrap().len(), 2);
    assert_eq!(both.metrics.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn what_says_nothing_or_has_no_time_is_counted_in_the_answer() {
    let both = Arc::new(Both::default());
    let running = start(Arc::clone(&both) as _).await;
    let channel = channel(&running).await;
    let answer = LogsServiceClient::new(channel.clone()).export(logs(&["one", ""])).await.unwrap();
    let partial = answer.into_inner().partial_success.unwrap();
    assert_eq!(partial.rejected_log_records, 1);
    insta::assert_snapshot!(partial.error_message, @"1 of 2 log records were rejected: byte 23: a log record without body, attributes and event name");
    let answer = MetricsServiceClient::new(channel).export(metrics(&[7, 0, 0])).await.unwrap();
    let partial = answer.into_inner().partial_success.unwrap();
    assert_eq!(partial.rejected_data_points, 2);
    insta::assert_snapshot!(partial.error_message, @"2 of 3 data points were rejected: byte 5: 2 points of metric `cpu` have no time");
    let body = Bytes::from(serde_json::to_vec(&logs(&["one", ""])).unwrap());
    let reply = post(&running, "/v1/logs", &[("content-type", JSON)], body).await;
    insta::assert_snapshot!(reply.text(), @r#"{"partialSuccess":{"errorMessage":"1 of 2 log records were rejected: line 1: a log record without body, attributes and event name","rejectedLogRecords":"1"}}"#);
    let totals = running.counters().totals();
    assert_eq!((totals.log_records.rejected, totals.data_points.rejected), (2, 2));
}

#[tokio::test]
async fn refused_logs_and_metrics_are_asked_for_again() {
    let retry_after = std::time::Duration::from_secs(2);
    let both = Both { refusal: Some(Refusal::Busy { retry_after }), ..Both::default() };
    let running = start(Arc::new(both)).await;
    let body = Bytes::from(logs(&["one"]).encode_to_vec());
    let reply = post(&running, "/v1/logs", &[("content-type", PROTOBUF)], body).await;
    assert_eq!((reply.status, reply.header("retry-after")), (503, "2"));
    let mut client = MetricsServiceClient::new(channel(&running).await);
    let status = client.export(metrics(&[7])).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(status.message(), "too many data points in flight; try again later");
    let totals = running.counters().totals();
    assert_eq!((totals.log_records.refused, totals.data_points.refused), (1, 1));
    assert_eq!(totals.requests_accepted, 0);
}

#[tokio::test]
async fn malformed_logs_are_refused_for_good_and_empty_ones_are_a_success() {
    let both = Arc::new(Both::default());
    let running = start(Arc::clone(&both) as _).await;
    let reply = post(&running, "/v1/logs", &[("content-type", PROTOBUF)], "\u{1}".into()).await;
    assert_eq!((reply.status, reply.header("retry-after")), (400, ""));
    for path in ["/v1/logs", "/v1/metrics"] {
        assert_eq!(post(&running, path, &[("content-type", JSON)], "{}".into()).await.status, 200);
    }
    assert!(both.logs.lock().unwrap().is_empty() && both.metrics.lock().unwrap().is_empty());
    let reply =
        Client::connect(http(&running)).await.send("GET", "/v1/logs", &[], Bytes::new()).await;
    assert_eq!((reply.status, reply.header("allow")), (405, "POST"));
}

/// Acknowledging what is then thrown away would be a lie that nobody notices until the logs are needed.
#[tokio::test]
async fn what_nobody_keeps_is_never_acknowledged() {
    let running = start(Arc::new(Crash)).await;
    for path in ["/v1/logs", "/v1/metrics"] {
        for (content_type, body) in [(JSON, "{}"), (PROTOBUF, "")] {
            let reply = post(&running, path, &[("content-type", content_type)], body.into()).await;
            assert_eq!(reply.status, 404, "{path} as {content_type}");
        }
    }
    let mut client = LogsServiceClient::new(channel(&running).await);
    let status = client.export(logs(&["one"])).await.unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
    assert!(status.message().starts_with("logs are not received yet, only traces are"), "{status}");
}
