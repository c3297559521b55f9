//! Questions to name servers and their answers: read as they are meant, or not at all.

use std::{
    collections::BTreeSet,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use proptest::prelude::*;
use traffic::{
    dns::{Answer, Kind, answer, expanded, question},
    plan::Member,
};

/// An answer to a question, with these records: a name, the kind, seconds, data.
fn reply(question: &[u8], flags: u16, records: &[(&[u8], u16, u32, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = question.to_vec();
    bytes[2..4].copy_from_slice(&flags.to_be_bytes());
    bytes[6..8]
        .copy_from_slice(&u16::try_from(records.len()).expect("as the test has it").to_be_bytes());
    for (name, kind, ttl, data) in records {
        bytes.extend_from_slice(name);
        bytes.extend_from_slice(&kind.to_be_bytes());
        bytes.extend_from_slice(&1_u16.to_be_bytes());
        bytes.extend_from_slice(&ttl.to_be_bytes());
        bytes.extend_from_slice(
            &u16::try_from(data.len()).expect("as the test has it").to_be_bytes(),
        );
        bytes.extend_from_slice(data);
    }
    bytes
}

/// The name of the question, by its place.
const ASKED: &[u8] = &[0xC0, 12];

fn found(addresses: &[&str], seconds: u64) -> Option<Answer> {
    let addresses =
        addresses.iter().map(|text| text.parse::<IpAddr>().expect("as the test has it")).collect();
    Some(Answer::Addresses(addresses, Duration::from_secs(seconds)))
}

#[test]
fn addresses_come_with_the_shortest_time_that_they_count() {
    let asked = question(7, "App.example.com", Kind::A).unwrap();
    let bytes = reply(
        &asked,
        0x8180,
        &[(ASKED, 1, 60, vec![10, 0, 0, 1]), (ASKED, 1, 30, vec![10, 0, 0, 2])],
    );
    let read = answer(&bytes, 7, "app.example.com", Kind::A);
    assert_eq!(read, found(&["10.0.0.1", "10.0.0.2"], 30));
    assert_eq!(answer(&bytes, 8, "app.example.com", Kind::A), None, "another question's number");
    assert_eq!(answer(&bytes, 7, "app.example.org", Kind::A), None, "another host");
    assert_eq!(answer(&bytes, 7, "app.example.com", Kind::Aaaa), None, "another kind");
}

#[test]
fn names_that_stand_for_others_are_followed() {
    let asked = question(7, "app.example", Kind::Aaaa).unwrap();
    let six = "2001:db8::1".parse::<std::net::Ipv6Addr>().unwrap().octets().to_vec();
    let bytes = reply(
        &asked,
        0x8180,
        &[
            (ASKED, 5, 10, b"\x03lb7\x07example\x00".to_vec()),
            (b"\x03lb7\x07example\x00", 28, 60, six.clone()),
            (b"\x05other\x07example\x00", 28, 60, six),
        ],
    );
    assert_eq!(answer(&bytes, 7, "app.example", Kind::Aaaa), found(&["2001:db8::1"], 10));
}

#[test]
fn no_host_is_not_the_same_as_no_answer() {
    let asked = question(7, "app.example", Kind::A).unwrap();
    let read = |flags| answer(&reply(&asked, flags, &[]), 7, "app.example", Kind::A);
    assert_eq!(read(0x8183), Some(Answer::NoHost));
    assert_eq!(read(0x8182), Some(Answer::Failed(2)));
    assert_eq!(read(0x8380), Some(Answer::Cut));
    assert_eq!(read(0x0180), None, "a question is no answer");
    assert!(matches!(read(0x8180), Some(Answer::Addresses(none, _)) if none.is_empty()));
}

#[test]
fn what_is_no_name_is_not_asked_for() {
    let long = "a".repeat(64);
    let longer = vec!["a"; 130].join(".");
    for host in ["", "a..b", ".a", &*long, &*longer] {
        assert_eq!(question(1, host, Kind::A), None, "{host}");
    }
    assert!(question(1, "a.b.", Kind::A).is_some());
}

#[test]
fn a_name_that_leads_to_itself_is_none() {
    let asked = question(7, "app.example", Kind::A).unwrap();
    let here = u8::try_from(asked.len()).unwrap();
    let bytes = reply(&asked, 0x8180, &[(&[0xC0, here], 1, 60, vec![10, 0, 0, 1])]);
    assert_eq!(answer(&bytes, 7, "app.example", Kind::A), None);
}

#[test]
fn a_name_stands_for_its_addresses_and_each_counts_once() {
    let members =
        [Member { weight: 3, ..Member::new("app.example:80") }, Member::new("10.0.0.1:80")];
    let known: BTreeSet<SocketAddr> =
        ["10.0.0.2:80", "10.0.0.1:80"].iter().map(|text| text.parse().unwrap()).collect();
    let found = |name: &str| (name == "app.example:80").then_some(&known);
    let told: Vec<(String, u32, String)> = expanded(&members, found)
        .into_iter()
        .map(|member| (member.address.clone(), member.weight, member.host().to_owned()))
        .collect();
    let one = |address: &str| (address.to_owned(), 3, "app.example".to_owned());
    assert_eq!(told, [one("10.0.0.1:80"), one("10.0.0.2:80")]);
    assert_eq!(expanded(&members, |_| None), members, "nothing is known yet");
}

proptest! {
    #[test]
    fn any_bytes_are_an_answer_or_none(bytes in any::<Vec<u8>>(), host in "[a-z]{1,9}\\.[a-z]{1,9}") {
        let asked = question(9, &host, Kind::A).unwrap();
        let mut hostile = reply(&asked, 0x8180, &[]);
        hostile[7] = bytes.first().copied().unwrap_or(1);
        hostile.extend_from_slice(&bytes);
        let _either = answer(&hostile, 9, &host, Kind::A);
        let _other = answer(&bytes, 9, &host, Kind::A);
    }

    #[test]
    fn an_answer_that_is_cut_short_is_none(cut in 0_usize..60) {
        let asked = question(9, "app.example", Kind::A).unwrap();
        let bytes = reply(&asked, 0x8180, &[(ASKED, 1, 60, vec![10, 0, 0, 1])]);
        let cut = cut.min(bytes.len() - 1);
        prop_assert_eq!(answer(&bytes[..cut], 9, "app.example", Kind::A), None);
    }
}
