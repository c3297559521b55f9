//! What the finder carries from turn to turn.

use std::collections::VecDeque;

use model::TraceId;
use store::RequestFact;

use crate::analysis::SeenBefore;

/// Complete traces of which it is remembered what was reported: some minutes of heavy traffic.
const RECENT_MAX: usize = 100_000;

/// What the finder carries from turn to turn.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    /// Facts that are not on disk yet.
    pub(crate) facts: Vec<RequestFact>,
    /// Something came since the window was looked at.
    pub(crate) is_window_old: bool,
    recent: rustc_hash::FxHashMap<TraceId, SeenBefore>,
    order: VecDeque<TraceId>,
}

impl Turns {
    /// Whether something was reported of a trace before.
    pub(crate) fn knows(&self, id: TraceId) -> bool {
        self.recent.contains_key(&id)
    }

    /// What was reported of a trace before; the oldest is forgotten past the bound.
    pub(crate) fn before(&mut self, id: TraceId) -> &mut SeenBefore {
        if !self.knows(id) {
            if RECENT_MAX <= self.order.len()
                && let Some(oldest) = self.order.pop_front()
            {
                self.recent.remove(&oldest);
            }
            self.order.push_back(id);
        }
        self.recent.entry(id).or_default()
    }
}
