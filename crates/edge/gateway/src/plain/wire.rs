//! Reading and writing against the deadline of the connection's task.

use std::{
    future::poll_fn,
    io::{self, ErrorKind, IoSlice},
    pin::{Pin, pin},
    task::Poll,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::server::TlsStream;

use super::{
    buffer::{Buffer, Buffers, Use},
    ticker::Watched,
};

/// A client's connection, encrypted or not.
pub(crate) trait Wire: AsyncRead + AsyncWrite + Unpin {
    /// The socket, where what is written to it is what the client reads.
    fn socket(&self) -> Option<&TcpStream>;
}

impl Wire for TcpStream {
    fn socket(&self) -> Option<&TcpStream> {
        Some(self)
    }
}

impl Wire for TlsStream<TcpStream> {
    fn socket(&self) -> Option<&TcpStream> {
        None
    }
}

/// What a buffer is taken from, and what for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) buffers: &'a Buffers,
    pub(super) what: Use,
    /// Bytes that it may grow to.
    pub(super) bytes_max: usize,
}

/// Reads what is there into a buffer, which is only taken once something is there; 0 bytes are the end. Gives
/// up where `is_over` says so, or the deadline is past.
pub(super) async fn read(
    watched: &Watched,
    stream: &mut (impl AsyncRead + Unpin),
    buffer: &mut Option<Buffer>,
    source: Source<'_>,
    is_over: impl Fn() -> bool,
) -> io::Result<usize> {
    poll_fn(|context| {
        let filling = buffer.get_or_insert_with(|| source.buffers.take(source.what));
        let mut room = ReadBuf::new(filling.room(source.bytes_max));
        if room.capacity() == 0 {
            return Poll::Ready(Err(ErrorKind::OutOfMemory.into()));
        }
        let polled = Pin::new(&mut *stream).poll_read(context, &mut room);
        let count = room.filled().len();
        filling.filled(count);
        if filling.is_empty()
            && let Some(buffer) = buffer.take()
        {
            source.buffers.give(source.what, buffer);
        }
        match polled {
            Poll::Ready(read) => Poll::Ready(read.map(|()| count)),
            Poll::Pending if is_over() => Poll::Ready(Ok(0)),
            Poll::Pending if watched.is_past() => Poll::Ready(Err(ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// Writes a head and what follows it, and waits until all of it has left; `takes` is called each time that some of it was
/// taken, and not all. Tells on failure how many bytes were written.
pub(super) async fn write(
    watched: &Watched,
    stream: &mut (impl AsyncWrite + Unpin),
    head: &[u8],
    rest: &[u8],
    takes: impl Fn(),
) -> Result<(), usize> {
    let all = head.len() + rest.len();
    let mut written = 0;
    poll_fn(|context| {
        while written < all {
            let polled = match head.get(written..).filter(|head| !head.is_empty()) {
                Some(head) if rest.is_empty() => Pin::new(&mut *stream).poll_write(context, head),
                Some(head) => {
                    let pieces = [IoSlice::new(head), IoSlice::new(rest)];
                    Pin::new(&mut *stream).poll_write_vectored(context, &pieces)
                }
                None => {
                    let rest = rest.get(written - head.len()..).unwrap_or_default();
                    Pin::new(&mut *stream).poll_write(context, rest)
                }
            };
            match polled {
                Poll::Ready(Ok(count)) if 0 < count => {
                    written += count;
                    if written < all {
                        takes();
                    }
                }
                Poll::Pending if !watched.is_past() => return Poll::Pending,
                Poll::Ready(_) | Poll::Pending => return Poll::Ready(Err(written)),
            }
        }
        // What is encrypted may wait for room still.
        match Pin::new(&mut *stream).poll_flush(context) {
            Poll::Ready(Ok(())) => Poll::Ready(Ok(())),
            Poll::Pending if !watched.is_past() => Poll::Pending,
            Poll::Ready(Err(_)) | Poll::Pending => Poll::Ready(Err(written)),
        }
    })
    .await
}

/// Waits for something; `None` once the deadline is past.
pub(super) async fn until<F: Future>(watched: &Watched, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending if watched.is_past() => Poll::Ready(None),
        Poll::Pending => Poll::Pending,
    })
    .await
}
