//! JSON, token by token: what is replaced is replaced in place, and every other byte stays as it was, so that answers can be
//! compared byte for byte. Works on the beginning of a text as well.

use super::Redactor;

/// Deeper texts are left out: no service answers so, and each level takes memory.
const DEPTH_MAX: usize = 128;

/// JSON within texts of JSON, at most so deep.
const WITHIN_MAX: usize = 2;

/// An object or an array that is open.
enum Open {
    /// Its current key, and whether everything in it is replaced.
    Object {
        is_hidden: bool,
    },
    Array {
        next: usize,
        is_hidden: bool,
    },
}

/// What is expected next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Value,
    /// A value, or the end of an array that has none.
    ValueOrEnd,
    /// A key, or the end of an object that has none.
    KeyOrEnd,
    Key,
    Colon,
    /// A comma or the end.
    CommaOrEnd,
    /// Nothing but space.
    Nothing,
}

struct Walk<'a> {
    text: &'a str,
    place: usize,
    clean: String,
    open: Vec<Open>,
    /// Keys and indices on the way to where it is.
    path: Vec<String>,
    redactor: &'a Redactor,
    within: usize,
}

/// The text as it may be kept; `None` if it is no JSON. Of a text that was cut, its last value may be missing.
pub(super) fn redact(
    text: &str,
    is_cut: bool,
    redactor: &Redactor,
    within: usize,
) -> Option<String> {
    let mut walk = Walk {
        text,
        place: 0,
        clean: String::with_capacity(text.len()),
        open: Vec::new(),
        path: Vec::new(),
        redactor,
        within,
    };
    let mut next = Next::Value;
    loop {
        walk.space();
        let Some(byte) = text.as_bytes().get(walk.place) else { break };
        match walk.step(*byte, next) {
            Step::Next(then) => next = then,
            Step::CutOff if is_cut => return Some(walk.clean),
            Step::CutOff | Step::Wrong => return None,
        }
    }
    (is_cut || next == Next::Nothing).then_some(walk.clean)
}

enum Step {
    Next(Next),
    /// The text ends within a token.
    CutOff,
    Wrong,
}

impl Walk<'_> {
    fn step(&mut self, byte: u8, next: Next) -> Step {
        match (byte, next) {
            (b'}', Next::KeyOrEnd | Next::CommaOrEnd) => self.close(true),
            (b']', Next::ValueOrEnd | Next::CommaOrEnd) => self.close(false),
            (b',', Next::CommaOrEnd) => self.comma(),
            (b':', Next::Colon) => {
                self.copy(1);
                Step::Next(Next::Value)
            }
            (b'"', Next::Key | Next::KeyOrEnd) => self.key(),
            (b'"', Next::Value | Next::ValueOrEnd) => self.string(),
            (b'{' | b'[', Next::Value | Next::ValueOrEnd) => self.begin(byte == b'{'),
            (_, Next::Value | Next::ValueOrEnd) => self.scalar(),
            _ => Step::Wrong,
        }
    }

    fn space(&mut self) {
        let rest = self.text.as_bytes().get(self.place..).unwrap_or_default();
        let count = rest.iter().take_while(|byte| b" \t\r\n".contains(byte)).count();
        self.copy(count);
    }

    /// Passes bytes on as they are.
    fn copy(&mut self, count: usize) {
        self.clean.push_str(self.text.get(self.place..self.place + count).unwrap_or_default());
        self.place += count;
    }

    fn is_hidden(&self) -> bool {
        match self.open.last() {
            Some(Open::Object { is_hidden } | Open::Array { is_hidden, .. }) if *is_hidden => true,
            _ => self.redactor.names.path(&self.path),
        }
    }

    /// Whether the value that comes has a name that is replaced.
    fn is_named(&self) -> bool {
        let in_array = |open: &&Open| matches!(open, Open::Array { .. });
        let arrays = self.open.iter().rev().take_while(in_array).count();
        let key = self.path.len().checked_sub(arrays + 1).and_then(|place| self.path.get(place));
        key.is_some_and(|key| self.redactor.names.field(key))
    }

    fn begin(&mut self, is_object: bool) -> Step {
        if DEPTH_MAX <= self.open.len() {
            return Step::Wrong;
        }
        let is_hidden = self.is_hidden();
        self.copy(1);
        if is_object {
            self.open.push(Open::Object { is_hidden });
            self.path.push(String::new());
            Step::Next(Next::KeyOrEnd)
        } else {
            self.open.push(Open::Array { next: 0, is_hidden });
            self.path.push("0".to_owned());
            Step::Next(Next::ValueOrEnd)
        }
    }

    fn close(&mut self, is_object: bool) -> Step {
        match self.open.pop() {
            Some(Open::Object { .. }) if is_object => {}
            Some(Open::Array { .. }) if !is_object => {}
            _ => return Step::Wrong,
        }
        self.path.pop();
        self.copy(1);
        Step::Next(self.after_value())
    }

    fn comma(&mut self) -> Step {
        self.copy(1);
        match self.open.last_mut() {
            Some(Open::Object { .. }) => Step::Next(Next::Key),
            Some(Open::Array { next, .. }) => {
                *next += 1;
                if let Some(last) = self.path.last_mut() {
                    *last = next.to_string();
                }
                Step::Next(Next::Value)
            }
            None => Step::Wrong,
        }
    }

    fn after_value(&self) -> Next {
        if self.open.is_empty() { Next::Nothing } else { Next::CommaOrEnd }
    }

    fn key(&mut self) -> Step {
        let Some(raw) = self.quoted() else { return Step::CutOff };
        let Ok(key) = serde_json::from_str::<String>(raw) else { return Step::Wrong };
        // Maps by mail address are met, too.
        let clean = self.redactor.look.replace(&key, &self.redactor.key);
        self.place += raw.len();
        if clean == key {
            self.clean.push_str(raw);
        } else {
            self.push_text(&clean);
        }
        if let Some(last) = self.path.last_mut() {
            *last = key;
        }
        Step::Next(Next::Colon)
    }

    fn string(&mut self) -> Step {
        let Some(raw) = self.quoted() else { return Step::CutOff };
        let Ok(value) = serde_json::from_str::<String>(raw) else { return Step::Wrong };
        let redactor = self.redactor;
        let clean = if self.is_hidden() || self.is_named() {
            redactor.key.pseudonym(&value)
        } else {
            self.text_within(&value).unwrap_or_else(|| redactor.look.replace(&value, &redactor.key))
        };
        self.place += raw.len();
        if clean == value {
            self.clean.push_str(raw);
        } else {
            self.push_text(&clean);
        }
        Step::Next(self.after_value())
    }

    /// A text that is itself JSON or a URL.
    fn text_within(&self, value: &str) -> Option<String> {
        if WITHIN_MAX <= self.within {
            return None;
        }
        if value.starts_with(['{', '[']) {
            return redact(value, false, self.redactor, self.within + 1);
        }
        let is_url = (value.starts_with("http") && value.contains("://")) || value.starts_with('/');
        (is_url && value.contains('?') && !value.contains(' ')).then(|| self.redactor.url(value))
    }

    /// A number, `true`, `false` or `null`.
    fn scalar(&mut self) -> Step {
        let rest = self.text.get(self.place..).unwrap_or_default();
        let end =
            rest.find(|letter: char| !(letter.is_ascii_alphanumeric() || "+-.".contains(letter)));
        let Some(end) = end.or_else(|| self.open.is_empty().then_some(rest.len())) else {
            return Step::CutOff;
        };
        let raw = rest.get(..end).unwrap_or_default();
        let Ok(value) = serde_json::from_str::<serde_json::Value>(raw) else { return Step::Wrong };
        let clean = match value {
            serde_json::Value::Number(_) => self.number(raw),
            serde_json::Value::Bool(_) if self.is_hidden() => "null".to_owned(),
            _ => raw.to_owned(),
        };
        self.clean.push_str(&clean);
        self.place += raw.len();
        Step::Next(self.after_value())
    }

    fn number(&self, raw: &str) -> String {
        /// A number of fewer digits is found by trying all of them.
        const DIGITS_MIN: usize = 9;
        let redactor = self.redactor;
        if !(self.is_hidden() || self.is_named()) {
            return redactor.look.replace(raw, &redactor.key);
        }
        let mut digits: String = raw.chars().filter(char::is_ascii_digit).collect();
        while digits.len() < DIGITS_MIN {
            digits.insert(0, '1');
        }
        let clean = redactor.key.digits(&digits);
        // A number does not begin with zero.
        match clean.strip_prefix('0') {
            Some(rest) => format!("1{rest}"),
            None => clean,
        }
    }

    fn push_text(&mut self, text: &str) {
        self.clean.push_str(&serde_json::Value::from(text).to_string());
    }
}

impl<'a> Walk<'a> {
    /// The quoted text that begins here, with its quotes; `None` if it does not end.
    fn quoted(&self) -> Option<&'a str> {
        let rest = self.text.get(self.place..)?;
        let bytes = rest.as_bytes();
        let mut place = 1;
        loop {
            match bytes.get(place)? {
                b'"' => return rest.get(..=place),
                b'\\' => place += 2,
                _ => place += 1,
            }
        }
    }
}
