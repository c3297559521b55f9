//! Questions of one's own over the real engine and store, asked as a browser asks.

use std::{error::Error, sync::Arc, time::Duration};

use model::{
    Attributes, LogRecord, Metric, MetricKind, Moment, Number, Point, Resource, Scope, Severity,
    Span, SpanKind, Status, StatusCode, Text, TraceId, Value,
};
use receive::{Received, ReceivedItems, Sink as _};
use serde_json::{Value as Json, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

fn now() -> Moment {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Moment { nanos: u64::try_from(since.unwrap_or_default().as_nanos()).unwrap_or(u64::MAX) }
}

fn attributes(pairs: &[(&str, &str)]) -> Attributes {
    let pair = |(key, value): &(&str, &str)| (Text::from(*key), Value::Text(Text::from(*value)));
    Attributes(pairs.iter().map(pair).collect())
}

fn resource() -> Arc<Resource> {
    let attributes = attributes(&[("service.name", "shop"), ("host.name", "box")]);
    Arc::new(Resource { attributes, ..Resource::default() })
}

/// A request that took so long; those of the plan `enterprise` fail.
fn span(number: u8, millis: u64, plan: &str) -> Span {
    let start = now() - Duration::from_mins(2);
    let code = if plan == "enterprise" { StatusCode::Error } else { StatusCode::Unset };
    Span {
        trace_id: TraceId([number; 16]),
        span_id: model::SpanId([number; 8]),
        parent_id: None,
        trace_state: Text::default(),
        flags: 0,
        name: "GET /report".into(),
        kind: SpanKind::Server,
        start,
        end: start + Duration::from_millis(millis),
        attributes: attributes(&[("app.plan", plan), ("http.route", "/report")]),
        dropped_attributes_count: 0,
        events: Vec::new(),
        dropped_events_count: 0,
        links: Vec::new(),
        dropped_links_count: 0,
        status: Status { code, message: Text::default() },
        resource: resource(),
        scope: Arc::new(Scope::default()),
    }
}

fn record(number: u8, severity: u32, body: &str) -> LogRecord {
    LogRecord {
        time: now() - Duration::from_mins(2),
        observed: Moment::default(),
        severity: Severity(severity),
        severity_text: Text::default(),
        body: Value::Text(body.into()),
        attributes: Attributes::default(),
        dropped_attributes_count: 0,
        flags: 0,
        trace_id: Some(TraceId([number; 16])),
        span_id: Some(model::SpanId([number; 8])),
        event_name: Text::default(),
        resource: resource(),
        scope: Arc::new(Scope::default()),
    }
}

fn load() -> Metric {
    Metric {
        name: "system.cpu.load_average.1m".into(),
        description: Text::default(),
        unit: Text::default(),
        metadata: Attributes::default(),
        kind: MetricKind::Gauge,
        points: vec![Point {
            attributes: Attributes::default(),
            start: Moment::default(),
            time: now() - Duration::from_mins(2),
            flags: 0,
            measured: model::Measured::Number(Number::Double(1.5)),
            exemplars: Vec::new(),
        }],
        resource: resource(),
        scope: Arc::new(Scope::default()),
    }
}

/// A server over a store with ten requests, two of them slow and failed, and what was logged and measured meanwhile.
async fn server(folder: &std::path::Path) -> Result<std::net::SocketAddr> {
    Ok(server_and_engine(folder).await?.0)
}

async fn server_and_engine(
    folder: &std::path::Path,
) -> Result<(std::net::SocketAddr, Arc<engine::Live>)> {
    let (store, _) = store::Folder::open(folder, store::Options::default())?;
    let settings = config::Settings::load(&config::Sources::default())?;
    let live = engine::Live::new(Arc::new(store), settings)?;
    let slow = (8..10).map(|number| span(number, 2_000, "enterprise"));
    let spans: Vec<Span> = (0..8).map(|number| span(number + 20, 10, "free")).chain(slow).collect();
    live.accept(Received { spans, otlp: None, received: now() }).map_err(|it| format!("{it:?}"))?;
    let logs = vec![record(8, 17, "too large"), record(9, 9, "rendering <script>")];
    let logs = ReceivedItems { items: logs, otlp: None, received: now() };
    live.logs().ok_or("logs are off")?.keep(logs).map_err(|it| format!("{it:?}"))?;
    let metrics = ReceivedItems { items: vec![load()], otlp: None, received: now() };
    live.metrics().ok_or("metrics are off")?.keep(metrics).map_err(|it| format!("{it:?}"))?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let source: Arc<dyn web::Source> = Arc::clone(&live) as Arc<dyn web::Source>;
    tokio::spawn(web::serve(listener, source, web::Setup::default(), std::future::pending()));
    Ok((address, live))
}

async fn get(address: std::net::SocketAddr, path: &str) -> Result<(u16, Json)> {
    let mut stream = TcpStream::connect(address).await?;
    let request =
        format!("GET /api/v1/{path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or("no end of the headers")?;
    let status = head.split(' ').nth(1).ok_or("no status")?.parse()?;
    Ok((status, serde_json::from_str(body)?))
}

#[tokio::test]
async fn groups_are_counted_measured_and_say_what_they_rest_on() -> Result {
    let folder = tempfile::tempdir()?;
    let server = server(folder.path()).await?;
    let (status, answer) =
        get(server, "ask?group=app.plan&show=count,error_rate,max(duration)&step=10m").await?;
    assert_eq!(status, 200, "{answer}");
    let rows: Vec<(&Json, &Json)> = answer["rows"]
        .as_array()
        .ok_or("no rows")?
        .iter()
        .map(|row| (&row["key"], &row["figures"]))
        .collect();
    assert_eq!(
        rows,
        [
            (&json!(["free"]), &json!([8.0, 0.0, 10_000.0])),
            (&json!(["enterprise"]), &json!([2.0, 1.0, 2_000_000.0])),
        ]
    );
    assert_eq!(answer["rows"][0]["steps"].as_array().map(Vec::len), Some(1));
    assert_eq!(answer["coverage"]["rows_read"], 10);
    assert_eq!(answer["coverage"]["whole"], true);
    Ok(())
}

#[tokio::test]
async fn what_is_wrong_is_named_with_what_would_be_right() -> Result {
    let folder = tempfile::tempdir()?;
    let server = server(folder.path()).await?;
    for (path, detail) in [
        ("ask?where=duration%20%3E%20fast", "`where`: `fast` is no duration"),
        ("ask?of=cats", "`of`: nothing is kept as `cats`"),
        ("ask?show=cats", "`show`: `cats` is no figure"),
        ("ask?step=1s&last=7d", "`step`: a window of 604800 steps has more than 1000"),
        ("ask?limit=0", "`limit`: 0 is not within 1 to 1000"),
        ("heatmap?columns=9999", "`columns`: 9999 is not within 1 to 400"),
        ("heatmap?field=name", "`field`: `name` is no whole number"),
        ("compare?selection=%28", "`selection`: it ends where"),
        ("compare", "`selection`: nothing says what"),
        ("compare?selected_from=2&selected_to=1", "`selected_from` has to come before"),
        ("spans?order=cats", "`order`: `cats` is no order"),
        ("logs?where=a%20b", "`where`: `b` stands where"),
        ("service-map?where=%3D", "`where`: `=` stands where"),
    ] {
        let (status, answer) = get(server, path).await?;
        assert_eq!(status, 400, "{path}: {answer}");
        let told = answer["detail"].as_str().unwrap_or_default();
        assert!(told.starts_with(detail), "{path}: {told}");
        assert!(!answer["hint"].as_str().unwrap_or_default().is_empty(), "{path}");
    }
    let (status, answer) = get(server, "ask?wher=x").await?;
    assert_eq!(status, 400, "{answer}");
    Ok(())
}

#[tokio::test]
async fn the_slow_ones_are_told_apart_from_the_others() -> Result {
    let folder = tempfile::tempdir()?;
    let server = server(folder.path()).await?;
    let (_, answer) = get(server, "compare?selection=duration%20%3E%201s").await?;
    assert_eq!((&answer["selected"], &answer["others"]), (&json!(2), &json!(8)));
    let telling: Vec<&str> = answer["fields"]
        .as_array()
        .ok_or("no fields")?
        .iter()
        .filter_map(|field| field["field"].as_str())
        .collect();
    assert!(telling.contains(&"app.plan") && telling.contains(&"status"), "{telling:?}");
    assert!(!telling.contains(&"http.route"), "{telling:?}");
    // The same by when they came: nothing came in the last minute.
    let at = |ago: u64| (now() - Duration::from_secs(ago)).nanos / 1_000_000;
    let recent = format!("compare?selected_from={}&selected_to={}", at(60), at(0));
    assert_eq!(get(server, &recent).await?.1["selected"], 0);
    let all = format!(
        "compare?selected_from={}&selected_to={}&selection=duration%20%3E%201s",
        at(600),
        at(0)
    );
    assert_eq!(get(server, &all).await?.1["selected"], 2);
    let (_, map) = get(server, "heatmap?columns=1").await?;
    let counts = map["columns"][0]["counts"].as_array().ok_or("no column")?;
    assert_eq!(counts.iter().filter_map(Json::as_u64).sum::<u64>(), 10);
    assert_eq!(map["edges"].as_array().map(Vec::len), Some(counts.len() + 1));
    Ok(())
}

#[tokio::test]
async fn spans_are_listed_slowest_first_or_as_a_sample() -> Result {
    let folder = tempfile::tempdir()?;
    let server = server(folder.path()).await?;
    let (_, slowest) = get(server, "spans?limit=3").await?;
    let times: Vec<_> = slowest["spans"]
        .as_array()
        .ok_or("none")?
        .iter()
        .map(|it| &it["duration_micros"])
        .collect();
    assert_eq!(times, [&json!(2e6), &json!(2e6), &json!(1e4)]);
    let (_, sampled) = get(server, "spans?order=sampled&limit=4").await?;
    assert_eq!(sampled["spans"].as_array().map(Vec::len), Some(4));
    let (_, again) = get(server, "spans?order=sampled&limit=4").await?;
    assert_eq!(sampled["spans"], again["spans"], "the same sample each time");
    Ok(())
}

#[tokio::test]
async fn log_records_come_with_their_trace_and_by_filters() -> Result {
    let folder = tempfile::tempdir()?;
    let server = server(folder.path()).await?;
    let (_, of_trace) = get(server, &format!("traces/{}/logs", "08".repeat(16))).await?;
    let log = &of_trace["logs"][0];
    assert_eq!((&log["body"], &log["severity"]), (&json!("too large"), &json!("error")));
    assert_eq!(log["span_id"], "08".repeat(8));
    let (_, none) = get(server, &format!("traces/{}/logs", "77".repeat(16))).await?;
    assert_eq!(none["logs"], json!([]));
    let (_, found) = get(server, "logs?where=body%20contains%20%22%3Cscript%3E%22").await?;
    assert_eq!(found["logs"].as_array().map(Vec::len), Some(1));
    assert_eq!(found["logs"][0]["body"], "rendering <script>");
    Ok(())
}

#[tokio::test]
async fn a_log_record_is_in_the_same_question_a_moment_later() -> Result {
    let folder = tempfile::tempdir()?;
    let (server, live) = server_and_engine(folder.path()).await?;
    // Asked of a day, so that its window is the same for minutes.
    let count = async || Ok::<Json, Box<dyn Error>>(get(server, "ask?of=logs&last=24h").await?.1);
    let before = count().await?["rows"][0]["figures"][0].clone();
    assert_eq!(before, json!(2.0));
    let logs = ReceivedItems { items: vec![record(9, 9, "more")], otlp: None, received: now() };
    live.logs().ok_or("logs are off")?.keep(logs).map_err(|it| format!("{it:?}"))?;
    // For some seconds, as long as it takes to work it out twenty times, the old one is as good as new.
    let mut after = before;
    for _ in 0..300 {
        after = count().await?["rows"][0]["figures"][0].clone();
        if after == json!(3.0) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(after, json!(3.0));
    Ok(())
}

#[tokio::test]
async fn the_system_is_told_as_a_map_and_by_its_resources() -> Result {
    let folder = tempfile::tempdir()?;
    let server = server(folder.path()).await?;
    let (_, map) = get(server, "service-map").await?;
    assert_eq!((&map["traces"], &map["traces_in_all"]), (&json!(10), &json!(10)));
    assert_eq!(map["nodes"][0]["name"], "shop");
    assert_eq!(map["nodes"][0]["requests"]["error_share"], 0.2);
    assert_eq!(map["nodes"][0]["requests"]["critical_share"], 1.0);
    let (_, resources) = get(server, "resources").await?;
    let series = &resources["series"][0];
    assert_eq!((&series["resource"], &series["instance"]), (&json!("cpu"), &json!("box")));
    assert_eq!(resources["metrics"][0]["name"], "system.cpu.load_average.1m");
    // A load average is a share of nothing.
    let (_, saturation) = get(server, "saturation").await?;
    assert_eq!((&saturation["services"], &saturation["fullest"]), (&json!([]), &Json::Null));
    let (_, fields) = get(server, "fields").await?;
    let fields = fields["fields"].as_array().ok_or("no fields")?;
    for name in ["service.name", "duration", "app.plan", "host.name"] {
        assert!(fields.contains(&json!(name)), "{name}: {fields:?}");
    }
    Ok(())
}

#[tokio::test]
async fn how_full_a_service_is_is_told_with_its_metric() -> Result {
    let folder = tempfile::tempdir()?;
    let (server, live) = server_and_engine(folder.path()).await?;
    let mut host = Metric { name: "system.cpu.utilization".into(), ..load() };
    // The host of the requests, as a collector tells of it: without a service.
    let attributes = attributes(&[("host.name", "box")]);
    host.resource = Arc::new(Resource { attributes, ..Resource::default() });
    for point in &mut host.points {
        point.measured = model::Measured::Number(Number::Double(0.875));
    }
    let metrics = ReceivedItems { items: vec![host], otlp: None, received: now() };
    live.metrics().ok_or("metrics are off")?.keep(metrics).map_err(|it| format!("{it:?}"))?;
    let (status, saturation) = get(server, "saturation?last=1h").await?;
    assert_eq!(status, 200, "{saturation}");
    let of_shop = |it: &&Json| it["service"] == "shop";
    let services = saturation["services"].as_array().ok_or("no services")?;
    let shop = services.iter().find(of_shop).ok_or_else(|| saturation.to_string())?;
    let level = json!({
        "resource": "cpu", "of": "host", "instance": "box", "metric": "system.cpu.utilization",
        "words": "CPU in use", "unit": "share", "value": 0.875,
    });
    assert_eq!((&shop["fullest"], &shop["waiting"]), (&level, &Json::Null));
    assert_eq!(saturation["fullest"], level);
    let looked_at = |side: &str| saturation["window"][side].as_u64().unwrap_or_default();
    assert_eq!(looked_at("to_unix_ms") - looked_at("from_unix_ms"), 15 * 60_000);
    let (status, _) = get(server, "saturation?last=yesterday").await?;
    assert_eq!(status, 400);
    Ok(())
}

/// The head and the body of an answer that is no JSON.
async fn file(address: std::net::SocketAddr, path: &str) -> Result<(String, Vec<u8>)> {
    let mut stream = TcpStream::connect(address).await?;
    let request =
        format!("GET /api/v1/{path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    let end = answer.windows(4).position(|it| it == b"\r\n\r\n").ok_or("no end of the headers")?;
    let body = answer.split_off(end + 4);
    Ok((String::from_utf8(answer)?.to_lowercase(), body))
}

#[tokio::test]
async fn a_folder_answers_no_statement_neither_as_rows_nor_as_a_file() -> Result {
    let folder = tempfile::tempdir()?;
    let server = server(folder.path()).await?;
    let body = "{\"sql\": \"SELECT 1\"}";
    for path in ["sql", "sql.parquet"] {
        let mut stream = TcpStream::connect(server).await?;
        let request = format!(
            "POST /api/v1/{path} HTTP/1.1\r\nHost: {server}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        assert!(answer.starts_with("HTTP/1.1 404 "), "{path}: {answer}");
        assert!(answer.contains("speaks no SQL"), "{path}: {answer}");
    }
    Ok(())
}

#[tokio::test]
async fn spans_log_records_and_groups_are_downloaded_as_parquet() -> Result {
    let folder = tempfile::tempdir()?;
    let server = server(folder.path()).await?;
    for (path, name) in [
        ("spans.parquet", "taut-spans.parquet"),
        ("spans.parquet?order=slowest&where=duration%20%3E%201s", "taut-spans.parquet"),
        ("logs.parquet?where=severity%20%3D%20error", "taut-logs.parquet"),
        ("ask.parquet?group=service.name,name&show=count,p95,rate", "taut-groups.parquet"),
        ("ask.parquet?group=name&show=error_rate&step=1m", "taut-groups.parquet"),
    ] {
        let (head, body) = file(server, path).await?;
        assert!(head.starts_with("http/1.1 200 "), "{path}: {head}");
        assert!(head.contains(name) && head.contains("vnd.apache.parquet"), "{path}: {head}");
        assert!(body.starts_with(b"PAR1") && 100 < body.len(), "{path}: {}", body.len());
    }
    for path in ["spans.parquet?order=best", "logs.parquet?order=latest", "ask.parquet?show=best"] {
        let (status, problem) = get(server, path).await?;
        assert_eq!(status, 400, "{problem}");
    }
    Ok(())
}
