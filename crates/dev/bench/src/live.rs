//! The engine as `taut up` runs it, its own threads and locks included, with several senders at once: what it
//! costs in all, and what waiting for the disk together is worth.

use std::{
    error::Error,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use config::{Settings, Sources};
use engine::Live;
use model::{Moment, Window};
use receive::{Received, Refusal, Sink as _};
use store::{Folder, Options, Store as _, Syncing};

use crate::clock::{Reading, Took};

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// From the first export to the last fact.
    pub took: Took,
    /// Requests of which a fact was kept.
    pub requests: u64,
}

/// Sends exports from `senders` threads, and waits until all of them have been looked at.
///
/// # Errors
///
/// The disk fails, or an export is no OTLP protobuf.
pub fn run(
    folder: &Path,
    exports: &[Vec<u8>],
    (senders, sync): (usize, Syncing),
) -> Result<Outcome, Box<dyn Error>> {
    let (store, _) = Folder::open(folder, Options { sync, ..Options::default() })?;
    let store = Arc::new(store);
    let mut settings = Settings::load(&Sources::default()).map_err(|error| error.to_string())?;
    settings.engine.settle = Duration::from_secs(1);
    let live = Live::new(Arc::<Folder>::clone(&store), settings)?;
    let finder = live.start()?;
    let exports: Vec<Bytes> = exports.iter().cloned().map(Bytes::from).collect();
    let next = AtomicUsize::new(0);
    let begun = Reading::now();
    thread::scope(|scope| {
        let send = || send(&live, &exports, &next);
        let senders: Vec<_> = (0..senders).map(|_| scope.spawn(send)).collect();
        senders.into_iter().try_for_each(|sender| {
            sender.join().unwrap_or_else(|_| Err("a sender met a bug".to_owned()))
        })
    })?;
    live.stop();
    if finder.join().is_err() {
        return Err("the finder met a bug".into());
    }
    let took = begun.took();
    let operations = store.operations(Window::ALL)?;
    Ok(Outcome { took, requests: operations.iter().map(|operation| operation.count).sum() })
}

/// Sends what nobody else has sent yet; comes again when asked to.
fn send(live: &Live, exports: &[Bytes], next: &AtomicUsize) -> Result<(), String> {
    while let Some(export) = exports.get(next.fetch_add(1, Ordering::Relaxed)) {
        while let Err(refusal) = offer(live, export)? {
            match refusal {
                Refusal::Busy { retry_after } => thread::sleep(retry_after / 10),
                Refusal::Full { .. } | Refusal::Failed { .. } => {
                    return Err(format!("{refusal:?}"));
                }
            }
        }
    }
    Ok(())
}

fn offer(live: &Live, export: &Bytes) -> Result<Result<(), Refusal>, String> {
    let spans = observe::otlp::decode(export).map_err(|error| error.to_string())?.spans;
    Ok(live.accept(Received { spans, otlp: Some(export.clone()), received: now() }))
}

fn now() -> Moment {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Moment { nanos: u64::try_from(since.as_nanos()).unwrap_or(u64::MAX) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::made::{Traffic, Workload};

    #[test]
    fn every_request_is_kept_however_many_send() {
        let exports = Traffic::new(Workload::Healthy, 5).exports(5_120);
        for senders in [1, 8] {
            let folder = tempfile::tempdir().unwrap();
            let outcome = run(folder.path(), &exports, (senders, Syncing::Os)).unwrap();
            assert!((500..800).contains(&outcome.requests), "{outcome:?}");
        }
    }
}
