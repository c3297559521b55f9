//! What is left of memory, from made-up files of Linux.

use traffic::room::{Room, memory_left};

/// What is left where these files are there and no others.
fn left(files: &[(&str, &str)]) -> Option<u64> {
    memory_left(|path| {
        let found = files.iter().find(|(known, _)| *known == path);
        found.map(|(_, text)| (*text).to_owned())
    })
}

const MACHINE: (&str, &str) =
    ("/proc/meminfo", "MemTotal: 8000 kB\nMemFree: 9 kB\nMemAvailable:    4000 kB\n");

const MACHINE_BYTES: u64 = 4_000 << 10;

#[test]
fn without_a_group_that_bounds_it_is_what_the_machine_has() {
    assert_eq!(left(&[MACHINE]), Some(MACHINE_BYTES));
    let unbounded = [
        MACHINE,
        ("/proc/self/cgroup", "0::/app\n"),
        ("/sys/fs/cgroup/app/memory.max", "max\n"),
        ("/sys/fs/cgroup/app/memory.current", "999999999\n"),
    ];
    assert_eq!(left(&unbounded), Some(MACHINE_BYTES));
    assert_eq!(left(&[]), None);
    assert_eq!(left(&[("/proc/meminfo", "MemAvailable: much\n")]), None);
}

#[test]
fn in_a_container_it_is_what_its_group_has_and_what_can_be_had_back() {
    let mut files = vec![
        MACHINE,
        ("/proc/self/cgroup", "0::/\n"),
        ("/sys/fs/cgroup/memory.max", "1000000\n"),
        ("/sys/fs/cgroup/memory.current", "900000\n"),
    ];
    assert_eq!(left(&files), Some(100_000));
    let stat = "anon 5\ninactive_file 200000\nactive_file 100000\nslab_reclaimable 50000\n";
    files.push(("/sys/fs/cgroup/memory.stat", stat));
    assert_eq!(left(&files), Some(450_000));
    files[3].1 = "1200000\n";
    assert_eq!(left(&files), Some(150_000), "more than it may, but not all of it is held");
}

#[test]
fn the_group_that_has_the_least_left_decides() {
    let mut files = vec![
        MACHINE,
        ("/proc/self/cgroup", "0::/shop/web\n"),
        ("/sys/fs/cgroup/shop/web/memory.max", "800000\n"),
        ("/sys/fs/cgroup/shop/web/memory.current", "100000\n"),
        ("/sys/fs/cgroup/shop/memory.max", "1000000\n"),
        ("/sys/fs/cgroup/shop/memory.current", "990000\n"),
    ];
    assert_eq!(left(&files), Some(10_000));
    files.truncate(4);
    assert_eq!(left(&files), Some(700_000));
}

#[test]
fn the_older_groups_are_read_as_well() {
    let lines = "9:cpu,cpuacct:/docker/ab\n4:memory:/docker/ab\n0::/\n";
    let own = [
        MACHINE,
        ("/proc/self/cgroup", lines),
        ("/sys/fs/cgroup/memory/docker/ab/memory.limit_in_bytes", "1000000\n"),
        ("/sys/fs/cgroup/memory/docker/ab/memory.usage_in_bytes", "700000\n"),
        ("/sys/fs/cgroup/memory/docker/ab/memory.stat", "total_inactive_file 100000\n"),
        ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"),
        ("/sys/fs/cgroup/memory/memory.usage_in_bytes", "5000000\n"),
    ];
    assert_eq!(left(&own), Some(400_000));
    // As a container sees it: the path is the machine's, the files stand at the root.
    let within = [
        ("/proc/self/cgroup", lines),
        ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "1000000\n"),
        ("/sys/fs/cgroup/memory/memory.usage_in_bytes", "700000\n"),
    ];
    assert_eq!(left(&within), Some(300_000));
}

#[test]
fn nonsense_is_not_believed() {
    for group in ["", "0:", "::", "0::/../other", "0::/a/../..", "4:memory", "\u{0}"] {
        let files = [
            MACHINE,
            ("/proc/self/cgroup", group),
            ("/sys/fs/cgroup/../other/memory.max", "1"),
            ("/sys/fs/cgroup/../other/memory.current", "1"),
        ];
        assert_eq!(left(&files), Some(MACHINE_BYTES), "{group:?}");
    }
    let deep = format!("0::{}", "/a".repeat(10_000));
    assert_eq!(left(&[MACHINE, ("/proc/self/cgroup", deep.as_str())]), Some(MACHINE_BYTES));
}

#[test]
fn little_is_low_and_nothing_known_is_no_failure() {
    assert_eq!(Room::of(Some(9), 10).name(), "low");
    assert_eq!(Room::of(Some(10), 10).name(), "up");
    assert_eq!(Room::of(None, 10), Room::Unknown);
}
