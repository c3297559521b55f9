//! Text in columns: wrapping, and Markdown for terminals.

use crate::say::{ACCENT, BOLD};

/// Text in which nothing moves the cursor, colours what follows or turns the direction of writing: names
/// come from spans, and spans from anybody.
pub(crate) fn clean(text: &str) -> String {
    let tame = |letter: char| match letter {
        '\n' | '\r' | '\t' => ' ',
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => char::REPLACEMENT_CHARACTER,
        letter if letter.is_control() => char::REPLACEMENT_CHARACTER,
        letter => letter,
    };
    text.chars().map(tame).collect()
}

/// Breaks text into lines of at most `columns` letters, at spaces; longer words wherever they must.
pub(crate) fn wrap(text: &str, columns: usize) -> Vec<String> {
    fill(clean(text).split_whitespace(), " ", columns)
}

/// Puts parts into lines of at most `columns` letters, `between` them where a line holds several.
pub(crate) fn fill<'a>(
    parts: impl IntoIterator<Item = &'a str>,
    between: &str,
    columns: usize,
) -> Vec<String> {
    let gap = between.chars().count();
    let mut lines = vec![String::new()];
    let mut used = 0;
    for part in parts {
        let letters: Vec<char> = part.chars().collect();
        for (place, piece) in letters.chunks(columns.max(1)).enumerate() {
            let fits = used + gap + piece.len() <= columns && place == 0;
            if 0 < used && !fits {
                lines.push(String::new());
                used = 0;
            }
            if let Some(line) = lines.last_mut() {
                if 0 < used {
                    line.push_str(between);
                    used += gap;
                }
                line.extend(piece);
                used += piece.len();
            }
        }
    }
    lines
}

/// Code in lines of at most `columns` letters; what a long line goes on with is indented, and marked as a
/// comment if the line is one.
pub(crate) fn code(text: &str, columns: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for line in text.lines().map(clean) {
        let bare = line.trim_start();
        let indent = " ".repeat(line.chars().count() - bare.chars().count());
        let comment = ["#", "--", "//"].into_iter().find(|mark| bare.starts_with(mark));
        let further = format!("{indent}{} ", comment.unwrap_or("   "));
        let room = columns.saturating_sub(further.chars().count());
        for (place, part) in wrap(bare, room).iter().enumerate() {
            let before = if place == 0 { &indent } else { &further };
            lines.push(format!("{before}{part}"));
        }
    }
    lines
}

/// Cuts a text to at most `columns` letters.
pub(crate) fn cut(text: &str, columns: usize) -> String {
    let text = clean(text);
    if text.chars().count() <= columns {
        return text;
    }
    let mut cut: String = text.chars().take(columns.saturating_sub(1)).collect();
    cut.push('…');
    cut
}

/// A page of the manual: headings bold, paragraphs wrapped, code in the colour of what can be typed.
pub(crate) fn markdown(text: &str, columns: usize) -> String {
    let mut page = String::new();
    for paragraph in text.trim().split("\n\n") {
        if let Some(heading) = paragraph.strip_prefix('#') {
            let heading = heading.trim_start_matches('#').trim();
            page.push_str(&format!("{BOLD}{heading}{BOLD:#}\n\n"));
            continue;
        }
        for line in wrap(paragraph, columns) {
            page.push_str(&coloured(&line));
            page.push('\n');
        }
        page.push('\n');
    }
    page.truncate(page.trim_end().len() + 1);
    page
}

/// Code between backticks in the colour of what can be typed; a span that a line break cuts stays plain.
fn coloured(line: &str) -> String {
    let parts: Vec<&str> = line.split('`').collect();
    if parts.len().is_multiple_of(2) {
        return line.to_owned();
    }
    let mut text = String::new();
    for (place, part) in parts.iter().enumerate() {
        if place.is_multiple_of(2) {
            text.push_str(part);
        } else {
            text.push_str(&format!("{ACCENT}{part}{ACCENT:#}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_at_spaces() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("one unbreakable", 5), ["one", "unbre", "akabl", "e"]);
        assert_eq!(fill(["a", "b c", "d"], " · ", 7), ["a · b c", "d"]);
        assert_eq!(cut("abcdef", 4), "abc…");
    }

    #[test]
    fn code_goes_on_indented() {
        assert_eq!(code("  load(one, two)", 15), ["  load(one,", "      two)"]);
        assert_eq!(code("# one two three", 9), ["# one", "# two", "# three"]);
    }

    #[test]
    fn names_cannot_take_the_terminal_over() {
        assert_eq!(cut("\u{1b}[2Jgone\u{202e}", 80), "\u{fffd}[2Jgone\u{fffd}");
        assert_eq!(wrap("\u{9b}31m red\nline", 80), ["\u{fffd}31m red line"]);
    }
}
