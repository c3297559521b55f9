//! Where an expression of PostgreSQL is open, and where a list of them can be split.

/// What is open at the end of an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Open {
    /// Parentheses and brackets that wait for their other half; below zero where too many closed.
    pub(super) brackets: i64,
    /// The quote that waits for its other half.
    pub(super) quote: Option<char>,
}

impl Open {
    pub(super) fn is_open(self) -> bool {
        self.quote.is_some() || 0 < self.brackets
    }

    pub(super) fn is_quoted(self) -> bool {
        self.quote.is_some()
    }

    /// Goes on over `text`. PostgreSQL doubles quotes within quotes, so that they close and open at once.
    pub(super) fn over(mut self, text: &str) -> Self {
        for letter in text.chars() {
            self = self.after(letter);
        }
        self
    }

    fn after(mut self, letter: char) -> Self {
        match (self.quote, letter) {
            (Some(quote), letter) if quote == letter => self.quote = None,
            (None, '\'' | '"') => self.quote = Some(letter),
            (None, '(' | '[' | '{') => self.brackets += 1,
            (None, ')' | ']' | '}') => self.brackets -= 1,
            _ => {}
        }
        self
    }
}

/// Items between commas that are neither in quotes nor in parentheses.
pub(super) fn split(text: &str) -> Vec<&str> {
    let mut items = Vec::new();
    let mut open = Open::default();
    let mut from = 0;
    for (at, letter) in text.char_indices() {
        if letter == ',' && !open.is_open() {
            items.push(text.get(from..at).unwrap_or_default().trim());
            from = at + 1;
        }
        open = open.after(letter);
    }
    let last = text.get(from..).unwrap_or_default().trim();
    if !last.is_empty() || !items.is_empty() {
        items.push(last);
    }
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_within_something_do_not_split() {
        assert_eq!(
            split("a, f(b, c), 'x, (y', \"q,\"\"r\".s, ARRAY[1, 2] DESC"),
            ["a", "f(b, c)", "'x, (y'", "\"q,\"\"r\".s", "ARRAY[1, 2] DESC"]
        );
        assert_eq!(split(""), Vec::<&str>::new());
    }
}
