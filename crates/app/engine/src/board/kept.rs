//! Before and after of what a store keeps: operations in two windows, as far as requests are known.

use std::{collections::BTreeMap, time::Duration};

use config::Price;
use model::{Moment, OperationKey, Window};
use store::{Operation, Store, StoreError};

use super::{Figure, OPERATIONS_TOLD_MAX, Row, Unit, float};

/// What operations did within two windows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Kept {
    /// What of the window before is known: the store keeps only so many requests.
    pub before_known: Window,
    /// What of the window after is known.
    pub after_known: Window,
    /// Operations that both windows have, those first that took the most time before.
    pub rows: Vec<Row>,
    /// What all requests of the window before took.
    pub before: Spent,
    /// What all requests of the window after took.
    pub after: Spent,
}

/// What all requests of a window took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Spent {
    /// Requests.
    pub requests: u64,
    /// Of them, failed.
    pub failed: u64,
    /// Statements of them.
    pub statements: u64,
    /// How long they took, added up.
    pub users: Duration,
    /// How long of it they waited for databases.
    pub database: Duration,
}

impl Kept {
    /// What as many requests as before take a month of the prices that are set, before and after: before it is all that is
    /// paid; after, of the database's price and of the servers' the share that a request keeps each busy of what it did before.
    /// `None` while no price is set, or where one of the windows has no requests.
    #[must_use]
    pub fn money(&self, price: &Price) -> Option<(f64, f64)> {
        let (old, new) = (&self.before, &self.after);
        if old.requests == 0 || new.requests == 0 {
            return None;
        }
        let each = |time: Duration, of: &Spent| time.as_secs_f64() / float(of.requests);
        let parts = [
            (price.database_per_month, each(old.database, old), each(new.database, new)),
            (price.workers_per_month, each(old.users, old), each(new.users, new)),
        ];
        // Of what was not busy before no share can be told.
        let parts = parts.into_iter().filter(|(price, before, _)| 0.0 < *price && 0.0 < *before);
        let sums = parts.map(|(price, before, after)| (price, price * after / before));
        sums.reduce(|sum, part| (sum.0 + part.0, sum.1 + part.1))
    }
}

impl Spent {
    fn of(operations: &[Operation]) -> Self {
        let mut spent = Self::default();
        for operation in operations {
            spent.requests += operation.count;
            spent.failed += operation.failed;
            spent.statements += operation.statements;
            spent.users += operation.total;
            spent.database += operation.breakdown.database;
        }
        spent
    }
}

/// What operations did within two windows of a store.
///
/// # Errors
///
/// The store fails.
pub fn kept(store: &dyn Store, before: Window, after: Window) -> Result<Kept, StoreError> {
    let since = store.requests_since();
    let (before, after) = (known(before, since), known(after, since));
    let (old, new) = (store.operations(before)?, store.operations(after)?);
    Ok(Kept { before_known: before, after_known: after, ..compared(&old, &new) })
}

/// What of a window is known; nothing of one that is over by then.
fn known(window: Window, since: Option<Moment>) -> Window {
    let from = since.map_or(window.from, |since| since.clamp(window.from, window.to));
    Window { from, ..window }
}

fn compared(old: &[Operation], new: &[Operation]) -> Kept {
    let after: BTreeMap<&OperationKey, &Operation> = new.iter().map(|it| (&it.key, it)).collect();
    let mut common: Vec<(&Operation, &Operation)> =
        old.iter().filter_map(|it| Some((it, *after.get(&it.key)?))).collect();
    common.sort_by(|left, right| {
        right.0.total.cmp(&left.0.total).then_with(|| left.0.key.cmp(&right.0.key))
    });
    common.truncate(OPERATIONS_TOLD_MAX);
    let rows = common.into_iter().flat_map(|(before, after)| of(before, after)).collect();
    Kept { rows, before: Spent::of(old), after: Spent::of(new), ..Kept::default() }
}

fn of(before: &Operation, after: &Operation) -> Vec<Row> {
    let row = |name, unit, figure: &dyn Fn(&Operation) -> Option<Figure>| {
        let (before_figure, after_figure) = (figure(before)?, figure(after)?);
        Some(Row {
            key: before.key.clone(),
            name,
            unit,
            before: before_figure,
            after: after_figure,
        })
    };
    let time = |at: f64| {
        move |it: &Operation| {
            Some(Figure {
                value: float(it.durations.quantile(at)?),
                interval: it.durations.quantile_interval(at),
                requests: it.count,
            })
        }
    };
    let each = |part: f64, it: &Operation| Figure {
        value: if it.count == 0 { 0.0 } else { part / float(it.count) },
        interval: None,
        requests: it.count,
    };
    let rows = [
        row("p50", Unit::Nanos, &time(0.5)),
        row("p95", Unit::Nanos, &time(0.95)),
        row("queries per request", Unit::Count, &|it| Some(each(float(it.statements), it))),
        row("database time", Unit::Nanos, &|it| {
            Some(each(it.breakdown.database.as_secs_f64() * 1e9, it))
        }),
        row("failed", Unit::Share, &|it| Some(each(float(it.failed), it))),
    ];
    // What is nothing on both sides says nothing.
    let is_told = |row: &Row| 0.0 < row.before.value + row.after.value;
    rows.into_iter().flatten().filter(is_told).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use model::Moment;
    use store::Breakdown;

    use super::*;

    fn operation(name: &str, millis: u64, statements: u64) -> Operation {
        let took = Duration::from_millis(millis);
        let moment = Moment::default();
        Operation {
            key: OperationKey { service: Arc::from("shop"), operation: Arc::from(name) },
            count: 100,
            failed: 0,
            durations: (0..100).map(|place| (millis * 1_000 + place) * 1_000).collect(),
            total: took * 100,
            statements: statements * 100,
            breakdown: Breakdown { database: took * 50, ..Breakdown::default() },
            seen: Window { from: moment, to: moment },
        }
    }

    #[test]
    fn of_a_window_that_began_before_requests_are_known_the_rest_is_told() {
        let at = |nanos| Moment { nanos };
        let window = |from, to| Window { from: at(from), to: at(to) };
        assert_eq!(known(window(10, 20), None), window(10, 20));
        assert_eq!(known(window(10, 20), Some(at(3))), window(10, 20));
        assert_eq!(known(window(10, 20), Some(at(14))), window(14, 20));
        assert_eq!(known(window(10, 20), Some(at(33))), window(20, 20));
    }

    #[test]
    fn operations_of_both_windows_are_compared_the_costly_first() {
        let old =
            [operation("GET /a", 10, 2), operation("GET /b", 1_000, 384), operation("x", 1, 0)];
        let new = [operation("GET /a", 10, 2), operation("GET /b", 100, 3)];
        let kept = compared(&old, &new);
        let told: Vec<_> = kept.rows.iter().map(|row| (&*row.key.operation, row.name)).collect();
        let names = ["p50", "p95", "queries per request", "database time"];
        let expected: Vec<_> = ["GET /b", "GET /a"]
            .into_iter()
            .flat_map(|key| names.map(|name| (key, name)))
            .collect();
        assert_eq!(told, expected);
        assert!(kept.rows[0].is_sure() && kept.rows[1].is_sure(), "{:?}", kept.rows[0]);
        assert!(!kept.rows[4].is_sure(), "nothing changed");
        assert!((kept.rows[2].after.value - 3.0).abs() < 1e-9);
        assert_eq!((kept.before.requests, kept.after.requests), (300, 200));
        assert_eq!(kept.after.database, Duration::from_millis(5_500));
    }

    #[test]
    fn money_is_what_a_request_takes_of_what_is_paid() {
        let price = |database_per_month, workers_per_month| Price {
            currency: "GBP".to_owned(),
            database_per_month,
            workers_per_month,
        };
        let (slow, quick) = ([operation("x", 400, 9)], [operation("x", 100, 1)]);
        let told = compared(&slow, &quick).money(&price(4_000.0, 800.0)).unwrap();
        assert_eq!((told.0.round(), told.1.round()), (4_800.0, 1_200.0));
        // Half as many requests save nothing by themselves.
        let twice = [operation("x", 100, 1), operation("y", 100, 1)];
        let told = compared(&twice, &quick).money(&price(4_000.0, 0.0)).unwrap();
        assert!((told.0 - told.1).abs() < 1e-6, "{told:?}");
        assert_eq!(compared(&slow, &quick).money(&price(0.0, 0.0)), None);
        assert_eq!(compared(&slow, &[]).money(&price(4_000.0, 0.0)), None);
    }
}
