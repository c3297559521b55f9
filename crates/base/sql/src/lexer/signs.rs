//! Tokens that are signs: parentheses, commas, operators, placeholders.

use super::{DEPTH_MAX, Frame, Lexer, Limit, Prev};
use crate::{
    strings,
    words::{self, DIGIT, LETTER, OPERATOR, WORD, is, skip},
};

impl Lexer<'_> {
    pub(super) fn comma(&mut self) {
        self.at += 1;
        if let Limit::First(first) = self.limit {
            self.limit = Limit::Comma(first);
        }
        self.fold();
        self.gap(true);
        self.out.push(b',');
        let member = self.out.len() + 1;
        self.frame().member = member;
        self.prev = Prev::Comma;
    }

    /// Drops the current member of a list if it equals the one before.
    pub(super) fn fold(&mut self) {
        if self.depth >= DEPTH_MAX {
            return;
        }
        let frame = &mut self.frames[self.depth];
        if !frame.list {
            return;
        }
        let (first, last) = frame.before;
        let Some(member) = self.out.get(frame.member..).filter(|member| !member.is_empty()) else {
            return;
        };
        if first < last && self.out.get(first..last) == Some(member) {
            let dropped = frame.counted && last < self.out.len();
            self.out.truncate(last);
            self.folded = self.folded.saturating_add(u32::from(dropped));
        } else {
            frame.before = (frame.member, self.out.len());
        }
    }

    pub(super) fn dot(&mut self) {
        if self.peek(1) == b'.' && self.peek(2) == b'.' {
            self.cut = true;
            self.at += 3;
            return;
        }
        if is(self.peek(1), DIGIT) && !self.operand() {
            let start = self.at;
            self.at += 1;
            self.at = skip(self.text, self.at, DIGIT);
            self.number_after(start);
            return;
        }
        self.at += 1;
        if self.prev == Prev::Dot {
            self.prev = Prev::Operator;
            self.gap(false);
        }
        self.gap(true);
        self.out.push(b'.');
        self.prev = Prev::Dot;
    }

    pub(super) fn open(&mut self, byte: u8) {
        if byte == b'{' && self.braced() || byte == b'[' && self.bracketed() {
            return;
        }
        self.at += 1;
        let outer = *self.frame();
        let call = self.prev == Prev::Keyword && self.flags & words::SPACED == 0;
        let array = byte == b'[' && self.after(words::LIST);
        let row = outer.rows && (self.after(words::ROWS) || self.prev == Prev::Comma);
        let value = match self.prev {
            Prev::Operator | Prev::Sign | Prev::Cast => true,
            Prev::Name => !self.target,
            Prev::Close | Prev::Value | Prev::Start | Prev::Dot => false,
            Prev::Keyword => call || row || self.flags & words::VALUE != 0 || outer.value,
            Prev::Comma | Prev::Open => outer.value,
        };
        let list = array || row || self.after(words::LIST) && byte == b'(';
        // Lest `{ a }` become a placeholder and `[ a ]` a name.
        let spaced = byte == b'{' || byte == b'[' && !array && !self.operand();
        self.gap(self.prev == Prev::Name || call || byte == b'[' && self.operand());
        self.out.push(byte);
        self.depth += 1;
        if self.depth < DEPTH_MAX {
            let value = byte != b'{' && (value || row || byte == b'[');
            let member = self.out.len();
            let counted = list && !row;
            *self.frame() = Frame { value, list, rows: false, counted, member, before: (0, 0) };
        }
        self.target = false;
        self.prev = Prev::Open;
        if spaced {
            self.prev = Prev::Keyword;
            self.flags = words::SPACED;
        }
    }

    pub(super) fn close(&mut self, byte: u8) {
        self.at += 1;
        self.fold();
        if self.prev == Prev::Comma {
            self.prev = Prev::Open;
        }
        self.gap(byte != b'}');
        self.out.push(byte);
        self.depth = self.depth.saturating_sub(1);
        self.prev = Prev::Close;
        if self.frame().rows {
            self.fold();
        }
    }

    pub(super) fn arithmetic(&mut self, byte: u8) {
        match (byte, self.peek(1)) {
            (b'-', b'-') => self.at = strings::line(self.text, self.at),
            (b'/', b'*') => {
                let end = strings::comment(self.text, self.at);
                self.at = end.at;
                self.cut |= !end.closed;
            }
            (b'-', b'>') => self.operator(),
            (b'-' | b'+', _) if !self.operand() && self.prev != Prev::Dot => {
                if self.semicolon {
                    // Written now, for the sign may yet be dropped.
                    self.out.push(b';');
                    self.semicolon = false;
                }
                if self.prev != Prev::Sign {
                    self.sign = (self.out.len(), self.prev, self.at);
                }
                self.at += 1;
                self.write_operator(byte);
                self.prev = Prev::Sign;
            }
            (b'*', _) if !self.operand() && !matches!(self.prev, Prev::Operator | Prev::Sign) => {
                self.at += 1;
                self.gap(false);
                self.out.push(b'*');
                self.name();
            }
            _ => {
                self.at += 1;
                self.write_operator(byte);
            }
        }
    }

    pub(super) fn write_operator(&mut self, byte: u8) {
        self.operator_gap();
        self.out.push(byte);
        self.prev = Prev::Operator;
    }

    /// Operators never touch, lest `- -` become a comment.
    fn operator_gap(&mut self) {
        if matches!(self.prev, Prev::Sign | Prev::Cast | Prev::Dot) {
            self.prev = Prev::Operator;
        }
        self.gap(false);
    }

    /// A run such as `<=`, `->>` or `!~*`.
    pub(super) fn operator(&mut self) {
        let start = self.at;
        self.at += 1;
        while is(self.peek(0), OPERATOR) {
            self.at += 1;
        }
        if self.peek(0) == b'*' && self.text[self.at - 1] == b'~' {
            self.at += 1;
        }
        if self.peek(0) == b'@' && !is(self.peek(1), LETTER) {
            self.at += 1;
        }
        self.operator_gap();
        match &self.text[start..self.at] {
            b"!=" => self.out.extend_from_slice(b"<>"),
            other => self.out.extend_from_slice(other),
        }
        self.prev = Prev::Operator;
    }

    /// `?`, `?1`, or an operator of `jsonb`: `?|`, `?&`.
    pub(super) fn question(&mut self) {
        self.at += 1;
        let operator = matches!(self.peek(0), b'|' | b'&') && self.peek(1) != self.peek(0);
        if operator && self.operand() {
            self.at -= 1;
            self.operator();
            return;
        }
        if self.peek(0) == b'?' && self.operand() {
            self.at += 1;
        }
        self.at = skip(self.text, self.at, DIGIT);
        self.placeholder();
    }

    /// `%s`, `%(name)s`, or the remainder of a division.
    pub(super) fn percent(&mut self) {
        let next = self.peek(1);
        if next == b'(' {
            let end = skip(self.text, self.at + 2, WORD);
            let format = self.text.get(end + 1).is_some_and(|byte| is(*byte, LETTER));
            if self.text.get(end) == Some(&b')') && format {
                self.at = end + 2;
                self.placeholder();
                return;
            }
        }
        if matches!(next, b's' | b'd' | b'b' | b't' | b'f') && !is(self.peek(2), WORD) {
            self.at += 2;
            self.placeholder();
            return;
        }
        self.at += if next == b'%' { 2 } else { 1 };
        self.write_operator(b'%');
    }

    /// `::type`, `:name`, `:1`, `:=`.
    pub(super) fn colon(&mut self) {
        let next = self.peek(1);
        if next == b':' {
            self.at += 2;
            self.gap(self.operand());
            self.out.extend_from_slice(b"::");
            self.prev = Prev::Cast;
        } else if is(next, LETTER | DIGIT) {
            self.at = skip(self.text, self.at + 1, LETTER | DIGIT);
            self.placeholder();
        } else if next == b'=' {
            self.at += 2;
            self.operator_gap();
            self.out.extend_from_slice(b":=");
            self.prev = Prev::Operator;
        } else {
            self.at += 1;
            self.write_operator(b':');
        }
    }

    /// `@p1`, `@@version`, or an operator such as `@>`.
    pub(super) fn at_sign(&mut self) {
        if self.peek(1) == b'@' && is(self.peek(2), LETTER) {
            let end = skip(self.text, self.at + 2, WORD);
            self.gap(false);
            self.out.extend_from_slice(&self.text[self.at..end]);
            self.at = end;
            self.name();
        } else if is(self.peek(1), LETTER) {
            self.at = skip(self.text, self.at + 1, WORD);
            self.placeholder();
        } else {
            self.operator();
        }
    }

    /// A comment of MySQL, a temporary table of SQL Server, or an operator such as `#>>`.
    pub(super) fn hash_sign(&mut self) {
        let next = self.peek(1);
        if matches!(next, b'>' | b'=') {
            self.operator();
        } else if is(next, LETTER) && self.after(words::NAME) {
            let end = skip(self.text, self.at + 1, WORD);
            let from = self.out.len();
            self.gap(false);
            self.out.extend_from_slice(&self.text[self.at..end]);
            self.out[from..].make_ascii_lowercase();
            self.at = end;
            self.name();
        } else {
            self.at = strings::line(self.text, self.at);
        }
    }
}
