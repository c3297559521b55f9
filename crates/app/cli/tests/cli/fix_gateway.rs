//! `taut fix` with a gateway: a patch of the settings is shown, written, taken up by the process that runs, and taken back.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::kit::{Ran, run, taut, trace_id};

/// Far more than anything here takes; a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_mins(1);

/// A server that counts what it is asked; it ends with the process of the test.
pub(crate) struct Origin {
    pub(crate) address: SocketAddr,
    asked: Arc<AtomicUsize>,
}

impl Origin {
    pub(crate) fn start() -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = socket.local_addr().expect("it listens");
        let asked = Arc::new(AtomicUsize::new(0));
        let counts = Arc::clone(&asked);
        thread::spawn(move || {
            for stream in socket.incoming().flatten() {
                let mut reader = BufReader::new(stream);
                let mut line = String::new();
                while reader.read_line(&mut line).is_ok_and(|bytes| bytes > 2) {
                    line.clear();
                }
                counts.fetch_add(1, Ordering::SeqCst);
                let answer = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n[]";
                drop(reader.into_inner().write_all(answer.as_bytes()));
            }
        });
        Self { address, asked }
    }

    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

/// A gateway that runs; it ends with the test.
struct Gateway {
    child: Child,
    listens: SocketAddr,
}

impl Gateway {
    fn start(settings: &Path) -> Self {
        let mut command = taut();
        command.args(["gateway", "--config"]).arg(settings).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary runs");
        let mut words = BufReader::new(child.stderr.take().expect("it is piped"));
        let mut greeting = String::new();
        while !greeting.contains("Ctrl-C ends it") {
            let read = words.read_line(&mut greeting).expect("all output is UTF-8");
            assert!(0 < read, "it ended early: {greeting}");
        }
        thread::spawn(move || std::io::copy(&mut words, &mut std::io::sink()));
        let line = greeting.lines().find_map(|line| line.trim().strip_prefix("listens"));
        let listens = line.and_then(|address| address.trim().parse().ok()).expect("it is told");
        Self { child, listens }
    }

    /// The head of an answer.
    fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(self.listens).expect("it listens");
        write!(stream, "GET {path} HTTP/1.1\r\nhost: shop\r\nconnection: close\r\n\r\n")
            .expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        answer.to_ascii_lowercase()
    }

    /// Asks until an answer is as it should be.
    fn until(&self, path: &str, holds: impl Fn(&str) -> bool) {
        let began = Instant::now();
        loop {
            let answer = self.get(path);
            if holds(&answer) {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "{path}: {answer}");
            thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A folder with settings, a store and a recording.
struct Ground {
    folder: tempfile::TempDir,
    settings: PathBuf,
    recording: PathBuf,
}

impl Ground {
    fn new(origin: SocketAddr) -> Self {
        let folder = tempfile::tempdir().expect("there is a place for temporary files");
        let settings = folder.path().join("taut.toml");
        let text = format!(
            "# ours\n[store]\nfolder = \"data\"\n\n[gateway]\nlisten = \"127.0.0.1:0\"\nadmin = \"off\"\nworkers = 1\n\n\
             [gateway.service.shop]\nmembers = [\"{origin}\"]\n\n[[gateway.route]] # all of it\nname = \"all\"\nservice = \"shop\"\n"
        );
        fs::write(&settings, text).expect("it can be written to");
        let recording = folder.path().join("spans.jsonl");
        fs::write(&recording, trending()).expect("it can be written to");
        Self { folder, settings, recording }
    }

    fn fix(&self, words: &[&str]) -> Ran {
        let mut all = vec!["fix".to_owned()];
        all.extend(words.iter().map(|word| (*word).to_owned()));
        all.extend(["--config".to_owned(), self.settings.display().to_string()]);
        run(all)
    }

    /// With the recording.
    fn fix_recorded(&self, words: &[&str]) -> Ran {
        let recording = self.recording.display().to_string();
        self.fix(&[words, &["--from", &recording]].concat())
    }

    fn text(&self) -> String {
        fs::read_to_string(&self.settings).expect("it is there")
    }

    fn ledger(&self) -> Value {
        let settings = self.settings.display().to_string();
        let ran = run(["ledger", "--json", "--config", &settings]);
        serde_json::from_str(&ran.data).expect("it is JSON")
    }
}

/// Twelve requests, a second apart, that compute the same list for 45 ms each.
fn trending() -> String {
    let one = |number: u64| {
        let start = 1_767_225_600_000_000_000 + number * 1_000_000_000;
        let told = |pairs: &[(&str, &str)]| -> Vec<Value> {
            let pair =
                |(key, text): &(&str, &str)| json!({"key": key, "value": {"stringValue": text}});
            pairs.iter().map(pair).collect()
        };
        let span = |id: u64,
                    parent: &str,
                    kind: u32,
                    millis: (u64, u64),
                    name: &str,
                    attributes: Vec<Value>| {
            json!({
                "traceId": trace_id(number), "spanId": format!("{:016x}", 1 + number * 2 + id), "parentSpanId": parent,
                "kind": kind, "name": name, "attributes": attributes,
                "startTimeUnixNano": (start + millis.0 * 1_000_000).to_string(),
                "endTimeUnixNano": (start + millis.1 * 1_000_000).to_string(),
            })
        };
        let request = told(&[
            ("http.request.method", "GET"),
            ("http.route", "/api/trending/"),
            ("url.path", "/api/trending/"),
        ]);
        let query = told(&[
            (
                "db.query.text",
                "SELECT id, title FROM posts WHERE published = true ORDER BY id DESC LIMIT 20",
            ),
            ("db.system.name", "postgresql"),
        ]);
        let root = format!("{:016x}", 1 + number * 2);
        let spans = [
            span(0, "", 2, (0, 48), "GET /api/trending/", request),
            span(1, &root, 3, (1, 46), "SELECT posts", query),
        ];
        let line = json!({"resourceSpans": [{
            "resource": {"attributes": told(&[("service.name", "shop")])},
            "scopeSpans": [{"spans": spans}],
        }]});
        format!("{line}\n")
    };
    (0..12).map(one).collect()
}

#[test]
fn a_finding_becomes_a_patch_that_the_gateway_takes_up_and_gives_back() {
    let origin = Origin::start();
    let ground = Ground::new(origin.address);
    let before = ground.text();
    let listed = ground.fix_recorded(&["--json"]);
    let listed: Value = serde_json::from_str(&listed.data).expect(&listed.words);
    let id = listed["fixes"][0]["id"].as_str().expect("there is a finding").to_owned();
    assert_eq!(listed["fixes"][0]["gateway"]["remedy"], "cache-route");

    let gateway = Gateway::start(&ground.settings);
    (0..2).for_each(|_| assert!(!gateway.get("/api/trending/").contains("cache-status")));
    assert_eq!(origin.asked(), 2);

    let plan = ground.fix_recorded(&[&id, "--plan"]);
    assert_eq!(plan.code, Some(0), "{}", plan.words);
    assert!(
        plan.data.contains("cache-route on a new route for GET /api/trending/"),
        "{}",
        plan.data
    );
    assert!(plan.data.contains("+paths = [\"/api/trending/\"]"), "{}", plan.data);
    assert!(plan.data.contains("+cache = { ttl = \"1m\", stale-while-revalidate = \"30s\" }"));
    assert_eq!(ground.text(), before);
    let unasked = ground.fix_recorded(&[&id, "--apply"]);
    assert!(unasked.words.contains("nobody is there to be asked"), "{}", unasked.words);
    assert_eq!(ground.text(), before);

    let applied = ground.fix_recorded(&[&id, "--apply", "--yes"]);
    assert_eq!(applied.code, Some(0), "{}", applied.words);
    // Nobody tells the process: it sees that the file changed.
    gateway.until("/api/trending/", |answer| answer.contains("cache-status: taut; hit"));
    assert!(!gateway.get("/other").contains("cache-status"));
    assert_eq!(ground.ledger()["remedies"][0]["state"], "applied");
    let again = ground.fix_recorded(&[&id, "--apply", "--yes"]);
    assert!(again.words.contains("it is in the settings already"), "{}", again.words);

    let reverted = ground.fix(&[&id, "--revert", "--because", "it was stale", "--yes"]);
    assert_eq!(reverted.code, Some(0), "{}", reverted.words);
    assert_eq!(ground.text(), before, "every byte is what it was");
    assert_eq!(ground.ledger()["remedies"][0]["why_not"], "it was stale");
    gateway.until("/api/trending/", |answer| !answer.contains("cache-status"));
    assert_eq!(ground.ledger()["remedies"][0]["state"], "reverted");
    assert!(
        fs::read_dir(ground.folder.path())
            .expect("it is there")
            .flatten()
            .all(|entry| { !entry.file_name().to_string_lossy().starts_with(".taut.toml") })
    );
}

#[test]
fn what_is_said_for_all_routes_acts_until_one_switches_it_off_or_a_patch_says_more() {
    let origin = Origin::start();
    let ground = Ground::new(origin.address);
    let text = ground.text()
        + "\n[gateway.defaults]\ncache = { ttl = \"1h\" }\nlimit = { requests = 3, window = \"1h\" }\n\
           set-response-headers = { x-frame-options = \"DENY\" }\n\n[[gateway.route]]\nname = \"plain\"\n\
           paths = [\"/plain\"]\nservice = \"shop\"\ncache = \"off\"\nlimit = \"off\"\ninherit-headers = \"off\"\n";
    fs::write(&ground.settings, text).expect("it can be written to");
    let settings = ground.settings.display().to_string();
    let means = run(["gateway", "--check", "--config", &settings]).data;
    assert!(means.contains("all -> shop: cached, limited\n"), "{means}");
    assert!(means.contains("plain -> shop\n"), "{means}");
    let gateway = Gateway::start(&ground.settings);
    let answers: Vec<String> = (0..4).map(|_| gateway.get("/list")).collect();
    let mut first = answers.iter().take(3);
    assert!(first.all(|answer| answer.contains("x-frame-options: deny")), "{answers:?}");
    assert!(answers[1].contains("cache-status: taut; hit"), "{}", answers[1]);
    assert!(answers[3].starts_with("http/1.1 429"), "{}", answers[3]);
    assert_eq!(origin.asked(), 1);
    for _ in 0..5 {
        let answer = gateway.get("/plain");
        assert!(answer.starts_with("http/1.1 200"), "{answer}");
        assert!(!answer.contains("cache-status") && !answer.contains("x-frame"), "{answer}");
    }
    assert_eq!(origin.asked(), 6);
    let set = ["--operation", "GET /plain", "--set", "cache={ stale-if-error = \"1m\" }"];
    let applied = ground.fix(&[&set[..], &["--apply", "--yes"]].concat());
    assert_eq!(applied.code, Some(0), "{}", applied.words);
    gateway.until("/plain", |answer| answer.contains("cache-status: taut; hit"));
}

#[test]
fn what_somebody_changed_since_is_not_taken_back() {
    let ground = Ground::new("127.0.0.1:9".parse().expect("it is an address"));
    let set = ["--operation", "GET /api/trending/", "--set", "total-timeout=\"5s\""];
    let applied = ground.fix(&[&set[..], &["--apply", "--yes", "--json"]].concat());
    let applied: Value = serde_json::from_str(&applied.data).expect(&applied.words);
    let id = applied["id"].as_str().expect("it has one").to_owned();
    assert_eq!(applied["remedy"]["state"], "applied");

    let elsewhere = format!("# somebody was here\n{}", ground.text());
    let there = elsewhere.replace("total-timeout = \"5s\"", "total-timeout = \"7s\"");
    fs::write(&ground.settings, &there).expect("it can be written to");
    let refused = ground.fix(&[&id, "--revert", "--yes"]);
    assert_eq!(refused.code, Some(2));
    insta::assert_snapshot!(refused.words, @r#"
    error: the file was changed since, at what was changed: `total-timeout = "5s"`

    hint: take it back by hand, then `taut ledger mark ID reverted --because '...'`; `taut fix ID` shows the patch
    "#);
    assert_eq!(ground.text(), there);

    fs::write(&ground.settings, &elsewhere).expect("it can be written to");
    assert_eq!(ground.fix(&[&id, "--revert", "--yes"]).code, Some(0));
    assert!(ground.text().starts_with("# somebody was here\n# ours\n"), "{}", ground.text());
    assert!(!ground.text().contains("total-timeout"));
}

#[test]
fn a_patch_that_would_be_refused_is_not_written() {
    let ground = Ground::new("127.0.0.1:9".parse().expect("it is an address"));
    let before = ground.text();
    let set = ["--operation", "GET /x", "--set", "total-timeout=\"soon\"", "--apply", "--yes"];
    let refused = ground.fix(&set);
    assert_eq!(refused.code, Some(2));
    assert!(
        refused.words.contains("the settings would be wrong with this change"),
        "{}",
        refused.words
    );
    assert_eq!(ground.text(), before);
    assert!(!ground.folder.path().join("data/ledger.sqlite").exists(), "nothing is noted of it");
}

/// A process that says where it is, one thing a line; it ends with the test.
pub(crate) struct Spoken {
    child: Child,
    greeting: String,
}

impl Spoken {
    pub(crate) fn start(words: &[&str]) -> Self {
        let mut child = taut().args(words).stderr(Stdio::piped()).spawn().expect("the binary runs");
        let mut told = BufReader::new(child.stderr.take().expect("it is piped"));
        let mut greeting = String::new();
        while !greeting.contains("Ctrl-C ends it") {
            let read = told.read_line(&mut greeting).expect("all output is UTF-8");
            assert!(0 < read, "it ended early: {greeting}");
        }
        thread::spawn(move || std::io::copy(&mut told, &mut std::io::sink()));
        Self { child, greeting }
    }

    /// The address on the line that begins like this.
    pub(crate) fn address(&self, what: &str) -> SocketAddr {
        let line = self.greeting.lines().find_map(|line| line.trim().strip_prefix(what));
        let address = line.expect("it is told").trim().trim_start_matches("http://");
        let address = address.split('/').next().expect("there is something");
        address.parse().expect("it is an address")
    }
}

impl Drop for Spoken {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

pub(crate) fn json_of(address: SocketAddr, path: &str) -> Value {
    let mut stream = TcpStream::connect(address).expect("it listens");
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n")
        .expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    let body = answer.split_once("\r\n\r\n").expect("there is a head").1;
    serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"))
}

#[test]
fn up_is_the_gateway_as_well_or_asks_one_that_runs_already() {
    let origin = Origin::start();
    let ground = Ground::new(origin.address);
    let settings = ground.settings.display().to_string();
    let up =
        ["up", "--grpc", "off", "--http", "127.0.0.1:0", "--listen", "127.0.0.1:0", "--config"];
    let here = Spoken::start(&[&up[..], &[&settings]].concat());
    let mut stream = TcpStream::connect(here.address("gateway")).expect("it listens");
    write!(stream, "GET / HTTP/1.1\r\nhost: shop\r\nconnection: close\r\n\r\n").expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let told = json_of(here.address("pages"), "/api/v1/gateway");
    assert_eq!((&told["set"], &told["asked"]), (&json!(true), &json!("this process")));
    assert_eq!(told["gateway"]["routes"][0]["name"], "all", "{told}");
    assert_eq!(told["gateway"]["services"][0]["members"][0]["requests"], 1, "{told}");
    drop(here);

    let admin = ground.text().replace("admin = \"off\"", "admin = \"127.0.0.1:0\"");
    fs::write(&ground.settings, &admin).expect("it can be written to");
    let away = Spoken::start(&["gateway", "--config", &settings]);
    let port = away.address("admin").to_string();
    fs::write(
        &ground.settings,
        admin.replace("127.0.0.1:0\"\nworkers", &format!("{port}\"\nworkers")),
    )
    .expect("it can be written to");
    let beside = Spoken::start(&[&up[..], &[&settings]].concat());
    assert!(!beside.greeting.contains("  gateway "), "{}", beside.greeting);
    let told = json_of(beside.address("pages"), "/api/v1/gateway");
    assert_eq!(told["asked"], json!(port), "{told}");
    assert_eq!(told["gateway"]["state"], "up", "{told}");
    drop(away);
    let told = json_of(beside.address("pages"), "/api/v1/gateway");
    assert!(
        told["problem"].as_str().is_some_and(|why| why.contains("no gateway answers")),
        "{told}"
    );
}

#[test]
fn up_shares_no_port_with_a_gateway_and_says_who_reaches_its_admin_port() {
    let ground = Ground::new(Origin::start().address);
    let running = Gateway::start(&ground.settings);
    let settings = fs::read_to_string(&ground.settings).unwrap();
    let up = |gateway: &str| {
        let receive =
            "[receive]\ngrpc = \"off\"\nhttp = \"127.0.0.1:0\"\n[web]\nlisten = \"127.0.0.1:0\"\n";
        let text = settings.replace("listen = \"127.0.0.1:0\"\nadmin = \"off\"\n", gateway);
        fs::write(&ground.settings, format!("{text}{receive}")).unwrap();
        let mut command = taut();
        command.args(["up", "--config"]).arg(&ground.settings).current_dir(ground.folder.path());
        command
    };
    // The kernel would let both have it, and give each some of the requests.
    let listens = running.listens;
    let out = up(&format!("listen = \"{listens}\"\nadmin = \"off\"\n")).output().unwrap();
    let words = String::from_utf8(out.stderr).unwrap();
    assert_eq!(out.status.code(), Some(3), "{words}");
    assert!(words.contains(&format!("failed to listen on {listens}")), "{words}");
    running.until("/", |answer| answer.contains("200"));

    let mut command = up("listen = \"127.0.0.1:0\"\nadmin = \"0.0.0.0:0\"\n");
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut words = BufReader::new(child.stderr.take().unwrap());
    let mut greeting = String::new();
    while !greeting.contains("Ctrl-C ends it") && words.read_line(&mut greeting).unwrap() != 0 {}
    drop((child.kill(), child.wait()));
    assert!(greeting.contains("`admin` listens on 0.0.0.0:"), "{greeting}");
    assert!(greeting.contains("TAUT_GATEWAY_ADMIN_TOKEN"), "{greeting}");
}
