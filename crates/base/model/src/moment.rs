//! Points and stretches of time that can be stored, replayed and made up.

use std::{ops, time::Duration};

/// A point in time, in nanoseconds since 1970-01-01 00:00 UTC, as OTLP counts.
///
/// Unlike [`std::time::Instant`] it can be written down, read back and made up, which is what
/// replays and tests do all day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Moment {
    /// Nanoseconds since the epoch.
    pub nanos: u64,
}

impl Moment {
    /// Time that passed since `earlier`; zero if `earlier` is in fact later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.nanos.saturating_sub(earlier.nanos))
    }
}

impl Moment {
    /// Reads a date and time as RFC 3339 has it, `2026-11-22T00:51:00.5Z`; also with a space for the `T`, and without an offset,
    /// which is then none. From 1970 to 2553.
    #[must_use]
    pub fn from_date(text: &str) -> Option<Self> {
        let number = |from: usize, to: usize| -> Option<u64> {
            let digits = text.get(from..to)?;
            digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
        };
        let sign =
            |place: usize, signs: &[u8]| signs.contains(text.as_bytes().get(place)?).then_some(());
        let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
        let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
        for (place, signs) in [(4, &b"-"[..]), (7, b"-"), (10, b"T t"), (13, b":"), (16, b":")] {
            sign(place, signs)?;
        }
        let fits = (1970..2553).contains(&year)
            && (1..=12).contains(&month)
            && (1..=31).contains(&day)
            && hour < 24
            && minute < 60
            && second <= 60;
        let rest = text.get(19..).filter(|_| fits)?;
        let digits = rest
            .strip_prefix('.')
            .map_or(0, |rest| rest.bytes().take_while(u8::is_ascii_digit).count());
        let fraction: String = rest.chars().skip(1).take(digits.min(9)).collect();
        let nanos: u64 = if digits == 0 { 0 } else { format!("{fraction:0<9}").parse().ok()? };
        let offset = rest.get(if digits == 0 { 0 } else { digits + 1 }..)?;
        let (is_east, offset) = match offset.as_bytes() {
            [] | [b'Z' | b'z'] => (true, 0),
            [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2]
            | [sign @ (b'+' | b'-'), h1, h2, m1, m2] => {
                let digit = |byte: u8| u64::from(byte.wrapping_sub(b'0'));
                let minutes = (digit(*h1) * 10 + digit(*h2)) * 60 + digit(*m1) * 10 + digit(*m2);
                (*sign == b'+', minutes * 60)
            }
            _ => return None,
        };
        // Days since 1970, counted in years that begin in March (Hinnant, "chrono-compatible low-level date algorithms").
        let shifted = if month <= 2 { year - 1 } else { year };
        let (era, year_of_era) = (shifted / 400, shifted % 400);
        let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
        let days =
            era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        let seconds = days.checked_sub(719_468)? * 86_400 + hour * 3_600 + minute * 60 + second;
        let seconds = if is_east { seconds.checked_sub(offset)? } else { seconds + offset };
        Some(Self { nanos: seconds.checked_mul(1_000_000_000)?.checked_add(nanos)? })
    }
}

impl ops::Add<Duration> for Moment {
    type Output = Self;

    /// Stops at the end of time (the year 2554) instead of overflowing.
    fn add(self, time: Duration) -> Self {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        Self { nanos: self.nanos.saturating_add(nanos) }
    }
}

impl ops::Sub<Duration> for Moment {
    type Output = Self;

    /// Stops at the epoch instead of overflowing.
    fn sub(self, time: Duration) -> Self {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        Self { nanos: self.nanos.saturating_sub(nanos) }
    }
}

/// A stretch of time: `from` belongs to it, `to` does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Window {
    /// The first moment within.
    pub from: Moment,
    /// The first moment after.
    pub to: Moment,
}

impl Window {
    /// All of time.
    pub const ALL: Self = Self { from: Moment { nanos: 0 }, to: Moment { nanos: u64::MAX } };

    /// Whether `moment` lies within.
    #[must_use]
    pub fn contains(&self, moment: Moment) -> bool {
        self.from <= moment && moment < self.to
    }

    /// From the first moment to the last; zero if the window is turned around.
    #[must_use]
    pub fn length(&self) -> Duration {
        self.to.since(self.from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_as_they_are_written() {
        let read = |text| Moment::from_date(text).map(|moment| moment.nanos);
        assert_eq!(read("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(read("2026-11-22T00:51:00.5Z"), Some(1_795_308_660_500_000_000));
        assert_eq!(read("2026-11-22T01:51:00.5+01:00"), read("2026-11-22 00:51:00.5"));
        assert_eq!(read("2024-02-29T12:00:00-0530"), Some(1_709_227_800_000_000_000));
        for wrong in [
            "",
            "2026-11-22",
            "2026-13-22T00:51:00Z",
            "2026-11-22T00:51:00 CET",
            "2026-11-22T00:51:00.5.5Z",
            "é",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
