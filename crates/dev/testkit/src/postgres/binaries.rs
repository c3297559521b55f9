//! Where the programs of each version of PostgreSQL are: Debian's, or those that `cargo xtask setup` fetched.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::SUPPORTED;

const DEBIAN: &str = "/usr/lib/postgresql";

/// The server's programs of one version.
#[derive(Debug, Clone)]
pub(super) struct Binaries {
    /// The folder with `postgres` and `initdb`.
    pub(super) folder: PathBuf,
    /// As 15.
    pub(super) major: u32,
    /// As the server spells it: `15.18`.
    pub(super) version: String,
}

/// The programs of a major version; else why there are none, and how to get them.
pub(super) fn find(major: u32) -> Result<Binaries, String> {
    for folder in [debian(major), fetched(major)] {
        let output = Command::new(folder.join("postgres")).arg("--version").output();
        let Ok(output) = output else { continue };
        let text = String::from_utf8_lossy(&output.stdout);
        // postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)
        let Some(version) = text.split_whitespace().nth(2).map(str::to_owned) else { continue };
        if version.split('.').next() == Some(&major.to_string()) && folder.join("initdb").exists() {
            return Ok(Binaries { folder, major, version });
        }
    }
    Err(format!(
        "PostgreSQL {major} is not installed, neither in {} nor in {}\nhint: cargo xtask setup",
        debian(major).display(),
        fetched(major).display()
    ))
}

/// The newest supported version that Debian brings.
pub(super) fn default_version() -> u32 {
    SUPPORTED
        .into_iter()
        .rev()
        .find(|major| debian(*major).join("postgres").exists())
        .unwrap_or_else(|| panic!("there is no PostgreSQL in {DEBIAN}\nhint: cargo xtask setup"))
}

/// A client program of the newest version that Debian brings; clients speak to older and newer servers.
pub(super) fn client(program: &str) -> Result<Command, String> {
    let mut majors: Vec<u32> = fs::read_dir(DEBIAN)
        .map(|entries| {
            let names = entries.flatten().map(|entry| entry.file_name());
            names.filter_map(|name| name.to_str()?.parse().ok()).collect()
        })
        .unwrap_or_default();
    majors.sort_unstable();
    let found =
        majors.iter().rev().map(|major| debian(*major).join(program)).find(|path| path.exists());
    found
        .map(Command::new)
        .ok_or_else(|| format!("there is no `{program}` in {DEBIAN}\nhint: cargo xtask setup"))
}

/// Where what tests share between runs lies. The server refuses root and runs as another user for root, who cannot
/// look into root's home: it is the machine's cache folder then. `xtask/src/servers.rs` has the same rule.
pub(super) fn cache() -> PathBuf {
    if rustix::process::geteuid().is_root() {
        return PathBuf::from("/var/cache/taut/test");
    }
    let named =
        |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    named("XDG_CACHE_HOME")
        .or_else(|| named("HOME").map(|home| home.join(".cache")))
        .unwrap_or_else(std::env::temp_dir)
        .join("taut/test")
}

fn debian(major: u32) -> PathBuf {
    Path::new(DEBIAN).join(major.to_string()).join("bin")
}

fn fetched(major: u32) -> PathBuf {
    cache().join("postgres-binaries").join(major.to_string()).join("bin")
}
