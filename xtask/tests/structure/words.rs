//! README, ARCHITECTURE, CHANGELOG and the guide say what is there.

use std::{
    collections::BTreeSet,
    path::{Component, Path, PathBuf},
    process::Command,
};

use crate::repository::{crates, files, refuse, root, text};

#[test]
fn architecture_has_a_heading_for_every_crate_and_for_no_other() {
    let there: BTreeSet<String> = crates().into_iter().map(|one| one.folder).collect();
    let text = text("ARCHITECTURE.md");
    let named: Vec<String> = text
        .lines()
        .filter_map(|line| Some(line.strip_prefix("### `")?.split('`').next()?.to_owned()))
        .collect();
    let mut wrong: Vec<String> = there
        .iter()
        .filter(|folder| !named.contains(folder))
        .map(|folder| format!("no heading for {folder}"))
        .collect();
    wrong.extend(
        named.iter().filter(|name| !there.contains(*name)).map(|name| format!("{name} is gone")),
    );
    let once: BTreeSet<&String> = named.iter().collect();
    if once.len() != named.len() {
        wrong.push("a crate has two headings".to_owned());
    }
    refuse("ARCHITECTURE.md has one heading for each crate", &wrong);
}

#[test]
fn architecture_says_why_each_dependency_is_there() {
    let manifest = text("Cargo.toml");
    let others: Vec<&str> = manifest
        .lines()
        .skip_while(|line| *line != "[workspace.dependencies]")
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter(|line| !line.contains("path = \""))
        .filter_map(|line| line.split_once(" = "))
        .map(|(name, _)| name)
        .filter(|name| !name.starts_with('#'))
        .collect();
    assert!(others.len() > 5, "the manifest is read wrongly: {others:?}");
    let text = text("ARCHITECTURE.md");
    let wrong: Vec<String> = others
        .iter()
        .filter(|name| !text.contains(&format!("`{name}`")))
        .map(|name| (*name).to_owned())
        .collect();
    refuse("ARCHITECTURE.md does not say why these are there", &wrong);
}

#[test]
fn commands_of_the_documents_exist() {
    let output = Command::new(env!("CARGO_BIN_EXE_xtask")).arg("help").output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    let known: Vec<&str> = help
        .lines()
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    let mut wrong = Vec::new();
    for path in files(&[".md"]) {
        for after in text(&path).split("cargo xtask ").skip(1) {
            let name: String = after.chars().take_while(char::is_ascii_alphabetic).collect();
            if !name.is_empty() && !known.contains(&name.as_str()) {
                wrong.push(format!("{path}: cargo xtask {name}"));
            }
        }
    }
    refuse("there is no such command", &wrong);
    let readme = text("README.md");
    for command in ["cargo xtask demo", "cargo xtask test"] {
        assert!(readme.contains(command), "README.md does not name `{command}`");
    }
}

#[test]
fn the_changelog_has_room_for_what_comes() {
    assert!(text("CHANGELOG.md").contains("\n## Unreleased\n"));
}

#[test]
fn links_lead_somewhere() {
    let mut wrong = Vec::new();
    for path in files(&[".md"]) {
        for target in links(&text(&path)) {
            let file = target.split('#').next().unwrap();
            if target.contains("://") || target.starts_with("mailto:") || file.is_empty() {
                continue;
            }
            let folder = Path::new(&path).parent().unwrap();
            if !root().join(plain(&folder.join(file))).exists() {
                wrong.push(format!("{path}: {target}"));
            }
        }
    }
    refuse("these links lead nowhere", &wrong);
}

#[test]
fn links_are_told_from_code() {
    assert_eq!(links("[a](b.md) and ![c](d.png \"title\")\n```\n[e](f)\n```\n"), ["b.md", "d.png"]);
}

/// Targets of links outside of blocks of code.
fn links(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut is_code = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
        }
        if is_code {
            continue;
        }
        for after in line.split("](").skip(1) {
            let target = after.split([')', ' ']).next().unwrap_or_default();
            found.push(target.to_owned());
        }
    }
    found
}

/// A path without `..` and `.`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for step in path.components() {
        match step {
            Component::ParentDir => {
                plain.pop();
            }
            Component::CurDir => {}
            other => plain.push(other),
        }
    }
    plain
}
