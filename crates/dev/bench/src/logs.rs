//! Logs of a real server, as long as asked: what it logged once, told again with later times.

use std::{
    fs,
    io::{self, BufWriter, Write as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use observe::postgres_log::LogTime;

/// The prefix under which the log is recorded: the one that pgBadger's manual asks for.
pub const PREFIX: &str = "%t [%p]: [%l-1] user=%u,db=%d,app=%a,client=%h ";

/// Folders in which the programs of a server may be.
const SERVERS: &[&str] = &[
    "/usr/lib/postgresql/18/bin",
    "/usr/lib/postgresql/17/bin",
    "/usr/lib/postgresql/16/bin",
    "/usr/lib/postgresql/15/bin",
];

/// Lets a throwaway server work for some seconds, with one of everything that is logged; its log.
///
/// # Errors
///
/// There is no server, or it did not start.
pub fn record(folder: &Path) -> io::Result<PathBuf> {
    let bin = SERVERS.iter().find(|bin| Path::new(bin).join("initdb").exists());
    let bin = bin.ok_or_else(|| io::Error::other("there is no PostgreSQL server installed"))?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../core/observe/specs/postgres_log/record.sh");
    let status = Command::new("bash")
        .arg(script)
        .arg(bin)
        .arg(folder)
        .env("PREFIX", PREFIX)
        .env("DEST", "stderr,csvlog,jsonlog")
        .env("LOAD1", "-T 4")
        .env("LOAD2", "-T 2")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()?;
    let log = folder.join("server.log");
    if !status.success() || !log.exists() {
        return Err(io::Error::other(format!("recording a log ended with {status}")));
    }
    Ok(log)
}

/// Writes a log again and again, each time later, until the file has so many bytes.
///
/// # Errors
///
/// It cannot be read or written.
pub fn multiply(log: &Path, to: &Path, bytes_min: u64) -> io::Result<u64> {
    let text = String::from_utf8_lossy(&fs::read(log)?).into_owned();
    let time = |line: &str| LogTime::parse(line.get(..19)?).map(|time| time.local_nanos);
    // Several layouts have the time elsewhere: `{"timestamp":"`.
    let skip = text.find("20").filter(|at| *at < 20).unwrap_or(0);
    let times = || text.lines().filter_map(|line| time(line.get(skip..)?));
    let (first, last) = (times().next().unwrap_or(0), times().next_back().unwrap_or(0));
    let step = (last - first) / 1_000_000_000 + 1;
    let mut out = BufWriter::with_capacity(1 << 20, fs::File::create(to)?);
    let (mut written, mut copy) = (0, 0_i64);
    while written < bytes_min {
        for line in text.split_inclusive('\n') {
            let shifted = line.get(skip..).and_then(time).map(|nanos| LogTime {
                local_nanos: nanos + copy * step * 1_000_000_000,
                ahead_seconds: None,
            });
            match (shifted, line.get(..skip), line.get(skip + 19..)) {
                (Some(time), Some(before), Some(rest)) => {
                    write!(out, "{before}{}{rest}", time.to_text())?;
                }
                _ => out.write_all(line.as_bytes())?,
            }
            written += line.len() as u64;
        }
        copy += 1;
    }
    out.flush()?;
    Ok(written)
}
