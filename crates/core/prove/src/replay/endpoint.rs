//! Endpoints: requests that differ by ids alone are of one kind.

/// Method and path with `{id}` in place of what identifies one thing: numbers, UUIDs, long hexadecimal digits, pseudonyms.
#[must_use]
pub fn endpoint(method: &str, target: &str) -> String {
    let path = target.split(['?', '#']).next().unwrap_or_default();
    let part = |part: &str| if is_id(part) { "{id}".to_owned() } else { part.to_owned() };
    format!("{method} {}", path.split('/').map(part).collect::<Vec<_>>().join("/"))
}

/// Digits of hexadecimal that no word has so many of.
const HEX_MIN: usize = 12;

fn is_id(part: &str) -> bool {
    let digits = part.bytes().filter(u8::is_ascii_digit).count();
    let is_hex = part.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    let is_ulid = part.len() == 26
        && part.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    (0 < digits && digits == part.len())
        || (is_hex && HEX_MIN <= part.len() && 0 < digits)
        || (is_ulid && 0 < digits)
        || (part.starts_with('~') && HEX_MIN < part.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_left_out_and_words_are_not() {
        assert_eq!(endpoint("GET", "/api/orders/17/?page=2"), "GET /api/orders/{id}/");
        assert_eq!(endpoint("GET", "/u/550e8400-e29b-41d4-a716-446655440000"), "GET /u/{id}");
        assert_eq!(endpoint("GET", "/u/~0123456789ab/x"), "GET /u/{id}/x");
        assert_eq!(endpoint("GET", "/v2/feedback/added"), "GET /v2/feedback/added");
    }
}
