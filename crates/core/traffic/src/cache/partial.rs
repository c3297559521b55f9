//! Ranges of bytes (RFC 9110, section 14).

/// Bytes of a whole, the last included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// The first.
    pub first: u64,
    /// The last.
    pub last: u64,
}

/// The one range that is asked for, of a whole of so many bytes: `None` if it is none, or several, which is answered with
/// the whole; `Some(None)` if there are no such bytes.
#[must_use]
pub fn range_asked(value: &[u8], length: u64) -> Option<Option<Range>> {
    let (unit, spec) = value.split_at_checked(6)?;
    if !unit.eq_ignore_ascii_case(b"bytes=") {
        return None;
    }
    let spec = spec.trim_ascii();
    let dash = spec.iter().position(|byte| *byte == b'-')?;
    let (first, last) = spec.split_at(dash);
    let last = last.get(1..)?;
    match (first, last) {
        ([], []) => None,
        ([], suffix) => {
            let suffix = number(suffix)?.min(length);
            Some((0 < suffix).then(|| Range { first: length - suffix, last: length - 1 }))
        }
        (first, last) => {
            let first = number(first)?;
            let last = if last.is_empty() { u64::MAX } else { number(last)? };
            if last < first {
                return None;
            }
            Some((first < length).then(|| Range { first, last: last.min(length - 1) }))
        }
    }
}

fn number(digits: &[u8]) -> Option<u64> {
    let good = !digits.is_empty() && digits.len() <= 19 && digits.iter().all(u8::is_ascii_digit);
    let text = std::str::from_utf8(digits).ok().filter(|_| good)?;
    text.parse().ok()
}
