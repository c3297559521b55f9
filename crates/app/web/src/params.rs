//! Query parameters: bounded, and refused with a hint when they are not understood.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::{
    Json,
    extract::{FromRequestParts, Query, rejection::JsonRejection},
    http::request::Parts,
};
use model::{Moment, Window};
use serde::{Deserialize, de::DeserializeOwned};
use utoipa::IntoParams;

use crate::problem::Problem;

/// Longest text that is searched for, in bytes: nobody types more, and each row is searched for it.
const TEXT_BYTES_MAX: usize = 200;

/// The window unless another is asked for.
const HOUR: Duration = Duration::from_hours(1);

/// Steps of a window: about one for each two pixels of a wide chart.
const STEPS: u64 = 720;

/// Query parameters, read strictly: an unknown name is refused with the names that are known.
pub(crate) struct Params<T>(pub(crate) T);

impl<S: Sync, T: DeserializeOwned> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        match Query::try_from_uri(&parts.uri) {
            Ok(Query(params)) => Ok(Self(params)),
            Err(error) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                Err(Problem::wrong(
                    cause.unwrap_or_else(|| error.to_string()),
                    "/api/v1/openapi.json describes the parameters of each path",
                ))
            }
        }
    }
}

/// What was sent as JSON; `hint` says what to send where it is none.
pub(crate) fn sent<T>(body: Result<Json<T>, JsonRejection>, hint: &str) -> Result<T, Problem> {
    body.map(|Json(sent)| sent).map_err(|error| Problem::wrong(error.body_text(), hint))
}

/// Which stretch of time is meant; the last hour unless told otherwise.
#[derive(Debug, Default, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct WindowParams {
    /// A stretch that ends now: `15m`, `1h`, `24h`, `7d`.
    #[param(example = "1h")]
    pub(crate) last: Option<String>,
    /// First moment, in milliseconds since 1970; goes with `to`.
    pub(crate) from: Option<u64>,
    /// First moment after, in milliseconds since 1970; goes with `from`.
    pub(crate) to: Option<u64>,
}

impl WindowParams {
    /// The window, relative to `now` if it is one that ends now.
    pub(crate) fn window(&self, now: Moment) -> Result<Window, Problem> {
        match (&self.last, self.from, self.to) {
            (None, None, None) => Ok(until_now(HOUR, now)),
            (Some(last), None, None) => {
                let length = length(last).ok_or_else(|| {
                    Problem::wrong(
                        format!("`{last}` is no stretch of time of up to 400 days"),
                        "write a number and s, m, h or d: `last=1h`",
                    )
                })?;
                Ok(until_now(length, now))
            }
            (None, Some(from), Some(to)) if from < to => {
                Ok(Window { from: from_unix_ms(from), to: from_unix_ms(to) })
            }
            _ => Err(Problem::wrong(
                "`last` excludes `from` and `to`, and `from` has to come before `to`",
                "give `last=1h`, or `from` and `to` in milliseconds since 1970",
            )),
        }
    }
}

/// A window that ends now, or within the step that now is in: what pages ask within a moment is about the same window,
/// and of a long one minutes are whole, as roll-ups have them.
fn until_now(length: Duration, now: Moment) -> Window {
    let step = u64::try_from(step(length).as_nanos()).unwrap_or(u64::MAX).max(1);
    let to = Moment { nanos: now.nanos.div_ceil(step).saturating_mul(step) };
    Window { from: to - length, to }
}

/// A window that ends now moves on by so much at a time, and what is told of it is as good as new for so long: a
/// chart has no more columns. At least a second; where it is half a minute or more, whole minutes.
pub(crate) fn step(length: Duration) -> Duration {
    let secs = (length.as_secs() / STEPS).max(1);
    if secs < 30 { Duration::from_secs(secs) } else { Duration::from_mins(secs.div_ceil(60)) }
}

/// How long the window is that a query names; that of an hour if it names none.
pub(crate) fn length_of(query: &str) -> Duration {
    let last = query.split('&').find_map(|pair| pair.strip_prefix("last="));
    last.and_then(length).unwrap_or(HOUR)
}

/// Refuses a text that is too long to search for.
pub(crate) fn bounded(text: Option<String>) -> Result<Option<String>, Problem> {
    match text {
        Some(text) if TEXT_BYTES_MAX < text.len() => Err(Problem::wrong(
            format!("a text of {} bytes is too long", text.len()),
            format!("search for at most {TEXT_BYTES_MAX} bytes"),
        )),
        Some(text) if text.is_empty() => Ok(None),
        text => Ok(text),
    }
}

/// Now.
pub(crate) fn now() -> Moment {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Moment { nanos: u64::try_from(since.as_nanos()).unwrap_or(u64::MAX) }
}

fn from_unix_ms(millis: u64) -> Moment {
    Moment { nanos: millis.saturating_mul(1_000_000) }
}

/// Four hundred days: longer than anything is kept for, short enough not to overflow.
const LENGTH_MAX: Duration = Duration::from_hours(400 * 24);

fn length(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let number: u64 = number.parse().ok()?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return None,
    };
    let length = Duration::from_secs(number.checked_mul(seconds)?);
    (!length.is_zero() && length <= LENGTH_MAX).then_some(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Moment = Moment { nanos: 1_700_000_000_000_000_000 };

    fn params(last: Option<&str>, from: Option<u64>, to: Option<u64>) -> WindowParams {
        WindowParams { last: last.map(str::to_owned), from, to }
    }

    #[test]
    fn a_window_ends_now_unless_told_otherwise() {
        let hour = params(None, None, None).window(NOW).unwrap();
        assert_eq!(hour, params(Some("1h"), None, None).window(NOW).unwrap());
        assert_eq!(hour.length(), Duration::from_hours(1));
        assert!(NOW <= hour.to && hour.to < NOW + Duration::from_secs(5));
        let told = params(None, Some(1000), Some(2500)).window(NOW).unwrap();
        assert_eq!(told.length(), Duration::from_millis(1500));
    }

    #[test]
    fn what_is_asked_within_a_moment_is_asked_of_the_same_window() {
        let minute = 60_000_000_000;
        let at = |nanos| params(Some("24h"), None, None).window(Moment { nanos }).unwrap();
        let begin = NOW.nanos.next_multiple_of(2 * minute);
        assert_eq!(at(begin - minute), at(begin));
        assert_ne!(at(begin), at(begin + 1));
        for last in ["7d", "24h", "6h"] {
            let window = params(Some(last), None, None).window(NOW).unwrap();
            let whole = [window.from, window.to].map(|it| it.nanos.is_multiple_of(minute));
            assert_eq!(whole, [true; 2], "{last}");
        }
        assert_eq!(step(length_of("limit=1&last=15m")), Duration::from_secs(1));
        assert_eq!(step(length_of("limit=1")), Duration::from_secs(5));
        assert_eq!(step(length_of("last=nonsense")), Duration::from_secs(5));
    }

    #[test]
    fn a_window_that_is_not_understood_is_refused() {
        for last in ["", "h", "1", "1y", "0h", "-1h", "401d", "99999999999999999999d", "1ä"] {
            assert!(params(Some(last), None, None).window(NOW).is_err(), "{last}");
        }
        assert!(params(None, Some(2), Some(1)).window(NOW).is_err());
        assert!(params(None, Some(2), None).window(NOW).is_err());
        assert!(params(Some("1h"), Some(1), Some(2)).window(NOW).is_err());
    }
}
