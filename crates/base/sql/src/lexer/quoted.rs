//! Tokens that are values or quoted names: strings, numbers, `"x"`, `` `x` ``, `[x]`.

use super::{Lexer, Prev, qualifies};
use crate::{
    strings::{self, Backslash},
    words::{self, DIGIT, DOLLAR, LETTER, UPPER, WORD, is, keyword, skip},
};

impl Lexer<'_> {
    /// A string that began at `start` and whose text begins at `from`.
    pub(super) fn string(&mut self, start: usize, from: usize, backslash: Backslash) {
        let quote = self.text[from - 1];
        let alone = self
            .text
            .get(from..)
            .is_some_and(|rest| rest.starts_with(b"\\'") && rest.get(2) != Some(&b'\''));
        let backslash = match backslash {
            // `ESCAPE '\'` is how SQLite and PostgreSQL spell it; MySQL doubles the backslash.
            Backslash::Unknown if self.after(words::ESCAPE) && alone => Backslash::Plain,
            Backslash::Unknown if self.escapes || self.backtick => Backslash::Escapes,
            known => known,
        };
        let end = strings::string(self.text, from, quote, backslash);
        self.escapes |= end.escapes;
        self.hide(start, end);
    }

    /// A string with letters before it: `E''`, `N''`, `X''`, `U&''`, `q'[]'`, `_utf8''`.
    pub(super) fn prefixed(&mut self, start: usize, end: usize) -> bool {
        let word = &self.text[start..end];
        if self.peek(0) == b'&' {
            let unicode = matches!(word, b"u" | b"U") && self.peek(1) == b'\'';
            if unicode {
                self.string(start, end + 2, Backslash::Plain);
            }
            return unicode;
        }
        match word {
            b"e" | b"E" => self.string(start, end + 1, Backslash::Escapes),
            b"q" | b"Q" | b"nq" | b"NQ" | b"Nq" | b"nQ" => {
                self.hide(start, strings::delimited(self.text, end + 1));
            }
            [b'n' | b'N' | b'x' | b'X' | b'b' | b'B' | b'r' | b'R'] | [b'_', ..] => {
                self.string(start, end + 1, Backslash::Unknown);
            }
            _ => return false,
        }
        true
    }

    pub(super) fn double_quoted(&mut self) {
        let start = self.at;
        let end = strings::string(self.text, start + 1, b'"', Backslash::Unknown);
        if end.closed && self.is_name(start, end.at) {
            self.quoted_name(start, end.at);
        } else {
            self.string(start, start + 1, Backslash::Unknown);
        }
    }

    /// Whether the double quotes from `start` to `end` hold a name.
    pub(super) fn is_name(&mut self, start: usize, end: usize) -> bool {
        let next = (self.text.get(end).copied(), self.text.get(end + 1).copied());
        let dotted = next.0 == Some(b'.') && next.1.is_some_and(qualifies);
        if dotted || matches!(self.prev, Prev::Dot | Prev::Cast) {
            return true;
        }
        let value = matches!(self.prev, Prev::Operator | Prev::Sign | Prev::Value)
            || self.after(words::VALUE)
            || self.backtick;
        if value {
            return false;
        }
        self.after(words::NAME)
            || !self.frame().value && !self.between && is_word(&self.text[start + 1..end - 1])
    }

    pub(super) fn backticked(&mut self) {
        let start = self.at;
        self.backtick = true;
        let end = strings::string(self.text, start + 1, b'`', Backslash::Plain);
        if end.closed {
            self.quoted_name(start, end.at);
        } else {
            self.hide(start, end);
        }
    }

    /// Writes a quoted name, without its quotes if it means the same without.
    pub(super) fn quoted_name(&mut self, start: usize, end: usize) {
        let quoted = &self.text[start..end];
        let name = &quoted[1..quoted.len() - 1];
        let label = self.after(words::LABEL);
        self.at = end;
        self.gap(false);
        if label {
            self.out.push(b'?');
        } else if is_word(name)
            && !name.iter().any(|byte| is(*byte, UPPER))
            && keyword(name).is_none()
        {
            self.out.extend_from_slice(name);
        } else {
            // One line, whatever the name holds.
            self.out.extend(quoted.iter().map(|byte| if *byte < b' ' { b' ' } else { *byte }));
        }
        self.name();
        if label {
            self.prev = Prev::Value;
        }
    }

    /// `[name]`, as SQL Server quotes names; elsewhere brackets hold places in arrays.
    pub(super) fn bracketed(&mut self) -> bool {
        if self.operand() || self.after(words::LIST) {
            return false;
        }
        let rest = &self.text[self.at + 1..];
        let inner = |byte: &&u8| is(**byte, WORD) || matches!(byte, b' ' | b'-' | b'#' | b'@');
        let len = rest.iter().take(128).take_while(inner).count();
        let name = is(rest.first().copied().unwrap_or(0), LETTER) && rest.get(len) == Some(&b']');
        if name {
            self.quoted_name(self.at, self.at + len + 2);
        }
        name
    }

    /// `{}`, `{0}`, `{name}`, `{name:Type}`: a placeholder.
    pub(super) fn braced(&mut self) -> bool {
        let rest = self.text[self.at + 1..].iter().take(64);
        let inner = rest.take_while(|byte| is(**byte, WORD) || matches!(byte, b':' | b'.'));
        let end = self.at + 1 + inner.count();
        // A lone sign within is none: `{ . }` would become one when written without blanks.
        let named = end == self.at + 1 || is(self.peek(1), WORD);
        let found = named && self.text.get(end) == Some(&b'}');
        if found {
            self.at = end + 1;
            self.placeholder();
        }
        found
    }

    pub(super) fn number(&mut self) {
        let start = self.at;
        let hex = matches!(self.peek(1), b'x' | b'X');
        while let Some(&byte) = self.text.get(self.at) {
            let exponent = !hex && matches!(byte, b'e' | b'E');
            let dots = byte == b'.' && self.peek(1) == b'.';
            if !(is(byte, WORD) && byte < 0x80 || byte == b'.' && !dots) {
                break;
            }
            self.at += 1;
            if exponent && matches!(self.peek(0), b'+' | b'-') && is(self.peek(1), DIGIT) {
                self.at += 1;
            }
        }
        self.literal(start);
    }

    /// The rest of a number whose first digits were read.
    pub(super) fn number_after(&mut self, start: usize) {
        while is(self.peek(0), WORD) && self.peek(0) < 0x80 {
            let exponent = matches!(self.peek(0), b'e' | b'E');
            self.at += 1;
            if exponent && matches!(self.peek(0), b'+' | b'-') && is(self.peek(1), DIGIT) {
                self.at += 1;
            }
        }
        self.literal(start);
    }

    pub(super) fn dollar(&mut self) {
        let start = self.at;
        if let Some(end) = strings::dollar(self.text, start) {
            self.hide(start, end);
            return;
        }
        self.at = skip(self.text, start + 1, LETTER | DIGIT);
        if self.at > start + 1 {
            self.placeholder();
        } else {
            self.at = skip(self.text, self.at, DOLLAR);
            self.write_operator(b'$');
        }
    }
}

/// Whether a name needs no quotes for its letters.
fn is_word(name: &[u8]) -> bool {
    name.first().is_some_and(|byte| is(*byte, LETTER) && *byte < 0x80)
        && name.iter().all(|byte| is(*byte, WORD) && *byte < 0x80)
}
