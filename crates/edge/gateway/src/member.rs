//! A member as all threads see it: whether it is well, how it has been, what it has in flight.

use std::{
    net::SocketAddr,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use model::Moment;
use traffic::{balance::PeakEwma, plan};

/// What is known of a member.
#[derive(Debug)]
pub(crate) struct Member {
    /// Host and port, as the plan has it.
    pub(crate) address: String,
    /// The same, where it is an address already.
    pub(crate) resolved: Option<SocketAddr>,
    /// The name that its certificate has, unless the service says another.
    pub(crate) host: String,
    /// Why the last connection to it could not be encrypted; empty if it could.
    pub(crate) trouble: Mutex<String>,
    /// Its place among the pools of each thread; no other member that is in use has it.
    pub(crate) slot: usize,
    /// What checks say.
    pub(crate) healthy: AtomicBool,
    /// Whether they have said anything.
    pub(crate) checked: AtomicBool,
    /// Since when it is healthy, in nanoseconds; 0 for always.
    pub(crate) up_since: AtomicU64,
    /// Until when it is left alone, in nanoseconds.
    pub(crate) out_until: AtomicU64,
    /// Whether its last request failed: only then is it worth telling that one went well.
    pub(crate) suspect: AtomicBool,
    /// Requests that wait for a connection to it.
    pub(crate) waiting: AtomicU32,
    /// Requests that it has not answered yet.
    pub(crate) in_flight: AtomicU32,
    /// Requests that were sent to it.
    pub(crate) requests: AtomicU64,
    /// Requests that it did not answer, or answered with a failure of its own.
    pub(crate) failures: AtomicU64,
    /// Connections that were made to it.
    pub(crate) connections: AtomicU64,
    latency: AtomicU64,
    latency_at: AtomicU64,
}

/// After so long half of what was learnt about latency is forgotten: long enough to see a member's own pace,
/// short enough to come back to it within a minute.
const HALF_LIFE: Duration = Duration::from_secs(5);

impl Member {
    pub(crate) fn new(member: &plan::Member, slot: usize) -> Self {
        let address = member.address.clone();
        Self {
            resolved: address.parse().ok(),
            host: member.host().to_owned(),
            trouble: Mutex::default(),
            address,
            slot,
            healthy: AtomicBool::new(true),
            checked: AtomicBool::new(false),
            up_since: AtomicU64::new(0),
            out_until: AtomicU64::new(0),
            suspect: AtomicBool::new(false),
            waiting: AtomicU32::new(0),
            in_flight: AtomicU32::new(0),
            requests: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            latency: AtomicU64::new(0),
            latency_at: AtomicU64::new(0),
        }
    }

    /// Whether it is thought to be able to answer.
    pub(crate) fn is_fit(&self, now: Moment) -> bool {
        self.healthy.load(Ordering::Relaxed) && self.out_until.load(Ordering::Relaxed) <= now.nanos
    }

    /// How long it takes to answer.
    pub(crate) fn latency(&self, now: Moment) -> Duration {
        self.ewma().latency(now)
    }

    /// Learns how long an answer took. Two threads at once may each lose what the other learnt; the next
    /// answer tells it again.
    pub(crate) fn learn(&self, took: Duration, failed: bool, now: Moment) {
        let mut ewma = self.ewma();
        ewma.record(took, failed, now);
        let nanos = u64::try_from(ewma.latency(now).as_nanos()).unwrap_or(u64::MAX);
        self.latency.store(nanos, Ordering::Relaxed);
        self.latency_at.store(now.nanos, Ordering::Relaxed);
    }

    fn ewma(&self) -> PeakEwma {
        let at = Moment { nanos: self.latency_at.load(Ordering::Relaxed) };
        let known = Duration::from_nanos(self.latency.load(Ordering::Relaxed));
        let mut ewma = PeakEwma::new(HALF_LIFE, at);
        ewma.record(known, false, at);
        ewma
    }
}
