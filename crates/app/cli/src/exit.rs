//! Exit codes: one table, told by `taut --help` and the manual.

use std::process::ExitCode;

/// A way to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Exit {
    /// What the shell sees.
    pub(crate) code: u8,
    /// What it means.
    pub(crate) meaning: &'static str,
}

/// The answer is yes.
pub(crate) const YES: Exit = Exit { code: 0, meaning: "done; nothing was found that fails" };
/// The answer is no.
pub(crate) const NO: Exit =
    Exit { code: 1, meaning: "something was found, a fix is not proven, or a store is damaged" };
/// Wrong use or wrong settings.
pub(crate) const WRONG_USE: Exit = Exit { code: 2, meaning: "wrong use, or wrong settings" };
/// A file, a socket or a disk failed.
pub(crate) const WORLD_FAILED: Exit = Exit { code: 3, meaning: "a file, a port or a disk failed" };
/// A bug in Taut.
pub(crate) const BUG: Exit = Exit { code: 101, meaning: "a bug in taut; please report it" };
/// Ended by Ctrl-C.
pub(crate) const INTERRUPTED: Exit = Exit { code: 130, meaning: "interrupted" };

/// All of them.
pub(crate) const EXIT_CODES: &[Exit] = &[YES, NO, WRONG_USE, WORLD_FAILED, BUG, INTERRUPTED];

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_told_apart() {
        for (place, exit) in EXIT_CODES.iter().enumerate() {
            assert!(EXIT_CODES[..place].iter().all(|earlier| earlier.code < exit.code));
        }
    }
}
