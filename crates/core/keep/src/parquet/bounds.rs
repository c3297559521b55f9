//! Between what the numbers of a page are, as the file's index says: who looks for the greatest need not read the others.

use model::Window;
use parquet::file::page_index::column_index::ColumnIndexMetaData;

use super::{Block, parquet_file::ChunkReader};
use crate::{query::Filter, texts::small};

/// Rows of a group that lie together, and between what their numbers are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// The first of them.
    pub from: u32,
    /// The first row after them.
    pub to: u32,
    /// No number is less.
    pub least: i64,
    /// No number is greater.
    pub most: i64,
}

impl Bounds {
    /// Whether one of the numbers may be from the first to the second.
    #[must_use]
    pub fn may_be_within(&self, (from, to): (i64, i64)) -> bool {
        self.least <= to && from <= self.most
    }

    /// Whether they have a row in common.
    #[must_use]
    pub fn meets(&self, other: &Self) -> bool {
        self.from < other.to && other.from < self.to
    }
}

impl<R: ChunkReader + 'static> Block<R> {
    /// Rows of a group that may pass, by the pages of the column of whole numbers at a place, as [`Block::bounds`] tells them.
    #[must_use]
    pub fn bounds_within(
        &self,
        group: usize,
        place: usize,
        window: Window,
        filter: &Filter,
    ) -> Vec<Bounds> {
        let nanos = |nanos: u64| i64::try_from(nanos).unwrap_or(i64::MAX);
        let mut bounds = self.bounds(group, place);
        let of_time = (self.table().time, (nanos(window.from.nanos), nanos(window.to.nanos)));
        let columns = 0..self.table().columns.len();
        let of_filter = columns.filter_map(|own| Some((own, filter.within(own)?)));
        for (own, range) in of_filter.chain([of_time]) {
            let mut pages = self.bounds(group, own);
            pages.retain(|page| page.may_be_within(range));
            bounds.retain(|rows| pages.iter().any(|page| page.meets(rows)));
        }
        bounds
    }

    /// Rows of a group by the pages of the column of whole numbers at a place of the table, in order; all of them in one,
    /// with any number, where the file does not say.
    #[must_use]
    pub fn bounds(&self, group: usize, place: usize) -> Vec<Bounds> {
        let rows = small(self.groups().get(group).map_or(0, |group| group.rows));
        self.told_bounds(group, place, rows)
            .unwrap_or_else(|| vec![Bounds { from: 0, to: rows, least: i64::MIN, most: i64::MAX }])
    }

    fn told_bounds(&self, group: usize, place: usize, rows: u32) -> Option<Vec<Bounds>> {
        let column = (*self.known.columns.get(place)?)?;
        let pages = self.metadata.page_index_for_row_group(group);
        let ColumnIndexMetaData::INT64(numbers) = pages.column_index(column)? else { return None };
        let mut begins: Vec<u32> = Vec::new();
        for page in pages.page_locations(column)? {
            begins.push(u32::try_from(page.first_row_index).ok()?);
        }
        let (least, most) = (numbers.min_values(), numbers.max_values());
        if least.len() != begins.len() || most.len() != begins.len() || !are_pages(&begins, rows) {
            return None;
        }
        let ends = begins.iter().skip(1).copied().chain([rows]);
        let bounds = begins.iter().zip(ends).zip(least.iter().zip(most));
        Some(
            bounds
                // Numbers beyond 2^63 - 1 are kept as such below 0, and compared as the greatest there are.
                .map(|((from, to), (least, most))| {
                    let (least, most) =
                        if *least < 0 { (i64::MIN, i64::MAX) } else { (*least, *most) };
                    Bounds { from: *from, to, least, most }
                })
                .collect(),
        )
    }
}

/// Whether pages that begin at these rows are a group of so many, none of them empty: an index may say anything, and who reads by it makes
/// room for as many rows as it says.
fn are_pages(begins: &[u32], rows: u32) -> bool {
    begins.first() == Some(&0)
        && begins.windows(2).all(|pair| pair[0] < pair[1])
        && begins.last().is_some_and(|last| *last < rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_that_cannot_be_is_none() {
        assert!(are_pages(&[0], 1) && are_pages(&[0, 4, 8], 9));
        let wrong: [(&[u32], u32); 7] = [
            (&[], 9),
            (&[1, 4], 9),
            (&[0, 4, 4], 9),
            (&[0, 8, 4], 9),
            (&[0, 4_000_000_000], 9),
            (&[0, 9], 9),
            (&[0], 0),
        ];
        for (begins, rows) in wrong {
            assert!(!are_pages(begins, rows), "{begins:?} of {rows}");
        }
    }
}
