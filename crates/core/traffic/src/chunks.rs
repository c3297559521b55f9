//! Where a chunked body ends (RFC 9112, section 7.1): read along while it is passed on as it is.
//!
//! Stricter than the standard asks: lines end with CR LF and nothing else, sizes have at most 16 digits,
//! extensions and trailers hold no control bytes and are bounded. What two servers could read in two ways
//! is not passed on.

/// What has been read of a chunked body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunks {
    at: At,
    /// Bytes of extensions and trailers that may still come.
    spare: u32,
}

/// A body that is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoChunk;

/// Bytes of all extensions and trailers of a body: as many as a large head has.
const SPARE_BYTES: u32 = 16 << 10;

/// Digits of a size: as many as 64 bits have.
const DIGITS_MAX: u8 = 16;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Size { digits: u8, size: u64 },
    Extension { size: u64 },
    SizeEnd { size: u64 },
    Data { left: u64 },
    DataReturn,
    DataEnd,
    LineStart,
    Name,
    Value,
    LineEnd,
    LastEnd,
    Done,
}

const START: At = At::Size { digits: 0, size: 0 };

impl Default for Chunks {
    fn default() -> Self {
        Self { at: START, spare: SPARE_BYTES }
    }
}

impl Chunks {
    /// Whether the body has ended.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.at == At::Done
    }

    /// Reads on; tells how many of the bytes belong to the body: all of them, unless it ends before.
    ///
    /// # Errors
    ///
    /// The bytes are no chunks, or their extensions and trailers are too long.
    pub fn read(&mut self, bytes: &[u8]) -> Result<usize, NoChunk> {
        let mut place = 0;
        while let Some(byte) = bytes.get(place) {
            match &mut self.at {
                At::Done => return Ok(place),
                At::Data { left } => {
                    let here = u64::try_from(bytes.len() - place).unwrap_or(u64::MAX).min(*left);
                    *left -= here;
                    place += usize::try_from(here).unwrap_or(usize::MAX);
                    if *left == 0 {
                        self.at = At::DataReturn;
                    }
                }
                _ => {
                    self.at = self.step(*byte).ok_or(NoChunk)?;
                    place += 1;
                }
            }
        }
        Ok(place)
    }

    /// What follows a byte that is no data; `None` if it must not be there.
    #[expect(clippy::match_same_arms, reason = "each arm is a line of the grammar, in its order")]
    fn step(&mut self, byte: u8) -> Option<At> {
        Some(match (self.at, byte) {
            (At::Size { digits, size }, _) if digit(byte).is_some() && digits < DIGITS_MAX => {
                At::Size { digits: digits + 1, size: size << 4 | digit(byte)? }
            }
            (At::Size { digits: 1.., size } | At::Extension { size }, b'\r') => {
                At::SizeEnd { size }
            }
            (At::Size { digits: 1.., size }, b';' | b' ' | b'\t') => {
                self.spend(At::Extension { size })?
            }
            (At::Extension { size }, b'\t' | b' '..=b'~') => self.spend(At::Extension { size })?,
            (At::SizeEnd { size: 0 } | At::LineEnd, b'\n') => At::LineStart,
            (At::SizeEnd { size }, b'\n') => At::Data { left: size },
            (At::DataReturn, b'\r') => At::DataEnd,
            (At::DataEnd, b'\n') => START,
            (At::LineStart, b'\r') => At::LastEnd,
            (At::LastEnd, b'\n') => At::Done,
            (At::LineStart, _) if is_name(byte) => self.spend(At::Name)?,
            (At::Name, b':') => self.spend(At::Value)?,
            (At::Name, _) if is_name(byte) => self.spend(At::Name)?,
            (At::Value, b'\r') => At::LineEnd,
            (At::Value, b'\t' | b' '..=b'~' | 0x80..) => self.spend(At::Value)?,
            _ => return None,
        })
    }

    fn spend(&mut self, next: At) -> Option<At> {
        self.spare = self.spare.checked_sub(1)?;
        Some(next)
    }
}

fn digit(byte: u8) -> Option<u64> {
    char::from(byte).to_digit(16).map(u64::from)
}

/// Whether a byte may stand in a field's name (RFC 9110, section 5.6.2).
fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
