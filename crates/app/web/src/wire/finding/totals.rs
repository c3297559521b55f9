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
                whole: find::Whole::One,
            };
            let shown = one.evidence.database.as_ref().map(|shown| shown.database.as_str());
            let database = find::Waste::database(&one.service, shown);
            ((&one.service, &one.operation), database, waste)
        }));
        Self {
            findings: findings.len(),
            user_hours_per_day: waste.user_hours_per_day,
            database_hours_per_day: waste.database_hours_per_day,
            database_share: waste.share_of_hours(),
        }
    }
}
