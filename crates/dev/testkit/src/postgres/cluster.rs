//! The folder of a server: a copy of what `initdb` made once for its version.

use std::{
    fs::{self, File},
    os::unix::{
        fs::{PermissionsExt as _, chown},
        process::CommandExt as _,
    },
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

use super::binaries::{Binaries, cache};

/// Counts up when `initdb` is called in another way, so that no template of the old way is used.
const TEMPLATE: &str = "1";

/// The data of a server, its log, and whose they are.
#[derive(Debug)]
pub(super) struct Cluster {
    /// Holds `data/` and `server.log`.
    pub(super) folder: PathBuf,
    /// Whom the server runs as; `None` for ourselves.
    pub(super) owner: Option<(u32, u32)>,
    _folder: TempDir,
}

impl Cluster {
    /// A new one, as `initdb` makes it.
    pub(super) fn make(binaries: &Binaries) -> Self {
        let cluster = Self::empty();
        let template = template(binaries, cluster.owner);
        copy(&template, &cluster.data());
        cluster
    }

    /// A folder that belongs to the server's user, without data yet.
    pub(super) fn empty() -> Self {
        let owner = owner();
        let temporary = tempfile::Builder::new()
            .prefix("taut-postgres-")
            .tempdir()
            .expect("a temporary folder");
        give(temporary.path(), owner);
        let log = temporary.path().join("server.log");
        File::create(&log).expect("a log in our own folder");
        give(&log, owner);
        Self { folder: temporary.path().to_path_buf(), owner, _folder: temporary }
    }

    /// The data directory.
    pub(super) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// Adds settings; the last one of a name holds.
    pub(super) fn configure(&self, settings: &[(&str, &str)]) {
        let mut text = String::new();
        for (name, value) in settings {
            text.push_str(&format!("{name} = '{}'\n", value.replace('\'', "''")));
        }
        let path = self.data().join("postgresql.conf");
        let before = fs::read_to_string(&path).expect("initdb wrote the settings");
        fs::write(&path, before + &text).expect("the settings are ours");
    }

    /// Puts lines before all others in `pg_hba.conf`.
    pub(super) fn let_in(&self, lines: &[String]) {
        if lines.is_empty() {
            return;
        }
        let path = self.data().join("pg_hba.conf");
        let before = fs::read_to_string(&path).expect("initdb wrote who is let in");
        fs::write(&path, lines.join("\n") + "\n" + &before).expect("the file is ours");
    }

    /// Makes a file belong to the server's user.
    pub(super) fn give(&self, path: &Path) {
        give(path, self.owner);
    }
}

/// The command runs as the server's user.
pub(super) fn run_as(command: &mut Command, owner: Option<(u32, u32)>) {
    if let Some((user, group)) = owner {
        command.uid(user).gid(group);
    }
    // Nothing of ours decides what a server is like; and the user may not see our folder.
    command.env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C").current_dir("/");
}

/// Copies a folder with owners and rights, sharing the blocks where the file system can.
pub(super) fn copy(from: &Path, to: &Path) {
    let status = Command::new("cp")
        .args(["--archive", "--reflink=auto"])
        .args([from, to])
        .status()
        .expect("`cp` is everywhere");
    assert!(status.success(), "failed to copy {} to {}", from.display(), to.display());
}

/// What `initdb` makes with this version; made now, if nobody did yet.
fn template(binaries: &Binaries, owner: Option<(u32, u32)>) -> PathBuf {
    let folder = cache().join("postgres");
    fs::create_dir_all(&folder)
        .unwrap_or_else(|error| panic!("failed to make {}: {error}", folder.display()));
    let name = format!("{}-{TEMPLATE}", binaries.version);
    let made = folder.join(&name);
    if made.exists() {
        return made;
    }
    let lock = File::create(folder.join(format!("{name}.lock"))).expect("a lock in our own folder");
    lock.lock().expect("a lock that nobody holds for long");
    if made.exists() {
        return made;
    }
    let making = folder.join(format!("{name}.making"));
    if making.exists() {
        fs::remove_dir_all(&making).expect("what another run left behind is ours");
    }
    fs::create_dir(&making).expect("a folder in our own folder");
    fs::set_permissions(&making, fs::Permissions::from_mode(0o700)).expect("it is ours");
    give(&making, owner);
    let mut initdb = Command::new(binaries.folder.join("initdb"));
    run_as(&mut initdb, owner);
    initdb
        .args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C"])
        .args(["--no-sync", "--no-instructions", "--pgdata"])
        .arg(&making);
    if binaries.major < 14 {
        initdb = without(&initdb, "--no-instructions", owner);
    }
    let output = initdb.output().expect("initdb was found a moment ago");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "initdb {} failed:\n{errors}", binaries.version);
    fs::rename(&making, &made).expect("both are in our own folder");
    made
}

/// The same command without a word that older versions do not know.
fn without(command: &Command, word: &str, owner: Option<(u32, u32)>) -> Command {
    let mut other = Command::new(command.get_program());
    run_as(&mut other, owner);
    other.args(command.get_args().filter(|argument| *argument != word));
    other
}

/// For root, whom the server refuses: the user `postgres` or, without one, `nobody`.
fn owner() -> Option<(u32, u32)> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").expect("the list of users");
    let ids = |wanted: &str| {
        let fields: Vec<&str> = users
            .lines()
            .map(|line| line.split(':').collect())
            .find(|fields: &Vec<&str>| fields.first() == Some(&wanted))?;
        Some((fields.get(2)?.parse().ok()?, fields.get(3)?.parse().ok()?))
    };
    let found = ["postgres", "nobody"].into_iter().find_map(ids);
    Some(found.expect("a user `postgres` or `nobody`, since PostgreSQL refuses root"))
}

fn give(path: &Path, owner: Option<(u32, u32)>) {
    if let Some((user, group)) = owner {
        chown(path, Some(user), Some(group)).expect("root may give files away");
    }
}
