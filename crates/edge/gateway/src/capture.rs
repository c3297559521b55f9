//! Taking a copy of some requests and their answers on their way through.
//!
//! A [`Tap`] hangs on the two bodies and collects what passes, up to a bound; when both are gone, what it has goes to the
//! thread that writes. Nothing here waits: where the queue is full or too much is held, the copy is dropped and counted, and the
//! request goes on as if nothing had happened.

mod files;
mod unpack;
mod writer;

use std::{
    cell::RefCell,
    pin::Pin,
    rc::Rc,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
        mpsc::{SyncSender, sync_channel},
    },
    task::{Context, Poll},
    thread::JoinHandle,
    time::Instant,
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use hyper::body::{Body as _, Frame, SizeHint};
use model::{AnswerEnd, AnswerSeen, BodySeen, Exchange, Kept, RequestSeen, TraceId};
use traffic::{
    Dice,
    capture::{CaptureRules, DrawBy, share_max, trace_of},
    fields::Fields,
    forward,
    plan::{Plan, Route},
    route::{Asked, host_of},
    trace_context::TRACEPARENT,
};

use crate::{
    body::{Answer, Fault, Inbound, Never, Sent},
    clock,
    connection::Peer,
    local::Local,
    proxy,
    tracing::Outcomes,
    worker::Worker,
};

/// What is captured, and the way to the thread that writes it.
#[derive(Debug)]
pub(crate) struct Capture {
    rules: CaptureRules,
    share_max: f64,
    queue: SyncSender<Job>,
    figures: Arc<Figures>,
}

/// What became of what was taken.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    /// How many were written, dropped because too much was waiting, or lost because the disk failed.
    pub(crate) outcomes: Outcomes,
    /// Bytes of lines that were written.
    pub(crate) bytes: AtomicU64,
    /// Bytes that wait.
    waiting: AtomicUsize,
    /// What failed last.
    pub(crate) trouble: Mutex<Option<String>>,
}

/// An exchange that is to be written, and the bytes that are held for it.
type Job = (Box<Exchange>, usize);

/// Exchanges that wait, whatever their size.
const QUEUE_MAX: usize = 4_096;

/// What an exchange takes besides its bodies, roughly: heads and the allocations for them.
const HEADS_BYTES: usize = 4 << 10;

impl Capture {
    /// What a plan wants captured, and the thread that writes it; goes on with what was there if that is the same.
    pub(crate) fn of(
        plan: &Plan,
        old: Option<&Arc<Self>>,
        figures: &Arc<Figures>,
    ) -> Option<(Arc<Self>, Option<JoinHandle<()>>)> {
        let rules = plan.capture.as_ref()?;
        let share_max = share_max(plan);
        if let Some(old) = old.filter(|old| old.rules == *rules && same(old.share_max, share_max)) {
            return Some((Arc::clone(old), None));
        }
        let (queue, jobs) = sync_channel(QUEUE_MAX);
        let (of_thread, told) = (rules.clone(), Arc::clone(figures));
        let spawned = std::thread::Builder::new()
            .name("capture".to_owned())
            .spawn(move || writer::run(&of_thread, &jobs, &told));
        match spawned {
            Ok(thread) => {
                let figures = Arc::clone(figures);
                let capture = Self { rules: rules.clone(), share_max, queue, figures };
                Some((Arc::new(capture), Some(thread)))
            }
            Err(error) => {
                figures.fail(format!("failed to start the thread that writes: {error}"));
                None
            }
        }
    }
}

fn same(one: f64, other: f64) -> bool {
    (one - other).abs() < f64::EPSILON
}

impl Figures {
    fn fail(&self, why: String) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
    }

    /// Takes room for bytes, if there is any.
    fn reserve(&self, bytes: usize, max: usize) -> bool {
        let before = self.waiting.fetch_add(bytes, Relaxed);
        if before.saturating_add(bytes) <= max {
            return true;
        }
        self.waiting.fetch_sub(bytes, Relaxed);
        false
    }

    fn release(&self, bytes: usize) {
        self.waiting.fetch_sub(bytes, Relaxed);
    }
}

/// Answers a request, and takes a copy of it where that is wanted.
pub(crate) async fn handle(
    worker: Rc<Worker>,
    peer: Rc<Peer>,
    mut request: Request<Inbound>,
) -> Result<Response<Answer>, Never> {
    let Some(tap) = begin(&worker, &peer, &request) else {
        return proxy::handle(worker, peer, request).await;
    };
    request.extensions_mut().insert(tap.clone());
    let response = proxy::handle(worker, peer, request).await?;
    Ok(tap.answer(response))
}

/// What was drawn for a request: those below the share of their route are captured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Point(f64);

impl Point {
    /// Draws for a request; `None` where nothing is captured.
    pub(crate) fn draw(
        worker: &Worker,
        local: &Local,
        peer: &Peer,
        fields: &impl Fields,
    ) -> Option<Self> {
        let capture = local.state.capture.as_ref()?;
        let trace = fields.first(&TRACEPARENT).and_then(trace_of);
        let client = forward::client(peer.address, fields, &local.state.plan.trusted);
        let client = match capture.rules.by {
            DrawBy::Client => client.to_string(),
            DrawBy::Chance | DrawBy::Trace => String::new(),
        };
        let by = capture.rules.by;
        Some(Self(throw(worker, |dice| by.point(trace, client.as_bytes(), dice))))
    }

    /// Whether a request of this route is captured.
    pub(crate) fn is_taken(self, local: &Local, route: &Route) -> bool {
        let rules = local.state.capture.as_ref().map(|capture| capture.rules.share);
        self.0 < route.capture.or(rules).unwrap_or(0.0)
    }
}

/// A tap for a request that is to be captured; `None` for most.
fn begin(worker: &Worker, peer: &Peer, request: &Request<Inbound>) -> Option<Tap> {
    let local = worker.local();
    let capture = local.state.capture.as_ref()?;
    let trace = request.headers().first(&TRACEPARENT).and_then(trace_of);
    let plan = &local.state.plan;
    let client = forward::client(peer.address, request.headers(), &plan.trusted).to_string();
    // Whoever read the head may have drawn already.
    let drawn = request.extensions().get::<Point>().copied();
    let point = match drawn {
        Some(point) => point,
        None => Point::draw(worker, &local, peer, request.headers())?,
    };
    if capture.share_max <= point.0 {
        return None;
    }
    let asked = Asked {
        host: host_of(request.uri(), request.headers()),
        path: request.uri().path(),
        method: request.method(),
        headers: request.headers(),
    };
    let found = local.state.table.find(&plan.routes, &asked)?;
    let route = &plan.routes[found.route];
    if !point.is_taken(&local, route) {
        return None;
    }
    if !capture.figures.reserve(HEADS_BYTES, capture.rules.waiting_bytes_max) {
        capture.figures.outcomes.dropped.fetch_add(1, Relaxed);
        return None;
    }
    let trace_id = trace.and_then(|id| TraceId::from_hex(std::str::from_utf8(id).ok()?));
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
    let exchange = Exchange {
        began: clock::now(),
        route: route.name.clone(),
        trace_id,
        client,
        request: RequestSeen {
            method: request.method().as_str().to_owned(),
            target: target.to_owned(),
            headers: headers(request.headers()),
            body: BodySeen::default(),
        },
        ..Exchange::default()
    };
    let taken = Taken {
        capture: Arc::clone(capture),
        began: Instant::now(),
        exchange,
        held: HEADS_BYTES,
        is_dropped: false,
    };
    Some(Tap(Arc::new(Mutex::new(taken))))
}

/// Dice of this thread.
fn throw(worker: &Worker, with: impl FnOnce(&mut Dice) -> f64) -> f64 {
    thread_local! {
        static DICE: RefCell<Option<Dice>> = const { RefCell::new(None) };
    }
    DICE.with_borrow_mut(|dice| {
        // Each thread has its own connections, and with their first request another number.
        let seed = || Dice::new(worker.shared.seed ^ clock::now().nanos);
        with(dice.get_or_insert_with(seed))
    })
}

fn headers(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect()
}

/// What hangs on a request and its answer; once the last copy of it is gone, what was taken is written.
#[derive(Debug, Clone)]
pub(crate) struct Tap(Arc<Mutex<Taken>>);

#[derive(Debug)]
struct Taken {
    capture: Arc<Capture>,
    began: Instant,
    exchange: Exchange,
    /// Bytes that it has taken room for.
    held: usize,
    is_dropped: bool,
}

impl Tap {
    fn with(&self, change: impl FnOnce(&mut Taken)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// The body of a request that passes by this tap.
    pub(crate) fn request(self, body: Sent) -> Sent {
        match body {
            Sent::Empty => Sent::Empty,
            body => Sent::Tapped(Box::new((body, self))),
        }
    }

    /// An answer that passes by this tap.
    fn answer(self, response: Response<Answer>) -> Response<Answer> {
        self.with(|taken| {
            taken.exchange.answer = Some(AnswerSeen {
                status: response.status().as_u16(),
                headers: headers(response.headers()),
                body: BodySeen::default(),
                end: AnswerEnd::Left,
            });
        });
        response.map(|body| {
            let mut tapped = TappedAnswer { body, tap: self };
            tapped.end_if_over();
            Answer::Tapped(Box::new(tapped))
        })
    }

    /// Something of a request's body has passed.
    pub(crate) fn request_passed(&self, polled: &Poll<Option<Result<Frame<Bytes>, Fault>>>) {
        if let Poll::Ready(Some(Ok(frame))) = polled
            && let Some(data) = frame.data_ref()
        {
            self.with(|taken| taken.keep(data, |exchange| Some(&mut exchange.request.body)));
        }
    }
}

impl Taken {
    fn keep(&mut self, data: &[u8], body: fn(&mut Exchange) -> Option<&mut BodySeen>) {
        let rules = &self.capture.rules;
        let (most, waiting_max) = (rules.body_bytes_max, rules.waiting_bytes_max);
        let Some(body) = body(&mut self.exchange) else { return };
        body.sent_bytes += data.len() as u64;
        let part = data.get(..most.saturating_sub(body.bytes.len())).unwrap_or(data);
        if part.len() < data.len() {
            body.kept = Kept::Cut;
        }
        if self.is_dropped || part.is_empty() {
            return;
        }
        if self.capture.figures.reserve(part.len(), waiting_max) {
            self.held += part.len();
            body.bytes.extend_from_slice(part);
        } else {
            self.is_dropped = true;
        }
    }

    fn ended(&mut self, end: AnswerEnd) {
        if let Some(answer) = &mut self.exchange.answer {
            answer.end = end;
        }
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let figures = &self.capture.figures;
        let mut exchange = std::mem::take(&mut self.exchange);
        exchange.took = self.began.elapsed();
        if exchange.answer.as_ref().is_some_and(|answer| answer.end != AnswerEnd::Whole)
            && let Some(answer) = &mut exchange.answer
            && answer.body.kept == Kept::Whole
            && !answer.body.bytes.is_empty()
        {
            answer.body.kept = Kept::Cut;
        }
        let job = (Box::new(exchange), self.held);
        if self.is_dropped || self.capture.queue.try_send(job).is_err() {
            figures.release(self.held);
            figures.outcomes.dropped.fetch_add(1, Relaxed);
        }
    }
}

/// The body of an answer with a tap on it.
#[derive(Debug)]
pub(crate) struct TappedAnswer {
    body: Answer,
    tap: Tap,
}

impl TappedAnswer {
    pub(crate) fn poll(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Fault>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(data) = frame.data_ref() {
                    self.tap.with(|taken| {
                        taken.keep(data, |exchange| Some(&mut exchange.answer.as_mut()?.body));
                    });
                }
                self.end_if_over();
            }
            Poll::Ready(Some(Err(_))) => self.tap.with(|taken| taken.ended(AnswerEnd::Broken)),
            Poll::Ready(None) => self.tap.with(|taken| taken.ended(AnswerEnd::Whole)),
            Poll::Pending => {}
        }
        polled
    }

    fn end_if_over(&mut self) {
        if self.body.is_end_stream() {
            self.tap.with(|taken| taken.ended(AnswerEnd::Whole));
        }
    }

    pub(crate) fn rests(&mut self) {
        self.body.rests();
    }

    pub(crate) fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    pub(crate) fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
