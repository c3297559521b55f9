//! What is found by trace, and what is given again after a restart.

use std::{
    fs::File,
    io::{self, Read as _},
    ops::ControlFlow,
    os::unix::fs::FileExt as _,
    path::Path,
};

use keep::Chunk;
use model::{Moment, TraceId};

use crate::{
    StoreError,
    blocks::{Kept, REPLAYED_MAX, timed},
    cold::Part,
    disk,
    frame::{self, HEAD_BYTES, Record},
    head::Readable,
    scan::{self, Scan},
    shared::share_out,
    shelf::Shelf,
    signals::Item,
};

impl Shelf {
    /// All that is kept of a trace, each item as often as it came, with the times of their rows; what came first is
    /// first, roughly. A block that turns out to be damaged costs what is in it alone.
    pub(crate) fn of_trace<T: Item>(&self, id: TraceId) -> Result<Vec<(Moment, T)>, StoreError> {
        let snapshot = self.snapshot(Some(&[id]))?;
        let mut found = Vec::new();
        if let Some(cold) = &self.cold {
            let rows = cold.of_trace(self.signal.table, id, &snapshot.here())?;
            found.extend(timed(&rows.answer));
        }
        let blocks = snapshot.blocks.iter().rev().map(|kept| Place::Block(kept));
        let segments = snapshot.segments.iter().rev().flat_map(|readable| {
            let some = readable.records.chunks(RECORDS_AT_ONCE);
            some.map(move |records| Place::Records(readable, records))
        });
        let places: Vec<Place<'_>> = blocks.chain(segments).collect();
        let parts = share_out(places.len(), |pieces| -> Result<Vec<_>, StoreError> {
            let each = pieces.map(|piece| Ok((piece, places[piece].of_trace::<T>(id)?)));
            each.collect()
        });
        let mut by_place = Vec::with_capacity(places.len());
        for part in parts {
            by_place.extend(part?);
        }
        by_place.sort_unstable_by_key(|(place, _)| *place);
        found.reserve(by_place.iter().map(|(_, items)| items.len()).sum());
        found.extend(by_place.into_iter().flat_map(|(_, items)| items));
        Ok(found)
    }

    /// Gives every kept batch that was received at or after `since` to `each`, in the order in which they came.
    pub(crate) fn replay<T: Item>(
        &self,
        since: Moment,
        each: &mut dyn FnMut(Moment, Vec<T>),
    ) -> Result<(), StoreError> {
        // What is written from here on is not replayed: it is with the engine already.
        let snapshot = self.snapshot(None)?;
        if let Some(cold) = &self.cold {
            let mut give = |received, chunk: &Chunk| {
                let rows: Vec<usize> = (0..chunk.rows()).collect();
                for rows in rows.chunks(REPLAYED_MAX) {
                    each(received, T::read(chunk, rows));
                }
                ControlFlow::Continue(())
            };
            let part = Part::ReceivedSince(since);
            match cold.each(self.signal.table, part, &snapshot.here(), &mut give) {
                // What is away is no reason not to start.
                Ok(()) | Err(StoreError::ClickHouse(_)) => {}
                Err(error) => return Err(error),
            }
        }
        for kept in snapshot.blocks.iter().rev().filter(|kept| since <= kept.received.1) {
            match kept.replay(each) {
                Err(StoreError::Damaged { .. }) | Ok(()) => {}
                Err(error) => return Err(error),
            }
        }
        let longest = scan::longest(self.log.place().segment_bytes);
        let is_older = |segment: u32| {
            let index = disk::read(&self.index);
            let times = index.segments.get(&segment).and_then(|segment| segment.times);
            times.is_some_and(|(_, last)| last < since)
        };
        for readable in snapshot.segments.iter().rev().filter(|it| !is_older(it.segment)) {
            let Readable { segment, file, bytes, path, .. } = readable;
            let mut read = Vec::new();
            file.take((*bytes).min(longest))
                .read_to_end(&mut read)
                .map_err(|error| disk::failed("read", path, error))?;
            let sound = Scan::new(&read, self.signal.log.magic, *segment);
            for record in sound.filter(|record| since <= record.received) {
                each(record.received, T::decode(record.payload));
            }
        }
        Ok(())
    }
}

/// Records of a segment that are read by one thread, one after the other.
const RECORDS_AT_ONCE: usize = 16;

/// Where items of a trace may be.
enum Place<'a> {
    Block(&'a Kept),
    Records(&'a Readable, &'a [u32]),
}

impl Place<'_> {
    fn of_trace<T: Item>(&self, id: TraceId) -> Result<Vec<(Moment, T)>, StoreError> {
        match self {
            Self::Block(kept) => match kept.of_trace(id) {
                Err(StoreError::Damaged { .. }) => Ok(Vec::new()),
                found => found,
            },
            Self::Records(readable, records) => of_records(readable, records, id),
        }
    }
}

/// Items of a trace in some records of a segment.
fn of_records<T: Item>(
    readable: &Readable,
    records: &[u32],
    id: TraceId,
) -> Result<Vec<(Moment, T)>, StoreError> {
    let mut found = Vec::new();
    for offset in records {
        let bytes = unless_cut(read(&readable.file, u64::from(*offset)), &readable.path)?;
        let bytes = bytes.unwrap_or_default();
        let Some(record) = Record::parse(&bytes, readable.segment, u64::from(*offset)) else {
            continue;
        };
        let items = T::decode(record.payload).into_iter();
        let items = items.filter(|item| item.trace_id() == Some(id));
        found.extend(items.map(|item| (item.time(record.received), item)));
    }
    Ok(found)
}

fn read(file: &File, offset: u64) -> io::Result<Vec<u8>> {
    let mut head = [0; HEAD_BYTES];
    file.read_exact_at(&mut head, offset)?;
    let mut bytes = vec![0; HEAD_BYTES + frame::payload_len(&head).unwrap_or(0)];
    file.read_exact_at(&mut bytes, offset)?;
    Ok(bytes)
}

/// `None` for what a damaged file no longer holds.
fn unless_cut<T>(result: io::Result<T>, path: &Path) -> Result<Option<T>, StoreError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(disk::failed("read", path, error)),
    }
}
