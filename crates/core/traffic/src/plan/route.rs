//! Routes: which requests go where, and what is done to them.

use std::sync::Arc;

use http::{HeaderName, HeaderValue, Method};

use super::{LimitRule, Service, TimeoutRules, Timeouts};
use crate::{
    cache::{CacheRule, Template},
    canary::CanaryRule,
    concurrency::Priority,
    encoding::CompressRule,
    hedge::HedgeRule,
};

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
