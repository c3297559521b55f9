//! Where strings and comments end. In doubt, more is hidden, not less.

use crate::words::{BLANK, DIGIT, LETTER, is, keyword, skip};

/// Whether a backslash hides the quote after it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Backslash {
    /// No: standard strings.
    Plain,
    /// Yes: MySQL, and `E''` of PostgreSQL.
    Escapes,
    /// It depends on a server that is not to be seen.
    Unknown,
}

/// Where a string or comment ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct End {
    /// The place after it.
    pub(crate) at: usize,
    /// It was closed; if not, the text was cut.
    pub(crate) closed: bool,
    /// Its text only makes sense if backslashes escape.
    pub(crate) escapes: bool,
}

impl End {
    fn new(text: &[u8], at: Option<usize>) -> Self {
        Self { at: at.unwrap_or(text.len()), closed: at.is_some(), escapes: false }
    }
}

/// End of the string whose first byte after its opening `quote` is at `at`.
pub(crate) fn string(text: &[u8], at: usize, quote: u8, backslash: Backslash) -> End {
    let plain = plain(text, at, quote);
    if backslash == Backslash::Plain {
        return End::new(text, plain);
    }
    let seen = text.get(at..plain.unwrap_or(text.len())).unwrap_or_default();
    if !seen.contains(&b'\\') {
        return End::new(text, plain);
    }
    let escaped = escaped(text, at, quote);
    if backslash == Backslash::Escapes || plain == escaped {
        return End::new(text, escaped);
    }
    match (fits(text, plain), fits(text, escaped)) {
        (true, false) => End::new(text, plain),
        (false, true) => End { escapes: true, ..End::new(text, escaped) },
        _ => End::new(text, both(text, at, quote)),
    }
}

/// End of the string if backslashes are letters like others.
fn plain(text: &[u8], mut at: usize, quote: u8) -> Option<usize> {
    loop {
        at += text.get(at..)?.iter().position(|byte| *byte == quote)? + 1;
        if text.get(at) != Some(&quote) {
            return Some(at);
        }
        at += 1;
    }
}

/// End of the string if backslashes escape.
fn escaped(text: &[u8], mut at: usize, quote: u8) -> Option<usize> {
    loop {
        at += text.get(at..)?.iter().position(|byte| *byte == quote || *byte == b'\\')? + 1;
        if text[at - 1] == quote && text.get(at) != Some(&quote) {
            return Some(at);
        }
        at += 1;
    }
}

/// First place that is outside of strings whether backslashes escape or not.
fn both(text: &[u8], at: usize, quote: u8) -> Option<usize> {
    let (mut in_plain, mut in_escaped) = (true, true);
    let mut hidden = false;
    for (place, byte) in text.iter().enumerate().skip(at) {
        if *byte == quote {
            in_plain = !in_plain;
            in_escaped ^= !hidden;
        }
        hidden = *byte == b'\\' && in_escaped && !hidden;
        if !in_plain && !in_escaped && text.get(place + 1) != Some(&quote) {
            return Some(place + 1);
        }
    }
    None
}

/// Whether what stands at `end` may follow a string; a string that is not closed may have been cut.
fn fits(text: &[u8], end: Option<usize>) -> bool {
    let Some(end) = end else { return true };
    let Some(next) = text.get(end) else { return true };
    if is(*next, LETTER | DIGIT) {
        return false;
    }
    let start = skip(text, end, BLANK);
    match text.get(start) {
        Some(byte) if is(*byte, LETTER) => {
            let word = text[start..].iter().take(11).take_while(|byte| is(**byte, LETTER));
            let word: Vec<u8> = word.map(u8::to_ascii_lowercase).collect();
            keyword(&word).is_some()
        }
        Some(byte) => !is(*byte, DIGIT),
        None => true,
    }
}

/// End of the string that `$tag$` at `at` opens; `None` if that is no such tag.
pub(crate) fn dollar(text: &[u8], at: usize) -> Option<End> {
    let name = skip(text, at + 1, LETTER | DIGIT);
    if text.get(name) != Some(&b'$') || text.get(at + 1).is_some_and(|byte| is(*byte, DIGIT)) {
        return None;
    }
    let tag = &text[at..=name];
    let mut from = name + 1;
    loop {
        let rest = text.get(from..).unwrap_or_default();
        let Some(found) = rest.iter().position(|byte| *byte == b'$') else {
            return Some(End::new(text, None));
        };
        if rest[found..].starts_with(tag) {
            return Some(End::new(text, Some(from + found + tag.len())));
        }
        from += found + 1;
    }
}

/// End of Oracle's `q'[…]'`, whose delimiter is at `at`.
pub(crate) fn delimited(text: &[u8], at: usize) -> End {
    let close = match text.get(at) {
        Some(b'[') => b']',
        Some(b'(') => b')',
        Some(b'{') => b'}',
        Some(b'<') => b'>',
        Some(other) => *other,
        None => return End::new(text, None),
    };
    let rest = text.get(at + 1..).unwrap_or_default();
    let found = rest.windows(2).position(|pair| pair == [close, b'\'']);
    End::new(text, found.map(|found| at + found + 3))
}

/// End of the comment that `/*` at `at` opens; comments nest, as in PostgreSQL.
pub(crate) fn comment(text: &[u8], at: usize) -> End {
    let mut depth = 1_usize;
    let mut place = at + 2;
    while let Some(pair) = text.get(place..place + 2) {
        match pair {
            b"/*" => depth += 1,
            b"*/" => depth -= 1,
            _ => {
                place += 1;
                continue;
            }
        }
        place += 2;
        if depth == 0 {
            return End::new(text, Some(place));
        }
    }
    End::new(text, None)
}

/// End of the line.
pub(crate) fn line(text: &[u8], at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    let end = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
    end.map_or(text.len(), |end| at + end)
}
