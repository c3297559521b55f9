//! Clients whose connections are encrypted and speak HTTP/1.1: what holds without encryption holds for them, and ends are
//! told from what was cut off.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use rustls::{ClientConnection, StreamOwned, pki_types::ServerName};
use traffic::plan::{Certificate, Listen, Plan};

use crate::{
    certificates::believing,
    kit::{Origin, Running, connect, eventually, get, ok, plan, start, status},
    origins::Folder,
};

type Client = StreamOwned<ClientConnection, TcpStream>;

/// A gateway that listens twice, encrypted the second time.
struct Both {
    gateway: Running,
    certificate: Certificate,
    _folder: Folder,
}

impl Both {
    fn start(mut plan: Plan) -> Self {
        let folder = Folder::new();
        let certificate = folder.certificate("shop", &["shop.example"]);
        let mut listen = Listen::plain(([127, 0, 0, 1], 0).into());
        listen.tls = vec![certificate.clone()];
        plan.listen.push(listen);
        Self { gateway: start(plan), certificate, _folder: folder }
    }

    fn address(&self) -> SocketAddr {
        self.gateway.gateway().listens()[1]
    }

    fn connect(&self) -> Client {
        let name = ServerName::try_from("shop.example").expect("as the test has it");
        let config = believing(&[&self.certificate], &[b"http/1.1"]);
        let client = ClientConnection::new(config, name).expect("as the test has it");
        StreamOwned::new(client, connect(self.address()))
    }
}

/// What a hostile request comes to: the answer's status, and how many requests the member saw.
pub(crate) fn outcome(request: &str) -> (String, usize) {
    let origin = Origin::start(|_| ok("x"));
    let mut plan = plan(&[origin.address]);
    plan.bounds.head_time = Duration::from_millis(500);
    let both = Both::start(plan);
    let mut client = both.connect();
    // A server that has heard enough may close before it has heard all.
    let _all = client.write_all(request.as_bytes());
    let (answer, _) = read_all(&mut client);
    let before = origin.seen().len();
    assert_eq!(status(&get(both.gateway.address, "/after")), "200");
    let seen = origin.seen();
    assert!(!seen.iter().any(|one| one.contains("/smuggled")), "smuggled: {seen:?}");
    (status(&answer).to_owned(), before)
}

/// All that comes, and whether the server said that it was all.
fn read_all(client: &mut Client) -> (String, bool) {
    let mut answer = Vec::new();
    let mut part = [0; 4096];
    let is_whole = loop {
        match client.read(&mut part) {
            Ok(0) => break true,
            Ok(count) => answer.extend_from_slice(&part[..count]),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => break false,
            Err(error) if error.kind() == ErrorKind::ConnectionReset => break false,
            Err(error) => panic!("{error} after {:?}", String::from_utf8_lossy(&answer)),
        }
    };
    (String::from_utf8_lossy(&answer).into_owned(), is_whole)
}

fn read_until(client: &mut Client, end: &str) -> String {
    let mut answer = Vec::new();
    let mut byte = [0];
    while !answer.ends_with(end.as_bytes()) {
        let count = client.read(&mut byte).expect("it is open");
        assert_eq!(count, 1, "the end after {:?}", String::from_utf8_lossy(&answer));
        answer.push(byte[0]);
    }
    String::from_utf8_lossy(&answer).into_owned()
}

/// Members see the path of a request and how its client asked.
fn telling() -> Origin {
    Origin::start(|request| {
        let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
        let scheme = request.lines().find_map(|line| line.strip_prefix("x-forwarded-proto: "));
        ok(&format!("{path} by {}.", scheme.unwrap_or_default()))
    })
}

#[test]
fn many_requests_come_and_are_answered_on_one_connection() {
    let origin = telling();
    let both = Both::start(plan(&[origin.address]));
    let mut client = both.connect();
    for number in 0..20 {
        let request = format!("GET /{number} HTTP/1.1\r\nhost: a\r\n\r\n");
        client.write_all(request.as_bytes()).expect("it is open");
        read_until(&mut client, &format!("\r\n\r\n/{number} by https."));
    }
    // And at once.
    let requests = "GET /a HTTP/1.1\r\nhost: a\r\n\r\nPOST /b HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nabc\
                    GET /c HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    client.write_all(requests.as_bytes()).expect("it is open");
    let (answers, is_whole) = read_all(&mut client);
    let places = ["/a by", "/b by", "/c by"].map(|part| answers.find(part));
    assert!(places.is_sorted() && places.iter().all(Option::is_some), "{answers}");
    assert!(is_whole, "the end is told");
}

#[test]
fn large_bodies_pass_both_ways() {
    const BYTES: usize = 3 << 20;
    let origin = Origin::start(|request| ok(request.split("\r\n\r\n").nth(1).unwrap_or_default()));
    let both = Both::start(plan(&[origin.address]));
    // Small enough to be read before anything is sent, and too large for that.
    for bytes in [50_000, BYTES] {
        let mut client = both.connect();
        let body: String = ('a'..='z').cycle().take(bytes).collect();
        let head = format!("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: {bytes}\r\n\r\n");
        for _ in 0..2 {
            client.write_all(head.as_bytes()).expect("it is open");
            client.write_all(body.as_bytes()).expect("it is open");
            client.flush().expect("it is open");
            let head = read_until(&mut client, "\r\n\r\n");
            assert_eq!(status(&head), "200");
            let mut answer = vec![0; bytes];
            client.read_exact(&mut answer).expect("all of it comes");
            assert!(answer == body.as_bytes(), "as it was sent");
        }
    }
}

#[test]
fn what_the_other_path_alone_knows_goes_there_with_what_was_read() {
    let origin = telling();
    let both = Both::start(plan(&[origin.address]));
    let mut client = both.connect();
    let requests = "GET /1 HTTP/1.1\r\nhost: a\r\n\r\n\
                    POST /2 HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n\
                    GET /3 HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    client.write_all(requests.as_bytes()).expect("it is open");
    let (answers, _) = read_all(&mut client);
    assert_eq!(answers.matches("by https.").count(), 3, "{answers}");
    let mut old = both.connect();
    old.write_all(b"GET /4 HTTP/1.0\r\nhost: a\r\n\r\n").expect("it is open");
    assert!(read_all(&mut old).0.ends_with("/4 by https."));
    // Without having agreed on it nobody speaks HTTP/2.
    let mut two = both.connect();
    two.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").expect("it is open");
    let (answer, _) = read_all(&mut two);
    assert!(answer.is_empty() || status(&answer) == "400", "{answer}");
}

#[test]
fn what_is_no_request_is_counted_by_its_connection() {
    let origin = Origin::start(|_| ok("x"));
    let both = Both::start(plan(&[origin.address]));
    let mut client = both.connect();
    client.write_all(b"GET / HTTP/1.1\nhost: a\n\n").expect("it is open");
    assert_eq!(status(&read_all(&mut client).0), "400");
    let asked = |scheme: &str| {
        both.gateway.metric(&format!(
            "http_server_request_duration_seconds_count{{http_request_method=\"GET\",\
             http_response_status_code=\"400\",url_scheme=\"{scheme}\"}}"
        ))
    };
    eventually("the count", || 0.5 < asked("https"));
    let plain = crate::kit::ask(both.gateway.address, "GET / HTTP/1.1\nhost: a\n\n");
    assert_eq!(status(&plain), "400");
    eventually("the other", || 0.5 < asked("http"));
}

#[test]
fn who_says_nothing_more_is_told_that_it_was_all() {
    let origin = Origin::start(|_| ok("x"));
    let mut plan = plan(&[origin.address]);
    plan.bounds.head_time = Duration::from_millis(200);
    let both = Both::start(plan);
    let mut idle = both.connect();
    idle.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").expect("it is open");
    read_until(&mut idle, "\r\n\r\nx");
    assert_eq!(read_all(&mut idle), (String::new(), true));
    eventually("the end", || both.gateway.metric("taut_gateway_connections") < 0.5);
}

#[test]
fn an_answer_that_was_cut_off_does_not_look_whole() {
    use crate::kit::Reply;
    let origin = Origin::start(|_| Reply::SendAndClose(b"HTTP/1.1 200 OK\r\n\r\nhalf".to_vec()));
    let half = Origin::start(|_| {
        Reply::SendAndClose(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nhalf".to_vec())
    });
    for (origin, whole) in [(origin, true), (half, false)] {
        let both = Both::start(plan(&[origin.address]));
        let mut client = both.connect();
        client
            .write_all(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
            .expect("it is open");
        let (answer, is_whole) = read_all(&mut client);
        assert!(answer.contains("half"), "{answer}");
        assert_eq!(is_whole, whole, "{answer}");
    }
}

#[test]
fn who_takes_nothing_of_an_answer_is_given_up_on() {
    let (address, _) = crate::slow::endless();
    let mut plan = plan(&[address]);
    plan.bounds.body_pause = Duration::from_millis(300);
    let both = Both::start(plan);
    let mut client = both.connect();
    client.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").expect("it is open");
    read_until(&mut client, "\r\n\r\n");
    eventually("the end", || both.gateway.metric("taut_gateway_connections") < 0.5);
}
