//! What differs between two texts, as `diff -u` tells it; and what takes that back.

use std::{fmt::Write as _, ops::Range, path::Path};

/// Lines around a change that are told.
const CONTEXT_LINES: usize = 3;

/// Pairs of lines that are compared at most: with more, all between the first and the last difference counts as changed.
const PAIRS_MAX: usize = 4_000_000;

/// A line with one of these may hold what nobody else shall read, and is not kept as context; `plans` are API keys.
const SECRETS: &[&str] =
    &["token", "secret", "password", "authorization", "api-key", "cookie", "plans"];

/// Why a difference does not fit a text any more.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum DiffError {
    /// It is none.
    #[error("what was kept of the change is no difference of two texts")]
    Damaged,
    /// What it made is not there as it made it.
    #[error("the file was changed since, at what was changed: {}", lines(missing))]
    Changed {
        /// What should stand there.
        missing: Vec<String>,
    },
    /// What it made is there more than once.
    #[error("what was changed stands in the file more than once: {}", lines(several))]
    Several {
        /// What stands there.
        several: Vec<String>,
    },
}

fn lines(lines: &[String]) -> String {
    let shown: Vec<String> =
        lines.iter().take(3).map(|line| format!("`{}`", line.trim())).collect();
    shown.join(", ")
}

/// The difference, as `diff -u` has it; empty if there is none.
#[must_use]
pub fn diff(path: &Path, before: &str, after: &str) -> String {
    let old: Vec<&str> = before.split_inclusive('\n').collect();
    let new: Vec<&str> = after.split_inclusive('\n').collect();
    let changes = changes(&old, &new);
    let whole = told(path, &changes, (&old, &new), CONTEXT_LINES);
    let is_secret = |line: &str| {
        let line = line.to_ascii_lowercase();
        let has_user = line.split_once("://").is_some_and(|(_, rest)| rest.contains(['@', '?']));
        line.starts_with(' ') && (has_user || SECRETS.iter().any(|word| line.contains(word)))
    };
    if whole.lines().any(is_secret) { told(path, &changes, (&old, &new), 0) } else { whole }
}

/// Lines that differ: those of the old text, and those in their place.
type Changed = (Range<usize>, Range<usize>);

/// What differs, in order; by the longest run of lines that both have.
fn changes(old: &[&str], new: &[&str]) -> Vec<Changed> {
    let same = |pair: &(&&str, &&str)| pair.0 == pair.1;
    let head = old.iter().zip(new).take_while(same).count();
    let (old_rest, new_rest) = (&old[head..], &new[head..]);
    let tail = old_rest.iter().rev().zip(new_rest.iter().rev()).take_while(same).count();
    let (rows, columns) = (old_rest.len() - tail, new_rest.len() - tail);
    if rows == 0 && columns == 0 {
        return Vec::new();
    }
    if PAIRS_MAX < rows.saturating_mul(columns) {
        return vec![(head..head + rows, head..head + columns)];
    }
    // Of the lines from here on, how many both have.
    let width = columns + 1;
    let mut both = vec![0_u32; (rows + 1) * width];
    for row in (0..rows).rev() {
        for column in (0..columns).rev() {
            both[row * width + column] = if old_rest[row] == new_rest[column] {
                both[(row + 1) * width + column + 1] + 1
            } else {
                both[(row + 1) * width + column].max(both[row * width + column + 1])
            };
        }
    }
    let mut changes: Vec<Changed> = Vec::new();
    let (mut row, mut column) = (0, 0);
    while row < rows || column < columns {
        let from = (row, column);
        while (row < rows || column < columns)
            && (row == rows || column == columns || old_rest[row] != new_rest[column])
        {
            let down = row < rows
                && (column == columns
                    || both[row * width + column + 1] <= both[(row + 1) * width + column]);
            if down { row += 1 } else { column += 1 }
        }
        if from != (row, column) {
            changes.push((head + from.0..head + row, head + from.1..head + column));
        }
        while row < rows && column < columns && old_rest[row] == new_rest[column] {
            (row, column) = (row + 1, column + 1);
        }
    }
    changes
}

/// Changes with so many lines around each; those that are near each other together.
fn told(
    path: &Path,
    changes: &[Changed],
    (old, new): (&[&str], &[&str]),
    context: usize,
) -> String {
    let mut text = String::new();
    if !changes.is_empty() {
        let name = path.display();
        let _ok = write!(text, "--- {name}\n+++ {name}\n");
    }
    let near = |one: &Changed, next: &Changed| next.0.start - one.0.end <= 2 * context;
    for hunk in changes.chunk_by(near) {
        let (Some(first), Some(last)) = (hunk.first(), hunk.last()) else { continue };
        let before = context.min(first.0.start);
        let after = context.min(old.len() - last.0.end);
        let range = |start: usize, end: usize| match end - start {
            1 => format!("{}", start + 1),
            // Of no lines, the one before is named.
            0 => format!("{start},0"),
            count => format!("{},{count}", start + 1),
        };
        let olds = range(first.0.start - before, last.0.end + after);
        let news = range(first.1.start - before, last.1.end + after);
        let _ok = writeln!(text, "@@ -{olds} +{news} @@");
        let mut place = first.0.start - before;
        for (removed, added) in hunk {
            lines_of(&mut text, ' ', &old[place..removed.start]);
            lines_of(&mut text, '-', &old[removed.clone()]);
            lines_of(&mut text, '+', &new[added.clone()]);
            place = removed.end;
        }
        lines_of(&mut text, ' ', &old[place..place + after]);
    }
    text
}

fn lines_of(text: &mut String, sign: char, lines: &[&str]) {
    for line in lines {
        text.push(sign);
        text.push_str(line);
        if !line.ends_with('\n') {
            text.push_str("\n\\ No newline at end of file\n");
        }
    }
}

/// The text before a difference was made in it.
///
/// # Errors
///
/// What the difference made is not there any more as it made it.
pub fn undone(text: &str, difference: &str) -> Result<String, DiffError> {
    let hunks = hunks(difference).ok_or(DiffError::Damaged)?;
    replaced(text, hunks.into_iter().map(|hunk| (hunk.new_line, hunk.new, hunk.old)))
}

/// Lines that belong together, with what ends them.
#[derive(Debug, Default)]
struct Hunk {
    /// From 0.
    new_line: usize,
    old: Vec<String>,
    new: Vec<String>,
}

fn hunks(difference: &str) -> Option<Vec<Hunk>> {
    let mut hunks: Vec<Hunk> = Vec::new();
    let mut before = b' ';
    for line in difference.split_inclusive('\n') {
        if hunks.is_empty() && (line.starts_with("--- ") || line.starts_with("+++ ")) {
            continue;
        }
        if let Some(head) = line.strip_prefix("@@ -") {
            let (_, rest) = head.split_once(" +")?;
            let (new, _) = rest.split_once(" @@")?;
            hunks.push(Hunk { new_line: first(new)?, ..Hunk::default() });
            continue;
        }
        let hunk = hunks.last_mut()?;
        let content = || line.get(1..).map(str::to_owned);
        match line.as_bytes().first()? {
            b' ' => {
                hunk.old.push(content()?);
                hunk.new.push(content()?);
            }
            b'-' => hunk.old.push(content()?),
            b'+' => hunk.new.push(content()?),
            // The line before has no end.
            b'\\' => {
                let sides = [(&mut hunk.old, before != b'+'), (&mut hunk.new, before != b'-')];
                for (side, _) in sides.into_iter().filter(|(_, meant)| *meant) {
                    if let Some(last) = side.last_mut() {
                        last.truncate(last.trim_end_matches('\n').len());
                    }
                }
            }
            _ => return None,
        }
        before = *line.as_bytes().first()?;
    }
    (!hunks.is_empty()).then_some(hunks)
}

/// The first line of a range as a hunk's head has it, from 0.
fn first(range: &str) -> Option<usize> {
    let (line, count) = range.split_once(',').unwrap_or((range, "1"));
    let line: usize = line.parse().ok()?;
    // Of no lines, the one before is named.
    Some(if count == "0" { line } else { line.saturating_sub(1) })
}

/// Replaces lines, each of which has to stand where it is thought, or in one other place alone.
fn replaced(
    text: &str,
    changes: impl Iterator<Item = (usize, Vec<String>, Vec<String>)>,
) -> Result<String, DiffError> {
    let mut rest: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
    let mut moved = 0_isize;
    for (line, from, to) in changes {
        let thought = line.checked_add_signed(moved).unwrap_or(0);
        let place = place_of(&rest, &from, thought)?;
        rest.splice(place..place + from.len(), to.iter().cloned());
        let (to, from) = (to.len().cast_signed(), from.len().cast_signed());
        moved += place.cast_signed() - thought.cast_signed() + to - from;
    }
    Ok(rest.concat())
}

fn place_of(lines: &[String], wanted: &[String], thought: usize) -> Result<usize, DiffError> {
    let fits = |place: usize| lines.get(place..place + wanted.len()) == Some(wanted);
    if fits(thought) {
        return Ok(thought);
    }
    let mut places = (0..=lines.len().saturating_sub(wanted.len())).filter(|place| fits(*place));
    match (places.next(), places.next()) {
        (Some(place), None) if !wanted.is_empty() => Ok(place),
        (Some(_), Some(_)) => Err(DiffError::Several { several: wanted.to_vec() }),
        _ => Err(DiffError::Changed { missing: missing(lines, wanted) }),
    }
}

/// Those of the wanted lines that are nowhere; all of them if each is somewhere.
fn missing(lines: &[String], wanted: &[String]) -> Vec<String> {
    let gone: Vec<String> = wanted.iter().filter(|line| !lines.contains(line)).cloned().collect();
    if gone.is_empty() { wanted.to_vec() } else { gone }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BEFORE: &str = "a = 1\nb = 2\nc = 3\nd = 4\ne = 5\nf = 6\n";

    #[test]
    fn a_difference_is_told_as_diff_tells_it() {
        insta::assert_snapshot!(diff(Path::new("taut.toml"), BEFORE, &BEFORE.replace("d = 4", "d = 5")), @r"
        --- taut.toml
        +++ taut.toml
        @@ -1,6 +1,6 @@
         a = 1
         b = 2
         c = 3
        -d = 4
        +d = 5
         e = 5
         f = 6
        ");
        let hidden = BEFORE.replace("c = 3", "admin-token = \"x\"");
        let told = diff(Path::new("t"), &hidden, &hidden.replace("d = 4", "d = 5"));
        assert!(!told.contains("token"), "{told}");
        let hidden_url = BEFORE.replace("c = 3", "url = \"redis://:hunter2@10.0.0.5\"");
        let told_url = diff(Path::new("t"), &hidden_url, &hidden_url.replace("d = 4", "d = 5"));
        assert!(!told_url.contains("hunter2"), "{told_url}");
        assert_eq!(undone(&hidden.replace("d = 4", "d = 5"), &told), Ok(hidden));
    }

    #[test]
    fn what_was_changed_since_is_told() {
        let after = BEFORE.replace("d = 4", "d = 5");
        let told = diff(Path::new("t"), BEFORE, &after);
        let elsewhere = format!("# new\n{after}");
        assert_eq!(undone(&elsewhere, &told), Ok(format!("# new\n{BEFORE}")));
        let there = after.replace("d = 5", "d = 7");
        let missing = vec!["d = 5\n".to_owned()];
        assert_eq!(undone(&there, &told), Err(DiffError::Changed { missing }));
        assert_eq!(undone(&after, "no difference"), Err(DiffError::Damaged));
    }

    proptest! {
        #[test]
        fn taking_back_gives_every_byte(
            before in "([ab\\n]|token=c\\n){0,20}",
            after in "([ab\\n]|token=c\\n){0,20}",
        ) {
            let told = diff(Path::new("t"), &before, &after);
            if before != after {
                prop_assert_eq!(undone(&after, &told), Ok(before));
            }
        }
    }
}
