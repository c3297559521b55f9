//! The frames of psql: with and without borders, one line a row or one record a row (`\x`), wrapped or not, in each
//! of its styles. A frame says how wide its rows are, and so which of them go on in the next line.

use std::borrow::Cow;

use super::{is_count, is_rule};
use crate::plan::lists::Open;

/// Bars of frames.
const BARS: [char; 3] = ['|', '│', '║'];
/// What marks a row that was wrapped.
const WRAPS: [char; 2] = ['.', '…'];
/// What marks a line end within a row.
const ENDS: [char; 2] = ['+', '↵'];

/// Takes the frames off; `false` if there is none that is whole.
pub(super) fn take_off(lines: &mut Vec<Cow<'_, str>>) -> bool {
    let mut out: Vec<Cow<'_, str>> = Vec::with_capacity(lines.len());
    let mut at = 0;
    let mut found = false;
    while let Some(line) = lines.get(at) {
        let framed = match lines.get(at..) {
            Some(rest) if is_title(line) => table(rest),
            Some(rest) if is_record(line) => records(rest),
            _ => None,
        };
        if let Some(Framed { rows, used }) = framed {
            // What stood above is no part of the plan.
            out.push(Cow::Borrowed(""));
            out.extend(rows.into_iter().map(Cow::Owned));
            at += used.max(1);
            found = true;
        } else {
            out.push(line.clone());
            at += 1;
        }
    }
    if found {
        *lines = out;
    }
    found
}

/// What was within a frame, and the lines that it had.
struct Framed {
    rows: Vec<String>,
    used: usize,
}

/// How a line relates to the next one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Goes {
    /// It is whole.
    Ends,
    /// The next line is the rest of it.
    On,
}

/// Puts rows together again.
#[derive(Default)]
struct Rows {
    rows: Vec<String>,
    open: bool,
}

impl Rows {
    fn add(&mut self, content: &str, goes: Goes) {
        let content = if goes == Goes::Ends { content.trim_end() } else { content };
        match self.rows.last_mut().filter(|_| self.open) {
            Some(last) => last.push_str(content),
            None => self.rows.push(content.to_owned()),
        }
        self.open = goes == Goes::On;
    }
}

/// `QUERY PLAN` between bars or blanks.
fn is_title(line: &str) -> bool {
    line.trim().trim_matches(BARS).trim() == "QUERY PLAN"
}

/// `-[ RECORD 1 ]---`, `* Record 1`.
fn is_record(line: &str) -> bool {
    let bare = line.trim_start_matches(['-', '+', '─', '┌', '├', '╔', '╟', '╠', '═', '━', '╓']);
    ["[ RECORD ", "* Record "].iter().any(|title| {
        bare.strip_prefix(title).is_some_and(|rest| rest.starts_with(|n: char| n.is_ascii_digit()))
    })
}

/// One line a row, below a title and a rule.
fn table(lines: &[Cow<'_, str>]) -> Option<Framed> {
    let title = lines.first()?;
    let rule = lines.get(1).map(|line| line.trim_end()).filter(|line| is_rule(line.trim()))?;
    let columns = rule.chars().count();
    let has_bars = title.trim().starts_with(BARS);
    let is_open = !has_bars && title.trim().ends_with(BARS);
    if is_open || (has_bars && rule.starts_with(BARS) && rule.contains('-')) {
        // A table of Markdown, whose rows may be of any width.
        return None;
    }
    let until = |line: &Cow<'_, str>| {
        is_count(line.trim()) || (has_bars && is_rule(line.trim())) || is_title(line)
    };
    let rows = lines.get(2..)?;
    let length = rows.iter().position(until).unwrap_or(rows.len());
    let rows = rows.get(..length)?;
    let telling = || rows.iter().filter(|line| !line.trim().is_empty());
    telling().next()?;
    let (left, width) = if has_bars {
        (1, columns.checked_sub(4)?)
    } else if telling().all(|line| line.starts_with([' ', '.', '…'])) {
        (1, columns.checked_sub(2)?)
    } else {
        (0, columns)
    };
    let mut out = Rows::default();
    for (place, line) in rows.iter().enumerate() {
        let inner = if has_bars { within_bars(line)? } else { line.as_ref() };
        if inner.trim().is_empty() && !has_bars {
            out.add("", Goes::Ends);
            continue;
        }
        let (_, inner) = split_at_column(inner, left)?;
        let (content, mark) = split_at_column(inner, width).unwrap_or((inner, ""));
        let next = rows.get(place + 1).map_or("", |next| next.trim_matches(BARS));
        let goes = match mark.trim_end_matches(BARS) {
            "" => Goes::Ends,
            mark if mark.starts_with(WRAPS) => Goes::On,
            mark if mark.starts_with(ENDS) => Goes::Ends,
            " " if is_rest(content, next.get(left..).unwrap_or_default()) => Goes::On,
            mark if mark.trim().is_empty() => Goes::Ends,
            // Wider than its frame: it was changed by hand.
            _ => return None,
        };
        out.add(content, goes);
    }
    Some(Framed { rows: out.rows, used: 2 + length })
}

fn within_bars(line: &str) -> Option<&str> {
    let inner = line.trim().strip_prefix(BARS)?;
    Some(inner.strip_suffix(BARS).unwrap_or(inner))
}

/// Whether `next` is the rest of a line that fills its frame, where nothing marks that: what EXPLAIN writes is
/// indented, but for the first line and what is told of the whole.
fn is_rest(content: &str, next: &str) -> bool {
    const WHOLE: &[&str] =
        &["Planning", "Execution", "Settings:", "JIT:", "Trigger", "Query Id", "Serialization"];
    let blank = content.chars().rev().take_while(|letter| *letter == ' ').count();
    let starts = !next.starts_with("  ") && !next.trim().is_empty();
    // A line end within quotes may be the literal's own.
    let is_literal = Open::default().over(content).is_quoted();
    blank < 2
        && !is_literal
        && starts
        && !next.trim_start().starts_with("->")
        && !WHOLE.iter().any(|word| next.starts_with(word))
        && !next.starts_with(['{', '}', '[', ']', '<', '-'])
}

/// One record a row: title, then the name of the column before its value.
fn records(lines: &[Cow<'_, str>]) -> Option<Framed> {
    let mut out = Rows::default();
    let mut used = 0;
    let values: Vec<Value<'_>> = lines.iter().map_while(|line| value(line)).collect();
    // Values are wrapped where the widest one ends.
    let width = values.iter().filter_map(|value| value.content).map(columns).max()?;
    for (place, value) in values.iter().enumerate() {
        used += 1;
        let Some(content) = value.content else {
            out.open = false;
            continue;
        };
        let next = values.get(place + 1).filter(|next| next.is_rest && next.content.is_some());
        let Some(next) = next else {
            out.add(content, Goes::Ends);
            continue;
        };
        let bare = content.trim_end();
        if let Some(bare) = bare.strip_suffix(WRAPS).filter(|_| next.is_marked) {
            out.add(bare, Goes::On);
        } else if next.separator == Some(';') {
            let missing = width.saturating_sub(columns(content));
            out.add(&format!("{content}{:missing$}", ""), Goes::On);
        } else if let Some(bare) = bare.strip_suffix(ENDS) {
            out.add(bare, Goes::Ends);
        } else if next.separator.is_none() && columns(bare) + 1 >= width {
            let missing = width.saturating_sub(columns(content));
            out.add(&format!("{content}{:missing$}", ""), Goes::On);
        } else {
            out.add(content, Goes::Ends);
        }
    }
    (!out.rows.is_empty()).then_some(Framed { rows: out.rows, used })
}

/// A line of a record.
struct Value<'a> {
    /// What stands behind the name; `None` in a title.
    content: Option<&'a str>,
    /// It has no name.
    is_rest: bool,
    /// A mark says that the line before was wrapped.
    is_marked: bool,
    /// What stands between name and value.
    separator: Option<char>,
}

fn value(line: &str) -> Option<Value<'_>> {
    const NAME: &str = "QUERY PLAN";
    const BLANK: &str = "          ";
    if is_record(line) || (is_rule(line.trim()) && line.contains(['+', '┴', '╧', '╩'])) {
        return Some(Value { content: None, is_rest: false, is_marked: false, separator: None });
    }
    let has_bars = line.starts_with(BARS);
    let inner = if has_bars { line.trim_start_matches(BARS).strip_prefix(' ')? } else { line };
    let (is_rest, after) = match inner.strip_prefix(NAME) {
        Some(after) => (false, after),
        None => (true, inner.strip_prefix(BLANK)?),
    };
    let mut letters = after.chars();
    // Borders have a blank before the separator.
    let separator = after
        .strip_prefix(' ')
        .and_then(|after| after.chars().next())
        .filter(|letter| BARS.contains(letter) || (is_rest && matches!(letter, ':' | ';')));
    let after = match separator {
        Some(separator) => after.get(1 + separator.len_utf8()..)?,
        None => after,
    };
    if separator.is_some() {
        letters = after.chars();
    }
    let mark = letters.next();
    let is_marked = is_rest && mark.is_some_and(|mark| WRAPS.contains(&mark));
    let content = if mark.is_none() { "" } else { letters.as_str() };
    if mark.is_some_and(|mark| mark != ' ') && !is_marked {
        return None;
    }
    let content = if has_bars { content.trim_end().trim_end_matches(BARS) } else { content };
    // Old frames have a blank where others have a mark.
    let content = if has_bars { content.strip_suffix(' ').unwrap_or(content) } else { content };
    Some(Value { content: Some(content), is_rest, is_marked, separator })
}

/// The text up to a column of a terminal, and the rest; `None` if it is shorter.
fn split_at_column(text: &str, column: usize) -> Option<(&str, &str)> {
    let mut taken = 0;
    for (at, letter) in text.char_indices() {
        if column <= taken {
            return text.split_at_checked(at);
        }
        taken += width_of(letter);
    }
    (taken == column).then_some((text, ""))
}

fn columns(text: &str) -> usize {
    text.chars().map(width_of).sum()
}

/// Columns that a terminal gives a letter.
fn width_of(letter: char) -> usize {
    match u32::from(letter) {
        0x0300..=0x036f | 0x200b..=0x200f | 0xfe00..=0xfe0f => 0,
        0x1100..=0x115f
        | 0x2e80..=0x303e
        | 0x3041..=0xa4cf
        | 0xac00..=0xd7a3
        | 0xf900..=0xfaff
        | 0xfe30..=0xfe6f
        | 0xff00..=0xff60
        | 0xffe0..=0xffe6
        | 0x1_f300..=0x1_faff
        | 0x2_0000..=0x3_fffd => 2,
        _ => 1,
    }
}
