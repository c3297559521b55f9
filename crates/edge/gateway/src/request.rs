//! One request from its head to the last byte of its answer: what is counted of it when it ends, however it ends.

use std::{
    cell::{Cell, OnceCell},
    rc::Rc,
    sync::{Arc, atomic::Ordering},
    time::Instant,
};

use traffic::canary::Drawn;

use crate::{
    canary::Canary,
    clock,
    local::Local,
    member::Member,
    tracing::{self, Record},
    worker::Worker,
};

/// Counts a request when it is dropped.
#[derive(Debug)]
pub(crate) struct Finish {
    worker: Rc<Worker>,
    began: Instant,
    method: usize,
    /// The number of its route, from 1; 0 for none.
    pub(crate) route: usize,
    pub(crate) status: u16,
    bytes: u64,
    end: End,
    /// Whether it was given up because it took too long.
    late: OnceCell<Rc<Cell<bool>>>,
    pub(crate) busy: Option<Busy>,
    /// Where it is told, if anybody wants to know.
    pub(crate) record: Option<Rc<Record>>,
    /// The version that answers it, where two are compared.
    pub(crate) canary: Option<(Arc<Canary>, Drawn)>,
    /// Whether no client asked for it: only what it means for the member counts.
    silent: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum End {
    /// The client went away before the end, unless told otherwise.
    Open,
    Whole,
    Broken,
}

/// What log analysis calls a request whose client went away: nginx's 499, which is no status that is ever sent.
const CLIENT_GONE: u16 = 499;

impl Finish {
    pub(crate) fn new(worker: &Rc<Worker>, method: usize, began: Instant) -> Self {
        worker.count(crate::metrics::Counts::began);
        Self {
            worker: Rc::clone(worker),
            began,
            method,
            route: 0,
            status: CLIENT_GONE,
            bytes: 0,
            end: End::Open,
            late: OnceCell::new(),
            busy: None,
            record: None,
            canary: None,
            silent: false,
        }
    }

    /// For a request that no client waits for.
    pub(crate) fn silent(worker: &Rc<Worker>, began: Instant) -> Self {
        Self {
            worker: Rc::clone(worker),
            began,
            method: 0,
            route: 0,
            status: CLIENT_GONE,
            bytes: 0,
            end: End::Open,
            late: OnceCell::new(),
            busy: None,
            record: None,
            canary: None,
            silent: true,
        }
    }

    /// Goes on where another one has come to.
    pub(crate) fn goes_on(&mut self, before: &Self) {
        self.bytes += before.bytes;
        match before.end {
            End::Open => {}
            End::Whole => self.whole(),
            End::Broken => self.broke(),
        }
    }

    /// Where to say that it is given up because it takes too long.
    pub(crate) fn late(&self) -> Rc<Cell<bool>> {
        Rc::clone(self.late.get_or_init(Rc::default))
    }

    /// So many bytes of the answer were passed on.
    pub(crate) fn sent(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
    }

    /// All of it was.
    pub(crate) fn whole(&mut self) {
        self.end = End::Whole;
        // The member is done, however long the client takes to read.
        self.busy = None;
    }

    /// All of the answer was its head: another protocol follows, whose end, however it comes, is no end of the answer. The member
    /// is busy until then.
    pub(crate) fn switched(&mut self) {
        self.end = End::Whole;
    }

    /// The member broke it off.
    pub(crate) fn broke(&mut self) {
        self.end = End::Broken;
    }
}

impl Drop for Finish {
    fn drop(&mut self) {
        let broken = self.end == End::Broken;
        if let Some(busy) = self.busy.as_ref().filter(|_| broken) {
            busy.member.failures.fetch_add(1, Ordering::Relaxed);
        }
        if self.silent {
            return;
        }
        let status = match self.end {
            End::Open if self.late.get().is_some_and(|late| late.get()) => 504,
            End::Open => CLIENT_GONE,
            End::Whole | End::Broken => self.status,
        };
        let took = self.began.elapsed();
        let (route, method, bytes) = (self.route, self.method, self.bytes);
        self.worker.count(|counts| {
            counts.request(route, method, status, took);
            counts.sent(bytes, broken);
        });
        // Who went away says nothing about who should have answered.
        if let Some((canary, drawn)) = self.canary.take().filter(|_| status != CLIENT_GONE) {
            canary.record(drawn, took, broken || 500 <= status, clock::now());
        }
        if let Some(record) = self.record.take() {
            let end = match self.end {
                End::Open if status == CLIENT_GONE => tracing::End::Gone,
                End::Open | End::Whole => tracing::End::Whole,
                End::Broken => tracing::End::Broken,
            };
            record.end(status, took, bytes, end);
        }
    }
}

/// A member has a request in flight, until this is dropped.
#[derive(Debug)]
pub(crate) struct Busy {
    pub(crate) member: Arc<Member>,
    local: Rc<Local>,
    service: usize,
    /// Requests of this thread to the service when this one was sent, itself included.
    pub(crate) in_flight: u32,
}

impl Busy {
    pub(crate) fn new(member: &Arc<Member>, local: &Rc<Local>, service: usize) -> Self {
        member.in_flight.fetch_add(1, Ordering::Relaxed);
        member.requests.fetch_add(1, Ordering::Relaxed);
        let count = &local.services[service].in_flight;
        count.set(count.get() + 1);
        let in_flight = count.get();
        Self { member: Arc::clone(member), local: Rc::clone(local), service, in_flight }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.member.in_flight.fetch_sub(1, Ordering::Relaxed);
        let count = &self.local.services[self.service].in_flight;
        count.set(count.get() - 1);
    }
}
