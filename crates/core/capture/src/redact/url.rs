//! URLs, queries and forms: each value is unescaped, looked at, and escaped again if it was replaced.

use super::Redactor;

/// URLs within values of URLs, at most so deep.
const DEPTH_MAX: usize = 2;

/// Files whose names hold a hash, which is no secret.
const ASSETS: &[&str] = &[
    ".js", ".css", ".map", ".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp", ".avif", ".ico",
    ".woff", ".woff2", ".ttf", ".wasm",
];

impl Redactor {
    /// A URL, or a path and query.
    pub(super) fn url(&self, url: &str) -> String {
        self.url_within(url, 0)
    }

    fn url_within(&self, url: &str, depth: usize) -> String {
        let (rest, fragment) =
            url.split_once('#').map_or((url, None), |(rest, part)| (rest, Some(part)));
        let (place, query) =
            rest.split_once('?').map_or((rest, None), |(place, query)| (place, Some(query)));
        let (origin, path) = match place.split_once("://") {
            Some((scheme, rest)) => {
                let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
                let authority = match authority.rsplit_once('@') {
                    Some((user, host)) => format!("{}@{host}", self.key.opaque(user)),
                    None => authority.to_owned(),
                };
                (format!("{scheme}://{authority}"), path)
            }
            None => (String::new(), place),
        };
        let mut clean = origin;
        clean.push_str(
            &path.split('/').map(|part| self.segment(part)).collect::<Vec<_>>().join("/"),
        );
        if let Some(query) = query {
            clean.push('?');
            clean.push_str(&self.pairs(query, depth));
        }
        if let Some(fragment) = fragment {
            clean.push('#');
            clean.push_str(&self.pairs(fragment, depth));
        }
        clean
    }

    /// What a form sends.
    pub(super) fn form(&self, text: &str) -> String {
        self.pairs(text, 0)
    }

    fn segment(&self, part: &str) -> String {
        let plain = unescape(part, false);
        let lower = plain.to_ascii_lowercase();
        let is_asset = ASSETS.iter().any(|ending| lower.ends_with(ending));
        let look = if is_asset { self.look.without_tokens() } else { self.look };
        let clean = look.replace(&plain, &self.key);
        if clean == plain { part.to_owned() } else { escape(&clean) }
    }

    fn pairs(&self, text: &str, depth: usize) -> String {
        text.split('&').map(|pair| self.pair(pair, depth)).collect::<Vec<_>>().join("&")
    }

    fn pair(&self, pair: &str, depth: usize) -> String {
        let Some((name, value)) = pair.split_once('=') else {
            let plain = unescape(pair, true);
            let clean = self.look.replace(&plain, &self.key);
            return if clean == plain { pair.to_owned() } else { escape(&clean) };
        };
        let plain = unescape(value, true);
        let clean = if self.names.field(&unescape(name, true)) {
            self.key.pseudonym(&plain)
        } else if depth < DEPTH_MAX
            && (plain.contains("://") || (plain.starts_with('/') && plain.contains('?')))
        {
            self.url_within(&plain, depth + 1)
        } else {
            self.look.replace(&plain, &self.key)
        };
        let name = {
            let plain = unescape(name, true);
            let clean = self.look.replace(&plain, &self.key);
            if clean == plain { name.to_owned() } else { escape(&clean) }
        };
        if clean == plain {
            format!("{name}={value}")
        } else {
            format!("{name}={}", escape(&clean))
        }
    }
}

/// Without percent signs; what is no UTF-8 becomes U+FFFD.
fn unescape(text: &str, plus_is_space: bool) -> String {
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut place = 0;
    while let Some(byte) = bytes.get(place) {
        let digit = |at: usize| char::from(*bytes.get(at)?).to_digit(16);
        let coded = if *byte == b'%' { digit(place + 1).zip(digit(place + 2)) } else { None };
        if let Some((high, low)) = coded {
            plain.push(u8::try_from(high * 16 + low).unwrap_or(b'?'));
            place += 3;
        } else {
            plain.push(if plus_is_space && *byte == b'+' { b' ' } else { *byte });
            place += 1;
        }
    }
    String::from_utf8_lossy(&plain).into_owned()
}

/// All but what RFC 3986 calls unreserved, and the signs of mail addresses and phones, is escaped.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~@:/?=,".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}
