//! How much room there is on the disk: looked at now and then by a thread of its own, as what answers and checks waits for
//! no disk.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tokio::{sync::oneshot, time::sleep};

use crate::state::Shared;

/// How often it is looked at.
const INTERVAL: Duration = Duration::from_secs(2);

/// What was seen longer ago than this says nothing any more: the disk does not answer.
const AGE_MAX: Duration = Duration::from_secs(15);

/// Room in the folder that the gateway runs in.
#[derive(Debug)]
pub(crate) struct Space(Mutex<(Instant, Option<u64>)>);

impl Space {
    /// As it is now; once, before anybody is answered.
    pub(crate) fn seen() -> Self {
        Self(Mutex::new((Instant::now(), free_bytes())))
    }

    /// Bytes that are free; `None` if nobody knows.
    pub(super) fn free_bytes(&self) -> Option<u64> {
        let (seen_at, bytes) = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        bytes.filter(|_| seen_at.elapsed() < AGE_MAX)
    }
}

/// Looks at it for as long as the gateway runs.
#[expect(clippy::infinite_loop, reason = "it ends with its runtime")]
pub(super) async fn run(shared: Arc<Shared>) {
    loop {
        sleep(INTERVAL).await;
        if let Some(bytes) = aside(free_bytes).await {
            *shared.space.0.lock().unwrap_or_else(PoisonError::into_inner) =
                (Instant::now(), bytes);
        }
    }
}

fn free_bytes() -> Option<u64> {
    let disk = rustix::fs::statvfs(".").ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// What comes of work that may wait for a disk, on a thread that nobody has to wait for in the end, as a runtime does for
/// those of its own; `None` where there is no thread for it.
pub(super) async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let (tell, told) = oneshot::channel();
    let work = move || {
        // Who asked may have gone on without it.
        let _told = tell.send(work());
    };
    std::thread::Builder::new().name("gateway-aside".to_owned()).spawn(work).ok()?;
    told.await.ok()
}
