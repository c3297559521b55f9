//! What does not get through, and why, in words that help: one table.

use super::{Reading, counts::get};

/// What is lost or refused for one reason.
#[derive(Debug, Clone, Copy)]
pub struct Loss {
    /// The word for it among figures: `disk-full`.
    pub reason: &'static str,
    /// What becomes of it.
    pub kind: LossKind,
    /// What is counted: `spans`.
    pub unit: &'static str,
    /// What happened, as one would tell a colleague.
    pub words: &'static str,
    /// What to do about it.
    pub hint: &'static str,
    /// How many there were since the process started.
    pub read: fn(&Reading) -> u64,
}

/// What becomes of what does not get through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LossKind {
    /// It is not taken now; its sender was asked to send it again.
    Refused,
    /// It is gone.
    Dropped,
}

const FULL: &str =
    "Their senders try again for some minutes. Free some space, or lower `store.bytes-max`.";

const FAILED: &str = "Their senders try again for some minutes. See what the system says of the disk under `store.folder`.";

/// Every way in which something is lost or refused.
pub const LOSSES: &[Loss] = &[
    Loss {
        reason: "busy",
        kind: LossKind::Refused,
        unit: "spans",
        words: "came faster than they could be looked at",
        hint: "Their senders try again. If it lasts, raise `engine.spans-in-flight-max`, or sample where the spans are made.",
        read: |reading| get(&reading.counts.spans_busy),
    },
    Loss {
        reason: "disk-full",
        kind: LossKind::Refused,
        unit: "spans",
        words: "found no room on the disk",
        hint: FULL,
        read: |reading| get(&reading.counts.spans_full),
    },
    Loss {
        reason: "disk-failed",
        kind: LossKind::Refused,
        unit: "spans",
        words: "could not be written to the disk",
        hint: FAILED,
        read: |reading| get(&reading.counts.spans_failed),
    },
    Loss {
        reason: "disk-full",
        kind: LossKind::Refused,
        unit: "log records",
        words: "found no room on the disk",
        hint: FULL,
        read: |reading| get(&reading.counts.log_records.full),
    },
    Loss {
        reason: "disk-failed",
        kind: LossKind::Refused,
        unit: "log records",
        words: "could not be written to the disk",
        hint: FAILED,
        read: |reading| get(&reading.counts.log_records.failed),
    },
    Loss {
        reason: "disk-full",
        kind: LossKind::Refused,
        unit: "data points",
        words: "found no room on the disk",
        hint: FULL,
        read: |reading| get(&reading.counts.data_points.full),
    },
    Loss {
        reason: "disk-failed",
        kind: LossKind::Refused,
        unit: "data points",
        words: "could not be written to the disk",
        hint: FAILED,
        read: |reading| get(&reading.counts.data_points.failed),
    },
    Loss {
        reason: "receiver-busy",
        kind: LossKind::Refused,
        unit: "requests",
        words: "came while too many others were being read",
        hint: "Their senders try again. If it lasts, raise `receive.bytes-in-flight-max` and `receive.requests-in-flight-max`.",
        read: |reading| reading.outcomes(&["busy"]).saturating_sub(reading.busy_batches()),
    },
    Loss {
        reason: "malformed-span",
        kind: LossKind::Dropped,
        unit: "spans",
        words: "were wrong in themselves, such as without a trace id",
        hint: "Their senders were told which and why: look into the exporter's log.",
        read: |reading| reading.receiver.as_ref().map_or(0, |it| it.totals.spans_rejected),
    },
    Loss {
        reason: "malformed-log-record",
        kind: LossKind::Dropped,
        unit: "log records",
        words: "were wrong in themselves",
        hint: "Their senders were told which and why: look into the exporter's log.",
        read: |reading| reading.receiver.as_ref().map_or(0, |it| it.totals.log_records.rejected),
    },
    Loss {
        reason: "malformed-data-point",
        kind: LossKind::Dropped,
        unit: "data points",
        words: "were wrong in themselves",
        hint: "Their senders were told which and why: look into the exporter's log.",
        read: |reading| reading.receiver.as_ref().map_or(0, |it| it.totals.data_points.rejected),
    },
    Loss {
        reason: "malformed-request",
        kind: LossKind::Dropped,
        unit: "requests",
        words: "could not be read at all",
        hint: "Something other than OTLP is sent here, or something on the way breaks it.",
        read: |reading| reading.outcomes(&["malformed"]),
    },
    Loss {
        reason: "too-large",
        kind: LossKind::Dropped,
        unit: "requests",
        words: "were larger than allowed",
        hint: "Make the exporter's batches smaller, or raise `receive.body-bytes-max`.",
        read: |reading| reading.outcomes(&["too_large"]),
    },
    Loss {
        reason: "unsupported",
        kind: LossKind::Dropped,
        unit: "requests",
        words: "went to a path, or came in a form, that Taut does not take",
        hint: "Look at the exporter's endpoint and protocol; below is what Taut takes.",
        read: |reading| {
            reading.outcomes(&["not_found", "wrong_method", "wrong_type", "wrong_encoding"])
        },
    },
    Loss {
        reason: "slow",
        kind: LossKind::Dropped,
        unit: "requests",
        words: "did not arrive in time",
        hint: "The network, or the sender, stalls in the middle of a request.",
        read: |reading| reading.outcomes(&["slow"]),
    },
    Loss {
        reason: "receiver-bug",
        kind: LossKind::Dropped,
        unit: "requests",
        words: "met a bug in Taut",
        hint: "Please report it with what the exporter's log says.",
        read: |reading| reading.outcomes(&["bug"]),
    },
    Loss {
        reason: "trace-bug",
        kind: LossKind::Dropped,
        unit: "traces",
        words: "are kept, but looking at them met a bug in Taut",
        hint: "Please report it; the trace's id is told above.",
        read: |reading| get(&reading.counts.bugs),
    },
    Loss {
        reason: "facts",
        kind: LossKind::Dropped,
        unit: "requests",
        words: "are kept as spans, but are missing from endpoints until the next start, since the disk was full for long",
        hint: "Free some space and start Taut again: it makes them anew from the spans.",
        read: |reading| get(&reading.counts.facts_dropped),
    },
    Loss {
        reason: "own-spans",
        kind: LossKind::Dropped,
        unit: "spans",
        words: "about Taut's own work did not reach their collector",
        hint: "See whether `observe.self.endpoint` is right and whether something listens there.",
        read: |reading| reading.own_spans.dropped + reading.own_spans.failed,
    },
];
