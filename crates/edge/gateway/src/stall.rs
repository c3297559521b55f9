//! Clients that take nothing of what they asked for: after as long as bodies may pause they are given up, so that nobody
//! holds a member's connection for ever. The path for plain HTTP/1.1 counts for itself (`plain/whole.rs`).
//!
//! hyper has no bound on writing. A connection that takes no bytes is seen where they are written; on HTTP/2 a client can
//! take all else and leave one stream without room, of which only the stream's own task would hear.

use std::{
    cell::{Cell, OnceCell},
    future::poll_fn,
    io::{self, ErrorKind, IoSlice},
    pin::{Pin, pin},
    rc::Rc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use hyper::{
    body::{Body, Frame, SizeHint},
    rt::Executor,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    task::{AbortHandle, spawn_local},
    time::{Instant, sleep_until},
};

use crate::body::{Fault, Pause};

/// A connection to a client that fails where the client takes nothing for too long.
#[derive(Debug)]
pub(crate) struct Impatient<S> {
    stream: S,
    pause: Pause,
}

impl<S> Impatient<S> {
    pub(crate) fn new(stream: S, longest: Duration) -> Self {
        Self { stream, pause: Pause::new(longest) }
    }

    fn bounded<T>(
        &mut self,
        written: Poll<io::Result<T>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.pause.ended();
            return written;
        }
        if self.pause.is_over(context) {
            return Poll::Ready(Err(ErrorKind::TimedOut.into()));
        }
        Poll::Pending
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Impatient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Impatient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.bounded(written, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, pieces);
        self.bounded(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let written = Pin::new(&mut self.stream).poll_flush(context);
        self.bounded(written, context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let written = Pin::new(&mut self.stream).poll_shutdown(context);
        self.bounded(written, context)
    }
}

tokio::task_local! {
    /// The stream that is polled.
    static STREAM: Rc<Stream>;
}

/// A stream of HTTP/2, as who looks after it knows it.
#[derive(Debug, Default)]
struct Stream {
    /// Its task: what ends that resets the stream.
    task: OnceCell<AbortHandle>,
    /// Since when its client has not asked for what there is; `None` while it waits for more itself.
    since: Cell<Option<Instant>>,
    longest: Cell<Duration>,
    /// Who looks; nobody before there is something that the client does not take at once.
    watch: OnceCell<AbortHandle>,
}

impl Stream {
    fn watch(self: &Rc<Self>) {
        if self.since.get().is_none() || self.watch.get().is_some() {
            return;
        }
        let (own, longest) = (Rc::clone(self), self.longest.get());
        let watch = async move {
            let mut look = Instant::now() + longest;
            loop {
                sleep_until(look).await;
                let now = Instant::now();
                let since = own.since.get().unwrap_or(now);
                if longest <= now - since {
                    if let Some(task) = own.task.get() {
                        task.abort();
                    }
                    return;
                }
                look = since + longest;
            }
        };
        // It is empty until now.
        let _set = self.watch.set(spawn_local(watch).abort_handle());
    }
}

/// Runs streams of HTTP/2, on this thread; what ends such a task resets its stream.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Streams;

impl<F> Executor<F> for Streams
where
    F: Future + 'static,
    F::Output: 'static,
{
    fn execute(&self, future: F) {
        let own = Rc::<Stream>::default();
        let stream = Rc::clone(&own);
        let task = spawn_local(async move {
            let mut future = pin!(STREAM.scope(Rc::clone(&stream), future));
            poll_fn(|context| {
                let polled = future.as_mut().poll(context);
                if polled.is_pending() {
                    stream.watch();
                }
                polled
            })
            .await
        });
        // It is empty until now.
        let _set = own.task.set(task.abort_handle());
    }
}

/// Bytes that are given at once: a client that takes so much within the time is slow, and no more. Nobody sees whether it takes
/// the last of them, which are therefore all that is held for it then.
const PART_BYTES_MAX: usize = 32 << 10;

/// The body of an answer on a stream of HTTP/2, which ends with its stream once the client takes nothing for too long.
#[derive(Debug)]
pub(crate) struct Paced<B> {
    answer: B,
    /// What was to be given at once, and is too much for that.
    rest: Bytes,
    stream: Option<Rc<Stream>>,
}

impl<B> Paced<B> {
    pub(crate) fn new(answer: B, longest: Duration) -> Self {
        let stream = STREAM.try_with(Rc::clone).ok();
        if let Some(stream) = &stream {
            stream.longest.set(longest);
        }
        let paced = Self { answer, rest: Bytes::new(), stream };
        // It is not asked for at all where there is no room from the beginning.
        paced.waits_since(Some(Instant::now()));
        paced
    }

    fn waits_since(&self, since: Option<Instant>) {
        if let Some(stream) = &self.stream {
            stream.since.set(since);
        }
    }

    /// As much of a part as is given at once; the rest is kept.
    fn some_of(&mut self, part: Frame<Bytes>) -> Frame<Bytes> {
        match part.into_data() {
            Ok(mut data) if PART_BYTES_MAX < data.len() => {
                let first = data.split_to(PART_BYTES_MAX);
                self.rest = data;
                Frame::data(first)
            }
            Ok(data) => Frame::data(data),
            Err(other) => other,
        }
    }

    /// The same of what was kept. The last of it is copied, so that it holds nothing but itself.
    fn more(&mut self) -> Frame<Bytes> {
        let rest = std::mem::take(&mut self.rest);
        if rest.len() <= PART_BYTES_MAX {
            return Frame::data(Bytes::copy_from_slice(&rest));
        }
        self.some_of(Frame::data(rest))
    }
}

impl<B> Drop for Paced<B> {
    fn drop(&mut self) {
        self.waits_since(None);
        if let Some(watch) = self.stream.as_ref().and_then(|stream| stream.watch.get()) {
            watch.abort();
        }
    }
}

impl<B: Body<Data = Bytes, Error = Fault> + Unpin> Body for Paced<B> {
    type Data = Bytes;
    type Error = Fault;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Fault>>> {
        self.waits_since(None);
        let frame = if self.rest.is_empty() {
            let given = ready!(Pin::new(&mut self.answer).poll_frame(context));
            given.map(|given| given.map(|part| self.some_of(part)))
        } else {
            Some(Ok(self.more()))
        };
        if matches!(frame, Some(Ok(_))) && !self.is_end_stream() {
            self.waits_since(Some(Instant::now()));
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.answer.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (rest, hint) = (self.rest.len() as u64, self.answer.size_hint());
        let mut all = SizeHint::new();
        all.set_lower(hint.lower() + rest);
        if let Some(upper) = hint.upper() {
            all.set_upper(upper + rest);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::VecDeque, task::Waker};

    use super::*;

    /// A body that is there in these parts.
    struct Parts(VecDeque<Bytes>);

    impl Body for Parts {
        type Data = Bytes;
        type Error = Fault;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _context: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Fault>>> {
            Poll::Ready(self.0.pop_front().map(|part| Ok(Frame::data(part))))
        }

        fn is_end_stream(&self) -> bool {
            self.0.is_empty()
        }

        fn size_hint(&self) -> SizeHint {
            SizeHint::with_exact(self.0.iter().map(|part| part.len() as u64).sum())
        }
    }

    #[test]
    fn what_is_large_is_given_in_parts_that_slow_clients_take_in_time() {
        let bytes = |from: u8| Bytes::from(vec![from; 100 << 10]);
        let parts = VecDeque::from([bytes(1), Bytes::from_static(b"2"), bytes(3)]);
        let whole: Vec<u8> = parts.iter().flat_map(|part| part.to_vec()).collect();
        let mut paced = Paced::new(Parts(parts), Duration::from_mins(1));
        let (mut all, mut sizes) = (Vec::new(), Vec::new());
        while !paced.is_end_stream() {
            let left = whole.len() - all.len();
            assert_eq!(paced.size_hint().exact(), Some(left as u64));
            let mut context = Context::from_waker(Waker::noop());
            let Poll::Ready(Some(Ok(frame))) = Pin::new(&mut paced).poll_frame(&mut context) else {
                panic!("all of it is there")
            };
            let data = frame.into_data().expect("nothing but data");
            sizes.push(data.len());
            all.extend(data);
        }
        let large: [usize; 4] = [32 << 10, 32 << 10, 32 << 10, 4 << 10];
        assert_eq!(sizes, [large.as_slice(), [1].as_slice(), large.as_slice()].concat());
        assert_eq!(all, whole);
    }
}
