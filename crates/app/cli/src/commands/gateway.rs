//! `taut gateway`: the reverse proxy that takes work away from the application behind it.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use clap::Args;
use config::{GATEWAY_EXAMPLE, Settings};
use gateway::Gateway;
use tokio::signal::unix::{SignalKind, signal};

use super::{Done, OK, settings::SettingsFile};
use crate::say::{self, ACCENT, AMBER, BOLD, DIM, Failure};

/// Put a reverse proxy in front of an application: balance, health, retries, limits.
///
/// It is told what to do by `[gateway]` in `taut.toml`; `taut gateway --example` writes one to begin with.
/// Everything is on loopback unless that says otherwise. Ctrl-C, or SIGTERM, lets requests that have begun end
/// (`drain`), then ends it.
#[derive(Debug, Args)]
#[command(after_long_help = WHILE_IT_RUNS)]
pub(super) struct Arguments {
    /// Write a `[gateway]` section that explains itself, and end.
    #[arg(long)]
    example: bool,
    /// Read the settings, say what they mean, and end.
    #[arg(long)]
    check: bool,
    /// Read the file again whenever it changes.
    #[arg(long)]
    watch: bool,
    #[command(flatten)]
    settings: SettingsFile,
}

const WHILE_IT_RUNS: &str = "While it runs:
  kill -HUP PID                 reads the file again; a wrong one is refused, and the old one stays
  curl 127.0.0.1:7072/members   who answers, and who is left alone
  curl 127.0.0.1:7072/metrics   figures for Prometheus
  curl -i -H 'taut-explain: 1'  tells in `taut-decision` which route and member a request took
";

/// How often a watched file is looked at.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

pub(super) fn run(arguments: &Arguments) -> Done {
    if arguments.example {
        say::data(GATEWAY_EXAMPLE)?;
        return OK;
    }
    let settings = arguments.settings.load(Vec::new())?;
    let text = meaning(&settings);
    if arguments.check {
        plan(settings)?;
        say::data(&text)?;
        return OK;
    }
    let file = settings.file.clone();
    let gateway = Gateway::start(plan(settings)?).map_err(|error| {
        Failure::world(&error).hint(
            "another process may have the port; `listen` and `admin` in `[gateway]` say where",
        )
    })?;
    greet(&gateway, &text);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::world(&error))?;
    let watched = file.filter(|_| arguments.watch);
    let waited = runtime.block_on(until_told(&gateway, arguments, watched));
    say::words(&format!("{DIM}stopping: answering what has begun{DIM:#}\n"));
    gateway.stop();
    waited?;
    OK
}

fn plan(settings: Settings) -> Result<traffic::plan::Plan, Failure> {
    settings.gateway.ok_or_else(|| {
        Failure::use_of("there is no `[gateway]` in the settings, so there is nothing to do").hint(
            "`taut gateway --example >> taut.toml` writes one to begin with; `--config FILE` reads another file",
        )
    })
}

/// Reads the file again when it is told to, until it is told to end.
async fn until_told(
    gateway: &Gateway,
    arguments: &Arguments,
    watched: Option<PathBuf>,
) -> Result<(), Failure> {
    let on = |kind| signal(kind).map_err(|error| Failure::world(&error));
    let (mut hangup, mut terminate) = (on(SignalKind::hangup())?, on(SignalKind::terminate())?);
    let mut interrupt = on(SignalKind::interrupt())?;
    let mut looks = tokio::time::interval(LOOK_INTERVAL);
    let stamp = |path: &Option<PathBuf>| path.as_deref().and_then(stamp);
    let mut seen = stamp(&watched);
    loop {
        tokio::select! {
            _ = interrupt.recv() => return Ok(()),
            _ = terminate.recv() => return Ok(()),
            _ = hangup.recv() => reload(gateway, arguments),
            () = gateway.reload_asked() => reload(gateway, arguments),
            _ = looks.tick(), if watched.is_some() => {
                let now = stamp(&watched);
                if now != seen {
                    seen = now;
                    reload(gateway, arguments);
                }
            }
        }
    }
}

fn stamp(path: &Path) -> Option<(SystemTime, u64)> {
    let data = fs::metadata(path).ok()?;
    Some((data.modified().ok()?, data.len()))
}

/// Takes the file as it is now; if it is wrong, says so and goes on as before.
fn reload(gateway: &Gateway, arguments: &Arguments) {
    let read = arguments.settings.load(Vec::new()).and_then(|settings| {
        let text = meaning(&settings);
        Ok((plan(settings)?, text))
    });
    match read {
        Ok((plan, text)) => {
            let not_taken = gateway.replace(plan);
            say::words(&format!("{BOLD}the settings were read again{BOLD:#}\n{text}"));
            for name in not_taken {
                say::words(&format!(
                    "{AMBER}note{AMBER:#}: `{name}` only counts after a restart\n"
                ));
            }
        }
        Err(failure) => {
            let _exit = failure.tell();
            say::words(&format!("{AMBER}the gateway goes on with the settings it had{AMBER:#}\n"));
        }
    }
}

fn meaning(settings: &Settings) -> String {
    let Some(plan) = &settings.gateway else { return String::new() };
    let mut text = String::new();
    for route in &plan.routes {
        let service = plan.services.get(route.service).map_or("", |service| &service.name);
        text.push_str(&format!("  route      {} {DIM}-> {service}{DIM:#}\n", route.name));
    }
    for service in &plan.services {
        let members: Vec<&str> =
            service.members.iter().map(|member| member.address.as_str()).collect();
        let (name, balance) = (&service.name, service.balance.name());
        text.push_str(&format!(
            "  service    {name} {DIM}({balance}){DIM:#} {}\n",
            members.join(", ")
        ));
    }
    text
}

fn greet(gateway: &Gateway, meaning: &str) {
    let mut text = format!("{BOLD}the gateway is up{BOLD:#}\n");
    for address in gateway.listens() {
        text.push_str(&format!("  listens    {ACCENT}{address}{ACCENT:#}\n"));
    }
    if let Some(admin) = gateway.admin() {
        text.push_str(&format!("  admin      {ACCENT}http://{admin}/members{ACCENT:#}\n"));
    }
    text.push_str(meaning);
    let exposed = gateway.admin().filter(|admin| !admin.ip().is_loopback());
    if let Some(admin) = exposed {
        text.push_str(&format!(
            "{AMBER}warning{AMBER:#}: `admin` listens on {admin}, which others than this machine can reach\n"
        ));
    }
    text.push_str(&format!("{DIM}Ctrl-C ends it.{DIM:#}\n"));
    say::words(&text);
}
