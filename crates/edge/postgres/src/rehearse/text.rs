//! What can be told from the text of a statement alone, before any server sees it.
//!
//! A lexer of comments, quotes and words; no parser. It only refuses what is certain: the server's own tree of the
//! statement decides the rest.

use super::Refusal;

/// The text of one statement that reads, without the semicolon behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Text {
    pub(super) sql: String,
    /// It says ORDER BY outside of parentheses: the order of its rows is part of its answer.
    pub(super) ordered: bool,
    /// It says LIMIT, OFFSET or FETCH outside of parentheses.
    pub(super) limited: bool,
}

/// Reads a text; refuses what is not one statement that begins as a query does.
pub(super) fn read(sql: &str) -> Result<Text, Refusal> {
    if sql.contains('\0') {
        return Err(Refusal::NotAQuery { begins: "a zero byte".to_owned() });
    }
    let pieces: Vec<Piece<'_>> = Pieces { text: sql, at: 0 }.collect();
    let end = pieces.iter().position(|piece| piece.text == ";");
    if let Some(end) = end
        && pieces.iter().skip(end).any(|piece| piece.text != ";")
    {
        return Err(Refusal::Several);
    }
    let pieces = pieces.get(..end.unwrap_or(pieces.len())).unwrap_or_default();
    let Some((first, last)) = pieces.first().zip(pieces.last()) else {
        return Err(Refusal::NotAQuery { begins: "nothing".to_owned() });
    };
    let verb = pieces.iter().find(|piece| piece.text != "(").map_or("", |piece| piece.text);
    if !["select", "with", "values", "table"].contains(&verb.to_ascii_lowercase().as_str()) {
        return Err(Refusal::NotAQuery { begins: verb.chars().take(40).collect() });
    }
    let mut depth = 0_usize;
    let (mut ordered, mut limited) = (false, false);
    for (place, piece) in pieces.iter().enumerate() {
        let next = pieces.get(place + 1).map_or("", |piece| piece.text);
        match piece.text.to_ascii_lowercase().as_str() {
            "(" => {
                depth += 1;
                if let Some(verb) = writing(next) {
                    let after = pieces.get(place + 2).map_or("", |piece| piece.text);
                    if is_writing(verb, after) {
                        return Err(Refusal::Writes { what: verb.to_owned() });
                    }
                }
            }
            ")" => depth = depth.saturating_sub(1),
            "order" if depth == 0 && next.eq_ignore_ascii_case("by") => ordered = true,
            "limit" | "offset" | "fetch" if depth == 0 => limited = true,
            _ => {}
        }
    }
    let sql = sql.get(first.from..last.to).unwrap_or_default().to_owned();
    Ok(Text { sql, ordered, limited })
}

/// A verb that writes, in lower case.
fn writing(word: &str) -> Option<&'static str> {
    ["insert", "update", "delete", "merge"].into_iter().find(|verb| word.eq_ignore_ascii_case(verb))
}

/// Whether the verb is one, and not a column of that name: `(delete from t`, but not `(delete)`.
fn is_writing(verb: &str, after: &str) -> bool {
    let after = after.to_ascii_lowercase();
    match verb {
        "insert" | "merge" => after == "into",
        "delete" => after == "from",
        _ => {
            after.starts_with(|letter: char| {
                letter == '"' || letter.is_alphabetic() || letter == '_'
            }) && !["is", "in", "and", "or", "as", "like", "between", "from", "not"]
                .contains(&after.as_str())
        }
    }
}

/// A word, a quoted text or a sign, and where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece<'a> {
    pub(super) text: &'a str,
    pub(super) from: usize,
    pub(super) to: usize,
}

/// Cuts SQL into pieces, leaving out comments.
pub(super) struct Pieces<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Pieces<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Skips white space and comments; comments within comments end one by one, as the server has it.
    fn skip(&mut self) {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start();
            self.at += rest.len() - trimmed.len();
            if trimmed.starts_with("--") {
                self.at += trimmed.find(['\n', '\r']).unwrap_or(trimmed.len());
            } else if trimmed.starts_with("/*") {
                self.at += comment_length(trimmed);
            } else {
                return;
            }
        }
    }
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        self.skip();
        let rest = self.rest();
        let first = rest.chars().next()?;
        let from = self.at;
        let length = match first {
            '\'' => quoted_length(rest, '\'', false),
            '"' => quoted_length(rest, '"', false),
            'e' | 'E' if rest.get(1..).is_some_and(|rest| rest.starts_with('\'')) => {
                1 + quoted_length(rest.get(1..).unwrap_or_default(), '\'', true)
            }
            '$' => dollar_length(rest),
            _ if is_word(first) => rest.find(|letter| !is_word(letter)).unwrap_or(rest.len()),
            _ => first.len_utf8(),
        };
        self.at += length.max(first.len_utf8());
        Some(Piece { text: self.text.get(from..self.at)?, from, to: self.at })
    }
}

fn is_word(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_' || letter == '$' || !letter.is_ascii()
}

fn comment_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let (mut depth, mut at) = (0_usize, 0);
    while at < bytes.len() {
        match bytes.get(at..at + 2) {
            Some(b"/*") => (depth, at) = (depth + 1, at + 2),
            Some(b"*/") => (depth, at) = (depth.saturating_sub(1), at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    // Bytes of both signs are ASCII, so this is no place within a letter; an open comment ends with the text.
    at.min(text.len())
}

fn quoted_length(text: &str, quote: char, escapes: bool) -> usize {
    let mut letters = text.char_indices().skip(1).peekable();
    while let Some((at, letter)) = letters.next() {
        if escapes && letter == '\\' {
            letters.next();
        } else if letter == quote {
            if letters.peek().is_some_and(|(_, next)| *next == quote) {
                letters.next();
            } else {
                return at + quote.len_utf8();
            }
        }
    }
    text.len()
}

/// `$$ … $$`, `$tag$ … $tag$`; else a parameter or a lone sign.
fn dollar_length(text: &str) -> usize {
    let inner = text.get(1..).unwrap_or_default();
    let tag_length = inner.find('$').filter(|length| {
        let tag = inner.get(..*length).unwrap_or_default();
        tag.chars().all(|letter| is_word(letter) && letter != '$')
            && !tag.starts_with(|letter: char| letter.is_ascii_digit())
    });
    if let Some(length) = tag_length {
        let tag = text.get(..length + 2).unwrap_or_default();
        let body = text.get(tag.len()..).unwrap_or_default();
        return body.find(tag).map_or(text.len(), |end| tag.len() + end + tag.len());
    }
    1 + inner.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(inner.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refused(sql: &str) -> Refusal {
        read(sql).unwrap_err()
    }

    #[test]
    fn queries_pass_without_the_semicolon_and_what_is_around() {
        for (sql, kept) in [
            (" select 1 ; -- done\n;", "select 1"),
            (
                "-- a\n/* b /* c */ ; */ WITH a AS (SELECT 1) TABLE a",
                "WITH a AS (SELECT 1) TABLE a",
            ),
            ("(values (1), (2))", "(values (1), (2))"),
            (
                "select ';', \";\", $$;$$, $a$;$$;$a$, e'\\';'",
                "select ';', \";\", $$;$$, $a$;$$;$a$, e'\\';'",
            ),
            ("select (delete) from t", "select (delete) from t"),
        ] {
            assert_eq!(read(sql).unwrap().sql, kept);
        }
    }

    #[test]
    fn what_is_no_single_query_is_refused() {
        for sql in [
            "",
            " ; ",
            "-- nothing",
            "drop table t",
            "explain select 1",
            "copy t to stdout",
            "do $$ begin end $$",
            "call p()",
            "execute e",
            "(delete from t)",
            "set a = 1",
            "\0select 1",
        ] {
            assert!(matches!(refused(sql), Refusal::NotAQuery { .. }), "{sql}");
        }
        for sql in ["select 1; drop table t", "select 1;;select 2", "select $$a$$; select 2"] {
            assert_eq!(refused(sql), Refusal::Several, "{sql}");
        }
    }

    #[test]
    fn a_writing_part_is_seen_in_the_text_already() {
        for sql in [
            "with a as (delete from t returning *) select * from a",
            "with a as materialized ( /* x */ INSERT into t values (1) returning 1) table a",
            "with a as (update t set x = 1 returning 1) select 1",
            "with a as (merge into t using s on true when matched then delete) select 1",
        ] {
            assert!(matches!(refused(sql), Refusal::Writes { .. }), "{sql}");
        }
    }

    #[test]
    fn order_and_limit_count_outside_of_parentheses_alone() {
        let text = read("select * from (select 1 order by 1 limit 1) a").unwrap();
        assert!(!text.ordered && !text.limited);
        let text = read("select a from t ORDER /**/ BY a FETCH first row only").unwrap();
        assert!(text.ordered && text.limited);
    }

    proptest! {
        #[test]
        fn no_text_panics_and_pieces_cover_it_in_order(sql in "\\PC{0,60}|[';\"$/*eE\\\\a -]{0,60}") {
            let pieces: Vec<_> = Pieces::of(&sql).collect();
            prop_assert!(pieces.windows(2).all(|pair| pair[0].to <= pair[1].from));
            drop(read(&sql));
        }

        #[test]
        fn a_second_statement_is_never_let_through(quoted in "[a-z$'\"]{0,10}") {
            let escaped = quoted.replace('\'', "''");
            let sql = format!("select '{escaped}' ; delete from t");
            prop_assert_eq!(read(&sql), Err(Refusal::Several));
        }
    }
}
