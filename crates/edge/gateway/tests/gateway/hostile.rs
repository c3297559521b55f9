//! Clients that mean harm, or know no better: nothing is understood in two ways, nothing grows without bound.

use std::{io::Write as _, time::Duration};

use crate::{
    encrypted,
    kit::{Origin, Path, ask, ask_on, connect, get, ok, plan, read_all, start, status},
};

/// What a hostile request comes to: the answer's status, and how many requests the member saw. The same on both
/// paths of the gateway, its own for HTTP/1.1 and hyper's, and on its own where the connection is encrypted.
fn outcome(request: &str) -> (String, usize) {
    let here = outcome_on(Path::Plain, request);
    assert_eq!(outcome_on(Path::Hyper, request), here, "the other path, {request:?}");
    assert_eq!(encrypted::outcome(request), here, "encrypted, {request:?}");
    here
}

pub(crate) fn outcome_on(path: Path, request: &str) -> (String, usize) {
    let origin = Origin::start(|_| ok("x"));
    let mut plan = plan(&[origin.address]);
    plan.bounds.head_time = Duration::from_millis(500);
    let gateway = start(plan);
    let answer = ask_on(path, gateway.address, request);
    let before = origin.seen().len();
    // Whatever it was, the next client is answered as if nothing had been.
    let after = get(gateway.address, "/after");
    assert_eq!(status(&after), "200");
    let seen = origin.seen();
    assert!(!seen.iter().any(|one| one.contains("/smuggled")), "smuggled: {seen:?}");
    let first = usize::from(path == Path::Hyper);
    (status(&answer).to_owned(), before - first)
}

#[test]
fn lengths_that_contradict_are_refused() {
    let refused = |lines: &str, body: &str| {
        let request = format!("POST / HTTP/1.1\r\nhost: a\r\n{lines}\r\n\r\n{body}");
        assert_eq!(outcome(&request), ("400".to_owned(), 0), "{lines}");
    };
    refused("content-length: 5\r\ncontent-length: 6", "abcdef");
    refused("content-length: 5, 6", "abcdef");
    refused("content-length: +5", "abcde");
    refused("content-length: -1", "");
    refused("content-length: 0x5", "abcde");
    refused("content-length : 5", "abcde");
    refused("transfer-encoding: chunked\r\ntransfer-encoding: identity", "0\r\n\r\n");
    refused("transfer-encoding: xchunked", "0\r\n\r\n");
    refused("transfer-encoding: chunked, identity", "0\r\n\r\n");
}

#[test]
fn a_coding_that_is_not_known_is_refused() {
    let request = "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n";
    assert_eq!(outcome(request), ("501".to_owned(), 0));
}

#[test]
fn a_length_beside_chunks_smuggles_nothing() {
    // Who goes by the length takes the last line for another request.
    for lines in [
        "content-length: 4\r\ntransfer-encoding: chunked",
        "transfer-encoding: chunked\r\ncontent-length: 4",
    ] {
        let request = format!(
            "POST / HTTP/1.1\r\nhost: a\r\n{lines}\r\nconnection: close\r\n\r\n\
             3c\r\nGET /smuggled HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nx=1234567\r\n0\r\n\r\n"
        );
        assert_eq!(outcome_on(Path::Plain, &request), ("400".to_owned(), 0));
        let (status, requests) = outcome_on(Path::Hyper, &request);
        assert!(["200", "400"].contains(&&*status) && requests <= 1, "{status} {requests}");
    }
}

#[test]
fn odd_lines_are_refused() {
    let refused =
        |request: &str| assert_eq!(outcome(request), ("400".to_owned(), 0), "{request:?}");
    refused("GET / HTTP/1.1\r\nhost: a\r\nx: 1\r\n folded\r\n\r\n");
    refused("GET / HTTP/1.1\r\nhost: a\r\nx y: 1\r\n\r\n");
    refused("GET / HTTP/1.1\r\nhost: a\r\nx: a\0b\r\n\r\n");
    refused("GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n");
    refused("GET / HTTP/1.1\r\nhost: a/../b\r\n\r\n");
    refused("GET / HTTP/1.1\r\nno-host: a\r\n\r\n");
    refused("GET /a b HTTP/1.1\r\nhost: a\r\n\r\n");
    refused("GET / HTTP/9.9\r\nhost: a\r\n\r\n");
}

#[test]
fn chunks_that_are_none_end_the_connection() {
    for chunks in
        ["zz\r\nabc\r\n0\r\n\r\n", "ffffffffffffffffff\r\nabc", "3\r\nabcdef\r\n0\r\n\r\n"]
    {
        let request =
            format!("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n{chunks}");
        let (status, _) = outcome_on(Path::Plain, &request);
        assert_eq!(status, "400", "{chunks:?}");
    }
}

#[test]
fn heads_without_end_are_cut_off() {
    let long = format!("GET / HTTP/1.1\r\nhost: a\r\nx: {}\r\n\r\n", "y".repeat(200_000));
    assert_eq!(outcome(&long), ("431".to_owned(), 0));
    let lines: Vec<String> = (0..500).map(|number| format!("x{number}: y\r\n")).collect();
    let lines = lines.concat();
    assert_eq!(
        outcome(&format!("GET / HTTP/1.1\r\nhost: a\r\n{lines}\r\n")),
        ("431".to_owned(), 0)
    );
}

#[test]
fn who_never_ends_a_head_is_hung_up_on() {
    for path in [Path::Plain, Path::Hyper] {
        let (_, requests) = outcome_on(path, "GET / HTTP/1.1\r\nhost: a\r\nx: 1");
        assert_eq!(requests, 0);
    }
}

#[test]
fn who_never_ends_a_body_is_hung_up_on() {
    let origin = Origin::start(|_| ok("x"));
    let mut plan = plan(&[origin.address]);
    plan.bounds.body_pause = Duration::from_millis(200);
    let gateway = start(plan);
    let request = "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nabc";
    let answer = ask(gateway.address, request);
    assert_eq!(status(&answer), "408");
    assert_eq!(origin.seen().len(), 0);
}

#[test]
fn requests_one_after_the_other_in_one_packet_are_answered_in_turn() {
    let origin = Origin::start(|request| {
        let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
        ok(&path)
    });
    let gateway = start(plan(&[origin.address]));
    let request = "GET /1 HTTP/1.1\r\nhost: a\r\n\r\nGET /2 HTTP/1.1\r\nhost: a\r\n\r\n\
                   GET /3 HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    let answer = ask(gateway.address, request);
    let places: Vec<Option<usize>> =
        ["\r\n\r\n/1", "\r\n\r\n/2", "\r\n\r\n/3"].iter().map(|part| answer.find(part)).collect();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{answer}");
}

#[test]
fn a_client_that_closes_its_half_is_still_answered() {
    let origin = Origin::start(|_| ok("still here"));
    let gateway = start(plan(&[origin.address]));
    let mut client = connect(gateway.address);
    client.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
    client.shutdown(std::net::Shutdown::Write).unwrap();
    assert!(read_all(&mut client).ends_with("still here"));
}

#[test]
fn heads_of_64_kib_pass_where_they_are_let_in_and_are_refused_where_not() {
    let large = "y".repeat(64 << 10);
    let told = large.clone();
    let origin = Origin::start(move |request| {
        let came = request.lines().any(|line| line == format!("x-large: {told}"));
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: 1\r\nx-back: {told}\r\n\r\n");
        crate::kit::Reply::Send(format!("{head}{}", u8::from(came)).into())
    });
    let mut wide = plan(&[origin.address]);
    wide.bounds.head_bytes_max = 128 << 10;
    let gateway = start(wide);
    let request =
        format!("GET / HTTP/1.1\r\nhost: a\r\nx-large: {large}\r\nconnection: close\r\n\r\n");
    for path in [Path::Plain, Path::Hyper] {
        let line = path.line();
        let request = request.replacen("x-large", &format!("{line}x-large"), 1);
        let answer = ask(gateway.address, &request);
        assert_eq!(status(&answer), "200", "{path:?}");
        assert!(
            answer.contains(&format!("x-back: {large}\r\n")) && answer.ends_with('1'),
            "{path:?}"
        );
    }
    let narrow = start(plan(&[origin.address]));
    assert_eq!(status(&ask(narrow.address, &request)), "431");
    // What a member answers with is bounded as well.
    let small = "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    assert_eq!(status(&ask(narrow.address, small)), "502");
}
