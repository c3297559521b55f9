//! A new plan while requests run: none is lost, and those that have begun end.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use traffic::{
    breaker::BreakerSettings,
    capture::{CaptureRules, CaptureTo},
    concurrency::{ConcurrencySettings, Priority},
    plan::Member,
};

use crate::kit::{
    Origin, Path, Reply, connect, eventually, get, get_with, ok, plan, read_until, start, status,
};

#[test]
fn no_request_is_lost_while_plans_change() {
    let origins = ["a", "b"].map(|name| Origin::start(move |_| ok(name)));
    let plans = [plan(&[origins[0].address]), plan(&[origins[1].address])];
    let gateway = start(plans[0].clone());
    let (done, address) = (Arc::new(AtomicBool::new(false)), gateway.address);
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let done = Arc::clone(&done);
            thread::spawn(move || {
                let mut client = connect(address);
                let mut answers = 0_u32;
                while !done.load(Ordering::Relaxed) {
                    use std::io::Write as _;
                    client.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").expect("it stays open");
                    let head = read_until(&mut client, "\r\n\r\n");
                    assert_eq!(status(&head), "200", "{head}");
                    let body = read_until(&mut client, "");
                    assert!(body.is_empty());
                    let mut byte = [0];
                    std::io::Read::read_exact(&mut client, &mut byte).expect("one byte");
                    answers += 1;
                }
                answers
            })
        })
        .collect();
    for round in 0..40 {
        assert!(gateway.gateway().replace(plans[(round + 1) % 2].clone()).unwrap().is_empty());
        thread::sleep(Duration::from_millis(10));
    }
    done.store(true, Ordering::Relaxed);
    let answers: u32 =
        clients.into_iter().map(|client| client.join().expect("no client failed")).sum();
    let seen: usize = origins.iter().map(|origin| origin.seen().len()).sum();
    assert_eq!(answers as usize, seen);
    assert!(origins.iter().all(|origin| !origin.seen().is_empty()));
}

#[test]
fn a_request_that_has_begun_ends_under_the_plan_it_began_with() {
    let slow = Origin::start(|_| {
        thread::sleep(Duration::from_millis(300));
        ok("slow")
    });
    let quick = Origin::start(|_| ok("quick"));
    let gateway = start(plan(&[slow.address]));
    let address = gateway.address;
    let asking = thread::spawn(move || get(address, "/"));
    eventually("the request", || !slow.seen().is_empty());
    gateway.gateway().replace(plan(&[quick.address])).unwrap();
    assert!(get(address, "/").ends_with("quick"));
    assert!(asking.join().unwrap().ends_with("slow"));
}

#[test]
fn what_is_in_flight_and_what_failed_counts_under_the_next_plan_as_well() {
    for path in Path::BOTH {
        let (go_on, waits) = (Arc::<AtomicBool>::default(), Arc::<AtomicBool>::default());
        let (may, told) = (Arc::clone(&go_on), Arc::clone(&waits));
        let origin = Origin::start(move |request| {
            if request.starts_with("GET /slow") {
                told.store(true, Ordering::Relaxed);
                while !may.load(Ordering::Relaxed) {
                    thread::sleep(Duration::from_millis(5));
                }
            }
            Reply::Send(b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n".to_vec())
        });
        let mut plan = plan(&[origin.address]);
        plan.routes[0].priority = Priority::High;
        let service = &mut plan.services[0];
        service.retries.max = 0;
        service.concurrency = Some(ConcurrencySettings {
            min: 1,
            max: 1,
            start: 1,
            ..ConcurrencySettings::default()
        });
        service.breaker = Some(BreakerSettings {
            consecutive: 1,
            open_for: Duration::from_hours(1),
            open_for_max: Duration::from_hours(1),
            ..BreakerSettings::default()
        });
        let gateway = start(plan.clone());
        let address = gateway.address;
        let asks = move |target: &str| get_with(address, target, path.line());
        let slow = thread::spawn(move || asks("/slow"));
        eventually("it is asked", || waits.load(Ordering::Relaxed));
        // Somebody is new, as with each change of a name's addresses.
        plan.services[0].members.push(Member { weight: 0, ..Member::new("127.0.0.1:1") });
        gateway.gateway().replace(plan).unwrap();
        let refused = asks("/");
        assert!(refused.contains("\"reason\":\"full\""), "{path:?}: {refused}");
        go_on.store(true, Ordering::Relaxed);
        assert_eq!(status(&slow.join().unwrap()), "503");
        let refused = asks("/");
        assert!(refused.contains("\"reason\":\"breaker\""), "{path:?}: {refused}");
    }
}

#[test]
fn what_needs_a_restart_is_named() {
    let origin = Origin::start(|_| ok("x"));
    let gateway = start(plan(&[origin.address]));
    let mut other = plan(&[origin.address]);
    other.workers = 2;
    assert_eq!(gateway.gateway().replace(other).unwrap(), ["workers"]);
    let mut other = plan(&[origin.address]);
    other.cache.bytes_max += 1;
    assert_eq!(gateway.gateway().replace(other).unwrap(), ["cache"]);
    assert!(gateway.gateway().replace(plan(&[origin.address])).unwrap().is_empty(), "as it began");
}

#[test]
fn captures_that_are_moved_elsewhere_stay_where_who_moves_them_looks() {
    let folder = tempfile::tempdir().unwrap();
    let origin = Origin::start(|_| ok("x"));
    let settings = |name: &str, bucket: Option<&str>| {
        let mut plan = plan(&[origin.address]);
        let to = bucket.map(|bucket| CaptureTo {
            bucket: bucket.to_owned(),
            endpoint: "http://127.0.0.1:1".to_owned(),
            region: "here".to_owned(),
        });
        let rules = CaptureRules::new(folder.path().join(name));
        plan.capture = Some(CaptureRules { share: 1.0, to, ..rules });
        plan
    };
    let gateway = start(settings("first", Some("s3://one")));
    let replace = |plan| gateway.gateway().replace(plan).unwrap();
    assert!(replace(settings("first", Some("s3://one"))).is_empty());
    assert_eq!(replace(settings("first", Some("s3://two"))), ["capture.to"]);
    assert_eq!(replace(settings("first", None)), ["capture.to"]);
    assert_eq!(replace(settings("second", Some("s3://one"))), ["capture.to"]);
    get(gateway.address, "/");
    let written = || 0.5 < gateway.metric("taut_gateway_captured_total{outcome=\"done\"}");
    eventually("written", written);
    assert!(folder.path().join("first").exists() && !folder.path().join("second").exists());
    // Where nobody moves them another folder counts at once.
    let gateway = start(settings("third", None));
    assert!(gateway.gateway().replace(settings("fourth", None)).unwrap().is_empty());
    eventually("made", || folder.path().join("fourth").exists());
}

#[test]
fn another_process_takes_over_and_what_has_begun_ends_first() {
    let old = Origin::start(|_| {
        thread::sleep(Duration::from_millis(300));
        ok("old")
    });
    let new = Origin::start(|_| ok("new"));
    let first = start(plan(&[old.address]));
    let address = first.address;
    let asking: Vec<_> = (0..4).map(|_| thread::spawn(move || get(address, "/"))).collect();
    eventually("the requests", || old.seen().len() == 4);
    // The next one listens on the same port before the first stops.
    let mut next = plan(&[new.address]);
    next.listen[0].address = address;
    next.admin = Some(first.admin);
    let second = start(next);
    assert_eq!(second.address, address);
    let stopping = thread::spawn(move || first.stop());
    for asked in asking {
        assert!(asked.join().unwrap().ends_with("old"), "what has begun ends");
    }
    stopping.join().unwrap();
    for _ in 0..10 {
        assert!(get(address, "/").ends_with("new"));
    }
    assert!(second.page("/members").contains(&new.address.to_string()), "its admin port is there");
}
