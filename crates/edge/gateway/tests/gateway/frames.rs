//! HTTP/2 frame by frame: what breaks its rules is answered with the error that RFC 9113 has for it, reaches no member,
//! and costs nobody else anything.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use traffic::cache::CacheRule;

use crate::{
    kit::{Origin, cached, connect, eventually, get, ok, plan, start, status},
    slow::{GIVEN_UP, endless},
};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PUSH_PROMISE: u8 = 5;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("as the test has it").to_be_bytes();
    let mut bytes = vec![length[1], length[2], length[3], kind, flags];
    bytes.extend_from_slice(&stream.to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

/// Lines as HPACK has them at their plainest: each a literal that nobody keeps.
fn packed(lines: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, value) in lines {
        bytes.push(0);
        for text in [name, value] {
            bytes.push(u8::try_from(text.len()).expect("short texts"));
            bytes.extend_from_slice(text.as_bytes());
        }
    }
    bytes
}

const GET: [(&str, &str); 4] =
    [(":method", "GET"), (":scheme", "http"), (":path", "/bad"), (":authority", "a")];

fn get_with(more: &[(&str, &str)]) -> Vec<u8> {
    let lines: Vec<_> = GET.iter().chain(more).copied().collect();
    frame(HEADERS, END_STREAM | END_HEADERS, 1, &packed(&lines))
}

/// A connection on which settings were exchanged.
fn begun(address: SocketAddr) -> TcpStream {
    let mut stream = connect(address);
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").expect("as the test has it");
    stream.write_all(&frame(SETTINGS, 0, 0, &[])).expect("as the test has it");
    stream
}

/// What was said about what was sent.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
enum Said {
    /// The connection is given up, for this reason.
    Connection(u32),
    /// The request is, for this reason.
    Stream(u32),
    /// It was answered.
    Answer,
    /// It was hung up on.
    Closed,
}

/// The first of these that is said.
fn said(stream: &mut TcpStream) -> Said {
    loop {
        let mut head = [0; 9];
        if stream.read_exact(&mut head).is_err() {
            return Said::Closed;
        }
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; usize::try_from(length).expect("as the test has it")];
        if stream.read_exact(&mut payload).is_err() {
            return Said::Closed;
        }
        let code = |from: usize| {
            u32::from_be_bytes(payload[from..from + 4].try_into().expect("as the test has it"))
        };
        match head[3] {
            GOAWAY => return Said::Connection(code(4)),
            RST_STREAM => return Said::Stream(code(0)),
            HEADERS => return Said::Answer,
            _ => {}
        }
    }
}

#[test]
fn a_stream_that_is_given_no_room_is_reset_and_the_others_go_on() {
    let (address, _sent) = endless();
    let mut plan = plan(&[address]);
    plan.bounds.body_pause = Duration::from_millis(300);
    let gateway = start(plan);
    let mut stream = begun(gateway.address);
    stream.write_all(&get_with(&[])).expect("as the test has it");
    assert_eq!(said(&mut stream), Said::Answer);
    // All that comes is taken, but no room is given for more than the 64 KiB that there are.
    assert_eq!(said(&mut stream), Said::Stream(CANCEL));
    eventually("the end of the request", || 0.5 < gateway.metric(GIVEN_UP));
    assert!(0.5 < gateway.metric("taut_gateway_connections"), "the connection stays");
}

#[test]
fn a_stream_that_has_no_room_from_the_beginning_is_reset_as_well() {
    let (address, _sent) = endless();
    let mut plan = plan(&[address]);
    plan.bounds.body_pause = Duration::from_millis(300);
    let gateway = start(plan);
    let mut stream = begun(gateway.address);
    stream.write_all(&settings(4, 0)).expect("as the test has it");
    stream.write_all(&get_with(&[])).expect("as the test has it");
    assert_eq!(said(&mut stream), Said::Answer);
    assert_eq!(said(&mut stream), Said::Stream(CANCEL));
    eventually("the end of the request", || 0.5 < gateway.metric(GIVEN_UP));
    assert!(0.5 < gateway.metric("taut_gateway_connections"), "the connection stays");
}

#[test]
fn who_takes_nothing_of_what_is_kept_does_not_hold_it_for_ever() {
    let body = "x".repeat(1 << 20);
    let origin = Origin::start(move |_| ok(&body));
    let rule = CacheRule { ttl: Some(Duration::from_mins(1)), ..CacheRule::default() };
    let mut plan = cached(rule, &origin);
    plan.bounds.body_pause = Duration::from_millis(300);
    let gateway = start(plan);
    assert_eq!(status(&get(gateway.address, "/bad")), "200");
    let mut stream = begun(gateway.address);
    stream.write_all(&get_with(&[])).expect("as the test has it");
    assert_eq!(said(&mut stream), Said::Answer);
    assert_eq!(said(&mut stream), Said::Stream(CANCEL));
    assert_eq!(origin.seen().len(), 1);
}

const CANCEL: u32 = 8;
const PROTOCOL: u32 = 1;
const FLOW_CONTROL: u32 = 3;
const STREAM_CLOSED: u32 = 5;
const FRAME_SIZE: u32 = 6;
const COMPRESSION: u32 = 9;

fn settings(id: u16, value: u32) -> Vec<u8> {
    let mut payload = id.to_be_bytes().to_vec();
    payload.extend_from_slice(&value.to_be_bytes());
    frame(SETTINGS, 0, 0, &payload)
}

/// What breaks the rules of the connection, and the error for it (RFC 9113, the section in brackets).
fn against_the_connection() -> Vec<(&'static str, Vec<u8>, u32)> {
    let get = packed(&GET);
    vec![
        ("data on no stream [6.1]", frame(DATA, 0, 0, b"x"), PROTOCOL),
        ("data on an idle stream [5.1]", frame(DATA, 0, 1, b"x"), PROTOCOL),
        (
            "padding that is longer than all [6.1]",
            frame(HEADERS, 0x8 | 0x5, 1, &[200, 0]),
            PROTOCOL,
        ),
        ("headers on no stream [6.2]", frame(HEADERS, 5, 0, &get), PROTOCOL),
        ("headers on a server's stream [5.1.1]", frame(HEADERS, 5, 2, &get), PROTOCOL),
        ("a reset of an idle stream [6.4]", frame(RST_STREAM, 0, 1, &[0; 4]), PROTOCOL),
        ("a reset on no stream [6.4]", frame(RST_STREAM, 0, 0, &[0; 4]), PROTOCOL),
        ("settings of an odd length [6.5]", frame(SETTINGS, 0, 0, &[0; 5]), FRAME_SIZE),
        ("settings on a stream [6.5]", frame(SETTINGS, 0, 1, &[]), PROTOCOL),
        (
            "an acknowledgement that says something [6.5]",
            frame(SETTINGS, 1, 0, &[0; 6]),
            FRAME_SIZE,
        ),
        ("a push that is neither on nor off [6.5.2]", settings(2, 2), PROTOCOL),
        ("a window that is too large [6.5.2]", settings(4, 0x8000_0000), FLOW_CONTROL),
        ("frames that are too small [6.5.2]", settings(5, 100), PROTOCOL),
        ("a push by a client [8.4]", frame(PUSH_PROMISE, 4, 1, &[0, 0, 0, 2]), PROTOCOL),
        ("a ping of an odd length [6.7]", frame(PING, 0, 0, &[0; 7]), FRAME_SIZE),
        ("a ping on a stream [6.7]", frame(PING, 0, 1, &[0; 8]), PROTOCOL),
        ("no window at all [6.9]", frame(WINDOW_UPDATE, 0, 0, &[0; 4]), PROTOCOL),
        (
            "a window beyond all [6.9.1]",
            frame(WINDOW_UPDATE, 0, 0, &[0x7F, 0xFF, 0xFF, 0xFF]),
            FLOW_CONTROL,
        ),
        ("a window of an odd length [6.9]", frame(WINDOW_UPDATE, 0, 0, &[0; 3]), FRAME_SIZE),
        ("a continuation of nothing [6.10]", frame(CONTINUATION, 4, 1, &get), PROTOCOL),
        (
            "something else within headers [6.2]",
            [frame(HEADERS, END_STREAM, 1, &get), frame(PING, 0, 0, &[0; 8])].concat(),
            PROTOCOL,
        ),
        ("a frame that is too large [4.2]", frame(DATA, 0, 1, &vec![0; 16_385]), FRAME_SIZE),
        ("headers that cannot be unpacked [4.3]", frame(HEADERS, 5, 1, &[0x80]), COMPRESSION),
        (
            "a stream that goes back [5.1.1]",
            [frame(HEADERS, 5, 5, &packed(&[(":method", "GET")])), frame(HEADERS, 5, 3, &get)]
                .concat(),
            PROTOCOL,
        ),
    ]
}

#[test]
fn what_breaks_the_rules_of_a_connection_ends_it_with_the_reason() {
    let origin = Origin::start(|_| ok("x"));
    let gateway = start(plan(&[origin.address]));
    for (what, bytes, code) in against_the_connection() {
        let mut stream = begun(gateway.address);
        // It may be hung up on while it sends.
        let _sent = stream.write_all(&bytes);
        let mut last = said(&mut stream);
        while matches!(last, Said::Stream(_) | Said::Answer) {
            last = said(&mut stream);
        }
        // Which word it is ended with is for people alone (section 5.4.1); that it is ended is what counts.
        let known = [Said::Connection(code), Said::Connection(PROTOCOL), Said::Closed];
        assert!(known.contains(&last), "{what}: {last:?}");
    }
    assert!(origin.seen().iter().all(|one| !one.contains("/bad")), "{:?}", origin.seen());
    assert_eq!(status(&get(gateway.address, "/after")), "200");
}

#[test]
fn what_breaks_the_rules_of_a_request_ends_it_alone() {
    let origin = Origin::start(|_| ok("x"));
    let gateway = start(plan(&[origin.address]));
    let without = |name: &str| {
        let lines: Vec<_> = GET.iter().filter(|(known, _)| *known != name).copied().collect();
        frame(HEADERS, 5, 1, &packed(&lines))
    };
    let post = |lines: &[(&str, &str)], body: &[u8]| {
        let mut all =
            vec![(":method", "POST"), (":scheme", "http"), (":path", "/bad"), (":authority", "a")];
        all.extend_from_slice(lines);
        [frame(HEADERS, END_HEADERS, 1, &packed(&all)), frame(DATA, END_STREAM, 1, body)].concat()
    };
    for (what, bytes) in [
        ("a name in capitals [8.2.1]", get_with(&[("X-A", "1")])),
        ("a name that is none [8.2.1]", get_with(&[("a b", "1")])),
        ("a line feed in a value [8.2.1]", get_with(&[("x-a", "1\r\nsmuggled: 1")])),
        ("a header of a connection [8.2.2]", get_with(&[("connection", "close")])),
        ("a coding of a transfer [8.2.2]", get_with(&[("transfer-encoding", "chunked")])),
        ("another coding that is taken [8.2.2]", get_with(&[("te", "gzip")])),
        ("a pseudo-header that is not known [8.3]", get_with(&[(":what", "1")])),
        ("a pseudo-header of answers [8.3]", get_with(&[(":status", "200")])),
        ("a pseudo-header behind others [8.3]", get_with(&[("x-a", "1"), (":method", "GET")])),
        ("a pseudo-header twice [8.3]", get_with(&[(":path", "/other")])),
        ("no method [8.3.1]", without(":method")),
        ("no scheme [8.3.1]", without(":scheme")),
        ("no path [8.3.1]", without(":path")),
        ("less than was said [8.1.1]", post(&[("content-length", "5")], b"abc")),
        ("more than was said [8.1.1]", post(&[("content-length", "2")], b"abc")),
    ] {
        let mut stream = begun(gateway.address);
        stream.write_all(&bytes).unwrap();
        let first = said(&mut stream);
        let fits =
            matches!(first, Said::Stream(PROTOCOL) | Said::Connection(PROTOCOL) | Said::Answer);
        assert!(fits, "{what}: {first:?}");
        if let Said::Stream(_) = first {
            // The connection goes on.
            let good: Vec<_> =
                [(":method", "GET"), (":scheme", "http"), (":path", "/good"), (":authority", "a")]
                    .into();
            stream.write_all(&frame(HEADERS, 5, 3, &packed(&good))).unwrap();
            assert_eq!(said(&mut stream), Said::Answer, "{what}");
        }
    }
    // Of a body that was not what was said a member may have seen the beginning, but never a whole request.
    let whole = |one: &String| one.contains("/bad") && !one.contains("content-length");
    assert!(!origin.seen().iter().any(whole), "{:?}", origin.seen());
}

#[test]
fn a_stream_that_is_over_takes_nothing_more() {
    let origin = Origin::start(|_| ok("x"));
    let gateway = start(plan(&[origin.address]));
    let mut stream = begun(gateway.address);
    stream.write_all(&get_with(&[])).unwrap();
    stream.write_all(&frame(DATA, END_STREAM, 1, b"more")).unwrap();
    let mut last = said(&mut stream);
    while last == Said::Answer {
        last = said(&mut stream);
    }
    let known =
        [Said::Stream(STREAM_CLOSED), Said::Connection(STREAM_CLOSED), Said::Connection(PROTOCOL)];
    assert!(known.contains(&last), "{last:?}");
}

#[test]
fn headers_without_end_are_cut_off() {
    let origin = Origin::start(|_| ok("x"));
    let gateway = start(plan(&[origin.address]));
    let mut stream = begun(gateway.address);
    let _sent = stream.write_all(&frame(HEADERS, END_STREAM, 1, &packed(&GET)));
    let more = frame(CONTINUATION, 0, 1, &packed(&[("x-more", &"y".repeat(100))]));
    let more = more.repeat(64);
    // Two mebibytes and more, if anybody took them.
    for _ in 0..400 {
        if stream.write_all(&more).is_err() {
            break;
        }
    }
    let last = said(&mut stream);
    assert!(matches!(last, Said::Connection(_) | Said::Closed | Said::Stream(_)), "{last:?}");
    assert!(origin.seen().is_empty());
    assert_eq!(status(&get(gateway.address, "/after")), "200");
}

#[test]
fn who_asks_and_takes_it_back_without_end_is_hung_up_on() {
    let origin = Origin::start(|_| ok("x"));
    let gateway = start(plan(&[origin.address]));
    let mut stream = begun(gateway.address);
    let ask = packed(&GET);
    let mut refused = false;
    for number in 0..20_000_u32 {
        let id = number * 2 + 1;
        let both = [frame(HEADERS, 5, id, &ask), frame(RST_STREAM, 0, id, &[0, 0, 0, 8])].concat();
        if stream.write_all(&both).is_err() {
            refused = true;
            break;
        }
    }
    let mut last = said(&mut stream);
    while matches!(last, Said::Stream(_) | Said::Answer) {
        last = said(&mut stream);
    }
    assert!(refused || matches!(last, Said::Connection(_) | Said::Closed), "{last:?}");
    assert_eq!(status(&get(gateway.address, "/after")), "200");
}
