//! What is found by its name: headers, cookies, fields, paths in JSON.

use model::{Patterns, Redaction};

/// Headers whose values are replaced unless settings say otherwise.
const HEADERS: &[&str] = &[
    "authorization",
    "proxy-authorization",
    "cookie",
    "set-cookie",
    "x-api-key",
    "api-key",
    "x-auth-token",
    "x-access-token",
    "x-csrf-token",
    "x-csrftoken",
    "x-xsrf-token",
    "x-session-id",
    "x-amz-security-token",
    "x-forwarded-for",
    "x-real-ip",
    "forwarded",
    "cf-connecting-ip",
    "true-client-ip",
    "x-client-ip",
    "x-user-email",
    "x-user-id",
];

/// Fields whose values are replaced unless settings say otherwise.
const FIELDS: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "pin",
    "otp",
    "secret",
    "token",
    "apikey",
    "api_key",
    "authorization",
    "credential",
    "session",
    "sessionid",
    "sid",
    "jwt",
    "cookie",
    "csrf",
    "xsrf",
    "signature",
    "private_key",
    "email",
    "e_mail",
    "mail",
    "phone",
    "mobile",
    "first_name",
    "last_name",
    "full_name",
    "given_name",
    "family_name",
    "surname",
    "street",
    "address",
    "birth",
    "birthday",
    "dob",
    "ssn",
    "iban",
    "bic",
    "passport",
    "tax_id",
    "card_number",
    "cardnumber",
    "credit_card",
    "account_number",
    "cvv",
    "cvc",
    "ip",
    "ip_address",
    "latitude",
    "longitude",
];

/// What is replaced unless settings say otherwise.
#[must_use]
pub fn usual() -> Redaction {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Redaction {
        headers: owned(HEADERS),
        cookies_kept: Vec::new(),
        fields: owned(FIELDS),
        fields_kept: Vec::new(),
        paths: Vec::new(),
        patterns: Patterns::default(),
    }
}

/// A word of so many letters is looked for within names, too; shorter ones are part of too many words.
const WITHIN_MIN: usize = 5;

/// Names, ready to be asked.
#[derive(Debug, Clone)]
pub(super) struct Names {
    headers: Vec<String>,
    cookies_kept: Vec<String>,
    exactly: Vec<String>,
    within: Vec<String>,
    kept: Vec<String>,
    paths: Vec<Vec<String>>,
}

impl Names {
    pub(super) fn new(rules: &Redaction) -> Self {
        let fields: Vec<String> =
            rules.fields.iter().map(|name| plain(name)).filter(|name| !name.is_empty()).collect();
        let long = |name: &&String| WITHIN_MIN <= name.len();
        Self {
            headers: rules.headers.iter().map(|name| name.to_ascii_lowercase()).collect(),
            cookies_kept: rules.cookies_kept.clone(),
            within: fields.iter().filter(long).cloned().collect(),
            exactly: fields,
            kept: rules.fields_kept.iter().map(|name| plain(name)).collect(),
            paths: rules.paths.iter().map(|path| segments(path)).collect(),
        }
    }

    /// Whether the value of this header is replaced; its name is in lower case.
    pub(super) fn header(&self, name: &str) -> bool {
        self.headers.iter().any(|known| known == name)
    }

    pub(super) fn cookie_stays(&self, name: &str) -> bool {
        self.cookies_kept.iter().any(|known| known == name)
    }

    /// Whether the value of a field of this name is replaced.
    pub(super) fn field(&self, name: &str) -> bool {
        let name = plain(name);
        !self.kept.contains(&name)
            && (self.exactly.contains(&name)
                || self.within.iter().any(|word| name.contains(word.as_str())))
    }

    /// Whether everything at this place of a JSON text, or above it, is replaced.
    pub(super) fn path(&self, place: &[String]) -> bool {
        let fits = |(pattern, key): (&String, &String)| pattern == "*" || pattern == key;
        let one =
            |path: &Vec<String>| path.len() <= place.len() && path.iter().zip(place).all(fits);
        self.paths.iter().any(one)
    }
}

/// A name without what spellings differ in.
fn plain(name: &str) -> String {
    name.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The keys of a JSON pointer (RFC 6901).
fn segments(path: &str) -> Vec<String> {
    let parts = path.trim_start_matches('/').split('/');
    parts.map(|part| part.replace("~1", "/").replace("~0", "~")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_known_in_any_spelling() {
        let names =
            Names::new(&Redaction { fields_kept: vec!["next_page_token".to_owned()], ..usual() });
        for name in ["password", "newPassword", "ACCESS-TOKEN", "user_email", "pin", "firstName"] {
            assert!(names.field(name), "{name}");
        }
        for name in ["shipping", "id", "total", "nextPageToken", "description", ""] {
            assert!(!names.field(name), "{name}");
        }
    }

    #[test]
    fn a_path_takes_what_is_below_it() {
        let names = Names::new(&Redaction {
            paths: vec!["/users/*/name".to_owned()],
            ..Redaction::default()
        });
        let place = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>();
        assert!(names.path(&place(&["users", "7", "name"])));
        assert!(names.path(&place(&["users", "7", "name", "first"])));
        assert!(!names.path(&place(&["users", "7"])));
    }
}
