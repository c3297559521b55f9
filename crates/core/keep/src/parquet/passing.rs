//! Rows that pass, first by the columns that decide it: where few do, of the other columns only their values are
//! unpacked, and pages without any are skipped.

use std::ops::Range;

use model::{Text, Window};

use super::{Block, BlockError, Wanted, parquet_file::ChunkReader};
use crate::{
    chunk::Chunk,
    query::{Filter, passing, reads_of},
};

/// Where more than one in so many rows pass, all rows are read: to pick most of them costs more than it saves.
const MOST: usize = 2;

/// Columns and attributes.
type Fields = (Vec<usize>, Vec<Text>);

impl<R: ChunkReader + 'static> Block<R> {
    /// Rows of a group: all that are within the window and pass the filter, and maybe others.
    ///
    /// # Errors
    ///
    /// A page is damaged.
    pub fn read_passing(
        &self,
        group: usize,
        wanted: Wanted<'_>,
        window: Window,
        filter: &Filter,
    ) -> Result<Chunk, BlockError> {
        let Some((columns, attributes)) = self.deciding(group, wanted, window, filter) else {
            return self.read(group, wanted);
        };
        let attributes: Vec<&str> = attributes.iter().map(Text::as_str).collect();
        let deciding =
            Wanted { columns: Some(&columns), attributes: Some(&attributes), rows: None };
        let deciding = self.read(group, deciding)?;
        let rows = passing(&deciding, window, filter);
        if deciding.rows() / MOST < rows.len() {
            return self.read(group, wanted);
        }
        self.read(group, Wanted { rows: Some(&rows), ..wanted })
    }

    /// Where in the file lies what [`Block::read_passing`] reads in any case, in order.
    #[must_use]
    pub fn ranges_passing(
        &self,
        group: usize,
        wanted: Wanted<'_>,
        window: Window,
        filter: &Filter,
    ) -> Vec<Range<u64>> {
        let Some((columns, attributes)) = self.deciding(group, wanted, window, filter) else {
            return self.ranges(group, wanted);
        };
        let attributes: Vec<&str> = attributes.iter().map(Text::as_str).collect();
        self.ranges(
            group,
            Wanted { columns: Some(&columns), attributes: Some(&attributes), rows: None },
        )
    }

    /// What is read first to decide which rows pass; `None` if all that is wanted is read at once.
    fn deciding(
        &self,
        group: usize,
        wanted: Wanted<'_>,
        window: Window,
        filter: &Filter,
    ) -> Option<Fields> {
        let (columns, attributes) = reads_of(self.table(), filter);
        let has_more = wanted.columns.is_none_or(|it| columns.len() < it.len())
            || wanted.attributes.is_none_or(|it| attributes.len() < it.len());
        let is_within = self.groups().get(group).is_some_and(|head| {
            let (first, last) = head.times;
            window.from.nanos <= first && last < window.to.nanos
        });
        let is_all = is_within && *filter == Filter::All;
        (has_more && !is_all).then_some((columns, attributes))
    }
}
