//! `[gateway.cache]`, and `cache` of a route: what is kept, under which key, for how long.

use std::{ops::Range, path::PathBuf, time::Duration};

use toml::de::DeValue;
use traffic::cache::{
    CacheRule, CacheSettings, Clients, Cookies, DiskSettings, Keep, Query, SetCookie, Template,
    User,
};

use crate::table::Kind;

use super::{ENTRIES_MAX, ON_OFF, SHARE, Told, fields::Fields, route::parsed};

/// Lifetimes: nothing is kept for longer than a year.
const LIFETIME: Kind = Kind::Duration { min: Duration::ZERO, max: Duration::from_hours(366 * 24) };

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

/// The cache of a route; of what it does not say `usual` counts.
pub(super) fn rule(
    fields: &mut Fields<'_>,
    usual: Option<&CacheRule>,
    told: &mut Told<'_>,
) -> Option<CacheRule> {
    let Some(written) = fields.raw("cache") else { return usual.cloned() };
    let usual = usual.cloned().unwrap_or_default();
    match written.get_ref() {
        DeValue::String(word) if word == "off" => return None,
        DeValue::String(word) if word == "on" => return Some(usual),
        DeValue::Table(_) => {}
        _ => {
            let label = "expected `on`, `off` or a table such as `{ ttl = \"1m\" }`";
            fields.wrong_at("cache", written.span(), label, told);
            return None;
        }
    }
    let mut fields = Fields::of(format!("{}.cache", fields.name()), written, told)?;
    let rule = of_table(&mut fields, usual, told);
    if rule.over && rule.ttl.is_none() {
        fields.missing("ttl", "`over-answer` needs a `ttl` that counts instead", told);
    }
    fields.end(told);
    Some(rule)
}

fn of_table(fields: &mut Fields<'_>, usual: CacheRule, told: &mut Told<'_>) -> CacheRule {
    let body = Kind::Bytes { min: 0, max: 1 << 40 };
    let early = Kind::Number { min: 0.0, max: 100.0, unit: "times as eagerly" };
    CacheRule {
        ttl: fields.time_or_off("ttl", LIFETIME, told).over(usual.ttl),
        over: is_on(fields, "over-answer", usual.over, told),
        negative_ttl: fields.time_or_off("negative-ttl", LIFETIME, told).over(usual.negative_ttl),
        heuristic_share: fields
            .number("heuristic-share", SHARE, told)
            .unwrap_or(usual.heuristic_share),
        query: query(fields, usual.query, told),
        headers: list(fields, "headers", usual.headers, |fields| {
            parsed(fields, "headers", "a header's name", |name| name.parse().ok(), told)
        }),
        cookies: list(fields, "cookies", usual.cookies, |fields| {
            names(fields.texts("cookies", ENTRIES_MAX, told))
        }),
        user: user(fields, usual.user, told),
        version: fields.text("version", told).map_or(usual.version, |(text, _)| text),
        careful: match fields.word("other-cookies", &["careful", "ignore"], told) {
            Some("ignore") => Cookies::Ignore,
            Some(_) => Cookies::Careful,
            None => usual.careful,
        },
        set_cookie: match fields.word("set-cookie", &["refuse", "strip", "keep"], told) {
            Some("strip") => SetCookie::Strip,
            Some("keep") => SetCookie::Keep,
            Some(_) => SetCookie::Refuse,
            None => usual.set_cookie,
        },
        shares_authorized: fields
            .word("authorization", &["careful", "shared"], told)
            .map_or(usual.shares_authorized, |word| word == "shared"),
        tags: list(fields, "tags", usual.tags, |fields| templates(fields, "tags", told)),
        stale_while_revalidate: fields
            .time_or_off("stale-while-revalidate", LIFETIME, told)
            .over(usual.stale_while_revalidate),
        stale_if_error: fields
            .time_or_off("stale-if-error", LIFETIME, told)
            .over(usual.stale_if_error),
        stale_when_down: fields
            .time("stale-when-down", LIFETIME, told)
            .unwrap_or(usual.stale_when_down),
        early: fields.number("early", early, told).unwrap_or(usual.early),
        body_bytes_max: fields.bytes("body-bytes-max", body, told).unwrap_or(usual.body_bytes_max),
        clients: match fields.word("clients", &["obey", "ignore"], told) {
            Some("ignore") => Clients::Ignore,
            Some(_) => Clients::Obey,
            None => usual.clients,
        },
        shared: is_on(fields, "shared", usual.shared, told),
        keep: match fields.word("disk", ON_OFF, told) {
            Some("off") => Keep::Memory,
            Some(_) => Keep::Anywhere,
            None => usual.keep,
        },
    }
}

fn is_on(fields: &mut Fields<'_>, key: &'static str, usual: bool, told: &mut Told<'_>) -> bool {
    fields.word(key, ON_OFF, told).map_or(usual, |word| word == "on")
}

/// A list that stands instead of the usual one where it is written, also if there is nothing in it.
fn list<T>(
    fields: &mut Fields<'_>,
    key: &str,
    usual: Vec<T>,
    read: impl FnOnce(&mut Fields<'_>) -> Vec<T>,
) -> Vec<T> {
    let is_written = fields.has(key);
    let read = read(fields);
    if is_written { read } else { usual }
}

fn names(entries: Vec<(String, Range<usize>)>) -> Vec<String> {
    entries.into_iter().map(|(name, _)| name).collect()
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

fn query(fields: &mut Fields<'_>, usual: Query, told: &mut Told<'_>) -> Query {
    let is_written = fields.has("query-without");
    let without = fields.texts("query-without", ENTRIES_MAX, told);
    let span = without.first().map(|(_, span)| span.clone());
    let Some(written) = fields.raw("query") else {
        return match (is_written, without.is_empty()) {
            (false, _) => usual,
            (true, true) => Query::All,
            (true, false) => Query::Without(names(without)),
        };
    };
    if let Some(span) = span {
        fields.wrong_at("query-without", span, "`query` names already what counts", told);
    }
    Query::Only(names(fields.texts_of("query", written, told)))
}

fn user(fields: &mut Fields<'_>, usual: Option<User>, told: &mut Told<'_>) -> Option<User> {
    let Some((text, span)) = fields.text("user", told) else { return usual };
    if text == "off" {
        return None;
    }
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
