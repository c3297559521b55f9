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
        let errors =
            if failed == 0 { String::new() } else { format!("  failed {}", units::count(failed)) };
        self.bar.set_position(u64::try_from(tick.elapsed.as_millis()).unwrap_or(u64::MAX));
        let latencies = [("p50", 0.5), ("p95", 0.95), ("p99", 0.99)].map(|(name, quantile)| {
            let nanos = latencies.quantile(quantile);
            let told = nanos
                .map_or_else(|| "–".to_owned(), |nanos| units::time(Duration::from_nanos(nanos)));
            format!("{name} {} {told:<8}", gauge(nanos.unwrap_or(0)))
        });
        self.bar.set_message(format!(
            "{words}started {}/s  answered {}/s{errors}\n{}",
            units::count(started * scale),
            units::count(answered * scale),
            latencies.join("  "),
        ));
    }

    /// Takes it away.
    pub(super) fn end(&self) {
        self.bar.finish_and_clear();
    }
}

/// A latency as a bar, each of whose cells is half a power of ten: from 100 µs to 10 s.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "cells of a bar, which is 10 long"
)]
fn gauge(nanos: u64) -> String {
    const CELLS: usize = 10;
    let powers = (nanos.max(1) as f64 / 1e5).log10() * 2.0;
    let full = (powers.ceil().max(0.0) as usize).min(CELLS);
    format!("{}{}", "▆".repeat(full), "▁".repeat(CELLS - full))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_latency_ten_times_as_long_is_two_cells_longer() {
        let full = |nanos| gauge(nanos).chars().filter(|cell| *cell == '▆').count();
        assert_eq!([0, 99_000, 1_000_000, 10_000_000, 10_000_000_000].map(full), [0, 0, 2, 4, 10]);
        assert_eq!(gauge(u64::MAX), "▆".repeat(10));
    }
}
