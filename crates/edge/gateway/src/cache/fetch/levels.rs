//! What is found in other levels of the cache than memory, before a member is asked.

use std::sync::Arc;

use traffic::cache::{CacheRule, Forwarded, Judged, Status, Stored, judge};

use super::{
    super::{flight::Stage, only_if_cached},
    Landing, Led, ON_DISK, SHARED,
};
use crate::{clock, explain::Decision};

impl Landing {
    /// Another gateway had it.
    pub(super) fn found(mut self, rule: &CacheRule, stored: Arc<Stored>, mut decision: Decision) {
        let is_stored = self.put(rule, &stored, clock::now());
        self.answer((stored, is_stored), SHARED, &mut decision);
    }

    /// Answers with what is on disk, if there is something that may; what may only stand in is asked about.
    pub(super) async fn look_on_disk(
        &mut self,
        rule: &CacheRule,
        mut decision: Decision,
    ) -> Result<(), Decision> {
        let cache = Arc::clone(self.cache());
        let Some(disk) = &cache.disk else { return Err(decision) };
        let (key, asker) = (&self.ask.key, self.ask.asker);
        let found = disk.get(key, (&self.asked, asker), clock::now()).await.map(Arc::new);
        let now = clock::now();
        let is_there =
            |stored: &Arc<Stored>| cache.put_from_disk((key, stored), self.flying.began, now);
        let Some(stored) = found.filter(is_there) else { return Err(decision) };
        let judged = judge(&stored.policy, &self.ask.control, rule.clients, (0.0, 0.0), now);
        match judged {
            Judged::Fresh | Judged::FreshButSoon | Judged::StaleAllowed => {
                self.answer((stored, true), ON_DISK, &mut decision);
                return Ok(());
            }
            Judged::StaleMeanwhile => {
                // Who waits has it, and it is asked for all the same.
                self.flying.tell(Stage::Stored(Arc::clone(&stored)));
                let status = self.status(&stored, None, Some(ON_DISK));
                let status = Status { forwarded: None, ..status };
                self.tell(Led::Stored(Arc::clone(&stored), status), &mut decision);
            }
            Judged::Wanted | Judged::Stale => {}
        }
        self.ask.why = if judged == Judged::Wanted { Forwarded::Request } else { Forwarded::Stale };
        self.ask.stale = Some(stored);
        Err(decision)
    }

    /// It was there.
    fn answer(
        &mut self,
        (stored, is_stored): (Arc<Stored>, bool),
        detail: &'static str,
        decision: &mut Decision,
    ) {
        let shared = is_stored && stored.policy.is_shareable(clock::now());
        self.flying.land(if shared { Stage::Stored(Arc::clone(&stored)) } else { Stage::Alone });
        let status = self.status(&stored, None, Some(detail));
        self.tell(Led::Stored(stored, Status { forwarded: None, ..status }), decision);
    }

    /// It was not there, and the client wants no other.
    pub(super) fn not_stored(mut self, mut decision: Decision) {
        self.flying.land(Stage::Alone);
        self.tell(Led::Failed(only_if_cached()), &mut decision);
    }
}
