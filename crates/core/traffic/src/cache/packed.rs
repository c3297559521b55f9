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
    let policy = &stored.policy;
    put_number(&mut out, u64::from(stored.status.as_u16()));
    let times = [
        policy.age(now),
        policy.lifetime,
        policy.stale_while_revalidate,
        policy.stale_if_error,
        policy.stale_when_down,
        policy.took,
    ];
    for time in times {
        put_number(&mut out, u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    }
    let flags = [
        policy.asks_always,
        policy.strict,
        policy.immutable,
        policy.shared_with.authorization,
        policy.shared_with.cookies,
    ];
    out.extend(flags.map(u8::from));
    put_count(&mut out, policy.omitted.len());
    policy.omitted.iter().for_each(|name| put(&mut out, name.as_str().as_bytes()));
    put_count(&mut out, stored.selecting.fields.len());
    for field in &stored.selecting.fields {
        put(&mut out, field.name.as_str().as_bytes());
        put_maybe(&mut out, field.raw.as_deref());
        put_maybe(&mut out, field.meaning.as_deref());
    }
    let place = &stored.place;
    for text in [&place.route, &place.host, &place.target] {
        put(&mut out, text.as_bytes());
    }
    put_count(&mut out, place.tags.len());
    place.tags.iter().for_each(|tag| put(&mut out, tag.as_bytes()));
    put_count(&mut out, stored.headers.len());
    for (name, value) in &stored.headers {
        put(&mut out, name.as_str().as_bytes());
        put(&mut out, value.as_bytes());
    }
    out.extend_from_slice(&stored.body);
    let sum = crc32c::crc32c(&out[HEAD_BYTES..]);
    out[MARK.len()..HEAD_BYTES].copy_from_slice(&sum.to_le_bytes());
    out
}

/// The answer that bytes are of, which were packed so long ago; `None` if they are not as they were written.
#[must_use]
pub fn unpacked(bytes: &Bytes, ago: Duration, now: Moment) -> Option<Stored> {
    let rest = bytes.strip_prefix(&MARK)?;
    let (sum, rest) = rest.split_first_chunk::<4>()?;
    (crc32c::crc32c(rest) == u32::from_le_bytes(*sum)).then_some(())?;
    let mut from = From { rest };
    let status = StatusCode::from_u16(u16::try_from(from.number()?).ok()?).ok()?;
    let mut times = [Duration::ZERO; 6];
    for time in &mut times {
        *time = Duration::from_nanos(from.number()?);
    }
    let [age, lifetime, stale_while_revalidate, stale_if_error, stale_when_down, took] = times;
    let mut flags = [false; 5];
    for flag in &mut flags {
        *flag = from.byte()? == 1;
    }
    let [asks_always, strict, immutable, authorization, cookies] = flags;
    let omitted = from.list(From::name)?;
    let fields = from.list(|from| {
        Some(Field { name: from.name()?, raw: from.maybe()?.0, meaning: from.maybe()?.0 })
    })?;
    let place = Place {
        route: from.text()?,
        host: from.text()?,
        target: from.text()?,
        tags: from.list(From::text)?,
    };
    let lines =
        from.list(|from| Some((from.name()?, HeaderValue::from_bytes(from.bytes()?).ok()?)))?;
    let mut headers = HeaderMap::with_capacity(lines.len());
    for (name, value) in lines {
        headers.append(name, value);
    }
    let body = bytes.slice_ref(from.rest);
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
    Some(Stored::new(status, headers, body, (policy, Selecting { fields }, place)))
}

fn put_number(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(&number.to_le_bytes());
}

fn put_count(out: &mut Vec<u8>, count: usize) {
    out.extend_from_slice(&u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes());
}

fn put(out: &mut Vec<u8>, bytes: &[u8]) {
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
struct From<'a> {
    rest: &'a [u8],
}

impl<'a> From<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*byte)
    }

    fn number(&mut self) -> Option<u64> {
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

    fn text(&mut self) -> Option<String> {
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
