//! Questions to a name server, and what its answers mean: addresses of a host, and for how long (RFC 1035, 3596, 2308).
//!
//! As much as it takes to keep up with members that come and go. Whatever is wrong with an answer is no answer, so that
//! what was known before goes on to count.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use crate::plan::Member;

/// Which addresses are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// IPv4.
    A,
    /// IPv6.
    Aaaa,
}

impl Kind {
    fn code(self) -> u16 {
        match self {
            Self::A => 1,
            Self::Aaaa => 28,
        }
    }
}

/// What an answer says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// There are these addresses, for so long; none if the host has none of this kind.
    Addresses(BTreeSet<IpAddr>, Duration),
    /// There is no such host.
    NoHost,
    /// It was cut off: ask by TCP.
    Cut,
    /// The server could not say; its code is this.
    Failed(u16),
}

/// Bytes of an answer over UDP without extensions (RFC 1035, section 4.2.1); longer ones are taken where they come.
pub const ANSWER_BYTES_MAX: usize = 64 << 10;

/// Addresses of one host: more than one name server puts into an answer.
pub const ADDRESSES_MAX: usize = 256;

/// Names of names that are followed.
const ALIASES_MAX: usize = 16;

/// Records of one answer that are looked at.
const RECORDS_MAX: usize = 1_024;

/// The longest that an answer counts, whatever it says.
const TTL_MAX: u32 = 86_400;

/// Members with those that names stand for in place of the names: each address once, with the name's weight, in the
/// order of the names. Names of which nothing is known stay.
pub fn expanded<'a>(
    members: &[Member],
    found: impl Fn(&str) -> Option<&'a BTreeSet<SocketAddr>>,
) -> Vec<Member> {
    let mut all: Vec<Member> = Vec::new();
    let mut taken = BTreeSet::new();
    for member in members {
        let known = found(&member.address).filter(|known| !known.is_empty());
        let Some(known) = known else {
            if taken.insert(member.address.clone()) {
                all.push(member.clone());
            }
            continue;
        };
        for address in known.iter().take(ADDRESSES_MAX) {
            let address = address.to_string();
            if taken.insert(address.clone()) {
                let host = Some(member.host().to_owned());
                all.push(Member { address, host, ..member.clone() });
            }
        }
    }
    all
}

/// A question; `None` if the host is no name.
#[must_use]
pub fn question(id: u16, host: &str, kind: Kind) -> Option<Vec<u8>> {
    let host = host.strip_suffix('.').unwrap_or(host);
    let mut bytes = Vec::with_capacity(32 + host.len());
    bytes.extend_from_slice(&id.to_be_bytes());
    // A question, to be looked up for us; one of them.
    bytes.extend_from_slice(&[1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    for label in host.split('.') {
        let length = u8::try_from(label.len()).ok().filter(|length| (1..=63).contains(length))?;
        bytes.push(length);
        bytes.extend_from_slice(label.as_bytes());
    }
    bytes.push(0);
    // The head, and a name of 255 bytes.
    if 12 + 255 < bytes.len() {
        return None;
    }
    bytes.extend_from_slice(&kind.code().to_be_bytes());
    bytes.extend_from_slice(&1_u16.to_be_bytes());
    Some(bytes)
}

/// Reads the answer to a question that was asked so; `None` if it is none, or to another question.
#[must_use]
pub fn answer(bytes: &[u8], id: u16, host: &str, kind: Kind) -> Option<Answer> {
    const IS_ANSWER: u16 = 0x8000;
    const IS_CUT: u16 = 0x0200;
    let mut cursor = Cursor { bytes, at: 0 };
    let (same, flags) = (cursor.short()? == id, cursor.short()?);
    let (questions, answers) = (cursor.short()?, cursor.short()?);
    let _authorities_and_others = (cursor.short()?, cursor.short()?);
    if !same || flags & IS_ANSWER == 0 || questions != 1 {
        return None;
    }
    let asked = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    let is_same = cursor.name()? == asked && cursor.short()? == kind.code() && cursor.short()? == 1;
    if !is_same {
        return None;
    }
    match flags & 0xF {
        0 if flags & IS_CUT != 0 => Some(Answer::Cut),
        0 => addresses(&mut cursor, usize::from(answers), asked, kind),
        3 => Some(Answer::NoHost),
        code => Some(Answer::Failed(code)),
    }
}

/// Addresses of the host, or of the name that it stands for.
fn addresses(cursor: &mut Cursor<'_>, answers: usize, asked: String, kind: Kind) -> Option<Answer> {
    const ALIAS: u16 = 5;
    let mut records = Vec::new();
    for _ in 0..answers.min(RECORDS_MAX) {
        let name = cursor.name()?;
        let (code, class, ttl) = (cursor.short()?, cursor.short()?, cursor.long()?);
        let length = usize::from(cursor.short()?);
        let from = cursor.at;
        let data = cursor.take(length)?;
        if class != 1 {
            continue;
        }
        if code == ALIAS {
            let target = Cursor { bytes: cursor.bytes, at: from }.name()?;
            records.push((name, Record::Alias(target), ttl));
        } else if code == kind.code() {
            let address = match kind {
                Kind::A => IpAddr::V4(Ipv4Addr::from(*data.first_chunk::<4>()?)),
                Kind::Aaaa => IpAddr::V6(Ipv6Addr::from(*data.first_chunk::<16>()?)),
            };
            records.push((name, Record::Address(address), ttl));
        }
    }
    let (mut name, mut seconds) = (asked, TTL_MAX);
    for _ in 0..ALIASES_MAX {
        let alias = records.iter().find_map(|(of, record, ttl)| match record {
            Record::Alias(target) if *of == name => Some((target.clone(), *ttl)),
            _ => None,
        });
        let Some((target, ttl)) = alias else { break };
        seconds = seconds.min(ttl);
        name = target;
    }
    let mut found = BTreeSet::new();
    for (of, record, ttl) in &records {
        if let Record::Address(address) = record
            && *of == name
            && found.len() < ADDRESSES_MAX
        {
            seconds = seconds.min(*ttl);
            found.insert(*address);
        }
    }
    Some(Answer::Addresses(found, Duration::from_secs(u64::from(seconds))))
}

enum Record {
    Address(IpAddr),
    Alias(String),
}

/// Where reading has come to.
struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let end = self.at.checked_add(count)?;
        let taken = self.bytes.get(self.at..end)?;
        self.at = end;
        Some(taken)
    }

    fn short(&mut self) -> Option<u16> {
        self.take(2)?.first_chunk().map(|bytes| u16::from_be_bytes(*bytes))
    }

    fn long(&mut self) -> Option<u32> {
        self.take(4)?.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
    }

    /// A name, in small letters; parts of it may stand elsewhere, but only before, so that there is an end.
    fn name(&mut self) -> Option<String> {
        let mut name = String::new();
        let (mut at, mut before, mut went) = (self.at, self.at, false);
        loop {
            let length = usize::from(*self.bytes.get(at)?);
            match length {
                0 => {
                    if !went {
                        self.at = at + 1;
                    }
                    return Some(name);
                }
                1..=63 => {
                    let label = self.bytes.get(at + 1..at + 1 + length)?;
                    if !name.is_empty() {
                        name.push('.');
                    }
                    // Whatever is no letter is not what was asked for.
                    name.extend(label.iter().map(|byte| char::from(byte.to_ascii_lowercase())));
                    if 255 < name.len() {
                        return None;
                    }
                    at += 1 + length;
                }
                192.. => {
                    let low = usize::from(*self.bytes.get(at + 1)?);
                    let target = (length & 0x3F) << 8 | low;
                    if !went {
                        self.at = at + 2;
                        went = true;
                    }
                    if before <= target {
                        return None;
                    }
                    (at, before) = (target, target);
                }
                _ => return None,
            }
        }
    }
}
