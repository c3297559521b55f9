//! Routes: which requests go to which service.
//!
//! The closest match wins, wherever it stands in the file: an exact host before `*.example.com` before
//! any, an exact path before the longest prefix, more conditions before fewer; among equals the first.

use http::{HeaderMap, Method, Uri, header, uri::Authority};

use crate::{
    fields::Fields,
    plan::{Host, PathRule, Route},
};

/// Routes in the order in which they are tried.
#[derive(Debug, Clone, Default)]
pub struct Table {
    entries: Vec<Entry>,
}

#[derive(Debug, Clone)]
struct Entry {
    host: Option<Host>,
    path: Option<PathRule>,
    route: usize,
}

/// A request as routes see it.
#[derive(Debug)]
pub struct Asked<'a, F = HeaderMap> {
    /// Without its port.
    pub host: &'a str,
    /// Without what follows `?`.
    pub path: &'a str,
    /// How.
    pub method: &'a Method,
    /// With what.
    pub headers: &'a F,
}

/// A route that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// Its place in the plan.
    pub route: usize,
    /// Bytes of the path that its rule named.
    pub matched_bytes: usize,
}

impl Table {
    /// A table of these routes.
    #[must_use]
    pub fn new(routes: &[Route]) -> Self {
        let mut entries = Vec::new();
        for (place, route) in routes.iter().enumerate() {
            let any_host = route.hosts.is_empty().then_some(None);
            let hosts = any_host.into_iter().chain(route.hosts.iter().cloned().map(Some));
            for host in hosts {
                let any_path = route.paths.is_empty().then_some(None);
                let paths = any_path.into_iter().chain(route.paths.iter().cloned().map(Some));
                entries.extend(paths.map(|path| Entry { host: host.clone(), path, route: place }));
            }
        }
        // Stable: the order of the file decides among equals.
        entries.sort_by_key(|entry| std::cmp::Reverse(rank(entry, &routes[entry.route])));
        Self { entries }
    }

    /// The route for a request. `routes` are those that the table was made of.
    #[must_use]
    pub fn find<F: Fields>(&self, routes: &[Route], asked: &Asked<'_, F>) -> Option<Found> {
        self.entries.iter().find_map(|entry| {
            let host = entry.host.as_ref().is_none_or(|host| host.takes(asked.host));
            let matched_bytes = entry.path.as_ref().map_or(Some(0), |path| path.takes(asked.path));
            let matched_bytes = matched_bytes.filter(|_| host)?;
            let fits = conditions(routes.get(entry.route)?, asked);
            fits.then_some(Found { route: entry.route, matched_bytes })
        })
    }
}

impl Table {
    /// Places of the routes to which requests of this method for this may come, whatever headers they have.
    pub fn may_take<'a>(
        &'a self,
        routes: &'a [Route],
        (host, path): (&'a str, &'a str),
        method: &'a Method,
    ) -> impl Iterator<Item = usize> {
        let fits = move |entry: &&Entry| {
            let host = entry.host.as_ref().is_none_or(|known| known.takes(host));
            let path = entry.path.as_ref().is_none_or(|known| known.takes(path).is_some());
            let methods = routes.get(entry.route).map(|route| &route.methods);
            host && path && methods.is_some_and(|all| all.is_empty() || all.contains(method))
        };
        let mut is_over = false;
        self.entries.iter().filter(fits).map(|entry| entry.route).take_while(move |place| {
            // One that wants no headers leaves nothing for those after it.
            let goes_on = !is_over;
            is_over |= routes.get(*place).is_some_and(|route| route.headers.is_empty());
            goes_on
        })
    }
}

/// How close a match is: host, path, conditions.
fn rank(entry: &Entry, route: &Route) -> (u8, usize, u8, usize, usize) {
    let (host, host_bytes) = match &entry.host {
        Some(Host::Exactly(_)) => (2, 0),
        Some(Host::Below(suffix)) => (1, suffix.len()),
        None => (0, 0),
    };
    let (path, path_bytes) = match &entry.path {
        Some(PathRule::Exactly(_)) => (2, 0),
        Some(PathRule::Below(prefix)) => (1, prefix.len()),
        None => (0, 0),
    };
    let conditions = route.headers.len() + usize::from(!route.methods.is_empty());
    (host, host_bytes, path, path_bytes, conditions)
}

fn conditions<F: Fields>(route: &Route, asked: &Asked<'_, F>) -> bool {
    let method = route.methods.is_empty() || route.methods.contains(asked.method);
    method
        && route.headers.iter().all(|(name, value)| match value {
            Some(value) => asked.headers.all(name).any(|there| there == value.as_bytes()),
            None => asked.headers.has(name),
        })
}

impl Host {
    /// A host as settings have it: `example.com` or `*.example.com`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.to_ascii_lowercase();
        let good = |name: &str| {
            let byte = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
            !name.is_empty() && name.len() <= 253 && name.bytes().all(byte)
        };
        match text.strip_prefix("*.") {
            Some(rest) => good(rest).then(|| Self::Below(format!(".{rest}"))),
            None => good(&text).then_some(Self::Exactly(text)),
        }
    }

    fn takes(&self, host: &str) -> bool {
        match self {
            Self::Exactly(name) => name.eq_ignore_ascii_case(host),
            Self::Below(suffix) => {
                let start = host.len().checked_sub(suffix.len()).filter(|start| 0 < *start);
                let end = start.and_then(|start| host.as_bytes().get(start..));
                end.is_some_and(|end| end.eq_ignore_ascii_case(suffix.as_bytes()))
            }
        }
    }
}

impl PathRule {
    /// A path as settings have it: `/health` alone, or `/api/*` with all that is below it (and `/api` itself).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let good = text.starts_with('/') && !text.contains(['?', '#', ' ']) && text.is_ascii();
        let (prefix, star) = match text.strip_suffix('*') {
            Some(prefix) => (prefix, true),
            None => (text, false),
        };
        let whole = prefix.ends_with('/') || !star;
        if !good || !whole || prefix.contains('*') {
            return None;
        }
        Some(if star { Self::Below(prefix.to_owned()) } else { Self::Exactly(prefix.to_owned()) })
    }

    /// Bytes of the path that were named, if it is taken.
    fn takes(&self, path: &str) -> Option<usize> {
        match self {
            Self::Exactly(exactly) => (exactly == path).then_some(path.len()),
            Self::Below(prefix) if path.starts_with(&**prefix) => Some(prefix.len()),
            Self::Below(prefix) => (prefix.strip_suffix('/') == Some(path)).then_some(path.len()),
        }
    }
}

/// The host that a request is for, without its port; empty if it names none.
#[must_use]
pub fn host_of<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> &'a str {
    let named = uri.authority().map(Authority::as_str);
    without_port(named.or_else(|| headers.get(header::HOST)?.to_str().ok()).unwrap_or_default())
}

/// A host as `Host` has it, without its port.
#[must_use]
pub fn without_port(named: &str) -> &str {
    match named.rsplit_once(':') {
        // Not the colons of an address of IPv6 without a port.
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => named,
    }
}

/// The path and query for a member: what was matched replaced, the rest kept.
#[must_use]
pub fn rewritten(path_and_query: &str, matched_bytes: usize, replacement: &str) -> String {
    let rest = path_and_query.get(matched_bytes..).unwrap_or_default();
    let slash = match (replacement.ends_with('/'), rest.starts_with('/')) {
        (false, false) if !rest.is_empty() && !rest.starts_with('?') => "/",
        _ => "",
    };
    let rest = if replacement.ends_with('/') { rest.trim_start_matches('/') } else { rest };
    let path = format!("{replacement}{slash}{rest}");
    if path.starts_with('/') { path } else { format!("/{path}") }
}
