//! What the pages stand on: the running engine, and what is known about the process.

use std::{collections::BTreeMap, fmt, net::SocketAddr, sync::Arc, time::Duration};

use engine::{
    Footing, Live, Mark, OwnSpans, Progress, Standing, TraceDetail,
    database::History,
    metrics::{Counts, Flow, Reading},
};
use find::{Outcome, Targets, plan::PlanLimits};
use model::{FindingId, TraceId, Window};
use store::{
    Store, StoreError,
    ledger::{LedgerError, Said},
};
use tokio::sync::watch;

/// Where the pages get what they show. [`Live`] is the one that ships.
pub trait Source: fmt::Debug + Send + Sync {
    /// What was found so far, ranked: what to fix first comes first.
    fn outcome(&self) -> Arc<Outcome>;

    /// One trace; `None` if no span of it is kept.
    ///
    /// # Errors
    ///
    /// The store fails.
    fn trace(&self, id: TraceId) -> Result<Option<TraceDetail>, StoreError>;

    /// Where spans and request facts are kept.
    fn store(&self) -> &dyn Store;

    /// A counter that changes whenever findings or requests did.
    fn changes(&self) -> watch::Receiver<u64>;

    /// A counter that rises with each log record and each point of a metric that is kept.
    fn items_kept(&self) -> u64;

    /// What it was set to.
    fn settings(&self) -> &config::Settings;

    /// What requests are meant to take.
    fn targets(&self) -> Targets;

    /// By which figures plans are judged.
    fn plan_limits(&self) -> PlanLimits;

    /// How it is doing.
    fn standing(&self) -> Standing;

    /// Watched databases and their histories.
    fn history(&self) -> &dyn History;

    /// All that figures about Taut itself are read from; blocks on the disk.
    fn reading(&self) -> Reading;

    /// What came since the start, within `time`, and between each two notes of the last hour.
    fn flows(&self, reading: &Reading, time: Duration) -> (Flow, Flow, Vec<Flow>);

    /// Where each finding stands of which anything is known.
    ///
    /// # Errors
    ///
    /// The ledger cannot be read.
    fn progress(&self) -> Result<BTreeMap<FindingId, Progress>, LedgerError>;

    /// Everything that the ledger has.
    ///
    /// # Errors
    ///
    /// The ledger cannot be read.
    fn in_ledger(&self) -> Result<engine::history::History, LedgerError>;

    /// The whole result beside a record of the ledger; `None` if there is none.
    ///
    /// # Errors
    ///
    /// The ledger cannot be read, or what it holds is damaged.
    fn result_of(&self, record: i64) -> Result<Option<String>, LedgerError>;

    /// Notes what somebody says of a finding; it is on the disk then.
    ///
    /// # Errors
    ///
    /// It is too long or lacks a reason, or the ledger cannot be written.
    fn note(&self, finding: FindingId, said: &Said) -> Result<(), LedgerError>;

    /// Releases and remedies within a window, in order of time.
    ///
    /// # Errors
    ///
    /// The ledger cannot be read.
    fn marks(&self, window: Window) -> Result<Vec<Mark>, LedgerError>;

    /// What it stands on; blocks on the disk.
    fn footing(&self) -> Footing;

    /// Whether ClickHouse answers; `None` where nothing goes there. Blocks for some seconds at most.
    fn clickhouse_answers(&self) -> Option<bool>;

    /// Whether the server of the ledger answers; `None` where there is none. Blocks for some seconds at most.
    fn ledger_answers(&self) -> Option<bool>;

    /// Where answers are counted.
    fn counts(&self) -> &Counts;

    /// Where spans of Taut's own work are recorded.
    fn own_spans(&self) -> &OwnSpans;
}

impl Source for Live {
    fn outcome(&self) -> Arc<Outcome> {
        Self::outcome(self)
    }

    fn trace(&self, id: TraceId) -> Result<Option<TraceDetail>, StoreError> {
        Self::trace(self, id)
    }

    fn store(&self) -> &dyn Store {
        Self::store(self)
    }

    fn changes(&self) -> watch::Receiver<u64> {
        Self::changes(self)
    }

    fn items_kept(&self) -> u64 {
        Self::items_kept(self)
    }

    fn settings(&self) -> &config::Settings {
        Self::settings(self)
    }

    fn targets(&self) -> Targets {
        self.settings().targets
    }

    fn plan_limits(&self) -> PlanLimits {
        PlanLimits::of(&self.settings().find)
    }

    fn standing(&self) -> Standing {
        Self::standing(self)
    }

    fn history(&self) -> &dyn History {
        self
    }

    fn reading(&self) -> Reading {
        Self::reading(self)
    }

    fn flows(&self, reading: &Reading, time: Duration) -> (Flow, Flow, Vec<Flow>) {
        Self::flows(self, reading, time)
    }

    fn progress(&self) -> Result<BTreeMap<FindingId, Progress>, LedgerError> {
        Self::progress(self)
    }

    fn in_ledger(&self) -> Result<engine::history::History, LedgerError> {
        Self::in_ledger(self)
    }

    fn result_of(&self, record: i64) -> Result<Option<String>, LedgerError> {
        Self::result_of(self, record)
    }

    fn note(&self, finding: FindingId, said: &Said) -> Result<(), LedgerError> {
        Self::note(self, finding, said)
    }

    fn marks(&self, window: Window) -> Result<Vec<Mark>, LedgerError> {
        Self::marks(self, window)
    }

    fn footing(&self) -> Footing {
        Self::footing(self)
    }

    fn clickhouse_answers(&self) -> Option<bool> {
        Self::clickhouse_answers(self)
    }

    fn ledger_answers(&self) -> Option<bool> {
        Self::ledger_answers(self)
    }

    fn counts(&self) -> &Counts {
        Self::counts(self)
    }

    fn own_spans(&self) -> &OwnSpans {
        Self::own_spans(self)
    }
}

/// What the pages say about the process that they come from.
#[derive(Clone)]
pub struct Setup {
    /// Version of the binary.
    pub version: &'static str,
    /// Where OTLP over HTTP is received.
    pub otlp_http: Option<SocketAddr>,
    /// Where OTLP over gRPC is received.
    pub otlp_grpc: Option<SocketAddr>,
    /// Which `Host` headers are answered.
    pub hosts: Hosts,
    /// What has to be shown to be answered, if anything.
    pub token: Option<String>,
    /// What the receiver counts.
    pub counters: Option<Arc<receive::Counters>>,
    /// Whom to ask about the gateway, if there is one.
    pub gateway: Option<GatewayAsked>,
}

/// Where what a gateway tells about itself comes from, and orders to it go.
#[derive(Clone)]
pub struct GatewayAsked {
    /// For people: `this process`, or an address.
    pub place: String,
    /// Asks it; blocks for as long as that takes. Why there is no answer, in words.
    pub ask: Arc<dyn Fn() -> Result<serde_json::Value, String> + Send + Sync>,
    /// Gives it an order; blocks until it is carried out.
    pub order: Arc<GatewayOrder>,
}

/// Does what a POST to this path of a gateway's admin port does, with this body; names in the path are not escaped.
pub type GatewayOrder =
    dyn Fn(&str, &serde_json::Value) -> Result<serde_json::Value, OrderProblem> + Send + Sync;

/// Why an order was not carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderProblem {
    /// The gateway does not answer; why not, in words.
    Away(String),
    /// The gateway refuses it.
    Refused {
        /// The status of HTTP that its admin port has for it.
        status: u16,
        /// What is wrong, in words.
        detail: String,
    },
}

impl fmt::Debug for GatewayAsked {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("GatewayAsked").field("place", &self.place).finish_non_exhaustive()
    }
}

/// Without the token.
impl fmt::Debug for Setup {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { version, otlp_http, otlp_grpc, hosts, token, counters: _, gateway: _ } = self;
        out.debug_struct("Setup")
            .field("version", version)
            .field("otlp_http", otlp_http)
            .field("otlp_grpc", otlp_grpc)
            .field("hosts", hosts)
            .field("token", &token.as_ref().map(|_| "…"))
            .finish_non_exhaustive()
    }
}

impl Default for Setup {
    /// Answers loopback names only and receives nothing.
    fn default() -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION"),
            otlp_http: None,
            otlp_grpc: None,
            hosts: Hosts::Loopback,
            token: None,
            counters: None,
            gateway: None,
        }
    }
}

/// Which `Host` headers are answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hosts {
    /// `localhost`, `127.0.0.0/8` and `[::1]`, at any port. A page of another site that has its name
    /// resolve to this machine (DNS rebinding) is refused, since browsers send its name along.
    Loopback,
    /// Loopback names and these.
    Named(Vec<String>),
    /// Any: for a listener that is open to others on purpose.
    Any,
}
