//! A value that somebody wrote, and where.

use std::{fmt, ops::Range, path::PathBuf, sync::Arc};

use crate::value::Value;

/// Where a value is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nobody wrote it.
    Default,
    /// The settings file.
    File {
        /// Which.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// The environment.
    Environment {
        /// Which variable.
        name: String,
    },
    /// The command line.
    Flag {
        /// Which flag: `--grpc`.
        name: String,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => out.write_str("default"),
            Self::File { path, line } => write!(out, "{}:{line}", path.display()),
            Self::Environment { name } | Self::Flag { name } => out.write_str(name),
        }
    }
}

/// Some text that somebody wrote, within the text around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// What the text around it is called: a file's path, `environment`, `command line`.
    pub(crate) name: Arc<str>,
    /// The text around it.
    pub(crate) text: Arc<str>,
    /// The bytes of it.
    pub(crate) range: Range<usize>,
}

/// A value, its origin, and the place to point at.
#[derive(Debug, Clone)]
pub(crate) struct Written {
    pub(crate) value: Value,
    pub(crate) origin: Origin,
    pub(crate) place: Option<Place>,
}
