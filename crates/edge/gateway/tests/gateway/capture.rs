//! What is captured: requests and answers as they passed, without what must not be kept, whatever the disk does.

use std::{path::Path, time::Duration};

use ::capture::{Line, parse, usual};
use model::{Exchange, Kept};
use traffic::{
    capture::{CaptureRules, DrawBy},
    plan::Plan,
};

use crate::{
    kit::{ask, plan, start},
    nginx::Nginx,
};

fn rules(folder: &Path) -> CaptureRules {
    CaptureRules {
        folder: folder.to_owned(),
        share: 1.0,
        by: DrawBy::Chance,
        body_bytes_max: 4 << 10,
        file_bytes_max: 64 << 20,
        file_age_max: Duration::from_hours(1),
        total_bytes_max: 1 << 30,
        waiting_bytes_max: 8 << 20,
        key: None,
        redaction: usual(),
        to: None,
    }
}

fn with(nginx: &Nginx, rules: CaptureRules) -> Plan {
    Plan { capture: Some(rules), ..plan(&[nginx.address]) }
}

/// What is in the folder, in the order in which it was written.
fn kept(folder: &Path) -> Vec<Exchange> {
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .expect("it is there")
        .flatten()
        .map(|entry| entry.path())
        .collect();
    paths.sort();
    let packed = paths.iter().filter(|path| path.extension().is_some_and(|ending| ending == "zst"));
    let mut exchanges = Vec::new();
    for path in packed {
        let text =
            std::fs::File::open(path).and_then(zstd::decode_all).expect("it is packed whole");
        let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        for line in lines {
            if let Line::Exchange(exchange) = parse(line).expect("it is a line of a capture") {
                exchanges.push(*exchange);
            }
        }
    }
    exchanges
}

const SECRET: &str = "tok-of-ada-1234567890abcdef";

#[test]
fn a_copy_is_taken_and_no_secret_is_in_it() {
    let (folder, nginx) = (tempfile::tempdir().unwrap(), Nginx::start());
    let gateway = start(with(&nginx, rules(folder.path())));
    let head =
        "GET /small?email=ada%40mail.example.org HTTP/1.1\r\nhost: a\r\nconnection: close\r\n";
    let answer = ask(gateway.address, &format!("{head}authorization: Bearer {SECRET}\r\n\r\n"));
    let body = "{\"password\":\"hunter2\",\"n\":1}";
    let post = format!(
        "POST /small HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let refused = ask(gateway.address, &post);
    assert!(
        answer.starts_with("HTTP/1.1 200") && refused.starts_with("HTTP/1.1 405"),
        "{answer} {refused}"
    );
    gateway.stop();
    let kept = kept(folder.path());
    assert_eq!(kept.len(), 2);
    let seen = kept[0].answer.as_ref().unwrap();
    assert_eq!((seen.status, seen.body.kept), (200, Kept::Whole));
    assert!(answer.ends_with(&String::from_utf8(seen.body.bytes.clone()).unwrap()));
    assert!(kept[0].request.header("authorization").unwrap().starts_with("Bearer ~"));
    assert!(kept[0].client.starts_with('~') && !kept[0].request.target.contains("ada"));
    let posted = String::from_utf8(kept[1].request.body.bytes.clone()).unwrap();
    assert!(posted.starts_with("{\"password\":\"~") && posted.ends_with("\",\"n\":1}"), "{posted}");
}

#[test]
fn bodies_are_cut_and_packed_ones_are_looked_into() {
    let (folder, nginx) = (tempfile::tempdir().unwrap(), Nginx::start());
    let gateway = start(with(&nginx, rules(folder.path())));
    let get =
        |more: &str| format!("GET /large HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{more}\r\n");
    let plain = ask(gateway.address, &get(""));
    ask(gateway.address, &get("accept-encoding: gzip\r\n"));
    gateway.stop();
    let kept = kept(folder.path());
    assert_eq!(kept.len(), 2);
    for exchange in &kept {
        let body = &exchange.answer.as_ref().unwrap().body;
        assert!(body.bytes.len() <= 4 << 10 && body.kept != Kept::Whole, "{:?}", body.kept);
    }
    assert!(kept[0].answer.as_ref().unwrap().body.sent_bytes <= plain.len() as u64);
}

#[test]
fn a_share_of_requests_is_taken_and_a_route_has_its_own() {
    let (folder, nginx) = (tempfile::tempdir().unwrap(), Nginx::start());
    let mut plan = with(&nginx, CaptureRules { share: 0.3, ..rules(folder.path()) });
    let gateway = start(plan.clone());
    let get = "GET /small HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    for _ in 0..200 {
        ask(gateway.address, get);
    }
    gateway.stop();
    let taken = kept(folder.path()).len();
    assert!((30..=90).contains(&taken), "{taken} of 200 at 30 %");
    plan.routes[0].capture = Some(0.0);
    let gateway = start(plan);
    ask(gateway.address, get);
    gateway.stop();
    assert_eq!(kept(folder.path()).len(), taken);
}

#[test]
fn files_stay_within_their_bounds() {
    let (folder, nginx) = (tempfile::tempdir().unwrap(), Nginx::start());
    let small =
        CaptureRules { file_bytes_max: 4 << 10, total_bytes_max: 6 << 10, ..rules(folder.path()) };
    let gateway = start(with(&nginx, small));
    for _ in 0..150 {
        ask(gateway.address, "GET /small HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    }
    gateway.stop();
    let sizes = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().metadata().unwrap().len());
    let total: u64 = sizes.sum();
    // The key lies there as well.
    assert!(total <= (6 << 10) + 64, "{total} bytes");
    assert!(!kept(folder.path()).is_empty());
}

#[test]
fn a_folder_that_cannot_be_written_costs_no_request() {
    let (folder, nginx) = (tempfile::tempdir().unwrap(), Nginx::start());
    let taken = folder.path().join("a-file");
    std::fs::write(&taken, "not a folder").unwrap();
    let gateway = start(with(&nginx, rules(&taken.join("below"))));
    let answer =
        ask(gateway.address, "GET /small HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    gateway.stop();
}
