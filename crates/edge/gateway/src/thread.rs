//! Threads of the gateway, each with a runtime of its own.

use std::{io, sync::mpsc, thread::JoinHandle, time::Duration};

use tokio::runtime::{Builder, LocalOptions};

/// How long a thread that is done waits for what it handed to others and cannot be broken off: looking a name up as the system
/// does may take many seconds.
const HANDED_TIME_MAX: Duration = Duration::from_millis(100);

/// Starts a thread that does this, and ends with it.
///
/// # Errors
///
/// There is no thread, or no runtime.
pub(crate) fn spawn<F: Future<Output = ()>>(
    name: String,
    run: impl FnOnce() -> F + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    // Built there, so that what fails is told.
    let (told, hears) = mpsc::channel();
    let handle = std::thread::Builder::new().name(name).spawn(move || {
        let runtime =
            Builder::new_current_thread().enable_all().build_local(LocalOptions::default());
        match runtime {
            Ok(runtime) => {
                let _heard = told.send(Ok(()));
                runtime.block_on(run());
                runtime.shutdown_timeout(HANDED_TIME_MAX);
            }
            Err(error) => drop(told.send(Err(error))),
        }
    })?;
    hears.recv().map_err(io::Error::other)??;
    Ok(handle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_waits_in_the_end_for_what_does_not_come_back() {
        let (end, ends) = mpsc::channel::<()>();
        let thread = spawn("test".to_owned(), move || async move {
            let (begin, begun) = tokio::sync::oneshot::channel();
            // As a name server that does not answer.
            drop(tokio::task::spawn_blocking(move || {
                let _told = begin.send(());
                let _ended = ends.recv();
            }));
            begun.await.expect("it began");
        });
        thread.expect("there is a thread").join().expect("it ended");
        // Not before.
        drop(end);
    }
}
