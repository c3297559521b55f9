//! The time that all of a request may take: until the end of its answer, whoever is asked, and whatever holds it up but the
//! client itself.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::Arc,
    thread,
    time::Duration,
};

use traffic::{encoding::CompressRule, plan::Total};

use crate::kit::{
    Origin, Path, Reply, connect, eventually, ok, on, plan, read_all, read_until, start, status,
};

/// Longer than any test waits for anything: what is due to this fails.
const FOREVER: Duration = Duration::from_hours(1);

/// An address where connecting hangs: somebody listens whose queue is full, and takes nobody out of it. For as long as what
/// comes with it is kept.
fn full() -> (SocketAddr, TcpListener, Vec<TcpStream>) {
    let socket = TcpListener::bind("127.0.0.1:0").expect("a free port");
    // From now on for one, and no more.
    rustix::net::listen(&socket, 0).expect("it listens");
    let address = socket.local_addr().expect("it is bound");
    let mut waiting = Vec::new();
    while let Ok(one) = TcpStream::connect_timeout(&address, Duration::from_millis(300)) {
        waiting.push(one);
        assert!(waiting.len() < 100, "its queue is never full");
    }
    (address, socket, waiting)
}

/// A member that answers at once with a byte of its body, and sends another one every 50 ms, for ever.
fn trickling() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    // It ends with the test's process.
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            thread::spawn(move || {
                let mut head = [0; 1024];
                let _asked = stream.read(&mut head);
                let begun = b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\nx";
                let mut sent = stream.write_all(begun);
                while sent.is_ok() {
                    thread::sleep(Duration::from_millis(50));
                    sent = stream.write_all(b"x");
                }
            });
        }
    });
    address
}

/// A member that sends 16 MiB that cannot be made smaller, a piece each millisecond.
fn in_pieces() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    // It ends with the test's process.
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            thread::spawn(move || {
                let mut head = [0; 1024];
                let _asked = stream.read(&mut head);
                let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\
                            transfer-encoding: chunked\r\n\r\n";
                let mut sent = stream.write_all(head.as_bytes());
                // Xorshift (Marsaglia, 2003).
                let mut number = 0x9e37_79b9_7f4a_7c15_u64;
                let mut bytes = || {
                    number ^= number << 13;
                    number ^= number >> 7;
                    number ^= number << 17;
                    number.to_le_bytes()
                };
                for _ in 0..256 {
                    let mut piece = b"10000\r\n".to_vec();
                    piece.extend((0..0x2000).flat_map(|_| bytes()));
                    piece.extend(b"\r\n");
                    sent = sent.and_then(|()| stream.write_all(&piece));
                    thread::sleep(Duration::from_millis(1));
                }
                let _all = sent.and_then(|()| stream.write_all(b"0\r\n\r\n"));
            });
        }
    });
    address
}

fn failures(address: SocketAddr) -> String {
    format!("taut_gateway_member_failures_total{{service=\"app\",member=\"{address}\"}}")
}

#[test]
fn a_member_that_never_takes_a_connection_costs_no_more_than_all_of_the_time() {
    for path in Path::BOTH {
        let (address, _socket, _waiting) = full();
        let mut plan = plan(&[address]);
        plan.services[0].timeouts.connect = FOREVER;
        plan.services[0].timeouts.total = Some(Duration::from_millis(300));
        let gateway = start(plan);
        let answer = on(path, gateway.address, "/");
        assert_eq!(status(&answer), "504", "{path:?} {answer}");
        assert!((gateway.metric(&failures(address)) - 1.0).abs() < 0.5, "{path:?}");
    }
}

#[test]
fn another_member_answers_in_the_time_that_connecting_to_the_first_has_left() {
    for path in Path::BOTH {
        let (address, _socket, _waiting) = full();
        let good = Origin::start(|_| ok("x"));
        let mut plan = plan(&[address, good.address]);
        plan.services[0].timeouts.connect = Duration::from_millis(200);
        plan.services[0].timeouts.total = Some(Duration::from_secs(15));
        plan.services[0].outliers.fails = 1000;
        let gateway = start(plan);
        for _ in 0..4 {
            assert_eq!(status(&on(path, gateway.address, "/")), "200", "{path:?}");
        }
        assert!(0.5 < gateway.metric("taut_gateway_retries_total"), "{path:?}");
        assert_eq!(good.seen().len(), 4, "{path:?}");
    }
}

#[test]
fn the_second_member_has_what_is_left_and_no_more() {
    for path in Path::BOTH {
        let (address, _socket, _waiting) = full();
        let silent = Origin::start(|_| Reply::Hang);
        let mut plan = plan(&[address, silent.address]);
        plan.services[0].timeouts.connect = Duration::from_millis(200);
        plan.services[0].timeouts.answer = FOREVER;
        plan.services[0].timeouts.total = Some(Duration::from_secs(1));
        plan.services[0].outliers.fails = 1000;
        let gateway = start(plan);
        // Whoever of them is asked first.
        for _ in 0..2 {
            assert_eq!(status(&on(path, gateway.address, "/")), "504", "{path:?}");
        }
        assert!(0.5 < gateway.metric("taut_gateway_retries_total"), "{path:?}");
        assert_eq!(silent.seen().len(), 2, "{path:?}");
    }
}

#[test]
fn an_answer_that_never_ends_is_broken_off() {
    for path in Path::BOTH {
        let address = trickling();
        let mut plan = plan(&[address]);
        plan.services[0].timeouts.total = Some(Duration::from_millis(500));
        let gateway = start(plan);
        let answer = on(path, gateway.address, "/");
        assert_eq!(status(&answer), "200");
        assert!(answer.ends_with("\r\n\r\nx") || answer.ends_with("xx"), "{path:?} {answer}");
        eventually("the count", || 0.5 < gateway.metric("taut_gateway_broken_answers_total"));
        eventually("the failure", || 0.5 < gateway.metric(&failures(address)));
    }
}

#[test]
fn what_the_client_takes_to_read_is_not_counted() {
    const BYTES: usize = 32 << 20;
    let body = "x".repeat(BYTES);
    let origin = Origin::start(move |_| ok(&body));
    let mut plan = plan(&[origin.address]);
    plan.services[0].timeouts.total = Some(Duration::from_secs(1));
    let gateway = start(plan);
    for path in Path::BOTH {
        let mut client = connect(gateway.address);
        let line = path.line();
        let head = format!("GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{line}\r\n");
        client.write_all(head.as_bytes()).expect("it is open");
        read_until(&mut client, "\r\n\r\n");
        // Far more is on its way than any buffer takes.
        thread::sleep(Duration::from_millis(1_500));
        assert_eq!(read_all(&mut client).len(), BYTES, "{path:?}");
    }
}

#[test]
fn what_the_client_takes_to_read_is_not_counted_where_it_comes_in_pieces_and_is_compressed() {
    for path in Path::BOTH {
        let mut plan = plan(&[in_pieces()]);
        plan.services[0].timeouts.total = Some(Duration::from_secs(2));
        plan.routes[0].compress = Some(Arc::new(CompressRule::default()));
        let gateway = start(plan);
        let mut client = connect(gateway.address);
        let line = path.line();
        let head = format!(
            "GET / HTTP/1.1\r\nhost: a\r\naccept-encoding: zstd\r\nconnection: close\r\n{line}\r\n"
        );
        client.write_all(head.as_bytes()).expect("it is open");
        read_until(&mut client, "\r\n\r\n");
        // Meanwhile a piece is written that does not fit, and others wait.
        thread::sleep(Duration::from_millis(2_500));
        assert!(read_all(&mut client).ends_with("0\r\n\r\n"), "{path:?}");
    }
}

#[test]
fn a_route_may_take_longer_than_its_service() {
    for path in Path::BOTH {
        let slow = Origin::start(|_| {
            thread::sleep(Duration::from_millis(500));
            ok("late")
        });
        let mut plan = plan(&[slow.address]);
        plan.services[0].timeouts.total = Some(Duration::from_millis(100));
        let gateway = start(plan.clone());
        assert_eq!(status(&on(path, gateway.address, "/")), "504", "{path:?}");
        // What `off` on a route means.
        plan.routes[0].timeouts.total = Some(Total::Unbounded);
        gateway.gateway().replace(plan).expect("it is right");
        assert_eq!(status(&on(path, gateway.address, "/")), "200", "{path:?}");
    }
}
