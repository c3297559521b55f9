//! Services, their members, and who of them is asked.

use std::time::Duration;

use super::{Retries, Secret, Timeouts};
use crate::{
    breaker::BreakerSettings,
    concurrency::ConcurrencySettings,
    health::{Expected, OutlierSettings, Thresholds},
    wire::{Lookup, Wire},
};

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
