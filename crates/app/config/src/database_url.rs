//! Addresses of databases, whose passwords are never shown.

use std::fmt;

/// An address of a database: a URL, or the key-value string that libpq takes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DatabaseUrl(String);

impl DatabaseUrl {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let is_url = ["postgres://", "postgresql://"].iter().any(|start| text.starts_with(start));
        let is_pairs = !text.contains("://") && text.contains('=');
        (is_url || is_pairs).then(|| Self(text.to_owned()))
    }

    /// All of it, password included: for whoever connects, and nobody else.
    #[must_use]
    pub fn secret(&self) -> &str {
        &self.0
    }
}

/// Without its password.
impl fmt::Display for DatabaseUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&hidden(&self.0))
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "DatabaseUrl({self})")
    }
}

/// What stands after one of these and `=` is nobody's business.
const SECRETS: [&str; 2] = ["password", "secret"];

/// A text in which each byte of a password is `*`, so that places in it stay where they are: between `:` and the
/// last `@` of a URL's authority, and after `password=` and `secret=`.
pub(crate) fn hidden(text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    let mut from = 0;
    while let Some(found) = text.get(from..).and_then(|rest| rest.find("://")) {
        let start = from + found + 3;
        let rest = text.get(start..).unwrap_or_default();
        // A quote or a blank ends the address; a password with `/` in it may not, so the `@` decides.
        let end = rest.find(['"', '\'', ' ', '\n', '\r', '\t']).unwrap_or(rest.len());
        let address = rest.get(..end).unwrap_or_default();
        if let Some(at) = address.rfind('@')
            && let Some(colon) = address.get(..at).and_then(|user| user.find(':'))
        {
            bytes[start + colon + 1..start + at].fill(b'*');
        }
        from = start;
    }
    for word in SECRETS {
        from = 0;
        while let Some(found) = text.get(from..).and_then(|rest| rest.find(word)) {
            from += found + word.len();
            let rest = text.get(from..).unwrap_or_default();
            if let Some(value) = rest.trim_start().strip_prefix('=').map(str::trim_start) {
                let start = text.len() - value.len();
                bytes[start..start + secret_len(value)].fill(b'*');
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// How long a value is that a text begins with: to its closing quote, or to where the next one begins.
fn secret_len(text: &str) -> usize {
    if let Some(quoted) = text.strip_prefix('\'') {
        return quoted.find('\'').map_or(text.len(), |end| end + 2);
    }
    let quotes = text.len() - text.trim_start_matches('"').len();
    let ends: &[char] = match quotes {
        0 => &[' ', '"', '\'', '&', '\n', '\r', '\t'],
        1 | 2 => &['"', '\n'],
        _ => &['"'],
    };
    let rest = text.get(quotes..).unwrap_or_default();
    quotes + rest.find(ends).unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn passwords_are_hidden_byte_for_byte() {
        let check = |text: &str, expected: &str| {
            assert_eq!(hidden(text), expected);
            assert_eq!(text.len(), expected.len());
        };
        check("postgresql://me:secret@host/db", "postgresql://me:******@host/db");
        check("postgresql://me:se@c/ret@host/db", "postgresql://me:********@host/db");
        check("postgresql://me@host:5432/db", "postgresql://me@host:5432/db");
        check("host=a password=secret dbname=b", "host=a password=****** dbname=b");
        check("host=a password = 'se cret' dbname=b", "host=a password = ********* dbname=b");
        check(
            "postgresql://host/db?password=secret&x=y",
            "postgresql://host/db?password=******&x=y",
        );
        check(
            "url = \"postgres://a:b@c/d\"\n# \"postgres://e:ff@g/h\"",
            "url = \"postgres://a:*@c/d\"\n# \"postgres://e:**@g/h\"",
        );
        check("cookie-secret = \"a b'c\"\nx = 1", "cookie-secret = ******\"\nx = 1");
        check("password = \"\"\nx = \"y\"", "password = **\nx = \"y\"");
        check("password = \"\"\"a\nb\"\"\"", "password = ******\"\"\"");
        let url = DatabaseUrl::parse("postgres://a:secret@b/c").unwrap();
        assert_eq!(
            format!("{url} {url:?}"),
            "postgres://a:******@b/c DatabaseUrl(postgres://a:******@b/c)"
        );
    }

    #[test]
    fn what_is_no_address_of_postgresql_is_refused() {
        for text in ["", "localhost", "mysql://a/b", "http://a?b=c", "a b"] {
            assert_eq!(DatabaseUrl::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_keeps_its_length(text in "(://|@|:|password|=|'|\"| |é|a){0,30}") {
            prop_assert_eq!(hidden(&text).len(), text.len());
        }
    }
}
