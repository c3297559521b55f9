//! What became of settings that were read again: whoever watches a fleet hears of a file that is wrong before the restart
//! that needs it.

use std::{
    fmt::Write as _,
    sync::atomic::{
        AtomicBool, AtomicU64,
        Ordering::{Acquire, Relaxed, Release},
    },
};

use super::Metric;
use crate::state::Shared;

/// How often settings were read again, and what became of the last ones.
#[derive(Debug, Default)]
pub(crate) struct Reloads {
    taken: AtomicU64,
    refused: AtomicU64,
    is_last_refused: AtomicBool,
}

impl Reloads {
    /// They count from now on.
    pub(crate) fn taken(&self) {
        self.taken.fetch_add(1, Relaxed);
        self.is_last_refused.store(false, Release);
    }

    /// They were wrong; those from before stay.
    pub(crate) fn refused(&self) {
        self.refused.fetch_add(1, Relaxed);
        self.is_last_refused.store(true, Release);
    }
}

const TOTAL: &str = "taut_gateway_reloads_total";

/// All of them.
pub(crate) const METRICS: &[Metric] = &[
    Metric {
        name: TOTAL,
        kind: "counter",
        about: "Times that the settings were read again, and taken or refused.",
    },
    Metric {
        name: "taut_gateway_last_reload_successful",
        kind: "gauge",
        about: "0 where the settings that were read last are wrong, and those from before are in force.",
    },
];

/// The lines of one of these metrics.
pub(super) fn write(text: &mut String, name: &str, shared: &Shared) {
    let Reloads { taken, refused, is_last_refused } = &shared.reloads;
    if name != TOTAL {
        let _ok = writeln!(text, "{name} {}", u8::from(!is_last_refused.load(Acquire)));
        return;
    }
    for (outcome, count) in [("taken", taken), ("refused", refused)] {
        let _ok = writeln!(text, "{name}{{outcome=\"{outcome}\"}} {}", count.load(Relaxed));
    }
}
