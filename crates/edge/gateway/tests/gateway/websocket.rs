//! WebSocket through the gateway is what it is without: the same cases played to the same server, directly and through it, and
//! every byte that comes back compared. The server judges frames as RFC 6455 has it, so that what a case is about is seen.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use base64::Engine as _;

use crate::kit::{connect, plan, read_until, start};

/// A client: what it asks for, what it sends then, piece by piece, and whether it says that nothing follows.
struct Case {
    name: &'static str,
    target: &'static str,
    headers: &'static str,
    sends: Vec<Vec<u8>>,
    when: When,
    half_close: bool,
}

/// When the frames are sent.
#[derive(Clone, Copy, PartialEq, Eq)]
enum When {
    Agreed,
    /// In the same breath as the request.
    AtOnce,
    /// On a connection on which something else was asked before.
    Later,
}

/// What came of it.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    status: String,
    headers: Vec<String>,
    bytes: Vec<u8>,
    /// What the server saw of the handshake.
    asked: Vec<String>,
}

const TEXT: u8 = 0x81;
const BINARY: u8 = 0x82;
const CLOSE: u8 = 0x88;
const PING: u8 = 0x89;

/// A frame of a client, whose payload is masked.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let key = [0x11, 0x22, 0x33, 0x44];
    let mut frame = vec![first];
    push_length(&mut frame, payload.len(), 0x80);
    frame.extend_from_slice(&key);
    frame.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
    frame
}

fn push_length(frame: &mut Vec<u8>, length: usize, mask: u8) {
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short @ 0..=125), _) => frame.push(mask | short),
        (_, Ok(length)) => {
            frame.push(mask | 0x7E);
            frame.extend_from_slice(&length.to_be_bytes());
        }
        _ => {
            frame.push(mask | 0x7F);
            frame.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
}

fn close(code: u16, reason: &[u8]) -> Vec<u8> {
    frame(CLOSE, &[&code.to_be_bytes()[..], reason].concat())
}

fn case(name: &'static str, frames: &[Vec<u8>]) -> Case {
    let mut sends = frames.to_vec();
    sends.push(close(1_000, b"done"));
    Case { name, target: "/", headers: "", sends, when: When::Agreed, half_close: false }
}

fn messages() -> Vec<Case> {
    let all: Vec<u8> = (0..=255).collect();
    let word = "Grüße".as_bytes();
    let bytes = frame(TEXT, b"byte by byte").into_iter().map(|byte| vec![byte]);
    vec![
        case("text", &[frame(TEXT, b"hello")]),
        case("nothing", &[frame(TEXT, b""), frame(BINARY, b"")]),
        case("binary", &[frame(BINARY, &all)]),
        case("the longest of a short length", &[frame(BINARY, &[1; 125])]),
        case("a length of two bytes", &[frame(BINARY, &[2; 65_535])]),
        case("a length of eight bytes", &[frame(BINARY, &[3; 65_536])]),
        case("a mebibyte", &[frame(TEXT, &[b'a'; 1 << 20])]),
        case("fragments", &[frame(0x01, b"he"), frame(0x00, b"ll"), frame(0x80, b"o")]),
        case("a letter over two fragments", &[frame(0x01, &word[..3]), frame(0x80, &word[3..])]),
        case("ping among fragments", &[frame(0x01, b"a"), frame(PING, b"p"), frame(0x80, b"b")]),
        case("ping", &[frame(PING, b""), frame(PING, &[b'p'; 125])]),
        case("pong that nobody asked for", &[frame(0x8A, b"pong"), frame(TEXT, b"and on")]),
        case("many at once", &[frame(TEXT, b"one of many").repeat(1_000)]),
        case("byte by byte", &bytes.collect::<Vec<_>>()),
        Case { when: When::AtOnce, ..case("before it is agreed", &[frame(TEXT, b"early")]) },
        Case { when: When::Later, ..case("after a request", &[frame(TEXT, b"late")]) },
    ]
}

fn ends() -> Vec<Case> {
    let ending = |name, frames: &[Vec<u8>]| Case { sends: frames.to_vec(), ..case(name, &[]) };
    let mut all: Vec<Case> = [1_000, 1_001, 1_003, 1_007, 1_011, 3_000, 4_999]
        .into_iter()
        .map(|code| ending("a code that may be said", &[close(code, b"because")]))
        .collect();
    all.extend(
        [0, 999, 1_004, 1_005, 1_006, 1_016, 2_999, 5_000]
            .into_iter()
            .map(|code| ending("a code that may not", &[close(code, b"")])),
    );
    all.extend([
        ending("no code", &[frame(CLOSE, b"")]),
        ending("half a code", &[frame(CLOSE, b"\x03")]),
        ending("a reason that is no text", &[close(1_000, b"\xFF")]),
        ending("the longest reason", &[close(1_000, &[b'r'; 123])]),
        Case { half_close: true, ..ending("half of it closed", &[frame(TEXT, b"last")]) },
        Case { half_close: true, ..ending("half closed at once", &[]) },
        Case { target: "/push", half_close: true, ..ending("the server speaks first", &[]) },
        Case { target: "/torn", half_close: true, ..ending("the server ends in a frame", &[]) },
        Case { half_close: true, ..ending("the client ends in a frame", &[vec![TEXT, 0x85, 1]]) },
    ]);
    all
}

fn faults() -> Vec<Case> {
    let mut endless = vec![BINARY, 0xFF];
    endless.extend_from_slice(&[0xFF; 8]);
    vec![
        case("text that is none", &[frame(TEXT, b"\xC3\x28")]),
        case("half a letter at the end", &[frame(0x01, b"a"), frame(0x80, b"\xC3")]),
        case("a control frame that is too long", &[frame(PING, &[0; 126])]),
        case("a control frame in fragments", &[frame(0x09, b"a"), frame(0x80, b"b")]),
        case("a reserved bit", &[frame(0xC1, b"a")]),
        case("the other reserved bits", &[frame(0xB1, b"a")]),
        case("a reserved kind of data", &[frame(0x83, b"a")]),
        case("a reserved kind of control", &[frame(0x8B, b"a")]),
        case("no mask", &[vec![TEXT, 1, b'a']]),
        case("the rest of nothing", &[frame(0x80, b"a")]),
        case("a message within another", &[frame(0x01, b"a"), frame(TEXT, b"b")]),
        case("a length that no message has", &[endless]),
    ]
}

fn handshakes() -> Vec<Case> {
    let protocols = "Sec-WebSocket-Protocol: chat.v2, chat.v1\r\n";
    let extension =
        "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits, x-other\r\n";
    vec![
        Case { headers: protocols, ..case("a subprotocol", &[frame(TEXT, b"a")]) },
        // What is compressed is for both ends alone: any bytes, and a bit that is reserved otherwise.
        Case { headers: extension, ..case("an extension", &[frame(0xC1, b"\xAA\x56\x00")]) },
        Case { target: "/refused", ..case("refused", &[]) },
        Case { target: "/version", ..case("another version", &[]) },
    ]
}

#[test]
fn every_case_is_the_same_through_the_gateway() {
    let server = Server::start();
    let gateway = start(plan(&[server.address]));
    let all: Vec<Case> =
        [messages(), ends(), faults(), handshakes()].into_iter().flatten().collect();
    assert!(50 < all.len());
    for case in &all {
        let direct = server.play(server.address, case);
        let through = server.play(gateway.address, case);
        assert_eq!(through, direct, "{}", case.name);
    }
    // The server judges: else all of this would be the same for nothing.
    let of = |name: &str| {
        let case = all.iter().find(|case| case.name == name).expect("it is there");
        server.play(gateway.address, case)
    };
    assert_eq!(of("text").bytes, [&b"\x81\x05hello"[..], b"\x88\x06\x03\xE8done"].concat());
    assert_eq!(of("text that is none").bytes, b"\x88\x02\x03\xEF");
    assert_eq!(of("a reserved bit").bytes, b"\x88\x02\x03\xEA");
    assert_eq!(of("half of it closed").bytes, b"\x81\x04last\x81\x03bye");
    assert_eq!(of("a mebibyte").bytes.len(), 10 + (1 << 20) + 8);
    assert!(of("a subprotocol").headers.contains(&"sec-websocket-protocol: chat.v2".to_owned()));
    assert_eq!(of("refused").status, "403");
}

struct Server {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let told = Arc::clone(&asked);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let told = Arc::clone(&told);
                // Who has gone is nobody's fault.
                thread::spawn(move || drop(converse(stream, &told)));
            }
        });
        Self { address, asked }
    }

    /// Plays a case to whoever is at this address.
    fn play(&self, address: SocketAddr, case: &Case) -> Outcome {
        self.asked.lock().expect("nobody panics with it").clear();
        let mut stream = connect(address);
        stream.set_nodelay(true).expect("an option");
        if case.when == When::Later {
            let first = b"GET /first HTTP/1.1\r\nhost: a\r\n\r\n";
            stream.write_all(first).expect("it is open");
            read_until(&mut stream, "\r\n\r\nx");
        }
        let head = format!(
            "GET {} HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             Origin: http://shop.example\r\n{}\r\n",
            case.target, case.headers
        );
        let mut head = head.into_bytes();
        if case.when == When::AtOnce {
            head.extend(case.sends.concat());
        }
        stream.write_all(&head).expect("it is open");
        let head = read_until(&mut stream, "\r\n\r\n").to_ascii_lowercase();
        let status = head.get(9..12).unwrap_or_default().to_owned();
        let is_agreed = status == "101";
        let mut headers: Vec<String> = head
            .lines()
            .filter(|line| {
                let of_upgrade = line.starts_with("upgrade:") || line.starts_with("connection:");
                line.starts_with("sec-websocket-") || is_agreed && of_upgrade
            })
            .map(str::to_owned)
            .collect();
        headers.sort_unstable();
        let bytes = if is_agreed { talk(stream, case) } else { body(&mut stream, &head) };
        let asked = self.asked.lock().expect("nobody panics with it").clone();
        Outcome { status, headers, bytes, asked }
    }
}

fn talk(mut stream: TcpStream, case: &Case) -> Vec<u8> {
    if case.when != When::AtOnce {
        for piece in &case.sends {
            // Who has heard enough may not listen any more.
            let _sent = stream.write_all(piece);
        }
    }
    if case.half_close {
        stream.shutdown(Shutdown::Write).expect("it is open");
    }
    let mut bytes = Vec::new();
    if let Err(error) = stream.read_to_end(&mut bytes) {
        assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{}: {error}", case.name);
    }
    bytes
}

fn body(stream: &mut TcpStream, head: &str) -> Vec<u8> {
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.expect("it has one").parse().expect("a number")];
    stream.read_exact(&mut body).expect("it is whole");
    body
}

/// Answers requests until one is for a WebSocket, then echoes messages.
fn converse(mut stream: TcpStream, told: &Mutex<Vec<String>>) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    loop {
        let head = head_of(&mut stream)?;
        if field(&head, "sec-websocket-key").is_none() {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx")?;
            continue;
        }
        let lower = |line: &str| {
            let (name, value) = line.split_once(": ").unwrap_or((line, ""));
            format!("{}: {value}", name.to_ascii_lowercase())
        };
        let mut asked: Vec<String> = head.lines().map(lower).collect();
        asked.retain(|line| line.starts_with("sec-websocket-") || line.starts_with("origin"));
        asked.sort_unstable();
        *told.lock().expect("nobody panics with it") = asked;
        let target = head.split(' ').nth(1).unwrap_or_default();
        let refusal = match target {
            "/refused" => "HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno",
            "/version" => {
                "HTTP/1.1 426 Upgrade Required\r\nsec-websocket-version: 13, 8\r\n\
                 content-length: 0\r\n\r\n"
            }
            _ => "",
        };
        if !refusal.is_empty() {
            stream.write_all(refusal.as_bytes())?;
            continue;
        }
        let mut agreed = agreement(&head).into_bytes();
        if target == "/push" {
            agreed.extend_from_slice(b"\x81\x05first");
        }
        stream.write_all(&agreed)?;
        let is_compressed = field(&head, "sec-websocket-extensions").is_some();
        let last = match target {
            "/torn" => vec![TEXT, 100, b'x'],
            _ => echo(&mut stream, is_compressed)?,
        };
        stream.write_all(&last)?;
        stream.shutdown(Shutdown::Write)?;
        // What is still under way is read, so that nothing of what was sent is lost to a reset.
        std::io::copy(&mut stream, &mut std::io::sink())?;
        return Ok(());
    }
}

fn field(head: &str, name: &str) -> Option<String> {
    let line = head.lines().find(|line| line.to_ascii_lowercase().starts_with(name))?;
    line.split_once(": ").map(|(_, value)| value.to_owned())
}

/// The answer by which the protocol changes.
fn agreement(head: &str) -> String {
    let key = field(head, "sec-websocket-key").unwrap_or_default();
    let key = format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    let digest = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, key.as_bytes());
    let accept = base64::engine::general_purpose::STANDARD.encode(digest);
    let mut answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
         sec-websocket-accept: {accept}\r\n"
    );
    if let Some(first) = field(head, "sec-websocket-protocol").as_deref().and_then(first_of) {
        answer.push_str(&format!("sec-websocket-protocol: {first}\r\n"));
    }
    if field(head, "sec-websocket-extensions").is_some() {
        answer.push_str("sec-websocket-extensions: permessage-deflate\r\n");
    }
    answer.push_str("\r\n");
    answer
}

fn first_of(list: &str) -> Option<&str> {
    list.split(", ").next()
}

fn head_of(stream: &mut TcpStream) -> std::io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

/// Sends messages back until it ends; what is to be said last.
fn echo(stream: &mut TcpStream, is_compressed: bool) -> std::io::Result<Vec<u8>> {
    let failed = |code: u16| Ok(server_frame(CLOSE, &code.to_be_bytes()));
    // The message that has begun.
    let mut begun: Option<(u8, Vec<u8>)> = None;
    loop {
        let mut start = [0; 2];
        let read = stream.read_exact(&mut start);
        if read.is_err_and(|error| error.kind() == ErrorKind::UnexpectedEof) {
            return Ok(server_frame(TEXT, b"bye"));
        }
        let [first, second] = start;
        let (kind, is_last) = (first & 0x0F, first & 0x80 != 0);
        let reserved = first & if is_compressed { 0x30 } else { 0x70 };
        let is_control = 8 <= kind;
        let wrong_control = is_control && (!is_last || 125 < second & 0x7F);
        if reserved != 0 || second & 0x80 == 0 || wrong_control || !matches!(kind, 0..=2 | 8..=10) {
            return failed(1_002);
        }
        let Some(payload) = payload(stream, second & 0x7F)? else { return failed(1_009) };
        match kind {
            8 => return Ok(server_frame(CLOSE, &closing(&payload))),
            9 => stream.write_all(&server_frame(0x8A, &payload))?,
            10 => {}
            _ => {
                let (first, mut message) = match (kind, begun.take()) {
                    (0, Some(begun)) => begun,
                    (1 | 2, None) => (first | 0x80, Vec::new()),
                    _ => return failed(1_002),
                };
                message.extend_from_slice(&payload);
                if !is_last {
                    begun = Some((first, message));
                } else if first == TEXT && std::str::from_utf8(&message).is_err() {
                    return failed(1_007);
                } else {
                    stream.write_all(&server_frame(first, &message))?;
                }
            }
        }
    }
}

/// What a frame holds, without its mask; `None` if that is more than anybody sends.
fn payload(stream: &mut TcpStream, short: u8) -> std::io::Result<Option<Vec<u8>>> {
    let length = match short {
        126 => {
            let mut bytes = [0; 2];
            stream.read_exact(&mut bytes)?;
            u64::from(u16::from_be_bytes(bytes))
        }
        127 => {
            let mut bytes = [0; 8];
            stream.read_exact(&mut bytes)?;
            u64::from_be_bytes(bytes)
        }
        short => u64::from(short),
    };
    if 16 << 20 < length {
        return Ok(None);
    }
    let mut key = [0; 4];
    stream.read_exact(&mut key)?;
    let mut payload = vec![0; usize::try_from(length).expect("it is bounded")];
    stream.read_exact(&mut payload)?;
    payload.iter_mut().zip(key.iter().cycle()).for_each(|(byte, key)| *byte ^= key);
    Ok(Some(payload))
}

/// What is said to who closes.
fn closing(payload: &[u8]) -> Vec<u8> {
    let wrong = |code: u16| code.to_be_bytes().to_vec();
    let Some((code, reason)) = payload.split_first_chunk::<2>() else {
        return if payload.is_empty() { Vec::new() } else { wrong(1_002) };
    };
    match u16::from_be_bytes(*code) {
        1_000..=1_003 | 1_007..=1_014 | 3_000..=4_999 if std::str::from_utf8(reason).is_ok() => {
            payload.to_vec()
        }
        1_000..=1_003 | 1_007..=1_014 | 3_000..=4_999 => wrong(1_007),
        _ => wrong(1_002),
    }
}

fn server_frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    push_length(&mut frame, payload.len(), 0);
    frame.extend_from_slice(payload);
    frame
}
