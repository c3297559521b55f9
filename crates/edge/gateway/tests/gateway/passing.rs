//! What passes: heads, bodies, trailers, upgrades, and what is told beside them.

use std::{io::Write as _, thread, time::Duration};

use traffic::{
    forward::Network,
    limit::{Algorithm, Quota},
    plan::{HeaderRule, LimitKey, LimitRule, PathRule, Route},
    telling::Timing,
};

use crate::kit::{
    Origin, Path, Reply, ask, connect, eventually, get, get_with, ok, plan, read_all, read_until,
    start, status,
};

#[test]
fn a_member_sees_the_request_without_what_was_for_the_gateway() {
    let origin = Origin::start(|_| ok("hello"));
    let gateway = start(plan(&[origin.address]));
    let answer = ask(
        gateway.address,
        "GET /a?b=c HTTP/1.1\r\nhost: shop.example\r\nconnection: close, x-hop\r\nx-hop: 1\r\n\
         keep-alive: 5\r\nx-forwarded-for: 6.6.6.6\r\nforwarded: for=6.6.6.6\r\naccept: */*\r\n\r\n",
    );
    assert_eq!(status(&answer), "200");
    assert!(answer.ends_with("hello"), "{answer}");
    let seen = origin.seen().remove(0).to_ascii_lowercase();
    let mut lines: Vec<&str> = seen.lines().filter(|line| !line.is_empty()).collect();
    lines.sort_unstable();
    assert_eq!(
        lines,
        [
            "accept: */*",
            "get /a?b=c http/1.1",
            "host: shop.example",
            "via: 1.1 taut",
            "x-forwarded-for: 127.0.0.1",
            "x-forwarded-host: shop.example",
            "x-forwarded-proto: http",
        ]
    );
}

#[test]
fn early_hints_are_passed_on_before_the_answer() {
    let origin = Origin::start(|_| {
        let hints = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a.css>; rel=preload\r\n\
                     connection: x-hop\r\nx-hop: 1\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n";
        let Reply::Send(answer) = ok("hello") else { unreachable!("it is sent") };
        Reply::Send([hints.as_bytes(), &answer].concat())
    });
    let gateway = start(plan(&[origin.address]));
    let answer = get(gateway.address, "/");
    let expected = "HTTP/1.1 103 Early Hints\r\nlink: </a.css>; rel=preload\r\n\r\n\
                    HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\n";
    assert!(answer.starts_with(expected) && answer.ends_with("hello"), "{answer}");
    // And the connection to the member goes on to be used.
    assert!(get(gateway.address, "/").ends_with("hello"));
    let line = format!(
        "taut_gateway_member_connections_total{{service=\"app\",member=\"{}\"}}",
        origin.address
    );
    assert!((gateway.metric(&line) - 1.0).abs() < 0.5);
}

#[test]
fn a_trusted_proxy_is_believed_and_added_to() {
    let origin = Origin::start(|_| ok(""));
    let mut plan = plan(&[origin.address]);
    plan.trusted = vec![Network::parse("127.0.0.0/8").expect("a network")];
    let gateway = start(plan);
    for path in Path::BOTH {
        let head = format!(
            "GET / HTTP/1.1\r\nhost: a\r\n{}connection: close\r\nx-forwarded-for: 1.2.3.4\r\n\
             forwarded: for=1.2.3.4\r\nx-forwarded-proto: https\r\n\r\n",
            path.line()
        );
        ask(gateway.address, &head);
        let seen = origin.seen().pop().expect("it came");
        for line in [
            "x-forwarded-for: 1.2.3.4, 127.0.0.1\r\n",
            "x-forwarded-proto: https\r\n",
            "forwarded: for=1.2.3.4, for=127.0.0.1;proto=http;host=\"a\"\r\n",
        ] {
            assert!(seen.contains(line), "{path:?}: {seen}");
        }
        assert_eq!(seen.matches("\r\nforwarded: ").count(), 1, "{path:?}: {seen}");
    }
}

#[test]
fn a_trusted_proxy_that_speaks_forwarded_alone_is_believed_in_all_words() {
    let origin = Origin::start(|_| ok(""));
    let mut plan = plan(&[origin.address]);
    plan.trusted = vec![Network::parse("127.0.0.0/8").expect("a network")];
    let gateway = start(plan);
    for path in Path::BOTH {
        let head = format!(
            "GET / HTTP/1.1\r\nhost: a\r\n{}connection: close\r\nforwarded: for=1.2.3.4;proto=https\r\n\r\n",
            path.line()
        );
        ask(gateway.address, &head);
        let seen = origin.seen().pop().expect("it came");
        for line in [
            "x-forwarded-for: 1.2.3.4, 127.0.0.1\r\n",
            "x-forwarded-proto: https\r\n",
            "forwarded: for=1.2.3.4;proto=https, for=127.0.0.1;proto=http;host=\"a\"\r\n",
        ] {
            assert!(seen.contains(line), "{path:?}: {seen}");
        }
    }
}

#[test]
fn a_member_that_speaks_an_older_version_does_not_end_the_connection_of_the_client() {
    let replies: [&[u8]; 2] =
        [b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nhi", b"HTTP/1.0 200 OK\r\n\r\nto the end"];
    for (reply, body) in replies.into_iter().zip(["\r\n\r\nhi", "to the end"]) {
        let origin = Origin::start(move |_| Reply::SendAndClose(reply.to_vec()));
        let gateway = start(plan(&[origin.address]));
        let twice = "GET / HTTP/1.1\r\nhost: a\r\n\r\n\
                     GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
        let answer = ask(gateway.address, twice);
        assert_eq!(answer.matches("HTTP/1.1 200 OK").count(), 2, "{answer}");
        assert_eq!(answer.matches(body).count(), 2, "{answer}");
    }
}

#[test]
fn routes_rewrite_paths_and_headers() {
    let origin = Origin::start(|_| {
        Reply::Send(b"HTTP/1.1 200 OK\r\nx-powered-by: php\r\ncontent-length: 0\r\n\r\n".to_vec())
    });
    let mut plan = plan(&[origin.address]);
    plan.routes[0] = Route {
        paths: vec![PathRule::parse("/api/*").expect("a path")],
        rewrite: Some("/v2/".to_owned()),
        host: "inner".parse().ok(),
        request_headers: vec![HeaderRule::Set("x-team".parse().unwrap(), "shop".parse().unwrap())],
        response_headers: vec![HeaderRule::Remove("x-powered-by".parse().unwrap())],
        ..Route::to("api", 0)
    };
    let gateway = start(plan);
    let answer = get(gateway.address, "/api/orders?page=2");
    assert!(!answer.contains("x-powered-by"), "{answer}");
    let seen = origin.seen().remove(0);
    assert!(seen.starts_with("GET /v2/orders?page=2 HTTP/1.1\r\n"), "{seen}");
    assert!(seen.contains("host: inner\r\n") && seen.contains("x-team: shop\r\n"), "{seen}");
    let answer = get(gateway.address, "/elsewhere");
    assert_eq!(status(&answer), "404");
    assert!(answer.contains("application/problem+json") && answer.contains("no-route"), "{answer}");
}

#[test]
fn connections_to_clients_and_members_are_used_again() {
    let origin = Origin::start(|_| ok("x"));
    let gateway = start(plan(&[origin.address]));
    let mut client = connect(gateway.address);
    for _ in 0..50 {
        client.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").expect("it is open");
        assert_eq!(status(&read_until(&mut client, "\r\n\r\nx")), "200");
    }
    let line = format!(
        "taut_gateway_member_connections_total{{service=\"app\",member=\"{}\"}}",
        origin.address
    );
    assert!((gateway.metric(&line) - 1.0).abs() < 1e-9);
    let name = "http_server_request_duration_seconds_count{http_route=\"all\",\
                http_request_method=\"GET\",http_response_status_code=\"200\",\
                url_scheme=\"http\"}";
    assert!((gateway.metric(name) - 50.0).abs() < 1e-9, "{}", gateway.page("/metrics"));
}

#[test]
fn bodies_stream_both_ways_and_trailers_arrive() {
    let origin = Origin::start(|_| {
        Reply::Send(
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n\
              5\r\nhello\r\n0\r\nx-sum: 7\r\n\r\n"
                .to_vec(),
        )
    });
    let gateway = start(plan(&[origin.address]));
    let mut client = connect(gateway.address);
    let head = "POST / HTTP/1.1\r\nhost: a\r\nte: trailers\r\nconnection: te\r\n\
                transfer-encoding: chunked\r\ntrailer: x-in\r\n\r\n";
    client.write_all(head.as_bytes()).unwrap();
    for chunk in ["3\r\nabc\r\n", "2\r\nde\r\n", "0\r\nx-in: 9\r\n\r\n"] {
        client.write_all(chunk.as_bytes()).unwrap();
        thread::sleep(Duration::from_millis(20));
    }
    let answer = read_until(&mut client, "x-sum: 7\r\n\r\n");
    assert_eq!(status(&answer), "200");
    let seen = origin.seen().remove(0);
    assert!(seen.contains("abc") && seen.contains("de") && seen.contains("x-in: 9"), "{seen}");
}

#[test]
fn a_large_body_passes_whole_and_one_that_is_too_large_is_refused() {
    let origin = Origin::start(|request| {
        let body = request.split_once("\r\n\r\n").map_or(0, |(_, body)| body.len());
        ok(&body.to_string())
    });
    let mut plan = plan(&[origin.address]);
    plan.bounds.body_bytes_max = 1_000_000;
    let gateway = start(plan);
    let post = |length: usize| {
        let head = format!(
            "POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n"
        );
        ask(gateway.address, &(head + &"x".repeat(length)))
    };
    assert!(post(1_000_000).ends_with("1000000"));
    assert_eq!(status(&post(1_000_001)), "413");
    // Without a length in its head it is noticed on the way.
    let chunk = format!("{:x}\r\n{}\r\n", 600_000, "x".repeat(600_000));
    let head = "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n";
    assert_eq!(status(&ask(gateway.address, &format!("{head}{chunk}{chunk}0\r\n\r\n"))), "413");
}

#[test]
fn who_expects_to_be_told_to_go_on_is_told() {
    let origin = Origin::start(|_| ok("done"));
    let gateway = start(plan(&[origin.address]));
    let mut client = connect(gateway.address);
    let head = "POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 3\r\n\r\n";
    client.write_all(head.as_bytes()).unwrap();
    assert_eq!(status(&read_until(&mut client, "\r\n\r\n")), "100");
    client.write_all(b"abc").unwrap();
    assert_eq!(status(&read_until(&mut client, "done")), "200");
    assert!(!origin.seen().remove(0).contains("100-continue"));
}

#[test]
fn a_websocket_passes_bytes_both_ways() {
    // A member that agrees, then sends back what comes in capital letters.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let asked = read_until(&mut stream, "\r\n\r\n").to_ascii_lowercase();
        assert!(asked.contains("connection: upgrade") && asked.contains("upgrade: websocket"));
        stream
            .write_all(
                b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\nfirst!",
            )
            .unwrap();
        let word = read_until(&mut stream, "!");
        stream.write_all(word.to_uppercase().as_bytes()).unwrap();
    });
    let gateway = start(plan(&[address]));
    let mut client = connect(gateway.address);
    let head = "GET /chat HTTP/1.1\r\nhost: a\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n";
    client.write_all(head.as_bytes()).unwrap();
    assert_eq!(status(&read_until(&mut client, "\r\n\r\n")), "101");
    assert_eq!(read_until(&mut client, "!"), "first!");
    client.write_all(b"hello!").unwrap();
    assert_eq!(read_all(&mut client), "HELLO!");
}

#[test]
fn no_tunnel_is_dug_with_another_protocol() {
    let origin = Origin::start(|_| ok(""));
    let gateway = start(plan(&[origin.address]));
    let answer = ask(
        gateway.address,
        "GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade, http2-settings, close\r\nupgrade: h2c\r\n\
         http2-settings: AAMAAABkAAQAAP__\r\n\r\n",
    );
    assert_eq!(status(&answer), "200");
    let seen = origin.seen().remove(0);
    assert!(!seen.contains("upgrade") && !seen.contains("http2-settings"), "{seen}");
    let answer = ask(gateway.address, "CONNECT other:443 HTTP/1.1\r\nhost: other:443\r\n\r\n");
    assert_eq!(status(&answer), "405");
}

#[test]
fn who_sends_too_much_is_told_when_to_come_back() {
    let origin = Origin::start(|_| ok(""));
    let mut plan = plan(&[origin.address]);
    plan.routes[0].limit = Some(LimitRule {
        algorithm: Algorithm::SlidingLog,
        key: LimitKey::Header("x-api-key".parse().unwrap()),
        ..LimitRule::new(Quota::new(3.try_into().unwrap(), Duration::from_hours(1)))
    });
    let gateway = start(plan);
    let with_key = |key: &str| {
        let head =
            format!("GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\nx-api-key: {key}\r\n\r\n");
        ask(gateway.address, &head)
    };
    let answers: Vec<String> = (0..4).map(|_| with_key("one")).collect();
    assert!(answers[..3].iter().all(|answer| status(answer) == "200"));
    assert!(answers[2].contains("ratelimit-policy: \"default\";q=3;w=3600\r\n"), "{}", answers[2]);
    assert!(answers[2].contains("ratelimit: \"default\";r=0;t="), "{}", answers[2]);
    assert_eq!(status(&answers[3]), "429");
    assert!(answers[3].contains("retry-after: 3"), "{}", answers[3]);
    assert_eq!(status(&with_key("two")), "200");
    assert_eq!(origin.seen().len(), 4);
    assert!((gateway.metric("taut_gateway_refused_total{reason=\"limit\"}") - 1.0).abs() < 1e-9);
}

#[test]
fn who_asks_is_told_what_was_decided() {
    let origin = Origin::start(|_| ok(""));
    let gateway = start(plan(&[origin.address]));
    let answer = ask(
        gateway.address,
        "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ntaut-explain: 1\r\n\r\n",
    );
    let told = answer.lines().find(|line| line.starts_with("taut-decision:")).expect("it is told");
    let begin = format!(
        "taut-decision: route=\"all\"; member=\"{}\"; balance=\"round-robin\"; connection=\"new\"; answered=",
        origin.address
    );
    assert!(told.starts_with(&begin), "{told}");
    assert!(!origin.seen()[0].contains("taut-explain"));
    assert!(!get(gateway.address, "/").contains("taut-decision"));
    // Who asks through a proxy is not that proxy, trusted or not.
    for trusted in [None, Network::parse("127.0.0.0/8")] {
        let mut plan = plan(&[origin.address]);
        plan.trusted = trusted.into_iter().collect();
        plan.telling.server_timing = Timing::Trusted;
        let gateway = start(plan);
        for line in ["x-forwarded-for: 192.0.2.7", "forwarded: for=192.0.2.7"] {
            let asked = format!("taut-explain: 1\r\n{line}\r\n");
            let answer = get_with(gateway.address, "/", &asked);
            assert!(!answer.contains("taut-decision"), "{answer}");
            let answer = get_with(gateway.address, "/", &format!("{line}\r\n"));
            assert!(!answer.contains("server-timing"), "{answer}");
        }
        let answer = get_with(gateway.address, "/", "");
        assert!(answer.contains("server-timing"), "{answer}");
    }
}

#[test]
fn while_it_stops_it_says_so() {
    let origin = Origin::start(|_| {
        thread::sleep(Duration::from_millis(700));
        ok("late")
    });
    let gateway = start(plan(&[origin.address]));
    let (address, admin) = (gateway.address, gateway.admin);
    assert_eq!(status(&get(admin, "/ready")), "200");
    let client = thread::spawn(move || get(address, "/"));
    eventually("the request", || origin.seen().len() == 1);
    let stopping = thread::spawn(move || gateway.stop());
    let mut told = String::new();
    eventually("the word", || {
        told = get(admin, "/ready");
        status(&told) == "503"
    });
    assert!(told.contains("\"status\": \"stopping\""), "{told}");
    assert!(get(admin, "/metrics").contains("taut_gateway_connections"));
    assert!(client.join().expect("it is answered").ends_with("late"));
    stopping.join().expect("it ends");
    assert!(std::net::TcpStream::connect(admin).is_err(), "it is gone with the rest");
}

#[test]
fn requests_before_it_stops_are_answered_and_none_after() {
    let origin = Origin::start(|_| {
        thread::sleep(Duration::from_millis(300));
        ok("late")
    });
    let gateway = start(plan(&[origin.address]));
    let address = gateway.address;
    let asking = thread::spawn(move || get(address, "/"));
    eventually("the request", || !origin.seen().is_empty());
    gateway.stop();
    assert!(asking.join().unwrap().ends_with("late"));
    assert!(std::net::TcpStream::connect(address).is_err());
}
