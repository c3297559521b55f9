//! Checks by tools that take minutes to build, and so run only where they are installed.

use crate::{
    failure::Failure,
    screen,
    setup::lint_tool,
    shell::{Shell, minutes},
};

/// A check by a tool that may be missing.
struct Check {
    package: &'static str,
    words: &'static [&'static str],
}

const CHECKS: &[Check] = &[
    // The advisory database is fetched from elsewhere; the rest needs no network.
    Check {
        package: "cargo-deny",
        words: &["cargo-deny", "--offline", "check", "bans", "licenses", "sources"],
    },
    Check { package: "cargo-shear", words: &["cargo-shear"] },
    Check { package: "typos-cli", words: &["typos"] },
];

/// Runs those that are installed, and says which are not.
pub(crate) fn step(shell: &mut Shell) -> Result<String, Failure> {
    let mut outcome = Ok(String::new());
    for check in CHECKS {
        if lint_tool(shell, check.package).is_none() {
            screen::skip(check.package, "not installed (cargo xtask setup --lint-tools)");
            continue;
        }
        let mut command = shell.command(check.words[0]);
        command.args(&check.words[1..]);
        let checked = shell.run(check.package, minutes(5), &mut command);
        if checked.as_ref().is_err_and(Failure::is_interrupt) {
            return checked;
        }
        outcome = outcome.and(checked);
    }
    outcome
}
