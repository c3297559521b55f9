//! `taut completions`: what shells need to complete words.

use clap::{Args, Command};
use clap_complete::Shell;

use super::{Done, OK};
use crate::say;

/// Write a completion script for a shell.
///
/// For bash: `taut completions bash > ~/.local/share/bash-completion/completions/taut`
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The shell.
    shell: Shell,
}

pub(super) fn run(arguments: &Arguments, command: &mut Command) -> Done {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, command, "taut", &mut script);
    say::data(&String::from_utf8_lossy(&script))?;
    OK
}
