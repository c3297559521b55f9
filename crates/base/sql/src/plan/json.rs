//! JSON, also where it is not quite: line breaks in strings, commas before a bracket, an end that is missing; and
//! what Python, Ruby and JavaScript print of the same values.
//!
//! A reader of our own, as names may come twice and their order is kept.

use model::Text;

use super::{
    PlanError,
    raw::{Raw, Stack},
};

/// The value that begins at `at`, and the place after it. A text that ends early gives what is there.
pub(super) fn value(text: &str, at: usize) -> Result<(Option<Raw>, usize), PlanError> {
    let bytes = text.as_bytes();
    let mut stack = Stack::default();
    let mut key = Text::default();
    let mut named = false;
    let mut at = at;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'{' => stack.open_map(std::mem::take(&mut key))?,
            b'[' => stack.open_list(std::mem::take(&mut key))?,
            b'}' | b']' => {
                stack.close();
                key.clear();
                if stack.depth() == 0 {
                    return Ok((stack.finish(), at + 1));
                }
            }
            quote @ (b'"' | b'\'') => {
                let (string, after) = quoted(text, at + 1, char::from(*quote));
                at = after;
                if !named && followed_by_colon(bytes, after) {
                    key = string;
                    named = true;
                    continue;
                }
                stack.add(std::mem::take(&mut key), Raw::Scalar(string));
                named = false;
                continue;
            }
            b':' | b',' | b' ' | b'\t' | b'\r' | b'\n' | b'=' | b'>' | b'(' | b')' => {}
            _ => {
                let end = bare(bytes, at);
                let word = text.get(at..end).unwrap_or_default();
                if !named && followed_by_colon(bytes, end) {
                    key = Text::from(word);
                    named = true;
                    at = end;
                    continue;
                }
                let value = match word {
                    "null" | "None" | "nil" | "undefined" => Raw::Null,
                    "True" => Raw::text("true"),
                    "False" => Raw::text("false"),
                    word => Raw::text(word),
                };
                stack.add(std::mem::take(&mut key), value);
                named = false;
                at = end;
                continue;
            }
        }
        if matches!(byte, b'{' | b'[' | b'}' | b']' | b',') {
            named = false;
        }
        at += 1;
    }
    Ok((stack.finish(), at))
}

fn followed_by_colon(bytes: &[u8], mut at: usize) -> bool {
    while bytes.get(at).is_some_and(u8::is_ascii_whitespace) {
        at += 1;
    }
    bytes.get(at) == Some(&b':') || bytes.get(at..).is_some_and(|rest| rest.starts_with(b"=>"))
}

/// End of a word without quotes: a number, `true`, `null`, or nonsense. Always after `at`, at the border of a letter.
fn bare(bytes: &[u8], at: usize) -> usize {
    let is_end = |byte: &u8| b",:{}[]()\"'=".contains(byte) || byte.is_ascii_whitespace();
    let rest = bytes.get(at..).unwrap_or_default();
    at + rest.iter().position(is_end).unwrap_or(rest.len()).max(1)
}

/// The string whose first letter is at `at`, and the place after its closing quote.
pub(super) fn string(text: &str, at: usize) -> (Text, usize) {
    quoted(text, at, '"')
}

/// The same in any quotes: those of Python and JavaScript are single ones.
fn quoted(text: &str, at: usize, quote: char) -> (Text, usize) {
    let mut out = String::new();
    let rest = text.get(at..).unwrap_or_default();
    let mut letters = rest.char_indices();
    while let Some((place, letter)) = letters.next() {
        match letter {
            letter if letter == quote => return (out.into(), at + place + 1),
            '\\' => match letters.next() {
                Some((_, 'n')) => out.push('\n'),
                Some((_, 't')) => out.push('\t'),
                Some((_, 'r')) => out.push('\r'),
                Some((_, 'b')) => out.push('\u{8}'),
                Some((_, 'f')) => out.push('\u{c}'),
                Some((_, 'u')) => {
                    let mut code = hex(&mut letters);
                    if (0xd800..0xdc00).contains(&code) {
                        let mut ahead = letters.clone();
                        if ahead.next().map(|next| next.1) == Some('\\')
                            && ahead.next().map(|next| next.1) == Some('u')
                        {
                            let low = hex(&mut ahead);
                            if (0xdc00..0xe000).contains(&low) {
                                code = 0x1_0000 + ((code - 0xd800) << 10) + (low - 0xdc00);
                                letters = ahead;
                            }
                        }
                    }
                    out.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
                }
                Some((_, other)) => out.push(other),
                None => break,
            },
            letter => out.push(letter),
        }
    }
    (out.into(), text.len())
}

/// Up to four hexadecimal digits.
fn hex(letters: &mut std::str::CharIndices<'_>) -> u32 {
    let mut code = 0;
    for _ in 0..4 {
        let mut ahead = letters.clone();
        let Some(digit) = ahead.next().and_then(|next| next.1.to_digit(16)) else { break };
        code = code * 16 + digit;
        *letters = ahead;
    }
    code
}
