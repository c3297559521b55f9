//! The breaking point of a server whose limit is known: nginx that refuses what is above a rate. `cargo xtask bench breaking`.

#![expect(clippy::print_stdout, reason = "prints a table")]

use std::{
    fs,
    net::{TcpListener, TcpStream},
    process::{Child, Command, ExitCode, Stdio},
    sync::{Arc, atomic::AtomicBool},
    thread,
    time::Duration,
};

use load::{Believes, Goal, Http, Method, Model, Plan, Scenario, find_limit};
use prove::{
    capacity::Search,
    schedule::{Arrivals, Schedule},
};

type Failed = Box<dyn std::error::Error>;

/// Requests a second that nginx answers.
const LIMITS: [u32; 3] = [300, 1_000, 2_000];
/// How long each step of a search takes, as `taut load --search` has it.
const STEP: Duration = Duration::from_secs(5);
/// How far the limit that is found may be off.
const OFF_MAX: f64 = 0.05;

fn main() -> Result<ExitCode, Failed> {
    println!(
        "| refused above | goal | holds | breaks | steps | middle is off |\n|--:|---|--:|--:|--:|--:|"
    );
    let mut is_near = true;
    for limit in LIMITS {
        let server = Server::start(limit)?;
        let goals = [Goal::parse("errors<1%")?];
        let search = Search::new(50.0, 100_000.0, 0.03)?;
        let stop = Arc::new(AtomicBool::new(false));
        let found = find_limit(&plan(&server)?, search, (STEP, &goals), &stop, |_, _, _| {})?;
        let (held, broke) =
            (found.breaking.held.unwrap_or(0.0), found.breaking.broke.unwrap_or(0.0));
        let off = f64::midpoint(held, broke) / f64::from(limit) - 1.0;
        is_near &= off.abs() <= OFF_MAX;
        let steps = found.rungs.len();
        println!(
            "| {limit} | {} | {held:.0} | {broke:.0} | {steps} | {:+.1} % |",
            goals[0],
            off * 100.0
        );
    }
    Ok(if is_near { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn plan(server: &Server) -> Result<Plan, Failed> {
    Ok(Plan {
        scenario: Scenario::url(&server.url, Method::Get, Vec::new(), String::new())?,
        name: server.url.clone(),
        model: Model::Open(Schedule::constant(1.0, STEP, Arrivals::Even)?),
        load: String::new(),
        seed: 1,
        connections: 256,
        threads: 1,
        timeout: Duration::from_secs(30),
        connections_of_two: 1,
        streams: 1,
        http: Http::Agreed,
        believes: Believes::System,
        may_be_public: false,
    })
}

/// nginx with one worker on a free port, ended with its search.
struct Server {
    child: Child,
    url: String,
    _folder: tempfile::TempDir,
}

impl Server {
    fn start(limit: u32) -> Result<Self, Failed> {
        let folder = tempfile::tempdir()?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let at = folder.path().display();
        // A tenth of a second may come at once: as arrivals are at random, less is refused well below the limit, and more
        // hides for the length of a step what is above it.
        let burst = (limit / 10).max(10);
        let conf = format!(
            "daemon off; master_process off; pid {at}/pid; error_log {at}/error crit;\n\
             events {{ worker_connections 4096; }}\n\
             http {{ access_log off; keepalive_requests 1000000000; client_body_temp_path {at}/a; proxy_temp_path {at}/b;\n\
             fastcgi_temp_path {at}/c; uwsgi_temp_path {at}/d; scgi_temp_path {at}/e;\n\
             limit_req_zone $server_port zone=all:1m rate={limit}r/s;\n\
             server {{ listen 127.0.0.1:{port} backlog=4096; location / {{ limit_req zone=all burst={burst} nodelay; empty_gif; }} }} }}\n"
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
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
