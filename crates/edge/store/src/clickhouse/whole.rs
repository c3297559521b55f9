//! Whole rows out of ClickHouse, segment by segment: for an export, and for what a restart looks at again.

use std::{ops::ControlFlow, time::Duration};

use keep::{Chunk, Table};
use model::{Moment, Window};

use super::{
    Bounds, ClickHouse,
    ask::{Here, names},
    binary::{self, Reader},
    quote,
    schema::{FOLDER, RECEIVED, ROW, SEGMENT},
    trouble::Trouble,
};
use crate::cold::Part;

/// A segment is read within this time.
const BOUNDS: Bounds = Bounds { time: Duration::from_mins(5), rows: u64::MAX };

impl ClickHouse {
    /// Gives the rows of a part of a table to `each`, a segment at a time, the one that was received first first; with
    /// when it was received. Rows of the segments `here` of this folder are left out.
    pub(crate) fn each_segment(
        &self,
        table: &'static Table,
        part: Part,
        here: &[u32],
        each: &mut dyn FnMut(Moment, &Chunk) -> ControlFlow<()>,
    ) -> Result<(), Trouble> {
        let thinned = self.thinned_of(table, BOUNDS)?;
        let condition = self.condition(table, part, self.here(here, &thinned));
        let from = self.schema.table(table.name);
        let sql = format!(
            "SELECT toString({FOLDER}) AS folder, {SEGMENT}, toUInt64(toUnixTimestamp(max({RECEIVED}))) AS received \
             FROM {from} WHERE {condition} GROUP BY folder, {SEGMENT} ORDER BY received, folder, {SEGMENT} \
             FORMAT RowBinary",
        );
        let reply = self.question(&sql, BOUNDS)?;
        let mut reader = Reader::new(&reply.body);
        while !reader.is_empty() {
            let mut read = || Ok((reader.text()?, reader.u32()?, reader.u64()?));
            let (folder, segment, received_secs) = self.told(read())?;
            let sql = format!(
                "SELECT {} FROM {from} WHERE {FOLDER} = {} AND {SEGMENT} = {segment} AND {condition} \
                 ORDER BY {ROW} FORMAT RowBinary",
                names(&binary::whole_columns(table)),
                quote::text(folder),
            );
            let rows = self.question(&sql, BOUNDS)?;
            let chunk = self.told(binary::read_rows(table, &rows.body))?;
            let received = Moment { nanos: received_secs.saturating_mul(1_000_000_000) };
            if each(received, &chunk).is_break() {
                return Ok(());
            }
        }
        Ok(())
    }

    fn condition(&self, table: &Table, part: Part, here: Here<'_>) -> String {
        let counted = here.counted(table);
        match part {
            Part::Within(Window { from, to }) => {
                let time = quote::name(table.columns[table.time].name);
                format!("{time} >= {} AND {time} < {}{counted}", from.nanos, to.nanos)
            }
            Part::ReceivedSince(since) => {
                let secs = (since.nanos / 1_000_000_000).min(u64::from(u32::MAX));
                let folder = quote::text(self.note.folder());
                format!("{FOLDER} = {folder} AND {RECEIVED} >= toDateTime({secs}, 'UTC'){counted}")
            }
        }
    }
}
