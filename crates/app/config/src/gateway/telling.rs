//! What is told of requests: `[gateway.spans]`, `access-log`, `server-timing`.

use traffic::{
    plan::Secret,
    telling::{AccessLog, Parents, SpanRule, Telling, Timing},
};

use super::{SHARE, Told, fields::Fields};

/// Where a collector takes spans, below its address.
const TRACES: &str = "/v1/traces";

pub(super) fn read(fields: &mut Fields<'_>, told: &mut Told<'_>) -> Telling {
    Telling {
        spans: spans(fields, told),
        access_log: access_log(fields, told),
        server_timing: match fields.word("server-timing", &["off", "trusted", "anyone"], told) {
            Some("trusted") => Timing::Trusted,
            Some("anyone") => Timing::Anyone,
            _ => Timing::Off,
        },
    }
}

fn access_log(fields: &mut Fields<'_>, told: &mut Told<'_>) -> Option<AccessLog> {
    match fields.peek_text("access-log").as_deref() {
        Some("off") => {
            let _written = fields.raw("access-log");
            None
        }
        Some("stdout") => {
            let _written = fields.raw("access-log");
            Some(AccessLog::Stdout)
        }
        // None as well: a file, or what is none and is told so.
        _ => fields.file("access-log", told).map(AccessLog::File),
    }
}

fn spans(fields: &mut Fields<'_>, told: &mut Told<'_>) -> Option<SpanRule> {
    let table = fields.raw("spans")?;
    let mut fields = Fields::of("gateway.spans", table, told)?;
    let endpoint = fields.text("endpoint", told);
    let header = fields.pairs("header", told).into_iter().next();
    let service =
        fields.text("service", told).map_or_else(|| "gateway".to_owned(), |(name, _)| name);
    let share = fields.number("share", SHARE, told).unwrap_or(1.0);
    let parents = match fields.word("parents", &["anyone", "trusted", "nobody"], told) {
        Some("trusted") => Parents::Trusted,
        Some("nobody") => Parents::Nobody,
        _ => Parents::Anyone,
    };
    if endpoint.is_none() {
        fields.missing("endpoint", "a collector: `endpoint = \"http://127.0.0.1:4318\"`", told);
    }
    let (endpoint, span) = endpoint?;
    let address = endpoint.strip_prefix("http://").or_else(|| endpoint.strip_prefix("https://"));
    let good = address.is_some_and(|rest| {
        !rest.is_empty() && !rest.starts_with('/') && !rest.contains(['@', ' ', '?', '#'])
    });
    if !good {
        let label = "expected an address such as `http://127.0.0.1:4318`";
        fields.wrong_at("endpoint", span, label, told);
    }
    fields.end(told);
    let bare = address.is_some_and(|rest| !rest.trim_end_matches('/').contains('/'));
    let endpoint =
        if bare { format!("{}{TRACES}", endpoint.trim_end_matches('/')) } else { endpoint };
    let header = header.map(|(name, value, _)| (name, Secret(value)));
    Some(SpanRule { endpoint, header, service, share, parents })
}
