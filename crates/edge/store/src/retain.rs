//! What is dropped because it is old, or because there is too much: whole segments and blocks, the oldest first.

use model::Moment;

use crate::{Folder, Retention, StoreError, clock, disk, shelf::Shelf};

/// An active segment older than this part of the greatest age is sealed, so that little is kept longer.
const AGE_PARTS: u32 = 16;

/// Roll-ups may take this part of the bytes, whatever else is dropped: they are small, and tell of the longest time.
const MINUTES_PARTS: u64 = 4;

/// A segment or a block that may be dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Piece {
    /// When the newest in it was received.
    last: Moment,
    number: u32,
    is_block: bool,
    bytes: u64,
}

impl Folder {
    /// See [`crate::Store::retain`].
    pub(crate) fn drop_old(&self, retention: Retention, now: Moment) -> Result<u64, StoreError> {
        let newest = self.shelves().iter().filter_map(Shelf::received).max();
        let steady = clock::steady();
        let mut clock = disk::lock(&self.clock);
        let now = clock.believed(now, newest, steady);
        let sealed = now - retention.age_max / AGE_PARTS;
        for shelf in self.shelves() {
            shelf.seal_old(sealed)?;
        }
        self.seal_old_requests(sealed)?;
        let mut freed = 0;
        for shelf in self.shelves() {
            freed += shelf.bound_minutes(retention.bytes_max / MINUTES_PARTS)?;
        }
        let (pieces, mut bytes) = self.pieces();
        let oldest = now - retention.age_max;
        for (piece, shelf) in pieces {
            let last = clock.received(piece.last, now, steady);
            if oldest <= last && bytes <= retention.bytes_max {
                break;
            }
            match shelf.and_then(|shelf| self.shelves().get(shelf)) {
                // What waits for its place elsewhere is nowhere else yet.
                Some(shelf) if shelf.cold.is_some() && !piece.is_block => continue,
                Some(shelf) => shelf.drop_piece(piece)?,
                None => {
                    self.drop_requests(piece.number)?;
                    self.requests_dropped.add(piece.bytes);
                }
            }
            bytes -= piece.bytes;
            freed += piece.bytes;
        }
        for cold in self.shelves().iter().filter_map(|shelf| shelf.cold.as_ref()) {
            cold.hold_back(retention.bytes_max < bytes);
        }
        Ok(freed)
    }

    fn seal_old_requests(&self, before: Moment) -> Result<(), StoreError> {
        let first = disk::read(&self.requests).segments().last().map(|(_, segment)| segment.first);
        if first.is_some_and(|first| first < before) { self.facts.seal() } else { Ok(()) }
    }

    /// What may be dropped, the oldest first, each with the place of its shelf if it is of one; and the bytes of all.
    fn pieces(&self) -> (Vec<(Piece, Option<usize>)>, u64) {
        let (requests, mut bytes) = self.pieces_of_requests();
        let mut all: Vec<_> = requests.into_iter().map(|piece| (piece, None)).collect();
        for (place, shelf) in self.shelves().iter().enumerate() {
            let (pieces, of_shelf) = shelf.pieces();
            all.extend(pieces.into_iter().map(|piece| (piece, Some(place))));
            bytes += of_shelf + shelf.minutes_bytes();
        }
        all.sort_unstable();
        (all, bytes)
    }

    fn pieces_of_requests(&self) -> (Vec<Piece>, u64) {
        let (mut pieces, mut bytes_total) = (Vec::new(), 0);
        let active = self.facts.active();
        for (number, segment) in disk::read(&self.requests).segments() {
            let bytes = segment.bytes;
            bytes_total += bytes;
            if active != Some(number) {
                pieces.push(Piece { last: segment.last, number, is_block: false, bytes });
            }
        }
        (in_order(pieces), bytes_total)
    }
}

impl Shelf {
    /// Seals the active segment if it has been written to for so long that it holds old records back.
    fn seal_old(&self, before: Moment) -> Result<(), StoreError> {
        let index = disk::read(&self.index);
        let last = index.segments.last_key_value();
        let is_old = last.is_some_and(|(_, segment)| {
            segment.sealed.is_none() && segment.times.is_some_and(|(first, _)| first < before)
        });
        drop(index);
        if is_old { self.seal() } else { Ok(()) }
    }

    /// What of it may be dropped, and the bytes of all.
    fn pieces(&self) -> (Vec<Piece>, u64) {
        let (mut pieces, mut bytes_total) = (Vec::new(), 0);
        for kept in self.blocks.all() {
            let (last, number, bytes) = (kept.received.1, kept.run.first, kept.bytes);
            bytes_total += bytes;
            pieces.push(Piece { last, number, is_block: true, bytes });
        }
        for (number, segment) in &disk::read(&self.index).segments {
            let bytes = segment.tally.bytes + segment.index_bytes;
            bytes_total += bytes;
            if segment.is_settled() && segment.sealed.is_some() {
                let last = segment.times.map(|(_, last)| last).unwrap_or_default();
                pieces.push(Piece { last, number: *number, is_block: false, bytes });
            }
        }
        (in_order(pieces), bytes_total)
    }

    fn drop_piece(&self, piece: Piece) -> Result<(), StoreError> {
        if piece.is_block {
            self.blocks.drop_block(piece.number)?;
        } else {
            self.drop_segment(piece.number)?;
        }
        self.dropped.add(piece.bytes);
        Ok(())
    }
}

/// Each as old as is believable: written earlier is older, whatever the clock said.
fn in_order(mut pieces: Vec<Piece>) -> Vec<Piece> {
    let times: Vec<Moment> = pieces.iter().map(|piece| piece.last).collect();
    for (piece, last) in pieces.iter_mut().zip(believable(&times)) {
        piece.last = last;
    }
    pieces
}

/// The times of what was written one after the other, as they are believed. The most of them that go up together are;
/// what does not fit in between was written by a clock that was wrong, or says nothing: it is as old as what came after
/// it, and makes nothing else old.
pub(crate) fn believable(times: &[Moment]) -> Vec<Moment> {
    // The longest rising run (Schensted, 1961), from the newest back: of two that are as long the one of later times,
    // for which less is dropped. `ends` has the place at which the best run of each length has come to.
    let (mut ends, mut newer) = (Vec::<usize>::new(), vec![None; times.len()]);
    for (place, time) in times.iter().enumerate().rev() {
        if *time == Moment::default() {
            continue;
        }
        let shorter = ends.partition_point(|end| *time <= times[*end]);
        newer[place] = shorter.checked_sub(1).map(|shorter| ends[shorter]);
        if shorter == ends.len() {
            ends.push(place);
        } else {
            ends[shorter] = place;
        }
    }
    let mut believed = vec![None; times.len()];
    let mut next = ends.last().copied();
    while let Some(place) = next {
        believed[place] = Some(times[place]);
        next = newer[place];
    }
    let mut later = Moment { nanos: u64::MAX };
    let believed = believed.into_iter().rev().map(|time| {
        later = time.unwrap_or(later);
        later
    });
    let mut believed: Vec<Moment> = believed.collect();
    believed.reverse();
    believed
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(times: &[u64], expected: &[u64]) {
        let times: Vec<Moment> = times.iter().map(|nanos| Moment { nanos: *nanos }).collect();
        let believed: Vec<u64> = believable(&times).iter().map(|it| it.nanos).collect();
        assert_eq!(believed, expected);
    }

    #[test]
    fn what_does_not_say_how_old_it_is_makes_nothing_old() {
        check(&[70, 80, 0, 80, 0], &[70, 80, 80, 80, u64::MAX]);
        check(&[], &[]);
        check(&[0, 0], &[u64::MAX; 2]);
    }

    #[test]
    fn a_clock_that_was_wrong_for_a_while_makes_nothing_older_and_nothing_last() {
        check(&[70, 75, 999, 80, 90], &[70, 75, 80, 80, 90]);
        check(&[70, 75, 1, 2, 80, 90], &[70, 75, 80, 80, 80, 90]);
        // It is wrong yet.
        check(&[70, 75, 80, 1, 2], &[70, 75, 80, u64::MAX, u64::MAX]);
        // Nobody knows which is right: what drops less.
        check(&[70, 1], &[70, u64::MAX]);
    }

    proptest! {
        #[test]
        fn believed_times_go_up_and_right_ones_stay(
            times in prop::collection::vec(1_u64..1_000, 0..60),
            wrong in prop::collection::vec((any::<prop::sample::Index>(), any::<u64>()), 0..9),
        ) {
            let mut right = times.clone();
            right.sort_unstable();
            let mut told: Vec<Moment> = right.iter().map(|nanos| Moment { nanos: *nanos }).collect();
            prop_assert_eq!(believable(&told), told.clone());
            for (place, nanos) in &wrong {
                if !told.is_empty() {
                    told[place.index(times.len())] = Moment { nanos: *nanos };
                }
            }
            let believed = believable(&told);
            prop_assert!(believed.is_sorted());
            // While most are right, few are believed to be older than all that are right.
            if 2 * wrong.len() < told.len() {
                let first = right.first().copied().unwrap_or(0);
                let low = believed.iter().filter(|it| it.nanos < first).count();
                prop_assert!(low <= 2 * wrong.len());
            }
        }
    }
}
