//! What came last is what is found on disk after a restart, and what is asked for most is there.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::kit::{
    Origin, Running, answer, counting,
    disk::{hour, is, is_of_disk, large, on, small, twice, up, written},
    eventually, get, get_with,
};

#[test]
fn what_came_last_is_what_is_found_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let origin = counting("");
    let before = up(on(folder.path(), hour(), &origin));
    assert!(twice(&before, "/a").ends_with("answer 0"));
    written(&before, 1.0);
    // Somebody wants it anew, once; what is on disk is fresh for an hour.
    let anew = get_with(before.address, "/a", "cache-control: no-cache\r\n");
    assert!(anew.ends_with("answer 1"), "{anew}");
    written(&before, 2.0);
    before.stop();
    let after = up(on(folder.path(), hour(), &origin));
    let found = get(after.address, "/a");
    assert!(found.ends_with("answer 1") && is_of_disk(&found), "{found}");
}

#[test]
fn what_is_older_is_gone_where_what_came_last_is_not_for_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let number = AtomicU32::new(0);
    let origin = Origin::start(move |_| {
        let number = number.fetch_add(1, Ordering::Relaxed);
        let told = if number == 1 { "cache-control: no-cache\r\netag: \"1\"\r\n" } else { "" };
        answer(told, &format!("answer {number}"))
    });
    let before = up(on(folder.path(), hour(), &origin));
    twice(&before, "/a");
    written(&before, 1.0);
    let anew = get_with(before.address, "/a", "cache-control: no-cache\r\n");
    assert!(anew.ends_with("answer 1"), "{anew}");
    eventually("forgotten", || is(&before, "taut_gateway_cache_disk_entries", 0.0));
    before.stop();
    let after = up(on(folder.path(), hour(), &origin));
    assert!(get(after.address, "/a").ends_with("answer 2"));
}

#[test]
fn of_answers_that_vary_one_is_gone_and_the_others_are_there_after_a_restart() {
    const VARY: &str = "vary: accept-language\r\n";
    let folder = tempfile::tempdir().unwrap();
    let number = AtomicU32::new(0);
    let origin = Origin::start(move |request| {
        let language = request.lines().find_map(|line| line.strip_prefix("accept-language: "));
        // The third is not for the disk.
        let is_third = number.fetch_add(1, Ordering::Relaxed) == 2;
        let more = if is_third { "cache-control: no-cache\r\netag: \"1\"\r\n" } else { "" };
        answer(&format!("{VARY}{more}"), language.unwrap_or("none"))
    });
    let asked = |gateway: &Running, language: &str, more: &str| {
        get_with(gateway.address, "/a", &format!("accept-language: {language}\r\n{more}"))
    };
    let before = up(on(folder.path(), hour(), &origin));
    for language in ["de", "fr", "de", "fr"] {
        assert!(asked(&before, language, "").ends_with(language));
    }
    written(&before, 2.0);
    assert!(asked(&before, "de", "cache-control: no-cache\r\n").ends_with("de"));
    eventually("forgotten", || is(&before, "taut_gateway_cache_disk_entries", 1.0));
    before.stop();
    let after = up(on(folder.path(), hour(), &origin));
    for (language, is_there) in [("fr", true), ("de", false)] {
        let found = asked(&after, language, "");
        assert!(found.ends_with(language) && is_of_disk(&found) == is_there, "{found}");
    }
    assert_eq!(origin.seen().len(), 4);
}

#[test]
fn of_many_that_vary_the_latest_are_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let origin = Origin::start(|request| {
        let agent = request.lines().find_map(|line| line.strip_prefix("user-agent: "));
        answer("vary: user-agent\r\n", agent.unwrap_or("none"))
    });
    let asked = |gateway: &Running, agent: u32| {
        get_with(gateway.address, "/a", &format!("user-agent: number {agent}\r\n"))
    };
    let before = up(on(folder.path(), hour(), &origin));
    for agent in 0..40 {
        asked(&before, agent);
        asked(&before, agent);
    }
    written(&before, 40.0);
    before.stop();
    let after = up(on(folder.path(), hour(), &origin));
    assert!(is(&after, "taut_gateway_cache_disk_entries", 32.0));
    for agent in 8..40 {
        let found = asked(&after, agent);
        assert!(found.ends_with(&format!("number {agent}")) && is_of_disk(&found), "{found}");
    }
    assert!(!is_of_disk(&asked(&after, 7)));
}

#[test]
fn what_memory_answers_is_written_again_when_its_file_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let origin = large();
    let begin = || small(folder.path(), &origin);
    let gateway = begin();
    for path in ["/asked", "/not-asked"] {
        twice(&gateway, path);
    }
    written(&gateway, 2.0);
    // More than there is room for: the oldest file goes.
    for place in 0..60_u32 {
        twice(&gateway, &format!("/{place}"));
        if place % 10 == 9 {
            written(&gateway, 3.0 + f64::from(place));
        }
    }
    assert!(1.0 <= gateway.metric("taut_gateway_cache_disk_evicted_files_total"));
    assert!(!is_of_disk(&get(gateway.address, "/asked")), "memory has it all the while");
    written(&gateway, 63.0);
    gateway.stop();
    let gateway = begin();
    assert!(is_of_disk(&get(gateway.address, "/asked")));
    assert!(!is_of_disk(&get(gateway.address, "/not-asked")), "it went with its file");
}
