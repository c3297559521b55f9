//! Deadlines of one thread's connections, looked at twenty times a second: setting one is a store, where a timer
//! of its own for each request would be a tree to search.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    task::Waker,
    time::{Duration, Instant, SystemTime},
};

use tokio::{sync::Notify, time::sleep};

use crate::worker::Worker;

/// How exact deadlines are.
const TICK: Duration = Duration::from_millis(50);

/// Deadlines, and whom to wake.
#[derive(Debug)]
pub(crate) struct Ticker {
    began: Instant,
    now: Cell<u64>,
    deadlines: RefCell<Vec<u64>>,
    wakers: RefCell<Vec<Option<Waker>>>,
    free: RefCell<Vec<usize>>,
    open: Cell<usize>,
    someone: Notify,
    date: RefCell<String>,
    date_second: Cell<u64>,
}

/// A point in time, in ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Deadline(u64);

impl Deadline {
    /// None.
    pub(crate) const NEVER: Self = Self(u64::MAX);
}

impl Default for Ticker {
    fn default() -> Self {
        let ticker = Self {
            began: Instant::now(),
            now: Cell::new(0),
            deadlines: RefCell::default(),
            wakers: RefCell::default(),
            free: RefCell::default(),
            open: Cell::new(0),
            someone: Notify::new(),
            date: RefCell::default(),
            date_second: Cell::new(0),
        };
        ticker.read_clock();
        ticker
    }
}

impl Ticker {
    /// After so long, and a tick at most besides.
    pub(crate) fn after(&self, time: Duration) -> Deadline {
        let ticks = time.as_nanos().div_ceil(TICK.as_nanos());
        let ticks = u64::try_from(ticks).unwrap_or(u64::MAX);
        Deadline(self.now.get().saturating_add(ticks).saturating_add(1))
    }

    /// Whether it is past.
    pub(crate) fn is_past(&self, deadline: Deadline) -> bool {
        deadline.0 <= self.now.get()
    }

    /// The value of `Date`, for now.
    pub(crate) fn with_date<T>(&self, then: impl FnOnce(&str) -> T) -> T {
        then(&self.date.borrow())
    }

    fn read_clock(&self) {
        let ticks = self.began.elapsed().as_nanos() / TICK.as_nanos();
        self.now.set(u64::try_from(ticks).unwrap_or(u64::MAX));
        let now = SystemTime::now();
        let second = now.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
        if self.date_second.replace(second) != second || self.date.borrow().is_empty() {
            *self.date.borrow_mut() = httpdate::fmt_http_date(now);
        }
    }

    fn wake(&self, all: bool) {
        let now = self.now.get();
        let deadlines = self.deadlines.borrow();
        let past = deadlines.iter().enumerate().filter(|(_, deadline)| all || **deadline <= now);
        let wakers = self.wakers.borrow();
        for (place, _) in past {
            if let Some(Some(waker)) = wakers.get(place) {
                waker.wake_by_ref();
            }
        }
    }
}

/// Looks at deadlines for as long as the thread runs.
#[expect(clippy::infinite_loop, reason = "it ends with the runtime that it is in")]
pub(crate) async fn run(worker: Rc<Worker>) {
    let ticker = &worker.ticker;
    loop {
        if ticker.open.get() == 0 {
            ticker.someone.notified().await;
        }
        sleep(TICK).await;
        ticker.read_clock();
        ticker.wake(worker.shared.is_stopping());
    }
}

/// A connection's deadline; none once this is dropped.
#[derive(Debug)]
pub(crate) struct Watched {
    worker: Rc<Worker>,
    place: usize,
}

impl Watched {
    /// The deadline of the task of this waker: no other may wait with it.
    pub(crate) fn new(worker: &Rc<Worker>, waker: &Waker) -> Self {
        let ticker = &worker.ticker;
        if ticker.open.replace(ticker.open.get() + 1) == 0 {
            // Nobody has looked at the clock for as long as there was nobody.
            ticker.read_clock();
            ticker.someone.notify_one();
        }
        let free = ticker.free.borrow_mut().pop();
        let place = free.unwrap_or_else(|| {
            ticker.deadlines.borrow_mut().push(u64::MAX);
            let mut wakers = ticker.wakers.borrow_mut();
            wakers.push(None);
            wakers.len() - 1
        });
        ticker.wakers.borrow_mut()[place] = Some(waker.clone());
        Self { worker: Rc::clone(worker), place }
    }

    /// From now on this counts.
    pub(crate) fn set(&self, deadline: Deadline) {
        self.worker.ticker.deadlines.borrow_mut()[self.place] = deadline.0;
    }

    /// Whether it is past.
    pub(crate) fn is_past(&self) -> bool {
        let ticker = &self.worker.ticker;
        ticker.deadlines.borrow()[self.place] <= ticker.now.get()
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let ticker = &self.worker.ticker;
        ticker.deadlines.borrow_mut()[self.place] = u64::MAX;
        ticker.wakers.borrow_mut()[self.place] = None;
        ticker.free.borrow_mut().push(self.place);
        ticker.open.set(ticker.open.get() - 1);
    }
}
