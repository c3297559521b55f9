//! How detectors put things: names of rows, short statements, times.

use std::time::Duration;

use model::{Projection, StatementKind, StatementText};

/// Letters of a statement that an excerpt shows.
const STATEMENT_LETTERS_MAX: usize = 100;

/// Bytes of a select list beyond which an excerpt leaves it out.
const SELECT_LIST_BYTES_MAX: usize = 30;

/// The table that a statement works on first, without its schema; empty if it names none.
pub(super) fn table(text: &StatementText) -> &str {
    text.tables.first().map_or("", |table| table.rsplit('.').next().unwrap_or(table))
}

/// Whether nothing in a read can select other rows from one run to the next: it has no `WHERE`, so that
/// hidden parameters are its `LIMIT` or constants.
pub(super) fn asks_for_the_same(text: &StatementText) -> bool {
    text.kind == StatementKind::Select
        && text.shape.as_ref().is_some_and(|shape| {
            shape.filters.is_empty()
                && !shape.filters_more
                && !shape.joins
                && !shape.offset
                && shape.projection != Projection::Nothing
        })
}

/// Whether a read only asks for rows: it locks nothing, takes no number from a sequence, does not wait, and
/// names a table at all (pools ask `SELECT 1`).
pub(super) fn asks_only(text: &StatementText) -> bool {
    const EFFECTS: &[&str] = &[
        "for update",
        "for share",
        "for no key",
        "for key share",
        "skip locked",
        "nextval(",
        "currval(",
        "lastval(",
        "last_insert_id",
        "scope_identity",
        "@@identity",
        "found_rows",
        "row_count",
        "advisory",
        "get_lock(",
        "release_lock(",
        "sleep(",
        "waitfor",
        "random(",
        "rand(",
        "uuid(",
    ];
    text.kind == StatementKind::Select
        && !text.tables.is_empty()
        && !EFFECTS.iter().any(|effect| text.text.contains(effect))
}

/// `rows of a and b`: what the rows of these statements are called.
pub(super) fn rows<'a>(texts: impl Iterator<Item = &'a StatementText>) -> String {
    let mut names: Vec<String> = Vec::new();
    for name in texts.map(table) {
        if !name.is_empty() && !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    if names.is_empty() { "rows".to_owned() } else { format!("rows of {}", list(&names, 6)) }
}

/// `a`, `a and b`, `a, b and c`, and so on; past `most` only how many more there are.
pub(super) fn list(names: &[String], most: usize) -> String {
    let (shown, hidden) = names.split_at(names.len().min(most));
    match (shown, hidden.len()) {
        ([], _) => String::new(),
        ([only], 0) => only.clone(),
        ([init @ .., last], 0) => format!("{} and {last}", init.join(", ")),
        (shown, more) => format!("{} and {more} more", shown.join(", ")),
    }
}

/// An endpoint without a port that the system gave out: it is another one after each restart.
pub(super) fn stable(endpoint: &str) -> String {
    /// Linux gives out ports from here on unless told otherwise.
    const EPHEMERAL_MIN: u32 = 32_768;
    let Some((before, after)) = endpoint.split_once(':') else { return endpoint.to_owned() };
    let digits = after.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(after.len());
    let (port, rest) = after.split_at(digits);
    match port.parse::<u32>() {
        Ok(port) if EPHEMERAL_MIN <= port => format!("{before}{rest}"),
        _ => endpoint.to_owned(),
    }
}

/// A statement in one line that fits an excerpt: a long select list is left out first.
pub(super) fn shorten(text: &str) -> String {
    let list = text.strip_prefix("select ").and_then(|rest| rest.split_once(" from "));
    let text = match list {
        Some((columns, rest)) if SELECT_LIST_BYTES_MAX < columns.len() => {
            format!("select … from {rest}")
        }
        _ => text.to_owned(),
    };
    let mut short: String = text.chars().take(STATEMENT_LETTERS_MAX).collect();
    if short.len() < text.len() {
        short.push_str(" …");
    }
    short
}

/// Three significant digits and a unit: `1.18 s`, `3.1 ms`, `40 µs`.
pub(super) fn time(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    // Bounds are those of the rounded value: 999.7 ms are 1.00 s.
    let (value, unit) = if 0.9995 <= seconds {
        (seconds, "s")
    } else if 0.999_5e-3 <= seconds {
        (seconds * 1e3, "ms")
    } else {
        (seconds * 1e6, "µs")
    };
    let digits = if 99.95 <= value {
        0
    } else if 9.995 <= value {
        1
    } else {
        2
    };
    format!("{value:.digits$} {unit}")
}

/// `40 s`, `5 min`, `3 h`, `12 days`: how long ago, or how long.
pub(super) fn long_time(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if seconds < 120.0 {
        format!("{seconds:.0} s")
    } else if seconds < 7_200.0 {
        format!("{:.0} min", seconds / 60.0)
    } else if seconds < 172_800.0 {
        format!("{:.0} h", seconds / 3_600.0)
    } else {
        format!("{:.0} days", seconds / 86_400.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_three_digits() {
        let texts = [0, 40, 999, 3_100, 18_400, 384_000, 1_180_000, 72_000_000]
            .map(|micros| time(Duration::from_micros(micros)));
        assert_eq!(
            texts,
            ["0.00 µs", "40.0 µs", "999 µs", "3.10 ms", "18.4 ms", "384 ms", "1.18 s", "72.0 s"]
        );
    }

    #[test]
    fn times_that_are_nearly_round_have_three_digits_too() {
        let texts = [9_996, 99_960, 999_700, 999].map(|micros| time(Duration::from_micros(micros)));
        assert_eq!(texts, ["10.0 ms", "100 ms", "1.00 s", "999 µs"]);
        assert_eq!(time(Duration::from_nanos(999_700)), "1.00 ms");
    }

    #[test]
    fn long_times_have_one_unit() {
        let texts = [40, 300, 10_800, 1_036_800].map(|it| long_time(Duration::from_secs(it)));
        assert_eq!(texts, ["40 s", "5 min", "3 h", "12 days"]);
    }

    #[test]
    fn ports_that_the_system_gave_out_are_no_names() {
        assert_eq!(stable("GET 127.0.0.1:44133/a/{id}"), "GET 127.0.0.1/a/{id}");
        assert_eq!(stable("GET stock.internal:8080/a"), "GET stock.internal:8080/a");
        assert_eq!(stable("connection to postgresql"), "connection to postgresql");
    }

    #[test]
    fn lists_read_as_sentences() {
        let names: Vec<String> = ["a", "b", "c", "d"].map(str::to_owned).to_vec();
        assert_eq!(list(&names[..1], 3), "a");
        assert_eq!(list(&names[..2], 3), "a and b");
        assert_eq!(list(&names[..3], 3), "a, b and c");
        assert_eq!(list(&names, 3), "a, b, c and 1 more");
    }
}
