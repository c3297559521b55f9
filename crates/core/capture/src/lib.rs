//! Requests with their answers, kept: the format of captures, what is replaced before anything is written, and other
//! formats that say what was asked (HAR, spans, `OpenAPI`).
//!
//! Pure: bytes come in and go out, whoever calls has the files. `docs/capture.md` has the format for users.

mod body;
mod format;
mod har;
mod openapi;
mod redact;
mod spans;

pub use body::{Shape, shape_of};
pub use format::{
    FORMAT, FormatError, Head, LINE_BYTES_MAX, Line, parse, write_exchange, write_head,
};
pub use har::{Har, HarError, har};
pub use openapi::{OpenApiError, openapi};
pub use redact::{Key, Redactor, is_pseudonym, usual};
pub use spans::of_spans;
