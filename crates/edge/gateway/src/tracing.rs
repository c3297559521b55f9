//! A request for those who want to know of it: spans for a collector, a line for the access log.
//!
//! A [`Record`] is there only where somebody is told. It is filled while the request passes, closed when the last byte
//! has, and handed to threads of its own, which make spans and lines of it: the request waits for neither, and what
//! finds their queues full is counted and gone.

mod export;
mod spans;

use std::{
    cell::RefCell,
    hash::{BuildHasher as _, RandomState},
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Version, header};
use model::{Moment, SpanId};
use traffic::{
    Dice, forward,
    plan::Plan,
    telling::Parents,
    trace_context::{Parent, TRACEPARENT, TRACESTATE, Trace},
};

use crate::{clock, connection::Peer, state::State};

pub(crate) use export::{Exporter, Outcomes};
pub(crate) use spans::{spans, version};

/// Attempts that are told of one request: there are never more than `retries` allows, which is 10 at most.
const ATTEMPTS_MAX: usize = 12;

/// Bytes of a path, or of a header's value, that are told.
const TEXT_BYTES_MAX: usize = 512;

/// Headers of answers that spans carry: what caches and compression go by.
pub(crate) const TOLD_OF_ANSWERS: [HeaderName; 7] = [
    header::CONTENT_TYPE,
    header::CONTENT_ENCODING,
    header::CACHE_CONTROL,
    header::ETAG,
    header::LAST_MODIFIED,
    header::EXPIRES,
    header::VARY,
];

thread_local! {
    /// Ids of traces and spans; the hasher's keys are random for each process and thread.
    static DICE: RefCell<Dice> = RefCell::new(Dice::new(RandomState::new().hash_one("ids")));
}

/// A request in the course of being told.
#[derive(Debug)]
pub(crate) struct Record {
    told: RefCell<Told>,
    state: Arc<State>,
}

/// All that is told of a request.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    pub(crate) began: Moment,
    pub(crate) took: Duration,
    pub(crate) trace: Option<Trace>,
    pub(crate) trace_state: String,
    pub(crate) method: Method,
    pub(crate) version: Version,
    pub(crate) scheme: &'static str,
    pub(crate) host: String,
    pub(crate) path: String,
    pub(crate) client: String,
    pub(crate) agent: String,
    pub(crate) referer: String,
    pub(crate) route: String,
    pub(crate) decisions: Vec<(&'static str, String)>,
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) answer: Vec<(HeaderName, String)>,
    pub(crate) status: u16,
    /// Bytes of the body that the member sent.
    pub(crate) bytes: u64,
    /// Bytes of it once compressed.
    pub(crate) coded_bytes: Option<u64>,
    pub(crate) end: End,
    /// Why the gateway itself answered; empty if it did not.
    pub(crate) refused: String,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// With the last byte of its answer.
    Whole,
    /// The member broke it off.
    Broken,
    /// The client went away.
    Gone,
}

impl End {
    /// What went wrong, in spans and metrics alike; empty if nothing did.
    pub(crate) fn error_type(self) -> &'static str {
        match self {
            Self::Whole => "",
            Self::Broken => "answer_broke_off",
            Self::Gone => "client_went_away",
        }
    }
}

/// A request to a member.
#[derive(Debug, Clone)]
pub(crate) struct Attempt {
    pub(crate) span: SpanId,
    pub(crate) member: String,
    /// What was asked for, as the member sees it, without the query.
    pub(crate) url: String,
    pub(crate) began: Moment,
    /// None while somebody waits for what comes of it.
    pub(crate) took: Option<Duration>,
    /// Neither this nor an error is there where it was given up, as another one answered or the client went away.
    pub(crate) status: Option<u16>,
    pub(crate) error: Option<&'static str>,
}

impl Record {
    /// Begins to tell of a request, if somebody wants to know; takes its trace from its head, or gives it one.
    pub(crate) fn begin<B>(
        state: &Arc<State>,
        request: &mut Request<B>,
        peer: &Peer,
        began: Instant,
    ) -> Option<Rc<Self>> {
        let telling = &state.plan.telling;
        if telling.spans.is_none() && telling.access_log.is_none() {
            return None;
        }
        let trace = trace(&state.plan, request.headers_mut(), peer);
        let sampled = telling.spans.is_some() && trace.is_some_and(|trace| trace.is_sampled());
        if !sampled && telling.access_log.is_none() {
            return None;
        }
        let headers = request.headers();
        let text = |name: &HeaderName| short(headers.get(name));
        let told = Told {
            began: clock::moment(began),
            took: Duration::ZERO,
            trace,
            trace_state: text(&TRACESTATE),
            method: request.method().clone(),
            version: request.version(),
            scheme: peer.scheme(&state.plan, headers),
            host: traffic::route::host_of(request.uri(), headers).to_owned(),
            path: cut(request.uri().path()).to_owned(),
            client: forward::client(peer.address, headers, &state.plan.trusted).to_string(),
            agent: text(&header::USER_AGENT),
            referer: text(&header::REFERER),
            route: String::new(),
            decisions: Vec::new(),
            attempts: Vec::new(),
            answer: Vec::new(),
            status: 0,
            bytes: 0,
            coded_bytes: None,
            end: End::Gone,
            refused: String::new(),
        };
        Some(Rc::new(Self { told: RefCell::new(told), state: Arc::clone(state) }))
    }

    /// What was decided.
    pub(crate) fn note(&self, name: &'static str, value: &str) {
        let mut told = self.told.borrow_mut();
        match name {
            "route" => value.clone_into(&mut told.route),
            "refused" => value.clone_into(&mut told.refused),
            _ => told.decisions.push((name, value.to_owned())),
        }
    }

    /// The request is about to be sent to a member; gives the number of the attempt, and the `traceparent` that says to
    /// which span its own belong, unless that stays as it is.
    pub(crate) fn attempt(
        &self,
        member: &str,
        encrypted: bool,
        path: &str,
    ) -> (usize, Option<HeaderValue>) {
        let mut told = self.told.borrow_mut();
        let place = told.attempts.len();
        let span = SpanId(DICE.with_borrow_mut(Dice::throw).max(1).to_be_bytes());
        let ours = self.state.plan.telling.spans.is_some();
        let parent = told.trace.filter(|trace| ours && trace.is_sampled());
        if told.attempts.len() < ATTEMPTS_MAX {
            told.attempts.push(Attempt {
                span,
                member: member.to_owned(),
                url: format!("http{}://{member}{}", if encrypted { "s" } else { "" }, cut(path)),
                began: clock::now(),
                took: None,
                status: None,
                error: None,
            });
        }
        let more = place < ATTEMPTS_MAX;
        (if more { place } else { usize::MAX }, parent.and_then(|parent| parent.told_by(span)))
    }

    /// What came of an attempt.
    pub(crate) fn attempted(&self, place: usize, status: Option<u16>, error: Option<&'static str>) {
        let now = clock::now();
        if let Some(attempt) = self.told.borrow_mut().attempts.get_mut(place) {
            attempt.took = Some(now.since(attempt.began));
            (attempt.status, attempt.error) = (status, error);
        }
    }

    /// Nobody waits for what comes of an attempt any more, unless it has come.
    pub(crate) fn given_up(&self, place: usize) {
        let now = clock::now();
        if let Some(attempt) = self.told.borrow_mut().attempts.get_mut(place) {
            attempt.took.get_or_insert_with(|| now.since(attempt.began));
        }
    }

    /// The head of the answer, as the client gets it.
    pub(crate) fn answered(&self, headers: &HeaderMap) {
        let there =
            |name: &HeaderName| headers.get(name).map(|value| (name.clone(), short(Some(value))));
        self.told.borrow_mut().answer = TOLD_OF_ANSWERS.iter().filter_map(there).collect();
    }

    /// The body was compressed to so many bytes.
    pub(crate) fn coded(&self, bytes: u64) {
        self.told.borrow_mut().coded_bytes = Some(bytes);
    }

    /// It is over: tells whom it is told.
    pub(crate) fn end(&self, status: u16, took: Duration, bytes: u64, end: End) {
        let mut told = self.told.borrow().clone();
        (told.status, told.took, told.bytes, told.end) = (status, took, bytes, end);
        let now = clock::now();
        for attempt in &mut told.attempts {
            attempt.took.get_or_insert_with(|| now.since(attempt.began));
        }
        let told = Arc::new(told);
        if let Some(log) = &self.state.access_log {
            log.tell(&told);
        }
        let sampled = told.trace.is_some_and(|trace| trace.is_sampled());
        if let Some(exporter) = self.state.exporter.as_ref().filter(|_| sampled) {
            exporter.tell(&told);
        }
    }
}

/// The trace of a request; where spans are made, its head says the same afterwards.
fn trace(plan: &Plan, headers: &mut HeaderMap, peer: &Peer) -> Option<Trace> {
    let Some(rule) = &plan.telling.spans else {
        // Nobody's spans are made here, but lines of the log tell whose they would be.
        return Parent::of(headers).map(|parent| Trace {
            id: parent.trace,
            span: parent.span,
            parent: None,
            flags: parent.flags,
        });
    };
    let believed = match rule.parents {
        Parents::Anyone => true,
        Parents::Trusted => {
            peer.address.is_loopback() || forward::is_trusted(peer.address, &plan.trusted)
        }
        Parents::Nobody => false,
    };
    let parent = believed.then(|| Parent::of(headers)).flatten();
    let trace = DICE.with_borrow_mut(|dice| Trace::new(parent, rule.share, dice));
    if parent.is_none() {
        headers.remove(TRACESTATE);
        match trace.told_by(trace.span) {
            Some(told) => drop(headers.insert(TRACEPARENT, told)),
            None => drop(headers.remove(TRACEPARENT)),
        }
    }
    Some(trace)
}

fn short(value: Option<&HeaderValue>) -> String {
    value
        .map(|value| cut(&String::from_utf8_lossy(value.as_bytes())).to_owned())
        .unwrap_or_default()
}

/// The beginning of a text, whole characters.
fn cut(text: &str) -> &str {
    let mut end = text.len().min(TEXT_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}
