//! What pages show of a ledger on a server. A thread of its own reads it, and no page waits long: while the server is away they
//! have what was read last, and one that fails is left alone for a while.

use std::{
    panic::{self, AssertUnwindSafe},
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use store::ledger::{Ledger, LedgerError, LedgerPlace};

use crate::{
    history::History,
    live::{in_full, lock, now},
};

/// How long a page waits for the server. Four of them read at once, so that this is what a click costs at worst.
const WAIT_MAX: Duration = Duration::from_secs(3);

/// How long a server that failed is left alone.
const AWAY: Duration = Duration::from_secs(10);

/// What is known of a ledger on a server.
#[derive(Debug, Default)]
pub(crate) struct LedgerSeen {
    state: Mutex<State>,
    told: Condvar,
}

#[derive(Debug, Default)]
struct State {
    known: Option<Arc<History>>,
    /// Why the last answer is none, and since when.
    away: Option<(Instant, String)>,
    is_asking: bool,
    /// Answers that came, of whatever kind.
    answers: u64,
    /// Answers that somebody waits for.
    wanted: u64,
}

impl LedgerSeen {
    /// What the server has, or had when it answered last. A new answer is waited for, unless it is away.
    ///
    /// # Errors
    ///
    /// It has never answered.
    pub(crate) fn read(self: &Arc<Self>, place: &LedgerPlace) -> Result<Arc<History>, LedgerError> {
        let (own, mut opened) = (place.clone(), None);
        let ask = move || -> Result<History, LedgerError> {
            let ledger = match &mut opened {
                Some(ledger) => ledger,
                None => opened.insert(Ledger::open(&own, env!("CARGO_PKG_VERSION"), now())?),
            };
            History::of(ledger)
        };
        self.read_by(ask, WAIT_MAX).map_err(|why| away(place, "read", why))
    }

    /// Why nothing can be noted in it or read from it now, where that is known without asking.
    pub(crate) fn refuses(&self, place: &LedgerPlace, action: &'static str) -> Option<LedgerError> {
        self.away().map(|why| away(place, action, why))
    }

    /// Why the server is taken to be away.
    pub(crate) fn away(&self) -> Option<String> {
        let state = lock(&self.state);
        state.away.as_ref().filter(|(since, _)| since.elapsed() < AWAY).map(|(_, why)| why.clone())
    }

    fn read_by(
        self: &Arc<Self>,
        ask: impl FnMut() -> Result<History, LedgerError> + Send + 'static,
        wait: Duration,
    ) -> Result<Arc<History>, String> {
        let mut state = lock(&self.state);
        if state.away.as_ref().is_none_or(|(since, _)| AWAY <= since.elapsed()) {
            // An answer that was asked for earlier may lack what was noted since.
            let wanted = state.answers + 1 + u64::from(state.is_asking);
            state.wanted = state.wanted.max(wanted);
            if !state.is_asking {
                let own = Arc::clone(self);
                let work = move || own.ask(ask);
                let begun = thread::Builder::new().name("ledger-pages".to_owned()).spawn(work);
                state.is_asking = begun.is_ok();
            }
            let waited = self
                .told
                .wait_timeout_while(state, wait, |state| state.is_asking && state.answers < wanted);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
            if state.answers < wanted && state.away.is_none() {
                state.away = Some((Instant::now(), "it has not answered yet".to_owned()));
            }
        }
        let why = || state.away.as_ref().map_or_else(String::new, |(_, why)| why.clone());
        state.known.clone().ok_or_else(why)
    }

    /// Asks until nobody waits for an answer that was not asked for yet.
    fn ask(&self, mut ask: impl FnMut() -> Result<History, LedgerError>) {
        loop {
            // A fault here would leave all pages waiting for an answer that never comes.
            let answer = panic::catch_unwind(AssertUnwindSafe(&mut ask));
            let mut state = lock(&self.state);
            state.answers += 1;
            match answer {
                Ok(Ok(read)) => (state.known, state.away) = (Some(Arc::new(read)), None),
                Ok(Err(error)) => state.away = Some((Instant::now(), in_full(&error))),
                Err(_panic) => {
                    let why = "reading it failed by a fault of Taut's own; its log has more";
                    state.away = Some((Instant::now(), why.to_owned()));
                }
            }
            state.is_asking = state.answers < state.wanted && state.away.is_none();
            self.told.notify_all();
            if !state.is_asking {
                return;
            }
        }
    }
}

fn away(place: &LedgerPlace, action: &'static str, why: String) -> LedgerError {
    LedgerError::Server { action, server: place.name(), source: why.into() }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        atomic::{AtomicU64, Ordering::Relaxed},
        mpsc,
    };

    use super::*;

    const SHORT: Duration = Duration::from_millis(20);
    const LONG: Duration = Duration::from_mins(5);

    #[test]
    fn a_ledger_that_does_not_answer_holds_nobody_up() {
        let seen = Arc::<LedgerSeen>::default();
        assert_eq!(seen.read_by(|| Ok(History::default()), LONG).unwrap().notes.len(), 0);
        assert_eq!(seen.away(), None);
        let (answer, waits) = mpsc::channel::<()>();
        let asked = Arc::<AtomicU64>::default();
        let own = Arc::clone(&asked);
        let frozen = move || {
            own.fetch_add(1, Relaxed);
            // Until the test drops its end.
            let _done = waits.recv();
            Ok(History::default())
        };
        seen.read_by(frozen, SHORT).expect("what was read last");
        assert_eq!(seen.away().as_deref(), Some("it has not answered yet"));
        // Whoever comes now does not wait, and asks no more: this would take as long as the test may.
        for _ in 0..100 {
            seen.read_by(|| unreachable!("it is left alone"), LONG).expect("what was read last");
        }
        assert!(asked.load(Relaxed) <= 1);
        drop(answer);
    }

    #[test]
    fn a_ledger_that_fails_is_left_alone_and_says_why() {
        let seen = Arc::<LedgerSeen>::default();
        let place = LedgerPlace {
            folder: "/s".into(),
            server: Some("postgresql://me:secret@db.internal/taut".to_owned()),
        };
        let fails = || Err(LedgerError::TooLong { bytes: 7 });
        let why = seen.read_by(fails, LONG).unwrap_err();
        assert_eq!(why, "an entry of 7 bytes is too long for the ledger");
        seen.read_by(|| unreachable!("it is left alone"), LONG).unwrap_err();
        let error = seen.refuses(&place, "write").unwrap();
        assert_eq!(error.to_string(), "failed to write the ledger at `db.internal:5432/taut`");
    }

    #[test]
    fn a_fault_while_reading_leaves_nobody_waiting() {
        let seen = Arc::<LedgerSeen>::default();
        let why = seen.read_by(|| panic!("a fault that is meant"), LONG).unwrap_err();
        assert!(why.starts_with("reading it failed by a fault"), "{why}");
        assert!(!lock(&seen.state).is_asking);
    }
}
