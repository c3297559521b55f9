//! A stored answer as bytes, for where it outlives the process or leaves it: with a version and a checksum, so that what is
//! torn, flipped or of another version is as good as not there.
//!
//! Its age goes along, not when it came: clocks of two machines may differ.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use model::Moment;

use super::{
    key::Asker,
    policy::Policy,
    purge::Place,
    stored::Stored,
    vary::{Field, Selecting},
};

/// What it begins with; the last byte rises when what follows changes.
const MARK: [u8; 4] = *b"TtC\x01";

/// Bytes before what the checksum is of.
const HEAD_BYTES: usize = MARK.len() + 4;

/// Texts in a list: more than any answer has.
const LIST_MAX: u32 = 10_000;

/// An answer as bytes.
#[must_use]
pub fn packed(stored: &Stored, now: Moment) -> Vec<u8> {
    let mut out = Vec::with_capacity(stored.body.len() + 1_024);
    out.extend_from_slice(&MARK);
    out.extend_from_slice(&[0; 4]);
    put_head(&mut out, stored, now);
    out.extend_from_slice(&stored.body);
    let sum = crc32c::crc32c(&out[HEAD_BYTES..]);
    out[MARK.len()..HEAD_BYTES].copy_from_slice(&sum.to_le_bytes());
    out
}

/// Everything but the body.
pub(super) fn put_head(out: &mut Vec<u8>, stored: &Stored, now: Moment) {
    let policy = &stored.policy;
    put_number(out, u64::from(stored.status.as_u16()));
    let times = [
        policy.age(now),
        policy.lifetime,
        policy.stale_while_revalidate,
        policy.stale_if_error,
        policy.stale_when_down,
        policy.took,
    ];
    for time in times {
        put_number(out, u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    }
    let flags = [
        policy.asks_always,
        policy.strict,
        policy.immutable,
        policy.shared_with.authorization,
        policy.shared_with.cookies,
    ];
    out.extend(flags.map(u8::from));
    put_count(out, policy.omitted.len());
    policy.omitted.iter().for_each(|name| put(out, name.as_str().as_bytes()));
    put_selecting(out, &stored.selecting);
    let place = &stored.place;
    for text in [&place.route, &place.host, &place.target] {
        put(out, text.as_bytes());
    }
    put_count(out, place.tags.len());
    place.tags.iter().for_each(|tag| put(out, tag.as_bytes()));
    put_count(out, stored.headers.len());
    for (name, value) in &stored.headers {
        put(out, name.as_str().as_bytes());
        put(out, value.as_bytes());
    }
}

/// The answer that bytes are of, which were packed so long ago; `None` if they are not as they were written.
#[must_use]
pub fn unpacked(bytes: &Bytes, ago: Duration, now: Moment) -> Option<Stored> {
    let rest = bytes.strip_prefix(&MARK)?;
    let (sum, rest) = rest.split_first_chunk::<4>()?;
    (crc32c::crc32c(rest) == u32::from_le_bytes(*sum)).then_some(())?;
    let mut from = From { rest };
    let head = from.head(ago, now)?;
    Some(head.with(bytes.slice_ref(from.rest)))
}

/// What an answer was chosen by.
pub(super) fn put_selecting(out: &mut Vec<u8>, selecting: &Selecting) {
    put_count(out, selecting.fields.len());
    for field in &selecting.fields {
        put(out, field.name.as_str().as_bytes());
        put_maybe(out, field.raw.as_deref());
        put_maybe(out, field.meaning.as_deref());
    }
}

/// An answer without its body.
pub(super) struct Head {
    status: StatusCode,
    headers: HeaderMap,
    pub(super) policy: Policy,
    pub(super) selecting: Selecting,
    pub(super) place: Place,
}

impl Head {
    /// The answer.
    pub(super) fn with(self, body: Bytes) -> Stored {
        let Self { status, headers, policy, selecting, place } = self;
        Stored::new(status, headers, body, (policy, selecting, place))
    }
}

/// What was written by `put_head` so long ago, and nothing more.
pub(super) fn head_of(bytes: &[u8], ago: Duration, now: Moment) -> Option<Head> {
    let mut from = From { rest: bytes };
    let head = from.head(ago, now)?;
    from.rest.is_empty().then_some(head)
}

pub(super) fn put_number(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(&number.to_le_bytes());
}

fn put_count(out: &mut Vec<u8>, count: usize) {
    out.extend_from_slice(&u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes());
}

pub(super) fn put(out: &mut Vec<u8>, bytes: &[u8]) {
    put_count(out, bytes.len());
    out.extend_from_slice(bytes);
}

fn put_maybe(out: &mut Vec<u8>, bytes: Option<&[u8]>) {
    out.push(u8::from(bytes.is_some()));
    put(out, bytes.unwrap_or_default());
}

/// Bytes that were there, or not.
struct Maybe(Option<Vec<u8>>);

/// What is still to be read.
pub(super) struct From<'a> {
    pub(super) rest: &'a [u8],
}

impl<'a> From<'a> {
    fn head(&mut self, ago: Duration, now: Moment) -> Option<Head> {
        let status = StatusCode::from_u16(u16::try_from(self.number()?).ok()?).ok()?;
        let mut times = [Duration::ZERO; 6];
        for time in &mut times {
            *time = Duration::from_nanos(self.number()?);
        }
        let [age, lifetime, stale_while_revalidate, stale_if_error, stale_when_down, took] = times;
        let mut flags = [false; 5];
        for flag in &mut flags {
            *flag = self.byte()? == 1;
        }
        let [asks_always, strict, immutable, authorization, cookies] = flags;
        let omitted = self.list(From::name)?;
        let selecting = self.selecting()?;
        let place = Place {
            route: self.text()?,
            host: self.text()?,
            target: self.text()?,
            tags: self.list(From::text)?,
        };
        let lines =
            self.list(|from| Some((from.name()?, HeaderValue::from_bytes(from.bytes()?).ok()?)))?;
        let mut headers = HeaderMap::with_capacity(lines.len());
        for (name, value) in lines {
            headers.append(name, value);
        }
        let policy = Policy {
            received_at: now,
            initial_age: age + ago,
            lifetime,
            stale_while_revalidate,
            stale_if_error,
            stale_when_down,
            asks_always,
            strict,
            immutable,
            shared_with: Asker { authorization, cookies },
            omitted,
            took,
        };
        Some(Head { status, headers, policy, selecting, place })
    }

    pub(super) fn selecting(&mut self) -> Option<Selecting> {
        let fields = self.list(|from| {
            Some(Field { name: from.name()?, raw: from.maybe()?.0, meaning: from.maybe()?.0 })
        })?;
        Some(Selecting { fields })
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*byte)
    }

    pub(super) fn number(&mut self) -> Option<u64> {
        let (number, rest) = self.rest.split_first_chunk::<8>()?;
        self.rest = rest;
        Some(u64::from_le_bytes(*number))
    }

    fn count(&mut self) -> Option<u32> {
        let (count, rest) = self.rest.split_first_chunk::<4>()?;
        self.rest = rest;
        Some(u32::from_le_bytes(*count))
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let count = usize::try_from(self.count()?).ok()?;
        let (bytes, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(bytes)
    }

    fn maybe(&mut self) -> Option<Maybe> {
        let is_there = self.byte()? == 1;
        let bytes = self.bytes()?;
        Some(Maybe(is_there.then(|| bytes.to_vec())))
    }

    pub(super) fn text(&mut self) -> Option<String> {
        String::from_utf8(self.bytes()?.to_vec()).ok()
    }

    fn name(&mut self) -> Option<HeaderName> {
        HeaderName::from_bytes(self.bytes()?).ok()
    }

    fn list<T>(&mut self, mut one: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let count = self.count().filter(|count| *count <= LIST_MAX)?;
        (0..count).map(|_| one(self)).collect()
    }
}
