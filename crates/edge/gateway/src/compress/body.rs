//! A body that is compressed while it passes.

use std::{
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::HeaderMap;
use hyper::body::{Body as _, Frame};

use super::Coder;
use crate::{
    body::{Answer, Fault},
    tracing::Record,
    worker::Worker,
};

/// What is taken in at once: some tenths of a millisecond, as other requests of the thread wait meanwhile.
const PIECE_BYTES: usize = 32 << 10;

/// What is sent on without waiting for more.
const ENOUGH_BYTES: usize = 16 << 10;

/// A body on its way through an encoder.
pub(crate) struct Coded {
    worker: Rc<Worker>,
    record: Option<Rc<Record>>,
    inner: Answer,
    coder: Coder,
    /// Whether somebody may wait for what came while nothing more comes.
    flushes: bool,
    /// What came and was not taken in yet.
    held: Bytes,
    /// What is ready.
    out: Vec<u8>,
    /// Whether something was taken in since the last flush.
    unflushed: bool,
    ended: bool,
    trailers: Option<HeaderMap>,
}

impl Coded {
    pub(super) fn new(
        worker: &Rc<Worker>,
        record: Option<Rc<Record>>,
        inner: Answer,
        (coder, flushes): (Coder, bool),
    ) -> Self {
        Self {
            worker: Rc::clone(worker),
            record,
            inner,
            coder,
            flushes,
            held: Bytes::new(),
            out: Vec::new(),
            unflushed: false,
            ended: false,
            trailers: None,
        }
    }

    /// The next piece.
    pub(crate) fn poll(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Fault>>> {
        loop {
            if ENOUGH_BYTES <= self.out.len() || (self.ended && !self.out.is_empty()) {
                return Poll::Ready(Some(Ok(self.ready())));
            }
            if self.ended {
                return Poll::Ready(self.trailers.take().map(|lines| Ok(Frame::trailers(lines))));
            }
            if !self.held.is_empty() {
                let piece = self.held.split_to(PIECE_BYTES.min(self.held.len()));
                self.coder.feed(&piece, &mut self.out).map_err(|_bug| Fault::Broken)?;
                self.unflushed = true;
                continue;
            }
            match Pin::new(&mut self.inner).poll_frame(context) {
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => self.held = data,
                    Err(frame) => {
                        self.trailers = frame.into_trailers().ok();
                        self.end()?;
                    }
                },
                Poll::Ready(Some(Err(fault))) => return Poll::Ready(Some(Err(fault))),
                Poll::Ready(None) => self.end()?,
                Poll::Pending if !self.flushes => return Poll::Pending,
                Poll::Pending => {
                    if self.unflushed {
                        self.coder.flush(&mut self.out).map_err(|_bug| Fault::Broken)?;
                        self.unflushed = false;
                    }
                    if self.out.is_empty() {
                        return Poll::Pending;
                    }
                    self.rests();
                    return Poll::Ready(Some(Ok(self.ready())));
                }
            }
        }
    }

    fn ready(&mut self) -> Frame<Bytes> {
        Frame::data(Bytes::from(std::mem::take(&mut self.out)))
    }

    fn end(&mut self) -> Result<(), Fault> {
        self.ended = true;
        self.coder.finish(&mut self.out).map_err(|_bug| Fault::Broken)
    }

    /// As [`Answer::rests`].
    pub(crate) fn rests(&mut self) {
        self.inner.rests();
    }

    /// Whether nothing more comes.
    pub(crate) fn is_over(&self) -> bool {
        self.ended && self.out.is_empty() && self.trailers.is_none()
    }
}

impl Drop for Coded {
    fn drop(&mut self) {
        let done = self.coder.done();
        self.worker.count(|counts| counts.coded(&done));
        if let Some(record) = &self.record {
            record.coded(done.given);
        }
    }
}

impl std::fmt::Debug for Coded {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Coded").field("coder", &self.coder).finish_non_exhaustive()
    }
}
