//! The rows whose number is greatest: the slowest spans, the latest logs.

use std::{cmp::Reverse, collections::BinaryHeap};

use model::{Text, Window};

use super::{Field, Filter, fields::FieldNumbers, reads, select};
use crate::{
    chunk::{Chunk, Column},
    table::Table,
};

/// Which rows are wanted.
#[derive(Debug, Clone)]
pub struct Top {
    /// Of which table.
    pub table: &'static Table,
    /// Rows whose time is within.
    pub window: Window,
    /// Of those, the ones that pass.
    pub filter: Filter,
    /// The whole number that they are ranked by, greatest first; rows without one come last.
    pub by: Field,
    /// How many.
    pub limit: usize,
}

/// A row by its rank: greater numbers first; of two as great, the earlier; then by place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ranked<P> {
    number: Reverse<Option<i64>>,
    time: u64,
    /// Where the row is.
    pub place: P,
}

impl<P> Ranked<P> {
    /// What it is ranked by.
    #[must_use]
    pub fn number(&self) -> Option<i64> {
        self.number.0
    }
}

impl Top {
    /// The columns and attributes that ranking takes.
    #[must_use]
    pub fn reads(&self) -> (Vec<usize>, Vec<Text>) {
        let mut fields = vec![&self.by];
        self.filter.fields(&mut fields);
        reads(self.table, &fields)
    }

    /// The rows of a chunk that may be among the wanted ones, in order; `place` says where a row is.
    pub fn of<P: Ord>(&self, chunk: &Chunk, place: impl Fn(u32) -> P) -> Vec<Ranked<P>> {
        let numbers = FieldNumbers::of(chunk, &self.by).numbers;
        let Column::Whole(times) = chunk.column(self.table.time) else { return Vec::new() };
        let mut heap = BinaryHeap::new();
        for row in select::rows(chunk, self.window, &self.filter) {
            let number = Reverse(numbers[row as usize]);
            let ranked = Ranked { number, time: times[row as usize], place: place(row) };
            if heap.len() < self.limit {
                heap.push(ranked);
            } else if let Some(mut last) = heap.peek_mut().filter(|last| ranked < **last) {
                *last = ranked;
            }
        }
        heap.into_sorted_vec()
    }

    /// The wanted rows, of those that chunks gave.
    #[must_use]
    pub fn merge<P: Ord>(&self, mut rows: Vec<Ranked<P>>) -> Vec<Ranked<P>> {
        rows.sort_unstable();
        rows.truncate(self.limit);
        rows
    }
}
