//! Profiles of V8, of Chrome's tracing and of perf.

use model::ProfileUnit;
use observe::read_profiles;

use crate::{
    MAX,
    kit::{only, tree},
};

/// `main` calls `load`, which runs for 3 ms of 10; for 2 ms nothing runs.
pub(crate) const CPU: &str = r#"{"nodes":[
    {"id":1,"callFrame":{"functionName":"(root)","scriptId":"0","url":"","lineNumber":-1,"columnNumber":-1},"hitCount":0,"children":[2,4]},
    {"id":2,"callFrame":{"functionName":"main","scriptId":"9","url":"file:///srv/shop.js","lineNumber":4,"columnNumber":1},"hitCount":1,"children":[3]},
    {"id":3,"callFrame":{"functionName":"load","scriptId":"9","url":"file:///srv/shop.js","lineNumber":11,"columnNumber":1},"hitCount":1},
    {"id":4,"callFrame":{"functionName":"(idle)","scriptId":"0","url":"","lineNumber":-1,"columnNumber":-1},"hitCount":1}],
    "startTime":1000,"endTime":11000,"samples":[2,3,4],"timeDeltas":[0,5000,3000]}"#;

/// The same twice: as what began and ended, and as what took how long.
pub(crate) const EVENTS: &str = r#"[
    {"name":"thread_name","ph":"M","pid":7,"tid":1,"args":{"name":"worker"}},
    {"name":"main (shop.py:4)","ph":"B","ts":0,"pid":7,"tid":1},
    {"name":"load","ph":"B","ts":2000,"pid":7,"tid":1,"args":{"name":5,"data":"odd"}},
    {"name":"load","ph":"E","ts":5000,"pid":7,"tid":1},
    {"name":"main (shop.py:4)","ph":"E","ts":10000,"pid":7,"tid":1},
    {"name":"load","ph":"X","ts":2000,"dur":3000,"pid":7,"tid":"2"},
    {"name":"main (shop.py:4)","ph":"X","ts":0,"dur":9000,"pid":7,"tid":"2"},
"#;

pub(crate) const PERF: &str = "# captured on: a machine\n
shop worker  4711/4712 [001] 12.345678:     250000 cpu-clock:pppH: 
\t7f3a51c2 load+0x1f (/usr/bin/shop)
\t7f3a51c0 main+0x20 (/usr/bin/shop)
\nshop worker  4711/4712 [000] 12.345999:     250000 cpu-clock:pppH: 
\tffffffff81 [unknown] ([kernel.kallsyms])
\t7f3a51c0 main+0x21 (/usr/bin/shop)
\nshop worker  4711 12.5: 3 page-faults:  7f3a51c0 main (/usr/bin/shop)
";

fn named(places: &[(u32, &str, u64, u64)]) -> Vec<(u32, String, u64, u64)> {
    let own = |(depth, name, own, total): &(u32, &str, u64, u64)| {
        (*depth, (*name).to_owned(), *own, *total)
    };
    places.iter().map(own).collect()
}

#[test]
fn a_sample_of_v8_lasts_until_the_next_and_idle_time_is_left_out() {
    let profile = only(CPU.as_bytes(), "cpuprofile");
    assert_eq!(profile.unit, ProfileUnit::Nanos);
    let expected = [(0, "main", 5_000_000, 8_000_000), (1, "load", 3_000_000, 3_000_000)];
    assert_eq!(tree(&profile), named(&expected));
    assert_eq!(profile.tree[0].count, 2, "samples in which it was on the stack");
    assert_eq!(profile.notes, ["2 ms in which nothing ran are left out"]);
    let load = profile.functions.iter().find(|one| one.name == "load").unwrap();
    assert_eq!((load.file.as_str(), load.line), ("/srv/shop.js", 12));
}

#[test]
fn without_samples_counts_are_what_v8_tells() {
    let counts = CPU.replace(r#","samples":[2,3,4],"timeDeltas":[0,5000,3000]"#, "");
    let profile = only(counts.as_bytes(), "cpuprofile");
    assert_eq!(profile.unit, ProfileUnit::Count);
    assert_eq!(tree(&profile), named(&[(0, "main", 1, 2), (1, "load", 1, 1)]));
}

#[test]
fn a_tree_of_v8_that_turns_in_a_circle_ends() {
    let circle = CPU.replace(r#""hitCount":1},"#, r#""hitCount":1,"children":[2,3]},"#);
    let profile = only(circle.as_bytes(), "cpuprofile");
    assert_eq!(profile.tree.len(), 2);
}

#[test]
fn what_begins_and_ends_is_nested_by_thread_also_where_the_list_has_no_end() {
    let read = read_profiles(EVENTS.as_bytes(), MAX).unwrap();
    assert_eq!(read.format.name, "trace-events");
    let titles: Vec<&str> = read.profiles.iter().map(|one| one.title.as_str()).collect();
    assert_eq!(titles, ["worker 1 of process 7", "thread 2 of process 7"]);
    let expected = [(0, "main", 7_000_000, 10_000_000), (1, "load", 3_000_000, 3_000_000)];
    assert_eq!(tree(&read.profiles[0]), named(&expected));
    let expected = [(0, "main", 6_000_000, 9_000_000), (1, "load", 3_000_000, 3_000_000)];
    assert_eq!(tree(&read.profiles[1]), named(&expected));
    let main = read.profiles[0].functions.iter().find(|one| one.name == "main").unwrap();
    assert_eq!((main.file.as_str(), main.line), ("shop.py", 4));
}

#[test]
fn what_never_ends_ends_with_the_last_event() {
    let cut = r#"{"traceEvents":[{"name":"main","ph":"B","ts":0,"pid":1,"tid":1},
        {"name":"load","ph":"X","ts":1000,"dur":4000,"pid":1,"tid":1}]}"#;
    let profile = only(cut.as_bytes(), "trace-events");
    let expected = [(0, "main", 1_000_000, 5_000_000), (1, "load", 4_000_000, 4_000_000)];
    assert_eq!(tree(&profile), named(&expected));
    assert_eq!(profile.notes, ["1 that had not ended count until the last event"]);
}

#[test]
fn profiles_in_chunks_between_events_are_put_together_and_come_first() {
    let chunk = |nodes: &str, samples: &str, deltas: &str| {
        format!(
            r#"{{"name":"ProfileChunk","ph":"P","ts":5,"pid":1,"tid":1,"id":"0x1","args":{{"data":
            {{"cpuProfile":{{"nodes":[{nodes}],"samples":{samples}}},"timeDeltas":{deltas}}}}}}}"#
        )
    };
    let node = |id: u64, parent: &str, name: &str| {
        format!(r#"{{"id":{id}{parent},"callFrame":{{"functionName":"{name}","scriptId":3}}}}"#)
    };
    let file = format!(
        r#"{{"traceEvents":[{},{},{{"name":"task","ph":"X","ts":0,"dur":9,"pid":1,"tid":1}}]}}"#,
        chunk(&node(1, "", "(root)"), "[]", "[]"),
        chunk(
            &[node(2, r#","parent":1"#, "main"), node(3, r#","parent":2"#, "load")].join(","),
            "[2,3,2]",
            "[0,10,20]"
        ),
    );
    let read = read_profiles(file.as_bytes(), MAX).unwrap();
    let titles: Vec<&str> = read.profiles.iter().map(|one| one.title.as_str()).collect();
    assert_eq!(titles, ["cpu of process 1", "thread 1 of process 1"]);
    let expected = [(0, "main", 10_000, 30_000), (1, "load", 20_000, 20_000)];
    assert_eq!(tree(&read.profiles[0]), named(&expected));
}

#[test]
fn samples_of_perf_are_stacks_below_their_program_and_a_profile_an_event() {
    let read = read_profiles(PERF.as_bytes(), MAX).unwrap();
    assert_eq!(read.format.name, "perf-script");
    let titles: Vec<&str> = read.profiles.iter().map(|one| one.title.as_str()).collect();
    assert_eq!(titles, ["cpu-clock:pppH", "page-faults"]);
    let mut told = tree(&read.profiles[0]);
    told.sort_by(|one, other| (one.0, &one.1).cmp(&(other.0, &other.1)));
    let expected = [
        (0, "shop worker", 0, 2),
        (1, "main", 0, 2),
        (2, "load", 1, 1),
        (2, "unknown in [kernel.kallsyms]", 1, 1),
    ];
    assert_eq!(told, named(&expected));
    let expected = [(0, "shop worker", 0, 1), (1, "main", 1, 1)];
    assert_eq!(tree(&read.profiles[1]), named(&expected));
}
