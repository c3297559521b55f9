//! Times as people write them: `500ms`, `10s`, `1m30s`, `2h`.

use std::time::Duration;

/// Reads a time; a bare number is seconds.
///
/// # Errors
///
/// A sentence that says what is wrong.
pub fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is not a time; such are 500ms, 10s, 1m30s, 2h");
    let (mut rest, mut total) = (text.trim(), Duration::ZERO);
    if rest.is_empty() {
        return Err(wrong());
    }
    while !rest.is_empty() {
        let number = rest.find(|letter: char| !(letter.is_ascii_digit() || letter == '.'));
        let (digits, tail) = rest.split_at(number.unwrap_or(rest.len()));
        let unit_end = tail.find(|letter: char| letter.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_end);
        let seconds = match unit.trim() {
            "us" | "µs" => 1e-6,
            "ms" => 1e-3,
            "" | "s" => 1.0,
            "m" | "min" => 60.0,
            "h" => 3_600.0,
            "d" => 86_400.0,
            _ => return Err(wrong()),
        };
        let number: f64 = digits.parse().map_err(|_not_a_number| wrong())?;
        let part = Duration::try_from_secs_f64(number * seconds).map_err(|_too_long| wrong())?;
        total = total.checked_add(part).ok_or_else(wrong)?;
        rest = tail;
    }
    Ok(total)
}

/// Reads a time that is more than none.
///
/// # Errors
///
/// A sentence that says what is wrong.
pub fn length(text: &str) -> Result<Duration, String> {
    let time = duration(text)?;
    if time.is_zero() { Err(format!("`{text}` is no time at all")) } else { Ok(time) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        let read = |text| duration(text).unwrap().as_micros();
        assert_eq!(read("10s"), 10_000_000);
        assert_eq!(read("1m30s"), 90_000_000);
        assert_eq!(read("1.5 ms"), 1_500);
        assert_eq!(read("3"), 3_000_000);
        for wrong in ["", "s", "10x", "-1s", "1..2s", "1e400s", "99999999999999999999d", "é"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
        assert!(length("0s").is_err());
    }
}
