//! `[[gateway.route]]`: which requests go to which service, and what is done to them on the way.

use std::sync::Arc;

use toml::{Spanned, de::DeValue};
use traffic::{
    concurrency::Priority,
    encoding::CompressRule,
    hedge::HedgeRule,
    limit::LimitRule,
    plan::{HeaderRule, Host, PathRule, Route, Service},
};

use crate::{problem::did_you_mean, table::Kind, value::Value};

use super::{
    ENTRIES_MAX, ON_OFF, SHARE, TABLES_MAX, TIME, Told, cache, canary, compress, fields::Fields,
    limit, service,
};

/// Limits that routes can name, and what there is around them.
pub(super) type Limits<'a> = (&'a [LimitRule], limit::Around);

/// What routes have unless they say otherwise: what `[gateway.defaults]` says, and what the gateway itself.
pub(super) fn defaults(
    fields: &mut Fields<'_>,
    compress: Option<Arc<CompressRule>>,
    limits: Limits<'_>,
    told: &mut Told<'_>,
) -> Route {
    let mut route = Route { compress, ..Route::to("", 0) };
    let Some(table) = fields.raw("defaults") else { return route };
    let Some(mut fields) = Fields::of("gateway.defaults", table, told) else { return route };
    inherited(&mut fields, &mut route, limits, told);
    fields.end(told);
    route
}

/// All routes, in the order of the file.
pub(super) fn all(
    fields: &mut Fields<'_>,
    services: &[Service],
    (defaults, limits): (&Route, Limits<'_>),
    told: &mut Told<'_>,
) -> Vec<Route> {
    let mut routes: Vec<Route> = Vec::new();
    for table in fields.list("route", TABLES_MAX, told) {
        routes.extend(one(table, &routes, (services, defaults, limits), told));
    }
    routes
}

fn one(
    table: &Spanned<DeValue<'_>>,
    before: &[Route],
    (services, defaults, limits): (&[Service], &Route, Limits<'_>),
    told: &mut Told<'_>,
) -> Option<Route> {
    let mut fields = Fields::of("gateway.route", table, told)?;
    let service = service(&mut fields, services, told);
    let mut route = Route { service: service.unwrap_or_default(), ..defaults.clone() };
    route.hosts =
        parsed(&mut fields, "hosts", "`example.com` or `*.example.com`", Host::parse, told);
    route.paths = parsed(&mut fields, "paths", "`/exactly` or `/below/*`", PathRule::parse, told);
    let method = |text: &str| text.to_ascii_uppercase().parse().ok();
    route.methods = parsed(&mut fields, "methods", "a method such as `GET`", method, told);
    route.name = name(&mut fields, &route, before, services, told);
    for (name, value, span) in fields.pairs("headers", told) {
        let any = value == "*";
        match (name.parse(), value.parse()) {
            (Ok(name), _) if any => route.headers.push((name, None)),
            (Ok(name), Ok(value)) => route.headers.push((name, Some(value))),
            _ => fields.wrong_at("headers", span, "no header is called so, or may be this", told),
        }
    }
    if let Some((rewrite, span)) = fields.text("rewrite", told) {
        if rewrite.starts_with('/') && rewrite.is_ascii() && !rewrite.contains(['?', '#', ' ']) {
            route.rewrite = Some(rewrite);
        } else {
            fields.wrong_at("rewrite", span, "expected a path such as `/v2/`", told);
        }
    }
    if let Some((host, span)) = fields.text("host", told) {
        route.host = host.parse().ok().filter(|_| Host::parse(&host).is_some());
        if route.host.is_none() {
            fields.wrong_at("host", span, "expected a host such as `internal.example.com`", told);
        }
    }
    if fields.word("inherit-headers", ON_OFF, told) == Some("off") {
        route.request_headers.clear();
        route.response_headers.clear();
    }
    inherited(&mut fields, &mut route, limits, told);
    route.forgets = cache::templates(&mut fields, "forgets", told);
    route.canary = canary::read(&mut fields, (&route, services), told);
    fields.end(told);
    service.map(|_| route)
}

/// All that can be said once for all routes: what is written stands instead of what the route has already, of tables key
/// by key; header rules are added.
fn inherited(fields: &mut Fields<'_>, route: &mut Route, limits: Limits<'_>, told: &mut Told<'_>) {
    let request = ("set-request-headers", "remove-request-headers");
    route.request_headers = rules(fields, request, &route.request_headers, told);
    let response = ("set-response-headers", "remove-response-headers");
    route.response_headers = rules(fields, response, &route.response_headers, told);
    route.limit = limit::of_route(fields, route.limit.as_ref(), limits, told);
    route.cache = cache::rule(fields, route.cache.as_ref(), told);
    route.priority = match fields.word("priority", &["low", "normal", "high"], told) {
        Some("low") => Priority::Low,
        Some("high") => Priority::High,
        Some(_) => Priority::Normal,
        None => route.priority,
    };
    let body = Kind::Bytes { min: 0, max: 1 << 50 };
    route.body_bytes_max = fields.bytes("body-bytes-max", body, told).or(route.body_bytes_max);
    route.timeouts = service::timeouts(fields, told);
    route.retries = service::retries(fields, told);
    route.compress = compress::read(fields, route.compress.as_ref(), told);
    route.capture = fields.number("capture", SHARE, told).or(route.capture);
    route.hedge = hedge(fields, route.hedge, told);
    if let Some(word) = fields.word("assets", ON_OFF, told) {
        route.assets = word == "on";
    }
}

/// When a second member is asked: after the 95th percentile, or after so long.
fn hedge(
    fields: &mut Fields<'_>,
    usual: Option<HedgeRule>,
    told: &mut Told<'_>,
) -> Option<HedgeRule> {
    let Some(written) = fields.raw("hedge") else { return usual };
    match written.get_ref().as_str() {
        Some("off") => None,
        Some("p95") => Some(HedgeRule::Percentile),
        _ => match fields.value("hedge", written, TIME, told) {
            Some(Value::Duration(after)) => Some(HedgeRule::After(after)),
            _ => None,
        },
    }
}

fn service(fields: &mut Fields<'_>, services: &[Service], told: &mut Told<'_>) -> Option<usize> {
    let Some((name, span)) = fields.text("service", told) else {
        fields.missing("service", "name one of `[gateway.service.NAME]`", told);
        return None;
    };
    let found = services.iter().position(|service| service.name == name);
    if found.is_none() {
        let names = services.iter().map(|service| &*service.name);
        let label = match did_you_mean(&name, names) {
            Some(meant) => format!("no service has this name; did you mean `{meant}`?"),
            None => "no service has this name, or it cannot be read".to_owned(),
        };
        fields.wrong_at("service", span, &label, told);
    }
    found
}

/// The name in metrics: as set, else after the service and the first path.
fn name(
    fields: &mut Fields<'_>,
    route: &Route,
    before: &[Route],
    services: &[Service],
    told: &mut Told<'_>,
) -> String {
    let named = fields.text("name", told);
    let is_taken = |name: &str| before.iter().any(|other| other.name == name);
    if let Some((name, span)) = named {
        if is_taken(&name) {
            fields.wrong_at("name", span, "another route has this name", told);
        }
        return name;
    }
    let service = services.get(route.service).map_or("", |service| &service.name);
    let path = match route.paths.first() {
        Some(PathRule::Exactly(path)) => path.clone(),
        Some(PathRule::Below(prefix)) => format!("{prefix}*"),
        None => String::new(),
    };
    let name = format!("{service}{path}");
    let others = (2..).map(|number| format!("{name}-{number}"));
    std::iter::once(name.clone()).chain(others).find(|name| !is_taken(name)).unwrap_or(name)
}

pub(super) fn parsed<T>(
    fields: &mut Fields<'_>,
    key: &'static str,
    expected: &str,
    parse: impl Fn(&str) -> Option<T>,
    told: &mut Told<'_>,
) -> Vec<T> {
    let mut all = Vec::new();
    for (text, span) in fields.texts(key, ENTRIES_MAX, told) {
        match parse(&text) {
            Some(one) => all.push(one),
            None => fields.wrong_at(key, span, &format!("expected {expected}"), told),
        }
    }
    all
}

/// What is done to headers: what is done to them anyway, but for those that are named here, and then what is said here.
fn rules(
    fields: &mut Fields<'_>,
    (set, remove): (&'static str, &'static str),
    usual: &[HeaderRule],
    told: &mut Told<'_>,
) -> Vec<HeaderRule> {
    let mut rules: Vec<HeaderRule> = Vec::new();
    for (name, value, span) in fields.pairs(set, told) {
        match (name.parse(), value.parse()) {
            (Ok(name), Ok(value)) => rules.push(HeaderRule::Set(name, value)),
            _ => fields.wrong_at(set, span, "no header is called so, or may be this", told),
        }
    }
    let removed = parsed(fields, remove, "a header's name", |name| name.parse().ok(), told);
    rules.extend(removed.into_iter().map(HeaderRule::Remove));
    let is_named = |usual: &&HeaderRule| rules.iter().any(|rule| rule.name() == usual.name());
    let kept: Vec<HeaderRule> = usual.iter().filter(|it| !is_named(it)).cloned().collect();
    kept.into_iter().chain(rules).collect()
}
