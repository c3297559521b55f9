//! `[gateway]` in `taut.toml`: where the gateway listens, its services and routes.
//!
//! Unlike other settings these are tables of any name and arrays of tables, so they are in the file alone; every
//! value is read by the same kinds, and every mistake is told with its line.

mod cache;
mod canary;
pub(crate) mod capture;
mod compress;
pub(crate) mod fields;
mod limit;
mod member;
mod route;
mod service;
mod shared;
mod telling;

use std::{path::Path, sync::Arc, time::Duration};

use toml::{Spanned, de::DeValue};
use traffic::{
    forward::Network,
    plan::{Bounds, Certificate, Explain, Listen, Plan, Retries, Secret, Timeouts},
};

use crate::{problem::Problem, table::Kind, value::Value};

use fields::Fields;

/// A section that explains itself; what it says is right.
pub const GATEWAY_EXAMPLE: &str = include_str!("gateway/example.toml");

/// What reading needs besides the table.
pub(crate) struct Told<'a> {
    /// The file, beside which other files lie.
    pub(crate) path: &'a Path,
    /// What it is called.
    pub(crate) name: &'a Arc<str>,
    /// Its text, as it may be shown.
    pub(crate) text: &'a Arc<str>,
    /// What is wrong.
    pub(crate) problems: &'a mut Vec<Problem>,
}

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_hours(24);

/// Durations of a gateway: from a millisecond to a day.
pub(super) const TIME: Kind = Kind::Duration { min: Duration::from_millis(1), max: DAY };

/// Counts without a bound of their own.
pub(super) const COUNT: Kind = Kind::Count { min: 0, max: 1_000_000_000 };

/// What can be switched.
pub(super) const ON_OFF: &[&str] = &["on", "off"];

/// Shares of a whole.
pub(super) const SHARE: Kind = Kind::Number { min: 0.0, max: 1.0, unit: "of the whole" };

/// Services and routes, each: a file of more is generated, and better split.
pub(super) const TABLES_MAX: usize = 1_000;

/// Entries of a list that has no bound of its own: all networks of the largest clouds are fewer.
pub(super) const ENTRIES_MAX: usize = 10_000;

/// A token of fewer bytes can be guessed, and one of none is everybody's.
pub(crate) const ADMIN_TOKEN_BYTES_MIN: usize = 16;
pub(crate) const ADMIN_TOKEN_WORDS: &str = "of at least 16 characters by chance";

/// Reads the section; what is wrong is added to `told.problems`.
pub(crate) fn read(table: &Spanned<DeValue<'_>>, told: &mut Told<'_>) -> Option<Plan> {
    let before = told.problems.len();
    let mut fields = Fields::of("gateway", table, told)?;
    let cache = cache::settings(&mut fields, told);
    let mut plan = Plan {
        listen: listens(&mut fields, told),
        admin: Some(([127, 0, 0, 1], 7072).into()),
        drain: Duration::from_secs(30),
        bounds: bounds(&mut fields, told),
        trusted: networks(&mut fields, told),
        cache: cache.settings,
        cache_disk: cache.disk,
        top_keys: cache.top_keys,
        ..Plan::default()
    };
    if let Some(Value::Address(admin)) = fields.take("admin", Kind::AddressOrOff, told) {
        plan.admin = admin;
    }
    plan.admin_token = admin_token(&mut fields, told);
    let workers = Kind::Count { min: 0, max: 256 };
    plan.workers = fields.count("workers", workers, told).unwrap_or_default();
    plan.drain = fields.time("drain", TIME, told).unwrap_or(plan.drain);
    plan.explain = match fields.word("explain", &["off", "trusted", "anyone"], told) {
        Some("off") => Explain::Off,
        Some("anyone") => Explain::Anyone,
        _ => Explain::Trusted,
    };
    plan.telling = telling::read(&mut fields, told);
    if let Some(Value::Address(resolver)) = fields.take("resolver", Kind::AddressOrOff, told) {
        plan.resolver = resolver;
    }
    plan.zone = zone(&mut fields, told);
    if let Some((name, span)) =
        fields.text("deadline-header", told).filter(|(name, _)| name != "off")
    {
        plan.deadline_header = name.parse().ok();
        if plan.deadline_header.is_none() {
            fields.wrong_at("deadline-header", span, "expected the name of a header", told);
        }
    }
    let compress = compress::read(&mut fields, None, told);
    plan.events = shared::events(&mut fields, told);
    plan.redis = shared::redis(&mut fields, told);
    plan.tokens = shared::tokens(&mut fields, told);
    let around = limit::Around { redis: plan.redis.is_some(), tokens: plan.tokens.is_some() };
    let limits = limit::named(&mut fields, around, told);
    let mut defaults = route::defaults(&mut fields, compress, (&*limits, around), told);
    // What services say as well is theirs before it is a route's.
    let timeouts = std::mem::take(&mut defaults.timeouts).over(Timeouts::default());
    let retries = defaults
        .retries
        .take()
        .map_or_else(Retries::default, |max| Retries { max, ..Retries::default() });
    plan.services = service::all(&mut fields, &service::Usual { timeouts, retries }, told);
    plan.routes = route::all(&mut fields, &plan.services, (&defaults, (&*limits, around)), told);
    plan.capture = capture::read(&mut fields, told);
    if plan.trusted.is_empty() && plan.listen.iter().any(|listen| listen.proxy_protocol) {
        let hint =
            "`proxy-protocol` is believed of trusted addresses alone: `trusted = [\"10.0.0.0/8\"]`";
        fields.missing("trusted", hint, told);
    }
    if plan.routes.is_empty() && before == told.problems.len() {
        fields.missing(
            "route",
            "name at least one: `[[gateway.route]]` with `service = \"...\"`",
            told,
        );
    }
    fields.end(told);
    (before == told.problems.len()).then_some(plan)
}

/// What has to be shown at the admin port.
fn admin_token(fields: &mut Fields<'_>, told: &mut Told<'_>) -> Option<Secret> {
    let (token, span) = fields.text("admin-token", told)?;
    if token.len() < ADMIN_TOKEN_BYTES_MIN {
        let label = format!("expected a text {ADMIN_TOKEN_WORDS}");
        fields.wrong_at("admin-token", span, &label, told);
    }
    Some(Secret(token))
}

/// The name of a zone.
fn zone(fields: &mut Fields<'_>, told: &mut Told<'_>) -> Option<String> {
    let (zone, span) = fields.text("zone", told)?;
    if traffic::plan::is_zone(&zone) {
        return Some(zone);
    }
    fields.wrong_at("zone", span, "expected a name such as `eu-central-1a`", told);
    None
}

fn listens(fields: &mut Fields<'_>, told: &mut Told<'_>) -> Vec<Listen> {
    let mut listens = Vec::new();
    for entry in fields.list("listen", TABLES_MAX, told) {
        let mut listen = match entry.get_ref() {
            DeValue::Table(_) => {
                let Some(mut one) = Fields::of("gateway.listen", entry, told) else { continue };
                let address = one.take("address", Kind::Address, told);
                let mut tls: Vec<Certificate> = certificate(&mut one, told).into_iter().collect();
                for more in one.list("certificates", TABLES_MAX, told) {
                    let name = "gateway.listen.certificates";
                    let Some(mut more) = Fields::of(name, more, told) else { continue };
                    match certificate(&mut more, told) {
                        Some(certificate) => tls.push(certificate),
                        None => {
                            more.missing("certificate", "and the `key` that belongs to it", told);
                        }
                    }
                    more.end(told);
                }
                let proxied = one.word("proxy-protocol", &["on", "off"], told) == Some("on");
                one.end(told);
                address.map(|address| (address, tls, proxied))
            }
            _ => fields
                .value("listen", entry, Kind::Address, told)
                .map(|address| (address, Vec::new(), false)),
        };
        if let Some((Value::Address(Some(address)), tls, proxy_protocol)) = listen.take() {
            listens.push(Listen { address, tls, proxy_protocol });
        }
    }
    if listens.is_empty() {
        listens.push(Listen::plain(([127, 0, 0, 1], 8080).into()));
    }
    listens
}

/// A certificate and its key, if either is named.
pub(super) fn certificate(one: &mut Fields<'_>, told: &mut Told<'_>) -> Option<Certificate> {
    match (one.file("certificate", told), one.file("key", told)) {
        (Some(chain), Some(key)) => Some(Certificate { chain, key }),
        (None, None) => None,
        (Some(_), None) => {
            one.missing("key", "a certificate needs its key", told);
            None
        }
        (None, Some(_)) => {
            one.missing("certificate", "a key needs its certificate", told);
            None
        }
    }
}

fn bounds(fields: &mut Fields<'_>, told: &mut Told<'_>) -> Bounds {
    let mut bounds = Bounds::default();
    let head = Kind::Bytes { min: 1 << 10, max: 1 << 20 };
    if let Some(bytes) = fields.bytes("head-bytes-max", head, told) {
        bounds.head_bytes_max = usize::try_from(bytes).unwrap_or(bounds.head_bytes_max);
    }
    let headers = Kind::Count { min: 8, max: 10_000 };
    bounds.headers_max = fields.count("headers-max", headers, told).unwrap_or(bounds.headers_max);
    let body = Kind::Bytes { min: 0, max: 1 << 50 };
    bounds.body_bytes_max =
        fields.bytes("body-bytes-max", body, told).unwrap_or(bounds.body_bytes_max);
    let long = Kind::Duration { min: SECOND / 10, max: DAY };
    bounds.head_time = fields.time("head-time", long, told).unwrap_or(bounds.head_time);
    bounds.body_pause = fields.time("body-pause", long, told).unwrap_or(bounds.body_pause);
    bounds.tunnel_pause = fields.time("tunnel-pause", long, told).unwrap_or(bounds.tunnel_pause);
    let connections = Kind::Count { min: 1, max: 1_000_000 };
    bounds.connections_max =
        fields.count("connections-max", connections, told).unwrap_or(bounds.connections_max);
    bounds
}

fn networks(fields: &mut Fields<'_>, told: &mut Told<'_>) -> Vec<Network> {
    let entries = fields.texts("trusted", ENTRIES_MAX, told);
    let mut networks = Vec::new();
    for (text, span) in entries {
        match Network::parse(&text) {
            Some(network) => networks.push(network),
            None => {
                fields.wrong_at("trusted", span, "expected a network such as `10.0.0.0/8`", told);
            }
        }
    }
    networks
}
