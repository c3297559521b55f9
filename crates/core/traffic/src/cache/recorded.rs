//! What the heads of a recorded exchange say of the cache: whether the answer would be stored, for how long it is fresh, and
//! what else tells requests for it apart. The decisions are those of the cache itself.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use model::Moment;

use super::{
    control::request_control,
    key::asker,
    policy::{NotStored, Received, policy},
    rule::CacheRule,
    vary::selecting,
};

/// A request that was answered, as it was recorded.
#[derive(Debug, Clone, Copy)]
pub struct Recorded<'a> {
    /// Names and values of the request.
    pub request: &'a [(String, String)],
    /// Names and values of the answer.
    pub answer: &'a [(String, String)],
    /// Its status.
    pub status: u16,
    /// When it was asked for.
    pub asked_at: Moment,
    /// When the answer was there.
    pub received_at: Moment,
}

/// What a recorded answer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heard {
    /// How long it is fresh by what it says itself; `None` if it says nothing, so that the route's `ttl` counts.
    pub lives: Option<Duration>,
    /// A number for the headers of the request that it was chosen by (`Vary`); 0 for none.
    pub chosen_by: u64,
}

/// What a recorded answer says to a route whose rule is nothing but a `ttl`.
///
/// # Errors
///
/// Why it would not be stored.
pub fn heard(recorded: &Recorded<'_>) -> Result<Heard, NotStored> {
    // That there is one counts, not how long it is.
    let rule = CacheRule { ttl: Some(Duration::from_secs(1)), ..CacheRule::default() };
    let (request, answer) = (headers(recorded.request), headers(recorded.answer));
    let (asker, _credentials) = asker(&rule, &request);
    let received = Received {
        method: &Method::GET,
        status: StatusCode::from_u16(recorded.status).map_err(|_error| NotStored::Status)?,
        headers: &answer,
        asked_at: recorded.asked_at,
        received_at: recorded.received_at,
        came_at: recorded.received_at,
    };
    let policy = policy(&rule, asker, &request_control(&request), &received)?;
    let chosen_by = selecting(&answer, &request).ok_or(NotStored::VaryStar)?;
    // Answers with cookies are for others where they told themselves how long.
    let says = policy.shared_with.cookies || policy.asks_always;
    let left = policy.left(recorded.received_at).unwrap_or_default();
    let lives = says.then_some(if policy.asks_always { Duration::ZERO } else { left });
    let is_chosen = chosen_by.names().next().is_some();
    Ok(Heard { lives, chosen_by: if is_chosen { chosen_by.number(&request) } else { 0 } })
}

/// What can be a header; what cannot was none.
fn headers(pairs: &[(String, String)]) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(pairs.len());
    for (name, value) in pairs {
        if let (Ok(name), Ok(value)) =
            (name.parse::<HeaderName>(), HeaderValue::from_bytes(value.as_bytes()))
        {
            headers.append(name, value);
        }
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(request: &[(&str, &str)], answer: &[(&str, &str)]) -> Result<Heard, NotStored> {
        let owned = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        let (request, answer) = (owned(request), owned(answer));
        let asked_at = Moment { nanos: 1_795_308_660_000_000_000 };
        let received_at = asked_at + Duration::from_millis(5);
        heard(&Recorded { request: &request, answer: &answer, status: 200, asked_at, received_at })
    }

    #[test]
    fn what_says_nothing_is_left_to_the_route() {
        assert_eq!(said(&[], &[]), Ok(Heard { lives: None, chosen_by: 0 }));
    }

    #[test]
    fn what_an_answer_says_counts() {
        let lives = |answer: &[(&str, &str)]| said(&[], answer).map(|heard| heard.lives);
        let minute = Some(Duration::from_mins(1));
        assert_eq!(lives(&[("cache-control", "max-age=60")]), Ok(minute));
        assert_eq!(
            lives(&[("cache-control", "max-age=90"), ("age", "30")])
                .unwrap()
                .map(|it| it.as_secs()),
            Some(59)
        );
        assert_eq!(lives(&[("cache-control", "no-cache")]), Ok(Some(Duration::ZERO)));
        assert_eq!(lives(&[("cache-control", "no-store")]), Err(NotStored::NoStore));
        assert_eq!(lives(&[("cache-control", "private")]), Err(NotStored::Private));
        assert_eq!(lives(&[("set-cookie", "a=b")]), Err(NotStored::SetCookie));
        assert_eq!(lives(&[("vary", "*")]), Err(NotStored::VaryStar));
    }

    #[test]
    fn who_asks_counts_and_what_an_answer_was_chosen_by() {
        let token = ("authorization", "Bearer x");
        assert_eq!(said(&[token], &[]), Err(NotStored::Authorization));
        assert_eq!(said(&[("cookie", "a=b")], &[]), Err(NotStored::Cookies));
        assert!(said(&[token], &[("cache-control", "public, max-age=60")]).is_ok());
        let of = |language: &str| {
            said(&[("accept-language", language)], &[("vary", "accept-language")])
                .unwrap()
                .chosen_by
        };
        assert!(of("de") != of("en") && of("de") == of("de") && of("de") != 0);
    }
}
