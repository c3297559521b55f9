//! What a connection of HTTP/2 has to write in one turn of its task, in one write.
//!
//! h2 writes each frame with a body by itself, and says after each that it is to leave: of sixteen short answers that are
//! ready at once each would cost a call of its own, and a large one a call every 16 KiB. Here what is written waits until
//! the task that drives the connection has no more to do for now, or there is enough.

use std::{
    cell::RefCell,
    io::{self, IoSlice},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes of which no more wait before one write more, and that are taken of that: a client may ask for frames of 16 MiB.
const WAITING_BYTES: usize = 64 << 10;

/// A connection whose writes wait for the end of the turn.
#[derive(Debug)]
pub(crate) struct Gathered<S>(Rc<RefCell<Gather<S>>>);

#[derive(Debug)]
struct Gather<S> {
    stream: S,
    waiting: Vec<u8>,
    /// Whether something was written that may not have left yet.
    unsent: bool,
}

impl<S> Gathered<S> {
    pub(crate) fn new(stream: S) -> Self {
        let gather = Gather { stream, waiting: Vec::new(), unsent: false };
        Self(Rc::new(RefCell::new(gather)))
    }

    /// The same connection.
    pub(crate) fn handle(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

impl<S: AsyncWrite + Unpin> Gathered<S> {
    /// The turn is over: what waits is written, as far as there is room.
    pub(crate) fn poll_send(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.borrow_mut().poll_send(context)
    }
}

impl<S: AsyncWrite + Unpin> Gather<S> {
    fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.unsent {
            return Poll::Ready(Ok(()));
        }
        let mut written = 0;
        while let Some(rest) = self.waiting.get(written..).filter(|rest| !rest.is_empty()) {
            match Pin::new(&mut self.stream).poll_write(context, rest)? {
                Poll::Ready(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(count) => written += count,
                Poll::Pending => {
                    self.waiting.drain(..written);
                    return Poll::Pending;
                }
            }
        }
        // Connections that are silent hold nothing.
        self.waiting = Vec::new();
        ready!(Pin::new(&mut self.stream).poll_flush(context))?;
        self.unsent = false;
        Poll::Ready(Ok(()))
    }

    /// Waits until there is room for more.
    fn poll_room(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.waiting.len() < WAITING_BYTES {
            return Poll::Ready(Ok(()));
        }
        match self.poll_send(context) {
            Poll::Pending if self.waiting.len() < WAITING_BYTES => Poll::Ready(Ok(())),
            sent => sent,
        }
    }

    /// Takes pieces, as far as they are not too much for one write. How many bytes it took.
    fn put<'a>(&mut self, pieces: impl IntoIterator<Item = &'a [u8]>) -> usize {
        if self.waiting.capacity() == 0 {
            self.waiting.reserve(WAITING_BYTES);
        }
        let mut taken = 0;
        for piece in pieces {
            let some = &piece[..piece.len().min(WAITING_BYTES - taken)];
            self.waiting.extend_from_slice(some);
            taken += some.len();
        }
        self.unsent = true;
        taken
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Gathered<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        to: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0.borrow_mut().stream).poll_read(context, to)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Gathered<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut gather = self.0.borrow_mut();
        ready!(gather.poll_room(context))?;
        Poll::Ready(Ok(gather.put([bytes])))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut gather = self.0.borrow_mut();
        ready!(gather.poll_room(context))?;
        Poll::Ready(Ok(gather.put(pieces.iter().map(|piece| &**piece))))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    /// It leaves at the end of the turn.
    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut gather = self.0.borrow_mut();
        ready!(gather.poll_send(context))?;
        Pin::new(&mut gather.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::{future::poll_fn, io::IoSlice, pin::Pin, task::Poll};

    use tokio::io::{AsyncReadExt as _, AsyncWrite as _, AsyncWriteExt as _, duplex};

    use super::{Gathered, WAITING_BYTES};

    #[tokio::test]
    async fn what_is_written_leaves_at_the_end_of_the_turn() {
        let (here, mut there) = duplex(1 << 20);
        let mut gathered = Gathered::new(here);
        let handle = gathered.handle();
        gathered.write_all(b"one ").await.unwrap();
        gathered.flush().await.unwrap();
        let pieces = [IoSlice::new(b"two "), IoSlice::new(b"three")];
        let written =
            poll_fn(|context| Pin::new(&mut gathered).poll_write_vectored(context, &pieces)).await;
        assert_eq!(written.unwrap(), 9);
        let mut part = [0; 64];
        let nothing = poll_fn(|context| {
            Poll::Ready(
                Pin::new(&mut Box::pin(there.read(&mut part))).as_mut().poll(context).is_pending(),
            )
        });
        assert!(nothing.await, "it waits");
        poll_fn(|context| handle.poll_send(context)).await.unwrap();
        let count = there.read(&mut part).await.unwrap();
        assert_eq!(&part[..count], b"one two three");
        assert_eq!(gathered.0.borrow().waiting.capacity(), 0);
    }

    #[tokio::test]
    async fn no_more_waits_than_may_and_all_of_it_comes_in_order() {
        let (here, mut there) = duplex(1_000);
        let mut gathered = Gathered::new(here);
        let all: Vec<u8> = (0..=250).cycle().take(5 * WAITING_BYTES).collect();
        let reading = async {
            let mut read = Vec::new();
            there.read_to_end(&mut read).await.unwrap();
            read
        };
        let writing = async {
            // As a frame of a client that wants large ones.
            let (first, rest) = all.split_at(2 * WAITING_BYTES);
            for piece in std::iter::once(first).chain(rest.chunks(10_000)) {
                gathered.write_all(piece).await.unwrap();
                assert!(gathered.0.borrow().waiting.len() < 2 * WAITING_BYTES);
            }
            gathered.shutdown().await.unwrap();
            drop(gathered);
        };
        let (read, ()) = tokio::join!(reading, writing);
        assert!(read == all, "as it was written");
    }

    #[tokio::test]
    async fn of_what_is_too_much_for_one_write_a_part_is_taken() {
        let (here, _there) = duplex(1);
        let mut gathered = Gathered::new(here);
        let large = vec![1; 16 << 20];
        let written = gathered.write(&large).await.unwrap();
        assert_eq!(written, WAITING_BYTES);
        let mut gathered = Gathered::new(duplex(1).0);
        let pieces = [IoSlice::new(&[0; 9]), IoSlice::new(&large), IoSlice::new(&large)];
        let written =
            poll_fn(|context| Pin::new(&mut gathered).poll_write_vectored(context, &pieces)).await;
        assert_eq!(written.unwrap(), WAITING_BYTES);
        assert_eq!(gathered.0.borrow().waiting.len(), WAITING_BYTES);
    }
}
