//! A new plan while requests run: none is lost, and those that have begun end.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use crate::kit::{Origin, connect, eventually, get, ok, plan, read_until, start, status};

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
fn what_needs_a_restart_is_named() {
    let origin = Origin::start(|_| ok("x"));
    let gateway = start(plan(&[origin.address]));
    let mut other = plan(&[origin.address]);
    other.workers = 2;
    assert_eq!(gateway.gateway().replace(other).unwrap(), ["workers"]);
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
