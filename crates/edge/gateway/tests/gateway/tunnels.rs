//! What became another protocol is a connection like any other: it is counted, a stop waits for it, and nobody holds it for
//! ever.

use std::{
    fs,
    io::{ErrorKind, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use traffic::{
    canary::CanaryRule,
    plan::{Member, Service},
    telling::AccessLog,
};

use crate::kit::{
    PATIENCE, Running, connect, eventually, get, plan, read_all, read_until, start, status,
};

const ASKED: &str = "GET /chat HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
                     sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

const AGREED: &str =
    "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";

/// A member that agrees to what is asked for, and sends back what it is sent then.
fn echoing() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            thread::spawn(move || {
                read_until(&mut stream, "\r\n\r\n");
                stream.write_all(AGREED.as_bytes()).expect("it is open");
                let mut back = stream.try_clone().expect("a second handle");
                let _ended = std::io::copy(&mut stream, &mut back);
            });
        }
    });
    address
}

/// A client whose protocol has changed.
fn changed(gateway: &Running) -> TcpStream {
    let mut client = connect(gateway.address);
    client.write_all(ASKED.as_bytes()).expect("it is open");
    assert_eq!(status(&read_until(&mut client, "\r\n\r\n")), "101");
    talk(&mut client);
    client
}

/// Says something, and hears it again.
fn talk(client: &mut TcpStream) {
    client.write_all(b"word").expect("it is open");
    assert_eq!(read_until(client, "word"), "word");
}

fn connections(gateway: &Running, count: f64) -> bool {
    (gateway.metric("taut_gateway_connections") - count).abs() < 0.5
}

#[test]
fn it_is_a_connection_and_takes_the_room_of_one() {
    let mut plan = plan(&[echoing()]);
    plan.bounds.connections_max = 1;
    let gateway = start(plan);
    let mut first = changed(&gateway);
    eventually("both are counted once", || connections(&gateway, 1.0));
    let mut second = connect(gateway.address);
    second.write_all(ASKED.as_bytes()).expect("the kernel takes it");
    second.set_read_timeout(Some(Duration::from_millis(300))).expect("a timeout");
    let waits = second.read(&mut [0]).expect_err("nobody has accepted it yet").kind();
    assert!(matches!(waits, ErrorKind::WouldBlock | ErrorKind::TimedOut), "{waits}");
    talk(&mut first);
    drop(first);
    second.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    assert_eq!(status(&read_until(&mut second, "\r\n\r\n")), "101");
    talk(&mut second);
    assert!(connections(&gateway, 1.0));
    drop(second);
    eventually("the end", || connections(&gateway, 0.0));
}

#[test]
fn who_stops_lets_it_end_what_it_says() {
    let mut plan = plan(&[echoing()]);
    plan.drain = PATIENCE;
    let gateway = start(plan);
    let mut client = changed(&gateway);
    let admin = gateway.admin;
    let stopping = thread::spawn(move || {
        let began = Instant::now();
        gateway.stop();
        began.elapsed()
    });
    eventually("it stops", || status(&get(admin, "/ready")) == "503");
    thread::sleep(Duration::from_millis(200));
    talk(&mut client);
    drop(client);
    let took = stopping.join().expect("it stopped");
    assert!(took < PATIENCE / 2, "{took:?}");
}

#[test]
fn what_goes_on_after_the_time_to_stop_is_broken_off_and_told_as_answered() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("access.log");
    let mut plan = plan(&[echoing()]);
    plan.drain = Duration::from_secs(1);
    plan.telling.access_log = Some(AccessLog::File(file.clone()));
    let gateway = start(plan);
    let mut client = changed(&gateway);
    let began = Instant::now();
    gateway.stop();
    let took = began.elapsed();
    assert!(Duration::from_millis(900) < took && took < PATIENCE, "{took:?}");
    assert_eq!(read_all(&mut client), "", "without a word");
    let line: Value =
        serde_json::from_str(&fs::read_to_string(&file).expect("a file")).expect("JSON");
    assert_eq!((&line["status"], &line["bytes"]), (&Value::from(101), &Value::from(4)), "{line}");
    assert_eq!(line["end"], Value::Null, "{line}");
}

#[test]
fn one_that_says_nothing_is_closed_and_one_that_talks_is_not() {
    let mut plan = plan(&[echoing()]);
    plan.bounds.tunnel_pause = Duration::from_secs(1);
    let gateway = start(plan);
    let mut client = changed(&gateway);
    for _ in 0..4 {
        thread::sleep(Duration::from_millis(400));
        talk(&mut client);
    }
    let began = Instant::now();
    assert_eq!(read_all(&mut client), "");
    assert!(Duration::from_millis(900) < began.elapsed(), "{:?}", began.elapsed());
    eventually("the end", || connections(&gateway, 0.0));
}

#[test]
fn a_version_that_is_tried_has_answered_once_the_protocol_has_changed() {
    let mut plan = plan(&[echoing()]);
    let new = Service::new("app-v2", vec![Member::new(echoing().to_string())]);
    plan.services.push(new);
    plan.routes[0].canary = Some(Arc::new(CanaryRule::to(1)));
    let gateway = start(plan);
    let _client = changed(&gateway);
    let counted = |version: &str| {
        gateway.metric(&format!(
            "taut_gateway_canary_requests_total{{http_route=\"all\",version=\"{version}\",failed=\"no\"}}"
        ))
    };
    eventually("it is counted", || 0.5 < counted("old") + counted("new"));
}
