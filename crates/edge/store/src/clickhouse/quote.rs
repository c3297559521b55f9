//! Values and names within statements: whatever is in them, they end where they began.

/// A text as a literal.
///
/// Backslash, quote and everything that is no printable ASCII or a letter of another script is escaped, so that what is
/// between the quotes holds neither a quote nor a lone backslash.
pub(crate) fn text(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('\'');
    for char in text.chars() {
        match char {
            '\\' => out.push_str("\\\\"),
            '\'' => out.push_str("\\'"),
            char if char.is_ascii_control() => out.push_str(&format!("\\x{:02X}", u32::from(char))),
            char => out.push(char),
        }
    }
    out.push('\'');
    out
}

/// A name of a database, table, column or cluster.
pub(crate) fn name(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 2);
    out.push('`');
    for char in name.chars() {
        match char {
            '\\' => out.push_str("\\\\"),
            '`' => out.push_str("\\`"),
            char if char.is_ascii_control() => out.push_str(&format!("\\x{:02X}", u32::from(char))),
            char => out.push(char),
        }
    }
    out.push('`');
    out
}

/// Bytes of an id, as a value of so many bytes.
pub(crate) fn id(bytes: &[u8]) -> String {
    let mut out = "toFixedString(unhex('".to_owned();
    for byte in bytes {
        out.push_str(&format!("{byte:02x}"));
    }
    out.push_str(&format!("'), {})", bytes.len()));
    out
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads a literal as ClickHouse does: what it stands for, and what follows it.
    pub(crate) fn read(sql: &str, quote: char) -> Option<(String, &str)> {
        let mut out = String::new();
        let mut chars = sql.char_indices();
        if chars.next()?.1 != quote {
            return None;
        }
        while let Some((at, char)) = chars.next() {
            match char {
                char if char == quote => {
                    let rest = sql.get(at + quote.len_utf8()..)?;
                    // A doubled quote is one quote of the text.
                    return (!rest.starts_with(quote)).then_some((out, rest));
                }
                '\\' => match chars.next()?.1 {
                    'x' => {
                        let hex: String = [chars.next()?.1, chars.next()?.1].iter().collect();
                        out.push(char::from(u8::from_str_radix(&hex, 16).ok()?));
                    }
                    char @ ('\\' | '\'' | '`') => out.push(char),
                    _ => return None,
                },
                char => out.push(char),
            }
        }
        None
    }

    proptest! {
        #[test]
        fn a_literal_ends_where_it_began_whatever_is_in_it(hostile in "\\PC{0,12}|['\"`\\\\;)\\x00-\\x1f a-]{0,16}") {
            let sql = format!("{}) OR 1", text(&hostile));
            let (one, rest) = read(&sql, '\'').unwrap_or_default();
            prop_assert_eq!((one.as_str(), rest), (hostile.as_str(), ") OR 1"));
            let sql = format!("{} FORMAT", name(&hostile));
            let (one, rest) = read(&sql, '`').unwrap_or_default();
            prop_assert_eq!((one.as_str(), rest), (hostile.as_str(), " FORMAT"));
        }
    }

    #[test]
    fn ids_are_digits_alone() {
        assert_eq!(id(&[0, 0xab]), "toFixedString(unhex('00ab'), 2)");
    }
}
