//! The PROXY protocol: who asks is told before anything else, by those who are trusted alone, and to members that want
//! to know.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::{ServerConfig, pki_types::pem::PemObject as _};
use tokio::{io::AsyncReadExt as _, runtime::Runtime, sync::watch};
use tokio_rustls::TlsAcceptor;
use traffic::{
    cache::CacheRule,
    forward::Network,
    health::{Expected, Thresholds},
    plan::{Certificate, Check, Plan, Secret},
    proxy_protocol::{Ends, Read, Version, read, write},
    wire::{Http, MemberTls, Wire},
};

use crate::{
    kit::{Origin, PATIENCE, connect, eventually, get, ok, plan, read_all, start, status},
    origins::{Folder, shows},
};

fn proxied(origin: SocketAddr, trusted: &str) -> Plan {
    let mut plan = plan(&[origin]);
    plan.listen[0].proxy_protocol = true;
    plan.trusted = vec![Network::parse(trusted).expect("as the test has it")];
    plan.bounds.head_time = Duration::from_millis(500);
    plan
}

fn header(version: Version, from: &str) -> Vec<u8> {
    let ends = Ends {
        from: from.parse().expect("as the test has it"),
        to: "198.51.100.1:443".parse().expect("as the test has it"),
    };
    let mut bytes = Vec::new();
    write(version, Some(ends), &mut bytes);
    bytes
}

const ASK: &[u8] =
    b"GET /x HTTP/1.1\r\nhost: a\r\nx-forwarded-for: 1.2.3.4\r\nconnection: close\r\n\r\n";

fn sent(address: SocketAddr, pieces: &[&[u8]]) -> String {
    let mut stream = connect(address);
    for piece in pieces {
        // Who is not let in may be hung up on before all is sent.
        let _sent = stream.write_all(piece);
    }
    read_all(&mut stream)
}

#[test]
fn who_asks_is_who_the_header_says() {
    let origin = Origin::start(|_| ok("x"));
    let gateway = start(proxied(origin.address, "127.0.0.0/8"));
    for version in [Version::One, Version::Two] {
        let answer = sent(gateway.address, &[&header(version, "203.0.113.9:5000"), ASK]);
        assert_eq!(status(&answer), "200", "{answer}");
    }
    // Byte by byte, too.
    let mut stream = connect(gateway.address);
    for byte in header(Version::One, "[2001:db8::7]:5000").iter().chain(ASK) {
        stream.write_all(&[*byte]).unwrap();
    }
    assert_eq!(status(&read_all(&mut stream)), "200");
    let seen = origin.seen();
    let told = |address: &str| format!("x-forwarded-for: {address}\r\n");
    assert!(seen[0].contains(&told("203.0.113.9")) && seen[1].contains(&told("203.0.113.9")));
    assert!(seen[2].contains(&told("2001:db8::7")), "{}", seen[2]);
}

#[test]
fn what_the_gateway_asks_itself_needs_no_header() {
    let origin = Origin::start(|_| ok("x"));
    let mut plan = proxied(origin.address, "127.0.0.0/8");
    let rule = CacheRule { ttl: Some(Duration::from_hours(1)), ..CacheRule::default() };
    plan.routes[0].cache = Some(rule);
    plan.admin_token = Some(Secret("sesame".to_owned()));
    let gateway = start(plan);
    let warmed = gateway.order("/cache/warm", "{\"urls\": [\"http://a/x\", \"https://a/x\"]}");
    assert!(warmed.contains("\"answered\": 2"), "{warmed}");
    let answer = sent(gateway.address, &[&header(Version::One, "203.0.113.9:5000"), ASK]);
    let answer = answer.to_ascii_lowercase();
    assert!(answer.contains("cache-status: taut; hit"), "{answer}");
    assert_eq!(origin.seen().len(), 2, "one for each scheme");
    assert!(gateway.metric("taut_gateway_proxy_header_errors_total") < 0.5);
}

#[test]
fn who_is_trusted_and_does_not_say_is_not_served() {
    let origin = Origin::start(|_| ok("x"));
    let gateway = start(proxied(origin.address, "127.0.0.0/8"));
    let mut halves = header(Version::Two, "203.0.113.9:5000");
    halves.truncate(20);
    let endless = format!("PROXY TCP4 {}", "1".repeat(4_000));
    let mut large = header(Version::Two, "203.0.113.9:5000");
    (large[14], large[15]) = (0xFF, 0xFF);
    for hostile in [
        ASK,
        b"PROXY TCP4 1 2 3 4\r\n",
        &halves,
        endless.as_bytes(),
        &large,
        b"\r\n\r\n\0\r\nQUIT\n\x99",
    ] {
        assert_eq!(sent(gateway.address, &[hostile]), "", "{hostile:?}");
    }
    assert!(origin.seen().is_empty());
    assert!(gateway.metric("taut_gateway_proxy_header_errors_total") >= 6.0);
    // Its own checks say nobody, and are answered as who they are.
    let answer = sent(gateway.address, &[b"PROXY UNKNOWN\r\n", ASK]);
    assert_eq!(status(&answer), "200");
    assert!(origin.seen()[0].contains("x-forwarded-for: 1.2.3.4, 127.0.0.1\r\n"));
}

#[test]
fn a_header_of_who_is_not_trusted_is_no_request() {
    let origin = Origin::start(|_| ok("x"));
    let gateway = start(proxied(origin.address, "10.0.0.0/8"));
    let answer = sent(gateway.address, &[&header(Version::One, "203.0.113.9:5000"), ASK]);
    assert_eq!(status(&answer), "400", "{answer}");
    assert_eq!(status(&sent(gateway.address, &[ASK])), "200");
    assert!(origin.seen()[0].contains("x-forwarded-for: 127.0.0.1\r\n"));
}

#[test]
fn the_header_comes_before_the_encryption() {
    let (folder, origin) = (Folder::new(), Origin::start(|_| ok("x")));
    let mut plan = proxied(origin.address, "127.0.0.0/8");
    plan.listen[0].tls = vec![folder.certificate("shop", &["shop.example"])];
    let gateway = start(plan);
    let mut stream = connect(gateway.address);
    stream.write_all(&header(Version::Two, "203.0.113.9:5000")).unwrap();
    let mut roots = rustls::RootCertStore::empty();
    let file = folder.path("shop.pem");
    roots.add(rustls::pki_types::CertificateDer::from_pem_file(file).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = "shop.example".try_into().unwrap();
    let session = rustls::ClientConnection::new(Arc::new(config), name).unwrap();
    let mut encrypted = rustls::StreamOwned::new(session, stream);
    encrypted.write_all(ASK).unwrap();
    let mut answer = String::new();
    // Not every server says goodbye.
    let _end = encrypted.read_to_string(&mut answer);
    assert_eq!(status(&answer), "200", "{answer}");
    assert!(origin.seen()[0].contains("x-forwarded-for: 203.0.113.9\r\n"));
}

/// A member that wants to know who asks: what each connection began with, and answers.
fn curious() -> (SocketAddr, Arc<Mutex<Vec<Option<SocketAddr>>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let told: Arc<Mutex<Vec<Option<SocketAddr>>>> = Arc::default();
    let seen = Arc::clone(&told);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let told = Arc::clone(&told);
            thread::spawn(move || converse(stream, &told));
        }
    });
    (address, seen)
}

fn converse(mut stream: TcpStream, told: &Mutex<Vec<Option<SocketAddr>>>) {
    let mut bytes = Vec::new();
    let from = loop {
        match read(&bytes) {
            Ok(Read::Header { ends, .. }) => break ends.map(|ends| ends.from),
            Ok(Read::More(count)) => {
                let mut more = vec![0; count];
                if stream.read_exact(&mut more).is_err() {
                    return;
                }
                bytes.extend_from_slice(&more);
            }
            Err(none) => panic!("{none}: {bytes:?}"),
        }
    };
    let mut head = Vec::new();
    let mut byte = [0];
    while stream.read(&mut byte).is_ok_and(|count| count == 1) {
        head.push(byte[0]);
        if head.ends_with(b"\r\n\r\n") {
            told.lock().expect("as the test has it").push(from);
            stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx")
                .expect("as the test has it");
            head.clear();
        }
    }
}

#[test]
fn members_are_told_who_asks_and_a_connection_is_for_one_client() {
    for version in [Version::One, Version::Two] {
        let (address, seen) = curious();
        let mut plan = plan(&[address]);
        plan.services[0].wire.proxy_protocol = Some(version);
        let gateway = start(plan);
        let mut clients = [connect(gateway.address), connect(gateway.address)];
        let own: Vec<SocketAddr> =
            clients.iter().map(|client| client.local_addr().unwrap()).collect();
        for _ in 0..3 {
            for client in &mut clients {
                client.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
                crate::kit::read_until(client, "\r\n\r\nx");
            }
        }
        let told = seen.lock().unwrap().clone();
        let expected: Vec<_> = (0..6).map(|number| Some(own[number % 2])).collect();
        assert_eq!(told, expected);
        let line = format!(
            "taut_gateway_member_connections_total{{service=\"app\",member=\"{address}\"}}"
        );
        assert!(
            (gateway.metric(&line) - 2.0).abs() < 1e-9,
            "each has one of its own, and keeps it"
        );
    }
}

#[test]
fn checks_are_nobodys() {
    let (address, seen) = curious();
    let mut plan = plan(&[address]);
    plan.services[0].wire.proxy_protocol = Some(Version::Two);
    plan.services[0].check = Some(Check {
        path: Some("/health".to_owned()),
        expected: Expected::default(),
        interval: Duration::from_millis(30),
        timeout: Duration::from_secs(5),
        thresholds: Thresholds::default(),
    });
    let gateway = start(plan);
    eventually("checks", || 2 <= seen.lock().unwrap().len());
    assert!(seen.lock().unwrap().iter().all(Option::is_none));
    assert!(gateway.page("/ready").contains("\"members_up\": 1"));
}

#[test]
fn who_was_told_of_comes_through_to_members_that_are_told() {
    let (address, seen) = curious();
    let mut plan = proxied(address, "127.0.0.0/8");
    plan.services[0].wire.proxy_protocol = Some(Version::One);
    let gateway = start(plan);
    let answer = sent(gateway.address, &[&header(Version::Two, "203.0.113.9:5000"), ASK]);
    assert_eq!(status(&answer), "200");
    assert_eq!(*seen.lock().unwrap(), [Some("203.0.113.9:5000".parse().unwrap())]);
}

/// A member that is told who asks, then speaks HTTP/2, encrypted. Its first connection waits until it is let go on.
struct Two {
    address: SocketAddr,
    open: Arc<AtomicUsize>,
    go_on: watch::Sender<bool>,
    runtime: Option<Runtime>,
}

impl Two {
    fn start(certificate: &Certificate) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let listener =
            runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let config = shows(certificate, &[b"h2"], None);
        let acceptor = TlsAcceptor::from(Arc::<ServerConfig>::from(config));
        let (go_on, may) = watch::channel(false);
        let open = Arc::<AtomicUsize>::default();
        let counted = Arc::clone(&open);
        runtime.spawn(async move {
            let mut number = 0;
            while let Ok((mut stream, _)) = listener.accept().await {
                let (acceptor, open, mut may) =
                    (acceptor.clone(), Arc::clone(&counted), may.clone());
                let is_first = number == 0;
                number += 1;
                tokio::spawn(async move {
                    open.fetch_add(1, Ordering::Relaxed);
                    // Who asks, in a line.
                    while stream.read_u8().await.is_ok_and(|byte| byte != b'\n') {}
                    if is_first {
                        drop(may.wait_for(|may| *may).await);
                    }
                    if let Ok(stream) = acceptor.accept(stream).await {
                        let service = service_fn(|_: Request<Incoming>| async {
                            let body = Full::new(Bytes::from_static(b"x"));
                            Ok::<_, std::convert::Infallible>(Response::new(body))
                        });
                        let builder = http2::Builder::new(TokioExecutor::new());
                        let _end = builder.serve_connection(TokioIo::new(stream), service).await;
                    }
                    open.fetch_sub(1, Ordering::Relaxed);
                });
            }
        });
        Self { address, open, go_on, runtime: Some(runtime) }
    }

    fn plan(&self, certificate: &Certificate) -> Plan {
        let mut plan = plan(&[self.address]);
        let tls = MemberTls {
            authorities: Some(certificate.chain.clone()),
            name: Some("app.internal".to_owned()),
            identity: None,
        };
        let service = &mut plan.services[0];
        service.wire = Wire { http: Http::Two, tls: Some(tls), proxy_protocol: Some(Version::One) };
        service.timeouts.connect = PATIENCE * 2;
        plan
    }
}

impl Drop for Two {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

#[test]
fn who_connects_for_one_client_holds_up_no_other() {
    let folder = Folder::new();
    let certificate = folder.certificate("member", &["app.internal"]);
    let member = Two::start(&certificate);
    let gateway = start(member.plan(&certificate));
    let address = gateway.address;
    let first = thread::spawn(move || get(address, "/"));
    eventually("the first", || member.open.load(Ordering::Relaxed) == 1);
    assert!(get(address, "/").ends_with('x'), "it has a connection of its own");
    assert!(!first.is_finished());
    member.go_on.send_replace(true);
    assert!(first.join().unwrap().ends_with('x'));
}

#[test]
fn connections_of_http_2_that_are_for_one_client_each_are_bounded() {
    let folder = Folder::new();
    let certificate = folder.certificate("member", &["app.internal"]);
    let member = Two::start(&certificate);
    member.go_on.send_replace(true);
    let mut plan = member.plan(&certificate);
    plan.services[0].idle_max = 3;
    let gateway = start(plan);
    for _ in 0..12 {
        assert!(get(gateway.address, "/").ends_with('x'));
    }
    eventually("few", || member.open.load(Ordering::Relaxed) <= 3);
    // Who stays keeps its own.
    let line = format!(
        "taut_gateway_member_connections_total{{service=\"app\",member=\"{}\"}}",
        member.address
    );
    let before = gateway.metric(&line);
    let mut client = connect(gateway.address);
    for _ in 0..3 {
        client.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
        crate::kit::read_until(&mut client, "\r\n\r\nx");
    }
    assert!((gateway.metric(&line) - before - 1.0).abs() < 0.5);
}
