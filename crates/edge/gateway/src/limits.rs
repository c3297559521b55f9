//! Limits as requests meet them: whom a request counts for, whether it is let in, and what its answer tells of that.

use std::{
    net::IpAddr,
    num::NonZeroU32,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use traffic::{
    fields::Fields,
    limit::{Away, Client, Left, LimitRule, Limiter, Policy, Quota, Tells, Verdict},
};

use crate::{answer::Refusal, clock, local::Local, redis::Redis};

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LEGACY_LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const LEGACY_REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const LEGACY_RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// The counts of a limit, by tier; the first are of those without any.
#[derive(Debug)]
pub(crate) struct Counted {
    tiers: Vec<Mutex<Limiter>>,
    /// While Redis is away: this gateway's share.
    shares: Vec<Mutex<Limiter>>,
}

/// What was decided of a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limited {
    pub(crate) verdict: Verdict,
    pub(crate) tier: usize,
    pub(crate) by: By,
}

/// Who decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    /// This gateway, for itself.
    Local,
    /// All that share, together.
    Redis,
    /// This gateway, as Redis is away: its share.
    Share,
    /// Nobody: Redis is away, and the settings say what holds then.
    Nobody,
}

/// How requests with limits end, as they are counted.
pub(crate) const OUTCOMES: [&str; 5] =
    ["let-in", "refused", "over-dry-run", "away-let-in", "away-refused"];

impl Limited {
    /// What its verdict is called in metrics, by its number.
    pub(crate) fn outcome(&self, rule: &LimitRule) -> usize {
        match (self.by, self.verdict.allowed) {
            (By::Nobody, true) => 3,
            (By::Nobody, false) if !rule.dry_run => 4,
            (_, true) => 0,
            (_, false) if rule.dry_run => 2,
            (_, false) => 1,
        }
    }

    /// Why it is refused, if it is.
    pub(crate) fn refusal(&self, rule: &LimitRule) -> Option<Refusal> {
        if self.verdict.allowed || rule.dry_run {
            return None;
        }
        let refusal = if self.by == By::Nobody {
            let detail = "How much this client may still send cannot be told now.";
            Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "limit-unknown", detail)
        } else {
            let detail =
                "More requests than this client may send; Retry-After says when to try again.";
            Refusal::new(StatusCode::TOO_MANY_REQUESTS, "limit", detail)
        };
        Some(refusal.after(self.verdict.retry_after))
    }

    /// Whether a line of this name is told: what a member says there of its own is not.
    pub(crate) fn tells(&self, rule: &LimitRule, name: &str) -> bool {
        const DRAFT: [HeaderName; 2] = [RATE_LIMIT_POLICY, RATE_LIMIT];
        const LEGACY: [HeaderName; 3] = [LEGACY_LIMIT, LEGACY_REMAINING, LEGACY_RESET];
        let is_among =
            |names: &[HeaderName]| names.iter().any(|one| name.eq_ignore_ascii_case(one.as_str()));
        let draft = matches!(rule.tells, Tells::Draft | Tells::Both);
        let legacy = matches!(rule.tells, Tells::Legacy | Tells::Both);
        self.by != By::Nobody && (draft && is_among(&DRAFT) || legacy && is_among(&LEGACY))
    }

    /// Gives each line that an answer tells of it.
    pub(crate) fn lines(
        &self,
        rule: &LimitRule,
        mut put: impl FnMut(HeaderName, std::fmt::Arguments<'_>),
    ) {
        if self.by == By::Nobody {
            return;
        }
        let (quota, name) = (rule.quota_of(self.tier), rule.quota_name(self.tier));
        let verdict = &self.verdict;
        if matches!(rule.tells, Tells::Draft | Tells::Both) {
            put(RATE_LIMIT_POLICY, format_args!("{}", Policy(name, quota)));
            put(RATE_LIMIT, format_args!("{}", Left(name, verdict)));
        }
        if matches!(rule.tells, Tells::Legacy | Tells::Both) {
            put(LEGACY_LIMIT, format_args!("{}", quota.requests));
            put(LEGACY_REMAINING, format_args!("{}", verdict.remaining));
            put(LEGACY_RESET, format_args!("{}", verdict.reset_seconds()));
        }
    }

    /// Puts these lines among headers.
    pub(crate) fn tell(&self, rule: &LimitRule, headers: &mut HeaderMap) {
        self.lines(rule, |name, value| {
            if let Ok(value) = HeaderValue::from_str(&value.to_string()) {
                headers.insert(name, value);
            }
        });
    }

    /// For people.
    pub(crate) fn words(&self, rule: &LimitRule) -> String {
        let word = if self.verdict.allowed { "let in" } else { "over" };
        let by = match self.by {
            By::Local => "",
            By::Redis => ", counted together",
            By::Share => ", own share while Redis is away",
            By::Nobody => return format!("{word}, Redis is away"),
        };
        let tier = if self.tier == 0 {
            String::new()
        } else {
            format!(", {}", rule.quota_name(self.tier))
        };
        format!("{word}, {} left{tier}{by}", self.verdict.remaining)
    }
}

impl Counted {
    /// Nothing is counted. `gateways` count together, or will again.
    pub(crate) fn new(rule: &LimitRule, gateways: NonZeroU32, seed: u64) -> Self {
        let quotas = || (0..=rule.tiers.of.len()).map(|tier| *rule.quota_of(tier));
        let limiter = |quota| Mutex::new(Limiter::new(rule.algorithm, quota, rule.keys_max, seed));
        let share = |quota: Quota| {
            let part = |whole: NonZeroU32| {
                NonZeroU32::new(whole.get().div_ceil(gateways.get())).unwrap_or(whole)
            };
            Quota { requests: part(quota.requests), burst: quota.burst.map(part), ..quota }
        };
        let is_local = rule.shared.is_none();
        let has_share = rule.shared == Some(Away::Local);
        Self {
            tiers: quotas().filter(|_| is_local).map(limiter).collect(),
            shares: quotas().filter(|_| has_share).map(share).map(limiter).collect(),
        }
    }

    /// Clients that are remembered here.
    pub(crate) fn clients(&self) -> usize {
        let all = self.tiers.iter().chain(&self.shares);
        all.map(|limiter| lock(limiter).keys()).sum()
    }
}

/// A request that counts.
#[derive(Debug)]
pub(crate) struct Asking {
    counted: Arc<Counted>,
    client: Client,
    cost: u32,
}

/// Whom a request to this route counts for; `None` if there is no limit.
pub(crate) fn asking(
    local: &Local,
    route: usize,
    address: IpAddr,
    fields: &impl Fields,
) -> Option<Asking> {
    let counted = Arc::clone(local.state.limits[route].as_ref()?);
    let plan = &local.state.plan;
    let rule = plan.routes[route].limit.as_ref()?;
    let wants_claims = rule.wants_claims();
    let tokens = plan.tokens.as_ref().filter(|_| wants_claims);
    let claims = tokens.and_then(|tokens| local.claims(tokens, tokens.of(fields)?));
    let client = Client::of(rule, address, fields, claims.as_deref());
    Some(Asking { counted, client, cost: rule.cost.get() })
}

impl Asking {
    /// Counts it here.
    pub(crate) fn here(&self) -> Option<Limited> {
        let verdict = self.of(&self.counted.tiers)?;
        Some(Limited { verdict, tier: self.client.tier, by: By::Local })
    }

    fn of(&self, limiters: &[Mutex<Limiter>]) -> Option<Verdict> {
        let limiter = limiters.get(self.client.tier)?;
        Some(lock(limiter).take(self.client.key(), self.cost, clock::now()))
    }

    /// Counts it where all that share do; if that cannot be, as the rule says.
    pub(crate) async fn together(
        self,
        redis: Option<&Redis>,
        rule: &LimitRule,
        route: &str,
        away: Away,
    ) -> Limited {
        let tier = self.client.tier;
        if let Some(redis) = redis {
            // What is counted stands for its window and its rule: a count by another one says nothing.
            let (kind, name) = match rule.name.as_deref() {
                Some(name) => ("named", name),
                None => ("route", route),
            };
            let (way, quota) = (rule.algorithm.name(), *rule.quota_of(tier));
            let (window, place) = (quota.window.as_micros().to_string(), tier.to_string());
            let who = self.client.hidden();
            let key = redis.key(&["limit", way, &window, kind, name, &place, &who]);
            let said = redis.take(key, rule.algorithm, quota, self.cost).await;
            if let Some(verdict) = said {
                return Limited { verdict, tier, by: By::Redis };
            }
        }
        let nobody = |allowed| Verdict {
            allowed,
            remaining: 0,
            reset_after: Duration::ZERO,
            retry_after: Duration::from_secs(1),
        };
        let share = if away == Away::Local { self.of(&self.counted.shares) } else { None };
        if let Some(verdict) = share {
            return Limited { verdict, tier, by: By::Share };
        }
        Limited { verdict: nobody(away != Away::Refuse), tier, by: By::Nobody }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
