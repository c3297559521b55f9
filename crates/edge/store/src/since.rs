//! Since when what is asked about is held: what was received before that was dropped, and is in no answer.
//!
//! Segments are numbered from 1, and the oldest go first: as long as there is the first, nothing was dropped. What is
//! kept elsewhere says so itself.

use keep::{MINUTES, Table};
use model::{Moment, Window};

use crate::{Coverage, blocks::Blocks, disk, shelf::Shelf};

/// What answers a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    /// Rows as they came, or what is left of them.
    Rows,
    /// Roll-ups too, which are held for longer.
    Minutes,
}

impl Shelf {
    /// Notes when the oldest was received that an answer may rest on, if what is older was dropped and may be of the
    /// window. Who did not answer is not asked once more.
    pub(crate) fn note_since(&self, coverage: &mut Coverage, window: Window, by: By) {
        let since = match &self.cold {
            Some(_) if coverage.elsewhere.is_some() => None,
            Some(cold) => cold.held_since(self.table_of(by)),
            None => self.held_here_since(by),
        };
        coverage.held_since = since.filter(|since| window.from < *since);
    }

    fn table_of(&self, by: By) -> &'static Table {
        if by == By::Minutes && self.minutes.is_some() { &MINUTES } else { self.signal.table }
    }

    fn held_here_since(&self, by: By) -> Option<Moment> {
        let index = disk::read(&self.index);
        let segment = index.segments.iter().next();
        let segment = segment.map(|(number, it)| (*number, it.times.map(|(first, _)| first)));
        let minutes = self.minutes.as_ref().filter(|_| by == By::Minutes);
        let all = [segment, oldest(&self.blocks), minutes.and_then(oldest)];
        let (number, received) = all.into_iter().flatten().min()?;
        // A block of an older version may not say when it was received.
        received.filter(|received| 1 < number && *received != Moment::default())
    }
}

/// The first segment of the oldest block, and when it was received.
fn oldest(blocks: &Blocks) -> Option<(u32, Option<Moment>)> {
    let all = blocks.all();
    all.first().map(|kept| (kept.run.first, Some(kept.received.0)))
}
