//! What a request that changes something makes the cache forget.

use http::{Method, Request, Response, Uri, header};
use traffic::cache::Purge;

use super::serve::{authority_of, target_of};
use crate::{body::Answer, clock, local::Local, state::State, worker::Worker};

/// A request that may change something.
#[derive(Debug)]
pub(crate) struct Effect {
    authority: String,
    target: String,
}

impl Effect {
    /// What it may change; `None` if nothing, or nothing is cached.
    pub(crate) fn of<B>(local: &Local, request: &Request<B>) -> Option<Self> {
        let safe = [Method::GET, Method::HEAD, Method::OPTIONS, Method::TRACE];
        if !local.state.caches || safe.contains(request.method()) {
            return None;
        }
        let authority = authority_of(request).to_owned();
        Some(Self { authority, target: target_of(request.uri()).to_owned() })
    }

    /// Forgets what its answer says that it changed: if it succeeded its URI, those that the answer names (RFC 9111,
    /// section 4.4), and the tags that the route names.
    ///
    /// Other gateways are told of tags, and of what they may have out of Redis; anything else is none of theirs.
    pub(crate) fn done(
        &self,
        worker: &Worker,
        state: &State,
        route: usize,
        response: &Response<Answer>,
    ) {
        let status = response.status();
        if !(status.is_success() || status.is_redirection()) {
            return;
        }
        let host = super::host_of(&self.authority);
        let (cache, now) = (&worker.shared.cache, clock::now());
        let path = self.target.split_once('?').map_or(&*self.target, |(path, _)| path);
        let mut targets = vec![path.to_owned()];
        for name in [header::LOCATION, header::CONTENT_LOCATION] {
            let value = response.headers().get(name).and_then(|value| value.to_str().ok());
            targets.extend(value.and_then(|value| same_origin(value, &self.authority)));
        }
        for target in targets {
            let is_shared = is_shared(state, &host, &target);
            let purge = Purge::Url { host: Some(host.clone()), target };
            if is_shared {
                cache.purge(&purge, false, now);
            } else {
                cache.purge_here(&purge, false, now);
            }
        }
        let forgets = state.plan.routes.get(route).map(|route| &*route.forgets);
        for tag in forgets.unwrap_or_default().iter().filter_map(|tag| tag.tag(path)) {
            cache.purge(&Purge::Tag(tag), false, now);
        }
    }
}

/// Whether answers to reads of this may be shared with other gateways.
fn is_shared(state: &State, host: &str, target: &str) -> bool {
    let path = target.split_once('?').map_or(target, |(path, _)| path);
    let routes = &state.plan.routes;
    let mut places = state.table.may_take(routes, (host, path), &Method::GET);
    places.any(|place| routes[place].cache.as_ref().is_some_and(|rule| rule.shared))
}

/// The path and query that a field of an answer names, if it is of the same origin.
fn same_origin(value: &str, authority: &str) -> Option<String> {
    let uri: Uri = value.parse().ok()?;
    let same = uri.authority().is_none_or(|named| named.as_str().eq_ignore_ascii_case(authority));
    let target = uri.path_and_query()?.as_str();
    (same && target.starts_with('/')).then(|| target.to_owned())
}
