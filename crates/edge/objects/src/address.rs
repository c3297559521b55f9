//! Where objects lie: `s3://bucket/prefix`, and on which server.

use std::{fmt, str::FromStr};

/// Bytes of a prefix: keys have at most 1,024, and names follow.
const PREFIX_BYTES_MAX: usize = 512;

/// A bucket and, within it, a folder: `s3://bucket` or `s3://bucket/some/folder`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    bucket: String,
    /// Empty, or ending in `/`.
    prefix: String,
}

/// Why a text is no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It is no `s3://…`.
    #[error("an address begins with `s3://`, such as `s3://bucket/folder`")]
    Scheme,
    /// The name of the bucket is one that no bucket has.
    #[error("a bucket is named with 3 to 63 of `a-z`, `0-9`, `.` and `-`")]
    Bucket,
    /// The folder cannot be part of a key.
    #[error(
        "a folder is named with up to 512 of letters, digits, `.`, `_`, `-` and `/`, no part of it `.` or `..`"
    )]
    Prefix,
}

impl Address {
    /// The name of the bucket.
    #[must_use]
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// The key of the object with that name.
    pub(crate) fn key(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let rest = text.strip_prefix("s3://").ok_or(AddressError::Scheme)?;
        let (bucket, folder) = rest.split_once('/').unwrap_or((rest, ""));
        let is_named = |letter: u8| {
            letter.is_ascii_lowercase() || letter.is_ascii_digit() || b".-".contains(&letter)
        };
        let is_bucket = (3..=63).contains(&bucket.len())
            && bucket.bytes().all(is_named)
            && bucket.split('.').all(|part| !part.is_empty());
        if !is_bucket {
            return Err(AddressError::Bucket);
        }
        let folder = folder.trim_end_matches('/');
        let is_part = |part: &str| is_plain(part) && part != "." && part != "..";
        if PREFIX_BYTES_MAX < folder.len() || !(folder.is_empty() || folder.split('/').all(is_part))
        {
            return Err(AddressError::Prefix);
        }
        let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        Ok(Self { bucket: bucket.to_owned(), prefix })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "s3://{}/{}", self.bucket, self.prefix)
    }
}

/// Whether a part of a key stands for itself in every URL, and is not empty.
pub(crate) fn is_plain(part: &str) -> bool {
    let is_letter = |letter: u8| letter.is_ascii_alphanumeric() || b"._-".contains(&letter);
    !part.is_empty() && part.bytes().all(is_letter)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_bucket_alone_and_a_folder_in_it_are_addresses() {
        let plain: Address = "s3://traces".parse().unwrap();
        assert_eq!((plain.bucket(), plain.key("a").as_str()), ("traces", "a"));
        let folder: Address = "s3://traces.eu/shop/spans/".parse().unwrap();
        assert_eq!(folder.key("a.parquet"), "shop/spans/a.parquet");
        assert_eq!(folder.to_string(), "s3://traces.eu/shop/spans/");
    }

    #[test]
    fn what_would_lead_elsewhere_is_refused() {
        let why = |text: &str| text.parse::<Address>().unwrap_err();
        assert_eq!(why("https://traces"), AddressError::Scheme);
        assert_eq!(why("s3://"), AddressError::Bucket);
        assert_eq!(why("s3://Traces"), AddressError::Bucket);
        assert_eq!(why("s3://a..b"), AddressError::Bucket);
        assert_eq!(why("s3://traces/../other"), AddressError::Prefix);
        assert_eq!(why("s3://traces/a//b"), AddressError::Prefix);
        assert_eq!(why("s3://traces/a?b"), AddressError::Prefix);
    }

    proptest! {
        #[test]
        fn an_address_that_is_told_is_read_as_the_same(text in "s3://[a-z.]{2,8}(/[a-z./]{0,8})?") {
            if let Ok(address) = text.parse::<Address>() {
                prop_assert_eq!(&address.to_string().parse::<Address>().unwrap(), &address);
            }
        }

        #[test]
        fn any_text_is_an_address_or_is_not(text in "\\PC{0,40}") {
            drop(text.parse::<Address>());
        }
    }
}
