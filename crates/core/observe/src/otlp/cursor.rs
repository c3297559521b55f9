//! Steps through the protobuf wire format without copying.
//!
//! Written by hand because a generated decoder allocates every string and every list of its own
//! before a span can be built from them; this one hands out slices of the input.
//! Wire format: <https://protobuf.dev/programming-guides/encoding/>.

use std::fmt;

use model::Text;

/// Groups within unknown groups; far beyond what any encoder writes, and safe for the stack.
const GROUP_DEPTH_MAX: u32 = 100;

const VARINT: u8 = 0;
const FIXED64: u8 = 1;
const LENGTH: u8 = 2;
const GROUP_START: u8 = 3;
const GROUP_END: u8 = 4;
const FIXED32: u8 = 5;

/// Bytes that are not OTLP protobuf, and the first place that shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecodeError {
    /// Bytes before that place.
    pub offset: usize,
    /// What is wrong there.
    pub kind: DecodeErrorKind,
}

/// What is wrong with the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecodeErrorKind {
    /// A field reaches beyond the end of its message or of the input.
    Truncated,
    /// A variable-length number of more than 64 bits.
    Number,
    /// A field number or wire type that protobuf does not have.
    Tag,
    /// A known field is of another wire type than OTLP says.
    WireType {
        /// Number of the field within its message.
        field: u32,
    },
    /// A group that does not end, or ends without a start.
    Group,
    /// Values or groups nested deeper than any encoder writes them.
    Depth,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "malformed protobuf at byte {}: ", self.offset)?;
        match self.kind {
            DecodeErrorKind::Truncated => write!(out, "a field reaches beyond the end"),
            DecodeErrorKind::Number => write!(out, "a number of more than 64 bits"),
            DecodeErrorKind::Tag => write!(out, "no such field number or wire type"),
            DecodeErrorKind::WireType { field } => {
                write!(out, "field {field} is not of the type that OTLP says")
            }
            DecodeErrorKind::Group => write!(out, "a group without its start or end"),
            DecodeErrorKind::Depth => write!(out, "nested too deeply"),
        }
    }
}

impl std::error::Error for DecodeError {}

/// The rest of a message.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cursor<'a> {
    rest: &'a [u8],
    /// Offset of the end of `rest` in the whole input.
    end: usize,
}

/// What precedes each value: its place in the message, and how it is written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field {
    pub(crate) number: u32,
    wire: u8,
}

impl Field {
    /// A message of that number.
    pub(crate) fn message(number: u32) -> Self {
        Self { number, wire: LENGTH }
    }

    /// As it is written.
    pub(crate) fn tag(self) -> u32 {
        self.number << 3 | u32::from(self.wire)
    }
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, end: bytes.len() }
    }

    /// Bytes of the whole input before this place.
    pub(crate) fn offset(&self) -> usize {
        self.end - self.rest.len()
    }

    fn error(&self, kind: DecodeErrorKind) -> DecodeError {
        DecodeError { offset: self.offset(), kind }
    }

    /// The next field, or `None` at the end of the message.
    #[inline]
    pub(crate) fn field(&mut self) -> Result<Option<Field>, DecodeError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let tag = u32::try_from(self.varint()?).unwrap_or(0);
        let field = Field { number: tag >> 3, wire: (tag & 7) as u8 };
        if field.number == 0 || FIXED32 < field.wire {
            return Err(self.error(DecodeErrorKind::Tag));
        }
        Ok(Some(field))
    }

    #[inline]
    fn expect(&self, field: Field, wire: u8) -> Result<(), DecodeError> {
        if field.wire == wire {
            Ok(())
        } else {
            Err(self.error(DecodeErrorKind::WireType { field: field.number }))
        }
    }

    #[inline]
    fn varint(&mut self) -> Result<u64, DecodeError> {
        match self.rest {
            [byte, rest @ ..] if *byte < 0x80 => {
                self.rest = rest;
                Ok(u64::from(*byte))
            }
            _ => self.varint_long(),
        }
    }

    fn varint_long(&mut self) -> Result<u64, DecodeError> {
        let mut value = 0;
        for (place, byte) in self.rest.iter().take(10).enumerate() {
            value |= u64::from(byte & 0x7f) << (7 * place);
            if *byte < 0x80 {
                if place == 9 && 1 < *byte {
                    break;
                }
                self.rest = self.rest.get(place + 1..).unwrap_or_default();
                return Ok(value);
            }
        }
        let kind =
            if self.rest.len() < 10 { DecodeErrorKind::Truncated } else { DecodeErrorKind::Number };
        Err(self.error(kind))
    }

    #[inline]
    fn take(&mut self, count: u64) -> Result<&'a [u8], DecodeError> {
        let parts = usize::try_from(count).ok().and_then(|count| self.rest.split_at_checked(count));
        let Some((taken, rest)) = parts else {
            return Err(self.error(DecodeErrorKind::Truncated));
        };
        self.rest = rest;
        Ok(taken)
    }

    /// `bytes`
    #[inline]
    pub(crate) fn bytes(&mut self, field: Field) -> Result<&'a [u8], DecodeError> {
        self.expect(field, LENGTH)?;
        let count = self.varint()?;
        self.take(count)
    }

    /// A message within this one.
    #[inline]
    pub(crate) fn message(&mut self, field: Field) -> Result<Self, DecodeError> {
        let rest = self.bytes(field)?;
        Ok(Self { rest, end: self.offset() })
    }

    /// `string`. Exporters cut long statements and urls at a byte count, in the middle of a character
    /// too. The specification calls that malformed; as the collector does, it is let pass, for
    /// otherwise one such text would cost its whole batch. What is not UTF-8 becomes U+FFFD.
    #[inline]
    pub(crate) fn text(&mut self, field: Field) -> Result<Text, DecodeError> {
        let bytes = self.bytes(field)?;
        Ok(std::str::from_utf8(bytes).map_or_else(|_| Text::from_utf8_lossy(bytes), Text::new))
    }

    /// `int64`, `uint64`, `bool`
    #[inline]
    pub(crate) fn number(&mut self, field: Field) -> Result<u64, DecodeError> {
        self.expect(field, VARINT)?;
        self.varint()
    }

    /// `uint32`, `int32` and enumerations: the low 32 bits, as protobuf says.
    #[inline]
    pub(crate) fn number32(&mut self, field: Field) -> Result<u32, DecodeError> {
        Ok((self.number(field)? & 0xffff_ffff) as u32)
    }

    /// `sint32`: 0, -1, 1, -2, …
    #[inline]
    pub(crate) fn zigzag32(&mut self, field: Field) -> Result<i32, DecodeError> {
        let number = self.number32(field)?;
        Ok((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }

    /// `repeated uint64`: a packed list, or one number of a list that is not packed.
    pub(crate) fn numbers(&mut self, field: Field, into: &mut Vec<u64>) -> Result<(), DecodeError> {
        if field.wire != LENGTH {
            into.push(self.number(field)?);
            return Ok(());
        }
        let mut packed = self.message(field)?;
        while !packed.rest.is_empty() {
            into.push(packed.varint()?);
        }
        Ok(())
    }

    /// `repeated fixed64` and `repeated double`, alike.
    pub(crate) fn fixed64s(
        &mut self,
        field: Field,
        into: &mut Vec<u64>,
    ) -> Result<(), DecodeError> {
        if field.wire != LENGTH {
            into.push(self.fixed64(field)?);
            return Ok(());
        }
        let mut packed = self.message(field)?;
        into.reserve(packed.rest.len() / size_of::<u64>());
        while !packed.rest.is_empty() {
            into.push(packed.fixed().map(u64::from_le_bytes)?);
        }
        Ok(())
    }

    /// `fixed64`, `double`
    #[inline]
    pub(crate) fn fixed64(&mut self, field: Field) -> Result<u64, DecodeError> {
        self.expect(field, FIXED64)?;
        self.fixed().map(u64::from_le_bytes)
    }

    /// `fixed32`
    #[inline]
    pub(crate) fn fixed32(&mut self, field: Field) -> Result<u32, DecodeError> {
        self.expect(field, FIXED32)?;
        self.fixed().map(u32::from_le_bytes)
    }

    #[inline]
    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let Some((taken, rest)) = self.rest.split_first_chunk() else {
            return Err(self.error(DecodeErrorKind::Truncated));
        };
        self.rest = rest;
        Ok(*taken)
    }

    /// Leaves a field out that is not known here.
    #[inline]
    pub(crate) fn skip(&mut self, field: Field) -> Result<(), DecodeError> {
        self.skip_within(field, 0)
    }

    fn skip_within(&mut self, field: Field, depth: u32) -> Result<(), DecodeError> {
        match field.wire {
            VARINT => drop(self.varint()?),
            FIXED64 => drop(self.take(8)?),
            FIXED32 => drop(self.take(4)?),
            LENGTH => drop(self.bytes(field)?),
            GROUP_START if depth == GROUP_DEPTH_MAX => {
                return Err(self.error(DecodeErrorKind::Depth));
            }
            GROUP_START => loop {
                match self.field()? {
                    Some(inner) if inner.wire == GROUP_END && inner.number == field.number => break,
                    Some(inner) => self.skip_within(inner, depth + 1)?,
                    None => return Err(self.error(DecodeErrorKind::Group)),
                }
            },
            _ => return Err(self.error(DecodeErrorKind::Group)),
        }
        Ok(())
    }

    /// The bytes of a value that is not known here, its length included.
    pub(crate) fn raw(&mut self, field: Field) -> Result<&'a [u8], DecodeError> {
        let before = self.rest;
        self.skip(field)?;
        Ok(before.get(..before.len() - self.rest.len()).unwrap_or_default())
    }

    /// What has not been read of this message.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// How many more fields like `field`, whose value is next, follow each other from here: room to
    /// make for a list. Never more than the bytes that are there can hold.
    #[inline]
    pub(crate) fn run(mut self, field: Field) -> usize {
        let mut count = 0;
        let mut next = Some(field);
        while let Some(another) = next {
            if another.number != field.number || self.bytes(another).is_err() {
                break;
            }
            count += 1;
            next = self.field().ok().flatten();
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(bytes: &[u8], kind: DecodeErrorKind) {
        let mut cursor = Cursor::new(bytes);
        let error = loop {
            match cursor.field().and_then(|field| field.map(|it| cursor.skip(it)).transpose()) {
                Ok(Some(())) => {}
                Ok(None) => panic!("{bytes:?} was read to its end"),
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind, kind, "{bytes:?}");
    }

    #[test]
    fn what_is_malformed_is_named() {
        check(&[0x0a], DecodeErrorKind::Truncated);
        check(&[0x0a, 0x02, 0x00], DecodeErrorKind::Truncated);
        check(
            &[0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
            DecodeErrorKind::Truncated,
        );
        check(
            &[0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02],
            DecodeErrorKind::Number,
        );
        check(&[0x02, 0x00], DecodeErrorKind::Tag);
        check(&[0x0e], DecodeErrorKind::Tag);
        check(&[0x0b, 0x08, 0x01], DecodeErrorKind::Group);
        check(&[0x0b, 0x14], DecodeErrorKind::Group);
        check(&[0x0b; 200], DecodeErrorKind::Depth);
    }

    #[test]
    fn groups_are_skipped() {
        let mut cursor = Cursor::new(&[0x0b, 0x13, 0x08, 0x01, 0x14, 0x0c, 0x10, 0x07]);
        let group = cursor.field().unwrap().unwrap();
        cursor.skip(group).unwrap();
        let field = cursor.field().unwrap().unwrap();
        assert_eq!((field.number, cursor.number(field)), (2, Ok(7)));
    }

    proptest! {
        #[test]
        fn varints_are_read_as_they_were_written(value: u64) {
            let mut bytes = Vec::new();
            prost::encoding::encode_varint(value, &mut bytes);
            prop_assert_eq!(Cursor::new(&bytes).varint(), Ok(value));
        }

        #[test]
        fn any_varint_is_read_or_refused_as_others_do(bytes: Vec<u8>) {
            let ours = Cursor::new(&bytes).varint().ok();
            prop_assert_eq!(ours, prost::encoding::decode_varint(&mut bytes.as_slice()).ok());
        }
    }
}
