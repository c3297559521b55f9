//! Taut and the real application, side by side: `taut up` watches, `proving-ground/run.py` works.
//!
//! All that this repository knows about the flags of both stands in this file. Neither its folders nor its ports
//! are shared with another run on the same machine.

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use serde_json::Value;

use crate::{
    failure::Failure,
    findings,
    service::{Service, free_port},
    shell::{Shell, make_folder, minutes},
};

/// Once traffic ends, spans still wait in the exporter, and traces count as complete five seconds later.
pub(crate) const UNTIL_SPANS_ARRIVED: Duration = Duration::from_secs(8);

/// The name of its database.
const DATABASE: &str = "proving_ground";

/// Where the application keeps what it makes, in the folder of a run.
const STATE: &str = "application";

/// Where a watcher listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ports {
    /// Where people look for it, if nobody else listens there.
    Usual,
    /// Anywhere: nothing else on this machine then sends its spans here.
    Any,
}

/// A running `taut up`; its store goes with it.
#[derive(Debug)]
pub(crate) struct Watcher {
    web: u16,
    otlp_http: u16,
    service: Service,
}

impl Watcher {
    /// Starts `taut up` over an empty store in `folder`, with settings from the environment.
    pub(crate) fn start(
        shell: &Shell,
        binary: &Path,
        folder: &Path,
        ports: Ports,
        settings: &[(&str, &str)],
    ) -> Result<Self, Failure> {
        // Between looking for a free port and listening on it somebody else may take it: once more, then.
        Self::try_start(shell, binary, folder, ports, settings).or_else(|failure| {
            if failure.is_interrupt() {
                return Err(failure);
            }
            Self::try_start(shell, binary, folder, Ports::Any, settings)
        })
    }

    fn try_start(
        shell: &Shell,
        binary: &Path,
        folder: &Path,
        ports: Ports,
        settings: &[(&str, &str)],
    ) -> Result<Self, Failure> {
        // What a former run observed is no news.
        std::fs::remove_dir_all(folder).ok();
        make_folder(folder)?;
        let port = |usual| free_port(if ports == Ports::Usual { usual } else { 0 });
        let (web, otlp_http, otlp_grpc) = (port(7070)?, port(4318)?, port(4317)?);
        let mut command = shell.command(binary);
        forget_settings(&mut command);
        command.arg("up").env("TAUT_STORE_FOLDER", folder).envs(settings.iter().copied());
        for (variable, port) in [
            ("TAUT_WEB_LISTEN", web),
            ("TAUT_RECEIVE_HTTP", otlp_http),
            ("TAUT_RECEIVE_GRPC", otlp_grpc),
        ] {
            command.env(variable, format!("127.0.0.1:{port}"));
        }
        let service = Service::start(shell, "taut up", &mut command, web)?;
        Ok(Self { web, otlp_http, service })
    }

    /// The address of the pages.
    pub(crate) fn pages(&self) -> String {
        format!("http://127.0.0.1:{}", self.web)
    }

    /// Where spans go.
    pub(crate) fn otlp(&self) -> String {
        format!("http://127.0.0.1:{}", self.otlp_http)
    }

    /// What it found so far, ranked.
    pub(crate) fn findings(&self) -> Result<Value, Failure> {
        findings::fetch(self.web)
    }

    /// Why it ended, if it did though nobody told it to.
    pub(crate) fn ended(&mut self) -> Option<Failure> {
        self.service.ended()
    }
}

/// Where the application's database is to listen, so that Taut can watch it from the start.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Database {
    port: u16,
}

impl Database {
    /// On a port that is free now.
    pub(crate) fn anywhere() -> Result<Self, Failure> {
        free_port(0).map(|port| Self { port })
    }

    /// Its address.
    pub(crate) fn url(self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{DATABASE}", self.port)
    }
}

/// A folder that no other run uses: several may go on at once, on one machine.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    /// Held while this run lasts; `None` where the folder is this run's alone and goes with it.
    lock: Option<File>,
}

impl Folder {
    /// The folder of this name below the cache, or, while another run has it, one beside it.
    pub(crate) fn claim(shell: &Shell, name: &str) -> Result<Self, Failure> {
        let path = shell.cache.join(name);
        make_folder(&path)?;
        let lock = path.join("lock");
        let file = File::create(&lock).map_err(|error| {
            Failure::world(format!("failed to write `{}`", lock.display())).cause(error)
        })?;
        if file.try_lock().is_ok() {
            return Ok(Self { path, lock: Some(file) });
        }
        let path = shell.cache.join(format!("{name}-{}", std::process::id()));
        make_folder(&path)?;
        Ok(Self { path, lock: None })
    }

    /// A folder in it.
    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.lock.is_none() {
            // What cannot be removed lies in a cache.
            if let Ok(database) = database_of(&self.path.join(STATE)) {
                std::fs::remove_dir_all(database).ok();
            }
            std::fs::remove_dir_all(&self.path).ok();
        }
    }
}

/// The application of the proving ground, with its database; both live until [`Application::down`].
#[derive(Debug)]
pub(crate) struct Application {
    state: PathBuf,
    base: String,
}

/// How the application is to run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct How<'a> {
    /// `faulty` or `fixed`.
    pub(crate) mode: &'a str,
    /// `full` or `small`.
    pub(crate) scale: &'a str,
    /// Where its spans go.
    pub(crate) otlp: &'a str,
    /// Where its database listens; anywhere if `None`.
    pub(crate) database: Option<Database>,
    /// How far away the database pretends to be, there and back, in milliseconds.
    pub(crate) distance_millis: f64,
}

impl Application {
    /// Prepares its database (minutes at full scale, once) and starts it, its spans going to `otlp`.
    pub(crate) fn up(shell: &Shell, folder: &Folder, how: &How<'_>) -> Result<Self, Failure> {
        // A port may be taken between being found free and being listened on: once more, then.
        Self::try_up(shell, folder, how).or_else(|failure| {
            if failure.is_interrupt() {
                return Err(failure);
            }
            failure.print();
            Self::try_up(shell, folder, how)
        })
    }

    fn try_up(shell: &Shell, folder: &Folder, how: &How<'_>) -> Result<Self, Failure> {
        let How { mode, scale, otlp, database, distance_millis } = *how;
        let state = folder.join(STATE);
        make_folder(&state)?;
        let mut command = ground(shell, "up", &state);
        command.args(["--mode", mode, "--scale", scale, "--otlp", otlp]);
        if let Some(database) = database {
            command.args(["--postgres-port", &database.port.to_string()]);
        }
        if 0.0 < distance_millis {
            command.args(["--distance", &distance_millis.to_string()]);
        }
        let limit = minutes(if scale == "full" { 30 } else { 10 });
        let started = shell
            .run(&format!("application up ({mode}, {scale})"), limit, &mut command)
            .and_then(|_| port_of(&state));
        match started {
            Ok(port) => Ok(Self { state, base: format!("http://127.0.0.1:{port}") }),
            Err(failure) => {
                // Some of it may run; why it does not is what there is to say.
                shell.forget_interrupt();
                shell.run("application down", minutes(2), &mut ground(shell, "down", &state)).ok();
                Err(failure)
            }
        }
    }

    /// Drives traffic at it, the same for the same number of seconds and the same round.
    pub(crate) fn drive(&self, shell: &Shell, seconds: u64, round: u64) -> Result<(), Failure> {
        let mut command = shell.command("python3");
        command.args(["proving-ground/run.py", "drive", "--base", &self.base]);
        command.args(["--seconds", &seconds.to_string(), "--seed", &round.to_string()]);
        // Whoever asked last may wait for a minute.
        let limit = minutes(2) + Duration::from_secs(seconds);
        shell.run(&format!("traffic for {seconds} s"), limit, &mut command).map(|_| ())
    }

    /// Its address.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// Ends it, and its database.
    pub(crate) fn down(self, shell: &Shell) -> Result<(), Failure> {
        let mut command = ground(shell, "down", &self.state);
        shell.run("application down", minutes(2), &mut command).map(|_| ())
    }
}

/// Builds the binary with a profile and returns where it is.
pub(crate) fn build(shell: &Shell, profile: &str) -> Result<PathBuf, Failure> {
    let words: &[&str] = if profile == "dev" {
        // As the tests of the command line build it: where they ran, nothing is left to do.
        &["test", "--workspace", "--test", "cli", "--no-run"]
    } else {
        &["build", "--package", "cli", "--profile", profile]
    };
    shell.run(&format!("cargo build ({profile})"), minutes(40), &mut shell.cargo(words))?;
    let folder = if profile == "dev" { "debug" } else { profile };
    Ok(target_folder(shell)?.join(folder).join("taut"))
}

fn ground(shell: &Shell, word: &str, state: &Path) -> Command {
    let mut command = shell.command("python3");
    command.args(["proving-ground/run.py", word, "--state"]).arg(state);
    forget_settings(&mut command);
    // Spans and calls stay on this machine, whatever proxy leads out of it.
    command.env("NO_PROXY", "127.0.0.1,localhost").env("no_proxy", "127.0.0.1,localhost");
    command
}

/// What runs here has its settings from here, not from whoever's shell this is.
pub(crate) fn forget_settings(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if ["TAUT_", "OTEL_", "PG"].iter().any(|prefix| text.starts_with(prefix)) {
            command.env_remove(&name);
        }
    }
}

/// Where the application listens, as it wrote down itself.
fn port_of(state: &Path) -> Result<u64, Failure> {
    let path = state.join("ports.json");
    read(&path)?["app"].as_u64().ok_or_else(|| {
        Failure::world(format!("failed to read `{}`", path.display())).cause("no `app` in it")
    })
}

/// Where its database lies: elsewhere, if the user that the server runs as cannot reach the state folder.
fn database_of(state: &Path) -> Result<PathBuf, Failure> {
    let path = state.join("cluster.json");
    read(&path)?["folder"].as_str().map(PathBuf::from).ok_or_else(|| {
        Failure::world(format!("failed to read `{}`", path.display())).cause("no `folder` in it")
    })
}

fn read(path: &Path) -> Result<Value, Failure> {
    let failed = || Failure::world(format!("failed to read `{}`", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| failed().cause(error))?;
    serde_json::from_str(&text).map_err(|error| failed().cause(error))
}

/// Where cargo puts what it builds.
pub(crate) fn target_folder(shell: &Shell) -> Result<PathBuf, Failure> {
    let words = ["metadata", "--no-deps", "--format-version", "1"];
    let printed = shell
        .cargo(&words)
        .output()
        .map_err(|error| Failure::world("failed to start `cargo metadata`").cause(error))?;
    let metadata: Value = serde_json::from_slice(&printed.stdout)
        .map_err(|error| Failure::world("failed to read `cargo metadata`").cause(error))?;
    metadata["target_directory"]
        .as_str()
        .map(PathBuf::from)
        .ok_or_else(|| Failure::world("`cargo metadata` names no target directory"))
}
