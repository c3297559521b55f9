//! What is counted, and its text for Prometheus. Names are those of OpenTelemetry's semantic conventions where
//! there is one; METRICS is the one place to add another.

mod canaries;
mod disk;
mod edge;
mod lately;
mod limits;
mod reloads;
mod text;

use std::{sync::PoisonError, time::Duration};

use http::Method;
use model::Moment;
use stats::Sketch;
use traffic::encoding::Coding;

use self::{edge::EdgeCounts, lately::Lately, limits::LimitCounts};
pub(crate) use self::{limits::sums as limited, reloads::Reloads, text::text};
use crate::{cache::counts::CacheCounts, clock, compress::Done, state::Shared};

/// Counts of one thread.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// By the number of the route; the last is of requests without one.
    routes: Vec<Vec<Series>>,
    retries: u64,
    refused: [u64; REFUSALS.len()],
    broken: u64,
    connections: u64,
    /// By the number of the method, and the scheme.
    active: [[u64; Scheme::ALL.len()]; METHODS.len()],
    bytes_sent: u64,
    /// By the number of the route.
    lately: Vec<Lately>,
    /// By the number of the coding.
    coded: [Coded; Coding::ALL.len()],
    /// What the cache did.
    pub(crate) cache: CacheCounts,
    /// What limits said.
    limits: LimitCounts,
    /// What became of connections, second members and assets.
    edge: EdgeCounts,
}

/// What was compressed.
#[derive(Debug, Clone, Copy, Default)]
struct Coded {
    answers: u64,
    taken: u64,
    given: u64,
    took: Duration,
}

/// Requests of one route and these labels.
#[derive(Debug)]
struct Series {
    labels: Labels,
    buckets: [u64; BOUNDS.len() + 1],
    seconds: f64,
}

/// What requests are counted under besides their route: what the semantic conventions require. It is compared with each
/// request and made without memory of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Labels {
    /// Its number in METHODS.
    pub(crate) method: usize,
    pub(crate) scheme: Scheme,
    /// None where the client went away before there was an answer.
    pub(crate) status: Option<u16>,
    /// What went wrong, where the status does not say it; empty otherwise.
    pub(crate) error: &'static str,
}

/// How a client asked, as a trusted proxy in front says or its connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scheme {
    Http,
    Https,
}

impl Scheme {
    /// Both, in their order.
    const ALL: [Self; 2] = [Self::Http, Self::Https];

    pub(crate) fn of(name: &str) -> Self {
        if name == "https" { Self::Https } else { Self::Http }
    }

    /// The one of a connection, encrypted or not.
    pub(crate) fn of_connection(encrypted: bool) -> Self {
        if encrypted { Self::Https } else { Self::Http }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// Bounds of buckets, in seconds, that the semantic conventions advise for durations of HTTP requests.
const BOUNDS: [f64; 14] =
    [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

/// Methods that are told apart, those that the semantic conventions know; the last stands for all others.
const METHODS: [&str; 10] =
    ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE", "_OTHER"];

/// Why requests are refused by the gateway itself.
pub(crate) const REFUSALS: [&str; 12] = [
    "bad-request",
    "no-route",
    "limit",
    "limit-unknown",
    "too-large",
    "no-member",
    "full",
    "queue",
    "breaker",
    "timeout",
    "member-failed",
    "only-if-cached",
];

/// A metric: its name, its kind, what it is.
pub(crate) struct Metric {
    name: &'static str,
    kind: &'static str,
    about: &'static str,
}

/// All of them.
pub(crate) const METRICS: &[Metric] = &[
    Metric {
        name: "http_server_request_duration_seconds",
        kind: "histogram",
        about: "Requests, from their head until the last byte of the answer.",
    },
    Metric {
        name: "taut_gateway_request_duration_seconds",
        kind: "summary",
        about: "The same by route: quantiles of the last one to two minutes, at most 1/128 off; sum and count of all.",
    },
    Metric {
        name: "http_server_active_requests",
        kind: "gauge",
        about: "Requests that are being answered.",
    },
    Metric { name: "taut_gateway_connections", kind: "gauge", about: "Connections of clients." },
    Metric {
        name: "taut_gateway_sent_bytes_total",
        kind: "counter",
        about: "Bytes of bodies of answers that were passed on.",
    },
    Metric {
        name: "taut_gateway_compressed_answers_total",
        kind: "counter",
        about: "Answers that were compressed here, by coding.",
    },
    Metric {
        name: "taut_gateway_compress_input_bytes_total",
        kind: "counter",
        about: "Bytes of their bodies before.",
    },
    Metric {
        name: "taut_gateway_compress_output_bytes_total",
        kind: "counter",
        about: "Bytes of their bodies after.",
    },
    Metric {
        name: "taut_gateway_compress_seconds_total",
        kind: "counter",
        about: "Time of the processor that it took.",
    },
    Metric {
        name: "taut_gateway_spans_total",
        kind: "counter",
        about: "Spans of requests, by what became of them.",
    },
    Metric {
        name: "taut_gateway_access_log_lines_total",
        kind: "counter",
        about: "Lines of the access log, by what became of them.",
    },
    Metric {
        name: "taut_gateway_captured_total",
        kind: "counter",
        about: "Requests of which a copy was taken with its answer, by what became of it.",
    },
    Metric {
        name: "taut_gateway_captured_bytes_total",
        kind: "counter",
        about: "Bytes of lines that were written into captures, before they are packed.",
    },
    Metric {
        name: "taut_gateway_retries_total",
        kind: "counter",
        about: "Requests that were sent to a member again.",
    },
    Metric {
        name: "taut_gateway_refused_total",
        kind: "counter",
        about: "Requests that the gateway itself answered, by reason.",
    },
    Metric {
        name: "taut_gateway_broken_answers_total",
        kind: "counter",
        about: "Answers that a member broke off midway.",
    },
    Metric {
        name: "taut_gateway_cache_requests_total",
        kind: "counter",
        about: "Requests of routes with a cache, by how they were answered.",
    },
    Metric {
        name: "taut_gateway_cache_sent_bytes_total",
        kind: "counter",
        about: "Bytes of bodies out of the cache.",
    },
    Metric {
        name: "taut_gateway_cache_age_seconds_total",
        kind: "counter",
        about: "Ages of answers out of the cache, summed up.",
    },
    Metric {
        name: "taut_gateway_cache_saved_seconds_total",
        kind: "counter",
        about: "Time that requests did not wait for a member.",
    },
    Metric {
        name: "taut_gateway_cache_entries",
        kind: "gauge",
        about: "Keys that answers are stored under.",
    },
    Metric {
        name: "taut_gateway_cache_bytes",
        kind: "gauge",
        about: "Memory of stored answers, about.",
    },
    Metric {
        name: "taut_gateway_cache_evictions_total",
        kind: "counter",
        about: "Keys that were pushed out to make room.",
    },
    Metric {
        name: "taut_gateway_cache_route_entries",
        kind: "gauge",
        about: "Keys of a route that answers are stored under.",
    },
    Metric {
        name: "taut_gateway_cache_route_bytes",
        kind: "gauge",
        about: "Memory of a route's stored answers, about.",
    },
    Metric {
        name: "taut_gateway_cache_route_evictions_total",
        kind: "counter",
        about: "Keys of a route that were pushed out to make room.",
    },
    Metric {
        name: "taut_gateway_cache_waiting_requests",
        kind: "gauge",
        about: "Requests that wait for what another one asked for.",
    },
    Metric {
        name: "taut_gateway_member_up",
        kind: "gauge",
        about: "Whether a member is asked: 1 if it is well and not left alone.",
    },
    Metric {
        name: "taut_gateway_member_active_requests",
        kind: "gauge",
        about: "Requests that a member has not answered yet.",
    },
    Metric {
        name: "taut_gateway_member_waiting_requests",
        kind: "gauge",
        about: "Requests that wait for a connection to a member.",
    },
    Metric {
        name: "taut_gateway_member_requests_total",
        kind: "counter",
        about: "Requests that were sent to a member.",
    },
    Metric {
        name: "taut_gateway_member_failures_total",
        kind: "counter",
        about: "Requests that a member did not answer, or answered with 502, 503 or 504.",
    },
    Metric {
        name: "taut_gateway_member_connections_total",
        kind: "counter",
        about: "Connections that were made to a member.",
    },
];

impl Counts {
    /// A request has ended.
    pub(crate) fn request(&mut self, route: usize, labels: Labels, took: Duration) {
        if self.routes.len() <= route {
            self.routes.resize_with(route + 1, Vec::new);
        }
        let series = &mut self.routes[route];
        let same = |one: &Series| one.labels == labels;
        let place = series.iter().position(same).unwrap_or_else(|| {
            series.push(Series { labels, buckets: [0; BOUNDS.len() + 1], seconds: 0.0 });
            series.len() - 1
        });
        let seconds = took.as_secs_f64();
        let bucket = BOUNDS.partition_point(|bound| *bound < seconds);
        series[place].buckets[bucket] += 1;
        series[place].seconds += seconds;
        let active = &mut self.active[labels.method][labels.scheme as usize];
        *active = active.saturating_sub(1);
        if self.lately.len() <= route {
            self.lately.resize_with(route + 1, Lately::default);
        }
        self.lately[route].add(took, clock::now());
    }

    /// Requests of a route since the start, and how long they took together.
    fn total(&self, route: usize) -> (u64, f64) {
        let series = self.routes.get(route).map(Vec::as_slice).unwrap_or_default();
        let count = series.iter().flat_map(|one| one.buckets).sum();
        (count, series.iter().map(|one| one.seconds).sum())
    }

    pub(crate) fn began(&mut self, method: usize, scheme: Scheme) {
        self.active[method][scheme as usize] += 1;
    }

    pub(crate) fn sent(&mut self, bytes: u64, broken: bool) {
        self.bytes_sent += bytes;
        self.broken += u64::from(broken);
    }

    pub(crate) fn coded(&mut self, done: &Done) {
        let of_coding = &mut self.coded[done.coding.number()];
        of_coding.answers += 1;
        of_coding.taken += done.taken;
        of_coding.given += done.given;
        of_coding.took += done.took;
    }

    pub(crate) fn retried(&mut self) {
        self.retries += 1;
    }

    pub(crate) fn refused(&mut self, reason: &str) {
        if let Some(place) = REFUSALS.iter().position(|known| *known == reason) {
            self.refused[place] += 1;
        }
    }

    pub(crate) fn limited(&mut self, route: usize, outcome: usize) {
        self.limits.add(route, outcome);
    }

    pub(crate) fn connection(&mut self, opened: bool) {
        self.connections =
            if opened { self.connections + 1 } else { self.connections.saturating_sub(1) };
    }
}

/// What was decided since the start.
#[derive(Debug, Default)]
pub(crate) struct Decided {
    /// Requests that were sent to a member again, and those for which a second one was asked.
    pub(crate) retried: u64,
    pub(crate) hedged: u64,
    /// Requests that the gateway itself answered, by reason; those that there were.
    pub(crate) refused: Vec<(&'static str, u64)>,
}

/// What all threads decided.
pub(crate) fn decided(shared: &Shared) -> Decided {
    let refused = REFUSALS.iter().enumerate();
    let refused =
        refused.map(|(place, reason)| (*reason, text::sum(shared, |counts| counts.refused[place])));
    Decided {
        retried: text::sum(shared, |counts| counts.retries),
        hedged: text::sum(shared, |counts| counts.edge.hedges()),
        refused: refused.filter(|(_, count)| 0 < *count).collect(),
    }
}

/// The number under which a method is counted.
pub(crate) fn method_number(method: &Method) -> usize {
    METHODS.iter().position(|known| *known == method.as_str()).unwrap_or(METHODS.len() - 1)
}

/// Durations of a route's requests in the last one or two minutes, and requests a second, of all threads.
pub(crate) fn lately(shared: &Shared, route: usize, now: Moment) -> (Sketch, f64) {
    let (mut all, mut per_second) = (Sketch::default(), 0.0);
    for counts in &shared.counts {
        let counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = counts.lately.get(route) {
            known.add_to(&mut all, now);
            per_second += known.per_second(now);
        }
    }
    (all, per_second)
}

pub(crate) fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
