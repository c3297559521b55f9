//! `taut store`: whether what is kept is sound, making it small, taking it out and in.

mod check;
mod compact;
mod export;
mod import;
mod kinds;
pub(super) mod when;

use std::{path::PathBuf, time::Duration};

use clap::{Args, Subcommand};
use config::Settings;
use indicatif::{ProgressBar, ProgressStyle};
use store::{Folder, StoreError};

use super::{
    Done,
    settings::{SettingsFile, flag},
};
use crate::{opening, say::Failure};

const EXAMPLES: &str = "\
Examples:
  taut store check                          read every byte, say what is damaged; while `taut up` runs, too
  taut store compact                        make it as small as it gets
  taut store export --from 24h day          the last day as Parquet files, in the folder `day`
  taut store export --from 2026-11-20T09:00:00Z --to 2026-11-20T10:00:00Z hour.jsonl
                                            an hour as OTLP JSON, a request on each line
  taut store export --what logs logs.jsonl  all log records
  taut store import day spans.json.gz       take in Parquet files, and recordings in any format";

/// Look after the store: check it, make it small, take what it keeps out and in.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    Check(check::Arguments),
    Compact(compact::Arguments),
    Export(export::Arguments),
    Import(import::Arguments),
}

/// Which store, and how its state is told.
#[derive(Debug, Args)]
struct Which {
    /// Where everything is kept.
    #[arg(long, value_name = "FOLDER")]
    store: Option<String>,
    /// Write the result as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: SettingsFile,
}

pub(super) fn run(arguments: &Arguments) -> Done {
    match &arguments.action {
        Action::Check(arguments) => check::run(arguments),
        Action::Compact(arguments) => compact::run(arguments),
        Action::Export(arguments) => export::run(arguments),
        Action::Import(arguments) => import::run(arguments),
    }
}

impl Which {
    fn settings(&self) -> Result<Settings, Failure> {
        let store = flag("--store", "store.folder", self.store.as_ref());
        self.settings.load(store.into_iter().collect())
    }

    /// The folder of a store that is there.
    fn known_folder(&self) -> Result<PathBuf, Failure> {
        let folder = self.settings()?.store.folder;
        if folder.is_dir() {
            return Ok(folder);
        }
        Err(Failure::use_of(format!("there is no store in `{}`", folder.display()))
            .hint("`taut up` makes one; --store, --config or TAUT_STORE_FOLDER says where it is"))
    }

    /// A store that nobody else uses.
    fn open(&self) -> Result<Folder, Failure> {
        opening::open(&self.settings()?).map(|(store, _)| store).map_err(|error| {
            let hint = match error {
                StoreError::Locked { .. } => {
                    "`taut up` uses it; stop it first. `taut store check` works meanwhile, too"
                }
                _ => "see whether the folder can be read and written to",
            };
            Failure::world(&error).hint(hint)
        })
    }
}

/// Why something was not done, before it is told.
#[derive(Debug)]
enum Stopped {
    Store(StoreError),
    Told(Failure),
}

impl From<StoreError> for Stopped {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Stopped> for Failure {
    fn from(stopped: Stopped) -> Self {
        match stopped {
            Stopped::Store(error) => of_the_disk(&error),
            Stopped::Told(failure) => failure,
        }
    }
}

pub(super) fn of_the_disk(error: &StoreError) -> Failure {
    let hint = match error {
        StoreError::ClickHouse(trouble) => return opening::away(trouble),
        StoreError::Full { .. } => "make room; what is kept stays as it is",
        StoreError::Damaged { .. } => "`taut store check` says what is wrong with it",
        _ => "see whether the disk is failing; what is kept stays as it is",
    };
    Failure::world(error).hint(hint)
}

/// A line that shows that something goes on.
fn spinner(what: &str) -> ProgressBar {
    let bar = ProgressBar::new_spinner().with_message(what.to_owned());
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

fn bar(length: u64, what: &str) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(length).with_style(style).with_message(what.to_owned())
}

/// `1.21 MB`
pub(super) fn size(bytes: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let bytes = bytes as f64;
    let units = [(1e9, "GB"), (1e6, "MB"), (1e3, "kB")];
    let unit = units.into_iter().find(|(unit, _)| *unit <= bytes);
    unit.map_or_else(
        || format!("{bytes} bytes"),
        |(unit, name)| format!("{} {name}", crate::units::three_digits(bytes / unit)),
    )
}

fn json(value: &serde_json::Value) -> String {
    format!("{value:#}\n")
}
