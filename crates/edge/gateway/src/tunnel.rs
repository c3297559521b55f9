//! Another protocol on the same connection, as WebSocket asks for: bytes are passed both ways, unread.
//!
//! It counts as the connection that it came on: against `connections-max`, and for a stop, which waits for it. What ends it
//! otherwise (nothing passes for too long, the time to stop is over) ends it without a word: a message in a protocol that is
//! not read could stand within another one.

use std::{
    cell::Cell,
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};

use http::{Response, StatusCode, header};
use hyper::{
    body::Incoming,
    upgrade::{OnUpgrade, Upgraded},
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf, copy_bidirectional},
    time::{Instant, sleep_until},
};
use traffic::forward;

use crate::{body::Answer, pool::Lease, request::Finish, worker::Open};

/// The side that asked.
pub(crate) struct Client {
    pub(crate) upgrade: OnUpgrade,
    /// Its connection, which is open until this is dropped.
    pub(crate) open: Option<Rc<Open>>,
    /// The longest that nothing passes.
    pub(crate) pause: Duration,
}

/// Whether a member agreed to change to what the client asked for.
pub(crate) fn is_agreed(response: &Response<Incoming>) -> bool {
    response.status() == StatusCode::SWITCHING_PROTOCOLS
}

/// Passes bytes once both sides have changed; gives the answer that tells the client so.
pub(crate) fn open(
    client: Client,
    mut response: Response<Incoming>,
    lease: Lease,
    mut finish: Finish,
) -> Response<Answer> {
    let member = hyper::upgrade::on(&mut response);
    let (mut head, _body) = response.into_parts();
    let upgrade = head.headers.get(header::UPGRADE).cloned();
    forward::strip_hop_by_hop(&mut head.headers);
    head.headers.insert(header::CONNECTION, http::HeaderValue::from_static("upgrade"));
    if let Some(upgrade) = upgrade {
        head.headers.insert(header::UPGRADE, upgrade);
    }
    head.extensions = http::Extensions::new();
    tokio::task::spawn_local(async move {
        // Both connections are the tunnel's; when this ends, so do they.
        let Client { upgrade, open: _open, pause } = client;
        let _lease = lease;
        let (Ok(client), Ok(member)) = tokio::join!(upgrade, member) else { return };
        finish.switched();
        let last = Rc::new(Cell::new(Instant::now()));
        let mut client = Noted { stream: TokioIo::new(client), last: Rc::clone(&last), finish };
        let mut member = TokioIo::new(member);
        tokio::select! {
            // Either side may break off; it is no fault of this one.
            _ended = copy_bidirectional(&mut client, &mut member) => {}
            () = silence(&last, pause) => {}
        }
    });
    Response::from_parts(head, Answer::Own(None))
}

/// Ends once nothing has passed for so long.
async fn silence(last: &Cell<Instant>, pause: Duration) {
    loop {
        let end = last.get() + pause;
        if end <= Instant::now() {
            return;
        }
        sleep_until(end).await;
    }
}

/// The client's side, on which everything is seen that passes either way.
struct Noted {
    stream: TokioIo<Upgraded>,
    /// When something passed last.
    last: Rc<Cell<Instant>>,
    finish: Finish,
}

impl AsyncRead for Noted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if before < buffer.filled().len() {
            self.last.set(Instant::now());
        }
        read
    }
}

impl AsyncWrite for Noted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        if let Poll::Ready(Ok(count)) = &written {
            self.last.set(Instant::now());
            self.finish.sent(*count);
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
