//! The closing lines of test runners, and what they count.

use crate::causes::without_colour;

/// The line with which a test runner ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Closing {
    /// The line as it was printed.
    pub(crate) line: String,
    /// Tests that passed.
    pub(crate) passed: u64,
    /// Tests that did not.
    pub(crate) failed: u64,
}

/// Every closing line in what was printed. Those of nextest, `cargo test`, vitest, Playwright, pytest and
/// unittest are known; a runner that ends in `N passed, N failed` is understood as well.
pub(crate) fn closings(printed: &str) -> Vec<Closing> {
    let lines: Vec<String> = printed.lines().map(without_colour).collect();
    let mut found: Vec<Closing> = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let line = line.trim();
        if let Some(closing) = unittest(line, &lines[at..]) {
            found.push(closing);
        } else if closes(line) {
            let (passed, failed) = counts(line);
            found.push(Closing { line: line.to_owned(), passed, failed });
        }
    }
    // `cargo test` closes once for each binary, most of them without a test.
    found.retain(|closing| closing.passed + closing.failed > 0);
    // nextest shows, of each test that failed, how its binary closed; its own line counts them all.
    if found.iter().any(|closing| closing.line.starts_with("Summary [")) {
        found.retain(|closing| !closing.line.starts_with("test result:"));
    }
    found
}

fn closes(line: &str) -> bool {
    let first_is_count = || {
        let mut words = line.trim_start_matches('=').split_whitespace();
        let is_count = words.next().is_some_and(|word| word.parse::<u64>().is_ok());
        let state = words.next().unwrap_or_default().trim_end_matches(',');
        is_count && ["passed", "failed", "flaky", "error", "errors"].contains(&state)
    };
    line.starts_with("Summary [")
        || line.starts_with("test result:")
        || line.starts_with("Tests  ")
        || first_is_count()
}

/// Sums the figures before words such as `passed` and `failed`.
fn counts(line: &str) -> (u64, u64) {
    let (mut passed, mut failed) = (0, 0);
    let mut before = None;
    for word in line.split(|letter: char| letter.is_whitespace() || ",;()|=".contains(letter)) {
        match word {
            "" => continue,
            // nextest counts those that passed the second time among those that passed; Playwright does not.
            "passed" => passed += before.unwrap_or(0),
            "flaky" if passed == 0 => passed += before.unwrap_or(0),
            "failed" | "timed" | "exec" | "error" | "errors" => failed += before.unwrap_or(0),
            _ => {}
        }
        before = word.parse::<u64>().ok();
    }
    (passed, failed)
}

/// Python's unittest closes with `Ran 12 tests in 0.3s`, then `OK` or `FAILED (failures=1, errors=2)`.
fn unittest(line: &str, from: &[String]) -> Option<Closing> {
    let ran: u64 = line.strip_prefix("Ran ")?.split_whitespace().next()?.parse().ok()?;
    let verdict = from.iter().skip(1).map(|line| line.trim()).find(|line| !line.is_empty())?;
    let failed = verdict
        .split(|letter: char| !letter.is_ascii_alphanumeric())
        .zip(verdict.split(|letter: char| !letter.is_ascii_alphanumeric()).skip(1))
        .filter(|(name, _)| ["failures", "errors", "unexpected"].contains(name))
        .filter_map(|(_, count)| count.parse::<u64>().ok())
        .sum::<u64>();
    Some(Closing { line: format!("{line}: {verdict}"), passed: ran.saturating_sub(failed), failed })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(printed: &str, expected: &[(u64, u64)]) {
        let found: Vec<_> =
            closings(printed).into_iter().map(|closing| (closing.passed, closing.failed)).collect();
        assert_eq!(found, expected, "{printed}");
    }

    #[test]
    fn nextest_is_read() {
        check(
            "     Summary [   1.2s] 12 tests run: 9 passed (1 slow), 2 failed, 1 timed out, 4 skipped",
            &[(9, 3)],
        );
    }

    #[test]
    fn what_passed_the_second_time_is_counted_once() {
        check("Summary [ 1s] 3 tests run: 3 passed (1 flaky), 0 skipped", &[(3, 0)]);
        check("  1 flaky\n  12 passed (3.4s)", &[(1, 0), (12, 0)]);
    }

    #[test]
    fn a_test_that_nextest_shows_is_counted_once() {
        check(
            "test result: FAILED. 0 passed; 1 failed\nSummary [ 1s] 3 tests run: 2 passed, 1 failed",
            &[(2, 1)],
        );
    }

    #[test]
    fn cargo_test_is_read_and_its_empty_binaries_left_out() {
        let empty = "test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out";
        check(empty, &[]);
        check("test result: FAILED. 3 passed; 1 failed; 0 ignored", &[(3, 1)]);
    }

    #[test]
    fn vitest_is_read_without_its_count_of_files() {
        check(
            " Test Files  1 failed | 2 passed (3)\n      Tests  1 failed | 11 passed (12)",
            &[(11, 1)],
        );
    }

    #[test]
    fn playwright_closes_with_a_line_for_each_state() {
        check("  1 failed\n    [chromium] > a.spec.ts\n  12 passed (3.4s)", &[(0, 1), (12, 0)]);
    }

    #[test]
    fn python_runners_are_read() {
        check("Ran 12 tests in 0.3s\n\nOK", &[(12, 0)]);
        check("Ran 12 tests in 0.3s\n\nFAILED (failures=1, errors=2)", &[(9, 3)]);
        check("=== 1 failed, 3 passed in 0.10s ===", &[(3, 1)]);
    }

    #[test]
    fn prose_that_counts_is_no_closing_line() {
        check("waited until 3 passed\n3 requests failed", &[]);
    }
}
