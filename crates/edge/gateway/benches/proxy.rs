//! nginx and the gateway by turns in front of the same origin: requests per second of the proxy's own processor time.
//!
//! The proxy has the first core, the origin (nginx) and the load (wrk) the second. Processor time is what the kernel
//! says of the proxy's process and its children, so figures hold on a machine that does other things as well.

use std::{
    env, fs,
    io::{BufRead as _, BufReader, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use gateway::Gateway;
use traffic::plan::{Listen, Member, Plan, Route, Service};

/// As in the binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

const ROUNDS: usize = 5;
const SECONDS: u32 = 4;
const CONNECTIONS: u32 = 64;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = env::args().collect();
    match arguments.iter().position(|argument| argument == "--serve") {
        Some(place) => serve(arguments.get(place + 1).ok_or("an origin is missing")?),
        None => compare(),
    }
}

/// Is the gateway, for the process that measures; ends with its input.
fn serve(origin: &str) -> Outcome<()> {
    let members = vec![Member { address: origin.to_owned(), weight: 1 }];
    let gateway = Gateway::start(Plan {
        listen: vec![Listen { address: ([127, 0, 0, 1], 0).into(), tls: None }],
        workers: 1,
        services: vec![Service::new("origin", members)],
        routes: vec![Route::to("all", 0)],
        ..Plan::default()
    })?;
    say(&format!("{}\n", gateway.listens()[0]))?;
    std::io::stdin().lines().for_each(drop);
    gateway.stop();
    Ok(())
}

fn compare() -> Outcome<()> {
    let folder = env::temp_dir().join(format!("taut-bench-gateway-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let measured = measure(&folder);
    fs::remove_dir_all(&folder)?;
    measured
}

fn measure(folder: &Path) -> Outcome<()> {
    fs::write(folder.join("1k"), "x".repeat(1_024))?;
    fs::write(folder.join("100k"), "x".repeat(100 << 10))?;
    let root = folder.display();
    let origin = Nginx::start(folder, "origin", 1, &format!("location / {{ root {root}; }}"))?;
    let upstream = format!(
        "location / {{ proxy_pass http://origin; proxy_http_version 1.1; proxy_set_header Connection \"\"; \
         proxy_set_header Host $host; proxy_set_header X-Forwarded-For $remote_addr; }} }} \
         upstream origin {{ server {}; keepalive 128; ",
        origin.address
    );
    let nginx = Nginx::start(folder, "proxy", 0, &upstream)?;
    let taut = Taut::start(origin.address)?;
    for path in ["1k", "100k"] {
        let mut rows = Vec::new();
        for round in 0..ROUNDS {
            let (mut of_nginx, mut of_taut) = (Figures::default(), Figures::default());
            // By turns, and each first every other round.
            for turn in 0..2 {
                if (round + turn) % 2 == 0 {
                    of_nginx = load(nginx.address, path, nginx.process.id())?;
                } else {
                    of_taut = load(taut.address, path, taut.process.id())?;
                }
            }
            say(&format!("  {path} round {}: nginx {of_nginx}, taut {of_taut}\n", round + 1))?;
            rows.push((of_nginx, of_taut));
        }
        tell(path, &rows)?;
    }
    Ok(())
}

/// What one run came to.
#[derive(Debug, Clone, Copy, Default)]
struct Figures {
    per_second: f64,
    per_cpu_second: f64,
    p50_millis: f64,
    p99_millis: f64,
    memory_mib: f64,
}

impl std::fmt::Display for Figures {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{:.0}/s {:.0}/CPU-s", self.per_second, self.per_cpu_second)
    }
}

fn tell(path: &str, rows: &[(Figures, Figures)]) -> Outcome<()> {
    let median = |of: &dyn Fn(&(Figures, Figures)) -> f64| {
        let mut values: Vec<f64> = rows.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        (values[0], values[values.len() / 2], values[values.len() - 1])
    };
    let (low, ratio, high) = median(&|(nginx, taut)| taut.per_cpu_second / nginx.per_cpu_second);
    let mut text = format!(
        "\n{path}: {ratio:.2} times nginx per CPU second ({low:.2} to {high:.2})\n\n\
         | proxy | req/s | req/CPU-s | p50 ms | p99 ms | MiB |\n|---|--:|--:|--:|--:|--:|\n"
    );
    for name in ["nginx", "taut"] {
        let of = |get: &dyn Fn(&Figures) -> f64| {
            median(&|(nginx, taut)| get(if name == "nginx" { nginx } else { taut })).1
        };
        text.push_str(&format!(
            "| {name} | {:.0} | {:.0} | {:.2} | {:.2} | {:.0} |\n",
            of(&|figures| figures.per_second),
            of(&|figures| figures.per_cpu_second),
            of(&|figures| figures.p50_millis),
            of(&|figures| figures.p99_millis),
            of(&|figures| figures.memory_mib),
        ));
    }
    say(&text)
}

/// Loads a proxy, and reads what that cost it.
fn load(address: SocketAddr, path: &str, process: u32) -> Outcome<Figures> {
    let before = cpu_seconds(process)?;
    let output = Command::new("taskset")
        .args(["-c", "1", "wrk", "-t1", "--latency"])
        .args([
            format!("-c{CONNECTIONS}"),
            format!("-d{SECONDS}s"),
            format!("http://{address}/{path}"),
        ])
        .output()?;
    let cpu = cpu_seconds(process)? - before;
    let text = String::from_utf8_lossy(&output.stdout);
    if text.contains("Non-2xx") || text.contains("Socket errors") || !output.status.success() {
        return Err(format!("not every request was answered:\n{text}").into());
    }
    let word = |line: &str, place: usize| {
        let line = text.lines().find(|known| known.trim_start().starts_with(line));
        line.and_then(|line| line.split_whitespace().nth(place)).map(str::to_owned)
    };
    let counted = text.lines().find(|line| line.contains(" requests in "));
    let requests: f64 =
        counted.and_then(|line| line.split_whitespace().next()).ok_or("no count")?.parse()?;
    Ok(Figures {
        per_second: word("Requests/sec:", 1).ok_or("no rate")?.parse()?,
        per_cpu_second: requests / cpu,
        p50_millis: millis(&word("50%", 1).ok_or("no p50")?)?,
        p99_millis: millis(&word("99%", 1).ok_or("no p99")?)?,
        memory_mib: memory_mib(process)?,
    })
}

fn millis(text: &str) -> Outcome<f64> {
    let digits = text.trim_end_matches(char::is_alphabetic);
    let number: f64 = digits.parse()?;
    Ok(match text.get(digits.len()..) {
        Some("us") => number / 1_000.0,
        Some("s") => number * 1_000.0,
        _ => number,
    })
}

/// Processes of a group of two: a process and its children.
fn family(process: u32) -> Vec<u32> {
    let children = fs::read_to_string(format!("/proc/{process}/task/{process}/children"));
    let children = children.unwrap_or_default();
    let children = children.split_whitespace().filter_map(|child| child.parse().ok());
    std::iter::once(process).chain(children).collect()
}

/// Time on the processor of all threads, in nanoseconds as the scheduler counts it.
fn cpu_seconds(process: u32) -> Outcome<f64> {
    let mut nanos = 0.0;
    for one in family(process) {
        for thread in fs::read_dir(format!("/proc/{one}/task"))? {
            let text = fs::read_to_string(thread?.path().join("schedstat"))?;
            nanos += text.split(' ').next().ok_or("no time")?.parse::<f64>()?;
        }
    }
    Ok(nanos / 1e9)
}

fn memory_mib(process: u32) -> Outcome<f64> {
    let mut kib = 0.0;
    for one in family(process) {
        let text = fs::read_to_string(format!("/proc/{one}/status"))?;
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        kib += line
            .and_then(|line| line.split_whitespace().next())
            .ok_or("no size")?
            .parse::<f64>()?;
    }
    Ok(kib / 1_024.0)
}

/// nginx with one worker on one core; ended when dropped.
struct Nginx {
    process: Child,
    address: SocketAddr,
}

impl Nginx {
    fn start(folder: &Path, name: &str, core: usize, inner: &str) -> Outcome<Self> {
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let at = folder.join(name);
        fs::create_dir_all(&at)?;
        let at = at.display();
        let file = folder.join(format!("{name}.conf"));
        let text = format!(
            "daemon off; worker_processes 1; pid {at}/pid; error_log {at}/error.log crit;\n\
             events {{ worker_connections 4096; }}\n\
             http {{ access_log off; keepalive_requests 1000000000; sendfile on; tcp_nopush on;\n\
             client_body_temp_path {at}/b; proxy_temp_path {at}/p; fastcgi_temp_path {at}/f;\n\
             uwsgi_temp_path {at}/u; scgi_temp_path {at}/s;\n\
             server {{ listen {address} reuseport backlog=4096; {inner} }} }}\n"
        );
        fs::write(&file, text)?;
        let process = Command::new("taskset")
            .args(["-c", &core.to_string(), "nginx", "-c"])
            .arg(&file)
            .stdout(Stdio::null())
            .spawn()?;
        let nginx = Self { process, address };
        answers(address)?;
        Ok(nginx)
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // The master ends its worker when it is told to end; killed, it would leave it behind.
        let told = Command::new("kill").arg(self.process.id().to_string()).status();
        if told.is_ok() {
            drop(self.process.wait());
        }
    }
}

/// The gateway, as a process of its own on the first core.
struct Taut {
    process: Child,
    address: SocketAddr,
}

impl Taut {
    fn start(origin: SocketAddr) -> Outcome<Self> {
        let mut process = Command::new("taskset")
            .args(["-c", "0"])
            .arg(env::current_exe()?)
            .args(["--serve", &origin.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        let output = process.stdout.take().ok_or("it has no output")?;
        BufReader::new(output).read_line(&mut line)?;
        Ok(Self { process, address: line.trim().parse()? })
    }
}

impl Drop for Taut {
    fn drop(&mut self) {
        // It ends with its input.
        drop(self.process.stdin.take());
        drop(self.process.wait());
    }
}

/// Waits until something listens.
fn answers(address: SocketAddr) -> Outcome<()> {
    let began = Instant::now();
    while TcpStream::connect(address).is_err() {
        if Duration::from_secs(10) < began.elapsed() {
            return Err(format!("nothing listens on {address}").into());
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

fn say(text: &str) -> Outcome<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}
