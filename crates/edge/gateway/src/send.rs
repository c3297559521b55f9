//! A request to a member, and to another if the first fails and nothing can happen twice.

use std::{
    cell::RefCell,
    net::IpAddr,
    rc::Rc,
    sync::{PoisonError, atomic::Ordering},
    time::{Duration, Instant},
};

use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use hyper::upgrade::OnUpgrade;
use model::Moment;
use traffic::{
    breaker::{Admission, Breaker, Pass},
    concurrency::Priority,
    plan::{Balance, Service, Timeouts},
    proxy_protocol::Ends,
    retry::{self, Backoff, Body, Reached},
    timing::Phases,
    wire::Http,
};

use crate::{
    answer::Refusal,
    attempt::{Attempted, Blame, Failure, Outcome, no_answer},
    body::{Answer, Download, Fault, Pause, Seen, Sent},
    clock,
    connection::Peer,
    explain::{self, Decision},
    hedge,
    local::{Local, Wish},
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
pub(crate) struct Tries {
    pub(crate) local: Rc<Local>,
    /// The place of its service.
    pub(crate) place: usize,
    /// The place of its route.
    pub(crate) route: usize,
    /// The request, unless it is being sent.
    request: Option<Request<Sent>>,
    /// A copy of it, where it may be sent again.
    pub(crate) spare: Option<Request<Sent>>,
    /// Whether a copy is worth it: there is no body.
    whole: bool,
    /// What became of the body, if there is one.
    upload: Option<Rc<Seen>>,
    pub(crate) client: IpAddr,
    /// Where the client's connection ends, for members that are told.
    pub(crate) ends: Option<Ends>,
    /// Whether another protocol may follow.
    pub(crate) tunnel: bool,
    /// The cookie that names a member.
    cookie: Option<String>,
    /// Where it is told, if anybody wants to know.
    pub(crate) record: Option<Rc<Record>>,
    /// Where time went.
    phases: Phases,
    pub(crate) tried: Vec<usize>,
    /// When nobody waits for it any more.
    pub(crate) deadline: Option<tokio::time::Instant>,
}

/// One try, and what came of it.
struct Try {
    outcome: Outcome,
    turn: Turn,
    took: Duration,
    /// What is to be said about a second member that was asked meanwhile.
    hedged: Option<String>,
}

/// One try while it runs: who was chosen, and what has to be told when it ends.
#[derive(Debug)]
pub(crate) struct Turn {
    pub(crate) chosen: usize,
    pub(crate) busy: Busy,
    passed: Option<Passed>,
    pub(crate) began: Instant,
}

/// A request that a breaker let pass; unless told how it ended, nobody knows.
#[derive(Debug)]
pub(crate) struct Passed {
    breaker: Rc<RefCell<Breaker>>,
    /// None once it is told.
    pass: Option<Pass>,
}

impl Passed {
    fn ended(mut self, good: bool, now: Moment) {
        if let Some(pass) = self.pass.take() {
            self.breaker.borrow_mut().record(pass, good, now);
        }
    }
}

impl Drop for Passed {
    fn drop(&mut self) {
        if let Some(pass) = self.pass.take() {
            self.breaker.borrow_mut().forget(pass);
        }
    }
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
        let passed = admission(local, place, now)?;
        let chosen = local.choose(place, wish, now).ok_or_else(nobody)?;
        Ok(Self::new(local, place, chosen, passed, began))
    }

    /// One of a member that may be asked.
    pub(crate) fn new(
        local: &Rc<Local>,
        place: usize,
        chosen: usize,
        passed: Option<Passed>,
        began: Instant,
    ) -> Self {
        let busy = Busy::new(&local.state.services[place].members[chosen], local, place);
        Self { chosen, busy, passed, began }
    }

    /// Tells everybody how it ended: `failed` is `None` if that says nothing about the member, as nothing does that is not told
    /// at all.
    pub(crate) fn end(
        &mut self,
        local: &Local,
        place: usize,
        failed: Option<bool>,
        ended: Instant,
    ) -> Duration {
        let took = ended.saturating_duration_since(self.began);
        let passed = self.passed.take();
        let Some(failed) = failed else { return took };
        settle(local, place, self.chosen, took, failed, clock::moment(ended));
        if let Some(passed) = passed {
            passed.ended(!failed, clock::moment(ended));
        }
        if let Some(concurrency) = &local.services[place].concurrency {
            concurrency.borrow_mut().record(took, self.busy.in_flight, failed);
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
    let (mut tries, rest) = Tries::new(admitted, peer);
    let local = Rc::clone(&tries.local);
    let plan = &local.state.plan;
    let (route, service) = (&plan.routes[tries.route], &plan.services[tries.place]);
    if let Err(refusal) = enter(&local, tries.place, rest.priority) {
        return Err(Box::new((refusal, Some(finish))));
    }
    let done = loop {
        let more = tries.tried.len() < usize_of(route.retries_at(service));
        let one = match tries.one(worker, more).await {
            Ok(one) => one,
            Err(refusal) => return Err(Box::new((refusal, Some(finish)))),
        };
        if let Some(hedged) = &one.hedged {
            decision.add("hedged", || hedged.clone());
        }
        let wait = if more && !tries.is_late() && tries.can_go_on(&one.outcome) {
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
    let Try { outcome, turn: Turn { chosen, busy, .. }, took, .. } = done;
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
        let pause = local.state.plan.bounds.tunnel_pause;
        let client = tunnel::Client { upgrade: client, open: peer.open(), pause };
        return Ok(tunnel::open(client, response, lease, finish));
    }
    let (mut head, incoming) = response.into_parts();
    traffic::forward::strip_hop_by_hop(&mut head.headers);
    // The version is that of a connection, too: a member that speaks HTTP/1.0 ends its own, not the client's.
    head.version = http::Version::HTTP_11;
    head.extensions = http::Extensions::new();
    tries.set_cookie(chosen, peer, &mut head.headers);
    let Timeouts { pause, total, .. } = route.timeouts_at(service);
    let left = total.map(|total| finish.left_of(total));
    let pause = Pause::new(pause).within(left);
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
    fn new(admitted: Admitted, peer: &Peer) -> (Self, Rest) {
        let Admitted { local, found, service, client, head, body, .. } = admitted;
        let Admitted { upload, upgrade, record, deadline, .. } = admitted;
        let route = &local.state.plan.routes[found.route];
        let (place, priority) = (service, route.priority);
        let tries = Self {
            place,
            route: found.route,
            whole: matches!(body, Sent::Empty) && upgrade.is_none(),
            upload: upload.clone(),
            client,
            ends: peer.ends,
            tunnel: upgrade.is_some(),
            cookie: sticky_cookie(&local.state.plan.services[place], &head.headers),
            request: Some(Request::from_parts(head, body)),
            spare: None,
            record,
            phases: Phases::default(),
            tried: Vec::new(),
            deadline,
            local,
        };
        (tries, Rest { upload, upgrade, priority })
    }

    /// Chooses a member and sends it the request; `more` is whether another try may follow.
    async fn one(&mut self, worker: &Worker, more: bool) -> Result<Try, Refusal> {
        let local = Rc::clone(&self.local);
        let wish = Wish { client: self.client, cookie: self.cookie.as_deref(), tried: &self.tried };
        let began = Instant::now();
        let mut turn = Turn::begin(&local, self.place, &wish, began)?;
        let gone = || no_answer(Reached::Sent, "The request is gone.").refusal;
        let request = self.request.take().or_else(|| self.spare.take()).ok_or_else(gone)?;
        let after = hedge::after(&local, self.route, request.method()).filter(|_| self.whole);
        // What HTTP/2 says that nobody has looked at can be sent again, whatever it is.
        let two = local.state.plan.services[self.place].wire.http != Http::One;
        let again = more && (two || retry::is_idempotent(request.method()));
        if self.whole && (again || after.is_some()) {
            self.spare = Some(copy(&request));
        }
        let mut hedged = None;
        let attempted = match after {
            None => self.attempt(worker, &turn.busy.member, request).await,
            Some(after) => {
                // Boxed: a request of which nobody is asked twice needs no room for it.
                let raced = Box::pin(self.race(worker, turn, request, after)).await;
                let attempted;
                (attempted, turn, hedged) = raced;
                attempted
            }
        };
        attempted.spent(&mut self.phases);
        let Attempted { outcome, request, .. } = attempted;
        self.request = request;
        let ended = Instant::now();
        let took = turn.end(&local, self.place, outcome.failed(), ended);
        if outcome.failed() == Some(false) {
            hedge::learn(&local, self.route, ended.duration_since(began));
        }
        self.tried.push(turn.chosen);
        Ok(Try { outcome, turn, took, hedged })
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

    /// Whether nobody waits for it any more.
    pub(crate) fn is_late(&self) -> bool {
        self.deadline.is_some_and(|deadline| deadline <= tokio::time::Instant::now())
    }

    /// All of it took too long, while a member had it since then.
    pub(crate) fn over(&self, since: Instant) -> Failure {
        let plan = &self.local.state.plan;
        let total = plan.routes[self.route].timeouts_at(&plan.services[self.place]).total;
        // While the client still sends it may be the client that is slow.
        let is_sent = self.upload.as_ref().is_none_or(|upload| upload.done.get());
        over(total.filter(|_| is_sent), since)
    }

    /// Whether the request is there to be sent again, and that does no harm.
    fn can_go_on(&self, outcome: &Outcome) -> bool {
        let there = self.request.as_ref().or(self.spare.as_ref());
        let Some(request) = there else { return false };
        let (reached, worth) = match outcome {
            Outcome::Answer(answer) => {
                (Reached::Sent, retry::is_worth_it(answer.0.status().as_u16()))
            }
            Outcome::None(failure) => (failure.reached, failure.blame != Blame::Other),
        };
        worth && retry::is_safe(request.method(), reached, Body::Whole)
    }
}

pub(crate) fn copy(request: &Request<Sent>) -> Request<Sent> {
    let mut copy = Request::new(Sent::Empty);
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.headers_mut() = request.headers().clone();
    copy
}

pub(crate) fn usize_of(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

pub(crate) fn admission(
    local: &Local,
    place: usize,
    now: Moment,
) -> Result<Option<Passed>, Refusal> {
    let Some(breaker) = &local.services[place].breaker else { return Ok(None) };
    match breaker.borrow_mut().admit(now) {
        Admission::Passed(pass) => {
            Ok(Some(Passed { breaker: Rc::clone(breaker), pass: Some(pass) }))
        }
        Admission::Refused(wait) => {
            const DETAIL: &str = "The service fails, and is left alone for a while.";
            let refusal = Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "breaker", DETAIL);
            Err(refusal.after(wait))
        }
    }
}

/// Remembers how a request to a member ended.
#[expect(clippy::too_many_arguments, reason = "what a turn was, and how it ended")]
fn settle(local: &Local, place: usize, chosen: usize, took: Duration, failed: bool, now: Moment) {
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
    if let Some(until) = outliers.record(&member.address, !failed, now) {
        member.out_until.store(until.nanos, Ordering::Relaxed);
        member.up_since.store(until.nanos, Ordering::Relaxed);
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

/// All of a request, which may take `total`, took too long, while a member had it since then: that is the member's doing who
/// had it for most of the time. What the client's own deadline cut short says nothing.
pub(crate) fn over(total: Option<Duration>, since: Instant) -> Failure {
    let had_most = total.is_some_and(|total| total / 2 <= since.elapsed());
    let blame = if had_most { Blame::Member } else { Blame::Other };
    Failure { refusal: too_late(), reached: Reached::Sent, blame }
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
