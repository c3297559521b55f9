//! Programs that the commands need: how each is found, and which Debian packages bring it.

use std::path::PathBuf;

use crate::shell::Shell;

/// A program that the commands need.
pub(crate) struct Tool {
    /// Its name, for people.
    pub(crate) name: &'static str,
    /// What for.
    pub(crate) why: &'static str,
    /// The packages of Debian 12 and 13 that bring it.
    pub(crate) debian: &'static [&'static str],
    /// Its version where it is there and good enough; else what is wrong.
    pub(crate) find: fn(&Shell) -> Result<String, String>,
}

/// All of them, in the order in which they are needed.
pub(crate) const TOOLS: &[Tool] = &[
    Tool {
        name: "C compiler",
        why: "zstd and the allocator are C",
        debian: &["build-essential"],
        find: |shell| first_line(shell, "cc", &["--version"]),
    },
    Tool { name: "Node.js", why: "builds the pages", debian: &["nodejs", "npm"], find: node },
    Tool {
        name: "Python",
        why: "runs the proving ground",
        debian: &["python3", "python3-venv", "python3-pip"],
        find: python,
    },
    Tool {
        name: "PostgreSQL",
        why: "the proving ground's database; its programs only, no system service",
        debian: &["postgresql"],
        find: postgres,
    },
    Tool {
        name: "nginx",
        why: "a real server behind the gateway in its tests; its program only",
        debian: &["nginx-light"],
        // It says its version where nobody looks.
        find: |shell| {
            let found =
                shell.ask("nginx", &["-v"]).or_else(|| shell.ask("/usr/sbin/nginx", &["-v"]));
            found.map(|_| "is there".to_owned()).ok_or_else(|| "`nginx` is not there".to_owned())
        },
    },
    Tool {
        name: "Redis",
        why: "what gateways share, in their tests, which start their own",
        debian: &["redis-server"],
        find: |shell| first_line(shell, "redis-server", &["--version"]),
    },
    Tool {
        name: "Chromium",
        why: "browser tests",
        debian: &["chromium"],
        find: |shell| {
            let names = ["chromium", "chromium-browser", "google-chrome"];
            let found = names.iter().find_map(|name| shell.ask(name, &["--version"]));
            found.ok_or_else(|| format!("none of {} is there", names.join(", ")))
        },
    },
];

/// The oldest Node.js that Vite 8 runs on, of the lines 20 and 22: its `engines` field.
const NODE_MIN: [(u32, u32); 2] = [(20, 19), (22, 12)];
/// The oldest Python that the proving ground runs on, that of Debian 12.
const PYTHON_MIN: (u32, u32) = (3, 11);
/// The oldest database server that Taut reads.
const POSTGRES_MIN: u32 = 13;

/// Whether Vite runs on this version of Node.js: `v20.19.4`.
pub(crate) fn node_is_new_enough(version: &str) -> bool {
    let mut numbers =
        version.trim_start_matches('v').split('.').map_while(|part| part.parse::<u32>().ok());
    let (Some(major), Some(minor)) = (numbers.next(), numbers.next()) else { return false };
    major > NODE_MIN[1].0 || NODE_MIN.iter().any(|(least, from)| major == *least && minor >= *from)
}

fn node(shell: &Shell) -> Result<String, String> {
    let node = shell.ask("node", &["--version"]).ok_or("`node` is not there")?;
    let npm = shell.ask("npm", &["--version"]).ok_or("`npm` is not there")?;
    if node_is_new_enough(&node) {
        return Ok(format!("{node}, npm {npm}"));
    }
    Err(format!("`node` is {node}, too old: 20.19 or 22.12 at least"))
}

fn python(shell: &Shell) -> Result<String, String> {
    let code = "import sys, venv, ensurepip; print(*sys.version_info[:3], sep='.')";
    let version =
        shell.ask("python3", &["-c", code]).ok_or("`python3` with `venv` is not there")?;
    let mut numbers = version.split('.').map_while(|part| part.parse::<u32>().ok());
    if (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) < PYTHON_MIN {
        return Err(format!("`python3` is {version}, too old: 3.11 at least"));
    }
    Ok(version)
}

fn postgres(shell: &Shell) -> Result<String, String> {
    let folders = postgres_folders(shell);
    let mut wrong = "`initdb` is neither in PATH nor in /usr/lib/postgresql/*/bin".to_owned();
    for folder in folders {
        let Some(version) = shell.ask(folder.join("postgres"), &["--version"]) else { continue };
        let major = version
            .split_whitespace()
            .find_map(|word| word.split('.').next()?.parse::<u32>().ok())
            .unwrap_or(0);
        if major >= POSTGRES_MIN && folder.join("initdb").exists() {
            return Ok(version);
        }
        wrong = format!("`{}` is {version}, too old: {POSTGRES_MIN} at least", folder.display());
    }
    Err(wrong)
}

/// Folders that may hold programs of the database server, newest version first.
fn postgres_folders(shell: &Shell) -> Vec<PathBuf> {
    let version_of = |path: &PathBuf| {
        path.file_name().and_then(|name| name.to_str()?.parse::<u32>().ok()).unwrap_or(0)
    };
    let mut installed: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
        .unwrap_or_default();
    installed.sort_by_key(|path| std::cmp::Reverse(version_of(path)));
    let mut folders: Vec<PathBuf> = installed.iter().map(|path| path.join("bin")).collect();
    folders.extend(shell.ask("pg_config", &["--bindir"]).map(PathBuf::from));
    folders
}

/// The first line that a program prints about itself.
pub(crate) fn first_line(shell: &Shell, program: &str, words: &[&str]) -> Result<String, String> {
    let text = shell.ask(program, words).ok_or_else(|| format!("`{program}` is not there"))?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn node_is_judged_as_vite_judges_it() {
        for (version, good) in [
            ("v18.20.4", false),
            ("v20.18.0", false),
            ("v20.19.0", true),
            ("v21.7.0", false),
            ("v22.11.0", false),
            ("v22.12.0", true),
            ("v24.0.0", true),
            ("nonsense", false),
        ] {
            assert_eq!(node_is_new_enough(version), good, "{version}");
        }
    }
}
