//! Values that an answer gave and later requests use: tokens, cookies, ids of what was created.
//!
//! Where the recording was given one value and the replay another, later requests get the one of the replay. Long values are known wherever
//! they stand; short ones (an order's number) only for the same client, after an answer to a write, and as a whole part of a path, of a
//! query or of JSON.

use std::collections::BTreeMap;

use model::{AnswerSeen, RequestSeen};
use serde_json::Value;

/// What one target has given in place of what was recorded.
#[derive(Debug, Clone, Default)]
pub struct Sessions {
    long: BTreeMap<String, String>,
    /// By client.
    short: BTreeMap<String, BTreeMap<String, String>>,
    values: usize,
}

/// Values at most: some 100 bytes each.
const VALUES_MAX: usize = 200_000;

/// A value of so many letters is not met by chance.
const LONG_MIN: usize = 8;

/// Deeper JSON is not looked into.
const DEPTH_MAX: usize = 32;

impl Sessions {
    /// Learns what the replay was given in place of what was recorded.
    pub fn learn(
        &mut self,
        client: &str,
        is_write: bool,
        recorded: &AnswerSeen,
        given: &AnswerSeen,
    ) {
        let mut pairs = Vec::new();
        cookies(recorded, given, &mut pairs);
        for name in
            ["location", "x-csrf-token", "x-xsrf-token", "authorization", "x-auth-token", "etag"]
        {
            if let (Some(old), Some(new)) = (recorded.header(name), given.header(name)) {
                let parts =
                    old.split(['/', '?', '&', '=', ' ']).zip(new.split(['/', '?', '&', '=', ' ']));
                pairs.extend(parts.map(|(old, new)| (old.to_owned(), new.to_owned())));
            }
        }
        let parse = |answer: &AnswerSeen| serde_json::from_slice::<Value>(&answer.body.bytes).ok();
        if let (Some(old), Some(new)) = (parse(recorded), parse(given)) {
            leaves(&old, &new, DEPTH_MAX, &mut pairs);
        } else if is_html(recorded) && is_html(given) {
            let (old, new) = (inputs(&recorded.body.bytes), inputs(&given.body.bytes));
            pairs.extend(
                old.into_iter().filter_map(|(name, old)| Some((old, new.get(&name)?.clone()))),
            );
        }
        for (old, new) in pairs {
            self.put(client, is_write, old, new);
        }
    }

    fn put(&mut self, client: &str, is_write: bool, old: String, new: String) {
        if old == new || old.is_empty() || new.is_empty() || VALUES_MAX <= self.values {
            return;
        }
        if LONG_MIN <= old.len() {
            self.values += usize::from(self.long.insert(old, new).is_none());
        } else if is_write {
            let of_client = self.short.entry(client.to_owned()).or_default();
            self.values += usize::from(of_client.insert(old, new).is_none());
        }
    }

    /// The request with what the replay was given in place of what was recorded.
    #[must_use]
    pub fn translated(&self, client: &str, request: &RequestSeen) -> RequestSeen {
        let mut request = request.clone();
        let short = self.short.get(client);
        if self.long.is_empty() && short.is_none() {
            return request;
        }
        request.target = self.target(&request.target, short);
        for (name, value) in &mut request.headers {
            *value = if name == "cookie" { self.cookies(value) } else { self.words(value) };
        }
        self.body(&mut request.body.bytes, short);
        request
    }

    fn target(&self, target: &str, short: Option<&BTreeMap<String, String>>) -> String {
        let one = |part: &str| match short.and_then(|short| short.get(part)) {
            Some(new) => new.clone(),
            None => self.words(part),
        };
        let (path, query) =
            target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
        let mut text = path.split('/').map(one).collect::<Vec<_>>().join("/");
        if let Some(query) = query {
            let pair = |pair: &str| match pair.split_once('=') {
                Some((name, value)) => format!("{name}={}", one(value)),
                None => pair.to_owned(),
            };
            text.push('?');
            text.push_str(&query.split('&').map(pair).collect::<Vec<_>>().join("&"));
        }
        text
    }

    fn cookies(&self, value: &str) -> String {
        let one = |pair: &str| match pair.trim().split_once('=') {
            Some((name, value)) => {
                format!("{name}={}", self.long.get(value).map_or(value, String::as_str))
            }
            None => pair.trim().to_owned(),
        };
        value.split(';').map(one).collect::<Vec<_>>().join("; ")
    }

    fn body(&self, bytes: &mut Vec<u8>, short: Option<&BTreeMap<String, String>>) {
        let Ok(text) = std::str::from_utf8(bytes) else { return };
        if let (Some(short), Ok(mut value)) = (short, serde_json::from_str::<Value>(text)) {
            if replace(&mut value, short, &self.long, DEPTH_MAX) {
                *bytes = value.to_string().into_bytes();
            }
            return;
        }
        let changed = self.words(text);
        if changed != text {
            *bytes = changed.into_bytes();
        }
    }

    /// Whole words of a text.
    fn words(&self, text: &str) -> String {
        if let Some(new) = self.long.get(text) {
            return new.clone();
        }
        let is_word = |letter: char| letter.is_ascii_alphanumeric() || "-_.~+@%".contains(letter);
        let mut changed = String::with_capacity(text.len());
        let mut rest = text;
        while !rest.is_empty() {
            let end = rest.find(|letter| !is_word(letter)).unwrap_or(rest.len());
            let (word, tail) = rest.split_at(end);
            changed.push_str(self.long.get(word).map_or(word, String::as_str));
            let between = tail.find(is_word).unwrap_or(tail.len());
            let (gap, tail) = tail.split_at(between);
            changed.push_str(gap);
            rest = tail;
        }
        changed
    }
}

fn cookies(recorded: &AnswerSeen, given: &AnswerSeen, pairs: &mut Vec<(String, String)>) {
    let set = |answer: &AnswerSeen| -> BTreeMap<String, String> {
        let lines = answer.headers.iter().filter(|(name, _)| name == "set-cookie");
        let pair = |line: &str| {
            let (name, value) = line.split(';').next()?.split_once('=')?;
            Some((name.trim().to_owned(), value.trim().to_owned()))
        };
        lines.filter_map(|(_, line)| pair(line)).collect()
    };
    let new = set(given);
    pairs.extend(
        set(recorded).into_iter().filter_map(|(name, old)| Some((old, new.get(&name)?.clone()))),
    );
}

/// Texts and numbers at the same places.
fn leaves(old: &Value, new: &Value, depth: usize, pairs: &mut Vec<(String, String)>) {
    if depth == 0 {
        return;
    }
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => {
            for (key, old) in old {
                if let Some(new) = new.get(key) {
                    leaves(old, new, depth - 1, pairs);
                }
            }
        }
        // Lists of different length are not in step.
        (Value::Array(old), Value::Array(new)) if old.len() == new.len() => {
            for (old, new) in old.iter().zip(new) {
                leaves(old, new, depth - 1, pairs);
            }
        }
        (Value::String(old), Value::String(new)) if old != new => {
            pairs.push((old.clone(), new.clone()));
        }
        (Value::Number(old), Value::Number(new)) if old != new && old.is_u64() && new.is_u64() => {
            pairs.push((old.to_string(), new.to_string()));
        }
        _ => {}
    }
}

/// Replaces texts and numbers; whether any was.
fn replace(
    value: &mut Value,
    short: &BTreeMap<String, String>,
    long: &BTreeMap<String, String>,
    depth: usize,
) -> bool {
    if depth == 0 {
        return false;
    }
    let known = |text: &str| short.get(text).or_else(|| long.get(text));
    match value {
        Value::Object(all) => {
            all.values_mut().fold(false, |any, value| any | replace(value, short, long, depth - 1))
        }
        Value::Array(all) => {
            all.iter_mut().fold(false, |any, value| any | replace(value, short, long, depth - 1))
        }
        Value::String(text) => match known(text) {
            Some(new) => {
                text.clone_from(new);
                true
            }
            None => false,
        },
        Value::Number(number) => {
            match known(&number.to_string()).and_then(|new| new.parse::<u64>().ok()) {
                Some(new) => {
                    *value = Value::from(new);
                    true
                }
                None => false,
            }
        }
        Value::Null | Value::Bool(_) => false,
    }
}

fn is_html(answer: &AnswerSeen) -> bool {
    answer.header("content-type").is_some_and(|kind| kind.starts_with("text/html"))
}

/// Hidden inputs of a form, and tokens in `meta`: name and value.
fn inputs(body: &[u8]) -> BTreeMap<String, String> {
    let text = String::from_utf8_lossy(body);
    let mut found = BTreeMap::new();
    for tag in text.split('<').skip(1) {
        let tag = tag.split('>').next().unwrap_or_default();
        let values = if tag.starts_with("input") {
            attribute(tag, "name").zip(attribute(tag, "value"))
        } else if tag.starts_with("meta") {
            attribute(tag, "name").zip(attribute(tag, "content"))
        } else {
            None
        };
        if let Some((name, value)) = values {
            found.insert(name, value);
        }
    }
    found
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!(" {name}="))?;
    let quote = rest.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    rest.get(1..)?.split(quote).next().map(str::to_owned)
}
