//! `taut query` and `taut status`: asked of a running server, and of a folder.

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::{
    kit::{ran, taut},
    up::{Server, now_nanos, post_to, request, temporary},
};

/// A server with one request and the log records that were written during it.
fn server(folder: &std::path::Path) -> Server {
    let server = Server::start(folder);
    assert_eq!(server.post("application/json", &request(1)).expect("it answers"), 200);
    let record = |severity: u32, body: &str| {
        json!({
            "timeUnixNano": now_nanos().to_string(), "severityNumber": severity,
            "body": { "stringValue": body }, "traceId": crate::kit::trace_id(1),
        })
    };
    let resource =
        json!({ "attributes": [{ "key": "service.name", "value": { "stringValue": "shop" } }] });
    let records = [record(9, "listing"), record(9, "listing"), record(17, "no customer 7")];
    let logs = json!({ "resourceLogs": [{
        "resource": resource, "scopeLogs": [{ "logRecords": records }],
    }] });
    let status = post_to(server.otlp(), "/v1/logs", logs.to_string().as_bytes());
    assert_eq!(status.expect("it answers"), 200);
    server
}

fn asked(server: &Server, arguments: &[&str]) -> crate::kit::Ran {
    let mut command = taut();
    command.args(arguments).env("TAUT_WEB_LISTEN", server.pages().to_string());
    ran(&command.output().expect("the binary runs"))
}

#[test]
fn a_running_server_is_asked() {
    let folder = temporary();
    let server = server(folder.path());
    let spans = asked(
        &server,
        &["query", "service.name = shop", "--group", "kind", "--show", "count,errors,p95"],
    );
    assert_eq!(spans.code, Some(0), "{}", spans.words);
    assert_snapshot!(spans.data, @"
    kind    count  errors      p95
    client     41       0  5.00 ms
    server      1       0   260 ms
    ");
    let logs = asked(&server, &["query", "--of", "logs", "--group", "severity,body", "--csv"]);
    assert_eq!(logs.data, "severity,body,count\r\ninfo,listing,2\r\nerror,no customer 7,1\r\n");
    assert_eq!(logs.words, "3 rows passed of 3 looked at\n");
    let json = asked(&server, &["query", "--json"]);
    let answer: Value = serde_json::from_str(&json.data).expect("it is JSON");
    assert_eq!((&answer["of"], &answer["rows"][0]["figures"]), (&json!("spans"), &json!([42.0])));
}

#[test]
fn without_a_server_the_folder_is_read() {
    let folder = temporary();
    let server = server(folder.path());
    let pages = server.pages();
    server.signal("-TERM");
    assert!(server.ended().success());
    let mut command = taut();
    command.args(["query", "--show", "count"]).env("TAUT_WEB_LISTEN", pages.to_string());
    command.env("TAUT_STORE_FOLDER", folder.path());
    let ran = ran(&command.output().expect("the binary runs"));
    assert_eq!((ran.code, ran.data.as_str()), (Some(0), "count\n   42\n"));
    assert!(ran.words.contains("nobody answers on"), "{}", ran.words);
}

#[test]
fn what_is_not_understood_is_told_before_anybody_is_asked() {
    let wrong = crate::kit::run(["query", "duration > fast"]);
    assert_eq!(wrong.code, Some(2));
    assert_snapshot!(wrong.words, @"
    error: the filter is not understood: `fast` is no duration

    hint: write a number and its unit: `200ms`, `1.5s`, `40us`
    ");
    let wrong = crate::kit::run(["query", "--show", "cats"]);
    assert_eq!(wrong.code, Some(2));
    assert!(wrong.words.starts_with("error: --show is not understood: `cats` is no figure"));
}

#[test]
fn the_status_says_what_runs_and_what_it_keeps() {
    let folder = temporary();
    let server = server(folder.path());
    let status = asked(&server, &["status"]);
    assert_eq!(status.code, Some(0), "{}{}", status.data, status.words);
    let told = [
        "is up since",
        "42 spans kept, 0 refused, 0 lost since the start",
        "3 log records kept",
        "free on its disk",
    ];
    for words in told {
        assert!(status.data.contains(words), "{words} is missing: {}", status.data);
    }
    let json: Value =
        serde_json::from_str(&asked(&server, &["status", "--json"]).data).expect("it is JSON");
    assert_eq!(json["log_records"], 3);
}

#[test]
fn without_a_server_the_status_says_so_and_what_the_folder_has() {
    let folder = temporary();
    let mut command = taut();
    // Nobody listens on a port that is given back at once.
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let address = free.local_addr().expect("it is known");
    drop(free);
    command.args(["status", "--store"]).arg(folder.path().join("none"));
    command.env("TAUT_WEB_LISTEN", address.to_string());
    let ran = ran(&command.output().expect("the binary runs"));
    assert_eq!(ran.code, Some(1), "{}", ran.words);
    assert!(ran.data.starts_with(&format!("nobody answers on {address}\n")), "{}", ran.data);
    assert!(ran.data.contains("`taut up` starts one."), "{}", ran.data);
}
