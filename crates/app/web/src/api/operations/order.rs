//! By what operations and requests are sorted.

use model::Window;
use serde::Deserialize;
use store::Operation;
use utoipa::ToSchema;

use crate::summary;

/// What operations are sorted by, largest first.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum OperationOrder {
    /// Time of all requests.
    #[default]
    Share,
    /// Requests a second.
    Rate,
    /// Median of the durations.
    P50,
    /// 75th percentile.
    P75,
    /// 90th percentile.
    P90,
    /// 95th percentile.
    P95,
    /// 99th percentile.
    P99,
    /// 99.9th percentile.
    P999,
    /// Share of the requests that failed.
    Errors,
    /// Database statements of a request.
    Queries,
}

impl OperationOrder {
    #[expect(clippy::cast_precision_loss, reason = "only the order counts")]
    pub(super) fn of(self, one: &Operation, window: Window) -> f64 {
        let quantile = |q: f64| one.durations.quantile(q).unwrap_or_default() as f64;
        let each = |sum: u64| sum as f64 / one.count.max(1) as f64;
        match self {
            Self::Share => one.total.as_secs_f64(),
            Self::Rate => summary::rate(one, window),
            Self::P50 => quantile(0.5),
            Self::P75 => quantile(0.75),
            Self::P90 => quantile(0.9),
            Self::P95 => quantile(0.95),
            Self::P99 => quantile(0.99),
            Self::P999 => quantile(0.999),
            Self::Errors => each(one.failed),
            Self::Queries => each(one.statements),
        }
    }
}

/// Which requests come first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum RequestOrder {
    /// The slowest.
    #[default]
    Slowest,
    /// Those that began last.
    Latest,
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use model::{Moment, OperationKey};

    use super::*;

    fn operation(name: &str, millis: u64, count: u64, failed: u64) -> Operation {
        let each = millis * 1_000_000;
        let seen = Window { from: Moment { nanos: 0 }, to: Moment { nanos: 10_000_000_000 } };
        Operation {
            key: OperationKey { service: "shop".into(), operation: name.into() },
            count,
            failed,
            durations: (0..count).map(|_| each).collect(),
            total: Duration::from_nanos(each * count),
            statements: 0,
            breakdown: store::Breakdown::default(),
            seen,
        }
    }

    #[test]
    fn each_order_has_its_own_first() {
        let all = [
            operation("busy", 10, 900, 0),
            operation("slow", 2_000, 3, 0),
            operation("failing", 1, 5, 5),
        ];
        let window = Window { from: Moment { nanos: 0 }, to: Moment { nanos: 60_000_000_000 } };
        let first = |order: OperationOrder| {
            let most = all
                .iter()
                .max_by(|left, right| order.of(left, window).total_cmp(&order.of(right, window)));
            most.map(|one| one.key.operation.to_string()).unwrap_or_default()
        };
        assert_eq!(first(OperationOrder::Share), "busy");
        assert_eq!(first(OperationOrder::Rate), "busy");
        assert_eq!(first(OperationOrder::P999), "slow");
        assert_eq!(first(OperationOrder::Errors), "failing");
    }
}
