//! Dates as HTTP has them (RFC 9110, section 5.6.7): three forms are read, one is written.
//!
//! A cache reads them without regard to case and takes no zone but GMT and UTC (RFC 9111, section 4.2).

use model::Moment;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const DAY_SECONDS: u64 = 86_400;

/// Seconds since 1970 of a date; `None` if it is none, or lies before 1970. `now` decides the century of a year with
/// two digits.
#[must_use]
pub fn parse(text: &[u8], now: Moment) -> Option<u64> {
    let text = std::str::from_utf8(text).ok()?.trim();
    // `Sun, 06 Nov 1994 08:49:37 GMT`, `Sunday, 06-Nov-94 08:49:37 GMT`, `Sun Nov  6 08:49:37 1994`.
    let mut parts = text.split_ascii_whitespace();
    let first = parts.next()?;
    let parts: Vec<&str> = parts.take(6).collect();
    let named = |name: &str| name.len() >= 3 && name.bytes().all(|byte| byte.is_ascii_alphabetic());
    let day_name = first.strip_suffix(',');
    if !named(day_name.unwrap_or(first)) {
        return None;
    }
    match (day_name, parts.as_slice()) {
        (Some(_), [day, month, year, time, zone]) => {
            is_zone(zone).then_some(())?;
            seconds(number(year, 4)?, month, number(day, 2)?, time)
        }
        (Some(_), [date, time, zone]) => {
            is_zone(zone).then_some(())?;
            let mut date = date.split('-');
            let (day, month, year) = (date.next()?, date.next()?, date.next()?);
            if date.next().is_some() {
                return None;
            }
            let year = century(number(year, 2)?, now);
            seconds(year, month, number(day, 2)?, time)
        }
        (None, [month, day, time, year]) => {
            let day = number(day, 2).or_else(|| number(day, 1))?;
            seconds(number(year, 4)?, month, day, time)
        }
        _ => None,
    }
}

/// A date as HTTP writes it.
#[must_use]
pub fn format(seconds: u64) -> String {
    let days = seconds / DAY_SECONDS;
    let (year, month, day) = civil(days);
    let of_day = seconds % DAY_SECONDS;
    let pick = |names: &[&'static str], place: u64| {
        usize::try_from(place).ok().and_then(|place| names.get(place).copied()).unwrap_or("")
    };
    format!(
        "{}, {day:02} {} {year:04} {:02}:{:02}:{:02} GMT",
        pick(&DAYS, days % 7),
        pick(&MONTHS, month - 1),
        of_day / 3_600,
        of_day / 60 % 60,
        of_day % 60,
    )
}

fn is_zone(zone: &str) -> bool {
    zone.eq_ignore_ascii_case("GMT") || zone.eq_ignore_ascii_case("UTC")
}

/// A number of exactly so many digits.
fn number(text: &str, digits: usize) -> Option<u64> {
    let good = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
    good.then(|| text.parse().ok()).flatten()
}

/// The year for two digits: one that seems more than 50 years ahead is the latest past one that ends so.
fn century(two: u64, now: Moment) -> u64 {
    let (this, ..) = civil(now.nanos / 1_000_000_000 / DAY_SECONDS);
    let year = this - this % 100 + two;
    if year > this + 50 { year - 100 } else { year }
}

fn seconds(year: u64, month: &str, day: u64, time: &str) -> Option<u64> {
    let month = MONTHS.iter().position(|name| name.eq_ignore_ascii_case(month))? as u64 + 1;
    let mut parts = time.split(':');
    let (hour, minute) = (number(parts.next()?, 2)?, number(parts.next()?, 2)?);
    let second = number(parts.next()?, 2)?;
    let good = (1..=31).contains(&day) && hour < 24 && minute < 60 && second <= 60;
    if parts.next().is_some() || !good || year < 1970 {
        return None;
    }
    let days = days_of(year, month, day);
    // No 30th of February.
    (civil(days) == (year, month, day)).then_some(())?;
    Some(days * DAY_SECONDS + hour * 3_600 + minute * 60 + second)
}

/// Days since 1970 of a date, and back: Howard Hinnant's "chrono-compatible low-level date algorithms", for years from
/// 1970 on.
fn days_of(year: u64, month: u64, day: u64) -> u64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year / 400;
    let of_era = year % 400;
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = of_era * 365 + of_era / 4 - of_era / 100 + of_year;
    (era * 146_097 + day_of_era).saturating_sub(719_468)
}

fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let era = days / 146_097;
    let of_era = days % 146_097;
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year + era * 400 + u64::from(month <= 2), month, day)
}
