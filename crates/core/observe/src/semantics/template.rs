//! Templates: paths and keys with their variable parts replaced, so that few names stand for many.

use model::Text;

use super::Hash;

/// What takes the place of a variable part.
const VARIABLE: &str = "{id}";

/// Longest template that is kept: paths come from the world outside.
const TEMPLATE_BYTES_MAX: usize = 200;

/// Segments of a path past this many are dropped: what follows is a tree of files, not a route.
const SEGMENTS_MAX: usize = 12;

/// `path` with its variable segments replaced: `/orders/17/items` is `/orders/{id}/items`.
pub(super) fn path(path: &str) -> Text {
    let mut out = Text::default();
    for (place, segment) in path.split('/').enumerate() {
        if place == SEGMENTS_MAX || TEMPLATE_BYTES_MAX < out.len() + segment.len() {
            out.push_str("/…");
            break;
        }
        if 0 < place {
            out.push('/');
        }
        out.push_str(if is_variable(segment) { VARIABLE } else { segment });
    }
    if out.is_empty() {
        out.push('/');
    }
    out
}

/// Variables kept of one URL: a URL with more is a search form, not a key.
const VARIABLES_MAX: usize = 16;

/// Hashes of what varies in a URL: segments that [`path`] replaces, and values of the query that look
/// the same way.
pub(super) fn variables(path: &str, query: &str) -> Vec<u64> {
    let values = query.split('&').filter_map(|pair| pair.split_once('=')).map(|(_, value)| value);
    path.split('/')
        .chain(values)
        .filter(|part| is_variable(part))
        .take(VARIABLES_MAX)
        .map(|part| Hash::new().add(part.as_bytes()).0)
        .collect()
}

/// A cache key with its variable parts replaced: `user:17:profile` is `user:{id}:profile`.
pub(super) fn key(key: &str) -> Text {
    let mut out = Text::default();
    let mut part_start = 0;
    let separators = key.char_indices().filter(|(_, letter)| is_separator(*letter));
    for (place, separator) in
        separators.map(Some).chain([None]).map(|it| it.unwrap_or((key.len(), '\0')))
    {
        let part = key.get(part_start..place).unwrap_or_default();
        if TEMPLATE_BYTES_MAX < out.len() + part.len() {
            out.push('…');
            break;
        }
        out.push_str(if is_variable(part) { VARIABLE } else { part });
        if separator != '\0' {
            out.push(separator);
        }
        part_start = place + separator.len_utf8();
    }
    out
}

fn is_separator(letter: char) -> bool {
    matches!(letter, ':' | '/' | '|' | '#' | '.')
}

/// Whether a segment names one thing among many: a number, a UUID, hexadecimal digits, a long token
/// of letters and digits, a slug with digits, an address.
pub(super) fn is_variable(segment: &str) -> bool {
    let mut digits = 0;
    let mut letters = 0;
    let mut hex_letters = 0;
    let mut dashes = 0;
    let mut upper = 0;
    let mut other = 0;
    for byte in segment.bytes() {
        match byte {
            b'0'..=b'9' => digits += 1,
            b'a'..=b'f' => {
                letters += 1;
                hex_letters += 1;
            }
            b'A'..=b'F' => {
                letters += 1;
                hex_letters += 1;
                upper += 1;
            }
            b'g'..=b'z' => letters += 1,
            b'G'..=b'Z' => {
                letters += 1;
                upper += 1;
            }
            b'-' | b'_' | b',' | b'.' | b'~' => dashes += 1,
            // An address, or a character that was escaped: free text.
            b'@' | b'%' | b' ' | b'+' => return true,
            // A variable that is marked as such already, or the like.
            b'{' | b'}' | b'<' | b'>' | b':' | b'*' | b'(' | b'$' | b'[' => return false,
            _ => other += 1,
        }
    }
    let length = segment.len();
    if digits == 0 {
        // A token in base 64 may lack digits; words of this length do not mix cases throughout.
        return 0 < other || 20 <= length && dashes == 0 && letters < 3 * upper && upper < letters;
    }
    if letters == 0 {
        return true;
    }
    if is_version(segment) || length <= 3 && digits == 1 {
        return false;
    }
    let all_hex = letters == hex_letters;
    all_hex && 6 <= digits + letters && 2 <= digits
        || 0 < dashes && is_slug_with_number(segment)
        || 16 <= length && 2 <= digits
        || 3 <= digits
        || letters < digits
}

/// `v1`, `v2.1` are parts of an interface, not things.
fn is_version(segment: &str) -> bool {
    let rest = segment.strip_prefix(['v', 'V']).unwrap_or_default();
    !rest.is_empty()
        && rest.len() <= 4
        && rest.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

/// `17-red-shoes` or `red-shoes-17`: one of the dashed parts is a number of its own.
fn is_slug_with_number(segment: &str) -> bool {
    segment
        .split(['-', '_', ',', '.', '~'])
        .any(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
}
