//! The values of one row of a chunk.

use model::{Attributes, SpanId, Text, TraceId, Value};

use crate::{
    chunk::{Chunk, Column},
    texts::small,
};

/// Reads rows of a chunk that has all columns.
pub(crate) struct Reader<'a> {
    pub(crate) chunk: &'a Chunk,
}

impl Reader<'_> {
    pub(crate) fn attributes(&self, row: usize) -> Attributes {
        let row = small(row);
        let texts = self.chunk.texts();
        let mut attributes: Vec<(Text, Value)> = Vec::new();
        for column in self.chunk.attributes() {
            let Ok(at) = column.rows.binary_search(&row) else { continue };
            let value = column.kind.value(column.values[at], texts);
            attributes.push((texts.get(column.key).into(), value));
        }
        Attributes(attributes)
    }

    pub(crate) fn number(&self, place: usize, row: usize) -> u32 {
        match self.chunk.column(place) {
            Column::Text(values) => values[row],
            _ => 0,
        }
    }

    pub(crate) fn text(&self, place: usize, row: usize) -> &str {
        self.chunk.texts().get(self.number(place, row))
    }

    pub(crate) fn whole(&self, place: usize, row: usize) -> u64 {
        match self.chunk.column(place) {
            Column::Whole(values) => values[row],
            _ => 0,
        }
    }

    pub(crate) fn id16(&self, place: usize, row: usize) -> [u8; 16] {
        match self.chunk.column(place) {
            Column::Id16(values) => values[row],
            _ => [0; 16],
        }
    }

    pub(crate) fn id8(&self, place: usize, row: usize) -> [u8; 8] {
        match self.chunk.column(place) {
            Column::Id8(values) => values[row],
            _ => [0; 8],
        }
    }

    /// A number of a column of such; NaN where it is none.
    pub(crate) fn double(&self, place: usize, row: usize) -> f64 {
        match self.chunk.column(place) {
            Column::Number(values) => values[row],
            _ => f64::NAN,
        }
    }

    /// A number of a column of whole ones, within 32 bits.
    pub(crate) fn whole32(&self, place: usize, row: usize) -> u32 {
        u32::try_from(self.whole(place, row)).unwrap_or(u32::MAX)
    }

    pub(crate) fn trace_id(&self, place: usize, row: usize) -> Option<TraceId> {
        Some(TraceId(self.id16(place, row))).filter(|id| !id.is_zero())
    }

    pub(crate) fn span_id(&self, place: usize, row: usize) -> Option<SpanId> {
        Some(SpanId(self.id8(place, row))).filter(|id| !id.is_zero())
    }
}
