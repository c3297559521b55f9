//! A request's head: whether it can be understood in one way alone, who is to answer it, and what of it a member
//! sees. Everything that is decided is decided by `traffic` and by what the other path uses as well.

use std::{mem::MaybeUninit, net::IpAddr};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, StatusCode, Uri, Version, header};
use httparse::{Error, Status};
use traffic::{
    cache::Forwarded,
    forward::{self, Framing, Hop, Sender, X_FORWARDED_FOR, X_FORWARDED_HOST, X_FORWARDED_PROTO},
    plan::Route,
    route::{Asked, Found, rewritten, without_port},
};

use super::lines::{Lines, is_ruled, put, put_ruled};
use crate::{
    answer::Refusal,
    body::Inbound,
    cache::{Hit, Looked, Question},
    capture::Point,
    clock,
    connection::Peer,
    explain::{ASKED, may_know},
    limits::{self, Limited},
    local::Local,
    metrics::Scheme,
    proxy,
    worker::Worker,
};

/// What begins a connection of HTTP/2.
pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Lines of a head that this path reads; with more in the plan's bounds the other path counts.
const LINES_MAX: usize = 128;

/// Bytes of a body that are read before anything is sent: with more it is passed on as it comes, by the other
/// path.
pub(super) const BODY_BYTES_MAX: usize = 64 << 10;

/// What becomes of bytes that a client sent.
pub(super) enum Judged {
    /// They are no whole head yet.
    Partial,
    /// The head is there, and of its body so many bytes in all are needed.
    Body(usize),
    /// They are no request that is let in.
    Refused(Box<Refused>),
    /// They are passed on.
    Forward(Job),
    /// They are answered out of the cache.
    Hit(Box<Ready>),
    /// They are a request for who answers everything.
    Whole(Box<Whole>),
    /// Nothing that this path knows.
    Other,
}

/// A request that is not let in.
pub(super) struct Refused {
    pub(super) refusal: Refusal,
    /// What was read of it.
    pub(super) bytes: usize,
    pub(super) method: Method,
    /// How the client asks; `None` if nobody can tell but by its connection.
    pub(super) scheme: Option<Scheme>,
    pub(super) close: bool,
    /// The place of its route, if it has one.
    pub(super) route: Option<usize>,
    pub(super) limited: Option<Limited>,
}

/// A request that is passed on: what is needed of it once its head is written.
pub(super) struct Job {
    /// Its head and body.
    pub(super) bytes: usize,
    /// The place of its route.
    pub(super) route: usize,
    pub(super) method: Method,
    pub(super) scheme: Scheme,
    pub(super) client: IpAddr,
    pub(super) limited: Option<Limited>,
    /// Whether the client wants no other answer on this connection.
    pub(super) close: bool,
    /// Whether it has no body.
    pub(super) empty: bool,
    /// Why the cache has nothing to do with it, where its route has one.
    pub(super) past: Option<Forwarded>,
    /// Whether the client is told where its time went.
    pub(super) timed: bool,
}

/// Who judges.
#[derive(Clone, Copy)]
pub(super) struct Judge<'a> {
    pub(super) worker: &'a Worker,
    pub(super) local: &'a Local,
    pub(super) peer: &'a Peer,
    /// Whether nothing came before on this connection: HTTP/2 begins one, or does not come.
    pub(super) first: bool,
}

/// A request that the cache answers.
pub(super) struct Ready {
    /// Its head.
    pub(super) bytes: usize,
    /// The place of its route.
    pub(super) route: usize,
    pub(super) method: Method,
    pub(super) scheme: Scheme,
    pub(super) limited: Option<Limited>,
    pub(super) close: bool,
    /// Whether the client is told where its time went.
    pub(super) timed: bool,
    pub(super) hit: Hit,
}

/// A request, all of it.
pub(super) struct Whole {
    pub(super) request: Request<Inbound>,
    pub(super) bytes: usize,
    pub(super) close: bool,
}

/// A head that was read.
#[expect(clippy::struct_field_names, reason = "bytes of the head, beside bytes of the body")]
struct Head<'a> {
    method: Method,
    target: &'a str,
    lines: Lines<'a>,
    /// All that was read of it, and what follows.
    bytes: &'a [u8],
    head_bytes: usize,
    body_bytes: usize,
    close: bool,
}

/// Judges what a client sent; what is passed on is written to `to`.
pub(super) fn judge(judge: Judge<'_>, bytes: &[u8], to: &mut Vec<u8>) -> Judged {
    let bounds = &judge.local.state.plan.bounds;
    if judge.first && (PREFACE.starts_with(bytes) || bytes.starts_with(PREFACE)) {
        return if bytes.len() < PREFACE.len() { Judged::Partial } else { Judged::Other };
    }
    let mut lines = [const { MaybeUninit::uninit() }; LINES_MAX];
    let mut request = httparse::Request::new(&mut []);
    let head_bytes = match request.parse_with_uninit_headers(bytes, &mut lines) {
        Ok(Status::Complete(count)) => count,
        Ok(Status::Partial) if bytes.len() < bounds.head_bytes_max => return Judged::Partial,
        Err(Error::TooManyHeaders) if LINES_MAX < bounds.headers_max => return Judged::Other,
        Ok(Status::Partial) | Err(Error::TooManyHeaders) => {
            return nonsense(too_long(), bytes.len());
        }
        Err(_) => return nonsense(Refusal::bad("The head of the request is none."), bytes.len()),
    };
    if bounds.head_bytes_max < head_bytes || bounds.headers_max < request.headers.len() {
        return nonsense(too_long(), bytes.len());
    }
    if has_bare_feed(&bytes[..head_bytes]) {
        return nonsense(Refusal::bad("Lines end with CR LF, not with LF alone."), bytes.len());
    }
    if request.version != Some(1) {
        return Judged::Other;
    }
    let lines = Lines(request.headers);
    let body_bytes = match body_bytes(&lines) {
        Ok(Some(count)) => count,
        Ok(None) => return Judged::Other,
        Err(framing) => return nonsense(proxy::in_doubt(framing), bytes.len()),
    };
    let method = Method::from_bytes(request.method.unwrap_or_default().as_bytes());
    let Ok(method) = method else {
        return nonsense(Refusal::bad("The method is none."), bytes.len());
    };
    if method == Method::CONNECT || BODY_BYTES_MAX < body_bytes {
        return Judged::Other;
    }
    if bytes.len() < head_bytes + body_bytes {
        return Judged::Body(head_bytes + body_bytes);
    }
    let close = forward::has_token(&lines, &header::CONNECTION, "close");
    let target = request.path.unwrap_or_default();
    let head = Head { method, target, lines, bytes, head_bytes, body_bytes, close };
    match place(judge.local, &head) {
        Some(found) => judge.choose(head, found, to),
        None => whole(&head, None),
    }
}

/// Bytes of the body, if this path passes on what it is in.
fn body_bytes(lines: &Lines<'_>) -> Result<Option<usize>, Framing> {
    use traffic::fields::Fields as _;
    if lines.has(&header::TRANSFER_ENCODING) {
        let both = lines.has(&header::CONTENT_LENGTH);
        return if both { Err(Framing::Both) } else { Ok(None) };
    }
    if lines.all(&header::CONTENT_LENGTH).nth(1).is_some() {
        return Err(Framing::Length);
    }
    let length = forward::length(lines)?.unwrap_or(0);
    forward::check_framing(lines)?;
    if lines.has(&header::UPGRADE) || lines.has(&header::EXPECT) {
        return Ok(None);
    }
    Ok(Some(usize::try_from(length).unwrap_or(usize::MAX)))
}

/// The route of a request, if this path knows everything that is to be done for it.
fn place(local: &Local, head: &Head<'_>) -> Option<Found> {
    use traffic::fields::Fields as _;
    // What changes something may make the cache forget.
    let changes = local.state.caches && !head.method.is_safe();
    if changes || !is_simple(head.target) || head.lines.has(&ASKED) {
        return None;
    }
    let host = std::str::from_utf8(head.lines.first(&header::HOST)?).ok()?;
    let path = head.target.split_once('?').map_or(head.target, |(path, _)| path);
    let (method, headers) = (&head.method, &head.lines);
    let asked = Asked { host: without_port(host), path, method, headers };
    let state = &local.state;
    state.table.find(&state.plan.routes, &asked).filter(|found| local.plain[found.route])
}

impl Judge<'_> {
    /// Who answers a request.
    fn choose(self, head: Head<'_>, found: Found, to: &mut Vec<u8>) -> Judged {
        let Self { worker, local, peer, .. } = self;
        let route = &local.state.plan.routes[found.route];
        let point = Point::draw(worker, local, peer, &head.lines);
        if point.is_some_and(|point| point.is_taken(local, route)) {
            return whole(&head, point);
        }
        // What changes something makes the cache forget.
        if local.state.caches && !head.method.is_safe() {
            return whole(&head, point);
        }
        let past = match self.look(&head, route) {
            None => None,
            Some(Looked::Pass(why)) => Some(why),
            Some(Looked::Hit(hit)) if hit.again.is_none() && route.response_headers.is_empty() => {
                return self.hit(head, found, hit);
            }
            Some(Looked::Hit(_) | Looked::Ask(_)) => return whole(&head, point),
        };
        match self.admit(&head, found) {
            Ok((client, limited)) => {
                let plan = &local.state.plan;
                let from = (peer.address, peer.text.as_bytes(), peer.encrypted);
                let sender = Sender::new(from, &head.lines, &plan.trusted);
                write(&head, route, found, &sender, to);
                let (timed, scheme) = (self.is_timed(&head), self.scheme(&head));
                let Head { method, head_bytes, body_bytes, close, .. } = head;
                let (bytes, empty) = (head_bytes + body_bytes, body_bytes == 0);
                let route = found.route;
                Judged::Forward(Job {
                    bytes,
                    route,
                    method,
                    scheme,
                    client,
                    limited,
                    close,
                    empty,
                    past,
                    timed,
                })
            }
            Err(refused) => Judged::Refused(refused),
        }
    }

    /// Whether the client is told where its time goes.
    fn is_timed(self, head: &Head<'_>) -> bool {
        let plan = &self.local.state.plan;
        may_know(plan.telling.server_timing.audience(), plan, self.peer.address, &head.lines)
    }

    /// How the client asks.
    fn scheme(self, head: &Head<'_>) -> Scheme {
        Scheme::of(self.peer.scheme(&self.local.state.plan, &head.lines))
    }

    /// What the cache says, if the route has one.
    fn look(self, head: &Head<'_>, route: &Route) -> Option<Looked> {
        use traffic::fields::Fields as _;
        let rule = route.cache.as_ref()?;
        if 0 < head.body_bytes {
            return Some(Looked::Pass(Forwarded::Bypass));
        }
        let Self { worker, local, peer, .. } = self;
        let authority = head.lines.first(&header::HOST);
        let question = Question {
            rule,
            route: &route.name,
            scheme: peer.scheme(&local.state.plan, &head.lines),
            authority: authority
                .and_then(|host| std::str::from_utf8(host).ok())
                .unwrap_or_default(),
            target: head.target,
            method: &head.method,
            headers: &head.lines,
        };
        let chance = local.services[route.service].dice.borrow_mut().share();
        Some(worker.shared.cache.look(&question, chance, clock::now()))
    }

    fn hit(self, head: Head<'_>, found: Found, hit: Hit) -> Judged {
        match self.admit(&head, found) {
            Ok((_, limited)) => {
                let (timed, scheme) = (self.is_timed(&head), self.scheme(&head));
                let Head { method, head_bytes: bytes, close, .. } = head;
                let route = found.route;
                let ready = Ready { bytes, route, method, scheme, limited, close, timed, hit };
                Judged::Hit(Box::new(ready))
            }
            Err(refused) => Judged::Refused(refused),
        }
    }

    /// Lets a request in, or not: gives who asks, and what is left of the limit.
    fn admit(
        self,
        head: &Head<'_>,
        found: Found,
    ) -> Result<(IpAddr, Option<Limited>), Box<Refused>> {
        let Self { worker, local, peer, .. } = self;
        let plan = &local.state.plan;
        let route = &plan.routes[found.route];
        let client = forward::client(peer.address, &head.lines, &plan.trusted);
        let limited = limits::asking(local, found.route, client, &head.lines);
        let limited = limited.and_then(|asking| asking.here());
        let limit = route.limit.as_ref().zip(limited);
        if let Some((rule, limited)) = &limit {
            let (number, outcome) = (local.state.numbers[found.route] + 1, limited.outcome(rule));
            worker.count(|counts| counts.limited(number, outcome));
        }
        let over = limit.and_then(|(rule, limited)| limited.refusal(rule));
        let body_bytes_max = route.body_bytes_max.unwrap_or(plan.bounds.body_bytes_max);
        let refusal = if let Some(refusal) = over {
            refusal
        } else if body_bytes_max < head.body_bytes as u64 {
            proxy::too_large()
        } else {
            return Ok((client, limited));
        };
        let (method, route) = (head.method.clone(), Some(found.route));
        let (bytes, close, scheme) =
            (head.head_bytes + head.body_bytes, head.close, Some(self.scheme(head)));
        Err(Box::new(Refused { refusal, bytes, method, scheme, close, route, limited }))
    }
}

/// Writes a request as a member is to see it.
fn write(head: &Head<'_>, route: &Route, found: Found, sender: &Sender<'_>, to: &mut Vec<u8>) {
    let Head { lines, bytes, head_bytes, body_bytes, .. } = *head;
    to.extend_from_slice(head.method.as_str().as_bytes());
    to.push(b' ');
    match &route.rewrite {
        None => to.extend_from_slice(head.target.as_bytes()),
        Some(new) => {
            to.extend_from_slice(rewritten(head.target, found.matched_bytes, new).as_bytes());
        }
    }
    to.extend_from_slice(b" HTTP/1.1\r\n");
    let hop = Hop::of(&lines);
    let rules = &route.request_headers;
    let is_host = |name: &str| name.eq_ignore_ascii_case(header::HOST.as_str());
    let stays = |name: &str| {
        let other = route.host.is_some() && is_host(name);
        !(hop.takes(name) || sender.replaces(name) || other || is_ruled(rules, name))
    };
    lines.copy(bytes, stays, to);
    if forward::has_token(&lines, &header::TE, "trailers") {
        to.extend_from_slice(b"te: trailers\r\nconnection: te\r\n");
    }
    let mut tell = |name: &HeaderName, value: &[u8]| {
        if !is_ruled(rules, name.as_str()) {
            put(to, name.as_str(), value);
        }
    };
    if let Some(host) = &route.host {
        tell(&header::HOST, host.as_bytes());
    }
    if let Some(proto) = sender.proto(&lines) {
        tell(&X_FORWARDED_PROTO, proto.as_bytes());
    }
    if let Some(host) = sender.host(&lines) {
        tell(&X_FORWARDED_HOST, host);
    }
    tell(&header::VIA, proxy::VIA.as_bytes());
    if !is_ruled(rules, X_FORWARDED_FOR.as_str()) {
        to.extend_from_slice(b"x-forwarded-for: ");
        sender.chain(&lines, to);
        to.extend_from_slice(b"\r\n");
    }
    if !is_ruled(rules, header::FORWARDED.as_str()) {
        let before = to.len();
        to.extend_from_slice(b"forwarded: ");
        let is_told = sender.forwarded(&lines, to);
        to.extend_from_slice(b"\r\n");
        if !is_told {
            to.truncate(before);
        }
    }
    put_ruled(rules, to);
    to.extend_from_slice(b"\r\n");
    to.extend_from_slice(&bytes[head_bytes..head_bytes + body_bytes]);
}

/// The request as the other path takes it.
fn whole(head: &Head<'_>, point: Option<Point>) -> Judged {
    let Head { target, bytes, head_bytes, body_bytes, close, .. } = *head;
    let end = head_bytes + body_bytes;
    let body = (0 < body_bytes).then(|| Bytes::copy_from_slice(&bytes[head_bytes..end]));
    let mut request = Request::new(Inbound::Read(body));
    let refusal = Refusal::bad("The path cannot be understood.");
    // In a request only a path, `*` or all of an address stands here.
    let Ok(uri) = Uri::try_from(target) else { return nonsense(refusal, bytes.len()) };
    if !target.starts_with('/') && target != "*" && uri.scheme().is_none() {
        return nonsense(refusal, bytes.len());
    }
    *request.uri_mut() = uri;
    if let Some(point) = point {
        request.extensions_mut().insert(point);
    }
    *request.method_mut() = head.method.clone();
    *request.version_mut() = Version::HTTP_11;
    for line in head.lines.0 {
        let name = HeaderName::from_bytes(line.name.as_bytes());
        let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(line.value)) else {
            return nonsense(Refusal::bad("A line of the head is none."), bytes.len());
        };
        request.headers_mut().append(name, value);
    }
    Judged::Whole(Box::new(Whole { request, bytes: end, close }))
}

/// Whether a target is a path that cannot be taken for anything else.
fn is_simple(target: &str) -> bool {
    let simple = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/?%".contains(&byte);
    target.starts_with('/') && target.bytes().all(simple)
}

/// Whether a line ends with LF alone.
fn has_bare_feed(head: &[u8]) -> bool {
    let mut feeds = memchr::memchr_iter(b'\n', head);
    feeds.any(|feed| feed.checked_sub(1).is_none_or(|before| head[before] != b'\r'))
}

fn too_long() -> Refusal {
    const DETAIL: &str = "The head of the request is too long, or has too many lines.";
    let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
    Refusal::new(status, "bad-request", DETAIL).closing()
}

/// What is no request, as far as anybody can tell.
pub(super) fn nonsense(refusal: Refusal, bytes: usize) -> Judged {
    let method = Method::default();
    let (scheme, close, route, limited) = (None, true, None, None);
    let refused = Refused { refusal, bytes, method, scheme, close, route, limited };
    Judged::Refused(Box::new(refused))
}
