//! Lines of a plan, and what mail, chats and terminals wrapped off them.

use crate::plan::{clean, head, lists::Open, names, property};

/// Lines that one line may have been broken into: literals with line ends in them are long, not endless.
const PIECES_MAX: usize = 200;

/// Letters of a line that nothing breaks.
const SHORT: usize = 40;

/// Columns of a terminal, at least; mail is narrower.
const TERMINAL: usize = 80;

/// Lines of a literal that look like something else.
const STRANGE_MAX: usize = 10;

/// Columns between stops of tabs.
const TAB: usize = 8;

/// Properties that are names as they are, with quotes that need not match.
const VERBATIM: &[&str] =
    &["Settings", "Query Text", "Query Parameters", "Conflict Arbiter Indexes", "Node", "Query"];

/// The lines of a text.
pub(super) struct Lines<'a> {
    all: Vec<&'a str>,
    /// Letters of the longest line.
    width: usize,
    /// Lines that are cut off where a terminal ends.
    is_cut: bool,
    /// Some node has estimates or actual figures.
    pub(super) has_figures: bool,
    /// Blanks before the root, which are not its own.
    left: usize,
}

impl<'a> Lines<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let lines: Vec<&str> = text.lines().collect();
        let width = lines.iter().map(|line| line.trim_end().chars().count()).max().unwrap_or(0);
        let longest = lines.iter().filter(|line| line.trim_end().chars().count() == width).count();
        let is_cut = SHORT <= width && (1 < longest || TERMINAL <= width);
        let is_head = |line: &&&str| {
            head::has_figures(line)
                && (line.trim_start().starts_with("->") || property::entry(line.trim()).is_none())
        };
        let has_figures = lines.iter().any(|line| is_head(&line));
        let heads = lines
            .iter()
            .filter(|line| if has_figures { is_head(line) } else { head::is_known(line) });
        let left = heads.map(|line| line.len() - line.trim_start().len()).min().unwrap_or(0);
        Self { all: lines, width, is_cut, has_figures, left }
    }

    pub(super) fn get(&self, at: usize) -> Option<&'a str> {
        self.all.get(at).copied()
    }

    /// The line at `at` with what was wrapped off it, and the place of the next line.
    pub(super) fn logical(&self, at: usize, in_plan: bool) -> (String, usize) {
        let mut text = self.get(at).unwrap_or_default().trim().to_owned();
        let mut next = at + 1;
        if !in_plan && !head::has_figures(&text) && !self.begins_plan(&text, next) {
            return (text, next);
        }
        if is_verbatim(&text) {
            return (text, next);
        }
        let mut open = Open::default().over(&text);
        loop {
            let until = if open.is_open() {
                match self.closing(open, next) {
                    Some(until) => until,
                    None => break,
                }
            } else if self.continues(&text, next) {
                next + 1
            } else {
                break;
            };
            while next < until {
                open = self.glue(&mut text, open, next);
                next += 1;
            }
        }
        (text, next)
    }

    /// Whether the line before `next` is a root whose figures were wrapped off.
    fn begins_plan(&self, text: &str, next: usize) -> bool {
        let Some(bare) = self.get(next).map(str::trim) else { return false };
        let has_only_figures = bare.starts_with("(cost=") || bare.starts_with("(actual ");
        let has_rest = head::is_known(text) && head::has_figures(bare) && !bare.starts_with("->");
        has_only_figures || (has_rest && !head::is_known(bare))
    }

    /// The place after the line in which everything that is open is closed.
    fn closing(&self, mut open: Open, from: usize) -> Option<usize> {
        for at in from..from + PIECES_MAX {
            let line = self.get(at)?;
            let bare = line.trim();
            let begins = (bare.starts_with("->") && head::has_figures(bare))
                || property::entry(bare).is_some_and(|(key, _)| property::is_of_node(key));
            let is_literal = open.quote.is_some();
            if begins && (!is_literal || from + STRANGE_MAX < at) {
                return None;
            }
            if !is_literal && (is_separator(line) || bare.starts_with("->")) {
                return None;
            }
            open = open.over(bare);
            if !open.is_open() {
                return Some(at + 1);
            }
        }
        None
    }

    /// Whether the line at `next` goes on where `text`, in which nothing is open, ends.
    fn continues(&self, text: &str, next: usize) -> bool {
        let Some(line) = self.get(next) else { return false };
        let bare = line.trim();
        if is_separator(line) || is_foreign(line) || bare.starts_with("->") || is_heading(bare) {
            return false;
        }
        let before = self.get(next.saturating_sub(1)).unwrap_or_default();
        let is_head = text.starts_with("->") || property::entry(text).is_none();
        if head::has_figures(bare) && property::entry(bare).is_none() {
            return is_head && (!head::has_figures(text) || bare.starts_with('('));
        }
        if property::entry(bare).is_some() || head::is_known(bare) {
            return false;
        }
        let is_whole = property::entry(text).is_some_and(|(key, _)| names::whole(key).is_some());
        let is_complete = is_whole || head::has_figures(text) || is_heading(text);
        !is_complete && SHORT <= before.trim_end().chars().count()
    }

    /// Whether several lines end where the longest does.
    fn is_narrow(&self) -> bool {
        let ends = |line: &&&str| line.trim_end().chars().count() == self.width;
        1 < self.all.iter().filter(ends).take(2).count()
    }

    /// Appends the line at `at`.
    fn glue(&self, text: &mut String, open: Open, at: usize) -> Open {
        let line = self.get(at).unwrap_or_default();
        let before = self.get(at - 1).unwrap_or_default().trim_end();
        let letters = before.chars().count();
        let at_border = letters == self.width && self.is_cut;
        let cut = at_border && !before.ends_with([',', ')']);
        // Within quotes a line end may be part of the literal; psql marks those.
        let marked = open.quote.is_some() && text.ends_with('+');
        if marked {
            text.truncate(text.trim_end_matches('+').trim_end().len());
        }
        let bare = line.trim();
        let is_literal = open.quote.is_some() && (marked || !at_border || !self.is_narrow());
        let wrapped = match (is_literal, cut) {
            (true, _) => "\n",
            (false, true) => "",
            (false, false) => " ",
        };
        let wrapped = if is_in_figures(text) { between_figures(text, bare) } else { wrapped };
        // What is within quotes is as it was, but for what stands before every line.
        let bare = match line.get(..self.left) {
            Some(before) if is_literal && before.trim().is_empty() => {
                line.get(self.left..).unwrap_or_default().trim_end()
            }
            _ => bare,
        };
        text.push_str(wrapped);
        text.push_str(bare);
        open.over(wrapped).over(bare)
    }
}

/// Whether the text ends within the figures of a node.
fn is_in_figures(text: &str) -> bool {
    let begin = text.rfind("(cost=").max(text.rfind("(actual")).max(text.rfind("(never"));
    begin.and_then(|begin| text.get(begin..)).is_some_and(|figures| !figures.contains(')'))
}

/// What belongs between two halves of a node's figures: nothing within a word or a number, else a blank.
fn between_figures(text: &str, next: &str) -> &'static str {
    const WORDS: &[&str] =
        &["cost=", "rows=", "width=", "time=", "loops=", "actual", "never", "executed"];
    let last = text.rsplit([' ', '(']).next().unwrap_or_default();
    let is_whole = WORDS.iter().any(|word| last.starts_with(word));
    let is_number = last
        .ends_with(|letter: char| letter.is_ascii_digit() || matches!(letter, '.' | '='))
        && next.starts_with(|letter: char| letter.is_ascii_digit() || letter == '.');
    if is_number || !(is_whole || last.is_empty()) { "" } else { " " }
}

/// Columns before the text.
pub(super) fn column(line: &str) -> usize {
    let mut column = 0;
    for letter in line.chars() {
        match letter {
            ' ' => column += 1,
            '\t' => column = (column / TAB + 1) * TAB,
            _ => break,
        }
    }
    column
}

/// A line between plans.
pub(super) fn is_separator(line: &str) -> bool {
    let bare = line.trim();
    bare.is_empty()
        || clean::is_rule(bare)
        || clean::is_count(bare)
        || bare == "QUERY PLAN"
        || bare.starts_with("```")
}

/// A line of a log or of a shell, not of a plan.
pub(super) fn is_foreign(line: &str) -> bool {
    const WORDS: &[&str] = &[
        "LOG:  ",
        "ERROR:  ",
        "FATAL:  ",
        "WARNING:  ",
        "STATEMENT:  ",
        "DETAIL:  ",
        "CONTEXT:  ",
        "HINT:  ",
        "NOTICE:  ",
        "INFO:  ",
        "DEBUG:  ",
    ];
    if line.starts_with([' ', '\t'])
        && !line.trim_start().starts_with(|letter: char| letter.is_ascii_digit())
    {
        return false;
    }
    // `\timing` of psql.
    if line.starts_with("Time: ") && (line.ends_with(" ms") || line.ends_with(')')) {
        return true;
    }
    let in_log = WORDS.iter().any(|word| line.contains(word));
    in_log || prompt(line).is_some()
}

/// What was typed behind the prompt of psql: `shop=# explain …`.
pub(super) fn prompt(line: &str) -> Option<&str> {
    let end = line.find(['#', '>'])?;
    let (prompt, typed) = line.split_at_checked(end)?;
    let name = prompt.strip_suffix(['=', '-', '(', '\'', '"', '*', '^', '!'])?;
    let is_name =
        name.chars().all(|letter| letter.is_alphanumeric() || "_-.@:~/ ".contains(letter));
    let typed = typed.get(1..)?;
    (is_name
        && !name.is_empty()
        && !name.contains(' ')
        && (typed.is_empty() || typed.starts_with(' ')))
    .then(|| typed.trim_start())
}

/// `InitPlan 1 (returns $0)`, `SubPlan 2`, `CTE recent`.
pub(super) fn is_subplan(text: &str) -> bool {
    ["InitPlan ", "SubPlan ", "CTE "].iter().any(|word| text.starts_with(word))
}

/// A line that begins something, though it is no property.
fn is_heading(text: &str) -> bool {
    text.starts_with("Worker ")
        || text.starts_with("Trigger ")
        || is_subplan(text)
        || ["Insert on ", "Update on ", "Delete on ", "Merge on "]
            .iter()
            .any(|word| text.contains(word))
}

fn is_verbatim(text: &str) -> bool {
    text.starts_with("Trigger ")
        || is_subplan(text)
        || property::entry(text).is_some_and(|(key, _)| VERBATIM.contains(&key))
}
