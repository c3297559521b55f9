//! Encoders: gzip, brotli and Zstandard behind one face.

use std::{
    cell::{Cell, RefCell},
    io::Write as _,
    time::{Duration, Instant},
};

use brotli::CompressorWriter;
use bytes::Bytes;
use flate2::{Compress, Compression, FlushCompress, Status};
use libdeflater::{CompressionLvl, Compressor};
use traffic::encoding::Coding;
use zstd::stream::raw::{CParameter, Encoder, InBuffer, Operation as _, OutBuffer};

use super::Done;

/// Encoders at work in one thread: at a megabyte each, a quarter of a gigabyte.
const AT_WORK_MAX: usize = 256;

/// Encoders that a thread keeps for later.
const SPARE_MAX: usize = 16;

/// The window that Zstandard and brotli look back into, as a power of two: 256 KiB, so that an encoder takes a
/// megabyte. Larger ones gain little on what an API answers.
const WINDOW_BITS: u8 = 18;

/// The window of gzip: 32 KiB, all there is.
const GZIP_WINDOW_BITS: u8 = 15;

/// Up to so many bytes a body of known length is gathered for gzip and compressed at once, which takes half the time: a
/// millisecond of the thread at most.
const GATHERED_MAX: u64 = 256 << 10;

/// The least room that an encoder is given at once.
const ROOM_BYTES: usize = 4 << 10;

thread_local! {
    static SPARE: RefCell<Vec<(Coding, u8, Kind)>> = const { RefCell::new(Vec::new()) };
    static AT_WORK: Cell<usize> = const { Cell::new(0) };
}

/// An encoder at work on one body.
pub(crate) struct Coder {
    coding: Coding,
    level: u8,
    /// There until it is dropped.
    kind: Option<Kind>,
    /// Whether it may be used again: it has ended well, or has not begun.
    clean: bool,
    taken: u64,
    given: u64,
    took: Duration,
}

enum Kind {
    Gzip(Box<Compress>),
    /// For bodies that are compressed at once, with what came of this one.
    GzipWhole(Compressor, Vec<u8>),
    Brotli(Box<CompressorWriter<Vec<u8>>>),
    Zstd(Encoder<'static>),
}

/// What the encoder said no to: a bug, as any bytes can be compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Broken;

impl Coder {
    /// An encoder for a body of so many bytes, if that is known; `None` if too many are at work.
    pub(crate) fn new(coding: Coding, level: u8, bytes: Option<u64>) -> Option<Self> {
        if AT_WORK_MAX <= AT_WORK.get() {
            return None;
        }
        let whole = bytes.is_some_and(|bytes| bytes <= GATHERED_MAX);
        let spare = SPARE.with_borrow_mut(|spare| {
            let fits = |(other, its, kind): &(Coding, u8, Kind)| {
                (*other, *its) == (coding, level) && kind.takes(whole)
            };
            spare.iter().position(fits).map(|place| spare.swap_remove(place).2)
        });
        let mut kind = match spare {
            Some(kind) => kind,
            None => Kind::new(coding, level, whole)?,
        };
        if let Kind::Zstd(encoder) = &mut kind {
            encoder.set_pledged_src_size(bytes).ok()?;
        }
        AT_WORK.set(AT_WORK.get() + 1);
        let zero = Duration::ZERO;
        Some(Self { coding, level, kind: Some(kind), clean: true, taken: 0, given: 0, took: zero })
    }

    /// Takes in a piece of the body; what is ready of the compressed one is added to `out`.
    pub(crate) fn feed(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<(), Broken> {
        self.taken += input.len() as u64;
        self.step(out, |kind, out| kind.feed(input, out))
    }

    /// Makes ready all that was taken in.
    pub(crate) fn flush(&mut self, out: &mut Vec<u8>) -> Result<(), Broken> {
        self.step(out, Kind::flush)
    }

    /// Ends the body.
    pub(crate) fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), Broken> {
        let done = self.step(out, Kind::finish);
        self.clean = done.is_ok();
        done
    }

    fn step(
        &mut self,
        out: &mut Vec<u8>,
        step: impl FnOnce(&mut Kind, &mut Vec<u8>) -> Result<(), Broken>,
    ) -> Result<(), Broken> {
        let (began, before) = (Instant::now(), out.len());
        self.clean = false;
        let done = step(self.kind.as_mut().ok_or(Broken)?, out);
        self.given += (out.len() - before) as u64;
        self.took += began.elapsed();
        done
    }

    /// All of a body at once.
    pub(crate) fn whole(mut self, body: &[u8]) -> Option<(Bytes, Done)> {
        let mut out = Vec::with_capacity(body.len() / 4 + ROOM_BYTES);
        self.feed(body, &mut out).ok()?;
        self.finish(&mut out).ok()?;
        Some((Bytes::from(out), self.done()))
    }

    /// Coding and level.
    pub(crate) fn how(&self) -> (Coding, u8) {
        (self.coding, self.level)
    }

    /// What it came to so far.
    pub(crate) fn done(&self) -> Done {
        Done { coding: self.coding, taken: self.taken, given: self.given, took: self.took }
    }
}

impl Drop for Coder {
    fn drop(&mut self) {
        AT_WORK.set(AT_WORK.get().saturating_sub(1));
        let Some(mut kind) = self.kind.take().filter(|_| self.clean) else { return };
        if kind.reset().is_ok() {
            SPARE.with_borrow_mut(|spare| {
                if spare.len() < SPARE_MAX {
                    spare.push((self.coding, self.level, kind));
                }
            });
        }
    }
}

impl std::fmt::Debug for Coder {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Coder").field("done", &self.done()).finish_non_exhaustive()
    }
}

impl Kind {
    fn new(coding: Coding, level: u8, whole: bool) -> Option<Self> {
        Some(match coding {
            Coding::Gzip if whole => {
                let level = CompressionLvl::new(i32::from(gathered_level(level))).ok()?;
                Self::GzipWhole(Compressor::new(level), Vec::new())
            }
            Coding::Gzip => {
                let level = Compression::new(u32::from(level.min(9)));
                Self::Gzip(Box::new(Compress::new_gzip(level, GZIP_WINDOW_BITS)))
            }
            Coding::Brotli => Self::Brotli(brotli(level)),
            Coding::Zstd => {
                let mut encoder = Encoder::new(i32::from(level.min(19))).ok()?;
                encoder.set_parameter(CParameter::WindowLog(u32::from(WINDOW_BITS))).ok()?;
                Self::Zstd(encoder)
            }
        })
    }

    /// Whether it is for bodies that are compressed at once, or for others.
    fn takes(&self, whole: bool) -> bool {
        match self {
            Self::Gzip(_) => !whole,
            Self::GzipWhole(..) => whole,
            Self::Brotli(_) | Self::Zstd(_) => true,
        }
    }

    fn feed(&mut self, mut input: &[u8], out: &mut Vec<u8>) -> Result<(), Broken> {
        match self {
            Self::GzipWhole(_, gathered) => {
                // More than was told of would be a bug of who reads it.
                if GATHERED_MAX < (gathered.len() + input.len()) as u64 {
                    return Err(Broken);
                }
                gathered.extend_from_slice(input);
                Ok(())
            }
            Self::Gzip(encoder) => {
                while !input.is_empty() {
                    out.reserve(ROOM_BYTES.max(input.len() / 4));
                    let before = encoder.total_in();
                    let compressed = encoder.compress_vec(input, out, FlushCompress::None);
                    compressed.map_err(|_state| Broken)?;
                    let taken = usize::try_from(encoder.total_in() - before).unwrap_or(usize::MAX);
                    input = input.get(taken..).ok_or(Broken)?;
                }
                Ok(())
            }
            Self::Brotli(encoder) => {
                encoder.write_all(input).map_err(|_state| Broken)?;
                take(encoder, out);
                Ok(())
            }
            Self::Zstd(encoder) => {
                let mut input = InBuffer::around(input);
                while input.pos() < input.src.len() {
                    out.reserve(ROOM_BYTES.max((input.src.len() - input.pos()) / 4));
                    let filled = out.len();
                    let mut room = OutBuffer::around_pos(out, filled);
                    encoder.run(&mut input, &mut room).map_err(|_state| Broken)?;
                }
                Ok(())
            }
        }
    }

    fn flush(&mut self, out: &mut Vec<u8>) -> Result<(), Broken> {
        match self {
            // What has a length is waited for.
            Self::GzipWhole(..) => Ok(()),
            Self::Gzip(encoder) => loop {
                out.reserve(ROOM_BYTES);
                let flushed = encoder.compress_vec(&[], out, FlushCompress::Sync);
                flushed.map_err(|_state| Broken)?;
                // Room that is left says that nothing more came.
                if out.len() < out.capacity() {
                    return Ok(());
                }
            },
            Self::Brotli(encoder) => {
                encoder.flush().map_err(|_state| Broken)?;
                take(encoder, out);
                Ok(())
            }
            Self::Zstd(encoder) => drain(out, |room| encoder.flush(room)),
        }
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), Broken> {
        match self {
            Self::GzipWhole(encoder, gathered) => {
                let before = out.len();
                out.resize(before + encoder.gzip_compress_bound(gathered.len()), 0);
                let packed = encoder.gzip_compress(gathered, &mut out[before..]);
                out.truncate(before + packed.map_err(|_room| Broken)?);
                Ok(())
            }
            Self::Gzip(encoder) => loop {
                out.reserve(ROOM_BYTES);
                let ended = encoder.compress_vec(&[], out, FlushCompress::Finish);
                if ended.map_err(|_state| Broken)? == Status::StreamEnd {
                    return Ok(());
                }
            },
            Self::Brotli(encoder) => {
                // It has no other end; what stands in its place is not used, and costs little.
                let ended = std::mem::replace(encoder, brotli(0));
                out.append(&mut ended.into_inner());
                Ok(())
            }
            Self::Zstd(encoder) => drain(out, |room| encoder.finish(room, true)),
        }
    }

    /// Makes it as new; `Err` if it cannot be.
    fn reset(&mut self) -> Result<(), Broken> {
        match self {
            Self::Gzip(encoder) => {
                encoder.reset();
                Ok(())
            }
            Self::GzipWhole(_, gathered) => {
                gathered.clear();
                Ok(())
            }
            Self::Brotli(_) => Err(Broken),
            Self::Zstd(encoder) => encoder.reinit().map_err(|_state| Broken),
        }
    }
}

/// Levels are zlib's. One less of `libdeflate` makes bodies that are smaller yet, in half the time: 100 KB of JSON become
/// 26.0 KB at its first level, 29.8 KB at the second of zlib, 26.7 KB at the sixth.
fn gathered_level(level: u8) -> u8 {
    level.min(9).saturating_sub(1).max(u8::from(0 < level))
}

fn brotli(level: u8) -> Box<CompressorWriter<Vec<u8>>> {
    let (quality, window) = (u32::from(level.min(11)), u32::from(WINDOW_BITS));
    Box::new(CompressorWriter::new(Vec::new(), 16 << 10, quality, window))
}

fn take(encoder: &mut CompressorWriter<Vec<u8>>, out: &mut Vec<u8>) {
    out.append(encoder.get_mut());
}

/// Asks for more until there is none.
fn drain(
    out: &mut Vec<u8>,
    mut more: impl FnMut(&mut OutBuffer<'_, Vec<u8>>) -> std::io::Result<usize>,
) -> Result<(), Broken> {
    loop {
        out.reserve(ROOM_BYTES);
        let filled = out.len();
        let mut room = OutBuffer::around_pos(out, filled);
        if more(&mut room).map_err(|_state| Broken)? == 0 {
            return Ok(());
        }
    }
}
