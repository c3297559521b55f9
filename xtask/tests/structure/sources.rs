//! What every source file keeps to.

use crate::repository::{files, refuse, sources, text};

const LINES_MAX: usize = 600;

/// Files that may be longer, and why.
const LONG: &[(&str, &str)] = &[];

/// This file spells out what it looks for.
const OWN: &str = "xtask/tests/structure/sources.rs";

const UNDONE: &[&str] = &[
    "#[ignore",
    "#[should_panic",
    "todo!(",
    "unimplemented!(",
    "dbg!(",
    "TODO",
    "FIXME",
    "XXX",
    "assert!(true)",
];

const UNDONE_PAGES: &[&str] =
    &[".skip(", ".only(", "TODO", "FIXME", "XXX", "expect(true)", "@ts-ignore"];

#[test]
fn every_source_says_what_it_is() {
    let wrong: Vec<String> =
        sources().into_iter().filter(|path| !text(path).starts_with("//! ")).collect();
    refuse("these do not begin with a head, `//! ...`", &wrong);
}

#[test]
fn every_file_can_be_held_in_the_head() {
    let mut wrong = Vec::new();
    for path in files(&[".rs", ".ts", ".tsx", ".py"]) {
        let lines = text(&path).lines().count();
        let is_made = path.contains("/generated/") || path.ends_with(".d.ts");
        if lines > LINES_MAX && !is_made && !LONG.iter().any(|(long, _)| *long == path) {
            wrong.push(format!("{path} has {lines} lines"));
        }
    }
    refuse("a file has 400 lines or so, and never more than 600", &wrong);
}

#[test]
fn exceptions_for_long_files_are_still_needed() {
    let wrong: Vec<String> = LONG
        .iter()
        .filter(|(path, _)| text(path).lines().count() <= LINES_MAX)
        .map(|(path, why)| format!("{path} ({why})"))
        .collect();
    refuse("these are no longer long", &wrong);
}

#[test]
fn nothing_is_left_undone_or_switched_off() {
    refuse_words("left undone or switched off", &sources(), UNDONE);
    refuse_words("left undone or switched off", &files(&[".ts", ".tsx"]), UNDONE_PAGES);
}

#[test]
fn lint_exceptions_carry_their_reason() {
    let mut wrong = Vec::new();
    for path in sources().into_iter().filter(|path| path != OWN) {
        let text = text(&path);
        for start in ["#[allow(", "#![allow(", "#[expect(", "#![expect("] {
            for (at, _) in text.match_indices(start) {
                let attribute = text.get(at..).unwrap().split(")]").next().unwrap();
                if !attribute.contains("reason = \"") {
                    let line = text.get(..at).unwrap().lines().count() + 1;
                    wrong.push(format!("{path}:{line}: {}", attribute.lines().next().unwrap()));
                }
            }
        }
    }
    refuse("an exception says why", &wrong);
}

#[test]
fn the_repository_speaks_of_the_product_alone() {
    // Written apart, so that this file does not hold them.
    let words: Vec<String> = [
        ["/wor", "k/"],
        ["/far", "m/"],
        ["/ro", "ot/"],
        ["/ho", "me/"],
        ["regi", "stry.npm"],
        ["py", "pi.org"],
        ["cl", "aude"],
        ["anth", "ropic"],
        ["../sha", "red/"],
    ]
    .iter()
    .map(|parts| parts.concat())
    .collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut paths = files(&[
        ".rs", ".toml", ".md", ".py", ".sh", ".ts", ".tsx", ".js", ".html", ".css", ".sql",
        ".yaml", ".yml",
    ]);
    paths.push(".ci/run".to_owned());
    refuse_words("machine paths, hosts and workplaces have no place here", &paths, &words);
}

fn refuse_words(rule: &str, paths: &[String], words: &[&str]) {
    let mut wrong = Vec::new();
    for path in paths.iter().filter(|path| *path != OWN) {
        for (at, line) in text(path).lines().enumerate() {
            for word in words.iter().filter(|word| line.contains(*word)) {
                wrong.push(format!("{path}:{}: {word}", at + 1));
            }
        }
    }
    refuse(rule, &wrong);
}
