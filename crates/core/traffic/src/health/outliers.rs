//! Passive checks: a member whose requests fail in a row is left alone for a while, longer each time.
//!
//! At most so many members are left out at once: when everything fails the cause is elsewhere, and
//! leaving all out would make an outage of a hiccup.

use std::{collections::BTreeMap, time::Duration};

use model::Moment;

use super::precise;

/// When a member is left alone, and for how long.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OutlierSettings {
    /// Failures without a success between them; 0 never leaves anybody alone.
    pub fails: u32,
    /// Failures further apart than this do not belong together.
    pub within: Duration,
    /// How long a member is left alone the first time; twice as long the second, and so on.
    pub out_for: Duration,
    /// The longest.
    pub out_for_max: Duration,
    /// The share of all members that may be out at once; one member always may if there are others.
    pub share_max: f64,
}

impl Default for OutlierSettings {
    /// Five failures within ten seconds as proxies have it, and never more than half of the members.
    fn default() -> Self {
        Self {
            fails: 5,
            within: Duration::from_secs(10),
            out_for: Duration::from_secs(10),
            out_for_max: Duration::from_mins(5),
            share_max: 0.5,
        }
    }
}

/// How requests to each member ended. Members are known by their addresses, so that what is known of one outlives what
/// becomes of the others.
#[derive(Debug, Clone)]
pub struct Outliers {
    settings: OutlierSettings,
    members: BTreeMap<String, Record>,
    /// Those that are no members any more, and were left alone when they went: they may be back any time.
    gone: BTreeMap<String, Record>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Record {
    fails: u32,
    last_fail: Moment,
    times_out: u32,
    out_until: Moment,
}

/// Members that went while they were left alone: as many as a service can have.
const GONE_MAX: usize = 1_000;

impl Outliers {
    /// Members of whom nothing is known.
    #[must_use]
    pub fn new<'a>(settings: OutlierSettings, members: impl IntoIterator<Item = &'a str>) -> Self {
        let mut all = Self { settings, members: BTreeMap::new(), gone: BTreeMap::new() };
        all.renew(settings, members, Moment::default());
        all
    }

    /// Takes other settings and members. What is known of those that stay, or are back, is kept; where more are left alone
    /// than may be now, those go on first whose time is over first.
    pub fn renew<'a>(
        &mut self,
        settings: OutlierSettings,
        members: impl IntoIterator<Item = &'a str>,
        now: Moment,
    ) {
        self.settings = settings;
        let mut known = std::mem::take(&mut self.members);
        known.extend(std::mem::take(&mut self.gone));
        for address in members {
            let record = known.get(address).copied().unwrap_or_default();
            self.members.insert(address.to_owned(), record);
        }
        let gone = known.into_iter().filter(|(address, record)| {
            now < record.out_until && !self.members.contains_key(address)
        });
        self.gone = gone.take(GONE_MAX).collect();
        while !self.may_be_out(self.out(now)) {
            let out = self.members.values_mut().filter(|record| now < record.out_until);
            let Some(first) = out.min_by_key(|record| record.out_until) else { return };
            first.out_until = now;
        }
    }

    /// Takes how a request ended. If that is why the member is left alone from now on, tells until when.
    pub fn record(&mut self, member: &str, good: bool, now: Moment) -> Option<Moment> {
        let settings = self.settings;
        let record = self.members.get_mut(member)?;
        if good {
            record.fails = 0;
            // One time less for each stretch that it did well, so that old sins are forgotten.
            if record.times_out > 0 && settings.out_for_max < now.since(record.out_until) {
                record.times_out -= 1;
                record.out_until = now;
            }
            return None;
        }
        if now < record.out_until {
            return None;
        }
        if settings.within < now.since(record.last_fail) {
            record.fails = 0;
        }
        record.fails = record.fails.saturating_add(1);
        record.last_fail = now;
        if record.fails < settings.fails || !self.may_be_out(self.out(now) + 1) {
            return None;
        }
        let record = self.members.get_mut(member)?;
        // 2^20 times anything is past every bound.
        let times = 1_u32 << record.times_out.min(20);
        let out_for = settings.out_for.saturating_mul(times).min(settings.out_for_max);
        record.out_until = now + out_for;
        record.times_out = record.times_out.saturating_add(1);
        record.fails = 0;
        Some(record.out_until)
    }

    /// Until when a member is left alone; long over if it is not.
    #[must_use]
    pub fn out_until(&self, member: &str) -> Moment {
        self.members.get(member).map(|record| record.out_until).unwrap_or_default()
    }

    /// Whether a member is left alone.
    #[must_use]
    pub fn is_out(&self, member: &str, now: Moment) -> bool {
        now < self.out_until(member)
    }

    /// Members that are left alone.
    #[must_use]
    pub fn out(&self, now: Moment) -> usize {
        self.members.values().filter(|record| now < record.out_until).count()
    }

    /// Whether so many may be left alone at once.
    fn may_be_out(&self, count: usize) -> bool {
        let members = self.members.len();
        let first_of_several = count == 1 && members > 1;
        let share = precise(count) <= self.settings.share_max * precise(members);
        count == 0 || self.settings.fails != 0 && (first_of_several || share)
    }
}
