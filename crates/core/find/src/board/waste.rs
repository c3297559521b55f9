//! What findings waste together, at least.

use std::collections::{BTreeMap, BTreeSet};

use model::{Finding, Impact};

use super::Outcome;

/// What findings waste together, at least.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Waste {
    /// Time that users wait in vain, in hours a day.
    pub user_hours_per_day: f64,
    /// Time that databases work in vain, in hours a day.
    pub database_hours_per_day: f64,
    /// Share of the time of all database statements, 0 to 1; 0 where it is not known, or sessions wait.
    pub database_share: f64,
    /// Share of the time of all requests, 0 to 1.
    pub worker_share: f64,
    /// What `database_share` is a share of.
    pub whole: Whole,
}

/// What a share of a database's work is a share of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Whole {
    /// One database, or the statements of all traces; the hours are all its work.
    #[default]
    One,
    /// One as well; some of the hours are waits, or of what is not known. They are in no share.
    Part,
    /// Several: their shares make none together.
    Several,
}

impl Waste {
    /// Adds up what is wasted at each place, and by the statements of which database (as [`Waste::database`] tells it). Findings
    /// at one place may be about the same milliseconds, so of those the largest counts: the sum is what is wasted at least.
    #[must_use]
    pub fn of<'a, K: Ord>(wastes: impl IntoIterator<Item = (K, Option<&'a str>, Self)>) -> Self {
        let mut places: BTreeMap<K, Self> = BTreeMap::new();
        let (mut wholes, mut is_all_work) = (BTreeSet::new(), true);
        for (place, database, waste) in wastes {
            if 0.0 < waste.database_share {
                wholes.insert(database);
            } else if 0.0 < waste.database_hours_per_day {
                is_all_work = false;
            }
            let most = places.entry(place).or_default();
            most.user_hours_per_day = most.user_hours_per_day.max(waste.user_hours_per_day);
            most.database_hours_per_day =
                most.database_hours_per_day.max(waste.database_hours_per_day);
            most.database_share = most.database_share.max(waste.database_share);
            most.worker_share = most.worker_share.max(waste.worker_share);
        }
        let whole = match wholes.len() {
            0 | 1 if is_all_work => Whole::One,
            0 | 1 => Whole::Part,
            _ => Whole::Several,
        };
        places.into_values().fold(Self { whole, ..Self::default() }, |sum, waste| Self {
            user_hours_per_day: sum.user_hours_per_day + waste.user_hours_per_day,
            database_hours_per_day: sum.database_hours_per_day + waste.database_hours_per_day,
            database_share: (sum.database_share + waste.database_share).min(1.0),
            worker_share: (sum.worker_share + waste.worker_share).min(1.0),
            whole,
        })
    }

    /// The database whose statements a finding's share is of, by its service and the database that it shows; `None` if those are
    /// the statements of all traces.
    #[must_use]
    pub fn database<'a>(service: &'a str, shown: Option<&str>) -> Option<&'a str> {
        let name = service.strip_prefix("postgresql/")?;
        (shown == Some(name)).then_some(name)
    }

    /// Which share of the database's work its hours are, 0 to 1; `None` where they are several databases', or some of them are
    /// no work.
    #[must_use]
    pub fn share_of_hours(&self) -> Option<f64> {
        (self.whole == Whole::One && 0.0 < self.database_share).then_some(self.database_share)
    }
}

impl From<&Impact> for Waste {
    fn from(impact: &Impact) -> Self {
        Self {
            user_hours_per_day: impact.user_hours_per_day,
            database_hours_per_day: impact.database_hours_per_day,
            database_share: impact.database_share,
            worker_share: impact.worker_share,
            whole: Whole::One,
        }
    }
}

impl Outcome {
    /// What all findings waste together, at least.
    #[must_use]
    pub fn waste(&self) -> Waste {
        let waste = |one: &Finding| Waste::from(&one.impact);
        Waste::of(self.findings.iter().map(|one| (&one.operation, database(one), waste(one))))
    }
}

fn database(finding: &Finding) -> Option<&str> {
    let shown = finding.evidence.database.as_ref().map(|shown| shown.database.as_str());
    Waste::database(&finding.operation.service, shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(wastes: &[(Option<&str>, f64)]) -> Waste {
        Waste::of(wastes.iter().enumerate().map(|(place, (database, share))| {
            let waste =
                Waste { database_hours_per_day: 1.0, database_share: *share, ..Waste::default() };
            (place, *database, waste)
        }))
    }

    #[test]
    fn shares_of_several_databases_make_no_share_together() {
        let told = |wastes: &[(Option<&str>, f64)]| whole(wastes).share_of_hours();
        assert_eq!(told(&[(Some("shop"), 0.5), (Some("shop"), 0.25)]), Some(0.75));
        assert_eq!(told(&[(None, 0.5), (None, 0.25)]), Some(0.75));
        assert_eq!(told(&[(Some("shop"), 0.5), (Some("crm"), 0.25)]), None);
        assert_eq!(told(&[(None, 0.5), (Some("shop"), 0.25)]), None);
        assert_eq!(whole(&[(None, 0.5), (Some("shop"), 0.25)]).whole, Whole::Several);
        assert_eq!(told(&[]), None);
    }

    #[test]
    fn hours_that_are_no_work_are_in_no_share() {
        // Sessions that wait have hours, and no share.
        let waits = whole(&[(Some("shop"), 0.5), (Some("shop"), 0.0)]);
        assert_eq!((waits.whole, waits.share_of_hours()), (Whole::Part, None));
        assert_eq!(whole(&[(None, 0.0)]).whole, Whole::Part);
        assert_eq!(whole(&[]).whole, Whole::One);
    }

    #[test]
    fn a_finding_is_of_the_database_that_it_shows() {
        assert_eq!(Waste::database("postgresql/shop", Some("shop")), Some("shop"));
        assert_eq!(Waste::database("postgresql/shop", None), None);
        assert_eq!(Waste::database("shop", Some("shop")), None);
    }
}
