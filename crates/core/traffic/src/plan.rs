//! The plan of a gateway: where it listens, which services there are, which requests go to which.
//!
//! Plain data, as the settings file has it; what it means is in the modules beside it.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use http::{HeaderName, HeaderValue, Method};

use crate::{
    breaker::BreakerSettings,
    cache::{CacheRule, CacheSettings, DiskSettings, Template},
    canary::CanaryRule,
    capture::CaptureRules,
    concurrency::{ConcurrencySettings, Priority},
    encoding::CompressRule,
    events::EventSettings,
    forward::Network,
    health::{Expected, OutlierSettings, Thresholds},
    hedge::HedgeRule,
    redis::RedisSettings,
    telling::Telling,
    token::Tokens,
    wire::{Lookup, Wire},
};

pub use crate::limit::{LimitKey, LimitRule};

/// All that a gateway is told.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Plan {
    /// Where requests are received.
    pub listen: Vec<Listen>,
    /// Where its own pages are: health, metrics, members. `None` for nowhere.
    pub admin: Option<SocketAddr>,
    /// What has to be shown there; without it nothing can be changed.
    pub admin_token: Option<Secret>,
    /// Threads; 0 for one a core.
    pub workers: usize,
    /// How long requests that have begun may take once it is told to stop.
    pub drain: Duration,
    /// Whom to tell how decisions were made.
    pub explain: Explain,
    /// Proxies in front, whose word on where a request came from is taken.
    pub trusted: Vec<Network>,
    /// What is bounded.
    pub bounds: Bounds,
    /// What is told of requests, and whom.
    pub telling: Telling,
    /// The cache; routes say what is in it.
    pub cache: CacheSettings,
    /// Where answers are kept besides memory, if anywhere.
    pub cache_disk: Option<DiskSettings>,
    /// Services; a route has a place among these.
    pub services: Vec<Service>,
    /// Routes, in the order of the file.
    pub routes: Vec<Route>,
    /// What is kept of requests and answers, if anything is.
    pub capture: Option<CaptureRules>,
    /// Where it is recorded what of the cache is asked for most; it is asked for again at the start.
    pub top_keys: Option<PathBuf>,
    /// Where it is heard of what changed, if anywhere.
    pub events: Option<EventSettings>,
    /// What gateways share, if they share anything.
    pub redis: Option<RedisSettings>,
    /// How tokens of clients are verified; none counts unless this is told.
    pub tokens: Option<Arc<Tokens>>,
    /// Who is asked for the addresses of members; `None` for whom the system asks.
    pub resolver: Option<SocketAddr>,
    /// Where the gateway itself is; members that are there, too, are asked before others.
    pub zone: Option<String>,
    /// The header in which members are told how many milliseconds are left for a request.
    pub deadline_header: Option<HeaderName>,
}

impl Plan {
    /// The longest that a member is waited for, for all of a request to a route; `None` for no such bound.
    #[must_use]
    pub fn total(&self, route: &Route) -> Option<Duration> {
        route.timeouts_at(self.services.get(route.service)?).total
    }
}

/// An address to listen on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    /// Where.
    pub address: SocketAddr,
    /// Encrypted, with that of these certificates which has the name that a client asks for, else the first; none
    /// for plain.
    pub tls: Vec<Certificate>,
    /// Whether connections from trusted addresses begin with who asks (PROXY protocol).
    pub proxy_protocol: bool,
}

impl Listen {
    /// An address for plain connections.
    #[must_use]
    pub fn plain(address: SocketAddr) -> Self {
        Self { address, tls: Vec::new(), proxy_protocol: false }
    }
}

/// Files of a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// The chain, PEM.
    pub chain: PathBuf,
    /// Its key, PEM.
    pub key: PathBuf,
}

/// Whom to tell how decisions were made, in the header `taut-decision` of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Explain {
    /// Nobody.
    Off,
    /// Who asks with the header `taut-explain`, from loopback or a trusted proxy.
    #[default]
    Trusted,
    /// Who asks with the header `taut-explain`.
    Anyone,
}

/// What is bounded, for every connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Bytes of a request's head, and of an answer's.
    pub head_bytes_max: usize,
    /// Header lines of a request.
    pub headers_max: usize,
    /// Bytes of a request's body, unless the route says otherwise.
    pub body_bytes_max: u64,
    /// Time for a request's head, and the longest that a connection may be idle.
    pub head_time: Duration,
    /// The longest pause within a request's body.
    pub body_pause: Duration,
    /// The longest that nothing passes, either way, once the protocol has changed (WebSocket).
    pub tunnel_pause: Duration,
    /// Connections at once, each thread.
    pub connections_max: usize,
}

impl Default for Bounds {
    /// As nginx has them, but a larger body than its 1 MiB, a shorter wait for the head, and an hour rather than a minute for
    /// messages, as `HAProxy`'s documentation has for tunnels.
    fn default() -> Self {
        Self {
            head_bytes_max: 32 << 10,
            headers_max: 100,
            body_bytes_max: 64 << 20,
            head_time: Duration::from_secs(30),
            body_pause: Duration::from_mins(1),
            tunnel_pause: Duration::from_hours(1),
            connections_max: 20_000,
        }
    }
}

/// Members that answer the same requests.
#[derive(Debug, Clone, PartialEq)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// Its members; at least one.
    pub members: Vec<Member>,
    /// Who of them is asked.
    pub balance: Balance,
    /// How they are asked whether they are well.
    pub check: Option<Check>,
    /// When one is left alone for how its requests end.
    pub outliers: OutlierSettings,
    /// The share of members that are well below which all are asked.
    pub panic_share: f64,
    /// How long a member takes to get its full share once it is up.
    pub slow_start: Duration,
    /// How long anything may take.
    pub timeouts: Timeouts,
    /// What is tried again.
    pub retries: Retries,
    /// When to stop asking all of them; per thread of the gateway.
    pub breaker: Option<BreakerSettings>,
    /// How many requests at once they bear, if that is to be found out.
    pub concurrency: Option<ConcurrencySettings>,
    /// Connections kept open to a member while nothing is asked, each thread.
    pub idle_max: usize,
    /// Connections to a member, each thread; past it requests wait for one. With HTTP/2 requests at once.
    pub connections_max: usize,
    /// Requests that wait for a connection to a member, each thread; past it they are refused. `None` for as many as there
    /// may be connections.
    pub queue_max: Option<usize>,
    /// How members are spoken to.
    pub wire: Wire,
    /// How names of members are looked up again, each address a member; `None` for once a connection.
    pub lookup: Option<Lookup>,
    /// The share of members in the gateway's own zone that have to be well for all requests to stay with them.
    pub zone_share: f64,
}

impl Service {
    /// A service of this name, as it is unless told otherwise.
    #[must_use]
    pub fn new(name: impl Into<String>, members: Vec<Member>) -> Self {
        Self {
            name: name.into(),
            members,
            balance: Balance::default(),
            check: None,
            outliers: OutlierSettings::default(),
            panic_share: 0.5,
            slow_start: Duration::ZERO,
            timeouts: Timeouts::default(),
            retries: Retries::default(),
            breaker: None,
            concurrency: None,
            idle_max: 64,
            connections_max: 1_024,
            queue_max: None,
            wire: Wire::default(),
            lookup: None,
            zone_share: 0.7,
        }
    }
}

/// Who answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Host and port.
    pub address: String,
    /// Its share of the work, relative to the others; 0 for none.
    pub weight: u32,
    /// The host that the address was looked up for, if it was.
    pub host: Option<String>,
    /// Where it is, if that is told.
    pub zone: Option<String>,
}

impl Member {
    /// One with the usual share of the work.
    #[must_use]
    pub fn new(address: impl Into<String>) -> Self {
        Self { address: address.into(), weight: 1, host: None, zone: None }
    }

    /// The host: that which was looked up, else that of the address.
    #[must_use]
    pub fn host(&self) -> &str {
        let of_address = || {
            let host = self.address.rsplit_once(':').map_or(&*self.address, |(host, _)| host);
            host.trim_start_matches('[').trim_end_matches(']')
        };
        self.host.as_deref().unwrap_or_else(of_address)
    }
}

/// Whether a zone can be called so: letters, digits and `-._`, 64 of them at most.
#[must_use]
pub fn is_zone(name: &str) -> bool {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    !name.is_empty() && name.len() <= 64 && name.bytes().all(good)
}

/// Who of the members is asked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Balance {
    /// One after the other, by weight.
    #[default]
    RoundRobin,
    /// Who has the fewest requests in flight.
    LeastConnections,
    /// The better of two, by latency and requests in flight.
    Latency,
    /// The same for the same address.
    Address,
    /// The same for the same cookie.
    Cookie {
        /// The cookie's name.
        name: String,
        /// What it is signed with.
        secret: Secret,
    },
}

impl Balance {
    /// As settings have it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::RoundRobin => "round-robin",
            Self::LeastConnections => "least-connections",
            Self::Latency => "latency",
            Self::Address => "address",
            Self::Cookie { .. } => "cookie",
        }
    }
}

/// What must not be shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Secret(..)")
    }
}

/// How members are asked whether they are well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// The path to get; `None` for whether they accept connections.
    pub path: Option<String>,
    /// What a good answer is.
    pub expected: Expected,
    /// How often.
    pub interval: Duration,
    /// For how long.
    pub timeout: Duration,
    /// How many answers it takes.
    pub thresholds: Thresholds,
}

/// How long each phase of a request may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Until a connection stands.
    pub connect: Duration,
    /// From the request until the head of the answer.
    pub answer: Duration,
    /// The longest pause within the body of the answer.
    pub pause: Duration,
    /// For all of a request, retries included, until the end of its answer, but for what the client takes to read that. `None`
    /// for no such bound.
    pub total: Option<Duration>,
}

impl Default for Timeouts {
    /// As nginx has them, but for connecting: within a data centre that takes milliseconds.
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            answer: Duration::from_mins(1),
            pause: Duration::from_mins(1),
            total: None,
        }
    }
}

/// What is said of timeouts in one place of the settings; what is not said there is as it is around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TimeoutRules {
    /// As in [`Timeouts::connect`].
    pub connect: Option<Duration>,
    /// As in [`Timeouts::answer`].
    pub answer: Option<Duration>,
    /// As in [`Timeouts::pause`].
    pub pause: Option<Duration>,
    /// As in [`Timeouts::total`].
    pub total: Option<Total>,
}

/// What is said of [`Timeouts::total`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Total {
    /// No such bound, whatever is said around it.
    Unbounded,
    /// So long.
    After(Duration),
}

impl TimeoutRules {
    /// What comes of it where this is how it is around it.
    #[must_use]
    pub fn over(&self, around: Timeouts) -> Timeouts {
        Timeouts {
            connect: self.connect.unwrap_or(around.connect),
            answer: self.answer.unwrap_or(around.answer),
            pause: self.pause.unwrap_or(around.pause),
            total: match self.total {
                None => around.total,
                Some(Total::Unbounded) => None,
                Some(Total::After(time)) => Some(time),
            },
        }
    }
}

/// What is tried again, and how often.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Retries {
    /// For one request, after the first try.
    pub max: u32,
    /// Beside requests: 0.1 for one in ten.
    pub share: f64,
    /// A second, besides.
    pub free_per_second: u32,
    /// The longest wait before the first.
    pub base: Duration,
}

impl Default for Retries {
    /// One retry, for at most a fifth of the requests, and ten a second for services with few.
    fn default() -> Self {
        Self { max: 1, share: 0.2, free_per_second: 10, base: Duration::from_millis(25) }
    }
}

/// Which requests go where.
#[derive(Debug, Clone, PartialEq)]
pub struct Route {
    /// Its name, in metrics and decisions.
    pub name: String,
    /// Hosts; none for any.
    pub hosts: Vec<Host>,
    /// Paths; none for any.
    pub paths: Vec<PathRule>,
    /// Methods; none for any.
    pub methods: Vec<Method>,
    /// Headers that must be there, with this value if there is one.
    pub headers: Vec<(HeaderName, Option<HeaderValue>)>,
    /// The place of its service.
    pub service: usize,
    /// What is put in place of the path that was matched; `None` to leave it.
    pub rewrite: Option<String>,
    /// The `Host` that members see; `None` for what the client sent.
    pub host: Option<HeaderValue>,
    /// What is done to headers of the request.
    pub request_headers: Vec<HeaderRule>,
    /// What is done to headers of the answer.
    pub response_headers: Vec<HeaderRule>,
    /// How many requests a client may send.
    pub limit: Option<LimitRule>,
    /// How its answers are cached; `None` for not at all.
    pub cache: Option<CacheRule>,
    /// Tags that a request which changes something, and succeeds, forgets.
    pub forgets: Vec<Template>,
    /// Who gives way first when there is no room.
    pub priority: Priority,
    /// Bytes of a request's body.
    pub body_bytes_max: Option<u64>,
    /// How long its requests may take; over the service's.
    pub timeouts: TimeoutRules,
    /// How often one of its requests is tried again; over the service's.
    pub retries: Option<u32>,
    /// How answers are compressed.
    pub compress: Option<Arc<CompressRule>>,
    /// The share of its requests that is captured; over the gateway's.
    pub capture: Option<f64>,
    /// A new version of its service that is tried.
    pub canary: Option<Arc<CanaryRule>>,
    /// When a second member is asked while the first has not answered; `None` for never.
    pub hedge: Option<HedgeRule>,
    /// Whether its answers are assets, which browsers are told to keep.
    pub assets: bool,
}

impl Route {
    /// Everything to the service at this place.
    #[must_use]
    pub fn to(name: impl Into<String>, service: usize) -> Self {
        Self {
            name: name.into(),
            hosts: Vec::new(),
            paths: Vec::new(),
            methods: Vec::new(),
            headers: Vec::new(),
            service,
            rewrite: None,
            host: None,
            request_headers: Vec::new(),
            response_headers: Vec::new(),
            limit: None,
            cache: None,
            forgets: Vec::new(),
            priority: Priority::default(),
            body_bytes_max: None,
            timeouts: TimeoutRules::default(),
            retries: None,
            compress: None,
            capture: None,
            canary: None,
            hedge: None,
            assets: false,
        }
    }

    /// How long each phase of its requests may take at a service.
    #[must_use]
    pub fn timeouts_at(&self, service: &Service) -> Timeouts {
        self.timeouts.over(service.timeouts)
    }

    /// How often one of its requests is tried again at a service, after the first try.
    #[must_use]
    pub fn retries_at(&self, service: &Service) -> u32 {
        self.retries.unwrap_or(service.retries.max)
    }
}

/// A host, or all hosts below one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Host {
    /// This one.
    Exactly(String),
    /// Those that end in this, which begins with a dot: `*.example.com`.
    Below(String),
}

/// A path, or all paths below one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathRule {
    /// This one.
    Exactly(String),
    /// Those that begin with this: `/api/*`.
    Below(String),
}

/// What is done to a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeaderRule {
    /// It is this, whatever it was.
    Set(HeaderName, HeaderValue),
    /// It is gone.
    Remove(HeaderName),
}

impl HeaderRule {
    /// Which header it is about.
    #[must_use]
    pub fn name(&self) -> &HeaderName {
        match self {
            Self::Set(name, _) | Self::Remove(name) => name,
        }
    }
}
