//! Facts as bytes: numbers of varying length, texts by number. The same on disk and in memory.
//!
//! On disk each record brings its own table of texts; in memory a segment has one. Reading turns the
//! numbers of the one into those of the other and copies nothing else, so that a file cannot
//! make more of itself in memory than it is.

use std::{sync::Arc, time::Duration};

use model::{Moment, OperationKey, SpanId, TraceId};

use crate::{Breakdown, GroupFact, GroupKind, RequestFact, texts::Texts};

/// A fact whose texts are numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PackedFact {
    pub(crate) head: Head,
    pub(crate) service: u32,
    pub(crate) operation: u32,
    pub(crate) body: Body,
}

/// What every question about a fact looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) trace_id: TraceId,
    pub(crate) span_id: SpanId,
    pub(crate) start: Moment,
    pub(crate) duration_nanos: u64,
    pub(crate) statements: u32,
    pub(crate) status: u16,
    pub(crate) failed: bool,
}

/// The rest of a fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Body {
    pub(crate) breakdown_nanos: [u64; 5],
    pub(crate) spans: u32,
    pub(crate) groups: Vec<PackedGroup>,
    pub(crate) attributes: Vec<(u32, u32)>,
}

/// A group whose name is a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PackedGroup {
    pub(crate) kind: GroupKind,
    pub(crate) name: u32,
    pub(crate) count: u32,
    pub(crate) total_nanos: u64,
    pub(crate) failed: u32,
}

/// The payload of a record with these facts.
pub(crate) fn encode(facts: &[RequestFact]) -> Vec<u8> {
    let mut texts = Texts::default();
    let mut out = Vec::new();
    for fact in facts {
        PackedFact::pack(fact, &mut texts).write(&mut out);
    }
    let mut payload = Vec::with_capacity(out.len() * 2);
    varint(&mut payload, texts.len() as u64);
    for text in texts.iter() {
        varint(&mut payload, text.len() as u64);
        payload.extend_from_slice(text.as_bytes());
    }
    varint(&mut payload, facts.len() as u64);
    payload.extend_from_slice(&out);
    payload
}

/// Gives each fact of a payload to `each`, its texts numbered by `texts`. Returns `None` at the first
/// byte that makes no sense; the facts before it have been given by then.
pub(crate) fn decode(
    payload: &[u8],
    texts: &mut Texts,
    mut each: impl FnMut(PackedFact),
) -> Option<()> {
    let mut cursor = Cursor(payload);
    let count = cursor.count(1)?;
    let mut numbers = Vec::with_capacity(count);
    for _ in 0..count {
        let length = cursor.count(1)?;
        let text = std::str::from_utf8(cursor.take(length)?).ok()?;
        numbers.push(texts.number(text));
    }
    let number = |local: u32| numbers.get(local as usize).copied();
    for _ in 0..cursor.count(1)? {
        let mut fact = PackedFact::read(&mut cursor)?;
        fact.service = number(fact.service)?;
        fact.operation = number(fact.operation)?;
        for group in &mut fact.body.groups {
            group.name = number(group.name)?;
        }
        for (key, value) in &mut fact.body.attributes {
            (*key, *value) = (number(*key)?, number(*value)?);
        }
        each(fact);
    }
    cursor.0.is_empty().then_some(())
}

impl PackedFact {
    fn pack(fact: &RequestFact, texts: &mut Texts) -> Self {
        let parts = &fact.breakdown;
        let parts = [parts.own, parts.database, parts.cache, parts.http, parts.queue];
        let head = Head {
            trace_id: fact.trace_id,
            span_id: fact.span_id,
            start: fact.start,
            duration_nanos: nanos(fact.duration),
            statements: fact.statements,
            status: fact.status,
            failed: fact.failed,
        };
        let service = texts.number(&fact.operation.service);
        let operation = texts.number(&fact.operation.operation);
        let group = |group: &GroupFact| PackedGroup {
            kind: group.kind,
            name: texts.number(&group.name),
            count: group.count,
            total_nanos: nanos(group.total),
            failed: group.failed,
        };
        let groups = fact.groups.iter().map(group).collect();
        let pairs = fact.attributes.iter();
        let attributes = pairs.map(|(key, value)| (texts.number(key), texts.number(value)));
        let attributes = attributes.collect();
        let breakdown_nanos = parts.map(nanos);
        let body = Body { breakdown_nanos, spans: fact.spans, groups, attributes };
        Self { head, service, operation, body }
    }

    fn write(&self, out: &mut Vec<u8>) {
        varint(out, u64::from(self.service));
        varint(out, u64::from(self.operation));
        out.extend_from_slice(&self.head.trace_id.0);
        out.extend_from_slice(&self.head.span_id.0);
        out.extend_from_slice(&self.head.start.nanos.to_le_bytes());
        varint(out, self.head.duration_nanos);
        varint(out, u64::from(self.head.statements));
        varint(out, u64::from(self.head.status));
        out.push(u8::from(self.head.failed));
        self.body.write(out);
    }

    fn read(cursor: &mut Cursor<'_>) -> Option<Self> {
        let (service, operation) = (cursor.number()?, cursor.number()?);
        let head = Head {
            trace_id: TraceId(cursor.array()?),
            span_id: SpanId(cursor.array()?),
            start: Moment { nanos: u64::from_le_bytes(cursor.array()?) },
            duration_nanos: cursor.varint()?,
            statements: cursor.number()?,
            status: u16::try_from(cursor.varint()?).ok()?,
            failed: match cursor.array::<1>()? {
                [0] => false,
                [1] => true,
                _ => return None,
            },
        };
        Some(Self { head, service, operation, body: Body::read(cursor)? })
    }
}

impl Body {
    /// Appends the bytes that [`Body::read`] reads.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        for nanos in self.breakdown_nanos {
            varint(out, nanos);
        }
        varint(out, u64::from(self.spans));
        varint(out, self.groups.len() as u64);
        for group in &self.groups {
            out.push(kind_to_byte(group.kind));
            varint(out, u64::from(group.name));
            varint(out, u64::from(group.count));
            varint(out, group.total_nanos);
            varint(out, u64::from(group.failed));
        }
        varint(out, self.attributes.len() as u64);
        for (key, value) in &self.attributes {
            varint(out, u64::from(*key));
            varint(out, u64::from(*value));
        }
    }

    /// Reads what [`Body::write`] wrote.
    pub(crate) fn read(cursor: &mut Cursor<'_>) -> Option<Self> {
        let breakdown_nanos = cursor.breakdown()?;
        let spans = cursor.number()?;
        let mut groups = Vec::with_capacity(cursor.clone().count(5)?);
        cursor.groups(|group| groups.push(group))?;
        let count = cursor.count(2)?;
        let mut attributes = Vec::with_capacity(count);
        for _ in 0..count {
            attributes.push((cursor.number()?, cursor.number()?));
        }
        Some(Self { breakdown_nanos, spans, groups, attributes })
    }
}

/// The fact that `head` and `body` are of, with its texts.
pub(crate) fn unpack(
    head: &Head,
    operation: OperationKey,
    body: &Body,
    texts: &Texts,
) -> RequestFact {
    let group = |group: &PackedGroup| GroupFact {
        kind: group.kind,
        name: Arc::from(texts.text(group.name)),
        count: group.count,
        total: Duration::from_nanos(group.total_nanos),
        failed: group.failed,
    };
    let attribute =
        |(key, value): &(u32, u32)| (texts.text(*key).into(), texts.text(*value).into());
    RequestFact {
        operation,
        trace_id: head.trace_id,
        span_id: head.span_id,
        start: head.start,
        duration: Duration::from_nanos(head.duration_nanos),
        failed: head.failed,
        status: head.status,
        statements: head.statements,
        spans: body.spans,
        breakdown: breakdown(body.breakdown_nanos),
        groups: body.groups.iter().map(group).collect(),
        attributes: body.attributes.iter().map(attribute).collect(),
    }
}

/// Names the parts of a request's time.
pub(crate) fn breakdown(nanos: [u64; 5]) -> Breakdown {
    let [own, database, cache, http, queue] = nanos.map(Duration::from_nanos);
    Breakdown { own, database, cache, http, queue }
}

/// Nanoseconds; beyond 584 years, those.
pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn kind_to_byte(kind: GroupKind) -> u8 {
    match kind {
        GroupKind::Own => 0,
        GroupKind::Database => 1,
        GroupKind::Cache => 2,
        GroupKind::Http => 3,
        GroupKind::Queue => 4,
    }
}

fn kind_from_byte(byte: u8) -> Option<GroupKind> {
    Some(match byte {
        0 => GroupKind::Own,
        1 => GroupKind::Database,
        2 => GroupKind::Cache,
        3 => GroupKind::Http,
        4 => GroupKind::Queue,
        _ => return None,
    })
}

/// Seven bits a byte, lowest first; the highest bit says that more follow.
fn varint(out: &mut Vec<u8>, mut value: u64) {
    while 0x80 <= value {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push((value & 0x7f) as u8);
}

/// Bytes that are yet to be read.
#[derive(Debug, Clone)]
pub(crate) struct Cursor<'a>(pub(crate) &'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    /// Most numbers are small, so that one byte holds them.
    #[inline]
    fn varint(&mut self) -> Option<u64> {
        match self.0 {
            [byte, rest @ ..] if *byte < 0x80 => {
                self.0 = rest;
                Some(u64::from(*byte))
            }
            _ => self.long_varint(),
        }
    }

    fn long_varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for (place, byte) in self.0.iter().take(10).enumerate() {
            if place == 9 && 1 < *byte {
                return None;
            }
            value |= u64::from(byte & 0x7f) << (7 * place);
            if *byte < 0x80 {
                self.0 = self.0.get(place + 1..)?;
                return Some(value);
            }
        }
        None
    }

    fn number(&mut self) -> Option<u32> {
        u32::try_from(self.varint()?).ok()
    }

    /// How many things of at least `bytes_min` bytes follow: never more than there is room for.
    fn count(&mut self, bytes_min: usize) -> Option<usize> {
        let count = usize::try_from(self.varint()?).ok()?;
        (count <= self.0.len() / bytes_min).then_some(count)
    }

    /// Where the time went, which a body begins with.
    pub(crate) fn breakdown(&mut self) -> Option<[u64; 5]> {
        let mut nanos = [0; 5];
        for part in &mut nanos {
            *part = self.varint()?;
        }
        Some(nanos)
    }

    fn groups(&mut self, mut each: impl FnMut(PackedGroup)) -> Option<()> {
        for _ in 0..self.count(5)? {
            each(PackedGroup {
                kind: kind_from_byte(self.array::<1>()?[0])?,
                name: self.number()?,
                count: self.number()?,
                total_nanos: self.varint()?,
                failed: self.number()?,
            });
        }
        Some(())
    }

    /// Gives each group of a body to `each`.
    pub(crate) fn groups_of_body(&mut self, each: impl FnMut(PackedGroup)) -> Option<()> {
        self.breakdown()?;
        self.number()?;
        self.groups(each)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fact() -> RequestFact {
        RequestFact {
            operation: OperationKey { service: "shop".into(), operation: "GET /".into() },
            trace_id: TraceId([1; 16]),
            span_id: SpanId([2; 8]),
            start: Moment { nanos: u64::MAX },
            duration: Duration::from_nanos(u64::MAX),
            failed: true,
            status: u16::MAX,
            statements: u32::MAX,
            spans: u32::MAX,
            breakdown: breakdown([0, 1, 127, 128, u64::MAX]),
            groups: vec![GroupFact {
                kind: GroupKind::Queue,
                name: "".into(),
                count: u32::MAX,
                total: Duration::from_nanos(u64::MAX),
                failed: u32::MAX,
            }],
            attributes: vec![("shop".into(), "é".into())],
        }
    }

    fn decoded(payload: &[u8]) -> (Vec<RequestFact>, bool) {
        let mut texts = Texts::default();
        let mut packed = Vec::new();
        let whole = decode(payload, &mut texts, |fact| packed.push(fact)).is_some();
        let facts = packed.iter().map(|fact| {
            let key = OperationKey {
                service: texts.text(fact.service).into(),
                operation: texts.text(fact.operation).into(),
            };
            unpack(&fact.head, key, &fact.body, &texts)
        });
        (facts.collect(), whole)
    }

    #[test]
    fn the_greatest_values_are_read_back() {
        assert_eq!(decoded(&encode(&[fact(), fact()])), (vec![fact(), fact()], true));
    }

    #[test]
    fn counts_beyond_the_end_take_no_memory() {
        let greatest = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1];
        assert_eq!(decoded(&greatest), (vec![], false));
        assert_eq!(decoded(&[&[0][..], &greatest].concat()), (vec![], false));
        assert_eq!(decoded(&[&[1][..], &greatest].concat()), (vec![], false));
    }

    #[test]
    fn numbers_are_read_back_and_none_that_is_cut_or_too_long() {
        for value in [0, 1, 127, 128, 16_383, 16_384, u64::MAX - 1, u64::MAX] {
            let mut bytes = Vec::new();
            varint(&mut bytes, value);
            assert_eq!(Cursor(&bytes[..bytes.len() - 1]).varint(), None, "{value}");
            bytes.push(7);
            let mut cursor = Cursor(&bytes);
            assert_eq!((cursor.varint(), cursor.0), (Some(value), &[7][..]));
        }
        assert_eq!(Cursor(&[0xff; 10]).varint(), None);
    }

    proptest! {
        #[test]
        fn any_payload_is_read_or_refused(payload: Vec<u8>) {
            decoded(&payload);
        }

        #[test]
        fn a_changed_payload_is_read_or_refused(place: prop::sample::Index, byte: u8) {
            let mut payload = encode(&[fact(), fact()]);
            let place = place.index(payload.len());
            payload[place] = byte;
            prop_assert!(decoded(&payload).0.len() <= 2);
            prop_assert!(!decoded(&payload[..place]).1);
        }
    }
}
