//! A filter's text, cut into words and signs.

use super::Wrong;

/// A piece of a filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// A word as it stands: a field, a value or `and`.
    Word(String),
    /// A field between backticks: never a word of the grammar.
    Field(String),
    /// A value between quotes.
    Text(String),
    /// `=`, `!=`, `<`, `<=`, `>`, `>=`
    Sign(&'static str),
    /// `(`
    Open,
    /// `)`
    Close,
    /// `,`
    Comma,
}

/// Cuts a text.
pub(super) fn cut(text: &str) -> Result<Vec<Token>, Wrong> {
    let mut tokens = Vec::new();
    let mut rest = text.chars().peekable();
    while let Some(next) = rest.next() {
        let follows = |rest: &mut std::iter::Peekable<std::str::Chars<'_>>| rest.next_if_eq(&'=');
        let token = match next {
            next if next.is_whitespace() => continue,
            '(' => Token::Open,
            ')' => Token::Close,
            ',' => Token::Comma,
            '=' => {
                // `==` is what programmers write.
                let _doubled = follows(&mut rest);
                Token::Sign("=")
            }
            '!' if follows(&mut rest).is_some() => Token::Sign("!="),
            '<' if rest.next_if_eq(&'>').is_some() => Token::Sign("!="),
            '<' if follows(&mut rest).is_some() => Token::Sign("<="),
            '<' => Token::Sign("<"),
            '>' if follows(&mut rest).is_some() => Token::Sign(">="),
            '>' => Token::Sign(">"),
            '"' | '\'' => Token::Text(quoted(next, &mut rest)?),
            '`' => Token::Field(quoted(next, &mut rest)?),
            next if is_of_word(next) => {
                let mut word = String::from(next);
                while let Some(next) = rest.next_if(|next| is_of_word(*next)) {
                    word.push(next);
                }
                Token::Word(word)
            }
            other => {
                let hint = "put values with signs between quotes: `name = \"a & b\"`";
                return Err(Wrong::new("where", format!("`{other}` is not expected"), hint));
            }
        };
        tokens.push(token);
    }
    Ok(tokens)
}

/// Whether a sign may stand in a word without quotes: all that names, paths, ids and numbers are made of.
fn is_of_word(sign: char) -> bool {
    sign.is_alphanumeric() || "_.-/:@*%+$#{}[]?&~;".contains(sign)
}

fn quoted(quote: char, rest: &mut impl Iterator<Item = char>) -> Result<String, Wrong> {
    let mut text = String::new();
    while let Some(next) = rest.next() {
        match next {
            next if next == quote => return Ok(text),
            '\\' => text.push(match rest.next() {
                Some('n') => '\n',
                Some('t') => '\t',
                Some(other) => other,
                None => break,
            }),
            next => text.push(next),
        }
    }
    Err(Wrong::new("where", format!("a `{quote}` is never closed"), "close it after the value"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_ids_and_numbers_are_words_and_signs_stand_alone() {
        let word = |text: &str| Token::Word(text.to_owned());
        assert_eq!(
            cut("http.route=/api/{id}/ AND(duration>=1.5s)"),
            Ok(vec![
                word("http.route"),
                Token::Sign("="),
                word("/api/{id}/"),
                word("AND"),
                Token::Open,
                word("duration"),
                Token::Sign(">="),
                word("1.5s"),
                Token::Close,
            ])
        );
    }

    #[test]
    fn quotes_hold_anything_and_have_to_be_closed() {
        let text = |text: &str| Ok(vec![Token::Text(text.to_owned())]);
        assert_eq!(cut(r#""a \"b\" \\ (c)""#), text(r#"a "b" \ (c)"#));
        assert_eq!(cut(r"'it\'s'"), text("it's"));
        assert!(cut("'open").is_err());
        assert!(cut("\"open\\").is_err());
        assert_eq!(cut("`and`"), Ok(vec![Token::Field("and".to_owned())]));
    }
}
