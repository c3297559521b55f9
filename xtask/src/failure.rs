//! What a command says when it fails: the error, its cause, a hint.

use std::process::ExitCode;

use anstyle::{AnsiColor, Style};

use crate::screen;

/// Why a command failed.
#[derive(Debug)]
pub(crate) struct Failure {
    kind: Kind,
    /// What failed, on what.
    pub(crate) error: String,
    /// Why, line by line.
    pub(crate) cause: Vec<String>,
    hint: Option<String>,
    /// All that the failing program printed.
    pub(crate) printed: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    No,
    Usage,
    World,
    Interrupted,
}

impl Failure {
    /// The answer is no: a test failed, a page is not up to date.
    pub(crate) fn no(error: impl Into<String>) -> Self {
        Self::new(Kind::No, error.into())
    }

    /// Wrong words were typed.
    pub(crate) fn usage(error: impl Into<String>) -> Self {
        Self::new(Kind::Usage, error.into()).hint("cargo xtask help")
    }

    /// The world failed: a missing tool, a full disk, no network.
    pub(crate) fn world(error: impl Into<String>) -> Self {
        Self::new(Kind::World, error.into())
    }

    /// Somebody pressed Ctrl-C, or the machine asks to end.
    pub(crate) fn interrupted() -> Self {
        Self::new(Kind::Interrupted, "interrupted".to_owned())
    }

    /// The answer is no, and all about it has been printed.
    pub(crate) fn told() -> Self {
        Self::no("")
    }

    fn new(kind: Kind, error: String) -> Self {
        Self { kind, error, cause: Vec::new(), hint: None, printed: String::new() }
    }

    /// With the reason, one line each.
    pub(crate) fn cause(mut self, cause: impl std::fmt::Display) -> Self {
        self.cause.extend(cause.to_string().lines().map(str::to_owned));
        self
    }

    /// With what may help, instead of any hint before it.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Both failures as one.
    pub(crate) fn with(mut self, other: Self) -> Self {
        if other.is_interrupt() {
            return other;
        }
        self.error = format!("{}; {}", self.error, other.error);
        self.cause.extend(other.cause);
        self.printed += &other.printed;
        self
    }

    /// Whether the command was told to end.
    pub(crate) fn is_interrupt(&self) -> bool {
        self.kind == Kind::Interrupted
    }

    /// Prints it to stderr.
    pub(crate) fn print(&self) {
        if self.error.is_empty() {
            return;
        }
        let red = Style::new().bold().fg_color(Some(AnsiColor::Red.into()));
        let bold = Style::new().bold();
        let mut lines = vec![format!("\n{red}error:{red:#} {}", self.error)];
        lines.extend(self.cause.iter().enumerate().map(|(at, line)| {
            if at == 0 { format!("  cause: {line}") } else { format!("         {line}") }
        }));
        lines.extend(self.hint.iter().map(|hint| format!("\n{bold}hint:{bold:#} {hint}")));
        lines.push(String::new());
        screen::print_error(&lines.join("\n"));
    }

    /// As the product's table of exit codes has it.
    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self.kind {
            Kind::No => 1,
            Kind::Usage => 2,
            Kind::World => 3,
            Kind::Interrupted => 130,
        })
    }
}
