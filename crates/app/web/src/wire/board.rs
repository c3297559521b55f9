//! Before and after for people who decide, on the wire.

use engine::board::{self, Figure, Row, Spent};
use serde::Serialize;
use store::ledger::{Remedy, State};
use utoipa::ToSchema;

use super::{Window, micros};

/// Operations in two windows, what all requests took, and what the findings that are open still cost.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Board {
    /// What is known of the window before: all of it, or the end of it, for the store keeps only so many requests.
    pub before: Window,
    /// What is known of the window after.
    pub after: Window,
    /// Whether these are shorter than what was asked for.
    pub cut: bool,
    /// What all requests of the window before took.
    pub spent_before: BoardSpent,
    /// What all requests of the window after took.
    pub spent_after: BoardSpent,
    /// What of the prices that are set the same requests take; absent while no price is set, or where a window has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub money: Option<BoardMoney>,
    /// Operations that both windows have, those first that took the most time before; at most 20.
    pub rows: Vec<BoardRow>,
    /// What the findings that are open cost.
    pub open: BoardOpen,
    /// How many remedies stand where, in all of the ledger.
    pub remedies: BoardRemedies,
}

/// What of the prices that are set as many requests as before take.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
pub struct BoardMoney {
    /// A month, before: all that is paid.
    pub before: f64,
    /// A month, after: of each price the share that a request takes now of what it took before.
    pub after: f64,
}

impl From<(f64, f64)> for BoardMoney {
    fn from((before, after): (f64, f64)) -> Self {
        Self { before, after }
    }
}

/// How many remedies stand where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, ToSchema)]
pub struct BoardRemedies {
    /// Measured, and better.
    pub proven: usize,
    /// Applied, and not proven yet.
    pub applied: usize,
    /// Taken back.
    pub reverted: usize,
    /// Could not be applied, or not be taken back.
    pub failed: usize,
}

impl BoardRemedies {
    pub(crate) fn of(remedies: &[Remedy]) -> Self {
        let count = |state| remedies.iter().filter(|remedy| remedy.state == state).count();
        Self {
            proven: count(State::Proven),
            applied: count(State::Applied),
            reverted: count(State::Reverted),
            failed: count(State::Failed),
        }
    }
}

/// What all requests of a window took.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
pub struct BoardSpent {
    /// Requests.
    pub requests: u64,
    /// Of them, failed.
    pub failed: u64,
    /// Database statements of them.
    pub statements: u64,
    /// How long they took, added up.
    pub users_micros: f64,
    /// How long of it they waited for databases.
    pub database_micros: f64,
}

/// What open findings cost.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct BoardOpen {
    /// Time that users wait in vain, in hours a day.
    pub user_hours_per_day: f64,
    /// Time that databases work in vain, in hours a day.
    pub database_hours_per_day: f64,
    /// Money a month; absent while no price is set, or where they are about several databases, of whose price nobody knows
    /// the parts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub money_per_month: Option<f64>,
    /// Three letters (ISO 4217).
    pub currency: String,
}

/// A measure of one operation in both windows.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct BoardRow {
    /// `service.name`.
    pub service: String,
    /// Such as `GET /api/orders/`.
    pub operation: String,
    /// `p95`, `queries per request`.
    pub name: String,
    /// What it counts.
    pub unit: BoardUnit,
    /// Before.
    pub before: BoardFigure,
    /// After.
    pub after: BoardFigure,
    /// Whether the intervals of both lie apart; absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sure: Option<bool>,
}

/// What a figure counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum BoardUnit {
    /// Microseconds.
    Micros,
    /// Things.
    Count,
    /// Parts of a whole, 0 to 1.
    Share,
}

/// A figure with what it stands on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
pub struct BoardFigure {
    /// How much.
    pub value: f64,
    /// The lower end of its 95 % interval; absent where there are too few requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub low: Option<f64>,
    /// The upper end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub high: Option<f64>,
    /// Requests that it is of.
    pub requests: u64,
}

impl From<Spent> for BoardSpent {
    fn from(spent: Spent) -> Self {
        Self {
            requests: spent.requests,
            failed: spent.failed,
            statements: spent.statements,
            users_micros: micros(spent.users),
            database_micros: micros(spent.database),
        }
    }
}

impl From<&Row> for BoardRow {
    fn from(row: &Row) -> Self {
        let (unit, scale) = match row.unit {
            board::Unit::Nanos => (BoardUnit::Micros, 1e-3),
            board::Unit::Count => (BoardUnit::Count, 1.0),
            board::Unit::Share => (BoardUnit::Share, 1.0),
        };
        let figure = |figure: &Figure| BoardFigure {
            value: figure.value * scale,
            low: figure.interval.map(|interval| interval.low * scale),
            high: figure.interval.map(|interval| interval.high * scale),
            requests: figure.requests,
        };
        let both = row.before.interval.and(row.after.interval);
        Self {
            service: row.key.service.to_string(),
            operation: row.key.operation.to_string(),
            name: row.name.to_owned(),
            unit,
            before: figure(&row.before),
            after: figure(&row.after),
            sure: both.map(|_known| row.is_sure()),
        }
    }
}
