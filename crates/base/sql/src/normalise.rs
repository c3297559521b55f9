//! Normalising: one line, no literals, equal shapes equal texts.
//!
//! - Strings of any kind, numbers, `TRUE`, `FALSE`, `NULL` and placeholders of any style become `?`, and a sign
//!   before one goes with it. `NULL` and the like stay where they are part of the shape: `IS NULL`, `SET NULL`.
//! - Lists in `IN (…)`, `ARRAY[…]` and rows of `VALUES` lose members that equal the one before: `in (?)`.
//! - Comments and a last `;` go; `!=` becomes `<>`; names of savepoints and cursors become `?`.
//! - Words are in lower case. Quotes go from names that mean the same without: lower case and no keyword.
//! - `"x"` is a name where the standard has names; where a value stands (after an operator, in `IN` and `VALUES`,
//!   among the arguments of a function, once a backtick was seen) it is hidden, for MySQL means a string.
//!
//! In doubt more is hidden, not less: where backslashes leave open which string ends where, all of it goes.

use model::Parameters;

use crate::{hash::xxh64, lexer::Lexer};

/// A statement without its literals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Normalised {
    /// One line, literals and parameters as `?`.
    pub text: String,
    /// XXH64 of `text`: the same in every release.
    pub fingerprint: u64,
    /// What is known of the parameters: a hash of all literals, unless there are placeholders.
    pub parameters: Parameters,
    /// Value of `OFFSET` or of the first of two in `LIMIT`, where it is spelt out.
    pub offset: Option<u64>,
    /// Keys of `IN` lists and rows of `VALUES` that were folded into the one before: 0 if the statement
    /// works on one of them.
    pub folded: u32,
    /// It ends within a string, a comment or parentheses, with an ellipsis, or where more must follow.
    pub truncated: bool,
}

impl Default for Normalised {
    /// The empty statement.
    fn default() -> Self {
        Self {
            text: String::new(),
            fingerprint: xxh64(b"", 0),
            parameters: Parameters::None,
            offset: None,
            folded: 0,
            truncated: false,
        }
    }
}

/// The statement without its literals. Any text will do; the result is never longer than twice `text` and
/// normalising it again changes nothing,
/// bar texts that are no SQL.
#[must_use]
pub fn normalise(text: &str) -> Normalised {
    let mut out = Normalised::default();
    normalise_into(text, &mut out);
    out
}

/// As [`normalise`], into an earlier result whose memory is used again.
pub fn normalise_into(text: &str, out: &mut Normalised) {
    let mut buffer = std::mem::take(&mut out.text).into_bytes();
    buffer.clear();
    buffer.reserve(text.len() + 16);
    let mut lexer = Lexer::new(text.as_bytes(), buffer);
    lexer.run();
    let (bytes, outcome) = lexer.finish();
    out.fingerprint = xxh64(&bytes, 0);
    // Words are copied whole and cut only at ASCII bytes, so this is UTF-8 as `text` was.
    out.text = String::from_utf8(bytes)
        .unwrap_or_else(|broken| String::from_utf8_lossy(broken.as_bytes()).into_owned());
    out.parameters = outcome.parameters;
    out.offset = outcome.offset;
    out.folded = outcome.folded;
    out.truncated = outcome.truncated;
}

#[cfg(test)]
#[path = "normalise_tests.rs"]
mod tests;
