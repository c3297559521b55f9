//! Passive checks: a member whose requests fail in a row is left alone for a while, longer each time.
//!
//! At most so many members are left out at once: when everything fails the cause is elsewhere, and
//! leaving all out would make an outage of a hiccup.

use std::time::Duration;

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

/// How requests to each member ended.
#[derive(Debug, Clone)]
pub struct Outliers {
    settings: OutlierSettings,
    members: Vec<Record>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Record {
    fails: u32,
    last_fail: Moment,
    times_out: u32,
    out_until: Moment,
}

impl Outliers {
    /// So many members, of whom nothing is known.
    #[must_use]
    pub fn new(settings: OutlierSettings, members: usize) -> Self {
        Self { settings, members: vec![Record::default(); members] }
    }

    /// Takes how a request ended. If that is why the member is left alone from now on, tells until when.
    pub fn record(&mut self, member: usize, good: bool, now: Moment) -> Option<Moment> {
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
        if settings.fails == 0 || record.fails < settings.fails || !self.one_more_may_go(now) {
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

    /// Whether a member is left alone.
    #[must_use]
    pub fn is_out(&self, member: usize, now: Moment) -> bool {
        self.members.get(member).is_some_and(|record| now < record.out_until)
    }

    /// Members that are left alone.
    #[must_use]
    pub fn out(&self, now: Moment) -> usize {
        self.members.iter().filter(|record| now < record.out_until).count()
    }

    fn one_more_may_go(&self, now: Moment) -> bool {
        let out = self.out(now);
        let members = self.members.len();
        let first_of_several = out == 0 && members > 1;
        first_of_several || precise(out + 1) <= self.settings.share_max * precise(members)
    }
}
