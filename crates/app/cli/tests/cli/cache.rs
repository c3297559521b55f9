//! What `taut what-if cache` tells of a capture, beside what a real gateway's cache does with the same one.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "counts of a test are small"
)]

use std::{
    fmt::Write as _,
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::kit::{run, taut};

/// Longer than anything here takes on a machine that is not broken.
const PATIENCE: Duration = Duration::from_secs(30);
const REQUESTS: u64 = 1_500;
const KEYS: u64 = 150;

/// What answers to `/item/7` say of caches: every seventh that it is not to be stored.
fn says(number: u64) -> Option<&'static str> {
    number.is_multiple_of(7).then_some("no-store")
}

/// A server whose answer to `/item/7` has as many bytes as every answer to it has.
fn origin() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let address = listener.local_addr().expect("it is bound");
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || talk(stream));
        }
    });
    address
}

fn talk(stream: TcpStream) {
    let Ok(mut writer) = stream.try_clone() else { return };
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    while let Some(first) = lines.next() {
        if !lines.by_ref().any(|line| line.is_empty()) {
            return;
        }
        let target = first.split(' ').nth(1).unwrap_or("/");
        let number = target.rsplit('/').next().and_then(|number| number.parse().ok()).unwrap_or(0);
        thread::sleep(Duration::from_millis(2));
        let body = "x".repeat(size(number));
        let says = says(number).map_or_else(String::new, |it| format!("Cache-Control: {it}\r\n"));
        let head = format!(
            "HTTP/1.1 200 OK\r\n{says}Content-Type: text/plain\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        if writer.write_all((head + &body).as_bytes()).is_err() {
            return;
        }
    }
}

/// 4 to 28 kB.
fn size(number: u64) -> usize {
    usize::try_from(4_000 + number * 7_919 % 24_000).unwrap_or(4_000)
}

/// Requests for a few things often and for many seldom (about 1/rank), at random but always the same, in three seconds.
fn capture(folder: &Path) -> String {
    let mut lines =
        json!({"format": "taut-capture-1", "began_unix_nanos": 0, "by": "a test"}).to_string();
    let mut state = 88_172_645_463_325_252_u64;
    let mut number = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state >> 11
    };
    for place in 0..REQUESTS {
        let share = f64::from(u32::try_from(number() % 1_000_000).unwrap_or(0)) / 1e6;
        let rank = (KEYS as f64).powf(share) as u64 % KEYS;
        let bytes = size(rank);
        let mut headers = vec![
            json!(["content-type", "text/plain"]),
            json!(["content-length", bytes.to_string()]),
            json!(["date", "Sun, 22 Nov 2026 04:00:00 GMT"]),
        ];
        headers.extend(says(rank).map(|it| json!(["cache-control", it])));
        let line = json!({
            "began_unix_nanos": 1_795_308_660_000_000_000_u64 + place * 2_000_000,
            "took_nanos": 2_000_000,
            "request": {"method": "GET", "target": format!("/item/{rank}"), "headers": [["host", "127.0.0.1:8000"]]},
            "answer": {
                "status": 200,
                "headers": headers,
                "body": {"text": "", "kept": "cut", "sent_bytes": bytes},
            },
        });
        let _infallible = write!(lines, "\n{line}");
    }
    lines.push('\n');
    let path = folder.join("capture-1.jsonl");
    fs::write(&path, lines).expect("a folder of one's own");
    path.display().to_string()
}

/// A gateway whose cache has these settings, ended when dropped.
struct Gateway {
    process: Child,
    address: SocketAddr,
    admin: SocketAddr,
}

impl Gateway {
    fn start(
        folder: &Path,
        member: SocketAddr,
        (ttl, bytes_max, over): (&str, &str, &str),
    ) -> Self {
        let held =
            [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").expect("there is a free port"));
        let [address, admin] = held.each_ref().map(|held| held.local_addr().expect("it is bound"));
        drop(held);
        let text = format!(
            "[gateway]\nlisten = [\"{address}\"]\nadmin = \"{admin}\"\nworkers = 1\n\
             [gateway.cache]\nbytes-max = \"{bytes_max}\"\n[gateway.service.app]\nmembers = [\"{member}\"]\n\
             [[gateway.route]]\nname = \"all\"\nservice = \"app\"\ncache = {{ ttl = \"{ttl}\", over-answer = \"{over}\" }}\n"
        );
        let file = folder.join("taut.toml");
        fs::write(&file, text).expect("a folder of one's own");
        let process = taut()
            .args(["gateway", "--config"])
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the binary runs");
        let gateway = Self { process, address, admin };
        let until = Instant::now() + PATIENCE;
        while TcpStream::connect(admin).is_err() || TcpStream::connect(address).is_err() {
            assert!(Instant::now() < until, "the gateway does not listen");
            thread::sleep(Duration::from_millis(20));
        }
        gateway
    }

    /// Requests by what the cache did.
    fn counted(&self) -> impl Fn(&str) -> u64 + use<> {
        let mut stream = TcpStream::connect(self.admin).expect("it listens");
        let asked = b"GET /metrics HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
        stream.write_all(asked).expect("it reads");
        let mut page = String::new();
        stream.read_to_string(&mut page).expect("it answers");
        move |result: &str| {
            let line = page.lines().find(|line| {
                line.starts_with("taut_gateway_cache_requests_total")
                    && line.contains(&format!("\"{result}\""))
            });
            let value = line.and_then(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
            value.unwrap_or(0.0) as u64
        }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let told = Command::new("kill").arg(self.process.id().to_string()).status();
        assert!(told.is_ok_and(|status| status.success()));
        drop(self.process.wait());
    }
}

#[test]
fn the_simulated_cache_is_the_real_one_within_a_point() {
    let folder = tempfile::tempdir().expect("a folder");
    let capture = capture(folder.path());
    let member = origin();
    // Fresh for all of it; for a part of it; and in too little room: 150 things take 2.6 MB. With what answers say, and without.
    for (ttl, bytes_max, over) in
        [("10m", "64MiB", "on"), ("1s", "64MiB", "off"), ("10m", "1MiB", "off")]
    {
        let over_answer = (over == "on").then_some("--over-answer");
        let asked = ["what-if", "cache", "--json", "--ttl", ttl, "--size", bytes_max, &capture];
        let told = run(asked.into_iter().chain(over_answer));
        let told: Value = serde_json::from_str(&told.data).expect(&told.words);
        let simulated = told["caches"][0]["spared"].as_f64().expect("a rate");
        let gateway = Gateway::start(folder.path(), member, (ttl, bytes_max, over));
        let target = format!("http://{}", gateway.address);
        let played = run([
            "replay",
            &capture,
            "--target",
            &target,
            "--no-noise",
            "--json",
            "--allow",
            "100%",
        ]);
        let figures: Value = serde_json::from_str(&played.data).expect(&played.words);
        assert_eq!(figures["played"], REQUESTS, "{figures}");
        let count = gateway.counted();
        let results = ["hit", "stale", "revalidated", "coalesced", "miss", "bypass", "failed"];
        let all: u64 = results.iter().map(|result| count(result)).sum();
        assert_eq!(all, REQUESTS);
        // Who waits together with somebody who asked before is spared as well; how many wait, and how many come a moment
        // later and find it stored, hangs on how busy this machine is.
        let spared = count("hit") + count("stale") + count("coalesced");
        let real = spared as f64 / REQUESTS as f64;
        let off = (simulated - real).abs();
        assert!(off <= 0.01, "{ttl}, {bytes_max}: {simulated:.4} was told, and {real:.4} is");
        // Neither all nor nothing, so that being right says something.
        assert!((0.2..0.95).contains(&real), "{ttl}, {bytes_max}: {real}");
    }
}
