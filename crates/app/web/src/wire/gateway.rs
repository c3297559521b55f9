//! The gateway: what it tells about itself, from its own process or through its admin port.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The gateway, if there is one.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct GatewayAnswer {
    /// What the settings say of one.
    pub set: bool,
    /// Where it was asked: `this process`, or the address of its admin port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asked: Option<String>,
    /// Why it did not answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// What it told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway: Option<Gateway>,
}

/// What a gateway tells about itself.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct Gateway {
    /// `up`, `down` (a service has nobody who can answer, memory is low, or a Redis that limits need is away), or `stopping`.
    pub state: String,
    /// Why it is not ready, in words; nothing where it is, or is being stopped.
    pub not_ready: Vec<String>,
    /// Requests a second, of the last five seconds that are over.
    pub requests_per_second: f64,
    /// Requests that members have not answered yet.
    pub in_flight: u64,
    /// What it decided since it started.
    pub decided: GatewayDecided,
    /// Services, in the order of the settings.
    pub services: Vec<GatewayService>,
    /// Routes, in the order of the settings.
    pub routes: Vec<GatewayRoute>,
    /// What the cache holds.
    pub cache: GatewayCache,
    /// New versions that are tried.
    pub canaries: Vec<GatewayCanary>,
    /// What happened to them lately, the oldest first.
    pub news: Vec<GatewayNews>,
    /// What happened to them since it started and could not be kept, in the ledger or for the next start.
    pub news_not_kept: u64,
    /// What is captured, if anything is.
    pub capture: Option<GatewayCapture>,
}

/// What a gateway decided since it started, besides who answers what.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct GatewayDecided {
    /// Requests that were sent to a member again.
    pub retried: u64,
    /// Requests for which a second member was asked, as the first took too long.
    pub hedged: u64,
    /// Requests that it refused, by reason.
    pub refused: Vec<GatewayRefused>,
}

/// Requests that a gateway refused for one reason.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct GatewayRefused {
    /// As its metrics and answers have it: `limit`, `queue`, `breaker`.
    pub reason: String,
    /// How many.
    pub count: u64,
}

/// A service and its members.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct GatewayService {
    /// Its name.
    pub name: String,
    /// Who of its members is asked: `round-robin`.
    pub balance: String,
    /// Its members.
    pub members: Vec<GatewayMember>,
    /// What each thread knows of it, as of the last five seconds.
    pub threads: Vec<GatewayThread>,
}

/// A member of a service.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "what is true of a member, each by itself")]
pub struct GatewayMember {
    /// Host and port.
    pub address: String,
    /// Its share of the work, relative to the others.
    pub weight: u32,
    /// Where it is, if that is told.
    pub zone: Option<String>,
    /// No new requests are sent to it.
    pub drained: bool,
    /// It was added by an order: the settings do not name it.
    pub added: bool,
    /// What checks say.
    pub healthy: bool,
    /// It failed, and is left alone for a while.
    pub left_alone: bool,
    /// Requests that wait for a connection to it.
    pub waiting: u64,
    /// Requests that it has not answered yet.
    pub in_flight: u64,
    /// Requests that were sent to it.
    pub requests: u64,
    /// Requests that it did not answer, or with 502, 503 or 504.
    pub failures: u64,
    /// Why it could not be reached last.
    pub trouble: Option<String>,
}

/// What a thread knows of a service.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct GatewayThread {
    /// Its number.
    pub thread: usize,
    /// `closed`, `open` or `half-open`; nothing without a breaker.
    pub breaker: Option<String>,
    /// Since when it is so; nothing if it was never anything but closed.
    pub breaker_since_unix_ms: Option<u64>,
    /// Its requests that are not answered yet.
    pub in_flight: u64,
    /// As many as the service bears, where that is found out.
    pub in_flight_max: Option<f64>,
}

/// A route: how often it is asked, how fast it answers, what its cache and its limit do.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct GatewayRoute {
    /// Its name.
    pub name: String,
    /// Its service.
    pub service: Option<String>,
    /// Requests a second, of the last five seconds that are over.
    pub requests_per_second: f64,
    /// Requests of the last one to two minutes, over which quantiles are.
    pub requests: u64,
    /// Half of them took at most so long, in milliseconds.
    pub p50_ms: Option<f64>,
    /// 95 % of them.
    pub p95_ms: Option<f64>,
    /// 99 % of them.
    pub p99_ms: Option<f64>,
    /// 99.9 % of them.
    pub p999_ms: Option<f64>,
    /// Whether its answers are compressed.
    pub compresses: bool,
    /// What its cache did since the start.
    pub cache: Option<GatewayRouteCache>,
    /// Its limit.
    pub limit: Option<GatewayLimit>,
}

/// What the cache did for a route since the start.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct GatewayRouteCache {
    /// Answered out of the cache.
    pub hit: u64,
    /// The same, past its end.
    pub stale: u64,
    /// The same, after a member said that it has not changed.
    pub revalidated: u64,
    /// Answered with what somebody else had asked for.
    pub coalesced: u64,
    /// Answered with what another gateway had asked for.
    pub shared: u64,
    /// Answered with what was on disk.
    pub disk: u64,
    /// Answered by a member.
    pub miss: u64,
    /// Answered by a member, past the cache: at once, or after waiting for another's answer.
    pub bypass: u64,
    /// Answers of members that were not kept, by reason.
    pub not_kept: Vec<GatewayNotKept>,
    /// Not answered.
    pub failed: u64,
    /// Keys that its answers are stored under.
    pub entries: u64,
    /// Memory that they take, about.
    pub held_bytes: u64,
    /// Keys of it that were pushed out to make room, since the start.
    pub evictions: u64,
    /// Bytes of bodies out of the cache.
    pub sent_bytes: u64,
    /// Ages of answers out of the cache, summed up, in seconds.
    pub age_seconds: u64,
    /// Time that requests did not wait for a member, in seconds.
    pub saved_seconds: f64,
}

/// Answers that a cache did not keep for one reason.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct GatewayNotKept {
    /// As `Cache-Status` has it: `set-cookie`, `no-lifetime`.
    pub reason: String,
    /// How many.
    pub count: u64,
}

/// What the cache holds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct GatewayCache {
    /// Keys that answers are stored under.
    pub entries: u64,
    /// Memory that they take, about.
    pub bytes: u64,
    /// Memory that they may take.
    pub bytes_max: u64,
    /// Keys that were pushed out to make room, since the start.
    pub evictions: u64,
    /// What it holds on disk, if it has a folder there.
    pub disk: Option<GatewayCacheDisk>,
}

/// What the cache holds on disk, and what became of it since the start.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct GatewayCacheDisk {
    /// Its folder.
    pub folder: String,
    /// Whether it is in use.
    pub up: bool,
    /// Why not, or what failed last.
    pub trouble: Option<String>,
    /// Answers that are there.
    pub entries: u64,
    /// Bytes of its files.
    pub bytes: u64,
    /// Bytes that they may have.
    pub bytes_max: u64,
    /// Answers that were read.
    pub read: u64,
    /// Answers that could not be read in time.
    pub late: u64,
    /// Answers that were written.
    pub written: u64,
    /// Answers that were not written, because too much waited.
    pub dropped: u64,
    /// Answers that were not written, because the disk failed.
    pub failed: u64,
    /// Records and files that were not as they were written.
    pub damaged: u64,
}

/// The limit of a route.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct GatewayLimit {
    /// How many requests a client may send within the window.
    pub requests: u64,
    /// The window, in seconds.
    pub window_seconds: f64,
    /// They are only counted, and never refused.
    pub dry_run: bool,
    /// Clients that are remembered.
    pub clients: u64,
    /// Requests of the route that it refused since the start.
    pub refused: u64,
    /// Those that it would have refused, where they are only counted.
    pub over_dry_run: u64,
}

/// A new version that is tried.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct GatewayCanary {
    /// Its route.
    pub route: String,
    /// `going`, `held`, `done` or `reverted`.
    pub stage: String,
    /// Its share, 0 to 1.
    pub share: f64,
    /// The shares that it gets one after the other.
    pub steps: Vec<f64>,
    /// The place among them.
    pub step: usize,
    /// When the step began.
    pub since_unix_ms: u64,
    /// How long a step lasts at least, in seconds.
    pub every_seconds: f64,
    /// Whether it steps and is taken back by itself.
    pub by_itself: bool,
    /// The version that is there.
    pub old: GatewayVersion,
    /// The version that is tried.
    pub new: GatewayVersion,
    /// What the last comparison said.
    pub judged: Option<String>,
}

/// A version of a service.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct GatewayVersion {
    /// The service.
    pub service: String,
    /// Requests since the start.
    pub requests: u64,
    /// Those that failed.
    pub failed: u64,
    /// Requests since the step began.
    pub requests_in_step: u64,
}

/// Something that happened to a canary.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct GatewayNews {
    /// When.
    pub at_unix_ms: u64,
    /// Its route.
    pub route: String,
    /// The new version.
    pub new: String,
    /// What is done with it from then on.
    pub stage: String,
    /// Its share from then on.
    pub share: f64,
    /// Why.
    pub why: String,
}

/// What is captured.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct GatewayCapture {
    /// Where files go.
    pub folder: String,
    /// The share of requests.
    pub share: f64,
    /// Requests that were written with their answers.
    pub written: u64,
    /// Those that found no room.
    pub dropped: u64,
    /// Those that could not be written.
    pub failed: u64,
    /// What failed last.
    pub trouble: Option<String>,
}
