//! What stands before a plan: the statement, a log line with its duration.

use model::Text;

use super::lines;
use crate::plan::raw::{Fields, Raw};

/// Tells what the lines say of the plan that follows.
pub(super) fn read(lines: &[String], fields: &mut Fields) {
    let mut texts: Vec<(&str, String)> = Vec::new();
    for line in lines {
        if let Some(duration) = duration(line) {
            fields.push((Text::from("Duration"), Raw::text(duration)));
        }
        if let Some(text) = line.strip_prefix("Query Text:") {
            texts.push(("Query Text", text.trim().to_owned()));
        } else if let Some(text) = line.strip_prefix("Query Parameters:") {
            texts.push(("Query Parameters", text.trim().to_owned()));
        } else if let Some((_, text)) = texts.last_mut() {
            text.push('\n');
            text.push_str(line);
        }
    }
    if texts.is_empty()
        && let Some(statement) = explained(lines)
    {
        texts.push(("Query Text", statement));
    }
    for (key, text) in texts {
        fields.push((Text::from(key), Raw::text(text.trim())));
    }
}

/// `duration: 12.345 ms`
pub(in crate::plan) fn duration(line: &str) -> Option<&str> {
    let (_, rest) = line.split_once("duration: ")?;
    let (figure, _) = rest.split_once(" ms")?;
    figure.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.').then_some(figure)
}

/// The statement behind `EXPLAIN (…)`.
fn explained(lines: &[String]) -> Option<String> {
    let mut text = String::new();
    for line in lines {
        let typed = lines::prompt(line).unwrap_or(line);
        let begins = typed.get(..7).is_some_and(|word| word.eq_ignore_ascii_case("explain"));
        if begins {
            text.clear();
        } else if text.is_empty() {
            continue;
        }
        text.push_str(typed);
        text.push('\n');
    }
    let mut rest = text.get(7..)?.trim_start();
    if let Some(options) = rest.strip_prefix('(') {
        rest = options.split_once(')').map_or("", |(_, rest)| rest).trim_start();
    }
    loop {
        let word = rest.split_whitespace().next().unwrap_or_default();
        if !["analyze", "analyse", "verbose"].iter().any(|known| word.eq_ignore_ascii_case(known)) {
            break;
        }
        rest = rest.get(word.len()..).unwrap_or_default().trim_start();
    }
    let statement = rest.trim().trim_end_matches(';').trim_end();
    (!statement.is_empty()).then(|| statement.to_owned())
}
