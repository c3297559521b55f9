//! What the system says of this process, as Prometheus' clients tell it. Elsewhere than on Linux it says less.

use std::{fs, time::Duration};

use model::Moment;

/// This process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Process {
    /// Processor time, in user and system mode, all threads.
    pub cpu: Option<Duration>,
    /// Memory that is in use and in RAM.
    pub resident_bytes: Option<u64>,
    /// When it began.
    pub started: Moment,
    /// Open files and sockets.
    pub open_files: Option<u64>,
    /// How many may be open.
    pub open_files_max: Option<u64>,
    /// Threads.
    pub threads: Option<u64>,
}

/// Fields of `/proc/self/stat` after the name, counted as proc(5) does, less 3.
const UTIME: usize = 11;
const STIME: usize = 12;
const THREADS: usize = 17;
const RESIDENT_PAGES: usize = 21;

impl Process {
    /// What it is now; `started` is when the engine was made.
    pub(crate) fn now(started: Moment) -> Self {
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
        let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
        let files = fs::read_dir("/proc/self/fd").ok();
        Self {
            started,
            // One is that of the listing itself.
            open_files: files.map(|files| (files.count() as u64).saturating_sub(1)),
            open_files_max: limit,
            ..Self::of_stat(
                &stat,
                rustix::param::clock_ticks_per_second(),
                rustix::param::page_size() as u64,
            )
        }
    }

    fn of_stat(stat: &str, ticks_per_second: u64, page_bytes: u64) -> Self {
        // The name may hold anything, spaces and brackets too.
        let Some((_, fields)) = stat.rsplit_once(") ") else { return Self::default() };
        let fields: Vec<&str> = fields.split_ascii_whitespace().collect();
        let field = |place: usize| fields.get(place)?.parse::<u64>().ok();
        let ticks = field(UTIME).zip(field(STIME)).map(|(user, system)| user + system);
        let millis = |ticks: u64| ticks.saturating_mul(1_000) / ticks_per_second.max(1);
        Self {
            cpu: ticks.map(|ticks| Duration::from_millis(millis(ticks))),
            resident_bytes: field(RESIDENT_PAGES).map(|pages| pages.saturating_mul(page_bytes)),
            threads: field(THREADS),
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_spaces_and_brackets_does_not_shift_the_fields() {
        let stat =
            "71 (ta) u (t)) S 1 71 71 0 -1 4194560 9 0 0 0 250 50 0 0 20 0 7 0 100 4096 12 18";
        let process = Process::of_stat(stat, 100, 4_096);
        assert_eq!(process.cpu, Some(Duration::from_secs(3)));
        assert_eq!((process.threads, process.resident_bytes), (Some(7), Some(49_152)));
    }

    #[test]
    fn a_system_that_says_nothing_is_no_failure() {
        assert_eq!(Process::of_stat("", 100, 4_096), Process::default());
        assert_eq!(Process::of_stat("1 (a) S 1", 0, 0), Process::default());
    }

    #[test]
    fn this_process_has_memory_and_open_files() {
        let process = Process::now(Moment::default());
        assert!(process.resident_bytes.is_some_and(|bytes| 1 << 20 < bytes), "{process:?}");
        assert!(process.open_files.is_some_and(|files| 0 < files), "{process:?}");
    }
}
