//! A disk that has no room left: on a small file system of its own.

use std::{
    env,
    fs::{self, File},
    io::Write as _,
    path::Path,
    process::Command,
};

use crate::kit::{
    Running,
    disk::{is, is_of_disk, large, small, twice, written},
    eventually, get, status,
};

const CHILD: &str = "GATEWAY_TEST_SMALL_DISK";

/// What a child ends with where nothing can be mounted.
const NO_MOUNT: i32 = 77;

/// Runs a test again on a file system of 6 MiB; `None` where none can be made, and the limit on files of
/// `a_full_disk_costs_no_answer_and_brings_nothing_back` has to do.
fn on_a_small_disk(name: &str) -> Option<bool> {
    let folder = tempfile::tempdir().expect("a folder");
    let script = format!(
        "mount -t tmpfs -o size=6m none \"${CHILD}\" || exit {NO_MOUNT}; exec \"$0\" \"$@\""
    );
    for how in ["-m", "-rm"] {
        let ended = Command::new("unshare")
            .args([how, "bash", "-c", &script])
            .arg(env::current_exe().expect("a path"))
            .args([name, "--exact", "--nocapture"])
            .env(CHILD, folder.path())
            .status()
            .expect("util-linux is there");
        // What `unshare` says where it may not.
        if ![Some(NO_MOUNT), Some(1)].contains(&ended.code()) {
            return Some(ended.success());
        }
    }
    None
}

/// Takes all the room that is left.
fn fill(disk: &Path) {
    let mut ballast = File::create(disk.join("ballast")).expect("a file");
    while ballast.write_all(&[1; 4096]).is_ok() {}
}

/// An order that no page has room for.
fn forget(gateway: &Running, item: &str) {
    let told = gateway.order("/cache/purge", &format!("{{\"tag\": \"item-{item}\"}}"));
    assert_eq!(status(&told), "200", "{told}");
}

fn store_all(gateway: &Running, paths: &[&str]) {
    let mut count = 0.0;
    for path in paths {
        twice(gateway, path);
        count += 1.0;
        written(gateway, count);
    }
}

#[test]
fn an_order_that_there_is_no_room_for_costs_the_oldest_file_and_no_more() {
    const NAME: &str =
        "disk::full::an_order_that_there_is_no_room_for_costs_the_oldest_file_and_no_more";
    let Ok(disk) = env::var(CHILD) else {
        return assert!(on_a_small_disk(NAME).unwrap_or(true));
    };
    let (disk, origin) = (Path::new(&disk), large());
    let folder = disk.join("cache");
    let gateway = small(&folder, &origin);
    let item = "y".repeat(10_000);
    let path = format!("/items/{item}");
    store_all(&gateway, &["/0", "/1", "/2", "/3", "/4", &path, "/6"]);
    fill(disk);
    forget(&gateway, &item);
    eventually("the oldest went", || is(&gateway, "taut_gateway_cache_disk_entries", 3.0));
    gateway.stop();
    let after = small(&folder, &origin);
    for kept in ["/3", "/4", "/6"] {
        assert!(is_of_disk(&get(after.address, kept)), "{kept}");
    }
    for gone in ["/0", &path] {
        assert!(!is_of_disk(&get(after.address, gone)), "{gone}");
    }
}

#[test]
fn what_went_with_all_the_rest_is_written_again_once_there_is_room() {
    const NAME: &str =
        "disk::full::what_went_with_all_the_rest_is_written_again_once_there_is_room";
    let Ok(disk) = env::var(CHILD) else {
        return assert!(on_a_small_disk(NAME).unwrap_or(true));
    };
    let (disk, origin) = (Path::new(&disk), large());
    let gateway = small(&disk.join("cache"), &origin);
    let item = "y".repeat(10_000);
    store_all(&gateway, &["/hot", &format!("/items/{item}")]);
    fill(disk);
    forget(&gateway, &item);
    eventually("emptied", || is(&gateway, "taut_gateway_cache_disk_entries", 0.0));
    fs::remove_file(disk.join("ballast")).unwrap();
    // The disk is left alone for some seconds; memory has the answer all the while.
    eventually("written again", || {
        assert!(!is_of_disk(&get(gateway.address, "/hot")));
        is(&gateway, "taut_gateway_cache_disk_entries", 1.0)
    });
    assert_eq!(origin.seen().iter().filter(|request| request.contains("/hot")).count(), 1);
}
