//! What of a message is for the next hop alone, and who the client is behind proxies.

use std::{
    io::Write as _,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::fields::Fields;

/// Whether a field is for one hop wherever it stands; `Keep-Alive` of old, `Proxy-Connection` never by a standard.
fn is_hop_by_hop(name: &str) -> bool {
    // Every line of every head is asked, and most have another length.
    let known = match name.len() {
        2 => "te",
        7 => "upgrade",
        10 if name.starts_with(['k', 'K']) => "keep-alive",
        10 => "connection",
        16 => "proxy-connection",
        17 => "transfer-encoding",
        18 => "proxy-authenticate",
        19 => "proxy-authorization",
        _ => return false,
    };
    name.eq_ignore_ascii_case(known)
}

/// Fields that `Connection` cannot take out: nobody behind the gateway is to lose `Host` or `Authorization`
/// because a client says so.
const KEPT: [HeaderName; 7] = [
    header::HOST,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::AUTHORIZATION,
    header::COOKIE,
    header::CACHE_CONTROL,
    header::ORIGIN,
];

/// What of a head is meant for one hop alone (RFC 9110, section 7.6.1): the fields that its `Connection` names,
/// and those that are known to be so.
#[derive(Debug, Clone, Default)]
pub struct Hop {
    /// Names in `Connection` that are not known anyway; none, nearly always.
    named: Vec<HeaderName>,
}

impl Hop {
    /// What this head says of itself.
    #[must_use]
    pub fn of(fields: &impl Fields) -> Self {
        let mut named = Vec::new();
        for value in fields.all(&header::CONNECTION) {
            if value.eq_ignore_ascii_case(b"keep-alive") || value.eq_ignore_ascii_case(b"close") {
                continue;
            }
            let names = value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
            let names = names.filter_map(|name| HeaderName::from_bytes(name).ok());
            named
                .extend(names.filter(|name| !KEPT.contains(name) && !is_hop_by_hop(name.as_str())));
        }
        Self { named }
    }

    /// Whether a line of this name ends here.
    #[must_use]
    pub fn takes(&self, name: &str) -> bool {
        let is_it = |hop: &HeaderName| hop.as_str().eq_ignore_ascii_case(name);
        is_hop_by_hop(name) || self.named.iter().any(is_it)
    }
}

/// Takes out what is meant for one hop alone.
pub fn strip_hop_by_hop(headers: &mut HeaderMap) {
    let hop = Hop::of(headers);
    // Most messages have one of these at most.
    let names = headers.keys().filter(|name| hop.takes(name.as_str()));
    let names: Vec<HeaderName> = names.cloned().collect();
    for name in names {
        headers.remove(name);
    }
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
pub fn has_token(fields: &impl Fields, name: &HeaderName, word: &str) -> bool {
    let holds = |value: &[u8]| {
        let mut words = value.split(|byte| *byte == b',');
        words.any(|one| one.trim_ascii().eq_ignore_ascii_case(word.as_bytes()))
    };
    fields.all(name).any(holds)
}

/// How long a body is by `Content-Length`: one line of digits, or several of the same.
///
/// # Errors
///
/// Lines that contradict each other, or are no lengths.
pub fn length(fields: &impl Fields) -> Result<Option<u64>, Framing> {
    let mut length = None;
    for value in fields.all(&header::CONTENT_LENGTH) {
        let digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
        let text = std::str::from_utf8(value).ok().filter(|_| digits);
        let one: u64 = text.and_then(|text| text.parse().ok()).ok_or(Framing::Length)?;
        if length.is_some_and(|other| other != one) {
            return Err(Framing::Length);
        }
        length = Some(one);
    }
    Ok(length)
}

/// Why the framing of a request cannot be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// A transfer coding besides `chunked`, which the next hop would not be told of.
    UnknownCoding,
    /// Both `Content-Length` and `Transfer-Encoding`: two servers may differ on where it ends.
    Both,
    /// `Content-Length` contradicts itself, or is no length.
    Length,
    /// More than one `Host`, or one that is none.
    Host,
}

/// Whether anybody could be of two minds about where a request ends or whom it is for.
///
/// # Errors
///
/// What about it is in doubt.
pub fn check_framing(fields: &impl Fields) -> Result<(), Framing> {
    if let Some(coding) = fields.first(&header::TRANSFER_ENCODING) {
        let several = fields.all(&header::TRANSFER_ENCODING).nth(1).is_some();
        if several || !coding.trim_ascii().eq_ignore_ascii_case(b"chunked") {
            return Err(Framing::UnknownCoding);
        }
        if fields.has(&header::CONTENT_LENGTH) {
            return Err(Framing::Both);
        }
    }
    let odd = |byte: &u8| !byte.is_ascii_graphic() || b"/\\@?#,<>\"".contains(byte);
    let several = fields.all(&header::HOST).nth(1).is_some();
    if several || fields.first(&header::HOST).is_some_and(|host| host.iter().any(odd)) {
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

/// `X-Forwarded-Proto`.
pub const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// `X-Forwarded-Host`.
pub const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Who sent a request: the peer, or, where that is a trusted proxy, the last in `X-Forwarded-For` that is
/// none; in `Forwarded` where there is nothing else. What an untrusted peer says of itself counts for nothing.
#[must_use]
pub fn client(peer: IpAddr, fields: &impl Fields, trusted: &[Network]) -> IpAddr {
    if !is_trusted(peer, trusted) {
        return peer;
    }
    Before::of(fields, trusted).addresses.last().copied().unwrap_or(peer)
}

/// Whether a request comes from a trusted network, or from this machine, and not through it from elsewhere: nobody is told
/// to stand before the peer who is not trusted as well.
#[must_use]
pub fn is_from_within(peer: IpAddr, fields: &impl Fields, trusted: &[Network]) -> bool {
    if is_trusted(peer, trusted) {
        return Before::of(fields, trusted).is_trusted;
    }
    // A proxy of this machine that is not trusted passes on whatever it is told.
    peer.is_loopback() && !fields.has(&X_FORWARDED_FOR) && !fields.has(&header::FORWARDED)
}

/// What a trusted peer tells of who stands before it, as far as that is believed.
#[derive(Debug, Clone, Default)]
struct Before {
    /// The nearest first; the last is the client.
    addresses: Vec<IpAddr>,
    /// Whether the client's connection is encrypted, as `Forwarded` has it.
    encrypted: Option<bool>,
    /// Whether all of them are trusted, and nobody is left out.
    is_trusted: bool,
}

impl Before {
    /// In `X-Forwarded-For`, or in `Forwarded` where there is nothing else.
    fn of(fields: &impl Fields, trusted: &[Network]) -> Self {
        /// Proxies in a row that are looked behind: more is no real chain.
        const HOPS_MAX: usize = 20;
        let is_other = !fields.has(&X_FORWARDED_FOR);
        let name = if is_other { header::FORWARDED } else { X_FORWARDED_FOR };
        let lines: Vec<&[u8]> = fields.all(&name).collect();
        let elements = |line| if is_other { parts(line, b',') } else { split(line) };
        let mut elements =
            lines.into_iter().rev().flat_map(|line| elements(line).into_iter().rev());
        let mut before = Self::default();
        for element in elements.by_ref().take(HOPS_MAX) {
            let address = if is_other {
                // Who added an element is trusted, or it would not be looked at.
                let proto = parameter(element, "proto");
                before.encrypted =
                    proto.map(|proto| proto.eq_ignore_ascii_case("https")).or(before.encrypted);
                node(element)
            } else {
                std::str::from_utf8(element).ok().and_then(|text| text.trim().parse().ok())
            };
            let Some(address) = address else { return before };
            before.addresses.push(address);
            if !is_trusted(address, trusted) {
                return before;
            }
        }
        before.is_trusted = elements.next().is_none();
        before
    }

    /// In `Forwarded`, where a trusted peer says nothing else.
    fn of_forwarded_alone(fields: &impl Fields, trusted: &[Network]) -> Self {
        let is_alone = fields.has(&header::FORWARDED) && !fields.has(&X_FORWARDED_FOR);
        if is_alone { Self::of(fields, trusted) } else { Self::default() }
    }
}

/// The address that an element of `Forwarded` is for (RFC 7239, section 6); `None` if it names none.
fn node(element: &[u8]) -> Option<IpAddr> {
    let named = parameter(element, "for")?;
    if let Some(rest) = named.strip_prefix('[') {
        let (address, _port) = rest.split_once(']')?;
        return address.parse::<Ipv6Addr>().ok().map(IpAddr::V6);
    }
    let address = named.split_once(':').map_or(named, |(address, _port)| address);
    address.parse::<Ipv4Addr>().ok().map(IpAddr::V4)
}

/// What an element of `Forwarded` says under a name, without its quotes.
fn parameter<'a>(element: &'a [u8], name: &str) -> Option<&'a str> {
    let pairs = parts(element, b';').into_iter();
    let value = pairs.filter_map(|pair| std::str::from_utf8(pair).ok()).find_map(|pair| {
        let (other, value) = pair.split_once('=')?;
        other.trim().eq_ignore_ascii_case(name).then(|| value.trim())
    })?;
    match value.strip_prefix('"') {
        Some(rest) => rest.strip_suffix('"'),
        None => Some(value),
    }
}

/// The parts of a line between commas.
fn split(line: &[u8]) -> Vec<&[u8]> {
    line.split(|byte| *byte == b',').collect()
}

/// The parts of a line between such a byte, which within quotes is text like any other (RFC 9110, section 5.6.4).
fn parts(line: &[u8], between: u8) -> Vec<&[u8]> {
    let mut parts = Vec::new();
    let (mut from, mut is_quoted, mut is_escaped) = (0, false, false);
    for (place, byte) in line.iter().enumerate() {
        if is_escaped {
            is_escaped = false;
        } else if is_quoted && *byte == b'\\' {
            is_escaped = true;
        } else if *byte == b'"' {
            is_quoted = !is_quoted;
        } else if *byte == between && !is_quoted {
            parts.extend(line.get(from..place));
            from = place + 1;
        }
    }
    parts.extend(line.get(from..));
    parts
}

/// Whether an address lies in one of these networks.
#[must_use]
pub fn is_trusted(address: IpAddr, trusted: &[Network]) -> bool {
    trusted.iter().any(|network| network.contains(address))
}

/// How a client asks, `http` or `https`: as a trusted proxy tells it, or as its connection is.
#[must_use]
pub fn scheme(
    (address, encrypted): (IpAddr, bool),
    fields: &impl Fields,
    trusted: &[Network],
) -> &'static str {
    if !is_trusted(address, trusted) {
        return scheme_of(encrypted);
    }
    let told = fields.first(&X_FORWARDED_PROTO).map(|told| told.eq_ignore_ascii_case(b"https"));
    let told = told.or_else(|| Before::of_forwarded_alone(fields, trusted).encrypted);
    scheme_of(told.unwrap_or(encrypted))
}

fn scheme_of(encrypted: bool) -> &'static str {
    if encrypted { "https" } else { "http" }
}

/// Who a request comes from, as a member is told: what a client says of that itself ends here, unless it is a
/// trusted proxy.
#[derive(Debug, Clone)]
pub struct Sender<'a> {
    address: &'a [u8],
    encrypted: bool,
    trusted: bool,
    before: Before,
}

impl<'a> Sender<'a> {
    /// A peer: its address, the same as headers have it, and whether its connection is encrypted.
    #[must_use]
    pub fn new(
        (peer, address, encrypted): (IpAddr, &'a [u8], bool),
        fields: &impl Fields,
        trusted: &[Network],
    ) -> Self {
        let is_believed = is_trusted(peer, trusted);
        let before = if is_believed {
            Before::of_forwarded_alone(fields, trusted)
        } else {
            Before::default()
        };
        Self { address, encrypted, trusted: is_believed, before }
    }

    /// Whether a line of the request ends here, since the gateway says the same itself or nobody is to believe it.
    #[must_use]
    pub fn replaces(&self, name: &str) -> bool {
        let is = |other: &HeaderName| other.as_str().eq_ignore_ascii_case(name);
        // Most lines have another length than all of these.
        match name.len() {
            15 => is(&X_FORWARDED_FOR),
            9 => is(&header::FORWARDED),
            _ if self.trusted => false,
            16 => is(&X_FORWARDED_HOST),
            17 => is(&X_FORWARDED_PROTO),
            _ => false,
        }
    }

    /// Adds the value of `X-Forwarded-For` to these bytes: what a trusted peer says, there or in `Forwarded` alone, and the
    /// peer.
    pub fn chain(&self, fields: &impl Fields, to: &mut Vec<u8>) {
        if self.trusted {
            for line in fields.all(&X_FORWARDED_FOR) {
                to.extend_from_slice(line);
                to.extend_from_slice(b", ");
            }
        }
        for address in self.before.addresses.iter().rev() {
            // Writing into memory cannot fail.
            let _ok = write!(to, "{address}, ");
        }
        to.extend_from_slice(self.address);
    }

    /// Adds the value of `Forwarded` to these bytes, if a trusted peer tells it: what it says, and the peer (RFC 7239). Whether
    /// there is one: to who does not speak it `X-Forwarded-For` and the others say the same.
    pub fn forwarded(&self, fields: &impl Fields, to: &mut Vec<u8>) -> bool {
        if !self.trusted || !fields.has(&header::FORWARDED) {
            return false;
        }
        for line in fields.all(&header::FORWARDED) {
            to.extend_from_slice(line);
            to.extend_from_slice(b", ");
        }
        let is_six = self.address.contains(&b':');
        let (before, after) = if is_six { ("\"[", "]\"") } else { ("", "") };
        let (before, after) = (before.as_bytes(), after.as_bytes());
        let proto = scheme_of(self.encrypted).as_bytes();
        for part in [&b"for="[..], before, self.address, after, b";proto=", proto] {
            to.extend_from_slice(part);
        }
        let plain = |host: &&[u8]| !host.iter().any(|byte| matches!(byte, b'"' | b'\\'));
        if let Some(host) = fields.first(&header::HOST).filter(plain) {
            for part in [&b";host=\""[..], host, b"\""] {
                to.extend_from_slice(part);
            }
        }
        true
    }

    /// The value of `X-Forwarded-Proto`, unless there is one that stays.
    #[must_use]
    pub fn proto(&self, fields: &impl Fields) -> Option<&'static str> {
        let stays = self.trusted && fields.has(&X_FORWARDED_PROTO);
        (!stays).then(|| scheme_of(self.before.encrypted.unwrap_or(self.encrypted)))
    }

    /// The value of `X-Forwarded-Host`, unless there is one that stays, or no `Host`.
    #[must_use]
    pub fn host<'f>(&self, fields: &'f impl Fields) -> Option<&'f [u8]> {
        let stays = self.trusted && fields.has(&X_FORWARDED_HOST);
        if stays { None } else { fields.first(&header::HOST) }
    }
}
