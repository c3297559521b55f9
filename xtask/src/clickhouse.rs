//! What the conformance suite asks: a current ClickHouse, as the engine inside of a Python package.
//!
//! No system has a package of a current server that needs no network of its own; this one is fetched once from `PyPI`
//! into the cache folder, where `testkit::clickhouse` looks for it.

use std::{fs, path::Path};

use crate::{
    failure::Failure,
    screen,
    shell::{Shell, make_folder, minutes},
};

/// The package, and its version: the engine is ClickHouse 26.9.
const PACKAGE: &str = "chdb-core==26.9.0";

/// Written last: what lies beside it is whole, and of the version that it names.
const STAMP: &str = "package.version";

/// Installs it if it is missing; quick where it is there.
pub(crate) fn ensure(shell: &Shell) -> Result<(), Failure> {
    let folder = shell.cache.join("clickhouse");
    let stamp = folder.join(STAMP);
    if fs::read_to_string(&stamp).unwrap_or_default().trim() == PACKAGE {
        screen::skip("ClickHouse for tests", "26.9");
        return Ok(());
    }
    screen::say("  ..   ClickHouse for tests is not there: 182 MB from PyPI, 560 MB on disk");
    make_folder(&folder)?;
    let venv = folder.join("venv");
    install(shell, &venv).map_err(|failure| {
        failure.hint("the conformance suite of the store needs it; PyPI has it")
    })?;
    fs::write(&stamp, PACKAGE).map_err(|error| {
        Failure::world(format!("failed to write `{}`", stamp.display())).cause(error)
    })
}

fn install(shell: &Shell, venv: &Path) -> Result<(), Failure> {
    let mut make = shell.command("python3");
    make.args(["-m", "venv", "--clear"]).arg(venv);
    shell.run("make a Python environment for ClickHouse", minutes(3), &mut make)?;
    let mut fetch = shell.command(venv.join("bin/python"));
    fetch.args(["-m", "pip", "install", "--disable-pip-version-check", "--quiet", PACKAGE]);
    shell.run(&format!("fetch {PACKAGE}"), minutes(20), &mut fetch)?;
    let mut check = shell.command(venv.join("bin/python"));
    check.args(["-c", "import chdb.session"]);
    shell.run("see whether ClickHouse loads", minutes(2), &mut check)?;
    Ok(())
}
