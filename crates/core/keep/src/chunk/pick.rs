//! Some rows of a chunk as a chunk of their own.

use crate::{
    chunk::{AttributeColumn, AttributeKind, Chunk, Column},
    texts::small,
};

impl Chunk {
    /// The rows at these places, ascending, with nothing of the others.
    #[must_use]
    pub fn pick(&self, rows: &[u32]) -> Self {
        let mut picked = Self::new(self.table());
        for (place, column) in self.columns.iter().enumerate() {
            let column = match column {
                Column::Text(numbers) => {
                    let text = |row: &u32| picked.text(self.texts().get(numbers[*row as usize]));
                    Column::Text(rows.iter().map(text).collect())
                }
                Column::Whole(values) => Column::Whole(at(values, rows)),
                Column::Number(values) => Column::Number(at(values, rows)),
                Column::Id16(values) => Column::Id16(at(values, rows)),
                Column::Id8(values) => Column::Id8(at(values, rows)),
            };
            picked.put_column(place, column);
        }
        for column in &self.attributes {
            if let Some(column) = self.pick_attribute(column, rows, &mut picked) {
                picked.put_attribute(column);
            }
        }
        picked.put_rows(rows.len());
        picked
    }

    /// Values of an attribute; `None` if none of the rows has it.
    fn pick_attribute(
        &self,
        column: &AttributeColumn,
        rows: &[u32],
        picked: &mut Self,
    ) -> Option<AttributeColumn> {
        let mut own =
            AttributeColumn { key: 0, kind: column.kind, rows: Vec::new(), values: Vec::new() };
        for (place, row) in rows.iter().enumerate() {
            let Ok(at) = column.rows.binary_search(row) else { continue };
            let bits = column.values[at];
            let value = match column.kind {
                AttributeKind::Text | AttributeKind::Json => {
                    let number = u32::try_from(bits).unwrap_or(0);
                    u64::from(picked.text(self.texts().get(number)))
                }
                AttributeKind::Int | AttributeKind::Double | AttributeKind::Bool => bits,
            };
            own.rows.push(small(place));
            own.values.push(value);
        }
        if own.rows.is_empty() {
            return None;
        }
        own.key = picked.text(self.texts().get(column.key));
        Some(own)
    }
}

fn at<T: Copy>(values: &[T], rows: &[u32]) -> Vec<T> {
    rows.iter().map(|row| values[*row as usize]).collect()
}
