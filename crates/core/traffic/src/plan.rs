//! The plan of a gateway: where it listens, which services there are, which requests go to which.
//!
//! Plain data, as the settings file has it; what it means is in the modules beside it.

mod route;
mod service;
mod times;

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use http::HeaderName;

use crate::{
    cache::{CacheSettings, DiskSettings},
    capture::CaptureRules,
    events::EventSettings,
    forward::Network,
    redis::RedisSettings,
    telling::Telling,
    token::Tokens,
};

pub use crate::limit::{LimitKey, LimitRule};
pub use route::{HeaderRule, Host, PathRule, Route};
pub use service::{Balance, Check, Member, Service, is_zone};
pub use times::{Retries, TimeoutRules, Timeouts, Total};

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

/// What must not be shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Secret(..)")
    }
}
