//! One try of a request at one member, and what came of it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use http::{HeaderValue, Request, Response, StatusCode};
use hyper::body::Incoming;
use tokio::time::timeout_at;
use traffic::{
    plan::Timeouts,
    retry::Reached,
    timing::{Phase, Phases},
    trace_context::TRACEPARENT,
};

use crate::{
    answer::Refusal,
    body::{Sent, deadline},
    member::Member,
    pool::{Lease, NoConnection, Want},
    reach,
    send::{self, CLOSED, NO_ANSWER, Tries, is_failure},
    tracing::Record,
    worker::Worker,
};

/// Connections that turn out to have ended before a new one is made: more, and something else is wrong.
const STALE_MAX: u32 = 3;

/// What came of one try.
pub(crate) struct Attempted {
    pub(crate) outcome: Outcome,
    /// The request, if none of it was sent.
    pub(crate) request: Option<Request<Sent>>,
    waited: (Phase, Duration),
    answered: Option<Duration>,
}

/// What came of it for the client.
pub(crate) enum Outcome {
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
    /// Not the member, and no other would do better.
    Other,
    /// Nobody knows; another member may do better.
    Nobody,
}

impl Outcome {
    /// Whether the member failed; `None` if that says nothing about it.
    pub(crate) fn failed(&self) -> Option<bool> {
        match self {
            Self::Answer(answer) => Some(is_failure(answer.0.status().as_u16())),
            Self::None(Failure { blame: Blame::Member, .. }) => Some(true),
            Self::None(_) => None,
        }
    }

    /// The status of an answer, or why there is none, as spans have it.
    fn told(&self) -> (Option<u16>, Option<&'static str>) {
        match self {
            Self::Answer(answer) => (Some(answer.0.status().as_u16()), None),
            Self::None(failure) => (None, Some(failure.refusal.reason)),
        }
    }
}

impl Attempted {
    /// Nothing came, and the time was spent connecting.
    fn nowhere(failure: Failure, waited: Duration) -> Self {
        let waited = (Phase::Connect, waited);
        Self { outcome: Outcome::None(failure), request: None, waited, answered: None }
    }

    /// Adds where the time went.
    pub(crate) fn spent(&self, phases: &mut Phases) {
        phases.add(self.waited.0, self.waited.1);
        if let Some(answered) = self.answered {
            phases.add(Phase::Upstream, answered);
        }
    }
}

impl Tries {
    /// Sends a request to a member, once.
    pub(crate) async fn attempt(
        &self,
        worker: &Worker,
        member: &Arc<Member>,
        mut request: Request<Sent>,
    ) -> Attempted {
        let encrypted = self.local.state.services[self.place].connector.is_some();
        let told = self
            .record
            .as_ref()
            .map(|record| record.attempt(&member.address, encrypted, request.uri().path()));
        let (place, parent) = told.unzip();
        let _waiting =
            self.record.as_deref().zip(place).map(|(record, place)| Waiting { record, place });
        if let Some(parent) = parent.flatten() {
            request.headers_mut().insert(TRACEPARENT, parent);
        }
        let header = &self.local.state.plan.deadline_header;
        if let (Some(name), Some(deadline)) = (header, self.deadline) {
            let left = deadline.saturating_duration_since(tokio::time::Instant::now());
            let millis = u64::try_from(left.as_millis()).unwrap_or(u64::MAX).max(1);
            request.headers_mut().insert(name, HeaderValue::from(millis));
        }
        let attempted = self.once(worker, member, request).await;
        if let (Some(record), Some(place)) = (&self.record, place) {
            let (status, error) = attempted.outcome.told();
            record.attempted(place, status, error);
        }
        attempted
    }

    async fn once(
        &self,
        worker: &Worker,
        member: &Arc<Member>,
        mut request: Request<Sent>,
    ) -> Attempted {
        let state = &self.local.state;
        let service = &state.plan.services[self.place];
        let pool = worker.pool(member, service, state.services[self.place].connector.as_ref());
        let Timeouts { connect, answer, .. } = state.plan.routes[self.route].timeouts_at(service);
        let began = Instant::now();
        let want = Want { ends: self.ends, tunnel: self.tunnel };
        let mut left = STALE_MAX;
        loop {
            let leased = pool.lease(member, connect, &state.plan.bounds, want);
            let leased = match until(self.deadline, leased).await {
                Some(Ok(lease)) => Ok(lease),
                Some(Err(no)) => Err(no_connection(&no)),
                None if pool.is_full() => Err(send::over(None, began)),
                None => Err(self.over(began)),
            };
            let mut lease = match leased {
                Ok(lease) => lease,
                Err(failure) => {
                    let nowhere = Attempted::nowhere(failure, began.elapsed());
                    return Attempted { request: Some(request), ..nowhere };
                }
            };
            let phase = if lease.reused { Phase::Queue } else { Phase::Connect };
            let asked = Instant::now();
            let waited = (phase, asked.duration_since(began));
            let two = lease.is_two();
            if two {
                reach::as_two(&mut request, member, lease.is_encrypted());
            }
            let by = deadline(asked.into(), Some(answer));
            let by = by.into_iter().chain(self.deadline).min();
            let sent = until(by, lease.send(request)).await;
            let answered = Some(asked.elapsed());
            let (outcome, unsent) = match sent {
                Some(Ok(response)) => (Outcome::Answer(Box::new((response, lease))), None),
                Some(Err(mut error)) => match error.take_message() {
                    Some(mut unsent) => {
                        lease.ended();
                        if two {
                            reach::as_one(&mut unsent);
                        }
                        if lease.reused && 0 < left {
                            // The member has ended the connection meanwhile, which is no failure of anybody's.
                            left -= 1;
                            request = unsent;
                            continue;
                        }
                        (Outcome::None(no_answer(Reached::Nothing, CLOSED)), Some(unsent))
                    }
                    None if two && was_refused(error.error()) => {
                        (Outcome::None(no_answer(Reached::Nothing, CLOSED)), None)
                    }
                    None => (Outcome::None(no_answer(Reached::Sent, NO_ANSWER)), None),
                },
                None if self.is_late() => (Outcome::None(self.over(began)), None),
                None => (Outcome::None(too_late()), None),
            };
            return Attempted { outcome, request: unsent, waited, answered };
        }
    }
}

/// An attempt that somebody waits for, until this is dropped.
struct Waiting<'a> {
    record: &'a Record,
    place: usize,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.record.given_up(self.place);
    }
}

/// Whether a member has said that it has not looked at a request (RFC 9113, section 8.7).
fn was_refused(error: &hyper::Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        if let Some(error) = error.downcast_ref::<h2::Error>() {
            return error.is_remote() && error.reason() == Some(h2::Reason::REFUSED_STREAM);
        }
        source = error.source();
    }
    false
}

pub(crate) fn no_answer(reached: Reached, detail: &'static str) -> Failure {
    let refusal = Refusal::new(StatusCode::BAD_GATEWAY, "member-failed", detail);
    Failure { refusal, reached, blame: Blame::Member }
}

/// What comes before a deadline, if there is one.
async fn until<T>(
    deadline: Option<tokio::time::Instant>,
    future: impl Future<Output = T>,
) -> Option<T> {
    match deadline {
        Some(deadline) => timeout_at(deadline, future).await.ok(),
        None => Some(future.await),
    }
}

/// The member has not answered in time.
pub(crate) fn too_late() -> Failure {
    Failure { refusal: send::too_late(), reached: Reached::Sent, blame: Blame::Member }
}

/// There is no room among those that wait for a connection, or none came of it.
fn queue(detail: &'static str) -> Failure {
    let refusal = Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "queue", detail);
    let refusal = refusal.after(Duration::from_secs(1));
    Failure { refusal, reached: Reached::Nothing, blame: Blame::Other }
}

pub(crate) fn no_connection(no: &NoConnection) -> Failure {
    match no {
        NoConnection::Full => {
            queue("As many requests wait for a connection to the member as may wait.")
        }
        NoConnection::Busy => queue("No connection to the member became free in time."),
        NoConnection::Timeout | NoConnection::Slow => {
            const DETAIL: &str = "The member did not accept a connection in time.";
            let refusal = Refusal::new(StatusCode::GATEWAY_TIMEOUT, "timeout", DETAIL);
            // Who waits for what somebody else makes may have come a moment before it was too late.
            let is_own = matches!(no, NoConnection::Timeout);
            let blame = if is_own { Blame::Member } else { Blame::Nobody };
            Failure { refusal, reached: Reached::Nothing, blame }
        }
        NoConnection::Failed => no_answer(Reached::Nothing, "The member refused the connection."),
        NoConnection::NoTunnel => {
            const DETAIL: &str =
                "The member speaks nothing but HTTP/2, through which no WebSocket passes.";
            let refusal = Refusal::new(StatusCode::BAD_GATEWAY, "member-failed", DETAIL);
            Failure { refusal, reached: Reached::Nothing, blame: Blame::Other }
        }
        NoConnection::Untrusted => {
            const DETAIL: &str = "The connection to the member could not be encrypted, or is not to who it should be.";
            no_answer(Reached::Nothing, DETAIL)
        }
    }
}
