//! What a receiver counts, for the pages.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use stats::{Timings, TimingsSeen};

use crate::{fault::Kind, signal::Signal};

/// Counters of a running receiver; they only rise, but for the last three, which are levels.
#[derive(Debug, Default)]
pub struct Counters {
    pub(crate) items: [Items; Signal::ALL.len()],
    pub(crate) requests_accepted: AtomicU64,
    pub(crate) requests_partial: AtomicU64,
    pub(crate) requests_failed: [AtomicU64; Kind::ALL.len()],
    pub(crate) bytes_received: AtomicU64,
    pub(crate) bytes_uncompressed: AtomicU64,
    pub(crate) connections_accepted: AtomicU64,
    pub(crate) connections_refused: AtomicU64,
    pub(crate) connections_open: AtomicU64,
    pub(crate) requests_in_flight: AtomicU64,
    pub(crate) bytes_in_flight: AtomicU64,
    pub(crate) answers: [[AtomicU64; OUTCOMES]; Protocol::ALL.len()],
    /// From the last byte of a request to its acknowledgement.
    pub(crate) acknowledged: Timings,
}

/// Taken whole, taken in part, and one for each fault.
const OUTCOMES: usize = 2 + Kind::ALL.len();

/// How a request was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Grpc,
    HttpProtobuf,
    HttpJson,
    Unknown,
}

/// Requests of one protocol that ended in one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answered {
    /// `grpc`, `http/protobuf`, `http/json`, as OpenTelemetry spells them, or `unknown`.
    pub protocol: &'static str,
    /// `accepted`, `partial`, or the fault: `malformed`, `too_large`, `busy`, …
    pub outcome: &'static str,
    /// How many there were.
    pub count: u64,
}

/// Counters of what requests of one signal carry.
#[derive(Debug, Default)]
pub(crate) struct Items {
    pub(crate) accepted: AtomicU64,
    pub(crate) rejected: AtomicU64,
    pub(crate) refused: AtomicU64,
}

/// What requests of one signal carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ItemTotals {
    /// Taken and acknowledged.
    pub accepted: u64,
    /// Wrong in themselves and left out, as their senders were told.
    pub rejected: u64,
    /// Refused by the sink; their senders were asked to try again.
    pub refused: u64,
}

/// The counters at one time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Spans that were taken and acknowledged.
    pub spans_accepted: u64,
    /// Spans that were wrong in themselves and left out, as their senders were told.
    pub spans_rejected: u64,
    /// Spans that the sink refused; their senders were asked to try again.
    pub spans_refused: u64,
    /// Log records.
    pub log_records: ItemTotals,
    /// Data points of metrics.
    pub data_points: ItemTotals,
    /// Requests taken whole.
    pub requests_accepted: u64,
    /// Requests taken in part.
    pub requests_partial: u64,
    /// Requests that could not be read: 400.
    pub requests_malformed: u64,
    /// Requests larger than allowed: 413.
    pub requests_too_large: u64,
    /// Requests to paths, methods, types or encodings that are not served: 404, 405, 415.
    pub requests_unsupported: u64,
    /// Requests whose body did not come in time: 408.
    pub requests_slow: u64,
    /// Requests refused because too much was in flight: 503.
    pub requests_busy: u64,
    /// Requests refused because they could not be kept: 503.
    pub requests_not_kept: u64,
    /// Requests that met a bug: 500.
    pub requests_crashed: u64,
    /// Bytes of bodies as they came.
    pub bytes_received: u64,
    /// Bytes of bodies once uncompressed.
    pub bytes_uncompressed: u64,
    /// Connections taken.
    pub connections_accepted: u64,
    /// Connections turned away, since there were too many.
    pub connections_refused: u64,
    /// Connections open now.
    pub connections_open: u64,
    /// Requests in flight now.
    pub requests_in_flight: u64,
    /// Bytes in flight now.
    pub bytes_in_flight: u64,
}

impl Counters {
    /// The counters now. They are read one after the other, so a request may be in one and not yet in
    /// the next.
    #[must_use]
    pub fn totals(&self) -> Totals {
        let failed = |kinds: &[Kind]| {
            kinds.iter().map(|kind| self.requests_failed[kind.place()].load(Relaxed)).sum()
        };
        let spans = self.items(Signal::Traces);
        Totals {
            spans_accepted: spans.accepted,
            spans_rejected: spans.rejected,
            spans_refused: spans.refused,
            log_records: self.items(Signal::Logs),
            data_points: self.items(Signal::Metrics),
            requests_accepted: self.requests_accepted.load(Relaxed),
            requests_partial: self.requests_partial.load(Relaxed),
            requests_malformed: failed(&[Kind::Malformed]),
            requests_too_large: failed(&[Kind::TooLarge]),
            requests_unsupported: failed(&[
                Kind::NotFound,
                Kind::WrongMethod,
                Kind::WrongType,
                Kind::WrongEncoding,
            ]),
            requests_slow: failed(&[Kind::Slow]),
            requests_busy: failed(&[Kind::Busy]),
            requests_not_kept: failed(&[Kind::Full, Kind::NotKept]),
            requests_crashed: failed(&[Kind::Bug]),
            bytes_received: self.bytes_received.load(Relaxed),
            bytes_uncompressed: self.bytes_uncompressed.load(Relaxed),
            connections_accepted: self.connections_accepted.load(Relaxed),
            connections_refused: self.connections_refused.load(Relaxed),
            connections_open: self.connections_open.load(Relaxed),
            requests_in_flight: self.requests_in_flight.load(Relaxed),
            bytes_in_flight: self.bytes_in_flight.load(Relaxed),
        }
    }

    /// How requests ended, by protocol; those that never happened are left out.
    #[must_use]
    pub fn answered(&self) -> Vec<Answered> {
        let mut answered = Vec::new();
        for protocol in Protocol::ALL {
            for (place, count) in self.answers[protocol as usize].iter().enumerate() {
                let outcome = match place {
                    0 => "accepted",
                    1 => "partial",
                    _ => Kind::ALL[place - 2].word(),
                };
                let count = count.load(Relaxed);
                if 0 < count {
                    answered.push(Answered { protocol: protocol.word(), outcome, count });
                }
            }
        }
        answered
    }

    /// Times from the last byte of a request to its acknowledgement.
    #[must_use]
    pub fn acknowledged(&self) -> TimingsSeen {
        self.acknowledged.seen()
    }

    /// Counts an answer; `outcome` is the fault, or whether all was taken.
    pub(crate) fn count_answer(&self, protocol: Protocol, outcome: Result<bool, Kind>) {
        let place = match outcome {
            Ok(true) => 0,
            Ok(false) => 1,
            Err(kind) => 2 + kind.place(),
        };
        self.answers[protocol as usize][place].fetch_add(1, Relaxed);
    }

    fn items(&self, signal: Signal) -> ItemTotals {
        let items = self.of(signal);
        ItemTotals {
            accepted: items.accepted.load(Relaxed),
            rejected: items.rejected.load(Relaxed),
            refused: items.refused.load(Relaxed),
        }
    }

    pub(crate) fn of(&self, signal: Signal) -> &Items {
        &self.items[signal.place()]
    }

    pub(crate) fn count_fault(&self, kind: Kind) {
        self.requests_failed[kind.place()].fetch_add(1, Relaxed);
    }
}

impl Protocol {
    const ALL: [Self; 4] = [Self::Grpc, Self::HttpProtobuf, Self::HttpJson, Self::Unknown];

    fn word(self) -> &'static str {
        match self {
            Self::Grpc => "grpc",
            Self::HttpProtobuf => "http/protobuf",
            Self::HttpJson => "http/json",
            Self::Unknown => "unknown",
        }
    }
}

/// Adds on creation, takes the same off when dropped.
#[derive(Debug)]
pub(crate) struct Level<C: AsRef<Counters>> {
    counters: C,
    of: fn(&Counters) -> &AtomicU64,
    amount: u64,
}

impl<C: AsRef<Counters>> Level<C> {
    pub(crate) fn new(counters: C, of: fn(&Counters) -> &AtomicU64, amount: u64) -> Self {
        of(counters.as_ref()).fetch_add(amount, Relaxed);
        Self { counters, of, amount }
    }

    pub(crate) fn grow(&mut self, amount: u64) {
        (self.of)(self.counters.as_ref()).fetch_add(amount, Relaxed);
        self.amount += amount;
    }
}

impl<C: AsRef<Counters>> Drop for Level<C> {
    fn drop(&mut self) {
        (self.of)(self.counters.as_ref()).fetch_sub(self.amount, Relaxed);
    }
}
