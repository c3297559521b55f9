//! A request from its head on: what is let in, what it looks like to a member, what its answer looks like to
//! the client.

use std::{
    cell::Cell,
    net::IpAddr,
    pin::pin,
    rc::Rc,
    time::{Duration, Instant},
};

use http::{
    HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, Version, header,
    request::Parts, uri::PathAndQuery,
};
use hyper::{body::Body as _, upgrade::OnUpgrade};
use traffic::{
    assets,
    forward::{self, Framing, Sender, X_FORWARDED_FOR, X_FORWARDED_HOST, X_FORWARDED_PROTO},
    plan::{HeaderRule, LimitRule, Plan, Route},
    route::{Asked, Found, host_of, rewritten},
    timing,
};

use crate::{
    answer::{Refusal, refuse},
    body::{Answer, Inbound, Never, Seen, Sent, deadline},
    cache::{self, Cached, Effect, Serving},
    canary,
    capture::Tap,
    compress,
    connection::Peer,
    explain::{self, Decision},
    limits::{self, Limited},
    local::Local,
    metrics::{Scheme, method_number},
    request::Finish,
    send::{self, Failed, Sending},
    tracing::Record,
    worker::Worker,
};

pub(crate) const VIA: HeaderValue = HeaderValue::from_static("1.1 taut");

/// A request that is let in.
pub(crate) struct Admitted {
    pub(crate) local: Rc<Local>,
    pub(crate) found: Found,
    /// The place of the service that answers.
    pub(crate) service: usize,
    pub(crate) client: IpAddr,
    pub(crate) head: Parts,
    pub(crate) body: Sent,
    pub(crate) upload: Option<Rc<Seen>>,
    /// The client's side of another protocol.
    pub(crate) upgrade: Option<OnUpgrade>,
    limited: Option<Limited>,
    /// How its answer is to be compressed.
    coding: Option<compress::Asked>,
    /// What the cache says.
    cached: Option<Cached>,
    /// Where it is told, if anybody wants to know.
    pub(crate) record: Option<Rc<Record>>,
    /// When nobody waits for it any more.
    pub(crate) deadline: Option<tokio::time::Instant>,
}

/// Answers a request.
pub(crate) async fn handle(
    worker: Rc<Worker>,
    peer: Rc<Peer>,
    mut request: Request<Inbound>,
) -> Result<Response<Answer>, Never> {
    let began = Instant::now();
    let local = worker.local();
    let plan = &local.state.plan;
    let scheme = Scheme::of(peer.scheme(plan, request.headers()));
    let mut finish = Finish::new(&worker, method_number(request.method()), scheme, began);
    let mut decision = Decision::asked(request.headers_mut(), plan, peer.address);
    finish.record = decision.watch(&local.state, &mut request, &peer, began);
    let time_left = time_left(plan, &peer, request.headers_mut());
    let change = Effect::of(&local, &request);
    let (method, uri) = (request.method().clone(), request.uri().clone());
    // What somebody gets who says who they are is theirs, and no asset (RFC 9111, section 3.5).
    let for_one = request.headers().contains_key(header::AUTHORIZATION);
    let mut admitted = match admit(&worker, &local, &peer, request).await {
        Ok(admitted) => admitted,
        Err(refusal) => return Ok(refused(&worker, &refusal, None, Some(finish), decision)),
    };
    let route = &plan.routes[admitted.found.route];
    finish.route = local.state.numbers[admitted.found.route] + 1;
    decision.add("route", || route.name.clone());
    let limited = admitted.limited;
    let compress = route.compress.clone().zip(admitted.coding.take());
    admitted.record = decision.record().cloned();
    let rules = Rc::clone(&local);
    let place = admitted.found.route;
    // Only who is told wants to know of what is not to be changed.
    let is_wanted = (route.assets || decision.is_told()) && !for_one;
    let asset = is_wanted.then_some((method, uri));
    let limit = rules.state.plan.routes[place].limit.as_ref().zip(limited.as_ref());
    if let Some((rule, limited)) = limit {
        decision.add("limit", || limited.words(rule));
        if let Some(refusal) = limited.refusal(rule) {
            return Ok(refused(&worker, &refusal, limit, Some(finish), decision));
        }
    }
    let canary = canary::choose(&worker, &mut admitted, &mut decision);
    finish.canary.clone_from(&canary);
    // Of whoever was chosen to answer.
    let total = route.timeouts_at(&plan.services[admitted.service]).total;
    let total = [total, time_left].into_iter().flatten().min();
    let total = deadline(began.into(), total);
    admitted.deadline = total;
    let late = finish.late();
    let serving = Serving { worker: &worker, peer: &peer, decision: &mut decision };
    match within(total, &late, answered(serving, admitted, finish)).await {
        Ok(mut response) => {
            if let Some(change) = &change {
                change.done(&worker, &rules.state, place, &response);
            }
            let route = &rules.state.plan.routes[place];
            head_as_told(&worker, route, asset.as_ref(), &mut response, &mut decision);
            let headers = response.headers_mut();
            canary::remember(headers, canary.as_ref(), peer.encrypted);
            if let Some((rule, limited)) = limit {
                limited.tell(rule, headers);
            }
            if let Some((rule, asked)) = &compress {
                response = compress::apply(&worker, rule, asked, response, &mut decision);
            }
            decision.add("took", || explain::millis(began.elapsed()));
            decision.tell(response.headers_mut());
            Ok(response)
        }
        Err(failed) => {
            let (refusal, finish) = *failed;
            Ok(refused(&worker, &refusal, limit, finish, decision))
        }
    }
}

/// The time that a trusted proxy in front says is left. Nobody else's word on it reaches a member.
fn time_left(plan: &Plan, peer: &Peer, headers: &mut HeaderMap) -> Option<Duration> {
    let told = headers.remove(plan.deadline_header.as_ref()?)?;
    let is_believed = forward::is_trusted(peer.address, &plan.trusted);
    timing::time_left(told.as_bytes()).filter(|_| is_believed)
}

/// Makes of an answer's head what the route says, and tells what the answer is as an asset, where anybody wants to know.
fn head_as_told(
    worker: &Worker,
    route: &Route,
    asset: Option<&(Method, Uri)>,
    response: &mut Response<Answer>,
    decision: &mut Decision,
) {
    let status = response.status();
    let headers = response.headers_mut();
    let mut kind = None;
    if let Some((method, uri)) = asset.filter(|_| route.assets) {
        kind = assets::tell(method, uri.path(), status, headers);
        if let Some(kind) = kind {
            worker.count(|counts| counts.asset(kind));
        }
    }
    apply(&route.response_headers, headers);
    if let Some((method, uri)) = asset {
        // As the client gets it.
        if let Some(kind) = assets::seen(method, uri.path(), status, headers).or(kind) {
            decision.add("asset", || kind.name().to_owned());
        }
    }
}

/// What comes within the time that it may take.
async fn within(
    total: Option<tokio::time::Instant>,
    late: &Cell<bool>,
    sent: impl Future<Output = Result<Response<Answer>, Failed>>,
) -> Result<Response<Answer>, Failed> {
    let Some(total) = total else { return sent.await };
    let mut sent = pin!(sent);
    tokio::time::timeout_at(total, sent.as_mut()).await.unwrap_or_else(|_elapsed| {
        late.set(true);
        Err(Box::new((send::too_late(), None)))
    })
}

/// An answer out of the cache, or from a member.
async fn answered(
    serving: Serving<'_>,
    mut admitted: Admitted,
    finish: Finish,
) -> Result<Response<Answer>, Failed> {
    if let Some(cached) = admitted.cached.take() {
        return cache::serve(serving, admitted, cached, finish).await;
    }
    let Serving { worker, peer, decision } = serving;
    send::send(Sending { worker, peer, decision }, admitted, finish).await
}

pub(crate) fn refused(
    worker: &Worker,
    refusal: &Refusal,
    limited: Option<(&LimitRule, &Limited)>,
    finish: Option<Finish>,
    mut decision: Decision,
) -> Response<Answer> {
    worker.count(|counts| counts.refused(refusal.reason));
    decision.add("refused", || refusal.reason.to_owned());
    if let Some(mut finish) = finish {
        (finish.status, finish.refused) = (refusal.status.as_u16(), refusal.reason);
        finish.whole();
    }
    let mut response = refuse(refusal);
    if let Some((rule, limited)) = limited {
        limited.tell(rule, response.headers_mut());
    }
    decision.tell(response.headers_mut());
    response
}

/// Whether a request is let in, and what of it a member sees.
async fn admit(
    worker: &Worker,
    local: &Rc<Local>,
    peer: &Peer,
    mut request: Request<Inbound>,
) -> Result<Admitted, Refusal> {
    check(&request)?;
    let plan = &local.state.plan;
    let host = host_of(request.uri(), request.headers());
    let asked = Asked {
        host,
        path: request.uri().path(),
        method: request.method(),
        headers: request.headers(),
    };
    let found = local.state.table.find(&plan.routes, &asked).ok_or(Refusal::new(
        StatusCode::NOT_FOUND,
        "no-route",
        "No route of this gateway is for this host, path and method.",
    ))?;
    let route = &plan.routes[found.route];
    let client = forward::client(peer.address, request.headers(), &plan.trusted);
    let limited = limit(worker, local, found.route, client, request.headers()).await;
    let bytes_max = route.body_bytes_max.unwrap_or(plan.bounds.body_bytes_max);
    if request.body().size_hint().lower() > bytes_max {
        return Err(too_large());
    }
    // Before the cache is asked: it knows the tags of plain bodies alone.
    let coding = route.compress.as_ref().map(|rule| compress::asked(rule, &mut request));
    let refused = route
        .limit
        .as_ref()
        .zip(limited)
        .is_some_and(|(rule, limited)| limited.refusal(rule).is_some());
    let cached =
        if refused { None } else { cache::asked(worker, local, (peer, found.route), &request) };
    let wanted = forward::upgrade(request.headers()).filter(is_tunnel);
    let wanted = wanted.filter(|_| request.version() == Version::HTTP_11);
    let upgrade = wanted.is_some().then(|| hyper::upgrade::on(&mut request));
    let (mut head, incoming) = request.into_parts();
    let tap = head.extensions.remove::<Tap>();
    // What the cache has no member needs to see.
    if !cached.as_ref().is_some_and(Cached::is_done) {
        rewrite(&mut head, plan, peer, route, found)?;
    }
    if let Some(wanted) = wanted {
        head.headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        head.headers.insert(header::UPGRADE, wanted);
    }
    let (body, upload) = if incoming.is_end_stream() {
        (Sent::Empty, None)
    } else {
        let (body, seen) = Sent::new(incoming, bytes_max, plan.bounds.body_pause);
        (body, Some(seen))
    };
    let body = if let Some(tap) = tap { tap.request(body) } else { body };
    let found_service = route.service;
    let local = Rc::clone(local);
    let record = None;
    Ok(Admitted {
        local,
        service: found_service,
        found,
        client,
        head,
        body,
        upload,
        upgrade,
        limited,
        coding,
        cached,
        record,
        deadline: None,
    })
}

/// WebSocket alone: with other protocols, `h2c` above all, requests would pass unseen.
fn is_tunnel(protocol: &HeaderValue) -> bool {
    protocol.as_bytes().eq_ignore_ascii_case(b"websocket")
}

/// Whether the request can be understood in one way alone.
fn check(request: &Request<Inbound>) -> Result<(), Refusal> {
    if *request.method() == Method::CONNECT {
        return Err(Refusal::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "bad-request",
            "This gateway is no tunnel to other hosts.",
        )
        .closing());
    }
    forward::check_framing(request.headers()).map_err(in_doubt)?;
    let one = request.version() == Version::HTTP_11;
    if one && request.uri().authority().is_none() && !request.headers().contains_key(header::HOST) {
        return Err(Refusal::bad("Host is missing."));
    }
    Ok(())
}

/// Why a request in doubt is refused.
pub(crate) fn in_doubt(framing: Framing) -> Refusal {
    match framing {
        Framing::UnknownCoding => Refusal::new(
            StatusCode::NOT_IMPLEMENTED,
            "bad-request",
            "The transfer coding of the body is not known; only `chunked` is.",
        )
        .closing(),
        Framing::Both => {
            Refusal::bad("Both Content-Length and Transfer-Encoding say where the request ends.")
        }
        Framing::Length => Refusal::bad("Content-Length must be there once, and be a length."),
        Framing::Host => Refusal::bad("Host must be there once, and be a host."),
    }
}

pub(crate) fn too_large() -> Refusal {
    const DETAIL: &str = "The body is larger than this route takes.";
    Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", DETAIL).closing()
}

/// Counts a request, if its route has a limit; waits only where that is shared with other gateways.
async fn limit(
    worker: &Worker,
    local: &Local,
    route: usize,
    client: IpAddr,
    headers: &HeaderMap,
) -> Option<Limited> {
    let asking = limits::asking(local, route, client, headers)?;
    let plan = &local.state.plan.routes[route];
    let rule = plan.limit.as_ref()?;
    let limited = match rule.shared {
        None => asking.here()?,
        Some(away) => {
            Box::pin(asking.together(local.redis.as_deref(), rule, &plan.name, away)).await
        }
    };
    let (number, outcome) = (local.state.numbers[route] + 1, limited.outcome(rule));
    worker.count(|counts| counts.limited(number, outcome));
    Some(limited)
}

/// Makes of a request what a member is to see.
fn rewrite(
    head: &mut Parts,
    plan: &Plan,
    peer: &Peer,
    route: &Route,
    found: Found,
) -> Result<(), Refusal> {
    let trailers = forward::has_token(&head.headers, &header::TE, "trailers");
    forward::strip_hop_by_hop(&mut head.headers);
    if trailers {
        head.headers.insert(header::TE, HeaderValue::from_static("trailers"));
        head.headers.insert(header::CONNECTION, HeaderValue::from_static("te"));
    }
    // The gateway answers it itself, as soon as a member takes the body.
    head.headers.remove(header::EXPECT);
    let authority = head.uri.authority().and_then(|host| HeaderValue::from_str(host.as_str()).ok());
    if let Some(authority) = authority {
        head.headers.insert(header::HOST, authority);
    }
    if head.version == Version::HTTP_2 {
        join_cookies(&mut head.headers);
    }
    head.version = Version::HTTP_11;
    origin_form(&mut head.uri, route, found)?;
    forwarded(&mut head.headers, plan, peer);
    if let Some(host) = &route.host {
        head.headers.insert(header::HOST, host.clone());
    }
    apply(&route.request_headers, &mut head.headers);
    // What the connection to the client was has no meaning for the one to the member.
    head.extensions = http::Extensions::new();
    Ok(())
}

/// The path and query alone, rewritten as the route has it.
fn origin_form(uri: &mut Uri, route: &Route, found: Found) -> Result<(), Refusal> {
    let bad = |_| Refusal::bad("The path cannot be understood.");
    match &route.rewrite {
        None if uri.authority().is_none() && uri.scheme().is_none() => Ok(()),
        None => {
            let path = uri.path_and_query().cloned();
            *uri = path.unwrap_or_else(|| PathAndQuery::from_static("/")).into();
            Ok(())
        }
        Some(replacement) => {
            let old = uri.path_and_query().map_or("/", PathAndQuery::as_str);
            let new = rewritten(old, found.matched_bytes, replacement);
            *uri = PathAndQuery::try_from(new).map_err(bad)?.into();
            Ok(())
        }
    }
}

/// Tells the member who asks, on which host and how. Of what a client says of that itself, only a trusted
/// proxy's word is kept.
fn forwarded(headers: &mut HeaderMap, plan: &Plan, peer: &Peer) {
    let from = (peer.address, peer.text.as_bytes(), peer.encrypted);
    let sender = Sender::new(from, headers, &plan.trusted);
    let mut chain = Vec::new();
    sender.chain(headers, &mut chain);
    let mut told = Vec::new();
    let is_told = sender.forwarded(headers, &mut told);
    let proto = sender.proto(headers).map(HeaderValue::from_static);
    let host = sender.host(headers).and_then(|host| HeaderValue::from_bytes(host).ok());
    for name in [X_FORWARDED_FOR, X_FORWARDED_PROTO, X_FORWARDED_HOST, header::FORWARDED] {
        if sender.replaces(name.as_str()) {
            headers.remove(name);
        }
    }
    let chain = HeaderValue::from_bytes(&chain).ok();
    let told = HeaderValue::from_bytes(&told).ok().filter(|_| is_told);
    for (name, value) in [
        (X_FORWARDED_FOR, chain),
        (X_FORWARDED_PROTO, proto),
        (X_FORWARDED_HOST, host),
        (header::FORWARDED, told),
    ] {
        if let Some(value) = value {
            headers.insert(name, value);
        }
    }
    headers.append(header::VIA, VIA);
}

/// HTTP/2 may send cookies one by one; HTTP/1.1 has one line (RFC 9113, section 8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    let cookies: Vec<&[u8]> =
        headers.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if cookies.len() > 1
        && let Ok(joined) = HeaderValue::from_bytes(&cookies.join(&b"; "[..]))
    {
        headers.insert(header::COOKIE, joined);
    }
}

pub(crate) fn apply(rules: &[HeaderRule], headers: &mut HeaderMap) {
    for rule in rules {
        match rule {
            HeaderRule::Set(name, value) => drop(headers.insert(name, value.clone())),
            HeaderRule::Remove(name) => drop(headers.remove(name)),
        }
    }
}
