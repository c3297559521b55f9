//! Findings of a running `taut up`: asked for over its API, shown as a table.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use serde_json::Value;

use crate::failure::Failure;

/// An answer is small; more than this is none.
const ANSWER_BYTES_MAX: u64 = 64 << 20;

/// What a running Taut found so far, as `GET /api/v1/findings` answers.
pub(crate) fn fetch(port: u16) -> Result<Value, Failure> {
    const PATH: &str = "/api/v1/findings";
    let address = format!("127.0.0.1:{port}");
    let failed =
        || Failure::world(format!("failed to ask `http://{address}{PATH}` for the findings"));
    let answer = get(port, PATH).map_err(|error| failed().cause(error))?;
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .ok_or_else(|| failed().cause("what came back is no answer of HTTP"))?;
    if head.split_whitespace().nth(1) != Some("200") {
        return Err(failed().cause(head.lines().next().unwrap_or_default()).cause(body));
    }
    serde_json::from_str(body).map_err(|error| failed().cause(error))
}

/// The findings as they are read in a terminal: claim, cost, what to do.
pub(crate) fn table(findings: &Value) -> String {
    let empty = Vec::new();
    let all = findings["findings"].as_array().unwrap_or(&empty);
    if all.is_empty() {
        return "nothing found\n".to_owned();
    }
    let mut lines = vec!["What to fix first\n".to_owned()];
    for finding in all {
        let text = |key: &str| finding[key].as_str().unwrap_or_default().to_owned();
        lines.push(format!(
            "{:<8}  {}  {}  ({})",
            text("level"),
            text("operation"),
            text("claim"),
            text("fault")
        ));
        let told: Vec<String> =
            [hours(finding), fewer(finding), faster(finding)].into_iter().flatten().collect();
        if !told.is_empty() {
            lines.push(format!("          {}", told.join("; ")));
        }
        if let Some(advice) = finding["advice"][0]["text"].as_str() {
            lines.push(format!("          {advice}"));
        }
    }
    lines.push(String::new());
    lines.join("\n")
}

/// What it costs users, as far as a tenth of an hour shows.
fn hours(finding: &Value) -> Option<String> {
    let hours = finding["impact"]["user_hours_per_day"].as_f64().unwrap_or(0.0);
    (hours >= 0.05).then(|| format!("{hours:.1} hours a day"))
}

/// What becomes fewer, if anything does: statements, or calls of other services.
fn fewer(finding: &Value) -> Option<String> {
    let counted = [
        ("statements", "statements_now", "statements_after"),
        ("calls", "calls_now", "calls_after"),
    ];
    let (unit, now, after) =
        counted.into_iter().find(|(_, now, after)| finding[now] != finding[after])?;
    Some(format!("{} -> {} {unit}", finding[now], finding[after]))
}

/// How long requests take, where it is about requests.
fn faster(finding: &Value) -> Option<String> {
    let millis = |key: &str| finding[key].as_f64().unwrap_or(0.0) / 1_000.0;
    let (now, after) = (millis("duration_now_micros"), millis("duration_after_micros"));
    (now > 0.0).then(|| format!("p95 {now:.0} ms -> {after:.0} ms"))
}

/// HTTP/1.0: the answer ends where the connection does.
fn get(port: u16, path: &str) -> std::io::Result<String> {
    const LIMIT: Duration = Duration::from_secs(30);
    let mut stream = TcpStream::connect_timeout(&SocketAddr::from(([127, 0, 0, 1], port)), LIMIT)?;
    stream.set_read_timeout(Some(LIMIT))?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_finding_is_told_in_three_lines() {
        let findings = json!({"findings": [{
            "level": "critical", "operation": "GET api/orders/", "claim": "customers are fetched one by one",
            "fault": "n-plus-one", "impact": {"user_hours_per_day": 13.94}, "statements_now": 384,
            "statements_after": 3, "duration_now_micros": 1_180_000.0, "duration_after_micros": 99_600.0,
            "advice": [{"text": "load customers together with orders"}]
        }]});
        assert_eq!(
            table(&findings),
            "What to fix first\n\n\
             critical  GET api/orders/  customers are fetched one by one  (n-plus-one)\n          \
             13.9 hours a day; 384 -> 3 statements; p95 1180 ms -> 100 ms\n          \
             load customers together with orders\n"
        );
    }
    #[test]
    fn a_finding_about_the_server_tells_no_requests() {
        let findings = json!({"findings": [{
            "level": "low", "operation": "server", "claim": "blocks are not in the buffers", "fault": "low-buffer-hits",
            "impact": {"user_hours_per_day": -0.0}, "duration_now_micros": 0.0, "duration_after_micros": 0.0,
            "advice": [{"text": "set shared_buffers"}]
        }]});
        let told = "low       server  blocks are not in the buffers  (low-buffer-hits)\n          set shared_buffers\n";
        assert!(table(&findings).ends_with(told));
    }
}
