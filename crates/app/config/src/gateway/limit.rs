//! `[gateway.limit.NAME]`, and `limit` of a route: how many requests, of whom, and who may send more.

use std::{collections::BTreeMap, num::NonZeroU32, ops::Range, sync::Arc, time::Duration};

use toml::{Spanned, de::DeValue};
use traffic::limit::{Algorithm, Away, LimitKey, LimitRule, Quota, Tells, Tier, TierBy, Tiers};

use crate::{problem::did_you_mean, table::Kind};

use super::{ON_OFF, TIME, Told, fields::Fields};

const WAYS: &[&str] = &["bucket", "fixed-window", "sliding-window", "sliding-log"];

/// No limit, where one is inherited; so no limit can be called so.
const OFF: &str = "off";

const SOME: Kind = Kind::Count { min: 1, max: 1_000_000_000 };

/// Tiers of one limit, and limits of one gateway: more than anybody sells.
const TIERS_MAX: usize = 100;
const LIMITS_MAX: usize = 1_000;

/// Clients whose plan is known.
const PLANS_MAX: usize = 1_000_000;

/// Bytes of a file of plans.
const PLANS_BYTES_MAX: u64 = 64 << 20;

/// What reading a limit needs to know of the rest.
#[derive(Debug, Clone, Copy)]
pub(super) struct Around {
    /// Whether there is a Redis to share through.
    pub(super) redis: bool,
    /// Whether tokens are verified.
    pub(super) tokens: bool,
}

/// Limits that routes name.
pub(super) fn named(
    fields: &mut Fields<'_>,
    around: Around,
    told: &mut Told<'_>,
) -> Vec<LimitRule> {
    let tables = fields.named("limit", LIMITS_MAX, told);
    let mut limits = Vec::new();
    for (name, span, table) in tables {
        if !is_name(&name) || name == OFF {
            let label = "expected a name of letters, digits, `-` and `_`, which is not `off`";
            fields.wrong_at("limit", span, label, told);
            continue;
        }
        let Some(rule) = rule(&format!("gateway.limit.{name}"), table, around, told) else {
            continue;
        };
        limits.push(LimitRule { name: Some(name), ..rule });
    }
    limits
}

/// The limit of a route: its own, or one that is named; where it says nothing `usual`.
pub(super) fn of_route(
    fields: &mut Fields<'_>,
    usual: Option<&LimitRule>,
    (named, around): (&[LimitRule], Around),
    told: &mut Told<'_>,
) -> Option<LimitRule> {
    let cost = fields.small("cost", SOME, told).and_then(NonZeroU32::new);
    let Some(written) = fields.raw("limit") else {
        let usual = usual?.clone();
        return Some(LimitRule { cost: cost.unwrap_or(usual.cost), ..usual });
    };
    let rule = match written.get_ref() {
        DeValue::String(name) if name == OFF => return None,
        DeValue::String(name) => {
            let known = named.iter().find(|rule| rule.name.as_deref() == Some(&**name)).cloned();
            if known.is_none() {
                let names = named.iter().filter_map(|rule| rule.name.as_deref());
                let label = match did_you_mean(name, names) {
                    Some(meant) => format!("no limit has this name; did you mean `{meant}`?"),
                    None => {
                        "no `[gateway.limit.NAME]` has this name, or it cannot be read".to_owned()
                    }
                };
                fields.wrong_at("limit", written.span(), &label, told);
            }
            known?
        }
        _ => rule(&format!("{}.limit", fields.name()), written, around, told)?,
    };
    Some(LimitRule { cost: cost.unwrap_or(rule.cost), ..rule })
}

fn rule(
    name: &str,
    table: &Spanned<DeValue<'_>>,
    around: Around,
    told: &mut Told<'_>,
) -> Option<LimitRule> {
    let span = table.span();
    let mut fields = Fields::of(name, table, told)?;
    let algorithm = match fields.word("algorithm", WAYS, told) {
        Some("fixed-window") => Algorithm::FixedWindow,
        Some("sliding-window") => Algorithm::SlidingWindow,
        Some("sliding-log") => Algorithm::SlidingLog,
        _ => Algorithm::Bucket,
    };
    let window = fields.time("window", TIME, told);
    let quota = quota(&mut fields, (algorithm, window), &span, told);
    let key = key(&mut fields, around, told);
    let of = tiers(&mut fields, (algorithm, window), told);
    let by = tier_by(&mut fields, &of, around, told);
    if !of.is_empty() && by == TierBy::Nothing {
        fields.missing(
            "tier",
            "say who is in which tier: `plans`, `plans-file`, or `tier = \"claim:plan\"`",
            told,
        );
    }
    let keys = Kind::Count { min: 100, max: 100_000_000 };
    let rule = LimitRule {
        algorithm,
        key,
        tiers: Tiers { of, by },
        dry_run: fields.word("dry-run", ON_OFF, told) == Some("on"),
        keys_max: fields.count("keys-max", keys, told).unwrap_or(100_000),
        tells: match fields.word("tells", &["draft", "x-ratelimit", "both", "off"], told) {
            Some("x-ratelimit") => Tells::Legacy,
            Some("both") => Tells::Both,
            Some("off") => Tells::Off,
            _ => Tells::Draft,
        },
        shared: shared(&mut fields, around, &span, told),
        ..LimitRule::new(
            quota.unwrap_or_else(|| Quota::new(NonZeroU32::MIN, Duration::from_secs(1))),
        )
    };
    fields.end(told);
    quota.map(|_| rule)
}

/// How many in which time.
fn quota(
    fields: &mut Fields<'_>,
    (algorithm, window): (Algorithm, Option<Duration>),
    span: &Range<usize>,
    told: &mut Told<'_>,
) -> Option<Quota> {
    let requests = fields.small("requests", SOME, told).and_then(NonZeroU32::new);
    let burst = fields.small("burst", SOME, told).and_then(NonZeroU32::new);
    if requests.is_none() {
        fields.missing("requests", "how many in a `window`: `requests = 100`", told);
    }
    if burst.is_some() && algorithm != Algorithm::Bucket {
        fields.wrong_at("burst", span.clone(), "only a `bucket` has a `burst`", told);
    }
    let window = window.unwrap_or(Duration::from_mins(1));
    Some(Quota { burst, ..Quota::new(requests?, window) })
}

fn key(fields: &mut Fields<'_>, around: Around, told: &mut Told<'_>) -> LimitKey {
    let Some((text, span)): Option<(String, Range<usize>)> = fields.text("key", told) else {
        return LimitKey::Address;
    };
    let key = match text.split_once(':') {
        None if text == "address" => Some(LimitKey::Address),
        Some(("header", name)) => name.parse().ok().map(LimitKey::Header),
        Some(("cookie", name)) if !name.is_empty() => Some(LimitKey::Cookie(name.to_owned())),
        Some(("claim", name)) if !name.is_empty() => {
            if !around.tokens {
                let label =
                    "a claim only counts once `[gateway.tokens]` says how tokens are verified";
                fields.wrong_at("key", span, label, told);
                return LimitKey::Address;
            }
            Some(LimitKey::Claim(name.to_owned()))
        }
        _ => None,
    };
    key.unwrap_or_else(|| {
        let label = "expected `address`, `header:x-api-key`, `cookie:session` or `claim:sub`";
        fields.wrong_at("key", span, label, told);
        LimitKey::Address
    })
}

fn tiers(
    fields: &mut Fields<'_>,
    (algorithm, window): (Algorithm, Option<Duration>),
    told: &mut Told<'_>,
) -> Vec<Tier> {
    let mut tiers = Vec::new();
    for (name, span, table) in fields.named("tiers", TIERS_MAX, told) {
        if !is_name(&name) {
            fields.wrong_at("tiers", span, "expected a name of letters, digits, `-` and `_`", told);
            continue;
        }
        let Some(mut one) = Fields::of(format!("tiers.{name}"), table, told) else { continue };
        // What a tier does not say is as the limit has it.
        let window = one.time("window", TIME, told).or(window);
        let quota = quota(&mut one, (algorithm, window), &span, told);
        one.end(told);
        tiers.extend(quota.map(|quota| Tier { name, quota }));
    }
    tiers
}

fn tier_by(fields: &mut Fields<'_>, tiers: &[Tier], around: Around, told: &mut Told<'_>) -> TierBy {
    let mut plans = BTreeMap::new();
    let mut is_table = false;
    for (key, tier, span) in fields.pairs("plans", told) {
        is_table = true;
        match tiers.iter().position(|known| known.name == tier) {
            Some(place) => drop(plans.insert(key.into_bytes(), place + 1)),
            None => fields.wrong_at("plans", span, &no_tier(tiers), told),
        }
    }
    if let Some((file, span)) = fields.text("plans-file", told) {
        is_table = true;
        let path =
            told.path.parent().map_or_else(|| file.clone().into(), |beside| beside.join(&file));
        match of_file(&path, tiers) {
            Ok(more) => plans.extend(more),
            Err(why) => fields.wrong_at("plans-file", span, &why, told),
        }
    }
    let claim = fields.text("tier", told);
    match claim {
        None if is_table => TierBy::Plans(Arc::new(plans)),
        None => TierBy::Nothing,
        Some((_, span)) if is_table => {
            fields.wrong_at("tier", span, "`plans` say already who is in which tier", told);
            TierBy::Nothing
        }
        Some((text, span)) => match text.strip_prefix("claim:").filter(|name| !name.is_empty()) {
            Some(name) if around.tokens => TierBy::Claim(name.to_owned()),
            Some(_) => {
                let label =
                    "a claim only counts once `[gateway.tokens]` says how tokens are verified";
                fields.wrong_at("tier", span, label, told);
                TierBy::Nothing
            }
            None => {
                fields.wrong_at("tier", span, "expected a claim of a token: `claim:plan`", told);
                TierBy::Nothing
            }
        },
    }
}

/// Plans out of a file: TOML, a line for each key.
fn of_file(path: &std::path::Path, tiers: &[Tier]) -> Result<BTreeMap<Vec<u8>, usize>, String> {
    let failed = |error: std::io::Error| format!("`{}` cannot be read: {error}", path.display());
    let size = std::fs::metadata(path).map_err(failed)?.len();
    if PLANS_BYTES_MAX < size {
        return Err(format!("`{}` is larger than 64 MiB", path.display()));
    }
    let text = std::fs::read_to_string(path).map_err(failed)?;
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
        // Where, but not what: it holds keys.
        let line =
            error.span().and_then(|span| Some(text.get(..span.start)?.lines().count().max(1)));
        let line = line.map_or_else(String::new, |line| format!(", line {line}"));
        format!("`{}`{line} is no TOML", path.display())
    })?;
    if PLANS_MAX < table.len() {
        return Err(format!("`{}` has more than a million keys", path.display()));
    }
    let of = |(place, (key, tier)): (usize, (String, toml::Value))| {
        let tier = tier.as_str().and_then(|tier| tiers.iter().position(|known| known.name == tier));
        let entry = tier.map(|tier| (key.into_bytes(), tier + 1));
        entry.ok_or_else(|| {
            format!("entry {} of `{}`, by name: {}", place + 1, path.display(), no_tier(tiers))
        })
    };
    table.into_iter().enumerate().map(of).collect()
}

fn no_tier(tiers: &[Tier]) -> String {
    let names: Vec<&str> = tiers.iter().map(|tier| &*tier.name).collect();
    format!("no tier of this limit is called so; there are: {}", names.join(", "))
}

fn shared(
    fields: &mut Fields<'_>,
    around: Around,
    span: &Range<usize>,
    told: &mut Told<'_>,
) -> Option<Away> {
    let is_shared = fields.word("shared", ON_OFF, told) == Some("on");
    let away = match fields.word("when-away", &["local", "allow", "refuse"], told) {
        Some("allow") => Away::Allow,
        Some("refuse") => Away::Refuse,
        _ => Away::Local,
    };
    if is_shared && !around.redis {
        fields.wrong_at(
            "shared",
            span.clone(),
            "limits are shared through `[gateway.redis]`, which is not there",
            told,
        );
    }
    is_shared.then_some(away)
}

/// Whether a name may stand in a header and in a key of Redis.
fn is_name(name: &str) -> bool {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    !name.is_empty() && name.len() <= 64 && name.bytes().all(good)
}
