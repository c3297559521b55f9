//! What an answer may be used for: whether it is stored, for whom, and until when (RFC 9111, sections 3 and 4.2).

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use model::Moment;

use super::{
    control::{Control, Scope, Spoken, delta_seconds},
    date,
    key::Asker,
    rule::{CacheRule, SetCookie},
};

/// What an answer may be used for.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// When it came.
    pub received_at: Moment,
    /// How old it was then.
    pub initial_age: Duration,
    /// The age until which it is fresh.
    pub lifetime: Duration,
    /// How long it may be used past that while it is asked for.
    pub stale_while_revalidate: Duration,
    /// How long past that where the service answers with an error.
    pub stale_if_error: Duration,
    /// How long past that where nobody can be reached.
    pub stale_when_down: Duration,
    /// Never without asking.
    pub asks_always: bool,
    /// Never stale, whatever a client would put up with.
    pub strict: bool,
    /// Does not change while it is fresh.
    pub immutable: bool,
    /// Whether it is also for requests with credentials.
    pub shared_with: Asker,
    /// Fields that are for who asked first alone.
    pub omitted: Vec<HeaderName>,
    /// How long it took to get it.
    pub took: Duration,
}

/// What came from a member.
#[derive(Debug, Clone, Copy)]
pub struct Received<'a> {
    /// How it was asked for.
    pub method: &'a Method,
    /// Its status.
    pub status: StatusCode,
    /// Its fields.
    pub headers: &'a HeaderMap,
    /// When it was asked for.
    pub asked_at: Moment,
    /// When it came.
    pub received_at: Moment,
    /// The same by the calendar, of which dates are; the other is of a clock that never goes back.
    pub came_at: Moment,
}

/// Why an answer is not stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotStored {
    /// The client said so.
    Asked,
    /// The answer says so.
    NoStore,
    /// It is for one user.
    Private,
    /// It sets a cookie.
    SetCookie,
    /// The request has `Authorization`, and nothing says that others may have the answer.
    Authorization,
    /// The request has cookies, and neither the answer nor the route says that they do not matter.
    Cookies,
    /// Nothing says how long it is fresh, and nothing says how to ask again.
    NoLifetime,
    /// It was chosen by what only its sender knows.
    VaryStar,
    /// Its status is not one to store.
    Status,
    /// Answers to this method are not stored.
    Method,
    /// It is larger than what is stored, or than the room that others leave which come at the same time.
    TooLarge,
    /// It broke off.
    Broken,
    /// What it is about changed while it was under way.
    Outdated,
}

impl NotStored {
    /// All of them, in the order of the above.
    pub const ALL: [Self; 13] = [
        Self::Asked,
        Self::NoStore,
        Self::Private,
        Self::SetCookie,
        Self::Authorization,
        Self::Cookies,
        Self::NoLifetime,
        Self::VaryStar,
        Self::Status,
        Self::Method,
        Self::TooLarge,
        Self::Broken,
        Self::Outdated,
    ];

    /// In a word, for `Cache-Status`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Asked => "request-no-store",
            Self::NoStore => "no-store",
            Self::Private => "private",
            Self::SetCookie => "set-cookie",
            Self::Authorization => "authorization",
            Self::Cookies => "cookie",
            Self::NoLifetime => "no-lifetime",
            Self::VaryStar => "vary-star",
            Self::Status => "status",
            Self::Method => "method",
            Self::TooLarge => "too-large",
            Self::Broken => "broken",
            Self::Outdated => "purged-meanwhile",
        }
    }
}

/// Where a lifetime is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Answer,
    Rule,
    Guess,
}

/// Statuses whose rules this cache knows.
const UNDERSTOOD: [u16; 25] = [
    200, 203, 204, 300, 301, 302, 303, 307, 308, 400, 401, 403, 404, 405, 406, 410, 413, 414, 422,
    429, 500, 501, 502, 503, 504,
];

/// What an answer may be used for, if it is stored.
///
/// # Errors
///
/// Why it is not stored.
pub fn policy(
    rule: &CacheRule,
    asker: Asker,
    asked: &Control,
    received: &Received<'_>,
) -> Result<Policy, NotStored> {
    let (control, spoken) = Control::of_answer(received.headers);
    let status = received.status.as_u16();
    if asked.no_store {
        return Err(NotStored::Asked);
    }
    // `over` is told for answers that say what is not meant; those for who asked alone stay so.
    let control =
        if rule.over { Control { max_age: rule.ttl, ..Control::default() } } else { control };
    is_allowed(&control, received, status)?;
    if received.headers.contains_key(header::SET_COOKIE)
        && rule.set_cookie == SetCookie::Refuse
        && !omits(&control, &header::SET_COOKIE)
    {
        return Err(NotStored::SetCookie);
    }
    let for_all = control.public || control.must_revalidate || control.s_maxage.is_some();
    if asker.authorization && !for_all {
        return Err(NotStored::Authorization);
    }
    let (lifetime, source) = lifetime(rule, &control, spoken, received);
    let has_validator = received.headers.contains_key(header::ETAG)
        || received.headers.contains_key(header::LAST_MODIFIED);
    // Where nothing is guessed, a validator by itself is no reason to ask before each use: that is asked for by `no-cache`.
    let is_guessed = 0.0 < rule.heuristic_share || control.no_cache == Scope::All;
    let is_of_use = has_validator && is_guessed;
    if lifetime.is_zero() && !is_of_use && source != Source::Answer {
        return Err(NotStored::NoLifetime);
    }
    // Told by the answer, a lifetime says that others may have it; by the route or a guess it does not.
    if asker.cookies && source != Source::Answer {
        return Err(NotStored::Cookies);
    }
    let asks_always = control.no_cache == Scope::All
        || received.headers.contains_key(header::PRAGMA) && pragma_only(&control, received.headers);
    let never_stale = control.must_revalidate || control.proxy_revalidate || asks_always;
    let may = |said: Option<Duration>, of_rule: Duration| {
        if never_stale { Duration::ZERO } else { said.unwrap_or(of_rule) }
    };
    let strict = never_stale || control.s_maxage.is_some();
    let of_rule =
        |time: Option<Duration>| if strict { Duration::ZERO } else { time.unwrap_or_default() };
    let down = if strict { Duration::ZERO } else { rule.stale_when_down };
    Ok(Policy {
        received_at: received.received_at,
        initial_age: initial_age(received),
        lifetime,
        stale_while_revalidate: may(
            control.stale_while_revalidate,
            of_rule(rule.stale_while_revalidate),
        ),
        stale_if_error: may(control.stale_if_error, of_rule(rule.stale_if_error)),
        stale_when_down: may(control.stale_if_error.map(|said| said.max(down)), down),
        asks_always,
        strict,
        immutable: control.immutable,
        shared_with: Asker { authorization: for_all, cookies: source == Source::Answer },
        omitted: omitted(rule, &control),
        took: received.received_at.since(received.asked_at),
    })
}

fn is_allowed(control: &Control, received: &Received<'_>, status: u16) -> Result<(), NotStored> {
    let understood = UNDERSTOOD.contains(&status);
    if control.must_understand && !understood {
        return Err(NotStored::Status);
    }
    // Who understands the status need not heed `no-store` beside `must-understand`.
    if control.no_store && !control.must_understand {
        return Err(NotStored::NoStore);
    }
    if control.private == Scope::All {
        return Err(NotStored::Private);
    }
    if *received.method != Method::GET && *received.method != Method::POST {
        return Err(NotStored::Method);
    }
    // Of a part, and of a "not modified" by itself, nothing is known of the whole.
    if status < 200 || matches!(status, 206 | 304 | 416) {
        return Err(NotStored::Status);
    }
    if *received.method == Method::POST && !is_its_own(control, received.headers) {
        return Err(NotStored::Method);
    }
    Ok(())
}

/// Whether an answer to a POST is what a GET would be answered with (RFC 9110, section 9.3.3); that its
/// `Content-Location` names the same URI is seen by the caller.
fn is_its_own(control: &Control, headers: &HeaderMap) -> bool {
    let said =
        control.s_maxage.or(control.max_age).is_some() || headers.contains_key(header::EXPIRES);
    said && headers.contains_key(header::CONTENT_LOCATION)
}

/// `Pragma: no-cache` of an answer is no standard; but who sends it and nothing else means it.
fn pragma_only(control: &Control, headers: &HeaderMap) -> bool {
    let none = *control == Control::default() && !headers.contains_key(header::EXPIRES);
    none && headers
        .get(header::PRAGMA)
        .is_some_and(|pragma| pragma.as_bytes().eq_ignore_ascii_case(b"no-cache"))
}

fn omits(control: &Control, name: &HeaderName) -> bool {
    let named = |scope: &Scope| matches!(scope, Scope::Named(names) if names.contains(name));
    named(&control.private) || named(&control.no_cache)
}

fn omitted(rule: &CacheRule, control: &Control) -> Vec<HeaderName> {
    let mut names = Vec::new();
    for scope in [&control.private, &control.no_cache] {
        if let Scope::Named(named) = scope {
            names.extend(named.iter().cloned());
        }
    }
    if rule.set_cookie == SetCookie::Strip {
        names.push(header::SET_COOKIE);
    }
    names
}

/// How long an answer is fresh, from its beginning (RFC 9111, section 4.2.1), and who says so.
fn lifetime(
    rule: &CacheRule,
    control: &Control,
    spoken: Spoken,
    received: &Received<'_>,
) -> (Duration, Source) {
    if let Some(lifetime) = control.s_maxage.or(control.max_age) {
        let source = if rule.over { Source::Rule } else { Source::Answer };
        return (lifetime, source);
    }
    if spoken == Spoken::ToAll
        && !rule.over
        && let Some(expires) = received.headers.get(header::EXPIRES)
    {
        let ends = date::parse(expires.as_bytes(), received.came_at);
        let lifetime = ends.map_or(0, |ends| ends.saturating_sub(dated(received)));
        return (Duration::from_secs(lifetime), Source::Answer);
    }
    let status = received.status.as_u16();
    let none = (Duration::ZERO, Source::Guess);
    match status {
        200 | 203 | 204 | 300 | 301 | 308 if rule.ttl.is_some() => {
            (rule.ttl.unwrap_or_default(), Source::Rule)
        }
        404 | 405 | 410 | 414 | 501 if rule.negative_ttl.is_some() => {
            (rule.negative_ttl.unwrap_or_default(), Source::Rule)
        }
        200 | 203 | 204 | 300 | 301 | 308 | 404 | 405 | 410 | 414 | 501 => guess(rule, received),
        _ if control.public => guess(rule, received),
        _ => none,
    }
}

/// A share of the time since it was last changed, but no more than a day.
fn guess(rule: &CacheRule, received: &Received<'_>) -> (Duration, Source) {
    const MAX: Duration = Duration::from_hours(24);
    let modified = received.headers.get(header::LAST_MODIFIED);
    let modified = modified.and_then(|date| date::parse(date.as_bytes(), received.came_at));
    let unchanged = modified.map_or(0, |modified| dated(received).saturating_sub(modified));
    let share = rule.heuristic_share.clamp(0.0, 1.0);
    let seconds = u32::try_from(unchanged).unwrap_or(u32::MAX);
    let lifetime = Duration::try_from_secs_f64(f64::from(seconds) * share).unwrap_or_default();
    (lifetime.min(MAX), Source::Guess)
}

/// When the answer was made, in seconds; when it came if it does not say.
fn dated(received: &Received<'_>) -> u64 {
    let now = received.came_at;
    let said =
        received.headers.get(header::DATE).and_then(|date| date::parse(date.as_bytes(), now));
    said.unwrap_or(now.nanos / 1_000_000_000)
}

/// How old the answer was when it came (RFC 9111, section 4.2.3).
fn initial_age(received: &Received<'_>) -> Duration {
    let came = received.came_at.nanos / 1_000_000_000;
    let apparent = Duration::from_secs(came.saturating_sub(dated(received)));
    // Of a list the first member; what is no number is as if it were not there (section 5.1).
    let first = received.headers.get(header::AGE).map(HeaderValue::as_bytes);
    let first = first.and_then(|age| age.split(|byte| *byte == b',').next());
    let said = first.and_then(|age| delta_seconds(age.trim_ascii()));
    match said {
        // Without it nothing was stored on the way, and the way itself is not counted twice.
        None => apparent,
        Some(age) => apparent.max(age + received.received_at.since(received.asked_at)),
    }
}

impl Policy {
    /// How old the answer is.
    #[must_use]
    pub fn age(&self, now: Moment) -> Duration {
        self.initial_age + now.since(self.received_at)
    }

    /// How long it is still fresh, or how long it has been stale.
    ///
    /// # Errors
    ///
    /// It is stale, for so long.
    pub fn left(&self, now: Moment) -> Result<Duration, Duration> {
        let age = self.age(now);
        match self.lifetime.checked_sub(age) {
            Some(left) if !left.is_zero() => Ok(left),
            _ => Err(age.saturating_sub(self.lifetime)),
        }
    }

    /// Whether it answers others than who asked first, if only for a moment.
    #[must_use]
    pub fn is_shareable(&self, now: Moment) -> bool {
        let stale = self.stale_while_revalidate;
        !self.asks_always && self.left(now).is_ok_and(|left| !left.is_zero())
            || self.left(now).is_err_and(|over| over < stale)
    }

    /// Whether a request with these credentials may have it.
    #[must_use]
    pub fn is_for(&self, asker: Asker) -> bool {
        (!asker.authorization || self.shared_with.authorization)
            && (!asker.cookies || self.shared_with.cookies)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_is_at_its_own_place() {
        for (place, why) in NotStored::ALL.into_iter().enumerate() {
            assert_eq!(why as usize, place, "{}", why.name());
        }
    }
}
