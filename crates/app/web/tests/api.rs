//! The API over the real engine and store, asked as a browser asks.

use std::{
    error::Error,
    io::Read as _,
    sync::Arc,
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use model::{Moment, Span};
use receive::{Received, Sink as _};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::JoinHandle,
};
use web::Setup;

#[path = "api/flames.rs"]
mod flames;
#[path = "api/gateway.rs"]
mod gateway;
#[path = "api/ledger.rs"]
mod ledger;
#[path = "api/ready.rs"]
mod ready;
#[path = "api/token.rs"]
mod token;

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

struct Server {
    address: std::net::SocketAddr,
    live: Arc<engine::Live>,
    finder: Option<thread::JoinHandle<()>>,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<std::io::Result<()>>,
    folder: tempfile::TempDir,
}

struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

impl Server {
    async fn start() -> Result<Self> {
        Self::start_with(Setup::default()).await
    }

    async fn start_with(setup: Setup) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let (store, _) = store::Folder::open(folder.path(), store::Options::default())?;
        // Traces count as complete at once, so that nobody waits for the tests.
        let settle = ("TAUT_ENGINE_SETTLE".to_owned(), "100ms".to_owned());
        let sources = config::Sources { environment: vec![settle], ..config::Sources::default() };
        let settings = config::Settings::load(&sources)?;
        let live = engine::Live::new(Arc::new(store), settings)?;
        let finder = Some(live.start()?);
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel();
        let shutdown = async {
            stopped.await.ok();
        };
        let source: Arc<dyn web::Source> = Arc::<engine::Live>::clone(&live);
        let task = tokio::spawn(web::serve(listener, source, setup, shutdown));
        Ok(Self { address, live, finder, stop: Some(stop), task, folder })
    }

    async fn get(&self, path: &str) -> Result<Answer> {
        self.ask(path, &format!("Host: {}\r\n", self.address)).await
    }

    async fn ask(&self, path: &str, headers: &str) -> Result<Answer> {
        let mut stream = TcpStream::connect(self.address).await?;
        let request = format!("GET {path} HTTP/1.1\r\n{headers}Connection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        let (head, body) = answer.split_once("\r\n\r\n").ok_or("no end of the headers")?;
        let status = head.split(' ').nth(1).ok_or("no status")?.parse()?;
        Ok(Answer { status, head: head.to_lowercase(), body: body.to_owned() })
    }

    async fn post(&self, path: &str, body: &Value) -> Result<Answer> {
        self.post_with(path, body, "").await
    }

    /// A POST with more headers.
    async fn post_with(&self, path: &str, body: &Value, headers: &str) -> Result<Answer> {
        let (host, body) = (self.address, body.to_string());
        let mut stream = TcpStream::connect(host).await?;
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n{headers}\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        let (head, body) = answer.split_once("\r\n\r\n").ok_or("no end of the headers")?;
        let status = head.split(' ').nth(1).ok_or("no status")?.parse()?;
        Ok(Answer { status, head: head.to_lowercase(), body: body.to_owned() })
    }

    /// Keeps spans and waits until the engine has looked at them.
    async fn receive(&self, spans: Vec<Span>) -> Result {
        let mut changes = web::Source::changes(&*self.live);
        changes.mark_unchanged();
        let received = Received { spans, otlp: None, received: now() };
        self.live.accept(received).map_err(|refusal| format!("{refusal:?}"))?;
        changes.changed().await?;
        Ok(())
    }

    async fn stop(mut self) -> Result {
        self.stop.take().ok_or("stopped already")?.send(()).map_err(|()| "ended by itself")?;
        self.task.await??;
        self.live.stop();
        if let Some(finder) = self.finder.take() {
            finder.join().map_err(|_panic| "the finder panicked")?;
        }
        self.folder.close()?;
        Ok(())
    }
}

fn now() -> Moment {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Moment { nanos: u64::try_from(since.as_nanos()).unwrap_or(u64::MAX) }
}

/// A list of orders whose customers are fetched one by one.
fn orders() -> Vec<Span> {
    let start = (now() - Duration::from_mins(1)).nanos;
    let span = |id: u64, parent: &str, from: u64, to: u64, name: &str, attributes: Value| {
        json!({
            "traceId": TRACE, "spanId": format!("{id:016x}"), "parentSpanId": parent,
            "name": name, "kind": if parent.is_empty() { 2 } else { 3 },
            "startTimeUnixNano": (start + from * 1000).to_string(),
            "endTimeUnixNano": (start + to * 1000).to_string(),
            "attributes": attributes,
        })
    };
    let text = |key: &str, value: &str| json!({ "key": key, "value": { "stringValue": value } });
    let statement = |sql: &str| json!([text("db.system", "postgresql"), text("db.statement", sql)]);
    let root = format!("{:016x}", 1);
    let route = json!([text("http.method", "GET"), text("http.route", "/orders")]);
    let mut spans = vec![
        span(1, "", 0, 400_000, "GET /orders", route),
        span(
            2,
            &root,
            1_000,
            4_000,
            "SELECT",
            statement("SELECT id, customer_id FROM orders LIMIT 60"),
        ),
    ];
    for run in 0..60 {
        let from = 5_000 + run * 6_000;
        let sql = format!("SELECT name FROM customers WHERE id = {}", run % 59);
        spans.push(span(3 + run, &root, from, from + 5_000, "SELECT", statement(&sql)));
    }
    let resource = json!({ "attributes": [text("service.name", "shop")] });
    let request =
        json!({ "resourceSpans": [{ "resource": resource, "scopeSpans": [{ "spans": spans }] }] });
    observe::otlp::decode_json(request.to_string().as_bytes()).expect("it was made here").spans
}

#[tokio::test]
async fn a_trace_becomes_an_operation_a_request_and_a_finding() -> Result {
    let server = Server::start().await?;
    server.receive(orders()).await?;

    let operations = server.get("/api/v1/operations?last=1h").await?.json();
    let operation = &operations["operations"][0];
    assert_eq!(operation["operation"], "GET /orders");
    assert_eq!(operation["statements_per_request"], 61.0);
    assert_eq!(operation["share"], 1.0);
    let sorted = server.get("/api/v1/operations?last=1h&sort=p999").await?.json();
    assert_eq!(sorted["operations"][0]["operation"], "GET /orders");
    let latest = server.get("/api/v1/requests?last=1h&sort=latest").await?.json();
    assert_eq!(latest["requests"][0]["trace_id"], TRACE);
    let detail = server.get("/api/v1/operation?service=shop&operation=GET%20/orders").await?.json();
    assert_eq!(detail["series"].as_array().map(Vec::len), Some(60));
    assert_eq!(detail["groups"][0]["count"], 60);
    assert_eq!(detail["slowest"][0]["trace_id"], TRACE);
    let findings = server.get("/api/v1/findings?fault=n-plus-one&q=CUSTOMERS").await?.json();
    let finding = &findings["findings"][0];
    assert_eq!(finding["operation"], "GET /orders");
    let id = finding["id"].as_str().ok_or("no id")?;
    let detail = server.get(&format!("/api/v1/findings/{id}")).await?.json();
    assert_eq!(detail["finding"], *finding);
    assert!(detail["fault_doc"].as_str().is_some_and(|doc| doc.contains("Why it hurts")));
    let none = server.get("/api/v1/findings?service=other").await?.json();
    assert_eq!(none["totals"]["findings"], 0);
    assert_eq!(none["services"][0]["value"], "shop");
    server.stop().await
}

#[tokio::test]
async fn a_trace_is_told_in_tree_order_with_similar_siblings_folded() -> Result {
    let server = Server::start().await?;
    server.receive(orders()).await?;
    let trace = server.get(&format!("/api/v1/traces/{TRACE}")).await?.json();
    assert_eq!(trace["nodes"].as_array().map(Vec::len), Some(62));
    assert_eq!(trace["operation"], "GET /orders");
    assert_eq!(trace["folds"].as_array().map(Vec::len), Some(1));
    assert_eq!(trace["folds"][0]["count"], 60);
    assert_eq!(trace["folds"][0]["label"], "SELECT customers by id");
    assert_eq!(trace["nodes"][2]["fold"], 0);
    assert_eq!(trace["nodes"][1]["fold"], Value::Null);
    let customers = &trace["statements"][0];
    assert_eq!((&customers["count"], &customers["duplicated"]), (&json!(60), &json!(2)));
    let parts = trace["breakdown"].as_object().ok_or("no breakdown")?;
    let sum: f64 = parts.values().filter_map(Value::as_f64).sum();
    assert!((sum - 400_000.0).abs() < 0.01, "the parts add up to the duration: {sum}");

    let span = server.get(&format!("/api/v1/traces/{TRACE}/spans/0000000000000003")).await?.json();
    assert_eq!(span["statement"], "select name from customers where id = ?");
    assert_eq!(span["parent_id"], "0000000000000001");
    let download = server.get(&format!("/api/v1/traces/{TRACE}/otlp.json")).await?;
    assert!(download.head.contains("attachment"), "{}", download.head);
    let again = observe::otlp::decode_json(download.body.as_bytes()).unwrap();
    assert_eq!(again.spans.len(), 62);
    server.stop().await
}

#[tokio::test]
async fn what_is_wrong_is_a_problem_with_a_hint() -> Result {
    let server = Server::start().await?;
    let check = async |path: &str, status: u16, says: &str| -> Result {
        let answer = server.get(path).await?;
        assert_eq!(answer.status, status, "{path}");
        assert!(answer.head.contains("application/problem+json"), "{path}");
        let problem = answer.json();
        assert_eq!(problem["status"], status, "{path}");
        assert!(problem["detail"].as_str().is_some_and(|text| text.contains(says)), "{problem}");
        assert!(problem["hint"].as_str().is_some_and(|hint| !hint.is_empty()), "{problem}");
        Ok(())
    };
    check("/api/v1/nothing", 404, "nothing answers").await?;
    check("/api/v1/findings/xyz", 404, "no finding").await?;
    check("/api/v1/findings?colour=red", 400, "unknown field `colour`").await?;
    check("/api/v1/findings?level=awful", 400, "awful").await?;
    check("/api/v1/operations?last=soon", 400, "soon").await?;
    check("/api/v1/operations?limit=-1", 400, "invalid digit").await?;
    check("/api/v1/operations?sort=colour", 400, "unknown variant `colour`").await?;
    check("/api/v1/operation?service=a&operation=b", 404, "was not requested").await?;
    check("/api/v1/operation?service=a", 400, "operation").await?;
    check("/api/v1/traces/0", 404, "is kept").await?;
    check("/api/v1/traces/none", 404, "hexadecimal").await?;
    check(&format!("/api/v1/findings?q={}", "x".repeat(201)), 400, "too long").await?;
    server.stop().await
}

#[tokio::test]
async fn a_page_of_another_site_is_refused() -> Result {
    let server = Server::start().await?;
    for headers in ["Host: evil.example\r\n", "Host: evil.example:7070\r\n", ""] {
        let answer = server.ask("/api/v1/findings", headers).await?;
        assert!([400, 421].contains(&answer.status), "{headers}: {}", answer.status);
    }
    let answer = server.ask("/api/v1/status", "Host: localhost\r\n").await?;
    assert_eq!(answer.status, 200);
    assert!(answer.head.contains("content-security-policy: default-src 'none'"), "{}", answer.head);
    assert!(answer.head.contains("x-content-type-options: nosniff"));
    assert!(!answer.head.contains("access-control-allow-origin"));
    server.stop().await
}

#[tokio::test]
async fn changes_are_told_and_listeners_do_not_hold_up_the_end() -> Result {
    let server = Server::start().await?;
    let mut stream = TcpStream::connect(server.address).await?;
    let request = format!("GET /api/v1/events HTTP/1.1\r\nHost: {}\r\n\r\n", server.address);
    stream.write_all(request.as_bytes()).await?;
    server.receive(orders()).await?;
    let mut told = String::new();
    let mut part = [0; 1024];
    while !told.contains("event: change") {
        let length = stream.read(&mut part).await?;
        assert!(0 < length, "closed after {told}");
        told.push_str(std::str::from_utf8(&part[..length])?);
    }
    server.stop().await
}

#[tokio::test]
async fn texts_are_compressed_for_those_who_take_it() -> Result {
    let server = Server::start().await?;
    let plain = server.get("/api/v1/openapi.json").await?;
    assert!(!plain.head.contains("content-encoding"), "{}", plain.head);
    assert!(plain.head.contains("vary: accept-encoding"), "{}", plain.head);

    let mut stream = TcpStream::connect(server.address).await?;
    let request = "GET /api/v1/openapi.json HTTP/1.1\r\nHost: localhost\r\n\
        Accept-Encoding: br, gzip\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").ok_or("no end")?;
    let (head, body) = answer.split_at(end + 4);
    let head = std::str::from_utf8(head)?.to_lowercase();
    assert!(head.contains("content-encoding: gzip"), "{head}");
    assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "{head}");
    assert!(body.len() * 3 < plain.body.len(), "{} of {}", body.len(), plain.body.len());
    let mut told = String::new();
    flate2::read::GzDecoder::new(body).read_to_string(&mut told)?;
    assert_eq!(told, plain.body);

    // What fits a packet stays as it is.
    let small =
        server.ask("/api/v1/traces/0", "Host: localhost\r\nAccept-Encoding: gzip\r\n").await?;
    assert!(!small.head.contains("content-encoding"), "{}", small.head);
    assert_eq!(small.status, 404);
    server.stop().await
}

#[tokio::test]
async fn a_page_too_many_is_told_so_and_one_that_leaves_makes_room() -> Result {
    let server = Server::start().await?;
    let headers = "Host: localhost\r\nAccept-Encoding: gzip\r\n";
    let mut listeners = Vec::new();
    for _ in 0..64 {
        let mut stream = TcpStream::connect(server.address).await?;
        let request = format!("GET /api/v1/events HTTP/1.1\r\n{headers}\r\n");
        stream.write_all(request.as_bytes()).await?;
        // Seated once the head of the answer is there.
        let mut head = String::new();
        let mut part = [0; 1024];
        while !head.contains("\r\n\r\n") {
            let length = stream.read(&mut part).await?;
            assert!(0 < length, "closed after {head}");
            head.push_str(std::str::from_utf8(&part[..length])?);
        }
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        assert!(!head.contains("content-encoding"), "live updates are never held back: {head}");
        listeners.push(stream);
    }
    let refused = server.ask("/api/v1/events", headers).await?;
    assert_eq!(refused.status, 503);
    assert!(refused.json()["hint"].as_str().is_some_and(|hint| hint.contains("close some")));
    listeners.clear();
    // The server notices by itself that they are gone, at the latest when it has something to tell.
    server.receive(orders()).await?;
    while !listens(&server, headers).await? {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    server.stop().await
}

/// Whether there is a seat among the listeners.
async fn listens(server: &Server, headers: &str) -> Result<bool> {
    let mut stream = TcpStream::connect(server.address).await?;
    stream.write_all(format!("GET /api/v1/events HTTP/1.1\r\n{headers}\r\n").as_bytes()).await?;
    let mut part = [0; 12];
    stream.read_exact(&mut part).await?;
    Ok(part == *b"HTTP/1.1 200")
}

#[tokio::test]
async fn figures_are_told_as_whoever_asks_prefers_and_to_nobody_else() -> Result {
    let server = Server::start().await?;
    let plain = server.get("/metrics").await?;
    assert_eq!(plain.status, 200);
    assert!(plain.head.contains("content-type: text/plain; version=0.0.4"), "{}", plain.head);
    assert!(plain.body.contains("# TYPE taut_spans_kept_total counter"), "{}", plain.body);
    let host = format!("Host: {}\r\nAccept: application/openmetrics-text\r\n", server.address);
    let open = server.ask("/metrics", &host).await?;
    assert!(open.head.contains("content-type: application/openmetrics-text"), "{}", open.head);
    assert!(open.body.contains("# TYPE taut_spans_kept counter"), "{}", open.body);
    assert!(open.body.contains("taut_api_requests_total{status=\"2xx\"} 1\n"), "{}", open.body);
    assert_eq!(server.ask("/metrics", "Host: evil.example\r\n").await?.status, 421);
    server.stop().await
}

#[tokio::test]
async fn the_status_says_what_came_and_what_is_kept() -> Result {
    let server = Server::start().await?;
    let before = server.get("/api/v1/status").await?.json();
    assert_eq!(before["since_start"]["received"], 0);
    server.receive(orders()).await?;
    let status = server.get("/api/v1/status").await?.json();
    let received = &status["since_start"]["received"];
    assert!(0 < received.as_u64().unwrap_or(0), "{status}");
    assert_eq!((received, &status["lately"]["kept"]), (&status["since_start"]["kept"], received));
    assert_eq!(status["losses"], json!([]));
    assert!(0 < status["store"]["log_bytes"].as_u64().unwrap_or(0), "{status}");
    assert!(0 < status["process"]["resident_bytes"].as_u64().unwrap_or(0), "{status}");
    server.stop().await
}

#[tokio::test]
async fn what_is_said_of_a_finding_is_kept_and_told_with_it() -> Result {
    let server = Server::start().await?;
    server.receive(orders()).await?;
    let listed = server.get("/api/v1/findings").await?.json();
    let id = listed["findings"][0]["id"].as_str().ok_or("no finding")?.to_owned();
    assert_eq!(listed["states"][0]["value"], "new");
    let notes = format!("/api/v1/findings/{id}/notes");
    let said = server.post(&notes, &json!({ "state": "in-work", "assignee": "Ada" })).await?;
    assert_eq!((said.status, &said.json()["state"]), (200, &json!("in-work")));
    let refused = server.post(&notes, &json!({ "state": "dismissed" })).await?;
    assert_eq!(refused.status, 400, "{}", refused.body);
    assert!(refused.body.contains("without a reason"), "{}", refused.body);
    let reason = "runs once a year <script>";
    let said = server.post(&notes, &json!({ "state": "dismissed", "reason": reason })).await?;
    assert_eq!(said.status, 200, "{}", said.body);
    let one = server.get(&format!("/api/v1/findings/{id}")).await?.json();
    let progress = &one["progress"];
    assert_eq!((&progress["state"], &progress["reason"]), (&json!("dismissed"), &json!(reason)));
    assert_eq!(progress["assignee"], "Ada");
    assert_eq!(progress["history"].as_array().map(Vec::len), Some(3));
    // What was dismissed is out of the way, and found where it is asked for.
    let open = server.get("/api/v1/findings").await?.json();
    assert!(!open["findings"].to_string().contains(&id));
    let dismissed = server.get("/api/v1/findings?state=dismissed").await?.json();
    assert_eq!(dismissed["findings"][0]["id"], id.as_str());
    assert_eq!(dismissed["progress"][0]["assignee"], "Ada");
    assert_eq!(server.get("/api/v1/findings?state=cats").await?.status, 400);
    server.stop().await
}

#[tokio::test]
async fn notes_that_are_none_are_refused() -> Result {
    let server = Server::start().await?;
    server.receive(orders()).await?;
    let nobody = "/api/v1/findings/00000000000000ff/notes";
    assert_eq!(server.post(nobody, &json!({ "state": "accepted" })).await?.status, 404);
    for body in [json!({}), json!({ "stat": "new" }), json!({ "state": "cats" }), json!(7)] {
        let answer = server.post(nobody, &body).await?;
        assert_eq!(answer.status, 400, "{body}: {}", answer.body);
        assert!(!answer.json()["hint"].to_string().is_empty());
    }
    server.stop().await
}

#[tokio::test]
async fn the_overview_tells_each_service_and_whether_it_meets_its_objective() -> Result {
    let server = Server::start().await?;
    server.receive(orders()).await?;
    let overview = server.get("/api/v1/overview?last=15m").await?.json();
    let shop = &overview["services"][0];
    assert_eq!((&shop["service"], &shop["now"]["count"]), (&json!("shop"), &json!(1)));
    // One request of 400 ms, where 95 of a hundred are meant to take less.
    assert_eq!(shop["objective"], "slow");
    assert_eq!(shop["spark"].as_array().map(Vec::len), Some(48));
    assert_eq!(overview["changes"], json!([]));
    let length = |window: &Value| {
        let edge = |name: &str| window[name].as_u64().unwrap_or_default();
        edge("to_unix_ms") - edge("from_unix_ms")
    };
    assert_eq!(length(&overview["window"]), length(&overview["before"]));
    server.stop().await
}

#[tokio::test]
async fn a_release_is_marked_where_it_came() -> Result {
    let server = Server::start().await?;
    let version = |version: &str| {
        let mut spans = orders();
        for span in &mut spans {
            let mut resource = (*span.resource).clone();
            let value = model::Value::Text(version.into());
            resource.attributes.0.push(("service.version".into(), value));
            span.resource = Arc::new(resource);
        }
        spans
    };
    server.receive(version("4.2.0")).await?;
    assert_eq!(server.get("/api/v1/marks").await?.json()["marks"], json!([]));
    server.live.accept(Received { spans: version("4.2.1"), otlp: None, received: now() }).ok();
    let marks = server.get("/api/v1/marks?service=shop").await?.json();
    assert_eq!(marks["marks"][0]["words"], "shop 4.2.1");
    assert_eq!(marks["marks"][0]["kind"], "release");
    assert_eq!(server.get("/api/v1/marks?service=mail").await?.json()["marks"], json!([]));
    server.stop().await
}
