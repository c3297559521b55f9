//! Text in columns: wrapping, and Markdown for terminals.

use crate::say::{ACCENT, BOLD};

/// Breaks text into lines of at most `columns` letters, at spaces; longer words stay whole.
pub(crate) fn wrap(text: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split_whitespace() {
        let letters = word.chars().count();
        if 0 < used && columns < used + 1 + letters {
            lines.push(String::new());
            used = 0;
        }
        if let Some(line) = lines.last_mut() {
            if 0 < used {
                line.push(' ');
                used += 1;
            }
            line.push_str(word);
            used += letters;
        }
    }
    lines
}

/// Cuts a text to at most `columns` letters.
pub(crate) fn cut(text: &str, columns: usize) -> String {
    if text.chars().count() <= columns {
        return text.to_owned();
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
        assert_eq!(wrap("unbreakable", 5), ["unbreakable"]);
        assert_eq!(cut("abcdef", 4), "abc…");
    }
}
