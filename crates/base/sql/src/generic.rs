//! A statement that can still be planned, without its literals: parameters stay `$1`, what else is a value
//! becomes the next free one.
//!
//! The server replaces constants itself in what `pg_stat_statements` shows, but not in utility statements, and
//! not in what sessions and the log show. Two places where its own text cannot be planned are mended:
//! `interval $1` becomes `CAST($1 AS interval)`, and `extract($1 FROM x)` becomes `date_part($1, x)`. Positions in
//! `ORDER BY 1` and lengths in `varchar(20)` are no values and stay.
//!
//! In doubt more is hidden, as in [`crate::normalise`]; unlike there, the text is PostgreSQL's.

use crate::{
    strings::{self, Backslash, End},
    words::{DIGIT, LETTER, WORD, is, skip},
};

/// Bytes that are read: longer statements are lists, or hostile.
const BYTES_MAX: usize = 64 << 10;
/// The largest number of a parameter that the protocol can carry.
const PARAMETER_MAX: u32 = 65_535;

/// The statement with every literal as a parameter, comments and a last `;` gone. Those that have a number
/// keep it; new ones follow the largest. Doing so again changes nothing, bar texts that are no SQL. At most the
/// first 64 KiB are read.
#[must_use]
pub fn generic(text: &str) -> String {
    let end = (0..=text.len().min(BYTES_MAX)).rev().find(|end| text.is_char_boundary(*end));
    let text = text.get(..end.unwrap_or_default()).unwrap_or_default().as_bytes();
    let mut lexer = Lexer {
        text,
        at: 0,
        out: Vec::with_capacity(text.len()),
        next: largest_parameter(text).saturating_add(1),
        last: Token::Start,
        before: Token::Start,
        word: (0, 0),
        depth: 0,
        by: None,
        modifier: None,
        extract: None,
        sign: 0,
    };
    lexer.run();
    let out = String::from_utf8_lossy(&lexer.out);
    out.trim_matches(|char: char| char.is_whitespace() || char == ';').replace('\0', " ")
}

/// The last tokens, as far as the next one cares.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Token {
    Start,
    Word,
    Parameter,
    Open,
    Close,
    Comma,
    Sign,
    Other,
}

struct Lexer<'text> {
    text: &'text [u8],
    at: usize,
    out: Vec<u8>,
    /// Number of the next new parameter.
    next: u32,
    last: Token,
    before: Token,
    /// The last word, where it stands in `out`.
    word: (usize, usize),
    depth: usize,
    /// Depth of the `ORDER BY` or `GROUP BY` whose list is being read.
    by: Option<usize>,
    /// Depth within the parentheses of a type: `varchar(20)`.
    modifier: Option<usize>,
    /// Depth within the parentheses of `extract`, and where the word stands in `out`.
    extract: Option<(usize, usize)>,
    /// Where the last sign stands in `out`.
    sign: usize,
}

impl Lexer<'_> {
    /// Each round takes at least a byte.
    fn run(&mut self) {
        while let Some(&byte) = self.text.get(self.at) {
            let next = self.text.get(self.at + 1).copied().unwrap_or(0);
            match (byte, next) {
                (b'-', b'-') => self.at = strings::line(self.text, self.at),
                (b'/', b'*') => {
                    self.at = strings::comment(self.text, self.at).at;
                    self.space();
                }
                (b'\'', _) => self.string(self.at + 1, Backslash::Unknown),
                (b'"', _) => self.name(),
                (b'$', _) => self.dollar(),
                (b'0'..=b'9', _) => self.number(),
                (b'.', b'0'..=b'9') if !matches!(self.last, Token::Word | Token::Close) => {
                    self.number();
                }
                _ if is(byte, LETTER) => self.word(),
                _ => self.sign(byte),
            }
        }
    }

    fn push(&mut self, token: Token) {
        self.before = self.last;
        self.last = token;
    }

    /// One blank, if there is none yet.
    fn space(&mut self) {
        if self.out.last().is_some_and(|last| !last.is_ascii_whitespace()) {
            self.out.push(b' ');
        }
    }

    fn string(&mut self, from: usize, backslash: Backslash) {
        self.hide(strings::string(self.text, from, b'\'', backslash));
    }

    fn hide(&mut self, end: End) {
        self.at = end.at;
        self.parameter(self.next);
        self.next = self.next.saturating_add(1);
    }

    /// A name in quotes; one that is not closed goes with the rest of the text.
    fn name(&mut self) {
        let end = strings::string(self.text, self.at + 1, b'"', Backslash::Plain);
        let name = self.text.get(self.at..end.at).filter(|_| end.closed).unwrap_or_default();
        self.out.extend_from_slice(name);
        self.at = end.at;
        self.push(Token::Other);
    }

    fn dollar(&mut self) {
        if let Some(end) = strings::dollar(self.text, self.at) {
            self.hide(end);
            return;
        }
        let end = skip(self.text, self.at + 1, DIGIT);
        if end == self.at + 1 {
            self.at = end;
            self.out.push(b'$');
            self.push(Token::Other);
            return;
        }
        match number(&self.text[self.at + 1..end]) {
            Some(number) => {
                self.at = end;
                self.parameter(number);
            }
            None => self.hide(End { at: end, closed: true, escapes: false }),
        }
    }

    /// Writes a parameter; if the name of a type stands before it, as a cast.
    fn parameter(&mut self, number: u32) {
        if self.last == Token::Sign
            && !matches!(self.before, Token::Word | Token::Parameter | Token::Close | Token::Other)
        {
            self.out.truncate(self.sign);
            self.last = self.before;
        }
        let written = format!("${number}");
        if let Some((start, name)) = self.typed() {
            self.out.truncate(start);
            let fields = self.interval_fields(&name);
            self.out.extend_from_slice(format!("CAST({written} AS {name}{fields})").as_bytes());
        } else {
            let touches = self.out.last().is_some_and(|last| is(*last, WORD));
            if touches {
                self.out.push(b' ');
            }
            self.out.extend_from_slice(written.as_bytes());
            if self.text.get(self.at).is_some_and(|next| is(*next, WORD)) {
                self.out.push(b' ');
            }
        }
        self.push(Token::Parameter);
    }

    /// The type whose name stands at the end of what was written, and where it begins.
    fn typed(&self) -> Option<(usize, String)> {
        if self.last != Token::Word || self.by.is_some() && self.word_is("by") {
            return None;
        }
        let word = self.lower(self.word);
        if TYPES.contains(&word.as_str()) {
            return Some((self.word.0, word));
        }
        if word != "zone" {
            return None;
        }
        let text = self.out.to_ascii_lowercase();
        let text = std::str::from_utf8(text.get(..self.word.1)?).ok()?;
        let words: Vec<&str> =
            text.rsplit(|char: char| char.is_ascii_whitespace()).take(4).collect();
        let ["zone", "time", with @ ("with" | "without"), name @ ("time" | "timestamp")] =
            words[..]
        else {
            return None;
        };
        let full = format!("{name} {with} time zone");
        text.ends_with(&full).then(|| (self.word.1 - full.len(), full))
    }

    /// `day to second` after `interval '…'`, taken along.
    fn interval_fields(&mut self, name: &str) -> String {
        let mut fields = String::new();
        if name != "interval" {
            return fields;
        }
        loop {
            let blank = self.text.get(self.at..).unwrap_or_default();
            let blank = blank.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            let start = self.at + blank;
            let end = skip(self.text, start, WORD);
            let word = self.text[start..end].to_ascii_lowercase();
            let Some(word) = FIELDS.iter().find(|field| field.as_bytes() == word) else {
                return fields;
            };
            fields.push(' ');
            fields.push_str(word);
            self.at = end;
        }
    }

    fn number(&mut self) {
        let start = self.at;
        let mut end = start;
        while let Some(&byte) = self.text.get(end) {
            let exponent = matches!(byte, b'e' | b'E')
                && matches!(self.text.get(end + 1), Some(b'+' | b'-'))
                && self.text.get(end + 2).is_some_and(u8::is_ascii_digit)
                && self.text[start..end].iter().all(|byte| byte.is_ascii_digit() || *byte == b'.');
            if !is(byte, WORD) && byte != b'.' {
                break;
            }
            end += if exponent { 2 } else { 1 };
        }
        let digits = &self.text[start..end];
        let is_small = digits.len() <= 4 && digits.iter().all(u8::is_ascii_digit);
        if is_small && (self.modifier.is_some() || self.is_position(end)) {
            self.out.extend_from_slice(digits);
            self.at = end;
            self.push(Token::Other);
            return;
        }
        self.hide(End { at: end, closed: true, escapes: false });
    }

    /// Whether the number before `end` is a column's position: alone in its place of `ORDER BY`.
    fn is_position(&self, end: usize) -> bool {
        let begins = self.last == Token::Comma || self.word_is("by") && self.last == Token::Word;
        let rest = self.text.get(end..).unwrap_or_default();
        let next = rest.iter().find(|byte| !byte.is_ascii_whitespace()).copied();
        let ends = next.is_none_or(|byte| matches!(byte, b',' | b')' | b';') || is(byte, LETTER));
        self.by == Some(self.depth) && begins && ends
    }

    fn word(&mut self) {
        let start = self.at;
        let end = skip(self.text, start, WORD);
        let word = &self.text[start..end];
        if self.text.get(end) == Some(&b'\'') && word.len() == 1 {
            let backslash = match word {
                b"e" | b"E" => Some(Backslash::Escapes),
                b"b" | b"B" | b"x" | b"X" | b"n" | b"N" => Some(Backslash::Unknown),
                _ => None,
            };
            if let Some(backslash) = backslash {
                self.string(end + 1, backslash);
                return;
            }
        }
        let unicode = self.text.get(end..).is_some_and(|rest| rest.starts_with(b"&'"));
        if unicode && matches!(word, b"u" | b"U") {
            self.string(end + 2, Backslash::Plain);
            return;
        }
        self.at = end;
        let lower = word.to_ascii_lowercase();
        if lower == b"from" && self.last == Token::Parameter && self.extract_ends() {
            return;
        }
        if lower == b"by" && matches!(&*self.lower(self.word), "order" | "group") {
            self.by = Some(self.depth);
        } else if self.by == Some(self.depth) && ENDS.contains(&lower.as_slice()) {
            self.by = None;
        }
        let from = self.out.len();
        self.out.extend_from_slice(word);
        self.word = (from, self.out.len());
        self.push(Token::Word);
    }

    /// `extract($1 from …` becomes `date_part($1, …`.
    fn extract_ends(&mut self) -> bool {
        let Some((depth, at)) = self.extract.filter(|(depth, _)| *depth == self.depth) else {
            return false;
        };
        let tail = self.out.split_off(at + "extract".len());
        self.out.truncate(at);
        self.out.extend_from_slice(b"date_part");
        self.out.extend_from_slice(tail.trim_ascii_end());
        self.out.push(b',');
        self.extract = None;
        debug_assert!(depth <= self.depth);
        self.push(Token::Comma);
        true
    }

    fn sign(&mut self, byte: u8) {
        self.at += 1;
        if byte.is_ascii_whitespace() || byte.is_ascii_control() {
            self.out.push(byte);
            return;
        }
        match byte {
            b'(' | b'[' => {
                let word =
                    if self.last == Token::Word { self.lower(self.word) } else { String::new() };
                self.depth += 1;
                if byte == b'(' && MODIFIED.contains(&word.as_str()) {
                    self.modifier = Some(self.depth);
                } else if word == "extract" {
                    self.extract = Some((self.depth, self.word.0));
                }
                self.push(Token::Open);
            }
            b')' | b']' => {
                let gone = |depth: &usize| *depth < self.depth;
                self.by = self.by.filter(gone);
                self.modifier = self.modifier.filter(gone);
                self.extract = self.extract.filter(|(depth, _)| *depth < self.depth);
                self.depth = self.depth.saturating_sub(1);
                self.push(Token::Close);
            }
            b',' => self.push(Token::Comma),
            b'-' | b'+' => {
                self.sign = self.out.len();
                self.push(Token::Sign);
            }
            _ => self.push(if byte == b'.' { Token::Other } else { Token::Start }),
        }
        self.out.push(byte);
    }

    fn word_is(&self, word: &str) -> bool {
        self.lower(self.word) == word
    }

    fn lower(&self, (from, to): (usize, usize)) -> String {
        let word = self.out.get(from..to).unwrap_or_default();
        String::from_utf8_lossy(word).to_ascii_lowercase()
    }
}

/// Types whose name may stand before a literal.
const TYPES: [&str; 22] = [
    "bigint",
    "bool",
    "boolean",
    "bytea",
    "cidr",
    "date",
    "decimal",
    "inet",
    "integer",
    "interval",
    "json",
    "jsonb",
    "macaddr",
    "money",
    "numeric",
    "point",
    "text",
    "time",
    "timestamp",
    "timestamptz",
    "timetz",
    "uuid",
];

/// Types that take lengths in parentheses.
const MODIFIED: [&str; 12] = [
    "bit",
    "char",
    "character",
    "decimal",
    "float",
    "interval",
    "numeric",
    "time",
    "timestamp",
    "timestamptz",
    "varchar",
    "varying",
];

/// Words that may follow an interval.
const FIELDS: [&str; 7] = ["year", "month", "day", "hour", "minute", "second", "to"];

/// Words that end the list of `ORDER BY` and `GROUP BY`.
const ENDS: [&[u8]; 14] = [
    b"except",
    b"fetch",
    b"for",
    b"from",
    b"groups",
    b"having",
    b"intersect",
    b"limit",
    b"offset",
    b"range",
    b"rows",
    b"union",
    b"where",
    b"window",
];

/// The number of a parameter, if the protocol can carry it.
fn number(digits: &[u8]) -> Option<u32> {
    let number: u32 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    (1..=PARAMETER_MAX).contains(&number).then_some(number)
}

/// The largest number of a parameter outside of strings and comments; 0 if there is none.
fn largest_parameter(text: &[u8]) -> u32 {
    let mut largest = 0;
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        at = match (byte, text.get(at + 1)) {
            (b'-', Some(b'-')) => strings::line(text, at),
            (b'/', Some(b'*')) => strings::comment(text, at).at,
            (b'\'', _) => strings::string(text, at + 1, b'\'', Backslash::Unknown).at,
            (b'"', _) => strings::string(text, at + 1, b'"', Backslash::Plain).at,
            (b'$', _) => {
                let end = skip(text, at + 1, DIGIT);
                largest = largest.max(number(&text[at + 1..end]).unwrap_or_default());
                strings::dollar(text, at).map_or(end, |end| end.at)
            }
            _ if is(byte, LETTER) => skip(text, at, WORD),
            _ => at + 1,
        }
        .max(at + 1);
    }
    largest
}

#[cfg(test)]
#[path = "generic_tests.rs"]
mod tests;
