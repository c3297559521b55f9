//! What findings waste together, at least.

use std::collections::BTreeMap;

use model::Impact;

use super::Outcome;

/// What findings waste together, at least.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Waste {
    /// Time that users wait in vain, in hours a day.
    pub user_hours_per_day: f64,
    /// Time that databases work in vain, in hours a day.
    pub database_hours_per_day: f64,
    /// Share of the time of all database statements, 0 to 1.
    pub database_share: f64,
    /// Share of the time of all requests, 0 to 1.
    pub worker_share: f64,
}

impl Waste {
    /// Adds up what is wasted at each place. Findings at one place may be about the same milliseconds, so
    /// of those the largest counts: the sum is what is wasted at least.
    #[must_use]
    pub fn of<K: Ord>(impacts: impl IntoIterator<Item = (K, Self)>) -> Self {
        let mut places: BTreeMap<K, Self> = BTreeMap::new();
        for (place, waste) in impacts {
            let most = places.entry(place).or_default();
            most.user_hours_per_day = most.user_hours_per_day.max(waste.user_hours_per_day);
            most.database_hours_per_day =
                most.database_hours_per_day.max(waste.database_hours_per_day);
            most.database_share = most.database_share.max(waste.database_share);
            most.worker_share = most.worker_share.max(waste.worker_share);
        }
        places.into_values().fold(Self::default(), |sum, waste| Self {
            user_hours_per_day: sum.user_hours_per_day + waste.user_hours_per_day,
            database_hours_per_day: sum.database_hours_per_day + waste.database_hours_per_day,
            database_share: (sum.database_share + waste.database_share).min(1.0),
            worker_share: (sum.worker_share + waste.worker_share).min(1.0),
        })
    }
}

impl From<&Impact> for Waste {
    fn from(impact: &Impact) -> Self {
        Self {
            user_hours_per_day: impact.user_hours_per_day,
            database_hours_per_day: impact.database_hours_per_day,
            database_share: impact.database_share,
            worker_share: impact.worker_share,
        }
    }
}

impl Outcome {
    /// What all findings waste together, at least.
    #[must_use]
    pub fn waste(&self) -> Waste {
        Waste::of(
            self.findings.iter().map(|finding| (&finding.operation, Waste::from(&finding.impact))),
        )
    }
}
