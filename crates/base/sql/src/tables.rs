//! The tables that a statement names, by its words alone: works on cut and foreign text too.

use std::collections::BTreeSet;

use model::{StatementKind, Text};

/// More tables than this are not told: nobody reads them.
const TABLES_MAX: usize = 32;

/// A token of normalised text, which has single spaces and no literals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token<'text> {
    /// As it is written, quotes included.
    pub(crate) text: &'text str,
    /// Parentheses around it; an opening one counts as outside of itself.
    pub(crate) depth: usize,
}

/// More tokens than this are not looked at: some 100 KB, which is no statement that a person wrote.
const TOKENS_MAX: usize = 20_000;

/// Takes normalised text apart.
pub(crate) fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut depth = 0_usize;
    let mut rest = text;
    while let Some(first) = rest.chars().next().filter(|_| tokens.len() < TOKENS_MAX) {
        let len = match first {
            '"' | '`' => rest
                .char_indices()
                .skip(1)
                .find(|(_, c)| *c == first)
                .map_or(rest.len(), |(end, _)| end + 1),
            '[' => bracketed(rest),
            _ if is_word(first) => rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
            _ => first.len_utf8(),
        };
        let (token, tail) = rest.split_at(len);
        rest = tail;
        match first {
            ' ' => continue,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        tokens.push(Token { text: token, depth });
        if first == '(' {
            depth += 1;
        }
    }
    tokens
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '$' | '#' | '@') || !c.is_ascii()
}

/// Length of `[name]`, or of the bracket alone.
fn bracketed(rest: &str) -> usize {
    match rest.find(']') {
        Some(end) if rest.chars().nth(1).is_some_and(|c| c.is_alphabetic() || c == '_') => end + 1,
        _ => 1,
    }
}

/// The tables, in order of appearance, unquoted, without the names of common table expressions and
/// without the schemas that are searched anyway.
pub(crate) fn tables(tokens: &[Token<'_>], kind: StatementKind) -> Vec<Text> {
    let common = common_tables(tokens);
    let mut tables: Vec<Text> = Vec::new();
    for place in 0..tokens.len() {
        if !introduces(tokens, place, kind) {
            continue;
        }
        let mut at = place + 1;
        loop {
            while ["only", "lateral", "if", "not", "exists", "table", "low_priority", "ignore"]
                .contains(&word(tokens, at))
            {
                at += 1;
            }
            let (name, end) = name(tokens, at);
            let call = word(tokens, end) == "("
                && matches!(tokens[place].text, "from" | "join" | ",")
                && end > at;
            if let Some(name) = name.filter(|name| !call && !common.contains(name))
                && !tables.contains(&name)
                && tables.len() < TABLES_MAX
            {
                tables.push(name);
            }
            match next_in_list(tokens, place, end) {
                Some(next) => at = next,
                None => break,
            }
        }
    }
    tables
}

fn word<'text>(tokens: &[Token<'text>], at: usize) -> &'text str {
    tokens.get(at).map_or("", |token| token.text)
}

/// Whether a table follows the word at `place`.
fn introduces(tokens: &[Token<'_>], place: usize, kind: StatementKind) -> bool {
    let before = place.checked_sub(1).map_or("", |before| word(tokens, before));
    if before == "." || before == "as" {
        return false;
    }
    match tokens[place].text {
        "from" => before != "distinct" && !within_call(tokens, place),
        "join" | "into" => true,
        "update" => !["for", "key", "do", "on", "no"].contains(&before),
        "using" => kind == StatementKind::Delete && word(tokens, place + 1) != "(",
        "table" | "truncate" | "references" | "view" => kind == StatementKind::Definition,
        "on" => kind == StatementKind::Definition && word(tokens, 0) == "create",
        _ => false,
    }
}

/// Whether the `FROM` at `place` is one of `extract(year from x)`.
fn within_call(tokens: &[Token<'_>], place: usize) -> bool {
    let depth = tokens[place].depth;
    if depth == 0 {
        return false;
    }
    // Only as far as such a call may reach.
    let mut within = tokens[..place].iter().enumerate().rev().take(64);
    let open = within.find(|(_, token)| token.text == "(" && token.depth + 1 == depth);
    let Some((open, _)) = open else { return false };
    let call = open.checked_sub(1).map_or("", |before| word(tokens, before));
    ["extract", "substring", "trim", "overlay", "position"].contains(&call)
}

/// The name at `at`, and the place after it.
fn name(tokens: &[Token<'_>], at: usize) -> (Option<Text>, usize) {
    let mut parts: Vec<String> = Vec::new();
    let mut end = at;
    while let Some(part) = tokens.get(end).and_then(|token| unquoted(token.text)) {
        parts.push(part);
        end += 1;
        if word(tokens, end) != "." {
            break;
        }
        end += 1;
    }
    if parts.len() > 1 && ["public", "dbo", "main"].contains(&parts[0].as_str()) {
        parts.remove(0);
    }
    let name = (!parts.is_empty()).then(|| Text::from(parts.join(".")));
    (name, end)
}

/// The name without its quotes; `None` if it is none.
fn unquoted(token: &str) -> Option<String> {
    let first = token.chars().next()?;
    let quoted = |quote: &str| {
        let inner = token.strip_prefix(first)?.strip_suffix(quote)?;
        Some(inner.replace(&quote.repeat(2), quote))
    };
    match first {
        '"' => quoted("\""),
        '`' => quoted("`"),
        '[' => quoted("]"),
        _ if first.is_alphabetic() || matches!(first, '_' | '#') || !first.is_ascii() => {
            let clause = matches!(token, "select" | "set" | "values" | "where" | "with" | "as");
            (!clause).then(|| token.to_owned())
        }
        _ => None,
    }
}

/// Where the next table of `FROM a, b AS c` begins.
fn next_in_list(tokens: &[Token<'_>], place: usize, end: usize) -> Option<usize> {
    if !matches!(tokens[place].text, "from" | "table" | "truncate" | "using") {
        return None;
    }
    let depth = tokens[place].depth;
    let mut at = end;
    if word(tokens, at) == "(" {
        // A subquery or the arguments of a function, whose own tables are found by themselves.
        at += tokens[at..].iter().position(|token| token.text == ")" && token.depth == depth)? + 1;
    }
    if word(tokens, at) == "as" {
        at += 1;
    }
    if word(tokens, at) != "," && unquoted(word(tokens, at)).is_some() {
        at += 1;
    }
    (word(tokens, at) == ",").then_some(at + 1)
}

/// Names of common table expressions: `x` in `WITH x AS (…)` and `WITH x (a, b) AS MATERIALIZED (…)`.
fn common_tables(tokens: &[Token<'_>]) -> BTreeSet<Text> {
    let mut common = BTreeSet::new();
    if !tokens.iter().any(|token| token.text == "with") {
        return common;
    }
    for place in 1..tokens.len() {
        let begins = matches!(word(tokens, place - 1), "with" | "recursive" | ",");
        let Some(name) = unquoted(word(tokens, place)).filter(|_| begins) else { continue };
        let mut at = place + 1;
        if word(tokens, at) == "(" {
            let depth = tokens[at].depth;
            let close = |token: &Token<'_>| token.text == ")" && token.depth == depth;
            at += tokens[at..].iter().position(close).unwrap_or(tokens.len()) + 1;
        }
        if word(tokens, at) != "as" {
            continue;
        }
        at += 1;
        while matches!(word(tokens, at), "not" | "materialized") {
            at += 1;
        }
        if word(tokens, at) == "(" {
            common.insert(Text::from(name));
        }
    }
    common
}
