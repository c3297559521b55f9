//! A disk without space: writes are refused, reads go on, and once there is space so do writes.
//!
//! The test runs itself again under a limit on the size of files (`ulimit -f`), which the system
//! enforces as it does a full disk, and needs no rights.
#![expect(clippy::unwrap_used, reason = "these are tests")]

mod items;
mod kit;

use std::{env, path::Path, process::Command};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use store::{Folder, Options, Store, StoreError, Syncing};

const CHILD: &str = "STORE_TEST_CHILD";

fn fill(store: &dyn Store, first: u64) -> u64 {
    for trace in first.. {
        match kit::append(store, &kit::spans(trace, 9), trace) {
            Ok(()) => {}
            Err(StoreError::Full { .. }) => return trace,
            Err(other) => panic!("{other:?}"),
        }
    }
    unreachable!("there is a limit");
}

fn check_kept(store: &dyn Store, traces: std::ops::Range<u64>) {
    for trace in traces {
        assert_eq!(store.trace(kit::trace_id(trace)).unwrap(), kit::spans(trace, 9));
    }
}

/// Log records and metrics are refused as spans are, and those that were taken stay.
fn refuses_other_kinds(store: &dyn Store) {
    let trace = Some(kit::trace_id(1));
    let append = |at: u64| {
        let records: Vec<_> = (0..50).map(|it| items::log(trace, 50 * at + it)).collect();
        items::append_logs(store, &records, at)
    };
    let taken = (0..100).take_while(|at| append(*at).is_ok()).count();
    assert!(taken < 100);
    let refused = append(100);
    assert!(matches!(refused, Err(StoreError::Full { .. })), "{refused:?}");
    assert_eq!(store.logs_of(kit::trace_id(1)).unwrap().len(), taken * 50);
    let metric = items::metric("cpu", 1, 5_000);
    let refused = items::append_metrics(store, &[metric], 1);
    assert!(matches!(refused, Err(StoreError::Full { .. })), "{refused:?}");
}

fn limit(bytes: Option<u64>) {
    let maximum = getrlimit(Resource::Fsize).maximum;
    setrlimit(Resource::Fsize, Rlimit { current: bytes, maximum }).unwrap();
}

fn child(folder: &Path) {
    for sync in [Syncing::Always, Syncing::Os] {
        let folder = folder.join(format!("{sync:?}"));
        let options = Options { sync, segment_bytes: 1 << 20, ..Options::default() };
        limit(Some(32 << 10));
        let (store, _) = Folder::open(&folder, options.clone()).unwrap();
        let full = fill(&store, 0);
        assert!(5 < full);
        assert!(matches!(
            store.save_document("d", &vec![1; 64 << 10]),
            Err(StoreError::Full { .. })
        ));
        assert_eq!(store.load_document("d").unwrap(), None);
        let facts = (0..10_000).map(|trace| kit::fact(trace, trace, trace));
        assert!(matches!(store.record(facts.collect()), Err(StoreError::Full { .. })));
        assert_eq!(store.requests_usage().requests, 0);
        refuses_other_kinds(&store);
        check_kept(&store, 0..full);
        assert_eq!(store.trace(kit::trace_id(full)).unwrap(), []);

        // A little space: a small batch fits where the large one did not, and none is half there.
        kit::append(&store, &kit::spans(full, 1), full).unwrap();
        assert_eq!(store.trace(kit::trace_id(full)).unwrap(), kit::spans(full, 1));

        limit(Some(64 << 10));
        let next = full + 1;
        let full_again = fill(&store, next);
        assert!(next + 5 < full_again);
        drop(store);

        // A start needs no space either.
        let (store, recovery) = Folder::open(&folder, options).unwrap();
        assert_eq!((recovery.bytes_cut, recovery.bytes_damaged), (0, 0));
        check_kept(&store, 0..full);
        check_kept(&store, next..full_again);
        limit(None);
        kit::append(&store, &kit::spans(full_again, 9), full_again).unwrap();
        store.record(vec![kit::fact(1, 1, 1)]).unwrap();
        check_kept(&store, next..full_again + 1);
    }
}

#[test]
fn a_full_disk_refuses_writes_until_there_is_space() {
    if let Ok(folder) = env::var(CHILD) {
        return child(Path::new(&folder));
    }
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new("sh")
        .args(["-c", r#"trap "" XFSZ; exec "$0" "$@""#])
        .arg(env::current_exe().unwrap())
        .args(["a_full_disk_refuses_writes_until_there_is_space", "--exact", "--nocapture"])
        .env(CHILD, folder.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
