//! The names of the fields that a JSON text begins with, to tell formats apart without parsing it.
//!
//! Works on text that is cut or broken further on, which is what lets such files be named rightly.

/// Bytes that are looked at: any format shows itself within a few hundred, unless its first span
/// carries something large.
const LOOKED_AT_BYTES_MAX: usize = 256 * 1024;

/// A field name, and how many objects and lists it is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Key<'a> {
    pub(crate) depth: usize,
    pub(crate) name: &'a [u8],
}

/// Whether the text begins as JSON objects or lists do.
pub(crate) fn is_json(bytes: &[u8]) -> bool {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    matches!(bytes.iter().find(|byte| !byte.is_ascii_whitespace()), Some(b'{' | b'['))
}

/// The names of the fields, in order; nothing if it is not JSON.
pub(crate) fn keys(bytes: &[u8]) -> impl Iterator<Item = Key<'_>> {
    let looked_at = if is_json(bytes) { bytes } else { &[] };
    let mut rest = looked_at.get(..LOOKED_AT_BYTES_MAX).unwrap_or(looked_at);
    let mut depth = 0_usize;
    std::iter::from_fn(move || {
        while let [byte, after @ ..] = rest {
            rest = after;
            match byte {
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth = depth.saturating_sub(1),
                b'"' => {
                    let name = string(&mut rest)?;
                    let next = rest.iter().find(|byte| !byte.is_ascii_whitespace());
                    if next == Some(&b':') {
                        return Some(Key { depth, name });
                    }
                }
                _ => {}
            }
        }
        None
    })
}

/// Whether a field `name` is at most `depth` objects and lists deep.
pub(crate) fn has(bytes: &[u8], depth: usize, name: &str) -> bool {
    keys(bytes).any(|key| key.depth <= depth && key.name == name.as_bytes())
}

/// Takes the rest of a string, its closing quote included.
fn string<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let bytes = *rest;
    let mut escaped = false;
    let end = bytes.iter().position(|byte| {
        let ends = *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        ends
    })?;
    *rest = bytes.get(end + 1..)?;
    bytes.get(..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[(usize, &str)]) {
        let found: Vec<(usize, &str)> = keys(text.as_bytes())
            .map(|key| (key.depth, std::str::from_utf8(key.name).unwrap()))
            .collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn fields_are_told_from_texts() {
        check(r#" {"a": "b", "c" :["d", {"e\"": 1}]}"#, &[(1, "a"), (1, "c"), (3, r#"e\""#)]);
        check(r#"[{"a": {"b"#, &[(2, "a")]);
        check(r#""a": 1"#, &[]);
    }
}
