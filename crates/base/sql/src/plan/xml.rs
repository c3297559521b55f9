//! XML as EXPLAIN writes it: no attributes that matter, dashes where a name has blanks or slashes.

use model::Text;

use super::{
    PlanError, names,
    raw::{Raw, Stack},
};

/// Elements whose content is a list whatever is in it.
const LISTS: &[&str] = &[
    "Plans",
    "Workers",
    "Triggers",
    "Target Tables",
    "Grouping Sets",
    "Hash Keys",
    "Group Keys",
    "Tasks",
    "Dependent Jobs",
    "Remote Plan",
    "Subplans",
    "PlannedStmt",
    "Output",
    "Sort Key",
    "Presorted Key",
    "Group Key",
    "Hash Key",
    "Sort Methods Used",
    "Sampling Parameters",
    "Params Evaluated",
    "Conflict Arbiter Indexes",
];

/// The document that begins at `at`: what is in its outermost element, and the place after it.
pub(super) fn value(text: &str, at: usize) -> Result<(Option<Raw>, usize), PlanError> {
    let mut stack = Stack::default();
    let mut names: Vec<Text> = Vec::new();
    // Text of the element that was opened last, as long as no other was opened in it.
    let mut content: Option<String> = None;
    let mut at = at;
    while let Some(rest) = text.get(at..) {
        let Some(open) = rest.find('<') else { break };
        if let Some(content) = &mut content {
            content.push_str(&unescape(rest.get(..open).unwrap_or_default()));
        }
        let tag_at = at + open + 1;
        let tag_rest = text.get(tag_at..).unwrap_or_default();
        if let Some(after) = skip_markup(tag_rest, content.as_mut()) {
            at = tag_at + after;
            continue;
        }
        let Some(close) = tag_rest.find('>') else { break };
        let tag = tag_rest.get(..close).unwrap_or_default();
        at = tag_at + close + 1;
        if tag.starts_with('/') {
            let Some(name) = names.pop() else { return Ok((stack.finish(), at)) };
            match content.take() {
                Some(text) => end_of_leaf(&mut stack, name, &text),
                None => stack.close(),
            }
        } else {
            let empty = tag.ends_with('/');
            let name = tag.trim_end_matches('/').split_whitespace().next().unwrap_or_default();
            let name = names::from_xml(name);
            if content.take().is_some() {
                open_parent(&mut stack, &names)?;
            }
            if empty {
                stack.add(name, Raw::Null);
            } else {
                names.push(name);
                content = Some(String::new());
            }
        }
        if names.is_empty() {
            return Ok((stack.finish(), at));
        }
    }
    Ok((stack.finish(), text.len()))
}

/// An element turned out to hold others.
fn open_parent(stack: &mut Stack, names: &[Text]) -> Result<(), PlanError> {
    let name = names.last().cloned().unwrap_or_default();
    if LISTS.contains(&name.as_str()) { stack.open_list(name) } else { stack.open_map(name) }
}

/// An element held text only.
fn end_of_leaf(stack: &mut Stack, name: Text, text: &str) {
    let is_list = LISTS.contains(&name.as_str());
    if is_list && text.trim().is_empty() {
        stack.add(name, Raw::List(Vec::new()));
    } else {
        stack.add(name, Raw::text(text));
    }
}

/// Bytes of a comment, declaration or CDATA section after its `<`; the text of the latter is content.
fn skip_markup(rest: &str, content: Option<&mut String>) -> Option<usize> {
    if let Some(data) = rest.strip_prefix("![CDATA[") {
        let end = data.find("]]>").unwrap_or(data.len());
        if let Some(content) = content {
            content.push_str(data.get(..end).unwrap_or_default());
        }
        return Some((8 + end + 3).min(rest.len()));
    }
    if rest.starts_with("!--") {
        return Some(rest.find("-->").map_or(rest.len(), |end| end + 3));
    }
    if rest.starts_with(['!', '?']) {
        return Some(rest.find('>').map_or(rest.len(), |end| end + 1));
    }
    None
}

/// Entities to letters.
pub(super) fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(place) = rest.find('&') {
        out.push_str(rest.get(..place).unwrap_or_default());
        let entity = rest.get(place + 1..).unwrap_or_default();
        let end = entity.bytes().take(10).position(|byte| byte == b';');
        let name = end.and_then(|end| entity.get(..end)).unwrap_or_default();
        let letter = match name {
            "lt" => Some('<'),
            "gt" => Some('>'),
            "amp" => Some('&'),
            "quot" => Some('"'),
            "apos" => Some('\''),
            "nbsp" => Some(' '),
            _ => name.strip_prefix('#').and_then(numbered),
        };
        out.push(letter.unwrap_or('&'));
        let used = if letter.is_some() { name.len() + 1 } else { 0 };
        rest = entity.get(used..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

fn numbered(digits: &str) -> Option<char> {
    let code = match digits.strip_prefix('x') {
        Some(hex) => u32::from_str_radix(hex, 16).ok()?,
        None => digits.parse().ok()?,
    };
    char::from_u32(code)
}
