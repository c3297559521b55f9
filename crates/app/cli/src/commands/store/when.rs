//! Moments as people write them: `2026-11-20T09:00:00Z`, or how long ago: `24h`.

use std::time::{Duration, SystemTime};

use model::Moment;

use crate::say::Failure;

/// Now.
pub(in crate::commands) fn now() -> Moment {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Moment { nanos: u64::try_from(since.as_nanos()).unwrap_or(u64::MAX) }
}

/// Reads one.
pub(in crate::commands) fn moment(text: &str, now: Moment) -> Result<Moment, Failure> {
    if let Some(ago) = config::parse_duration(text) {
        return Ok(now - ago);
    }
    written(text).ok_or_else(|| {
        Failure::use_of(format!("`{text}` is no time"))
            .hint("write `2026-11-20T09:00:00Z`, `2026-11-20`, or how long ago: `24h`")
    })
}

/// `YYYY-MM-DD`, with or without `THH:MM:SS` and `Z`; always UTC.
fn written(text: &str) -> Option<Moment> {
    let (date, time) = text.split_once(['T', ' ']).unwrap_or((text, "00:00:00"));
    let numbers = |text: &str, by: char| -> Option<[u64; 3]> {
        let numbers: Vec<u64> =
            text.split(by).map(|part| part.parse().ok()).collect::<Option<_>>()?;
        numbers.try_into().ok()
    };
    let [year, month, day] = numbers(date, '-')?;
    let [hour, minute, second] = numbers(time.strip_suffix('Z').unwrap_or(time), ':')?;
    let is_date = (1970..2500).contains(&year) && (1..=12).contains(&month);
    if !is_date || day < 1 || days_of(year, month) < day {
        return None;
    }
    if 23 < hour || 59 < minute || 59 < second {
        return None;
    }
    let years = (1970..year).map(|year| if is_leap(year) { 366 } else { 365 });
    let months = (1..month).map(|month| days_of(year, month));
    let days = years.chain(months).sum::<u64>() + day - 1;
    let seconds = days * 86_400 + hour * 3_600 + minute * 60 + second;
    Some(Moment::default() + Duration::from_secs(seconds))
}

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn days_of(year: u64, month: u64) -> u64 {
    match month {
        2 => 28 + u64::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_and_what_is_none_is_refused() {
        let seconds = |text: &str| written(text).map(|moment| moment.nanos / 1_000_000_000);
        assert_eq!(seconds("1970-01-01"), Some(0));
        assert_eq!(seconds("2026-11-20T09:00:00Z"), Some(1_795_165_200));
        assert_eq!(seconds("2024-02-29 23:59:59"), Some(1_709_251_199));
        for text in ["", "2026", "2026-13-01", "2025-02-29", "2026-01-01T24:00:00Z", "x-y-z"] {
            assert_eq!(seconds(text), None, "{text}");
        }
        let now = Moment { nanos: 7_200_000_000_000 };
        assert_eq!(moment("1h", now).expect("it is a time"), Moment { nanos: 3_600_000_000_000 });
    }
}
