//! What people paste around a plan, and what is done to it on the way: frames of psql and other clients, marks of
//! mail, prefixes of logs, quotes of CSV. What is left is what EXPLAIN wrote, line for line.

mod envelope;
mod frames;
mod markup;
mod prefixes;

use std::borrow::Cow;

use super::xml;

/// Layers of marks that are taken off: a quoted mail with a framed plan has two.
const LAYERS_MAX: usize = 6;

/// The text without what is around it.
pub(super) fn clean(text: &str) -> String {
    let text = letters(text);
    let mut lines: Vec<Cow<'_, str>> = text.split('\n').map(Cow::Borrowed).collect();
    for _ in 0..LAYERS_MAX {
        let peeled = peel(&mut lines);
        if !peeled {
            break;
        }
    }
    let mut out = lines.join("\n");
    if out.contains("\"\"Node Type\"\":") {
        out = out.replace("\"\"", "\"");
    }
    out
}

/// Line ends, blanks and escapes as EXPLAIN has them.
fn letters(text: &str) -> String {
    let mut text = text.strip_prefix('\u{feff}').unwrap_or(text).to_owned();
    if text.contains('\r') {
        text = text.replace("\r\n", "\n").replace('\r', "\n");
    }
    if text.contains(['\u{a0}', '\u{2007}', '\u{202f}']) {
        text = text.replace(['\u{a0}', '\u{2007}', '\u{202f}'], " ");
    }
    if let Some(inner) = envelope::inner(&text) {
        text = inner;
    }
    if text.contains("\\\"Plan\\\"") || (text.contains("\\n") && escaped_lines(&text)) {
        text = unescape(&text);
        text = text.get(plan_in_string(&text)..).unwrap_or_default().to_owned();
    }
    if let Some(cells) = markup::cells(&text) {
        text = cells;
    }
    if text.contains('→') && !text.contains("->") {
        text = text.replace('→', "->");
    }
    let is_xml = text.contains("<Node-Type>");
    if (!is_xml && text.contains("-&gt;"))
        || text.contains("&lt;explain")
        || text.contains("&quot;Plan&quot;")
    {
        text = xml::unescape(&text);
    }
    text
}

/// Whether line ends are spelt out, as in a line of a JSON log: then there are more of them than of real ones.
fn escaped_lines(text: &str) -> bool {
    if text.contains("\"Node Type\":") {
        return false;
    }
    let is_plan =
        text.contains("(cost=") || text.contains("(actual ") || text.contains("Node Type");
    let lines = text.lines().filter(|line| !line.trim().is_empty()).count();
    is_plan && 2 * lines <= text.matches("\\n").count()
}

/// Where a JSON plan begins that was a string of something else.
fn plan_in_string(text: &str) -> usize {
    let marks = ["\"Plan\"", "\"Query Text\""];
    let Some(mark) = marks.iter().filter_map(|mark| text.find(mark)).min() else { return 0 };
    let before = text.get(..mark).unwrap_or_default();
    let begin =
        before.trim_end_matches(|letter: char| letter.is_whitespace() || "[{".contains(letter));
    if begin.len() < before.len() { begin.len() } else { 0 }
}

fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        if letter != '\\' {
            out.push(letter);
            continue;
        }
        match letters.next() {
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('r') => {}
            Some(other @ ('"' | '\\' | '/')) => out.push(other),
            Some(other) => out.extend(['\\', other]),
            None => out.push('\\'),
        }
    }
    out
}

/// Takes one layer of marks off; `false` if there is none.
fn peel(lines: &mut Vec<Cow<'_, str>>) -> bool {
    frames::take_off(lines)
        || prefixes::take_off(lines)
        || right_borders(lines)
        || records(lines)
        || wraps(lines)
        || borders(lines)
        || quotes(lines)
        || some_quotes(lines)
        || pluses(lines)
}

/// A line that says something: neither empty, nor a rule, nor a count of rows, nor a fence of Markdown.
fn says(line: &str) -> bool {
    let bare = line.trim();
    !bare.is_empty() && !is_rule(bare) && !is_count(bare) && !bare.starts_with("```")
}

/// `-----`, `+----+`, `═══`, `|---|`.
pub(super) fn is_rule(bare: &str) -> bool {
    let marks = "-+=|─━═┼┌┐└┘├┤┬┴╔╗╚╝╠╣╦╩╪╤╧╟╢║│:";
    bare.chars().count() >= 3
        && bare.chars().all(|letter| marks.contains(letter) || letter == ' ')
        && bare.contains(['-', '─', '═', '━', '='])
}

/// `(12 rows)`, in any language.
pub(super) fn is_count(bare: &str) -> bool {
    let Some(inner) = bare.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) else {
        return false;
    };
    inner.split_once(' ').is_some_and(|(count, word)| {
        !count.is_empty()
            && count.bytes().all(|byte| byte.is_ascii_digit())
            && !word.is_empty()
            && word.chars().all(char::is_alphabetic)
    })
}

/// Replaces each line by what `shorten` makes of it, if it is able to for all lines that say something.
fn all(lines: &mut [Cow<'_, str>], shorten: impl Fn(&str) -> Option<String>) -> bool {
    let telling = lines.iter().filter(|line| says(line));
    if lines.iter().all(|line| !says(line))
        || !telling.into_iter().all(|line| shorten(line).is_some())
    {
        return false;
    }
    for line in lines {
        if let Some(short) = shorten(line) {
            *line = Cow::Owned(short);
        }
    }
    true
}

/// `\x` of psql: each line a record.
fn records(lines: &mut Vec<Cow<'_, str>>) -> bool {
    let named = |line: &str| {
        let (name, rest) = line.split_once(['|', '│'])?;
        let known = matches!(name.trim(), "QUERY PLAN" | "");
        known.then(|| rest.strip_prefix(' ').unwrap_or(rest).to_owned())
    };
    if !lines
        .iter()
        .any(|line| line.trim_start().starts_with("QUERY PLAN") && named(line).is_some())
    {
        return false;
    }
    // Without a frame, records are separated by empty lines.
    let is_bare = lines.iter().any(|line| line.starts_with("QUERY PLAN|"));
    lines.retain(|line| {
        let is_title =
            ["[ RECORD ", "[ Record ", "* Record "].iter().any(|title| line.contains(title));
        !is_title && (!is_bare || !line.is_empty())
    });
    for line in lines {
        if let Some(rest) = named(line) {
            *line = Cow::Owned(rest.trim_end().trim_end_matches(['|', '│']).to_owned());
        }
    }
    true
}

/// `.` or `…` at the end of a line, and before what goes on: how psql marks lines that it wrapped.
fn wraps(lines: &mut Vec<Cow<'_, str>>) -> bool {
    const MARKS: [char; 2] = ['.', '…'];
    let width = lines.iter().map(|line| line.trim_end().chars().count()).max().unwrap_or(0);
    let is_full = |line: &str| line.chars().count() == width && line.ends_with(MARKS);
    let mut out: Vec<Cow<'_, str>> = Vec::with_capacity(lines.len());
    // Whether the last line goes on.
    let mut goes_on = false;
    let mut found = false;
    for line in lines.iter() {
        let ends_full = is_full(line.trim_end());
        let (true, Some(rest)) = (goes_on, line.strip_prefix(MARKS)) else {
            goes_on = ends_full;
            out.push(line.clone());
            continue;
        };
        found = true;
        goes_on = ends_full;
        if let Some(last) = out.last_mut() {
            let mut joined = last.trim_end().to_owned();
            joined.pop();
            joined.push_str(rest);
            *last = Cow::Owned(joined);
        }
    }
    // A terminal may break a line between the dots of `0.29..4.44`.
    let sane = !out.iter().any(|line| has_single_figure(line));
    if found && sane {
        *lines = out;
    }
    found && sane
}

/// Whether a cost or a time is one figure, where there should be two with dots between.
fn has_single_figure(line: &str) -> bool {
    ["(cost=", "(actual time="].iter().any(|mark| {
        let figures = line.split_once(mark).and_then(|(_, rest)| rest.split_whitespace().next());
        figures.is_some_and(|figures| !figures.contains(".."))
    })
}

/// `| … |` around each line.
fn borders(lines: &mut [Cow<'_, str>]) -> bool {
    all(lines, |line| {
        let bare = line.trim();
        let rest = bare.strip_prefix(['|', '│', '║'])?;
        let rest = rest.strip_suffix(['|', '│', '║']).unwrap_or(rest);
        Some(rest.trim_end().to_owned())
    })
}

/// `… |` behind each line, below a title that has it too.
fn right_borders(lines: &mut [Cow<'_, str>]) -> bool {
    let is_title =
        |line: &str| line.strip_prefix("QUERY PLAN").is_some_and(|rest| rest.trim() == "|");
    if !lines.iter().any(|line| is_title(line)) {
        return false;
    }
    all(lines, |line| Some(line.trim_end().strip_suffix('|')?.trim_end().to_owned()))
}

/// Quotes around each line, as of clients that copy a table as CSV.
fn quotes(lines: &mut [Cow<'_, str>]) -> bool {
    let plain = lines.iter().filter(|line| says(line)).any(|line| line.contains("\"Node Type\":"));
    // Some clients leave quotes within as they are.
    let doubled = !lines.iter().any(|line| {
        let bare = line.trim().trim_end_matches(',').replace("\"\"", "");
        1 < bare.len() && bare.get(1..bare.len() - 1).is_some_and(|inner| inner.contains('"'))
    });
    !plain
        && all(lines, |line| {
            let bare = line.trim_end().trim_end_matches(',');
            if bare.trim() == "QUERY PLAN" {
                return Some("QUERY PLAN".to_owned());
            }
            let inner = bare.trim_start().strip_prefix('"')?.strip_suffix('"')?;
            Some(if doubled { inner.replace("\"\"", "\"") } else { inner.to_owned() })
        })
}

/// Quotes around those lines that have commas, as of `\\copy` and `--csv`.
fn some_quotes(lines: &mut [Cow<'_, str>]) -> bool {
    let is_table = lines.iter().any(|line| line.trim_end() == "QUERY PLAN");
    let mut found = false;
    for line in lines.iter_mut().filter(|_| is_table) {
        let inner = line.trim_end().strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        let Some(inner) = inner.filter(|inner| !inner.replace("\"\"", "").contains('"')) else {
            continue;
        };
        *line = Cow::Owned(inner.replace("\"\"", "\""));
        found = true;
    }
    found
}

/// `+` at the end of each line but the last, as psql marks line ends within a value.
fn pluses(lines: &mut [Cow<'_, str>]) -> bool {
    let telling = lines.iter().filter(|line| says(line)).count();
    let is_marked = |line: &str| line.trim_end().ends_with(['+', '↵']);
    let marked = lines.iter().filter(|line| says(line) && is_marked(line)).count();
    if marked == 0 || marked * 2 < telling {
        return false;
    }
    for line in lines {
        if is_marked(line) && !is_rule(line.trim()) {
            let bare = line.trim_end();
            let bare = bare.strip_suffix(['+', '↵']).unwrap_or(bare);
            *line = Cow::Owned(bare.trim_end().to_owned());
        }
    }
    true
}
