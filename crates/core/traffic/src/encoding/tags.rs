//! Entity tags of compressed answers: a strong tag gets a suffix, and loses it on the way back.

use http::HeaderValue;

use super::Coding;

/// The tag of a compressed answer whose plain one has this tag; `None` where that can stay: a weak one is of all
/// codings, and what is no tag is left alone.
#[must_use]
pub fn coded_tag(tag: &HeaderValue, coding: Coding) -> Option<HeaderValue> {
    let inner = tag.as_bytes().strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    if inner.contains(&b'"') {
        return None;
    }
    HeaderValue::from_bytes(&[b"\"", inner, coding.suffix().as_bytes(), b"\""].concat()).ok()
}

/// A list of tags (`If-None-Match`, `If-Match`) with those of compressed answers replaced by those of the plain ones;
/// `None` if there is none of them in it.
#[must_use]
pub fn plain_tags(list: &HeaderValue, codings: &[Coding]) -> Option<HeaderValue> {
    let mut rest = list.as_bytes();
    let mut plain = Vec::with_capacity(rest.len());
    let mut found = false;
    while let Some(start) = rest.iter().position(|byte| *byte == b'"') {
        let (before, quoted) = rest.split_at(start + 1);
        plain.extend_from_slice(before);
        let end = quoted.iter().position(|byte| *byte == b'"')?;
        let (tag, after) = quoted.split_at(end);
        let shorter = codings.iter().find_map(|one| tag.strip_suffix(one.suffix().as_bytes()));
        found |= shorter.is_some();
        plain.extend_from_slice(shorter.unwrap_or(tag));
        plain.push(b'"');
        rest = after.get(1..).unwrap_or_default();
    }
    plain.extend_from_slice(rest);
    found.then(|| HeaderValue::from_bytes(&plain).ok()).flatten()
}

/// The tags of a list, each with its quotes and without `W/`.
pub(super) fn each(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = list;
    std::iter::from_fn(move || {
        let start = rest.iter().position(|byte| *byte == b'"')?;
        let quoted = rest.get(start..)?;
        let end = quoted.iter().skip(1).position(|byte| *byte == b'"')? + 2;
        rest = quoted.get(end..).unwrap_or_default();
        quoted.get(..end)
    })
}
