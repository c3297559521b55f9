//! What a predicate says of a column, and what an expression makes of one, as far as their text tells.

use super::parts::{Context, Part, Width};

/// What a predicate says of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Nothing.
    Free,
    /// It is one constant.
    Equal,
    /// It lies within bounds, or in a list.
    Bounded,
    /// `IS NULL`
    Null,
    /// `IS NOT NULL`
    NotNull,
}

/// What `predicate` says of the column of this name.
pub(super) fn role(name: &str, predicate: &str) -> Role {
    if predicate.is_empty() {
        return Role::Free;
    }
    let lower = predicate.to_ascii_lowercase();
    let name = name.to_ascii_lowercase();
    let Some((_, after)) = around(&lower, &name) else { return Role::Free };
    let after = skip_cast(after.trim_start_matches(['"', ')', ' ']));
    // Under an OR nothing is sure but that it is bounded somehow.
    if word(&lower, "or") {
        return Role::Bounded;
    }
    if after.starts_with("is not null") || after.starts_with("is not distinct") {
        return Role::NotNull;
    }
    if after.starts_with("is null") {
        return Role::Null;
    }
    let is_equal =
        after.starts_with('=') && !after.trim_start_matches(['=', ' ']).starts_with("any");
    // `published`, `NOT published`, `1 = status`.
    let is_truth = after.is_empty() || after.starts_with("and") || after.starts_with("is true");
    if is_equal || is_truth { Role::Equal } else { Role::Bounded }
}

/// What stands before and after a name that is a word of its own.
fn around<'a>(text: &'a str, name: &str) -> Option<(&'a str, &'a str)> {
    let inside = |letter: char| letter.is_alphanumeric() || letter == '_';
    text.match_indices(name).find_map(|(at, _)| {
        let (before, rest) = text.split_at_checked(at)?;
        let (_, after) = rest.split_at_checked(name.len())?;
        let alone = !before.ends_with(inside) && !after.starts_with(inside);
        // Within a literal it is no name.
        (alone && before.matches('\'').count() % 2 == 0).then_some((before, after))
    })
}

pub(super) fn word(text: &str, name: &str) -> bool {
    around(text, name).is_some()
}

/// `::text = …` without its cast.
fn skip_cast(text: &str) -> &str {
    let Some(rest) = text.strip_prefix("::") else { return text };
    rest.trim_start_matches(|letter: char| letter.is_alphanumeric() || " _()\"".contains(letter))
}

/// Functions that leave the width and the number of values about as they are.
const KEEPING: &[&str] = &[
    "lower",
    "upper",
    "trim",
    "btrim",
    "ltrim",
    "rtrim",
    "initcap",
    "coalesce",
    "unaccent",
    "f_unaccent",
    "immutable_unaccent",
    "reverse",
    "normalize",
    "citext",
    "text",
];

/// A key that is an expression.
pub(super) fn part(text: &str, context: &Context<'_>) -> Part {
    let lower = text.to_ascii_lowercase();
    let mentioned = context
        .table
        .columns
        .iter()
        .filter(|column| word(&lower, &column.name.to_ascii_lowercase()))
        .max_by(|one, other| {
            let values = |part: &Part| part.distinct;
            values(&Part::of(one, context)).total_cmp(&values(&Part::of(other, context)))
        });
    let Some(column) = mentioned else { return Part::unknown() };
    let inner = Part::of(column, context);
    let opened = lower.trim_start_matches('(');
    let call = opened.split('(').next().unwrap_or_default().trim();
    if lower.contains("->>") || lower.contains("#>>") {
        // A field of a document: its own width is not known.
        return Part { deduplicates: true, ..Part::unknown() };
    }
    let is_cast_to = |name: &str| lower.trim_end_matches(')').ends_with(&format!("::{name}"));
    if KEEPING.contains(&call) || (is_cast_to("text") && inner.deduplicates) {
        return inner;
    }
    let plain = Part { rough: true, common: Vec::new(), common_all: 0.0, ..inner };
    let of = |bytes: u32, align: u32| Part { width: Width::Fixed(bytes, align), ..plain.clone() };
    match call {
        "date_trunc" => return few(of(8, 8), moments(&lower)),
        "date" => return few(of(4, 4), DAYS),
        "substr" | "substring" | "left" | "right" => {
            let length = lower
                .rsplit(|letter: char| !letter.is_ascii_digit())
                .find(|digits| !digits.is_empty());
            if let Some(length) =
                length.and_then(|digits| digits.parse::<u8>().ok()).filter(|length| *length < 100)
            {
                // As many values as so many digits have: letters have more, but are not all used.
                return few(of(u32::from(length) + 1, 1), 10_f64.powi(i32::from(length)));
            }
        }
        "md5" => return Part { deduplicates: true, ..of(33, 1) },
        "length" | "char_length" | "octet_length" | "hashtext" => {
            return Part { deduplicates: true, ..of(4, 4) };
        }
        "extract" | "date_part" => return Part { distinct: plain.distinct.min(366.0), ..plain },
        _ => {}
    }
    if is_cast_to("date") {
        return few(of(4, 4), DAYS);
    }
    plain
}

/// Days in the ten years that most data spans.
const DAYS: f64 = 3650.0;

/// How many values `date_trunc` leaves of as many years.
fn moments(text: &str) -> f64 {
    let units = [
        ("'year", 10.0),
        ("'quarter", 40.0),
        ("'month", 120.0),
        ("'week", 520.0),
        ("'day", DAYS),
        ("'hour", 24.0 * DAYS),
    ];
    units
        .iter()
        .find(|(unit, _)| text.contains(unit))
        .map_or(24.0 * 60.0 * DAYS, |(_, moments)| *moments)
}

fn few(part: Part, distinct_max: f64) -> Part {
    Part { distinct: part.distinct.min(distinct_max), ..part }
}
