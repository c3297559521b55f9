//! Figures for people: three significant digits, units behind.

use std::time::Duration;

/// `1.18 s`, `3.10 ms`, `40.0 µs`; from two minutes on `5 min`, from two hours on `3.20 h`.
pub(crate) fn time(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if 7_200.0 <= seconds {
        format!("{} h", three_digits(seconds / 3_600.0))
    } else if 120.0 <= seconds {
        format!("{:.0} min", seconds / 60.0)
    } else if 0.9995 <= seconds {
        format!("{} s", three_digits(seconds))
    } else if 0.999_5e-3 <= seconds {
        format!("{} ms", three_digits(seconds * 1e3))
    } else {
        format!("{} µs", three_digits(seconds * 1e6))
    }
}

/// `13.9 h/d`, `12 min/d`, `3 s/d`.
pub(crate) fn hours_a_day(hours: f64) -> String {
    if 1.0 <= hours {
        format!("{} h/d", three_digits(hours))
    } else if 1.0 / 60.0 <= hours {
        format!("{:.0} min/d", hours * 60.0)
    } else {
        format!("{:.0} s/d", hours * 3_600.0)
    }
}

/// At most three significant digits, never fewer than the whole part has.
pub(crate) fn three_digits(value: f64) -> String {
    let digits = if 99.95 <= value {
        0
    } else if 9.995 <= value {
        1
    } else {
        2
    };
    format!("{value:.digits$}")
}

/// Counts that may be fractions: `12,345`, `0.25`.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it saturates")]
pub(crate) fn three_digits_of(value: f64) -> String {
    if value.fract() == 0.0 || 100.0 <= value {
        count(value.round() as u64)
    } else {
        three_digits(value)
    }
}

/// `12,345`.
pub(crate) fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if 0 < place && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 trace`, `2 traces`.
pub(crate) fn some(value: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(value), if value == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_three_digits_and_a_unit() {
        assert_eq!(time(Duration::from_millis(1_180)), "1.18 s");
        assert_eq!(time(Duration::from_micros(18_400)), "18.4 ms");
        assert_eq!(time(Duration::from_micros(999_700)), "1.00 s");
        assert_eq!(time(Duration::from_micros(9_996)), "10.0 ms");
        assert_eq!(time(Duration::from_mins(45)), "45 min");
        assert_eq!(time(Duration::from_hours(5)), "5.00 h");
        assert_eq!(hours_a_day(13.88), "13.9 h/d");
        assert_eq!(hours_a_day(0.2), "12 min/d");
        assert_eq!(hours_a_day(0.001), "4 s/d");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(some(1, "trace", "traces"), "1 trace");
    }
}
