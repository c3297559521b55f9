//! Which rows of a chunk pass.

use model::Window;

use super::{
    Filter,
    fields::{FieldNumbers, FieldTexts},
};
use crate::chunk::{Chunk, Column};

/// Rows whose time is within the window and that pass the filter, ascending.
pub(super) fn rows(chunk: &Chunk, window: Window, filter: &Filter) -> Vec<u32> {
    let mut passes = passes(chunk, filter);
    if let Column::Whole(times) = chunk.column(chunk.table().time) {
        for (passes, time) in passes.iter_mut().zip(times) {
            *passes &= window.from.nanos <= *time && *time < window.to.nanos;
        }
    }
    let rows = (0_u32..).zip(passes).filter(|(_, passes)| *passes);
    rows.map(|(row, _)| row).collect()
}

/// For each row, whether it passes the filter.
pub(super) fn passes(chunk: &Chunk, filter: &Filter) -> Vec<bool> {
    match filter {
        Filter::All => vec![true; chunk.rows()],
        Filter::Is(field, values) => by_text(chunk, field, |text| {
            !text.is_empty() && values.iter().any(|value| value == text)
        }),
        Filter::Contains(field, part) => {
            by_text(chunk, field, |text| !text.is_empty() && text.contains(part.as_str()))
        }
        Filter::Has(field) => by_text(chunk, field, |text| !text.is_empty()),
        Filter::Between(field, least, below) => {
            let numbers = FieldNumbers::of(chunk, field).numbers;
            let is_between =
                |number: Option<i64>| number.is_some_and(|it| *least <= it && it < *below);
            numbers.into_iter().map(is_between).collect()
        }
        Filter::Not(filter) => passes(chunk, filter).into_iter().map(|passes| !passes).collect(),
        Filter::And(filters) => {
            let mut all = vec![true; chunk.rows()];
            for filter in filters {
                for (all, one) in all.iter_mut().zip(passes(chunk, filter)) {
                    *all &= one;
                }
            }
            all
        }
        Filter::Or(filters) => {
            let mut any = vec![false; chunk.rows()];
            for filter in filters {
                for (any, one) in any.iter_mut().zip(passes(chunk, filter)) {
                    *any |= one;
                }
            }
            any
        }
    }
}

/// Each distinct text is looked at once, and only when a row has it.
fn by_text(chunk: &Chunk, field: &super::Field, passes: impl Fn(&str) -> bool) -> Vec<bool> {
    let texts = FieldTexts::of(chunk, field);
    let mut known: Vec<Option<bool>> = vec![None; texts.bound()];
    let mut of = |number: u32| match known.get_mut(number as usize) {
        Some(known) => *known.get_or_insert_with(|| passes(texts.text(number))),
        None => false,
    };
    texts.numbers.iter().map(|number| of(*number)).collect()
}
