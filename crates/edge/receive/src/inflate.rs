//! Content encodings: what was compressed, uncompressed within a bound.

use std::io::{self, Read};

use bytes::Bytes;

use crate::fault::{Fault, Kind};

/// How a body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    Identity,
    Gzip,
    Deflate,
    Zstd,
}

impl Encoding {
    /// What a sender may choose from, as `Accept-Encoding` and `grpc-accept-encoding` list it.
    pub(crate) const KNOWN: &str = "identity, gzip, zstd, deflate";

    /// Reads `Content-Encoding` or `grpc-encoding`; no header is no encoding.
    pub(crate) fn read(name: Option<&str>) -> Result<Self, Fault> {
        let Some(name) = name else { return Ok(Self::Identity) };
        match name.trim().to_ascii_lowercase().as_str() {
            "" | "identity" => Ok(Self::Identity),
            "gzip" | "x-gzip" => Ok(Self::Gzip),
            "zstd" => Ok(Self::Zstd),
            "deflate" => Ok(Self::Deflate),
            _ => Err(Fault::new(
                Kind::WrongEncoding,
                format!("unknown encoding `{}`; known are {}", brief(name), Self::KNOWN),
            )),
        }
    }
}

/// A window of 8 MiB: what RFC 9659 allows to the content encoding `zstd`. A larger one would let a
/// frame of a few bytes claim gigabytes.
const ZSTD_WINDOW_LOG_MAX: u32 = 23;

/// Bytes that are uncompressed between two looks at the bounds.
const STEP_BYTES: usize = 64 << 10;

/// Uncompresses `body` to at most `bytes_max` bytes; `grow` is told of each step before it is kept.
pub(crate) fn inflate(
    body: Bytes,
    encoding: Encoding,
    bytes_max: usize,
    grow: impl FnMut(usize) -> Result<(), Fault>,
) -> Result<Bytes, Fault> {
    let compressed = &*body;
    match encoding {
        Encoding::Identity => Ok(body),
        Encoding::Gzip => {
            read_all(flate2::bufread::MultiGzDecoder::new(compressed), "gzip", bytes_max, grow)
        }
        Encoding::Deflate if is_zlib(compressed) => {
            read_all(flate2::bufread::ZlibDecoder::new(compressed), "deflate", bytes_max, grow)
        }
        Encoding::Deflate => {
            read_all(flate2::bufread::DeflateDecoder::new(compressed), "deflate", bytes_max, grow)
        }
        Encoding::Zstd => {
            let decoder = zstd::stream::read::Decoder::with_buffer(compressed)
                .and_then(|mut decoder| {
                    decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
                    Ok(decoder)
                })
                .map_err(|error| broken("zstd", &error))?;
            read_all(decoder, "zstd", bytes_max, grow)
        }
    }
}

/// Whether the bytes begin with a zlib header, which RFC 9110 asks for and some senders leave out.
fn is_zlib(bytes: &[u8]) -> bool {
    match bytes {
        [first, second, ..] => {
            first & 0x0f == 8 && (u16::from(*first) << 8 | u16::from(*second)).is_multiple_of(31)
        }
        _ => false,
    }
}

fn read_all(
    mut from: impl Read,
    name: &str,
    bytes_max: usize,
    mut grow: impl FnMut(usize) -> Result<(), Fault>,
) -> Result<Bytes, Fault> {
    let mut all = Vec::new();
    let mut step = vec![0; STEP_BYTES];
    loop {
        let count = from.read(&mut step).map_err(|error| broken(name, &error))?;
        let Some(read) = step.get(..count).filter(|read| !read.is_empty()) else { break };
        if bytes_max < all.len() + count {
            return Err(Fault::too_large(bytes_max));
        }
        grow(count)?;
        all.extend_from_slice(read);
    }
    Ok(Bytes::from(all))
}

fn broken(name: &str, error: &io::Error) -> Fault {
    Fault::malformed(format!("the body is not valid {name}: {error}"))
}

/// At most 40 characters of what a sender wrote, so that an answer stays small.
pub(crate) fn brief(text: &str) -> String {
    text.chars().take(40).filter(|char| !char.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ENCODINGS: [Encoding; 4] =
        [Encoding::Identity, Encoding::Gzip, Encoding::Deflate, Encoding::Zstd];

    proptest! {
        #[test]
        fn any_bytes_are_uncompressed_or_refused(bytes: Vec<u8>, magic in 0..4_usize) {
            let starts: [&[u8]; 4] =
                [b"", b"\x1f\x8b\x08\0\0\0\0\0\0\0", b"\x78\x9c", b"\x28\xb5\x2f\xfd"];
            let body = Bytes::from([starts[magic], &bytes].concat());
            for encoding in ENCODINGS {
                if let Ok(all) = inflate(body.clone(), encoding, 1000, |_| Ok(())) {
                    prop_assert!(encoding == Encoding::Identity || all.len() <= 1000);
                }
            }
        }

        #[test]
        fn the_bound_is_exact(length in 0..200_000_usize, less in 1..100_usize) {
            let zstd = Bytes::from(zstd::encode_all(&*vec![b'x'; length], 1).unwrap());
            let mut told = 0;
            let read = inflate(zstd.clone(), Encoding::Zstd, length, |bytes| {
                told += bytes;
                Ok(())
            });
            prop_assert_eq!(read.unwrap().len(), length);
            prop_assert_eq!(told, length);
            if less <= length {
                let fault = inflate(zstd, Encoding::Zstd, length - less, |_| Ok(())).unwrap_err();
                prop_assert_eq!(fault.kind, Kind::TooLarge);
            }
        }
    }

    #[test]
    fn names_of_encodings_are_read_in_any_case() {
        for (name, expected) in [
            (None, Encoding::Identity),
            (Some(""), Encoding::Identity),
            (Some("Identity"), Encoding::Identity),
            (Some(" GZip "), Encoding::Gzip),
            (Some("x-gzip"), Encoding::Gzip),
            (Some("deflate"), Encoding::Deflate),
            (Some("ZSTD"), Encoding::Zstd),
        ] {
            assert_eq!(Encoding::read(name), Ok(expected));
        }
        for name in ["br", "gzip, zstd", "snappy", "\u{1b}[31m"] {
            let fault = Encoding::read(Some(name)).unwrap_err();
            assert_eq!(fault.kind, Kind::WrongEncoding);
            assert!(!fault.message.contains('\u{1b}'));
        }
    }
}
