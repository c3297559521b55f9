//! JSON values that follow each other: one document, one per line, or one after the other.
//!
//! Read one at a time, so that only one is in memory beside its spans. After a value that cannot be
//! read, the rest is read line by line, as what programs append to is written; a line of an indented
//! document does not begin with a brace. So each byte is looked at twice at most.

use serde::{Deserialize, de};
use serde_json::{Deserializer, Error};

use super::{Outcome, Place, Problem, ReadError};

/// A value that could not be read.
#[derive(Debug)]
pub(crate) struct Malformed {
    pub(crate) place: Place,
    pub(crate) message: String,
}

impl Malformed {
    /// The same, for the reader of a file.
    pub(crate) fn of(self, format: &'static str) -> ReadError {
        ReadError::Malformed { format, place: self.place, message: self.message }
    }
}

/// Calls `each` with every value and the line that it begins on. Values that cannot be read are
/// noted in `decoded`.
///
/// # Errors
///
/// If a value cannot be read, and no other holds anything.
pub(crate) fn documents<'a, T: Deserialize<'a>, D: Outcome>(
    bytes: &'a [u8],
    decoded: &mut D,
    mut each: impl FnMut(T, &mut D, usize),
) -> Result<(), Malformed> {
    let mut rest = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut line = 1;
    let mut first = None;
    loop {
        let blank = rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        advance(&mut rest, blank, &mut line);
        let end = if first.is_some() { line_length(rest) } else { rest.len() };
        let piece = rest.get(..end).unwrap_or(rest);
        let mut values = Deserializer::from_slice(piece).into_iter::<T>();
        match values.next() {
            None => break,
            Some(Ok(value)) => {
                each(value, decoded, line);
                let taken = values.byte_offset();
                advance(&mut rest, taken, &mut line);
            }
            Some(Err(error)) => {
                let offset = bytes.len() - rest.len();
                first.get_or_insert_with(|| Malformed {
                    place: Place::Byte(offset + offset_of(&error, rest)),
                    message: words(&error),
                });
                decoded.note(|| Problem { place: Place::Line(line), message: words(&error) });
                let taken = next_start(rest);
                advance(&mut rest, taken, &mut line);
            }
        }
    }
    match first {
        Some(malformed) if decoded.is_empty() => Err(malformed),
        _ => Ok(()),
    }
}

fn advance(rest: &mut &[u8], count: usize, line: &mut usize) {
    let (passed, after) = rest.split_at(count);
    *line += passed.split(|byte| *byte == b'\n').skip(1).count();
    *rest = after;
}

fn line_length(rest: &[u8]) -> usize {
    rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len())
}

/// Bytes up to the next line that may begin a value.
fn next_start(rest: &[u8]) -> usize {
    rest.windows(2)
        .position(|pair| pair[0] == b'\n' && matches!(pair[1], b'{' | b'['))
        .map_or(rest.len(), |place| place + 1)
}

/// The bytes before the place that `error` names by line and column.
fn offset_of(error: &Error, rest: &[u8]) -> usize {
    let before = rest.split_inclusive(|byte| *byte == b'\n').take(error.line().saturating_sub(1));
    (before.map(<[u8]>::len).sum::<usize>() + error.column()).min(rest.len())
}

/// What is wrong, without the line and column, which count from the value instead of the file.
fn words(error: &Error) -> String {
    if error.is_eof() {
        return "the input ends within a JSON value: it was cut".to_owned();
    }
    let text = error.to_string();
    let what = text.rsplit_once(" at line ").map_or(text.as_str(), |(what, _)| what);
    if error.is_data() { what.to_owned() } else { format!("not JSON: {what}") }
}

/// A value, or a list of them.
pub(crate) struct OneOrMany<T>(pub(crate) Vec<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OneOrMany<T> {
    fn deserialize<D: de::Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct Visitor<T>(std::marker::PhantomData<T>);

        impl<'de, T: Deserialize<'de>> de::Visitor<'de> for Visitor<T> {
            type Value = Vec<T>;

            fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                out.write_str("an object or a list of objects")
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<Vec<T>, A::Error> {
                let mut all = Vec::new();
                while let Some(one) = list.next_element()? {
                    all.push(one);
                }
                Ok(all)
            }

            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Vec<T>, A::Error> {
                T::deserialize(de::value::MapAccessDeserializer::new(map)).map(|one| vec![one])
            }
        }

        input.deserialize_any(Visitor(std::marker::PhantomData)).map(Self)
    }
}
