//! Bodies of requests: read within bounds, or drained so that the answer arrives.

use std::{sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{
    counters::{Counters, Level},
    fault::Fault,
};

/// The bytes that all requests may hold together, counted in units so that they fit a semaphore.
#[derive(Debug, Clone)]
pub(crate) struct Budget {
    units: Arc<Semaphore>,
    counters: Arc<Counters>,
    retry_after: Duration,
}

/// What one request holds of the budget; given back when dropped.
#[derive(Debug)]
pub(crate) struct Held {
    budget: Budget,
    permit: Option<OwnedSemaphorePermit>,
    bytes_used: usize,
    level: Level<Arc<Counters>>,
}

/// Large enough that a request takes a handful of permits, small enough to be fair.
const UNIT_BYTES: usize = 16 << 10;

impl Budget {
    pub(crate) fn new(bytes: usize, counters: Arc<Counters>, retry_after: Duration) -> Self {
        let units = bytes.div_ceil(UNIT_BYTES).min(Semaphore::MAX_PERMITS);
        Self { units: Arc::new(Semaphore::new(units)), counters, retry_after }
    }

    pub(crate) fn hold(&self) -> Held {
        let level = Level::new(Arc::clone(&self.counters), |counters| &counters.bytes_in_flight, 0);
        Held { budget: self.clone(), permit: None, bytes_used: 0, level }
    }
}

impl Held {
    /// Takes another `bytes` of the budget.
    pub(crate) fn grow(&mut self, bytes: usize) -> Result<(), Fault> {
        self.bytes_used += bytes;
        let held = self.permit.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let missing = self.bytes_used.div_ceil(UNIT_BYTES).saturating_sub(held);
        if missing > 0 {
            let busy = || Fault::busy("bytes", self.budget.retry_after);
            let units = u32::try_from(missing).ok().ok_or_else(busy)?;
            let more = Arc::clone(&self.budget.units)
                .try_acquire_many_owned(units)
                .ok()
                .ok_or_else(busy)?;
            match &mut self.permit {
                Some(permit) => permit.merge(more),
                None => self.permit = Some(more),
            }
        }
        self.level.grow(u64::try_from(bytes).unwrap_or(u64::MAX));
        Ok(())
    }
}

/// Reads all of `body`, at most `bytes_max` bytes.
pub(crate) async fn read(
    body: &mut Incoming,
    bytes_max: usize,
    held: &mut Held,
) -> Result<Bytes, Fault> {
    let mut all = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            Fault::malformed(format!("the body ended early after {} bytes: {error}", all.len()))
        })?;
        // Trailers of a request mean nothing in OTLP.
        let Ok(data) = frame.into_data() else { continue };
        if bytes_max < all.len().saturating_add(data.len()) {
            return Err(Fault::too_large(bytes_max));
        }
        held.grow(data.len())?;
        if all.is_empty() && body.is_end_stream() {
            return Ok(data);
        }
        all.extend_from_slice(&data);
    }
    Ok(all.freeze())
}

/// Time for which what is sent nevertheless is thrown away. A sender that is still writing when the
/// connection closes sees a reset instead of the answer, and tries in vain for ever.
const DRAIN_TIME_MAX: Duration = Duration::from_secs(2);

/// Throws the rest of `body` away, for a while.
pub(crate) async fn drain(body: &mut Incoming) {
    let rest = async { while let Some(Ok(_)) = body.frame().await {} };
    // Past the time hyper closes the connection after the answer, which is all there is to do.
    drop(tokio::time::timeout(DRAIN_TIME_MAX, rest).await);
}
