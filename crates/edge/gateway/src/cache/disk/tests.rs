//! What holds for who asks while something is forgotten.

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use traffic::cache::{CacheRule, Control, Place, Received, Selecting, policy};

use super::*;

/// An answer with so many bytes, for a minute from this moment on.
pub(super) fn stored(body_bytes: usize, at: Moment) -> Stored {
    let headers: HeaderMap =
        [(http::header::CACHE_CONTROL, "max-age=60".parse().expect("a value"))]
            .into_iter()
            .collect();
    let received = Received {
        method: &Method::GET,
        status: StatusCode::OK,
        headers: &headers,
        asked_at: at,
        received_at: at,
        came_at: at,
    };
    let policy = policy(&CacheRule::default(), Asker::default(), &Control::default(), &received);
    let policy = policy.expect("it may be stored");
    let parts = (policy, Selecting::default(), Place::default());
    Stored::new(StatusCode::OK, HeaderMap::new(), Bytes::from(vec![0; body_bytes]), parts)
}

/// Waits until something is so.
fn until(is_so: impl Fn() -> bool) {
    let began = std::time::Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(20), "it did not come about");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn who_asks_while_it_is_forgotten_in_memory_waits_for_nobody_and_finds_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = DiskSettings { fresh_min: Duration::ZERO, ..DiskSettings::new(folder.path()) };
    let missed = Missed { anything: false, orders: false };
    let (disk, thread) = Disk::start(&settings, missed, 7).expect("threads");
    until(|| disk.is_open());
    let (key, now) = (Key::new(vec![1], 7), clock::now());
    let answer = Arc::new(stored(10, now));
    let is_there = || disk.has(&key, &HeaderMap::new(), Asker::default(), now);
    assert_eq!(disk.offer(&key, &answer, now), Offered::Taken);
    until(is_there);
    let (count, meanwhile) = disk.forget(Of::Order(Purge::All), false, now, || {
        // As who has it from memory, where it is not forgotten yet.
        let offered = disk.offer(&key, &answer, now);
        (is_there(), offered)
    });
    assert_eq!((count, meanwhile), (1, (false, Offered::Taken)));
    disk.stop();
    thread.join().expect("it has written all");
    assert!(!is_there(), "what was on its way is old");
    // And so says what is on disk.
    let (again, thread) = Disk::start(&settings, missed, 7).expect("threads");
    until(|| again.is_open());
    assert_eq!(again.size(), (0, 0));
    again.stop();
    thread.join().expect("it ends");
}
