//! Questions as people write them, over spans, log records and metrics: filter, group, measure, step.
//!
//! Texts become a [`Query`](store::keep::query::Query) or say which of them is wrong and what would be right; answers
//! of the store become tables of figures. Pages, API and terminal ask by the same words. `docs/asking.md` is their
//! grammar.

mod answer;
mod asked;
mod cells;
mod field;
mod filter;
mod measure;
mod token;

pub use answer::{Column, Row, Table, Unit};
pub use asked::{Asked, LIMIT_MAX, Question, STEPS_MAX};
pub use cells::{CellColumn, Cells, cells};
pub use field::{FieldKind, Named, fields_of, named, written};
pub use filter::{FILTER_BYTES_MAX, read_filter};

use store::{StoreError, keep};

/// A part of a question that is not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{parameter}`: {what}")]
pub struct Wrong {
    /// Which part: `where`.
    pub parameter: &'static str,
    /// What is wrong with it.
    pub what: String,
    /// What would be right.
    pub hint: String,
}

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// It is not understood.
    #[error(transparent)]
    Wrong(#[from] Wrong),
    /// The store fails.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Wrong {
    pub(crate) fn new(parameter: &'static str, what: impl Into<String>, hint: &str) -> Self {
        Self { parameter, what: what.into(), hint: hint.to_owned() }
    }
}

/// The table of that name; spans if there is none.
///
/// # Errors
///
/// Nothing is kept under that name.
pub fn table(name: Option<&str>) -> Result<&'static keep::Table, Wrong> {
    let name = name.unwrap_or(keep::SPANS.name);
    let known = keep::TABLES.iter().find(|table| table.name == name);
    known.copied().ok_or_else(|| {
        let names: Vec<&str> = keep::TABLES.iter().map(|table| table.name).collect();
        let known = names.join("`, `");
        Wrong::new("of", format!("nothing is kept as `{name}`"), &format!("it is one of `{known}`"))
    })
}
