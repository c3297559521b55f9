//! Two answers to the same request: what differs, and where.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use model::{AnswerSeen, Kept, Moment};
use serde_json::Value;

use super::{
    beginning::{Beginning, words},
    mask,
};

/// What is looked at, and what is passed over.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// Places that are passed over: `/results/*/views` for one in JSON and all below it, `header:x-served-by` for a header.
    pub ignore: Vec<String>,
    /// Lists in JSON whose order means nothing, by their places.
    pub unordered: Vec<String>,
    /// Dates that were made for the answer are the same.
    pub mask_dates: bool,
    /// Ids by chance, of the same kind, are the same.
    pub mask_ids: bool,
    /// Whether a text stands for a value that was hidden: it is the same as any.
    pub hidden: Option<fn(&str) -> bool>,
}

/// What a comparison came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Compared {
    /// The same bytes, the same status, the same headers that count.
    Identical,
    /// Other bytes that say the same: space, the order of keys, what is masked.
    Equal,
    /// The same as far as it was kept: a body was cut.
    SoFar,
    /// Something differs.
    Different(Vec<Difference>),
    /// Nothing that could be compared was kept of the old one.
    Unknown,
}

/// Something that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Where, with `*` for places in lists.
    pub place: Place,
    /// Where exactly.
    pub exactly: String,
    /// What was there; empty if nothing was.
    pub old: String,
    /// What is there now.
    pub new: String,
}

/// Where something differs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// The status.
    Status,
    /// A header.
    Header(String),
    /// A place in JSON, as a pointer; empty for all of it.
    Json(String),
    /// The body, where it is no JSON.
    Body,
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status => out.write_str("status"),
            Self::Header(name) => write!(out, "header {name}"),
            Self::Json(pointer) if pointer.is_empty() => out.write_str("the JSON itself"),
            Self::Json(pointer) => out.write_str(pointer),
            Self::Body => out.write_str("body"),
        }
    }
}

/// Headers that hang on the moment, the connection or the machine.
const PASSED_OVER: &[&str] = &[
    "age",
    "alt-svc",
    "cf-ray",
    "connection",
    "content-encoding",
    "content-length",
    "date",
    "etag",
    "expires",
    "keep-alive",
    "last-modified",
    "nel",
    "ratelimit",
    "report-to",
    "server",
    "server-timing",
    "traceparent",
    "tracestate",
    "transfer-encoding",
    "via",
    "x-amz-cf-id",
    "x-correlation-id",
    "x-envoy-upstream-service-time",
    "x-powered-by",
    "x-request-id",
    "x-response-time",
    "x-runtime",
    "x-trace-id",
];

/// Differences of one answer at most: a list of a thousand others tells no more.
const DIFFERENCES_MAX: usize = 50;

/// Letters of an example.
const SHOWN_MAX: usize = 160;

/// Letters of a place: keys are made up by whoever answers.
const PLACE_MAX: usize = 400;

/// Compares two answers that were asked for at these moments.
#[must_use]
pub fn compare(
    old: &AnswerSeen,
    new: &AnswerSeen,
    asked: (Moment, Moment),
    rules: &Rules,
) -> Compared {
    let mut walk = Walk { rules, asked, found: Vec::new(), masked: 0, open: [None, None] };
    if old.status != new.status {
        let (before, after) = (old.status.to_string(), new.status.to_string());
        walk.found.push(Difference {
            place: Place::Status,
            exactly: String::new(),
            old: before,
            new: after,
        });
    }
    if !walk.found.is_empty() {
        // What else differs follows from that.
        return Compared::Different(walk.found);
    }
    walk.headers(old, new);
    let is_same = old.body.bytes == new.body.bytes
        && old.body.kept == Kept::Whole
        && new.body.kept == Kept::Whole;
    let is_unknown = !is_same && !walk.body(old, new);
    match (walk.found.is_empty(), is_same) {
        (false, _) => Compared::Different(walk.found),
        (true, true) if walk.masked == 0 => Compared::Identical,
        (true, false) if is_unknown => Compared::Unknown,
        (true, false) if [old, new].iter().any(|answer| answer.body.kept == Kept::Cut) => {
            Compared::SoFar
        }
        (true, _) => Compared::Equal,
    }
}

struct Walk<'a> {
    rules: &'a Rules,
    asked: (Moment, Moment),
    found: Vec<Difference>,
    masked: u64,
    /// Of the old and the new body, where it was cut: what is missing there was not kept.
    open: [Option<Vec<String>>; 2],
}

impl Walk<'_> {
    fn headers(&mut self, old: &AnswerSeen, new: &AnswerSeen) {
        let (before, after) = (values(old), values(new));
        let names: BTreeSet<&str> = before.keys().chain(after.keys()).copied().collect();
        for name in names {
            let ignored = self.rules.ignore.iter().filter_map(|rule| rule.strip_prefix("header:"));
            if PASSED_OVER.contains(&name)
                || ignored.into_iter().any(|ignored| ignored.eq_ignore_ascii_case(name))
            {
                continue;
            }
            let (old, new) = (
                before.get(name).cloned().unwrap_or_default(),
                after.get(name).cloned().unwrap_or_default(),
            );
            if old != new && !self.is_masked(&old, &new) {
                let place = Place::Header(name.to_owned());
                self.push(place, name, &old, &new);
            }
        }
    }

    /// Compares bodies whose bytes differ; `false` if there is nothing to compare.
    fn body(&mut self, old: &AnswerSeen, new: &AnswerSeen) -> bool {
        if old.body.kept == Kept::LeftOut || new.body.kept == Kept::LeftOut {
            return false;
        }
        if let (Some(old), Some(new)) = (Beginning::of(&old.body), Beginning::of(&new.body)) {
            self.open = [old.open, new.open];
            self.json(&old.value, &new.value, &mut Vec::new());
            return true;
        }
        // Of what was cut, words as far as both go; the last one may be half.
        let texts = [old, new].map(|answer| String::from_utf8_lossy(&answer.body.bytes));
        let known = [old, new]
            .iter()
            .zip(&texts)
            .filter(|(answer, _)| answer.body.kept == Kept::Cut)
            .map(|(_, text)| words(text).count().saturating_sub(1))
            .min();
        let [old, new] = match known {
            Some(0) => return false,
            Some(known) => texts.map(|text| words(&text).take(known).collect::<String>()),
            None => texts.map(std::borrow::Cow::into_owned),
        };
        self.text(&old, &new);
        true
    }

    /// Whether what one side (0 the old, 1 the new) lacks below here may be what was cut off.
    fn is_cut_at(&self, side: usize, path: &[String]) -> bool {
        let open = self.open.get(side).and_then(Option::as_ref);
        open.is_some_and(|open| open.starts_with(path))
    }

    fn json(&mut self, old: &Value, new: &Value, path: &mut Vec<String>) {
        if DIFFERENCES_MAX <= self.found.len() || self.is_passed_over(path) {
            return;
        }
        match (old, new) {
            (Value::Object(before), Value::Object(after)) => {
                let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
                for key in keys {
                    path.push(key.clone());
                    match (before.get(key), after.get(key)) {
                        (Some(old), Some(new)) => self.json(old, new, path),
                        (old, new) => self.one_sided(old, new, path),
                    }
                    path.pop();
                }
            }
            (Value::Array(before), Value::Array(after)) => self.lists(before, after, path),
            (old, new) if old == new => {}
            (old, new) => {
                let (before, after) = (plain(old), plain(new));
                let is_kind = std::mem::discriminant(old) == std::mem::discriminant(new);
                let is_hidden = self.rules.hidden.is_some_and(|hidden| hidden(&before));
                if is_hidden || (is_kind && self.is_masked(&before, &after)) {
                    self.masked += 1;
                } else {
                    self.push(Place::Json(pattern(path)), &pointer(path), &shown(old), &shown(new));
                }
            }
        }
    }

    fn lists(&mut self, before: &[Value], after: &[Value], path: &mut Vec<String>) {
        let pairs = if self.rules.unordered.iter().any(|rule| is_at(rule, path)) {
            by_likeness(before, after)
        } else {
            let most = before.len().max(after.len());
            (0..most).map(|place| (before.get(place), after.get(place))).collect()
        };
        let shorter = usize::from(after.len() < before.len());
        if before.len() != after.len() && !self.is_cut_at(shorter, path) {
            let place = Place::Json(format!("{}/*", pattern(path)));
            let (old, new) =
                (format!("{} entries", before.len()), format!("{} entries", after.len()));
            if !self.is_passed_over(path) {
                self.push(place, &pointer(path), &old, &new);
            }
        }
        for (place, pair) in pairs.into_iter().enumerate() {
            // Entries that one side does not have are told by the count.
            let (Some(old), Some(new)) = pair else { continue };
            path.push(place.to_string());
            self.json(old, new, path);
            path.pop();
        }
    }

    fn one_sided(&mut self, old: Option<&Value>, new: Option<&Value>, path: &[String]) {
        let above = path.split_last().map_or(path, |(_, above)| above);
        if self.is_passed_over(path) || self.is_cut_at(usize::from(new.is_none()), above) {
            return;
        }
        let text = |value: Option<&Value>| value.map(shown).unwrap_or_default();
        self.push(Place::Json(pattern(path)), &pointer(path), &text(old), &text(new));
    }

    /// Texts, line by line.
    fn text(&mut self, old: &str, new: &str) {
        let (mut before, mut after) = (old.lines(), new.lines());
        for number in 1_usize.. {
            let (old, new) = match (before.next(), after.next()) {
                (None, None) => return,
                (old, new) => (old.unwrap_or_default(), new.unwrap_or_default()),
            };
            if old != new && !self.is_alike(old, new) {
                self.push(Place::Body, &format!("line {number}"), old, new);
                return;
            }
        }
    }

    /// Whether two lines differ by what is masked alone.
    fn is_alike(&mut self, old: &str, new: &str) -> bool {
        let words = |text: &str| -> Vec<String> {
            text.split(|letter: char| !is_word(letter)).map(str::to_owned).collect()
        };
        let frame =
            |text: &str| text.chars().filter(|letter| !is_word(*letter)).collect::<String>();
        let (before, after) = (words(old), words(new));
        frame(old) == frame(new)
            && before.len() == after.len()
            && before.iter().zip(&after).all(|(old, new)| old == new || self.is_masked(old, new))
    }

    fn is_masked(&mut self, old: &str, new: &str) -> bool {
        let is_hidden = self.rules.hidden.is_some_and(|hidden| hidden(old));
        let is_one = is_hidden
            || (self.rules.mask_dates && mask::are_now(old, new, self.asked))
            || (self.rules.mask_ids && mask::are_ids(old, new));
        self.masked += u64::from(is_one);
        is_one
    }

    fn is_passed_over(&self, path: &[String]) -> bool {
        self.rules.ignore.iter().any(|rule| is_above(rule, path))
    }

    fn push(&mut self, place: Place, exactly: &str, old: &str, new: &str) {
        if self.found.len() < DIFFERENCES_MAX {
            let place = match place {
                Place::Json(pointer) => Place::Json(cut(&pointer, PLACE_MAX)),
                Place::Header(name) => Place::Header(cut(&name, PLACE_MAX)),
                place @ (Place::Status | Place::Body) => place,
            };
            let (old, new) = (cut(old, SHOWN_MAX), cut(new, SHOWN_MAX));
            self.found.push(Difference { place, exactly: cut(exactly, PLACE_MAX), old, new });
        }
    }
}

/// Headers by name; of cookies that are set, their names alone.
fn values(answer: &AnswerSeen) -> BTreeMap<&str, String> {
    let mut values: BTreeMap<&str, String> = BTreeMap::new();
    for (name, value) in &answer.headers {
        let value = match name.as_str() {
            "set-cookie" => value.split('=').next().unwrap_or_default(),
            _ => value.as_str(),
        };
        let all = values.entry(name).or_default();
        if !all.is_empty() {
            all.push_str(", ");
        }
        all.push_str(value);
    }
    values
}

/// Entries of two lists, each with the one that is most like it: the same, else of the same `id`, else the next that is left.
fn by_likeness<'a>(
    before: &'a [Value],
    after: &'a [Value],
) -> Vec<(Option<&'a Value>, Option<&'a Value>)> {
    let mut left: BTreeMap<String, Vec<&Value>> = BTreeMap::new();
    for value in after {
        left.entry(value.to_string()).or_default().push(value);
    }
    let mut pairs = Vec::new();
    let mut alone = Vec::new();
    for old in before {
        match left.get_mut(&old.to_string()).and_then(Vec::pop) {
            Some(new) => pairs.push((Some(old), Some(new))),
            None => alone.push(old),
        }
    }
    let rest: Vec<&Value> = left.into_values().flatten().collect();
    let id = |value: &Value| value.get("id").map(Value::to_string);
    // Places of each id, the first one last.
    let mut by_id: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (place, new) in rest.iter().enumerate().rev() {
        if let Some(id) = id(new) {
            by_id.entry(id).or_default().push(place);
        }
    }
    let mut taken = BTreeSet::new();
    let mut unmatched = Vec::new();
    for old in alone {
        if let Some(place) = id(old).and_then(|wanted| by_id.get_mut(&wanted)?.pop()) {
            taken.insert(place);
            pairs.push((Some(old), rest.get(place).copied()));
        } else {
            unmatched.push(old);
        }
    }
    let left = rest.into_iter().enumerate().filter(|(place, _)| !taken.contains(place));
    let mut rest = left.map(|(_, new)| new);
    pairs.extend(unmatched.into_iter().map(|old| (Some(old), rest.next())));
    pairs.extend(rest.map(|new| (None, Some(new))));
    pairs
}

/// Whether a letter is of a word, such as a number, a date or an id.
pub(super) fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || "-_.~:+".contains(letter)
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn shown(value: &Value) -> String {
    value.to_string()
}

fn cut(text: &str, letters_max: usize) -> String {
    if text.chars().nth(letters_max).is_none() {
        return text.to_owned();
    }
    text.chars().take(letters_max).chain(['…']).collect()
}

fn pointer(path: &[String]) -> String {
    path.iter().map(|key| format!("/{}", escaped(key))).collect::<Vec<_>>().concat()
}

/// The pointer with `*` for places in lists, and for keys that are ids.
fn pattern(path: &[String]) -> String {
    let part = |key: &String| {
        let is_number = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_digit());
        if is_number { "/*".to_owned() } else { format!("/{}", escaped(key)) }
    };
    path.iter().map(part).collect::<Vec<_>>().concat()
}

fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// Whether a rule names this place, or one above it.
fn is_above(rule: &str, path: &[String]) -> bool {
    let keys = keys(rule);
    !keys.is_empty() && keys.len() <= path.len() && fits(&keys, path)
}

fn is_at(rule: &str, path: &[String]) -> bool {
    let keys = keys(rule);
    keys.len() == path.len() && fits(&keys, path)
}

fn fits(keys: &[String], path: &[String]) -> bool {
    keys.iter().zip(path).all(|(wanted, key)| wanted == "*" || wanted == key)
}

fn keys(rule: &str) -> Vec<String> {
    let Some(rule) = rule.strip_prefix('/') else { return Vec::new() };
    let parts = rule.split('/').filter(|part| !part.is_empty());
    parts.map(|part| part.replace("~1", "/").replace("~0", "~")).collect()
}
