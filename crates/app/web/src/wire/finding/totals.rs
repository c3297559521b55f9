//! What findings cost together.

use serde::Serialize;
use utoipa::ToSchema;

use super::Finding;

/// What findings cost together.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Totals {
    /// How many.
    pub findings: usize,
    /// Time that users wait in vain, in hours a day.
    pub user_hours_per_day: f64,
    /// Time that databases work in vain, in hours a day.
    pub database_hours_per_day: f64,
    /// Share of the work of the database, 0 to 1; none where it is about several databases, or sessions wait, which is
    /// no work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database_share: Option<f64>,
}

impl Totals {
    /// What they waste at least: findings of one operation may be about the same milliseconds.
    #[must_use]
    pub fn of(findings: &[Finding]) -> Self {
        let waste = find::Waste::of(findings.iter().map(|one| {
            let impact = &one.impact;
            let waste = find::Waste {
                user_hours_per_day: impact.user_hours_per_day,
                database_hours_per_day: impact.database_hours_per_day,
                database_share: impact.database_share,
                worker_share: impact.worker_share,
            };
            ((&one.service, &one.operation), waste)
        }));
        let costly = findings.iter().filter(|one| 0.0 < one.impact.database_hours_per_day);
        let shares = costly.map(|one| (database(one), one.impact.database_share));
        Self {
            findings: findings.len(),
            user_hours_per_day: waste.user_hours_per_day,
            database_hours_per_day: waste.database_hours_per_day,
            database_share: of_one(shares).then_some(waste.database_share),
        }
    }
}

/// The database whose statements a finding's share is of; `None` if those are the statements of all traces.
fn database(finding: &Finding) -> Option<&str> {
    let name = finding.service.strip_prefix("postgresql/")?;
    let evidence = finding.evidence.database.as_ref()?;
    (evidence.database == name).then_some(name)
}

/// Whether these are shares of one whole, and all of them are known.
fn of_one<'a>(mut shares: impl Iterator<Item = (Option<&'a str>, f64)>) -> bool {
    let Some((whole, first)) = shares.next() else { return false };
    0.0 < first && shares.all(|(other, share)| other == whole && 0.0 < share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_of_several_databases_make_no_share_together() {
        let is_one = |shares: &[(Option<&str>, f64)]| of_one(shares.iter().copied());
        assert!(is_one(&[(Some("shop"), 0.4), (Some("shop"), 0.1)]));
        assert!(is_one(&[(None, 0.4), (None, 0.1)]));
        assert!(!is_one(&[(Some("shop"), 0.4), (Some("crm"), 0.1)]));
        assert!(!is_one(&[(None, 0.4), (Some("shop"), 0.1)]));
        // Sessions that wait have hours, and no share.
        assert!(!is_one(&[(Some("shop"), 0.4), (Some("shop"), 0.0)]));
        assert!(!is_one(&[]));
    }
}
