//! Asking a member for what is to be stored: by a task of its own, which goes on when the client that asked first goes
//! away.

mod levels;

use std::{
    pin::pin,
    rc::Rc,
    sync::{Arc, atomic::Ordering},
    time::Instant,
};

use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header};
use http_body_util::BodyExt as _;
use hyper::body::Body as _;
use model::Moment;
use tokio::sync::oneshot;
use traffic::cache::{
    CacheRule, Keep, NotStored, Place, Policy, Received, Selecting, Status, Stored,
    conditions_removed, freshened, is_same, make_conditional, may_stand_in, policy, selecting,
    tags_of,
};

use super::{
    Ask, Cache,
    filling::{Filling, Hold},
    flight::{Flying, Stage},
    only_stored,
    shared::{self, Begun, Together},
};
use crate::{
    answer::Refusal,
    body::{Answer, Fault, deadline},
    clock,
    connection::Peer,
    explain::Decision,
    local::Local,
    proxy::Admitted,
    request::Finish,
    send::{self, Sending},
    worker::Worker,
};

/// What this gateway can do as a surrogate (Edge Architecture specification).
const SURROGATE_CAPABILITY: HeaderName = HeaderName::from_static("surrogate-capability");
const CAPABILITY: HeaderValue = HeaderValue::from_static("taut=\"Surrogate/1.0\"");

/// What is asked for, and what for.
pub(super) struct Fetch {
    pub(super) peer: Rc<Peer>,
    pub(super) admitted: Admitted,
    pub(super) decision: Decision,
    pub(super) landing: Landing,
}

/// Where what comes goes to.
pub(super) struct Landing {
    pub(super) worker: Rc<Worker>,
    pub(super) local: Rc<Local>,
    pub(super) route: usize,
    pub(super) ask: Box<Ask>,
    /// The request's headers as they came.
    pub(super) asked: HeaderMap,
    pub(super) flying: Flying,
    /// Who is told.
    pub(super) reply: Option<oneshot::Sender<(Led, Decision)>>,
    /// Whether who is told needs all of it before it can be answered.
    pub(super) wants_whole: bool,
    /// Where other gateways wait for it.
    pub(super) together: Option<Together>,
}

/// What came of it, for who asked first.
#[derive(Debug)]
pub(super) enum Led {
    /// It is stored, or stands in for what went wrong.
    Stored(Arc<Stored>, Status),
    /// It comes, and is stored meanwhile.
    Filling(Hold, Status),
    /// It is for this request alone.
    Alone(Box<Response<Answer>>, NotStored),
    /// Nobody could be asked.
    Failed(Refusal),
}

/// What `Cache-Status` says of an answer that another gateway had, and of one that was on disk.
pub(super) const SHARED: &str = "shared";
pub(super) const ON_DISK: &str = "disk";

/// Asks.
pub(super) fn start(fetch: Fetch) {
    tokio::task::spawn_local(run(fetch));
}

async fn run(fetch: Fetch) {
    let Fetch { peer, mut admitted, mut decision, mut landing } = fetch;
    let (worker, local) = (Rc::clone(&landing.worker), Rc::clone(&landing.local));
    let route = &local.state.plan.routes[landing.route];
    let total = local.state.plan.total(route);
    if let Some(rule) = &route.cache {
        if landing.ask.stale.is_none() && rule.keep == Keep::Anywhere {
            match landing.look_on_disk(rule, decision).await {
                Ok(()) => return,
                Err(again) => decision = again,
            }
        }
        if landing.reply.is_some() && only_stored(rule, &landing.ask.control) {
            return landing.not_stored(decision);
        }
        let asks = (rule, &*landing.ask);
        let redis = local.redis.as_ref();
        match shared::begin(landing.cache(), redis, asks, &landing.asked).await {
            Begun::Alone => {}
            Begun::Found(stored) => return landing.found(rule, stored, decision),
            Begun::Leads(together, stale) => {
                landing.together = Some(together);
                landing.ask.stale = landing.ask.stale.take().or(stale);
            }
        }
    }
    admitted.head.method = Method::GET;
    conditions_removed(&mut admitted.head.headers);
    // Applications that know it answer with `Surrogate-Control`.
    admitted.head.headers.append(SURROGATE_CAPABILITY, CAPABILITY);
    if let Some(stored) = &landing.ask.stale {
        make_conditional(&mut admitted.head.headers, stored);
    }
    let (asked_at, began) = (clock::now(), Instant::now());
    let total = deadline(began.into(), total);
    // It is for all who wait, and goes on when the client that asked first does not: that one's own time says nothing.
    admitted.deadline = total;
    let finish = Finish::silent(&worker, began);
    let sending = Sending { worker: &worker, peer: &peer, decision: &mut decision };
    let sent = send::send(sending, admitted, finish);
    let sent = match total {
        None => sent.await,
        Some(total) => tokio::time::timeout_at(total, sent)
            .await
            .unwrap_or_else(|_elapsed| Err(Box::new((send::too_late(), None)))),
    };
    match sent {
        Err(failed) => landing.failed(failed.0, decision),
        Ok(response) => landing.came(response, asked_at, decision).await,
    }
}

impl Landing {
    fn cache(&self) -> &Arc<Cache> {
        &self.flying.cache
    }

    fn rule(&self) -> Option<CacheRule> {
        self.local.state.plan.routes[self.route].cache.clone()
    }

    /// Stores what came. Whether it did.
    fn put(&self, rule: &CacheRule, stored: &Arc<Stored>, now: Moment) -> bool {
        self.cache().put(rule.keep, (&self.ask.key, stored), self.flying.began, now)
    }

    /// What a member answered is not kept: counted for its route, whether or not anybody is told of it.
    fn not_kept(&self, why: NotStored) {
        let number = self.local.state.numbers[self.route] + 1;
        self.worker.count(|counts| counts.cache.route(number).add_not_stored(why));
    }

    fn tell(&mut self, led: Led, decision: &mut Decision) {
        if let Some(reply) = self.reply.take() {
            // Who asked may be gone.
            drop(reply.send((led, std::mem::take(decision))));
        }
    }

    /// Nobody could be asked.
    fn failed(mut self, refusal: Refusal, mut decision: Decision) {
        self.flying.land(Stage::Failed(refusal, None));
        let stand_in = self.stand_in(None, clock::now());
        match stand_in {
            Some(stored) => {
                let status = self.status(&stored, None, Some("unreachable"));
                self.tell(Led::Stored(stored, status), &mut decision);
            }
            None => self.tell(Led::Failed(refusal), &mut decision),
        }
    }

    /// What is stored, if it may be used instead of what went wrong.
    fn stand_in(&self, status: Option<StatusCode>, now: Moment) -> Option<Arc<Stored>> {
        let stored = self.ask.stale.as_ref()?;
        may_stand_in(&stored.policy, &self.ask.control, status, now).then(|| Arc::clone(stored))
    }

    fn status(
        &self,
        stored: &Stored,
        forwarded_status: Option<StatusCode>,
        detail: Option<&'static str>,
    ) -> Status {
        let seconds = |time: std::time::Duration| i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
        let ttl = stored.policy.left(clock::now()).map_or_else(|over| -seconds(over), seconds);
        Status {
            forwarded: Some(self.ask.why),
            forwarded_status: forwarded_status.map(|status| status.as_u16()),
            ttl: Some(ttl),
            stored: false,
            collapsed: false,
            detail,
        }
    }

    /// An answer came.
    async fn came(mut self, response: Response<Answer>, asked_at: Moment, mut decision: Decision) {
        let Some(rule) = self.rule() else { return };
        let (status, now) = (response.status(), clock::now());
        if status == StatusCode::NOT_MODIFIED
            && let Some(stale) = self.ask.stale.clone()
        {
            return self.not_changed(&rule, &stale, (response.headers(), asked_at), decision);
        }
        if status.is_server_error()
            && let Some(stored) = self.stand_in(Some(status), now)
        {
            let refusal =
                Refusal::new(status, "member-failed", "The service answers with an error.");
            self.flying.land(Stage::Failed(refusal, Some(status)));
            let told = self.status(&stored, Some(status), Some("error"));
            return self.tell(Led::Stored(stored, told), &mut decision);
        }
        let length = length_of(&response);
        let verdict = if length.is_some_and(|length| rule.body_bytes_max < length) {
            Err(NotStored::TooLarge)
        } else {
            self.usable(&rule, (status, response.headers()), asked_at, now)
        };
        match verdict {
            Ok(usable) => self.fill(&rule, response, usable, decision).await,
            Err(why) => self.alone(response, why, decision),
        }
    }

    fn usable(
        &self,
        rule: &CacheRule,
        (status, headers): (StatusCode, &HeaderMap),
        asked_at: Moment,
        now: Moment,
    ) -> Result<(Policy, Selecting), NotStored> {
        let method = &Method::GET;
        let came_at = clock::calendar();
        let received = Received { method, status, headers, asked_at, received_at: now, came_at };
        let policy = policy(rule, self.ask.asker, &self.ask.control, &received)?;
        let selecting = selecting(headers, &self.asked).ok_or(NotStored::VaryStar)?;
        Ok((policy, selecting))
    }

    fn place(&self, rule: &CacheRule, headers: &HeaderMap) -> Place {
        let target = &self.ask.place.target;
        let path = target.split_once('?').map_or(&**target, |(path, _)| path);
        Place { tags: tags_of(rule, path, headers), ..self.ask.place.clone() }
    }

    /// The answer is for who asked alone.
    fn alone(mut self, response: Response<Answer>, why: NotStored, mut decision: Decision) {
        self.not_kept(why);
        let (key, now) = (&self.ask.key, clock::now());
        let of_asker =
            matches!(why, NotStored::Asked | NotStored::Authorization | NotStored::Cookies);
        if !of_asker && !response.status().is_server_error() {
            // What was stored is not what there is now.
            if self.ask.stale.is_some() {
                self.cache().forget(key, now);
            }
            self.cache().put_alone(key, now);
            if let Some(together) = self.together.take() {
                together.put_alone();
            }
        }
        self.flying.land(Stage::Alone);
        self.tell(Led::Alone(Box::new(response), why), &mut decision);
    }

    /// What is stored has not changed.
    fn not_changed(
        mut self,
        rule: &CacheRule,
        stale: &Arc<Stored>,
        (told, asked_at): (&HeaderMap, Moment),
        mut decision: Decision,
    ) {
        let (now, code) = (clock::now(), Some(StatusCode::NOT_MODIFIED));
        let headers = freshened(stale, told);
        let usable = self.usable(rule, (stale.status, &headers), asked_at, now);
        let (stored, is_stored) = match usable {
            // It says so of something else: nothing is learnt from it.
            _ if !is_same(stale, told) => (Arc::clone(stale), false),
            Ok((policy, selecting)) => {
                let policy = Policy { took: stale.policy.took, ..policy };
                let place = self.place(rule, &headers);
                let parts = (policy, selecting, place);
                let fresh = Arc::new(Stored::new(stale.status, headers, stale.body.clone(), parts));
                let is_stored = self.put(rule, &fresh, now);
                if !is_stored {
                    self.not_kept(NotStored::Outdated);
                }
                (fresh, is_stored)
            }
            Err(why) => {
                self.not_kept(why);
                self.cache().forget(&self.ask.key, now);
                let parts = (stale.policy.clone(), stale.selecting.clone(), stale.place.clone());
                (Arc::new(Stored::new(stale.status, headers, stale.body.clone(), parts)), false)
            }
        };
        let shared = is_stored && stored.policy.is_shareable(now);
        if let Some(together) = self.together.take().filter(|_| is_stored) {
            together.put(rule, &stored, &self.asked);
        }
        self.flying.land(if shared { Stage::Stored(Arc::clone(&stored)) } else { Stage::Alone });
        let status = Status { stored: is_stored, ..self.status(&stored, code, None) };
        self.tell(Led::Stored(stored, status), &mut decision);
    }

    /// Stores an answer as it comes.
    async fn fill(
        mut self,
        rule: &CacheRule,
        response: Response<Answer>,
        (policy, selecting): (Policy, Selecting),
        mut decision: Decision,
    ) {
        let length = length_of(&response);
        let (head, body) = response.into_parts();
        let place = self.place(rule, &head.headers);
        let shared = policy.is_shareable(clock::now());
        let parts = (policy.clone(), selecting.clone());
        let filling = Filling::new((head.status, head.headers.clone()), parts, length);
        let filling = Arc::new(filling);
        let ttl = i64::try_from(policy.lifetime.saturating_sub(policy.initial_age).as_secs());
        let mut status = Status {
            forwarded: Some(self.ask.why),
            stored: true,
            ttl: ttl.ok(),
            ..Status::default()
        };
        if self.ask.stale.is_some() {
            status.forwarded_status = Some(head.status.as_u16());
        }
        if !self.wants_whole {
            self.tell(Led::Filling(Hold::new(&filling), status), &mut decision);
        }
        if shared && length.is_some() {
            self.flying.tell(Stage::Filling(Arc::clone(&filling)));
        }
        let end = self.pump(rule, body, &filling, (status, &mut decision)).await;
        let Pumped::Kept = end else {
            filling.end(if matches!(end, Pumped::Passed) { Ok(()) } else { Err(Fault::Broken) });
            let broken = Refusal::new(
                StatusCode::BAD_GATEWAY,
                "member-failed",
                "The member broke off its answer.",
            );
            self.flying.land(Stage::Alone);
            return self.tell(Led::Failed(broken), &mut decision);
        };
        let stored =
            Stored::new(head.status, head.headers, filling.whole(), (policy, selecting, place));
        let stored = Arc::new(stored);
        let now = clock::now();
        let is_stored = self.put(rule, &stored, now);
        if !is_stored {
            self.not_kept(NotStored::Outdated);
        }
        filling.end(Ok(()));
        if let Some(together) = self.together.take().filter(|_| is_stored) {
            together.put(rule, &stored, &self.asked);
        }
        self.flying.land(if shared { Stage::Stored(Arc::clone(&stored)) } else { Stage::Alone });
        let detail = (!is_stored).then(|| NotStored::Outdated.name());
        self.tell(
            Led::Stored(stored, Status { stored: is_stored, detail, ..status }),
            &mut decision,
        );
    }

    /// Reads a body to its end.
    async fn pump(
        &mut self,
        rule: &CacheRule,
        body: Answer,
        filling: &Arc<Filling>,
        (status, decision): (Status, &mut Decision),
    ) -> Pumped {
        let cache = Arc::clone(self.cache());
        let mut held = Held { cache: Arc::clone(&cache), bytes: 0 };
        let in_flight_max = cache.settings().bytes_max / 2;
        let mut body = pin!(body);
        let mut passes = false;
        loop {
            let frame = match body.frame().await {
                None => break,
                Some(Err(_)) => {
                    // What is too large is not kept anyway.
                    if !passes {
                        self.not_kept(NotStored::Broken);
                    }
                    return Pumped::Broken;
                }
                Some(Ok(frame)) => frame,
            };
            match frame.into_data() {
                Err(frame) => filling.add_trailers(frame.into_trailers().unwrap_or_default()),
                Ok(part) => {
                    let all = if passes { 0 } else { held.add(part.len() as u64) };
                    let bytes = filling.add(part);
                    if !passes && (rule.body_bytes_max < bytes || in_flight_max < all) {
                        passes = true;
                        self.not_kept(NotStored::TooLarge);
                        held.clear();
                        self.flying.land(Stage::Alone);
                        cache.put_alone(&self.ask.key, clock::now());
                        self.tell(Led::Filling(Hold::new(filling), status), decision);
                        filling.pass();
                    }
                    if passes && !filling.room().await {
                        return Pumped::Broken;
                    }
                }
            }
        }
        if passes { Pumped::Passed } else { Pumped::Kept }
    }
}

/// How reading a body ended.
enum Pumped {
    /// All of it is there.
    Kept,
    /// All of it was passed on; it was too large to be kept.
    Passed,
    /// It broke off, or nobody wanted it any more.
    Broken,
}

/// Bytes of an answer that is not stored yet, until this is dropped.
struct Held {
    cache: Arc<Cache>,
    bytes: u64,
}

impl Held {
    /// More of them. How many there are of all answers.
    fn add(&mut self, bytes: u64) -> u64 {
        self.bytes += bytes;
        self.cache.filling.fetch_add(bytes, Ordering::Relaxed) + bytes
    }

    fn clear(&mut self) {
        self.cache.filling.fetch_sub(self.bytes, Ordering::Relaxed);
        self.bytes = 0;
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.clear();
    }
}

fn length_of(response: &Response<Answer>) -> Option<u64> {
    let told = response
        .headers()
        .get(header::CONTENT_LENGTH)
        .and_then(|value: &HeaderValue| value.to_str().ok()?.parse().ok());
    told.or_else(|| response.body().size_hint().exact())
}
