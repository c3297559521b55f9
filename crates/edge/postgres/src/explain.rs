//! `EXPLAIN` of statements that are never run: with parameters or without, on any version.
//!
//! From 16 on `GENERIC_PLAN` plans a text with `$1` in it. Before, the text is prepared, and planned for any
//! values by `plan_cache_mode = force_generic_plan`: the nulls that stand for the values are then not looked at.
//! `pg_stat_statements` puts `$1` where the grammar wants a constant (`interval $1`): those are rewritten first.

use std::cmp::Ordering;

/// How a statement is explained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Form {
    /// As it stands.
    Plain(String),
    /// With `GENERIC_PLAN`.
    Generic(String),
    /// Prepared under a name; with so many parameters.
    Prepared { name: String, text: String, parameters: usize },
}

impl Form {
    /// Of the statement at this place in the list.
    pub(crate) fn of(text: &str, place: usize, version: u32) -> Self {
        Self::named(text, format!("taut_{place}"), version)
    }

    /// Of a statement, which is prepared under `name` if need be.
    pub(crate) fn named(text: &str, name: String, version: u32) -> Self {
        let text = plannable(text);
        let text = text.trim().trim_end_matches(';').to_owned();
        match parameters(&text) {
            0 => Self::Plain(text),
            _ if version >= 16 => Self::Generic(text),
            parameters => Self::Prepared { name, text, parameters },
        }
    }

    /// The name that it is prepared under.
    pub(crate) fn name(&self) -> Option<&str> {
        match self {
            Self::Plain(_) | Self::Generic(_) => None,
            Self::Prepared { name, .. } => Some(name),
        }
    }

    /// What has to be run once before.
    pub(crate) fn setup(&self) -> Option<String> {
        match self {
            Self::Plain(_) | Self::Generic(_) => None,
            Self::Prepared { name, text, .. } => Some(format!(
                "set /* taut */ plan_cache_mode = force_generic_plan; prepare {name} as {text}"
            )),
        }
    }

    /// The `EXPLAIN`, in this format.
    pub(crate) fn explain(&self, format: &str) -> String {
        match self {
            Self::Plain(text) => format!("explain /* taut */ (format {format}) {text}"),
            Self::Generic(text) => {
                format!("explain /* taut */ (generic_plan, format {format}) {text}")
            }
            Self::Prepared { name, parameters, .. } => {
                let nulls = vec!["null"; *parameters].join(", ");
                // A cached plan knows nothing of indexes that came since.
                format!(
                    "discard /* taut */ plans; explain /* taut */ (format {format}) execute {name} ({nulls})"
                )
            }
        }
    }
}

/// The highest `$n`.
fn parameters(text: &str) -> usize {
    places(text).map(|(_, _, number)| number).max().unwrap_or(0)
}

/// Parameters outside of quotes and comments: from, to, number.
fn places(text: &str) -> impl Iterator<Item = (usize, usize, usize)> {
    let bytes = text.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        while at < bytes.len() {
            let from = at;
            match bytes[at] {
                quote @ (b'\'' | b'"') => at = after(bytes, at + 1, |rest| rest[0] == quote) + 1,
                b'-' if bytes[at..].starts_with(b"--") => {
                    at = after(bytes, at, |rest| rest[0] == b'\n');
                }
                b'/' if bytes[at..].starts_with(b"/*") => {
                    at = after(bytes, at + 2, |rest| rest.starts_with(b"*/")) + 2;
                }
                b'$' if bytes.get(at + 1).is_some_and(u8::is_ascii_digit) => {
                    at = after(bytes, at + 1, |rest| !rest[0].is_ascii_digit());
                    let digits = text.get(from + 1..at).unwrap_or_default();
                    // More is not a parameter that PostgreSQL takes.
                    let number = digits.parse::<usize>().ok().filter(|number| *number <= 65_535)?;
                    return Some((from, at, number));
                }
                byte if byte.is_ascii_alphabetic() || byte == b'_' => {
                    at = after(bytes, at, |rest| {
                        !(rest[0].is_ascii_alphanumeric() || b"_$".contains(&rest[0]))
                    });
                }
                _ => at += 1,
            }
        }
        None
    })
}

/// The first place from `at` on where `is` holds; the end if there is none.
fn after(bytes: &[u8], mut at: usize, is: impl Fn(&[u8]) -> bool) -> usize {
    while at < bytes.len() && !is(&bytes[at..]) {
        at += 1;
    }
    at.min(bytes.len())
}

/// Types that may stand before a constant of theirs.
const TYPES: [&str; 8] = [
    "timestamp with time zone",
    "timestamp without time zone",
    "time with time zone",
    "timestamptz",
    "timestamp",
    "interval",
    "date",
    "time",
];

/// The text with `$1::interval` for `interval $1`, and some field for `extract($1 from …)`.
pub(crate) fn plannable(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 32);
    let mut from = 0;
    for (start, end, _) in places(text) {
        let before = text.get(from..start).unwrap_or_default();
        let parameter = text.get(start..end).unwrap_or_default();
        let trimmed = before.trim_end();
        let typed = TYPES.iter().find_map(|name| {
            let rest = strip_suffix_ignore_case(trimmed, name)?;
            let is_word =
                !rest.ends_with(|last: char| last.is_alphanumeric() || "_.\"$".contains(last));
            (is_word && trimmed.len() < before.len()).then_some((rest, *name))
        });
        let extracts =
            strip_suffix_ignore_case(trimmed.trim_end_matches('(').trim_end(), "extract").is_some()
                && trimmed.ends_with('(');
        if let Some((rest, name)) = typed {
            out.push_str(rest);
            out.push_str(&format!("{parameter}::{name}"));
        } else if extracts {
            out.push_str(before);
            out.push_str("epoch");
        } else {
            out.push_str(before);
            out.push_str(parameter);
        }
        from = end;
    }
    out.push_str(text.get(from..).unwrap_or_default());
    out
}

/// The text with a value for `$number`; parameters after it move up, so that none is missing.
pub(crate) fn with_value(text: &str, number: usize, value: &str) -> String {
    let mut out = String::with_capacity(text.len() + value.len());
    let mut from = 0;
    for (start, end, known) in places(text) {
        out.push_str(text.get(from..start).unwrap_or_default());
        match known.cmp(&number) {
            Ordering::Less => out.push_str(text.get(start..end).unwrap_or_default()),
            Ordering::Equal => out.push_str(value),
            Ordering::Greater => out.push_str(&format!("${}", known - 1)),
        }
        from = end;
    }
    out.push_str(text.get(from..).unwrap_or_default());
    out
}

fn strip_suffix_ignore_case<'text>(text: &'text str, suffix: &str) -> Option<&'text str> {
    let at = text.len().checked_sub(suffix.len())?;
    let (rest, end) = text.split_at_checked(at)?;
    end.eq_ignore_ascii_case(suffix).then_some(rest)
}

/// Total cost, and names of the indexes that a plan in JSON uses.
pub(crate) fn costs(json: &str) -> Option<(f64, Vec<String>)> {
    let number = |key: &str| {
        let (_, rest) = json.split_once(key)?;
        let end = rest.find([',', '\n', '}']).unwrap_or(rest.len());
        rest.get(..end)?.trim().parse::<f64>().ok()
    };
    let cost = number("\"Total Cost\":")?;
    let names = json.split("\"Index Name\": \"").skip(1).filter_map(|rest| {
        // Quotes and backslashes within are escaped in JSON.
        let mut end = None;
        let mut escaped = false;
        for (at, letter) in rest.char_indices() {
            if letter == '"' && !escaped {
                end = Some(at);
                break;
            }
            escaped = letter == '\\' && !escaped;
        }
        Some(rest.get(..end?)?.replace("\\\"", "\"").replace("\\\\", "\\"))
    });
    Some((cost, names.collect()))
}

/// `Plan Rows` of the topmost node.
pub(crate) fn rows(json: &str) -> Option<f64> {
    let (_, rest) = json.split_once("\"Plan Rows\":")?;
    let end = rest.find([',', '\n', '}']).unwrap_or(rest.len());
    rest.get(..end)?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_statistics_make_of_constants_can_be_planned() {
        let check = |text: &str, expected: &str| assert_eq!(plannable(text), expected);
        check(
            "select a from t where d < date $1 - interval $2 day",
            "select a from t where d < $1::date - $2::interval day",
        );
        check(
            "select extract($1 from d), \"interval $2\" from t",
            "select extract(epoch from d), \"interval $2\" from t",
        );
        check("select timestamp with time zone $1", "select $1::timestamp with time zone");
        check(
            "select * from t where t.date = $1 and mydate $2",
            "select * from t where t.date = $1 and mydate $2",
        );
    }

    #[test]
    fn parameters_are_counted_outside_of_quotes() {
        assert_eq!(
            parameters("select $1, '$9', \"$8\", a$7 -- $6\n from t /* $5 */ where x = $2"),
            2
        );
        assert_eq!(parameters("select 'it''s $3' || $99999999999"), 0);
    }

    #[test]
    fn a_value_takes_the_place_of_a_parameter_and_later_ones_move_up() {
        assert_eq!(
            with_value("select '$2' where a = $1 and b = $2 or b = $2 limit $3", 2, "'x'::text"),
            "select '$2' where a = $1 and b = 'x'::text or b = 'x'::text limit $2"
        );
    }

    #[test]
    fn costs_and_names_are_read_from_json() {
        let json = r#"[{"Plan": {"Node Type": "Index Scan", "Index Name": "a \"b\"", "Total Cost": 8.30, "Plan Rows": 7}}]"#;
        assert_eq!(costs(json), Some((8.3, vec!["a \"b\"".to_owned()])));
        assert_eq!(rows(json), Some(7.0));
    }
}
