//! The lexer behind [`crate::normalise`]: reads a token, writes it, and remembers just enough of what came
//! before to tell values from names and signs from operators.

mod quoted;
mod signs;

use model::Parameters;

use crate::{
    hash::xxh64,
    strings::{Backslash, End},
    words::{self, Flags, LETTER, WORD, is, keyword, skip},
};

/// Parentheses nested deeper are not folded.
const DEPTH_MAX: usize = 32;

/// The last token, as far as the next one cares.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Prev {
    Start,
    Open,
    Close,
    Comma,
    Dot,
    Cast,
    Sign,
    Operator,
    Value,
    Name,
    Keyword,
}

/// What is known of a pair of parentheses; the first stands for the whole statement.
#[derive(Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is remembered by itself")]
struct Frame {
    /// Double quotes within it are values.
    value: bool,
    /// Equal members are folded.
    list: bool,
    /// It holds the rows of `VALUES`.
    rows: bool,
    /// Its members are things that the statement works on: keys of `IN`, rows of `VALUES`.
    counted: bool,
    /// Where its current member begins in the output.
    member: usize,
    /// The member before.
    before: (usize, usize),
}

/// `LIMIT a, b` on its way.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Limit {
    No,
    First(Option<u64>),
    Comma(Option<u64>),
}

/// What is told beside the text.
pub(crate) struct Outcome {
    pub(crate) parameters: Parameters,
    pub(crate) offset: Option<u64>,
    pub(crate) folded: u32,
    pub(crate) truncated: bool,
}

#[expect(clippy::struct_excessive_bools, reason = "each is remembered by itself")]
pub(crate) struct Lexer<'text> {
    text: &'text [u8],
    at: usize,
    out: Vec<u8>,
    prev: Prev,
    /// Of the keyword that `prev` is.
    flags: Flags,
    frames: [Frame; DEPTH_MAX],
    depth: usize,
    /// Before a sign: length of the output, what came before, place in the text.
    sign: (usize, Prev, usize),
    literals_hash: u64,
    literals: bool,
    placeholders: bool,
    limit: Limit,
    offset: Option<u64>,
    folded: u32,
    /// A `;` was read and is written if something follows.
    semicolon: bool,
    /// A backtick was seen: double quotes are strings.
    backtick: bool,
    /// Backslashes were seen to escape.
    escapes: bool,
    between: bool,
    /// The next parentheses hold names.
    target: bool,
    /// Ends within a token or with an ellipsis.
    cut: bool,
}

impl<'text> Lexer<'text> {
    pub(crate) fn new(text: &'text [u8], out: Vec<u8>) -> Self {
        Self {
            text,
            at: 0,
            out,
            prev: Prev::Start,
            flags: 0,
            frames: [Frame::default(); DEPTH_MAX],
            depth: 0,
            sign: (0, Prev::Start, 0),
            literals_hash: 0,
            literals: false,
            placeholders: false,
            limit: Limit::No,
            offset: None,
            folded: 0,
            semicolon: false,
            backtick: false,
            escapes: false,
            between: false,
            target: false,
            cut: false,
        }
    }

    /// Reads all of the text. Each round takes at least a byte.
    pub(crate) fn run(&mut self) {
        while let Some(&byte) = self.text.get(self.at) {
            match byte {
                0..=b' ' | 0x7f => self.at += 1,
                0xE2 if self.ellipsis() => {
                    self.cut = true;
                    self.at += 3;
                }
                b'a'..=b'z' | b'A'..=b'Z' | b'_' | 0x80.. => self.word(),
                b'0'..=b'9' => self.number(),
                b'\'' => self.string(self.at, self.at + 1, Backslash::Unknown),
                b'"' => self.double_quoted(),
                b'`' => self.backticked(),
                b',' => self.comma(),
                b'.' => self.dot(),
                b'(' | b'{' | b'[' => self.open(byte),
                b')' | b'}' | b']' => self.close(byte),
                b';' => {
                    self.at += 1;
                    self.semicolon = !self.out.is_empty();
                    self.prev = Prev::Start;
                }
                b'-' | b'+' | b'/' | b'*' => self.arithmetic(byte),
                b'$' => self.dollar(),
                b'?' => self.question(),
                b'%' => self.percent(),
                b':' => self.colon(),
                b'@' => self.at_sign(),
                b'#' => self.hash_sign(),
                _ => self.operator(),
            }
        }
    }

    /// The normalised text and what is told beside it.
    pub(crate) fn finish(mut self) -> (Vec<u8>, Outcome) {
        if self.depth > 0 && self.prev != Prev::Comma {
            self.fold();
        }
        while matches!(self.out.last(), Some(b',' | b';' | b' ')) {
            self.out.pop();
        }
        let parameters = match (self.placeholders, self.literals) {
            (true, _) => Parameters::Hidden,
            (false, true) => Parameters::Known(self.literals_hash),
            (false, false) => Parameters::None,
        };
        let more = matches!(self.prev, Prev::Comma | Prev::Dot | Prev::Operator | Prev::Sign);
        let truncated = self.cut || self.depth > 0 || more;
        (self.out, Outcome { parameters, offset: self.offset, folded: self.folded, truncated })
    }

    fn peek(&self, ahead: usize) -> u8 {
        self.text.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn ellipsis(&self) -> bool {
        self.text[self.at..].starts_with("…".as_bytes())
    }

    /// Writes what separates the next token from the last one; `glue`: it wants no space.
    fn gap(&mut self, glue: bool) {
        if self.semicolon {
            self.out.extend_from_slice(b"; ");
            self.semicolon = false;
        } else if !glue
            && !matches!(self.prev, Prev::Open | Prev::Dot | Prev::Cast | Prev::Sign)
            && !self.out.is_empty()
        {
            self.out.push(b' ');
        }
    }

    fn after(&self, flags: Flags) -> bool {
        self.prev == Prev::Keyword && self.flags & flags != 0
    }

    /// Whether the last token can be computed with.
    fn operand(&self) -> bool {
        matches!(self.prev, Prev::Value | Prev::Name | Prev::Close)
    }

    fn frame(&mut self) -> &mut Frame {
        &mut self.frames[self.depth.min(DEPTH_MAX - 1)]
    }

    /// Writes `?` for a literal or a placeholder.
    fn value(&mut self) {
        if self.prev == Prev::Sign {
            let (len, prev, _) = self.sign;
            self.out.truncate(len);
            self.prev = prev;
        }
        self.gap(false);
        self.out.push(b'?');
        self.prev = Prev::Value;
        self.target = false;
    }

    /// A literal from `start` to here.
    fn literal(&mut self, start: usize) {
        let start = if self.prev == Prev::Sign { self.sign.2 } else { start };
        let bytes = self.text.get(start..self.at).unwrap_or_default();
        self.literals_hash = xxh64(bytes, self.literals_hash);
        self.literals = true;
        let limited = self.after(words::LIMIT);
        if limited || self.after(words::OFFSET) || self.limit != Limit::No {
            let number = std::str::from_utf8(bytes).ok().and_then(|text| text.parse().ok());
            match self.limit {
                _ if limited => self.limit = Limit::First(number),
                Limit::Comma(first) => {
                    self.offset = first;
                    self.limit = Limit::No;
                }
                _ if self.after(words::OFFSET) => self.offset = number,
                _ => self.limit = Limit::No,
            }
        }
        self.value();
    }

    fn placeholder(&mut self) {
        self.placeholders = true;
        if let Limit::Comma(first) = self.limit {
            self.offset = first;
        }
        self.limit = Limit::No;
        self.value();
    }

    fn hide(&mut self, start: usize, end: End) {
        self.at = end.at;
        self.cut |= !end.closed;
        self.literal(start);
    }

    fn word(&mut self) {
        let start = self.at;
        let mut end = skip(self.text, start, WORD);
        if let Some(found) = ellipsis_within(&self.text[start..end]) {
            end = start + found;
        }
        self.at = end;
        let next = self.peek(0);
        if (next == b'\'' || next == b'&') && self.prefixed(start, end) {
            return;
        }
        if next == b'[' && self.prev != Prev::Dot && &self.text[start..end] == b"__" {
            // SQLAlchemy: `__[POSTCOMPILE_id_1]`.
            self.at = after(self.text, end, b']');
            self.placeholder();
            return;
        }
        let label = self.after(words::LABEL);
        let last = self.prev;
        let (len, semicolon) = (self.out.len(), self.semicolon);
        self.gap(false);
        let from = self.out.len();
        self.out.extend_from_slice(&self.text[start..end]);
        self.out[from..].make_ascii_lowercase();
        let qualified = last == Prev::Dot || (next == b'.' && qualifies(self.peek(1)));
        let known = if qualified { None } else { keyword(&self.out[from..]) };
        match known {
            Some(flags) if flags & words::CONSTANT != 0 => {
                let kept = self.after(words::KEEPS) || matches!(last, Prev::Name | Prev::Close);
                if kept {
                    self.prev = Prev::Name;
                } else {
                    self.out.truncate(len);
                    self.semicolon = semicolon;
                    self.literal(start);
                }
            }
            Some(flags) => self.keyword(flags),
            None => {
                self.name();
                if label {
                    self.out.truncate(from);
                    self.out.push(b'?');
                    self.prev = Prev::Value;
                }
            }
        }
    }

    fn name(&mut self) {
        self.prev = Prev::Name;
        self.end_rows();
    }

    fn keyword(&mut self, mut flags: Flags) {
        if flags & words::LABEL != 0 && !(self.prev == Prev::Start || self.after(words::LABEL)) {
            flags = words::OPERAND;
        }
        self.end_rows();
        self.limit = Limit::No;
        self.target = flags & words::TARGET != 0;
        if flags & words::NAMES != 0 {
            self.frame().value = false;
        }
        if flags & words::BETWEEN != 0 {
            self.between = true;
        }
        if flags & words::AND != 0 && self.between {
            self.between = false;
            flags |= words::VALUE;
        }
        if flags & words::ROWS != 0 && self.depth < DEPTH_MAX {
            let member = self.out.len() + 1;
            *self.frame() =
                Frame { rows: true, list: true, counted: true, member, ..*self.frame() };
            self.frame().before = (0, 0);
        }
        self.flags = flags;
        self.prev = if flags & words::OPERAND != 0 && flags & words::LIST == 0 {
            Prev::Name
        } else {
            Prev::Keyword
        };
        if flags & words::VALUE != 0 {
            self.prev = Prev::Keyword;
        }
    }

    fn end_rows(&mut self) {
        let frame = self.frame();
        if frame.rows {
            frame.rows = false;
            frame.list = false;
        }
    }
}

/// Whether `byte` after a dot begins another part of a name; `0xE2` may begin an ellipsis.
fn qualifies(byte: u8) -> bool {
    is(byte, LETTER) && byte != 0xE2 || matches!(byte, b'"' | b'`' | b'*' | b'[' | b'?')
}

/// Place of an ellipsis in a word.
fn ellipsis_within(word: &[u8]) -> Option<usize> {
    let first = word.iter().position(|byte| *byte == 0xE2)?;
    word[first..].windows(3).position(|three| three == "…".as_bytes()).map(|found| first + found)
}

/// Place after the next `stop`, or the end.
fn after(text: &[u8], at: usize, stop: u8) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    rest.iter().position(|byte| *byte == stop).map_or(text.len(), |found| at + found + 1)
}
