//! Query parameters: bounded, and refused with a hint when they are not understood.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::{
    extract::{FromRequestParts, Query},
    http::request::Parts,
};
use model::{Moment, Window};
use serde::{Deserialize, de::DeserializeOwned};
use utoipa::IntoParams;

use crate::problem::Problem;

/// Longest text that is searched for, in bytes: nobody types more, and each row is searched for it.
const TEXT_BYTES_MAX: usize = 200;

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
            (None, None, None) => Ok(Window { from: now - Duration::from_hours(1), to: now }),
            (Some(last), None, None) => {
                let length = length(last).ok_or_else(|| {
                    Problem::wrong(
                        format!("`{last}` is no stretch of time of up to 400 days"),
                        "write a number and s, m, h or d: `last=1h`",
                    )
                })?;
                Ok(Window { from: now - length, to: now })
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
        assert_eq!(hour.to, NOW);
        let told = params(None, Some(1000), Some(2500)).window(NOW).unwrap();
        assert_eq!(told.length(), Duration::from_millis(1500));
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
