//! Clients and members that are slow, silent or gone: nobody waits for ever, nothing grows without bound, and nobody
//! gets half of what somebody else was sent.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use traffic::cache::CacheRule;

use crate::kit::{
    ACTIVE, Origin, Path, Reply, answer, ask, cached, connect, eventually, get, ok, plan, read_all,
    read_until, start, status,
};

#[test]
fn a_head_that_comes_byte_by_byte_is_understood() {
    let origin = Origin::start(|_| ok("x"));
    let gateway = start(plan(&[origin.address]));
    let mut client = connect(gateway.address);
    for _ in 0..3 {
        for byte in b"POST /slow HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nabc" {
            client.write_all(&[*byte]).expect("it is open");
        }
        assert_eq!(status(&read_until(&mut client, "\r\n\r\nx")), "200");
    }
    assert!(origin.seen().iter().all(|one| one.ends_with("\r\n\r\nabc")));
}

#[test]
fn who_says_nothing_more_is_let_go_and_others_are_not() {
    for path in Path::BOTH {
        let origin = Origin::start(|_| ok("x"));
        let mut plan = plan(&[origin.address]);
        plan.bounds.head_time = Duration::from_millis(200);
        let gateway = start(plan);
        let mut idle = connect(gateway.address);
        let request = format!("GET / HTTP/1.1\r\nhost: a\r\n{}\r\n", path.line());
        idle.write_all(request.as_bytes()).expect("it is open");
        read_until(&mut idle, "\r\n\r\nx");
        assert_eq!(read_all(&mut idle), "", "nothing but the end follows");
        assert_eq!(status(&get(gateway.address, "/")), "200");
        eventually("the end", || gateway.metric("taut_gateway_connections") < 0.5);
    }
}

#[test]
fn a_member_that_dies_midway_breaks_one_answer_and_no_other() {
    for path in Path::BOTH {
        let count = AtomicUsize::new(0);
        let origin = Origin::start(move |_| match count.fetch_add(1, Ordering::Relaxed) % 3 {
            0 => ok("whole"),
            1 => {
                Reply::SendAndClose(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nhalf".to_vec())
            }
            _ => Reply::SendAndClose(
                b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n64\r\nhalf".to_vec(),
            ),
        });
        let gateway = start(plan(&[origin.address]));
        let answers: Vec<String> = (0..9)
            .map(|_| {
                let line = path.line();
                let head = format!("GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{line}\r\n");
                ask(gateway.address, &head)
            })
            .collect();
        let whole = answers.iter().filter(|answer| answer.ends_with("whole")).count();
        assert_eq!(whole, 3, "{path:?} {answers:?}");
        assert!(answers.iter().all(|answer| !answer.ends_with("0\r\n\r\n")), "{answers:?}");
        eventually("the count", || gateway.metric("taut_gateway_broken_answers_total") > 5.5);
    }
}

/// A member that sends an answer without end as fast as it is taken, and counts what it could send.
pub(crate) fn endless() -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let sent = Arc::new(AtomicUsize::new(0));
    let counts = Arc::clone(&sent);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (mut stream, counts) = (stream, Arc::clone(&counts));
            thread::spawn(move || {
                let mut head = [0; 1024];
                let part = vec![b'x'; 1 << 16];
                let _asked = stream.read(&mut head);
                let begun = b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n";
                let mut writing = stream.write_all(begun);
                while writing.is_ok() {
                    writing = stream.write_all(&part);
                    counts.fetch_add(1 << 16, Ordering::Relaxed);
                }
            });
        }
    });
    (address, sent)
}

#[test]
fn a_client_that_reads_nothing_makes_the_member_wait() {
    for path in Path::BOTH {
        let (address, sent) = endless();
        let gateway = start(plan(&[address]));
        let mut client = connect(gateway.address);
        let request = format!("GET / HTTP/1.1\r\nhost: a\r\n{}\r\n", path.line());
        client.write_all(request.as_bytes()).expect("it is open");
        let mut before = usize::MAX;
        eventually("a standstill", || {
            thread::sleep(Duration::from_millis(200));
            let now = sent.load(Ordering::Relaxed);
            std::mem::replace(&mut before, now) == now && 0 < now
        });
        // Four buffers of the system, of some megabytes each, and one of ours.
        assert!(before < 64 << 20, "{path:?}: {before} bytes are on their way");
        drop(client);
        eventually("the end", || gateway.metric("taut_gateway_connections") < 0.5);
    }
}

/// What counts requests whose clients went away, or were given up.
pub(crate) const GIVEN_UP: &str = "http_server_request_duration_seconds_count{http_route=\"all\",\
                                   http_request_method=\"GET\",http_response_status_code=\"200\",\
                                   url_scheme=\"http\",error_type=\"client_went_away\"}";

#[test]
fn a_client_that_reads_nothing_holds_no_member_for_ever() {
    for path in Path::BOTH {
        let (address, _sent) = endless();
        let mut plan = plan(&[address]);
        plan.bounds.body_pause = Duration::from_millis(300);
        let gateway = start(plan);
        let mut client = connect(gateway.address);
        let request = format!("GET / HTTP/1.1\r\nhost: a\r\n{}\r\n", path.line());
        client.write_all(request.as_bytes()).expect("it is open");
        eventually("the end of the request", || 0.5 < gateway.metric(GIVEN_UP));
        eventually("the end", || gateway.metric("taut_gateway_connections") < 0.5);
        let of_member = format!("{{service=\"app\",member=\"{address}\"}}");
        let in_flight = format!("taut_gateway_member_active_requests{of_member}");
        assert!(gateway.metric(&in_flight) < 0.5, "{path:?}");
        drop(client);
    }
}

/// Asks on this way, and reads the answer at leisure. How many bytes it was.
fn read_slowly(path: Path, address: SocketAddr, pause: Duration) -> usize {
    let mut client = connect(address);
    let line = path.line();
    let request = format!("GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{line}\r\n");
    client.write_all(request.as_bytes()).expect("it is open");
    let (mut read, mut part) = (0, vec![0; 300_000]);
    loop {
        match client.read(&mut part).expect("it is open") {
            0 => return read,
            count => read += count,
        }
        thread::sleep(pause);
    }
}

#[test]
fn a_client_that_reads_slowly_gets_all_of_it() {
    const BYTES: usize = 3_000_000;
    for path in Path::BOTH {
        let origin = Origin::start(|_| ok(&"x".repeat(BYTES)));
        let mut plan = plan(&[origin.address]);
        plan.bounds.body_pause = Duration::from_millis(400);
        let gateway = start(plan);
        let read = read_slowly(path, gateway.address, Duration::from_millis(50));
        assert!(BYTES < read, "{path:?}: {read}");
    }
}

#[test]
fn a_client_that_reads_slowly_gets_all_of_what_is_kept_as_well() {
    // In one piece, of which no buffer takes more than a part at once.
    const BYTES: usize = 24 << 20;
    let body = "x".repeat(BYTES);
    let origin = Origin::start(move |_| answer("cache-control: max-age=3600\r\n", &body));
    let rule = CacheRule { body_bytes_max: 32 << 20, ..CacheRule::default() };
    let mut plan = cached(rule, &origin);
    plan.bounds.body_pause = Duration::from_millis(400);
    let gateway = start(plan);
    assert!(BYTES < get(gateway.address, "/").len());
    for path in Path::BOTH {
        let read = read_slowly(path, gateway.address, Duration::from_millis(30));
        assert!(BYTES < read, "{path:?}: {read}");
    }
    assert_eq!(origin.seen().len(), 1);
}

#[test]
fn many_who_begin_and_never_end_cost_what_they_sent() {
    let origin = Origin::start(|_| ok("x"));
    let mut plan = plan(&[origin.address]);
    plan.bounds.head_bytes_max = 64 << 10;
    plan.bounds.head_time = Duration::from_millis(800);
    let gateway = start(plan);
    let head = format!("GET / HTTP/1.1\r\nhost: a\r\nx: {}", "y".repeat(60_000));
    let clients: Vec<_> = (0..100)
        .map(|_| {
            let mut client = connect(gateway.address);
            client.write_all(head.as_bytes()).expect("it is open");
            client
        })
        .collect();
    assert_eq!(status(&get(gateway.address, "/")), "200");
    eventually("the end", || gateway.metric("taut_gateway_connections") < 0.5);
    drop(clients);
    // What is too long is told so at once.
    let long = format!("GET / HTTP/1.1\r\nhost: a\r\nx: {}\r\n\r\n", "y".repeat(70_000));
    assert_eq!(status(&ask(gateway.address, &long)), "431");
}

#[test]
fn a_client_that_went_away_while_a_member_thinks_is_no_harm() {
    for path in Path::BOTH {
        let origin = Origin::start(|_| {
            thread::sleep(Duration::from_millis(300));
            ok("late")
        });
        let gateway = start(plan(&[origin.address]));
        for _ in 0..5 {
            let mut client = connect(gateway.address);
            let request = format!("GET /gone HTTP/1.1\r\nhost: a\r\n{}\r\n", path.line());
            client.write_all(request.as_bytes()).expect("it is open");
        }
        let answer = get(gateway.address, "/here");
        assert!(answer.ends_with("late"), "{answer}");
        eventually("the end", || gateway.metric(ACTIVE) < 0.5);
        eventually("the end", || gateway.metric("taut_gateway_connections") < 0.5);
    }
}
