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
