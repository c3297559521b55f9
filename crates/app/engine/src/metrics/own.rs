//! What the engine carries to be able to tell of itself.

use std::sync::{Arc, Mutex, OnceLock, atomic::AtomicUsize};

use config::Settings;
use model::{Level, Moment, SpanKind, Value};
use store::Store;

use super::{Counts, DatabaseReading, Flow, Past, Process, Reading, ReceiverReading};
use crate::{
    Standing,
    live::{lock, now},
    own_spans::{OwnSpans, Work},
};

/// Version of the binary: all crates have the same.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What the engine carries to be able to tell of itself.
#[derive(Debug)]
pub(crate) struct Own {
    pub(crate) counts: Arc<Counts>,
    pub(crate) spans: OwnSpans,
    pub(crate) past: Mutex<Past>,
    /// Traces that were looked at since the window was, those of own spans left out.
    pub(crate) others: AtomicUsize,
    pub(crate) receiver: OnceLock<Arc<receive::Counters>>,
    started: Moment,
}

impl Own {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            counts: Arc::default(),
            spans: OwnSpans::new(settings.own_spans.clone(), VERSION),
            past: Mutex::default(),
            others: AtomicUsize::default(),
            receiver: OnceLock::new(),
            started: now(),
        }
    }

    /// All that figures are read from.
    pub(crate) fn reading(
        &self,
        store: &dyn Store,
        standing: Standing,
        databases: Vec<DatabaseReading>,
    ) -> Reading {
        Reading {
            // A disk that fails is told elsewhere; here its figures are missing.
            store: store.usage().ok(),
            process: Process::now(self.started),
            databases,
            ..self.quick(standing)
        }
    }

    /// The same without what the disk and the system have to be asked for.
    fn quick(&self, standing: Standing) -> Reading {
        let receiver = self.receiver.get().map(|counters| ReceiverReading {
            totals: counters.totals(),
            answered: counters.answered(),
            acknowledged: counters.acknowledged(),
        });
        let levels = [Level::Low, Level::Medium, Level::High, Level::Critical];
        Reading {
            version: VERSION,
            time: now(),
            counts: Arc::clone(&self.counts),
            receiver,
            standing,
            traces_closed_early: 0,
            sightings: 0,
            findings: levels.map(|level| (level, 0)),
            store: None,
            process: Process::default(),
            databases: Vec::new(),
            own_spans: self.spans.seen(),
            copies: None,
        }
    }

    /// Notes what came and what became of it.
    pub(crate) fn note(&self, standing: Standing) {
        let reading = self.quick(standing);
        lock(&self.past).note(Flow::of(&reading, reading.time));
    }

    /// Records a piece of the engine's work that began at `start` and ends now.
    pub(crate) fn did(
        &self,
        name: &str,
        start: Moment,
        failure: Option<String>,
        counts: &[(&'static str, usize)],
    ) {
        if !self.spans.is_on() {
            return;
        }
        let whole = |count: usize| Value::Int(i64::try_from(count).unwrap_or(i64::MAX));
        let attributes = counts.iter().map(|(key, count)| (*key, whole(*count))).collect();
        let (kind, end) = (SpanKind::Internal, now());
        self.spans.record(Work { name, kind, start, end, failure, attributes });
    }
}
