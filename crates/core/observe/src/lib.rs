//! Stage 1, observe: bytes to spans, spans to traces.

mod assemble;
mod compress;
mod formats;
pub mod otlp;
pub mod postgres_log;
mod profiles;
mod reading;
mod semantics;
mod stack;
#[cfg(test)]
mod testing;

pub use assemble::{SPANS_MAX, assemble, assemble_spans};
pub use compress::{Compression, DecompressedMax};
pub use formats::{FORMATS, Format};
pub use profiles::{PROFILE_FORMATS, ProfileError, ProfileFormat, ProfileReading, read_profiles};
pub use reading::{Decoded, DecodedItems, Place, Problem, ReadError, Reading, read};
pub use semantics::{Tells, call, is_telling_route, tells};
pub use stack::stack;
