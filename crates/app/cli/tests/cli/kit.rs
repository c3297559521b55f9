//! Runs the binary, and makes recordings for it.

use std::{
    ffi::OsStr,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::atomic::{AtomicU64, Ordering},
};

use serde_json::{Value, json};

/// What a run of the binary gave.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) data: String,
    pub(crate) words: String,
}

/// The binary, with nothing of the environment that would change what it does.
pub(crate) fn taut() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_taut"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("TAUT_") {
            command.env_remove(name);
        }
    }
    command.env_remove("COLUMNS").env_remove("CLICOLOR_FORCE").env("RUST_BACKTRACE", "0");
    command.current_dir(std::env::temp_dir()).stdin(Stdio::null());
    command
}

pub(crate) fn run(arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Ran {
    ran(&taut().args(arguments).output().expect("the binary runs"))
}

pub(crate) fn ran(output: &Output) -> Ran {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("all output is UTF-8");
    Ran { code: output.status.code(), data: text(&output.stdout), words: text(&output.stderr) }
}

/// Gives the binary something on standard input.
pub(crate) fn run_with_input(arguments: &[&str], input: &[u8]) -> Ran {
    let mut child = taut()
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    child.stdin.take().expect("it is piped").write_all(input).expect("it reads everything");
    ran(&child.wait_with_output().expect("it ends"))
}

/// A recording of the proving ground.
pub(crate) fn recording(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..");
    root.join("proving-ground/recordings").join(format!("{name}.otlp.jsonl.gz"))
}

/// A file with this content; it stays until the test ends.
pub(crate) fn file(name: &str, content: impl AsRef<[u8]>) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("there is a place for temporary files");
    let path = folder.path().join(name);
    std::fs::write(&path, content).expect("it can be written to");
    (folder, path)
}

pub(crate) fn trace_id(number: u64) -> String {
    format!("{:032x}", 0xab_0000_0000 + number)
}

/// An OTLP request with one request to the shop: a list whose customers are fetched one by one.
pub(crate) fn orders(trace: u64, start_nanos: u64, route: &str, table: &str) -> Value {
    static SPANS: AtomicU64 = AtomicU64::new(1);
    let id = || format!("{:016x}", SPANS.fetch_add(1, Ordering::Relaxed));
    let root = id();
    let span = |id: &str, parent: &str, kind: u32, millis: (u64, u64), told: &[(&str, String)]| {
        let attributes: Vec<Value> = told
            .iter()
            .map(|(key, text)| json!({"key": key, "value": {"stringValue": text}}))
            .collect();
        json!({
            "traceId": trace_id(trace), "spanId": id, "parentSpanId": parent, "kind": kind,
            "name": told[0].1, "attributes": attributes,
            "startTimeUnixNano": (start_nanos + millis.0 * 1_000_000).to_string(),
            "endTimeUnixNano": (start_nanos + millis.1 * 1_000_000).to_string(),
        })
    };
    let request = [
        ("http.request.method", "GET".to_owned()),
        ("http.route", route.to_owned()),
        ("url.path", route.to_owned()),
    ];
    let mut spans = vec![span(&root, "", 2, (0, 260), &request)];
    let mut query = |text: String, from: u64| {
        let told = [("db.query.text", text), ("db.system.name", "postgresql".to_owned())];
        spans.push(span(&id(), &root, 3, (from, from + 5), &told));
    };
    query("SELECT id, customer_id FROM orders LIMIT 40".to_owned(), 1);
    for customer in 0..40 {
        let id = trace * 1_000 + customer;
        query(format!("SELECT name FROM {table} WHERE id = {id}"), 7 + customer * 6);
    }
    json!({"resourceSpans": [{
        "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]},
        "scopeSpans": [{"spans": spans}],
    }]})
}

/// Ten such requests, one per line.
pub(crate) fn ten_orders(route: &str, table: &str) -> String {
    let line = |trace| {
        format!(
            "{}\n",
            orders(trace, 1_767_225_600_000_000_000 + trace * 1_000_000_000, route, table)
        )
    };
    (0..10).map(line).collect()
}
