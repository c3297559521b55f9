//! `taut up`: receives, finds, serves, keeps what it acknowledged, and ends when it is told to.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use insta::assert_snapshot;
use serde_json::Value;

use crate::kit::{orders, ran, run, taut, trace_id};

/// Far more than anything here takes; a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_mins(1);

const JSON: &str = "application/json";

pub(crate) struct Server {
    child: Child,
    pages: SocketAddr,
    otlp: SocketAddr,
    grpc: Option<SocketAddr>,
    greeting: String,
}

impl Server {
    pub(crate) fn start(folder: &Path) -> Self {
        Self::start_with(up(folder, &[]))
    }

    pub(crate) fn start_with(mut command: Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().expect("the binary runs");
        let mut words = BufReader::new(child.stderr.take().expect("it is piped"));
        let mut greeting = String::new();
        while !greeting.contains("Ctrl-C ends it") {
            let read = words.read_line(&mut greeting).expect("all output is UTF-8");
            assert!(0 < read, "it ended early: {greeting}");
        }
        // Somebody has to read what it says, or it would wait for that.
        thread::spawn(move || std::io::copy(&mut words, &mut std::io::sink()));
        let address = |what: &str| {
            let line = greeting.lines().find(|line| line.trim().starts_with(what));
            let (_, address) = line.and_then(|line| line.split_once("http://"))?;
            Some(address.trim_end_matches('/').parse().expect("it is an address"))
        };
        let pages = address("pages").expect("it is told");
        let otlp = address("OTLP/HTTP").expect("it is told");
        let grpc = address("OTLP/gRPC");
        Self { child, pages, otlp, grpc, greeting }
    }

    pub(crate) fn otlp(&self) -> SocketAddr {
        self.otlp
    }

    pub(crate) fn grpc(&self) -> SocketAddr {
        self.grpc.expect("it is told")
    }

    /// The process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn pages(&self) -> SocketAddr {
        self.pages
    }

    pub(crate) fn post(&self, kind: &str, body: &[u8]) -> std::io::Result<u16> {
        post(self.otlp, kind, body)
    }

    pub(crate) fn get(&self, path: &str) -> (u16, Value) {
        let head = format!("GET {path} HTTP/1.1\r\nHost: {}\r\n", self.pages);
        let (status, body) = ask(self.pages, &head, &[]).expect("it serves pages");
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }

    /// Waits until something is served.
    pub(crate) fn wait_for(&self, path: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let began = Instant::now();
        loop {
            let (_, value) = self.get(path);
            if holds(&value) {
                return value;
            }
            assert!(began.elapsed() < PATIENCE, "{path}: {value}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args([name, &id]).status().expect("there is kill");
        assert!(sent.success());
    }

    pub(crate) fn ended(mut self) -> ExitStatus {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("it is our child") {
                return status;
            }
            assert!(began.elapsed() < PATIENCE, "it does not end");
            thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

pub(crate) fn up(folder: &Path, more: &[&str]) -> Command {
    let mut command = taut();
    let any = "127.0.0.1:0";
    command.args(["up", "--grpc", any, "--http", any, "--listen", any, "--store"]).arg(folder);
    command.args(more).env("TAUT_ENGINE_SETTLE", "100ms").current_dir(folder);
    command
}

fn post(to: SocketAddr, kind: &str, body: &[u8]) -> std::io::Result<u16> {
    let head = format!(
        "POST /v1/traces HTTP/1.1\r\nHost: {to}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n",
        body.len()
    );
    ask(to, &head, body).map(|(status, _)| status)
}

/// Sends JSON to a path, and gives the status.
pub(crate) fn post_to(to: SocketAddr, path: &str, body: &[u8]) -> std::io::Result<u16> {
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {to}\r\nContent-Type: {JSON}\r\nContent-Length: {}\r\n",
        body.len()
    );
    ask(to, &head, body).map(|(status, _)| status)
}

fn ask(to: SocketAddr, head: &str, body: &[u8]) -> std::io::Result<(u16, Vec<u8>)> {
    let mut stream = TcpStream::connect(to)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(format!("{head}Connection: close\r\n\r\n").as_bytes())?;
    stream.write_all(body)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n");
    let status = std::str::from_utf8(&answer).ok().and_then(|text| text.get(9..12)?.parse().ok());
    match (status, end) {
        (Some(status), Some(end)) => Ok((status, answer.split_off(end + 4))),
        _ => Err(std::io::ErrorKind::UnexpectedEof.into()),
    }
}

pub(crate) fn now_nanos() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
    u64::try_from(since.as_nanos()).expect("it is before 2554") - 10_000_000_000
}

pub(crate) fn request(trace: u64) -> Vec<u8> {
    orders(trace, now_nanos(), "/api/orders/", "customers").to_string().into_bytes()
}

pub(crate) fn temporary() -> tempfile::TempDir {
    tempfile::tempdir().expect("there is a place for temporary files")
}

fn refused(mut command: Command, folder: &Path) -> (Option<i32>, String) {
    let ran = ran(&command.output().expect("the binary runs"));
    let folder = folder.to_str().expect("temporary folders have plain names");
    (ran.code, ran.words.replace(folder, "FOLDER"))
}

#[test]
fn what_is_sent_is_found_and_served() {
    let folder = temporary();
    let server = Server::start(folder.path());
    assert_eq!(server.post(JSON, &request(1)).ok(), Some(200));
    let read = observe::read(&request(2), observe::DecompressedMax::default());
    let protobuf = observe::otlp::encode(&read.expect("it is OTLP").decoded.spans);
    assert_eq!(server.post("application/x-protobuf", &protobuf).ok(), Some(200));
    let found = server.wait_for("/api/v1/findings", |found| found["requests"] == 2);
    assert_eq!(found["findings"][0]["fault"], "n-plus-one");
    assert_eq!(found["findings"][0]["sightings"], 2);
    for trace in [1, 2] {
        let (status, trace) = server.get(&format!("/api/v1/traces/{}", trace_id(trace)));
        assert_eq!((status, trace["statements_count"].as_u64()), (200, Some(41)));
    }
    assert!(!server.greeting.contains("warning"), "{}", server.greeting);
    server.signal("-TERM");
    assert_eq!(server.ended().code(), Some(0));

    // What it kept can be looked at without it.
    let store = ["--config", "/dev/null"];
    let output = taut()
        .args(["trace", &trace_id(2)])
        .args(store)
        .env("TAUT_STORE_FOLDER", folder.path())
        .output()
        .expect("the binary runs");
    let ran = ran(&output);
    assert_eq!((ran.code, ran.words.as_str()), (Some(0), ""));
    assert!(ran.data.contains("260 ms · 41 queries"), "{}", ran.data);
}

#[test]
fn what_was_acknowledged_survives_a_kill() {
    let folder = temporary();
    let server = Server::start(folder.path());
    let otlp = server.otlp;
    let (acknowledge, acknowledged) = std::sync::mpsc::channel();
    let senders: Vec<_> = (0..2)
        .map(|sender| {
            let acknowledge = acknowledge.clone();
            thread::spawn(move || {
                for number in 0.. {
                    let trace = sender * 1_000_000 + number;
                    match post(otlp, JSON, &request(trace)) {
                        Ok(200) => acknowledge.send(trace).expect("the test listens"),
                        Ok(other) => panic!("{other}"),
                        Err(_) => return,
                    }
                }
            })
        })
        .collect();
    drop(acknowledge);
    let mut kept: Vec<u64> = acknowledged.iter().take(60).collect();
    server.signal("-KILL");
    for sender in senders {
        sender.join().expect("the sender ends once nobody listens");
    }
    kept.extend(acknowledged.iter());
    drop(server);

    let server = Server::start(folder.path());
    for trace in &kept {
        let (status, served) = server.get(&format!("/api/v1/traces/{}", trace_id(*trace)));
        assert_eq!((status, served["statements_count"].as_u64()), (200, Some(41)), "{trace}");
    }
    let all = kept.len() as u64;
    server.wait_for("/api/v1/findings", |found| all <= found["requests"].as_u64().unwrap_or(0));
    server.signal("-INT");
    assert_eq!(server.ended().code(), Some(0));
}

#[test]
fn a_folder_is_used_by_one_process() {
    let folder = temporary();
    let _server = Server::start(folder.path());
    let (code, words) = refused(up(folder.path(), &[]), folder.path());
    assert_eq!(code, Some(3));
    assert_snapshot!(words, @"
    error: `FOLDER` is in use by another process

    hint: another `taut up` uses it; stop that one, or choose a folder with --store
    ");
}

#[test]
fn a_port_that_is_taken_is_told() {
    let folder = temporary();
    let taken = TcpListener::bind("127.0.0.1:0").expect("port 0 is always free");
    let taken = taken.local_addr().map(|address| (address.to_string(), taken)).expect("it has one");
    for flag in ["--listen", "--http", "--grpc"] {
        let mut command = taut();
        for other in ["--listen", "--http", "--grpc"] {
            let address = if other == flag { taken.0.as_str() } else { "127.0.0.1:0" };
            command.args([other, address]);
        }
        let mut arguments: Vec<_> = command.get_args().map(ToOwned::to_owned).collect();
        arguments.insert(0, "up".into());
        let mut command = taut();
        command.args(arguments).arg("--store").arg(folder.path()).current_dir(folder.path());
        let (code, words) = refused(command, folder.path());
        assert_eq!(code, Some(3), "{flag}");
        let words = words.to_lowercase();
        assert!(words.contains("address already in use"), "{flag}: {words}");
        assert!(words.contains(&taken.0) && words.contains("\nhint: "), "{flag}: {words}");
    }
}

#[test]
fn a_folder_that_cannot_be_written_to_is_told() {
    let folder = temporary();
    let file = folder.path().join("file");
    std::fs::write(&file, "not a folder").expect("the folder is ours");
    let mut command = up(folder.path(), &[]);
    command.env("TAUT_STORE_FOLDER", "unused");
    let arguments: Vec<_> = command.get_args().map(ToOwned::to_owned).collect();
    let mut command = taut();
    command.args(&arguments[..arguments.len() - 1]).arg(file.join("store"));
    let (code, words) = refused(command, folder.path());
    assert_eq!(code, Some(3));
    assert!(words.contains("FOLDER/file/store") && words.contains("--store"), "{words}");
}

#[test]
fn what_others_can_reach_is_warned_of() {
    let folder = temporary();
    let mut command = taut();
    command.args(["up", "--grpc", "off", "--http", "0.0.0.0:0", "--listen", "127.0.0.1:0"]);
    command.arg("--store").arg(folder.path()).current_dir(folder.path());
    let server = Server::start_with(command);
    assert!(
        server.greeting.contains("warning: `receive.http` listens on 0.0.0.0:0"),
        "{}",
        server.greeting
    );
    assert!(!server.greeting.contains("gRPC"), "{}", server.greeting);
}

#[test]
fn an_address_that_is_none_is_refused() {
    let ran = run(["up", "--listen", "everywhere"]);
    assert_eq!(ran.code, Some(2));
    assert_snapshot!(ran.words, @"
    error: `web.listen` cannot be set to this
     --> command line:1:10
      |
    1 | --listen everywhere
      |          ^^^^^^^^^^ expected an address and port such as `127.0.0.1:7070`
    ");
}
