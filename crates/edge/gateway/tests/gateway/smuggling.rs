//! Requests that two servers could read in two ways: whatever is in them, a member never sees a request that the
//! gateway did not mean to send, and everybody gets the answer to their own.

use std::{io::Write as _, net::SocketAddr};

use crate::{
    hostile::outcome_on,
    kit::{Origin, Path, ask_on, connect, get, ok, plan, read_until, start, status},
};

/// A request behind a body that ends in one way for who goes by its length, and in another for who goes by chunks.
const HIDDEN: &str = "GET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n";

#[test]
fn lengths_beside_chunks_are_refused_whatever_comes_first() {
    for lines in [
        "content-length: 4\r\ntransfer-encoding: chunked",
        "transfer-encoding: chunked\r\ncontent-length: 4",
        "Transfer-Encoding: chunked\r\nContent-Length: 0",
        "transfer-encoding: chunked\r\ncontent-length: 4\r\ntransfer-encoding: x",
        "transfer-encoding:\tchunked\r\ncontent-length: 4",
        "transfer-encoding: xchunked\r\ncontent-length: 4",
        "content-length: 4\r\ntransfer-encoding: identity",
    ] {
        let request = format!("POST / HTTP/1.1\r\nhost: a\r\n{lines}\r\n\r\n0\r\n\r\n{HIDDEN}");
        assert_eq!(outcome_on(Path::Plain, &request), ("400".to_owned(), 0), "{lines:?}");
    }
}

#[test]
fn codings_that_are_written_oddly_hide_nothing() {
    for line in [
        "transfer-encoding: chunked\r\ntransfer-encoding: cow",
        "transfer-encoding: chunked\r\ntransfer-encoding: chunked",
        "transfer-encoding : chunked",
        " transfer-encoding: chunked",
        "transfer-encoding: \u{b}chunked",
        "transfer-encoding: chunked\u{0}",
        "transfer-encoding: \"chunked\"",
        "transfer-encoding: chunked;q=1",
        "transfer-encoding: chunked, chunked",
        "transfer-encoding:\r\n chunked",
        "transfer\u{0}-encoding: chunked",
        "x: y\rtransfer-encoding: chunked",
        "x: y\ntransfer-encoding: chunked",
    ] {
        for path in Path::BOTH {
            let request = format!(
                "POST / HTTP/1.1\r\nhost: a\r\n{line}\r\ncontent-length: 5\r\nconnection: close\r\n\r\n\
                 0\r\n\r\n{HIDDEN}"
            );
            let (status, seen) = outcome_on(path, &request);
            assert!(status != "200" || seen <= 1, "{path:?} {line:?}: {status}, {seen}");
            let alone = format!(
                "POST / HTTP/1.1\r\nhost: a\r\n{line}\r\nconnection: close\r\n\r\n0\r\n\r\n"
            );
            let (status, _) = outcome_on(path, &alone);
            assert!(["200", "400", "501"].contains(&&*status), "{path:?} {line:?}: {status}");
        }
    }
}

#[test]
fn several_lengths_are_refused() {
    for lines in [
        "content-length: 5\r\ncontent-length: 5",
        "content-length: 5\r\ncontent-length: 6",
        "content-length: 5, 5",
        "content-length: 5 5",
        "content-length: 05x",
        "content-length: 1e1",
        "content-length: \u{a0}5",
        "content-length: 99999999999999999999",
        "content-length:",
    ] {
        let request = format!("POST / HTTP/1.1\r\nhost: a\r\n{lines}\r\n\r\nabcde{HIDDEN}");
        assert_eq!(outcome_on(Path::Plain, &request), ("400".to_owned(), 0), "{lines:?}");
    }
}

#[test]
fn lines_end_in_one_way_alone() {
    for request in [
        "GET / HTTP/1.1\nhost: a\n\n",
        "GET / HTTP/1.1\r\nhost: a\n\r\n",
        "GET / HTTP/1.1\r\nhost: a\r\nx: y\nz: w\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: a\r\nx: y\r\n folded\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: a\r\nx: y\r\n\tfolded\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: a\r\nx: y\rz: w\r\n\r\n",
        "GET / HTTP/1.1\r\n: empty\r\nhost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: a\r\nno colon\r\n\r\n",
    ] {
        assert_eq!(outcome_on(Path::Plain, request), ("400".to_owned(), 0), "{request:?}");
    }
}

#[test]
fn an_address_in_the_first_line_counts_more_than_host() {
    for path in Path::BOTH {
        let origin = Origin::start(|_| ok("x"));
        let gateway = start(plan(&[origin.address]));
        let request = "GET http://inner.example/a HTTP/1.1\r\nhost: outer.example\r\nconnection: close\r\n\r\n";
        assert_eq!(status(&ask_on(path, gateway.address, request)), "200");
        let seen = origin.seen().pop().expect("a request").to_ascii_lowercase();
        assert!(seen.starts_with("get /a http/1.1\r\n"), "{seen}");
        assert!(
            seen.contains("\r\nhost: inner.example\r\n") && !seen.contains("\r\nhost: outer"),
            "{seen}"
        );
    }
    for target in ["example.com:80", "a", "//", "/a#b", "/\u{7f}", "/a\\b", "ftp:x"] {
        for path in Path::BOTH {
            let request = format!("GET {target} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
            let (status, seen) = outcome_on(path, &request);
            assert!(status == "400" || seen == 1, "{path:?} {target:?}: {status} {seen}");
        }
    }
}

#[test]
fn a_request_behind_a_body_is_a_request_of_its_own() {
    // One packet, three requests: the body of the second looks like one.
    for path in Path::BOTH {
        let origin =
            Origin::start(|request| ok(request.split_whitespace().nth(1).unwrap_or_default()));
        let gateway = start(plan(&[origin.address]));
        let line = path.line();
        let inner = "GET /inner HTTP/1.1\r\nhost: a\r\n\r\n";
        let packet = format!(
            "GET /one HTTP/1.1\r\nhost: a\r\n{line}\r\n\
             POST /two HTTP/1.1\r\nhost: a\r\ncontent-length: {}\r\n\r\n{inner}\
             GET /three HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
            inner.len()
        );
        let answer = crate::kit::ask(gateway.address, &packet);
        let places: Vec<Option<usize>> =
            ["\r\n\r\n/one", "\r\n\r\n/two", "\r\n\r\n/three"].map(|one| answer.find(one)).into();
        assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{answer}");
        let seen = origin.seen();
        assert!(
            seen.len() == 3 && !seen.iter().any(|one| one.starts_with("GET /inner")),
            "{seen:?}"
        );
    }
}

#[test]
fn extensions_of_chunks_without_end_are_cut_off() {
    for path in Path::BOTH {
        let origin = Origin::start(|_| ok("x"));
        let gateway = start(plan(&[origin.address]));
        let long = "e".repeat(200_000);
        let request = format!(
            "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n1;{long}\r\nx\r\n0\r\n\r\n"
        );
        let answer = ask_on(path, gateway.address, &request);
        assert_ne!(status(&answer), "200");
        assert_eq!(status(&get(gateway.address, "/")), "200");
    }
}

#[test]
fn what_a_member_sends_beyond_its_answer_is_nobodys_answer() {
    // The rest lies in the connection: who gets it next would see another's words.
    let extra = "HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\nsmuggled";
    for head in
        ["content-length: 2\r\n\r\nok", "transfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"]
    {
        let origin = Origin::start(move |_| {
            crate::kit::Reply::Send(format!("HTTP/1.1 200 OK\r\n{head}{extra}").into_bytes())
        });
        let gateway = start(plan(&[origin.address]));
        let mut client = connect(gateway.address);
        for path in [Path::Plain, Path::Plain, Path::Plain, Path::Hyper, Path::Hyper] {
            let line = path.line();
            client
                .write_all(format!("GET / HTTP/1.1\r\nhost: a\r\n{line}\r\n").as_bytes())
                .expect("it is open");
            let end = if head.contains("chunked") { "0\r\n\r\n" } else { "ok" };
            let answer = read_until(&mut client, end);
            assert!(status(&answer) == "200" && !answer.contains("smuggled"), "{path:?} {answer}");
        }
    }
}

/// Sends one request over HTTP/2, frame by frame, with whatever lines: gives the types of the frames that
/// came back for its stream or for all, up to the first that decides.
fn downgraded(address: SocketAddr, lines: &[(&str, &str)], body: Option<&str>) -> u8 {
    let mut block = Vec::new();
    for (name, value) in lines {
        // A literal line without indexing, and not compressed (RFC 7541, section 6.2.2).
        block.push(0);
        for text in [name, value] {
            block.push(u8::try_from(text.len()).expect("shorter than 127 bytes"));
            block.extend(text.as_bytes());
        }
    }
    let frame = |kind: u8, flags: u8, stream: u8, payload: &[u8]| {
        let length = u32::try_from(payload.len()).expect("it is short").to_be_bytes();
        let mut frame = length[1..].to_vec();
        frame.extend([kind, flags, 0, 0, 0, stream]);
        frame.extend(payload);
        frame
    };
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    bytes.extend(frame(4, 0, 0, &[]));
    bytes.extend(frame(1, if body.is_some() { 4 } else { 5 }, 1, &block));
    if let Some(body) = body {
        bytes.extend(frame(0, 1, 1, body.as_bytes()));
    }
    let mut stream = connect(address);
    stream.write_all(&bytes).expect("it is open");
    loop {
        let mut head = [0; 9];
        if std::io::Read::read_exact(&mut stream, &mut head).is_err() {
            return 7;
        }
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; usize::try_from(length).expect("it fits")];
        std::io::Read::read_exact(&mut stream, &mut payload).expect("a whole frame");
        // HEADERS, RST_STREAM, GOAWAY.
        if [1, 3, 7].contains(&head[3]) {
            return head[3];
        }
    }
}

#[test]
fn what_http_2_cannot_say_is_not_said_in_http_1() {
    let origin = Origin::start(|_| ok("x"));
    let gateway = start(plan(&[origin.address]));
    let base = [(":method", "POST"), (":scheme", "http"), (":authority", "a"), (":path", "/")];
    let with = |lines: &[(&'static str, &'static str)]| [&base[..], lines].concat();
    let hidden = "0\r\n\r\nGET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n";
    assert_eq!(downgraded(gateway.address, &with(&[("x", "y")]), Some("abc")), 1);
    for lines in [
        with(&[("transfer-encoding", "chunked")]),
        with(&[("connection", "close")]),
        with(&[("content-length", "0")]),
        with(&[("content-length", "5"), ("content-length", "6")]),
        with(&[("x", "y\r\ntransfer-encoding: chunked")]),
        with(&[("x", "y\nz: w")]),
        with(&[("x\r\ny", "z")]),
        with(&[("X", "upper case")]),
        with(&[("host", "b\r\n\r\nGET /smuggled HTTP/1.1")]),
    ] {
        downgraded(gateway.address, &lines, Some(hidden));
    }
    for pseudo in [
        (":path", "/ HTTP/1.1\r\n\r\nGET /smuggled"),
        (":method", "GET / HTTP/1.1\r\n\r\nGET"),
        (":authority", "a\r\nx: y"),
    ] {
        let lines: Vec<_> = base.map(|line| if line.0 == pseudo.0 { pseudo } else { line }).into();
        downgraded(gateway.address, &lines, None);
    }
    assert_eq!(status(&get(gateway.address, "/after")), "200");
    for one in origin.seen() {
        let lower = one.to_ascii_lowercase();
        let framings = lower.matches("\r\ntransfer-encoding:").count()
            + lower.matches("\r\ncontent-length:").count();
        assert!(!one.starts_with("GET /smuggled") && framings <= 1, "{one:?}");
        assert!(!lower.contains("\r\nz: w") && !lower.contains("\r\nx: y\r\ntransfer"), "{one:?}");
    }
}
