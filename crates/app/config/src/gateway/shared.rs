//! `[gateway.redis]`: what gateways share; `[gateway.events]`: where it is heard of what changed; `[gateway.tokens]`: how
//! what clients say of themselves is verified.

use std::{num::NonZeroU32, ops::Range, sync::Arc, time::Duration};

use traffic::{
    events::EventSettings,
    plan::Secret,
    redis::RedisSettings,
    token::{Signing, TokenKey, TokenPlace, Tokens},
};

use crate::table::Kind;

use super::{Told, fields::Fields};

/// Keys that tokens are verified with: those of some years, each of which costs time with every wrong token.
const KEYS_MAX: usize = 20;

/// Bytes of a key.
const KEY_BYTES_MAX: u64 = 64 << 10;

pub(super) fn redis(fields: &mut Fields<'_>, told: &mut Told<'_>) -> Option<RedisSettings> {
    let table = fields.raw("redis")?;
    let mut fields = Fields::of("gateway.redis", table, told)?;
    let url = url(&mut fields, ["url", "url-env"], "`redis://127.0.0.1:6379`", told);
    let schemes = ["redis://", "rediss://", "unix://"];
    if let Some((url, span, key)) = &url
        && !schemes.iter().any(|scheme| url.starts_with(scheme))
    {
        let label =
            "expected `redis://host:6379/0`, `rediss://` with encryption, or `unix:///path`";
        fields.wrong_at(key, span.clone(), label, told);
    }
    let usual = RedisSettings::new(url.map(|(url, _, _)| url).unwrap_or_default());
    let wait = Kind::Duration { min: Duration::from_millis(1), max: Duration::from_secs(10) };
    let bytes = Kind::Bytes { min: 1 << 20, max: 1 << 44 };
    let some = Kind::Count { min: 1, max: 10_000 };
    let settings = RedisSettings {
        prefix: fields.text("prefix", told).map_or(usual.prefix, |(text, _)| text),
        timeout: fields.time("timeout", wait, told).unwrap_or(usual.timeout),
        gateways: fields
            .small("gateways", some, told)
            .and_then(NonZeroU32::new)
            .unwrap_or(usual.gateways),
        cache_bytes_max: fields
            .bytes("cache-bytes-max", bytes, told)
            .unwrap_or(usual.cache_bytes_max),
        url: usual.url,
    };
    fields.end(told);
    Some(settings)
}

/// An address, or the variable of the environment that has it; and where it stands.
fn url(
    fields: &mut Fields<'_>,
    [key, of_environment]: [&'static str; 2],
    example: &str,
    told: &mut Told<'_>,
) -> Option<(String, Range<usize>, &'static str)> {
    let written = fields.text(key, told);
    let named = fields.text(of_environment, told);
    match (written, named) {
        (Some((url, span)), None) => Some((url, span, key)),
        (None, Some((name, span))) => {
            let url = std::env::var(&name).ok();
            if url.is_none() {
                let label = "the environment has no such variable";
                fields.wrong_at(of_environment, span.clone(), label, told);
            }
            url.map(|url| (url, span, of_environment))
        }
        (Some(_), Some((_, span))) => {
            fields.wrong_at(of_environment, span, "its address is written down already", told);
            None
        }
        (None, None) => {
            let hint = format!("{example}, or `{of_environment}` for a variable");
            fields.missing(key, &hint, told);
            None
        }
    }
}

pub(super) fn events(fields: &mut Fields<'_>, told: &mut Told<'_>) -> Option<EventSettings> {
    let table = fields.raw("events")?;
    let mut fields = Fields::of("gateway.events", table, told)?;
    let example = "`postgres://user:password@host/database`";
    let url = url(&mut fields, ["postgres", "postgres-env"], example, told);
    let channel = fields.text("channel", told);
    if let Some((name, span)) = &channel
        && (name.is_empty() || 63 < name.len() || name.contains('\0'))
    {
        fields.wrong_at("channel", span.clone(), "expected a name of at most 63 bytes", told);
    }
    fields.end(told);
    let channel = channel.map_or_else(|| "taut".to_owned(), |(name, _)| name);
    url.map(|(url, _, _)| EventSettings { url: Secret(url), channel })
}

pub(super) fn tokens(fields: &mut Fields<'_>, told: &mut Told<'_>) -> Option<Arc<Tokens>> {
    let table = fields.raw("tokens")?;
    let mut fields = Fields::of("gateway.tokens", table, told)?;
    let mut keys = Vec::new();
    for entry in fields.list("keys", KEYS_MAX, told) {
        let Some(mut one) = Fields::of("gateway.tokens.keys", entry, told) else { continue };
        keys.extend(key(&mut one, &entry.span(), told));
        one.end(told);
    }
    if keys.is_empty() {
        let hint = "`keys = [{ algorithm = \"RS256\", file = \"public.pem\" }]`";
        fields.missing("keys", hint, told);
    }
    let leeway = Kind::Duration { min: Duration::ZERO, max: Duration::from_mins(10) };
    let tokens = Tokens {
        keys,
        place: place(&mut fields, told),
        issuer: fields.text("issuer", told).map(|(text, _)| text),
        audience: fields.text("audience", told).map(|(text, _)| text),
        leeway: fields.time("leeway", leeway, told).unwrap_or(Duration::from_secs(30)),
    };
    fields.end(told);
    Some(Arc::new(tokens))
}

fn key(fields: &mut Fields<'_>, span: &Range<usize>, told: &mut Told<'_>) -> Option<TokenKey> {
    let signing = match fields.word("algorithm", &["HS256", "RS256", "ES256"], told) {
        Some("HS256") => Some(Signing::Hs256),
        Some("RS256") => Some(Signing::Rs256),
        Some("ES256") => Some(Signing::Es256),
        _ => {
            fields.missing("algorithm", "`HS256`, `RS256` or `ES256`", told);
            None
        }
    };
    let id = fields.text("id", told).map(|(id, _)| id);
    let file = fields.file("file", told);
    let variable = fields.text("env", told);
    let material = match (file, variable) {
        (Some(path), None) => match read(&path) {
            Ok(mut bytes) if signing == Some(Signing::Hs256) => {
                // A line's end is an editor's, not the secret's.
                while bytes.last().is_some_and(|byte| matches!(byte, b'\n' | b'\r')) {
                    bytes.pop();
                }
                Some(bytes)
            }
            Ok(bytes) => Some(bytes),
            Err(why) => {
                fields.wrong_at("file", span.clone(), &why, told);
                None
            }
        },
        (None, Some((name, span))) => {
            let text = std::env::var(&name).ok();
            if text.is_none() {
                fields.wrong_at("env", span, "the environment has no such variable", told);
            }
            text.map(String::into_bytes)
        }
        _ => {
            fields.missing(
                "file",
                "`file = \"key.pem\"`, or `env = \"NAME\"` for a variable",
                told,
            );
            None
        }
    };
    match TokenKey::new(signing?, id, &material?) {
        Ok(key) => Some(key),
        Err(why) => {
            fields.wrong_at("file", span.clone(), &why.to_string(), told);
            None
        }
    }
}

fn read(path: &std::path::Path) -> Result<Vec<u8>, String> {
    let failed = |error: std::io::Error| format!("`{}` cannot be read: {error}", path.display());
    if KEY_BYTES_MAX < std::fs::metadata(path).map_err(failed)?.len() {
        return Err(format!("`{}` is larger than any key", path.display()));
    }
    std::fs::read(path).map_err(failed)
}

fn place(fields: &mut Fields<'_>, told: &mut Told<'_>) -> TokenPlace {
    let Some((text, span)) = fields.text("from", told) else { return TokenPlace::default() };
    let place = match text.split_once(':') {
        None if text == "authorization" => Some(TokenPlace::Authorization),
        Some(("header", name)) => name.parse().ok().map(TokenPlace::Header),
        Some(("cookie", name)) if !name.is_empty() => Some(TokenPlace::Cookie(name.to_owned())),
        _ => None,
    };
    place.unwrap_or_else(|| {
        let label = "expected `authorization`, `header:x-token` or `cookie:session`";
        fields.wrong_at("from", span, label, told);
        TokenPlace::default()
    })
}
