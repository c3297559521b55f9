//! The PROXY protocol, versions 1 and 2: who asks, told by who accepts connections for others, before anything else
//! is said (`HAProxy`'s `proxy-protocol.txt`, sections 2.1 and 2.2).
//!
//! Read strictly: what is not exactly as the document has it is none, since what follows is believed.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The version that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// A line of text.
    One,
    /// Bytes.
    Two,
}

/// Both ends of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ends {
    /// Who connected.
    pub from: SocketAddr,
    /// To where.
    pub to: SocketAddr,
}

/// What was read of a connection's beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Read {
    /// It may be a header, and so many bytes more belong to it for certain.
    More(usize),
    /// It is a header, of so many bytes.
    Header {
        /// Its bytes.
        bytes: usize,
        /// Who asks; `None` if that is who connected, as for its own checks.
        ends: Option<Ends>,
    },
}

/// What came is no header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no header of the PROXY protocol")]
pub struct NoHeader;

/// What version 2 begins with.
const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";

/// What version 1 begins with.
const WORD: &[u8] = b"PROXY ";

/// The longest line of version 1, as its document has it, with both ends of it.
const LINE_BYTES_MAX: usize = 107;

/// The shortest one: `PROXY UNKNOWN`.
const LINE_BYTES_MIN: usize = 15;

/// The fixed part of version 2.
const FIXED_BYTES: usize = 16;

/// Bytes of a header of version 2: addresses and what may be told besides, of which nobody sends so much.
pub const HEADER_BYTES_MAX: usize = 4 << 10;

/// Reads the beginning of a connection.
///
/// # Errors
///
/// What came does not begin with a header.
pub fn read(bytes: &[u8]) -> Result<Read, NoHeader> {
    if bytes.is_empty() {
        return Ok(Read::More(LINE_BYTES_MIN));
    }
    let begins = |known: &[u8]| bytes.iter().zip(known).all(|(one, other)| one == other);
    if begins(&SIGNATURE) && bytes.len() < FIXED_BYTES {
        return Ok(Read::More(FIXED_BYTES - bytes.len()));
    }
    if begins(&SIGNATURE) {
        return read_two(bytes);
    }
    if begins(WORD) { read_one(bytes) } else { Err(NoHeader) }
}

fn read_one(bytes: &[u8]) -> Result<Read, NoHeader> {
    let head = bytes.get(..LINE_BYTES_MAX).unwrap_or(bytes);
    let Some(end) = head.windows(2).position(|pair| pair == b"\r\n") else {
        if LINE_BYTES_MAX <= bytes.len() {
            return Err(NoHeader);
        }
        // Half of what ends it may be there already.
        let least = if bytes.ends_with(b"\r") { 1 } else { 2 };
        return Ok(Read::More(least.max(LINE_BYTES_MIN.saturating_sub(bytes.len()))));
    };
    let line = head.get(..end).and_then(|line| std::str::from_utf8(line).ok()).ok_or(NoHeader)?;
    let mut words = line.split(' ').skip(1);
    let header = |ends| Read::Header { bytes: end + 2, ends };
    let family = words.next();
    if family == Some("UNKNOWN") {
        return Ok(header(None));
    }
    let mut next = || words.next().ok_or(NoHeader);
    let (from, to) = (address(next()?)?, address(next()?)?);
    let (from_port, to_port) = (port(next()?)?, port(next()?)?);
    let fits = match family {
        Some("TCP4") => from.is_ipv4() && to.is_ipv4(),
        Some("TCP6") => from.is_ipv6() && to.is_ipv6(),
        _ => false,
    };
    if !fits || words.next().is_some() {
        return Err(NoHeader);
    }
    let (from, to) = (SocketAddr::new(from, from_port), SocketAddr::new(to, to_port));
    Ok(header(Some(Ends { from, to })))
}

fn address(word: &str) -> Result<IpAddr, NoHeader> {
    word.parse().map_err(|_unread| NoHeader)
}

fn port(word: &str) -> Result<u16, NoHeader> {
    let digits = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
    let padded = word.len() > 1 && word.starts_with('0');
    if !digits || padded {
        return Err(NoHeader);
    }
    word.parse().map_err(|_unread| NoHeader)
}

fn read_two(bytes: &[u8]) -> Result<Read, NoHeader> {
    let [_, _, _, _, _, _, _, _, _, _, _, _, command, family, high, low, ..] = *bytes else {
        return Err(NoHeader);
    };
    let length = usize::from(u16::from_be_bytes([high, low]));
    let all = FIXED_BYTES + length;
    if HEADER_BYTES_MAX < all {
        return Err(NoHeader);
    }
    let is_local = match command {
        0x20 => true,
        0x21 => false,
        _ => return Err(NoHeader),
    };
    let Some(told) = bytes.get(FIXED_BYTES..all) else {
        return Ok(Read::More(all - bytes.len()));
    };
    let ends = match family {
        _ if is_local => None,
        // Not told.
        0x00 => None,
        0x11 => Some(ends_four(told)?),
        0x21 => Some(ends_six(told)?),
        // Datagrams and sockets in the file system are nobody's that could ask here.
        _ => return Err(NoHeader),
    };
    Ok(Read::Header { bytes: all, ends })
}

fn ends_four(told: &[u8]) -> Result<Ends, NoHeader> {
    let (from, rest) = told.split_first_chunk::<4>().ok_or(NoHeader)?;
    let (to, rest) = rest.split_first_chunk::<4>().ok_or(NoHeader)?;
    ends(Ipv4Addr::from(*from).into(), Ipv4Addr::from(*to).into(), rest)
}

fn ends_six(told: &[u8]) -> Result<Ends, NoHeader> {
    let (from, rest) = told.split_first_chunk::<16>().ok_or(NoHeader)?;
    let (to, rest) = rest.split_first_chunk::<16>().ok_or(NoHeader)?;
    ends(Ipv6Addr::from(*from).into(), Ipv6Addr::from(*to).into(), rest)
}

fn ends(from: IpAddr, to: IpAddr, ports: &[u8]) -> Result<Ends, NoHeader> {
    let (from_port, rest) = ports.split_first_chunk::<2>().ok_or(NoHeader)?;
    let to_port = rest.first_chunk::<2>().ok_or(NoHeader)?;
    Ok(Ends {
        from: SocketAddr::new(from, u16::from_be_bytes(*from_port)),
        to: SocketAddr::new(to, u16::from_be_bytes(*to_port)),
    })
}

/// Writes a header; `None` for a connection that nobody asked for, as for checks.
pub fn write(version: Version, ends: Option<Ends>, to: &mut Vec<u8>) {
    match version {
        Version::One => write_one(ends, to),
        Version::Two => write_two(ends, to),
    }
}

fn write_one(ends: Option<Ends>, to: &mut Vec<u8>) {
    let line = match ends.map(alike) {
        None => "PROXY UNKNOWN\r\n".to_owned(),
        Some(Ends { from, to }) => {
            let family = if from.is_ipv4() { "TCP4" } else { "TCP6" };
            let (from_port, to_port) = (from.port(), to.port());
            format!("PROXY {family} {} {} {from_port} {to_port}\r\n", from.ip(), to.ip())
        }
    };
    to.extend_from_slice(line.as_bytes());
}

fn write_two(ends: Option<Ends>, to: &mut Vec<u8>) {
    to.extend_from_slice(&SIGNATURE);
    let Some(ends) = ends.map(alike) else {
        to.extend_from_slice(&[0x20, 0, 0, 0]);
        return;
    };
    match (ends.from.ip(), ends.to.ip()) {
        (IpAddr::V4(from), IpAddr::V4(target)) => {
            to.extend_from_slice(&[0x21, 0x11, 0, 12]);
            to.extend_from_slice(&from.octets());
            to.extend_from_slice(&target.octets());
        }
        (from, target) => {
            to.extend_from_slice(&[0x21, 0x21, 0, 36]);
            to.extend_from_slice(&six(from).octets());
            to.extend_from_slice(&six(target).octets());
        }
    }
    to.extend_from_slice(&ends.from.port().to_be_bytes());
    to.extend_from_slice(&ends.to.port().to_be_bytes());
}

/// Both ends as addresses of one kind: IPv4 where both are, else IPv6.
fn alike(ends: Ends) -> Ends {
    let (from, to) = (ends.from.ip().to_canonical(), ends.to.ip().to_canonical());
    let (from, to) = match (from, to) {
        (IpAddr::V4(_), IpAddr::V4(_)) => (from, to),
        _ => (IpAddr::V6(six(from)), IpAddr::V6(six(to))),
    };
    Ends { from: SocketAddr::new(from, ends.from.port()), to: SocketAddr::new(to, ends.to.port()) }
}

fn six(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    }
}
