//! How a request was decided, told in a header of its answer to whom may know.

use std::{fmt::Write as _, net::IpAddr, time::Duration};

use http::{HeaderMap, HeaderName, HeaderValue};
use traffic::{
    forward::Network,
    plan::{Explain, Plan},
};

/// The header that asks.
pub(crate) const ASKED: HeaderName = HeaderName::from_static("taut-explain");

/// The header that tells.
const TOLD: HeaderName = HeaderName::from_static("taut-decision");

/// What was decided. Empty unless somebody asked.
#[derive(Debug, Default)]
pub(crate) struct Decision {
    text: Option<String>,
}

impl Decision {
    /// Takes the question out of a request; remembers it if the peer may ask.
    pub(crate) fn asked(headers: &mut HeaderMap, plan: &Plan, peer: IpAddr) -> Self {
        if !headers.contains_key(ASKED) {
            return Self::default();
        }
        headers.remove(ASKED);
        let is_trusted = || {
            let among = |network: &Network| network.contains(peer);
            peer.is_loopback() || plan.trusted.iter().any(among)
        };
        let may = match plan.explain {
            Explain::Off => false,
            Explain::Trusted => is_trusted(),
            Explain::Anyone => true,
        };
        Self { text: may.then(String::new) }
    }

    /// Adds `name=value`; the value is only made if somebody asked.
    pub(crate) fn add(&mut self, name: &str, value: impl FnOnce() -> String) {
        let Some(text) = &mut self.text else { return };
        let value: String = value().chars().filter(|char| !matches!(char, '"' | '\\')).collect();
        let before = if text.is_empty() { "" } else { "; " };
        // Writing into a text cannot fail.
        let _ok = write!(text, "{before}{name}=\"{value}\"");
    }

    /// Puts it into an answer.
    pub(crate) fn tell(self, headers: &mut HeaderMap) {
        let value = self.text.and_then(|text| HeaderValue::from_str(&text).ok());
        if let Some(value) = value {
            headers.insert(TOLD, value);
        }
    }
}

/// A duration, for people: `1.234 ms`.
pub(crate) fn millis(duration: Duration) -> String {
    format!("{:.3} ms", duration.as_secs_f64() * 1_000.0)
}
