//! The level of the cache on disk: what is there after a restart or `kill -9`, what never is, and that nothing waits for a disk
//! that is full, slow, damaged or not there.

mod behind;
mod full;
mod newest;

use std::{
    env, fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::Ordering,
    time::Duration,
};

use traffic::cache::{CacheRule, Keep};

use crate::kit::{
    Origin, Running, answer, counting,
    disk::{hour, is, is_of_disk, large, on, small, twice, unchanging, up, written},
    eventually, get, get_with, header, start, status,
};

#[test]
fn what_was_asked_for_twice_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let origin = counting("etag: \"1\"\r\n");
    let before = up(on(folder.path(), hour(), &origin));
    assert!(twice(&before, "/items/1").ends_with("answer 0"));
    assert!(get(before.address, "/items/2").ends_with("answer 1"));
    written(&before, 1.0);
    before.stop();
    let after = up(on(folder.path(), hour(), &origin));
    let found = get(after.address, "/items/1");
    assert!(found.ends_with("answer 0") && is_of_disk(&found), "{found}");
    let line = "taut_gateway_cache_requests_total{http_route=\"all\",result=\"disk\"}";
    assert!(is(&after, line, 1.0));
    assert!(is(&after, "taut_gateway_cache_disk_reads_total{outcome=\"done\"}", 1.0));
    // From then on it is in memory; and what was asked for once was not worth it.
    let again = get(after.address, "/items/1");
    assert!(again.ends_with("answer 0") && !is_of_disk(&again), "{again}");
    assert!(get(after.address, "/items/2").ends_with("answer 2"));
    assert_eq!(origin.seen().len(), 3);
}

#[test]
fn parts_heads_and_conditions_are_answered_from_disk() {
    let folder = tempfile::tempdir().unwrap();
    let origin = counting("etag: \"1\"\r\n");
    let before = up(on(folder.path(), hour(), &origin));
    for path in ["/part", "/head", "/condition", "/only"] {
        twice(&before, path);
    }
    written(&before, 4.0);
    before.stop();
    let after = up(on(folder.path(), hour(), &origin));
    let part = get_with(after.address, "/part", "range: bytes=0-5\r\n");
    assert!(status(&part) == "206" && part.ends_with("answer") && is_of_disk(&part), "{part}");
    let head = crate::kit::ask(
        after.address,
        "HEAD /head HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
    );
    assert!(status(&head) == "200" && head.ends_with("\r\n\r\n") && is_of_disk(&head), "{head}");
    let condition = get_with(after.address, "/condition", "if-none-match: \"1\"\r\n");
    assert!(status(&condition) == "304" && is_of_disk(&condition), "{condition}");
    let only = get_with(after.address, "/only", "cache-control: only-if-cached\r\n");
    assert!(status(&only) == "200" && is_of_disk(&only), "{only}");
    let none = get_with(after.address, "/none", "cache-control: only-if-cached\r\n");
    assert_eq!(status(&none), "504");
    assert_eq!(origin.seen().len(), 4);
}

#[test]
fn answers_that_vary_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let origin = Origin::start(|request| {
        let language = request.lines().find_map(|line| line.strip_prefix("accept-language: "));
        answer("vary: accept-language\r\n", language.unwrap_or("none"))
    });
    let asked = |gateway: &Running, language: &str| {
        get_with(gateway.address, "/a", &format!("accept-language: {language}\r\n"))
    };
    let before = up(on(folder.path(), hour(), &origin));
    for language in ["de", "fr", "de", "fr"] {
        assert!(asked(&before, language).ends_with(language));
    }
    written(&before, 2.0);
    before.stop();
    let after = up(on(folder.path(), hour(), &origin));
    for language in ["fr", "de"] {
        let found = asked(&after, language);
        assert!(found.ends_with(language) && is_of_disk(&found), "{found}");
    }
    let other = asked(&after, "it");
    assert!(other.ends_with("it") && !is_of_disk(&other), "{other}");
}

#[test]
fn what_was_forgotten_is_not_there_after_a_restart() {
    let orders = [
        ("url", "{\"url\": \"/items/1\"}"),
        ("prefix", "{\"prefix\": \"/items/1\"}"),
        ("tag", "{\"tag\": \"item-1\"}"),
    ];
    for (name, order) in orders {
        let folder = tempfile::tempdir().unwrap();
        let origin = counting("");
        let before = up(on(folder.path(), hour(), &origin));
        twice(&before, "/items/1");
        twice(&before, "/items/2");
        written(&before, 2.0);
        assert_eq!(status(&before.order("/cache/purge", order)), "200", "{name}");
        before.stop();
        let after = up(on(folder.path(), hour(), &origin));
        let (one, two) = (get(after.address, "/items/1"), get(after.address, "/items/2"));
        assert!(one.ends_with("answer 2") && !is_of_disk(&one), "{name}: {one}");
        assert!(two.ends_with("answer 1") && is_of_disk(&two), "{name}: {two}");
    }
}

#[test]
fn what_only_stands_in_is_asked_about_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let (origin, is_down) = unchanging();
    let before = up(on(folder.path(), hour(), &origin));
    twice(&before, "/down");
    twice(&before, "/up");
    written(&before, 2.0);
    before.order("/cache/purge", "{\"all\": true, \"soft\": true}");
    before.stop();
    let after = up(on(folder.path(), hour(), &origin));
    let asked = get(after.address, "/up");
    let told = header(&asked, "cache-status").unwrap_or_default();
    assert!(asked.ends_with("the answer") && told.contains("fwd-status=304"), "{asked}");
    is_down.store(true, Ordering::Relaxed);
    let stands_in = get(after.address, "/down");
    assert!(status(&stands_in) == "200" && stands_in.ends_with("the answer"), "{stands_in}");
}

#[test]
fn a_new_version_and_what_is_over_are_not_found() {
    let folder = tempfile::tempdir().unwrap();
    // With a second left when it comes.
    let origin = counting("cache-control: max-age=3600\r\nage: 3599\r\n");
    let strict = CacheRule { stale_when_down: Duration::ZERO, ..hour() };
    let before = up(on(folder.path(), strict.clone(), &origin));
    eventually("both within the second", || {
        twice(&before, "/a");
        0.0 < before.metric("taut_gateway_cache_disk_writes_total{outcome=\"done\"}")
    });
    before.stop();
    std::thread::sleep(Duration::from_millis(1_100));
    let after = up(on(folder.path(), strict, &origin));
    assert!(is(&after, "taut_gateway_cache_disk_entries", 0.0));
    after.stop();
    let origin = counting("");
    let folder = tempfile::tempdir().unwrap();
    let before = up(on(folder.path(), hour(), &origin));
    twice(&before, "/a");
    written(&before, 1.0);
    before.stop();
    let two = CacheRule { version: "2".to_owned(), ..hour() };
    let after = up(on(folder.path(), two, &origin));
    assert!(get(after.address, "/a").ends_with("answer 1"));
}

#[test]
fn a_route_without_it_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let origin = counting("");
    let gateway = up(on(folder.path(), CacheRule { keep: Keep::Memory, ..hour() }, &origin));
    twice(&gateway, "/a");
    gateway.stop();
    let after = up(on(folder.path(), hour(), &origin));
    assert!(get(after.address, "/a").ends_with("answer 1"));
}

/// The file of the cache in a folder; there is one.
fn file_in(folder: &Path) -> PathBuf {
    let files = fs::read_dir(folder).expect("a folder");
    let files = files.map(|entry| entry.expect("an entry").path());
    let is_log = |file: &PathBuf| file.extension().is_some_and(|end| end == "log");
    files.into_iter().find(is_log).expect("a file")
}

#[test]
fn a_torn_end_costs_what_was_torn_and_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let origin = counting("");
    let before = up(on(folder.path(), hour(), &origin));
    for (count, path) in [(1.0, "/a"), (2.0, "/b")] {
        twice(&before, path);
        written(&before, count);
    }
    before.stop();
    let file = fs::OpenOptions::new().write(true).open(file_in(folder.path())).unwrap();
    file.set_len(file.metadata().unwrap().len() - 3).unwrap();
    let after = up(on(folder.path(), hour(), &origin));
    assert!(is(&after, "taut_gateway_cache_disk_damaged_total", 1.0));
    assert!(is_of_disk(&get(after.address, "/a")));
    assert!(get(after.address, "/b").ends_with("answer 2"));
    // What is written next comes after what is whole.
    twice(&after, "/b");
    written(&after, 1.0);
    after.stop();
    let last = up(on(folder.path(), hour(), &origin));
    assert!(is(&last, "taut_gateway_cache_disk_damaged_total", 0.0));
    assert!(is_of_disk(&get(last.address, "/a")) && is_of_disk(&get(last.address, "/b")));
}

#[test]
fn a_damaged_file_is_set_aside_and_a_damaged_body_is_not_used() {
    let folder = tempfile::tempdir().unwrap();
    let origin = counting("");
    let before = up(on(folder.path(), hour(), &origin));
    for (count, path) in [(1.0, "/a"), (2.0, "/b")] {
        twice(&before, path);
        written(&before, count);
    }
    before.stop();
    let path = file_in(folder.path());
    let whole = fs::read(&path).unwrap();
    // In a body: of no use, and all else is.
    let body = whole.windows(8).position(|bytes| bytes == b"answer 0").unwrap();
    let mut flipped = whole.clone();
    flipped[body] ^= 1;
    fs::write(&path, flipped).unwrap();
    let after = up(on(folder.path(), hour(), &origin));
    assert!(get(after.address, "/a").ends_with("answer 2"));
    assert!(is_of_disk(&get(after.address, "/b")));
    assert!(is(&after, "taut_gateway_cache_disk_damaged_total", 1.0));
    after.stop();
    // In a head, with others behind it: what was to be forgotten there nobody knows.
    let mut flipped = whole;
    flipped[16 + 12] ^= 1;
    fs::write(&path, flipped).unwrap();
    let after = up(on(folder.path(), hour(), &origin));
    assert!(is(&after, "taut_gateway_cache_disk_damaged_total", 1.0));
    assert!(path.with_extension("damaged").exists());
    assert!(get(after.address, "/b").ends_with("answer 3"));
}

#[test]
fn a_folder_that_cannot_be_written_costs_no_answer_and_is_told() {
    let place = tempfile::tempdir().unwrap();
    // Not even root can make a folder there.
    let file = place.path().join("file");
    fs::write(&file, "").unwrap();
    let origin = counting("");
    let gateway = start(on(&file.join("cache"), hour(), &origin));
    assert!(twice(&gateway, "/a").ends_with("answer 0"));
    eventually("told", || gateway.told("/cache").contains("failed to make the cache's folder"));
    assert!(is(&gateway, "taut_gateway_cache_disk_up", 0.0));
}

#[test]
fn of_two_gateways_the_second_has_the_folder_when_the_first_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let origin = counting("");
    let first = up(on(folder.path(), hour(), &origin));
    twice(&first, "/items/1");
    twice(&first, "/items/2");
    written(&first, 2.0);
    let second = start(on(folder.path(), hour(), &origin));
    eventually("told", || second.told("/cache").contains("another gateway uses"));
    // What is forgotten here while the other has the folder is not found there later.
    assert_eq!(status(&second.order("/cache/purge", "{\"tag\": \"item-1\"}")), "200");
    first.stop();
    eventually("up", || is(&second, "taut_gateway_cache_disk_up", 1.0));
    assert!(is_of_disk(&get(second.address, "/items/2")));
    assert!(get(second.address, "/items/1").ends_with("answer 2"));
}

#[test]
fn it_keeps_within_its_bytes_and_what_is_asked_for_outlives_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let origin = large();
    let begin = || small(folder.path(), &origin);
    let gateway = begin();
    for path in ["/asked", "/not-asked"] {
        twice(&gateway, path);
    }
    written(&gateway, 2.0);
    gateway.stop();
    for life in 0..8 {
        // Whose memory is empty: it is asked for on disk.
        let gateway = begin();
        assert!(is_of_disk(&get(gateway.address, "/asked")), "in life {life}");
        for place in 0..10 {
            twice(&gateway, &format!("/{life}/{place}"));
        }
        written(&gateway, 10.0);
        assert!(gateway.metric("taut_gateway_cache_disk_bytes") <= 16.0 * 1_048_576.0);
        gateway.stop();
    }
    let gateway = begin();
    assert!(is_of_disk(&get(gateway.address, "/asked")));
    assert!(!is_of_disk(&get(gateway.address, "/not-asked")), "it went with its file");
}

const CHILD: &str = "GATEWAY_TEST_CHILD";

/// A gateway in a process of its own, until it is killed; which may write files of so many KiB, if it is told.
struct Process(Child, Running);

impl Process {
    fn start(folder: &Path, origin: &Origin, file_kib_max: Option<u32>) -> Self {
        let limit = file_kib_max.map_or_else(|| "unlimited".to_owned(), |kib| kib.to_string());
        let script = format!("trap '' XFSZ; ulimit -f {limit}; exec \"$0\" \"$@\"");
        let mut child = Command::new("bash")
            .args(["-c", &script])
            .arg(env::current_exe().expect("a path"))
            .args(["disk::kill_9_in_the_middle_of_writing_costs_no_more_than_that", "--exact"])
            .arg("--nocapture")
            .env(CHILD, format!("{} {}", origin.address, folder.display()))
            .stdout(Stdio::piped())
            .spawn()
            .expect("bash is there");
        let lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let told = lines.map_while(Result::ok).find_map(|line| {
            let (address, admin) = line.strip_prefix("at ")?.split_once(' ')?;
            Some(Running::elsewhere(address.parse().ok()?, admin.parse().ok()?))
        });
        Self(child, told.expect("an address"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.0.kill().expect("it runs");
        self.0.wait().expect("it was killed");
    }
}

#[test]
fn kill_9_in_the_middle_of_writing_costs_no_more_than_that() {
    if let Ok(told) = env::var(CHILD) {
        let (origin, folder) = told.split_once(' ').unwrap();
        let origin = Origin::at(origin.parse().unwrap());
        let gateway = up(on(Path::new(folder), hour(), &origin));
        println!("\nat {} {}", gateway.address, gateway.admin);
        std::thread::sleep(Duration::from_mins(2));
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let origin = saying();
    let mut damaged = 0.0;
    for life in 0..6_u64 {
        let process = Process::start(folder.path(), &origin, None);
        for place in 0..30 {
            twice(&process.1, &format!("/{life}/{place}"));
        }
        std::thread::sleep(Duration::from_millis(life));
        drop(process);
        let after = up(on(folder.path(), hour(), &origin));
        damaged += after.metric("taut_gateway_cache_disk_damaged_total");
        let mut of_disk = 0;
        for (life, place) in (0..=life).flat_map(|life| (0..30).map(move |place| (life, place))) {
            let path = format!("/{life}/{place}");
            let found = get(after.address, &path);
            assert!(found.contains(&format!("\r\n\r\n{path} xx")), "{path}");
            of_disk += u32::from(is_of_disk(&found));
        }
        assert!(0 < of_disk, "what was written before is there");
    }
    assert!(damaged < 6.5, "a kill tears one record at most");
}

/// An origin whose answers say what was asked for.
fn saying() -> Origin {
    Origin::start(|request| {
        let path = request.split(' ').nth(1).unwrap_or_default();
        answer("", &format!("{path} {}", "x".repeat(20_000)))
    })
}

#[test]
fn what_was_forgotten_stays_so_after_kill_9() {
    let folder = tempfile::tempdir().unwrap();
    let origin = saying();
    for path in ["/items/1", "/items/2"] {
        let process = Process::start(folder.path(), &origin, None);
        twice(&process.1, path);
        written(&process.1, 1.0);
        assert_eq!(status(&process.1.order("/cache/purge", "{\"tag\": \"item-1\"}")), "200");
    }
    let after = up(on(folder.path(), hour(), &origin));
    assert!(is_of_disk(&get(after.address, "/items/2")));
    assert!(!is_of_disk(&get(after.address, "/items/1")));
}

#[test]
fn a_full_disk_costs_no_answer_and_brings_nothing_back() {
    let folder = tempfile::tempdir().unwrap();
    let origin = saying();
    let process = Process::start(folder.path(), &origin, Some(64));
    let gateway = &process.1;
    // It leaves no room for another, and none for an order to forget it.
    let long = "y".repeat(10_000);
    let path = format!("/items/{long}");
    twice(gateway, &path);
    written(gateway, 1.0);
    for place in 0..8 {
        let found = twice(gateway, &format!("/items/{place}"));
        assert!(found.contains(&format!("/items/{place} xx")), "{found}");
    }
    let failed = "taut_gateway_cache_disk_writes_total{outcome=\"failed\"}";
    eventually("failed", || 0.5 < gateway.metric(failed));
    assert!(gateway.told("/cache").contains("failed to write to"));
    let order = format!("{{\"tag\": \"item-{long}\"}}");
    assert_eq!(status(&gateway.order("/cache/purge", &order)), "200");
    assert!(twice(gateway, &path).contains("yy xx"));
    drop(process);
    let after = up(on(folder.path(), hour(), &origin));
    assert!(!is_of_disk(&get(after.address, &path)));
}
