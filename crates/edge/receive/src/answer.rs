//! From a request to its answer, in the dialect of its sender.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::{Arc, atomic::Ordering::Relaxed},
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, header, request::Parts};
use hyper::body::{Body, Frame, Incoming, SizeHint};

use crate::{
    body,
    counters::Protocol,
    fault::{Fault, Kind},
    inflate::Encoding,
    intake::Intake,
    route::{self, Dialect},
    wire::{self, Taken},
};

/// Answers one request.
pub(crate) async fn answer(intake: Arc<Intake>, request: Request<Incoming>) -> Response<Answer> {
    let (parts, mut incoming) = request.into_parts();
    let dialect = Dialect::of(&parts.headers);
    let outcome = match route::shape(&parts, dialect, intake.sink()) {
        Ok(shape) => intake.take(&mut incoming, shape).await,
        Err(fault) => Err(fault),
    };
    count(&intake, &outcome);
    let protocol = match dialect {
        Dialect::Grpc => Protocol::Grpc,
        Dialect::Http(wire::Format::Protobuf) => Protocol::HttpProtobuf,
        Dialect::Http(wire::Format::Json) => Protocol::HttpJson,
        Dialect::Text => Protocol::Unknown,
    };
    let ended = outcome.as_ref().map(|taken| taken.rejected == 0).map_err(|fault| fault.kind);
    intake.counters.count_answer(protocol, ended);
    if outcome.as_ref().is_err_and(|fault| is_still_sending(fault, &parts, &incoming)) {
        body::drain(&mut incoming).await;
    }
    match (dialect, outcome) {
        (Dialect::Grpc, Ok(taken)) => grpc_success(&taken),
        (Dialect::Grpc, Err(fault)) => grpc_fault(&fault),
        (Dialect::Http(format), Ok(taken)) => {
            let mut response = Response::new(Answer::new(taken.encode(format)));
            set(&mut response, header::CONTENT_TYPE, format.content_type());
            response
        }
        (Dialect::Http(format), Err(fault)) => {
            http_fault(&fault, fault.encode(format), format.content_type())
        }
        (Dialect::Text, outcome) => {
            let fault = outcome.err().unwrap_or_else(|| Fault::malformed("not OTLP"));
            let text = format!("{}\n", fault.message).into_bytes();
            http_fault(&fault, text, "text/plain; charset=utf-8")
        }
    }
}

/// Whether the sender is in the middle of its body. One that waits for "100 Continue" has not begun, and
/// one that is too slow would be so still.
fn is_still_sending(fault: &Fault, parts: &Parts, incoming: &Incoming) -> bool {
    let waits = parts.headers.contains_key(header::EXPECT);
    !waits && fault.kind != Kind::Slow && !incoming.is_end_stream()
}

fn count(intake: &Intake, outcome: &Result<Taken, Fault>) {
    let counters = &intake.counters;
    match outcome {
        Ok(taken) if taken.rejected > 0 => counters.requests_partial.fetch_add(1, Relaxed),
        Ok(_) => counters.requests_accepted.fetch_add(1, Relaxed),
        Err(fault) => {
            counters.count_fault(fault.kind);
            0
        }
    };
}

fn http_fault(fault: &Fault, body: Vec<u8>, content_type: &'static str) -> Response<Answer> {
    let mut response = Response::new(Answer::new(body));
    *response.status_mut() = fault.kind.http();
    set(&mut response, header::CONTENT_TYPE, content_type);
    match fault.kind {
        Kind::WrongMethod => set(&mut response, header::ALLOW, "POST"),
        Kind::WrongEncoding => set(&mut response, header::ACCEPT_ENCODING, Encoding::KNOWN),
        _ => {}
    }
    if let Some(secs) = fault.retry_after_secs() {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(secs));
    }
    response
}

fn grpc_success(taken: &Taken) -> Response<Answer> {
    let message = taken.encode(wire::Format::Protobuf);
    // Far below 4 GiB: `Taken` has one bounded text.
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
    let mut frame = vec![0];
    frame.extend_from_slice(&length.to_be_bytes());
    frame.extend_from_slice(&message);
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    let mut response = Response::new(Answer { data: Some(frame.into()), trailers: Some(trailers) });
    grpc_headers(&mut response);
    response
}

/// Headers only, which ends the stream at once.
fn grpc_fault(fault: &Fault) -> Response<Answer> {
    let mut response = Response::new(Answer::new(Vec::new()));
    grpc_headers(&mut response);
    let headers = response.headers_mut();
    headers.insert("grpc-status", HeaderValue::from(u16::from(fault.kind.grpc())));
    let details = wire::base64(&fault.encode(wire::Format::Protobuf));
    for (name, text) in [
        ("grpc-message", wire::percent_encode(&fault.message)),
        ("grpc-status-details-bin", details),
    ] {
        if let Ok(value) = HeaderValue::try_from(text) {
            headers.insert(name, value);
        }
    }
    response
}

fn grpc_headers(response: &mut Response<Answer>) {
    set(response, header::CONTENT_TYPE, "application/grpc");
    let known = HeaderValue::from_static(Encoding::KNOWN);
    response.headers_mut().insert("grpc-accept-encoding", known);
}

fn set(response: &mut Response<Answer>, name: header::HeaderName, value: &'static str) {
    response.headers_mut().insert(name, HeaderValue::from_static(value));
}

/// The body of an answer: at most one piece of data, then at most one set of trailers.
#[derive(Debug)]
pub(crate) struct Answer {
    data: Option<Bytes>,
    trailers: Option<HeaderMap>,
}

impl Answer {
    fn new(data: Vec<u8>) -> Self {
        Self { data: (!data.is_empty()).then(|| data.into()), trailers: None }
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let data = self.data.take().map(Frame::data);
        Poll::Ready(data.or_else(|| self.trailers.take().map(Frame::trailers)).map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        self.data.is_none() && self.trailers.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.data.as_ref().map_or(0, Bytes::len) as u64)
    }
}
