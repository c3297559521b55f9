//! Copies of old blocks in S3-compatible storage.

use std::time::Duration;

use objects::{Access, Address};

use crate::{table::Kind, table::Setting, table::setting};

/// Where copies go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copies {
    /// The folder of a bucket; `None` for nowhere.
    pub to: Option<Address>,
    /// The server; `None` for AWS in the region.
    pub endpoint: Option<String>,
    /// The region.
    pub region: String,
    /// The age from which a block is copied.
    pub after: Duration,
    /// The key; without one, requests are not signed.
    pub access: Option<Access>,
}

impl Copies {
    /// The server that has the bucket.
    #[must_use]
    pub fn server(&self) -> String {
        let of_aws = || format!("https://s3.{}.amazonaws.com", self.region);
        self.endpoint.clone().unwrap_or_else(of_aws)
    }
}

/// The settings of `[store.copy]`.
pub(crate) const SETTINGS: &[Setting] = &[
    setting(
        "store.copy.to",
        Kind::ObjectsOrOff,
        "\"off\"",
        "Where old blocks are copied to, in S3-compatible storage: `s3://bucket/folder`. The key comes from \
         `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`.",
        "Nothing leaves this machine unless you say so.",
    ),
    setting(
        "store.copy.endpoint",
        Kind::ServerOrOff,
        "\"off\"",
        "The server of the bucket, such as `http://127.0.0.1:9000` for MinIO; `off` for AWS in that region.",
        "Most buckets are there.",
    ),
    setting(
        "store.copy.region",
        Kind::Name,
        "\"us-east-1\"",
        "The region of the bucket; servers other than AWS mostly do not care.",
        "What servers other than AWS expect where they do not care.",
    ),
    setting(
        "store.copy.after",
        Kind::Duration { min: Duration::from_mins(1), max: Duration::from_hours(24 * 3660) },
        "\"1h\"",
        "The age from which blocks are copied; it has to be less than that from which they are thinned.",
        "By then small blocks of busy times have become large ones, which are copied once.",
    ),
];
