//! Looks at something that may take long, or hang, for whoever asks all the time: one at a time, each good for a while.

use std::time::{Duration, Instant};

use tokio::{
    sync::Mutex,
    task::{JoinHandle, spawn_blocking},
    time::timeout,
};

/// How long an answer waits for one: Kubernetes gives a probe one second unless told otherwise.
const WAIT_MAX: Duration = Duration::from_millis(800);

/// It took too long, or failed by a fault of Taut's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Late;

/// What was seen last, and the look that goes on.
#[derive(Debug)]
pub(crate) struct Look<T> {
    good_for: Duration,
    state: Mutex<State<T>>,
}

#[derive(Debug)]
struct State<T> {
    /// When, and what.
    seen: Option<(Instant, Result<T, Late>)>,
    looking: Option<JoinHandle<T>>,
}

impl<T: Copy + Send + 'static> Look<T> {
    /// One whose answers are good for so long.
    pub(crate) fn new(good_for: Duration) -> Self {
        Self { good_for, state: Mutex::new(State { seen: None, looking: None }) }
    }

    /// What was seen a moment ago, or is seen now. `look` may block.
    ///
    /// # Errors
    ///
    /// It takes too long.
    pub(crate) async fn at(&self, look: impl FnOnce() -> T + Send + 'static) -> Result<T, Late> {
        let mut state = self.state.lock().await;
        let is_done = state.looking.as_ref().is_some_and(JoinHandle::is_finished);
        if let Some((when, seen)) = state.seen
            && when.elapsed() < self.good_for
            && !is_done
        {
            return seen;
        }
        // One that hangs is waited for, not begun again.
        let looking = state.looking.get_or_insert_with(|| spawn_blocking(look));
        let looked = timeout(WAIT_MAX, looking).await;
        let seen = match looked {
            Ok(done) => {
                state.looking = None;
                done.map_err(|_panic| Late)
            }
            Err(_elapsed) => Err(Late),
        };
        state.seen = Some((Instant::now(), seen));
        seen
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
        mpsc,
    };

    use super::*;

    const LONG: Duration = Duration::from_mins(5);

    #[tokio::test]
    async fn one_look_is_good_for_a_while() {
        let (long, none) = (Look::new(LONG), Look::new(Duration::ZERO));
        assert_eq!((long.at(|| 1).await, long.at(|| 2).await), (Ok(1), Ok(1)));
        assert_eq!((none.at(|| 1).await, none.at(|| 2).await), (Ok(1), Ok(2)));
        let fault = Look::new(LONG).at(|| -> u8 { panic!("a fault that is meant") }).await;
        assert_eq!(fault, Err(Late));
    }

    #[tokio::test]
    async fn one_that_hangs_holds_nobody_up_and_is_not_begun_again() {
        let look = Look::new(LONG);
        let begun = Arc::<AtomicU32>::default();
        let (go_on, waits) = mpsc::channel::<()>();
        let own = Arc::clone(&begun);
        let hangs = move || {
            own.fetch_add(1, Relaxed);
            // Until the test says so.
            let _told = waits.recv();
            7
        };
        assert_eq!(look.at(hangs).await, Err(Late));
        for _ in 0..100 {
            let own = Arc::clone(&begun);
            let again = look.at(move || {
                own.fetch_add(1, Relaxed);
                8
            });
            assert_eq!(again.await, Err(Late));
        }
        assert_eq!(begun.load(Relaxed), 1);
        go_on.send(()).unwrap();
        // As soon as it is done it is told.
        let mut seen = Err(Late);
        while seen.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
            seen = look.at(|| 9).await;
        }
        assert_eq!(seen, Ok(7));
    }
}
