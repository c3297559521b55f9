//! Answers that were worked out a moment ago, given again while they are as good as new.
//!
//! An answer is as good as new, for a minute at most, while nothing has come that it could tell and its window is the same
//! ([`crate::params::step`]); and for some seconds in any case, so that a flood of spans does not have everything worked
//! out twice a second. Only what takes long is kept, and nothing that was cut short ([`Told`]); what somebody notes on a page
//! is in all that is given from then on.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use axum::{
    body::{Body, Bytes, HttpBody as _, to_bytes},
    extract::{Request, State},
    http::{HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde::Serialize;

use crate::{
    params::{length_of, step},
    problem::Problem,
    source::Source,
    wire::Coverage,
};

/// So old an answer may be, though something has changed: a look.
const GOOD_FOR_MAX: Duration = Duration::from_secs(10);

/// So old an answer may be in any case: not all that may change is counted, such as what another process notes.
const KEPT_MAX: Duration = Duration::from_mins(1);

/// An answer that something has changed since is good for this many times as long as working it out took: what is
/// quick is always new.
const WORTH: u32 = 20;

/// Bytes of answers that are kept: those of some dozen pages, or of a few of the largest traces.
const BYTES_MAX: usize = 64 << 20;

/// A larger answer is not kept.
const ANSWER_BYTES_MAX: usize = 16 << 20;

/// Answers that are kept; each of a few kilobytes, mostly.
#[derive(Debug, Clone, Default)]
pub(crate) struct Answers(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    answers: BTreeMap<String, Answer>,
    bytes: usize,
    /// Counts looks, so that what was not looked at for longest goes first.
    looks: u64,
    /// When all were forgotten: what was begun before is not kept.
    forgotten: Option<Instant>,
}

#[derive(Debug)]
struct Answer {
    body: Bytes,
    change: u64,
    /// Which step of its window it is of.
    step: u128,
    begun: Instant,
    good_for: Duration,
    look: u64,
}

/// What an answer hangs on besides its question.
#[derive(Debug, Clone, Copy)]
struct Time {
    change: u64,
    step: u128,
    good_for: Duration,
    now: Instant,
}

/// An answer in JSON that was cut short: asked again, it may say more.
#[derive(Debug, Clone, Copy)]
struct Hindered;

/// An answer in JSON, and whether it was cut short.
#[derive(Debug)]
pub(crate) struct Told<T> {
    answer: T,
    is_hindered: bool,
}

impl<T> Told<T> {
    /// With what it rests on: the time was up, or ClickHouse was away.
    pub(crate) fn new(answer: T, rests_on: impl Fn(&T) -> &Coverage) -> Self {
        let is_hindered = rests_on(&answer).is_hindered();
        Self { answer, is_hindered }
    }

    /// With whether it was cut short.
    pub(crate) fn hindered(answer: T, is_hindered: bool) -> Self {
        Self { answer, is_hindered }
    }
}

impl<T: Serialize> IntoResponse for Told<T> {
    fn into_response(self) -> Response {
        let mut response = axum::Json(self.answer).into_response();
        if self.is_hindered {
            response.extensions_mut().insert(Hindered);
        }
        response
    }
}

/// Forgets all answers once somebody has noted something.
pub(crate) async fn forget(
    State(answers): State<Answers>,
    request: Request,
    next: Next,
) -> Response {
    let response = next.run(request).await;
    if response.status().is_success() {
        answers.kept().forget(Instant::now());
    }
    response
}

/// Gives an answer again that is as good as new; else has it worked out, and keeps it.
pub(crate) async fn again(
    State((source, answers)): State<(Arc<dyn Source>, Answers)>,
    request: Request,
    next: Next,
) -> Response {
    let is_live = request.uri().query().is_some_and(|query| query.contains("order=latest"));
    if request.method() != Method::GET || is_live {
        return next.run(request).await;
    }
    let question = request.uri().to_string();
    let step = step(length_of(request.uri().query().unwrap_or_default()));
    let good_for = step.min(GOOD_FOR_MAX);
    // What changes while it is worked out is not in it.
    let change = source.changes().borrow().wrapping_add(source.items_kept());
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let step = since.as_nanos().div_ceil(step.as_nanos().max(1));
    let time = Time { change, step, good_for, now: Instant::now() };
    if let Some(body) = answers.kept().find(&question, time) {
        return json(body);
    }
    let response = next.run(request).await;
    let time = Time { good_for: time.good_for.min(time.now.elapsed() * WORTH), ..time };
    if !is_kept(&response) {
        return response;
    }
    let (head, body) = response.into_parts();
    match to_bytes(body, ANSWER_BYTES_MAX).await {
        Ok(body) => {
            answers.kept().keep(&question, body.clone(), time);
            Response::from_parts(head, Body::from(body))
        }
        Err(error) => {
            Problem::bug(format!("an answer of known length failed: {error}")).into_response()
        }
    }
}

fn is_kept(response: &Response) -> bool {
    let length = response.body().size_hint().exact();
    response.status() == StatusCode::OK
        && length.is_some_and(|length| length <= ANSWER_BYTES_MAX as u64)
        && response.extensions().get::<Hindered>().is_none()
}

fn json(body: Bytes) -> Response {
    let mut response = Body::from(body).into_response();
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

impl Answers {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn find(&mut self, question: &str, time: Time) -> Option<Bytes> {
        self.looks += 1;
        let answer = self.answers.get_mut(question)?;
        let age = time.now.saturating_duration_since(answer.begun);
        let is_new = answer.change == time.change && age < KEPT_MAX || age < answer.good_for;
        // The window of another step is another one.
        if !is_new || answer.step != time.step {
            return None;
        }
        answer.look = self.looks;
        Some(answer.body.clone())
    }

    fn forget(&mut self, now: Instant) {
        self.answers.clear();
        self.bytes = 0;
        self.forgotten = Some(now);
    }

    fn keep(&mut self, question: &str, body: Bytes, time: Time) {
        let Time { change, step, good_for, now } = time;
        if self.forgotten.is_some_and(|forgotten| now <= forgotten) {
            return;
        }
        self.bytes += body.len() + question.len();
        let answer = Answer { body, change, step, begun: now, good_for, look: self.looks };
        if let Some(old) = self.answers.insert(question.to_owned(), answer) {
            self.bytes -= old.body.len() + question.len();
        }
        while BYTES_MAX < self.bytes {
            let oldest = self.answers.iter().min_by_key(|(_, answer)| answer.look);
            let Some(oldest) = oldest.map(|(question, _)| question.clone()) else { return };
            if let Some(answer) = self.answers.remove(&oldest) {
                self.bytes -= answer.body.len() + oldest.len();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(change: u64, step: u128, now: Instant) -> Time {
        Time { change, step, good_for: Duration::from_secs(5), now }
    }

    #[test]
    fn an_answer_is_given_again_until_something_changed_and_its_window_moved_on() {
        let (mut kept, now) = (Kept::default(), Instant::now());
        let later = |secs| now + Duration::from_secs(secs);
        kept.keep("q", Bytes::from("a"), at(1, 7, now));
        assert!(kept.find("q", at(1, 7, later(59))).is_some(), "nothing has changed");
        assert!(kept.find("q", at(1, 7, later(60))).is_none(), "not all that changes is counted");
        assert!(kept.find("q", at(2, 7, later(4))).is_some(), "hardly older");
        assert!(kept.find("q", at(2, 7, later(5))).is_none());
        assert!(kept.find("q", at(1, 8, now)).is_none(), "another window");
        assert!(kept.find("other", at(1, 7, now)).is_none());
    }

    #[test]
    fn what_was_cut_short_is_not_kept() {
        let coverage = |reached, away: Option<&str>| Coverage {
            rows_read: 1,
            whole: false,
            reached,
            damaged: vec!["a.parquet".to_owned()],
            elsewhere: away.map(str::to_owned),
            held_since_unix_ms: None,
            estimate: true,
        };
        for (coverage, kept) in [
            (coverage(None, None), true),
            (coverage(Some("rows".to_owned()), None), true),
            (coverage(Some("time".to_owned()), None), false),
            (coverage(None, Some("it is away")), false),
        ] {
            let response = Told::new(coverage, |it| it).into_response();
            assert_eq!(is_kept(&response), kept, "{response:?}");
        }
        assert!(!is_kept(&Told::hindered(7, true).into_response()));
    }

    #[test]
    fn what_was_begun_before_a_note_is_not_given_after_it() {
        let (mut kept, now) = (Kept::default(), Instant::now());
        kept.keep("q", Bytes::from("a"), at(1, 7, now));
        let noted = now + Duration::from_secs(1);
        kept.forget(noted);
        assert!(kept.find("q", at(1, 7, noted)).is_none());
        kept.keep("q", Bytes::from("b"), at(1, 7, now));
        assert!(kept.find("q", at(1, 7, noted)).is_none(), "it was begun before");
        kept.keep("q", Bytes::from("c"), at(1, 7, noted + Duration::from_millis(1)));
        assert_eq!((kept.find("q", at(1, 7, noted)), kept.bytes), (Some(Bytes::from("c")), 2));
    }

    #[test]
    fn what_was_not_looked_at_for_longest_goes_first() {
        let (mut kept, now) = (Kept::default(), Instant::now());
        let large = Bytes::from(vec![b'x'; BYTES_MAX / 4]);
        for name in ["a", "b", "c"] {
            kept.keep(name, large.clone(), at(1, 1, now));
            assert!(kept.find("a", at(1, 1, now)).is_some());
        }
        kept.keep("d", large.clone(), at(1, 1, now));
        kept.keep("a", large, at(1, 1, now));
        let there = ["a", "b", "c", "d"].map(|name| kept.find(name, at(1, 1, now)).is_some());
        assert_eq!(there, [true, false, true, true]);
        assert_eq!(kept.bytes, 3 * (BYTES_MAX / 4 + 1));
    }
}
