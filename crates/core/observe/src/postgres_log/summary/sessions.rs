//! The statement that each session is at, for logs that tell statements and times apart.

use std::collections::BTreeMap;

use super::shapes::Place;

/// Sessions that are followed: more than a server has.
const SESSIONS_MAX: usize = 10_000;

/// What each process was last asked for.
#[derive(Debug, Clone, Default)]
pub(super) struct Sessions {
    open: BTreeMap<u32, Place>,
}

impl Sessions {
    /// A statement began.
    pub(super) fn began(&mut self, pid: Option<u32>, statement: Place) {
        let Some(pid) = pid else { return };
        if SESSIONS_MAX <= self.open.len() && !self.open.contains_key(&pid) {
            // Process ids rise: the lowest is likely to be long gone.
            self.open.pop_first();
        }
        self.open.insert(pid, statement);
    }

    /// It ended.
    pub(super) fn ended(&mut self, pid: Option<u32>) -> Option<Place> {
        self.open.remove(&pid?)
    }

    /// The session is over.
    pub(super) fn gone(&mut self, pid: Option<u32>) {
        if let Some(pid) = pid {
            self.open.remove(&pid);
        }
    }
}
