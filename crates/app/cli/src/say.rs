//! How the command line speaks: data on standard output, words on standard error, help at the end.

use std::{error::Error, fmt::Display, io::Write as _};

use anstyle::{AnsiColor, Style};

use crate::exit::{self, Exit};

/// Muted: units, labels.
pub(crate) const DIM: Style = Style::new().dimmed();
/// Headings and claims.
pub(crate) const BOLD: Style = Style::new().bold();
/// Broken, critical.
pub(crate) const RED: Style = AnsiColor::Red.on_default().bold();
/// What is new in a patch.
pub(crate) const GREEN: Style = AnsiColor::Green.on_default();
/// Over the target.
pub(crate) const AMBER: Style = AnsiColor::Yellow.on_default();
/// What can be typed or followed.
pub(crate) const ACCENT: Style = AnsiColor::Cyan.on_default();

/// Why a command did not do as asked.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    message: String,
    causes: Vec<String>,
    hint: Option<String>,
    /// Already laid out, such as a settings error that points into its file.
    whole: bool,
}

impl Failure {
    /// The user's doing.
    pub(crate) fn use_of(message: impl Display) -> Self {
        Self::new(exit::WRONG_USE, message.to_string())
    }

    /// The world's doing.
    pub(crate) fn of_the_world(message: impl Display) -> Self {
        Self::new(exit::WORLD_FAILED, message.to_string())
    }

    /// Our doing.
    pub(crate) fn bug(message: impl Display) -> Self {
        Self::new(exit::BUG, message.to_string()).hint(crate::REPORT_IT)
    }

    /// The world's doing: an error with its causes.
    pub(crate) fn world(error: &dyn Error) -> Self {
        let mut failure = Self::new(exit::WORLD_FAILED, error.to_string());
        let mut cause = error.source();
        while let Some(next) = cause {
            failure.causes.push(next.to_string());
            cause = next.source();
        }
        failure
    }

    /// A report that says everything itself.
    pub(crate) fn settings(report: impl Display) -> Self {
        Self { whole: true, ..Self::new(exit::WRONG_USE, report.to_string()) }
    }

    /// What to do about it.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    fn new(exit: Exit, message: String) -> Self {
        Self { exit, message, causes: Vec::new(), hint: None, whole: false }
    }

    /// Tells it, and gives the code to end with.
    pub(crate) fn tell(&self) -> Exit {
        let mut text = String::new();
        if self.whole {
            text.push_str(self.message.trim_end());
            text.push('\n');
        } else {
            text.push_str(&format!("{RED}error{RED:#}: {}\n", self.message));
        }
        for cause in &self.causes {
            text.push_str(&format!("  {DIM}cause{DIM:#}: {cause}\n"));
        }
        if let Some(hint) = &self.hint {
            text.push_str(&format!("\n{ACCENT}hint{ACCENT:#}: {hint}\n"));
        }
        words(&text);
        self.exit
    }
}

/// Words, on standard error.
pub(crate) fn words(text: &str) {
    // Nobody is left to be told if standard error is closed.
    drop(anstream::stderr().lock().write_all(text.as_bytes()));
}

/// Data, on standard output. A reader that has gone away (`| head`) is no error.
pub(crate) fn data(text: &str) -> Result<(), Failure> {
    let mut out = anstream::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::world(&error).hint("standard output could not be written to"))
        }
        _ => Ok(()),
    }
}

/// Columns of the terminal, within what reads well: 60 to 100.
pub(crate) fn columns() -> usize {
    let told = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let seen = || terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    told.or_else(seen).unwrap_or(100).clamp(60, 100)
}
