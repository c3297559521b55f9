//! Durations and sizes with their units, as people write them: `14d`, `1h30m`, `200ms`; `10 GiB`.

use std::time::Duration;

/// Units of time with their nanoseconds, largest first.
const TIMES: [(&str, u128); 8] = [
    ("w", 604_800_000_000_000),
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

/// Units of size with their bytes, largest first.
const SIZES: [(&str, u128); 9] = [
    ("TiB", 1 << 40),
    ("TB", 1_000_000_000_000),
    ("GiB", 1 << 30),
    ("GB", 1_000_000_000),
    ("MiB", 1 << 20),
    ("MB", 1_000_000),
    ("KiB", 1 << 10),
    ("kB", 1_000),
    ("B", 1),
];

/// Reads a duration: one or more numbers with units, such as `1h30m`, `1.5s` or `200 ms`.
#[must_use]
pub fn parse_duration(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    let mut total: u128 = 0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let (number, after) = number(rest)?;
        let after = after.trim_start();
        let end = after.find(|char: char| !char.is_ascii_alphabetic()).unwrap_or(after.len());
        let (unit, after) = after.split_at_checked(end)?;
        let (_, nanos) = TIMES.iter().find(|(name, _)| *name == unit)?;
        total = total.checked_add(number.times(*nanos)?)?;
        rest = after.trim_start();
    }
    u64::try_from(total).ok().map(Duration::from_nanos)
}

/// Reads a size: a number and a unit, such as `10 GiB` or `512kB`. Letters of either case are taken.
#[must_use]
pub fn parse_bytes(text: &str) -> Option<u64> {
    let (number, unit) = number(text.trim())?;
    let unit = unit.trim_start();
    let (_, bytes) = SIZES.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit))?;
    u64::try_from(number.times(*bytes)?).ok()
}

/// A duration as [`parse_duration`] reads it, in the largest unit that needs no fraction.
#[must_use]
pub fn duration_text(duration: Duration) -> String {
    // Two weeks read better as 14 days.
    in_units(duration.as_nanos(), &TIMES[1..], "")
}

/// A size as [`parse_bytes`] reads it, in the largest binary unit that needs no fraction.
#[must_use]
pub fn bytes_text(bytes: u64) -> String {
    let binary =
        SIZES.map(|(name, size)| (name, if name.contains('i') { size } else { u128::MAX }));
    match in_units(u128::from(bytes), &binary, " ") {
        text if text.is_empty() => format!("{bytes} B"),
        text => text,
    }
}

fn in_units(amount: u128, units: &[(&str, u128)], gap: &str) -> String {
    let fits = |size: u128| size <= amount && amount.is_multiple_of(size);
    match units.iter().find(|(_, size)| fits(*size)) {
        Some((name, size)) => format!("{}{gap}{name}", amount / size),
        None if gap.is_empty() => "0s".to_owned(),
        None => String::new(),
    }
}

/// A decimal number: whole part, digits after the point, and how many these are.
struct Decimal {
    whole: u64,
    fraction: u64,
    fraction_digits: u32,
}

impl Decimal {
    fn times(&self, unit: u128) -> Option<u128> {
        let fraction = u128::from(self.fraction) * unit / 10_u128.pow(self.fraction_digits);
        u128::from(self.whole).checked_mul(unit)?.checked_add(fraction)
    }
}

/// Digits after the point that count; more are refused.
const FRACTION_DIGITS_MAX: usize = 9;

/// The number that `text` begins with, and what follows.
fn number(text: &str) -> Option<(Decimal, &str)> {
    let (whole, rest) = digits(text)?;
    let Some(rest) = rest.strip_prefix('.') else {
        let whole = whole.parse().ok()?;
        return Some((Decimal { whole, fraction: 0, fraction_digits: 0 }, rest));
    };
    let (fraction, rest) = digits(rest)?;
    if FRACTION_DIGITS_MAX < fraction.len() {
        return None;
    }
    let fraction_digits = u32::try_from(fraction.len()).ok()?;
    let (whole, fraction) = (whole.parse().ok()?, fraction.parse().ok()?);
    Some((Decimal { whole, fraction, fraction_digits }, rest))
}

fn digits(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|char: char| !char.is_ascii_digit()).unwrap_or(text.len());
    if end == 0 { None } else { text.split_at_checked(end) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        let check = |text, nanos: u64| {
            assert_eq!(parse_duration(text), Some(Duration::from_nanos(nanos)), "{text}");
        };
        check("14d", 14 * 86_400_000_000_000);
        check("2w", 14 * 86_400_000_000_000);
        check("1h30m", 5_400_000_000_000);
        check(" 1 h 30 m ", 5_400_000_000_000);
        check("1.5s", 1_500_000_000);
        check("200ms", 200_000_000);
        check("0s", 0);
        for text in
            ["", "5", "s", "5x", "1.s", "-5s", "5s,", "99999999999w", "1.0123456789s", "５s"]
        {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }

    #[test]
    fn sizes_are_read_as_people_write_them() {
        let check = |text, bytes| assert_eq!(parse_bytes(text), Some(bytes), "{text}");
        check("10 GiB", 10 << 30);
        check("10gib", 10 << 30);
        check("1.5 MiB", 3 << 19);
        check("10 GB", 10_000_000_000);
        check("512 KB", 512_000);
        check("0 B", 0);
        for text in ["", "10", "10 G", "GiB", "-1 B", "1 GiB 2 MiB", "99999999 TiB"] {
            assert_eq!(parse_bytes(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_back(nanos: u64, bytes: u64) {
            let duration = Duration::from_nanos(nanos);
            prop_assert_eq!(parse_duration(&duration_text(duration)), Some(duration));
            prop_assert_eq!(parse_bytes(&bytes_text(bytes)), Some(bytes));
        }

        #[test]
        fn any_text_is_read_or_refused(text: String) {
            let _ = (parse_duration(&text), parse_bytes(&text));
        }

        #[test]
        fn numbers_with_any_ending_are_read_or_refused(text in "[0-9.]{0,24} ?[a-zA-Z]{0,3}") {
            let _ = (parse_duration(&text), parse_bytes(&text));
        }
    }
}
