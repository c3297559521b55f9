//! Members that are encrypted or speak HTTP/2, and are who they say they are.

use std::{
    io::{Read as _, Write as _},
    sync::atomic::Ordering,
    thread,
    time::Duration,
};

use http::Version;
use traffic::{
    health::{Expected, Thresholds},
    plan::{Check, Plan},
    wire::{Http, MemberTls, Wire},
};

use crate::{
    kit::{Running, ask, connect, eventually, get, plan, read_until, start, status},
    origins::{Folder, Member, Speaks, shows},
};

const BOTH: &[&[u8]] = &[b"h2", b"http/1.1"];

fn spoken(members: &[&Member], http: Http, tls: Option<MemberTls>) -> Plan {
    let addresses: Vec<_> = members.iter().map(|member| member.address).collect();
    let mut plan = plan(&addresses);
    plan.services[0].wire = Wire { http, tls, proxy_protocol: None };
    plan
}

/// Whoever has this certificate is believed, if it is for this name.
fn believing(certificate: &traffic::plan::Certificate, name: &str) -> Option<MemberTls> {
    Some(MemberTls {
        authorities: Some(certificate.chain.clone()),
        name: Some(name.to_owned()),
        identity: None,
    })
}

fn h2c(members: &[&Member]) -> Running {
    start(spoken(members, Http::Two, None))
}

#[test]
fn an_encrypted_member_that_agrees_is_spoken_to_with_http_2() {
    let folder = Folder::new();
    let certificate = folder.certificate("member", &["app.internal"]);
    let member = Member::start(Speaks::Encrypted(shows(&certificate, BOTH, None)));
    let gateway = start(spoken(&[&member], Http::Offered, believing(&certificate, "app.internal")));
    for _ in 0..10 {
        assert!(get(gateway.address, "/x").ends_with("/x"));
    }
    let seen = member.seen();
    assert_eq!(seen.len(), 10);
    assert!(seen.iter().all(|one| one.version == Version::HTTP_2), "{seen:?}");
    assert!(seen.iter().all(|one| one.host == "a" && one.scheme == "https"), "{seen:?}");
    assert_eq!(member.connections.load(Ordering::Relaxed), 1);
}

#[test]
fn an_encrypted_member_that_does_not_agree_is_spoken_to_with_http_1() {
    let folder = Folder::new();
    let certificate = folder.certificate("member", &["app.internal"]);
    let member = Member::start(Speaks::Encrypted(shows(&certificate, &[b"http/1.1"], None)));
    let gateway = start(spoken(&[&member], Http::Offered, believing(&certificate, "app.internal")));
    for _ in 0..5 {
        assert!(get(gateway.address, "/x").ends_with("/x"));
    }
    assert!(member.seen().iter().all(|one| one.version == Version::HTTP_11));
    assert_eq!(member.connections.load(Ordering::Relaxed), 1, "it is kept");
    // Nothing but HTTP/2 will do: then it is not asked.
    let gateway = start(spoken(&[&member], Http::Two, believing(&certificate, "app.internal")));
    assert_eq!(status(&get(gateway.address, "/y")), "502");
    assert!(member.seen().iter().all(|one| one.path != "/y"));
}

#[test]
fn who_is_not_who_it_should_be_is_not_asked() {
    let folder = Folder::new();
    let certificate = folder.certificate("member", &["app.internal"]);
    let other = folder.certificate("other", &["app.internal"]);
    let member = Member::start(Speaks::Encrypted(shows(&certificate, BOTH, None)));
    for tls in [believing(&certificate, "another.internal"), believing(&other, "app.internal")] {
        let gateway = start(spoken(&[&member], Http::Offered, tls));
        let answer = get(gateway.address, "/x");
        assert_eq!(status(&answer), "502");
        assert!(answer.contains("could not be encrypted"), "{answer}");
        let page = gateway.page("/members");
        assert!(page.contains("invalid peer certificate"), "{page}");
    }
    assert!(member.seen().is_empty());
}

#[test]
fn the_gateway_shows_who_it_is_where_members_want_to_know() {
    let folder = Folder::new();
    let certificate = folder.certificate("member", &["app.internal"]);
    let own = folder.certificate("gateway", &["gateway.internal"]);
    let member = Member::start(Speaks::Encrypted(shows(&certificate, BOTH, Some(&own))));
    let mut tls = believing(&certificate, "app.internal");
    let gateway = start(spoken(&[&member], Http::Offered, tls.clone()));
    assert_eq!(status(&get(gateway.address, "/x")), "502");
    if let Some(tls) = &mut tls {
        tls.identity = Some(own);
    }
    gateway.gateway().replace(spoken(&[&member], Http::Offered, tls)).expect("it can be read");
    assert_eq!(status(&get(gateway.address, "/x")), "200");
    assert!(member.seen().iter().all(|one| one.certificates == 1));
}

#[test]
fn members_are_checked_in_the_way_that_they_are_asked() {
    let folder = Folder::new();
    let certificate = folder.certificate("member", &["app.internal"]);
    let secure = Member::start(Speaks::Encrypted(shows(&certificate, BOTH, None)));
    let clear = Member::start(Speaks::Two);
    let check = |mut plan: Plan| {
        plan.services[0].check = Some(Check {
            path: Some("/health".to_owned()),
            expected: Expected::default(),
            interval: Duration::from_millis(30),
            timeout: Duration::from_secs(5),
            thresholds: Thresholds::default(),
        });
        plan
    };
    let tls = believing(&certificate, "app.internal");
    let _running = start(check(spoken(&[&secure], Http::Offered, tls)));
    let two = start(check(spoken(&[&clear], Http::Two, None)));
    for member in [&secure, &clear] {
        eventually("checks", || 2 <= member.seen().len());
        let seen = member.seen();
        assert!(seen.iter().all(|one| one.path == "/health" && one.version == Version::HTTP_2));
    }
    assert!(two.page("/ready").contains("\"members_up\": 1"));
}

#[test]
fn bodies_and_trailers_pass_both_ways_while_they_come() {
    let member = Member::start(Speaks::Two);
    let gateway = h2c(&[&member]);
    let mut client = connect(gateway.address);
    let head = "POST /echo HTTP/1.1\r\nhost: shop.example\r\nte: trailers\r\nconnection: te\r\n\
                transfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n5\r\nhello\r\n";
    client.write_all(head.as_bytes()).unwrap();
    // The first part is back before the second is sent.
    let answer = read_until(&mut client, "hello\r\n");
    assert_eq!(status(&answer), "200", "{answer}");
    client.write_all(b"6\r\n world\r\n0\r\nx-sum: 11\r\n\r\n").unwrap();
    let rest = read_until(&mut client, "\r\n\r\n");
    assert!(rest.contains(" world") && rest.to_ascii_lowercase().contains("x-sum: 11"), "{rest}");
    let seen = member.seen();
    assert_eq!((seen[0].host.as_str(), seen[0].scheme.as_str()), ("shop.example", "http"));
}

#[test]
fn many_requests_share_a_connection_and_more_open_another() {
    let member = Member::start(Speaks::Two);
    let gateway = h2c(&[&member]);
    let address = gateway.address;
    let clients: Vec<_> = (0..150)
        .map(|_| thread::spawn(move || status(&get(address, "/slow")).to_owned()))
        .collect();
    assert!(clients.into_iter().all(|client| client.join().unwrap() == "200"));
    let connections = member.connections.load(Ordering::Relaxed);
    assert!((1..=3).contains(&connections), "{connections} connections for 150 requests");
}

#[test]
fn clients_that_do_not_read_take_nothing_from_those_who_do() {
    let member = Member::start(Speaks::Two);
    let gateway = h2c(&[&member]);
    let stalled: Vec<_> = (0..40)
        .map(|_| {
            let mut client = connect(gateway.address);
            client.write_all(b"GET /large HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
            let mut first = [0; 12];
            client.read_exact(&mut first).unwrap();
            client
        })
        .collect();
    for _ in 0..5 {
        assert!(get(gateway.address, "/x").ends_with("/x"));
    }
    assert_eq!(member.connections.load(Ordering::Relaxed), 1, "all on the same connection");
    drop(stalled);
}

#[test]
fn no_request_is_lost_when_a_member_ends_its_connections() {
    let members = [Member::start(Speaks::Two), Member::start(Speaks::Two)];
    let mut plan = spoken(&[&members[0], &members[1]], Http::Two, None);
    (plan.services[0].retries.max, plan.services[0].retries.share) = (3, 1.0);
    let gateway = start(plan);
    let address = gateway.address;
    let clients: Vec<_> = (0..8)
        .map(|_| {
            thread::spawn(move || (0..50).filter(|_| status(&get(address, "/x")) == "200").count())
        })
        .collect();
    while clients.iter().any(|client| !client.is_finished()) {
        members.iter().for_each(Member::end_connections);
        thread::sleep(Duration::from_millis(25));
    }
    let answered: usize = clients.into_iter().map(|client| client.join().unwrap()).sum();
    assert_eq!(answered, 400);
}

#[test]
fn connections_stay_when_settings_are_read_again_and_no_certificate_has_changed() {
    let folder = Folder::new();
    let certificate = folder.certificate("member", &["app.internal"]);
    let other = folder.certificate("other", &["other.internal"]);
    let member = Member::start(Speaks::Encrypted(shows(&certificate, BOTH, None)));
    let plan = spoken(&[&member], Http::Offered, believing(&certificate, "app.internal"));
    let gateway = start(plan.clone());
    let asked_with = |connections: usize| {
        assert!(get(gateway.address, "/x").ends_with("/x"));
        assert_eq!(member.connections.load(Ordering::Relaxed), connections);
    };
    asked_with(1);
    for _ in 0..3 {
        gateway.gateway().replace(plan.clone()).unwrap();
        asked_with(1);
    }
    // One more is believed: whoever is connected was believed under other terms.
    let [before, more] = [&certificate, &other].map(|it| std::fs::read(&it.chain).unwrap());
    std::fs::write(&certificate.chain, [before, more].concat()).unwrap();
    gateway.gateway().replace(plan).unwrap();
    asked_with(2);
}

#[test]
fn a_websocket_goes_to_an_encrypted_member_with_http_1() {
    let folder = Folder::new();
    let certificate = folder.certificate("member", &["app.internal"]);
    let member = Member::start(Speaks::Encrypted(shows(&certificate, BOTH, None)));
    let gateway = start(spoken(&[&member], Http::Offered, believing(&certificate, "app.internal")));
    assert_eq!(status(&get(gateway.address, "/x")), "200");
    let mut client = connect(gateway.address);
    client
        .write_all(
            b"GET /socket HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
        )
        .unwrap();
    let head = read_until(&mut client, "\r\n\r\n");
    assert_eq!(status(&head), "101", "{head}");
    client.write_all(b"ping").unwrap();
    let mut back = [0; 4];
    client.read_exact(&mut back).unwrap();
    assert_eq!(&back, b"ping");
    assert_eq!(member.seen().last().unwrap().version, Version::HTTP_11);
    // What only speaks HTTP/2 cannot be asked for it, and says so.
    let clear = Member::start(Speaks::Two);
    let gateway = h2c(&[&clear]);
    let answer = ask(
        gateway.address,
        "GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade, close\r\nupgrade: websocket\r\n\r\n",
    );
    assert_eq!(status(&answer), "502", "{answer}");
}

#[test]
fn a_member_of_http_2_that_dies_midway_breaks_what_it_was_sending_and_nothing_else() {
    let (dies, stays) = (Member::start(Speaks::Two), Member::start(Speaks::Two));
    let gateway = h2c(&[&dies]);
    let mut client = connect(gateway.address);
    client.write_all(b"GET /large HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
    let head = read_until(&mut client, "\r\n\r\n");
    assert_eq!(status(&head), "200");
    drop(dies);
    let mut rest = Vec::new();
    // It ends early, by an end or by a reset.
    let _end = client.read_to_end(&mut rest);
    assert!(rest.len() < 4 << 20);
    gateway.gateway().replace(spoken(&[&stays], Http::Two, None)).unwrap();
    assert!(get(gateway.address, "/x").ends_with("/x"));
    eventually("the count", || gateway.metric("taut_gateway_broken_answers_total") >= 1.0);
}
