//! gzip and zstd, told by their first bytes, decompressed up to a bound.

use std::{
    borrow::Cow,
    fmt,
    io::{self, BufRead, Read},
};

use flate2::{bufread::MultiGzDecoder as StreamGzDecoder, read::MultiGzDecoder};
use zstd::stream::read::Decoder as ZstdDecoder;

use crate::reading::ReadError;

/// The window that zstd may ask for, as a power of two: 128 MiB, what its `--ultra` levels use.
const ZSTD_WINDOW_LOG_MAX: u32 = 27;

/// How large an input may be once it is decompressed: a kilobyte of zeros can claim to be gigabytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct DecompressedMax {
    /// In bytes.
    pub bytes: usize,
}

impl Default for DecompressedMax {
    /// 1 GiB: some two million spans, which fit into the memory of a laptop.
    fn default() -> Self {
        Self { bytes: 1 << 30 }
    }
}

/// What an input is compressed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Compression {
    /// RFC 1952; any number of members.
    Gzip,
    /// RFC 8878; any number of frames.
    Zstd,
}

impl fmt::Display for Compression {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        })
    }
}

impl Compression {
    /// What the first bytes say.
    #[must_use]
    pub fn sniff(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0x1f, 0x8b, ..] => Some(Self::Gzip),
            // The latter is a skippable frame, which parallel compressors put first.
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some(Self::Zstd),
            _ => None,
        }
    }

    /// Decompresses all members or frames.
    ///
    /// # Errors
    ///
    /// If the bytes are broken or cut, or become more than `max`.
    pub fn decompress(self, bytes: &[u8], max: DecompressedMax) -> Result<Vec<u8>, ReadError> {
        match self {
            Self::Gzip => self.read_all(MultiGzDecoder::new(bytes), max),
            Self::Zstd => {
                let decoder = ZstdDecoder::with_buffer(bytes).and_then(|mut decoder| {
                    decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
                    Ok(decoder)
                });
                self.read_all(decoder.map_err(|error| self.failed(0, &error))?, max)
            }
        }
    }

    /// Decompresses a stream as it is read, all members or frames of it; it may be of any length.
    ///
    /// # Errors
    ///
    /// If there is no memory for it; broken bytes are told by reading.
    pub fn stream<'r>(self, input: impl BufRead + 'r) -> io::Result<Box<dyn Read + 'r>> {
        Ok(match self {
            Self::Gzip => Box::new(StreamGzDecoder::new(input)),
            Self::Zstd => {
                let mut decoder = ZstdDecoder::with_buffer(input)?;
                decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
                Box::new(decoder)
            }
        })
    }

    /// Grows with what really comes, never with what a header announces.
    fn read_all(self, input: impl Read, max: DecompressedMax) -> Result<Vec<u8>, ReadError> {
        let mut plain = Vec::new();
        let read_max = (max.bytes as u64).saturating_add(1);
        let result = input.take(read_max).read_to_end(&mut plain);
        if max.bytes < plain.len() {
            return Err(ReadError::TooLarge { max });
        }
        result.map_err(|error| self.failed(plain.len(), &error))?;
        Ok(plain)
    }

    fn failed(self, offset: usize, error: &io::Error) -> ReadError {
        let cut = error.kind() == io::ErrorKind::UnexpectedEof;
        let cause = if cut { "it was cut".to_owned() } else { error.to_string() };
        ReadError::Compression { compression: self, offset, cause }
    }
}

/// The plain bytes, and what they were compressed with. What is compressed twice, as happens when a
/// server compresses what is a `.gz` already, is decompressed twice.
pub(crate) fn decompress(
    bytes: &[u8],
    max: DecompressedMax,
) -> Result<(Option<Compression>, Cow<'_, [u8]>), ReadError> {
    let Some(outer) = Compression::sniff(bytes) else {
        return if max.bytes < bytes.len() {
            Err(ReadError::TooLarge { max })
        } else {
            Ok((None, Cow::Borrowed(bytes)))
        };
    };
    let plain = outer.decompress(bytes, max)?;
    match Compression::sniff(&plain) {
        Some(inner) => Ok((Some(outer), Cow::Owned(inner.decompress(&plain, max)?))),
        None => Ok((Some(outer), Cow::Owned(plain))),
    }
}
