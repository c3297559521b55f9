//! What must not be kept is replaced before anything is written.
//!
//! The same value has the same pseudonym wherever it stands (keyed hash: HMAC with SHA-256), so that what belonged together
//! still does: who logged in, which token an answer gave and which requests used it. Values are found by the name of what
//! holds them (headers, cookies, fields of JSON, forms and queries, paths in JSON) and by how they look (`patterns`). What
//! cannot be looked into is left out.

mod json;
mod key;
mod names;
mod patterns;
mod url;

use model::{BodySeen, Exchange, Kept, Redaction};

pub use self::{
    key::{Key, is_pseudonym},
    names::usual,
};

use self::{names::Names, patterns::Look};
use crate::body::{Shape, shape_of};

/// Replaces what must not be kept.
#[derive(Debug, Clone)]
pub struct Redactor {
    key: Key,
    names: Names,
    look: Look,
}

/// Headers that say where: their queries are looked into as that of a request is.
const URLS: &[&str] = &["referer", "location", "content-location", "origin", "x-original-url"];

/// Headers in which long runs of letters and digits are no secrets.
const MARKS: &[&str] = &[
    "etag",
    "if-none-match",
    "if-match",
    "if-range",
    "traceparent",
    "tracestate",
    "content-length",
    "date",
    "last-modified",
    "if-modified-since",
    "expires",
    "user-agent",
    "content-type",
    "x-request-id",
    "x-correlation-id",
];

/// Headers that may hold several addresses.
const ADDRESSES: &[&str] =
    &["x-forwarded-for", "forwarded", "x-real-ip", "cf-connecting-ip", "true-client-ip"];

/// Of a text that was cut, so much at its end is left out: it may be half of something.
const HALF_BYTES: usize = 256;

impl Redactor {
    /// By these rules, with the pseudonyms of this key.
    #[must_use]
    pub fn new(key: Key, rules: &Redaction) -> Self {
        Self { key, names: Names::new(rules), look: Look { patterns: rules.patterns } }
    }

    /// The exchange as it may be kept.
    #[must_use]
    pub fn exchange(&self, mut exchange: Exchange) -> Exchange {
        if !exchange.client.is_empty() {
            exchange.client = self.key.opaque(&exchange.client);
        }
        let request = &mut exchange.request;
        request.target = self.url(&request.target);
        let kind = request.header("content-type").map(str::to_owned);
        self.body(&mut request.body, kind.as_deref());
        self.headers(&mut request.headers);
        if let Some(answer) = &mut exchange.answer {
            let kind = answer.header("content-type").map(str::to_owned);
            self.body(&mut answer.body, kind.as_deref());
            self.headers(&mut answer.headers);
        }
        exchange
    }

    /// Headers as they may be kept.
    pub fn headers(&self, headers: &mut [(String, String)]) {
        for (name, value) in headers {
            *value = self.header(name, value);
        }
    }

    fn header(&self, name: &str, value: &str) -> String {
        match name {
            "cookie" => self.cookies(value),
            "set-cookie" => self.set_cookie(value),
            "authorization" | "proxy-authorization" => match value.split_once(' ') {
                Some((scheme, rest)) => format!("{scheme} {}", self.key.opaque(rest.trim())),
                None => self.key.opaque(value),
            },
            name if ADDRESSES.contains(&name) && self.names.header(name) => {
                let one = |part: &str| self.key.opaque(part.trim());
                value.split(',').map(one).collect::<Vec<_>>().join(", ")
            }
            name if self.names.header(name) => self.key.pseudonym(value),
            name if URLS.contains(&name) => self.url(value),
            name if MARKS.contains(&name) => self.look.without_runs().replace(value, &self.key),
            _ => self.look.replace(value, &self.key),
        }
    }

    fn cookies(&self, value: &str) -> String {
        let one = |pair: &str| self.cookie(pair.trim());
        value.split(';').map(one).collect::<Vec<_>>().join("; ")
    }

    fn set_cookie(&self, value: &str) -> String {
        match value.split_once(';') {
            Some((pair, attributes)) => format!("{};{attributes}", self.cookie(pair.trim())),
            None => self.cookie(value.trim()),
        }
    }

    fn cookie(&self, pair: &str) -> String {
        match pair.split_once('=') {
            Some((name, value)) if self.names.cookie_stays(name.trim()) => {
                format!("{name}={}", self.look.replace(value, &self.key))
            }
            Some((name, value)) => format!("{name}={}", self.key.opaque(value.trim_matches('"'))),
            None => self.key.opaque(pair),
        }
    }

    /// A body as it may be kept; its content type tells how it is looked into.
    pub fn body(&self, body: &mut BodySeen, content_type: Option<&str>) {
        if body.bytes.is_empty() {
            return;
        }
        let is_cut = body.kept == Kept::Cut;
        let shape = shape_of(content_type, &body.bytes);
        let text = match (std::str::from_utf8(&body.bytes), is_cut) {
            (Ok(text), _) => Some(text),
            // Cut within a letter.
            (Err(error), true) if error.error_len().is_none() => body
                .bytes
                .get(..error.valid_up_to())
                .and_then(|whole| std::str::from_utf8(whole).ok()),
            (Err(_), _) => None,
        };
        let clean = text.and_then(|text| match shape {
            Shape::Json => self.json(text, is_cut),
            Shape::JsonLines => self.json_lines(text, is_cut),
            Shape::Form => Some(self.form(without_half(text, is_cut, '&'))),
            Shape::Text => {
                let text = if is_cut { cut_back(text) } else { text };
                Some(self.look.replace(text, &self.key))
            }
            Shape::Opaque => None,
        });
        if let Some(clean) = clean {
            body.bytes = clean.into_bytes();
        } else {
            (body.bytes, body.kept) = (Vec::new(), Kept::LeftOut);
        }
    }

    fn json_lines(&self, text: &str, is_cut: bool) -> Option<String> {
        let text = without_half(text, is_cut, '\n');
        let one = |line: &str| {
            if line.trim().is_empty() { Some(line.to_owned()) } else { self.json(line, false) }
        };
        text.split('\n').map(one).collect::<Option<Vec<_>>>().map(|lines| lines.join("\n"))
    }

    fn json(&self, text: &str, is_cut: bool) -> Option<String> {
        json::redact(text, is_cut, self, 0)
    }
}

/// Of a text that was cut, the parts that are whole.
fn without_half(text: &str, is_cut: bool, between: char) -> &str {
    match text.rsplit_once(between) {
        Some((whole, _half)) if is_cut => whole,
        None if is_cut => "",
        _ => text,
    }
}

/// A text without what may be half of something at its end.
fn cut_back(text: &str) -> &str {
    let mut end = text.len().saturating_sub(HALF_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let head = text.get(..end).unwrap_or_default();
    // Not in the middle of a number or a word either.
    let is_within = |letter: char| letter.is_alphanumeric() || "@.+-_ ()~%".contains(letter);
    head.trim_end_matches(is_within)
}
