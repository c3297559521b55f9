//! One function per use case; the only place where the stages meet.

mod live;

pub use live::{Live, TraceDetail};
