//! Values that are made at the moment of the answer: two of them are never the same, and that means nothing.

use std::time::Duration;

use model::Moment;

/// A date within this time of the answer was made for it.
const NOW: Duration = Duration::from_mins(10);

/// Whether both are dates that were made for their answers.
pub(super) fn are_now(old: &str, new: &str, asked: (Moment, Moment)) -> bool {
    is_now(old, asked.0) && is_now(new, asked.1)
}

fn is_now(text: &str, asked: Moment) -> bool {
    let date = Moment::from_date(text).or_else(|| of_number(text));
    date.is_some_and(|date| date.since(asked) <= NOW && asked.since(date) <= NOW)
}

/// Seconds, milli-, micro- or nanoseconds since 1970, by their digits; also with a fraction.
fn of_number(text: &str) -> Option<Moment> {
    let whole = text.split('.').next()?;
    let number: u64 = whole.parse().ok()?;
    let scale = match whole.len() {
        10 => 1_000_000_000,
        13 => 1_000_000,
        16 => 1_000,
        19 => 1,
        _ => return None,
    };
    Some(Moment { nanos: number.checked_mul(scale)? })
}

/// Whether both look like ids that are made by chance, of the same kind.
pub(super) fn are_ids(old: &str, new: &str) -> bool {
    matches!((kind(old), kind(new)), (Some(old), Some(new)) if old == new)
}

/// Letters by chance are at least so many.
const RANDOM_MIN: usize = 16;

/// What kind of id it is, if it is one.
fn kind(text: &str) -> Option<&'static str> {
    let parts: Vec<usize> = text.split('-').map(str::len).collect();
    let is_hex = text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    if parts == [8, 4, 4, 4, 12] && is_hex {
        return Some("uuid");
    }
    if is_hex && RANDOM_MIN <= text.len() && parts.len() == 1 {
        return Some("hex");
    }
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let letters = text.bytes().filter(u8::is_ascii_alphabetic).count();
    (RANDOM_MIN <= text.len() && text.bytes().all(is_word) && 0 < digits && 0 < letters)
        .then_some("token")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_masked_if_it_was_made_for_the_answer() {
        let asked = Moment::from_date("2026-11-22T00:51:00Z").unwrap();
        let later = asked + Duration::from_hours(24);
        let pair = (asked, later);
        assert!(are_now("2026-11-22T00:51:02Z", "2026-11-23T00:50:59.1+00:00", pair));
        assert!(are_now("1795308661", "1795395061123", pair));
        assert!(
            !are_now("2026-11-22T00:51:02Z", "2026-11-22T00:51:02Z", pair),
            "the new one is a day old"
        );
        assert!(!are_now("2020-01-01T00:00:00Z", "2020-01-02T00:00:00Z", pair));
        assert!(!are_now("17", "18", pair));
    }

    #[test]
    fn ids_are_of_the_same_kind() {
        assert!(are_ids(
            "550e8400-e29b-41d4-a716-446655440000",
            "660e8400-e29b-41d4-a716-446655440001"
        ));
        assert!(are_ids("9944b09199c62bcf", "0044b09199c62bcf"));
        assert!(!are_ids("550e8400-e29b-41d4-a716-446655440000", "9944b09199c62bcf"));
        assert!(!are_ids("a name of somebody", "another name of one"));
    }
}
