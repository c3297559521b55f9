//! One run of load against a proxy, and what it cost it.

use std::{
    net::TcpStream,
    process::{Command, Output},
    thread,
    time::Duration,
};

use crate::{Outcome, process::Server};

/// What is asked for, and how.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asking {
    pub(crate) path: &'static str,
    pub(crate) header: Option<&'static str>,
    pub(crate) how: How,
    pub(crate) seconds: u32,
}

/// How it is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    /// HTTP/1.1 by wrk, 64 connections.
    Plain,
    /// The same, over TLS.
    Encrypted,
    /// HTTP/2 by h2load, 16 connections of 16 streams.
    Two,
}

/// What one run came to.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Figures {
    pub(crate) per_second: f64,
    pub(crate) per_cpu_second: f64,
    pub(crate) p50_millis: f64,
    pub(crate) p99_millis: f64,
    pub(crate) p999_millis: f64,
    pub(crate) memory_mib: f64,
    /// Of one answer, its head included.
    pub(crate) answer_bytes: f64,
}

/// Loads a proxy from a core, and reads what that cost it.
pub(crate) fn load(server: &Server, asking: &Asking, core: usize) -> Outcome<Figures> {
    let before = server.cpu_seconds()?;
    let mut figures = match asking.how {
        How::Two => h2load(server, asking, core)?,
        How::Plain | How::Encrypted => wrk(server, asking, core)?,
    };
    let cpu = server.cpu_seconds()? - before;
    // Until here it is a count.
    figures.per_cpu_second /= cpu;
    figures.memory_mib = server.memory_mib()?;
    Ok(figures)
}

fn wrk(server: &Server, asking: &Asking, core: usize) -> Outcome<Figures> {
    let scheme = if asking.how == How::Encrypted { "https" } else { "http" };
    let script = std::env::temp_dir().join(format!("taut-bench-wrk-{}.lua", std::process::id()));
    // What wrk's own table leaves out.
    let done =
        "done = function(s, l, r) io.write(string.format(\"p999 %f\\n\", l:percentile(99.9))) end";
    std::fs::write(&script, done)?;
    let mut command = Command::new("taskset");
    command
        .args(["-c", &core.to_string(), "wrk", "-t1", "-c64", "--latency", "-s"])
        .arg(&script)
        .arg(format!("-d{}s", asking.seconds));
    if let Some(header) = asking.header {
        command.args(["-H", header]);
    }
    let output = command.arg(format!("{scheme}://{}{}", server.address, asking.path)).output()?;
    std::fs::remove_file(&script)?;
    let text = told(&output, server)?;
    if text.contains("Non-2xx") || text.contains("Socket errors") {
        return Err(format!("{}: not every request was answered:\n{text}", server.name).into());
    }
    let counted = text.lines().find(|line| line.contains(" requests in ")).ok_or("no count")?;
    let requests = counted.split_whitespace().next().ok_or("no count")?;
    Ok(Figures {
        per_second: word(&text, "Requests/sec:", 1)?.parse()?,
        per_cpu_second: requests.parse()?,
        p50_millis: millis(&word(&text, "50%", 1)?)?,
        p99_millis: millis(&word(&text, "99%", 1)?)?,
        p999_millis: word(&text, "p999", 1)?.parse::<f64>()? / 1_000.0,
        memory_mib: 0.0,
        answer_bytes: bytes(counted.split(" requests in ").nth(1).unwrap_or_default())?
            / requests.parse::<f64>()?,
    })
}

/// What wrk read in all: `2.00s, 1.17GB read`.
fn bytes(text: &str) -> Outcome<f64> {
    let amount = text.split(", ").nth(1).and_then(|text| text.split(' ').next());
    let amount = amount.ok_or("no bytes")?;
    let digits = amount.trim_end_matches(char::is_alphabetic);
    let unit = match amount.get(digits.len()..) {
        Some("KB") => 1_024.0,
        Some("MB") => 1_048_576.0,
        Some("GB") => 1_073_741_824.0,
        _ => 1.0,
    };
    Ok(digits.parse::<f64>()? * unit)
}

fn h2load(server: &Server, asking: &Asking, core: usize) -> Outcome<Figures> {
    let output = Command::new("taskset")
        .args(["-c", &core.to_string(), "h2load", "-t1", "-c16", "-m16"])
        .arg(format!("-D{}", asking.seconds))
        .arg(format!("http://{}{}", server.address, asking.path))
        .output()?;
    let text = told(&output, server)?;
    // "requests: 1 total, 1 started, 1 done, 1 succeeded, 0 failed, 0 errored, 0 timeout"
    let done: f64 = word(&text, "requests:", 7)?.parse()?;
    let failed: f64 = word(&text, "requests:", 9)?.parse()?;
    if 0.0 < failed || done < 1.0 {
        return Err(format!("{}: not every request was answered:\n{text}", server.name).into());
    }
    let rate = word(&text, "finished in", 3)?;
    Ok(Figures {
        per_second: rate.parse()?,
        per_cpu_second: done,
        // It tells the mean and the longest alone.
        p50_millis: millis(&word(&text, "time for request:", 5)?)?,
        ..Figures::default()
    })
}

fn told(output: &Output, server: &Server) -> Outcome<String> {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(text);
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    Err(format!("{}: the load failed:\n{text}{errors}", server.name).into())
}

/// A word of the line that begins like this.
fn word(text: &str, line: &str, place: usize) -> Outcome<String> {
    let found = text.lines().find(|known| known.trim_start().starts_with(line));
    let found = found.and_then(|line| line.split_whitespace().nth(place));
    Ok(found.ok_or_else(|| format!("no {line} in\n{text}"))?.to_owned())
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

/// Memory with so many connections that say nothing, and the processor's time that each second of them takes.
pub(crate) fn idle(server: &Server, connections: usize) -> Outcome<(f64, f64)> {
    const SECONDS: u32 = 4;
    let mut open = Vec::with_capacity(connections);
    for _ in 0..connections {
        let mut stream = TcpStream::connect(server.address)?;
        // Each has asked once, as connections that are kept have.
        std::io::Write::write_all(&mut stream, b"GET /small HTTP/1.1\r\nhost: a\r\n\r\n")?;
        let mut answer = [0; 512];
        if std::io::Read::read(&mut stream, &mut answer)? == 0 {
            return Err(format!("{} closes what is idle", server.name).into());
        }
        open.push(stream);
    }
    thread::sleep(Duration::from_secs(1));
    let before = server.cpu_seconds()?;
    thread::sleep(Duration::from_secs(SECONDS.into()));
    let cpu = server.cpu_seconds()? - before;
    Ok((server.memory_mib()?, cpu / f64::from(SECONDS)))
}
