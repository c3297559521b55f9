//! What is passed on and what is not, and whose word counts.

use std::net::IpAddr;

use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;
use traffic::forward::{
    Framing, Network, Sender, check_framing, client, is_from_within, scheme, strip_hop_by_hop,
    upgrade,
};

fn headers(lines: &[(&str, &str)]) -> HeaderMap {
    let line = |(name, value): &(&str, &str)| {
        let name = name.parse::<HeaderName>().expect("a name");
        (name, value.parse::<HeaderValue>().expect("a value"))
    };
    lines.iter().map(line).collect()
}

fn left(lines: &[(&str, &str)]) -> Vec<String> {
    let mut headers = headers(lines);
    strip_hop_by_hop(&mut headers);
    let mut left: Vec<String> = headers.keys().map(ToString::to_string).collect();
    left.sort();
    left
}

#[test]
fn what_is_for_one_hop_is_not_passed_on() {
    let lines = [
        ("connection", "keep-alive, X-Secret-Hop"),
        ("keep-alive", "timeout=5"),
        ("x-secret-hop", "1"),
        ("te", "trailers"),
        ("proxy-connection", "keep-alive"),
        ("transfer-encoding", "chunked"),
        ("upgrade", "h2c"),
        ("accept", "*/*"),
    ];
    assert_eq!(left(&lines), ["accept"]);
}

#[test]
fn a_client_cannot_take_from_a_server_what_it_needs() {
    let lines =
        [("connection", "host, authorization, cookie"), ("host", "a"), ("authorization", "b")];
    assert_eq!(left(&lines), ["authorization", "host"]);
}

#[test]
fn framing_in_doubt_is_refused() {
    let check = |lines: &[(&str, &str)]| check_framing(&headers(lines));
    assert_eq!(check(&[("host", "a"), ("transfer-encoding", "Chunked")]), Ok(()));
    assert_eq!(check(&[("transfer-encoding", "gzip, chunked")]), Err(Framing::UnknownCoding));
    let twice = [("transfer-encoding", "chunked"), ("transfer-encoding", "chunked")];
    assert_eq!(check(&twice), Err(Framing::UnknownCoding));
    let both = [("transfer-encoding", "chunked"), ("content-length", "5")];
    assert_eq!(check(&both), Err(Framing::Both));
    assert_eq!(check(&[("host", "a"), ("host", "b")]), Err(Framing::Host));
    assert_eq!(check(&[("host", "a/b")]), Err(Framing::Host));
}

#[test]
fn an_upgrade_needs_both_headers() {
    assert!(upgrade(&headers(&[("connection", "Upgrade"), ("upgrade", "websocket")])).is_some());
    assert!(upgrade(&headers(&[("upgrade", "websocket")])).is_none());
}

#[test]
fn only_a_trusted_proxy_is_believed() {
    let seen = |peer: &str, line: &str, trusted: &[&str]| {
        let trusted: Vec<Network> =
            trusted.iter().map(|one| Network::parse(one).unwrap()).collect();
        client(peer.parse().unwrap(), &headers(&[("x-forwarded-for", line)]), &trusted).to_string()
    };
    let ours = &["10.0.0.0/8"];
    assert_eq!(seen("203.0.113.9", "1.1.1.1", ours), "203.0.113.9");
    assert_eq!(seen("10.0.0.1", "1.1.1.1", ours), "1.1.1.1");
    assert_eq!(seen("10.0.0.1", "6.6.6.6, 1.1.1.1, 10.0.0.2", ours), "1.1.1.1");
    assert_eq!(seen("10.0.0.1", "nonsense", ours), "10.0.0.1");
    assert_eq!(seen("::ffff:10.0.0.1", "1.1.1.1", ours), "1.1.1.1");
    assert_eq!(seen("10.0.0.1", "1.1.1.1", &[]), "10.0.0.1");
}

#[test]
fn forwarded_is_believed_where_a_trusted_proxy_says_nothing_else() {
    let trusted = [Network::parse("10.0.0.0/8").unwrap()];
    let seen = |peer: &str, lines: &[(&str, &str)]| {
        client(peer.parse().unwrap(), &headers(lines), &trusted).to_string()
    };
    let one = |line: &str| seen("10.0.0.1", &[("forwarded", line)]);
    assert_eq!(one("for=1.1.1.1;proto=https"), "1.1.1.1");
    assert_eq!(one("proto=https; For=\"1.1.1.1:5000\""), "1.1.1.1");
    assert_eq!(one("for=\"[2001:db8::7]:5000\""), "2001:db8::7");
    assert_eq!(one("for=6.6.6.6, for=1.1.1.1, for=10.0.0.2"), "1.1.1.1");
    for none in ["for=unknown", "for=_hidden", "by=1.1.1.1", "", "for=\"1.1.1.1, x", "for"] {
        assert_eq!(one(none), "10.0.0.1", "{none}");
    }
    // What is within quotes is nobody's address.
    assert_eq!(one(r#"for=1.1.1.1;host="x,for=6.6.6.6""#), "1.1.1.1");
    assert_eq!(one(r#"host="x;for=6.6.6.6";for=1.1.1.1"#), "1.1.1.1");
    assert_eq!(one(r#"host="\",for=6.6.6.6";for="1.1.1.1:80""#), "1.1.1.1");
    assert_eq!(one(r#"for="6.6.6.6"#), "10.0.0.1");
    assert_eq!(seen("203.0.113.9", &[("forwarded", "for=1.1.1.1")]), "203.0.113.9");
    let both = [("forwarded", "for=6.6.6.6"), ("x-forwarded-for", "1.1.1.1")];
    assert_eq!(seen("10.0.0.1", &both), "1.1.1.1");
}

#[test]
fn who_is_trusted_and_says_forwarded_is_added_to() {
    let networks = [Network::parse("10.0.0.0/8").unwrap(), Network::parse("fd00::/8").unwrap()];
    let added = |address: &str, trusted, lines: &[(&str, &str)]| {
        let mut to = Vec::new();
        let trusted = if trusted { &networks[..] } else { &[] };
        let from = (address.parse().unwrap(), address.as_bytes(), true);
        let lines = headers(lines);
        let is_told = Sender::new(from, &lines, trusted).forwarded(&lines, &mut to);
        is_told.then(|| String::from_utf8(to).unwrap())
    };
    let lines = [("host", "shop:80"), ("forwarded", "for=1.1.1.1"), ("forwarded", "for=2.2.2.2")];
    assert_eq!(
        added("10.0.0.1", true, &lines).as_deref(),
        Some("for=1.1.1.1, for=2.2.2.2, for=10.0.0.1;proto=https;host=\"shop:80\"")
    );
    assert_eq!(
        added("fd00::1", true, &[("forwarded", "for=1.1.1.1")]).as_deref(),
        Some("for=1.1.1.1, for=\"[fd00::1]\";proto=https")
    );
    assert_eq!(added("10.0.0.1", false, &lines), None);
    assert_eq!(added("10.0.0.1", true, &[("host", "shop")]), None);
}

#[test]
fn who_speaks_forwarded_alone_is_believed_in_the_other_words_as_well() {
    let trusted = [Network::parse("10.0.0.0/8").unwrap()];
    let told = |peer: &str, lines: &[(&str, &str)]| {
        let lines = headers(lines);
        let sender = Sender::new((peer.parse().unwrap(), peer.as_bytes(), false), &lines, &trusted);
        let mut chain = Vec::new();
        sender.chain(&lines, &mut chain);
        let scheme = scheme((peer.parse().unwrap(), false), &lines, &trusted);
        (String::from_utf8(chain).unwrap(), sender.proto(&lines), scheme)
    };
    let one = |line: &str| told("10.0.0.1", &[("forwarded", line)]);
    let is = |chain: &str, scheme| (chain.to_owned(), Some(scheme), scheme);
    assert_eq!(one("for=1.1.1.1;proto=https"), is("1.1.1.1, 10.0.0.1", "https"));
    assert_eq!(one("for=1.1.1.1;PROTO=\"HTTPS\""), is("1.1.1.1, 10.0.0.1", "https"));
    assert_eq!(one("for=1.1.1.1"), is("1.1.1.1, 10.0.0.1", "http"));
    assert_eq!(one("for=_hidden;proto=https"), is("10.0.0.1", "https"));
    // Of several the one that the client's own proxy has added.
    let chain = "for=6.6.6.6;proto=http, for=1.1.1.1;proto=https, for=10.0.0.2;proto=http";
    assert_eq!(one(chain), is("1.1.1.1, 10.0.0.2, 10.0.0.1", "https"));
    // Nobody else is believed, and what is said twice is what the usual words say.
    let line = ("forwarded", "for=1.1.1.1;proto=https");
    assert_eq!(told("203.0.113.9", &[line]), is("203.0.113.9", "http"));
    assert_eq!(
        told("10.0.0.1", &[line, ("x-forwarded-for", "2.2.2.2")]),
        is("2.2.2.2, 10.0.0.1", "http")
    );
    let both = told("10.0.0.1", &[line, ("x-forwarded-proto", "http")]);
    assert_eq!(both, ("1.1.1.1, 10.0.0.1".to_owned(), None, "http"));
}

#[test]
fn within_is_who_comes_through_nobody_else() {
    let trusted = [Network::parse("10.0.0.0/8").unwrap()];
    let is_within = |peer: &str, lines: &[(&str, &str)]| {
        is_from_within(peer.parse().unwrap(), &headers(lines), &trusted)
    };
    for inside in ["10.0.0.1", "127.0.0.1", "::1"] {
        assert!(is_within(inside, &[]), "{inside}");
        for name in ["x-forwarded-for", "forwarded"] {
            let said = if name == "forwarded" { "for=1.1.1.1" } else { "1.1.1.1" };
            assert!(!is_within(inside, &[(name, said)]), "{inside} for somebody else");
            assert!(!is_within(inside, &[(name, "unknown")]), "{inside} for nobody knows whom");
        }
    }
    assert!(is_within("10.0.0.1", &[("x-forwarded-for", "10.0.0.2")]));
    assert!(is_within("10.0.0.1", &[("forwarded", "for=10.0.0.2")]));
    // Who asks from elsewhere can say that it does not.
    assert!(!is_within("10.0.0.1", &[("x-forwarded-for", "10.0.0.2, 1.1.1.1")]));
    assert!(!is_within("127.0.0.1", &[("x-forwarded-for", "10.0.0.2")]));
    assert!(!is_within("203.0.113.9", &[]));
    let many = vec!["10.0.0.2"; 21].join(", ");
    assert!(!is_within("10.0.0.1", &[("x-forwarded-for", &many)]), "no real chain");
}

#[test]
fn a_line_that_is_no_text_hides_nobody() {
    let mut lines = HeaderMap::new();
    let line = HeaderValue::from_bytes(b"\xff, 1.1.1.1").unwrap();
    lines.insert("x-forwarded-for", line);
    let trusted = [Network::parse("10.0.0.0/8").unwrap()];
    let asks = client("10.0.0.1".parse().unwrap(), &lines, &trusted);
    assert_eq!(asks.to_string(), "1.1.1.1");
}

proptest! {
    #[test]
    fn a_network_holds_what_shares_its_bits(bits in any::<u32>(), other in any::<u32>(), prefix in 0_u32..33) {
        let address = |bits: u32| IpAddr::V4(std::net::Ipv4Addr::from_bits(bits));
        let network = Network::parse(&format!("{}/{prefix}", address(bits))).unwrap();
        let mask = u32::MAX.checked_shl(32 - prefix).unwrap_or(0);
        prop_assert!(network.contains(address(bits)));
        prop_assert_eq!(network.contains(address(other)), bits & mask == other & mask);
    }
}
