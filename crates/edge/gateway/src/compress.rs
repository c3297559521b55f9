//! Compressing answers on their way to the client; what is compressed and how is decided by `traffic::encoding`.
//!
//! A body passes through an encoder piece by piece. Where its length is not known it may be a stream that somebody
//! waits for: as soon as the member pauses, everything that came is flushed to the client. Encoders are kept for the
//! next answer of the same thread, as making one costs more than compressing a small body.

mod body;
mod coder;
mod memo;

use std::{rc::Rc, time::Duration};

use http::{Method, Request, Response, StatusCode, header, response::Parts};
use hyper::body::Body as _;
use traffic::{
    encoding::{self, Coding, CompressRule, Outcome, Wish},
    timing::Phase,
};

use crate::{body::Answer, explain::Decision, worker::Worker};

pub(crate) use body::Coded;
pub(crate) use coder::Coder;

/// What compressing one body came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Done {
    pub(crate) coding: Coding,
    /// Bytes before.
    pub(crate) taken: u64,
    /// Bytes after.
    pub(crate) given: u64,
    /// Time of the processor.
    pub(crate) took: Duration,
}

/// What of a route and a request says how its answer is compressed.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) wish: Wish,
    /// Whether only the head is asked for.
    pub(crate) head_only: bool,
}

/// Reads what a request wants; what of it is meant for the gateway alone, members do not see.
pub(crate) fn asked<B>(rule: &CompressRule, request: &mut Request<B>) -> Asked {
    let head_only = *request.method() == Method::HEAD;
    Asked { wish: encoding::ask(rule, request.headers_mut()), head_only }
}

/// How an answer with this head leaves: decided, and its head changed. `bytes` is the length of its body, if known.
///
/// Gives the encoder for the body, unless it stays as it is or there is none.
pub(crate) fn prepare(
    rule: &CompressRule,
    asked: &Asked,
    head: &mut Parts,
    bytes: Option<u64>,
    decision: &mut Decision,
) -> Option<Coder> {
    let outcome = encoding::decide(rule, &asked.wish, head.status, &head.headers, bytes);
    let coder = match outcome {
        // Nothing cannot be made smaller.
        Outcome::Coded(_) if bytes == Some(0) => return None,
        Outcome::Coded(_) if asked.head_only => None,
        Outcome::Coded(coding) => {
            let coder = Coder::new(coding, rule.level(coding), bytes);
            if coder.is_none() {
                decision.add("encoding", || "none: as many are compressed as can be".to_owned());
                return None;
            }
            coder
        }
        Outcome::Plain(_) => None,
    };
    decision.add("encoding", || match outcome {
        Outcome::Coded(coding) => format!("{}, level {}", coding.token(), rule.level(coding)),
        Outcome::Plain(plain) => format!("none: {}", plain.why()),
    });
    encoding::dress(&asked.wish, head.status, outcome, &mut head.headers);
    coder
}

/// Compresses an answer, if that is to be.
pub(crate) fn apply(
    worker: &Rc<Worker>,
    rule: &CompressRule,
    asked: &Asked,
    response: Response<Answer>,
    decision: &mut Decision,
) -> Response<Answer> {
    let (mut head, body) = response.into_parts();
    if head.status == StatusCode::SWITCHING_PROTOCOLS {
        return Response::from_parts(head, body);
    }
    let told = head.headers.get(header::CONTENT_LENGTH);
    let told = told.and_then(|length| length.to_str().ok()?.parse().ok());
    let bytes = if asked.head_only { told } else { told.or_else(|| body.size_hint().exact()) };
    let Some(coder) = prepare(rule, asked, &mut head, bytes, decision) else {
        return Response::from_parts(head, body);
    };
    let body = match body {
        Answer::Own(Some(bytes)) => match memo::coded(coder, &bytes) {
            Some((coded, done)) => {
                if let Some(done) = done {
                    worker.count(|counts| counts.coded(&done));
                    decision.phase(Phase::Compress, done.took);
                }
                Answer::Own(Some(coded))
            }
            // Only a bug in an encoder comes here: the client sees that the body breaks off.
            None => Answer::Own(None),
        },
        body => {
            // What has a length ends soon; what has none may be waited for.
            let flushes = bytes.is_none();
            let record = decision.record().cloned();
            Answer::Coded(Box::new(Coded::new(worker, record, body, (coder, flushes))))
        }
    };
    Response::from_parts(head, body)
}
