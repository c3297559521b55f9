//! Taut and the real application, side by side: `taut up` watches, `proving-ground/run.py` works.
//!
//! All that this repository knows about the flags of both stands in this file.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use serde_json::Value;

use crate::{
    failure::Failure,
    findings, score, screen,
    service::{Service, free_port},
    shell::{Shell, make_folder, minutes},
    web,
};

/// Once traffic ends, spans still wait in the exporter, and traces count as complete five seconds later.
pub(crate) const UNTIL_SPANS_ARRIVED: Duration = Duration::from_secs(8);
/// Long enough for detectors that look at a window: a minute of it at least.
const DRIVEN_SECONDS: u64 = 75;

/// A running `taut up`.
#[derive(Debug)]
pub(crate) struct Watcher {
    web: u16,
    otlp_http: u16,
    service: Service,
}

impl Watcher {
    /// Starts `taut up` over an empty store in `folder`, on its usual ports where those are free.
    pub(crate) fn start(shell: &Shell, binary: &Path, folder: &Path) -> Result<Self, Failure> {
        // What a former run observed is no news.
        std::fs::remove_dir_all(folder).ok();
        make_folder(folder)?;
        let (web, otlp_http, otlp_grpc) = (free_port(7070)?, free_port(4318)?, free_port(4317)?);
        let mut command = shell.command(binary);
        command.arg("up").env("TAUT_STORE_FOLDER", folder);
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

/// The application of the proving ground, with its database; both live until [`Application::down`].
#[derive(Debug)]
pub(crate) struct Application {
    state: PathBuf,
    base: String,
}

impl Application {
    /// Prepares its database (minutes at full scale, once) and starts it, its spans going to `otlp`.
    pub(crate) fn up(shell: &Shell, mode: &str, scale: &str, otlp: &str) -> Result<Self, Failure> {
        let state = shell.cache.join("proving-ground");
        make_folder(&state)?;
        let mut command = ground(shell, "up", &state);
        command.args(["--mode", mode, "--scale", scale, "--otlp", otlp]);
        let started = shell
            .run(&format!("application up ({mode}, {scale})"), minutes(30), &mut command)
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

    /// Drives traffic at it, the same for the same number of seconds.
    pub(crate) fn drive(&self, shell: &Shell, seconds: u64) -> Result<(), Failure> {
        let mut command = shell.command("python3");
        command.args(["proving-ground/run.py", "drive", "--base", &self.base]);
        command.args(["--seconds", &seconds.to_string()]);
        let limit = minutes(5) + Duration::from_secs(seconds);
        shell.run(&format!("traffic for {seconds} s"), limit, &mut command).map(|_| ())
    }

    /// Ends it, and its database.
    pub(crate) fn down(self, shell: &Shell) -> Result<(), Failure> {
        let mut command = ground(shell, "down", &self.state);
        shell.run("application down", minutes(2), &mut command).map(|_| ())
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
    let binary = build(shell, "dev")?;
    let expected = score::expected(shell)?;
    let (mut right, mut wrong) = (0, Vec::new());
    for mode in ["faulty", "fixed"] {
        let watcher = Watcher::start(shell, &binary, &shell.cache.join("score-store"))?;
        let application = Application::up(shell, mode, "full", &watcher.otlp())?;
        let findings = application.drive(shell, DRIVEN_SECONDS).and_then(|()| {
            shell.sleep(UNTIL_SPANS_ARRIVED)?;
            watcher.findings()
        });
        application.down(shell)?;
        for score in score::judge(&expected, mode, &findings?) {
            if score.is_right() {
                right += 1;
            } else {
                wrong.push(format!("{mode} {}", score.line()));
            }
        }
    }
    let closing = format!("{right} passed, {} failed", wrong.len());
    screen::say(&format!("       endpoints: {closing}"));
    if wrong.is_empty() {
        return Ok(closing);
    }
    let mut failure = Failure::no("the findings are not what is wrong").cause(wrong.join("\n"));
    failure.printed = closing;
    Err(failure)
}

/// The pages in a browser, over the real binary and spans of the real application.
pub(crate) fn browser_step(shell: &mut Shell) -> Result<String, Failure> {
    let binary = build(shell, "dev")?;
    let watcher = Watcher::start(shell, &binary, &shell.cache.join("browser-store"))?;
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

fn ground(shell: &Shell, word: &str, state: &Path) -> Command {
    let mut command = shell.command("python3");
    command.args(["proving-ground/run.py", word, "--state"]).arg(state);
    command
}

/// Where the application listens, as it wrote down itself.
fn port_of(state: &Path) -> Result<u64, Failure> {
    let path = state.join("ports.json");
    let failed = || Failure::world(format!("failed to read the port in `{}`", path.display()));
    let text = std::fs::read_to_string(&path).map_err(|error| failed().cause(error))?;
    let ports: Value = serde_json::from_str(&text).map_err(|error| failed().cause(error))?;
    ports["app"].as_u64().ok_or_else(|| failed().cause("there is no `app` in it"))
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
