//! The last hour of what came and what became of it, so that "now" and "since it started" can be told apart.

use std::{collections::VecDeque, time::Duration};

use model::Moment;

use super::{LOSSES, LossKind, Reading, counts::get};

/// Time between two notes: a chart of an hour has a point for each pixel or two.
pub(crate) const NOTE_EVERY: Duration = Duration::from_secs(10);

/// Notes that are kept: an hour.
const NOTES_MAX: usize = 360;

/// Spans since the process started, at one time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Flow {
    /// When.
    pub time: Moment,
    /// Spans that came: those below, added up.
    pub received: u64,
    /// Spans that were kept.
    pub kept: u64,
    /// Spans whose senders were asked to send them again.
    pub refused: u64,
    /// Spans that are gone.
    pub dropped: u64,
    /// How much was lost or refused for each reason, in the order of [`LOSSES`].
    pub losses: Vec<u64>,
}

/// What was noted.
#[derive(Debug, Clone, Default)]
pub struct Past {
    notes: VecDeque<Flow>,
}

impl Flow {
    /// What a reading says.
    #[must_use]
    pub fn of(reading: &Reading, time: Moment) -> Self {
        let losses: Vec<u64> = LOSSES.iter().map(|loss| (loss.read)(reading)).collect();
        let of = |kind: LossKind| -> u64 {
            let each = LOSSES.iter().zip(&losses);
            let ours = each.filter(|(loss, _)| loss.kind == kind && loss.is_of_received_spans());
            ours.map(|(_, count)| count).sum()
        };
        let (refused, dropped) = (of(LossKind::Refused), of(LossKind::Dropped));
        let kept = get(&reading.counts.spans_kept);
        Self { time, received: kept + refused + dropped, kept, refused, dropped, losses }
    }

    /// What came since `earlier`.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let before = earlier.losses.iter().chain(std::iter::repeat(&0));
        Self {
            time: self.time,
            received: self.received.saturating_sub(earlier.received),
            kept: self.kept.saturating_sub(earlier.kept),
            refused: self.refused.saturating_sub(earlier.refused),
            dropped: self.dropped.saturating_sub(earlier.dropped),
            losses: self
                .losses
                .iter()
                .zip(before)
                .map(|(now, then)| now.saturating_sub(*then))
                .collect(),
        }
    }
}

impl super::Loss {
    /// Whether it is about spans that somebody sent.
    fn is_of_received_spans(&self) -> bool {
        self.unit == "spans" && self.reason != "own-spans"
    }
}

impl Past {
    /// Notes what is so now; the oldest is forgotten after an hour.
    pub(crate) fn note(&mut self, flow: Flow) {
        if NOTES_MAX <= self.notes.len() {
            self.notes.pop_front();
        }
        self.notes.push_back(flow);
    }

    /// What came within `time` before `now`, or since the start if that is less.
    #[must_use]
    pub fn lately(&self, now: &Flow, time: Duration) -> Flow {
        let since = now.time - time;
        let earlier = self.notes.iter().rev().find(|note| note.time <= since);
        // Without a note that old, the process is younger than that.
        earlier.map_or_else(|| now.clone(), |earlier| now.since(earlier))
    }

    /// What came between each two notes of the last hour, oldest first.
    #[must_use]
    pub fn steps(&self) -> Vec<Flow> {
        let pairs = self.notes.iter().zip(self.notes.iter().skip(1));
        pairs.map(|(earlier, later)| later.since(earlier)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow(secs: u64, kept: u64, dropped: u64) -> Flow {
        let time = Moment::default() + Duration::from_secs(secs);
        Flow { time, received: kept + dropped, kept, refused: 0, dropped, losses: vec![dropped] }
    }

    #[test]
    fn lately_is_what_came_since_the_last_note_that_is_old_enough() {
        let mut past = Past::default();
        for secs in [1_000, 1_010, 1_020] {
            past.note(flow(secs, secs, 0));
        }
        let now = flow(1_025, 1_100, 3);
        let lately = past.lately(&now, Duration::from_secs(10));
        assert_eq!((lately.kept, lately.dropped, lately.losses), (90, 3, vec![3]));
        assert_eq!(past.lately(&now, Duration::from_mins(5)), now, "it is younger than that");
    }

    #[test]
    fn the_past_ends_after_an_hour() {
        let mut past = Past::default();
        for note in 0..1_000 {
            past.note(flow(note * 10, note, 0));
        }
        assert_eq!(past.steps().len(), NOTES_MAX - 1);
        assert!(past.steps().iter().all(|step| step.kept == 1));
    }
}
