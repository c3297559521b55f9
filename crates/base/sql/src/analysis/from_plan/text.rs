//! EXPLAIN's own spelling: what is no SQL made SQL, conjuncts told apart without a parser.

use std::borrow::Cow;

/// Subplans have no name that SQL knows: a parameter that no statement has stands for them.
const SUBPLAN: &str = "$65536";

/// The text with a parameter for each subplan.
pub(super) fn plain(text: &str) -> Cow<'_, str> {
    if !text.contains("Plan ") {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((from, to)) = subplan(rest) {
        out.push_str(rest.get(..from).unwrap_or_default());
        out.push_str(SUBPLAN);
        rest = rest.get(to..).unwrap_or_default();
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// Where the next `(SubPlan 1)`, `(hashed SubPlan 1).col1` or `(InitPlan 2).col1` stands.
fn subplan(text: &str) -> Option<(usize, usize)> {
    let openings = ["(SubPlan ", "(hashed SubPlan ", "(InitPlan ", "(alternatives: SubPlan "];
    let from = openings.iter().filter_map(|opening| text.find(opening)).min()?;
    let rest = text.get(from..)?;
    let mut to = from + rest.find(')')? + 1;
    if let Some(after) = text.get(to..)?.strip_prefix(".col") {
        let digits = after.bytes().take_while(u8::is_ascii_digit).count();
        to += ".col".len() + digits;
    }
    Some((from, to))
}

/// What is joined by `AND` on the outside: `((a = 1) AND (b = 2))` is two. Each stays as it is printed.
pub(super) fn conjuncts(text: &str) -> Vec<&str> {
    let inner = text.trim();
    let unwrapped = unwrapped(inner).filter(|_| has_and(inner, 1));
    let text = unwrapped.unwrap_or(inner);
    let mut found = Vec::new();
    let mut from = 0;
    for at in ands(text, 0) {
        found.extend(text.get(from..at).map(str::trim));
        from = at + " AND ".len();
    }
    found.extend(text.get(from..).map(str::trim));
    found
}

fn unwrapped(text: &str) -> Option<&str> {
    text.strip_prefix('(')?.strip_suffix(')')
}

fn has_and(text: &str, depth: usize) -> bool {
    // Both ends are one pair of parentheses only if it never closes in between.
    let closes = levels(text).any(|(at, level, _)| level == 0 && at + 1 < text.len());
    !closes && ands(text, depth).next().is_some()
}

/// Places of ` AND ` at this depth of parentheses.
fn ands(text: &str, depth: usize) -> impl Iterator<Item = usize> + '_ {
    levels(text).filter_map(move |(at, level, quoted)| {
        let is_and = level == depth && !quoted && text.get(at..)?.starts_with(" AND ");
        is_and.then_some(at)
    })
}

/// Each byte that begins a letter: its place, how many parentheses are open after it, whether it is quoted.
fn levels(text: &str) -> impl Iterator<Item = (usize, usize, bool)> + '_ {
    let mut level = 0_usize;
    let mut quote = None;
    text.char_indices().map(move |(at, letter)| {
        match (quote, letter) {
            (Some(mark), _) if letter == mark => quote = None,
            (None, '\'' | '"') => quote = Some(letter),
            (None, '(') => level += 1,
            (None, ')') => level = level.saturating_sub(1),
            _ => {}
        }
        (at, level, quote.is_some())
    })
}

/// `lower(name) DESC NULLS LAST` in its parts: the key, whether it descends, whether nulls come first.
pub(super) fn sort_key(text: &str) -> (&str, bool, bool) {
    let mut text = text.trim();
    let mut nulls = None;
    for (suffix, first) in [(" NULLS FIRST", true), (" NULLS LAST", false)] {
        if let Some(rest) = text.strip_suffix(suffix) {
            (text, nulls) = (rest, Some(first));
        }
    }
    let descending = text.strip_suffix(" DESC");
    let descends = descending.is_some();
    (descending.unwrap_or(text), descends, nulls.unwrap_or(descends))
}
