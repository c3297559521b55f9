//! `cargo xtask demo`: from a clone to findings about a real, slow Django application.

use std::time::{Duration, Instant};

use crate::{
    args::Args,
    failure::Failure,
    findings,
    ground::{self, Application, Database, Folder, How, Ports, UNTIL_SPANS_ARRIVED, Watcher},
    screen, setup,
    shell::Shell,
    web,
};

/// `cargo xtask demo`
pub(crate) fn command(shell: &mut Shell, args: &Args) -> Result<(), Failure> {
    args.no_words()?;
    let scale = args.choice("--scale", &["full", "small"])?.unwrap_or("full");
    let mode = args.choice("--mode", &["faulty", "fixed"])?.unwrap_or("faulty");
    let seconds = match args.all("--seconds").last() {
        None => 60,
        Some(text) => {
            text.parse().ok().filter(|count| (1..=86_400).contains(count)).ok_or_else(|| {
                Failure::usage(format!("option `--seconds` does not take `{text}`"))
                    .hint("1 to 86400")
            })?
        }
    };
    let since = Instant::now();
    screen::heading("setup");
    setup::ensure(shell)?;
    screen::heading("build");
    web::build(shell)?;
    let binary = ground::build(shell, "demo")?;
    screen::say(&format!("  built {} after the start", screen::seconds(since)));
    screen::heading("run");
    let folder = Folder::claim(shell, "demo")?;
    let database = Database::anywhere()?;
    let settings = [("TAUT_OBSERVE_POSTGRES_URL", &*database.url())];
    let store = folder.join("store");
    let mut watcher = Watcher::start(shell, &binary, &store, Ports::Usual, &settings)?;
    let otlp = watcher.otlp();
    let how = How { mode, scale, otlp: &otlp, database: Some(database), distance_millis: 0.0 };
    let application = Application::up(shell, &folder, &how)?;
    let outcome = show(shell, &watcher, &application, seconds).and_then(|()| {
        screen::say(&format!("from start to findings: {}", screen::seconds(since)));
        if args.has("--exit") {
            let (taut, store) = (binary.display(), folder.join("store"));
            screen::say(&format!("\nthe pages again: {taut} up --store {}", store.display()));
            return Ok(());
        }
        screen::say(&format!("\nthe pages: {}    (Ctrl-C ends everything)", watcher.pages()));
        stay(shell, &mut watcher)
    });
    // Ctrl-C is how this ends; the database is still put down in order.
    let was_told_to_end = outcome.as_ref().is_err_and(Failure::is_interrupt);
    shell.forget_interrupt();
    let down = application.down(shell);
    if was_told_to_end { Err(Failure::interrupted()) } else { outcome.and(down) }
}

fn show(
    shell: &Shell,
    watcher: &Watcher,
    application: &Application,
    seconds: u64,
) -> Result<(), Failure> {
    application.drive(shell, seconds, 1)?;
    shell.sleep(UNTIL_SPANS_ARRIVED)?;
    let found = watcher.findings()?;
    screen::print(&format!("\n{}\n", findings::table(&found)));
    Ok(())
}

fn stay(shell: &Shell, watcher: &mut Watcher) -> Result<(), Failure> {
    loop {
        shell.sleep(Duration::from_secs(1))?;
        if let Some(failure) = watcher.ended() {
            return Err(failure);
        }
    }
}
