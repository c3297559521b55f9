//! What is counted of connections, second members, and assets.

use std::fmt::Write as _;

use traffic::assets::Asset;

use super::{Counts, Metric, text::sum};
use crate::state::Shared;

/// Counts of one thread.
#[derive(Debug, Default)]
pub(crate) struct EdgeCounts {
    hedges: u64,
    hedges_won: u64,
    no_proxy_header: u64,
    /// In the order of `Asset::ALL`.
    assets: [u64; Asset::ALL.len()],
}

impl EdgeCounts {
    pub(super) fn hedges(&self) -> u64 {
        self.hedges
    }
}

/// All of them.
pub(crate) const METRICS: &[Metric] = &[
    Metric {
        name: "taut_gateway_hedges_total",
        kind: "counter",
        about: "Reads for which a second member was asked, because the first took too long.",
    },
    Metric {
        name: "taut_gateway_hedges_won_total",
        kind: "counter",
        about: "Those that the second member answered first.",
    },
    Metric {
        name: "taut_gateway_proxy_header_errors_total",
        kind: "counter",
        about: "Connections from trusted addresses that did not begin with a header of the PROXY protocol.",
    },
    Metric {
        name: "taut_gateway_assets_total",
        kind: "counter",
        about: "Answers of routes of assets, by how long browsers may keep them; cold ones are sent anew each time.",
    },
];

impl Counts {
    /// A second member was asked, and answered first or not.
    pub(crate) fn hedged(&mut self, won: bool) {
        self.edge.hedges += 1;
        self.edge.hedges_won += u64::from(won);
    }

    /// A connection did not begin as it had to.
    pub(crate) fn no_proxy_header(&mut self) {
        self.edge.no_proxy_header += 1;
    }

    /// An asset was answered.
    pub(crate) fn asset(&mut self, asset: Asset) {
        if let Some(place) = Asset::ALL.iter().position(|known| *known == asset) {
            self.edge.assets[place] += 1;
        }
    }
}

/// The lines of one of these metrics.
pub(super) fn write(text: &mut String, name: &str, shared: &Shared) {
    let of = |counts: &Counts| match name {
        "taut_gateway_hedges_total" => counts.edge.hedges,
        "taut_gateway_hedges_won_total" => counts.edge.hedges_won,
        _ => counts.edge.no_proxy_header,
    };
    if name != "taut_gateway_assets_total" {
        let _ok = writeln!(text, "{name} {}", sum(shared, of));
        return;
    }
    for (place, asset) in Asset::ALL.iter().enumerate() {
        let count = sum(shared, |counts| counts.edge.assets[place]);
        let _ok = writeln!(text, "{name}{{kind=\"{}\"}} {count}", asset.name());
    }
}
