//! Times as logs print them: `2026-11-21 16:19:00.705 CET`, or seconds since 1970 (`%n`).
//!
//! What is kept first is the clock of the log itself, for tables by hour read as the people beside the server read
//! their clocks. Its distance from UTC is known where the zone is an offset or one of the usual abbreviations.

use model::Moment;

const SECOND: i64 = 1_000_000_000;
/// Years whose nanoseconds fit.
const YEARS: std::ops::Range<i64> = 1_700..2_250;

/// A moment on the clock of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct LogTime {
    /// Nanoseconds since 1970-01-01 00:00 on that clock.
    pub local_nanos: i64,
    /// How far that clock is ahead of UTC, in seconds; `None` if the zone is not known.
    pub ahead_seconds: Option<i32>,
}

impl LogTime {
    /// Whole hours since 1970-01-01 00:00 on the log's clock.
    #[must_use]
    pub fn hour(self) -> i64 {
        self.local_nanos.div_euclid(3_600 * SECOND)
    }

    /// The moment, where the zone is known; before 1970 none.
    #[must_use]
    pub fn moment(self) -> Option<Moment> {
        let ahead = i64::from(self.ahead_seconds?) * SECOND;
        let nanos = u64::try_from(self.local_nanos.checked_sub(ahead)?).ok()?;
        Some(Moment { nanos })
    }

    /// `2026-11-21 16:19:00`, on the log's clock.
    #[must_use]
    pub fn to_text(self) -> String {
        let seconds = self.local_nanos.div_euclid(SECOND);
        let (day, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
        let (year, month, day) = civil(day);
        let (hour, minute) = (second / 3_600, second / 60 % 60);
        format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{:02}", second % 60)
    }

    /// What people type: `2026-11-21`, `2026-11-21 16:19`, `2026-11-21T16:19:00`; all of it must be a time.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.trim().as_bytes();
        let day = date(bytes.get(..10)?)?;
        let rest = bytes.get(10..)?;
        let second = match rest {
            [] => 0,
            [b' ' | b'T', clock @ ..] => match clock.len() {
                5 => of_day(&[clock, b":00"].concat())?,
                8 => of_day(clock)?,
                _ => return None,
            },
            _ => return None,
        };
        Some(Self { local_nanos: (day * 86_400 + second) * SECOND, ahead_seconds: None })
    }
}

/// Reads a time at the start of `bytes`, its zone included, and says how many bytes it took. The day and the
/// clock may be apart by a space or, as in syslog, by `T`.
pub(super) fn timestamp(bytes: &[u8]) -> Option<(LogTime, usize)> {
    let day = date(bytes.get(..10)?)?;
    if !matches!(bytes.get(10)?, b' ' | b'T') {
        return None;
    }
    let second = of_day(bytes.get(11..19)?)?;
    let mut at = 19;
    let mut nanos = (day * 86_400 + second) * SECOND;
    if bytes.get(at) == Some(&b'.') {
        let digits = bytes.get(at + 1..)?.iter().take(9).take_while(|byte| byte.is_ascii_digit());
        let mut unit = SECOND / 10;
        for digit in digits {
            nanos += i64::from(digit - b'0') * unit;
            unit /= 10;
            at += 1;
        }
        at += 1;
    }
    let (ahead_seconds, length) = zone(bytes.get(at..)?);
    Some((LogTime { local_nanos: nanos, ahead_seconds }, at + length))
}

/// Seconds since 1970 with milliseconds, as `%n` prints them.
pub(super) fn epoch(bytes: &[u8]) -> Option<(LogTime, usize)> {
    let whole = bytes.iter().take(12).take_while(|byte| byte.is_ascii_digit()).count();
    if whole < 9 {
        return None;
    }
    let seconds = number(bytes.get(..whole)?)?;
    let (mut nanos, mut at) = (seconds.checked_mul(SECOND)?, whole);
    if let Some([b'.', millis @ ..]) = bytes.get(whole..whole + 4) {
        nanos = nanos.checked_add(number(millis)? * 1_000_000)?;
        at += 4;
    }
    Some((LogTime { local_nanos: nanos, ahead_seconds: Some(0) }, at))
}

/// `Nov 21 16:19:00`, as old syslogs print it, in a year that they do not.
pub(super) fn syslog(bytes: &[u8], year: i64) -> Option<(LogTime, usize)> {
    const MONTHS: &[u8; 36] = b"JanFebMarAprMayJunJulAugSepOctNovDec";
    let name = bytes.get(..3)?;
    let month = MONTHS.as_chunks::<3>().0.iter().position(|month| month == name)?;
    let day = match bytes.get(3..6)? {
        [b' ', b' ', digit] if digit.is_ascii_digit() => i64::from(digit - b'0'),
        [b' ', digits @ ..] => number(digits)?,
        _ => return None,
    };
    if bytes.get(6) != Some(&b' ') || !(1..=31).contains(&day) || !YEARS.contains(&year) {
        return None;
    }
    let second = of_day(bytes.get(7..15)?)?;
    let days = days(year, i64::try_from(month).ok()? + 1, day);
    Some((LogTime { local_nanos: (days * 86_400 + second) * SECOND, ahead_seconds: None }, 15))
}

/// Days since 1970 of `2026-11-21`.
fn date(bytes: &[u8]) -> Option<i64> {
    let [year @ .., b'-', m1, m2, b'-', d1, d2] = bytes else { return None };
    let (year, month, day) = (number(year)?, number(&[*m1, *m2])?, number(&[*d1, *d2])?);
    let is_date = YEARS.contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    is_date.then(|| days(year, month, day))
}

/// Seconds since midnight of `16:19:00`.
fn of_day(bytes: &[u8]) -> Option<i64> {
    let [h1, h2, b':', m1, m2, b':', s1, s2] = bytes else { return None };
    let (hour, minute, second) = (number(&[*h1, *h2])?, number(&[*m1, *m2])?, number(&[*s1, *s2])?);
    (hour < 24 && minute < 60 && second <= 60).then_some(hour * 3_600 + minute * 60 + second)
}

/// A number of at most 12 digits, nothing else.
fn number(bytes: &[u8]) -> Option<i64> {
    if bytes.is_empty() || 12 < bytes.len() {
        return None;
    }
    let digit = |byte: &u8| byte.is_ascii_digit().then(|| i64::from(byte - b'0'));
    bytes.iter().try_fold(0, |value, byte| Some(value * 10 + digit(byte)?))
}

/// The zone behind a time: how far ahead of UTC, and its length together with the space before it.
fn zone(bytes: &[u8]) -> (Option<i32>, usize) {
    let space = usize::from(bytes.first() == Some(&b' '));
    let rest = bytes.get(space..).unwrap_or_default();
    if rest.first() == Some(&b'Z') && space == 0 {
        return (Some(0), 1);
    }
    let named = rest.iter().take(6).take_while(|byte| byte.is_ascii_uppercase()).count();
    if 2 < named && space == 1 {
        return (abbreviation(rest.get(..named).unwrap_or_default()), space + named);
    }
    match offset(rest) {
        Some((ahead, length)) => (Some(ahead), space + length),
        None => (None, 0),
    }
}

/// `+01`, `-03:30`, `+0530`.
fn offset(bytes: &[u8]) -> Option<(i32, usize)> {
    let sign = match bytes.first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let hours = number(bytes.get(1..3)?)?;
    let (minutes, length) = match bytes.get(3..) {
        Some([b':', m1, m2, ..]) if m1.is_ascii_digit() && m2.is_ascii_digit() => {
            (number(&[*m1, *m2])?, 6)
        }
        Some([m1, m2, ..]) if m1.is_ascii_digit() && m2.is_ascii_digit() => {
            (number(&[*m1, *m2])?, 5)
        }
        _ => (0, 3),
    };
    let ahead = i32::try_from(hours * 3_600 + minutes * 60).ok()?;
    (hours <= 15 && minutes < 60).then_some((sign * ahead, length))
}

/// The zones that servers are set to, in hours and quarters from UTC; some names mean several zones, and then
/// stand for none.
fn abbreviation(name: &[u8]) -> Option<i32> {
    let quarters = match name {
        b"UTC" | b"GMT" | b"UCT" | b"WET" => 0,
        b"BST" | b"CET" | b"MET" | b"WEST" | b"WAT" => 4,
        b"CEST" | b"MEST" | b"EET" | b"CAT" | b"SAST" => 8,
        b"EEST" | b"MSK" | b"EAT" | b"TRT" | b"IDT" => 12,
        b"PKT" => 20,
        b"WIB" => 28,
        b"HKT" | b"SGT" | b"AWST" => 32,
        b"JST" | b"KST" => 36,
        b"ACST" => 38,
        b"AEST" => 40,
        b"AEDT" => 44,
        b"NZST" => 48,
        b"NZDT" => 52,
        b"NST" => -14,
        b"AST" | b"EDT" => -16,
        b"ADT" | b"BRT" => -12,
        b"EST" | b"CDT" => -20,
        b"MDT" => -24,
        b"MST" | b"PDT" => -28,
        b"PST" | b"AKDT" => -32,
        b"AKST" => -36,
        b"HST" => -40,
        _ => return None,
    };
    Some(quarters * 900)
}

/// Days since 1970-01-01 of a date of the proleptic Gregorian calendar: years begin in March, so that the day
/// of a leap year comes last (Howard Hinnant, "chrono-compatible low-level date algorithms").
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The date of a day since 1970-01-01: the way back.
fn civil(day: i64) -> (i64, i64, i64) {
    let day = day + 719_468;
    let era = day.div_euclid(146_097);
    let of_era = day.rem_euclid(146_097);
    let year_of_era =
        (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096).div_euclid(365);
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Option<(String, Option<i32>, usize)> {
        let (time, length) = timestamp(text.as_bytes())?;
        Some((time.to_text(), time.ahead_seconds, length))
    }

    #[test]
    fn times_are_read_with_their_zone() {
        let told = |text: &str, ahead, length| Some((text.to_owned(), ahead, length));
        let at = "2026-11-21 16:19:00";
        assert_eq!(read("2026-11-21 16:19:00.705 CET [1]"), told(at, Some(3_600), 27));
        assert_eq!(read("2026-11-21 16:19:00 UTC:10"), told(at, Some(0), 23));
        assert_eq!(read("2026-11-21 16:19:00 -0330 x"), told(at, Some(-12_600), 25));
        assert_eq!(read("2026-11-21 16:19:00+05:30,x"), told(at, Some(19_800), 25));
        assert_eq!(read("2026-11-21T16:19:00.705123Z x"), told(at, Some(0), 27));
        assert_eq!(read("2026-11-21 16:19:00 XYZ ["), told(at, None, 23));
        assert_eq!(read("2026-13-21 16:19:00 CET"), None);
        assert_eq!(read("2026-11-21 16:19"), None);
    }

    #[test]
    fn other_clocks_are_read() {
        let (time, length) = epoch(b"1795274340.705 x").unwrap();
        assert_eq!((time.to_text().as_str(), length), ("2026-11-21 15:19:00", 14));
        let (time, length) = syslog(b"Feb  9 06:01:02 host", 2_024).unwrap();
        assert_eq!((time.to_text().as_str(), length), ("2024-02-09 06:01:02", 15));
        let typed = LogTime::parse("2026-11-21 16:19").map(LogTime::to_text);
        assert_eq!(typed.as_deref(), Some("2026-11-21 16:19:00"));
        assert_eq!(LogTime::parse("2026-11-21x"), None);
    }

    #[test]
    fn a_moment_needs_a_zone() {
        let (time, _) = timestamp(b"1970-01-01 01:00:01 CET").unwrap();
        assert_eq!(time.moment(), Some(Moment { nanos: 1_000_000_000 }));
        let (time, _) = timestamp(b"1970-01-01 01:00:01 ZZZZ").unwrap();
        assert_eq!(time.moment(), None);
    }

    proptest! {
        #[test]
        fn days_and_dates_are_each_others_way_back(day in -800_000_i64..800_000) {
            let (year, month, of_month) = civil(day);
            prop_assert_eq!(days(year, month, of_month), day);
        }
    }
}
