//! Messages of errors without what came from a client.
//!
//! The server quotes names and values alike. What stands in double quotes stays only behind a word that says it is a
//! name of the schema; everything else in quotes, in the brackets of `Key (…)=(…)`, and every number goes. What a
//! function raised with its own words may be anything: of that, only the function is told.

use sql::Normalised;

use super::record::Record;

/// Words before a quoted name of the schema.
const NAMES: &[&str] = &[
    "relation",
    "constraint",
    "table",
    "index",
    "schema",
    "sequence",
    "view",
    "trigger",
    "function",
    "procedure",
    "extension",
    "parameter",
    "tablespace",
    "publication",
    "subscription",
    "slot",
    "language",
    "collation",
    "policy",
    "rule",
    "partition",
    "toast",
    "attribute",
    "type",
];
/// Letters of a message that are kept.
const LETTERS_MAX: usize = 300;

/// What happened, as a message that is the same for all values.
#[must_use]
pub fn message(record: &Record<'_>) -> String {
    let first = record.message.lines().next().unwrap_or_default();
    if let Some(raised) = raised(record) {
        return raised;
    }
    let mut text = String::with_capacity(first.len());
    let mut rest = first;
    while let Some(place) = rest.find(|letter: char| {
        matches!(letter, '"' | '\'' | '«' | '“' | '`') || letter.is_ascii_digit()
    }) {
        let (before, after) = rest.split_at_checked(place).unwrap_or((rest, ""));
        text.push_str(before);
        let mut letters = after.chars();
        rest = match letters.next() {
            Some('"') => quoted(letters.as_str(), &mut text),
            Some(open @ ('\'' | '«' | '“' | '`')) => {
                let close = match open {
                    '«' => '»',
                    '“' => '”',
                    same => same,
                };
                text.push('?');
                // A value may hold quotes itself: it ends at the last one.
                letters.as_str().rsplit_once(close).map_or("", |(_, rest)| rest)
            }
            _ => {
                text.push('?');
                after.trim_start_matches(|letter: char| {
                    letter.is_ascii_alphanumeric() || matches!(letter, '.' | '/' | ':' | '-' | '_')
                })
            }
        };
    }
    text.push_str(rest);
    let text = text.replace(" at character ?", "");
    bounded(hidden_key(&text))
}

/// A name that stays, or a value that goes; what follows it.
fn quoted<'a>(inner: &'a str, text: &mut String) -> &'a str {
    let word = text.trim_end().rsplit([' ', '(']).next().unwrap_or_default();
    if NAMES.contains(&word)
        && let Some((name, rest)) = inner.split_once('"')
    {
        text.push('"');
        text.push_str(name);
        text.push('"');
        return rest;
    }
    // `column "x" of relation "y"` is the server's own; without a relation it may be a misquoted value.
    if word == "column"
        && let Some((name, rest)) = inner.split_once('"')
        && rest.starts_with(" of relation \"")
    {
        text.push('"');
        text.push_str(name);
        text.push('"');
        return rest;
    }
    text.push('?');
    // A value may hold quotes itself: it ends before the next words of the server, or at the last quote.
    let next = inner.find("\" of relation \"").or_else(|| inner.find("\" violates "));
    let end = next
        .or_else(|| inner.find("\" for "))
        .or_else(|| inner.find("\", "))
        .or_else(|| inner.rfind('"'));
    end.and_then(|end| inner.get(end + 1..)).unwrap_or_default()
}

/// `Key (a)=(…)`, and whatever else stands between `=(` and `)`.
fn hidden_key(text: &str) -> String {
    match (text.find("=("), text.rfind(')')) {
        (Some(from), Some(to)) if from < to => {
            let (before, _) = text.split_at_checked(from).unwrap_or((text, ""));
            let after = text.get(to..).unwrap_or_default();
            format!("{before}=(?{after}")
        }
        _ => text.to_owned(),
    }
}

/// Words of a function: the function, if it is known.
fn raised(record: &Record<'_>) -> Option<String> {
    let line = record.context.lines().find(|line| line.ends_with(" at RAISE"));
    if line.is_none() && record.sqlstate != "P0001" {
        return None;
    }
    let place = line.and_then(|line| line.strip_prefix("PL/pgSQL function "));
    let place = place.and_then(|line| line.strip_suffix(" at RAISE"));
    Some(match place {
        Some(place) => bounded(format!("raised by {place}")),
        None => "raised by a function".to_owned(),
    })
}

fn bounded(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(LETTERS_MAX) {
        text.truncate(end);
        text.push('…');
    }
    text
}

/// The statement of a record without its literals, if it has one.
#[must_use]
pub fn statement_of(record: &Record<'_>) -> Option<Normalised> {
    (!record.statement.is_empty()).then(|| sql::normalise(&record.statement))
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;

    fn told(message_text: &'static str) -> String {
        message(&Record { message: Cow::Borrowed(message_text), ..Record::default() })
    }

    #[test]
    fn names_of_the_schema_stay_and_values_go() {
        let cases = [
            (
                r#"duplicate key value violates unique constraint "customers_email_key""#,
                r#"duplicate key value violates unique constraint "customers_email_key""#,
            ),
            (
                r#"null value in column "name" of relation "orders" violates not-null constraint"#,
                r#"null value in column "name" of relation "orders" violates not-null constraint"#,
            ),
            (
                r#"invalid input syntax for type integer: "abc-secret" at character 8"#,
                "invalid input syntax for type integer: ?",
            ),
            (r#"syntax error at or near "hunter2" at character 1"#, "syntax error at or near ?"),
            (r#"column "s3cret" does not exist at character 8"#, "column ? does not exist"),
            (r#"role "jo" does not exist"#, "role ? does not exist"),
            ("Key (email)=(user7@example.org) already exists.", "Key (email)=(?) already exists."),
            ("could not open 'x' y' file", "could not open ? file"),
            (
                "canceling statement due to statement timeout",
                "canceling statement due to statement timeout",
            ),
            (r#"invalid value "a" b" for x"#, "invalid value ? for x"),
            (
                "database system was shut down at 2026-11-21 16:19:00 CET",
                "database system was shut down at ? ? CET",
            ),
        ];
        for (raw, expected) in cases {
            assert_eq!(told(raw), expected, "{raw}");
        }
    }

    #[test]
    fn what_a_function_says_is_its_own() {
        let record = Record {
            message: "customer Bob owes 12".into(),
            context: "PL/pgSQL function bill(integer) line 3 at RAISE\nSQL function x".into(),
            ..Record::default()
        };
        assert_eq!(message(&record), "raised by bill(integer) line 3");
        let record =
            Record { message: "Bob".into(), sqlstate: "P0001".into(), ..Record::default() };
        assert_eq!(message(&record), "raised by a function");
    }
}
