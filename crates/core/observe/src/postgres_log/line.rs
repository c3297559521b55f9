//! Lines of the plain text log: what stands between the prefix and the words.

use super::record::Severity;

/// What a line that bears the prefix is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keyword {
    /// It begins an entry.
    Main(Severity),
    /// It belongs to the entry before.
    Detail,
    Hint,
    Context,
    Statement,
    /// The query inside of a function, or the place in the source: not kept.
    Other,
}

/// The keyword at the start of `rest`, and what follows its colon and spaces.
pub(super) fn keyword(rest: &[u8]) -> Option<(Keyword, &[u8])> {
    let length = rest.iter().take(10).position(|byte| *byte == b':')?;
    let word = rest.get(..length)?;
    // Two spaces follow; one is forgiven to logs that went through a tool.
    let after = rest.get(length + 1..)?;
    let ([b' ', b' ', words @ ..] | [b' ', words @ ..] | words @ []) = after else { return None };
    let keyword = match word {
        b"DETAIL" => Keyword::Detail,
        b"HINT" => Keyword::Hint,
        b"CONTEXT" => Keyword::Context,
        b"STATEMENT" => Keyword::Statement,
        b"QUERY" | b"LOCATION" | b"BACKTRACE" => Keyword::Other,
        word => Keyword::Main(Severity::parse(word)?),
    };
    Some((keyword, words))
}

/// The line at the start of `bytes` without its end, and what follows it. A last line without an end counts
/// only `at_end`.
pub(super) fn next(bytes: &[u8], at_end: bool) -> Option<(&[u8], &[u8])> {
    match memchr::memchr(b'\n', bytes) {
        Some(end) => {
            let (line, rest) = bytes.split_at(end);
            Some((line.strip_suffix(b"\r").unwrap_or(line), rest.get(1..).unwrap_or_default()))
        }
        None if at_end && !bytes.is_empty() => Some((bytes, &[])),
        None => None,
    }
}
