//! `cargo xtask web`: builds the pages into `web/dist`, unless nothing changed.
//!
//! A hash of the sources lies beside the result (`web/dist.hash`), one of the lock file beside the packages.

use std::{fs, path::Path};

use crate::{
    args::Args,
    failure::Failure,
    hash, screen, setup,
    shell::{Shell, minutes},
};

/// Below `web/`: what is made there, and so is no source.
const MADE: &[&str] =
    &["node_modules", "dist", "dist.hash", "test-results", "playwright-report", "coverage"];

/// `cargo xtask web`
pub(crate) fn command(shell: &mut Shell, args: &Args) -> Result<(), Failure> {
    args.no_words()?;
    setup::ensure(shell)?;
    screen::heading("web");
    if args.has("--force") {
        forget(&shell.root.join("web/dist.hash"));
    }
    build(shell)
}

/// Builds the pages, if their sources changed since the last time.
pub(crate) fn build(shell: &Shell) -> Result<(), Failure> {
    let web = shell.root.join("web");
    let stamp = web.join("dist.hash");
    let now = hash::folder(&web, MADE).map_err(|error| {
        Failure::world(format!("failed to read the sources in `{}`", web.display())).cause(error)
    })?;
    if web.join("dist/index.html").exists() && is_stamped(&stamp, &now) {
        screen::skip("web: build", "unchanged");
        return Ok(());
    }
    install(shell)?;
    forget(&stamp);
    npm(shell, "build", minutes(5))?;
    write_stamp(&stamp, &now)
}

/// Checks the types, the style and the format of the pages, and runs their unit tests; returns what was printed.
pub(crate) fn check(shell: &Shell) -> Result<String, Failure> {
    install(shell)?;
    let checked = npm(shell, "check", minutes(5));
    let tested = npm(shell, "test", minutes(5));
    match (checked, tested) {
        (Err(mut failure), Ok(printed)) => {
            // Tests that passed are counted all the same.
            failure.printed += &printed;
            Err(failure)
        }
        (Ok(_), tested) => tested,
        (Err(failure), Err(other)) => Err(failure.with(other)),
    }
}

/// A script of `web/package.json`, as a command.
pub(crate) fn script(shell: &Shell, name: &str) -> std::process::Command {
    let mut command = shell.command("npm");
    command.args(["run", "--silent", name]).current_dir(shell.root.join("web"));
    // Tools that draw on terminals write plain lines then.
    command.env("CI", "1").env("NO_COLOR", "1");
    command
}

fn npm(shell: &Shell, name: &str, limit: std::time::Duration) -> Result<String, Failure> {
    shell.run(&format!("web: {name}"), limit, &mut script(shell, name))
}

/// Installs the packages of the lock file, if it changed since the last time.
fn install(shell: &Shell) -> Result<(), Failure> {
    let web = shell.root.join("web");
    let stamp = web.join("node_modules/.lock.hash");
    let lock = web.join("package-lock.json");
    let now = hash::file(&lock).map_err(|error| {
        Failure::world(format!("failed to read `{}`", lock.display())).cause(error)
    })?;
    if is_stamped(&stamp, &now) {
        screen::skip("web: npm ci", "unchanged");
        return Ok(());
    }
    let mut command = shell.command("npm");
    command.args(["ci", "--no-audit", "--no-fund", "--prefer-offline"]).current_dir(&web);
    // The browser is Debian's Chromium.
    command.env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1");
    shell.run("web: npm ci", minutes(10), &mut command)?;
    write_stamp(&stamp, &now)
}

fn is_stamped(stamp: &Path, now: &str) -> bool {
    fs::read_to_string(stamp).is_ok_and(|then| then.trim() == now)
}

fn write_stamp(stamp: &Path, now: &str) -> Result<(), Failure> {
    fs::write(stamp, format!("{now}\n")).map_err(|error| {
        Failure::world(format!("failed to write `{}`", stamp.display())).cause(error)
    })
}

fn forget(stamp: &Path) {
    // Not being there is what is wanted.
    fs::remove_file(stamp).ok();
}
