//! Finds, in what a program printed, the lines that say why it failed.

/// No more than this: the log has the rest.
const LINES_MAX: usize = 120;
/// What follows a line that tells a failure, for its place and its figures.
const LINES_AFTER: usize = 12;
/// What is shown where no line tells a failure.
const LINES_AT_END: usize = 25;

/// The lines that say why; the last lines where none do.
pub(crate) fn causes(printed: &str) -> Vec<String> {
    let lines: Vec<String> = printed.lines().map(without_colour).collect();
    let mut shown = Vec::new();
    let mut left = 0;
    for line in &lines {
        if tells(line) {
            left = LINES_AFTER;
        }
        if left > 0 && !line.trim().is_empty() {
            shown.push(line.trim_end().to_owned());
        }
        left = left.saturating_sub(1);
    }
    if shown.is_empty() {
        let last = lines.len().saturating_sub(LINES_AT_END);
        shown = lines.iter().skip(last).map(|line| line.trim_end().to_owned()).collect();
    }
    if shown.len() > LINES_MAX {
        let more = shown.len() - LINES_MAX;
        shown.truncate(LINES_MAX);
        shown.push(format!("({more} more lines)"));
    }
    shown
}

/// The last line with something on it.
pub(crate) fn last_line(printed: &str) -> String {
    printed
        .lines()
        .map(without_colour)
        .rfind(|line| !line.trim().is_empty())
        .map(|line| line.trim().to_owned())
        .unwrap_or_default()
}

/// A line without the codes that colour it.
pub(crate) fn without_colour(line: &str) -> String {
    anstream::adapter::strip_str(line).to_string()
}

fn tells(line: &str) -> bool {
    const BEGIN: &[&str] = &[
        "error",
        "Error",
        "ERROR",
        "FAIL",
        "FAILED",
        "TIMEOUT",
        "SIGKILL",
        "SIGABRT",
        "SIGSEGV",
        "fatal",
        "E: ",
        "npm error",
        "Traceback",
        "Diff in",
        "×",
        "✘",
        "❯",
        "panicked at",
        "warning: unused",
    ];
    const WITHIN: &[&str] = &[" panicked at ", ": error", " error TS", "AssertionError", "Error: "];
    let start = line.trim_start();
    BEGIN.iter().any(|word| start.starts_with(word))
        || WITHIN.iter().any(|word| line.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_is_found_between_lines_of_progress() {
        let printed = "   Compiling a\nerror[E0308]: mismatched types\n --> src/lib.rs:1\n";
        assert_eq!(causes(printed), ["error[E0308]: mismatched types", " --> src/lib.rs:1"]);
    }

    #[test]
    fn a_panic_is_told_with_what_it_said() {
        let printed = "PASS one\nthread 'two' (3791) panicked at src/two.rs:9:1:\nleft: 1\n";
        let cause = ["thread 'two' (3791) panicked at src/two.rs:9:1:", "left: 1"];
        assert_eq!(causes(printed), cause);
    }

    #[test]
    fn where_nothing_tells_the_end_is_shown() {
        let printed = "a line\n".repeat(40);
        assert_eq!(causes(&printed).len(), LINES_AT_END);
        assert_eq!(last_line("a\nb\n\n"), "b");
    }

    #[test]
    fn colours_do_not_hide_an_error() {
        assert_eq!(causes("\u{1b}[31merror\u{1b}[0m: no"), ["error: no"]);
    }

    #[test]
    fn a_flood_of_errors_is_cut_and_counted() {
        let printed = "error: no\n".repeat(LINES_MAX + 5);
        assert_eq!(causes(&printed).last().unwrap(), "(5 more lines)");
    }
}
