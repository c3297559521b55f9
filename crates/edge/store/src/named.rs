//! Traces that findings name: they stay when their blocks are thinned, which is long after.
//!
//! Kept in a document, written anew when there are new ones: a finding shows a few traces, and new ones now and then.

use std::collections::BTreeMap;

use model::{Moment, TraceId};

use crate::{Folder, Store as _, StoreError, disk};

/// The document.
const DOCUMENT: &str = "named-traces";

/// Traces that are remembered at most, the newest: a megabyte.
const NAMED_MAX: usize = 50_000;

/// Traces, and when they were first named.
#[derive(Debug, Default)]
pub(crate) struct Named(Option<BTreeMap<TraceId, Moment>>);

impl Folder {
    /// See [`crate::Store::remember`].
    pub(crate) fn remember_traces(
        &self,
        traces: &[TraceId],
        now: Moment,
    ) -> Result<(), StoreError> {
        let mut named = disk::lock(&self.named);
        let known = named.load(self)?;
        let before = known.len();
        for trace in traces {
            known.entry(*trace).or_insert(now);
        }
        if known.len() == before {
            return Ok(());
        }
        if NAMED_MAX < known.len() {
            let mut ages: Vec<(Moment, TraceId)> =
                known.iter().map(|(trace, named)| (*named, *trace)).collect();
            ages.sort_unstable();
            for (_, trace) in &ages[..known.len() - NAMED_MAX] {
                known.remove(trace);
            }
        }
        let mut bytes = Vec::with_capacity(known.len() * 24);
        for (trace, named) in known.iter() {
            bytes.extend_from_slice(&trace.0);
            bytes.extend_from_slice(&named.nanos.to_le_bytes());
        }
        let saved = self.save_document(DOCUMENT, &bytes);
        if saved.is_err() {
            // What is not on the disk is told again.
            named.0 = None;
        }
        saved
    }

    /// Traces that findings name or named.
    pub(crate) fn named_traces(&self) -> Result<Vec<TraceId>, StoreError> {
        let mut named = disk::lock(&self.named);
        Ok(named.load(self)?.keys().copied().collect())
    }
}

impl Named {
    fn load(&mut self, folder: &Folder) -> Result<&mut BTreeMap<TraceId, Moment>, StoreError> {
        if self.0.is_none() {
            let bytes = match folder.load_document(DOCUMENT) {
                Ok(bytes) => bytes.unwrap_or_default(),
                // What was named is lost, and will be written anew.
                Err(StoreError::Damaged { .. }) => Vec::new(),
                Err(error) => return Err(error),
            };
            let (records, _) = bytes.as_chunks::<24>();
            let record = |record: &[u8; 24]| {
                let (id, nanos) = record.split_first_chunk::<16>()?;
                let nanos = u64::from_le_bytes(nanos.try_into().ok()?);
                Some((TraceId(*id), Moment { nanos }))
            };
            self.0 = Some(records.iter().filter_map(record).collect());
        }
        Ok(self.0.get_or_insert_default())
    }
}
