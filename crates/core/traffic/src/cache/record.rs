//! Records of the cache on disk, one after the other as things came about: answers, and what is to be forgotten. Who reads
//! them in their order knows what is kept, and never finds what was forgotten.
//!
//! A record begins with its lengths and the sums of its parts, so that heads can be read without bodies, and what is torn
//! or flipped is noticed before it is used. Its time is that of the calendar: it is read after a restart.

use bytes::Bytes;
use model::Moment;

use super::{
    index::{Kept, Variant},
    key::{Asker, Key},
    orders::OrderId,
    packed::{From, head_of, put, put_head, put_number, put_selecting},
    purge::Purge,
    stored::Stored,
};

/// What a record begins with; the last byte rises when what follows changes.
pub const RECORD_MARK: [u8; 4] = *b"TtR\x01";

/// Bytes of the beginning of a record, which says how long the rest is.
pub const START_BYTES: usize = 36;

/// Bytes of a key with a head: more than any gateway lets in.
const HEAD_BYTES_MAX: u32 = 8 << 20;

const ANSWER: u8 = 1;
const FORGET: u8 = 2;
const GONE: u8 = 3;
const HEARD: u8 = 4;

/// The beginning of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Start {
    kind: u8,
    sum: u32,
    key_bytes: u32,
    head_bytes: u32,
    body_bytes: u32,
    body_sum: u32,
    at: Moment,
}

/// What a record says.
#[derive(Debug)]
pub enum Said {
    /// An answer is kept, under a key.
    Answer(Vec<u8>, Kept),
    /// What was kept until then is forgotten, or only stands in from then on.
    Forget {
        /// What.
        purge: Purge,
        /// Whether it stands in.
        soft: bool,
        /// When.
        at: Moment,
    },
    /// What is kept under a key, or one of the answers there, is forgotten.
    Gone(Vec<u8>, Option<Variant>),
    /// Orders of other gateways were heard up to this one.
    Heard(OrderId),
}

impl Start {
    /// The beginning of a record, if it is one.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let mut from = From { rest: bytes.get(..START_BYTES)?.strip_prefix(&RECORD_MARK)? };
        let sum = half(&mut from)?;
        let kind = u8::try_from(half(&mut from)?).ok()?;
        let [key_bytes, head_bytes, body_bytes, body_sum] =
            [half(&mut from)?, half(&mut from)?, half(&mut from)?, half(&mut from)?];
        let at = Moment { nanos: from.number()? };
        let fits = key_bytes <= HEAD_BYTES_MAX && head_bytes <= HEAD_BYTES_MAX;
        fits.then_some(Self { kind, sum, key_bytes, head_bytes, body_bytes, body_sum, at })
    }

    /// Bytes of key and head, which follow it.
    #[must_use]
    pub fn head_bytes(&self) -> usize {
        self.key_bytes as usize + self.head_bytes as usize
    }

    /// Bytes of the record.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        START_BYTES as u64 + self.head_bytes() as u64 + u64::from(self.body_bytes)
    }

    /// The key, of what follows the beginning.
    #[must_use]
    pub fn key<'a>(&self, rest: &'a [u8]) -> &'a [u8] {
        rest.get(..self.key_bytes as usize).unwrap_or_default()
    }

    /// What a record says of which this is the beginning, by its key and head; `None` if they are damaged, or of a kind that is
    /// not known.
    #[must_use]
    pub fn said(&self, start: &[u8], rest: &[u8], now: Moment) -> Option<Said> {
        let (key, head) = rest.split_at_checked(self.key_bytes as usize)?;
        (head.len() == self.head_bytes as usize && self.is_whole(start, rest)).then_some(())?;
        let mut from = From { rest: head };
        match self.kind {
            ANSWER => {
                let head = head_of(head, now.since(self.at), now)?;
                // A clock that went back says nothing about ages.
                let expired = (now < self.at).then_some(now);
                let kept = Kept::new(head.place, head.selecting, &head.policy, now);
                Some(Said::Answer(key.to_vec(), Kept { expired, written: self.at, ..kept }))
            }
            FORGET => {
                let soft = from.byte()? == 1;
                let words = [from.text()?, from.text()?, from.text()?];
                let purge = Purge::of_words(words.each_ref().map(|word| &**word))?;
                Some(Said::Forget { purge, soft, at: self.at })
            }
            GONE if head.is_empty() => Some(Said::Gone(key.to_vec(), None)),
            GONE => {
                let [authorization, cookies] = [from.byte()? == 1, from.byte()? == 1];
                let shared_with = Asker { authorization, cookies };
                let which = Variant { selecting: from.selecting()?, shared_with };
                Some(Said::Gone(key.to_vec(), Some(which)))
            }
            HEARD => Some(Said::Heard(OrderId { millis: from.number()?, count: from.number()? })),
            _ => None,
        }
    }

    /// Whether the beginning, key and head are as they were written.
    fn is_whole(&self, start: &[u8], rest: &[u8]) -> bool {
        start
            .get(8..START_BYTES)
            .is_some_and(|start| self.sum == crc32c::crc32c_append(crc32c::crc32c(start), rest))
    }
}

/// The record of an answer.
#[must_use]
pub fn answer_record(key: &Key, stored: &Stored, now: Moment) -> Option<Vec<u8>> {
    record(ANSWER, &key.bytes, |out| put_head(out, stored, now), &stored.body, now)
}

/// The record of an order to forget.
#[must_use]
pub fn forget_record(purge: &Purge, soft: bool, now: Moment) -> Option<Vec<u8>> {
    let words = |out: &mut Vec<u8>| {
        out.push(u8::from(soft));
        purge.words().iter().for_each(|word| put(out, word.as_bytes()));
    };
    record(FORGET, &[], words, &[], now)
}

/// The record of a key under which nothing is kept any more, or that one not. Who knows of keys alone, as this did before,
/// forgets all that is under it.
#[must_use]
pub fn gone_record(key: &[u8], which: Option<&Variant>, now: Moment) -> Option<Vec<u8>> {
    let one = |out: &mut Vec<u8>| {
        if let Some(Variant { selecting, shared_with }) = which {
            out.extend([shared_with.authorization, shared_with.cookies].map(u8::from));
            put_selecting(out, selecting);
        }
    };
    record(GONE, key, one, &[], now)
}

/// The record of the last order that was heard.
#[must_use]
pub fn heard_record(heard: OrderId, now: Moment) -> Option<Vec<u8>> {
    let number = |out: &mut Vec<u8>| {
        put_number(out, heard.millis);
        put_number(out, heard.count);
    };
    record(HEARD, &[], number, &[], now)
}

/// The answer that a record is of; `None` if it is of another key, or not as it was written.
#[must_use]
pub fn answer_of(record: &Bytes, key: &[u8], now: Moment) -> Option<Stored> {
    let start = Start::parse(record)?;
    (start.kind == ANSWER && start.bytes() == record.len() as u64).then_some(())?;
    let rest = record.get(START_BYTES..START_BYTES + start.head_bytes())?;
    start.is_whole(record, rest).then_some(())?;
    let (of, head) = rest.split_at_checked(start.key_bytes as usize)?;
    let body = record.slice(START_BYTES + start.head_bytes()..);
    let is_it = of == key && crc32c::crc32c(&body) == start.body_sum;
    let stored = head_of(head, now.since(start.at), now).filter(|_| is_it)?.with(body);
    Some(if now < start.at { stored.expired(now) } else { stored })
}

/// A record; `None` if it is longer than one can be.
fn record(
    kind: u8,
    key: &[u8],
    head: impl FnOnce(&mut Vec<u8>),
    body: &[u8],
    now: Moment,
) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(START_BYTES + key.len() + body.len() + 1_024);
    out.resize(START_BYTES, 0);
    out.extend_from_slice(key);
    head(&mut out);
    let head_bytes = u32::try_from(out.len() - START_BYTES - key.len()).ok()?;
    let lengths = [
        u32::from(kind),
        u32::try_from(key.len()).ok()?,
        head_bytes,
        u32::try_from(body.len()).ok()?,
        crc32c::crc32c(body),
    ];
    (lengths[1] <= HEAD_BYTES_MAX && head_bytes <= HEAD_BYTES_MAX).then_some(())?;
    let mut start = Vec::with_capacity(START_BYTES);
    for number in lengths {
        start.extend_from_slice(&number.to_le_bytes());
    }
    put_number(&mut start, now.nanos);
    let sum = crc32c::crc32c_append(crc32c::crc32c(&start), &out[START_BYTES..]);
    out[..4].copy_from_slice(&RECORD_MARK);
    out[4..8].copy_from_slice(&sum.to_le_bytes());
    out[8..START_BYTES].copy_from_slice(&start);
    out.extend_from_slice(body);
    Some(out)
}

fn half(from: &mut From<'_>) -> Option<u32> {
    let (number, rest) = from.rest.split_first_chunk::<4>()?;
    from.rest = rest;
    Some(u32::from_le_bytes(*number))
}
