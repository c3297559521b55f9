//! HTTP/1.1, encrypted or not, the way most requests take: read, judged, passed on and answered without hyper,
//! without a timer and without a second task.
//!
//! It decides nothing itself: routes, limits, balance, retries and what a member sees are those of `traffic`
//! and of what the other path uses. What it does not know (HTTP/1.0 and HTTP/2, upgrades, `Expect`, chunked
//! and large bodies of requests) it hands over with the bytes that were read; routes with settings that it
//! does not know are answered by who answers everything, on the same connection. Measured before it was
//! written: hyper with connections of one's own came to 0.95 times nginx, tokio and `httparse` to 1.32.

mod answer;
pub(crate) mod buffer;
pub(crate) mod fit;
mod forward;
pub(crate) mod head;
mod hit;
mod lines;
pub(crate) mod prefixed;
mod race;
pub(crate) mod ticker;
mod whole;
mod wire;

use std::{
    future::poll_fn,
    io::ErrorKind,
    rc::Rc,
    task::Poll,
    time::{Duration, Instant},
};

use http::StatusCode;
use tokio::io::AsyncWriteExt as _;

use crate::{
    answer::Refusal,
    connection::Peer,
    explain::Decision,
    local::Local,
    metrics::{Scheme, method_number},
    plain::{
        buffer::{Buffer, Use},
        head::{BODY_BYTES_MAX, Judge, Judged, Refused, judge},
        ticker::Watched,
        wire::{Source, Wire},
    },
    proxy,
    request::Finish,
    worker::Worker,
};

/// A conversation with one client.
struct Talk<'a, S> {
    worker: &'a Rc<Worker>,
    peer: &'a Rc<Peer>,
    stream: S,
    watched: Watched,
    /// What the client sent and was not yet used; none while it is silent.
    buffer: Option<Buffer>,
    /// Whether nothing was judged yet.
    first: bool,
}

/// The connection is of no more use.
struct Gone;

/// Up to here copying a piece behind another costs less than writing two pieces.
const COPIED_BYTES_MAX: usize = 4 << 10;

/// Whether the client may ask again on the same connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Ask,
    Close,
}

/// A connection for the other path, and what was read of it.
pub(crate) type Other<S> = (S, Vec<u8>);

/// Serves a connection to its end, or until something comes that is for the other path.
pub(crate) async fn serve<S: Wire>(
    worker: &Rc<Worker>,
    peer: &Rc<Peer>,
    stream: S,
) -> Option<Other<S>> {
    let watched = poll_fn(|context| Poll::Ready(Watched::new(worker, context.waker()))).await;
    let mut talk = Talk { worker, peer, stream, watched, buffer: None, first: true };
    let mut text = Vec::new();
    loop {
        let local = worker.local();
        let Some(judged) = talk.listen(&local, &mut text).await else {
            talk.leave().await;
            return None;
        };
        let next = match judged {
            Judged::Forward(job) => {
                talk.consume(job.bytes);
                talk.forward(&local, job, &mut text).await
            }
            Judged::Hit(ready) => {
                talk.consume(ready.bytes);
                talk.answer_hit(&local, *ready, &mut text).await
            }
            Judged::Whole(whole) => {
                talk.consume(whole.bytes);
                talk.answer_whole(*whole, &mut text).await
            }
            Judged::Refused(refused) => {
                talk.consume(refused.bytes);
                talk.refuse(&local, *refused, &mut text).await
            }
            Judged::Other | Judged::Partial | Judged::Body(_) => {
                let read = talk.buffer.as_mut().map(Buffer::take_unread).unwrap_or_default();
                return Some((talk.stream, read));
            }
        };
        worker.buffers.give_text(std::mem::take(&mut text));
        match next {
            Ok(Next::Ask) => {}
            Ok(Next::Close) => {
                talk.close().await;
                return None;
            }
            Err(Gone) => return None,
        }
    }
}

impl<S: Wire> Talk<'_, S> {
    /// Waits for a whole request; `None` once the client is gone or idle for too long.
    async fn listen(&mut self, local: &Local, text: &mut Vec<u8>) -> Option<Judged> {
        let bounds = &local.state.plan.bounds;
        let worker = self.worker;
        self.watched.set(worker.ticker.after(bounds.head_time));
        loop {
            let unread = self.buffer.as_ref().map(Buffer::unread).unwrap_or_default();
            let mut needed = 0;
            if !unread.is_empty() {
                *text = worker.buffers.text();
                let (peer, first) = (self.peer, self.first);
                match judge(Judge { worker, local, peer, first }, unread, text) {
                    Judged::Partial => {}
                    Judged::Body(bytes) => needed = bytes,
                    judged => {
                        self.first = false;
                        return Some(judged);
                    }
                }
                worker.buffers.give_text(std::mem::take(text));
            }
            match self.more(local, needed).await {
                Ok(true) => {}
                Ok(false) => return None,
                Err(refusal) => {
                    let bytes = self.buffer.as_ref().map_or(0, |buffer| buffer.unread().len());
                    return Some(head::nonsense(refusal, bytes));
                }
            }
        }
    }

    /// Reads on until it is worth a look: `needed` bytes are there, or what may be the end of a head. `false` is
    /// the end of the connection.
    async fn more(&mut self, local: &Local, needed: usize) -> Result<bool, Refusal> {
        let bounds = &local.state.plan.bounds;
        let worker = self.worker;
        let seen = self.buffer.as_ref().map_or(0, |buffer| buffer.unread().len());
        let bytes_max = bounds.head_bytes_max.saturating_add(BODY_BYTES_MAX);
        let source = Source { buffers: &worker.buffers, what: Use::Head, bytes_max };
        let is_over = || seen == 0 && worker.shared.is_stopping();
        loop {
            if 0 < needed {
                self.watched.set(worker.ticker.after(bounds.body_pause));
            }
            let (watched, stream, buffer) = (&self.watched, &mut self.stream, &mut self.buffer);
            match wire::read(watched, stream, buffer, source, is_over).await {
                Ok(0) if 0 < needed => {
                    return Err(Refusal::bad("The body of the request ended early."));
                }
                Ok(0) => return Ok(false),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::TimedOut && 0 < needed => {
                    const DETAIL: &str = "The body of the request paused for too long.";
                    let status = StatusCode::REQUEST_TIMEOUT;
                    return Err(Refusal::new(status, "timeout", DETAIL).closing());
                }
                Err(_) => return Ok(false),
            }
            let unread = self.buffer.as_ref().map(Buffer::unread).unwrap_or_default();
            let fresh = unread.get(seen.saturating_sub(3)..).unwrap_or_default();
            // A head that comes byte by byte is not read again for each of them.
            let doubled = seen.saturating_mul(2) <= unread.len();
            let ends = || memchr::memmem::find(fresh, b"\n\r\n").is_some();
            let full = bounds.head_bytes_max <= unread.len();
            if (0 < needed && needed <= unread.len())
                || (needed == 0 && (doubled || full || ends()))
            {
                return Ok(true);
            }
        }
    }

    fn consume(&mut self, bytes: usize) {
        let Some(buffer) = &mut self.buffer else { return };
        buffer.consume(bytes);
        if buffer.is_empty()
            && let Some(buffer) = self.buffer.take()
        {
            self.worker.buffers.give(Use::Head, buffer);
        }
    }

    /// Says that a request is not let in.
    async fn refuse(
        &mut self,
        local: &Local,
        refused: Refused,
        text: &mut Vec<u8>,
    ) -> Result<Next, Gone> {
        let Refused { refusal, method, scheme, close, route, limited, .. } = refused;
        let scheme = scheme.unwrap_or_else(|| Scheme::of_connection(self.peer.encrypted));
        let began = Instant::now();
        let mut finish = Finish::new(self.worker, method_number(&method), scheme, began);
        let rule = route.and_then(|route| {
            finish.route = local.state.numbers[route] + 1;
            local.state.plan.routes[route].limit.as_ref()
        });
        let limited = rule.zip(limited.as_ref());
        let decision = Decision::default();
        let response = proxy::refused(self.worker, &refusal, limited, Some(finish), decision);
        self.write_whole(response, &method, close, text).await
    }

    /// Ends a connection on which nothing is under way: where it is encrypted the client is told that nothing was cut off.
    async fn leave(mut self) {
        if self.stream.socket().is_none() {
            self.shut().await;
        }
    }

    /// Says that nothing more is written; whether the client can have heard it.
    async fn shut(&mut self) -> bool {
        const LINGER: Duration = Duration::from_secs(1);
        self.watched.set(self.worker.ticker.after(LINGER));
        matches!(wire::until(&self.watched, self.stream.shutdown()).await, Some(Ok(())))
    }

    /// Ends a connection so that what was written last arrives: closing while something unread lies there would
    /// take it back.
    async fn close(mut self) {
        const BYTES_MAX: usize = 256 << 10;
        if !self.shut().await {
            return;
        }
        let source = Source { buffers: &self.worker.buffers, what: Use::Head, bytes_max: 0 };
        let mut read = 0;
        while read < BYTES_MAX {
            if let Some(buffer) = &mut self.buffer {
                let unread = buffer.unread().len();
                buffer.consume(unread);
            }
            let (watched, stream, buffer) = (&self.watched, &mut self.stream, &mut self.buffer);
            match wire::read(watched, stream, buffer, source, || false).await {
                Ok(0) | Err(_) => return,
                Ok(count) => read += count,
            }
        }
    }
}
