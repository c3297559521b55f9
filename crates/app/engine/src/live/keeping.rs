//! Log records and metrics on their way to the store. Nothing is concluded from them yet: they are kept and shown.

use std::time::Instant;

use model::{LogRecord, Metric};
use receive::{Keeper, ReceivedItems, Refusal};
use store::{Items, StoreError};

use super::Live;
use crate::metrics::{Kept, counted};

impl Keeper<LogRecord> for Live {
    fn keep(&self, batch: ReceivedItems<LogRecord>) -> Result<(), Refusal> {
        let count = batch.items.len();
        let kept = |items: &Items<'_, LogRecord>| self.store.append_logs(items);
        self.keep_items(&batch, count, &self.own.counts.log_records, kept)
    }
}

impl Keeper<Metric> for Live {
    fn keep(&self, batch: ReceivedItems<Metric>) -> Result<(), Refusal> {
        let count = batch.items.iter().map(|metric| metric.points.len()).sum();
        let kept = |items: &Items<'_, Metric>| self.store.append_metrics(items);
        self.keep_items(&batch, count, &self.own.counts.data_points, kept)
    }
}

impl Live {
    fn keep_items<T>(
        &self,
        batch: &ReceivedItems<T>,
        count: usize,
        counts: &Kept,
        append: impl FnOnce(&Items<'_, T>) -> Result<(), StoreError>,
    ) -> Result<(), Refusal> {
        let _in_flight = self.own.counts.batch();
        let ReceivedItems { items, otlp, received } = batch;
        let begun = Instant::now();
        let appended = append(&Items { items, otlp: otlp.as_deref(), received: *received });
        self.own.counts.append.add(begun.elapsed());
        let outcome = appended.map_err(|error| self.refuse(&error));
        let counter = match &outcome {
            Ok(()) => &counts.kept,
            Err(Refusal::Full { .. }) => &counts.full,
            Err(Refusal::Busy { .. } | Refusal::Failed { .. }) => &counts.failed,
        };
        counted(counter, count);
        outcome
    }
}
