//! A request that is answered by who answers everything, and the answer as bytes on the connection.

use std::{
    future::poll_fn,
    io::Write as _,
    pin::{Pin, pin},
    rc::Rc,
    task::Poll,
};

use bytes::Bytes;
use http::{HeaderMap, Method, Response, header};
use hyper::body::{Body as _, Frame};
use traffic::forward::has_token;

use super::{
    COPIED_BYTES_MAX, Gone, Next, Talk,
    answer::{is_bare, put_date, put_status},
    head::Whole,
    lines::put,
    ticker::Deadline,
    wire::{self, Wire},
};
use crate::{body::Answer, capture};

/// How a body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Coding {
    /// Not at all.
    None,
    /// As it is: its length was told.
    Length,
    Chunked,
}

impl<S: Wire> Talk<'_, S> {
    /// Answers a request as the other path would.
    pub(super) async fn answer_whole(
        &mut self,
        whole: Whole,
        text: &mut Vec<u8>,
    ) -> Result<Next, Gone> {
        let Whole { request, close, .. } = whole;
        let method = request.method().clone();
        // What it waits for has timers of its own.
        self.watched.set(Deadline::NEVER);
        let (worker, peer) = (Rc::clone(self.worker), Rc::clone(self.peer));
        let Ok(response) = Box::pin(capture::handle(worker, peer, request)).await;
        self.write_whole(response, &method, close, text).await
    }

    /// Writes an answer.
    pub(super) async fn write_whole(
        &mut self,
        response: Response<Answer>,
        method: &Method,
        close: bool,
        text: &mut Vec<u8>,
    ) -> Result<Next, Gone> {
        let (head, body) = response.into_parts();
        let mut body = pin!(body);
        let close = close
            || has_token(&head.headers, &header::CONNECTION, "close")
            || self.worker.shared.is_stopping();
        let length = body.size_hint().exact();
        let coding = match length {
            _ if *method == Method::HEAD || is_bare(head.status) => Coding::None,
            Some(_) => Coding::Length,
            None => Coding::Chunked,
        };
        text.clear();
        put_status(head.status, text);
        let own_length = coding != Coding::None;
        for (name, value) in &head.headers {
            let framing = *name == header::CONNECTION
                || *name == header::TRANSFER_ENCODING
                || (own_length && *name == header::CONTENT_LENGTH);
            if !framing {
                put(text, name.as_str(), value.as_bytes());
            }
        }
        // Writing into memory cannot fail.
        let _ok = match (coding, length) {
            (Coding::Length, Some(length)) => write!(text, "content-length: {length}\r\n"),
            (Coding::Chunked, _) => write!(text, "transfer-encoding: chunked\r\n"),
            _ => Ok(()),
        };
        if !head.headers.contains_key(header::DATE) {
            put_date(&self.worker.ticker, text);
        }
        if close {
            text.extend_from_slice(b"connection: close\r\n");
        }
        text.extend_from_slice(b"\r\n");
        if coding == Coding::None {
            self.write(text, &[]).await?;
            // Whoever counts what becomes of it sees that it has ended.
            while let Some(Ok(_)) = poll_fn(|context| body.as_mut().poll_frame(context)).await {}
        } else {
            self.write_body(body, coding, text).await?;
        }
        Ok(if close { Next::Close } else { Next::Ask })
    }

    /// Writes the head and a body as it comes.
    async fn write_body(
        &mut self,
        mut body: Pin<&mut Answer>,
        coding: Coding,
        text: &mut Vec<u8>,
    ) -> Result<(), Gone> {
        let mut trailers = HeaderMap::new();
        loop {
            let polled = poll_fn(|context| Poll::Ready(body.as_mut().poll_frame(context))).await;
            let frame = match polled {
                Poll::Ready(frame) => frame,
                Poll::Pending => {
                    // Whoever streams wants the client to know what there is by now.
                    body.rests();
                    self.write(text, &[]).await?;
                    text.clear();
                    self.watched.set(Deadline::NEVER);
                    poll_fn(|context| body.as_mut().poll_frame(context)).await
                }
            };
            let Some(frame) = frame else { break };
            let Ok(frame) = frame else { return Err(Gone) };
            match frame.into_data() {
                Ok(data) => self.write_data(&data, coding, text).await?,
                Err(frame) => trailers.extend(Frame::into_trailers(frame).unwrap_or_default()),
            }
        }
        if coding == Coding::Chunked {
            text.extend_from_slice(b"0\r\n");
            for (name, value) in &trailers {
                put(text, name.as_str(), value.as_bytes());
            }
            text.extend_from_slice(b"\r\n");
        }
        self.write(text, &[]).await
    }

    async fn write_data(
        &mut self,
        data: &Bytes,
        coding: Coding,
        text: &mut Vec<u8>,
    ) -> Result<(), Gone> {
        if data.is_empty() {
            return Ok(());
        }
        if coding == Coding::Chunked {
            let _ok = write!(text, "{:x}\r\n", data.len());
        }
        if data.len() <= COPIED_BYTES_MAX {
            text.extend_from_slice(data);
            if coding == Coding::Chunked {
                text.extend_from_slice(b"\r\n");
            }
            return Ok(());
        }
        self.write(text, data).await?;
        text.clear();
        if coding == Coding::Chunked {
            text.extend_from_slice(b"\r\n");
        }
        Ok(())
    }

    /// Writes to the client; it may take nothing for as long as its own bodies may pause.
    pub(super) async fn write(&mut self, head: &[u8], rest: &[u8]) -> Result<(), Gone> {
        let pause = self.worker.local().state.plan.bounds.body_pause;
        let (ticker, watched) = (&self.worker.ticker, &self.watched);
        let takes = || watched.set(ticker.after(pause));
        takes();
        let written = wire::write(watched, &mut self.stream, head, rest, takes).await;
        written.map_err(|_written| Gone)
    }
}
