//! Which routes this path can serve: those that ask for nothing that it does not know.

use http::header;
use traffic::{
    plan::{Balance, HeaderRule, Plan, Route, Service},
    telling::Telling,
};

/// Whether this path does everything that a route asks for.
///
/// Every setting is named, so that whoever adds one has to say whether this path knows it: if not, `None` or
/// nothing of it is a condition here, and the other path serves the routes that have it.
pub(crate) fn fits(plan: &Plan, route: &Route) -> bool {
    let Route {
        name: _,
        hosts: _,
        paths: _,
        methods: _,
        headers: _,
        service,
        rewrite: _,
        host: _,
        request_headers,
        response_headers,
        // Those that are shared wait for Redis.
        limit,
        // Hits, and what the cache has nothing to do with; the rest is told apart by what the cache says.
        cache: _,
        forgets,
        priority: _,
        body_bytes_max: _,
        timeouts: _,
        retries: _,
        compress,
        // Drawn with the head; what is taken goes the other way.
        capture: _,
        canary,
        hedge: _,
        assets,
    } = route;
    let Telling { spans, access_log, server_timing: _ } = &plan.telling;
    let is_told = spans.is_some() || access_log.is_some();
    let is_shared = limit.as_ref().is_some_and(|rule| rule.shared.is_some());
    if !forgets.is_empty()
        || compress.is_some()
        || canary.is_some()
        || is_told
        // What is left differs with each try, whose lines are written once here.
        || plan.deadline_header.is_some()
        || is_shared
        || *assets
    {
        return false;
    }
    let Some(service) = plan.services.get(*service) else { return false };
    let mut rules = request_headers.iter().chain(response_headers);
    rules.all(is_free) && fits_service(service)
}

fn fits_service(service: &Service) -> bool {
    let Service {
        name: _,
        members: _,
        balance,
        check: _,
        outliers: _,
        panic_share: _,
        slow_start: _,
        timeouts: _,
        retries: _,
        breaker: _,
        concurrency: _,
        idle_max: _,
        connections_max: _,
        queue_max: _,
        wire,
        lookup: _,
        zone_share: _,
    } = service;
    wire.is_plain() && !matches!(balance, Balance::Cookie { .. })
}

/// Whether a rule leaves alone what says where messages end.
fn is_free(rule: &HeaderRule) -> bool {
    let framing =
        [header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::CONNECTION, header::TE];
    !framing.contains(rule.name())
}
