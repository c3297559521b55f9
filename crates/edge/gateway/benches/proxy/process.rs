//! Processes that are measured: started on one core, ended by their id, and what the kernel says of them.

use std::{
    env, fs,
    io::{BufRead as _, BufReader},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::Outcome;

/// A server in a process of its own; ended when dropped.
pub(crate) struct Server {
    pub(crate) name: String,
    pub(crate) address: SocketAddr,
    process: Child,
}

impl Server {
    /// Starts a program on a core, and waits until it listens.
    pub(crate) fn start(
        name: &str,
        core: usize,
        address: SocketAddr,
        words: &[&str],
    ) -> Outcome<Self> {
        let process = Command::new("taskset")
            .args(["-c", &core.to_string()])
            .args(words)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let server = Self { name: name.to_owned(), address, process };
        let began = Instant::now();
        while TcpStream::connect(address).is_err() {
            if Duration::from_secs(15) < began.elapsed() {
                return Err(format!("{name} does not listen on {address}").into());
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(server)
    }

    /// Starts this program again, as the gateway: it says where it listens.
    pub(crate) fn gateway(name: &str, core: usize, words: &[String]) -> Outcome<Self> {
        let mut process = Command::new("taskset")
            .args(["-c", &core.to_string()])
            .arg(env::current_exe()?)
            .arg("--serve")
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        let output = process.stdout.take().ok_or("it has no output")?;
        BufReader::new(output).read_line(&mut line)?;
        Ok(Self { name: name.to_owned(), address: line.trim().parse()?, process })
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Time on the processor of all its threads and children, in seconds as the scheduler counts it.
    pub(crate) fn cpu_seconds(&self) -> Outcome<f64> {
        let mut nanos = 0.0;
        for one in self.family() {
            for thread in fs::read_dir(format!("/proc/{one}/task"))? {
                let text = fs::read_to_string(thread?.path().join("schedstat"))?;
                nanos += text.split(' ').next().ok_or("no time")?.parse::<f64>()?;
            }
        }
        Ok(nanos / 1e9)
    }

    pub(crate) fn memory_mib(&self) -> Outcome<f64> {
        let mut kib = 0.0;
        for one in self.family() {
            let text = fs::read_to_string(format!("/proc/{one}/status"))?;
            let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
            let word = line.and_then(|line| line.split_whitespace().next()).ok_or("no size")?;
            kib += word.parse::<f64>()?;
        }
        Ok(kib / 1_024.0)
    }

    fn family(&self) -> Vec<u32> {
        let mut family = vec![self.id()];
        let mut next = 0;
        while let Some(one) = family.get(next).copied() {
            next += 1;
            let children = fs::read_to_string(format!("/proc/{one}/task/{one}/children"));
            let children = children.unwrap_or_default();
            family
                .extend(children.split_whitespace().filter_map(|child| child.parse::<u32>().ok()));
        }
        family
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The gateway ends with its input; others are told to end, and take their children along.
        if self.process.stdin.take().is_none() {
            let told = Command::new("kill").arg(self.id().to_string()).status();
            if !told.is_ok_and(|status| status.success()) {
                return;
            }
        }
        drop(self.process.wait());
    }
}

/// A port that is free now.
pub(crate) fn free_address() -> Outcome<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// Whether a program is there.
pub(crate) fn is_there(program: &str) -> bool {
    let folders = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&folders)
        .chain([Path::new("/usr/sbin").to_owned()])
        .any(|folder| folder.join(program).exists())
}
