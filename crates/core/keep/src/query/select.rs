//! Which rows of a chunk pass.

use model::{Text, Window};

use super::{
    Field, Filter,
    fields::{FieldNumbers, FieldTexts},
};
use crate::chunk::{Chunk, Column};

/// Rows whose time is within the window and that pass the filter, ascending.
pub(crate) fn rows(chunk: &Chunk, window: Window, filter: &Filter) -> Vec<u32> {
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
        Filter::Is(Field::Column(place), values)
            if matches!(chunk.column(*place), Column::Id16(_) | Column::Id8(_)) =>
        {
            by_id(chunk.column(*place), values)
        }
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

/// Ids are compared as they are: to write each of a hundred thousand as text would take most of the time.
fn by_id(column: &Column, values: &[Text]) -> Vec<bool> {
    fn any<const N: usize>(ids: &[[u8; N]], values: &[Text]) -> Vec<bool> {
        let wanted: Vec<[u8; N]> = values.iter().filter_map(|value| id(value)).collect();
        ids.iter().map(|id| *id != [0; N] && wanted.contains(id)).collect()
    }
    match column {
        Column::Id16(ids) => any(ids, values),
        Column::Id8(ids) => any(ids, values),
        column => vec![false; column.len()],
    }
}

/// The id that is written as lower-case hexadecimal digits, all of them; `None` if the text is no such id.
#[must_use]
pub fn id<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digit = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if pairs.len() != N || !rest.is_empty() {
        return None;
    }
    let mut id = [0; N];
    for (byte, [high, low]) in id.iter_mut().zip(pairs) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(id)
}

/// Each distinct text is looked at once, and only when a row has it.
fn by_text(chunk: &Chunk, field: &Field, passes: impl Fn(&str) -> bool) -> Vec<bool> {
    let texts = FieldTexts::of(chunk, field);
    let mut known: Vec<Option<bool>> = vec![None; texts.bound()];
    let mut of = |number: u32| match known.get_mut(number as usize) {
        Some(known) => *known.get_or_insert_with(|| passes(texts.text(number))),
        None => false,
    };
    texts.numbers.iter().map(|number| of(*number)).collect()
}
