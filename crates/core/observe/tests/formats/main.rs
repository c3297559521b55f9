//! Formats: what is written is read back, what others write is read alike, and nothing panics.

#![expect(clippy::unwrap_used, reason = "tests may")]

mod hostile;
mod json;
mod others;
mod protobuf;
mod reading;
mod signals;
mod unknown;
