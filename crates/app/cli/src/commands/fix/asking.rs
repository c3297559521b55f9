//! Asking before anything is changed.

use std::io::{IsTerminal as _, Write as _};

use crate::say::{self, Failure};

/// Asks, unless yes was said before: an error is a no.
pub(super) fn ask(yes: bool, question: &str) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    let input = std::io::stdin();
    if !input.is_terminal() {
        return Err(
            Failure::use_of("nobody is there to be asked").hint("--yes does it without asking")
        );
    }
    say::words(&format!("{question}\n[y/N] "));
    std::io::stderr().flush().ok();
    let mut answer = String::new();
    input.read_line(&mut answer).map_err(|error| Failure::world(&error))?;
    if matches!(answer.trim(), "y" | "Y" | "yes") {
        return Ok(());
    }
    Err(Failure::use_of("nothing was changed").hint("answer `y` to go on"))
}
