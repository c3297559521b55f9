//! The generator beside wrk, hey and oha, on one nginx: processor time a request, highest rate on one core, how late
//! starts are, and what each says of a server that stops for a second. `cargo xtask bench load`.
//!
//! Tools that are not installed are left out and named: `apt-get install nginx wrk hey`, `cargo install oha`.

#![expect(clippy::print_stdout, reason = "prints tables")]

use std::{
    fs,
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, atomic::AtomicBool},
    thread,
    time::{Duration, Instant},
};

use load::{Believes, Http, Method, Model, Outcome, Plan, Scenario, run};
use prove::schedule::{Arrivals, Schedule, Think, Users};

type Failed = Box<dyn std::error::Error>;

const ROUNDS: usize = 3;
const CONNECTIONS: u32 = 50;
const LONG: Duration = Duration::from_secs(10);
const PAUSE_AT: Duration = Duration::from_secs(4);

fn main() -> Result<(), Failed> {
    let server = Server::start()?;
    for tool in ["wrk", "hey", "oha"] {
        if !is_there(tool) {
            println!("{tool} is not installed: not compared");
        }
    }
    let fastest = speed(&server)?;
    lateness(&server)?;
    truth(&server, fastest)
}

/// nginx with one worker on a free port, ended with the benchmark.
struct Server {
    child: Child,
    url: String,
    _folder: tempfile::TempDir,
}

impl Server {
    fn start() -> Result<Self, Failed> {
        let folder = tempfile::tempdir()?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let at = folder.path().display();
        let conf = format!(
            "daemon off; master_process off; pid {at}/pid; error_log {at}/error crit;\n\
             events {{ worker_connections 4096; }}\n\
             http {{ access_log off; keepalive_requests 1000000000; client_body_temp_path {at}/a; proxy_temp_path {at}/b;\n\
             fastcgi_temp_path {at}/c; uwsgi_temp_path {at}/d; scgi_temp_path {at}/e;\n\
             server {{ listen 127.0.0.1:{port} backlog=4096; location / {{ return 200 \"fine\\n\"; }} }} }}\n"
        );
        let path = folder.path().join("nginx.conf");
        fs::write(&path, conf)?;
        let mut nginx = Command::new("nginx");
        nginx.arg("-c").arg(&path).arg("-p").arg(folder.path()).stderr(Stdio::null());
        let child = nginx.spawn().map_err(|error| format!("nginx is needed for this: {error}"))?;
        let server = Self { child, url: format!("http://127.0.0.1:{port}/"), _folder: folder };
        for _ in 0..100 {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Ok(server);
            }
            thread::sleep(Duration::from_millis(50));
        }
        Err("nginx does not answer".into())
    }

    fn signal(&self, name: &str) -> Result<(), Failed> {
        let pid = self.child.id().to_string();
        let done = Command::new("kill").args([&format!("-{name}"), &pid]).status()?;
        if done.success() { Ok(()) } else { Err(format!("nginx could not be sent {name}").into()) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.signal("CONT"));
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn is_there(tool: &str) -> bool {
    Command::new("sh")
        .args(["-c", &format!("command -v {tool}")])
        .stdout(Stdio::null())
        .status()
        .is_ok_and(|done| done.success())
}

fn plan(server: &Server, model: Model, connections: u32) -> Result<Plan, Failed> {
    Ok(Plan {
        scenario: Scenario::url(&server.url, Method::Get, Vec::new(), String::new())?,
        name: server.url.clone(),
        model,
        load: String::new(),
        seed: 1,
        connections: connections.try_into()?,
        threads: 1,
        timeout: Duration::from_secs(30),
        connections_of_two: 1,
        streams: 1,
        http: Http::Agreed,
        believes: Believes::System,
        may_be_public: false,
    })
}

fn ran(plan: &Plan) -> Result<Outcome, Failed> {
    Ok(run(plan, &Arc::new(AtomicBool::new(false)), |_tick| {})?)
}

fn users() -> Model {
    Model::Closed(Users {
        count: CONNECTIONS,
        arrive_over: Duration::ZERO,
        think: Think::Never,
        length: LONG,
    })
}

/// Closed, as fast as it goes, by turns. The fastest rate that anybody saw: what the server can do.
fn speed(server: &Server) -> Result<f64, Failed> {
    println!(
        "\nClosed, {CONNECTIONS} connections, {} s, {ROUNDS} rounds by turns\n",
        LONG.as_secs()
    );
    println!(
        "| tool | requests a second | p50 ms | p99 ms | processor µs a request |\n|---|---|---|---|---|"
    );
    let mut fastest = 0.0_f64;
    for _ in 0..ROUNDS {
        let seen = ran(&plan(server, users(), CONNECTIONS)?)?;
        let each = seen.processor_each().as_secs_f64() * 1e6;
        let ms = |q| seen.latency(q).as_secs_f64() * 1e3;
        println!("| taut | {:.0} | {:.2} | {:.2} | {each:.1} |", seen.rate(), ms(0.5), ms(0.99));
        fastest = fastest.max(seen.rate());
        for tool in ["wrk", "hey", "oha"] {
            if !is_there(tool) {
                continue;
            }
            let (count, seconds) = (CONNECTIONS.to_string(), format!("{}s", LONG.as_secs()));
            let words: Vec<&str> = match tool {
                "wrk" => vec!["-t1", "-c", &count, "-d", &seconds, "--latency", &server.url],
                "hey" => vec!["-c", &count, "-z", &seconds, &server.url],
                _ => vec!["--no-tui", "-c", &count, "-z", &seconds, &server.url],
            };
            let (text, worked) = told(tool, &words)?;
            let rate = number(&text, &["Requests/sec:"]).unwrap_or(0.0);
            let requests = rate * LONG.as_secs_f64();
            println!(
                "| {tool} | {rate:.0} | {} | {} | {:.1} |",
                shown(latency(&text, "50%")),
                shown(latency(&text, "99%")),
                worked.as_secs_f64() * 1e6 / requests.max(1.0)
            );
            fastest = fastest.max(rate);
        }
    }
    Ok(fastest)
}

/// How late requests start, well below what one core can do.
fn lateness(server: &Server) -> Result<(), Failed> {
    println!("\nOpen, {} s each: how late starts are\n", LONG.as_secs());
    println!(
        "| a second | answered | late p50 µs | late p99 µs | processor µs a request | p99 ms |\n|---|---|---|---|---|---|"
    );
    for rate in [100.0, 1_000.0, 5_000.0, 10_000.0, 50_000.0, 100_000.0, 150_000.0] {
        let schedule = Schedule::constant(rate, LONG, Arrivals::Even)?;
        let seen = ran(&plan(server, Model::Open(schedule), 256)?)?;
        let late = |q| Duration::from_nanos(seen.late.value_at_quantile(q)).as_secs_f64() * 1e6;
        println!(
            "| {rate} | {:.0} | {:.0} | {:.0} | {:.1} | {:.2} |",
            seen.rate(),
            late(0.5),
            late(0.99),
            seen.processor_each().as_secs_f64() * 1e6,
            seen.latency(0.99).as_secs_f64() * 1e3
        );
    }
    Ok(())
}

/// 1,000 a second at a server that stops for a second: what each tool says, beside the schedule's own arithmetic.
fn truth(server: &Server, fastest: f64) -> Result<(), Failed> {
    println!(
        "\n1,000 a second for {} s; the server is stopped for a second; {ROUNDS} rounds\n",
        LONG.as_secs()
    );
    println!(
        "| tool | answered a second | p50 ms | p95 ms (true) | off | p99 ms (true) | off |\n|---|---|---|---|---|---|---|"
    );
    let schedule = Schedule::constant(1_000.0, LONG, Arrivals::Even)?;
    for _ in 0..ROUNDS {
        for connections in [256, CONNECTIONS] {
            let plan = plan(server, Model::Open(schedule.clone()), connections)?;
            let (seen, paused) = while_paused(server, || ran(&plan))?;
            let seen = seen?;
            let ms = |nanos: u64| Duration::from_nanos(nanos).as_secs_f64() * 1e3;
            let figures =
                |histogram: &dyn Fn(f64) -> u64| [0.5, 0.95, 0.99].map(|q| ms(histogram(q)));
            let truth = true_millis(&schedule, paused, fastest);
            let corrected = figures(&|q| seen.corrected.value_at_quantile(q));
            line(&format!("taut, {connections} connections"), seen.rate(), corrected, truth);
            let uncorrected = figures(&|q| seen.uncorrected.value_at_quantile(q));
            line("the same, not corrected", seen.rate(), uncorrected, truth);
        }
        for (name, tool, words) in [
            ("hey -q", "hey", "-z 10s -c 50 -q 20"),
            ("oha -q", "oha", "--no-tui -z 10s -c 50 -q 1000"),
            (
                "oha -q --latency-correction",
                "oha",
                "--no-tui -z 10s -c 50 -q 1000 --latency-correction",
            ),
        ] {
            if !is_there(tool) {
                continue;
            }
            let words: Vec<&str> = words.split(' ').chain([server.url.as_str()]).collect();
            let (seen, paused) = while_paused(server, || told(tool, &words))?;
            let (text, _) = seen?;
            let at = |mark: &str| latency(&text, mark).unwrap_or(f64::NAN);
            let rate = number(&text, &["Requests/sec:"]).unwrap_or(0.0);
            line(
                name,
                rate,
                ["50%", "95%", "99%"].map(at),
                true_millis(&schedule, paused, fastest),
            );
        }
    }
    Ok(())
}

fn line(name: &str, rate: f64, [p50, p95, p99]: [f64; 3], [true_p95, true_p99]: [f64; 2]) {
    let off = |seen: f64, truth: f64| format!("{:+.1} %", (seen / truth - 1.0) * 100.0);
    println!(
        "| {name} | {rate:.0} | {p50:.2} | {p95:.0} ({true_p95:.0}) | {} | {p99:.0} ({true_p99:.0}) | {} |",
        off(p95, true_p95),
        off(p99, true_p99)
    );
}

/// Does something while the server is stopped for a second; how long it was.
fn while_paused<T>(server: &Server, act: impl FnOnce() -> T) -> Result<(T, Duration), Failed> {
    let paused = Mutex::new(Err("it was not stopped".into()));
    let done = thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(PAUSE_AT);
            let stop = || -> Result<Duration, String> {
                server.signal("STOP").map_err(|error| error.to_string())?;
                let from = Instant::now();
                thread::sleep(Duration::from_millis(999));
                server.signal("CONT").map_err(|error| error.to_string())?;
                Ok(from.elapsed())
            };
            if let Ok(mut paused) = paused.lock() {
                *paused = stop();
            }
        });
        act()
    });
    let paused = paused.into_inner().map_err(|_poisoned| "the pause has failed")?;
    Ok((done, paused?))
}

/// p95 and p99 in milliseconds of requests that start as told and are answered one after the other, as fast as the
/// server can, but not while it is stopped.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "10,000 requests"
)]
fn true_millis(schedule: &Schedule, paused: Duration, fastest: f64) -> [f64; 2] {
    let (from, to) = (PAUSE_AT.as_secs_f64(), (PAUSE_AT + paused).as_secs_f64());
    let mut free = 0.0_f64;
    let mut took: Vec<f64> = schedule
        .starts()
        .map(|start| {
            let start = start.as_secs_f64();
            let mut begin = start.max(free);
            if (from..to).contains(&begin) {
                begin = to;
            }
            free = begin + 1.0 / fastest;
            (free - start) * 1e3
        })
        .collect();
    took.sort_by(f64::total_cmp);
    [0.95, 0.99]
        .map(|q| took.get((q * took.len() as f64).ceil() as usize - 1).copied().unwrap_or(f64::NAN))
}

/// What a tool prints, and the processor time that it took.
fn told(tool: &str, words: &[&str]) -> Result<(String, Duration), Failed> {
    let before = children()?;
    let output = Command::new(tool).args(words).stderr(Stdio::null()).output()?;
    Ok((String::from_utf8_lossy(&output.stdout).into_owned(), children()?.saturating_sub(before)))
}

/// Processor time of children that have ended, in ticks of 10 ms: fields 16 and 17 of proc(5).
fn children() -> Result<Duration, Failed> {
    let text = fs::read_to_string("/proc/self/stat")?;
    let (_, fields) = text.rsplit_once(')').ok_or("/proc/self/stat is odd")?;
    let mut ticks = fields.split_ascii_whitespace().skip(13).take(2).map(str::parse::<u64>);
    let mut next = || ticks.next().ok_or("/proc/self/stat is short");
    Ok(Duration::from_millis((next()?? + next()??) * 10))
}

/// The number behind one of these words.
fn number(text: &str, words: &[&str]) -> Option<f64> {
    let line = text.lines().find(|line| words.iter().any(|word| line.contains(word)))?;
    line.split_ascii_whitespace().find_map(|word| word.parse().ok())
}

/// A percentile in milliseconds, however the tool writes it: `99%  5.67ms`, `99% in 0.0158 secs`, `99.00% in 0.0158 sec`.
fn latency(text: &str, mark: &str) -> Option<f64> {
    let long = mark.replace('%', ".00%");
    let is = |word: &str| word == mark || word == long;
    let line = text.lines().find(|line| line.split_ascii_whitespace().next().is_some_and(is))?;
    let words: Vec<&str> =
        line.split_ascii_whitespace().skip(1).filter(|word| *word != "in").collect();
    let first = words.first()?;
    let digits = first.trim_end_matches(char::is_alphabetic);
    let unit = first
        .strip_prefix(digits)
        .filter(|unit| !unit.is_empty())
        .or_else(|| words.get(1).copied())?;
    let scale = match unit {
        "us" | "µs" => 1e-3,
        "ms" => 1.0,
        _ => 1e3,
    };
    digits.parse::<f64>().ok().map(|value| value * scale)
}

fn shown(millis: Option<f64>) -> String {
    millis.map_or_else(|| "–".to_owned(), |millis| format!("{millis:.2}"))
}
