//! Load over HTTP/2 and TLS at a real nginx: what is agreed upon, what is refused, and that a pause counts as much as ever.

#![expect(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use std::{
    fs,
    net::{SocketAddr, TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{Arc, atomic::AtomicBool},
    thread,
    time::{Duration, Instant},
};

use load::{Believes, Http, Method, Model, Outcome, Plan, RunError, Scenario, run};
use prove::schedule::{Arrivals, Schedule, Think, Users};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

const SECOND: Duration = Duration::from_secs(1);

/// nginx with one worker and three ports: TLS with HTTP/2 and 1.1, HTTP/2 without TLS, and HTTP/1.1 alone over TLS.
struct Nginx {
    process: Child,
    both: SocketAddr,
    plain_two: SocketAddr,
    only_one: SocketAddr,
    folder: tempfile::TempDir,
}

impl Nginx {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().display();
        certificates(folder.path());
        // All are held at once, so that none is given twice.
        let held: Vec<TcpListener> =
            (0..3).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        let address = |place: usize| held[place].local_addr().unwrap();
        let (both, plain_two, only_one) = (address(0), address(1), address(2));
        drop(held);
        fs::write(folder.path().join("large"), "0123456789".repeat(300_000)).unwrap();
        let text = format!(
            "daemon off; master_process off; pid {at}/pid; error_log {at}/error.log;\n\
             events {{ worker_connections 512; }}\n\
             http {{ access_log off; client_body_temp_path {at}/b; proxy_temp_path {at}/p;\n\
             fastcgi_temp_path {at}/f; uwsgi_temp_path {at}/u; scgi_temp_path {at}/s;\n\
             keepalive_requests 50; ssl_certificate {at}/leaf.pem; ssl_certificate_key {at}/leaf.key;\n\
             server {{ listen {both} ssl http2; listen {plain_two} http2; listen {only_one} ssl; root {at};\n\
             location = / {{ return 200 \"fine\\n\"; }}\n\
             location = /version {{ return 200 \"{{\\\"http\\\": \\\"$server_protocol\\\"}}\"; }}\n\
             location = /gone {{ return 404; }} }} }}\n"
        );
        let file = folder.path().join("nginx.conf");
        fs::write(&file, text).unwrap();
        let process = Command::new("nginx")
            .arg("-c")
            .arg(&file)
            .arg("-p")
            .arg(folder.path())
            .stderr(Stdio::null())
            .spawn()
            .expect("nginx is installed: `cargo xtask setup`");
        let nginx = Self { process, both, plain_two, only_one, folder };
        for address in [both, plain_two, only_one] {
            let until = Instant::now() + SECOND * 20;
            while TcpStream::connect(address).is_err() {
                assert!(Instant::now() < until, "nginx does not listen");
                thread::sleep(Duration::from_millis(10));
            }
        }
        nginx
    }

    fn ca(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    fn signal(&self, name: &str) {
        let told = Command::new("kill").args([name, &self.process.id().to_string()]).status();
        assert!(told.unwrap().success());
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        self.signal("-CONT");
        self.signal("-KILL");
        drop(self.process.wait());
    }
}

/// An authority, and a certificate of it for this machine.
fn certificates(folder: &std::path::Path) {
    let write = |name: &str, text: String| fs::write(folder.join(name), text).unwrap();
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    write("ca.pem", authority.self_signed(&key).unwrap().pem());
    let issuer = Issuer::new(authority, key);
    let leaf_key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    write("leaf.pem", leaf.signed_by(&leaf_key, &issuer).unwrap().pem());
    write("leaf.key", leaf_key.serialize_pem());
}

fn plan(url: &str, http: Http, believes: Believes) -> Plan {
    Plan {
        scenario: Scenario::url(url, Method::Get, Vec::new(), String::new()).unwrap(),
        name: url.to_owned(),
        model: constant(200.0, SECOND),
        load: "a test".to_owned(),
        seed: 1,
        connections: 8,
        connections_of_two: 2,
        streams: 4,
        http,
        threads: 1,
        timeout: SECOND * 20,
        believes,
        may_be_public: false,
    }
}

fn constant(rate: f64, length: Duration) -> Model {
    Model::Open(Schedule::constant(rate, length, Arrivals::Even).unwrap())
}

fn done(plan: &Plan) -> Outcome {
    run(plan, &Arc::new(AtomicBool::new(false)), |_tick| {}).unwrap()
}

fn refused(plan: &Plan) -> String {
    let error = run(plan, &Arc::new(AtomicBool::new(false)), |_tick| {}).unwrap_err();
    assert!(matches!(error, RunError::Unreachable { .. } | RunError::Tls(_)), "{error}");
    error.to_string()
}

#[test]
fn what_is_spoken_is_what_both_sides_agree_upon() {
    let nginx = Nginx::start();
    let ca = Believes::File(nginx.ca());
    for (url, http, protocol) in [
        (format!("https://{}/version", nginx.both), Http::Agreed, "HTTP/2"),
        (format!("https://{}/version", nginx.both), Http::One, "HTTP/1.1"),
        (format!("https://{}/version", nginx.only_one), Http::Agreed, "HTTP/1.1"),
        (format!("http://{}/version", nginx.plain_two), Http::Two, "HTTP/2"),
    ] {
        let mut plan = plan(&url, http, ca.clone());
        let said = if protocol == "HTTP/2" { "HTTP/2.0" } else { protocol };
        plan.scenario.flows[0].steps[0].check.contains = Some(format!("{{\"http\": \"{said}\"}}"));
        let seen = done(&plan);
        // The server says goodbye on each connection after 50 requests, and none fails of it.
        assert_eq!(
            (seen.started, seen.answered, seen.failed),
            (200, 200, 0),
            "{url}: {:?}",
            seen.troubles
        );
        assert_eq!(seen.protocol, protocol, "{url}");
        assert!(4 <= seen.connections, "{url}: {} connections", seen.connections);
    }
}

#[test]
fn a_large_answer_and_an_error_are_counted_alike_in_both() {
    let nginx = Nginx::start();
    for http in [Http::One, Http::Two] {
        let at = |path: &str| format!("https://{}{path}", nginx.both);
        let mut large = plan(&at("/large"), http, Believes::Anybody);
        large.model = constant(20.0, SECOND / 2);
        let seen = done(&large);
        assert_eq!((seen.answered, seen.body_bytes), (10, 30_000_000), "{http:?}");
        let mut gone = plan(&at("/gone"), http, Believes::Anybody);
        gone.model = constant(20.0, SECOND / 2);
        let seen = done(&gone);
        assert_eq!((seen.statuses, seen.failed), (vec![(404, 10)], 10), "{http:?}");
    }
}

#[test]
fn users_of_the_closed_model_share_connections() {
    let nginx = Nginx::start();
    let mut plan = plan(&format!("http://{}/", nginx.plain_two), Http::Two, Believes::System);
    plan.model = Model::Closed(Users {
        count: 12,
        arrive_over: Duration::ZERO,
        think: Think::Always(Duration::from_millis(200)),
        length: SECOND / 2,
    });
    let seen = done(&plan);
    // Twelve users are three connections of four streams each.
    assert_eq!((seen.failed, seen.unfinished, seen.connections), (0, 0, 3));
    assert!(12 <= seen.answered, "{}", seen.answered);
}

#[test]
fn who_is_not_believed_is_not_loaded() {
    let nginx = Nginx::start();
    let url = format!("https://{}/", nginx.both);
    let said = refused(&plan(&url, Http::Agreed, Believes::System));
    assert!(said.contains("nobody who is believed vouches for its certificate"), "{said}");
    let other = nginx.folder.path().join("leaf.key");
    let said = refused(&plan(&url, Http::Agreed, Believes::File(other)));
    assert!(said.contains("has no certificate in PEM"), "{said}");
    let said = refused(&plan(&url, Http::Agreed, Believes::File(nginx.folder.path().join("none"))));
    assert!(said.contains("cannot be read"), "{said}");
    let seen = done(&plan(&url, Http::Agreed, Believes::Anybody));
    assert_eq!(seen.failed, 0);
}

#[test]
fn a_server_of_the_older_protocol_is_named() {
    let nginx = Nginx::start();
    let ca = Believes::File(nginx.ca());
    let said = refused(&plan(&format!("https://{}/", nginx.only_one), Http::Two, ca));
    assert!(said.contains("it does not speak HTTP/2"), "{said}");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let said =
                b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
            drop(std::io::Write::write_all(&mut stream, said));
        }
    });
    let said = refused(&plan(&format!("http://{address}/"), Http::Two, Believes::System));
    assert!(said.contains("it does not speak HTTP/2"), "{said}");
}

/// Streams do not hide a pause: who meant to come during it waits for the rest of it.
#[test]
fn a_pause_is_seen_by_all_streams() {
    let nginx = Nginx::start();
    let mut plan = plan(&format!("http://{}/", nginx.plain_two), Http::Two, Believes::System);
    (plan.connections_of_two, plan.streams) = (1, 4);
    plan.model = constant(200.0, SECOND * 3);
    let paused = Duration::from_millis(600);
    let seen = thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(SECOND);
            nginx.signal("-STOP");
            thread::sleep(paused);
            nginx.signal("-CONT");
        });
        done(&plan)
    });
    assert_eq!((seen.started, seen.answered, seen.failed), (600, 600, 0), "{:?}", seen.troubles);
    // Of the 120 that were meant to start while it stood still, those of the first half waited for half of it at least.
    let slow = seen.samples.iter().filter(|sample| 300_000_000 <= sample.took_nanos).count();
    assert!(58 <= slow, "{slow} requests were slow");
    assert!(seen.latency(1.0) >= Duration::from_millis(590), "{:?}", seen.latency(1.0));
    // Sent were only as many as there are streams.
    let as_sent = seen.uncorrected.iter_recorded();
    let slow_as_sent: u64 = as_sent
        .filter(|value| 300_000_000 <= value.value_iterated_to())
        .map(|value| value.count_since_last_iteration())
        .sum();
    assert!(slow_as_sent < 58, "{slow_as_sent} were slow as sent");
}
