//! Members that misbehave: each costs what it must, and nobody else's answer.

use std::{
    net::{SocketAddr, TcpListener},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use traffic::{
    breaker::BreakerSettings,
    concurrency::{ConcurrencySettings, Priority},
    forward::Network,
    health::{Expected, Thresholds},
    plan::{Check, PathRule, Route, TimeoutRules, Total},
};

use crate::kit::{ACTIVE, Origin, Path, Reply, ask, eventually, get, ok, on, plan, start, status};

/// An address where nobody listens.
fn nobody() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("it is bound")
}

fn post(address: SocketAddr) -> String {
    let head = "POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    ask(address, head)
}

#[test]
fn nobody_notices_a_member_that_is_gone() {
    let origin = Origin::start(|_| ok("x"));
    let gateway = start(plan(&[nobody(), origin.address]));
    for _ in 0..20 {
        assert_eq!(status(&get(gateway.address, "/")), "200");
        // Nothing was sent to the one that is gone, so even this may be sent to the other.
        assert_eq!(status(&post(gateway.address)), "200");
    }
    let page = gateway.page("/members");
    assert!(page.contains("\"left_alone\": true"), "{page}");
    assert!(gateway.metric("taut_gateway_retries_total") >= 5.0);
}

#[test]
fn with_nobody_left_the_answer_says_so() {
    let gateway = start(plan(&[nobody()]));
    let answer = get(gateway.address, "/");
    assert_eq!(status(&answer), "502");
    assert!(answer.contains("member-failed"), "{answer}");
    assert_eq!(status(&get(gateway.admin, "/health")), "200");
}

#[test]
fn what_could_happen_twice_is_not_sent_twice() {
    let bad = Origin::start(|_| Reply::Close);
    let good = Origin::start(|_| ok("x"));
    let gateway = start(plan(&[bad.address, good.address]));
    let answers: Vec<String> = (0..2).map(|_| post(gateway.address)).collect();
    let mut statuses: Vec<&str> = answers.iter().map(|answer| status(answer)).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, ["200", "502"]);
    assert_eq!((bad.seen().len(), good.seen().len()), (1, 1));
    for _ in 0..4 {
        assert_eq!(status(&get(gateway.address, "/")), "200");
    }
}

#[test]
fn a_connection_that_a_member_closed_meanwhile_is_no_failure() {
    // Every connection serves one request, and says nothing of closing.
    let origin = Origin::start(|_| {
        Reply::SendAndClose(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx".to_vec())
    });
    let gateway = start(plan(&[origin.address]));
    for _ in 0..20 {
        assert_eq!(status(&get(gateway.address, "/")), "200");
    }
}

#[test]
fn an_answer_that_breaks_off_is_not_taken_for_whole() {
    let origin = Origin::start(|request| {
        if request.contains("/chunks") {
            let begun = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n";
            return Reply::SendAndClose(begun.to_vec());
        }
        Reply::SendAndClose(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc".to_vec())
    });
    let gateway = start(plan(&[origin.address]));
    let answer = get(gateway.address, "/length");
    assert!(answer.contains("content-length: 10") && answer.ends_with("abc"), "{answer}");
    let answer = get(gateway.address, "/chunks");
    assert!(!answer.ends_with("0\r\n\r\n"), "{answer}");
    eventually("the count", || gateway.metric("taut_gateway_broken_answers_total") >= 2.0);
    // The next request has a connection of its own, and nobody else's bytes.
    assert!(get(gateway.address, "/length").ends_with("\r\n\r\nabc"));
}

#[test]
fn a_member_that_never_answers_costs_its_timeout_and_another_answers() {
    let silent = Origin::start(|_| Reply::Hang);
    let good = Origin::start(|_| ok("x"));
    let mut plan = plan(&[silent.address, good.address]);
    plan.services[0].timeouts.answer = Duration::from_millis(200);
    plan.services[0].outliers.fails = 1;
    let gateway = start(plan);
    let began = Instant::now();
    let answers: Vec<String> = (0..10).map(|_| get(gateway.address, "/")).collect();
    assert!(answers.iter().all(|answer| status(answer) == "200"));
    // Once it is left alone nobody waits for it any more.
    assert_eq!(silent.seen().len(), 1);
    assert!(began.elapsed() < Duration::from_secs(10));
}

#[test]
fn all_of_a_request_has_a_bound_as_well() {
    let silent = Origin::start(|_| Reply::Hang);
    let mut plan = plan(&[silent.address]);
    plan.services[0].timeouts.total = Some(Duration::from_millis(200));
    let gateway = start(plan);
    let answer = get(gateway.address, "/");
    assert_eq!(status(&answer), "504");
    let line = "http_server_request_duration_seconds_count{http_route=\"all\",\
                http_request_method=\"GET\",http_response_status_code=\"504\",\
                url_scheme=\"http\",error_type=\"timeout\"}";
    eventually("the count", || (gateway.metric(line) - 1.0).abs() < 1e-9);
    assert!(gateway.metric(ACTIVE) < 0.5);
}

#[test]
fn a_member_for_which_all_of_the_time_runs_out_has_failed() {
    for path in Path::BOTH {
        let silent = Origin::start(|_| Reply::Hang);
        let good = Origin::start(|_| ok("x"));
        let mut plan = plan(&[silent.address, good.address]);
        plan.services[0].timeouts.total = Some(Duration::from_millis(200));
        plan.services[0].outliers.fails = 2;
        let gateway = start(plan);
        let answers: Vec<String> = (0..12).map(|_| on(path, gateway.address, "/")).collect();
        let late = answers.iter().filter(|answer| status(answer) == "504").count();
        assert_eq!(late, 2, "{path:?}: then it is left alone");
        assert_eq!(silent.seen().len(), 2, "{path:?}");
        let failures = format!(
            "taut_gateway_member_failures_total{{service=\"app\",member=\"{}\"}}",
            silent.address
        );
        assert!((gateway.metric(&failures) - 2.0).abs() < 0.5, "{path:?}");
    }
}

#[test]
fn what_a_route_says_of_timeouts_and_retries_wins_over_its_service() {
    for path in Path::BOTH {
        let silent = Origin::start(|request| match request.split(' ').nth(1) {
            Some("/pause") => {
                Reply::Send(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc".to_vec())
            }
            Some("/slow") => {
                std::thread::sleep(Duration::from_millis(600));
                ok("x")
            }
            _ => Reply::Hang,
        });
        let mut plan = plan(&[silent.address]);
        plan.services[0].timeouts.total = Some(Duration::from_millis(300));
        plan.services[0].outliers.fails = 1_000;
        plan.services[0].retries.free_per_second = 1_000;
        let route = |name: &str, timeouts: TimeoutRules, retries| Route {
            paths: vec![PathRule::Exactly(name.to_owned())],
            timeouts,
            retries,
            ..Route::to(name, 0)
        };
        let unbounded = TimeoutRules { total: Some(Total::Unbounded), ..TimeoutRules::default() };
        let short = Some(Duration::from_millis(100));
        plan.routes = vec![
            route("/slow", unbounded, None),
            route("/answer", TimeoutRules { answer: short, ..unbounded }, Some(2)),
            route("/pause", TimeoutRules { pause: short, ..unbounded }, None),
            Route::to("rest", 0),
        ];
        let gateway = start(plan);
        assert_eq!(status(&on(path, gateway.address, "/slow")), "200", "{path:?}");
        assert_eq!(status(&on(path, gateway.address, "/rest")), "504", "{path:?}: the service's");
        let before = silent.seen().len();
        assert_eq!(status(&on(path, gateway.address, "/answer")), "504", "{path:?}: its own");
        assert_eq!(silent.seen().len() - before, 3, "{path:?}: tried twice again");
        assert!(on(path, gateway.address, "/pause").ends_with("abc"), "{path:?}");
        eventually("the count", || gateway.metric("taut_gateway_broken_answers_total") >= 1.0);
    }
}

#[test]
fn a_client_whose_own_time_is_short_makes_nobody_fail() {
    let slow = Origin::start(|_| {
        std::thread::sleep(Duration::from_millis(100));
        ok("x")
    });
    let mut plan = plan(&[slow.address]);
    plan.services[0].timeouts.total = Some(Duration::from_secs(10));
    plan.deadline_header = Some("x-left".parse().expect("a name"));
    plan.trusted = Network::parse("127.0.0.0/8").into_iter().collect();
    let gateway = start(plan);
    for _ in 0..10 {
        let head = "GET / HTTP/1.1\r\nhost: a\r\nx-left: 20\r\nconnection: close\r\n\r\n";
        assert_eq!(status(&ask(gateway.address, head)), "504");
    }
    let failures = format!(
        "taut_gateway_member_failures_total{{service=\"app\",member=\"{}\"}}",
        slow.address
    );
    assert!(gateway.metric(&failures) < 0.5);
}

#[test]
fn a_breaker_counts_what_ran_out_of_time_and_not_what_found_no_room() {
    for path in Path::BOTH {
        let silent = Origin::start(|_| Reply::Hang);
        let mut plan = plan(&[silent.address]);
        plan.services[0].timeouts.total = Some(Duration::from_millis(300));
        plan.services[0].connections_max = 1;
        plan.services[0].queue_max = Some(0);
        plan.services[0].breaker =
            Some(BreakerSettings { requests_min: 3, ..BreakerSettings::default() });
        let gateway = start(plan);
        let address = gateway.address;
        for round in 1..=3 {
            let one = std::thread::spawn(move || on(path, address, "/"));
            eventually("the one", || silent.seen().len() == round);
            for _ in 0..5 {
                assert!(on(path, address, "/").contains("\"reason\":\"queue\""), "{path:?}");
            }
            assert_eq!(status(&one.join().unwrap()), "504");
        }
        // All three that were sent have failed, whatever else came.
        let refused = on(path, address, "/");
        assert!(refused.contains("\"reason\":\"breaker\""), "{path:?} {refused}");
    }
}

#[test]
fn an_answer_that_pauses_for_too_long_is_given_up() {
    let origin = Origin::start(|_| {
        Reply::Send(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc".to_vec())
    });
    let mut plan = plan(&[origin.address]);
    plan.services[0].timeouts.pause = Duration::from_millis(200);
    let gateway = start(plan);
    assert!(get(gateway.address, "/").ends_with("abc"));
    eventually("the count", || gateway.metric("taut_gateway_broken_answers_total") >= 1.0);
}

#[test]
fn an_answer_that_is_none_is_a_bad_gateway() {
    let origin = Origin::start(|request| match request.split(' ').nth(1) {
        Some("/1") => Reply::SendAndClose(b"SSH-2.0-OpenSSH\r\n".to_vec()),
        Some("/2") => Reply::SendAndClose(
            b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab".to_vec(),
        ),
        _ => ok("x"),
    });
    let gateway = start(plan(&[origin.address]));
    assert_eq!(status(&get(gateway.address, "/1")), "502");
    assert_eq!(status(&get(gateway.address, "/2")), "502");
    assert_eq!(status(&get(gateway.address, "/3")), "200");
}

#[test]
fn a_breaker_spares_a_service_that_fails() {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let origin = Origin::start(move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
        Reply::Send(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n".to_vec())
    });
    let mut plan = plan(&[origin.address]);
    plan.services[0].retries.max = 0;
    plan.services[0].breaker =
        Some(BreakerSettings { consecutive: 3, ..BreakerSettings::default() });
    let gateway = start(plan);
    let answers: Vec<String> = (0..10).map(|_| get(gateway.address, "/")).collect();
    assert_eq!(count.load(Ordering::Relaxed), 3);
    let last = answers.last().unwrap();
    assert!(last.contains("\"reason\":\"breaker\"") && last.contains("retry-after: "), "{last}");
    eventually("who looks on is told since when", || {
        let page = gateway.page("/breakers");
        page.contains("\"breaker\": \"open\"") && !page.contains("unix_ms\": null")
    });
}

#[test]
fn checks_find_out_who_is_ill_and_who_is_well_again() {
    let well = Arc::new(AtomicBool::new(true));
    let told = Arc::clone(&well);
    let origin = Origin::start(move |request| match request.split(' ').nth(1) {
        Some("/health") if !told.load(Ordering::Relaxed) => {
            Reply::Send(b"HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n".to_vec())
        }
        _ => ok("first"),
    });
    let other = Origin::start(|_| ok("other"));
    let mut plan = plan(&[origin.address, other.address]);
    plan.services[0].panic_share = 0.0;
    plan.services[0].check = Some(Check {
        path: Some("/health".to_owned()),
        expected: Expected::default(),
        interval: Duration::from_millis(30),
        timeout: Duration::from_secs(2),
        thresholds: Thresholds::default(),
    });
    let gateway = start(plan);
    let line = format!("taut_gateway_member_up{{service=\"app\",member=\"{}\"}}", origin.address);
    let is_up = |up: bool| (gateway.metric(&line) > 0.5) == up;
    eventually("the first check", || {
        other.seen().iter().any(|request| request.contains("/health")) && is_up(true)
    });
    well.store(false, Ordering::Relaxed);
    eventually("illness", || is_up(false));
    assert!((0..6).all(|_| get(gateway.address, "/").ends_with("other")));
    let ready = gateway.page("/ready");
    assert!(ready.contains("\"members_up\": 1"), "{ready}");
    well.store(true, Ordering::Relaxed);
    eventually("health", || is_up(true));
    assert!((0..6).any(|_| get(gateway.address, "/").ends_with("first")));
}

#[test]
fn members_are_told_how_long_is_left() {
    let origin = Origin::start(|request| match request.split(' ').nth(1) {
        Some("/busy") => {
            std::thread::sleep(Duration::from_millis(50));
            Reply::Send(b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n".to_vec())
        }
        _ => ok("x"),
    });
    let mut plan = plan(&[origin.address]);
    plan.deadline_header = Some(http::HeaderName::from_static("x-left"));
    plan.services[0].timeouts.total = Some(Duration::from_mins(1));
    let told = |request: &str| -> Option<u64> {
        let line = request.lines().find_map(|line| line.strip_prefix("x-left: "))?;
        Some(line.parse().expect("a number"))
    };
    let asks = |gateway: &crate::kit::Running, path: &str, line: &str| {
        let head = format!("GET {path} HTTP/1.1\r\nhost: a\r\n{line}connection: close\r\n\r\n");
        ask(gateway.address, &head)
    };
    let gateway = start(plan.clone());
    asks(&gateway, "/busy", "x-left: 5\r\n");
    let left: Vec<u64> = origin.seen().iter().filter_map(|one| told(one)).collect();
    assert_eq!(left.len(), 2, "once for each try");
    assert!(left[0] <= 60_000 && 30_000 < left[0], "a stranger is not believed: {left:?}");
    assert!(left[1] + 50 <= left[0], "less with the second: {left:?}");
    // Whom the settings trust may say that less is left, and is passed on.
    plan.trusted = vec![Network::parse("127.0.0.1/32").expect("a network")];
    let trusting = start(plan);
    asks(&trusting, "/", "x-left: 20000\r\n");
    let last = origin.seen().pop().and_then(|one| told(&one)).expect("it was told");
    assert!(last <= 20_000, "{last}");
    asks(&trusting, "/", "x-left: nonsense\r\n");
    let last = origin.seen().pop().and_then(|one| told(&one)).expect("it was told");
    assert!(20_000 < last, "{last}");
}

/// A member that answers nobody until it is let.
fn waiting() -> (Origin, Arc<AtomicBool>) {
    let may = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&may);
    let origin = Origin::start(move |_| {
        while !told.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(5));
        }
        ok("x")
    });
    (origin, may)
}

#[test]
fn so_many_wait_for_a_connection_and_the_next_is_refused() {
    for path in Path::BOTH {
        // As many as have one, unless told otherwise.
        for (queue_max, waits) in [(None, 1), (Some(0), 0), (Some(3), 3)] {
            let (origin, may) = waiting();
            let mut plan = plan(&[origin.address]);
            plan.services[0].connections_max = 1;
            plan.services[0].queue_max = queue_max;
            plan.services[0].timeouts.connect = crate::kit::PATIENCE;
            let gateway = start(plan);
            let address = gateway.address;
            let (tell, hear) = std::sync::mpsc::channel();
            let begin = || {
                let tell = tell.clone();
                std::thread::spawn(move || drop(tell.send(on(path, address, "/"))));
            };
            begin();
            eventually("the first", || origin.seen().len() == 1);
            let of_member = format!("{{service=\"app\",member=\"{}\"}}", origin.address);
            let line = format!("taut_gateway_member_waiting_requests{of_member}");
            for place in 0..waits {
                begin();
                let is_there = || (gateway.metric(&line) - f64::from(place + 1)).abs() < 0.5;
                eventually("one that waits", is_there);
            }
            let refused = on(path, address, "/");
            assert_eq!(status(&refused), "503", "{refused}");
            assert!(refused.contains("\"reason\":\"queue\""), "{refused}");
            assert!(refused.contains("retry-after: 1\r\n"), "{refused}");
            let counted = gateway.metric("taut_gateway_refused_total{reason=\"queue\"}");
            assert!((counted - 1.0).abs() < 0.5, "{counted}");
            assert_eq!(origin.seen().len(), 1, "one at a time");
            may.store(true, Ordering::Relaxed);
            for _ in 0..=waits {
                let answer = hear.recv_timeout(crate::kit::PATIENCE).expect("each has its turn");
                assert_eq!(status(&answer), "200");
            }
            assert!(gateway.metric(&line) < 0.5);
            assert!(!gateway.page("/members").contains("\"left_alone\": true"));
        }
    }
}

#[test]
fn who_waited_for_too_long_is_told_so_and_the_member_is_not_to_blame() {
    for path in Path::BOTH {
        let (origin, may) = waiting();
        let mut plan = plan(&[origin.address]);
        plan.services[0].connections_max = 1;
        plan.services[0].outliers.fails = 1;
        plan.services[0].timeouts.connect = Duration::from_millis(100);
        let gateway = start(plan);
        let address = gateway.address;
        let first = std::thread::spawn(move || on(path, address, "/"));
        eventually("the first", || origin.seen().len() == 1);
        let refused = on(path, address, "/");
        assert!(
            refused.contains("\"reason\":\"queue\"") && refused.contains("in time"),
            "{refused}"
        );
        let failures = format!(
            "taut_gateway_member_failures_total{{service=\"app\",member=\"{}\"}}",
            origin.address
        );
        assert!(gateway.metric(&failures) < 0.5);
        may.store(true, Ordering::Relaxed);
        assert_eq!(status(&first.join().unwrap()), "200");
    }
}

#[test]
fn where_there_is_room_for_little_what_matters_less_gives_way() {
    for path in Path::BOTH {
        let (origin, may) = waiting();
        let mut plan = plan(&[origin.address]);
        // Four at once, of which what matters least may have three.
        plan.services[0].concurrency = Some(ConcurrencySettings {
            min: 4,
            max: 4,
            start: 4,
            ..ConcurrencySettings::default()
        });
        for (name, priority) in [("low", Priority::Low), ("high", Priority::High)] {
            let mut route = Route::to(name, 0);
            route.paths = vec![PathRule::parse(&format!("/{name}")).expect("a path")];
            route.priority = priority;
            plan.routes.push(route);
        }
        let gateway = start(plan);
        let address = gateway.address;
        let begin = |target: &'static str| std::thread::spawn(move || on(path, address, target));
        let mut begun: Vec<_> = (0..3).map(|_| begin("/low")).collect();
        eventually("three", || origin.seen().len() == 3);
        let refused = on(path, address, "/low");
        assert!(status(&refused) == "503" && refused.contains("\"reason\":\"full\""), "{refused}");
        begun.push(begin("/high"));
        eventually("the fourth", || origin.seen().len() == 4);
        assert_eq!(status(&on(path, address, "/high")), "503", "there is no room for anybody");
        may.store(true, Ordering::Relaxed);
        for one in begun {
            assert_eq!(status(&one.join().unwrap()), "200");
        }
    }
}
