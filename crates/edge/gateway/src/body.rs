//! Bodies on their way through: never held, but bounded in size and in how long they may pause.

use std::{
    cell::Cell,
    convert::Infallible,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::time::{Instant, Sleep, sleep};

use crate::{pool::Lease, request::Finish};

/// Why a body ended early.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, thiserror::Error)]
pub(crate) enum Fault {
    /// It did not.
    #[default]
    #[error("nothing is wrong")]
    None,
    /// It is larger than what is allowed.
    #[error("the body is too large")]
    TooLarge,
    /// Nothing came for too long.
    #[error("the body paused for too long")]
    Paused,
    /// Its sender went away, or broke off.
    #[error("the body ended early")]
    Broken,
}

/// The body of a request, as it comes from a client.
#[derive(Debug)]
pub(crate) enum Inbound {
    /// It comes through hyper.
    Stream(Incoming),
    /// It was read already; `None` where there is none, or no more of it.
    Read(Option<Bytes>),
}

impl Body for Inbound {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match self.get_mut() {
            Self::Stream(incoming) => Pin::new(incoming).poll_frame(context),
            Self::Read(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Stream(incoming) => incoming.is_end_stream(),
            Self::Read(bytes) => bytes.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Stream(incoming) => incoming.size_hint(),
            Self::Read(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |b| b.len() as u64)),
        }
    }
}

/// The body of a request, as it is sent to a member.
#[derive(Debug)]
pub(crate) enum Sent {
    /// There is none.
    Empty,
    /// It comes from the client.
    Stream(Box<Upload>),
    /// Another one, of which a copy is taken.
    Tapped(Box<(Self, crate::capture::Tap)>),
}

/// A body that comes from a client.
#[derive(Debug)]
pub(crate) struct Upload {
    incoming: Inbound,
    left: u64,
    pause: Pause,
    seen: Rc<Seen>,
}

/// What became of an upload.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Why it ended early.
    pub(crate) fault: Cell<Fault>,
    /// Whether all of it was read.
    pub(crate) done: Cell<bool>,
}

impl Sent {
    /// The body of a request from a client, at most `bytes_max` of it.
    pub(crate) fn new(incoming: Inbound, bytes_max: u64, pause: Duration) -> (Self, Rc<Seen>) {
        let seen = Rc::new(Seen::default());
        let pause = Pause::new(pause);
        let upload = Upload { incoming, left: bytes_max, pause, seen: Rc::clone(&seen) };
        (Self::Stream(Box::new(upload)), seen)
    }
}

impl Body for Sent {
    type Data = Bytes;
    type Error = Fault;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Fault>>> {
        match self.get_mut() {
            Self::Empty => Poll::Ready(None),
            Self::Stream(upload) => upload.poll(context),
            Self::Tapped(tapped) => {
                let (body, tap) = &mut **tapped;
                let polled = Pin::new(body).poll_frame(context);
                tap.request_passed(&polled);
                polled
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Stream(upload) => upload.incoming.is_end_stream(),
            Self::Tapped(tapped) => tapped.0.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Stream(upload) => upload.incoming.size_hint(),
            Self::Tapped(tapped) => tapped.0.size_hint(),
        }
    }
}

impl Upload {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Fault>>> {
        let polled = Pin::new(&mut self.incoming).poll_frame(context);
        let fault = match polled {
            Poll::Ready(Some(Ok(frame))) => {
                self.pause.ended();
                let bytes = frame.data_ref().map_or(0, |data| data.len() as u64);
                if bytes <= self.left {
                    self.left -= bytes;
                    self.seen.done.set(self.incoming.is_end_stream());
                    return Poll::Ready(Some(Ok(frame)));
                }
                Fault::TooLarge
            }
            Poll::Ready(None) => {
                self.seen.done.set(true);
                return Poll::Ready(None);
            }
            Poll::Ready(Some(Err(_))) => Fault::Broken,
            Poll::Pending if self.pause.is_over(context) => Fault::Paused,
            Poll::Pending => return Poll::Pending,
        };
        self.seen.fault.set(fault);
        Poll::Ready(Some(Err(fault)))
    }
}

/// How long nothing has come: this time, and in all.
#[derive(Debug)]
pub(crate) struct Pause {
    longest: Duration,
    /// What all pauses together may take from now on, if that has a bound.
    left: Option<Duration>,
    /// Since when nothing comes, and until when that may be so.
    waits: Option<(Instant, Pin<Box<Sleep>>)>,
}

impl Pause {
    pub(crate) fn new(longest: Duration) -> Self {
        Self { longest, left: None, waits: None }
    }

    /// The same, where all of them together take no longer than what is left.
    pub(crate) fn within(self, left: Option<Duration>) -> Self {
        Self { left, ..self }
    }

    /// Something came, or nobody waits for it for now.
    pub(crate) fn ended(&mut self) {
        if let (Some((since, _)), Some(left)) = (self.waits.take(), &mut self.left) {
            *left = left.saturating_sub(since.elapsed());
        }
    }

    /// Whether it has been too long; wakes the task when it will be.
    pub(crate) fn is_over(&mut self, context: &mut Context<'_>) -> bool {
        let longest = self.left.map_or(self.longest, |left| left.min(self.longest));
        let begin = || (Instant::now(), Box::pin(sleep(longest)));
        let (_, sleep) = self.waits.get_or_insert_with(begin);
        sleep.as_mut().poll(context).is_ready()
    }
}

/// The body of an answer, as it is sent to a client.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly every answer comes from a member, and is not to be allocated for"
)]
pub(crate) enum Answer {
    /// The gateway's own words.
    Own(Option<Bytes>),
    /// It comes from a member.
    Stream(Download),
    /// Another one, compressed on its way.
    Coded(Box<crate::compress::Coded>),
    /// It is on its way into the cache.
    Filled(Box<crate::cache::Reader>),
    /// Another one, of which a copy is taken.
    Tapped(Box<crate::capture::TappedAnswer>),
}

/// A body that comes from a member.
#[derive(Debug)]
pub(crate) struct Download {
    incoming: Incoming,
    pause: Pause,
    /// The connection, until the body has ended.
    lease: Option<Lease>,
    /// What became of the request's body; the connection is of no use while that is still being sent.
    upload: Option<Rc<Seen>>,
    finish: Finish,
}

impl Download {
    pub(crate) fn new(
        incoming: Incoming,
        pause: Pause,
        lease: Lease,
        upload: Option<Rc<Seen>>,
        finish: Finish,
    ) -> Self {
        let mut download = Self { incoming, pause, lease: Some(lease), upload, finish };
        download.end_if_over();
        download
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Fault>>> {
        match Pin::new(&mut self.incoming).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => {
                self.pause.ended();
                if let Some(data) = frame.data_ref() {
                    self.finish.sent(data.len());
                }
                self.end_if_over();
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(None) => {
                self.end();
                Poll::Ready(None)
            }
            Poll::Ready(Some(Err(_))) => {
                self.finish.broke();
                Poll::Ready(Some(Err(Fault::Broken)))
            }
            Poll::Pending if self.pause.is_over(context) => {
                self.finish.broke();
                Poll::Ready(Some(Err(Fault::Paused)))
            }
            Poll::Pending => Poll::Pending,
        }
    }

    fn end_if_over(&mut self) {
        if self.incoming.is_end_stream() {
            self.end();
        }
    }

    fn end(&mut self) {
        self.finish.whole();
        let Some(lease) = self.lease.take() else { return };
        if self.upload.as_ref().is_none_or(|upload| upload.done.get()) {
            lease.give_back();
        }
    }
}

impl Answer {
    /// It is not asked for more until the client has taken what there is: that time is not its member's.
    pub(crate) fn rests(&mut self) {
        match self {
            Self::Stream(download) => download.pause.ended(),
            Self::Coded(coded) => coded.rests(),
            Self::Tapped(tapped) => tapped.rests(),
            // Who asks for what is on its way into the cache does nothing else.
            Self::Own(_) | Self::Filled(_) => {}
        }
    }

    /// Counts what comes of it elsewhere: for who asked, not for who fetched it.
    pub(crate) fn recount(&mut self, mut finish: Finish) {
        match self {
            Self::Stream(download) => {
                finish.busy = download.finish.busy.take();
                let before = std::mem::replace(&mut download.finish, finish);
                download.finish.goes_on(&before);
            }
            Self::Own(_) => finish.whole(),
            // It comes from a member as it is, and is neither yet.
            _ => {}
        }
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Fault;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Fault>>> {
        match self.get_mut() {
            Self::Own(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Stream(download) => download.poll(context),
            Self::Coded(coded) => coded.poll(context),
            Self::Filled(reader) => reader.poll(context),
            Self::Tapped(tapped) => tapped.poll(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Own(bytes) => bytes.is_none(),
            Self::Stream(download) => download.incoming.is_end_stream(),
            Self::Coded(coded) => coded.is_over(),
            Self::Filled(reader) => reader.is_over(),
            Self::Tapped(tapped) => tapped.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Own(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |b| b.len() as u64)),
            Self::Stream(download) => download.incoming.size_hint(),
            Self::Coded(_) => SizeHint::default(),
            Self::Filled(reader) => reader.size_hint(),
            Self::Tapped(tapped) => tapped.size_hint(),
        }
    }
}

/// What a deadline is counted from.
pub(crate) fn deadline(from: Instant, time: Option<Duration>) -> Option<Instant> {
    from.checked_add(time?)
}

/// The service never fails: what fails is an answer.
pub(crate) type Never = Infallible;
