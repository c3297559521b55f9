//! Metrics of canaries.

use std::{fmt::Write as _, sync::atomic::Ordering};

use super::{Metric, escaped};
use crate::state::Shared;

/// Told once, not by canary.
const LOST: &str = "taut_gateway_canary_notes_lost_total";

/// What is told of canaries.
pub(crate) const METRICS: &[Metric] = &[
    Metric {
        name: "taut_gateway_canary_share",
        kind: "gauge",
        about: "The share of requests that the new version of a route's service answers, 0 to 1.",
    },
    Metric {
        name: "taut_gateway_canary_requests_total",
        kind: "counter",
        about: "Requests of routes that try a new version, by version and by whether they failed (5xx, broken off).",
    },
    Metric {
        name: LOST,
        kind: "counter",
        about: "What happened to canaries and could be kept in no ledger, or not where the next start looks for it.",
    },
];

/// Writes the lines of one of them.
pub(crate) fn write(text: &mut String, name: &str, shared: &Shared) {
    if name == LOST {
        let _ok = writeln!(text, "{name} {}", shared.canaries.losses.count());
        return;
    }
    for canary in shared.canaries.all(&shared.state().plan) {
        let route = escaped(&canary.route);
        if name == "taut_gateway_canary_share" {
            let _ok = writeln!(text, "{name}{{http_route=\"{route}\"}} {}", canary.share());
            continue;
        }
        for (version, counts) in ["old", "new"].iter().zip(&canary.counts) {
            for (failed, count) in ["no", "yes"].iter().zip(counts) {
                let count = count.load(Ordering::Relaxed);
                let _ok = writeln!(
                    text,
                    "{name}{{http_route=\"{route}\",version=\"{version}\",failed=\"{failed}\"}} {count}"
                );
            }
        }
    }
}
