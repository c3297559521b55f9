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
        let mut scan = Scan::of(folder, &file, (*number, bytes), seed, now);
        let end = scan.all(&mut loaded)?;
        if scan.is_too_much {
            loaded.index.drop_file(*number, now);
            folder.remove(*number)?;
            continue;
        }
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
    // Not before, as long as there is room: what was let go of for something that is over by now is not to be there again.
    loaded.index.drop_ended(now);
    Ok(loaded)
}

struct Scan<'a> {
    folder: &'a Folder,
    file: &'a File,
    number: u64,
    bytes: u64,
    seed: u64,
    now: Moment,
    /// Answers since what is of no more use was let go of.
    untidied: usize,
    /// Whether there is no room to know of all that is in this file alone.
    is_too_much: bool,
}

impl<'a> Scan<'a> {
    fn of(
        folder: &'a Folder,
        file: &'a File,
        (number, bytes): (u64, u64),
        seed: u64,
        now: Moment,
    ) -> Self {
        Self { folder, file, number, bytes, seed, now, untidied: usize::MAX, is_too_much: false }
    }

    /// Reads all records. Where the last good one ends.
    fn all(&mut self, loaded: &mut Loaded) -> io::Result<u64> {
        let mut offset = FILE_MARK.len() as u64;
        while offset < self.bytes {
            let Some((bytes, said)) = self.one(offset)? else { break };
            let at = At { file: self.number, offset, bytes };
            match said {
                Said::Answer(key, kept) => {
                    self.make_room(loaded)?;
                    self.untidied = self.untidied.saturating_add(1);
                    loaded.index.insert(Key::new(key, self.seed).hash, at, kept);
                }
                Said::Forget { purge, soft, at } => {
                    loaded.index.purge(&purge, soft, at);
                }
                Said::Gone(key, which) => {
                    loaded.index.forget_key(Key::new(key, self.seed).hash, which.as_ref());
                }
                // The last that was written, be it lower: numbers may have begun anew.
                Said::Heard(heard) => loaded.heard = heard,
            }
            offset += bytes;
        }
        Ok(offset)
    }

    /// Where there is no room to know of more, what is of no more use goes, and else the oldest files: what is there and not
    /// known is forgotten by no order.
    fn make_room(&mut self, loaded: &mut Loaded) -> io::Result<()> {
        while loaded.index.is_full() {
            // All that is known is looked at, which is not done for a few.
            if loaded.index.len() / 8 < self.untidied {
                self.untidied = 0;
                loaded.index.drop_ended(self.now);
                continue;
            }
            let Some((number, _)) = loaded.files.pop_first() else {
                self.is_too_much = true;
                return Ok(());
            };
            self.folder.remove(number)?;
            loaded.index.drop_file(number, self.now);
        }
        Ok(())
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

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, Method, StatusCode};
    use traffic::cache::{
        Asker, CacheRule, Control, Place, Received, Selecting, Stored, answer_record, policy,
    };

    use super::*;

    fn now() -> Moment {
        Moment { nanos: 1_000_000_000_000_000 }
    }

    fn record(number: u8, at: Moment) -> Vec<u8> {
        let rule =
            CacheRule { ttl: Some(std::time::Duration::from_mins(1)), ..CacheRule::default() };
        let headers = HeaderMap::new();
        let received = Received {
            method: &Method::GET,
            status: StatusCode::OK,
            headers: &headers,
            asked_at: at,
            received_at: at,
            came_at: at,
        };
        let policy = policy(&rule, Asker::default(), &Control::default(), &received);
        let parts = (policy.expect("it is stored"), Selecting::default(), Place::default());
        let stored = Stored::new(StatusCode::OK, HeaderMap::new(), Bytes::new(), parts);
        answer_record(&Key::new(vec![number], 7), &stored, at).expect("it is short")
    }

    /// Three files of ten answers each, of which those of some were over long ago, read by who may know of so much.
    fn loaded(memory_bytes_max: u64, over: &[u8]) -> (Vec<u64>, Loaded) {
        let long_ago = Moment { nanos: 1_000_000_000 };
        let place = tempfile::tempdir().expect("a folder");
        let folder = Folder::open(place.path()).expect("nobody has it");
        for number in 1..=3_u8 {
            let at = if over.contains(&number) { long_ago } else { now() };
            let records = (0..10).flat_map(|one| record(number * 10 + one, at));
            let records: Vec<u8> = records.collect();
            let file = folder.create(number.into()).expect("there is room");
            file.write_all_at(&records, FILE_MARK.len() as u64).expect("there is room");
        }
        let loaded = load(&folder, Index::new(memory_bytes_max), 7, || false, now());
        (folder.numbers().expect("it is there"), loaded.expect("it can be read"))
    }

    #[test]
    fn what_is_there_is_known_or_goes() {
        let (all, known) = loaded(1 << 20, &[]);
        assert_eq!((all, known.index.len()), (vec![1, 2, 3], 30));
        // Room for fifteen, for twenty; and for fewer than one file has.
        for (memory_bytes_max, left) in [(7_680, &[3][..]), (11_000, &[2, 3]), (3_000, &[])] {
            let (there, known) = loaded(memory_bytes_max, &[]);
            assert_eq!(there, left, "{memory_bytes_max}");
            assert!(left.iter().all(|number| known.index.live_in(*number) == 10), "{there:?}");
            assert_eq!(known.index.len(), 10 * left.len());
        }
    }

    #[test]
    fn what_is_over_takes_nobodys_room() {
        // Room for fifteen: those that are over go, and no file with those that are not.
        for over in [&[1, 2][..], &[1, 3], &[2, 3]] {
            let (there, known) = loaded(7_680, over);
            assert_eq!((there, known.index.len()), (vec![1, 2, 3], 10), "{over:?}");
        }
    }
}
