//! The formats that profiles are read from: one file each, one line each in the table.
//!
//! Whatever the format, a [`Profile`] comes out: functions with what they took, and the tree of who called whom. A file
//! may hold several (threads, or time and memory); what its tool shows first comes first.

mod collapsed;
mod marshal;
mod perf;
mod pprof;
mod pstats;
mod speedscope;
mod stacks;
mod trace_events;
mod v8;

use std::fmt;

use model::Profile;

use crate::{
    compress::{DecompressedMax, decompress},
    reading::ReadError,
};

/// A format that profiles are read from.
pub struct ProfileFormat {
    /// Its name in JSON: `pstats`.
    pub name: &'static str,
    /// Its name in sentences.
    pub title: &'static str,
    /// What writes it, for the manual.
    pub doc: &'static str,
    /// Whether bytes are of it, judged by their beginning; asked in the order of the table.
    sniff: fn(&[u8]) -> bool,
    read: fn(&[u8]) -> Result<Vec<Profile>, Malformed>,
}

impl fmt::Debug for ProfileFormat {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "ProfileFormat({})", self.name)
    }
}

/// All formats. The last is any text whose lines end in a number, and therefore asked last.
pub static PROFILE_FORMATS: &[&ProfileFormat] = &[
    &pstats::FORMAT,
    &speedscope::FORMAT,
    &v8::FORMAT,
    &trace_events::FORMAT,
    &pprof::FORMAT,
    &perf::FORMAT,
    &collapsed::FORMAT,
];

/// Functions of a profile: more are not told apart by anybody, and a hostile file could name any number.
const FUNCTIONS_MAX: usize = 500_000;

/// Nodes of a tree: what a flame graph can show, many times over.
const NODES_MAX: usize = 200_000;

/// Profiles of a file: threads of a busy process.
const PROFILES_MAX: usize = 64;

/// Frames of a stack; deeper ones are runaway recursion, and are cut at the leaf.
const DEPTH_MAX: usize = 2_000;

/// What was read.
#[derive(Debug)]
pub struct ProfileReading {
    /// What the file turned out to be.
    pub format: &'static ProfileFormat,
    /// At least one.
    pub profiles: Vec<Profile>,
}

/// Reads profiles from an input whose format is not known.
///
/// # Errors
///
/// If the input is empty, of no known format, larger than `max` once it is decompressed, or broken.
pub fn read_profiles(bytes: &[u8], max: DecompressedMax) -> Result<ProfileReading, ProfileError> {
    let (_, plain) = decompress(bytes, max).map_err(ProfileError::Unpacked)?;
    if plain.iter().all(u8::is_ascii_whitespace) {
        return Err(ProfileError::Empty);
    }
    let Some(format) = PROFILE_FORMATS.iter().find(|format| (format.sniff)(&plain)) else {
        return Err(ProfileError::Unknown);
    };
    let broken = |Malformed(what)| ProfileError::Malformed { format: format.title, what };
    let profiles = (format.read)(&plain).map_err(broken)?;
    if profiles.iter().all(|profile| profile.functions.is_empty()) {
        return Err(ProfileError::Empty);
    }
    Ok(ProfileReading { format, profiles })
}

/// What is wrong with a file of a known format.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Malformed(String);

impl Malformed {
    fn at(place: usize, what: &str) -> Self {
        Self(format!("{what} at byte {place}"))
    }
}

/// Why no profile was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProfileError {
    /// There is no sample and no function in it.
    Empty,
    /// It is of no known format.
    Unknown,
    /// It cannot be decompressed, or is too large once it is.
    Unpacked(ReadError),
    /// It is of a known format, and broken.
    Malformed {
        /// Title of the format.
        format: &'static str,
        /// What is wrong, and where.
        what: String,
    },
}

impl fmt::Display for ProfileError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(out, "the profile is empty"),
            Self::Unknown => {
                let known: Vec<&str> = PROFILE_FORMATS.iter().map(|format| format.title).collect();
                write!(out, "the input is no profile; known are {}", known.join(", "))
            }
            Self::Unpacked(error) => error.fmt(out),
            Self::Malformed { format, what } => write!(out, "malformed {format}: {what}"),
        }
    }
}

impl std::error::Error for ProfileError {}

impl ProfileError {
    /// What to do about it, as an imperative without its full stop.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Empty => "check that the profiler ran while there was something to do",
            Self::Unknown => {
                "write one with `python -m cProfile -o FILE`, `py-spy record -f speedscope -o FILE`, \
                 `node --cpu-prof`, `perf script` or `curl …/debug/pprof/profile`"
            }
            Self::Unpacked(error) => error.hint(),
            Self::Malformed { .. } => "check that it was written and copied to its end",
        }
    }
}
