//! `cargo xtask docs`: the pages of the guide that come from tables in the code.
//!
//! The tables are those of the product; the crate `manual` reads them, so that this one stays quick to build.

use crate::{
    args::Args,
    failure::Failure,
    screen,
    shell::{Shell, minutes},
};

/// `cargo xtask docs`
pub(crate) fn command(shell: &mut Shell, args: &Args) -> Result<(), Failure> {
    args.no_words()?;
    screen::heading("docs");
    if args.has("--check") {
        return check(shell);
    }
    let mut command = shell.cargo(&["run", "--package", "manual", "--", "write", "docs"]);
    shell.run("write the pages", minutes(20), &mut command).map(|_| ())
}

/// Whether every page is what its tables say.
fn check(shell: &Shell) -> Result<(), Failure> {
    let mut command = shell.cargo(&["run", "--package", "manual", "--", "check", "docs"]);
    shell
        .run("compare the pages with the tables", minutes(20), &mut command)
        .map(|_| ())
        .map_err(|failure| failure.hint("cargo xtask docs"))
}
