//! `compress`, of the gateway for all routes or of a route for itself: which answers leave smaller than they came.

use std::sync::Arc;

use toml::de::DeValue;
use traffic::encoding::{Coding, CompressRule, MediaRange};

use crate::table::Kind;

use super::{ENTRIES_MAX, Told, fields::Fields};

/// How answers are compressed where nothing is said: `before`, which is what the gateway says for all routes.
pub(super) fn read(
    fields: &mut Fields<'_>,
    before: Option<&Arc<CompressRule>>,
    told: &mut Told<'_>,
) -> Option<Arc<CompressRule>> {
    let Some(written) = fields.raw("compress") else { return before.cloned() };
    match written.get_ref() {
        DeValue::String(word) if word == "off" => None,
        DeValue::String(word) if word == "on" => Some(before.cloned().unwrap_or_default()),
        DeValue::Table(_) => {
            let mut inner = Fields::of("compress", written, told)?;
            let usual = before.map_or_else(CompressRule::default, |rule| CompressRule::clone(rule));
            let bytes = Kind::Bytes { min: 0, max: 1 << 30 };
            let rule = CompressRule {
                bytes_min: inner.bytes("bytes-min", bytes, told).unwrap_or(usual.bytes_min),
                codings: codings(&mut inner, told).unwrap_or(usual.codings),
                types: types(&mut inner, told).unwrap_or(usual.types),
                takes_over: match inner.word("take-over", &["on", "off"], told) {
                    Some(word) => word == "on",
                    None => usual.takes_over,
                },
            };
            inner.end(told);
            Some(Arc::new(rule))
        }
        _ => {
            let label = "expected `on`, `off` or a table such as `{ codings = [\"gzip:2\"] }`";
            fields.wrong_at("compress", written.span(), label, told);
            None
        }
    }
}

/// Codings in the order in which they are liked, each with its level if that is not the usual one.
fn codings(fields: &mut Fields<'_>, told: &mut Told<'_>) -> Option<Vec<(Coding, u8)>> {
    let entries = fields.texts("codings", ENTRIES_MAX, told);
    let mut codings: Vec<(Coding, u8)> = Vec::new();
    for (text, span) in entries {
        let (name, level) = text.split_once(':').map_or((&*text, None), |(n, l)| (n, Some(l)));
        let known = CompressRule::default().codings;
        let found = known.into_iter().find(|(coding, _)| coding.token() == name);
        let level_max = match name {
            "zstd" => 19,
            "br" => 11,
            _ => 9,
        };
        let level = match level {
            None => found.map(|(_, level)| level),
            Some(level) => level.parse().ok().filter(|level| (1..=level_max).contains(level)),
        };
        match (found, level) {
            (Some((coding, _)), Some(level))
                if codings.iter().all(|(other, _)| *other != coding) =>
            {
                codings.push((coding, level));
            }
            _ => {
                let label = "expected each once of `zstd`, `br`, `gzip`, with a level (1 to 19, 11, 9) as in `gzip:2`";
                fields.wrong_at("codings", span, label, told);
            }
        }
    }
    (!codings.is_empty()).then_some(codings)
}

fn types(fields: &mut Fields<'_>, told: &mut Told<'_>) -> Option<Vec<MediaRange>> {
    let mut types = Vec::new();
    for (text, span) in fields.texts("types", ENTRIES_MAX, told) {
        if let Some(range) = MediaRange::parse(&text) {
            types.push(range);
        } else {
            let label = "expected `application/json`, `text/*`, `*/*+json` or `*/*`";
            fields.wrong_at("types", span, label, told);
        }
    }
    (!types.is_empty()).then_some(types)
}
