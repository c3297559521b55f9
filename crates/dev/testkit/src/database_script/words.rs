//! One line of a script: its words, `key:value` pairs, flags, and the statement at its end.

use model::Text;

#[derive(Debug)]
pub(super) struct Words<'a> {
    line: &'a str,
    words: Vec<&'a str>,
}

/// Words that a statement begins with.
const SENTENCES: &[&str] =
    &["SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "CREATE", "BEGIN", "COPY"];

impl<'a> Words<'a> {
    pub(super) fn new(line: &'a str) -> Self {
        Self { line, words: line.split_whitespace().collect() }
    }

    pub(super) fn verb(&self) -> &'a str {
        self.words.first().copied().unwrap_or_default()
    }

    /// Everything after the verb.
    pub(super) fn rest(&self) -> &'a str {
        self.line.split_once(' ').map_or("", |(_, rest)| rest.trim())
    }

    /// The word at a place after the verb.
    pub(super) fn plain(&self, place: usize) -> &'a str {
        self.words.get(place + 1).copied().unwrap_or_default()
    }

    /// The words from a place after the verb on.
    pub(super) fn after(&self, place: usize) -> String {
        self.words.get(place + 1..).unwrap_or_default().join(" ")
    }

    /// What stands in the parentheses of a place, counted from 0.
    pub(super) fn parentheses(&self, place: usize) -> &'a str {
        let mut rest = self.line;
        for _ in 0..place {
            rest = rest.split_once(')').map_or("", |(_, rest)| rest);
        }
        let inner = rest.split_once('(').map_or("", |(_, rest)| rest);
        inner.split_once(')').map_or("", |(inner, _)| inner)
    }

    /// The statement at the end.
    pub(super) fn sentence(&self) -> String {
        let begins = self.words.iter().position(|word| SENTENCES.contains(word));
        begins.map_or_else(String::new, |place| self.words[place..].join(" "))
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        self.words.contains(&name)
    }

    pub(super) fn set(&self, key: &str) -> Option<&'a str> {
        self.words.iter().find_map(|word| word.strip_prefix(key)?.strip_prefix(':'))
    }

    /// A value with its spaces; empty if it is not there.
    pub(super) fn value(&self, key: &str) -> String {
        self.set(key).unwrap_or_default().replace('~', " ")
    }

    pub(super) fn or(&self, key: &str, usual: &str) -> String {
        self.set(key).unwrap_or(usual).replace('~', " ")
    }

    /// # Panics
    ///
    /// If it is no number.
    pub(super) fn number(&self, key: &str, usual: f64) -> f64 {
        self.set(key).map_or(usual, |value| {
            value.parse().unwrap_or_else(|_| panic!("`{value}` is no number: {}", self.line))
        })
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small in tests")]
    pub(super) fn count(&self, key: &str) -> u64 {
        self.number(key, 0.0) as u64
    }

    /// Megabytes as bytes.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small in tests")]
    pub(super) fn mega(&self, key: &str) -> u64 {
        (self.number(key, 0.0) * 1_048_576.0) as u64
    }

    /// `a/b` as two numbers.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small in tests")]
    pub(super) fn two(&self, key: &str) -> (u64, u64) {
        let value = self.set(key).unwrap_or("0/0");
        let (left, right) = value.split_once('/').unwrap_or((value, "0"));
        let number = |text: &str| text.parse::<f64>().expect("a number") as u64;
        (number(left), number(right))
    }

    /// `a/b` as two texts.
    pub(super) fn pair(&self, key: &str) -> (Text, Text) {
        let value = self.value(key);
        let (left, right) = value.split_once('/').unwrap_or((&value, ""));
        (Text::from(left), Text::from(right))
    }

    pub(super) fn split(&self, place: usize) -> (Text, Text) {
        let value = self.plain(place);
        let (left, right) = value.split_once('/').unwrap_or((value, ""));
        (Text::from(left), Text::from(right))
    }
}
