//! What the tests of the repository's structure share: its files, its crates.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

/// Files that git tracks, or would track, and that end in one of `endings`; relative to the root, sorted.
pub(crate) fn files(endings: &[&str]) -> Vec<String> {
    let output = Command::new("git")
        .current_dir(root())
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut files: Vec<String> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .filter(|path| endings.iter().any(|ending| path.ends_with(ending)))
        .filter(|path| root().join(path).is_file())
        .map(str::to_owned)
        .collect();
    files.sort();
    assert!(!files.is_empty(), "no file ends in {endings:?}");
    files
}

/// The text of a file.
pub(crate) fn text(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Sources in Rust, those of tests included.
pub(crate) fn sources() -> Vec<String> {
    files(&[".rs"])
}

/// A crate of the workspace.
#[derive(Debug)]
pub(crate) struct Crate {
    pub(crate) name: String,
    /// Relative to the root: `crates/core/find`.
    pub(crate) folder: String,
    /// Name and kind of what it uses: `("tokio", None)`, `("testkit", Some("dev"))`.
    pub(crate) uses: Vec<(String, Option<String>)>,
}

impl Crate {
    /// `core` of `crates/core/find`; `None` outside of `crates/`.
    pub(crate) fn layer(&self) -> Option<&str> {
        self.folder.strip_prefix("crates/")?.split('/').next()
    }
}

/// All crates of the workspace.
pub(crate) fn crates() -> Vec<Crate> {
    let output = Command::new(env!("CARGO"))
        .current_dir(root())
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let base = metadata["workspace_root"].as_str().unwrap().to_owned() + "/";
    metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|package| {
            let manifest = package["manifest_path"].as_str().unwrap();
            let folder = manifest.strip_prefix(&base).unwrap().strip_suffix("/Cargo.toml").unwrap();
            let uses = package["dependencies"].as_array().unwrap().iter().map(|used| {
                let kind = used["kind"].as_str().map(str::to_owned);
                (used["name"].as_str().unwrap().to_owned(), kind)
            });
            Crate {
                name: package["name"].as_str().unwrap().to_owned(),
                folder: folder.to_owned(),
                uses: uses.collect(),
            }
        })
        .collect()
}

/// Fails with every line of `wrong`, if there is any.
pub(crate) fn refuse(rule: &str, wrong: &[String]) {
    assert!(wrong.is_empty(), "{rule}:\n  {}", wrong.join("\n  "));
}
