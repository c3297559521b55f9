//! A request that the cache could not answer at once: waited for, asked for, or sent on.

use std::{
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use http::{
    HeaderMap, HeaderName, Method, Request, Response, StatusCode, Uri, header,
    uri::{Authority, PathAndQuery},
};
use hyper::body::Body;
use tokio::sync::oneshot;
use traffic::{
    cache::{CacheRule, Clients, Forwarded, Judged, Keep, Status, Stored, judge, may_stand_in},
    timing::Phase,
};

use super::{
    Ask, Looked, Question,
    counts::CacheResult,
    fetch::{Fetch, Landing, Led, ON_DISK, SHARED, start},
    filling::Filling,
    flight::{Joined, Stage},
    hit::{Hit, tell},
    only_if_cached, only_stored,
};
use crate::{
    answer::Refusal,
    body::Answer,
    clock,
    connection::Peer,
    explain::Decision,
    local::Local,
    proxy::Admitted,
    request::Finish,
    send::{self, Failed, Sending},
    worker::Worker,
};

/// What answering needs besides the request.
pub(crate) struct Serving<'a> {
    pub(crate) worker: &'a Rc<Worker>,
    pub(crate) peer: &'a Rc<Peer>,
    pub(crate) decision: &'a mut Decision,
}

/// A request as it came.
#[derive(Debug)]
pub(crate) struct Original {
    pub(crate) scheme: &'static str,
    pub(crate) authority: String,
    pub(crate) target: String,
    pub(crate) method: Method,
    pub(crate) headers: HeaderMap,
}

/// What the cache says to a request, and the request as it came, where that is still needed.
#[derive(Debug)]
pub(crate) struct Cached {
    looked: Looked,
    original: Option<Original>,
    /// How long it took to look.
    took: Duration,
}

impl Cached {
    /// Whether no member needs to be asked.
    pub(crate) fn is_done(&self) -> bool {
        matches!(&self.looked, Looked::Hit(hit) if hit.again.is_none())
    }
}

/// Asks the cache, if the route has one and it is a request for it.
pub(crate) fn asked<B: Body>(
    worker: &Worker,
    local: &Local,
    (peer, route): (&Peer, usize),
    request: &Request<B>,
) -> Option<Cached> {
    let plan = &local.state.plan.routes[route];
    let rule = plan.cache.as_ref()?;
    let began = Instant::now();
    if !request.body().is_end_stream() || traffic::forward::upgrade(request.headers()).is_some() {
        let looked = Looked::Pass(Forwarded::Bypass);
        return Some(Cached { looked, original: None, took: Duration::ZERO });
    }
    let question = Question {
        rule,
        route: &plan.name,
        scheme: peer.scheme(&local.state.plan, request.headers()),
        authority: authority_of(request),
        target: target_of(request.uri()),
        method: request.method(),
        headers: request.headers(),
    };
    let chance = local.services[plan.service].dice.borrow_mut().share();
    let looked = worker.shared.cache.look(&question, chance, clock::now());
    let needed = match &looked {
        Looked::Hit(hit) => hit.again.is_some(),
        Looked::Ask(_) => true,
        Looked::Pass(_) => false,
    };
    let original = needed.then(|| Original {
        scheme: question.scheme,
        authority: question.authority.to_owned(),
        target: question.target.to_owned(),
        method: request.method().clone(),
        headers: request.headers().clone(),
    });
    Some(Cached { looked, original, took: began.elapsed() })
}

/// The host that a request is for, with its port; empty if it names none.
pub(super) fn authority_of<B>(request: &Request<B>) -> &str {
    let named = request.uri().authority().map(Authority::as_str);
    let host = || request.headers().get(header::HOST)?.to_str().ok();
    named.or_else(host).unwrap_or_default()
}

pub(super) fn target_of(uri: &Uri) -> &str {
    uri.path_and_query().map_or("/", PathAndQuery::as_str)
}

/// How often a request waits for others before it is sent by itself.
const WAITS_MAX: usize = 3;

/// Answers a request that the cache was asked for.
pub(crate) async fn serve(
    serving: Serving<'_>,
    admitted: Admitted,
    Cached { looked, original, took }: Cached,
    finish: Finish,
) -> Result<Response<Answer>, Failed> {
    serving.decision.phase(Phase::Cache, took);
    let one = One { serving, finish, route: admitted.found.route };
    match (looked, original) {
        (Looked::Hit(mut hit), original) => {
            if let (Some(again), Some(original)) = (hit.again.take(), original) {
                one.ask_again(admitted, again, original);
            }
            let result = if hit.is_stale { CacheResult::Stale } else { CacheResult::Hit };
            Ok(one.hit(&hit, result))
        }
        (Looked::Ask(ask), Some(original)) => Box::pin(one.ask(admitted, ask, original)).await,
        (Looked::Ask(ask), None) => Box::pin(one.pass(admitted, ask.why, None)).await,
        (Looked::Pass(why), _) => Box::pin(one.pass(admitted, why, None)).await,
    }
}

/// One request.
struct One<'a> {
    serving: Serving<'a>,
    finish: Finish,
    route: usize,
}

impl One<'_> {
    fn tells(&self) -> bool {
        self.serving.worker.shared.cache.settings().tells
    }

    fn count(&self, result: CacheResult) {
        let route = self.finish.route;
        self.serving.worker.count(|counts| counts.cache.route(route).add(result));
    }

    /// Out of the cache.
    fn hit(mut self, hit: &Hit, result: CacheResult) -> Response<Answer> {
        let response = hit.response(self.tells());
        let bytes = match response.body() {
            Answer::Own(Some(bytes)) => bytes.len(),
            _ => 0,
        };
        self.finish.status = response.status().as_u16();
        self.finish.sent(bytes);
        self.finish.whole();
        hit.count(self.serving.worker, self.finish.route, result, bytes);
        self.told(&hit.status);
        response
    }

    fn told(&mut self, status: &Status) {
        self.serving.decision.add("cache", || String::from_utf8_lossy(&status.text()).into_owned());
    }

    /// Asked for in the background: the answer stands already.
    fn ask_again(&self, admitted: Admitted, again: Box<Ask>, original: Original) {
        let cache = &self.serving.worker.shared.cache;
        let Joined::Leads(flying) = cache.join(&again) else { return };
        let landing = Landing {
            worker: Rc::clone(self.serving.worker),
            local: Rc::clone(&admitted.local),
            route: self.route,
            ask: again,
            asked: original.headers,
            flying,
            reply: None,
            wants_whole: false,
            together: None,
        };
        start(Fetch {
            peer: Rc::clone(self.serving.peer),
            admitted,
            decision: Decision::default(),
            landing,
        });
    }

    async fn ask(
        self,
        admitted: Admitted,
        mut ask: Box<Ask>,
        original: Original,
    ) -> Result<Response<Answer>, Failed> {
        let local = Rc::clone(&admitted.local);
        let Some(rule) = local.state.plan.routes[self.route].cache.as_ref() else {
            return self.pass(admitted, ask.why, None).await;
        };
        let on_disk = self.is_on_disk(rule, &ask, &original.headers);
        if only_stored(rule, &ask.control) && !on_disk {
            self.count(CacheResult::Failed);
            return Err(Box::new((only_if_cached(), Some(self.finish))));
        }
        // A part of what is not known, and a head alone, are not worth asking for all of it.
        let is_part = ask.stale.is_none() && original.headers.contains_key(header::RANGE);
        if !on_disk && (is_part || original.method == Method::HEAD) {
            let why = if is_part { Some("range") } else { None };
            return self.head(admitted, ask, why).await;
        }
        for _ in 0..WAITS_MAX {
            let cache = Arc::clone(&self.serving.worker.shared.cache);
            let (flight, _waiting) = match cache.join(&ask) {
                Joined::Leads(flying) => {
                    return self.lead((admitted, ask, original), flying).await;
                }
                Joined::Full => break,
                Joined::Follows(flight, waiting) => (flight, waiting),
            };
            let stage = timed(self.serving.decision, flight.wait()).await;
            match stage {
                Stage::Stored(stored) if is_for(&ask, &stored, &original) => {
                    return Ok(self.collapsed(stored, &ask, &original));
                }
                Stage::Filling(filling) if is_filling_for(&ask, &filling, &original) => {
                    return Ok(self.stream(&filling, ask.why));
                }
                Stage::Failed(refusal, status) => {
                    let now = clock::now();
                    let stored = ask
                        .stale
                        .as_ref()
                        .filter(|stored| may_stand_in(&stored.policy, &ask.control, status, now));
                    if let Some(stored) = stored {
                        return Ok(self.collapsed(Arc::clone(stored), &ask, &original));
                    }
                    if status.is_none() {
                        self.count(CacheResult::Failed);
                        return Err(Box::new((refusal, Some(self.finish))));
                    }
                    break;
                }
                Stage::Alone => break,
                Stage::Stored(_) | Stage::Filling(_) | Stage::Asked => {}
            }
            // It was not for this request; perhaps there is something now that is.
            let question = Question {
                rule,
                route: &local.state.plan.routes[self.route].name,
                scheme: original.scheme,
                authority: &original.authority,
                target: &original.target,
                method: &original.method,
                headers: &original.headers,
            };
            match cache.look(&question, 0.0, clock::now()) {
                Looked::Hit(hit) => return Ok(self.hit(&hit, CacheResult::Coalesced)),
                Looked::Ask(again) => ask = again,
                Looked::Pass(_) => break,
            }
        }
        self.pass(admitted, ask.why, Some("alone")).await
    }

    /// Whether it is not in memory, but on disk.
    fn is_on_disk(&self, rule: &CacheRule, ask: &Ask, headers: &HeaderMap) -> bool {
        let disk = self.serving.worker.shared.cache.disk.as_ref();
        let disk = disk.filter(|_| ask.stale.is_none() && rule.keep == Keep::Anywhere);
        disk.is_some_and(|disk| disk.has(&ask.key, headers, ask.asker, clock::now()))
    }

    /// With what somebody else had asked for.
    fn collapsed(self, stored: Arc<Stored>, ask: &Ask, original: &Original) -> Response<Answer> {
        let hit = Hit::new(stored, &original.method, &original.headers, None, clock::now());
        let status = Status { forwarded: Some(ask.why), collapsed: true, ..hit.status };
        self.hit(&hit.with(status), CacheResult::Coalesced)
    }

    fn stream(mut self, filling: &Arc<Filling>, why: Forwarded) -> Response<Answer> {
        let status = Status { forwarded: Some(why), collapsed: true, ..Status::default() };
        self.count(CacheResult::Coalesced);
        self.told(&status);
        self.streamed(filling, &status)
    }

    fn streamed(mut self, filling: &Arc<Filling>, status: &Status) -> Response<Answer> {
        let tells = self.tells();
        self.finish.status = filling.status.as_u16();
        let mut headers = filling.headers.clone();
        tell(status, tells, &mut headers);
        let body = Answer::Filled(Box::new(filling.reader(self.finish)));
        let mut response = Response::new(body);
        *response.status_mut() = filling.status;
        *response.headers_mut() = headers;
        response
    }

    /// Asks, for itself and for who comes meanwhile.
    async fn lead(
        mut self,
        (mut admitted, ask, original): (Admitted, Box<Ask>, Original),
        flying: super::flight::Flying,
    ) -> Result<Response<Answer>, Failed> {
        let conditional = [header::IF_NONE_MATCH, header::IF_MODIFIED_SINCE, header::RANGE];
        let wants_whole = original.method == Method::HEAD
            || conditional.iter().any(|name| original.headers.contains_key(name));
        let (reply, told) = oneshot::channel();
        let decision = std::mem::take(self.serving.decision);
        admitted.record = decision.record().cloned();
        let why = ask.why;
        let landing = Landing {
            worker: Rc::clone(self.serving.worker),
            local: Rc::clone(&admitted.local),
            route: self.route,
            ask,
            asked: original.headers.clone(),
            flying,
            reply: Some(reply),
            wants_whole,
            together: None,
        };
        start(Fetch { peer: Rc::clone(self.serving.peer), admitted, decision, landing });
        let Ok((led, decision)) = told.await else {
            // The task is gone, with its thread's runtime.
            const DETAIL: &str = "The gateway ends.";
            let refusal = Refusal::new(StatusCode::BAD_GATEWAY, "member-failed", DETAIL);
            return Err(Box::new((refusal, Some(self.finish))));
        };
        *self.serving.decision = decision;
        match led {
            Led::Stored(stored, status) => {
                let hit = Hit::new(stored, &original.method, &original.headers, None, clock::now());
                let result = match status.forwarded_status {
                    Some(304) => CacheResult::Revalidated,
                    _ if status.detail == Some(SHARED) => CacheResult::Shared,
                    _ if status.detail == Some(ON_DISK) => CacheResult::Disk,
                    _ if status.stored => CacheResult::Miss,
                    _ => CacheResult::Stale,
                };
                Ok(self.hit(&hit.with(status), result))
            }
            Led::Filling(hold, status) => {
                self.count(CacheResult::Miss);
                self.told(&status);
                Ok(self.streamed(hold.filling(), &status))
            }
            Led::Alone(mut response, not_stored) => {
                let status = Status {
                    forwarded: Some(why),
                    detail: Some(not_stored.name()),
                    ..Status::default()
                };
                self.count(CacheResult::Miss);
                self.told(&status);
                let tells = self.tells();
                self.finish.status = response.status().as_u16();
                response.body_mut().recount(self.finish);
                tell(&status, tells, response.headers_mut());
                Ok(*response)
            }
            Led::Failed(refusal) => {
                self.count(CacheResult::Failed);
                Err(Box::new((refusal, Some(self.finish))))
            }
        }
    }

    /// Sends it on as it came, past the cache.
    async fn pass(
        mut self,
        admitted: Admitted,
        why: Forwarded,
        detail: Option<&'static str>,
    ) -> Result<Response<Answer>, Failed> {
        let status = Status { forwarded: Some(why), detail, ..Status::default() };
        self.count(CacheResult::Bypass);
        self.told(&status);
        let tells = self.tells();
        let Serving { worker, peer, decision } = self.serving;
        let sending = Sending { worker, peer, decision };
        let mut response = send::send(sending, admitted, self.finish).await?;
        tell(&status, tells, response.headers_mut());
        Ok(response)
    }

    /// Sends on a request for a head or a part, of which what is stored may learn.
    async fn head(
        self,
        admitted: Admitted,
        ask: Box<Ask>,
        detail: Option<&'static str>,
    ) -> Result<Response<Answer>, Failed> {
        let worker = Rc::clone(self.serving.worker);
        let is_head = admitted.head.method == Method::HEAD;
        let asked_at = clock::now();
        let began = worker.shared.cache.purged();
        let local = Rc::clone(&admitted.local);
        let route = self.route;
        let response = self.pass(admitted, ask.why, detail).await?;
        let rule = local.state.plan.routes[route].cache.as_ref();
        if let (true, Some(stale), Some(rule)) = (is_head, &ask.stale, rule) {
            let cache = &worker.shared.cache;
            super::head::learn(cache, rule, (&ask, stale), &response, (asked_at, began));
        }
        Ok(response)
    }
}

/// Waits, which is time in the cache.
async fn timed<T>(decision: &mut Decision, wait: impl Future<Output = T>) -> T {
    let began = Instant::now();
    let came = wait.await;
    decision.phase(Phase::Cache, began.elapsed());
    came
}

/// Whether what came is for a request that waited for it.
fn is_for(ask: &Ask, stored: &Stored, original: &Original) -> bool {
    let now = clock::now();
    stored.policy.is_for(ask.asker)
        && stored.selecting.takes(&original.headers)
        && stored.policy.is_shareable(now)
        // Its own wishes, but that it came from a member is as new as can be.
        && !matches!(
            judge(&stored.policy, &ask.control, Clients::Ignore, (0.0, 0.0), now),
            Judged::Stale | Judged::Wanted
        )
}

fn is_filling_for(ask: &Ask, filling: &Filling, original: &Original) -> bool {
    // What depends on all of it waits for all of it.
    let conditional = [header::IF_NONE_MATCH, header::IF_MODIFIED_SINCE, header::RANGE];
    filling.policy.is_for(ask.asker)
        && filling.selecting.takes(&original.headers)
        && !conditional.iter().any(|name: &HeaderName| original.headers.contains_key(name))
}
