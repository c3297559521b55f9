//! What goes wrong around a store: a small disk that is full, a folder that must not be written to, files of later
//! versions, a clock that jumps. What is wrong is told, nothing that was kept is lost, and all goes on once it is mended.
//!
//! Where a file system has to be mounted the test runs itself again in a name space of its own, so that nothing is left
//! behind. Where that is not allowed it says so and does with less.
#![expect(clippy::unwrap_used, reason = "these are tests")]

mod items;
mod kit;
mod pretend;

use std::{
    env, fs,
    os::unix::{fs::PermissionsExt as _, process::CommandExt as _},
    path::Path,
    process::{Command, Output},
    sync::Arc,
    time::Duration,
};

use model::Moment;
use pretend::Recorder;
use store::{Folder, Options, Retention, Store as _, StoreError, Syncing};

const CHILD: &str = "STORE_TEST_CHILD";

/// Ended because nothing can be mounted here.
const NO_MOUNT: i32 = 77;

fn options() -> Options {
    Options { sync: Syncing::Always, segment_bytes: 256 << 10, ..Options::default() }
}

/// Runs a test of this file again as a process that a script prepares.
fn again(name: &str, prepare: &[&str], script: &str, folder: &Path) -> Output {
    let mut command = Command::new(prepare[0]);
    command.args(&prepare[1..]).args(["sh", "-c", script]);
    command.arg(env::current_exe().unwrap()).args([name, "--exact", "--nocapture"]);
    command.env(CHILD, folder).output().unwrap()
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

/// Appends spans, log records and metrics until there is no space, and says up to which number they were taken.
fn fill(store: &Folder, first: u64) -> u64 {
    for number in first.. {
        let trace = Some(kit::trace_id(number));
        let logs: Vec<_> = (0..20).map(|line| items::log(trace, number * 20 + line)).collect();
        let outcome = kit::append(store, &kit::spans(number, 400), number)
            .and_then(|()| items::append_logs(store, &logs, number))
            .and_then(|()| {
                items::append_metrics(store, &[items::metric("cpu", number, 9)], number)
            });
        match outcome {
            Ok(()) => {}
            Err(StoreError::Full { .. }) => return number,
            Err(other) => panic!("{other:?}"),
        }
    }
    unreachable!("the disk is small");
}

fn check_kept(store: &Folder, numbers: std::ops::Range<u64>) {
    let counted = kit::counted(store);
    for number in numbers.step_by(3) {
        assert_eq!(counted.get(&number), Some(&400), "{number}");
        assert_eq!(store.logs_of(kit::trace_id(number)).unwrap().len(), 20, "{number}");
    }
}

/// Works on a small file system until it is full, and goes on once there is space.
fn on_a_small_disk(disk: &Path) {
    let (ballast, folder) = (disk.join("ballast"), disk.join("store"));
    fs::write(&ballast, vec![1; 2 << 20]).unwrap();
    let (store, _) = Folder::open(&folder, options()).unwrap();
    store.save_document("state", b"first").unwrap();
    let full = fill(&store, 0);
    assert!(10 < full);
    let large = vec![7; 4 << 20];
    assert!(matches!(store.save_document("state", &large), Err(StoreError::Full { .. })));
    let facts = (0..100_000).map(|trace| kit::fact(trace, trace, trace)).collect();
    assert!(matches!(store.record(facts), Err(StoreError::Full { .. })));

    // Reads go on, and what is tidied is there or as it was.
    check_kept(&store, 0..full);
    for _ in 0..3 {
        let tidied = store.tidy();
        assert!(matches!(tidied, Ok(_) | Err(StoreError::Full { .. })), "{tidied:?}");
    }
    check_kept(&store, 0..full);
    assert_eq!(store.load_document("state").unwrap().as_deref(), Some(&b"first"[..]));

    // There is space again, and nobody has to do anything.
    fs::remove_file(&ballast).unwrap();
    let full_again = fill(&store, full + 1);
    assert!(full + 5 < full_again);
    check_kept(&store, full + 1..full_again);
    drop(store);

    // A start needs no space, either.
    let (store, recovery) = Folder::open(&folder, options()).unwrap();
    assert_eq!((recovery.bytes_damaged, &recovery.set_aside[..]), (0, &[][..]));
    check_kept(&store, 0..full);
    check_kept(&store, full + 1..full_again);

    // Retention makes room for what comes.
    let retention = Retention { age_max: Duration::MAX, bytes_max: 2 << 20 };
    assert!(0 < store.retain(retention, Moment { nanos: full_again }).unwrap());
    kit::append(&store, &kit::spans(full_again + 1, 40), full_again + 1).unwrap();
}

#[test]
fn a_small_disk_that_is_full_refuses_until_there_is_space() {
    if let Ok(disk) = env::var(CHILD) {
        return on_a_small_disk(Path::new(&disk));
    }
    let name = "a_small_disk_that_is_full_refuses_until_there_is_space";
    let folder = pretend::temporary();
    let ext4 = r#"cd "$STORE_TEST_CHILD" && truncate -s 10M image && mkfs.ext4 -q image && mkdir disk \
        && mount -o loop image disk || exit 77
        STORE_TEST_CHILD="$STORE_TEST_CHILD/disk" exec "$0" "$@""#;
    let memory = r#"mkdir -p "$STORE_TEST_CHILD/memory" && mount -t tmpfs -o size=8m none "$STORE_TEST_CHILD/memory" \
        || exit 77
        STORE_TEST_CHILD="$STORE_TEST_CHILD/memory" exec "$0" "$@""#;
    let ways = [
        ("ext4 on a loop device", &["unshare", "-m"][..], ext4),
        ("tmpfs", &["unshare", "-m"], memory),
        ("tmpfs in a name space of users", &["unshare", "-rm"], memory),
    ];
    for (what, prepare, script) in ways {
        let output = again(name, prepare, script, folder.path());
        if output.status.code() != Some(NO_MOUNT) && output.status.code() != Some(1) {
            eprintln!("the small disk is {what}");
            assert!(output.status.success(), "{what}: {}", words(&output));
            return;
        }
    }
    eprintln!(
        "nothing can be mounted here: tests/full.rs has it by a limit on the size of files alone"
    );
}

#[test]
fn a_disk_that_fails_refuses_until_it_is_mended() {
    let folder = pretend::temporary();
    let recorder = Recorder::of(folder.path());
    let _watched = store::watch(folder.path(), Arc::clone(&recorder) as Arc<_>);
    let (store, _) = Folder::open(folder.path(), options()).unwrap();
    for number in 0..5 {
        kit::append(&store, &kit::spans(number, 40), number).unwrap();
    }
    recorder.fail_once_in(1, 0);
    for number in 5..10 {
        let refused = kit::append(&store, &kit::spans(number, 40), number).unwrap_err();
        assert!(matches!(refused, StoreError::Full { .. } | StoreError::Disk { .. }), "{refused}");
        assert_eq!(kit::counted(&store).len(), 5, "reads go on");
    }
    recorder.mend();
    kit::append(&store, &kit::spans(10, 40), 10).unwrap();
    assert_eq!(kit::counted(&store).into_keys().collect::<Vec<_>>(), [0, 1, 2, 3, 4, 10]);
}

fn kept(folder: &Path) -> Folder {
    let (store, _) = Folder::open(folder, options()).unwrap();
    for number in 0..60 {
        kit::append(&store, &kit::spans(number, 40), number).unwrap();
    }
    store
}

/// What a process says that cannot open a folder.
fn told(error: &StoreError) -> String {
    let mut told = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(next) = cause {
        told = format!("{told}: {next}");
        cause = next.source();
    }
    told
}

#[test]
fn a_folder_that_is_read_only_is_told_and_stays_as_it_is() {
    if let Ok(folder) = env::var(CHILD) {
        let error = Folder::open(Path::new(&folder), options()).unwrap_err();
        return eprintln!("TOLD {}", told(&error));
    }
    let name = "a_folder_that_is_read_only_is_told_and_stays_as_it_is";
    let folder = pretend::temporary();
    drop(kept(folder.path()));
    let before = pretend::files(folder.path());
    let script = r#"mount --bind "$STORE_TEST_CHILD" "$STORE_TEST_CHILD" \
        && mount -o remount,ro,bind "$STORE_TEST_CHILD" || exit 77
        exec "$0" "$@""#;
    let mut output = again(name, &["unshare", "-m"], script, folder.path());
    if !output.status.success() {
        output = again(name, &["unshare", "-rm"], script, folder.path());
    }
    if output.status.success() {
        let words = words(&output);
        assert!(words.contains("TOLD failed to open `"), "{words}");
        assert!(words.contains("/lock`: Read-only file system"), "{words}");
    } else {
        eprintln!("nothing can be mounted here: {}", words(&output));
    }
    assert!(pretend::files(folder.path()) == before);
    assert_eq!(kit::counted(&Folder::open(folder.path(), options()).unwrap().0).len(), 60);
}

#[test]
fn files_of_another_user_are_told_and_stay_as_they_are() {
    if let Ok(folder) = env::var(CHILD) {
        let error = Folder::open(Path::new(&folder), options()).unwrap_err();
        return eprintln!("TOLD {}", told(&error));
    }
    let name = "files_of_another_user_are_told_and_stay_as_they_are";
    let folder = pretend::temporary();
    let mode = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    mode(folder.path(), 0o755);
    let store = folder.path().join("store");
    drop(kept(&store));
    // Where others may run it from.
    let program = folder.path().join("program");
    fs::copy(env::current_exe().unwrap(), &program).unwrap();
    let as_another = || {
        let mut command = Command::new(&program);
        command.args([name, "--exact", "--nocapture"]).env(CHILD, &store);
        if rustix::process::geteuid().is_root() {
            command.uid(65_534).gid(65_534);
        }
        words(&command.output().unwrap())
    };
    for (file, opened) in [("lock", "failed to open `"), ("spans-000001.log", "failed to read `")] {
        mode(&store, 0o777);
        for entry in fs::read_dir(&store).unwrap() {
            mode(&entry.unwrap().path(), 0o666);
        }
        mode(&store.join(file), 0o000);
        let before: Vec<String> = kit::names(&store).collect();
        let words = as_another();
        assert!(words.contains(&format!("TOLD {opened}")), "{words}");
        assert!(words.contains(&format!("/{file}`: Permission denied")), "{words}");
        assert_eq!(kit::names(&store).collect::<Vec<_>>(), before);
        mode(&store.join(file), 0o644);
    }
    assert_eq!(kit::counted(&Folder::open(&store, options()).unwrap().0).len(), 60);
}

#[test]
fn a_log_of_a_later_version_is_named_and_left_alone() {
    let folder = pretend::temporary();
    drop(kept(folder.path()));
    let later = folder.path().join("spans-000900.log");
    let content = [&b"tautspan\x02\0\0\0\x84\x03\0\0"[..], &[0x5a; 300]].concat();
    fs::write(&later, &content).unwrap();
    for _ in 0..2 {
        let (store, recovery) = Folder::open(folder.path(), options()).unwrap();
        let told: Vec<String> = recovery.newer.iter().map(ToString::to_string).collect();
        assert_eq!(told.len(), 1);
        assert!(told[0].ends_with(
            "spans-000900.log` is of version 2, and this Taut reads up to 1: use the newer one"
        ));
        kit::append(&store, &kit::spans(60, 40), 60).unwrap();
        store.compact(&mut |_| {}).unwrap();
        let retention = Retention { age_max: Duration::MAX, bytes_max: 4 << 20 };
        store.retain(retention, Moment { nanos: 61 }).unwrap();
        assert_eq!(fs::read(&later).unwrap(), content);
        assert_eq!(kit::counted(&store).len(), 61);
    }
}

#[test]
fn a_block_of_a_later_version_is_named_and_left_alone() {
    let folder = pretend::temporary();
    let store = kept(folder.path());
    store.compact(&mut |_| {}).unwrap();
    drop(store);
    let blocks = kit::names(folder.path()).filter(|name| name.starts_with("spans-"));
    let block = folder.path().join(blocks.min().unwrap());
    let sound = fs::read(&block).unwrap();
    let mut later = sound.clone();
    // A later version may guard its footer in another way, too.
    replace(&mut later, b"taut.tail", b"taut.tend");
    replace(&mut later, b"taut.format\x18\x01\x31", b"taut.format\x18\x01\x39");
    fs::write(&block, &later).unwrap();

    let (store, recovery) = Folder::open(folder.path(), options()).unwrap();
    let told: Vec<String> = recovery.newer.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 1, "{recovery:?}");
    assert!(told[0].contains("is of version 9, and this Taut reads up to 1: use the newer one"));
    let others = kit::counted(&store).len();
    assert!(others < 60);
    for number in 60..120 {
        kit::append(&store, &kit::spans(number, 40), number).unwrap();
    }
    store.compact(&mut |_| {}).unwrap();
    assert_eq!(kit::counted(&store).len(), others + 60);
    assert!(fs::read(&block).unwrap() == later);
    drop(store);

    fs::write(&block, sound).unwrap();
    let (store, _) = Folder::open(folder.path(), options()).unwrap();
    let counted = kit::counted(&store);
    assert_eq!(counted.len(), 120);
    assert!(counted.values().all(|count| *count == 40), "none is there twice");
}

fn replace(bytes: &mut [u8], from: &[u8], to: &[u8]) {
    let places = bytes.windows(from.len()).enumerate().filter(|(_, window)| *window == from);
    let places: Vec<usize> = places.map(|(place, _)| place).collect();
    assert!(!places.is_empty(), "{:?}", String::from_utf8_lossy(from));
    for place in places {
        bytes[place..place + to.len()].copy_from_slice(to);
    }
}

#[test]
fn an_index_of_a_later_version_is_made_again() {
    let folder = pretend::temporary();
    let (store, _) = Folder::open(folder.path(), small()).unwrap();
    days(&store, 0..5);
    drop(store);
    let index = folder.path().join("spans-000001.index");
    let sound = fs::read(&index).unwrap();
    let mut later = sound.clone();
    later[8] = 2;
    fs::write(&index, &later).unwrap();
    let (store, recovery) = Folder::open(folder.path(), small()).unwrap();
    assert!(1 <= recovery.indexes_built, "{recovery:?}");
    assert_eq!(fs::read(&index).unwrap(), sound);
    assert_eq!(store.trace(kit::trace_id(0)).unwrap(), kit::spans(0, 150));
}

const DAY: Duration = Duration::from_hours(24);

/// Keeps a batch a day, for so many days from the first on; each fills a segment.
fn days(store: &Folder, days: std::ops::Range<u32>) {
    for day in days {
        let received = began() + DAY * day;
        let spans = kit::spans(day.into(), 150);
        store.append(&store::Batch { spans: &spans, otlp: None, received }).unwrap();
    }
}

fn began() -> Moment {
    Moment { nanos: 1_790_000_000_000_000_000 }
}

fn small() -> Options {
    Options { segment_bytes: kit::SEGMENT_BYTES, ..options() }
}

#[test]
fn a_clock_that_jumps_years_ahead_and_back_costs_nothing() {
    let folder = pretend::temporary();
    let (store, _) = Folder::open(folder.path(), small()).unwrap();
    days(&store, 0..10);
    let retention = Retention { age_max: DAY * 14, bytes_max: u64::MAX };
    let now = began() + DAY * 10;
    for now in [now, now + DAY * 5_000, Moment::default(), now + DAY * 100_000, now] {
        assert_eq!(store.retain(retention, now).unwrap(), 0);
        assert_eq!(kit::counted(&store).len(), 10);
    }
    drop(store);
    // A start while it is wrong is no reason to believe it.
    let (store, _) = Folder::open(folder.path(), small()).unwrap();
    assert_eq!(store.retain(retention, now + DAY * 5_000).unwrap(), 0);
    assert_eq!(kit::counted(&store).len(), 10);
}

#[test]
fn a_batch_of_an_absurd_time_neither_stays_forever_nor_takes_others_with_it() {
    let folder = pretend::temporary();
    let retention = Retention { age_max: DAY * 14, bytes_max: u64::MAX };
    let kept = |now: u32, received: &[std::ops::Range<u32>]| {
        let (store, _) = Folder::open(folder.path(), small()).unwrap();
        for received in received {
            days(&store, received.clone());
        }
        drop(store);
        // What passes is told from the newest batch on.
        let (store, _) = Folder::open(folder.path(), small()).unwrap();
        store.retain(retention, began() + DAY * now).unwrap();
        kit::counted(&store).into_keys().collect::<Vec<_>>()
    };
    assert_eq!(kept(10, &[0..5, 9_000..9_001, 5..10]).len(), 11);
    let left = kept(30, &[10..20, 20..30]);
    assert!(!left.contains(&9_000) && left.contains(&17), "{left:?}");
}
