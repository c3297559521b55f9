//! Reports: the same findings for people, machines, tickets and browsers.

use insta::assert_snapshot;
use serde_json::Value;

use crate::kit::{file, ran, recording, run, taut, ten_orders};

const HOSTILE: &str = "/<script>alert(1)</script>/`|*[x](http://evil.example)/\u{1b}[2J\u{202e}/";

fn find(arguments: &[&str], columns: &str) -> String {
    let recordings = ["faulty-orders", "faulty-trending", "faulty-invoice", "faulty-webhooks"];
    let output = taut()
        .arg("find")
        .args(arguments)
        .args(recordings.map(recording))
        .env("COLUMNS", columns)
        .output()
        .expect("the binary runs");
    let ran = ran(&output);
    assert_eq!((ran.code, ran.words.as_str()), (Some(1), ""));
    ran.data
}

fn hostile(format: &[&str]) -> String {
    let (_folder, path) = file("hostile.jsonl", ten_orders(HOSTILE, "\"<img src=x onerror=y>\""));
    let output = taut().arg("find").args(format).arg(path).output().expect("the binary runs");
    let ran = ran(&output);
    assert_eq!((ran.code, ran.words.as_str()), (Some(1), ""));
    ran.data
}

/// How long it took differs from run to run.
fn steady(report: &str) -> String {
    let is_timed = |line: &&str| line.contains(" looked at in ");
    report.lines().filter(|line| !is_timed(line)).collect::<Vec<_>>().join("\n")
}

#[test]
fn people_read_what_to_fix_and_why() {
    let (_folder, path) = file("orders.jsonl", ten_orders("/api/orders/", "customers"));
    let ran = run([std::ffi::OsStr::new("find"), path.as_os_str()]);
    assert_eq!((ran.code, ran.words.as_str()), (Some(1), ""));
    assert_snapshot!(steady(&ran.data), @"
    What to fix first
    wastes 47 min/d of your users' time, 47 min/d of database time (95 %)
    10 requests of 1 operation in 10 traces, seen over 9.00 s; a day is extrapolated from that

    medium    GET /api/orders/
              Rows of customers are fetched one by one
              n-plus-one · 47 min/d · 260 ms → ~65.0 ms · 41 → 2 q · 0.5 d ██████████
              │ 1 x select id, customer_id from orders limit ?
              │ 40 x select name from customers where id = ?, 5.00 ms each
              │ 10 of 10 requests; slowest 260 ms, trace 0000000000000000000000ab00000000
              → Load what belongs to the rows together with the rows: one further statement instead of
                40.
                -- once for all rows, with the keys of all of them in $1
                SELECT … FROM customers WHERE id = ANY($1);
    ");
}

#[test]
fn no_line_is_longer_than_the_terminal() {
    for (columns, most) in [("60", 60), ("100", 100), ("500", 100), ("1", 60)] {
        for line in find(&["--top", "99"], columns).lines() {
            assert!(line.chars().count() <= most, "{columns}: {line}");
        }
    }
}

#[test]
fn what_is_piped_has_no_colours_unless_they_are_asked_for() {
    assert!(!find(&[], "100").contains('\u{1b}'));
    let coloured = |forced: bool| {
        let mut command = taut();
        command.arg("find").arg(recording("faulty-orders")).env("CLICOLOR_FORCE", "1");
        command.env_remove("NO_COLOR");
        if !forced {
            command.env("NO_COLOR", "1").env_remove("CLICOLOR_FORCE");
        }
        ran(&command.output().expect("the binary runs")).data.contains('\u{1b}')
    };
    assert!(coloured(true));
    assert!(!coloured(false));
}

#[test]
fn the_same_recording_gives_the_same_report() {
    for format in ["--json", "--html", "--markdown"] {
        assert_eq!(find(&[format], "100"), find(&[format], "100"), "{format}");
    }
    assert_eq!(steady(&find(&[], "100")), steady(&find(&[], "100")));
}

#[test]
fn json_says_everything_under_steady_names() {
    let report: Value = serde_json::from_str(&find(&["--json"], "100")).expect("it is JSON");
    let keys = |value: &Value| {
        let object = value.as_object().expect("it is an object");
        object.keys().cloned().collect::<Vec<_>>().join(" ")
    };
    assert_snapshot!(keys(&report), @"findings totals version");
    let findings = report["findings"].as_array().expect("it is a list");
    let first = findings.first().expect("there are some");
    assert_snapshot!(keys(first), @"advice calls_after calls_now claim duration_after_micros duration_now_micros effort_days evidence examples fault first_seen_unix_ms frameworks id impact language last_seen_unix_ms level operation requests service sightings statements_after statements_now");
    assert_snapshot!(keys(&first["impact"]), @"database_hours_per_day database_share requests_per_day saved_error_micros saved_micros user_hours_per_day worker_share");
    assert_eq!(report["totals"]["findings"], findings.len());
}

#[test]
fn the_page_needs_nothing_else() {
    let page = find(&["--html"], "100");
    assert!(page.starts_with("<!DOCTYPE html>"));
    for forbidden in
        ["<script", "<link", "<img", "<iframe", "src=", "url(", "@import", "javascript:"]
    {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
    let fetched = page.split("href=\"").skip(1).filter(|link| !link.starts_with('#')).count();
    assert_eq!(fetched, 0, "links stay within the page");
}

#[test]
fn names_from_spans_stay_names() {
    let page = hostile(&["--html"]);
    assert!(page.contains("&lt;script&gt;"));
    assert!(!page.contains("<script") && !page.contains("<img"));

    let markdown = hostile(&["--markdown"]);
    let table = markdown.lines().find(|line| line.contains("n-plus-one")).expect("it is found");
    assert!(table.contains("\\<script>") && table.contains("\\`\\|\\*\\[x"), "{table}");

    for report in [hostile(&[]), markdown] {
        assert!(!report.contains('\u{1b}') && !report.contains('\u{202e}'), "{report}");
    }
    let (_folder, path) = file("hostile.jsonl", ten_orders(HOSTILE, "customers"));
    let forced =
        taut().arg("find").arg(path).env("CLICOLOR_FORCE", "1").output().expect("the binary runs");
    assert!(!ran(&forced).data.contains("\u{1b}[2J"), "a name cleared the screen");
}

#[test]
fn a_ticket_can_be_made_of_it() {
    let (_folder, path) = file("orders.jsonl", ten_orders("/api/orders/", "customers"));
    let path = path.to_str().expect("temporary folders have plain names");
    assert_snapshot!(run(["find", "--markdown", path]).data, @"
    # What to fix first

    wastes 47 min/d of your users' time, 47 min/d of database time (95 %). 10 requests of 1 operation in 10 traces, seen over 9.00 s; a day is extrapolated from that.

    | level | where | what | fault | users wait | p95 | queries | effort |
    |---|---|---|---|--:|--:|--:|--:|
    | medium | GET /api/orders/ | rows of customers are fetched one by one | n-plus-one | 47 min/d | 260 ms → ~65.0 ms | 41 → 2 q | 0.5 d |

    ## GET /api/orders/: rows of customers are fetched one by one

    Service `shop`, 10 of 10 requests.

    ```text
    1 x select id, customer_id from orders limit ?
    40 x select name from customers where id = ?, 5.00 ms each
    ```

    Load what belongs to the rows together with the rows: one further statement instead of 40.

    ```sql
    -- once for all rows, with the keys of all of them in $1
    SELECT … FROM customers WHERE id = ANY($1);
    ```

    Slowest traces: `0000000000000000000000ab00000000` (260 ms), `0000000000000000000000ab00000001` (260 ms), `0000000000000000000000ab00000002` (260 ms)
    ");
}
