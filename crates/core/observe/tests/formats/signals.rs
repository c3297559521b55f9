//! Log records and metrics as OTLP protobuf and JSON, against themselves and against `prost`.

mod translate;

use std::sync::Arc;

use model::{LogRecord, Resource, Scope, Value};
use observe::otlp::{
    decode_logs, decode_logs_json, decode_metrics, decode_metrics_json, encode_logs,
    encode_logs_json, encode_metrics, encode_metrics_json,
};
use opentelemetry_proto::tonic::{
    collector::{logs::v1::ExportLogsServiceRequest, metrics::v1::ExportMetricsServiceRequest},
    metrics::v1::{
        Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, metric,
        number_data_point,
    },
};
use proptest::{prelude::*, sample::Index};
use prost::Message as _;

use testkit::arbitrary;

use crate::unknown::known;

proptest! {
    #[test]
    fn log_records_that_are_encoded_are_decoded(records in arbitrary::logs()) {
        let bytes = encode_logs(&records);
        let request = ExportLogsServiceRequest::decode(bytes.as_slice()).unwrap();
        prop_assert_eq!(&translate::logs(&request), &records);
        let decoded = decode_logs(&bytes).unwrap();
        prop_assert_eq!((decoded.items, decoded.rejected), (records.clone(), 0));
        prop_assert_eq!(decode_logs(&request.encode_to_vec()).unwrap().items, records);
    }

    #[test]
    fn metrics_that_are_encoded_are_decoded(metrics in arbitrary::metrics()) {
        let bytes = encode_metrics(&metrics);
        let request = ExportMetricsServiceRequest::decode(bytes.as_slice()).unwrap();
        prop_assert_eq!(&translate::metrics(&request), &metrics);
        let decoded = decode_metrics(&bytes).unwrap();
        prop_assert_eq!((decoded.items, decoded.rejected), (metrics.clone(), 0));
        prop_assert_eq!(decode_metrics(&request.encode_to_vec()).unwrap().items, metrics);
    }

    #[test]
    fn mutated_requests_are_read_as_prost_reads_them(
        records in arbitrary::logs(),
        metrics in arbitrary::metrics(),
        changes in prop::collection::vec((any::<Index>(), any::<u8>()), 1..4),
        cut in prop::option::weighted(0.2, any::<Index>()),
    ) {
        for mut bytes in [encode_logs(&records), encode_metrics(&metrics)] {
            prop_assume!(!bytes.is_empty());
            for (index, byte) in &changes {
                let place = index.index(bytes.len());
                bytes[place] = *byte;
            }
            if let Some(cut) = cut {
                bytes.truncate(cut.index(bytes.len()));
            }
            agree(&bytes)?;
        }
    }

    #[test]
    fn what_is_written_as_json_is_read_back(
        records in arbitrary::logs(),
        metrics in arbitrary::metrics(),
    ) {
        let back = decode_logs_json(encode_logs_json(&records).as_bytes()).unwrap();
        prop_assert_eq!(format!("{:?}", back.items), format!("{records:?}"), "NaN is NaN");
        let back = decode_metrics_json(encode_metrics_json(&metrics).as_bytes()).unwrap();
        prop_assert_eq!(format!("{:?}", back.items), format!("{metrics:?}"));
    }

    #[test]
    fn two_requests_in_a_row_are_one(one in arbitrary::metrics(), other in arbitrary::metrics()) {
        let bytes = [encode_metrics(&one), encode_metrics(&other)].concat();
        prop_assert_eq!(decode_metrics(&bytes).unwrap().items, [one, other].concat());
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
        agree(&bytes)?;
        drop((decode_logs_json(&bytes), decode_metrics_json(&bytes)));
    }

    #[test]
    fn any_json_is_read_or_refused(
        members in prop::collection::vec(
            (prop::sample::select(MEMBERS.to_vec()), prop::sample::select(VALUES.to_vec())), 0..30),
    ) {
        let members: Vec<String> =
            members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
        let text = members.concat();
        for text in [format!("{{{text}}}"), text] {
            drop((decode_logs_json(text.as_bytes()), decode_metrics_json(text.as_bytes())));
        }
    }
}

const MEMBERS: [&str; 16] = [
    "resourceLogs",
    "scopeLogs",
    "logRecords",
    "body",
    "severityNumber",
    "resourceMetrics",
    "scopeMetrics",
    "metrics",
    "gauge",
    "sum",
    "dataPoints",
    "asInt",
    "positive",
    "bucketCounts",
    "quantileValues",
    "exemplars",
];

const VALUES: [&str; 10] = ["[{", "{", "}]", "},", "null,", "\"-1\"", "1e400", "[1,", "]", "true"];

fn known_record(mut record: LogRecord) -> LogRecord {
    record.attributes = known(&record.attributes);
    known_origin(&mut record.resource, &mut record.scope);
    record
}

/// A record with a body that is not known is kept, which is nothing to others.
fn says_something(record: &LogRecord) -> bool {
    record.body != Value::Empty || !record.attributes.0.is_empty() || !record.event_name.is_empty()
}

fn known_metric(mut metric: model::Metric) -> model::Metric {
    metric.metadata = known(&metric.metadata);
    known_origin(&mut metric.resource, &mut metric.scope);
    metric
}

fn known_origin(resource: &mut Arc<Resource>, scope: &mut Arc<Scope>) {
    let resource = Arc::make_mut(resource);
    resource.attributes = known(&resource.attributes);
    let scope = Arc::make_mut(scope);
    scope.attributes = known(&scope.attributes);
}

/// What `prost` reads we read, and alike, but for what is not known to it; what only we read has text that is not UTF-8.
fn agree(bytes: &[u8]) -> Result<(), TestCaseError> {
    check(
        decode_logs(bytes).map(|decoded| {
            let known = decoded.items.into_iter().map(known_record);
            known.filter(says_something).collect::<Vec<_>>()
        }),
        ExportLogsServiceRequest::decode(bytes).map(|request| translate::logs(&request)),
    )?;
    check(
        decode_metrics(bytes)
            .map(|decoded| decoded.items.into_iter().map(known_metric).collect::<Vec<_>>()),
        ExportMetricsServiceRequest::decode(bytes).map(|request| translate::metrics(&request)),
    )
}

fn check<T: std::fmt::Debug>(
    ours: Result<T, observe::otlp::DecodeError>,
    theirs: Result<T, prost::DecodeError>,
) -> Result<(), TestCaseError> {
    match theirs {
        Ok(theirs) => {
            let ours = ours.map_err(|error| TestCaseError::fail(error.to_string()))?;
            // Compared as text, because NaN is not equal to itself.
            prop_assert_eq!(format!("{ours:?}"), format!("{theirs:?}"));
        }
        Err(error) => {
            prop_assert!(ours.is_err() || error.to_string().contains("UTF-8"), "{}", error);
        }
    }
    Ok(())
}

fn request(metrics: Vec<Metric>) -> Vec<u8> {
    let scope_metrics = vec![ScopeMetrics { metrics, ..ScopeMetrics::default() }];
    let resource_metrics = vec![ResourceMetrics { scope_metrics, ..ResourceMetrics::default() }];
    ExportMetricsServiceRequest { resource_metrics }.encode_to_vec()
}

fn gauge(name: &str, times: &[u64]) -> Metric {
    let point = |time: &u64| NumberDataPoint {
        time_unix_nano: *time,
        value: Some(number_data_point::Value::AsInt(-1)),
        ..NumberDataPoint::default()
    };
    let data_points = times.iter().map(point).collect();
    let data = Some(metric::Data::Gauge(Gauge { data_points }));
    Metric { name: name.to_owned(), data, ..Metric::default() }
}

#[test]
fn points_without_a_time_are_named_and_the_rest_is_kept() {
    let bytes = request(vec![gauge("pool.size", &[1, 0, 0]), gauge("cpu", &[2])]);
    let decoded = decode_metrics(&bytes).unwrap();
    let problems: Vec<String> = decoded.problems.iter().map(ToString::to_string).collect();
    insta::assert_debug_snapshot!(problems, @r#"
    [
        "byte 5: 2 points of metric `pool.size` have no time",
    ]
    "#);
    let points: Vec<usize> = decoded.items.iter().map(|metric| metric.points.len()).collect();
    assert_eq!((points, decoded.rejected), (vec![1, 1], 2));
}

#[test]
fn a_metric_of_no_known_kind_is_left_out() {
    let nameless = Metric { name: "of the future".to_owned(), ..Metric::default() };
    let decoded = decode_metrics(&request(vec![nameless, gauge("cpu", &[2])])).unwrap();
    assert_eq!((decoded.items.len(), decoded.rejected), (1, 0));
    assert_eq!(decoded.items[0].name, "cpu");
}

#[test]
fn of_two_kinds_of_data_the_last_one_wins() {
    let mut sum = gauge("requests", &[]);
    sum.data = Some(metric::Data::Sum(Sum { is_monotonic: true, ..Sum::default() }));
    let part = |metric: &Metric| metric.encode_to_vec();
    for both in [
        [part(&gauge("a", &[1])), part(&sum)].concat(),
        [part(&gauge("a", &[1])), part(&gauge("b", &[2]))].concat(),
    ] {
        let merged = Metric::decode(both.as_slice()).unwrap();
        let ours = |metric: &[u8]| {
            let wrap = |content: &[u8], tag: u8| {
                [&[tag, u8::try_from(content.len()).unwrap()][..], content].concat()
            };
            decode_metrics(&wrap(&wrap(&wrap(metric, 0x12), 0x12), 0x0a)).unwrap().items
        };
        assert_eq!(ours(&both), ours(&part(&merged)));
    }
}

#[test]
fn lists_of_numbers_are_read_whether_packed_or_not() {
    // Buckets: offset -2, counts 1 and 300 packed, then 7 alone.
    let buckets = [0x08, 0x03, 0x12, 0x03, 0x01, 0xac, 0x02, 0x10, 0x07];
    let time = [0x19, 1, 0, 0, 0, 0, 0, 0, 0];
    let wrap = |content: &[u8], tag: u8| {
        [&[tag, u8::try_from(content.len()).unwrap()][..], content].concat()
    };
    let point = [&time[..], &wrap(&buckets, 0x42)].concat();
    let metric = wrap(&wrap(&point, 0x0a), 0x52);
    let bytes = wrap(&wrap(&wrap(&metric, 0x12), 0x12), 0x0a);
    agree(&bytes).unwrap();
    let read = decode_metrics(&bytes).unwrap().items;
    let model::Measured::Exponential(histogram) = &read[0].points[0].measured else {
        panic!("it is an exponential histogram")
    };
    assert_eq!((histogram.positive.offset, &*histogram.positive.counts), (-2, &[1, 300, 7][..]));
}

#[test]
fn log_records_that_say_nothing_are_left_out_and_ids_of_a_wrong_length_are_none() {
    let text = r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[
        {"timeUnixNano":"1"},
        {"body":{"stringValue":""},"traceId":"not an id","spanId":"00000000000000000000"},
        {"eventName":"e","severityNumber":"SEVERITY_NUMBER_WARN3"}]}]}]}"#;
    let decoded = decode_logs_json(text.as_bytes()).unwrap();
    assert_eq!((decoded.items.len(), decoded.rejected), (2, 1));
    assert_eq!(
        decoded.problems[0].to_string(),
        "line 1: a log record without body, attributes and event name"
    );
    assert_eq!((decoded.items[0].trace_id, decoded.items[0].span_id), (None, None));
    assert_eq!(decoded.items[1].severity, model::Severity(15));
    let bytes = [0x0a, 9, 0x12, 7, 0x12, 5, 0x4a, 1, 1, 0x32, 0];
    agree(&bytes).unwrap();
    assert_eq!(decode_logs(&bytes).unwrap().items[0].trace_id, None);
    assert_eq!(decode_logs(&[0x0a, 4, 0x12, 2, 0x12, 0]).unwrap().rejected, 1);
}

#[test]
fn metrics_of_every_kind_are_read_from_json() {
    let text = r#"{"resourceMetrics":[{"resource":{"attributes":[
          {"key":"service.name","value":{"stringValue":"my.service"}}]},
        "scopeMetrics":[{"scope":{"name":"my.library"},"metrics":[
          {"name":"g","unit":"1","gauge":{"dataPoints":[{"asDouble":10,"timeUnixNano":"1544712660300000000"}]}},
          {"name":"s","sum":{"aggregationTemporality":1,"isMonotonic":true,"dataPoints":[
            {"asInt":"5","startTimeUnixNano":"1544712660300000000","timeUnixNano":"1544712660300000000"}]}},
          {"name":"h","histogram":{"aggregationTemporality":"AGGREGATION_TEMPORALITY_CUMULATIVE","dataPoints":[
            {"timeUnixNano":7,"count":"2","sum":2,"bucketCounts":["1",1],"explicitBounds":[1],"min":0,
             "exemplars":[{"asDouble":0.5,"traceId":"5b8efff798038103d269b633813fc60c"}]}]}},
          {"name":"e","exponentialHistogram":{"aggregationTemporality":2,"dataPoints":[
            {"timeUnixNano":"7","count":3,"sum":10,"scale":-2,"zeroCount":1,"positive":{"offset":1,"bucketCounts":[0,"2"]}}]}},
          {"name":"q","summary":{"dataPoints":[
            {"timeUnixNano":"7","count":3,"sum":1.5,"quantileValues":[{"quantile":0.5,"value":"NaN"}]}]}}
        ]}]}]}"#;
    let decoded = decode_metrics_json(text.as_bytes()).unwrap();
    assert_eq!((decoded.rejected, decoded.problems.len()), (0, 0));
    let told: Vec<String> = decoded
        .items
        .iter()
        .map(|it| format!("{} {:?} {:?}", it.name, it.kind, it.points[0].measured))
        .collect();
    insta::assert_debug_snapshot!(told, @r#"
    [
        "g Gauge Number(Double(10.0))",
        "s Sum { temporality: Delta, is_monotonic: true } Number(Int(5))",
        "h Histogram { temporality: Cumulative } Histogram(Histogram { count: 2, sum: Some(2.0), min: Some(0.0), max: None, bounds: [1.0], counts: [1, 1] })",
        "e ExponentialHistogram { temporality: Cumulative } Exponential(ExponentialHistogram { count: 3, sum: Some(10.0), min: None, max: None, scale: -2, zero_count: 1, zero_threshold: 0.0, positive: Buckets { offset: 1, counts: [0, 2] }, negative: Buckets { offset: 0, counts: [] } })",
        "q Summary Summary(Summary { count: 3, sum: 1.5, quantiles: [Quantile { quantile: 0.5, value: NaN }] })",
    ]
    "#);
    let exemplar = &decoded.items[2].points[0].exemplars[0];
    assert_eq!(exemplar.trace_id.unwrap().to_string(), "5b8efff798038103d269b633813fc60c");
    // What is read from JSON is the same once it went through protobuf; NaN by its text.
    let again = decode_metrics(&encode_metrics(&decoded.items)).unwrap().items;
    assert_eq!(format!("{again:?}"), format!("{:?}", decoded.items));
}

/// Points, exemplars, quantiles and attributes that take two bytes each.
#[test]
fn short_inputs_take_little_memory() {
    let wrap = |tag: u8, content: &[u8]| {
        let mut bytes = vec![tag];
        prost::encoding::encode_varint(content.len() as u64, &mut bytes);
        bytes.extend_from_slice(content);
        bytes
    };
    let time = [0x19, 1, 0, 0, 0, 0, 0, 0, 0];
    for (kind, tag) in [(0x2a, 0x2a), (0x2a, 0x3a), (0x5a, 0x32), (0x4a, 0x42)] {
        let point = [&time[..], &[tag, 0].repeat(10_000)].concat();
        let bytes = wrap(0x0a, &wrap(0x12, &wrap(0x12, &wrap(kind, &wrap(0x0a, &point)))));
        let read = decode_metrics(&bytes).unwrap().items;
        let point = &read[0].points[0];
        let quantiles = match &point.measured {
            model::Measured::Summary(summary) => summary.quantiles.capacity(),
            _ => 0,
        };
        let kept = [
            point.attributes.0.capacity() * size_of::<(model::Text, Value)>(),
            point.exemplars.capacity() * size_of::<model::Exemplar>(),
            quantiles * size_of::<model::Quantile>(),
        ];
        assert!(kept.iter().sum::<usize>() < 80 * bytes.len(), "{kept:?} of {}", bytes.len());
        assert!(0 < kept.iter().sum::<usize>());
    }
    let points = [0x0a, 0].repeat(10_000);
    let bytes = wrap(0x0a, &wrap(0x12, &wrap(0x12, &wrap(0x2a, &points))));
    let decoded = decode_metrics(&bytes).unwrap();
    assert_eq!(decoded.rejected, 10_000);
    let capacity = decoded.items[0].points.capacity() * size_of::<model::Point>();
    assert!(capacity < 80 * bytes.len(), "{capacity} of {}", bytes.len());
    let empty = [0x12, 0].repeat(10_000);
    let decoded = decode_logs(&wrap(0x0a, &wrap(0x12, &empty))).unwrap();
    assert_eq!((decoded.items.capacity(), decoded.rejected), (0, 10_000));
}
