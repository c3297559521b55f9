//! Names of members, looked up again: members come and go with what a name server says, and stay when it says nothing.

use std::{
    collections::BTreeSet,
    io::{Read as _, Write as _},
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use traffic::{
    health::{Expected, OutlierSettings, Thresholds},
    plan::{Check, Member, Plan},
    wire::Lookup,
};

use crate::kit::{
    Origin, PATIENCE, Reply, Running, connect, eventually, get, ok, plan, read_until, start, status,
};

/// A name server that says what it is told to.
struct Names {
    address: SocketAddr,
    says: Arc<Mutex<Says>>,
    asked: Arc<AtomicUsize>,
    by_tcp: Arc<AtomicUsize>,
}

#[derive(Clone)]
enum Says {
    /// These addresses, for so many seconds.
    Addresses(Vec<Ipv4Addr>, u32),
    /// That it cannot say.
    Failure,
    /// That there is no such host.
    NoHost,
    /// Nothing.
    Nothing,
    /// That it does not fit into a packet.
    Cut(Vec<Ipv4Addr>),
    /// Something else than what was asked, then these.
    Lies(Vec<Ipv4Addr>),
}

fn reply(question: &[u8], flags: u16, addresses: &[Ipv4Addr], ttl: u32) -> Vec<u8> {
    let mut bytes = question.to_vec();
    // Of IPv6 there are none.
    let is_four = question.ends_with(&[0, 1, 0, 1]);
    let addresses = if is_four { addresses } else { &[] };
    bytes[2..4].copy_from_slice(&flags.to_be_bytes());
    bytes[7] = u8::try_from(addresses.len()).expect("as the test has it");
    for address in addresses {
        bytes.extend_from_slice(&[0xC0, 12, 0, 1, 0, 1]);
        bytes.extend_from_slice(&ttl.to_be_bytes());
        bytes.extend_from_slice(&[0, 4]);
        bytes.extend_from_slice(&address.octets());
    }
    bytes
}

impl Names {
    fn start(says: Says) -> Self {
        // A port that is free for one of them may be taken for the other.
        let both = || {
            let socket = UdpSocket::bind("127.0.0.1:0").ok()?;
            let listener = TcpListener::bind(socket.local_addr().ok()?).ok()?;
            Some((socket, listener))
        };
        let (socket, listener) =
            (0..100).find_map(|_| both()).expect("a port that is free for both");
        let address = socket.local_addr().expect("it is bound");
        let says = Arc::new(Mutex::new(says));
        let (asked, by_tcp) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let (told, counted) = (Arc::clone(&says), Arc::clone(&asked));
        thread::spawn(move || {
            let mut bytes = [0; 512];
            while let Ok((count, from)) = socket.recv_from(&mut bytes) {
                let question = &bytes[..count];
                counted.fetch_add(1, Ordering::Relaxed);
                let say = told.lock().expect("as the test has it").clone();
                let send = |bytes: Vec<u8>| drop(socket.send_to(&bytes, from));
                match say {
                    Says::Addresses(addresses, ttl) => {
                        send(reply(question, 0x8180, &addresses, ttl));
                    }
                    Says::Failure => send(reply(question, 0x8182, &[], 0)),
                    Says::NoHost => send(reply(question, 0x8183, &[], 0)),
                    Says::Nothing => {}
                    Says::Cut(_) => send(reply(question, 0x8380, &[], 0)),
                    Says::Lies(addresses) => {
                        let mut other = question.to_vec();
                        other[0] = !other[0];
                        send(reply(&other, 0x8180, &[Ipv4Addr::new(203, 0, 113, 1)], 60));
                        send(vec![0; 5]);
                        send(reply(question, 0x8180, &addresses, 60));
                    }
                }
            }
        });
        let (told, counted) = (Arc::clone(&says), Arc::clone(&by_tcp));
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let mut length = [0; 2];
                stream.read_exact(&mut length).expect("as the test has it");
                let mut question = vec![0; usize::from(u16::from_be_bytes(length))];
                stream.read_exact(&mut question).expect("as the test has it");
                counted.fetch_add(1, Ordering::Relaxed);
                let Says::Cut(addresses) = told.lock().expect("as the test has it").clone() else {
                    continue;
                };
                let bytes = reply(&question, 0x8180, &addresses, 60);
                let length = u16::try_from(bytes.len()).expect("as the test has it").to_be_bytes();
                stream.write_all(&[&length[..], &bytes].concat()).expect("as the test has it");
            }
        });
        Self { address, says, asked, by_tcp }
    }

    fn say(&self, says: Says) {
        *self.says.lock().expect("as the test has it") = says;
    }

    /// Waits until it was asked again, and once more, so that the answer before was looked at.
    fn is_asked_again(&self) {
        let before = self.asked.load(Ordering::Relaxed);
        eventually("another question", || before + 2 <= self.asked.load(Ordering::Relaxed));
    }
}

fn at(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 0, last)
}

/// Members on one port, at several addresses of this machine, that say the last part of theirs.
fn members(count: u8) -> (u16, Vec<Origin>) {
    members_as(count, |last, _| ok(&last.to_string()))
}

fn members_as(
    count: u8,
    reply: impl Fn(u8, &str) -> Reply + Clone + Send + Sync + 'static,
) -> (u16, Vec<Origin>) {
    let begin = |last: u8, port: u16| {
        let reply = reply.clone();
        Origin::start_at(at(last), port, move |request| reply(last, request))
    };
    for _ in 0..50 {
        let first = begin(11, 0).expect("a free port");
        let port = first.address.port();
        let others: Option<Vec<Origin>> =
            (12..11 + count).map(|last| begin(last, port).ok()).collect();
        if let Some(others) = others {
            return (port, std::iter::once(first).chain(others).collect());
        }
    }
    panic!("no port is free on several addresses");
}

fn named(port: u16, names: &Names) -> Plan {
    let mut plan = plan(&[]);
    plan.services[0].members = vec![Member::new(format!("app.test:{port}"))];
    plan.services[0].lookup = Some(Lookup { interval: Duration::from_millis(200) });
    plan.resolver = Some(names.address);
    plan
}

/// Who answers, of so many requests.
fn who(gateway: &Running) -> BTreeSet<String> {
    let answers = (0..12).map(|_| get(gateway.address, "/"));
    answers
        .map(|answer| {
            assert_eq!(status(&answer), "200", "{answer}");
            answer.rsplit("\r\n").next().expect("as the test has it").to_owned()
        })
        .collect()
}

fn are(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn members_come_and_go_with_the_name_and_no_request_is_lost() {
    let (port, origins) = members(3);
    let names = Names::start(Says::Addresses(vec![at(11)], 0));
    let gateway = start(named(port, &names));
    eventually("the first", || gateway.page("/members").contains("127.0.0.11"));
    assert_eq!(who(&gateway), are(&["11"]));
    let (done, address) = (Arc::new(AtomicBool::new(false)), gateway.address);
    let clients: Vec<_> = (0..3)
        .map(|_| {
            let done = Arc::clone(&done);
            thread::spawn(move || {
                let mut client = connect(address);
                let mut answers = 0_usize;
                while !done.load(Ordering::Relaxed) {
                    client.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
                    let head = read_until(&mut client, "\r\n\r\n");
                    assert_eq!(status(&head), "200", "{head}");
                    client.read_exact(&mut [0; 2]).unwrap();
                    answers += 1;
                }
                answers
            })
        })
        .collect();
    for (addresses, answer) in [
        (vec![at(11), at(12), at(13)], are(&["11", "12", "13"])),
        (vec![at(13)], are(&["13"])),
        (vec![at(12), at(11)], are(&["11", "12"])),
    ] {
        names.say(Says::Addresses(addresses, 0));
        eventually("the change", || who(&gateway) == answer);
    }
    done.store(true, Ordering::Relaxed);
    let answers: usize = clients.into_iter().map(|client| client.join().unwrap()).sum();
    assert!(0 < answers);
    drop(origins);
}

#[test]
fn what_was_known_stays_when_the_name_server_is_gone() {
    let (port, _origins) = members(2);
    let names = Names::start(Says::Addresses(vec![at(11), at(12)], 0));
    let gateway = start(named(port, &names));
    eventually("both", || gateway.page("/members").contains("127.0.0.12"));
    for (says, words) in [
        (Says::Failure, "could not say"),
        (Says::NoHost, "no such host"),
        (Says::Addresses(Vec::new(), 0), "no address"),
        (Says::Nothing, "in time"),
    ] {
        names.say(says);
        eventually("the trouble", || gateway.page("/members").contains(words));
        assert_eq!(who(&gateway), are(&["11", "12"]), "{words}");
    }
    names.say(Says::Addresses(vec![at(12)], 0));
    eventually("its return", || who(&gateway) == are(&["12"]));
    assert!(!gateway.page("/members").contains("in time"));
}

#[test]
fn an_answer_that_is_not_to_the_question_is_none() {
    let (port, _origins) = members(1);
    let names = Names::start(Says::Lies(vec![at(11)]));
    let gateway = start(named(port, &names));
    eventually("the right one", || gateway.page("/members").contains("127.0.0.11"));
    assert!(!gateway.page("/members").contains("203.0.113.1"));
    assert_eq!(who(&gateway), are(&["11"]));
}

#[test]
fn an_answer_that_does_not_fit_is_asked_for_by_tcp() {
    let (port, _origins) = members(2);
    let names = Names::start(Says::Cut(vec![at(11), at(12)]));
    let gateway = start(named(port, &names));
    eventually("both", || gateway.page("/members").contains("127.0.0.12"));
    assert!(0 < names.by_tcp.load(Ordering::Relaxed));
    assert_eq!(who(&gateway), are(&["11", "12"]));
}

#[test]
fn a_member_that_a_name_stands_for_can_be_drained() {
    let (port, _origins) = members(2);
    let names = Names::start(Says::Addresses(vec![at(11), at(12)], 0));
    let mut plan = named(port, &names);
    plan.admin_token = Some(traffic::plan::Secret("token".to_owned()));
    let gateway = start(plan);
    let look = "GET /members HTTP/1.1\r\nhost: a\r\nauthorization: Bearer token\r\nconnection: close\r\n\r\n";
    eventually("both", || crate::kit::ask(gateway.admin, look).contains("127.0.0.12"));
    assert_eq!(who(&gateway), are(&["11", "12"]));
    let order = format!(
        "POST /members/app/127.0.0.12:{port}/drain HTTP/1.1\r\nhost: a\r\nauthorization: Bearer token\r\n\
         connection: close\r\ncontent-length: 0\r\n\r\n"
    );
    assert_eq!(status(&crate::kit::ask(gateway.admin, &order)), "200");
    assert_eq!(who(&gateway), are(&["11"]));
    // It stays so when the name is looked up again.
    names.is_asked_again();
    assert_eq!(who(&gateway), are(&["11"]));
}

#[test]
fn names_of_the_system_are_looked_up_without_a_name_server() {
    let origin = Origin::start(|_| ok("x"));
    let port = origin.address.port();
    let mut plan = plan(&[]);
    plan.services[0].members = vec![Member::new(format!("localhost:{port}"))];
    plan.services[0].lookup = Some(Lookup { interval: Duration::from_secs(1) });
    let gateway = start(plan);
    let address = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port).to_string();
    eventually("the address", || {
        gateway.page("/members").contains(&format!("\"address\": \"{address}\""))
    });
    assert!(get(gateway.address, "/").ends_with('x'));
}

#[test]
fn what_checks_found_out_outlives_a_change_of_addresses() {
    let is_ill = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&is_ill);
    let (port, origins) = members_as(3, move |last, _| {
        if last == 12 && told.load(Ordering::Relaxed) {
            return Reply::Send(b"HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n".to_vec());
        }
        ok("x")
    });
    let names = Names::start(Says::Addresses(vec![at(11), at(12)], 0));
    let mut plan = named(port, &names);
    plan.services[0].check = Some(Check {
        path: Some("/health".to_owned()),
        expected: Expected::default(),
        interval: Duration::from_millis(30),
        timeout: PATIENCE,
        // Once somebody is well it takes more bad answers than there is time for.
        thresholds: Thresholds { healthy: 1_000, unhealthy: 1_000 },
    });
    let gateway = start(plan);
    let checks = |place: usize| origins[place].seen().len();
    eventually("the first verdict", || 2 <= checks(1));
    is_ill.store(true, Ordering::Relaxed);
    names.say(Says::Addresses(vec![at(11), at(12), at(13)], 0));
    eventually("checks of who is new", || 0 < checks(2));
    let before = checks(1);
    eventually("checks of who is not", || before + 3 <= checks(1));
    let line = |last: u8| {
        format!("taut_gateway_member_up{{service=\"app\",member=\"{}:{port}\"}}", at(last))
    };
    for last in 11..=13 {
        assert!(0.5 < gateway.metric(&line(last)), "{last}");
    }
}

#[test]
fn who_is_left_alone_stays_so_when_addresses_change_and_no_more_are_than_may_be() {
    let (port, _origins) = members_as(3, |last, request| {
        let fails = match request.split(' ').nth(1) {
            Some("/eleven") => last == 11,
            Some("/twelve") => last == 12,
            _ => false,
        };
        if fails { Reply::Close } else { ok(&last.to_string()) }
    });
    let names = Names::start(Says::Addresses(vec![at(11), at(12)], 0));
    let mut plan = named(port, &names);
    plan.services[0].outliers = OutlierSettings {
        fails: 1,
        out_for: Duration::from_hours(1),
        out_for_max: Duration::from_hours(1),
        ..OutlierSettings::default()
    };
    let gateway = start(plan);
    eventually("both", || gateway.page("/members").contains("127.0.0.12"));
    let left_alone = || gateway.page("/members").matches("\"left_alone\": true").count();
    let asks = |path: &str| {
        for _ in 0..6 {
            assert_eq!(status(&get(gateway.address, path)), "200", "another one answers");
        }
    };
    asks("/eleven");
    assert_eq!((left_alone(), who(&gateway)), (1, are(&["12"])));
    names.say(Says::Addresses(vec![at(11), at(12), at(13)], 0));
    eventually("who is new", || who(&gateway) == are(&["12", "13"]));
    asks("/twelve");
    assert_eq!((left_alone(), who(&gateway)), (1, are(&["12", "13"])), "of three one may be");
    names.say(Says::Addresses(vec![at(11), at(13)], 0));
    eventually("who is gone", || !gateway.page("/members").contains("127.0.0.12"));
    assert_eq!((left_alone(), who(&gateway)), (1, are(&["13"])));
}
