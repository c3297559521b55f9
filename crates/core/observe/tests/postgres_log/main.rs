//! Logs of real servers of several versions in all formats, and logs that nobody should write.

#![expect(clippy::unwrap_used, reason = "tests may")]

mod bounds;
mod kit;
mod properties;
mod recorded;
