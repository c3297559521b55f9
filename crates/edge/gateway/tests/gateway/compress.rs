//! Compression between real sockets: what a client gets is what the member sent, smaller.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::Arc,
    thread,
};

use traffic::encoding::CompressRule;

use crate::kit::{Origin, PATIENCE, Reply, Running, connect, plan, start, status};

/// A gateway that compresses, in front of an origin.
fn compressing(address: SocketAddr, change: impl FnOnce(&mut CompressRule)) -> Running {
    let mut plan = plan(&[address]);
    let mut rule = CompressRule::default();
    change(&mut rule);
    plan.routes[0].compress = Some(Arc::new(rule));
    start(plan)
}

/// JSON as an API answers it: it gains much from being compressed.
fn json(rows: usize) -> String {
    let row =
        |id| format!("{{\"id\":{id},\"name\":\"customer {id}\",\"total\":{}}}", id * 37 % 1000);
    format!("[{}]", (0..rows).map(row).collect::<Vec<_>>().join(","))
}

fn answer(body: &str, lines: &str) -> Reply {
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n{lines}\r\n",
        body.len()
    );
    Reply::Send([head.as_bytes(), body.as_bytes()].concat())
}

/// Head and body as they came, the body freed of its chunks.
fn fetch(address: SocketAddr, lines: &str) -> (String, Vec<u8>) {
    let request = format!("{lines}\r\nhost: a\r\nconnection: close\r\n\r\n");
    let mut stream = connect(address);
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).expect("it answers");
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("a head") + 4;
    let head = String::from_utf8(bytes[..end].to_vec()).expect("heads are text").to_lowercase();
    let body = &bytes[end..];
    if head.contains("transfer-encoding: chunked") {
        (head, unchunked(body))
    } else {
        (head, body.to_vec())
    }
}

fn unchunked(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|two| two == b"\r\n").expect("a size");
        let size = std::str::from_utf8(&rest[..end]).expect("digits");
        let size = usize::from_str_radix(size, 16).expect("digits");
        if size == 0 {
            return body;
        }
        body.extend_from_slice(&rest[end + 2..end + 2 + size]);
        rest = &rest[end + 4 + size..];
    }
}

fn decoded(coding: &str, body: &[u8]) -> String {
    let mut text = Vec::new();
    match coding {
        "gzip" => drop(flate2::read::GzDecoder::new(body).read_to_end(&mut text).expect("gzip")),
        "br" => drop(brotli::Decompressor::new(body, 4096).read_to_end(&mut text).expect("brotli")),
        "zstd" => text = zstd::decode_all(body).expect("zstd"),
        _ => text = body.to_vec(),
    }
    String::from_utf8(text).expect("text")
}

#[test]
fn every_coding_gives_back_what_the_member_sent() {
    let body = json(5_000);
    let sent = body.clone();
    let origin = Origin::start(move |_| answer(&sent, "etag: \"abc\"\r\naccept-ranges: bytes\r\n"));
    let gateway = compressing(origin.address, |_| {});
    // Twice each: encoders are used again.
    for coding in ["gzip", "br", "zstd", "gzip", "br", "zstd", "identity"] {
        let (head, coded) =
            fetch(gateway.address, &format!("GET / HTTP/1.1\r\naccept-encoding: {coding}"));
        assert_eq!(decoded(coding, &coded), body, "{coding}");
        assert!(head.contains("vary: accept-encoding"), "{head}");
        if coding != "identity" {
            assert!(head.contains(&format!("content-encoding: {coding}\r\n")), "{head}");
            assert!(head.contains(&format!("etag: \"abc~{coding}\"")), "{head}");
            assert!(!head.contains("content-length") && !head.contains("accept-ranges"), "{head}");
            assert!(coded.len() * 4 < body.len(), "{coding}: {} bytes", coded.len());
        }
    }
    let page = gateway.page("/metrics");
    let taken =
        format!("taut_gateway_compress_input_bytes_total{{coding=\"br\"}} {}\n", 2 * body.len());
    let count = "taut_gateway_compressed_answers_total{coding=\"gzip\"} 2\n";
    assert!(page.contains(count) && page.contains(&taken), "{page}");
}

#[test]
fn every_level_of_every_coding_works() {
    let body = json(300);
    let sent = body.clone();
    let origin = Origin::start(move |_| answer(&sent, ""));
    for level in 0..=11 {
        let gateway = compressing(origin.address, |rule| {
            rule.codings.iter_mut().for_each(|(_, of_coding)| *of_coding = level);
        });
        for coding in ["gzip", "br", "zstd"] {
            let asked = format!("GET / HTTP/1.1\r\naccept-encoding: {coding}");
            let (_, coded) = fetch(gateway.address, &asked);
            assert_eq!(decoded(coding, &coded), body, "{coding}, level {level}");
        }
    }
}

#[test]
fn what_is_small_or_compressed_already_is_left_alone() {
    let origin = Origin::start(|request| match request.split(' ').nth(1) {
        Some("/small") => answer("{}", "etag: \"s\"\r\n"),
        Some("/png") => Reply::Send(
            [
                &b"HTTP/1.1 200 OK\r\ncontent-type: image/png\r\ncontent-length: 3000\r\n\r\n"[..],
                &[7; 3000],
            ]
            .concat(),
        ),
        _ => answer(&json(500), "content-encoding: br\r\n"),
    });
    let gateway = compressing(origin.address, |_| {});
    for path in ["/small", "/png", "/already"] {
        let asked = format!("GET {path} HTTP/1.1\r\naccept-encoding: gzip\r\ntaut-explain: 1");
        let (head, _) = fetch(gateway.address, &asked);
        assert!(!head.contains("content-encoding: gzip"), "{head}");
        assert!(head.contains("content-length"), "{head}");
        let why = match path {
            "/small" => "too small",
            "/png" => "this type is not compressed",
            _ => "the member compressed it",
        };
        assert!(head.contains(&format!("encoding=\"none: {why}\"")), "{head}");
    }
}

#[test]
fn a_head_is_as_the_answer_would_be_and_nothing_follows_it() {
    let length = json(500).len();
    let origin = Origin::start(move |_| {
        Reply::Send(
            format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\netag: \"a\"\r\n\r\n")
                .into(),
        )
    });
    let gateway = compressing(origin.address, |_| {});
    let (head, body) = fetch(gateway.address, "HEAD / HTTP/1.1\r\naccept-encoding: gzip");
    assert!(head.contains("content-encoding: gzip") && head.contains("etag: \"a~gzip\""), "{head}");
    assert!(!head.contains("content-length") && body.is_empty(), "{head} {body:?}");
}

#[test]
fn who_has_the_compressed_answer_is_told_that_it_has_not_changed() {
    let origin = Origin::start(|request| {
        if request.to_lowercase().contains("if-none-match: \"abc\"\r\n") {
            Reply::Send(b"HTTP/1.1 304 Not Modified\r\netag: \"abc\"\r\n\r\n".to_vec())
        } else {
            answer(&json(500), "etag: \"abc\"\r\n")
        }
    });
    let gateway = compressing(origin.address, |_| {});
    let ask = |accept: &str| {
        let asked = "GET / HTTP/1.1\r\nif-none-match: \"abc~gzip\"\r\naccept-encoding:";
        fetch(gateway.address, &format!("{asked} {accept}")).0
    };
    let head = ask("gzip");
    assert_eq!(status(&head), "304");
    assert!(
        head.contains("etag: \"abc~gzip\"") && head.contains("vary: accept-encoding"),
        "{head}"
    );
    // What this one has is no answer to what it asks for.
    assert_eq!(status(&ask("identity")), "200");
}

#[test]
fn a_part_of_a_body_stays_a_part() {
    let origin = Origin::start(|_| {
        let body = "x".repeat(2_000);
        Reply::Send(
            format!(
                "HTTP/1.1 206 Partial Content\r\ncontent-type: text/plain\r\ncontent-range: bytes 0-1999/9000\r\n\
                 content-length: 2000\r\n\r\n{body}"
            )
            .into(),
        )
    });
    let gateway = compressing(origin.address, |_| {});
    let asked = "GET / HTTP/1.1\r\nrange: bytes=0-1999\r\naccept-encoding: gzip";
    let (head, body) = fetch(gateway.address, asked);
    assert!(!head.contains("content-encoding") && body.len() == 2_000, "{head}");
}

/// Answers with a stream of events: the next only when it is told so.
fn events(listener: &TcpListener, next: &std::sync::mpsc::Receiver<Option<&'static str>>) {
    let (mut stream, _) = listener.accept().expect("the gateway connects");
    let mut request = [0; 4096];
    let _read = stream.read(&mut request).expect("a request");
    let head =
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).expect("the gateway reads");
    while let Ok(Some(event)) = next.recv_timeout(PATIENCE) {
        stream.write_all(format!("{:x}\r\n{event}\r\n", event.len()).as_bytes()).expect("it reads");
    }
    stream.write_all(b"0\r\nx-sum: 7\r\n\r\n").expect("it reads");
}

#[test]
fn an_event_arrives_before_the_next_one_is_sent() {
    for coding in ["gzip", "br", "zstd"] {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let (tell, told) = std::sync::mpsc::channel();
        thread::spawn(move || events(&listener, &told));
        let gateway = compressing(address, |_| {});
        let mut client = connect(gateway.address);
        let asked = format!("GET / HTTP/1.1\r\nhost: a\r\naccept-encoding: {coding}\r\n\r\n");
        client.write_all(asked.as_bytes()).expect("it reads");
        let head = crate::kit::read_until(&mut client, "\r\n\r\n");
        assert!(head.contains(&format!("content-encoding: {coding}")), "{head}");
        let mut coded = Vec::new();
        for (count, event) in ["data: one\n\n", "data: two\n\n"].into_iter().enumerate() {
            tell.send(Some(event)).expect("it listens");
            let wanted = "data: one\n\ndata: two\n\n".get(..(count + 1) * 11).expect("ascii");
            // Nothing else is sent until this one could be read.
            while begun(coding, &coded) != wanted {
                coded.extend(chunk(&mut client));
            }
        }
        tell.send(None).expect("it listens");
    }
}

/// One chunk of a body.
fn chunk(client: &mut TcpStream) -> Vec<u8> {
    let size = crate::kit::read_until(client, "\r\n");
    let size = usize::from_str_radix(size.trim(), 16).expect("a size");
    let mut chunk = vec![0; size + 2];
    client.read_exact(&mut chunk).expect("a chunk");
    chunk.truncate(size);
    chunk
}

/// What can be read of a body that goes on.
fn begun(coding: &str, coded: &[u8]) -> String {
    let mut reader: Box<dyn std::io::Read> = match coding {
        "gzip" => Box::new(flate2::read::GzDecoder::new(coded)),
        "br" => Box::new(brotli::Decompressor::new(coded, 4096)),
        _ => match zstd::Decoder::new(coded) {
            Ok(decoder) => Box::new(decoder),
            Err(_) => return String::new(),
        },
    };
    let mut text = Vec::new();
    let mut byte = [0];
    while let Ok(1) = reader.read(&mut byte) {
        text.push(byte[0]);
    }
    String::from_utf8(text).expect("text")
}

#[test]
fn trailers_come_after_the_compressed_body() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("the gateway connects");
        let mut request = [0; 4096];
        let _read = stream.read(&mut request).expect("a request");
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ntrailer: x-sum\r\ntransfer-encoding: chunked\r\n\r\n";
        let body = "5\r\nhello\r\n0\r\nx-sum: 7\r\n\r\n";
        stream.write_all(format!("{head}{body}").as_bytes()).expect("it reads");
        thread::sleep(PATIENCE);
    });
    let gateway = compressing(address, |_| {});
    let mut client = connect(gateway.address);
    let asked = "GET / HTTP/1.1\r\nhost: a\r\nte: trailers\r\naccept-encoding: gzip\r\n\r\n";
    client.write_all(asked.as_bytes()).expect("it reads");
    let head = crate::kit::read_until(&mut client, "\r\n\r\n");
    assert!(head.contains("content-encoding: gzip"), "{head}");
    let mut coded = Vec::new();
    loop {
        let size = crate::kit::read_until(&mut client, "\r\n");
        let size = usize::from_str_radix(size.trim(), 16).expect("a size");
        if size == 0 {
            break;
        }
        let mut chunk = vec![0; size + 2];
        client.read_exact(&mut chunk).expect("a chunk");
        coded.extend_from_slice(&chunk[..size]);
    }
    assert_eq!(decoded("gzip", &coded), "hello");
    assert!(crate::kit::read_until(&mut client, "\r\n\r\n").contains("x-sum: 7"));
}

#[test]
fn a_body_that_breaks_off_does_not_look_whole() {
    let origin = Origin::start(|_| {
        let whole = json(2_000);
        let begun = whole.get(..20_000).expect("ascii");
        Reply::SendAndClose(
            format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 90000\r\n\r\n{begun}")
                .into(),
        )
    });
    let gateway = compressing(origin.address, |_| {});
    let mut client = connect(gateway.address);
    let asked = "GET / HTTP/1.1\r\nhost: a\r\naccept-encoding: gzip\r\n\r\n";
    client.write_all(asked.as_bytes()).expect("it reads");
    let mut bytes = Vec::new();
    // It may end by a reset as well.
    let _end = client.read_to_end(&mut bytes);
    assert!(!bytes.ends_with(b"0\r\n\r\n"), "it looks whole");
}
