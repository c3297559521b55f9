//! The machine that measures, one core of it, and the memory that a process takes.

use std::{fs, io, process::Command};

use rustix::thread::{CpuSet, sched_setaffinity};

/// Keeps this process, and those that it starts, on one core.
///
/// # Errors
///
/// The system refuses: the core is not there, or not ours.
pub fn pin(core: usize) -> io::Result<()> {
    let mut cores = CpuSet::new();
    cores.set(core);
    Ok(sched_setaffinity(None, &cores)?)
}

/// Lets this thread, and processes that it starts from now on, run on every core again.
///
/// # Errors
///
/// The system refuses.
pub fn unpin() -> io::Result<()> {
    let mut cores = CpuSet::new();
    (0..CpuSet::MAX_CPU).for_each(|core| cores.set(core));
    Ok(sched_setaffinity(None, &cores)?)
}

/// One line: processor, cores, kernel, compiler, load.
#[must_use]
pub fn describe() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let info = read("/proc/cpuinfo");
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .and_then(|line| line.split_once(": "))
        .map_or("unknown processor", |(_, name)| name);
    let cores = info.lines().filter(|line| line.starts_with("processor")).count();
    let kernel = read("/proc/sys/kernel/osrelease");
    let load = read("/proc/loadavg");
    let load = load.split(' ').next().unwrap_or_default();
    let compiler = Command::new("rustc")
        .arg("--version")
        .output()
        .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
        .unwrap_or_default();
    format!("{cores} x {model}, Linux {}, {compiler}; load at start: {load}", kernel.trim())
}

/// Memory of this process in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Memory {
    /// Resident now.
    pub now: u64,
    /// Resident at most so far.
    pub peak: u64,
}

/// The most that was resident counts from now on; returns what is resident. Where the system does not allow it, the
/// figure is that of the whole run so far.
pub fn watch_memory() -> u64 {
    drop(fs::write("/proc/self/clear_refs", "5"));
    memory().now
}

/// Memory of this process.
#[must_use]
pub fn memory() -> Memory {
    memory_of("self")
}

/// Memory of a process; zero once it is gone.
#[must_use]
pub fn memory_of(pid: &str) -> Memory {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let kib = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse::<u64>().ok()
    };
    let bytes = |name: &str| kib(name).unwrap_or(0) * 1024;
    Memory { now: bytes("VmRSS:"), peak: bytes("VmHWM:") }
}
