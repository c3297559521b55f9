//! What a client says of itself in comments of its statements: `sqlcommenter` (`/*route='%2Fusers',…*/`) and the
//! older `key:value` of Marginalia. Any text may stand there: what is no such comment is nothing.

use crate::strings::{self, Backslash};

/// Bytes of a comment that are read; those of frameworks have some hundred.
const COMMENT_BYTES_MAX: usize = 4_096;
/// Characters of a value that are kept.
const VALUE_MAX: usize = 256;

/// What comments of a statement tell; empty where they tell nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Comments {
    /// W3C `traceparent`, if it is a valid one.
    pub traceparent: String,
    /// `route`
    pub route: String,
    /// `framework`: `django:5.2`.
    pub framework: String,
    /// `application`
    pub application: String,
    /// `controller`
    pub controller: String,
    /// `action`
    pub action: String,
}

impl Comments {
    /// What the statement was run for: the route, else `controller#action`; empty if unknown.
    #[must_use]
    pub fn operation(&self) -> String {
        if !self.route.is_empty() {
            return self.route.clone();
        }
        match (self.controller.is_empty(), self.action.is_empty()) {
            (false, false) => format!("{}#{}", self.controller, self.action),
            (false, true) => self.controller.clone(),
            (true, _) => self.action.clone(),
        }
    }

    fn slot(&mut self, key: &str) -> Option<&mut String> {
        match key {
            "traceparent" => Some(&mut self.traceparent),
            "route" => Some(&mut self.route),
            "framework" => Some(&mut self.framework),
            "application" | "app" => Some(&mut self.application),
            "controller" => Some(&mut self.controller),
            "action" => Some(&mut self.action),
            _ => None,
        }
    }
}

/// What the comments of a statement tell; the first comment that names something counts.
#[must_use]
pub fn comments(text: &str) -> Comments {
    let mut found = Comments::default();
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        at = match (byte, bytes.get(at + 1)) {
            (b'/', Some(b'*')) => {
                let end = strings::comment(bytes, at);
                let body = bytes.get(at + 2..end.at.saturating_sub(2)).unwrap_or_default();
                if end.closed && body.len() <= COMMENT_BYTES_MAX {
                    read(&String::from_utf8_lossy(body), &mut found);
                }
                end.at
            }
            (b'-', Some(b'-')) => strings::line(bytes, at),
            (b'\'', _) => strings::string(bytes, at + 1, b'\'', Backslash::Unknown).at,
            (b'"', _) => strings::string(bytes, at + 1, b'"', Backslash::Plain).at,
            (b'$', _) => strings::dollar(bytes, at).map_or(at + 1, |end| end.at),
            _ => at + 1,
        }
        .max(at + 1);
    }
    found
}

/// Reads one comment, without its signs.
fn read(body: &str, found: &mut Comments) {
    let mut rest = body.trim();
    while !rest.is_empty() {
        let end = rest.find(['=', ':', ',']).unwrap_or(rest.len());
        let (key, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
        let (value, after) = match after.chars().next() {
            Some('=' | ':') => value(after.get(1..).unwrap_or_default()),
            _ => (String::new(), after),
        };
        let key = decoded(key.trim()).to_ascii_lowercase();
        if let Some(slot) = found.slot(&key)
            && slot.is_empty()
            && (key != "traceparent" || is_traceparent(&value))
        {
            *slot = value;
        }
        rest = after.trim_start_matches(|char: char| char == ',' || char.is_whitespace());
    }
}

/// The value that `text` begins with, decoded, and what follows.
fn value(text: &str) -> (String, &str) {
    let text = text.trim_start();
    let Some(quoted) = text.strip_prefix('\'') else {
        let end = text.find(',').unwrap_or(text.len());
        let (value, rest) = text.split_at_checked(end).unwrap_or((text, ""));
        return (decoded(value.trim()), rest);
    };
    let mut hidden = false;
    for (place, char) in quoted.char_indices() {
        match char {
            '\'' if !hidden => {
                let value = quoted.get(..place).unwrap_or_default().replace("\\'", "'");
                return (decoded(&value), quoted.get(place + 1..).unwrap_or_default());
            }
            '\\' => hidden = !hidden,
            _ => hidden = false,
        }
    }
    // Not closed: nothing that a tool wrote.
    (String::new(), "")
}

/// `%2F` and the like decoded; one line without control characters, at most [`VALUE_MAX`] long.
fn decoded(text: &str) -> String {
    let digit = |byte: Option<&u8>| char::from(*byte?).to_digit(16);
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let code = digit(bytes.get(at + 1)).zip(digit(bytes.get(at + 2)));
        if let (b'%', Some((high, low))) = (byte, code) {
            out.push(u8::try_from(high * 16 + low).unwrap_or(b'?'));
            at += 3;
        } else {
            out.push(byte);
            at += 1;
        }
    }
    let text = String::from_utf8_lossy(&out);
    text.chars().filter(|char| !char.is_control()).take(VALUE_MAX).collect()
}

/// `00-<32 hexadecimal digits>-<16>-<2>`, with identities that are not all zeros.
fn is_traceparent(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [version, trace, span, flags] = parts.as_slice() else { return false };
    let is_hex = |part: &str, length: usize| {
        part.len() == length && part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    let is_set = |part: &str| part.bytes().any(|byte| byte != b'0');
    is_hex(version, 2)
        && *version != "ff"
        && is_hex(trace, 32)
        && is_set(trace)
        && is_hex(span, 16)
        && is_set(span)
        && is_hex(flags, 2)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PARENT: &str = "00-5bd66ef5095369c7b0d1f8f4bd33716a-c532cb4098ac3dd2-01";

    #[test]
    fn comments_of_sqlcommenter_are_read_and_decoded() {
        let text = format!(
            "SELECT '/*route=''no''*/' FROM t /*action='%2Fparam*d',controller='index,'\
             framework='spring',traceparent='{PARENT}',route='%2Fpolls%2F%3Cint%3E%20it\\'s'*/"
        );
        let found = comments(&text);
        assert_eq!(found.action, "/param*d");
        assert_eq!(found.controller, "index,");
        assert_eq!(found.framework, "spring");
        assert_eq!(found.traceparent, PARENT);
        assert_eq!(found.route, "/polls/<int> it's");
        assert_eq!(found.operation(), "/polls/<int> it's");
    }

    #[test]
    fn comments_of_marginalia_name_controller_and_action() {
        let text = "/* application:Shop, controller:orders,action:index */ SELECT 1";
        let found = comments(text);
        assert_eq!(found.application, "Shop");
        assert_eq!(found.operation(), "orders#index");
    }

    #[test]
    fn what_no_tool_wrote_is_nothing() {
        let zeros = "00-00000000000000000000000000000000-c532cb4098ac3dd2-01";
        let zeros = format!("select 1 /*traceparent='{zeros}'*/");
        for text in [
            "",
            "select 1",
            "/* taut */ select 1",
            "select 1 /*route='never closed*/",
            "select 1 /*route='x'",
            "select '/*route=1*/'",
            "select $$ /*route='x'*/ $$",
            "select \"/*route='x'*/\"",
            "select 1 -- /*route='x'*/",
            "select 1 /*traceparent='00-zz-1-01'*/",
            &zeros,
            "/*=*/ /*:*/ /*,*/ /*'*/ /*,,==::''*/",
        ] {
            assert_eq!(comments(text), Comments::default(), "{text}");
        }
    }

    #[test]
    fn hostile_values_stay_one_short_line() {
        let long = "%0A%00%FF%".repeat(1_000);
        let found = comments(&format!("select 1 /*route='{}'*/", long.get(..4_000).unwrap()));
        assert!(found.route.chars().count() <= VALUE_MAX);
        assert!(!found.route.chars().any(char::is_control));
        assert_eq!(comments(&format!("select 1 /*route='{long}'*/")), Comments::default());
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "(/\\*|\\*/|'|\\\\|=|,|:|%|route|\\$a\\$|.){0,60}") {
            let found = comments(&text);
            prop_assert!(found.route.chars().count() <= VALUE_MAX);
        }
    }
}
