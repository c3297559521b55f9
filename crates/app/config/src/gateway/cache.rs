//! `[gateway.cache]`, and `cache` of a route: what is kept, under which key, for how long.

use std::{ops::Range, path::PathBuf, time::Duration};

use toml::{Spanned, de::DeValue};
use traffic::cache::{
    CacheRule, CacheSettings, Clients, Cookies, DiskSettings, Keep, Query, SetCookie, Template,
    User,
};

use crate::table::Kind;

use super::{ENTRIES_MAX, SHARE, Told, fields::Fields, route::parsed};

/// Lifetimes: nothing is kept for longer than a year.
const LIFETIME: Kind = Kind::Duration { min: Duration::ZERO, max: Duration::from_hours(366 * 24) };

const ON_OFF: &[&str] = &["on", "off"];

/// The cache of the gateway.
#[derive(Default)]
pub(super) struct Cache {
    pub(super) settings: CacheSettings,
    pub(super) disk: Option<DiskSettings>,
    pub(super) top_keys: Option<PathBuf>,
}

pub(super) fn settings(fields: &mut Fields<'_>, told: &mut Told<'_>) -> Cache {
    let usual = CacheSettings::default();
    let Some(table) = fields.raw("cache") else { return Cache::default() };
    let Some(mut fields) = Fields::of("gateway.cache", table, told) else {
        return Cache::default();
    };
    let bytes = Kind::Bytes { min: 1 << 20, max: 1 << 44 };
    let waiters = Kind::Count { min: 0, max: 10_000_000 };
    let settings = CacheSettings {
        bytes_max: fields.bytes("bytes-max", bytes, told).unwrap_or(usual.bytes_max),
        waiters_max: fields.count("waiters-max", waiters, told).unwrap_or(usual.waiters_max),
        tells: fields.word("status-header", ON_OFF, told) != Some("off"),
    };
    let top_keys = fields.file("top-keys", told);
    let disk = disk(&mut fields, told);
    fields.end(told);
    Cache { settings, disk, top_keys }
}

/// Its level on disk.
fn disk(fields: &mut Fields<'_>, told: &mut Told<'_>) -> Option<DiskSettings> {
    let table = fields.raw("disk")?;
    let mut fields = Fields::of("gateway.cache.disk", table, told)?;
    let folder = fields.file("folder", told);
    let bytes = Kind::Bytes { min: 16 << 20, max: 1 << 44 };
    let (bytes_max, fresh_min) =
        (fields.bytes("bytes-max", bytes, told), fields.time("fresh-min", LIFETIME, told));
    if folder.is_none() {
        fields.missing("folder", "a folder for this gateway alone: `folder = \"cache\"`", told);
    }
    fields.end(told);
    let usual = DiskSettings::new(folder?);
    Some(DiskSettings {
        bytes_max: bytes_max.unwrap_or(usual.bytes_max),
        fresh_min: fresh_min.unwrap_or(usual.fresh_min),
        ..usual
    })
}

/// The cache of a route.
pub(super) fn rule(fields: &mut Fields<'_>, told: &mut Told<'_>) -> Option<CacheRule> {
    let table: &Spanned<DeValue<'_>> = fields.raw("cache")?;
    let mut fields = Fields::of("gateway.route.cache", table, told)?;
    let usual = CacheRule::default();
    let body = Kind::Bytes { min: 0, max: 1 << 40 };
    let early = Kind::Number { min: 0.0, max: 100.0, unit: "times as eagerly" };
    let rule = CacheRule {
        ttl: fields.time("ttl", LIFETIME, told),
        over: fields.word("over-answer", ON_OFF, told) == Some("on"),
        negative_ttl: fields.time("negative-ttl", LIFETIME, told),
        heuristic_share: fields
            .number("heuristic-share", SHARE, told)
            .unwrap_or(usual.heuristic_share),
        query: query(&mut fields, told),
        headers: parsed(&mut fields, "headers", "a header's name", |name| name.parse().ok(), told),
        cookies: fields
            .texts("cookies", ENTRIES_MAX, told)
            .into_iter()
            .map(|(name, _)| name)
            .collect(),
        user: user(&mut fields, told),
        version: fields.text("version", told).map(|(text, _)| text).unwrap_or_default(),
        careful: match fields.word("other-cookies", &["careful", "ignore"], told) {
            Some("ignore") => Cookies::Ignore,
            _ => Cookies::Careful,
        },
        set_cookie: match fields.word("set-cookie", &["refuse", "strip", "keep"], told) {
            Some("strip") => SetCookie::Strip,
            Some("keep") => SetCookie::Keep,
            _ => SetCookie::Refuse,
        },
        shares_authorized: fields.word("authorization", &["careful", "shared"], told)
            == Some("shared"),
        tags: templates(&mut fields, "tags", told),
        stale_while_revalidate: fields.time("stale-while-revalidate", LIFETIME, told),
        stale_if_error: fields.time("stale-if-error", LIFETIME, told),
        stale_when_down: fields
            .time("stale-when-down", LIFETIME, told)
            .unwrap_or(usual.stale_when_down),
        early: fields.number("early", early, told).unwrap_or(usual.early),
        body_bytes_max: fields.bytes("body-bytes-max", body, told).unwrap_or(usual.body_bytes_max),
        clients: match fields.word("clients", &["obey", "ignore"], told) {
            Some("ignore") => Clients::Ignore,
            _ => Clients::Obey,
        },
        shared: fields.word("shared", ON_OFF, told) == Some("on"),
        keep: match fields.word("disk", ON_OFF, told) {
            Some("off") => Keep::Memory,
            _ => Keep::Anywhere,
        },
    };
    if rule.over && rule.ttl.is_none() {
        fields.missing("ttl", "`over-answer` needs a `ttl` that counts instead", told);
    }
    fields.end(told);
    Some(rule)
}

/// Tags with parts of the path in them.
pub(super) fn templates(
    fields: &mut Fields<'_>,
    key: &'static str,
    told: &mut Told<'_>,
) -> Vec<Template> {
    let mut all = Vec::new();
    for (text, span) in fields.texts(key, ENTRIES_MAX, told) {
        if let Some(template) = Template::parse(&text) {
            all.push(template);
        } else {
            let label =
                "expected a tag such as `orders`, or `order-{2}` for the second part of the path";
            fields.wrong_at(key, span, label, told);
        }
    }
    all
}

fn query(fields: &mut Fields<'_>, told: &mut Told<'_>) -> Query {
    let list = |entries: Vec<(String, Range<usize>)>| -> Vec<String> {
        entries.into_iter().map(|(name, _)| name).collect()
    };
    let without = fields.texts("query-without", ENTRIES_MAX, told);
    let span = without.first().map(|(_, span)| span.clone());
    let Some(written) = fields.raw("query") else {
        return if without.is_empty() { Query::All } else { Query::Without(list(without)) };
    };
    if let Some(span) = span {
        fields.wrong_at("query-without", span, "`query` names already what counts", told);
    }
    Query::Only(list(fields.texts_of("query", written, told)))
}

fn user(fields: &mut Fields<'_>, told: &mut Told<'_>) -> Option<User> {
    let (text, span) = fields.text("user", told)?;
    let user = match text.split_once(':') {
        Some(("header", name)) => name.parse().ok().map(User::Header),
        Some(("cookie", name)) if !name.is_empty() => Some(User::Cookie(name.to_owned())),
        _ => None,
    };
    if user.is_none() {
        fields.wrong_at("user", span, "expected `header:authorization` or `cookie:session`", told);
    }
    user
}
