//! Plans in plain text within something that is JSON or CSV: answers of drivers and web services, entries of logs.

use crate::plan::{json, raw::Raw};

/// Names of what is a line, or lines, of a plan.
const NAMES: &[&str] = &["QUERY PLAN", "Query Plan", "query plan", "message", "msg", "log", ""];

/// Values of one text: lines of a log.
const VALUES_MAX: usize = 100_000;

/// The text that was within; `None` if nothing was.
pub(super) fn inner(text: &str) -> Option<String> {
    let begin = text.trim_start();
    if begin.starts_with(['[', '{', '"']) {
        return of_json(begin);
    }
    of_csv_log(text)
}

fn of_json(text: &str) -> Option<String> {
    let mut out = String::new();
    let mut at = 0;
    for _ in 0..VALUES_MAX {
        let rest = text.get(at..)?;
        let Some(begin) = rest.find(['[', '{', '"']).map(|place| at + place) else { break };
        let (value, after) = if text.get(begin..)?.starts_with('"') {
            // Several strings are the lines of something else.
            let (string, after) = json::string(text, begin + 1);
            if !text.get(after..)?.trim().is_empty() {
                return None;
            }
            (Some(Raw::Scalar(string)), after)
        } else {
            json::value(text, begin).ok()?
        };
        if let Some(value) = value {
            strings(&value, "", &mut out)?;
        }
        at = after.max(begin + 1);
    }
    is_plan(&out).then_some(out)
}

/// Appends what may be lines of a plan; `None` if it is a plan as it stands.
fn strings(value: &Raw, name: &str, out: &mut String) -> Option<()> {
    match value {
        Raw::Scalar(text) if NAMES.contains(&name) => {
            if text.starts_with("duration: ") {
                out.push_str("LOG:  ");
            }
            out.push_str(text);
            out.push('\n');
        }
        Raw::Scalar(_) | Raw::Null => {}
        Raw::List(items) => {
            for item in items {
                strings(item, if NAMES.contains(&name) { name } else { "-" }, out)?;
            }
        }
        Raw::Map(fields) => {
            for (key, value) in fields {
                if key == "Node Type" {
                    return None;
                }
                strings(value, key, out)?;
            }
        }
    }
    Some(())
}

fn is_plan(text: &str) -> bool {
    let marks = ["(cost=", "(actual ", "(never executed)", "Node Type", "<Node-Type>"];
    marks.iter().any(|mark| text.contains(mark))
        || text.lines().any(|line| crate::plan::head::is_known(line.trim()))
}

/// Messages of a csvlog, which are quoted.
fn of_csv_log(text: &str) -> Option<String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once(",\"duration: ") {
        out.push_str("LOG:  duration: ");
        rest = super::markup::quoted_rest(after, &mut out);
        out.push('\n');
    }
    is_plan(&out).then_some(out)
}
