//! A body on its way into the cache, and to everybody who reads it meanwhile, each at their own pace.
//!
//! Up to what is stored all of it is kept. Past that it is only passed on, to the one who asked first, and what was
//! read is let go of: then the member is read no faster than the client reads.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    task::{Context, Poll, Waker},
};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, StatusCode};
use hyper::body::{Frame, SizeHint};
use tokio::sync::Notify;
use traffic::cache::{Policy, Selecting};

use super::lock;
use crate::{body::Fault, request::Finish};

/// A body on its way.
#[derive(Debug)]
pub(crate) struct Filling {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) policy: Policy,
    pub(super) selecting: Selecting,
    /// Its length, if it was told.
    pub(super) length: Option<u64>,
    state: Mutex<State>,
    /// Somebody read on, or went away.
    drained: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// Parts that were let go of.
    gone: usize,
    parts: VecDeque<Bytes>,
    bytes: u64,
    trailers: Option<HeaderMap>,
    end: Option<Result<(), Fault>>,
    /// Whether it is only passed on.
    passes: bool,
    readers: usize,
    wakers: Vec<Waker>,
}

/// Bytes that are read ahead of the client where a body is only passed on.
const AHEAD_BYTES_MAX: u64 = 256 << 10;

impl Filling {
    pub(super) fn new(
        (status, headers): (StatusCode, HeaderMap),
        (policy, selecting): (Policy, Selecting),
        length: Option<u64>,
    ) -> Self {
        let (state, drained) = (Mutex::default(), Notify::new());
        Self { status, headers, policy, selecting, length, state, drained }
    }

    /// Somebody who reads it from its beginning; while it is kept.
    pub(super) fn reader(self: &Arc<Self>, finish: Finish) -> Reader {
        lock(&self.state).readers += 1;
        Reader { filling: Arc::clone(self), next: 0, sent: 0, finish, trailers: false }
    }

    /// Adds a part. How many bytes are held now.
    pub(super) fn add(&self, part: Bytes) -> u64 {
        let mut state = lock(&self.state);
        state.bytes += part.len() as u64;
        state.parts.push_back(part);
        let bytes = state.bytes;
        state.wake();
        bytes
    }

    pub(super) fn add_trailers(&self, trailers: HeaderMap) {
        lock(&self.state).trailers = Some(trailers);
    }

    /// It has ended.
    pub(super) fn end(&self, end: Result<(), Fault>) {
        let mut state = lock(&self.state);
        if state.end.is_none() {
            state.end = Some(end);
        }
        state.wake();
    }

    /// From now on it is only passed on.
    pub(super) fn pass(&self) {
        lock(&self.state).passes = true;
    }

    /// Waits until there is room for more. `false` once nobody reads it any more.
    pub(super) async fn room(&self) -> bool {
        loop {
            let drained = self.drained.notified();
            {
                let state = lock(&self.state);
                if state.readers == 0 {
                    return false;
                }
                if state.bytes < AHEAD_BYTES_MAX {
                    return true;
                }
            }
            drained.await;
        }
    }

    /// All of it, in one piece of just its size.
    pub(super) fn whole(&self) -> Bytes {
        let state = lock(&self.state);
        let mut whole = BytesMut::with_capacity(usize::try_from(state.bytes).unwrap_or(0));
        for part in &state.parts {
            whole.extend_from_slice(part);
        }
        whole.freeze()
    }
}

impl State {
    fn wake(&mut self) {
        for waker in self.wakers.drain(..) {
            waker.wake();
        }
    }
}

/// Keeps a body for somebody who is about to read it.
#[derive(Debug)]
pub(crate) struct Hold(Arc<Filling>);

impl Hold {
    pub(super) fn new(filling: &Arc<Filling>) -> Self {
        lock(&filling.state).readers += 1;
        Self(Arc::clone(filling))
    }

    pub(super) fn filling(&self) -> &Arc<Filling> {
        &self.0
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        lock(&self.0.state).readers -= 1;
        self.0.drained.notify_one();
    }
}

/// Somebody who reads a body on its way.
#[derive(Debug)]
pub(crate) struct Reader {
    filling: Arc<Filling>,
    /// The part that is read next, counted from the first there ever was.
    next: usize,
    sent: u64,
    finish: Finish,
    trailers: bool,
}

impl Reader {
    pub(crate) fn poll(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Fault>>> {
        let mut state = lock(&self.filling.state);
        let place = self.next.saturating_sub(state.gone);
        if let Some(part) = state.parts.get(place).cloned() {
            self.next += 1;
            if state.passes {
                // It is the only one who reads it.
                while state.gone < self.next {
                    let Some(part) = state.parts.pop_front() else { break };
                    state.bytes -= part.len() as u64;
                    state.gone += 1;
                }
                self.filling.drained.notify_one();
            }
            drop(state);
            self.sent += part.len() as u64;
            self.finish.sent(part.len());
            return Poll::Ready(Some(Ok(Frame::data(part))));
        }
        match state.end {
            None => {
                if !state.wakers.iter().any(|waker| waker.will_wake(context.waker())) {
                    state.wakers.push(context.waker().clone());
                }
                Poll::Pending
            }
            Some(Ok(())) => {
                let trailers = state.trailers.clone().filter(|_| !self.trailers);
                drop(state);
                self.finish.whole();
                self.trailers = true;
                Poll::Ready(trailers.map(|trailers| Ok(Frame::trailers(trailers))))
            }
            Some(Err(fault)) => {
                drop(state);
                self.finish.broke();
                Poll::Ready(Some(Err(fault)))
            }
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        let state = lock(&self.filling.state);
        let all = state.gone + state.parts.len() <= self.next;
        all && state.end == Some(Ok(())) && (self.trailers || state.trailers.is_none())
    }

    pub(crate) fn size_hint(&self) -> SizeHint {
        let left = self.filling.length.map(|length| length.saturating_sub(self.sent));
        left.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        if self.is_over() {
            // Who is told the length may stop before it is told the end.
            self.finish.whole();
        }
        lock(&self.filling.state).readers -= 1;
        self.filling.drained.notify_one();
    }
}
