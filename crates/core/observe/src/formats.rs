//! The formats that spans are read from: one file each, one line each in the table.

mod jaeger_json;
mod otlp_json;
mod otlp_protobuf;
mod zipkin_json;

use std::fmt;

use crate::reading::{Decoded, ReadError};

/// A format that spans are read from.
pub struct Format {
    /// Its name in settings and on the command line: `otlp-json`.
    pub name: &'static str,
    /// Its name in sentences.
    pub title: &'static str,
    /// What writes it, for the manual.
    pub doc: &'static str,
    /// Whether bytes are of it, judged by their beginning; never of two formats at once.
    pub sniff: fn(&[u8]) -> bool,
    /// Reads it.
    pub read: fn(&[u8]) -> Result<Decoded, ReadError>,
}

/// All formats, by name.
pub static FORMATS: &[&Format] =
    &[&jaeger_json::FORMAT, &otlp_json::FORMAT, &otlp_protobuf::FORMAT, &zipkin_json::FORMAT];

impl fmt::Debug for Format {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Format({})", self.name)
    }
}

impl PartialEq for Format {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Format {}
