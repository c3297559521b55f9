//! Identities of traces and spans, as OTLP carries them: bytes, written as lower-case hexadecimal.

use std::fmt;

/// Identity of a trace: 16 bytes. Shorter ids of older systems are padded with zeros on the left.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct TraceId(pub [u8; 16]);

/// Identity of a span within its trace: 8 bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct SpanId(pub [u8; 8]);

impl TraceId {
    /// Whether all bytes are zero, which OTLP calls invalid.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self.0 == [0; 16]
    }

    /// Reads 1 to 32 hexadecimal digits of either case; fewer than 32 are padded on the left.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        from_hex(text).map(Self)
    }
}

impl SpanId {
    /// Whether all bytes are zero, which OTLP calls invalid.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self.0 == [0; 8]
    }

    /// Reads 1 to 16 hexadecimal digits of either case; fewer than 16 are padded on the left.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        from_hex(text).map(Self)
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.0, out)
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.0, out)
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.0, out)
    }
}

impl fmt::Debug for SpanId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.0, out)
    }
}

fn write_hex(bytes: &[u8], out: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
}

fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.is_empty() || 2 * N < digits.len() {
        return None;
    }
    let mut bytes = [0; N];
    for (place, digit) in digits.iter().rev().enumerate() {
        let value = char::from(*digit).to_digit(16)?;
        let value = u8::try_from(value).ok()?;
        bytes[N - 1 - place / 2] |= if place % 2 == 0 { value } else { value << 4 };
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_read_back(bytes: [u8; 16]) {
            let id = TraceId(bytes);
            prop_assert_eq!(TraceId::from_hex(&id.to_string()), Some(id));
            prop_assert_eq!(TraceId::from_hex(&id.to_string().to_uppercase()), Some(id));
        }

        #[test]
        fn any_text_is_read_or_refused(text: String) {
            let _ = (TraceId::from_hex(&text), SpanId::from_hex(&text));
        }
    }

    #[test]
    fn short_ids_are_padded_on_the_left() {
        assert_eq!(SpanId::from_hex("abc").unwrap().to_string(), "0000000000000abc");
        assert_eq!(SpanId::from_hex("00000000000000001"), None);
        assert_eq!(SpanId::from_hex(""), None);
        assert_eq!(SpanId::from_hex("xyz"), None);
    }
}
