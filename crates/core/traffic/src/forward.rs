//! What of a message is for the next hop alone, and who the client is behind proxies.

use std::net::{IpAddr, Ipv6Addr};

use http::{HeaderMap, HeaderName, HeaderValue, header};

/// `Keep-Alive`: of old, for one hop.
const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");

/// `Proxy-Connection`: never a standard, and still sent.
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

/// Takes out what is meant for one hop alone (RFC 9110, section 7.6.1): the fields that `Connection` names,
/// and those that are known to be so.
///
/// What a server needs to tell requests apart stays even if `Connection` names it: nobody behind the
/// gateway is to lose `Host` or `Authorization` because a client says so.
pub fn strip_hop_by_hop(headers: &mut HeaderMap) {
    if let Some(named) = named_by_connection(headers) {
        for name in named {
            headers.remove(name);
        }
    }
    // One pass to see what is there: most messages have one of these at most.
    let mut there = [false; HOPS];
    for name in headers.keys() {
        if let Some(place) = HOP_BY_HOP.iter().position(|hop| hop == name) {
            there[place] = true;
        }
    }
    for (name, _) in HOP_BY_HOP.iter().zip(there).filter(|(_, there)| *there) {
        headers.remove(name);
    }
}

const HOPS: usize = 8;

const HOP_BY_HOP: [HeaderName; HOPS] = [
    header::CONNECTION,
    KEEP_ALIVE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::TE,
    PROXY_CONNECTION,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
];

/// Fields that `Connection` cannot take out.
const KEPT: [HeaderName; 7] = [
    header::HOST,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::AUTHORIZATION,
    header::COOKIE,
    header::CACHE_CONTROL,
    header::ORIGIN,
];

/// Names in `Connection` that are not known anyway; `None` where there are none, as nearly always.
fn named_by_connection(headers: &HeaderMap) -> Option<Vec<HeaderName>> {
    let mut named = Vec::new();
    for value in headers.get_all(header::CONNECTION) {
        let bytes = value.as_bytes();
        if bytes.eq_ignore_ascii_case(b"keep-alive") || bytes.eq_ignore_ascii_case(b"close") {
            continue;
        }
        let names = bytes.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
        let names = names.filter_map(|name| HeaderName::from_bytes(name).ok());
        named.extend(names.filter(|name| !KEPT.contains(name) && !HOP_BY_HOP.contains(name)));
    }
    (!named.is_empty()).then_some(named)
}

/// Whether a request asks to change to another protocol on this connection: both `Connection: upgrade` and
/// `Upgrade` are there.
#[must_use]
pub fn upgrade(headers: &HeaderMap) -> Option<HeaderValue> {
    let upgrade = headers.get(header::UPGRADE)?;
    has_token(headers, &header::CONNECTION, "upgrade").then(|| upgrade.clone())
}

/// Whether a list in a header holds this word.
#[must_use]
pub fn has_token(headers: &HeaderMap, name: &HeaderName, word: &str) -> bool {
    let holds = |value: &HeaderValue| {
        let mut words = value.as_bytes().split(|byte| *byte == b',');
        words.any(|one| one.trim_ascii().eq_ignore_ascii_case(word.as_bytes()))
    };
    headers.get_all(name).iter().any(holds)
}

/// Why the framing of a request cannot be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// A transfer coding besides `chunked`, which the next hop would not be told of.
    UnknownCoding,
    /// Both `Content-Length` and `Transfer-Encoding`: two servers may differ on where it ends.
    Both,
    /// More than one `Host`, or one that is none.
    Host,
}

/// Whether anybody could be of two minds about where a request ends or whom it is for.
///
/// # Errors
///
/// What about it is in doubt.
pub fn check_framing(headers: &HeaderMap) -> Result<(), Framing> {
    if let Some(coding) = headers.get(header::TRANSFER_ENCODING) {
        let several = headers.get_all(header::TRANSFER_ENCODING).iter().count() > 1;
        if several || !coding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked") {
            return Err(Framing::UnknownCoding);
        }
        if headers.contains_key(header::CONTENT_LENGTH) {
            return Err(Framing::Both);
        }
    }
    let mut hosts = headers.get_all(header::HOST).iter();
    let (first, second) = (hosts.next(), hosts.next());
    let bad = |host: &HeaderValue| {
        let odd = |byte: &u8| !byte.is_ascii_graphic() || b"/\\@?#,<>\"".contains(byte);
        host.as_bytes().iter().any(odd)
    };
    if second.is_some() || first.is_some_and(bad) {
        return Err(Framing::Host);
    }
    Ok(())
}

/// A network: an address and how many of its bits count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    bits: u128,
    prefix: u32,
}

impl Network {
    /// `10.0.0.0/8`, `::1`, `192.0.2.7`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix.parse::<u32>().ok()?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let whole = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.unwrap_or(whole);
        (prefix <= whole).then(|| {
            let prefix = prefix + (128 - whole);
            Self { bits: bits(address) & mask(prefix), prefix }
        })
    }

    /// Whether an address lies within.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        bits(address) & mask(self.prefix) == self.bits
    }
}

fn mask(prefix: u32) -> u128 {
    u128::MAX.checked_shl(128 - prefix).unwrap_or(0)
}

/// An address as IPv6 has it, so that `::ffff:10.0.0.1` and `10.0.0.1` are one.
fn bits(address: IpAddr) -> u128 {
    let address = match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    };
    Ipv6Addr::to_bits(address)
}

/// `X-Forwarded-For`.
pub const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Who sent a request: the peer, or, where that is a trusted proxy, the last in `X-Forwarded-For` that is
/// none. What an untrusted peer says of itself counts for nothing.
#[must_use]
pub fn client(peer: IpAddr, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
    /// Proxies in a row that are looked behind: more is no real chain.
    const HOPS_MAX: usize = 20;
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
    if trusted.is_empty() || !is_trusted(peer) {
        return peer;
    }
    let mut client = peer;
    let lines: Vec<&HeaderValue> = headers.get_all(X_FORWARDED_FOR).iter().collect();
    let entries = lines.iter().rev().filter_map(|line| line.to_str().ok());
    for entry in entries.flat_map(|line| line.rsplit(',')).take(HOPS_MAX) {
        let Ok(address) = entry.trim().parse::<IpAddr>() else { break };
        client = address;
        if !is_trusted(address) {
            break;
        }
    }
    client
}
