//! Tags of an answer: what it is about, so that it can be forgotten when that changes.

use http::{HeaderMap, HeaderName, HeaderValue};

use super::rule::{CacheRule, Template};

/// Fields that name tags: as Fastly, Cloudflare and Varnish have them.
const FIELDS: [HeaderName; 3] = [
    HeaderName::from_static("surrogate-key"),
    HeaderName::from_static("cache-tag"),
    HeaderName::from_static("xkey"),
];

/// Tags of one answer, and bytes of each: more than the services that have tags allow.
const TAGS_MAX: usize = 256;
const TAG_BYTES_MAX: usize = 1_024;

/// Tags of an answer: of its route, and those that it names; sorted, each once.
#[must_use]
pub fn tags_of(rule: &CacheRule, path: &str, headers: &HeaderMap) -> Vec<String> {
    let mut tags: Vec<String> =
        rule.tags.iter().filter_map(|tag: &Template| tag.tag(path)).collect();
    for field in &FIELDS {
        for line in headers.get_all(field).iter().map(HeaderValue::as_bytes) {
            let words = line.split(|byte| matches!(byte, b',' | b' ' | b'\t'));
            let words = words.filter(|word| !word.is_empty() && word.len() <= TAG_BYTES_MAX);
            tags.extend(
                words.take(TAGS_MAX).map(|word| String::from_utf8_lossy(word).into_owned()),
            );
        }
    }
    tags.sort_unstable();
    tags.dedup();
    tags.truncate(TAGS_MAX);
    tags
}
