//! Reads an input of any known format: spans, and what could not be read of it.

pub(crate) mod base64;
pub(crate) mod bridge;
mod documents;
pub(crate) mod keys;
mod looks;
pub(crate) mod scalars;

use std::fmt;

pub(crate) use documents::{OneOrMany, documents};
pub(crate) use looks::is_text;
use model::Span;

use crate::{
    compress::{Compression, DecompressedMax, decompress},
    formats::{FORMATS, Format},
    otlp::DecodeError,
};

/// Problems that are told in words; the rest is only counted, so that hostile input does not fill the memory.
const PROBLEMS_MAX: usize = 100;

/// Characters of a name that a message quotes.
const QUOTED_CHARS_MAX: usize = 60;

/// Reads an input whose format is not known: decompresses it, finds the format, decodes it.
///
/// # Errors
///
/// If the input is empty, of no known format, cannot be decompressed, is larger than `max`
/// once it is, or is so broken that nothing of it can be read.
pub fn read(bytes: &[u8], max: DecompressedMax) -> Result<Reading, ReadError> {
    let (compression, plain) = decompress(bytes, max)?;
    if plain.iter().all(u8::is_ascii_whitespace) {
        return Err(ReadError::Empty);
    }
    let Some(format) = FORMATS.iter().find(|format| (format.sniff)(&plain)) else {
        return Err(looks::like(&plain));
    };
    let decoded = (format.read)(&plain)?;
    Ok(Reading { format, compression, decoded })
}

/// What an input turned out to be, and to hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// Its format.
    pub format: &'static Format,
    /// What it was compressed with.
    pub compression: Option<Compression>,
    /// Its spans.
    pub decoded: Decoded,
}

/// Spans of an input, and what could not be read of it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Decoded {
    /// In the order of the input.
    pub spans: Vec<Span>,
    /// Spans that were left out because they lack what a span needs.
    pub rejected: usize,
    /// What was left out or made up, the first hundred of it.
    pub problems: Vec<Problem>,
}

impl Decoded {
    /// Notes a span that is left out.
    pub(crate) fn reject(&mut self, problem: impl FnOnce() -> Problem) {
        self.rejected += 1;
        self.note(problem);
    }

    /// Notes something else that is odd.
    pub(crate) fn note(&mut self, problem: impl FnOnce() -> Problem) {
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(problem());
        }
    }
}

/// Log records or metrics of an input, and what could not be read of it.
#[derive(Debug, Clone, PartialEq)]
pub struct DecodedItems<T> {
    /// In the order of the input.
    pub items: Vec<T>,
    /// Log records, or points of metrics, that were left out.
    pub rejected: usize,
    /// What was left out, the first hundred of it.
    pub problems: Vec<Problem>,
}

impl<T> Default for DecodedItems<T> {
    fn default() -> Self {
        Self { items: Vec::new(), rejected: 0, problems: Vec::new() }
    }
}

impl<T> DecodedItems<T> {
    /// Notes what is left out, once for `count` of it.
    pub(crate) fn reject(&mut self, count: usize, problem: impl FnOnce() -> Problem) {
        self.rejected += count;
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(problem());
        }
    }
}

/// What the reader of a list of documents needs of a result.
pub(crate) trait Outcome {
    /// Whether nothing was read yet.
    fn is_empty(&self) -> bool;

    /// Notes something odd.
    fn note(&mut self, problem: impl FnOnce() -> Problem);
}

impl Outcome for Decoded {
    fn is_empty(&self) -> bool {
        self.spans.is_empty() && self.rejected == 0
    }

    fn note(&mut self, problem: impl FnOnce() -> Problem) {
        Self::note(self, problem);
    }
}

impl<T> Outcome for DecodedItems<T> {
    fn is_empty(&self) -> bool {
        self.items.is_empty() && self.rejected == 0
    }

    fn note(&mut self, problem: impl FnOnce() -> Problem) {
        self.reject(0, problem);
    }
}

/// A part of an input that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub place: Place,
    /// What, as a sentence without its full stop.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.place, self.message)
    }
}

/// A place in an input, after decompression.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A line, from 1.
    Line(usize),
    /// Bytes before the place.
    Byte(usize),
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(out, "line {line}"),
            Self::Byte(offset) => write!(out, "byte {offset}"),
        }
    }
}

/// Why an input was not read at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadError {
    /// There is nothing in it.
    Empty,
    /// It is of no known format.
    Unknown {
        /// What it looks like, such as `an HTML page`.
        looks_like: &'static str,
        /// What to do about it, as an imperative without its full stop.
        hint: &'static str,
    },
    /// It is larger than the limit once it is decompressed.
    TooLarge {
        /// The limit.
        max: DecompressedMax,
    },
    /// It cannot be decompressed.
    Compression {
        /// What it is compressed with.
        compression: Compression,
        /// Bytes that were decompressed before it failed.
        offset: usize,
        /// Why it failed.
        cause: String,
    },
    /// It is of a known format, and broken.
    Malformed {
        /// Title of the format.
        format: &'static str,
        /// Where.
        place: Place,
        /// What is wrong there.
        message: String,
    },
    /// It is OTLP protobuf, and broken.
    Protobuf(DecodeError),
}

impl fmt::Display for ReadError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(out, "the input is empty"),
            Self::Unknown { looks_like, .. } => {
                let known: Vec<&str> = FORMATS.iter().map(|format| format.title).collect();
                write!(
                    out,
                    "the input looks like {looks_like}; known formats are {}",
                    known.join(", ")
                )
            }
            Self::TooLarge { max } => {
                write!(out, "the input is larger than {} bytes once it is decompressed", max.bytes)
            }
            Self::Compression { compression, offset, cause } => {
                write!(out, "failed to decompress {compression} after {offset} bytes: {cause}")
            }
            Self::Malformed { format, place, message } => {
                write!(out, "malformed {format} at {place}: {message}")
            }
            Self::Protobuf(_) => write!(out, "failed to read OTLP protobuf"),
        }
    }
}

impl std::error::Error for ReadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Protobuf(error) => Some(error),
            _ => None,
        }
    }
}

impl ReadError {
    /// What to do about it, as an imperative without its full stop.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Empty => "check that whatever wrote it was given the time to flush its spans",
            Self::Unknown { hint, .. } => hint,
            Self::TooLarge { .. } => "split it, or raise the limit",
            Self::Compression { .. } => "check that it was copied to its end",
            Self::Malformed { .. } | Self::Protobuf(_) => {
                "check that it was written to its end and not changed since"
            }
        }
    }
}

/// The beginning of a name, for messages.
pub(crate) fn short(name: &str) -> String {
    match name.char_indices().nth(QUOTED_CHARS_MAX) {
        None => name.to_owned(),
        Some((end, _)) => format!("{}…", name.get(..end).unwrap_or_default()),
    }
}
