//! What is shown while a load runs: time, rate, percentiles of the last moment, errors.

use std::{cell::RefCell, time::Duration};

use ::load::Tick;
use indicatif::{ProgressBar, ProgressStyle};

use crate::units;

/// A bar where there is a terminal, nothing where there is none.
#[derive(Debug)]
pub(super) struct Progress {
    bar: ProgressBar,
    /// The last second, as five times a second is too nervous for percentiles.
    lately: RefCell<Vec<Tick>>,
}

/// Ticks that are shown together.
const TOGETHER: usize = 5;

impl Progress {
    /// For a run of this length.
    pub(super) fn new(length: Duration) -> Self {
        let bar = ProgressBar::new(u64::try_from(length.as_millis()).unwrap_or(u64::MAX));
        if let Ok(style) = ProgressStyle::with_template("{bar:24} {percent:>3} %  {msg}") {
            bar.set_style(style);
        }
        Self { bar, lately: RefCell::default() }
    }

    /// Another moment has passed.
    pub(super) fn tick(&self, tick: &Tick) {
        self.tick_with("", tick);
    }

    /// The same, with words before it.
    pub(super) fn tick_with(&self, words: &str, tick: &Tick) {
        let mut lately = self.lately.borrow_mut();
        lately.push(tick.clone());
        let old = lately.len().saturating_sub(TOGETHER);
        lately.drain(..old);
        let mut latencies = stats::Sketch::default();
        for tick in lately.iter() {
            latencies.merge(&tick.latencies);
        }
        let sum = |figure: fn(&Tick) -> u64| lately.iter().map(figure).sum::<u64>();
        let (started, answered, failed) =
            (sum(|t| t.started), sum(|t| t.answered), sum(|t| t.failed));
        let scale = u64::try_from(TOGETHER / lately.len().max(1)).unwrap_or(1);
        let at = |q| {
            latencies
                .quantile(q)
                .map_or_else(|| "–".to_owned(), |nanos| units::time(Duration::from_nanos(nanos)))
        };
        let errors =
            if failed == 0 { String::new() } else { format!("  failed {}", units::count(failed)) };
        self.bar.set_position(u64::try_from(tick.elapsed.as_millis()).unwrap_or(u64::MAX));
        self.bar.set_message(format!(
            "{words}started {}/s  answered {}/s  p50 {}  p95 {}  p99 {}{errors}",
            units::count(started * scale),
            units::count(answered * scale),
            at(0.5),
            at(0.95),
            at(0.99),
        ));
    }

    /// Takes it away.
    pub(super) fn end(&self) {
        self.bar.finish_and_clear();
    }
}
