//! `taut config`: what is set, and where that is from. And how every command reads its settings.

use std::path::{Path, PathBuf};

use clap::Args;
use config::{Flag, Settings, Sources};

use super::{Done, OK};
use crate::say::{self, ACCENT, DIM, Failure};

/// Show every setting, its value and where that is from.
///
/// Flags go over the environment (`TAUT_WEB_LISTEN`), the environment over `taut.toml`, the file over
/// the default.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    file: SettingsFile,
    /// Write a `taut.toml` in which every setting is explained.
    #[arg(long)]
    example: bool,
}

/// Which settings file is read.
#[derive(Debug, Clone, Args)]
pub(super) struct SettingsFile {
    /// Settings file, instead of `taut.toml` in the working folder.
    #[arg(id = "config", long, value_name = "FILE")]
    path: Option<PathBuf>,
}

impl SettingsFile {
    /// Reads all settings; `flags` go over everything else.
    pub(super) fn load(&self, flags: Vec<Flag>) -> Result<Settings, Failure> {
        load(self.path.as_deref(), flags)
    }
}

/// A flag for a setting, if it was given.
pub(super) fn flag(name: &str, key: &str, value: Option<&String>) -> Option<Flag> {
    let value = value?.clone();
    Some(Flag { name: name.to_owned(), key: key.to_owned(), value })
}

pub(super) fn run(arguments: &Arguments) -> Done {
    if arguments.example {
        say::data(&Settings::example())?;
        return OK;
    }
    let settings = arguments.file.load(Vec::new())?;
    let mut text = String::new();
    for listed in settings.listed() {
        let (key, value, origin) = (listed.key, &listed.value, &listed.origin);
        text.push_str(&format!("{ACCENT}{key}{ACCENT:#} = {value}  {DIM}# {origin}{DIM:#}\n"));
    }
    say::data(&text)?;
    OK
}

fn load(path: Option<&Path>, flags: Vec<Flag>) -> Result<Settings, Failure> {
    let sources = Sources::read(path, flags).map_err(|error| {
        Failure::world(&error)
            .hint("`taut config --example > taut.toml` writes one with every setting explained")
    })?;
    Settings::load(&sources).map_err(Failure::settings)
}
