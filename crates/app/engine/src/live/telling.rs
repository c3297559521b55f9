//! What the running engine tells of itself, and who sends its spans.

use std::{
    io,
    sync::{Arc, Weak, atomic::Ordering},
    time::{Duration, Instant},
};

use config::Collector;
use model::Span;
use receive::{Received, Sink as _};

use super::{Live, lock, now};
use crate::{
    database::{History as _, WatchState},
    metrics::{Counts, DatabaseReading, Flow, Past, Reading},
    own_spans::{self, OwnSpans, Sending},
};

impl Live {
    /// Tells where the receiver counts, once there is one.
    pub fn count_with(&self, receiver: Arc<receive::Counters>) {
        // There is one receiver; a second one would be told by nobody.
        drop(self.own.receiver.set(receiver));
    }

    /// All that figures are read from, now. Asks the disk and the system: some milliseconds.
    #[must_use]
    pub fn reading(&self) -> Reading {
        let databases = self.databases.databases().into_iter().map(|standing| DatabaseReading {
            is_up: matches!(standing.state, WatchState::Watching),
            polls: self.databases.polls(&standing.id),
            errors: self.databases.errors(&standing.id),
            id: standing.id,
        });
        let mut reading = self.own.reading(&*self.store, self.standing(), databases.collect());
        for finding in &self.outcome().findings {
            let of_level = reading.findings.iter_mut().find(|(level, _)| *level == finding.level);
            if let Some((_, count)) = of_level {
                *count += 1;
            }
        }
        reading.traces_closed_early = lock(&self.settler).closed_early();
        reading.sightings = lock(&self.analysis).sightings();
        reading.copies = self.copies();
        reading
    }

    /// What came since the start, within `time`, and between each two notes of the last hour.
    #[must_use]
    pub fn flows(&self, reading: &Reading, time: Duration) -> (Flow, Flow, Vec<Flow>) {
        let now = Flow::of(reading, reading.time);
        let past: Past = lock(&self.own.past).clone();
        (now.clone(), past.lately(&now, time), past.steps())
    }

    /// Where the API counts its answers.
    #[must_use]
    pub fn counts(&self) -> &Counts {
        &self.own.counts
    }

    /// Where the API records its own work.
    #[must_use]
    pub fn own_spans(&self) -> &OwnSpans {
        &self.own.spans
    }

    /// Sends own spans to where they are wanted.
    fn send(&self, collector: &Collector, spans: Vec<Span>) {
        let count = spans.len();
        let outcome = match collector {
            Collector::Off => return,
            Collector::Here => {
                let received = Received { spans, otlp: None, received: now() };
                self.accept(received).map_err(|refusal| io::Error::other(format!("{refusal:?}")))
            }
            Collector::Http { host, port, path } => own_spans::send(host, *port, path, &spans),
        };
        self.own.spans.count(count, &outcome);
    }
}

/// Sends own spans until the engine stops.
pub(super) fn send_own(live: &Weak<Live>, sending: &Sending) {
    let mut batch = Vec::new();
    let mut since = Instant::now();
    while let Some(is_due) = sending.next(&mut batch, since) {
        let Some(live) = live.upgrade() else { return };
        let is_last = live.stopping.load(Ordering::Acquire);
        if is_due {
            live.send(&sending.collector, std::mem::take(&mut batch));
            since = Instant::now();
        }
        if is_last {
            return;
        }
    }
}
