//! Dictionaries of structured fields (RFC 9651, section 3.2), as targeted cache controls are written: read strictly,
//! since one mistake makes the whole field void. Of values only what directives can be is kept.

use super::control::Value;

/// A member's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Item {
    /// There, without a value, or `?1`.
    True,
    /// `?0`: as if it were not there.
    False,
    /// Digits.
    Integer(Vec<u8>),
    /// A text.
    Text(Vec<u8>),
    /// What no directive is.
    Other,
}

impl Item {
    /// The same, as `Cache-Control` has it.
    pub(super) fn as_directive(&self) -> Value<'_> {
        match self {
            Self::True => Value::None,
            Self::Integer(digits) => Value::Token(digits),
            Self::Text(text) => Value::Quoted(text),
            Self::False | Self::Other => Value::Odd,
        }
    }
}

/// Members of a dictionary, of two with the same name the last; `None` if it is none.
pub(super) fn parse(text: &[u8]) -> Option<Vec<(String, Item)>> {
    /// More than there are directives.
    const MEMBERS_MAX: usize = 64;
    let mut reader = Reader { rest: trim(text) };
    let mut members: Vec<(String, Item)> = Vec::new();
    while !reader.rest.is_empty() {
        let name = reader.key()?;
        let item = if reader.take(b'=') { reader.member()? } else { Item::True };
        reader.parameters()?;
        members.retain(|(known, _)| *known != name);
        members.push((name, item));
        reader.blanks();
        if reader.rest.is_empty() {
            break;
        }
        // A comma at the end is a mistake.
        if !reader.take(b',') || members.len() == MEMBERS_MAX {
            return None;
        }
        reader.blanks();
        if reader.rest.is_empty() {
            return None;
        }
    }
    members.retain(|(_, item)| *item != Item::False);
    Some(members)
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, byte: u8) -> bool {
        let there = self.rest.first() == Some(&byte);
        if there {
            self.rest = self.rest.get(1..).unwrap_or_default();
        }
        there
    }

    fn blanks(&mut self) {
        while self.take(b' ') || self.take(b'\t') {}
    }

    /// Bytes for as long as they are of a kind.
    fn run(&mut self, is: impl Fn(u8) -> bool) -> &'a [u8] {
        let end = self.rest.iter().position(|byte| !is(*byte)).unwrap_or(self.rest.len());
        let (run, rest) = self.rest.split_at(end);
        self.rest = rest;
        run
    }

    fn key(&mut self) -> Option<String> {
        let starts =
            self.rest.first().is_some_and(|byte| byte.is_ascii_lowercase() || *byte == b'*');
        let good = |byte: u8| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-.*".contains(&byte)
        };
        let key = starts.then(|| self.run(good))?;
        String::from_utf8(key.to_vec()).ok()
    }

    fn member(&mut self) -> Option<Item> {
        if !self.take(b'(') {
            return self.item();
        }
        loop {
            while self.take(b' ') {}
            if self.take(b')') {
                return Some(Item::Other);
            }
            self.item()?;
            self.parameters()?;
            if !matches!(self.rest.first(), Some(b' ' | b')')) {
                return None;
            }
        }
    }

    fn parameters(&mut self) -> Option<()> {
        while self.take(b';') {
            while self.take(b' ') {}
            self.key()?;
            if self.take(b'=') {
                self.item()?;
            }
        }
        Some(())
    }

    fn item(&mut self) -> Option<Item> {
        match self.rest.first()? {
            b'"' => self.text().map(Item::Text),
            b'?' => {
                self.take(b'?');
                if self.take(b'1') {
                    Some(Item::True)
                } else {
                    self.take(b'0').then_some(Item::False)
                }
            }
            b':' => {
                self.take(b':');
                self.run(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte));
                self.take(b':').then_some(Item::Other)
            }
            b'@' => {
                self.take(b'@');
                matches!(self.number()?, Item::Integer(_) | Item::Other).then_some(Item::Other)
            }
            b'-' | b'0'..=b'9' => self.number(),
            b'*' | b'a'..=b'z' | b'A'..=b'Z' => {
                let good =
                    |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~:/".contains(&byte);
                Some(Item::Text(self.run(good).to_vec()))
            }
            _ => None,
        }
    }

    fn number(&mut self) -> Option<Item> {
        let negative = self.take(b'-');
        let whole = self.run(|byte| byte.is_ascii_digit());
        if whole.is_empty() || whole.len() > 15 {
            return None;
        }
        if self.take(b'.') {
            let part = self.run(|byte| byte.is_ascii_digit());
            let good = (1..=3).contains(&part.len()) && whole.len() <= 12;
            return good.then_some(Item::Other);
        }
        Some(if negative { Item::Other } else { Item::Integer(whole.to_vec()) })
    }

    fn text(&mut self) -> Option<Vec<u8>> {
        self.take(b'"');
        let mut text = Vec::new();
        loop {
            let byte = *self.rest.first()?;
            self.take(byte);
            match byte {
                b'"' => return Some(text),
                b'\\' => {
                    let byte = *self.rest.first().filter(|byte| matches!(byte, b'"' | b'\\'))?;
                    self.take(byte);
                    text.push(byte);
                }
                0x20..=0x7e => text.push(byte),
                _ => return None,
            }
        }
    }
}

fn trim(text: &[u8]) -> &[u8] {
    let start = text.iter().position(|byte| *byte != b' ').unwrap_or(text.len());
    let end = text.iter().rposition(|byte| *byte != b' ').map_or(start, |last| last + 1);
    text.get(start..end).unwrap_or_default()
}
