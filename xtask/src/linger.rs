//! Processes that outlive who started them: adopted, found, ended.
//!
//! On Linux an orphan becomes the child of its nearest ancestor that asked for it; `/proc` then names all
//! descendants, whatever group or session they moved to. Elsewhere only process groups are ended.

use std::{
    collections::BTreeMap,
    fs,
    process::Child,
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, getpid, kill_process, kill_process_group};

/// What asks politely gets this long; a database needs a second or two for its last checkpoint.
const GRACE: Duration = Duration::from_secs(5);

/// From now on orphans among our descendants become our children.
pub(crate) fn adopt_orphans() {
    #[cfg(target_os = "linux")]
    // Where the kernel refuses, groups are still ended.
    rustix::process::set_child_subreaper(Some(getpid())).ok();
}

/// Ends a child and its process group: first politely, then by force.
pub(crate) fn end_group(child: &mut Child) {
    let pid = Pid::from_child(child);
    // The group may be gone already.
    kill_process_group(pid, Signal::TERM).ok();
    let since = Instant::now();
    while since.elapsed() < GRACE {
        if !matches!(child.try_wait(), Ok(None)) {
            break;
        }
        thread::sleep(Duration::from_millis(50));
    }
    kill_process_group(pid, Signal::KILL).ok();
    child.wait().ok();
}

/// Ends every descendant of this process: first politely, then by force.
pub(crate) fn end_descendants() {
    let since = Instant::now();
    signal_all(Signal::TERM);
    while since.elapsed() < GRACE && !descendants().is_empty() {
        thread::sleep(Duration::from_millis(50));
    }
    // What was being started while the others were told to end is found in the next look.
    let since = Instant::now();
    while since.elapsed() < GRACE && !descendants().is_empty() {
        signal_all(Signal::KILL);
        thread::sleep(Duration::from_millis(20));
    }
}

fn signal_all(signal: Signal) {
    for pid in descendants() {
        // It may have ended since it was listed.
        kill_process(pid, signal).ok();
    }
}

/// Processes whose line of parents leads to this one; those that ended and wait for their parent excluded.
fn descendants() -> Vec<Pid> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let mut parents = BTreeMap::new();
    let mut alive = Vec::new();
    for entry in entries.flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else {
            continue;
        };
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
        if let Some((parent, is_alive)) = parent_and_state(&stat) {
            parents.insert(pid, parent);
            if is_alive {
                alive.push(pid);
            }
        }
    }
    let own = getpid().as_raw_nonzero().get();
    alive.retain(|pid| *pid != own && leads_to(own, *pid, &parents));
    alive.into_iter().filter_map(Pid::from_raw).collect()
}

/// Of a line of `/proc/<pid>/stat`; the name in it may hold spaces and parentheses.
fn parent_and_state(stat: &str) -> Option<(i32, bool)> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut words = after_name.split_whitespace();
    let state = words.next()?;
    let parent = words.next()?.parse().ok()?;
    Some((parent, !matches!(state, "Z" | "X")))
}

fn leads_to(ancestor: i32, pid: i32, parents: &BTreeMap<i32, i32>) -> bool {
    let mut at = pid;
    // A chain is no longer than there are processes.
    for _ in 0..parents.len() {
        match parents.get(&at) {
            Some(parent) if *parent == ancestor => return true,
            Some(parent) => at = *parent,
            None => return false,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_does_not_confuse() {
        assert_eq!(parent_and_state("12 (a) b) S 7 12"), Some((7, true)));
        assert_eq!(parent_and_state("12 (sh) Z 7 12"), Some((7, false)));
        assert_eq!(parent_and_state(""), None);
    }

    #[test]
    fn grandchildren_lead_to_their_grandparent_and_strangers_do_not() {
        let parents = BTreeMap::from([(2, 1), (3, 2), (4, 3), (9, 1)]);
        assert!(leads_to(2, 4, &parents));
        assert!(!leads_to(2, 9, &parents));
        assert!(!leads_to(1, 5, &BTreeMap::from([(5, 6), (6, 5)])), "a circle ends");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn who_left_for_another_session_is_ended_all_the_same() {
        adopt_orphans();
        let script = "setsid sh -c 'sleep 1000 & sleep 1000' & sleep 1000 & echo started";
        let status = std::process::Command::new("sh")
            .args(["-c", script])
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .status();
        assert!(status.unwrap().success());
        assert!(!descendants().is_empty(), "what was started runs on");
        end_descendants();
        assert_eq!(descendants(), []);
    }
}
