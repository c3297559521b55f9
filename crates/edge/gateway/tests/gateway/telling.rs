//! What is told of requests: `Server-Timing`, trace headers, spans, the access log.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use model::{Span, SpanKind, StatusCode};
use serde_json::Value;
use traffic::{
    cache::CacheRule,
    forward::Network,
    hedge::HedgeRule,
    plan::{Member, PathRule, Plan, Route, Service},
    telling::{AccessLog, Parents, SpanRule, Timing},
};

use crate::kit::{
    ACTIVE, Origin, Path, Reply, ask, cached, counting, eventually, get, get_with, ok, plan, start,
    status,
};

/// A collector that keeps what it is sent.
struct Collector {
    origin: Origin,
    spans: Arc<Mutex<Vec<Span>>>,
}

impl Collector {
    fn start() -> Self {
        let spans: Arc<Mutex<Vec<Span>>> = Arc::default();
        Self { origin: collecting(Arc::clone(&spans)), spans }
    }

    fn rule(&self) -> SpanRule {
        SpanRule {
            endpoint: format!("http://{}/v1/traces", self.origin.address),
            header: None,
            service: "edge".to_owned(),
            share: 1.0,
            parents: Parents::Anyone,
        }
    }

    /// Waits for so many spans.
    fn spans(&self, count: usize) -> Vec<Span> {
        eventually("spans", || count <= self.spans.lock().expect("no panic").len());
        self.spans.lock().expect("no panic").clone()
    }
}

/// A server that reads OTLP: bodies are bytes, not text, so it is one of its own.
fn collecting(spans: Arc<Mutex<Vec<Span>>>) -> Origin {
    Origin::start_bytes(move |body| {
        let read = observe::otlp::decode(body).expect("OTLP");
        spans.lock().expect("no panic").extend(read.spans);
        ok("")
    })
}

fn telling(plan: &mut Plan, collector: &Collector) {
    plan.telling.spans = Some(collector.rule());
}

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// The value of a header of a request that a member saw.
fn seen(origin: &Origin, name: &str) -> Option<String> {
    let request = origin.seen().pop()?;
    request.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
    })
}

#[test]
fn the_time_of_each_phase_is_told_beside_what_the_member_says() {
    let origin = Origin::start(|_| {
        Reply::Send(
            b"HTTP/1.1 200 OK\r\nserver-timing: db;dur=5\r\ncontent-length: 0\r\n\r\n".to_vec(),
        )
    });
    let mut plan = plan(&[origin.address]);
    plan.telling.server_timing = Timing::Trusted;
    let gateway = start(plan);
    let answer = get(gateway.address, "/").to_lowercase();
    let lines: Vec<&str> =
        answer.lines().filter(|line| line.starts_with("server-timing:")).collect();
    assert_eq!(lines.len(), 2, "{answer}");
    assert_eq!(lines[0], "server-timing: db;dur=5");
    for phase in ["connect;dur=", "upstream;dur=", "gateway;dur="] {
        assert!(lines[1].contains(phase), "{answer}");
    }
    let again = ask(
        gateway.address,
        "GET / HTTP/1.1\r\nhost: a\r\n\r\nGET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
    );
    assert!(again.to_lowercase().contains("queue;dur="), "{again}");
}

#[test]
fn the_time_in_the_cache_is_told_whichever_way_it_goes() {
    // Who wants to know what was decided goes the longer way.
    for line in ["", "taut-explain: 1\r\n"] {
        let origin = counting("cache-control: max-age=60\r\n");
        let mut plan = cached(CacheRule::default(), &origin);
        plan.telling.server_timing = Timing::Trusted;
        let gateway = start(plan);
        get_with(gateway.address, "/", line);
        let hit = get_with(gateway.address, "/", line).to_lowercase();
        assert!(hit.ends_with("answer 0"), "{hit}");
        let told = hit.lines().find(|line| line.starts_with("server-timing:")).expect("it is told");
        assert!(told.contains("cache;dur=") && !told.contains("upstream"), "{told}");
    }
}

#[test]
fn a_request_is_a_span_and_so_is_each_attempt() {
    let failing =
        Origin::start(|_| Reply::Send(b"HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n".to_vec()));
    let well = Origin::start(|_| ok("fine"));
    let collector = Collector::start();
    let mut plan = plan(&[failing.address, well.address]);
    telling(&mut plan, &collector);
    let gateway = start(plan);
    let request = format!(
        "GET /a?secret=1 HTTP/1.1\r\nhost: shop:80\r\ntraceparent: {PARENT}\r\ntracestate: x=y\r\n\
         user-agent: test\r\nconnection: close\r\n\r\n"
    );
    while failing.seen().is_empty() {
        assert_eq!(status(&ask(gateway.address, &request)), "200");
    }
    let told = seen(&well, "traceparent").expect("the member is told");
    assert_eq!(seen(&well, "tracestate").as_deref(), Some("x=y"));
    gateway.stop();
    let spans = collector.spans.lock().expect("no panic").clone();
    let server = spans.iter().rfind(|span| span.kind == SpanKind::Server).expect("a span");
    assert_eq!(server.service(), "edge");
    assert_eq!(server.trace_id.to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!(server.parent_id.expect("a parent").to_string(), "00f067aa0ba902b7");
    assert_eq!(&*server.name, "GET all");
    for (key, value) in [
        ("http.request.method", "GET"),
        ("url.path", "/a"),
        ("http.route", "all"),
        ("server.address", "shop"),
        ("user_agent.original", "test"),
        ("client.address", "127.0.0.1"),
    ] {
        assert_eq!(server.attributes.text(key), Some(value), "{key}");
    }
    assert_eq!(server.attributes.int("http.response.status_code"), Some(200));
    let attempts: Vec<&Span> =
        spans.iter().filter(|span| span.parent_id == Some(server.span_id)).collect();
    assert_eq!(attempts.len(), 2);
    assert_eq!(attempts[0].attributes.int("http.response.status_code"), Some(503));
    assert_eq!(attempts[0].status.code, StatusCode::Error);
    assert_eq!(attempts[1].attributes.int("http.request.resend_count"), Some(1));
    assert!(told.contains(&attempts[1].span_id.to_string()), "{told}");
    assert!(server.start <= attempts[0].start && attempts[1].end <= server.end);
}

/// A member that thinks for a while, answers, and has the body somewhat later.
fn thinking() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    // It ends with the test's process.
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _asked = stream.read(&mut [0; 1024]);
            thread::sleep(Duration::from_millis(200));
            let _head = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n");
            thread::sleep(Duration::from_millis(600));
            let _body = stream.write_all(b"first");
        }
    });
    address
}

#[test]
fn of_two_members_that_were_asked_the_one_that_answered_is_told() {
    let first = thinking();
    let second = Origin::start(|_| Reply::Hang);
    let collector = Collector::start();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("access.log");
    let mut plan = plan(&[first, second.address]);
    plan.routes[0].hedge = Some(HedgeRule::After(Duration::from_millis(30)));
    plan.routes[0].paths = vec![PathRule::parse("/shop/*").expect("a path")];
    plan.routes[0].rewrite = Some("/".to_owned());
    // Whoever is first is asked first.
    plan.services[0].members[0].weight = 1_000;
    plan.telling.access_log = Some(AccessLog::File(file.clone()));
    telling(&mut plan, &collector);
    let gateway = start(plan);
    assert!(get(gateway.address, "/shop/a").ends_with("first"));
    gateway.stop();
    let line: Value =
        serde_json::from_str(&fs::read_to_string(&file).expect("a file")).expect("JSON");
    assert_eq!(line["member"], first.to_string(), "{line}");
    assert!(150.0 < line["answered_ms"].as_f64().expect("a number"), "{line}");
    assert_eq!(line["attempts"], 2);
    let spans = collector.spans.lock().expect("no panic").clone();
    let of = |address: SocketAddr| {
        let url = format!("http://{address}/a");
        let found =
            spans.iter().find(|span| span.attributes.text("url.full") == Some(url.as_str()));
        found.unwrap_or_else(|| panic!("{url} of {spans:?}"))
    };
    let (won, lost) = (of(first), of(second.address));
    assert_eq!(won.attributes.int("http.response.status_code"), Some(200));
    // It was given up, which is no failure of anybody's, and took until then: not until the other one's body had come.
    assert_eq!(lost.status.code, StatusCode::Unset);
    assert!(Duration::from_millis(100) < lost.end.since(lost.start), "{lost:?}");
    let server = spans.iter().find(|span| span.kind == SpanKind::Server).expect("one of its own");
    assert!(Duration::from_millis(300) < server.end.since(lost.end), "{server:?} {lost:?}");
}

#[test]
fn what_was_tried_again_more_than_once_is_one_attribute() {
    let failing =
        || Origin::start(|_| Reply::Send(b"HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n".to_vec()));
    let members = [failing(), failing(), failing()];
    let collector = Collector::start();
    let mut plan = plan(&members.each_ref().map(|member| member.address));
    plan.services[0].retries.max = 2;
    telling(&mut plan, &collector);
    let gateway = start(plan);
    assert_eq!(status(&get(gateway.address, "/")), "503");
    gateway.stop();
    let spans = collector.spans.lock().expect("no panic").clone();
    let server = spans.iter().find(|span| span.kind == SpanKind::Server).expect("a span");
    let told: Vec<_> =
        server.attributes.0.iter().filter(|(key, _)| &**key == "taut.retried").collect();
    assert_eq!(told.len(), 1, "{told:?}");
    let text = server.attributes.text("taut.retried").expect("it is told");
    assert_eq!(text.matches("answered 503").count(), 2, "{text}");
}

#[test]
fn a_trace_begins_here_where_none_came() {
    let origin = Origin::start(|_| ok(""));
    let collector = Collector::start();
    let mut plan = plan(&[origin.address]);
    telling(&mut plan, &collector);
    let gateway = start(plan);
    for wrong in ["", "traceparent: nonsense\r\ntracestate: x=y\r\n"] {
        let request = format!("GET / HTTP/1.1\r\nhost: a\r\n{wrong}connection: close\r\n\r\n");
        assert_eq!(status(&ask(gateway.address, &request)), "200");
        let told = seen(&origin, "traceparent").expect("the member is told");
        assert!(told.starts_with("00-") && told.ends_with("-03"), "{told}");
        assert_eq!(seen(&origin, "tracestate"), None);
    }
    let spans = collector.spans(4);
    assert!(
        spans
            .iter()
            .filter(|span| span.kind == SpanKind::Server)
            .all(|span| span.parent_id.is_none())
    );
}

#[test]
fn who_does_not_keep_its_span_is_heeded() {
    let origin = Origin::start(|_| ok(""));
    let collector = Collector::start();
    let mut plan = plan(&[origin.address]);
    telling(&mut plan, &collector);
    let gateway = start(plan);
    let unsampled = PARENT.replace("-01", "-00");
    let request = format!(
        "GET / HTTP/1.1\r\nhost: a\r\ntraceparent: {unsampled}\r\nconnection: close\r\n\r\n"
    );
    assert_eq!(status(&ask(gateway.address, &request)), "200");
    assert_eq!(seen(&origin, "traceparent"), Some(unsampled));
    gateway.stop();
    assert!(collector.spans.lock().expect("no panic").is_empty());
}

#[test]
fn without_spans_trace_headers_pass_as_they_are() {
    let origin = Origin::start(|_| ok(""));
    let gateway = start(plan(&[origin.address]));
    let request =
        "GET / HTTP/1.1\r\nhost: a\r\ntraceparent: 1\r\ntracestate: x\r\nconnection: close\r\n\r\n";
    assert_eq!(status(&ask(gateway.address, request)), "200");
    assert_eq!(seen(&origin, "traceparent").as_deref(), Some("1"));
}

#[test]
fn spans_that_nobody_takes_are_counted_and_slow_nothing() {
    let origin = Origin::start(|_| ok(""));
    let mut plan = plan(&[origin.address]);
    let collector = Collector::start();
    // Nothing listens there.
    let mut rule = collector.rule();
    rule.endpoint = "http://127.0.0.1:9/v1/traces".to_owned();
    plan.telling.spans = Some(rule);
    let gateway = start(plan);
    assert_eq!(status(&get(gateway.address, "/")), "200");
    eventually("a count", || {
        gateway.page("/metrics").contains("taut_gateway_spans_total{outcome=\"failed\"} 2\n")
    });
}

#[test]
fn every_request_is_a_line_of_json_and_the_file_can_be_moved_away() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("access.log");
    let origin = Origin::start(|_| ok("hello"));
    let mut plan = plan(&[origin.address]);
    plan.telling.access_log = Some(AccessLog::File(file.clone()));
    let gateway = start(plan.clone());
    let request = format!(
        "GET /a?secret=1 HTTP/1.1\r\nhost: shop\r\ntraceparent: {PARENT}\r\nreferer: \"x\"\r\nconnection: close\r\n\r\n"
    );
    assert_eq!(status(&ask(gateway.address, &request)), "200");
    let lines = || -> Vec<Value> {
        let text = fs::read_to_string(&file).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    };
    eventually("a line", || lines().len() == 1);
    let line = lines().remove(0);
    assert_eq!(line["trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!(line["path"], "/a");
    assert_eq!(line["route"], "all");
    assert_eq!((&line["status"], &line["bytes"]), (&Value::from(200), &Value::from(5)));
    assert_eq!(line["member"], origin.address.to_string());
    assert_eq!(line["referer"], "\"x\"");
    assert!(line["took_ms"].as_f64().expect("a number") > 0.0);
    fs::rename(&file, folder.path().join("old.log")).expect("it is there");
    gateway.gateway().replace(plan).unwrap();
    eventually("a new file", || {
        assert_eq!(status(&get(gateway.address, "/nowhere")), "200");
        file.exists() && !lines().is_empty()
    });
    gateway.stop();
    assert!(lines().iter().all(|line| line["path"] == "/nowhere"));
}

#[test]
fn what_the_gateway_itself_answers_is_told_as_well() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("access.log");
    let mut plan = plan(&["127.0.0.1:9".parse().expect("an address")]);
    plan.telling.access_log = Some(AccessLog::File(file.clone()));
    let gateway = start(plan);
    assert_eq!(status(&get(gateway.address, "/")), "502");
    gateway.stop();
    let line: Value =
        serde_json::from_str(&fs::read_to_string(&file).expect("a file")).expect("JSON");
    assert_eq!((&line["refused"], &line["status"]), (&"member-failed".into(), &502.into()));
}

#[test]
fn durations_of_a_route_are_told_lately() {
    let origin = Origin::start(|_| ok(""));
    let gateway = start(plan(&[origin.address]));
    for _ in 0..3 {
        assert_eq!(status(&get(gateway.address, "/")), "200");
    }
    let name = "taut_gateway_request_duration_seconds";
    eventually("counts", || gateway.metric(&format!("{name}_count{{http_route=\"all\"}}")) >= 3.0);
    assert!(gateway.metric(&format!("{name}{{http_route=\"all\",quantile=\"0.99\"}}")) > 0.0);
    let routes: Value =
        serde_json::from_str(crate::admin::body(&gateway.page("/routes"))).expect("JSON");
    assert_eq!(routes["routes"][0]["name"], "all");
    assert!(routes["routes"][0]["duration_ms"]["p999"].as_f64().expect("a number") > 0.0);
}

#[test]
fn requests_that_are_being_answered_are_told_by_method_and_scheme() {
    let (go_on, told) = (Arc::<AtomicBool>::default(), Arc::<AtomicBool>::default());
    let (may, waits) = (Arc::clone(&go_on), Arc::clone(&told));
    let origin = Origin::start(move |_| {
        waits.store(true, Ordering::Relaxed);
        while !may.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(5));
        }
        ok("")
    });
    let gateway = start(plan(&[origin.address]));
    let address = gateway.address;
    let asking = thread::spawn(move || get(address, "/"));
    eventually("it is asked", || told.load(Ordering::Relaxed));
    assert!((gateway.metric(ACTIVE) - 1.0).abs() < 1e-9, "{}", gateway.page("/metrics"));
    assert!(gateway.metric(&ACTIVE.replace("GET", "POST")).abs() < 1e-9);
    assert!(
        gateway.page("/metrics").contains("{http_request_method=\"GET\",url_scheme=\"https\"} 0\n")
    );
    go_on.store(true, Ordering::Relaxed);
    assert_eq!(status(&asking.join().unwrap()), "200");
    eventually("the end", || gateway.metric(ACTIVE) < 0.5);
}

const FAILED: &str = "url_scheme=\"http\",error_type=\"member-failed\"";

#[test]
fn requests_are_counted_under_what_the_semantic_conventions_require() {
    let origin = Origin::start(|request| {
        if request.starts_with("GET /app/sick") {
            return Reply::Send(b"HTTP/1.1 500 Sick\r\ncontent-length: 0\r\n\r\n".to_vec());
        }
        ok("")
    });
    for path in Path::BOTH {
        let mut plan = plan(&[origin.address]);
        plan.trusted = vec![Network::parse("127.0.0.0/8").expect("a network")];
        plan.routes[0].paths = vec![PathRule::parse("/app/*").expect("a path")];
        plan.services.push(Service::new("none", vec![Member::new("127.0.0.1:9")]));
        plan.routes.push(Route {
            paths: vec![PathRule::parse("/none").expect("a path")],
            ..Route::to("none", 1)
        });
        let gateway = start(plan);
        let before = "x-forwarded-proto: https\r\n";
        for (target, headers, answer, route, rest) in [
            ("/app/", "", "200", "http_route=\"all\",", "url_scheme=\"http\""),
            ("/app/", before, "200", "http_route=\"all\",", "url_scheme=\"https\""),
            (
                "/app/sick",
                "",
                "500",
                "http_route=\"all\",",
                "url_scheme=\"http\",error_type=\"500\"",
            ),
            ("/nowhere", "", "404", "", "url_scheme=\"http\""),
            ("/none", "", "502", "http_route=\"none\",", FAILED),
        ] {
            let headers = format!("{headers}{}", path.line());
            let told = get_with(gateway.address, target, &headers);
            assert_eq!(status(&told), answer, "{path:?} {target}");
            let line = format!(
                "http_server_request_duration_seconds_count{{{route}http_request_method=\"GET\",\
                 http_response_status_code=\"{answer}\",{rest}}}"
            );
            eventually(&line, || (gateway.metric(&line) - 1.0).abs() < 1e-9);
        }
    }
}

#[test]
fn a_file_that_browsers_may_not_keep_becomes_a_finding() {
    let origin = Origin::start(|_| ok("body {}"));
    let collector = Collector::start();
    let mut plan = plan(&[origin.address]);
    plan.routes[0].name = "app/static/*".to_owned();
    telling(&mut plan, &collector);
    let gateway = start(plan);
    assert_eq!(status(&get(gateway.address, "/static/app.css?v=1")), "200");
    let spans = collector.spans(2);
    let mut statements = sql::Statements::default();
    let trace = observe::assemble_spans(spans[0].trace_id, &spans, &mut statements);
    let view = find::RequestView::new(&trace, trace.entries[0]);
    let found = find::sightings(&view, &find::Settings::default());
    let found = found.iter().find(|sighting| sighting.fault == "unkept-asset").expect("a finding");
    assert_eq!(found.evidence.endpoint.as_deref(), Some("GET /static/app.css"));
    assert!(found.evidence.excerpt[0].starts_with("/static/app.css, 7 bytes: "), "{found:?}");
}
