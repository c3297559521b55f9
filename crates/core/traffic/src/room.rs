//! Whether there is room to go on, as whoever asks for readiness is told: memory, and disks.
//!
//! In a container the machine's memory says little: its control group (cgroup) ends the process before the machine has
//! none. What is left is what the machine has left, or one of the groups that the process is in, whichever is least. Of what
//! a group uses, pages of files and kernel memory that can be had back count as left, as in the machine's own estimate:
//! else every process that reads large files would seem to have none.

/// With less memory than this the next allocation may be the last.
pub const MEMORY_BYTES_MIN: u64 = 32 << 20;

/// With less room than this on a disk what is written soon has none.
pub const DISK_BYTES_MIN: u64 = 64 << 20;

/// How much is left of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    /// As much as is needed.
    Enough,
    /// Too little.
    Low,
    /// Nobody knows.
    Unknown,
}

impl Room {
    /// What so many bytes are, where so many are needed.
    #[must_use]
    pub fn of(left_bytes: Option<u64>, needed_bytes: u64) -> Self {
        match left_bytes {
            None => Self::Unknown,
            Some(bytes) if bytes < needed_bytes => Self::Low,
            Some(_) => Self::Enough,
        }
    }

    /// As it is told.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Enough => "up",
            Self::Low => "low",
            Self::Unknown => "unknown",
        }
    }
}

/// Where a version of cgroups says what.
struct Files {
    root: &'static str,
    max: &'static str,
    used: &'static str,
    /// Lines of `memory.stat` that tell what can be had back without swapping.
    reclaimable: &'static [&'static str],
}

/// cgroup v2 (`Documentation/admin-guide/cgroup-v2.rst` of Linux).
const V2: Files = Files {
    root: "/sys/fs/cgroup",
    max: "memory.max",
    used: "memory.current",
    reclaimable: &["inactive_file", "active_file", "slab_reclaimable"],
};

/// cgroup v1 (`Documentation/admin-guide/cgroup-v1/memory.rst`).
const V1: Files = Files {
    root: "/sys/fs/cgroup/memory",
    max: "memory.limit_in_bytes",
    used: "memory.usage_in_bytes",
    reclaimable: &["total_inactive_file", "total_active_file"],
};

/// Groups within groups that are looked at: more than anybody nests.
const DEPTH_MAX: usize = 32;

/// Bytes of memory that can be had without swapping, on Linux; `None` if nobody knows. `read` gives the text of a file.
pub fn memory_left(read: impl Fn(&str) -> Option<String>) -> Option<u64> {
    let read = &read;
    let machine = read("/proc/meminfo").and_then(|text| {
        let kilobytes = field(&text, "MemAvailable:")?;
        kilobytes.checked_mul(1 << 10)
    });
    let groups = read("/proc/self/cgroup").unwrap_or_default();
    let groups = groups.lines().filter_map(group).flat_map(|(files, path)| {
        // Within a container the path may be that of the machine: then the group stands at the root.
        let above =
            path.match_indices('/').map(move |(end, _)| path.get(..end).unwrap_or_default());
        above.chain([path]).take(DEPTH_MAX).filter_map(move |path| left(files, path, read))
    });
    machine.into_iter().chain(groups).min()
}

/// A group that the process is in: a line of `/proc/self/cgroup` (cgroups(7)).
fn group(line: &str) -> Option<(&'static Files, &str)> {
    let (_, rest) = line.split_once(':')?;
    let (controllers, path) = rest.split_once(':')?;
    let files = match controllers {
        "" => &V2,
        _ if controllers.split(',').any(|controller| controller == "memory") => &V1,
        _ => return None,
    };
    // `/..` is outside of what this process can see.
    let path = path.trim_end_matches('/');
    (!path.split('/').any(|part| part == "..")).then_some((files, path))
}

/// What a group has left, if it has a bound.
fn left(files: &Files, path: &str, read: impl Fn(&str) -> Option<String>) -> Option<u64> {
    let of = |name: &str| read(&format!("{}{path}/{name}", files.root));
    // `max` is no number: there is none.
    let max: u64 = of(files.max)?.trim().parse().ok()?;
    let used: u64 = of(files.used)?.trim().parse().ok()?;
    let stat = of("memory.stat").unwrap_or_default();
    let back = files.reclaimable.iter().filter_map(|name| field(&stat, name));
    let held = back.fold(used, u64::saturating_sub);
    Some(max.saturating_sub(held))
}

/// The number behind a name, which begins its line.
fn field(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| {
        let mut words = line.split_ascii_whitespace();
        words.next().filter(|word| *word == name)?;
        words.next()?.parse().ok()
    })
}
