//! A full disk: what cannot be kept is refused, what was found stays, and it goes on once there is space.
//!
//! The test runs itself again under a limit on the size of files (`ulimit -f`), which the system
//! enforces as it does a full disk, and needs no rights.

use std::{env, path::Path, process::Command};

use receive::Refusal;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::{live::Engine, shop};

const CHILD: &str = "ENGINE_TEST_CHILD";

fn limit(bytes: Option<u64>) {
    let maximum = getrlimit(Resource::Fsize).maximum;
    setrlimit(Resource::Fsize, Rlimit { current: bytes, maximum })
        .expect("a lower limit is allowed");
}

fn child(folder: &Path) {
    let engine = Engine::start(folder);
    engine.accept(shop::orders(0, shop::now())).expect("there is space");
    engine.wait_until("the finding", |live| !live.findings().is_empty());
    limit(Some(64 << 10));
    let mut kept = 1;
    let refusal = loop {
        match engine.accept(shop::orders(kept, shop::now())) {
            Ok(()) => kept += 1,
            Err(refusal) => break refusal,
        }
    };
    let Refusal::Full { message, .. } = refusal else { panic!("{refusal:?}") };
    assert!(message.starts_with("no space left for `"), "{message}");
    assert_ne!(engine.live.standing().problem, None);
    for trace in 0..kept {
        let found = engine.live.trace(shop::trace_id(trace)).expect("reads go on");
        assert!(found.is_some(), "trace {trace} was acknowledged");
    }
    let refused = engine.live.trace(shop::trace_id(kept)).expect("reads go on");
    assert!(refused.is_none());

    let record = || crate::signals::log(0, 9, &"x".repeat(100_000), shop::now());
    let refusal = crate::signals::keep_logs(&engine, vec![record()]);
    assert!(matches!(refusal, Err(Refusal::Full { .. })), "{refusal:?}");

    limit(None);
    crate::signals::keep_logs(&engine, vec![record()]).expect("there is space again");
    engine.accept(shop::orders(kept, shop::now())).expect("there is space again");
    engine.wait_until("all requests", |live| live.outcome().requests == kept + 1);
    engine.wait_until("its recovery", |live| live.standing().problem.is_none());
    engine.stop();
}

#[test]
fn a_full_disk_refuses_spans_until_there_is_space() {
    if let Ok(folder) = env::var(CHILD) {
        return child(Path::new(&folder));
    }
    let folder = tempfile::tempdir().expect("there is a place for temporary files");
    let output = Command::new("sh")
        .args(["-c", r#"trap "" XFSZ; exec "$0" "$@""#])
        .arg(env::current_exe().expect("it runs"))
        .args(["full::a_full_disk_refuses_spans_until_there_is_space", "--exact", "--nocapture"])
        .env(CHILD, folder.path())
        .output()
        .expect("there is a shell");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
