//! What comes of reading an input: spans, and what could not be read of it.

use std::fmt;

use model::Span;

/// Problems that are told in words; the rest is only counted, so that hostile input does not fill the memory.
const PROBLEMS_MAX: usize = 100;

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
