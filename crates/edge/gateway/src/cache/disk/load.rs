//! What is on disk from before: read record by record, without bodies, in the order in which it was written.
//!
//! A file that ends in the middle of a record is of a process that was killed, and what is before counts. One that is
//! damaged elsewhere is set aside: as it may have held orders to forget, what is older only stands in from now on.

use std::{collections::BTreeMap, fs::File, io, os::unix::fs::FileExt as _, sync::Arc};

use model::Moment;
use traffic::cache::{At, Index, Key, OrderId, Purge, RECORD_MARK, START_BYTES, Said, Start};

use super::files::{FILE_MARK, Folder};

/// What is there.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) index: Index,
    /// Files by number, with their bytes.
    pub(super) files: BTreeMap<u64, (Arc<File>, u64)>,
    pub(super) heard: OrderId,
    /// Files that were damaged, or torn.
    pub(super) damaged: u64,
    /// Answers that only stand in from now on, which is written nowhere yet.
    pub(super) expired: usize,
}

/// Bytes that are read at once: most heads are shorter.
const READ_BYTES: usize = 4 << 10;

/// Reads all of it, unless somebody wants it to stop.
pub(super) fn load(
    folder: &Folder,
    index: Index,
    seed: u64,
    is_stopping: impl Fn() -> bool,
    now: Moment,
) -> io::Result<Loaded> {
    let mut loaded =
        Loaded { index, files: BTreeMap::new(), heard: OrderId::default(), damaged: 0, expired: 0 };
    let numbers = folder.numbers()?;
    for number in &numbers {
        if is_stopping() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let (file, bytes) = match folder.open_file(*number) {
            Ok(Some(opened)) => opened,
            Ok(None) => {
                folder.remove(*number)?;
                continue;
            }
            // Somebody removed it meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        let file = Arc::new(file);
        let mut scan = Scan { file: &file, number: *number, bytes, seed, now };
        let end = scan.all(&mut loaded)?;
        if end == bytes {
            loaded.files.insert(*number, (file, bytes));
            continue;
        }
        loaded.damaged += 1;
        if numbers.last() == Some(number) && !scan.has_more(end)? {
            file.set_len(end)?;
            loaded.files.insert(*number, (file, end));
        } else {
            loaded.index.drop_file(*number, now);
            loaded.expired += loaded.index.purge(&Purge::All, true, now);
            folder.set_aside(*number)?;
        }
    }
    // Not before: what was let go of for something that is over by now is not to be there again.
    loaded.index.drop_ended(now);
    Ok(loaded)
}

struct Scan<'a> {
    file: &'a File,
    number: u64,
    bytes: u64,
    seed: u64,
    now: Moment,
}

impl Scan<'_> {
    /// Reads all records. Where the last good one ends.
    fn all(&mut self, loaded: &mut Loaded) -> io::Result<u64> {
        let mut offset = FILE_MARK.len() as u64;
        while offset < self.bytes {
            let Some((bytes, said)) = self.one(offset)? else { break };
            let at = At { file: self.number, offset, bytes };
            match said {
                Said::Answer(key, kept) => {
                    loaded.index.insert(Key::new(key, self.seed).hash, at, kept);
                }
                Said::Forget { purge, soft, at } => {
                    loaded.index.purge(&purge, soft, at);
                }
                Said::Gone(key) => {
                    loaded.index.forget_key(Key::new(key, self.seed).hash);
                }
                // The last that was written, be it lower: numbers may have begun anew.
                Said::Heard(heard) => loaded.heard = heard,
            }
            offset += bytes;
        }
        Ok(offset)
    }

    /// The record at this place: its bytes, and what it says; `None` if there is no good one.
    fn one(&self, offset: u64) -> io::Result<Option<(u64, Said)>> {
        let mut read = self.read(offset, READ_BYTES)?;
        let Some(start) = Start::parse(&read) else { return Ok(None) };
        let head = START_BYTES + start.head_bytes();
        if self.bytes - offset < start.bytes() {
            return Ok(None);
        }
        if read.len() < head {
            read = self.read(offset, head)?;
        }
        let parts = read.get(..START_BYTES).zip(read.get(START_BYTES..head));
        let said = parts.and_then(|(first, rest)| start.said(first, rest, self.now));
        Ok(said.map(|said| (start.bytes(), said)))
    }

    /// As many bytes from this place on as there are, up to so many.
    fn read(&self, offset: u64, bytes: usize) -> io::Result<Vec<u8>> {
        let left = usize::try_from(self.bytes.saturating_sub(offset)).unwrap_or(usize::MAX);
        let mut read = vec![0; bytes.min(left)];
        self.file.read_exact_at(&mut read, offset)?;
        Ok(read)
    }

    /// Whether a good record begins anywhere after this place.
    fn has_more(&self, offset: u64) -> io::Result<bool> {
        const PIECE: usize = 1 << 20;
        let mut place = offset + 1;
        while place < self.bytes {
            // A mark may lie across the end of a piece.
            let piece = self.read(place, PIECE + RECORD_MARK.len())?;
            for found in memchr::memmem::find_iter(&piece, &RECORD_MARK) {
                if self.one(place + found as u64)?.is_some() {
                    return Ok(true);
                }
            }
            place += PIECE as u64;
        }
        Ok(false)
    }
}
