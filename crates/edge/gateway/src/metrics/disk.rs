//! What is told of the level of the cache on disk.

use std::{fmt::Write as _, sync::atomic::Ordering::Relaxed};

use super::Metric;
use crate::state::Shared;

pub(super) const METRICS: &[Metric] = &[
    Metric {
        name: "taut_gateway_cache_disk_up",
        kind: "gauge",
        about: "Whether the level of the cache on disk is in use.",
    },
    Metric {
        name: "taut_gateway_cache_disk_entries",
        kind: "gauge",
        about: "Answers that are on disk.",
    },
    Metric {
        name: "taut_gateway_cache_disk_bytes",
        kind: "gauge",
        about: "Bytes of the files of the cache.",
    },
    Metric {
        name: "taut_gateway_cache_disk_reads_total",
        kind: "counter",
        about: "Answers that were looked for on disk and are there, by what became of reading: done, or late, and a member was asked.",
    },
    Metric {
        name: "taut_gateway_cache_disk_writes_total",
        kind: "counter",
        about: "Answers that were to be written to disk, by what became of it; dropped are those for which too much waited.",
    },
    Metric {
        name: "taut_gateway_cache_disk_damaged_total",
        kind: "counter",
        about: "Records and files of the cache that were not as they were written.",
    },
    Metric {
        name: "taut_gateway_cache_disk_evicted_files_total",
        kind: "counter",
        about: "Files of the cache that were let go of to make room.",
    },
];

/// Writes one of them; nothing where there is no such level.
pub(super) fn write(text: &mut String, name: &str, shared: &Shared) {
    let Some(disk) = &shared.cache.disk else { return };
    let figures = &disk.figures;
    // Writing into a text cannot fail.
    match name {
        "taut_gateway_cache_disk_reads_total" => {
            for (outcome, count) in [("done", &figures.read), ("late", &figures.late)] {
                let _ok = writeln!(text, "{name}{{outcome=\"{outcome}\"}} {}", count.load(Relaxed));
            }
        }
        "taut_gateway_cache_disk_writes_total" => {
            for (outcome, count) in [
                ("done", &figures.written),
                ("dropped", &figures.dropped),
                ("failed", &figures.failed),
            ] {
                let _ok = writeln!(text, "{name}{{outcome=\"{outcome}\"}} {}", count.load(Relaxed));
            }
        }
        _ => {
            let value = match name {
                "taut_gateway_cache_disk_up" => u64::from(figures.is_up.load(Relaxed)),
                "taut_gateway_cache_disk_entries" => disk.size().0,
                "taut_gateway_cache_disk_bytes" => figures.bytes.load(Relaxed),
                "taut_gateway_cache_disk_damaged_total" => figures.damaged.load(Relaxed),
                _ => figures.evicted.load(Relaxed),
            };
            let _ok = writeln!(text, "{name} {value}");
        }
    }
}
