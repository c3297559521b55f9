//! `taut gateway`: the reverse proxy that takes work away from the application behind it.

mod beside;
pub(super) mod here;

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
use crate::{
    client,
    say::{self, ACCENT, AMBER, BOLD, DIM, Failure},
};

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
    /// Do not read the file again by itself when it changes.
    #[arg(long)]
    no_watch: bool,
    #[command(flatten)]
    settings: SettingsFile,
}

const WHILE_IT_RUNS: &str = "While it runs:
  taut fix ID --apply           changes the file; it is read again when it changes, and a wrong one is refused
  kill -HUP PID                 reads it again, too
  curl 127.0.0.1:7072/members   who answers, and who is left alone
  curl 127.0.0.1:7072/canaries  new versions that are tried, and how they do
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
    let began_with = settings.clone();
    let plan = plan(settings)?;
    let has_token = plan.admin_token.is_some();
    let watched = file.filter(|_| !arguments.no_watch).map(|file| Watched::new(file, &plan));
    let gateway = Gateway::start(plan).map_err(|error| {
        Failure::world(&error).hint(
            "another process may have the port; `listen` and `admin` in `[gateway]` say where",
        )
    })?;
    let beside = beside::Beside::start(&gateway, &began_with)?;
    greet(&gateway, &text, has_token);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::world(&error))?;
    let waited = runtime.block_on(until_told(&gateway, arguments, watched));
    say::words(&format!("{DIM}stopping: answering what has begun{DIM:#}\n"));
    gateway.stop();
    beside.stop();
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
    mut watched: Option<Watched>,
) -> Result<(), Failure> {
    let on = |kind| signal(kind).map_err(|error| Failure::world(&error));
    let (mut hangup, mut terminate) = (on(SignalKind::hangup())?, on(SignalKind::terminate())?);
    let mut interrupt = on(SignalKind::interrupt())?;
    let mut looks = tokio::time::interval(LOOK_INTERVAL);
    loop {
        let has_changed = tokio::select! {
            _ = interrupt.recv() => return Ok(()),
            _ = terminate.recv() => return Ok(()),
            _ = hangup.recv() => true,
            () = gateway.reload_asked() => true,
            _ = looks.tick(), if watched.is_some() => {
                watched.as_mut().is_some_and(Watched::has_changed)
            }
        };
        if has_changed {
            let files = reload(gateway, &arguments.settings);
            if let (Some(watched), Some(files)) = (&mut watched, files) {
                watched.watch(files);
            }
        }
    }
}

/// Files that are looked at: the settings, certificates, keys.
struct Watched {
    settings: PathBuf,
    seen: Vec<(PathBuf, Option<Stamp>)>,
}

type Stamp = (SystemTime, u64);

impl Watched {
    fn new(settings: PathBuf, plan: &traffic::plan::Plan) -> Self {
        let mut watched = Self { settings, seen: Vec::new() };
        watched.watch(Gateway::files(plan));
        watched
    }

    /// From now on these, besides the settings. What is watched already may have changed since it was looked at.
    fn watch(&mut self, files: Vec<PathBuf>) {
        let all = std::iter::once(self.settings.clone()).chain(files);
        let known =
            |path: &Path| self.seen.iter().find(|(seen, _)| seen == path).map(|(_, at)| *at);
        self.seen =
            all.map(|path| (path.clone(), known(&path).unwrap_or_else(|| stamp(&path)))).collect();
    }

    fn has_changed(&mut self) -> bool {
        let now: Vec<_> = self.seen.iter().map(|(path, _)| (path.clone(), stamp(path))).collect();
        let changed = now != self.seen;
        self.seen = now;
        changed
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    let data = fs::metadata(path).ok()?;
    Some((data.modified().ok()?, data.len()))
}

/// Takes the file as it is now, and the certificates that it names; if anything is wrong, says so and goes on as
/// before. The files that are read besides, if it is taken.
fn reload(gateway: &Gateway, file: &SettingsFile) -> Option<Vec<PathBuf>> {
    let read = file.load(Vec::new()).and_then(|settings| {
        let text = meaning(&settings);
        Ok((plan(settings)?, text))
    });
    let taken = read.and_then(|(plan, text)| {
        let files = Gateway::files(&plan);
        let not_taken = gateway.replace(plan).map_err(|error| Failure::world(&error))?;
        Ok((not_taken, files, text))
    });
    match taken {
        Ok((not_taken, files, text)) => {
            say::words(&format!("{BOLD}the settings were read again{BOLD:#}\n{text}"));
            for name in not_taken {
                say::words(&format!(
                    "{AMBER}note{AMBER:#}: `{name}` only counts after a restart\n"
                ));
            }
            Some(files)
        }
        Err(failure) => {
            gateway.refused_settings();
            let _exit = failure.tell();
            say::words(&format!("{AMBER}the gateway goes on with the settings it had{AMBER:#}\n"));
            None
        }
    }
}

/// Tells a gateway that runs to read its settings again, and says what came of it.
pub(super) fn tell_gateway(settings: &Settings) -> String {
    let by_itself = "a gateway that runs reads it within a second or two, unless it was started with --no-watch; `kill -HUP` does it, too";
    let Some(plan) = &settings.gateway else { return by_itself.to_owned() };
    let (Some(admin), Some(token)) = (plan.admin, &plan.admin_token) else {
        return by_itself.to_owned();
    };
    match client::reload(admin, &token.0) {
        Ok(200) => format!("the gateway at {admin} reads it now"),
        Ok(status) => format!(
            "the gateway at {admin} was asked to read it, and answered {status}: {by_itself}"
        ),
        Err(_) => format!("no gateway answers at {admin}; it reads the file when it starts"),
    }
}

fn meaning(settings: &Settings) -> String {
    let Some(plan) = &settings.gateway else { return String::new() };
    let mut text = String::new();
    for route in &plan.routes {
        let service = plan.services.get(route.service).map_or("", |service| &service.name);
        let (name, does) = (&route.name, done(route));
        text.push_str(&format!("  route      {name} {DIM}-> {service}{does}{DIM:#}\n"));
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

/// What is done to a route's requests, whether it says so itself or inherits it.
fn done(route: &traffic::plan::Route) -> String {
    let all = [
        ("cached", route.cache.is_some()),
        ("limited", route.limit.is_some()),
        ("compressed", route.compress.is_some()),
        ("hedged", route.hedge.is_some()),
        ("assets", route.assets),
        ("canary", route.canary.is_some()),
    ];
    let words: Vec<&str> = all.into_iter().filter(|(_, is)| *is).map(|(word, _)| word).collect();
    if words.is_empty() { String::new() } else { format!(": {}", words.join(", ")) }
}

/// What to say where others than this machine reach the admin port.
fn exposed(gateway: &Gateway, has_token: bool) -> Option<String> {
    let admin = gateway.admin().filter(|admin| !admin.ip().is_loopback())?;
    let mut text = format!(
        "{AMBER}warning{AMBER:#}: `admin` listens on {admin}, which others than this machine can reach\n"
    );
    if !has_token {
        text.push_str(
            "         set `TAUT_GATEWAY_ADMIN_TOKEN` to a long random text, and they want it\n",
        );
    }
    Some(text)
}

fn greet(gateway: &Gateway, meaning: &str, has_token: bool) {
    let mut text = format!("{BOLD}the gateway is up{BOLD:#}\n");
    for address in gateway.listens() {
        text.push_str(&format!("  listens    {ACCENT}{address}{ACCENT:#}\n"));
    }
    if let Some(admin) = gateway.admin() {
        text.push_str(&format!("  admin      {ACCENT}http://{admin}/members{ACCENT:#}\n"));
    }
    text.push_str(meaning);
    text.push_str(&exposed(gateway, has_token).unwrap_or_default());
    text.push_str(&format!("{DIM}Ctrl-C ends it.{DIM:#}\n"));
    say::words(&text);
}
