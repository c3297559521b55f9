//! Whether what is stored answers a request (RFC 9111, sections 4.2.4 and 5.2.1).

use std::time::Duration;

use http::StatusCode;
use model::Moment;

use super::{
    control::{Control, Scope},
    policy::Policy,
    rule::Clients,
};

/// What is done with what is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judged {
    /// It answers.
    Fresh,
    /// It answers, and is asked for before it ends.
    FreshButSoon,
    /// It answers although it is stale, and is asked for.
    StaleMeanwhile,
    /// It answers although it is stale: the client puts up with it.
    StaleAllowed,
    /// It is asked for first: it is stale.
    Stale,
    /// It is asked for first: the client wants it.
    Wanted,
}

/// What is done with an answer for a request. `chance` is a number by chance, from 0 up to, but not, 1; `early` how
/// eagerly it is asked for before its end.
///
/// Early refresh is `XFetch` (Vattani, Chierichetti, Lowenstein: "Optimal Probabilistic Cache Stampede Prevention", VLDB
/// 2015): the nearer the end, and the longer it takes to get, the likelier, so that one of many does it in time.
#[must_use]
pub fn judge(
    policy: &Policy,
    asked: &Control,
    clients: Clients,
    (early, chance): (f64, f64),
    now: Moment,
) -> Judged {
    if policy.asks_always {
        return Judged::Stale;
    }
    let left = policy.left(now);
    if clients == Clients::Obey
        && let Some(judged) = wish(policy, asked, left, now)
    {
        return judged;
    }
    match left {
        Ok(left) => {
            // The logarithm of what is not 0: `chance` is below 1.
            let ahead = policy.took.as_secs_f64() * early * -(1.0 - chance).ln();
            if early > 0.0 && left.as_secs_f64() <= ahead {
                Judged::FreshButSoon
            } else {
                Judged::Fresh
            }
        }
        Err(over) if over < policy.stale_while_revalidate => Judged::StaleMeanwhile,
        Err(_) => Judged::Stale,
    }
}

/// What the client's own directives say; `None` where they say nothing.
fn wish(
    policy: &Policy,
    asked: &Control,
    left: Result<Duration, Duration>,
    now: Moment,
) -> Option<Judged> {
    if asked.no_cache != Scope::None {
        return Some(Judged::Wanted);
    }
    if let Some(max) = asked.max_age {
        // A reload of what does not change is no wish to see it anew (RFC 8246).
        let spared = max.is_zero() && policy.immutable && left.is_ok();
        if !spared && (max.is_zero() || max < policy.age(now)) {
            return Some(Judged::Wanted);
        }
    }
    if let Some(min) = asked.min_fresh
        && !left.is_ok_and(|left| min <= left)
    {
        return Some(Judged::Wanted);
    }
    let over = left.err()?;
    let allowed = asked.max_stale.is_some_and(|max| over <= max) && !policy.strict;
    allowed.then_some(Judged::StaleAllowed)
}

/// Whether a stale answer stands in for what went wrong: `status` is the service's answer, `None` where there is none.
#[must_use]
pub fn may_stand_in(
    policy: &Policy,
    asked: &Control,
    status: Option<StatusCode>,
    now: Moment,
) -> bool {
    if asked.no_cache != Scope::None || policy.asks_always {
        return false;
    }
    let asked = if policy.strict { None } else { asked.stale_if_error };
    let max = match status.map(|status| status.as_u16()) {
        None => policy.stale_when_down.max(policy.stale_if_error),
        Some(500 | 502 | 503 | 504) => policy.stale_if_error,
        Some(_) => return false,
    };
    match policy.left(now) {
        Ok(_) => true,
        Err(over) => over < max.max(asked.unwrap_or_default()),
    }
}
