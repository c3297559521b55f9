//! Log records and metrics through the engine: kept, refused, switched off, asked about.

use std::{sync::Arc, time::Duration};

use engine::{
    Aspect, Fullness, PeerKind, ResourceLevel, metrics,
    question::{Asked, Question},
    resources, sampled_traces, saturation, service_map,
};
use model::{
    Attributes, LogRecord, Measured, Metric, MetricKind, Moment, Number, Point, Resource, Scope,
    Severity, Span, SpanKind, Temporality, Text, Value, Window,
};
use receive::{ReceivedItems, Refusal, Sink as _};
use store::{Limits, RequestFilter};

use crate::{live::Engine, shop};

fn attributes(pairs: &[(&str, &str)]) -> Attributes {
    let pair = |(key, value): &(&str, &str)| (Text::from(*key), Value::Text(Text::from(*value)));
    Attributes(pairs.iter().map(pair).collect())
}

fn resource() -> Arc<Resource> {
    let attributes = attributes(&[("service.name", "shop"), ("host.name", "box")]);
    Arc::new(Resource { attributes, ..Resource::default() })
}

/// A record written during the first span of a trace.
pub(crate) fn log(trace: u64, severity: u32, body: &str, time: Moment) -> LogRecord {
    LogRecord {
        time,
        observed: time,
        severity: Severity(severity),
        severity_text: Text::default(),
        body: Value::Text(body.into()),
        attributes: attributes(&[("code.function.name", "list_orders")]),
        dropped_attributes_count: 0,
        flags: 1,
        trace_id: Some(shop::trace_id(trace)),
        span_id: Some(shop::span_id(trace, 0)),
        event_name: Text::default(),
        resource: resource(),
        scope: Arc::new(Scope { name: "app".into(), ..Scope::default() }),
    }
}

/// A counter of CPU seconds by mode, a point for each minute before `now`.
fn cpu(now: Moment) -> Metric {
    let point = |mode: &str, minute: u32, seconds: f64| Point {
        attributes: attributes(&[("cpu.mode", mode)]),
        start: now - Duration::from_hours(2),
        time: now - Duration::from_mins(10) + Duration::from_mins(1) * minute,
        flags: 0,
        measured: Measured::Number(Number::Double(seconds)),
        exemplars: Vec::new(),
    };
    let both = (0..10).flat_map(|minute| {
        let passed = 60.0 * f64::from(minute);
        [point("user", minute, passed * 0.25), point("idle", minute, passed * 0.75)]
    });
    Metric {
        name: "system.cpu.time".into(),
        description: Text::default(),
        unit: "s".into(),
        metadata: Attributes::default(),
        kind: MetricKind::Sum { temporality: Temporality::Cumulative, is_monotonic: true },
        points: both.collect(),
        resource: resource(),
        scope: Arc::new(Scope::default()),
    }
}

pub(crate) fn keep_logs(engine: &Engine, items: Vec<LogRecord>) -> Result<(), Refusal> {
    let keeper = engine.live.logs().expect("they are kept unless switched off");
    keeper.keep(ReceivedItems { items, otlp: None, received: shop::now() })
}

fn keep_metrics(engine: &Engine, items: Vec<Metric>) -> Result<(), Refusal> {
    let keeper = engine.live.metrics().expect("they are kept unless switched off");
    keeper.keep(ReceivedItems { items, otlp: None, received: shop::now() })
}

fn last_hour() -> Window {
    let now = shop::now();
    Window { from: now - Duration::from_hours(1), to: now + Duration::from_secs(1) }
}

/// Figures of groups, as one would write them down.
fn ask(engine: &Engine, asked: &Asked) -> Vec<String> {
    let question = Question::read(asked, last_hour()).expect("the question is right");
    let table = question.answer(engine.live.store(), &Limits::default()).expect("the disk works");
    let row = |row: &engine::question::Row| {
        let key: Vec<&str> = row.key.iter().map(|it| it.as_deref().unwrap_or("-")).collect();
        let figures: Vec<String> = row
            .figures
            .iter()
            .map(|it| it.map_or("-".to_owned(), |it| format!("{}", (it * 100.0).round() / 100.0)))
            .collect();
        format!("{}: {}", key.join(", "), figures.join(", "))
    };
    table.rows.iter().map(row).collect()
}

#[test]
fn log_records_are_kept_with_their_trace_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::start(folder.path());
    let now = shop::now();
    let records = vec![
        log(1, 17, "no customer 7", now - Duration::from_secs(1)),
        log(1, 9, "listing orders", now - Duration::from_secs(2)),
        log(2, 9, "listing orders", now),
    ];
    keep_logs(&engine, records.clone()).expect("there is room");
    let of_trace = engine.live.store().logs_of(shop::trace_id(1)).expect("the disk works");
    assert_eq!(of_trace, [records[1].clone(), records[0].clone()], "the earliest first");
    let kept = metrics::expose(&engine.live.reading(), metrics::Exposition::Prometheus);
    assert!(kept.contains("taut_log_records_kept_total 3\n"), "{kept}");
    engine.stop();

    let engine = Engine::start(folder.path());
    let after = engine.live.store().logs_of(shop::trace_id(1)).expect("the disk works");
    assert_eq!(after, of_trace, "a restart forgets nothing");
    engine.stop();
}

#[test]
fn groups_that_are_told_step_by_step_are_those_that_come_first() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::start(folder.path());
    let now = shop::now();
    let records = [("often", 9_u64), ("at times", 6), ("seldom", 3)].map(|(body, count)| {
        (0..count).map(move |number| {
            let severity = if number.is_multiple_of(3) { 17 } else { 9 };
            log(number, severity, body, now - Duration::from_mins(number))
        })
    });
    keep_logs(&engine, records.into_iter().flatten().collect()).expect("there is room");
    let window = last_hour();
    let table = |limit: Option<usize>, step: Option<&str>| {
        let asked = Asked {
            of: Some("logs".to_owned()),
            group: Some("body".to_owned()),
            show: Some("errors, count".to_owned()),
            order: Some("count".to_owned()),
            step: step.map(str::to_owned),
            limit,
            ..Asked::default()
        };
        let question = Question::read(&asked, window).expect("the question is right");
        question.answer(engine.live.store(), &Limits::default()).expect("the disk works")
    };
    let (all, first) = (table(None, Some("1m")), table(Some(2), Some("1m")));
    let keys: Vec<_> = all.rows.iter().map(|row| row.key[0].as_deref().unwrap_or("-")).collect();
    assert_eq!(keys, ["often", "at times", "seldom"]);
    assert_eq!(first.rows, all.rows[..2]);
    assert_eq!((first.left_out, first.rows_passed), (1, 18));
    assert_eq!((all.left_out, all.rows_passed), (0, 18));
    assert!(all.rows.iter().all(|row| row.steps.len() > 2), "{:?}", all.rows);
    let whole = table(Some(2), None);
    let figures = |table: &engine::question::Table| {
        table.rows.iter().map(|row| row.figures.clone()).collect::<Vec<_>>()
    };
    assert_eq!(figures(&whole), figures(&first));
    assert_eq!(figures(&whole), [[Some(3.0), Some(9.0)], [Some(2.0), Some(6.0)]]);
    engine.stop();
}

#[test]
fn log_records_are_asked_about_like_spans() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::start(folder.path());
    let records =
        (0..10).map(|number| log(number, if number < 3 { 17 } else { 9 }, "x", shop::now()));
    keep_logs(&engine, records.collect()).expect("there is room");
    let asked = Asked {
        of: Some("logs".to_owned()),
        group: Some("service.name, severity".to_owned()),
        show: Some("count, errors, error_rate".to_owned()),
        ..Asked::default()
    };
    assert_eq!(ask(&engine, &asked), ["shop, info: 7, 0, 0", "shop, error: 3, 3, 1"]);
    let filter = Some("code.function.name = list_orders and severity_number >= 17".to_owned());
    let asked = Asked { of: asked.of, filter, ..Asked::default() };
    assert_eq!(ask(&engine, &asked), [": 3"]);
    engine.stop();
}

#[test]
fn spans_are_grouped_and_ranked_by_any_figure() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::start(folder.path());
    engine.accept(shop::orders(1, shop::now() - Duration::from_mins(1))).expect("there is room");
    let asked = Asked {
        filter: Some("service.name = shop".to_owned()),
        group: Some("kind".to_owned()),
        show: Some("count, p95, max(duration)".to_owned()),
        order: Some("p95".to_owned()),
        step: Some("1m".to_owned()),
        ..Asked::default()
    };
    assert_eq!(ask(&engine, &asked), ["server: 1, 210000, 210000", "client: 41, 4000, 4000"]);
    engine.stop();
}

#[test]
fn metrics_are_kept_and_read_as_resources() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::start(folder.path());
    keep_metrics(&engine, vec![cpu(shop::now())]).expect("there is room");
    let text = metrics::expose(&engine.live.reading(), metrics::Exposition::Prometheus);
    assert!(text.contains("taut_data_points_kept_total 20\n"), "{text}");
    let all = resources(None, last_hour(), engine.live.store(), &Limits::default()).unwrap();
    assert_eq!(all.names, [(Text::from("system.cpu.time"), 20)]);
    let [series] = &all.series[..] else { panic!("{all:?}") };
    assert_eq!((series.used.resource, series.used.aspect), ("cpu", Aspect::Utilisation));
    assert_eq!(series.instance, "box");
    let values: Vec<f64> = series.values.iter().flatten().copied().collect();
    assert!(9 <= values.len() && values.iter().all(|it| (it - 0.25).abs() < 1e-9), "{values:?}");
    engine.stop();
}

/// A gauge with a point each minute, of a resource with these attributes.
fn gauge(name: &str, of: &[(&str, &str)], pairs: &[(&str, &str)], value: f64) -> Metric {
    let at = shop::now() - Duration::from_mins(5);
    let points = (0..5).map(|minute| Point {
        attributes: attributes(pairs),
        start: Moment::default(),
        time: at + Duration::from_mins(1) * minute,
        flags: 0,
        measured: Measured::Number(Number::Double(value)),
        exemplars: Vec::new(),
    });
    Metric {
        name: name.into(),
        description: Text::default(),
        unit: Text::default(),
        metadata: Attributes::default(),
        kind: MetricKind::Gauge,
        points: points.collect(),
        resource: Arc::new(Resource { attributes: attributes(of), ..Resource::default() }),
        scope: Arc::new(Scope::default()),
    }
}

#[test]
fn how_full_a_service_is_is_told_by_its_own_metrics_and_by_those_of_where_it_runs() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::start(folder.path());
    let pool = ("db.client.connection.pool.name", "orders");
    let used = [pool, ("db.client.connection.state", "used")];
    let pay_pod = ("k8s.pod.name", "pay-7d9f");
    let (prod, stage) = (("k8s.namespace.name", "prod"), ("k8s.namespace.name", "stage"));
    let shop_process: &[(&str, &str)] = &[("service.name", "shop"), ("host.name", "web-1")];
    let metrics = vec![
        gauge("db.client.connection.count", shop_process, &used, 19.0),
        gauge("db.client.connection.max", shop_process, &[pool], 20.0),
        gauge("db.client.connection.pending_requests", shop_process, &[pool], 4.0),
        gauge("process.cpu.utilization", shop_process, &[], 0.5),
        gauge("process.memory.usage", &[("service.name", "mail")], &[], 1e9),
        // As a collector tells: no service is in it.
        gauge("system.cpu.utilization", &[("host.name", "web-1")], &[], 0.4),
        gauge("system.cpu.utilization", &[("host.name", "web-2")], &[], 0.7),
        gauge("k8s.pod.memory_limit_utilization", &[pay_pod, prod], &[], 0.99),
        gauge("k8s.pod.memory_limit_utilization", &[pay_pod, stage], &[], 1.0),
    ];
    keep_metrics(&engine, metrics).expect("there is room");
    let of = |pairs: &[(&str, &str)], trace: u64| {
        let mut spans = shop::orders(trace, shop::now() - Duration::from_mins(1));
        for span in &mut spans {
            let attributes = attributes(pairs);
            span.resource = Arc::new(Resource { attributes, ..Resource::default() });
        }
        spans
    };
    let search = of(&[("service.name", "search"), ("host.name", "web-2")], 1);
    engine.accept(search).expect("there is room");
    let pay = of(&[("service.name", "pay"), pay_pod, prod], 2);
    engine.accept(pay).expect("there is room");
    let all = saturation(last_hour(), engine.live.store(), &Limits::default()).unwrap();
    let level =
        |it: Option<&ResourceLevel>| it.map(|it| (it.used.metric, it.instance.clone(), it.value));
    let told: Vec<_> = all
        .services
        .iter()
        .map(|(service, it)| {
            (service.as_str(), level(it.fullest.as_ref()), level(it.waiting.as_ref()))
        })
        .collect();
    let some = |metric, instance: &str, value| Some((metric, instance.to_owned(), value));
    assert_eq!(
        told,
        [
            ("pay", some("k8s.pod.memory_limit_utilization", "pay-7d9f (prod)", 0.99), None),
            ("search", some("system.cpu.utilization", "web-2", 0.7), None),
            (
                "shop",
                some("db.client.connection.count", "shop orders", 0.95),
                some("db.client.connection.pending_requests", "shop orders", 4.0)
            ),
        ]
    );
    assert_eq!(level(all.all.fullest.as_ref()).map(|it| it.1), Some("pay-7d9f (stage)".to_owned()));
    let long_ago = Window { from: Moment::default(), to: shop::now() - Duration::from_hours(2) };
    let before = saturation(long_ago, engine.live.store(), &Limits::default()).unwrap();
    assert_eq!((before.services.len(), before.all), (0, Fullness::default()));
    engine.stop();
}

#[test]
fn what_is_switched_off_is_not_received() {
    let folder = tempfile::tempdir().unwrap();
    let off = [("TAUT_RECEIVE_LOGS", "off"), ("TAUT_RECEIVE_METRICS", "off")];
    let engine = Engine::start_with(folder.path(), &off);
    assert!(engine.live.logs().is_none() && engine.live.metrics().is_none());
    engine.stop();
}

#[test]
fn the_map_of_one_service_shows_its_database() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::start(folder.path());
    for trace in 0..3 {
        engine
            .accept(shop::orders(trace, shop::now() - Duration::from_mins(1)))
            .expect("there is room");
    }
    let map = service_map("", last_hour(), engine.live.store(), &Limits::default()).unwrap();
    assert_eq!((map.traces, map.traces_in_all), (3, 3));
    assert_eq!(map.edges.services["shop"].calls, 3);
    let calls: Vec<_> = map.edges.calls.iter().collect();
    let [((caller, called), traffic)] = &calls[..] else { panic!("{calls:?}") };
    assert_eq!(
        (caller.as_str(), called.kind, called.name.as_str()),
        ("shop", PeerKind::Database, "postgresql")
    );
    assert_eq!((traffic.calls, traffic.errors), (3 * 41, 0));
    engine.stop();
}

#[test]
fn a_large_trace_is_in_a_sample_with_its_begin() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::start(folder.path());
    let mut spans = shop::orders(1, shop::now() - Duration::from_mins(1));
    let first = spans[0].clone();
    let child = |number: u64| Span {
        span_id: shop::span_id(1, number),
        parent_id: Some(first.span_id),
        kind: SpanKind::Internal,
        name: "step".into(),
        attributes: Attributes::default(),
        start: first.start + Duration::from_micros(number),
        end: first.start + Duration::from_micros(number + 1),
        ..first.clone()
    };
    // Of so many, one answer has but the last ones.
    spans.extend((1_000..1_500 + store::SPANS_MAX as u64).map(child));
    let count = spans.len();
    engine.accept(spans).expect("there is room");
    engine.wait_until("the request", |_| engine.requests() == 1);
    let of_all = RequestFilter {
        window: last_hour(),
        service: Some("shop".into()),
        operation: None,
        duration_min: None,
        failed: None,
    };
    let sample =
        |limits| sampled_traces(&of_all, 10, engine.live.store(), &limits).expect("it is read");
    let whole = sample(Limits::default());
    assert_eq!((whole.traces.len(), whole.is_cut), (1, false));
    let spans = &whole.traces[&shop::trace_id(1)];
    assert_eq!(spans.len(), count);
    assert!(spans.iter().any(|span| span.span_id == first.span_id), "its begin is there");
    // The time is that of all that is read.
    let none = sample(Limits { time: Duration::ZERO, ..Limits::default() });
    assert_eq!((none.traces.len(), none.is_cut), (0, true));
    assert_eq!(none.coverage.reached, Some(store::Limit::Time));
    engine.stop();
}

#[test]
fn who_is_asked_seldom_is_on_the_map_without_figures() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::start(folder.path());
    let begin = shop::now() - Duration::from_mins(30);
    let template = shop::orders(0, begin).swap_remove(0);
    let request = |trace: u64, number: u64, service: &str| Span {
        trace_id: shop::trace_id(trace),
        span_id: shop::span_id(trace, number),
        parent_id: None,
        start: begin + Duration::from_millis(100 * trace),
        end: begin + Duration::from_millis(100 * trace + 20),
        resource: Arc::new(Resource {
            attributes: attributes(&[("service.name", service)]),
            ..Resource::default()
        }),
        ..template.clone()
    };
    // More than are sampled; the seldom one lies at the very begin, between two stretches of the sample.
    let mut spans: Vec<Span> = (0..4_000).map(|trace| request(trace, 0, "shop")).collect();
    let asks = Span {
        kind: SpanKind::Client,
        parent_id: Some(shop::span_id(1, 0)),
        ..request(1, 1, "shop")
    };
    let answers = Span { parent_id: Some(asks.span_id), ..request(1, 2, "archive") };
    spans.extend([asks, answers]);
    engine.accept(spans).expect("there is room");
    engine.wait_until("all requests", |_| engine.requests() == 4_001);
    let map = service_map("", last_hour(), engine.live.store(), &Limits::default()).unwrap();
    assert!((350..=400).contains(&map.traces), "{}", map.traces);
    assert_eq!(map.edges.services.keys().collect::<Vec<_>>(), ["shop"]);
    assert_eq!(map.edges.services["shop"].calls, map.traces, "the one that was looked for apart");
    assert_eq!(map.seldom.services.keys().collect::<Vec<_>>(), ["archive"]);
    let seldom: Vec<_> = map.seldom.calls.keys().map(|(from, to)| (&**from, &*to.name)).collect();
    assert_eq!(seldom, [("shop", "archive")]);
    engine.stop();
}

#[test]
fn a_call_that_another_service_answers_leads_to_that_service() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::start(folder.path());
    let mut spans = shop::orders(1, shop::now() - Duration::from_mins(1));
    let call = |number: u64, url: &str| Span {
        span_id: shop::span_id(1, number),
        parent_id: Some(shop::span_id(1, 0)),
        kind: SpanKind::Client,
        name: "GET".into(),
        attributes: attributes(&[("http.request.method", "GET"), ("url.full", url)]),
        ..spans[0].clone()
    };
    let asked = call(900, "http://billing.local/bills/7");
    let away = call(902, "https://pay.example.com/charge");
    let billing = attributes(&[("service.name", "billing")]);
    let answered = Span {
        span_id: shop::span_id(1, 901),
        parent_id: Some(asked.span_id),
        name: "GET /bills/{id}".into(),
        resource: Arc::new(Resource { attributes: billing, ..Resource::default() }),
        ..spans[0].clone()
    };
    spans.extend([asked, answered, away]);
    engine.accept(spans).expect("there is room");
    let map = service_map("", last_hour(), engine.live.store(), &Limits::default()).unwrap();
    let called: Vec<(PeerKind, &str)> =
        map.edges.calls.keys().map(|(_, peer)| (peer.kind, peer.name.as_str())).collect();
    assert_eq!(
        called,
        [
            (PeerKind::Service, "billing"),
            (PeerKind::Database, "postgresql"),
            (PeerKind::Remote, "pay.example.com"),
        ]
    );
    assert_eq!(map.edges.services.keys().collect::<Vec<_>>(), ["billing", "shop"]);
    engine.stop();
}
