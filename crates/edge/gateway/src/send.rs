//! A request to a member, and to another if the first fails and nothing can happen twice.

use std::{
    net::IpAddr,
    rc::Rc,
    sync::{Arc, PoisonError, atomic::Ordering},
    time::{Duration, Instant},
};

use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use hyper::{body::Incoming, upgrade::OnUpgrade};
use model::Moment;
use tokio::time::timeout;
use traffic::{
    breaker::{Admission, Pass},
    concurrency::Priority,
    plan::{Balance, Service},
    retry::{self, Backoff, Body, Reached},
    timing::{Phase, Phases},
    trace_context::TRACEPARENT,
};

use crate::{
    answer::Refusal,
    body::{Answer, Download, Fault, Seen, Sent},
    clock,
    connection::Peer,
    explain::{self, Decision},
    local::{Local, Wish},
    member::Member,
    pool::{Lease, NoConnection},
    proxy::{Admitted, too_large},
    request::{Busy, Finish},
    tracing::Record,
    tunnel,
    worker::Worker,
};

/// What sending needs besides the request.
pub(crate) struct Sending<'a> {
    pub(crate) worker: &'a Rc<Worker>,
    pub(crate) peer: &'a Peer,
    pub(crate) decision: &'a mut Decision,
}

/// Why nothing came back, and the request's count, unless that is gone.
pub(crate) type Failed = Box<(Refusal, Option<Finish>)>;

/// The longest wait before a retry.
const BACKOFF_MAX: Duration = Duration::from_secs(1);

/// A request in the course of its tries.
struct Tries {
    local: Rc<Local>,
    /// The place of its service.
    place: usize,
    /// The request, unless it is being sent.
    request: Option<Request<Sent>>,
    /// A copy of it, where it may be sent again.
    spare: Option<Request<Sent>>,
    /// Whether a copy is worth it: there is no body, and doing it twice is doing it once.
    repeatable: bool,
    client: IpAddr,
    /// The cookie that names a member.
    cookie: Option<String>,
    /// Where it is told, if anybody wants to know.
    record: Option<Rc<Record>>,
    /// Where time went.
    phases: Phases,
    tried: Vec<usize>,
}

/// One try, and what came of it.
struct Try {
    outcome: Outcome,
    turn: Turn,
    took: Duration,
}

/// What came of one try.
enum Outcome {
    /// An answer, and what it came on.
    Answer(Box<(Response<Incoming>, Lease)>),
    /// None.
    None(Failure),
}

/// Why a try came to nothing.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) refusal: Refusal,
    pub(crate) reached: Reached,
    pub(crate) blame: Blame,
}

/// Whether the member is to blame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Blame {
    Member,
    Other,
}

/// One try while it runs: who was chosen, and what has to be told when it ends.
#[derive(Debug)]
pub(crate) struct Turn {
    pub(crate) chosen: usize,
    pub(crate) busy: Busy,
    pass: Option<Pass>,
    began: Instant,
}

impl Turn {
    /// Chooses a member, if any may be asked.
    pub(crate) fn begin(
        local: &Rc<Local>,
        place: usize,
        wish: &Wish<'_>,
        began: Instant,
    ) -> Result<Self, Refusal> {
        let now = clock::moment(began);
        let pass = admission(local, place, now)?;
        let chosen = local.choose(place, wish, now).ok_or_else(nobody)?;
        let busy = Busy::new(&local.state.services[place].members[chosen], local, place);
        Ok(Self { chosen, busy, pass, began })
    }

    /// Tells everybody how it ended: `failed` is `None` if that says nothing about the member.
    pub(crate) fn end(
        &self,
        local: &Local,
        place: usize,
        failed: Option<bool>,
        ended: Instant,
    ) -> Duration {
        let took = ended.saturating_duration_since(self.began);
        settle(local, place, self.chosen, took, failed, clock::moment(ended));
        let of_service = &local.services[place];
        if let (Some(pass), Some(breaker)) = (self.pass, &of_service.breaker) {
            breaker.borrow_mut().record(pass, failed != Some(true), clock::moment(ended));
        }
        if let Some(concurrency) = &of_service.concurrency {
            concurrency.borrow_mut().record(took, self.busy.in_flight, failed == Some(true));
        }
        took
    }
}

/// Whether the service has room for one more request, which it is then told of.
pub(crate) fn enter(local: &Local, place: usize, priority: Priority) -> Result<(), Refusal> {
    let of_service = &local.services[place];
    of_service.budget.borrow_mut().deposit();
    match &of_service.concurrency {
        Some(concurrency) if !concurrency.borrow().admits(of_service.in_flight.get(), priority) => {
            Err(full())
        }
        _ => Ok(()),
    }
}

/// How long to wait before another try, if one is to be had.
pub(crate) fn again(local: &Local, place: usize, tried: usize, now: Instant) -> Option<Duration> {
    let of_service = &local.services[place];
    if !of_service.budget.borrow_mut().withdraw(clock::moment(now)) {
        return None;
    }
    let base = local.state.plan.services[place].retries.base;
    let retry = u32::try_from(tried).unwrap_or(u32::MAX);
    let backoff = Backoff { base, max: BACKOFF_MAX };
    Some(backoff.wait(retry, &mut of_service.dice.borrow_mut()))
}

/// Whether a status is a failure of the member's own.
pub(crate) fn is_failure(status: u16) -> bool {
    matches!(status, 502..=504)
}

/// Sends a request, and gives the answer.
pub(crate) async fn send(
    sending: Sending<'_>,
    admitted: Admitted,
    mut finish: Finish,
) -> Result<Response<Answer>, Failed> {
    let Sending { worker, peer, decision } = sending;
    let (mut tries, rest) = Tries::new(admitted);
    let local = Rc::clone(&tries.local);
    let service = &local.state.plan.services[tries.place];
    if let Err(refusal) = enter(&local, tries.place, rest.priority) {
        return Err(Box::new((refusal, Some(finish))));
    }
    let done = loop {
        let more = tries.tried.len() < usize_of(service.retries.max);
        let one = match tries.one(worker, more).await {
            Ok(one) => one,
            Err(refusal) => return Err(Box::new((refusal, Some(finish)))),
        };
        let wait = if more && tries.can_go_on(&one.outcome) {
            again(&local, tries.place, tries.tried.len(), Instant::now())
        } else {
            None
        };
        let Some(wait) = wait else { break one };
        let member = || &one.turn.busy.member.address;
        decision.add("retried", || format!("{}: {}", member(), why(&one.outcome)));
        worker.count(crate::metrics::Counts::retried);
        drop(one);
        tokio::time::sleep(wait).await;
    };
    let Try { outcome, turn: Turn { chosen, busy, .. }, took } = done;
    decision.phases(&tries.phases);
    decision.add("member", || busy.member.address.clone());
    decision.add("balance", || service.balance.name().to_owned());
    let (response, lease) = match outcome {
        Outcome::Answer(answer) => *answer,
        Outcome::None(Failure { refusal, .. }) => {
            let fault = rest.upload.as_ref().map_or(Fault::None, |seen| seen.fault.get());
            return Err(Box::new((blame(fault, refusal), Some(finish))));
        }
    };
    decision.add("connection", || if lease.reused { "reused" } else { "new" }.to_owned());
    decision.add("answered", || explain::millis(took));
    finish.status = response.status().as_u16();
    finish.busy = Some(busy);
    if let Some(client) = rest.upgrade.filter(|_| tunnel::is_agreed(&response)) {
        return Ok(tunnel::open(client, response, lease, finish));
    }
    let (mut head, incoming) = response.into_parts();
    traffic::forward::strip_hop_by_hop(&mut head.headers);
    // The version is that of a connection, too: a member that speaks HTTP/1.0 ends its own, not the client's.
    head.version = http::Version::HTTP_11;
    head.extensions = http::Extensions::new();
    tries.set_cookie(chosen, peer, &mut head.headers);
    let pause = service.timeouts.pause;
    let download = Download::new(incoming, pause, lease, rest.upload, finish);
    Ok(Response::from_parts(head, Answer::Stream(download)))
}

/// What of a request is not sent.
struct Rest {
    upload: Option<Rc<Seen>>,
    upgrade: Option<OnUpgrade>,
    priority: Priority,
}

impl Tries {
    fn new(admitted: Admitted) -> (Self, Rest) {
        let Admitted { local, found, client, head, body, upload, upgrade, record, .. } = admitted;
        let route = &local.state.plan.routes[found.route];
        let (place, priority) = (route.service, route.priority);
        let whole = matches!(body, Sent::Empty);
        let tries = Self {
            place,
            repeatable: whole && upgrade.is_none() && retry::is_idempotent(&head.method),
            client,
            cookie: sticky_cookie(&local.state.plan.services[place], &head.headers),
            request: Some(Request::from_parts(head, body)),
            spare: None,
            record,
            phases: Phases::default(),
            tried: Vec::new(),
            local,
        };
        (tries, Rest { upload, upgrade, priority })
    }

    /// Chooses a member and sends it the request; `more` is whether another try may follow.
    async fn one(&mut self, worker: &Worker, more: bool) -> Result<Try, Refusal> {
        let local = Rc::clone(&self.local);
        let wish = Wish { client: self.client, cookie: self.cookie.as_deref(), tried: &self.tried };
        let turn = Turn::begin(&local, self.place, &wish, Instant::now())?;
        let outcome = self.once(worker, &turn.busy.member, self.repeatable && more).await;
        let failed = match &outcome {
            Outcome::Answer(answer) => Some(is_failure(answer.0.status().as_u16())),
            Outcome::None(Failure { blame: Blame::Member, .. }) => Some(true),
            Outcome::None(_) => None,
        };
        if let Some(record) = &self.record {
            let (status, error) = told(&outcome);
            record.attempted(status, error);
        }
        let took = turn.end(&local, self.place, failed, Instant::now());
        self.tried.push(turn.chosen);
        Ok(Try { outcome, turn, took })
    }

    /// Sends the request to a member, once. `keep` is whether a copy is worth it.
    async fn once(&mut self, worker: &Worker, member: &Arc<Member>, keep: bool) -> Outcome {
        let local = Rc::clone(&self.local);
        let plan = &local.state.plan;
        let service = &plan.services[self.place];
        let pool = worker.pool(member, service);
        let began = Instant::now();
        let parent = self.record.as_ref().and_then(|record| record.attempt(&member.address));
        let leased = pool.lease(member, service, &plan.bounds).await;
        let waited_for = match &leased {
            Ok(lease) if lease.reused => Phase::Queue,
            _ => Phase::Connect,
        };
        let asked = Instant::now();
        self.phases.add(waited_for, asked.duration_since(began));
        let mut lease = match leased {
            Ok(lease) => lease,
            Err(no) => return Outcome::None(no_connection(&no)),
        };
        let Some(mut request) = self.request.take().or_else(|| self.spare.take()) else {
            return Outcome::None(no_answer(Reached::Sent, "The request is gone."));
        };
        if keep {
            self.spare = Some(copy(&request));
        }
        if let Some(parent) = parent {
            request.headers_mut().insert(TRACEPARENT, parent);
        }
        let sent = lease.sender.try_send_request(request);
        let sent = timeout(service.timeouts.answer, sent).await;
        self.phases.add(Phase::Upstream, asked.elapsed());
        match sent {
            Ok(Ok(response)) => Outcome::Answer(Box::new((response, lease))),
            Ok(Err(mut error)) => match error.take_message() {
                Some(request) => {
                    self.request = Some(request);
                    Outcome::None(no_answer(Reached::Nothing, CLOSED))
                }
                None => Outcome::None(no_answer(Reached::Sent, NO_ANSWER)),
            },
            Err(_elapsed) => Outcome::None(Failure {
                refusal: too_late(),
                reached: Reached::Sent,
                blame: Blame::Member,
            }),
        }
    }

    /// Tells the client who answered, unless its cookie says so already.
    fn set_cookie(&self, chosen: usize, peer: &Peer, headers: &mut HeaderMap) {
        let service = &self.local.state.plan.services[self.place];
        let Balance::Cookie { name, .. } = &service.balance else { return };
        let Some(key) = &self.local.state.services[self.place].cookie else { return };
        let value = key.sign(&service.name, &service.members[chosen].address);
        if self.cookie.as_deref() == Some(&*value) {
            return;
        }
        let secure = if peer.encrypted { "; Secure" } else { "" };
        let cookie = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}");
        if let Ok(cookie) = HeaderValue::from_str(&cookie) {
            headers.append(header::SET_COOKIE, cookie);
        }
    }

    /// Whether the request is there to be sent again, and that does no harm.
    fn can_go_on(&self, outcome: &Outcome) -> bool {
        let there = self.request.as_ref().or(self.spare.as_ref());
        let Some(request) = there else { return false };
        let (reached, worth) = match outcome {
            Outcome::Answer(answer) => {
                (Reached::Sent, retry::is_worth_it(answer.0.status().as_u16()))
            }
            Outcome::None(failure) => (failure.reached, failure.blame == Blame::Member),
        };
        worth && retry::is_safe(request.method(), reached, Body::Whole)
    }
}

fn copy(request: &Request<Sent>) -> Request<Sent> {
    let mut copy = Request::new(Sent::Empty);
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.headers_mut() = request.headers().clone();
    copy
}

pub(crate) fn usize_of(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

fn admission(local: &Local, place: usize, now: Moment) -> Result<Option<Pass>, Refusal> {
    let Some(breaker) = &local.services[place].breaker else { return Ok(None) };
    match breaker.borrow_mut().admit(now) {
        Admission::Passed(pass) => Ok(Some(pass)),
        Admission::Refused(wait) => {
            const DETAIL: &str = "The service fails, and is left alone for a while.";
            let refusal = Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "breaker", DETAIL);
            Err(refusal.after(wait))
        }
    }
}

/// Remembers how a request to a member ended.
#[expect(clippy::too_many_arguments, reason = "what a turn was, and how it ended")]
fn settle(
    local: &Local,
    place: usize,
    chosen: usize,
    took: Duration,
    failed: Option<bool>,
    now: Moment,
) {
    let Some(failed) = failed else { return };
    let state = &local.state.services[place];
    let member = &state.members[chosen];
    if local.state.plan.services[place].balance == Balance::Latency {
        member.learn(took, failed, now);
    }
    if !failed && !member.suspect.load(Ordering::Relaxed) {
        return;
    }
    member.suspect.store(failed, Ordering::Relaxed);
    if failed {
        member.failures.fetch_add(1, Ordering::Relaxed);
    }
    let mut outliers = state.outliers.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(until) = outliers.record(chosen, !failed, now) {
        member.out_until.store(until.nanos, Ordering::Relaxed);
        member.up_since.store(until.nanos, Ordering::Relaxed);
    }
}

/// The status of an answer, or why there is none, as spans have it.
fn told(outcome: &Outcome) -> (Option<u16>, Option<&'static str>) {
    match outcome {
        Outcome::Answer(answer) => (Some(answer.0.status().as_u16()), None),
        Outcome::None(failure) => (None, Some(failure.refusal.reason)),
    }
}

fn why(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Answer(answer) => format!("answered {}", answer.0.status().as_u16()),
        Outcome::None(failure) => failure.refusal.detail.to_owned(),
    }
}

/// What a member did that closed a connection before anything was sent.
pub(crate) const CLOSED: &str = "The member closed the connection.";

/// What a member did that has answered with nothing, or nonsense.
pub(crate) const NO_ANSWER: &str = "The member closed the connection, or sent what is no answer.";

pub(crate) fn no_answer(reached: Reached, detail: &'static str) -> Failure {
    let refusal = Refusal::new(StatusCode::BAD_GATEWAY, "member-failed", detail);
    Failure { refusal, reached, blame: Blame::Member }
}

pub(crate) fn no_connection(no: &NoConnection) -> Failure {
    match no {
        NoConnection::Full => {
            Failure { refusal: full(), reached: Reached::Nothing, blame: Blame::Other }
        }
        NoConnection::Timeout => {
            const DETAIL: &str = "The member did not accept a connection in time.";
            let refusal = Refusal::new(StatusCode::GATEWAY_TIMEOUT, "timeout", DETAIL);
            Failure { refusal, reached: Reached::Nothing, blame: Blame::Member }
        }
        NoConnection::Failed => no_answer(Reached::Nothing, "The member refused the connection."),
    }
}

fn full() -> Refusal {
    const DETAIL: &str = "As many requests as the service bears are in flight already.";
    let refusal = Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "full", DETAIL);
    refusal.after(Duration::from_secs(1))
}

fn nobody() -> Refusal {
    Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "no-member", "No member of the service is asked.")
}

pub(crate) fn too_late() -> Refusal {
    Refusal::new(StatusCode::GATEWAY_TIMEOUT, "timeout", "The answer did not come in time.")
}

/// Whose fault it is when the request's own body broke off.
fn blame(fault: Fault, refusal: Refusal) -> Refusal {
    match fault {
        Fault::None => refusal,
        Fault::TooLarge => too_large(),
        Fault::Paused => {
            const DETAIL: &str = "The body of the request paused for too long.";
            Refusal::new(StatusCode::REQUEST_TIMEOUT, "timeout", DETAIL).closing()
        }
        Fault::Broken => Refusal::bad("The body of the request ended early."),
    }
}

/// The cookie that names a member, if the service is sticky by cookie.
fn sticky_cookie(service: &Service, headers: &HeaderMap) -> Option<String> {
    let Balance::Cookie { name, .. } = &service.balance else { return None };
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, _)| key.trim() == name).map(|(_, value)| value.trim().to_owned())
}
