//! Profiles of every format: what they say, where they are estimates, and what hostile ones cost.

mod hostile;
mod kit;
mod others;

use kit::{float, int, only, pointed, pprof_of, text, tree, tuple};
use model::{ProfileUnit, TreeBasis};
use observe::{DecompressedMax, PROFILE_FORMATS, ProfileError, read_profiles};

const MAX: DecompressedMax = DecompressedMax { bytes: 1 << 24 };

#[test]
fn a_recording_of_cprofile_has_its_functions_and_an_estimated_tree() {
    let profile = only(include_bytes!("../data/cprofile.pstats"), "pstats");
    assert_eq!((profile.unit, profile.basis), (ProfileUnit::Nanos, TreeBasis::Estimated));
    assert_eq!(profile.functions.len(), 13);
    let price = profile.functions.iter().find(|one| one.name == "price").unwrap();
    assert_eq!((price.file.as_str(), price.line), ("shop/views.py", 2));
    assert_eq!((price.calls, price.own, price.cumulative), (Some(700), 4_386_682, 4_386_682));
    let depth = profile.functions.iter().find(|one| one.name == "depth").unwrap();
    assert_eq!((depth.calls, depth.primitive_calls), (Some(21), Some(1)));
    let sum = profile.functions.iter().find(|one| one.name.contains("sum")).unwrap();
    assert_eq!((sum.file.as_str(), sum.calls), ("", Some(302)));
    // `price` is below both of its callers, and its time is shared as the edges say.
    let below: Vec<u64> =
        tree(&profile).into_iter().filter(|node| node.1 == "price").map(|node| node.3).collect();
    assert!(2 <= below.len(), "{below:?}");
    let roots: u64 =
        profile.tree.iter().filter(|node| node.depth == 0).map(|node| node.total).sum();
    let ends =
        profile.functions.iter().filter(|one| ["orders", "report"].contains(&one.name.as_str()));
    let told: u64 = ends.map(|one| one.cumulative).sum();
    assert!(roots.abs_diff(told) < 5_000, "{roots} of {told} nanoseconds");
}

#[test]
fn a_recording_of_profile_counts_callers_alone() {
    let profile = only(include_bytes!("../data/profile.pstats"), "pstats");
    let report = profile.functions.iter().find(|one| one.name == "report").unwrap();
    assert_eq!(report.calls, Some(1));
    assert!(profile.tree.iter().any(|node| 0 < node.depth));
}

#[test]
fn statistics_of_python_2_are_read() {
    // {('a.py', 1, 'f'): (2, 2, 1.0, 1.5, {}), ('a.py', 9, 'g'): (3, 3, 0.5, 0.5, {('a.py', 1, 'f'): (3, 3, 0.5, 0.5)})}
    let bytes = [
        b"{".to_vec(),
        tuple(&[&text("a.py"), &int(1), &text("f")]),
        tuple(&[&int(2), &int(2), &float(1.0), &float(1.5), b"{0"]),
        tuple(&[&pointed(0), &int(9), &text("g")]),
        tuple(&[
            &int(3),
            &int(3),
            &float(0.5),
            &float(0.5),
            &[
                b"{".to_vec(),
                tuple(&[&pointed(0), &int(1), &pointed(1)]),
                tuple(&[&int(3), &int(3), &float(0.5), &float(0.5)]),
                b"0".to_vec(),
            ]
            .concat(),
        ]),
        b"0".to_vec(),
    ]
    .concat();
    let profile = only(&bytes, "pstats");
    assert_eq!(
        tree(&profile),
        [
            (0, "f".to_owned(), 1_000_000_000, 1_500_000_000),
            (1, "g".to_owned(), 500_000_000, 500_000_000)
        ]
    );
}

#[test]
fn collapsed_stacks_are_merged_and_lines_that_are_none_are_told() {
    let profile = only(
        b"main;load;parse 3\nmain;load 2\n# a comment\nmain;run (app.py:7) 5\nodd line\n",
        "collapsed",
    );
    assert_eq!(
        tree(&profile),
        [
            (0, "main".to_owned(), 0, 10),
            (1, "load".to_owned(), 2, 5),
            (2, "parse".to_owned(), 3, 3),
            (1, "run".to_owned(), 5, 5),
        ]
    );
    assert_eq!(profile.notes, ["1 lines are no stacks and were left out"]);
    let run = profile.functions.iter().find(|one| one.name == "run").unwrap();
    assert_eq!((run.file.as_str(), run.line, run.calls), ("app.py", 7, None));
}

#[test]
fn recursion_counts_once() {
    let profile = only(b"f;g;f;f 4\nf 1\n", "collapsed");
    let f = profile.functions.iter().find(|one| one.name == "f").unwrap();
    assert_eq!((f.own, f.cumulative), (5, 5));
    let g = profile.functions.iter().find(|one| one.name == "g").unwrap();
    assert_eq!((g.own, g.cumulative), (0, 4));
}

#[test]
fn speedscope_says_the_same_in_samples_and_in_events() {
    let file = |profile: &str| {
        format!(
            r#"{{"$schema":"https://www.speedscope.app/file-format-schema.json",
            "shared":{{"frames":[{{"name":"main"}},{{"name":"load","file":"a.py","line":3}},{{"name":"parse"}}]}},
            "profiles":[{profile}]}}"#
        )
    };
    let sampled = file(
        r#"{"type":"sampled","name":"t","unit":"milliseconds","startValue":0,"endValue":10,
        "samples":[[0,1,2],[0,1],[0]],"weights":[3,2,5]}"#,
    );
    let evented = file(
        r#"{"type":"evented","name":"t","unit":"milliseconds","startValue":0,"endValue":10,"events":[
        {"type":"O","at":0,"frame":0},{"type":"O","at":0,"frame":1},{"type":"O","at":2,"frame":2},
        {"type":"C","at":5,"frame":2},{"type":"C","at":5,"frame":1},{"type":"C","at":10,"frame":0}]}"#,
    );
    let sampled = only(sampled.as_bytes(), "speedscope");
    assert_eq!(sampled.unit, ProfileUnit::Nanos);
    assert_eq!(tree(&sampled), tree(&only(evented.as_bytes(), "speedscope")));
    assert_eq!(tree(&sampled)[1], (1, "load".to_owned(), 2_000_000, 5_000_000));
}

#[test]
fn the_profile_that_was_looked_at_comes_first() {
    let file = r#"{"shared":{"frames":[{"name":"main"}]},"activeProfileIndex":1,"profiles":[
        {"type":"sampled","name":"one","unit":"none","startValue":0,"endValue":1,"samples":[[0]],"weights":[1]},
        {"type":"sampled","name":"two","unit":"none","startValue":0,"endValue":1,"samples":[[0]],"weights":[1]}]}"#;
    let read = read_profiles(file.as_bytes(), MAX).unwrap();
    let titles: Vec<&str> = read.profiles.iter().map(|one| one.title.as_str()).collect();
    assert_eq!(titles, ["two", "one"]);
}

#[test]
fn pprof_gives_a_profile_for_each_type_of_sample_and_unfolds_what_was_inlined() {
    let bytes = pprof_of(&[(&[1, 2], &[3, 30]), (&[2], &[1, 10])]);
    let read = read_profiles(&bytes, MAX).unwrap();
    let titles: Vec<&str> = read.profiles.iter().map(|one| one.title.as_str()).collect();
    assert_eq!(titles, ["cpu", "samples"], "the last is what pprof shows first");
    let cpu = &read.profiles[0];
    assert_eq!(cpu.unit, ProfileUnit::Nanos);
    // The first location is `inlined` within `work`.
    assert_eq!(
        tree(cpu),
        [
            (0, "main".to_owned(), 10_000_000, 40_000_000),
            (1, "work".to_owned(), 0, 30_000_000),
            (2, "inlined".to_owned(), 30_000_000, 30_000_000),
        ]
    );
}

#[test]
fn a_gzipped_profile_is_unpacked_first() {
    let bytes = kit::gzip(&pprof_of(&[(&[2], &[1, 10])]));
    assert_eq!(only_of(&bytes), "pprof");
    assert_eq!(only_of(&kit::gzip(b"a;b 1\n")), "collapsed");
}

fn only_of(bytes: &[u8]) -> &'static str {
    read_profiles(bytes, MAX).expect("it is a profile").format.name
}

#[test]
fn what_is_no_profile_is_refused_with_what_is_known() {
    let refused = |bytes: &[u8]| read_profiles(bytes, MAX).unwrap_err();
    assert_eq!(refused(b" \n"), ProfileError::Empty);
    assert_eq!(refused(b"<html></html>"), ProfileError::Unknown);
    assert_eq!(refused(b"{0"), ProfileError::Empty);
    let told = refused(b"\x89PNG\r\n").to_string();
    for format in PROFILE_FORMATS {
        assert!(told.contains(format.title), "{told}");
    }
    assert!(matches!(
        refused(b"{(\x03\0\0\0"),
        ProfileError::Malformed { format: "cProfile statistics (pstats)", .. }
    ));
}
