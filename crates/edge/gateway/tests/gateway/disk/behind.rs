//! What nobody heard of meanwhile: what is on disk only stands in then.

use std::fs;

use crate::kit::{
    counting,
    disk::{hour, is, is_of_disk, large, on, small, twice, up, written},
    eventually, get, start,
};

#[test]
fn what_is_there_late_only_stands_in() {
    let place = tempfile::tempdir().unwrap();
    let (folder, aside) = (place.path().join("cache"), place.path().join("aside"));
    let origin = counting("");
    let before = up(on(&folder, hour(), &origin));
    twice(&before, "/a");
    written(&before, 1.0);
    before.stop();
    // As if it were on a volume that is not mounted yet.
    fs::rename(&folder, &aside).unwrap();
    fs::write(&folder, "").unwrap();
    let after = start(on(&folder, hour(), &origin));
    eventually("told", || after.told("/cache").contains("failed to make the cache's folder"));
    fs::remove_file(&folder).unwrap();
    fs::rename(&aside, &folder).unwrap();
    eventually("up", || is(&after, "taut_gateway_cache_disk_up", 1.0));
    assert!(is(&after, "taut_gateway_cache_disk_entries", 1.0));
    assert!(get(after.address, "/a").ends_with("answer 1"));
}

#[test]
fn what_was_ordered_in_a_damaged_file_nobody_knows_after_a_second_restart_either() {
    let folder = tempfile::tempdir().unwrap();
    let origin = large();
    let begin = || small(folder.path(), &origin);
    let before = begin();
    // Three to a file.
    for place in 0..8_u32 {
        twice(&before, &format!("/{place}"));
        written(&before, 1.0 + f64::from(place));
    }
    before.stop();
    let second = folder.path().join("0000000000000002.log");
    let mut bytes = fs::read(&second).unwrap();
    bytes[16 + 12] ^= 1;
    fs::write(&second, bytes).unwrap();
    // A name that none of its files has is nobody's business.
    fs::write(folder.path().join("7.log"), "").unwrap();
    for life in 0..2 {
        let after = begin();
        assert!(is(&after, "taut_gateway_cache_disk_entries", 5.0));
        if life == 0 {
            assert!(is_of_disk(&get(after.address, "/7")), "it came after the damaged file");
        }
        after.stop();
    }
    let last = begin();
    let asked = origin.seen().len();
    assert!(get(last.address, "/0").contains("\r\n\r\n/0x"));
    assert_eq!(origin.seen().len(), asked + 1);
    assert!(folder.path().join("7.log").exists());
}
