//! Two members asked for the same, on the client's task: whose answer is worth having first is passed on.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::{
    Talk,
    forward::{Begun, Terms},
    head::Job,
    wire::Wire,
};
use crate::{
    attempt::{Blame, Failure},
    local::Wish,
    metrics::Counts,
    send::{self, Turn},
};

/// What is asked for, and when a second member is.
pub(super) struct Race<'a> {
    pub(super) terms: &'a Terms<'a>,
    pub(super) job: &'a Job,
    /// Whether another try may follow.
    pub(super) more: bool,
    pub(super) after: Duration,
    pub(super) tried: &'a [usize],
}

type Outcome = Result<Begun, Failure>;

impl<S: Wire> Talk<'_, S> {
    /// Sends a request to a member, and to another if that takes too long. The turn that is left is that of who
    /// answered, and is not over yet; the head of the answer is in `text`.
    pub(super) async fn race(
        &self,
        race: Race<'_>,
        turn: Turn,
        text: &mut Vec<u8>,
    ) -> (Outcome, Turn) {
        let Race { terms, job, more, after, tried } = race;
        let (local, place) = (terms.local, terms.route.service);
        let mut spare = self.worker.buffers.text();
        spare.extend_from_slice(text);
        let mut first = Box::pin(self.once(terms, job, &turn, more, text));
        tokio::select! {
            biased;
            done = first.as_mut() => {
                drop(first);
                self.worker.buffers.give_text(spare);
                return (done, turn);
            }
            () = sleep(after) => {}
        }
        let mut tried = tried.to_vec();
        tried.push(turn.chosen);
        let wish = Wish { client: job.client, cookie: None, tried: &tried };
        let Some(other) = Turn::beside(local, place, &wish, Instant::now()) else {
            let done = first.await;
            self.worker.buffers.give_text(spare);
            return (done, turn);
        };
        let mut second = Box::pin(self.once(terms, job, &other, more, &mut spare));
        let (done, is_first) = tokio::select! {
            biased;
            done = first.as_mut() => (done, true),
            done = second.as_mut() => (done, false),
        };
        let failed = failed(&done);
        let worth = failed == Some(false);
        self.worker.count(|counts: &mut Counts| counts.hedged(worth && !is_first));
        let (last, by_first) = match (worth, is_first) {
            (true, _) => (done, is_first),
            // Who is left may do better. Both were watched by one deadline, which the other may have put off.
            (false, by_first) => {
                let answer = self.worker.ticker.after(terms.timeouts.answer);
                self.watched.set(answer.min(terms.total));
                if by_first { (second.as_mut().await, false) } else { (first.as_mut().await, true) }
            }
        };
        drop((first, second));
        let (turn, mut rest) = if by_first { (turn, other) } else { (other, turn) };
        if worth {
            rest.lost(local, place);
        } else {
            rest.end(local, place, failed, Instant::now());
        }
        if !by_first {
            std::mem::swap(text, &mut spare);
        }
        self.worker.buffers.give_text(spare);
        (last, turn)
    }
}

/// Whether the member failed; `None` if that says nothing about it.
fn failed(outcome: &Outcome) -> Option<bool> {
    match outcome {
        Ok(begun) => Some(send::is_failure(begun.head.status)),
        Err(failure) => (failure.blame == Blame::Member).then_some(true),
    }
}
