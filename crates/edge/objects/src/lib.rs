//! Objects in S3-compatible storage: what is put there whole, listed, got back and removed.
//!
//! [`Address`] says where, [`Access`] with which key, and a [`Bucket`] does it. Every request is signed (AWS
//! Signature Version 4), bounded in time, and sent again where that helps. What is put carries its checksum, so that the
//! storage refuses what arrived damaged. All methods block.

mod address;
mod bucket;
mod error;

use std::fmt;

pub use address::{Address, AddressError};
pub use bucket::{Bucket, OBJECT_BYTES_MAX, OBJECTS_MAX, Object};
pub use error::ObjectsError;

/// A key for the storage. Its debug text has no secret in it.
#[derive(Clone, PartialEq, Eq)]
pub struct Access {
    /// `AWS_ACCESS_KEY_ID`
    pub key_id: String,
    /// `AWS_SECRET_ACCESS_KEY`
    pub secret: String,
    /// `AWS_SESSION_TOKEN`, of keys that last for hours only.
    pub session_token: Option<String>,
}

impl fmt::Debug for Access {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Access").field("key_id", &self.key_id).finish_non_exhaustive()
    }
}
