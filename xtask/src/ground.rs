//! Taut and the real application, side by side: `taut up` watches, `proving-ground/run.py` works.
//!
//! All that this repository knows about the flags of both stands in this file.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use crate::{
    failure::Failure,
    screen,
    service::{Service, free_port},
    shell::{Shell, make_folder, minutes},
    web,
};

/// A running `taut up`.
#[derive(Debug)]
pub(crate) struct Watcher {
    binary: PathBuf,
    web: u16,
    otlp_http: u16,
    service: Service,
}

impl Watcher {
    /// Starts `taut up` over an empty store in `folder`, on its usual ports where those are free.
    pub(crate) fn start(shell: &Shell, binary: PathBuf, folder: &Path) -> Result<Self, Failure> {
        // What a former run observed is no news.
        std::fs::remove_dir_all(folder).ok();
        make_folder(folder)?;
        let (web, otlp_http, otlp_grpc) = (free_port(7070)?, free_port(4318)?, free_port(4317)?);
        let mut command = shell.command(&binary);
        command.arg("up").env("TAUT_STORE_FOLDER", folder);
        for (variable, port) in [
            ("TAUT_WEB_LISTEN", web),
            ("TAUT_RECEIVE_HTTP", otlp_http),
            ("TAUT_RECEIVE_GRPC", otlp_grpc),
        ] {
            command.env(variable, format!("127.0.0.1:{port}"));
        }
        let service = Service::start(shell, "taut up", &mut command, web)?;
        Ok(Self { binary, web, otlp_http, service })
    }

    /// The address of the pages.
    pub(crate) fn pages(&self) -> String {
        format!("http://127.0.0.1:{}", self.web)
    }

    /// Where spans go.
    pub(crate) fn otlp(&self) -> String {
        format!("http://127.0.0.1:{}", self.otlp_http)
    }

    /// What it found so far, ranked, as the terminal shows it.
    pub(crate) fn findings(&self, shell: &Shell) -> Result<String, Failure> {
        let mut command = shell.command(&self.binary);
        command.args(["find", "--from", &self.pages()]);
        shell.run("taut find", minutes(2), &mut command)
    }

    /// Why it ended, if it did though nobody told it to.
    pub(crate) fn ended(&mut self) -> Option<Failure> {
        self.service.ended()
    }
}

/// The application of the proving ground; taken down when [`Application::down`] is called.
#[derive(Debug)]
pub(crate) struct Application {
    otlp: String,
}

impl Application {
    /// Prepares its database and starts it.
    pub(crate) fn up(shell: &Shell, mode: &str, scale: &str, otlp: &str) -> Result<Self, Failure> {
        let application = Self { otlp: otlp.to_owned() };
        let words = ["up", "--mode", mode, "--scale", scale];
        application.run(shell, &format!("application up ({mode}, {scale})"), 30, &words)?;
        Ok(application)
    }

    /// Drives traffic at it.
    pub(crate) fn drive(&self, shell: &Shell, seconds: u64) -> Result<(), Failure> {
        let text = seconds.to_string();
        let words = ["drive", "--seconds", &text];
        self.run(shell, &format!("traffic for {seconds} s"), 5 + seconds.div_ceil(60), &words)
    }

    /// Ends it, and its database.
    pub(crate) fn down(self, shell: &Shell) -> Result<(), Failure> {
        self.run(shell, "application down", 2, &["down"])
    }

    fn run(&self, shell: &Shell, name: &str, limit: u64, words: &[&str]) -> Result<(), Failure> {
        let mut command = ground(shell, words);
        command.env("OTEL_EXPORTER_OTLP_ENDPOINT", &self.otlp);
        shell.run(name, minutes(limit), &mut command).map(|_| ())
    }
}

/// Builds the binary with a profile and returns where it is.
pub(crate) fn build(shell: &Shell, profile: &str) -> Result<PathBuf, Failure> {
    let words = ["build", "--package", "cli", "--profile", profile];
    shell.run(&format!("cargo build ({profile})"), minutes(40), &mut shell.cargo(&words))?;
    let folder = if profile == "dev" { "debug" } else { profile };
    Ok(target_folder(shell)?.join(folder).join("taut"))
}

/// Taut over the application: every planted fault found, and silence where it is fixed.
pub(crate) fn test_step(shell: &mut Shell) -> Result<String, Failure> {
    if !shell.root.join("proving-ground/run.py").exists() {
        screen::skip("proving ground", "not there yet");
        return Ok(String::new());
    }
    let binary = build(shell, "dev")?;
    let mut command = ground(shell, &["test"]);
    command.env("TAUT_BINARY", binary);
    shell.run("proving ground", minutes(25), &mut command)
}

/// The pages in a browser, over the real binary and spans of the real application.
pub(crate) fn browser_step(shell: &mut Shell) -> Result<String, Failure> {
    let is_there = ["web/e2e", "proving-ground/run.py"].map(|path| shell.root.join(path).exists());
    if is_there != [true, true] {
        screen::skip("browser", "not there yet");
        return Ok(String::new());
    }
    let binary = build(shell, "dev")?;
    let watcher = Watcher::start(shell, binary, &shell.cache.join("browser-store"))?;
    let application = Application::up(shell, "faulty", "small", &watcher.otlp())?;
    let outcome = application.drive(shell, 20).and_then(|()| {
        let mut command = web::script(shell, "e2e");
        command.env("TAUT_BASE_URL", watcher.pages()).env("TAUT_OTLP_URL", watcher.otlp());
        shell.run("browser", minutes(10), &mut command)
    });
    let down = application.down(shell);
    let printed = outcome?;
    down.map(|()| printed)
}

fn ground(shell: &Shell, words: &[&str]) -> Command {
    let mut command = shell.command("python3");
    command.arg("proving-ground/run.py").args(words);
    command
}

/// Where cargo puts what it builds.
fn target_folder(shell: &Shell) -> Result<PathBuf, Failure> {
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
