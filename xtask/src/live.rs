//! The steps of `cargo xtask test` that look at what runs: the real application, and the pages in a browser.
//!
//! What is asserted over the application does not hang on the speed of the machine, which others use as well: an
//! N+1 is one however long it takes. Faults that are told by durations are printed here and asserted over recordings,
//! in `crates/app/engine/tests/proving_ground.rs`. For the same reason the small scale is enough, and traffic is driven
//! in rounds: a busy machine serves fewer requests in a round, and so may need another one.

use std::path::Path;

use crate::{
    failure::Failure,
    ground::{self, Application, Folder, How, Ports, UNTIL_SPANS_ARRIVED, Watcher},
    score::{self, Score},
    screen,
    service::{Service, free_port},
    shell::{Shell, minutes},
    web,
};

use serde_json::Value;

/// One round meets every endpoint several times on an idle machine.
const ROUND_SECONDS: u64 = 25;
/// What was not seen in so many rounds is not there to be seen.
const ROUNDS_MAX: u64 = 6;
/// A machine that stands still for a while can make things look like what they are not; not twice.
const RUNS_MAX: usize = 2;

/// What the pages want to be shown in the browser's tests of that.
const BROWSER_TOKEN: &str = "e2e-token+/=&%";

/// Taut over the application: every planted fault found, and silence where it is fixed.
pub(crate) fn application_step(shell: &mut Shell) -> Result<String, Failure> {
    let binary = ground::build(shell, "dev")?;
    let expected = score::expected(shell)?;
    let folder = Folder::claim(shell, "test")?;
    let (mut right, mut wrong) = (0, Vec::new());
    for mode in ["faulty", "fixed"] {
        let scores = best_run(shell, &folder, &binary, mode, &expected)?;
        right += scores.iter().filter(|score| score.is_right()).count();
        wrong.extend(scores.iter().filter_map(Score::wrong).map(|line| format!("{mode} {line}")));
        for line in scores.iter().filter_map(Score::noted) {
            screen::say(&format!("  note {mode} {line} (hangs on the machine: {})", load()));
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

fn best_run(
    shell: &Shell,
    folder: &Folder,
    binary: &Path,
    mode: &str,
    expected: &Value,
) -> Result<Vec<Score>, Failure> {
    let mut scores = Vec::new();
    for _ in 0..RUNS_MAX {
        scores = one_run(shell, folder, binary, mode, expected)?;
        if scores.iter().all(Score::is_right) {
            break;
        }
        for line in scores.iter().filter_map(Score::wrong) {
            screen::say(&format!("       {mode} {line} ({})", load()));
        }
    }
    Ok(scores)
}

fn one_run(
    shell: &Shell,
    folder: &Folder,
    binary: &Path,
    mode: &str,
    expected: &Value,
) -> Result<Vec<Score>, Failure> {
    let watcher = Watcher::start(shell, binary, &folder.join("store"), Ports::Any, &[])?;
    let otlp = watcher.otlp();
    let how = How { mode, scale: "small", otlp: &otlp, database: None, distance_millis: 0.0 };
    let application = Application::up(shell, folder, &how)?;
    let scores = rounds(shell, &watcher, &application, mode, expected);
    let down = application.down(shell);
    let scores = scores?;
    down.map(|()| scores)
}

/// Drives traffic until all is right or no round is left; in the fixed mode silence is judged after one.
fn rounds(
    shell: &Shell,
    watcher: &Watcher,
    application: &Application,
    mode: &str,
    expected: &Value,
) -> Result<Vec<Score>, Failure> {
    let mut scores = Vec::new();
    for round in 1..=ROUNDS_MAX {
        application.drive(shell, ROUND_SECONDS, round)?;
        shell.sleep(UNTIL_SPANS_ARRIVED)?;
        scores = score::judge(expected, mode, &watcher.findings()?);
        // A false alarm does not go away by driving on.
        if mode == "fixed" || scores.iter().all(Score::is_right) {
            break;
        }
    }
    Ok(scores)
}

/// The pages in a browser, over the real binary; the tests send spans of their own.
pub(crate) fn browser_step(shell: &mut Shell) -> Result<String, Failure> {
    let binary = ground::build(shell, "dev")?;
    chromium(shell)?;
    let folder = Folder::claim(shell, "test")?;
    let (_database, url, log) = busy_database(shell, &folder)?;
    let settings = [
        ("TAUT_OBSERVE_POSTGRES_URL", url.as_str()),
        // Pages fill within the time that a test takes.
        ("TAUT_OBSERVE_POSTGRES_POLL", "5s"),
        ("TAUT_OBSERVE_POSTGRES_LOG", log.as_str()),
    ];
    let store = folder.join("browser-store");
    let watcher = Watcher::start(shell, &binary, &store, Ports::Any, &settings)?;
    // A second one, which wants a token.
    let closed_store = folder.join("browser-token-store");
    let token = [("TAUT_WEB_TOKEN", BROWSER_TOKEN)];
    let closed = Watcher::start(shell, &binary, &closed_store, Ports::Any, &token)?;
    let mut command = web::script(shell, "e2e");
    // A test that fails while the machine stands still passes the second time; one that is right to fail does not.
    command.args(["--", "--retries=1", "--timeout=90000"]);
    command.env("TAUT_BASE_URL", watcher.pages()).env("TAUT_OTLP_URL", watcher.otlp());
    command.env("TAUT_TOKEN_URL", closed.pages()).env("TAUT_TOKEN", BROWSER_TOKEN);
    shell.run("browser", minutes(30), &mut command)
}

/// A real database with somebody at work in it, where it is, and where its log is.
fn busy_database(shell: &Shell, folder: &Folder) -> Result<(Service, String, String), Failure> {
    let words = ["build", "--package", "testkit", "--example", "busy_database"];
    shell.run("cargo build (busy database)", minutes(20), &mut shell.cargo(&words))?;
    let program = ground::target_folder(shell)?.join("debug/examples/busy_database");
    let file = folder.join("busy-database.url");
    let port = free_port(0)?;
    let mut command = shell.command(program);
    command.arg(port.to_string()).arg(&file).arg("--hostile");
    let service = Service::start(shell, "busy database", &mut command, port)?;
    let read = |file: &Path| {
        std::fs::read_to_string(file).map_err(|error| {
            Failure::world(format!("`{}` is not there", file.display())).cause(error)
        })
    };
    let log = read(&folder.join("busy-database.url.log"))?;
    Ok((service, read(&file)?, log))
}

/// Whether the browser starts at all, so that its reason for not doing so is not lost among tests that fail.
fn chromium(shell: &Shell) -> Result<(), Failure> {
    let program = std::env::var_os("TAUT_CHROMIUM").unwrap_or_else(|| "/usr/bin/chromium".into());
    let mut command = shell.command(program);
    command.args(["--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", "about:blank"]);
    shell.run("chromium starts", minutes(2), &mut command).map(|_| ())
}

/// How busy the machine is, as the kernel tells it.
fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let load = text.split_whitespace().next().unwrap_or("unknown");
    format!("load {load} on {cores} cores")
}
