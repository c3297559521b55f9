//! What has failed and has not succeeded since, by the work that failed: that one kind of work goes on says nothing
//! of another. While a disk is full, a small file may still be written beside a log that cannot grow.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

/// Work that can fail. What comes first is told first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Work {
    /// Keeping what senders sent.
    Keep,
    /// Looking at traces.
    Look,
    /// Keeping what was found in requests.
    Record,
    /// Dropping what is old, and saving what is known.
    KeepHouse,
    /// Putting the store in order.
    Tidy,
}

/// The last failure of each kind of work.
#[derive(Debug, Default)]
pub(super) struct Problems {
    failed: BTreeMap<Work, (Instant, String)>,
}

impl Problems {
    pub(super) fn failed(&mut self, work: Work, told: String) {
        self.failed.insert(work, (Instant::now(), told));
    }

    pub(super) fn succeeded(&mut self, work: Work) {
        self.failed.remove(&work);
    }

    /// What to tell: one, the one that costs most.
    pub(super) fn first(&self) -> Option<String> {
        self.failed.values().next().map(|(_, told)| told.clone())
    }

    /// Whether it has failed within this time, and not succeeded since.
    pub(super) fn has_failed(&self, work: Work, within: Duration) -> bool {
        self.failed.get(&work).is_some_and(|(since, _)| since.elapsed() < within)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Problems, Work};

    #[test]
    fn a_failure_is_told_until_the_same_work_succeeds() {
        let mut problems = Problems::default();
        assert_eq!(problems.first(), None);
        problems.failed(Work::Record, "no facts".to_owned());
        problems.failed(Work::Keep, "no room".to_owned());
        assert_eq!(problems.first().as_deref(), Some("no room"));
        problems.succeeded(Work::Record);
        assert_eq!(problems.first().as_deref(), Some("no room"));
        problems.succeeded(Work::Keep);
        assert_eq!(problems.first(), None);
    }

    #[test]
    fn a_failure_of_long_ago_is_told_and_counts_no_more() {
        let mut problems = Problems::default();
        problems.failed(Work::Keep, "no room".to_owned());
        assert!(problems.has_failed(Work::Keep, Duration::from_mins(1)));
        assert!(!problems.has_failed(Work::Look, Duration::from_mins(1)));
        assert!(!problems.has_failed(Work::Keep, Duration::ZERO));
        assert_eq!(problems.first().as_deref(), Some("no room"));
        problems.succeeded(Work::Keep);
        assert!(!problems.has_failed(Work::Keep, Duration::from_mins(1)));
    }
}
