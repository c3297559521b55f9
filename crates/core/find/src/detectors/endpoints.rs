//! Remote endpoints of a request: which calls reach the same one, and what it is called.

use std::collections::{BTreeMap, BTreeSet};

use model::Work;

use super::words;
use crate::RequestView;

/// Values of one segment of a path from which on it is taken to name things, whatever they look like.
const NAMES_MIN: usize = 5;

/// Calls of one endpoint within a request.
#[derive(Debug)]
pub(super) struct Endpoint {
    /// `GET stock.internal/items/{id}`, `shop.Stock/GetItem`, `redis GET user:{id}`.
    pub(super) name: String,
    /// Host of a call, system of a cache.
    pub(super) peer: String,
    /// The calls, by start.
    pub(super) places: Vec<usize>,
}

/// What a remote call is called.
pub(super) fn name(method: &str, host: &str, template: &str) -> String {
    // A path begins with a slash; what does not is the service of an RPC.
    if template.starts_with('/') || template.is_empty() {
        words::stable(&format!("{method} {host}{template}"))
    } else {
        format!("{template}/{method}")
    }
}

/// Endpoints of the calls that did not fail, caches among them.
pub(super) fn of(view: &RequestView<'_>) -> Vec<Endpoint> {
    let mut exact: BTreeMap<(String, String, String), Vec<usize>> = BTreeMap::new();
    let mut caches: BTreeMap<(String, String), Vec<usize>> = BTreeMap::new();
    for place in view.places.iter().copied() {
        let call = view.call(place);
        match &call.work {
            Work::Http(http) if !call.failed && !http.walks => {
                let key =
                    (http.method.to_string(), http.host.to_string(), http.template.to_string());
                exact.entry(key).or_default().push(place);
            }
            Work::Cache { system, operation, key } if is_lone_read(operation) => {
                let name = format!("{system} {operation} {key}");
                let key = (name.trim_end().to_owned(), system.to_string());
                caches.entry(key).or_default().push(place);
            }
            _ => {}
        }
    }
    let mut endpoints: Vec<Endpoint> = merge_names(exact)
        .into_iter()
        .map(|((method, host, template), places)| Endpoint {
            name: name(&method, &host, &template),
            peer: words::stable(&host),
            places,
        })
        .collect();
    endpoints.extend(caches.into_iter().map(|((name, peer), places)| Endpoint {
        name,
        peer,
        places,
    }));
    for endpoint in &mut endpoints {
        endpoint.places.sort_by_key(|place| (view.call(*place).start, *place));
    }
    endpoints
}

/// Calls that all endpoints' spans stand for.
pub(super) fn calls(view: &RequestView<'_>, places: &[usize]) -> u32 {
    places.iter().fold(0, |sum, place| sum.saturating_add(view.call(*place).count))
}

/// Whether a cache operation asks for one key.
fn is_lone_read(operation: &str) -> bool {
    matches!(
        operation.to_ascii_uppercase().as_str(),
        "GET" | "HGET" | "HGETALL" | "SMEMBERS" | "EXISTS"
    )
}

type Exact = BTreeMap<(String, String, String), Vec<usize>>;

/// Endpoints of one host that differ in one segment only, by many values: `/teams/alpha/members` and so on
/// are one, `/teams/{name}/members`.
fn merge_names(exact: Exact) -> Exact {
    let mut alike: BTreeMap<(String, String, String), BTreeSet<String>> = BTreeMap::new();
    for (method, host, template) in exact.keys() {
        for pattern in patterns(template) {
            let key = (method.clone(), host.clone(), pattern);
            alike.entry(key).or_default().insert(template.clone());
        }
    }
    alike.retain(|_, templates| NAMES_MIN <= templates.len());
    let mut merged: Exact = BTreeMap::new();
    for ((method, host, template), places) in exact {
        let pattern = patterns(&template)
            .into_iter()
            .find(|pattern| alike.contains_key(&(method.clone(), host.clone(), pattern.clone())));
        merged.entry((method, host, pattern.unwrap_or(template))).or_default().extend(places);
    }
    merged
}

/// Whether a segment says what the next one is one of.
fn is_collection(segment: &str) -> bool {
    let version = segment.strip_prefix('v').is_some_and(|rest| rest.parse::<u32>().is_ok());
    !segment.is_empty() && !segment.starts_with('{') && segment != "api" && !version
}

/// The path with each of its words replaced in turn.
fn patterns(template: &str) -> Vec<String> {
    let segments: Vec<&str> = template.split('/').collect();
    (1..segments.len())
        .filter(|place| !segments[*place].is_empty() && !segments[*place].starts_with('{'))
        // Different things of one service share nothing; things of one kind share what they are below.
        .filter(|place| segments[..*place].iter().any(|above| is_collection(above)))
        .map(|place| {
            let mut changed = segments.clone();
            changed[place] = "{name}";
            changed.join("/")
        })
        .collect()
}
