//! A second member is asked for reads that take too long: one answer, counted, bounded, and nothing is done twice.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use traffic::{hedge::HedgeRule, plan::Plan};

use crate::kit::{Origin, Path, Reply, ask_on, eventually, ok, plan, start, status};

fn hedged(members: &[SocketAddr], rule: HedgeRule) -> Plan {
    let mut plan = plan(members);
    plan.routes[0].hedge = Some(rule);
    plan.services[0].retries.max = 0;
    plan
}

const SOON: HedgeRule = HedgeRule::After(Duration::from_millis(30));

fn ask(path: Path, address: SocketAddr, method: &str) -> String {
    let line = path.line();
    let request = format!(
        "{method} /x HTTP/1.1\r\nhost: a\r\n{line}content-length: 0\r\nconnection: close\r\n\r\n"
    );
    ask_on(path, address, &request)
}

/// A member that takes requests and never answers; and how many connections were ended by who asked.
fn silent() -> (SocketAddr, Arc<AtomicUsize>, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let (asked, ended) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
    let counts = (Arc::clone(&asked), Arc::clone(&ended));
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let (asked, ended) = (Arc::clone(&counts.0), Arc::clone(&counts.1));
            thread::spawn(move || {
                let mut bytes = [0; 4096];
                if stream.read(&mut bytes).is_ok_and(|count| 0 < count) {
                    asked.fetch_add(1, Ordering::Relaxed);
                }
                while stream.read(&mut bytes).is_ok_and(|count| 0 < count) {}
                ended.fetch_add(1, Ordering::Relaxed);
            });
        }
    });
    (address, asked, ended)
}

#[test]
fn the_second_answers_where_the_first_does_not() {
    for path in Path::BOTH {
        let (slow, asked, ended) = silent();
        let quick = Origin::start(|_| ok("x"));
        let mut plan = hedged(&[slow, quick.address], SOON);
        plan.services[0].outliers.fails = 1_000;
        let gateway = start(plan);
        let answers: Vec<String> = (0..6).map(|_| ask(path, gateway.address, "GET")).collect();
        assert!(answers.iter().all(|answer| status(answer) == "200"), "{path:?} {answers:?}");
        let (first, hedges) =
            (asked.load(Ordering::Relaxed), gateway.metric("taut_gateway_hedges_total"));
        assert!(2 <= first, "{path:?}: {first} requests began at the silent one");
        let began = f64::from(u32::try_from(first).unwrap());
        assert!((hedges - began).abs() < 1e-9, "{path:?}: {hedges} of {first}");
        assert!((gateway.metric("taut_gateway_hedges_won_total") - hedges).abs() < 1e-9);
        eventually("the end of who lost", || ended.load(Ordering::Relaxed) == first);
        let page = gateway.page("/members");
        assert!(!page.contains("\"in_flight\": 1"), "{page}");
    }
}

#[test]
fn a_first_that_is_silent_is_given_up_in_time_though_the_second_refuses() {
    for path in Path::BOTH {
        let (slow, _, _) = silent();
        // Nobody listens there any more.
        let gone =
            TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("an address");
        let mut plan = hedged(&[slow, gone], SOON);
        plan.services[0].outliers.fails = 1_000;
        plan.services[0].timeouts.answer = Duration::from_millis(300);
        let gateway = start(plan);
        let request =
            format!("GET /x HTTP/1.1\r\nhost: a\r\n{}connection: close\r\n\r\n", path.line());
        for _ in 0..4 {
            let answer = crate::kit::ask(gateway.address, &request);
            assert!(["502", "504"].contains(&status(&answer)), "{path:?} {answer}");
        }
    }
}

#[test]
fn what_changes_something_is_asked_for_once() {
    for path in Path::BOTH {
        let answer = |_: &str| {
            thread::sleep(Duration::from_millis(150));
            ok("x")
        };
        let members = [Origin::start(answer), Origin::start(answer)];
        let gateway = start(hedged(&[members[0].address, members[1].address], SOON));
        for method in ["POST", "PUT", "DELETE"] {
            let before: usize = members.iter().map(|member| member.seen().len()).sum();
            let answer = ask(path, gateway.address, method);
            assert_eq!(status(&answer), "200", "{answer}");
            let came: usize = members.iter().map(|member| member.seen().len()).sum();
            let first = usize::from(path == Path::Hyper);
            assert!(came - before <= 1 + 2 * first, "{method} {path:?}");
        }
        let twice = members.iter().flat_map(Origin::seen).filter(|one| !one.starts_with("GET"));
        assert_eq!(twice.count(), 3, "{path:?}");
    }
}

#[test]
fn the_answer_is_one_and_whole_whoever_is_first() {
    for path in Path::BOTH {
        // Both answer, at about the same time, each with words of its own.
        let say = |word: &'static str| {
            Origin::start(move |request| {
                if request.contains("/first") {
                    return ok("x");
                }
                thread::sleep(Duration::from_millis(31));
                ok(word)
            })
        };
        let members = [say("first-of-them"), say("the-other-one")];
        let gateway = start(hedged(&[members[0].address, members[1].address], SOON));
        for _ in 0..10 {
            let answer = ask(path, gateway.address, "GET");
            let body = answer.rsplit("\r\n\r\n").next().unwrap();
            assert!(["first-of-them", "the-other-one"].contains(&body), "{path:?} {answer}");
        }
    }
}

#[test]
fn a_second_that_fails_does_not_take_the_firsts_place() {
    for path in Path::BOTH {
        let slow = Origin::start(|_| {
            thread::sleep(Duration::from_millis(200));
            ok("x")
        });
        let broken = Origin::start(
            |request| {
                if request.contains("/first") { ok("x") } else { Reply::Close }
            },
        );
        let mut plan = hedged(&[slow.address, broken.address], SOON);
        plan.services[0].outliers.fails = 1_000;
        plan.services[0].retries.max = 1;
        let gateway = start(plan);
        for _ in 0..4 {
            let answer = ask(path, gateway.address, "GET");
            assert_eq!(status(&answer), "200", "{path:?} {answer}");
        }
    }
}

#[test]
fn the_budget_of_retries_is_that_of_second_members_as_well() {
    for path in Path::BOTH {
        let answer = |_: &str| {
            thread::sleep(Duration::from_millis(80));
            ok("x")
        };
        let members = [Origin::start(answer), Origin::start(answer)];
        let mut plan = hedged(&[members[0].address, members[1].address], SOON);
        (plan.services[0].retries.share, plan.services[0].retries.free_per_second) = (0.2, 0);
        let gateway = start(plan);
        for _ in 0..20 {
            assert_eq!(status(&ask(path, gateway.address, "GET")), "200");
        }
        let hedges = gateway.metric("taut_gateway_hedges_total");
        assert!((1.0..=8.0).contains(&hedges), "{path:?}: {hedges}");
    }
}

#[test]
fn after_what_most_answers_take_a_second_member_is_asked() {
    for path in Path::BOTH {
        let count = Arc::new(AtomicUsize::new(0));
        // Quick, until some are never answered: not those that come next, which are for the second member.
        let member = || {
            let count = Arc::clone(&count);
            Origin::start(move |request| {
                if request.contains("/x") {
                    let number = count.fetch_add(1, Ordering::Relaxed);
                    if 40 <= number && number.is_multiple_of(4) {
                        return Reply::Hang;
                    }
                }
                ok("x")
            })
        };
        let (first, second) = (member(), member());
        let mut plan = hedged(&[first.address, second.address], HedgeRule::Percentile);
        // Who waited for one that hangs would be told so.
        plan.services[0].timeouts.answer = Duration::from_secs(15);
        let gateway = start(plan);
        for _ in 0..60 {
            assert_eq!(status(&ask(path, gateway.address, "GET")), "200");
        }
        assert!(1.0 <= gateway.metric("taut_gateway_hedges_won_total"), "{path:?}");
    }
}

#[test]
fn who_asks_is_told_that_a_second_was_asked() {
    let (slow, _asked, _ended) = silent();
    let quick = Origin::start(|_| ok("x"));
    let gateway = start(hedged(&[slow, quick.address], SOON));
    let request = "GET / HTTP/1.1\r\nhost: a\r\ntaut-explain: 1\r\nconnection: close\r\n\r\n";
    let told = (0..4).map(|_| crate::kit::ask(gateway.address, request));
    assert!(
        told.into_iter()
            .any(|answer| { answer.contains("hedged=") && answer.contains("the second answered") })
    );
}

#[test]
fn with_one_member_there_is_no_second() {
    let slow = Origin::start(|_| {
        thread::sleep(Duration::from_millis(100));
        ok("x")
    });
    let gateway = start(hedged(&[slow.address], SOON));
    let mut stream = crate::kit::connect(gateway.address);
    stream.write_all(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").unwrap();
    assert_eq!(status(&crate::kit::read_all(&mut stream)), "200");
    assert!(gateway.metric("taut_gateway_hedges_total") < 0.5);
}
