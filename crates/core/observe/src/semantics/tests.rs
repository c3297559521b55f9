//! Spans as real instrumentations emit them, and what must be read from them.
