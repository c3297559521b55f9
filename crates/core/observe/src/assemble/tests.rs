//! Traces as they come, and what must become of them.
