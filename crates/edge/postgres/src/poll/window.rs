//! What happened within the last hour or so, in a few stretches of which the oldest is dropped.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use model::{Moment, database::WaitLoad};

use super::seen::LoadSum;
use crate::{
    delta,
    read::{self, StatementKey, StatementRow, Texts, Usage},
};

/// Stretches of a window: it is as long as said, give or take a twelfth.
const STRETCHES: u32 = 12;

/// What happened in a stretch of time.
#[derive(Debug, Clone, Default)]
pub(super) struct Stretch {
    pub(super) from: Moment,
    pub(super) rows: Vec<StatementRow>,
    pub(super) usage: Usage,
    pub(super) evicted: u64,
    pub(super) own: Duration,
    pub(super) load: LoadSum,
}

impl Stretch {
    /// Adds what happened after it.
    fn add(&mut self, more: &Self) {
        let mut rows: BTreeMap<StatementKey, StatementRow> =
            self.rows.drain(..).map(|row| (row.key, row)).collect();
        for row in &more.rows {
            match rows.get_mut(&row.key) {
                Some(known) => delta::add(&mut known.runs, &row.runs),
                None => drop(rows.insert(row.key, row.clone())),
            }
        }
        self.rows = rows.into_values().collect();
        delta::add_usage(&mut self.usage, &more.usage);
        self.evicted = self.evicted.saturating_add(more.evicted);
        self.own += more.own;
        self.load.add(&more.load);
    }
}

/// What happened lately.
#[derive(Debug)]
pub(super) struct Window {
    length: Duration,
    stretches: VecDeque<Stretch>,
    /// Own time that no stretch has yet.
    own: Duration,
}

impl Window {
    pub(super) fn new(length: Duration) -> Self {
        Self { length, stretches: VecDeque::new(), own: Duration::ZERO }
    }

    /// Adds time of our own.
    pub(super) fn own(&mut self, time: Duration) {
        self.own += time;
    }

    /// Adds what happened since `from`, and drops what is older than the window.
    pub(super) fn add(&mut self, from: Moment, mut more: Stretch) {
        more.own += std::mem::take(&mut self.own);
        let each = self.length / STRETCHES;
        match self.stretches.back_mut() {
            Some(last) if from.since(last.from) < each => last.add(&more),
            _ => self.stretches.push_back(more),
        }
        while self.stretches.front().is_some_and(|first| self.length <= from.since(first.from)) {
            self.stretches.pop_front();
        }
    }

    /// Everything within the window; `None` if nothing is.
    pub(super) fn total(&self) -> Option<Stretch> {
        let mut stretches = self.stretches.iter();
        let mut total = stretches.next()?.clone();
        for stretch in stretches {
            total.add(stretch);
        }
        Some(total)
    }

    /// Average active sessions within the window.
    pub(super) fn load(&self) -> Vec<WaitLoad> {
        let mut load = LoadSum::default();
        for stretch in &self.stretches {
            load.add(&stretch.load);
        }
        load.average()
    }

    pub(super) fn own_share(&self, texts: &Texts) -> f64 {
        let Some(total) = self.total() else { return 0.0 };
        let (all, own) = read::shares(&total.rows, texts);
        if 0.0 < own && 0.0 < all {
            return (own / all).clamp(0.0, 1.0);
        }
        let own = total.own.as_secs_f64();
        let others = total.load.session_seconds();
        if own + others <= 0.0 { 0.0 } else { own / (own + others) }
    }
}

#[cfg(test)]
mod tests {
    use model::database::RunStatistics;

    use super::*;

    #[test]
    fn the_window_forgets_what_is_older_than_it() {
        let mut window = Window::new(Duration::from_hours(1));
        let at = |minutes| Moment::default() + Duration::from_mins(minutes);
        for minute in 0..600 {
            let row = StatementRow {
                runs: RunStatistics { calls: 1, ..RunStatistics::default() },
                ..StatementRow::default()
            };
            let stretch = Stretch { from: at(minute), rows: vec![row], ..Stretch::default() };
            window.add(at(minute), stretch);
            let calls = window.total().unwrap().rows[0].runs.calls;
            assert_eq!(window.total().unwrap().rows.len(), 1);
            assert!(calls <= 60 && (minute < 60 || 55 <= calls), "{calls} at {minute}");
            assert!(window.stretches.len() <= 13);
        }
    }
}
