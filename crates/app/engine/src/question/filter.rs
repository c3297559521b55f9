//! Filters as people write them: `service.name = "shop" and duration > 200ms`.
//!
//! `or` binds least, then `and`, then `not`. A comparison is a field, a sign and a value; `in (…)`, `contains` and
//! `exists` are there too. A recursive descent over the words, as deep as [`DEPTH_MAX`].

use store::keep::{Table, query::Filter};

use super::{
    FieldKind, Named, Wrong,
    field::named,
    token::{Token, cut},
};

/// Longest filter: more than anybody types, and each comparison is looked at for each row.
pub const FILTER_BYTES_MAX: usize = 4_000;

/// Parentheses within parentheses.
const DEPTH_MAX: u32 = 32;

/// Reads a filter; an empty one lets all rows pass. `parameter` is what errors call it.
///
/// # Errors
///
/// It is not understood.
pub fn read_filter(
    table: &'static Table,
    text: &str,
    parameter: &'static str,
) -> Result<Filter, Wrong> {
    let renamed = |wrong: Wrong| Wrong { parameter, ..wrong };
    if FILTER_BYTES_MAX < text.len() {
        let what = format!("a filter of {} bytes is too long", text.len());
        return Err(Wrong::new(parameter, what, "name fewer values"));
    }
    let tokens = cut(text).map_err(renamed)?;
    if tokens.is_empty() {
        return Ok(Filter::All);
    }
    let mut reader = Reader { table, rest: tokens.into_iter().peekable(), depth: 0 };
    let filter = reader.either().map_err(renamed)?;
    match reader.rest.next() {
        None => Ok(filter),
        Some(token) => Err(renamed(unexpected(Some(&token), "`and`, `or` or the end"))),
    }
}

struct Reader {
    table: &'static Table,
    rest: std::iter::Peekable<std::vec::IntoIter<Token>>,
    depth: u32,
}

impl Reader {
    fn either(&mut self) -> Result<Filter, Wrong> {
        self.joined("or", Self::both, Filter::Or)
    }

    fn both(&mut self) -> Result<Filter, Wrong> {
        self.joined("and", Self::one, Filter::And)
    }

    fn joined(
        &mut self,
        word: &str,
        part: fn(&mut Self) -> Result<Filter, Wrong>,
        join: fn(Vec<Filter>) -> Filter,
    ) -> Result<Filter, Wrong> {
        let first = part(self)?;
        let mut parts = vec![first];
        while self.takes(word) {
            parts.push(part(self)?);
        }
        Ok(if parts.len() == 1 { parts.swap_remove(0) } else { join(parts) })
    }

    fn one(&mut self) -> Result<Filter, Wrong> {
        self.depth += 1;
        if DEPTH_MAX < self.depth {
            let what = format!("parentheses and `not` are more than {DEPTH_MAX} deep");
            return Err(Wrong::new("where", what, "write it flatter"));
        }
        let filter = if self.takes("not") {
            Filter::Not(Box::new(self.one()?))
        } else if self.rest.next_if_eq(&Token::Open).is_some() {
            let inner = self.either()?;
            match self.rest.next() {
                Some(Token::Close) => inner,
                other => return Err(unexpected(other.as_ref(), "`)`")),
            }
        } else {
            self.comparison()?
        };
        self.depth -= 1;
        Ok(filter)
    }

    fn comparison(&mut self) -> Result<Filter, Wrong> {
        let name = match self.rest.next() {
            Some(Token::Word(name) | Token::Field(name)) => name,
            other => return Err(unexpected(other.as_ref(), "a field such as `service.name`")),
        };
        let field = named(self.table, &name, "where")?;
        let is_turned = self.takes("not");
        let turned = |filter| if is_turned { Filter::Not(Box::new(filter)) } else { filter };
        if self.takes("exists") {
            return Ok(turned(Filter::Has(field.field)));
        }
        if self.takes("contains") {
            let value = self.value()?;
            return contains(field, &value).map(turned);
        }
        if self.takes("in") {
            let values = self.list()?;
            return equal(&field, values).map(turned);
        }
        if is_turned {
            return Err(unexpected(self.rest.peek(), "`in`, `contains` or `exists`"));
        }
        match self.rest.next() {
            Some(Token::Sign(sign)) => {
                let value = self.value()?;
                compared(&field, sign, value)
            }
            other => Err(unexpected(other.as_ref(), "a comparison such as `=`, `>` or `contains`")),
        }
    }

    fn list(&mut self) -> Result<Vec<String>, Wrong> {
        let mut values = Vec::new();
        if self.rest.next_if_eq(&Token::Open).is_none() {
            return Err(unexpected(self.rest.peek(), "`(` and values with commas between them"));
        }
        loop {
            values.push(self.value()?);
            match self.rest.next() {
                Some(Token::Comma) => {}
                Some(Token::Close) => return Ok(values),
                other => return Err(unexpected(other.as_ref(), "`,` or `)`")),
            }
        }
    }

    fn value(&mut self) -> Result<String, Wrong> {
        match self.rest.next() {
            Some(Token::Word(value) | Token::Text(value)) => Ok(value),
            other => Err(unexpected(other.as_ref(), "a value, between quotes if it has spaces")),
        }
    }

    /// Takes a word of the grammar, in either case, if it comes next.
    fn takes(&mut self, word: &str) -> bool {
        let is_next =
            |token: &Token| matches!(token, Token::Word(it) if it.eq_ignore_ascii_case(word));
        self.rest.next_if(is_next).is_some()
    }
}

fn unexpected(token: Option<&Token>, expected: &str) -> Wrong {
    let found = match token {
        None => "it ends".to_owned(),
        Some(Token::Word(word)) => format!("`{word}` stands"),
        Some(Token::Field(name)) => format!("the field `{name}` stands"),
        Some(Token::Text(text)) => format!("\"{text}\" stands"),
        Some(Token::Sign(sign)) => format!("`{sign}` stands"),
        Some(Token::Open) => "`(` stands".to_owned(),
        Some(Token::Close) => "`)` stands".to_owned(),
        Some(Token::Comma) => "`,` stands".to_owned(),
    };
    let hint = "write `service.name = \"shop\" and duration > 200ms`";
    Wrong::new("where", format!("{found} where {expected} is expected"), hint)
}

fn contains(field: Named, value: &str) -> Result<Filter, Wrong> {
    match field.kind {
        FieldKind::Text | FieldKind::Any => Ok(Filter::Contains(field.field, value.into())),
        _ => Err(Wrong::new(
            "where",
            format!("`{}` is no text to look into", field.name),
            "compare it with `=`, `<` or `>`",
        )),
    }
}

fn compared(field: &Named, sign: &str, value: String) -> Result<Filter, Wrong> {
    match sign {
        "=" => equal(field, vec![value]),
        "!=" => Ok(Filter::Not(Box::new(equal(field, vec![value])?))),
        sign => {
            let number = number(field, &value)?;
            let after = number.saturating_add(1);
            let (least, below) = match sign {
                "<" => (i64::MIN, number),
                "<=" => (i64::MIN, after),
                ">" => (after, i64::MAX),
                _ => (number, i64::MAX),
            };
            Ok(Filter::Between(field.field.clone(), least, below))
        }
    }
}

fn equal(field: &Named, values: Vec<String>) -> Result<Filter, Wrong> {
    match field.kind {
        FieldKind::Duration | FieldKind::Whole => {
            let between = |value: &String| {
                let number = number(field, value)?;
                Ok(Filter::Between(field.field.clone(), number, number.saturating_add(1)))
            };
            let mut each = values.iter().map(between).collect::<Result<Vec<_>, Wrong>>()?;
            Ok(if each.len() == 1 { each.swap_remove(0) } else { Filter::Or(each) })
        }
        FieldKind::Time => Err(of_time(field)),
        FieldKind::Id => {
            let lower = values.iter().map(|value| value.to_ascii_lowercase().into());
            Ok(Filter::Is(field.field.clone(), lower.collect()))
        }
        FieldKind::Text | FieldKind::Number | FieldKind::Any => {
            let values = values.into_iter().map(Into::into);
            Ok(Filter::Is(field.field.clone(), values.collect()))
        }
    }
}

/// The whole number that a field is compared with.
fn number(field: &Named, value: &str) -> Result<i64, Wrong> {
    match field.kind {
        FieldKind::Duration => nanos(value).ok_or_else(|| {
            let what = format!("`{value}` is no duration");
            Wrong::new("where", what, "write a number and its unit: `200ms`, `1.5s`, `40us`")
        }),
        FieldKind::Whole | FieldKind::Any => value.parse().ok().ok_or_else(|| {
            let what = format!("`{value}` is no whole number to compare `{}` with", field.name);
            Wrong::new("where", what, "write a whole number, or compare with `=`")
        }),
        FieldKind::Time => Err(of_time(field)),
        FieldKind::Text | FieldKind::Number | FieldKind::Id => Err(Wrong::new(
            "where",
            format!("`{}` is not compared by size", field.name),
            "use `=`, `!=`, `in` or `contains`",
        )),
    }
}

fn of_time(field: &Named) -> Wrong {
    let what = format!("`{}` is not filtered by", field.name);
    Wrong::new("where", what, "choose the window: `last=1h`, or `from` and `to`")
}

/// `200ms` in nanoseconds.
fn nanos(text: &str) -> Option<i64> {
    let end = text.find(|sign: char| !sign.is_ascii_digit() && sign != '.')?;
    let (number, unit) = text.split_at_checked(end)?;
    let factor = match unit {
        "ns" => 1.0,
        "us" | "µs" | "μs" => 1e3,
        "ms" => 1e6,
        "s" => 1e9,
        "m" | "min" => 60e9,
        "h" => 3600e9,
        _ => return None,
    };
    let nanos = number.parse::<f64>().ok()? * factor;
    #[expect(clippy::cast_possible_truncation, reason = "within what a whole number holds")]
    (nanos.is_finite() && nanos < 9e18).then(|| nanos.round() as i64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use store::keep::{
        LOGS, SPANS,
        query::Field,
        table::{log, span},
    };

    use super::*;

    fn of_spans(text: &str) -> Result<Filter, Wrong> {
        read_filter(&SPANS, text, "where")
    }

    fn service(name: &str) -> Filter {
        Filter::Is(Field::Column(span::SERVICE), vec![name.into()])
    }

    #[test]
    fn comparisons_are_joined_by_and_before_or() {
        let slow = Filter::Between(Field::Column(span::DURATION), 200_000_001, i64::MAX);
        assert_eq!(
            of_spans(r#"service.name = "shop" and duration > 200ms or service = mail"#),
            Ok(Filter::Or(vec![Filter::And(vec![service("shop"), slow]), service("mail")]))
        );
        assert_eq!(of_spans("  "), Ok(Filter::All));
        assert_eq!(of_spans("not (service = a)"), Ok(Filter::Not(Box::new(service("a")))));
    }

    #[test]
    fn each_comparison_is_what_it_says() {
        let route = || Field::Attribute("http.route".into());
        let is = |values: &[&str]| {
            Filter::Is(route(), values.iter().map(|value| (*value).into()).collect())
        };
        assert_eq!(of_spans("http.route in (/a, '/b c')"), Ok(is(&["/a", "/b c"])));
        assert_eq!(of_spans("http.route != /a"), Ok(Filter::Not(Box::new(is(&["/a"])))));
        assert_eq!(of_spans("http.route not in (/a)"), Ok(Filter::Not(Box::new(is(&["/a"])))));
        assert_eq!(of_spans("http.route exists"), Ok(Filter::Has(route())));
        assert_eq!(
            of_spans("http.route CONTAINS api"),
            Ok(Filter::Contains(route(), "api".into()))
        );
        assert_eq!(
            of_spans("http.response.status_code >= 500"),
            Ok(Filter::Between(
                Field::Attribute("http.response.status_code".into()),
                500,
                i64::MAX
            ))
        );
        assert_eq!(
            of_spans("duration <= 1.5s"),
            Ok(Filter::Between(Field::Column(span::DURATION), i64::MIN, 1_500_000_001))
        );
        assert_eq!(
            read_filter(&LOGS, "severity_number = 17", "where"),
            Ok(Filter::Between(Field::Column(log::SEVERITY_NUMBER), 17, 18))
        );
        assert_eq!(
            of_spans("trace.id = 0AF7"),
            Ok(Filter::Is(Field::Column(span::TRACE_ID), vec!["0af7".into()]))
        );
        assert_eq!(
            of_spans("`in` = 1"),
            Ok(Filter::Is(Field::Attribute("in".into()), vec!["1".into()]))
        );
    }

    #[test]
    fn what_is_not_understood_is_named_with_what_would_be_right() {
        for (text, what) in [
            (
                "service.name",
                "it ends where a comparison such as `=`, `>` or `contains` is expected",
            ),
            ("service = ", "it ends where a value, between quotes if it has spaces is expected"),
            ("service = a b", "`b` stands where `and`, `or` or the end is expected"),
            ("(service = a", "it ends where `)` is expected"),
            ("duration > fast", "`fast` is no duration"),
            ("duration > 5", "`5` is no duration"),
            ("service > 3", "`service` is not compared by size"),
            ("http.route < 1.5", "`1.5` is no whole number to compare `http.route` with"),
            ("start > 5", "`start` is not filtered by"),
            ("duration contains 5", "`duration` is no text to look into"),
            ("= 5", "`=` stands where a field such as `service.name` is expected"),
            ("a | b", "`|` is not expected"),
        ] {
            assert_eq!(of_spans(text).map_err(|wrong| wrong.what), Err(what.to_owned()), "{text}");
        }
        assert!(of_spans(&"(".repeat(100)).is_err());
        assert!(of_spans(&"not ".repeat(100)).is_err());
        assert!(of_spans(&"x".repeat(5_000)).is_err());
    }

    proptest! {
        #[test]
        fn no_text_is_more_than_a_filter_or_an_error(text in "\\PC{0,200}") {
            let _read = of_spans(&text);
        }

        #[test]
        fn no_words_are_more_than_a_filter_or_an_error(
            words in prop::collection::vec(
                prop::sample::select(vec![
                    "(", ")", ",", "=", "!=", "<", ">=", "and", "or", "not", "in", "exists",
                    "contains", "duration", "service.name", "x", "5", "200ms", "\"a b\"",
                ]),
                0..40,
            )
        ) {
            let _read = of_spans(&words.join(" "));
        }

        #[test]
        fn a_quoted_value_is_taken_letter_for_letter(value in "\\PC{1,40}") {
            let quoted = value.replace('\\', "\\\\").replace('"', "\\\"");
            prop_assert_eq!(of_spans(&format!("service = \"{quoted}\"")), Ok(service(&value)));
        }
    }
}
