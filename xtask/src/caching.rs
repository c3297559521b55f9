//! The gateway's cache before the independent judge that caches are compared by: npm's `http-cache-tests`.
//!
//! The suite brings its own origin. It is fetched into the cache folder; its version is pinned here, and so is what the
//! gateway reaches: docs/gateway.md says of each test that does not pass why.

use std::{fs, path::PathBuf};

use crate::{
    failure::Failure,
    ground, screen,
    service::{Service, free_port},
    shell::{Shell, make_folder, minutes},
    test::ci,
};

/// What is fetched: the newest version that npm has. Tests that its author added since are in no package.
const PACKAGES: [&str; 2] = ["http-cache-tests@0.4.5", "node-fetch@2.7.0"];

/// Tests that pass: of 157 required and 86 optimal ones in the suite's index, and of 8 and 9 of Surrogate-Control, which are
/// not in it.
const PASSED_MIN: [&str; 4] = ["143", "78", "8", "9"];

const RUNNER: &str = include_str!("caching/run.mjs");

/// Fetches the suite, unless it is there.
pub(crate) fn ensure(shell: &Shell) -> Result<PathBuf, Failure> {
    let folder = shell.cache.join("http-cache-tests");
    let stamp = folder.join("packages.version");
    let wanted = PACKAGES.join(" ");
    if fs::read_to_string(&stamp).is_ok_and(|there| there == wanted) {
        screen::skip("http-cache-tests", &wanted);
        return Ok(folder);
    }
    make_folder(&folder)?;
    let mut install = shell.command("npm");
    install
        .args(["install", "--no-audit", "--no-fund", "--omit=dev", "--ignore-scripts", "--prefix"])
        .arg(&folder)
        .args(PACKAGES);
    shell.run("fetch http-cache-tests into the cache folder", minutes(5), &mut install)?;
    write(&stamp, &wanted)?;
    Ok(folder)
}

/// The suite against the gateway.
pub(crate) fn step(shell: &mut Shell) -> Result<String, Failure> {
    let folder = ensure(shell)?;
    let binary = ground::build(shell, "dev")?;
    let (origin_port, port) = (free_port(0)?, free_port(0)?);
    let modules = folder.join("node_modules");
    let mut origin = shell.command("node");
    origin
        .arg(modules.join("http-cache-tests/server/server.mjs"))
        .env("npm_config_protocol", "http")
        .env("npm_config_port", origin_port.to_string())
        .env("npm_config_pidfile", folder.join("server.pid"));
    let _origin = Service::start(shell, "origin of the cache tests", &mut origin, origin_port)?;
    let settings = folder.join("gateway");
    make_folder(&settings)?;
    // Told otherwise than usual: every try counts (so none is repeated), and cookies are for all.
    let text = format!(
        "[gateway]\nlisten = [\"127.0.0.1:{port}\"]\nadmin = \"off\"\n\
         [gateway.service.origin]\nmembers = [\"localhost:{origin_port}\"]\nretries = 0\n\
         [[gateway.route]]\nservice = \"origin\"\ncache = {{ set-cookie = \"keep\" }}\n"
    );
    write(&settings.join("taut.toml"), &text)?;
    let mut command = shell.command(&binary);
    command.arg("gateway").current_dir(&settings);
    let _gateway = Service::start(shell, "gateway with a cache", &mut command, port)?;
    let runner = folder.join("run.mjs");
    write(&runner, RUNNER)?;
    let suite = |shell: &mut Shell, what: &str| {
        let mut suite = shell.command("node");
        suite
            .arg("--no-warnings")
            .arg(&runner)
            .arg(format!("http://127.0.0.1:{port}"))
            .arg(&modules)
            .args(PASSED_MIN);
        shell.run(what, minutes(5), &mut suite)
    };
    match suite(shell, "http-cache-tests") {
        // Its tests wait for seconds to pass: where the machine stood still meanwhile, what was to be fresh is stale.
        Err(failure) if ci() && !failure.is_interrupt() => {
            failure.print();
            suite(shell, "http-cache-tests once more")
        }
        told => told,
    }
}

fn write(file: &std::path::Path, text: &str) -> Result<(), Failure> {
    fs::write(file, text).map_err(|error| {
        Failure::world(format!("failed to write `{}`", file.display())).cause(error)
    })
}
