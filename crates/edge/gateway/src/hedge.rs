//! A second member is asked while the first has not answered: the first answer that is worth having counts, and who is
//! not needed is told so by the end of its connection, or stream.

use std::{
    pin::pin,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use http::Request;
use tokio::time::sleep;
use traffic::{concurrency::Priority, hedge, plan::Balance};

use crate::{
    attempt::Attempted,
    body::Sent,
    clock, explain,
    local::{Local, Wish},
    metrics::Counts,
    send::{Tries, Turn, admission, copy},
    worker::Worker,
};

/// After how long a second member is asked for what a route's requests ask for; `None` for never.
pub(crate) fn after(local: &Local, route: usize, method: &http::Method) -> Option<Duration> {
    let hedge = local.hedges.get(route)?.as_ref()?;
    let service = local.state.plan.routes[route].service;
    if !hedge::is_read(method) || local.state.services[service].members.len() < 2 {
        return None;
    }
    hedge.borrow().after()
}

/// Learns how long an answer took that was worth having.
pub(crate) fn learn(local: &Local, route: usize, took: Duration) {
    if let Some(hedge) = local.hedges.get(route).and_then(Option::as_ref) {
        hedge.borrow_mut().record(took);
    }
}

impl Turn {
    /// The turn of another member beside those that are asked already; none if nobody else may be, there is no room,
    /// or the budget that retries have is spent.
    pub(crate) fn beside(
        local: &Rc<Local>,
        place: usize,
        wish: &Wish<'_>,
        began: Instant,
    ) -> Option<Self> {
        let now = clock::moment(began);
        let chosen = local.choose(place, wish, now).filter(|other| !wish.tried.contains(other))?;
        // Who is not well is no better than who is slow.
        if !local.state.services[place].members[chosen].is_fit(now) {
            return None;
        }
        let of_service = &local.services[place];
        let room = of_service.concurrency.as_ref().is_none_or(|concurrency| {
            concurrency.borrow().admits(of_service.in_flight.get(), Priority::Low)
        });
        if !room || !of_service.budget.borrow_mut().withdraw(now) {
            return None;
        }
        let passed = admission(local, place, now).ok()?;
        Some(Self::new(local, place, chosen, passed, began))
    }

    /// It is not waited for any longer: another one answered.
    pub(crate) fn lost(&mut self, local: &Local, place: usize) {
        let now = Instant::now();
        let took = self.end(local, place, None, now);
        if local.state.plan.services[place].balance == Balance::Latency {
            // It takes this long at least.
            self.busy.member.learn(took, false, clock::moment(now));
        }
    }
}

impl Tries {
    /// Sends a request to a member, and to another if that takes too long. The turn that is left is that of who
    /// answered, and is not over yet; what is to be said about it comes as well.
    pub(crate) async fn race(
        &self,
        worker: &Worker,
        turn: Turn,
        request: Request<Sent>,
        after: Duration,
    ) -> (Attempted, Turn, Option<String>) {
        let member = Arc::clone(&turn.busy.member);
        let mut first = pin!(self.attempt(worker, &member, request));
        tokio::select! {
            biased;
            done = first.as_mut() => return (done, turn, None),
            () = sleep(after) => {}
        }
        let Some((other, spare)) = self.second(&turn) else {
            return (first.await, turn, None);
        };
        let other_member = Arc::clone(&other.busy.member);
        let mut second = pin!(self.attempt(worker, &other_member, spare));
        let (done, is_first) = tokio::select! {
            biased;
            done = first.as_mut() => (done, true),
            done = second.as_mut() => (done, false),
        };
        let (mut turn, mut rest) = if is_first { (turn, other) } else { (other, turn) };
        let worth = done.outcome.failed() == Some(false);
        let told = |by_first: bool| {
            let who = if by_first { "the first" } else { "the second" };
            let (member, after) = (&other_member.address, explain::millis(after));
            Some(format!("{member} after {after}, {who} answered"))
        };
        worker.count(|counts: &mut Counts| counts.hedged(worth && !is_first));
        if worth {
            rest.lost(&self.local, self.place);
            return (done, turn, told(is_first));
        }
        // Who is left may do better.
        let last = if is_first { second.await } else { first.await };
        turn.end(&self.local, self.place, done.outcome.failed(), Instant::now());
        (last, rest, told(!is_first))
    }

    fn second(&self, first: &Turn) -> Option<(Turn, Request<Sent>)> {
        let spare = copy(self.spare.as_ref()?);
        let mut tried = self.tried.clone();
        tried.push(first.chosen);
        let wish = Wish { client: self.client, cookie: None, tried: &tried };
        let turn = Turn::beside(&self.local, self.place, &wish, Instant::now())?;
        Some((turn, spare))
    }
}
