//! The PROXY protocol: what is written is read again, and what is anything else is refused.

use std::net::SocketAddr;

use proptest::prelude::*;
use traffic::proxy_protocol::{Ends, HEADER_BYTES_MAX, Read, Version, read, write};

fn ends(from: &str, to: &str) -> Ends {
    Ends {
        from: from.parse().expect("as the test has it"),
        to: to.parse().expect("as the test has it"),
    }
}

fn written(version: Version, ends: Option<Ends>) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(version, ends, &mut bytes);
    bytes
}

#[test]
fn a_line_tells_both_ends() {
    let line = b"PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\r\nGET /";
    let told = ends("192.0.2.7:56324", "198.51.100.1:443");
    assert_eq!(read(line), Ok(Read::Header { bytes: line.len() - 5, ends: Some(told) }));
    assert_eq!(written(Version::One, Some(told)), line[..line.len() - 5]);
    let six = ends("[2001:db8::1]:1", "[2001:db8::2]:2");
    assert_eq!(written(Version::One, Some(six)), b"PROXY TCP6 2001:db8::1 2001:db8::2 1 2\r\n");
    let unknown = b"PROXY UNKNOWN ffff:f...f ffff:f...f 65535 65535\r\n";
    assert_eq!(read(unknown), Ok(Read::Header { bytes: unknown.len(), ends: None }));
}

#[test]
fn what_is_told_besides_addresses_is_passed_over() {
    let mut bytes = written(Version::Two, Some(ends("192.0.2.7:1", "192.0.2.8:2")));
    // A unique number of five bytes, as HAProxy's `PP2_TYPE_UNIQUE_ID`.
    bytes.extend_from_slice(b"\x05\x00\x05hello");
    bytes[15] += 8;
    let all = bytes.len();
    bytes.extend_from_slice(b"GET");
    let Ok(Read::Header { bytes, ends: Some(_) }) = read(&bytes) else { panic!("{bytes:?}") };
    assert_eq!(bytes, all);
}

#[test]
fn what_is_not_exactly_a_header_is_none() {
    for line in [
        "GET / HTTP/1.1\r\n",
        "proxy TCP4 1.1.1.1 2.2.2.2 1 2\r\n",
        "PROXY  TCP4 1.1.1.1 2.2.2.2 1 2\r\n",
        "PROXY TCP4 1.1.1.1 2.2.2.2 1\r\n",
        "PROXY TCP4 1.1.1.1 2.2.2.2 1 2 3\r\n",
        "PROXY TCP4 1.1.1.1 2.2.2.2 1 65536\r\n",
        "PROXY TCP4 1.1.1.1 2.2.2.2 01 2\r\n",
        "PROXY TCP4 1.1.1.1 2.2.2.2 +1 2\r\n",
        "PROXY TCP4 1.1.1 2.2.2.2 1 2\r\n",
        "PROXY TCP4 ::1 ::2 1 2\r\n",
        "PROXY TCP6 1.1.1.1 2.2.2.2 1 2\r\n",
        "PROXY UDP4 1.1.1.1 2.2.2.2 1 2\r\n",
        "PROXY TCP4 1.1.1.1 2.2.2.2 1 2\n\r\n",
    ] {
        assert!(read(line.as_bytes()).is_err(), "{line:?}");
    }
    let endless = format!("PROXY UNKNOWN {}", "x".repeat(200));
    assert!(read(endless.as_bytes()).is_err());
}

#[test]
fn bytes_that_are_odd_are_none() {
    let good = written(Version::Two, Some(ends("192.0.2.7:1", "192.0.2.8:2")));
    let odd = |place: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[place] = byte;
        assert!(read(&bytes).is_err(), "{byte} at {place}");
    };
    // The version, a command that is not known, datagrams, a length that is too short, and one too long.
    odd(12, 0x11);
    odd(12, 0x22);
    odd(13, 0x12);
    odd(13, 0x31);
    odd(15, 11);
    odd(14, u8::try_from(HEADER_BYTES_MAX >> 8).unwrap());
}

fn socket() -> impl Strategy<Value = SocketAddr> {
    any::<(std::net::IpAddr, u16)>()
        .prop_map(|(address, port)| (address.to_canonical(), port).into())
}

proptest! {
    #[test]
    fn what_is_written_is_read_whatever_follows(
        (from, to) in (socket(), socket()), two in any::<bool>(), more in any::<Vec<u8>>(),
    ) {
        let version = if two { Version::Two } else { Version::One };
        let mut bytes = written(version, Some(Ends { from, to }));
        let length = bytes.len();
        bytes.extend_from_slice(&more);
        let Ok(Read::Header { bytes: count, ends: Some(ends) }) = read(&bytes) else {
            return Err(TestCaseError::fail(format!("{bytes:?}")));
        };
        prop_assert_eq!(count, length);
        prop_assert_eq!(ends.from.ip().to_canonical(), from.ip());
        prop_assert_eq!(ends.to.ip().to_canonical(), to.ip());
        prop_assert_eq!((ends.from.port(), ends.to.port()), (from.port(), to.port()));
    }

    /// Who reads as many bytes as it is told never reads past the header, and comes to its end.
    #[test]
    fn reading_on_as_told_ends_with_the_header(
        (from, to) in (socket(), socket()), two in any::<bool>(),
    ) {
        let version = if two { Version::Two } else { Version::One };
        let bytes = written(version, Some(Ends { from, to }));
        let mut there = 0;
        loop {
            match read(&bytes[..there]) {
                Ok(Read::More(count)) => {
                    prop_assert!(0 < count && there + count <= bytes.len(), "{there} {count}");
                    there += count;
                }
                Ok(Read::Header { bytes: count, .. }) => {
                    prop_assert_eq!(count, bytes.len());
                    break;
                }
                Err(none) => return Err(TestCaseError::fail(none.to_string())),
            }
        }
    }

    #[test]
    fn anything_else_is_refused_or_bounded(bytes in any::<Vec<u8>>(), two in any::<bool>()) {
        let mut hostile = if two { b"\r\n\r\n\0\r\nQUIT\n".to_vec() } else { b"PROXY ".to_vec() };
        hostile.extend_from_slice(&bytes);
        match read(&hostile) {
            Ok(Read::More(count)) => prop_assert!(hostile.len() + count <= HEADER_BYTES_MAX),
            Ok(Read::Header { bytes, .. }) => prop_assert!(bytes <= hostile.len()),
            Err(_) => {}
        }
    }
}
