//! What is passed on and what is not, and whose word counts.

use std::net::IpAddr;

use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;
use traffic::forward::{Framing, Network, check_framing, client, strip_hop_by_hop, upgrade};

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
