//! `[gateway.service.NAME]`: who of its members is asked, and what is done when they fail.

use std::time::Duration;

use toml::{Spanned, de::DeValue};
use traffic::{
    breaker::BreakerSettings,
    concurrency::ConcurrencySettings,
    health::{Expected, OutlierSettings, Thresholds},
    plan::{Balance, Check, Retries, Secret, Service, TimeoutRules, Timeouts, Total},
};

use crate::table::Kind;

use super::{
    COUNT, SHARE, TABLES_MAX, TIME, Told,
    fields::{Fields, TimeOrOff},
    member,
};

/// Answers in a row.
const IN_A_ROW: Kind = Kind::Count { min: 1, max: 100 };

/// A cookie's secret of fewer bytes can be guessed.
const SECRET_BYTES_MIN: usize = 16;

/// What services have unless they say otherwise.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Usual {
    pub(super) timeouts: Timeouts,
    pub(super) retries: Retries,
}

/// All services, in the order of the file.
pub(super) fn all(fields: &mut Fields<'_>, usual: &Usual, told: &mut Told<'_>) -> Vec<Service> {
    let mut services = Vec::new();
    for (name, span, table) in fields.named("service", TABLES_MAX, told) {
        let good = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if name.is_empty() || !name.bytes().all(good) {
            fields.wrong_at("service", span, "a name is of letters, digits and -", told);
            continue;
        }
        services.extend(one(name, table, usual, told));
    }
    services
}

fn one(
    name: String,
    table: &Spanned<DeValue<'_>>,
    usual: &Usual,
    told: &mut Told<'_>,
) -> Option<Service> {
    let mut fields = Fields::of(format!("gateway.service.{name}"), table, told)?;
    let (members, spoken) = member::all(&mut fields, told);
    if members.is_empty() {
        fields.missing("members", "such as `members = [\"127.0.0.1:8000\"]`", told);
    }
    let mut service = Service::new(name, members);
    service.wire = member::wire(&mut fields, spoken, told);
    service.lookup = member::lookup(&mut fields, told);
    service.balance = balance(&mut fields, told);
    service.check = check(&mut fields, told);
    service.outliers = outliers(&mut fields, told);
    service.panic_share = fields.number("panic-share", SHARE, told).unwrap_or(service.panic_share);
    // A share of nobody would have nobody carry everything.
    let some = Kind::Number { min: 0.01, max: 1.0, unit: "of the own zone's members" };
    service.zone_share = fields.number("zone-share", some, told).unwrap_or(service.zone_share);
    service.slow_start = fields.time("slow-start", TIME, told).unwrap_or_default();
    service.timeouts = timeouts(&mut fields, told).over(usual.timeouts);
    let retries = usual.retries;
    service.retries = Retries {
        max: self::retries(&mut fields, told).unwrap_or(retries.max),
        share: fields.number("retry-share", SHARE, told).unwrap_or(retries.share),
        free_per_second: fields
            .small("retries-per-second", COUNT, told)
            .unwrap_or(retries.free_per_second),
        base: fields.time("retry-wait", TIME, told).unwrap_or(retries.base),
    };
    service.breaker = breaker(&mut fields, told);
    service.concurrency = concurrency(&mut fields, told);
    service.idle_max = fields.count("idle-max", COUNT, told).unwrap_or(service.idle_max);
    let connections = Kind::Count { min: 1, max: 1_000_000 };
    service.connections_max =
        fields.count("connections-max", connections, told).unwrap_or(service.connections_max);
    service.queue_max = fields.count("queue-max", Kind::Count { min: 0, max: 1_000_000 }, told);
    fields.end(told);
    Some(service)
}

/// What is said of timeouts, by a service, a route or for all of them.
pub(super) fn timeouts(fields: &mut Fields<'_>, told: &mut Told<'_>) -> TimeoutRules {
    TimeoutRules {
        connect: fields.time("connect-timeout", TIME, told),
        answer: fields.time("answer-timeout", TIME, told),
        pause: fields.time("pause-timeout", TIME, told),
        total: match fields.time_or_off("total-timeout", TIME, told) {
            TimeOrOff::Unsaid => None,
            TimeOrOff::Off => Some(Total::Unbounded),
            TimeOrOff::Time(time) => Some(Total::After(time)),
        },
    }
}

/// How often a request is tried again, after the first try.
pub(super) fn retries(fields: &mut Fields<'_>, told: &mut Told<'_>) -> Option<u32> {
    fields.small("retries", Kind::Count { min: 0, max: 10 }, told)
}

fn balance(fields: &mut Fields<'_>, told: &mut Told<'_>) -> Balance {
    const WORDS: &[&str] = &["round-robin", "least-connections", "latency", "address", "cookie"];
    let word = fields.word("balance", WORDS, told);
    let name = fields.text("cookie-name", told);
    let secret = fields.text("cookie-secret", told);
    match (word, secret) {
        (Some("cookie"), Some((secret, _))) if SECRET_BYTES_MIN <= secret.len() => {
            let name = name.map_or_else(|| "taut-member".to_owned(), |(name, _)| name);
            Balance::Cookie { name, secret: Secret(secret) }
        }
        (Some("cookie"), _) => {
            let hint = "cookies are signed, so that nobody can choose a member: `cookie-secret` is a text of at \
                        least 16 characters by chance, the same for all gateways";
            fields.missing("cookie-secret", hint, told);
            Balance::RoundRobin
        }
        (Some("least-connections"), _) => Balance::LeastConnections,
        (Some("latency"), _) => Balance::Latency,
        (Some("address"), _) => Balance::Address,
        _ => Balance::RoundRobin,
    }
}

fn check(fields: &mut Fields<'_>, told: &mut Told<'_>) -> Option<Check> {
    let table = fields.raw("check")?;
    let mut fields = Fields::of("gateway.service.check", table, told)?;
    let path = fields.text("path", told);
    if let Some((_, span)) = path.as_ref().filter(|(path, _)| !path.starts_with('/')) {
        fields.wrong_at("path", span.clone(), "expected a path such as `/health`", told);
    }
    let (mut status_from, mut status_to) = (200, 299);
    if let Some((text, span)) = fields.text("status", told) {
        match statuses(&text) {
            Some((from, to)) => (status_from, status_to) = (from, to),
            None => fields.wrong_at("status", span, "expected `200` or `200-399`", told),
        }
    }
    let body = fields.text("body", told).map(|(body, _)| body).unwrap_or_default();
    let thresholds = Thresholds::default();
    let check = Check {
        path: path.map(|(path, _)| path),
        expected: Expected { status_from, status_to, body },
        interval: fields.time("interval", TIME, told).unwrap_or(Duration::from_secs(10)),
        timeout: fields.time("timeout", TIME, told).unwrap_or(Duration::from_secs(2)),
        thresholds: Thresholds {
            healthy: fields.small("healthy", IN_A_ROW, told).unwrap_or(thresholds.healthy),
            unhealthy: fields.small("unhealthy", IN_A_ROW, told).unwrap_or(thresholds.unhealthy),
        },
    };
    fields.end(told);
    Some(check)
}

fn statuses(text: &str) -> Option<(u16, u16)> {
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    let (from, to) = (from.trim().parse().ok()?, to.trim().parse().ok()?);
    (100 <= from && from <= to && to <= 599).then_some((from, to))
}

fn outliers(fields: &mut Fields<'_>, told: &mut Told<'_>) -> OutlierSettings {
    let usual = OutlierSettings::default();
    let Some(table) = fields.raw("outliers") else { return usual };
    let Some(mut fields) = Fields::of("gateway.service.outliers", table, told) else {
        return usual;
    };
    let outliers = OutlierSettings {
        fails: fields.small("fails", COUNT, told).unwrap_or(usual.fails),
        within: fields.time("within", TIME, told).unwrap_or(usual.within),
        out_for: fields.time("out-for", TIME, told).unwrap_or(usual.out_for),
        out_for_max: fields.time("out-for-max", TIME, told).unwrap_or(usual.out_for_max),
        share_max: fields.number("share-max", SHARE, told).unwrap_or(usual.share_max),
    };
    fields.end(told);
    outliers
}

fn breaker(fields: &mut Fields<'_>, told: &mut Told<'_>) -> Option<BreakerSettings> {
    let table = fields.raw("breaker")?;
    let mut fields = Fields::of("gateway.service.breaker", table, told)?;
    let usual = BreakerSettings::default();
    let breaker = BreakerSettings {
        consecutive: fields.small("consecutive", COUNT, told).unwrap_or(usual.consecutive),
        failures_share: fields
            .number("failures-share", SHARE, told)
            .unwrap_or(usual.failures_share),
        requests_min: fields.small("requests-min", COUNT, told).unwrap_or(usual.requests_min),
        window: fields.time("window", TIME, told).unwrap_or(usual.window),
        open_for: fields.time("open-for", TIME, told).unwrap_or(usual.open_for),
        open_for_max: fields.time("open-for-max", TIME, told).unwrap_or(usual.open_for_max),
        probes: fields.small("probes", IN_A_ROW, told).unwrap_or(usual.probes),
    };
    fields.end(told);
    Some(breaker)
}

fn concurrency(fields: &mut Fields<'_>, told: &mut Told<'_>) -> Option<ConcurrencySettings> {
    let table = fields.raw("concurrency")?;
    let mut fields = Fields::of("gateway.service.concurrency", table, told)?;
    let usual = ConcurrencySettings::default();
    let some = Kind::Count { min: 1, max: 1_000_000 };
    let tolerance = Kind::Number { min: 1.0, max: 100.0, unit: "times the shortest latency" };
    let concurrency = ConcurrencySettings {
        min: fields.small("min", some, told).unwrap_or(usual.min),
        max: fields.small("max", some, told).unwrap_or(usual.max),
        start: fields.small("start", some, told).unwrap_or(usual.start),
        tolerance: fields.number("tolerance", tolerance, told).unwrap_or(usual.tolerance),
    };
    fields.end(told);
    Some(concurrency)
}
