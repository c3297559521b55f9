//! `taut trace`: waterfalls of files; those of the store are in `up`.

use insta::assert_snapshot;

use crate::kit::{file, ran, recording, run, taut, ten_orders, trace_id};

#[test]
fn similar_rows_are_folded() {
    let (_folder, path) = file("orders.jsonl", ten_orders("/api/orders/", "customers"));
    let path = path.to_str().expect("temporary folders have plain names");
    let ran = run(["trace", path, "--id", &trace_id(7)]);
    assert_eq!((ran.code, ran.words.as_str()), (Some(0), ""));
    assert_snapshot!(ran.data, @"
    GET /api/orders/
    260 ms · 41 queries
    shop 0000000000000000000000ab00000007

    GET /api/orders/                              ██████████████████████████████████████████    260 ms
      SELECT orders                               █                                            5.00 ms
      SELECT customers by id × 40, 200 ms in all   █                                           5.00 ms

    Statements
         200 ms  40 similar select name from customers where id = ?
        5.00 ms  select id, customer_id from orders limit ?
    ");
    let all = run(["trace", path, "--id", &trace_id(7), "--all"]);
    assert_eq!(all.data.lines().count(), ran.data.lines().count() + 39);
}

#[test]
fn the_waterfall_fits_the_terminal() {
    for name in ["faulty-orders", "faulty-dashboard", "faulty-invoice", "faulty-webhooks"] {
        for columns in [60, 100] {
            let output = taut()
                .args(["trace", "--all"])
                .arg(recording(name))
                .env("COLUMNS", columns.to_string())
                .output()
                .expect("the binary runs");
            for line in ran(&output).data.lines() {
                assert!(line.chars().count() <= columns, "{columns}: {line}");
            }
        }
    }
}

#[test]
fn a_trace_that_is_not_there_is_told() {
    let (_folder, path) = file("orders.jsonl", ten_orders("/api/orders/", "customers"));
    let path = path.to_str().expect("temporary folders have plain names");
    let tell = |id: &str| {
        let ran = run(["trace", path, "--id", id]);
        assert_eq!(ran.code, Some(2));
        ran.words.replace(path, "FILE")
    };
    assert_snapshot!(tell(&trace_id(99)), @"
    error: `FILE` holds no such trace

    hint: it holds 10 others
    ");
    assert_snapshot!(tell("xyz"), @"
    error: `xyz` is no trace id

    hint: a trace id has up to 32 hexadecimal digits
    ");
    let nowhere = tempfile::tempdir().expect("there is a place for temporary files");
    let output = taut()
        .args(["trace", &trace_id(1)])
        .current_dir(nowhere.path())
        .env("TAUT_STORE_FOLDER", "none")
        .output()
        .expect("the binary runs");
    assert_snapshot!(ran(&output).words, @"
    error: there is no store in `none`

    hint: `taut up` makes one; `--config` or TAUT_STORE_FOLDER says where it is
    ");
}
