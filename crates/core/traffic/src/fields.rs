//! Lines of a head, however they are kept: decisions ask for them by name and do not care.

use http::{HeaderMap, HeaderName, HeaderValue};

/// Lines of a head.
pub trait Fields {
    /// The value of the first line of this name.
    fn first(&self, name: &HeaderName) -> Option<&[u8]>;

    /// Values of all lines of this name, in the order in which they came.
    fn all<'a>(&'a self, name: &'a HeaderName) -> impl Iterator<Item = &'a [u8]>;

    /// Whether there is a line of this name.
    fn has(&self, name: &HeaderName) -> bool {
        self.first(name).is_some()
    }
}

impl Fields for HeaderMap {
    fn first(&self, name: &HeaderName) -> Option<&[u8]> {
        self.get(name).map(HeaderValue::as_bytes)
    }

    fn all<'a>(&'a self, name: &'a HeaderName) -> impl Iterator<Item = &'a [u8]> {
        self.get_all(name).iter().map(HeaderValue::as_bytes)
    }
}
