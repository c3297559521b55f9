//! Rows that pass, first by the columns that decide it: where few do, of the other columns only their values are
//! unpacked, and pages without any are skipped.

use model::{Text, Window};

use super::{Block, BlockError, Wanted, parquet_file::ChunkReader};
use crate::{
    chunk::Chunk,
    query::{Filter, passing, reads_of},
};

/// Where more than one in so many rows pass, all rows are read: to pick most of them costs more than it saves.
const MOST: usize = 2;

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
        let (columns, attributes) = reads_of(self.table(), filter);
        let attributes: Vec<&str> = attributes.iter().map(Text::as_str).collect();
        let has_more = wanted.columns.is_none_or(|it| columns.len() < it.len())
            || wanted.attributes.is_none_or(|it| attributes.len() < it.len());
        let is_within = self.groups().get(group).is_some_and(|head| {
            let (first, last) = head.times;
            window.from.nanos <= first && last < window.to.nanos
        });
        if !has_more || (is_within && *filter == Filter::All) {
            return self.read(group, wanted);
        }
        let deciding =
            Wanted { columns: Some(&columns), attributes: Some(&attributes), rows: None };
        let deciding = self.read(group, deciding)?;
        let rows = passing(&deciding, window, filter);
        if deciding.rows() / MOST < rows.len() {
            return self.read(group, wanted);
        }
        self.read(group, Wanted { rows: Some(&rows), ..wanted })
    }
}
