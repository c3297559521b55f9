//! What a request that changes something makes the cache forget.

use http::{Method, Request, Response, Uri, header};
use traffic::{cache::Purge, plan::Route};

use super::serve::{authority_of, target_of};
use crate::{body::Answer, clock, local::Local, worker::Worker};

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
    pub(crate) fn done(&self, worker: &Worker, route: &Route, response: &Response<Answer>) {
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
            cache.purge(&Purge::Url { host: Some(host.clone()), target }, false, now);
        }
        for tag in route.forgets.iter().filter_map(|template| template.tag(path)) {
            cache.purge(&Purge::Tag(tag), false, now);
        }
    }
}

/// The path and query that a field of an answer names, if it is of the same origin.
fn same_origin(value: &str, authority: &str) -> Option<String> {
    let uri: Uri = value.parse().ok()?;
    let same = uri.authority().is_none_or(|named| named.as_str().eq_ignore_ascii_case(authority));
    let target = uri.path_and_query()?.as_str();
    (same && target.starts_with('/')).then(|| target.to_owned())
}
