//! Whole bodies that were compressed lately: what the cache answers with again and again is compressed once.
//!
//! A body is known by where it lies in memory, which is held as long as it is remembered: two bodies never lie in the
//! same place. Each thread remembers for itself.

use std::{cell::RefCell, collections::VecDeque};

use bytes::Bytes;
use traffic::encoding::Coding;

use super::{Coder, Done};

/// Bodies that a thread remembers; looking through them takes less than compressing one.
const COUNT_MAX: usize = 64;

/// Their bytes, plain and compressed.
const BYTES_MAX: usize = 16 << 20;

/// A body, how it was compressed, and what came of it.
struct Known {
    plain: Bytes,
    how: (Coding, u8),
    coded: Bytes,
}

#[derive(Default)]
struct Memo {
    /// The oldest first.
    known: VecDeque<Known>,
    bytes: usize,
}

thread_local! {
    static MEMO: RefCell<Memo> = RefCell::default();
}

/// A body, compressed now or before; what it took, if it was now. `None` if the encoder failed.
pub(super) fn coded(coder: Coder, plain: &Bytes) -> Option<(Bytes, Option<Done>)> {
    let how = coder.how();
    let same = |known: &&Known| {
        known.how == how
            && known.plain.as_ptr() == plain.as_ptr()
            && known.plain.len() == plain.len()
    };
    let found =
        MEMO.with_borrow(|memo| memo.known.iter().find(same).map(|known| known.coded.clone()));
    if let Some(found) = found {
        return Some((found, None));
    }
    let (coded, done) = coder.whole(plain)?;
    MEMO.with_borrow_mut(|memo| {
        memo.remember(Known { plain: plain.clone(), how, coded: coded.clone() });
    });
    Some((coded, Some(done)))
}

impl Memo {
    fn remember(&mut self, new: Known) {
        let size = |known: &Known| known.plain.len() + known.coded.len();
        let room = BYTES_MAX / 4;
        // One body is not to drive out all others.
        if room < size(&new) {
            return;
        }
        self.bytes += size(&new);
        self.known.push_back(new);
        while COUNT_MAX < self.known.len() || BYTES_MAX < self.bytes {
            let Some(oldest) = self.known.pop_front() else { return };
            self.bytes -= size(&oldest);
        }
    }
}
