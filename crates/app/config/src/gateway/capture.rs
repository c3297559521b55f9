//! `[gateway.capture]`: which requests and answers are kept, where, and what is replaced in them.

use std::{path::PathBuf, time::Duration};

use capture::usual;
use model::{Patterns, Redaction};
use traffic::{
    capture::{CaptureRules, CaptureTo, DrawBy},
    plan::Secret,
};

use crate::{table::Kind, value::Value};

use super::{SHARE, Told, fields::Fields};

/// A key of fewer bytes can be guessed.
const KEY_BYTES_MIN: usize = 16;

/// Names in a list: more are a list of everything.
const NAMES_MAX: usize = 500;

/// What is found by how it looks.
const PATTERNS: &[&str] = &["mail", "phone", "card", "token", "jwt"];

pub(super) fn read(fields: &mut Fields<'_>, told: &mut Told<'_>) -> Option<CaptureRules> {
    let table = fields.raw("capture")?;
    let mut fields = Fields::of("gateway.capture", table, told)?;
    let small = Kind::Bytes { min: 0, max: 4 << 20 };
    let large = Kind::Bytes { min: 64 << 10, max: 1 << 50 };
    let age = Kind::Duration { min: Duration::from_secs(1), max: Duration::from_hours(24 * 30) };
    let beside = told
        .path
        .parent()
        .map_or_else(|| PathBuf::from("captures"), |folder| folder.join("captures"));
    let mut bytes = |key, kind, usual| fields.bytes(key, kind, told).unwrap_or(usual);
    let size = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
    let body_bytes_max = size(bytes("body-bytes-max", small, 256 << 10));
    let file_bytes_max = bytes("file-bytes-max", large, 64 << 20);
    let total_bytes_max = bytes("total-bytes-max", large, 1 << 30);
    let waiting_bytes_max = size(bytes("waiting-bytes-max", large, 32 << 20));
    let rules = CaptureRules {
        folder: fields.file("folder", told).unwrap_or(beside),
        share: fields.number("share", SHARE, told).unwrap_or(0.01),
        by: match fields.word("by", &["chance", "trace", "client"], told) {
            Some("trace") => DrawBy::Trace,
            Some("client") => DrawBy::Client,
            _ => DrawBy::Chance,
        },
        body_bytes_max,
        file_bytes_max,
        file_age_max: fields.time("file-age-max", age, told).unwrap_or(Duration::from_hours(1)),
        total_bytes_max,
        waiting_bytes_max,
        key: key(&mut fields, told),
        redaction: redaction(&mut fields, told),
        to: to(&mut fields, told),
    };
    fields.end(told);
    Some(rules)
}

/// The bucket that whole files are moved to.
fn to(fields: &mut Fields<'_>, told: &mut Told<'_>) -> Option<CaptureTo> {
    let bucket = fields.take("to", Kind::ObjectsOrOff, told);
    let endpoint = fields.take("endpoint", Kind::ServerOrOff, told);
    let region = match fields.take("region", Kind::Name, told) {
        Some(Value::Name(region)) => region,
        _ => "us-east-1".to_owned(),
    };
    let Some(Value::Objects(Some(bucket))) = bucket else { return None };
    let endpoint = match endpoint {
        Some(Value::Server(Some(endpoint))) => endpoint,
        _ => format!("https://s3.{region}.amazonaws.com"),
    };
    Some(CaptureTo { bucket: bucket.to_string(), endpoint, region })
}

fn key(fields: &mut Fields<'_>, told: &mut Told<'_>) -> Option<Secret> {
    let (text, span) = fields.text("pseudonym-secret", told)?;
    if text.len() < KEY_BYTES_MIN {
        let label = "expected a text of at least 16 characters by chance";
        fields.wrong_at("pseudonym-secret", span, label, told);
    }
    Some(Secret(text))
}

/// What is replaced: what usually is, and what is named here.
fn redaction(fields: &mut Fields<'_>, told: &mut Told<'_>) -> Redaction {
    let mut rules = usual();
    let mut names = |key: &'static str| -> Vec<String> {
        fields.texts(key, NAMES_MAX, told).into_iter().map(|(text, _)| text).collect()
    };
    let lower = |names: Vec<String>| names.into_iter().map(|name| name.to_ascii_lowercase());
    rules.headers.extend(lower(names("redact-headers")));
    let kept: Vec<String> = lower(names("keep-headers")).collect();
    rules.headers.retain(|name| !kept.contains(name));
    rules.fields.extend(names("redact-fields"));
    rules.fields_kept = names("keep-fields");
    rules.cookies_kept = names("keep-cookies");
    for (path, span) in fields.texts("redact-paths", NAMES_MAX, told) {
        if path.starts_with('/') {
            rules.paths.push(path);
        } else {
            let label = "expected a place in JSON such as `/user/name` or `/users/*/name`";
            fields.wrong_at("redact-paths", span, label, told);
        }
    }
    let written = fields.texts("patterns", NAMES_MAX, told);
    if !written.is_empty() {
        let has = |name: &str| written.iter().any(|(text, _)| text == name);
        rules.patterns = Patterns {
            mail: has("mail"),
            phone: has("phone"),
            card: has("card"),
            token: has("token"),
            jwt: has("jwt"),
        };
        for (text, span) in &written {
            if !PATTERNS.contains(&text.as_str()) && text != "none" {
                let label = format!("expected some of {}, or `none`", PATTERNS.join(", "));
                fields.wrong_at("patterns", span.clone(), &label, told);
            }
        }
    }
    rules
}
