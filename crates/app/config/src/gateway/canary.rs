//! `canary` of a route: a new version of its service, and how it gets its share.

use std::{sync::Arc, time::Duration};

use traffic::{
    canary::{CanaryRule, ChoosingCookie, Sticky},
    plan::{Route, Service},
};

use crate::{table::Kind, value::Value};

use super::{ON_OFF, SHARE, Told, fields::Fields};

/// Steps: more are a slope.
const STEPS_MAX: usize = 20;

/// Reads it, for a route that is known otherwise.
pub(super) fn read(
    fields: &mut Fields<'_>,
    (route, services): (&Route, &[Service]),
    told: &mut Told<'_>,
) -> Option<Arc<CanaryRule>> {
    let table = fields.raw("canary")?;
    let span = table.span();
    if route.cache.is_some() {
        let label = "answers of both versions would be in one cache; a route has one or the other; \
                     `cache = \"off\"` leaves it the canary";
        fields.wrong_at("canary", span, label, told);
    }
    let mut fields = Fields::of("gateway.route.canary", table, told)?;
    let service = service(&mut fields, route, services, told);
    let usual = CanaryRule::to(service.unwrap_or_default());
    let requests = Kind::Count { min: 10, max: 1_000_000 };
    let steps = steps(&mut fields, told);
    let time = Kind::Duration { min: Duration::from_secs(1), max: Duration::from_hours(24 * 30) };
    let sticky = sticky(&mut fields, told);
    let rule = CanaryRule {
        steps: if steps.is_empty() { usual.steps.clone() } else { steps },
        every: fields.time("every", time, told).unwrap_or(usual.every),
        requests_min: fields
            .count("requests-min", requests, told)
            .map_or(usual.requests_min, |count| count as u64),
        quantile: fields.number("quantile", SHARE, told).unwrap_or(usual.quantile),
        matters: fields.number("matters", SHARE, told).unwrap_or(usual.matters),
        header: header(&mut fields, told),
        cookie: cookie(&mut fields, &sticky, told),
        sticky,
        by_itself: fields.word("by-itself", ON_OFF, told) != Some("off"),
        ..usual
    };
    fields.end(told);
    service.map(|_| Arc::new(rule))
}

fn service(
    fields: &mut Fields<'_>,
    route: &Route,
    services: &[Service],
    told: &mut Told<'_>,
) -> Option<usize> {
    let Some((name, span)) = fields.text("service", told) else {
        fields.missing("service", "name the service that is the new version", told);
        return None;
    };
    let found = services.iter().position(|service| service.name == name);
    if found.is_none() {
        fields.wrong_at("service", span, "no service has this name, or it cannot be read", told);
    } else if found == Some(route.service) {
        fields.wrong_at("service", span, "that is the version that is there already", told);
        return None;
    }
    found
}

/// Shares that rise, each above nothing and below everything.
fn steps(fields: &mut Fields<'_>, told: &mut Told<'_>) -> Vec<f64> {
    let mut steps: Vec<f64> = Vec::new();
    for entry in fields.list("steps", STEPS_MAX, told) {
        let Some(Value::Number(share)) = fields.value("steps", entry, SHARE, told) else {
            continue;
        };
        let more = steps.last().copied().unwrap_or(0.0) < share;
        if more && share < 1.0 {
            steps.push(share);
        } else {
            let label = "shares rise, from above 0 to below 1; after the last one comes everything";
            fields.wrong_at("steps", entry.span(), label, told);
        }
    }
    steps
}

fn header(fields: &mut Fields<'_>, told: &mut Told<'_>) -> Option<http::HeaderName> {
    let (name, span) = fields.text("header", told)?;
    let header = name.parse().ok();
    if header.is_none() {
        fields.wrong_at("header", span, "expected a header's name such as `x-version`", told);
    }
    header
}

/// The cookie that chooses: its name, or the name and the value that chooses the new version.
fn cookie(fields: &mut Fields<'_>, sticky: &Sticky, told: &mut Told<'_>) -> Option<ChoosingCookie> {
    let (text, span) = fields.text("cookie", told)?;
    let (name, value) = match text.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (&*text, None),
    };
    // What may be in a cookie's value (RFC 6265, section 4.1.1).
    let good = |byte: u8| byte.is_ascii_graphic() && !b"\",;\\".contains(&byte);
    if !is_cookie(name) || value.is_some_and(|value| value.is_empty() || !value.bytes().all(good)) {
        let label = "expected a cookie whose value is `old` or `new` such as `version`, or the one that chooses the \
                     new version: `beta=1`";
        fields.wrong_at("cookie", span, label, told);
    } else if *sticky == Sticky::Cookie(name.to_owned()) {
        let label = "the cookie of this name keeps who was drawn with a version; it needs another name, or `sticky` \
                     another `cookie-name`";
        fields.wrong_at("cookie", span, label, told);
    }
    Some(ChoosingCookie { name: name.to_owned(), value: value.map(str::to_owned) })
}

/// Whether a cookie can be called so, of those that are set here.
fn is_cookie(name: &str) -> bool {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    !name.is_empty() && name.bytes().all(good)
}

fn sticky(fields: &mut Fields<'_>, told: &mut Told<'_>) -> Sticky {
    let name = fields.text("cookie-name", told);
    if let Some((name, span)) = &name
        && !is_cookie(name)
    {
        fields.wrong_at("cookie-name", span.clone(), "a name is of letters, digits and -", told);
    }
    match fields.word("sticky", &["cookie", "address", "request"], told) {
        Some("address") => Sticky::Address,
        Some("request") => Sticky::Request,
        _ => Sticky::Cookie(name.map_or_else(|| "taut-version".to_owned(), |(name, _)| name)),
    }
}
