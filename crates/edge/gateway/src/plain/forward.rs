//! A request to a member, and its answer back: read from one connection, written to the other.

use std::{
    cell::Cell,
    io::{ErrorKind, Write as _},
    rc::Rc,
    time::{Duration, Instant},
};

use traffic::{
    chunks::NoChunk,
    plan::{Route, Service, Timeouts},
    retry::{self, Body, Reached},
    timing::{Phase, Phases},
};

use super::{
    COPIED_BYTES_MAX, Gone, Next, Talk,
    answer::{self, Framing, Head, Parsed, Writing},
    buffer::{Buffer, Use},
    head::Job,
    race::Race,
    ticker::Deadline,
    wire::{self, Source, Wire},
};
use crate::{
    answer::Refusal,
    attempt::{self, Blame, Failure},
    cache::CacheResult,
    explain::Decision,
    hedge,
    local::{Local, Wish},
    metrics::{Counts, method_number},
    pool::Bare,
    proxy,
    request::{Busy, Finish},
    send::{self, Turn},
};

/// Answers before the answer that a member may send: more is no help to anybody.
const INTERIM_MAX: usize = 16;

/// An answer that has begun.
pub(super) struct Begun {
    bare: Bare,
    /// What came after its head.
    buffer: Buffer,
    pub(super) head: Head,
}

/// What a request is passed on under.
pub(super) struct Terms<'a> {
    pub(super) local: &'a Rc<Local>,
    pub(super) route: &'a Route,
    pub(super) service: &'a Service,
    pub(super) timeouts: Timeouts,
    pub(super) total: Deadline,
    began: Instant,
    /// Where the time went, if the client is told.
    phases: Option<Cell<Phases>>,
}

impl Terms<'_> {
    /// All of the request took too long, while a member had its turn.
    fn over(&self, turn: &Turn) -> Failure {
        send::over(self.local.state.plan.total(self.route), turn.began)
    }

    /// For how long the member is waited for from now on, if all of a request has a bound.
    fn left(&self) -> Option<Duration> {
        let total = self.local.state.plan.total(self.route)?;
        Some(total.saturating_sub(self.began.elapsed()))
    }

    fn spent(&self, phase: Phase, since: Option<Instant>) {
        if let (Some(phases), Some(since)) = (&self.phases, since) {
            let mut sum = phases.get();
            sum.add(phase, since.elapsed());
            phases.set(sum);
        }
    }
}

impl<S: Wire> Talk<'_, S> {
    /// Passes a request on, whose bytes are in `text`, and its answer back.
    pub(super) async fn forward(
        &mut self,
        local: &Rc<Local>,
        job: Job,
        text: &mut Vec<u8>,
    ) -> Result<Next, Gone> {
        let began = Instant::now();
        let mut finish = Finish::new(self.worker, method_number(&job.method), job.scheme, began);
        finish.route = local.state.numbers[job.route] + 1;
        let plan = &local.state.plan;
        let route = &plan.routes[job.route];
        let service = &plan.services[route.service];
        let timeouts = route.timeouts_at(service);
        let total = timeouts.total.map_or(Deadline::NEVER, |total| self.worker.ticker.after(total));
        let phases = job.timed.then(Cell::default);
        let terms = Terms { local, route, service, timeouts, total, began, phases };
        if job.past.is_some() {
            let number = finish.route;
            self.worker.count(|counts| counts.cache.route(number).add(CacheResult::Bypass));
        }
        match self.tries(&terms, &job, text).await {
            Ok((begun, busy)) => {
                finish.status = begun.head.status;
                finish.busy = Some(busy);
                self.relay(&terms, begun, finish, text).await
            }
            Err(refusal) => {
                let limited = route.limit.as_ref().zip(job.limited.as_ref());
                let decision = Decision::default();
                let response =
                    proxy::refused(self.worker, &refusal, limited, Some(finish), decision);
                self.write_whole(response, &job.method, job.close, text).await
            }
        }
    }

    /// Asks members until one answers, or no other may be asked.
    async fn tries(
        &self,
        terms: &Terms<'_>,
        job: &Job,
        text: &mut Vec<u8>,
    ) -> Result<(Begun, Busy), Refusal> {
        let Terms { local, route, service, began, .. } = *terms;
        let place = route.service;
        send::enter(local, place, route.priority)?;
        let mut tried = Vec::new();
        let mut now = began;
        loop {
            let more = tried.len() < send::usize_of(route.retries_at(service));
            let wish = Wish { client: job.client, cookie: None, tried: &tried };
            let mut turn = Turn::begin(local, place, &wish, now)?;
            let after = hedge::after(local, job.route, &job.method).filter(|_| job.empty);
            let asked = now;
            let outcome = match after {
                None => self.once(terms, job, &turn, more, text).await,
                Some(after) => {
                    let race = Race { terms, job, more, after, tried: &tried };
                    let outcome;
                    (outcome, turn) = self.race(race, turn, text).await;
                    outcome
                }
            };
            now = Instant::now();
            let (failed, reached, worth) = match &outcome {
                Ok(begun) => {
                    let status = begun.head.status;
                    (Some(send::is_failure(status)), Reached::Sent, retry::is_worth_it(status))
                }
                Err(failure) => {
                    let blamed = failure.blame == Blame::Member;
                    let worth = failure.blame != Blame::Other;
                    (blamed.then_some(true), failure.reached, worth)
                }
            };
            turn.end(local, place, failed, now);
            if failed == Some(false) {
                hedge::learn(local, job.route, now.duration_since(asked));
            }
            let safe = retry::is_safe(&job.method, reached, Body::Whole)
                && (reached == Reached::Nothing || job.empty);
            let again = more && worth && safe && !self.worker.ticker.is_past(terms.total);
            let wait = if again { send::again(local, place, tried.len() + 1, now) } else { None };
            let Some(wait) = wait else {
                let begun = outcome.map_err(|failure| failure.refusal)?;
                let begun = self.written(terms, job, begun, text);
                return Ok((begun, turn.busy));
            };
            self.worker.count(Counts::retried);
            tried.push(turn.chosen);
            drop((outcome, turn));
            tokio::time::sleep(wait).await;
            now = Instant::now();
        }
    }

    /// An answer that is the last, whatever it says: its head is written, if it was not yet.
    fn written(&self, terms: &Terms<'_>, job: &Job, mut begun: Begun, text: &mut Vec<u8>) -> Begun {
        if !begun.head.written {
            let writing = self.writing(terms, job, true, None);
            // It was read before, and is there still.
            if let Parsed::Head(head) = answer::read(begun.buffer.unread(), &writing, text) {
                begun.head = head;
            }
        }
        begun.buffer.consume(begun.head.bytes);
        begun
    }

    fn writing<'b>(
        &'b self,
        terms: &Terms<'b>,
        job: &'b Job,
        last: bool,
        asked: Option<Instant>,
    ) -> Writing<'b> {
        let timing = terms.phases.as_ref().and_then(|phases| {
            let mut phases = phases.get();
            if let Some(asked) = asked {
                phases.add(Phase::Upstream, asked.elapsed());
            }
            phases.header(terms.began.elapsed())
        });
        Writing {
            job,
            route: terms.route,
            ticker: &self.worker.ticker,
            close: job.close || self.worker.shared.is_stopping(),
            last,
            timing,
            tells: self.worker.shared.cache.settings().tells,
        }
    }

    /// Sends the request to a member, once.
    #[expect(
        clippy::too_many_arguments,
        reason = "each is a thing of its own, and there is one caller"
    )]
    pub(super) async fn once(
        &self,
        terms: &Terms<'_>,
        job: &Job,
        turn: &Turn,
        more: bool,
        text: &mut Vec<u8>,
    ) -> Result<Begun, Failure> {
        let Terms { local, service, total, .. } = *terms;
        let member = &turn.busy.member;
        self.watched.set(total);
        let leasing = terms.phases.is_some().then(Instant::now);
        let pool = self.worker.pool(member, service, None);
        let bare = wire::until(&self.watched, pool.bare(member, terms.timeouts.connect)).await;
        // Who waited for others to be done says nothing about the member.
        let too_late =
            || if pool.is_full() { send::over(None, turn.began) } else { terms.over(turn) };
        let mut bare = bare.ok_or_else(too_late)?.map_err(|no| attempt::no_connection(&no))?;
        terms.spent(if bare.reused { Phase::Queue } else { Phase::Connect }, leasing);
        let asked = terms.phases.is_some().then(Instant::now);
        self.watched.set(self.worker.ticker.after(terms.timeouts.answer).min(total));
        let sent = wire::write(&self.watched, &mut bare.stream, text, &[], || ()).await;
        if sent == Err(0) {
            return Err(attempt::no_answer(Reached::Nothing, send::CLOSED));
        }
        sent.map_err(|_written| attempt::no_answer(Reached::Sent, send::NO_ANSWER))?;
        let bytes_max = local.state.plan.bounds.head_bytes_max;
        let source = Source { buffers: &self.worker.buffers, what: Use::Body, bytes_max };
        let mut buffer = None;
        let mut interim = 0;
        loop {
            match wire::read(&self.watched, &mut bare.stream, &mut buffer, source, || false).await {
                Ok(1..) => {}
                Err(error) if error.kind() == ErrorKind::TimedOut => {
                    let is_over = self.worker.ticker.is_past(total);
                    return Err(if is_over { terms.over(turn) } else { attempt::too_late() });
                }
                Ok(0) | Err(_) => return Err(attempt::no_answer(Reached::Sent, send::NO_ANSWER)),
            }
            while let Some(here) = &mut buffer {
                match answer::read(here.unread(), &self.writing(terms, job, !more, asked), text) {
                    Parsed::Partial => break,
                    Parsed::Interim(bytes, hint) if interim < INTERIM_MAX => {
                        here.consume(bytes);
                        interim += 1;
                        // Of two members who are asked at once neither has the word yet.
                        if terms.route.hedge.is_none() {
                            self.pass_on(&hint).await;
                        }
                    }
                    Parsed::Head(head) => {
                        let buffer = std::mem::take(here);
                        return Ok(Begun { bare, buffer, head });
                    }
                    Parsed::Interim(..) | Parsed::Nonsense => {
                        return Err(attempt::no_answer(Reached::Sent, send::NO_ANSWER));
                    }
                }
            }
        }
    }

    /// Passes an answer before the answer on; where it cannot be had by the client, nothing else can either.
    /// To a client whose connection is encrypted it is not: a part of it that left would have to be followed up.
    async fn pass_on(&self, mut hint: &[u8]) {
        let Some(socket) = self.stream.socket() else { return };
        while !hint.is_empty() {
            let ready = wire::until(&self.watched, socket.writable()).await;
            let written = match ready {
                Some(Ok(())) => socket.try_write(hint),
                Some(Err(error)) => Err(error),
                None => Err(ErrorKind::TimedOut.into()),
            };
            match written {
                Ok(count) => hint = hint.get(count..).unwrap_or_default(),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(_) => {
                    // Half of it may be there: nothing may follow.
                    let _shut = rustix::net::shutdown(socket, rustix::net::Shutdown::Both);
                    return;
                }
            }
        }
    }

    /// Passes an answer back; its head is in `text`.
    async fn relay(
        &mut self,
        terms: &Terms<'_>,
        begun: Begun,
        mut finish: Finish,
        text: &mut Vec<u8>,
    ) -> Result<Next, Gone> {
        let Begun { bare, buffer, head } = begun;
        let mut framing = head.framing;
        let (mut bare, mut buffer) = (Some(bare), Some(buffer));
        let mut has_closed = false;
        let mut left = terms.left();
        loop {
            let there = buffer.as_ref().map(Buffer::unread).unwrap_or_default();
            let Ok((count, is_last)) = framing.take(there, has_closed) else {
                finish.broke();
                return Err(Gone);
            };
            if is_last && let Some(bare) = bare.take() {
                // The member is done, however long the client takes to read.
                finish.whole();
                if head.keep && count == there.len() {
                    bare.give_back(Instant::now());
                }
            }
            finish.sent(count);
            self.pass(framing, &there[..count], is_last, text).await?;
            let Some(bare) = &mut bare else { break };
            if let Some(buffer) = &mut buffer {
                buffer.consume(count);
            }
            let waits = left.is_some().then(Instant::now);
            let pause = terms.timeouts.pause;
            let longest = left.map_or(pause, |left| left.min(pause));
            self.watched.set(self.worker.ticker.after(longest));
            let buffers = &self.worker.buffers;
            let source = Source { buffers, what: Use::Body, bytes_max: 0 };
            match wire::read(&self.watched, &mut bare.stream, &mut buffer, source, || false).await {
                Ok(1..) => {}
                Ok(0) if framing == Framing::Close => has_closed = true,
                Ok(0) | Err(_) => {
                    finish.broke();
                    return Err(Gone);
                }
            }
            // What the client takes to read is not counted.
            if let (Some(left), Some(waits)) = (&mut left, waits) {
                *left = left.saturating_sub(waits.elapsed());
            }
        }
        if let Some(buffer) = buffer {
            self.worker.buffers.give(Use::Body, buffer);
        }
        Ok(if head.close { Next::Close } else { Next::Ask })
    }

    /// Writes what is in `text` and a part of a body after it.
    async fn pass(
        &mut self,
        framing: Framing,
        part: &[u8],
        is_last: bool,
        text: &mut Vec<u8>,
    ) -> Result<(), Gone> {
        let mut part = part;
        if framing == Framing::Close {
            // The client is told where it ends by chunks. Writing into memory cannot fail.
            if !part.is_empty() {
                let _ok = write!(text, "{:x}\r\n", part.len());
                text.extend_from_slice(part);
                text.extend_from_slice(b"\r\n");
            }
            if is_last {
                text.extend_from_slice(b"0\r\n\r\n");
            }
            part = &[];
        } else if !text.is_empty() && part.len() <= COPIED_BYTES_MAX {
            text.extend_from_slice(part);
            part = &[];
        }
        self.write(text, part).await?;
        text.clear();
        Ok(())
    }
}

impl Framing {
    /// How much of what is there belongs to the body, and whether it ends with it.
    fn take(&mut self, there: &[u8], has_closed: bool) -> Result<(usize, bool), NoChunk> {
        match self {
            Self::Length(left) => {
                let count = usize::try_from(*left).unwrap_or(usize::MAX).min(there.len());
                *left -= count as u64;
                Ok((count, *left == 0))
            }
            Self::Chunked(chunks) => Ok((chunks.read(there)?, chunks.is_done())),
            Self::Close => Ok((there.len(), has_closed)),
        }
    }
}
