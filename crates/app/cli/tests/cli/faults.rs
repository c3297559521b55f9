//! What `taut up` does when it runs out of disk, and when it is killed again and again while spans come.

use std::{
    collections::BTreeMap,
    fs,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    path::Path,
    process::Command,
    sync::mpsc,
    thread,
};

use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, trace_service_client::TraceServiceClient,
};
use prost::Message as _;
use serde_json::Value;

use crate::{
    kit::{taut, trace_id},
    up::{Server, request, temporary, up},
};

/// Spans of one request to the shop.
const SPANS: u64 = 42;

/// Kills of an ordinary run; `TAUT_TEST_KILLS=40` kills so often.
const KILLS: u64 = 3;

/// `taut up` with files of at most so many blocks of 512 bytes: the system refuses what goes beyond, as on a full disk.
fn up_with_little_room(folder: &Path, blocks: u32) -> Command {
    let inner = up(folder, &[]);
    let mut command = Command::new("sh");
    command.args(["-c", &format!("trap '' XFSZ; ulimit -S -f {blocks}; exec \"$0\" \"$@\"")]);
    command.arg(inner.get_program()).args(inner.get_args());
    for (name, value) in inner.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.current_dir(folder);
    command
}

/// The head of an answer, in lower case.
fn post(to: SocketAddr, body: &[u8]) -> String {
    let mut stream = TcpStream::connect(to).expect("it listens");
    let head = format!(
        "POST /v1/traces HTTP/1.1\r\nHost: {to}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).expect("it reads");
    stream.write_all(body).expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    answer.split("\r\n\r\n").next().unwrap_or("").to_ascii_lowercase()
}

/// What gRPC answers to a request.
fn grpc(to: SocketAddr, json: &[u8]) -> tonic::Code {
    let read = observe::read(json, observe::DecompressedMax::default()).expect("it is OTLP");
    let bytes = observe::otlp::encode(&read.decoded.spans);
    let request = ExportTraceServiceRequest::decode(bytes.as_slice()).expect("it is OTLP");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("there are threads").block_on(async {
        let mut client =
            TraceServiceClient::connect(format!("http://{to}")).await.expect("it listens");
        client.export(request).await.map_or_else(|status| status.code(), |_| tonic::Code::Ok)
    })
}

/// How many spans are kept of each trace, once there are so many: an answer may be some seconds old.
fn counted(server: &Server, traces: u64) -> BTreeMap<String, u64> {
    let path = "/api/v1/ask?last=24h&group=trace.id&show=count&limit=1000";
    let answer = server.wait_for(path, |answer| {
        answer["rows"].as_array().is_some_and(|rows| traces <= rows.len() as u64)
    });
    let rows = answer["rows"].as_array().expect("it is a list").iter();
    let row = |row: &Value| {
        let count = row["figures"][0].as_f64().expect("it is a count");
        let key = row["key"][0].as_str().expect("spans have a trace").to_owned();
        (key, format!("{count}").parse().expect("counts are whole"))
    };
    rows.map(row).collect()
}

#[test]
fn a_full_disk_is_told_to_senders_reads_go_on_and_all_is_well_once_there_is_room() {
    let folder = temporary();
    let server = Server::start_with(up_with_little_room(folder.path(), 512));
    let mut taken = 0;
    let refused = loop {
        let head = post(server.otlp(), &request(taken));
        if !head.starts_with("http/1.1 200") {
            break head;
        }
        taken += 1;
        assert!(taken < 500, "files are limited");
    };
    assert!(refused.starts_with("http/1.1 503"), "{refused}");
    assert!(refused.contains("\r\nretry-after: "), "{refused}");
    // With the time after which to try again: without it, this status would mean never.
    assert_eq!(grpc(server.grpc(), &request(taken + 1)), tonic::Code::ResourceExhausted);

    // What was acknowledged is there and is shown, and who looks at the state is told.
    let kept = counted(&server, taken);
    assert_eq!(kept.len() as u64, taken);
    assert!(kept.values().all(|count| *count == SPANS), "{kept:?}");
    let (status, trace) = server.get(&format!("/api/v1/traces/{}", trace_id(0)));
    assert_eq!((status, trace["statements_count"].as_u64()), (200, Some(41)));
    let told = server.wait_for("/api/v1/status", |status| status["problem"].is_string());
    let refusals = told["losses"].as_array().expect("it is a list").len();
    assert_ne!(refusals, 0, "{told}");

    // There is room again: nobody has to do anything.
    let id = server.id().to_string();
    let lifted = Command::new("prlimit").args(["--pid", &id, "--fsize=unlimited:"]).status();
    assert!(lifted.expect("there is prlimit").success());
    for number in taken + 2..taken + 6 {
        let head = post(server.otlp(), &request(number));
        assert!(head.starts_with("http/1.1 200"), "{head}");
    }
    assert_eq!(grpc(server.grpc(), &request(taken + 6)), tonic::Code::Ok);
    let kept = counted(&server, taken + 5);
    assert_eq!(kept.len() as u64, taken + 5);
    assert!(kept.values().all(|count| *count == SPANS), "{kept:?}");
}

#[test]
fn each_acknowledged_span_is_there_once_however_often_it_is_killed() {
    let kills =
        std::env::var("TAUT_TEST_KILLS").map_or(KILLS, |kills| kills.parse().expect("a number"));
    let folder = temporary();
    let (mut acknowledged, mut next) = (Vec::new(), 0);
    for kill in 0..kills {
        let server = Server::start(folder.path());
        let otlp = server.otlp();
        let (acknowledge, told) = mpsc::channel();
        let senders: Vec<_> = (0..2)
            .map(|sender| {
                let acknowledge = acknowledge.clone();
                thread::spawn(move || {
                    for number in (next + sender..).step_by(2) {
                        match server_post(otlp, &request(number)) {
                            Some(true) => acknowledge.send(number).expect("the test listens"),
                            Some(false) => panic!("it refuses"),
                            None => return number,
                        }
                    }
                    unreachable!("it is killed")
                })
            })
            .collect();
        drop(acknowledge);
        // At another moment each time: while it begins to look for faults, makes blocks, saves what it knows.
        acknowledged.extend(told.iter().take(usize::try_from(5 + kill * 13 % 30).expect("few")));
        server.signal("-KILL");
        let last = senders.into_iter().map(|sender| sender.join().expect("it ends by itself"));
        next = last.max().expect("there are two") + 1;
        acknowledged.extend(told.iter());
        drop(server);

        let server = Server::start(folder.path());
        let kept = counted(&server, acknowledged.len() as u64);
        for number in &acknowledged {
            assert_eq!(kept.get(&trace_id(*number)), Some(&SPANS), "after {kill} kills, {number}");
        }
        // What was not acknowledged is there whole or not at all: at most two requests each time.
        assert!(kept.values().all(|count| *count == SPANS), "after {kill} kills: {kept:?}");
        let most = acknowledged.len() as u64 + 2 * (kill + 1);
        assert!(kept.len() as u64 <= most, "{} of {most}", kept.len());
        server.signal("-KILL");
        drop(server);
    }
}

/// Whether a request was acknowledged; `None` once nobody is there.
fn server_post(to: SocketAddr, body: &[u8]) -> Option<bool> {
    crate::up::post_to(to, "/v1/traces", body).ok().map(|status| status == 200)
}

#[test]
fn a_store_on_clickhouse_that_is_away_is_told_by_each_command() {
    let folder = temporary();
    let server = Server::start(folder.path());
    assert_eq!(server.post("application/json", &request(1)).ok(), Some(200));
    server.signal("-TERM");
    assert!(server.ended().success());
    let settings = folder.path().join("taut.toml");
    let text = format!(
        "[store]\nfolder = {:?}\n[store.clickhouse]\nurl = \"http://127.0.0.1:1\"\n",
        folder.path()
    );
    fs::write(&settings, text).expect("it can be written to");
    let told = |words: &[&str]| {
        let mut command = taut();
        command.args(words).arg("--config").arg(&settings).env("TAUT_WEB_LISTEN", "127.0.0.1:1");
        crate::kit::ran(&command.output().expect("the binary runs"))
    };
    let query = told(&["query", "--show", "count"]);
    assert_eq!(query.code, Some(0), "{}", query.words);
    assert!(query.data.contains("42"), "the folder answers for what it has: {}", query.data);
    assert!(query.words.contains("ClickHouse"), "{}", query.words);
    let trace = told(&["trace", &trace_id(1)]);
    assert_eq!(trace.code, Some(0), "{}", trace.words);
    let trace = told(&["trace", &trace_id(9)]);
    assert_eq!(trace.code, Some(3), "{}", trace.words);
    assert!(trace.words.contains("it does not answer"), "{}", trace.words);
    let status = told(&["status"]);
    assert!(status.data.contains("it does not answer"), "{}", status.data);
    let check = told(&["store", "check"]);
    assert_eq!(check.code, Some(3), "{}", check.words);
    assert!(check.words.contains("store.clickhouse.url"), "{}", check.words);
}

#[test]
fn commands_ask_clickhouse_where_the_store_has_it() {
    let clickhouse = testkit::clickhouse::ClickHouse::start();
    let folder = temporary();
    let settings = folder.path().join("taut.toml");
    let text = format!(
        "[store]\nfolder = {:?}\n[store.clickhouse]\nurl = {:?}\nuser = {:?}\n",
        folder.path().join("store"),
        clickhouse.url(),
        testkit::clickhouse::USER
    );
    fs::write(&settings, text).expect("it can be written to");
    let told = |words: &[&str]| {
        let mut command = taut();
        command.args(words).arg("--config").arg(&settings).env("TAUT_WEB_LISTEN", "127.0.0.1:1");
        command.env("TAUT_CLICKHOUSE_PASSWORD", testkit::clickhouse::PASSWORD);
        let ran = crate::kit::ran(&command.output().expect("the binary runs"));
        assert_eq!(ran.code, Some(0), "{words:?}: {}", ran.words);
        ran.data
    };
    let (_keep, recording) = crate::kit::file("one.json", request(1));
    told(&["store", "import", recording.to_str().expect("a plain name")]);
    told(&["store", "compact"]);
    assert_eq!(clickhouse.ask("SELECT count() FROM taut.spans"), "42", "all of it has gone there");
    assert_eq!(told(&["query", "--show", "count"]), "count\n   42\n");
    assert!(told(&["trace", &trace_id(1)]).contains("41 queries"));
    let check = told(&["store", "check"]);
    assert!(check.contains("ClickHouse, spans: 42 rows of 1 log\n"), "{check}");
    let out = folder.path().join("spans.jsonl");
    told(&["store", "export", out.to_str().expect("a plain name")]);
    let exported = fs::read_to_string(&out).expect("it was written");
    assert_eq!(exported.matches("\"spanId\"").count(), 42);
}
