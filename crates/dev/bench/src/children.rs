//! Programs that are measured from outside: processor time, time and memory of one run.

use std::{
    fs::{self, File},
    io,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::{clock::Took, machine};

/// How often the memory of a program is looked at: it is known until shortly before its end.
const BETWEEN_LOOKS: Duration = Duration::from_millis(4);

/// What one run took and said.
#[derive(Debug)]
pub struct Run {
    /// Its time; processor time in steps of 10 ms.
    pub took: Took,
    /// Bytes resident at most.
    pub peak: u64,
    /// Its exit code.
    pub code: Option<i32>,
    /// What it printed.
    pub printed: Vec<u8>,
    /// What it complained about.
    pub complained: String,
}

/// Runs a program, its output going to files in `folder`.
///
/// # Errors
///
/// It cannot be started, or its output not be read.
pub fn run(command: &mut Command, folder: &Path) -> io::Result<Run> {
    let (printed, complained) = (folder.join("stdout"), folder.join("stderr"));
    command.stdin(Stdio::null());
    command.stdout(File::create(&printed)?).stderr(File::create(&complained)?);
    let worked = children_cpu();
    let begun = Instant::now();
    let mut child = command.spawn()?;
    let pid = child.id().to_string();
    let mut peak = 0;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        peak = peak.max(machine::memory_of(&pid).peak);
        thread::sleep(BETWEEN_LOOKS);
    };
    let took = Took { wall: begun.elapsed(), cpu: children_cpu().saturating_sub(worked) };
    Ok(Run {
        took,
        peak,
        code: status.code(),
        printed: fs::read(&printed)?,
        complained: fs::read_to_string(&complained)?,
    })
}

/// Work of all children that have ended, in the kernel too.
fn children_cpu() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name, in brackets, may hold spaces; `cutime` and `cstime` are the 14th and 15th word after it.
    let words = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace();
    let ticks: u64 = words.skip(13).take(2).filter_map(|word| word.parse::<u64>().ok()).sum();
    Duration::from_secs(ticks)
        / u32::try_from(rustix::param::clock_ticks_per_second()).unwrap_or(100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_tells_what_it_took_and_said() {
        let folder = tempfile::tempdir().unwrap();
        let script =
            "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; echo done; echo no >&2; exit 3";
        let run = run(Command::new("sh").args(["-c", script]), folder.path()).unwrap();
        assert_eq!(
            (run.code, run.printed.as_slice(), run.complained.as_str()),
            (Some(3), &b"done\n"[..], "no\n")
        );
        assert!(Duration::ZERO < run.took.cpu && 0 < run.peak, "{run:?}");
    }
}
