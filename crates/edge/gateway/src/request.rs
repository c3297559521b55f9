//! One request from its head to the last byte of its answer: what is counted of it when it ends, however it ends.

use std::{
    cell::{Cell, OnceCell},
    rc::Rc,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use traffic::canary::Drawn;

use crate::{
    canary::Canary,
    clock,
    local::Local,
    member::Member,
    metrics::{Labels, Scheme},
    send,
    tracing::{self, Record},
    worker::Worker,
};

/// Counts a request when it is dropped.
#[derive(Debug)]
pub(crate) struct Finish {
    worker: Rc<Worker>,
    began: Instant,
    method: usize,
    scheme: Scheme,
    /// The number of its route, from 1; 0 for none.
    pub(crate) route: usize,
    pub(crate) status: u16,
    /// Why the gateway itself answered; empty if it did not.
    pub(crate) refused: &'static str,
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
    pub(crate) fn new(worker: &Rc<Worker>, method: usize, scheme: Scheme, began: Instant) -> Self {
        worker.count(|counts| counts.began(method, scheme));
        Self {
            worker: Rc::clone(worker),
            began,
            method,
            scheme,
            route: 0,
            status: CLIENT_GONE,
            refused: "",
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
            scheme: Scheme::Http,
            route: 0,
            status: CLIENT_GONE,
            refused: "",
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

    /// What is left of the time that all of it may take.
    pub(crate) fn left_of(&self, total: Duration) -> Duration {
        total.saturating_sub(self.began.elapsed())
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
        // How long that goes on says nothing about the version that agreed to it.
        if let Some((canary, drawn)) = self.canary.take() {
            canary.record(drawn, self.began.elapsed(), false, clock::now());
        }
    }

    /// The member broke it off.
    pub(crate) fn broke(&mut self) {
        self.end = End::Broken;
    }

    /// What it is counted under.
    fn labels(&self, status: u16, end: tracing::End) -> Labels {
        // Who went away got what was passed on by then, if anything was.
        let status = match end {
            tracing::End::Gone => Some(self.status).filter(|status| *status != CLIENT_GONE),
            _ => Some(status),
        };
        let error = match (end, status) {
            // What is the client's doing is no error.
            (tracing::End::Whole, Some(500..)) => self.refused,
            _ => end.error_type(),
        };
        Labels { method: self.method, scheme: self.scheme, status, error }
    }
}

impl Drop for Finish {
    fn drop(&mut self) {
        let late = self.late.get().is_some_and(|late| late.get());
        let (status, end) = match self.end {
            End::Open if late => {
                let refusal = send::too_late();
                self.refused = refusal.reason;
                (refusal.status.as_u16(), tracing::End::Whole)
            }
            End::Open => (CLIENT_GONE, tracing::End::Gone),
            End::Whole => (self.status, tracing::End::Whole),
            End::Broken => (self.status, tracing::End::Broken),
        };
        let broken = end == tracing::End::Broken;
        if let Some(busy) = self.busy.as_ref().filter(|_| broken) {
            busy.member.failures.fetch_add(1, Ordering::Relaxed);
        }
        if self.silent {
            return;
        }
        let took = self.began.elapsed();
        let (route, bytes, labels) = (self.route, self.bytes, self.labels(status, end));
        self.worker.count(|counts| {
            counts.request(route, labels, took);
            counts.sent(bytes, broken);
        });
        // Who went away says nothing about who should have answered.
        if let Some((canary, drawn)) = self.canary.take().filter(|_| end != tracing::End::Gone) {
            canary.record(drawn, took, broken || 500 <= status, clock::now());
        }
        if let Some(record) = self.record.take() {
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
