//! Lines of a head as they stand in a buffer, and how they are passed on: in one piece where nothing is between
//! them that has to go.

use http::HeaderName;
use httparse::Header;
use traffic::{fields::Fields, plan::HeaderRule};

/// Lines of a head, in the order in which they came.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lines<'a>(pub(super) &'a [Header<'a>]);

impl Fields for Lines<'_> {
    fn first(&self, name: &HeaderName) -> Option<&[u8]> {
        let name = name.as_str();
        self.0.iter().find(|line| line.name.eq_ignore_ascii_case(name)).map(|line| line.value)
    }

    fn all<'a>(&'a self, name: &'a HeaderName) -> impl Iterator<Item = &'a [u8]> {
        let name = name.as_str();
        let lines = self.0.iter().filter(move |line| line.name.eq_ignore_ascii_case(name));
        lines.map(|line| line.value)
    }
}

impl Lines<'_> {
    /// Adds the lines that stay to a head; `head` is what they were read from.
    pub(super) fn copy(&self, head: &[u8], stays: impl Fn(&str) -> bool, to: &mut Vec<u8>) {
        let mut run = 0..0;
        for line in self.0.iter().filter(|line| stays(line.name)) {
            match place(head, line) {
                Some(place) if place.start == run.end => run.end = place.end,
                place => {
                    to.extend_from_slice(&head[run]);
                    run = place.unwrap_or_else(|| {
                        put(to, line.name, line.value);
                        0..0
                    });
                }
            }
        }
        to.extend_from_slice(&head[run]);
    }
}

/// Where a line stands, if it does as it would be written.
fn place(head: &[u8], line: &Header<'_>) -> Option<std::ops::Range<usize>> {
    let start = line.name.as_ptr().addr().checked_sub(head.as_ptr().addr())?;
    let value = start + line.name.len() + 2;
    let end = value + line.value.len();
    let written = head.get(value - 2..value)? == b": "
        && line.value.as_ptr().addr() == head.as_ptr().addr() + value
        && head.get(end..end + 2)? == b"\r\n";
    written.then_some(start..end + 2)
}

/// Adds a line to a head.
pub(super) fn put(to: &mut Vec<u8>, name: &str, value: &[u8]) {
    to.extend_from_slice(name.as_bytes());
    to.extend_from_slice(b": ");
    to.extend_from_slice(value);
    to.extend_from_slice(b"\r\n");
}

/// Whether a rule says what becomes of lines of this name.
pub(super) fn is_ruled(rules: &[HeaderRule], name: &str) -> bool {
    rules.iter().any(|rule| rule.name().as_str().eq_ignore_ascii_case(name))
}

/// Adds the lines that rules set: of several rules for a name the last one counts.
pub(super) fn put_ruled(rules: &[HeaderRule], to: &mut Vec<u8>) {
    for (place, rule) in rules.iter().enumerate() {
        let HeaderRule::Set(name, value) = rule else { continue };
        if rules.iter().skip(place + 1).all(|later| later.name() != name) {
            put(to, name.as_str(), value.as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines that do not begin with `x`, as they are passed on.
    fn copied(head: &str) -> String {
        let mut lines = [httparse::EMPTY_HEADER; 8];
        let (_, lines) = httparse::parse_headers(head.as_bytes(), &mut lines).unwrap().unwrap();
        let mut to = Vec::new();
        Lines(lines).copy(head.as_bytes(), |name| !name.starts_with('x'), &mut to);
        String::from_utf8(to).unwrap()
    }

    #[test]
    fn lines_that_stay_are_as_they_were() {
        assert_eq!(copied("a: 1\r\nb: 2\r\n\r\n"), "a: 1\r\nb: 2\r\n");
        assert_eq!(copied("x: 1\r\nb: 2\r\nx: 3\r\n\r\n"), "b: 2\r\n");
        assert_eq!(copied("a: 1\r\nx: 2\r\nb: 3\r\nc: 4\r\n\r\n"), "a: 1\r\nb: 3\r\nc: 4\r\n");
        assert_eq!(copied("\r\n"), "");
    }

    #[test]
    fn lines_that_are_written_oddly_are_written_as_usual() {
        assert_eq!(
            copied("a:1\r\nb:  2 \t\r\nc:\r\nd: 4\r\n\r\n"),
            "a: 1\r\nb: 2\r\nc: \r\nd: 4\r\n"
        );
        assert_eq!(copied("a: 1\nb: 2\r\n\r\n"), "a: 1\r\nb: 2\r\n");
    }
}
