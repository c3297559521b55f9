//! How a request was decided and where its time went: told in headers of its answer to whom may know, and to spans and
//! the access log.

use std::{
    fmt::Write as _,
    net::IpAddr,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use http::{HeaderMap, HeaderName, HeaderValue, Request};
use traffic::{
    fields::Fields,
    forward,
    plan::{Explain, Plan},
    timing::{Phase, Phases, SERVER_TIMING},
};

use crate::{connection::Peer, state::State, tracing::Record};

/// The header that asks.
pub(crate) const ASKED: HeaderName = HeaderName::from_static("taut-explain");

/// The header that tells.
const TOLD: HeaderName = HeaderName::from_static("taut-decision");

/// What was decided, and how long what took. Empty unless somebody asked.
#[derive(Debug, Default)]
pub(crate) struct Decision {
    text: Option<String>,
    phases: Phases,
    /// When the request came, where the client is told where its time went.
    began: Option<Instant>,
    record: Option<Rc<Record>>,
}

impl Decision {
    /// Takes the question out of a request; remembers it if who sent it may ask.
    pub(crate) fn asked(headers: &mut HeaderMap, plan: &Plan, peer: IpAddr) -> Self {
        if !headers.contains_key(ASKED) {
            return Self::default();
        }
        headers.remove(ASKED);
        let may = may_know(plan.explain, plan, peer, headers);
        Self { text: may.then(String::new), ..Self::default() }
    }

    /// Begins to tell of a request, if anybody wants to know.
    pub(crate) fn watch<B>(
        &mut self,
        state: &Arc<State>,
        request: &mut Request<B>,
        peer: &Peer,
        began: Instant,
    ) -> Option<Rc<Record>> {
        let timing = state.plan.telling.server_timing.audience();
        let may = may_know(timing, &state.plan, peer.address, request.headers());
        self.began = may.then_some(began);
        self.record = Record::begin(state, request, peer, began);
        self.record.clone()
    }

    /// Adds `name=value`; the value is only made if somebody asked.
    pub(crate) fn add(&mut self, name: &'static str, value: impl FnOnce() -> String) {
        if self.text.is_none() && self.record.is_none() {
            return;
        }
        let value: String = value().chars().filter(|char| !matches!(char, '"' | '\\')).collect();
        if let Some(record) = &self.record {
            record.note(name, &value);
        }
        let Some(text) = &mut self.text else { return };
        let before = if text.is_empty() { "" } else { "; " };
        // Writing into a text cannot fail.
        let _ok = write!(text, "{before}{name}=\"{value}\"");
    }

    /// Whether anybody is told.
    pub(crate) fn is_told(&self) -> bool {
        self.text.is_some() || self.record.is_some()
    }

    /// A phase took so long.
    pub(crate) fn phase(&mut self, phase: Phase, took: Duration) {
        self.phases.add(phase, took);
    }

    /// Phases took so long.
    pub(crate) fn phases(&mut self, phases: &Phases) {
        for phase in Phase::ALL {
            if let Some(took) = phases.get(phase) {
                self.phases.add(phase, took);
            }
        }
    }

    /// Where it is told.
    pub(crate) fn record(&self) -> Option<&Rc<Record>> {
        self.record.as_ref()
    }

    /// Puts it into an answer.
    pub(crate) fn tell(self, headers: &mut HeaderMap) {
        let timing = self.began.and_then(|began| self.phases.header(began.elapsed()));
        if let Some(timing) = timing {
            headers.append(SERVER_TIMING, timing);
        }
        if let Some(record) = &self.record {
            record.answered(headers);
        }
        let value = self.text.and_then(|text| HeaderValue::from_str(&text).ok());
        if let Some(value) = value {
            headers.insert(TOLD, value);
        }
    }
}

/// Whether who sent a request, through whatever proxies, belongs to those who are told.
pub(crate) fn may_know(audience: Explain, plan: &Plan, peer: IpAddr, fields: &impl Fields) -> bool {
    match audience {
        Explain::Off => false,
        Explain::Trusted => forward::is_from_within(peer, fields, &plan.trusted),
        Explain::Anyone => true,
    }
}

/// A duration, for people: `1.234 ms`.
pub(crate) fn millis(duration: Duration) -> String {
    format!("{:.3} ms", duration.as_secs_f64() * 1_000.0)
}
